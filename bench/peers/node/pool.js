// The cheapest job for libuv's pool that JavaScript can reach: fs.access of "/".
'use strict';
const fs = require('fs');
const { now, percentiles, rate } = require('./bench');
const job = () => new Promise((resolve) => fs.access('/', resolve));

(async () => {
  const times = [];
  for (let i = 0; i < 15000; i++) {
    const start = now();
    await job();
    if (i >= 5000) times.push(Number(now() - start));
  }
  percentiles('pool-roundtrip', times);
  const tasks = 1000, each = 50, start = now();
  const task = async () => { for (let i = 0; i < each; i++) await job(); };
  await Promise.all(Array.from({ length: tasks }, task));
  rate('pool-rate', start, tasks * each);
})();
