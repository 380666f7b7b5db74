// The net module, one write for each data event.   echo.js PORT|/PATH
'use strict';
const net = require('net');
const fs = require('fs');
const place = process.argv[2];
const where = place[0] === '/' ? { path: place } : { port: Number(place), host: '127.0.0.1' };
if (where.path) fs.rmSync(where.path, { force: true });
net.createServer({ noDelay: true }, (socket) => {
  socket.on('data', (data) => socket.write(data));
  socket.on('error', () => socket.destroy());
}).listen({ ...where, backlog: 4096 });
