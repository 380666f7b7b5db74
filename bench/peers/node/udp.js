// dgram: 64 datagrams on their way between two sockets.
'use strict';
const dgram = require('dgram');
const { now, each } = require('./bench');
const inFlight = 64;
const client = dgram.createSocket('udp4'), server = dgram.createSocket('udp4');
server.on('message', (data, from) => server.send(data, from.port, from.address));

function measure(count, to) {
  return new Promise((resolve) => {
    let left = count;
    client.removeAllListeners('message').on('message', (data) => {
      if (--left >= inFlight) client.send(data, to.port, to.address);
      else if (left === 0) resolve();
    });
    for (let i = 0; i < inFlight; i++) client.send(Buffer.alloc(64), to.port, to.address);
  });
}

server.bind(0, '127.0.0.1', () => client.bind(0, '127.0.0.1', async () => {
  const to = server.address(), count = 20000;
  await measure(8000, to);
  const start = now();
  await measure(count, to);
  each('udp', start, 2 * count);
  client.close();
  server.close();
}));
