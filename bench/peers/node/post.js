// Messages to a worker thread, which is how threads reach each other's loops here.
'use strict';
const { now, percentiles, rate } = require('./bench');
const { Worker } = require('worker_threads');
const count = 200000;
const worker = new Worker(`
  const { parentPort } = require('worker_threads');
  let counted = 0;
  parentPort.on('message', (m) => { if (m === 0 || ++counted === ${count}) parentPort.postMessage(m); });
`, { eval: true });
const answer = () => new Promise((resolve) => worker.once('message', resolve));

(async () => {
  const times = [];
  for (let i = 0; i < 8000; i++) {
    const start = now();
    worker.postMessage(0);
    await answer();
    if (i >= 5000) times.push(Number(now() - start));
  }
  percentiles('post-roundtrip', times);
  const start = now(), end = answer();
  for (let i = 0; i < count; i++) worker.postMessage(1);
  await end;
  rate('post-flood', start, count);
  await worker.terminate();
})();
