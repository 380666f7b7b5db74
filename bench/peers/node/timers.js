// setTimeout and clearTimeout.
'use strict';
const { now, each, result } = require('./bench');
const nothing = () => {};

function shuffled(count) {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const k = Math.floor(Math.random() * (i + 1));
    [order[i], order[k]] = [order[k], order[i]];
  }
  return order;
}

function pairAt1M() {
  const count = 1e6, order = shuffled(count), timers = new Array(count);
  const delay = Array.from({ length: count }, () => 2000 + Math.floor(Math.random() * 60000));
  const start = now();
  for (let i = 0; i < count; i++) timers[i] = setTimeout(nothing, delay[i]);
  for (let i = 0; i < count; i++) clearTimeout(timers[order[i]]);
  each('timer-pair-1m', start, count);
}

function pairAtOnce() {
  const count = 1e6;
  const start = now();
  for (let i = 0; i < count; i++) clearTimeout(setTimeout(nothing, 30000));
  each('timer-pair', start, count);
}

function fire() {
  const count = 5e5, base = performance.now() + 2000;
  let fired = 0, cpu;
  const call = () => {
    if (++fired < count) return;
    const used = process.cpuUsage(cpu);
    result('timer-fire', (used.user + used.system) * 1e3 / count);
  };
  for (let i = 0; i < count; i++) setTimeout(call, base - performance.now() + Math.random() * 500);
  cpu = process.cpuUsage();
}

pairAt1M();
pairAtOnce();
fire();
