// order.js - the programs of order.txt on Node.js; prints "name output" for each that can be said here
'use strict';
const fs = require('fs');
const { spawnSync } = require('child_process');

function spin(ms) {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

function parse(text) {
  let at = 0;
  function block() {
    const all = [];
    while (at < text.length && text[at] !== ')') {
      const c = text[at++];
      if (c === ' ') continue;
      if (!/[A-Z]/.test(c)) { all.push({ kind: 'print', c }); continue; }
      const s = { kind: c, ms: 0 };
      const digits = /^\d+/.exec(text.slice(at));
      if (digits) { s.ms = Number(digits[0]); at += digits[0].length; }
      if (text[at] === ':' && PROMISES.includes(c)) {
        s.names = /^[A-Z]*/.exec(text.slice(at + 1))[0];
        at += 1 + s.names.length;
        if (text[at] === '>') { s.target = text[at + 1]; at += 2; }
      } else if (text[at] === ':') { s.name = text[at + 1]; at += 2; }
      if (text[at] === '(') { at++; s.body = block(); at++; }
      all.push(s);
    }
    return all;
  }
  return block();
}

const PROMISES = 'DYJLGXSHQW';
const COMBINATIONS = ['all', 'allSettled', 'race', 'any'];
const promised = {};
const deciders = {};
let answer;

// A handler: its body may answer a promise, or throw.
function handler(body) {
  return () => {
    answer = null;
    run(body);
    if (answer === PROMISES) throw new Error('thrown');
    return answer;
  };
}

function promise(s) {
  const [x, y] = s.names || '';
  const p = promised[x];
  switch (s.kind) {
    case 'D': promised[x] = new Promise((resolve, reject) => { deciders[x] = { resolve, reject }; }); return;
    case 'Y': deciders[x].resolve(); return;
    case 'J': deciders[x].reject(new Error('rejected')); return;
    case 'L': deciders[x].resolve(promised[y]); return;
    case 'G': answer = p; return;
    case 'X': answer = PROMISES; return;
    case 'S': s.made = Promise[COMBINATIONS[s.ms]]([...s.names].map((n) => promised[n])); break;
    case 'H': s.made = p.then(handler(s.body)); break;
    case 'Q': s.made = p.catch(handler(s.body)); break;
    default: s.made = p.finally(handler(s.body));
  }
  if (s.target) promised[s.target] = s.made;
}

const named = {};
let out = '';

// Node's 0 is 1 ms: what is to be due at the next look must have had the time.
function run(body) {
  let timed = false;
  for (const s of body) {
    const call = () => run(s.body);
    let made;
    if (PROMISES.includes(s.kind)) { promise(s); continue; }
    switch (s.kind) {
      case 'print': out += s.c; break;
      case 'T': made = setTimeout(call, s.ms); timed = timed || s.ms === 0; break;
      case 'V': made = setInterval(call, s.ms); break;
      case 'I': made = setImmediate(call); break;
      case 'N': process.nextTick(call); break;
      case 'M': Promise.resolve().then(call); break;
      case 'F': fs.stat('.', call); break;
      case 'C': named[s.name].close ? clearTimeout(named[s.name]) : clearImmediate(named[s.name]); break;
      case 'U': named[s.name].unref(); break;
      case 'R': named[s.name].ref(); break;
      default: throw new Error(`no ${s.kind} here`);
    }
    if (made && s.name) named[s.name] = made;
  }
  if (timed) spin(1.5);
}

if (process.argv[2] === '--one') {
  process.on('unhandledRejection', () => { out += '!'; });
  process.on('rejectionHandled', () => { out += '?'; });
  process.on('exit', () => process.stdout.write(out));
  run(parse(process.argv[3]));
} else {
  for (const line of fs.readFileSync(process.argv[2], 'utf8').split('\n')) {
    const row = /^(\w+): (.*) -> /.exec(line);
    if (!row || line.includes('| node none')) continue;
    const one = spawnSync(process.execPath, [__filename, '--one', row[2]], { encoding: 'utf8' });
    console.log(`${row[1]} ${one.stdout}${one.stderr}`);
  }
}
