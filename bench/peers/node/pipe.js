// net over a local socket: 64 KiB messages within one process, as fast as 'drain' lets them.
'use strict';
const fs = require('fs');
const net = require('net');
const os = require('os');
const path = require('path');
const { now, result } = require('./bench');
const bytes = 65536, message = Buffer.alloc(bytes);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-pipe-')), place = path.join(folder, 'socket');

// onread: into one buffer, which is the fastest way to read
function measure(server, count) {
  return new Promise((resolve) => {
    let left = count, received = 0;
    server.once('connection', (writer) => {
      const more = () => {
        while (left > 0 && writer.writable) if (left--, !writer.write(message)) break;
        if (left === 0) writer.end();
      };
      writer.on('drain', more);
      more();
    });
    net.connect({
      path: place,
      onread: { buffer: Buffer.alloc(bytes), callback: (n) => { received += n; return true; } },
    }).on('end', () => {
      if (received !== bytes * count) throw new Error(`${received} bytes`);
      resolve();
    });
  });
}

const server = net.createServer().listen(place, async () => {
  const count = 8192;
  await measure(server, 2048);
  const start = now();
  await measure(server, count);
  result('pipe-64k', bytes * count * 1e3 / Number(now() - start));
  server.close();
  fs.rmSync(folder, { recursive: true });
});
