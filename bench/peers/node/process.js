// child_process.spawn of /bin/true: one after the other, and sixteen at once.
'use strict';
const { spawn } = require('child_process');
const { now, result } = require('./bench');
const ended = () => new Promise((resolve, reject) => {
  spawn('/bin/true', { stdio: 'inherit' }).on('error', reject)
    .on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`status ${code}`))));
});

async function measure(metric, atOnce, count) {
  const start = now();
  for (let left = count; left > 0; left -= atOnce) await Promise.all(Array.from({ length: atOnce }, ended));
  result(metric, Number(now() - start) / 1e3 / count);
}

(async () => {
  await measure('process-one', 1, 200);
  await measure('process-16', 16, 16 * 15);
})();
