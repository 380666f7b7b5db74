// fs.read, 32 in flight on libuv's pool of four threads.
'use strict';
const fs = require('fs');
const { now, each, result } = require('./bench');
const bytes = 4096, blocks = 65536, atOnce = 32;
const fd = fs.openSync(process.env.BENCH_FILE);
let seed = 88172645463325252n;

function nextBlock() {
  seed = (seed * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
  return Number(seed >> 40n) % blocks;
}

// Drawn before the clock starts: BigInt is slow.
const wanted = Array.from({ length: 60000 }, nextBlock);

function measure(first, count) {
  return new Promise((resolve) => {
    let next = first, done = 0;
    const submit = (buffer) => {
      const block = wanted[next++];
      fs.read(fd, buffer, 0, bytes, block * bytes, (error, n) => {
        if (error || n !== bytes || buffer.readUInt32LE(0) !== block) throw error || new Error('the wrong block');
        if (++done === count) resolve();
        else if (next < first + count) submit(buffer);
      });
    };
    for (let i = 0; i < atOnce; i++) submit(Buffer.alloc(bytes));
  });
}

(async () => {
  const whole = Buffer.alloc(1 << 20);
  for (let at = 0; at < blocks * bytes; at += whole.length) fs.readSync(fd, whole, 0, whole.length, at);
  await measure(0, 10000);
  const start = now(), used = process.cpuUsage(), count = 50000;
  await measure(10000, count);
  each('file-read-4k', start, count);
  const { user, system } = process.cpuUsage(used);
  result('file-read-4k-cpu', (user + system) * 1e3 / count);
})();
