// Chains of nextTick, queueMicrotask and setImmediate.
'use strict';
const { now, each, chain } = require('./bench');

async function measure(metric, queue, count) {
  await chain(queue, count / 10);
  const start = now();
  await chain(queue, count);
  each(metric, start, count);
}

(async () => {
  await measure('next-tick', process.nextTick, 3e6);
  await measure('microtask', (f) => { Promise.resolve().then(f); }, 3e6); // queueMicrotask: twice that
  await measure('immediate', setImmediate, 3e5);
  await measure('loop-turn', setImmediate, 3e5);
})();
