// handles.js - the programs of handles.txt on Node.js; prints "name output" for each
'use strict';
const fs = require('fs');
const net = require('net');
const os = require('os');
const path = require('path');
const dgram = require('dgram');
const { spawn, spawnSync } = require('child_process');

let out = '';
function say(c) { out += c; }

function spin(ms) {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

// One of each queue and phase; Node's 0 is 1 ms, which must have passed when the timers are looked at.
function queues(which) {
  if (which.includes('n')) process.nextTick(say, 'n');
  if (which.includes('m')) queueMicrotask(() => say('m'));
  if (which.includes('i')) setImmediate(say, 'i');
  if (which.includes('t')) { setTimeout(say, 0, 't'); spin(1.5); }
}

// Two connected sockets, a and b, and the server they met at, which has closed.
function pair(options, then) {
  const place = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'rota-order-')), 's');
  let a, b;
  const both = () => { if (a && b) { server.close(); fs.rmdirSync(path.dirname(place)); a.on('error', () => {}); then(a, b); } };
  const server = net.createServer(options, (socket) => { b = socket; b.pause(); both(); });
  server.listen(place, () => {
    const socket = net.connect({ path: place, ...options }, () => { a = socket; both(); });
  });
}

const PROGRAMS = {
  close_after_immediates() {
    pair({}, (a, b) => {
      b.on('data', () => { say('d'); b.destroy(); queues('nmit'); });
      b.on('close', () => say('c'));
      b.resume();
      a.write('x');
    });
  },
  error_then_close() {
    const a = net.connect(1, '127.0.0.1');
    a.on('error', () => { say('r'); queues('nmit'); });
    a.on('close', () => say('c'));
  },
  end_then_close() {
    pair({}, (a, b) => {
      b.on('end', () => { say('e'); queues('nmi'); });
      b.on('close', () => say('c'));
      b.resume();
      a.end();
    });
  },
  a_sibling_closed_in_a_callback_hears_nothing() {
    pair({}, (a, b) => pair({}, (c, d) => {
      for (const s of [b, d]) {
        s.on('data', () => { say('d'); b.destroy(); d.destroy(); });
        s.on('close', () => say('c'));
        s.resume();
      }
      a.write('x');
      c.write('x');
    }));
  },
  closes_of_one_callback_in_their_order() {
    pair({}, (a, b) => {
      b.on('data', () => { say('d'); a.destroy(); b.destroy(); queues('ni'); });
      a.on('close', () => say('a'));
      b.on('close', () => say('b'));
      b.resume();
      a.write('x');
    });
  },
  the_listener_closes_while_its_connection_lives() {
    const server = net.createServer((b) => {
      say('l');
      server.close(() => say('c'));
      b.on('end', () => say('e'));
      b.resume();
      setImmediate(() => setImmediate(() => b.write('x')));
    });
    server.listen(0, '127.0.0.1', () => {
      const a = net.connect(server.address().port, '127.0.0.1');
      a.on('data', () => a.end());
    });
  },
  a_timeout_closes_a_connection_with_bytes_waiting() {
    pair({}, (a, b) => {
      b.on('data', () => say('d'));
      b.on('close', () => say('c'));
      b.resume();
      setImmediate(() => {
        a.write('x');
        setTimeout(() => { say('t'); b.destroy(); queues('nm'); }, 0);
        spin(1.5);
      });
    });
  },
  half_a_close_lets_the_answer_through() {
    pair({ allowHalfOpen: true }, (a, b) => {
      b.on('end', () => { say('e'); b.end('x'); });
      a.on('data', () => say('d'));
      a.on('end', () => say('e'));
      b.resume();
      a.end();
    });
  },
  a_write_is_told_after_the_queues() {
    pair({}, (a) => {
      a.write('x', () => { say('w'); });
      queues('nmi');
      setImmediate(() => a.destroy());
    });
  },
  a_child_that_ends_before_its_output() {
    const child = spawn('sh', ['-c', 'exec 3<&0; (read -r x <&3) & exit 3']);
    child.on('exit', () => say('x'));
    child.stdout.on('end', () => say('e'));
    child.stdout.resume();
    child.on('close', () => say('c'));
  },
  a_child_that_closes_its_output_first() {
    const child = spawn('sh', ['-c', 'exec >&-; read -r x'], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.on('exit', () => say('x'));
    child.stdout.on('end', () => { say('e'); child.stdin.end(); });
    child.stdout.resume();
    child.on('close', () => say('c'));
  },
  a_file_is_told_in_the_poll_phase() {
    fs.stat('/', () => { say('s'); queues('nmit'); });
  },
  a_datagram_and_the_close_in_its_callback() {
    const udp = dgram.createSocket('udp4');
    udp.on('message', () => { say('d'); udp.close(() => say('c')); queues('nmi'); });
    udp.bind(0, '127.0.0.1', () => udp.send('x', udp.address().port, '127.0.0.1'));
  },
};

if (process.argv[2] === '--one') {
  process.on('exit', () => process.stdout.write(out));
  PROGRAMS[process.argv[3]]();
} else {
  for (const name of Object.keys(PROGRAMS)) {
    const one = spawnSync(process.execPath, [__filename, '--one', name], { encoding: 'utf8' });
    console.log(`${name} ${one.stdout}${one.stderr}`);
  }
}
