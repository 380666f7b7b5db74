// bench.js - what the programs share: the lines they print, the clock, memory.
'use strict';
const fs = require('fs');

const now = () => process.hrtime.bigint();
const result = (metric, value) => console.log(`${metric} ${Number(value).toPrecision(5)}`);
const each = (metric, start, count) => result(metric, Number(now() - start) / count);
const rate = (metric, start, count) => result(metric, count * 1e3 / Number(now() - start));

function percentiles(metric, ns) {
  ns.sort((a, b) => a - b);
  result(`${metric}-p50`, ns[Math.floor(ns.length * 0.5)] / 1e3);
  result(`${metric}-p99`, ns[Math.floor(ns.length * 0.99)] / 1e3);
  result(`${metric}-max`, ns[ns.length - 1] / 1e3);
}

// Resident memory and page tables.
function memoryBytes() {
  let sum = 0;
  for (const [, kb] of fs.readFileSync('/proc/self/status', 'utf8').matchAll(/^Vm(?:RSS|PTE):\s+(\d+)/gm))
    sum += Number(kb) * 1024;
  return sum;
}

// Run f(callback) with a callback that runs it again, `count` times.
const chain = (queue, count) => new Promise((done) => {
  let left = count;
  const next = () => { if (--left) queue(next); else done(); };
  queue(next);
});

module.exports = { now, result, each, rate, percentiles, memoryBytes, chain };
