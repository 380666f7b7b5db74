// A million async functions that wait for a promise each.
'use strict';
const { now, each, result, memoryBytes } = require('./bench');
const task = async (gate) => { await gate; };

(async () => {
  const count = 1e6, keep = [];
  const before = memoryBytes();
  const start = now();
  for (let i = 0; i < count; i++) {
    task(new Promise((resolve) => { keep.push(resolve); }));
  }
  await null;
  each('task-create', start, count);
  result('task-bytes', (memoryBytes() - before) / count);
})();
