// A setTimeout of 1 ms, again and again.
'use strict';
const { now, percentiles } = require('./bench');

(async () => {
  const late = [];
  for (let i = 0; i < 300; i++) {
    const start = now();
    await new Promise((resolve) => setTimeout(resolve, 1));
    late.push(Math.max(0, Number(now() - start) - 1e6));
  }
  percentiles('sleep-late', late);
})();
