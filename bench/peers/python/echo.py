"""A Protocol that writes back what it gets.   echo.py PORT|/PATH [uvloop]"""
import asyncio
import os
import socket
import sys

from bench import run


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        s = transport.get_extra_info("socket")
        if s.family == socket.AF_INET:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data):
        self.transport.write(data)


async def main(place):
    loop = asyncio.get_running_loop()
    if place.startswith("/"):
        if os.path.exists(place):
            os.unlink(place)
        server = await loop.create_unix_server(Echo, place, backlog=4096)
    else:
        server = await loop.create_server(Echo, "127.0.0.1", int(place), backlog=4096)
    await server.serve_forever()


run(main(sys.argv[1]))
