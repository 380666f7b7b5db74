// The http module.   http.js PORT
'use strict';
const http = require('http');
const body = Buffer.from('Hello, World!');
const server = http.createServer((request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 13 });
  response.end(body);
});
server.keepAliveTimeout = 60000;
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
