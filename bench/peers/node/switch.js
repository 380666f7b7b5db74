// Async functions that await nothing, in turn.
'use strict';
const { now, each } = require('./bench');

async function task(switches) {
  for (let i = 0; i < switches; i++) await null;
}

async function measure(metric, count, switches) {
  await task(1e5);
  const tasks = [];
  const start = now();
  for (let i = 0; i < count; i++) tasks.push(task(switches / count));
  await Promise.all(tasks);
  each(metric, start, switches);
}

(async () => {
  await measure('switch-2', 2, 5e6);
  await measure('switch-1k', 1000, 5e6);
  await measure('switch-100k', 100000, 2e6);
})();
