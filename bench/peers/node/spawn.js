// Calls of an async function, awaited one by one; a million, then Promise.all.
'use strict';
const { now, each } = require('./bench');
const task = async () => {};

async function oneAfterTheOther(count) {
  for (let i = 0; i < count; i++) await task();
}

async function allThenJoin(count) {
  const tasks = [];
  for (let i = 0; i < count; i++) tasks.push(task());
  await Promise.all(tasks);
}

(async () => {
  await oneAfterTheOther(1e6);
  let start = now();
  await oneAfterTheOther(3e6);
  each('spawn-join', start, 3e6);
  await allThenJoin(1e6);
  start = now();
  await allThenJoin(1e6);
  each('spawn-1m', start, 1e6);
})();
