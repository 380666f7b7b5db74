// Four chains of setImmediate that are always ready, and beside them a timer and a socket (stdin).
'use strict';
const net = require('net');
const { now, percentiles } = require('./bench');
const slice = 20000n, ticks = 400;
let waiting = 2;

function busy() {
  for (const end = now() + slice; now() < end;);
  if (waiting) setImmediate(busy);
}

function sleepAgain(late) {
  const start = now();
  setTimeout(() => {
    late.push(Math.max(0, Number(now() - start) - 1e6));
    if (late.length < ticks) return sleepAgain(late);
    percentiles('fair-timer', late);
    waiting--;
  }, 1);
}

// performance.timeOrigin is the time of day at which performance.now() was 0, to the microsecond.
const timeOfDay = () => (performance.timeOrigin + performance.now()) * 1e6;

function readTicks() {
  const socket = new net.Socket({ fd: 0 }), late = [];
  let rest = Buffer.alloc(0);
  socket.on('data', (data) => {
    const at = timeOfDay();
    rest = Buffer.concat([rest, data]);
    for (; rest.length >= 8; rest = rest.subarray(8)) late.push(at - Number(rest.readBigUInt64LE()));
    if (late.length < ticks) return;
    percentiles('fair-io', late);
    socket.destroy();
    waiting--;
  });
  socket.write('.');
}

for (let i = 0; i < 4; i++) busy();
sleepAgain([]);
readTicks();
