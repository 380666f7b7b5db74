// fs.watch of a folder; the same rounds as folder.h's.
'use strict';
const fs = require('fs');
const os = require('os');
const path = require('path');
const { now, result, each } = require('./bench');
const files = 512, rounds = 150, singles = 10000;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-watch-'));
const fds = Array.from({ length: files }, (_, i) => fs.openSync(path.join(folder, `file-${i}`), 'w'));
const byte = Buffer.from('x');
const write = (i) => fs.writeSync(fds[i], byte, 0, 1, 0);
let reports = 0, round = 0, spent = 0n, start, single = false;

function begin() {
  for (let i = 0; i < files; i++) write(i);
  start = now();
}

function nextRound() {
  spent += now() - start;
  if (++round < rounds) return begin();
  result('watch-event', Number(spent) / (rounds * files));
  single = true;
  reports = 0;
  start = now();
  write(0);
}

const watch = fs.watch(folder, (_, name) => {
  const turn = single ? 2 : files;
  if (name !== `file-${reports % turn}`) throw new Error(`${name} was reported out of turn`);
  reports++;
  if (!single && reports % turn === 0) nextRound();
  else if (single && reports < singles) write(reports % turn);
  else if (single) {
    each('watch-single', start, singles);
    watch.close();
    fs.rmSync(folder, { recursive: true });
  }
});
begin();
