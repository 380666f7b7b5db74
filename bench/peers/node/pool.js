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
  const count = 50000, start = now(), jobs = [];
  for (let i = 0; i < count; i++) jobs.push(job());
  await Promise.all(jobs);
  rate('pool-rate', start, count);
})();
