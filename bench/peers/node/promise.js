// A chain of promises, each made in the handler of the one before; adoption; await of settled ones.
'use strict';
const { now, each } = require('./bench');

const then = (count) => new Promise((done) => {
  let left = count;
  const next = () => { if (--left) Promise.resolve().then(next); else done(); };
  Promise.resolve().then(next);
});

async function adopt(count) {
  for (let left = count; left > 0; left -= 1000) {
    let p = Promise.resolve();
    for (let i = 0; i < 1000; i++) p = p.then(() => Promise.resolve());
    await p;
  }
}

async function settled(count) {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

async function measure(metric, run, count) {
  await run(count / 10);
  const start = now();
  await run(count);
  each(metric, start, count);
}

(async () => {
  await measure('promise-then', then, 3e6);
  await measure('promise-adopt', adopt, 1e6);
  await measure('await-settled', settled, 3e6);
})();
