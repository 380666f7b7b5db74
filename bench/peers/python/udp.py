"""DatagramProtocol: 64 datagrams on their way between two sockets."""
import asyncio

from bench import clock, each, run

IN_FLIGHT, COUNT = 64, 8000


class Server(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.transport.sendto(data, address)


class Client(Server):
    def __init__(self, ended):
        self.ended, self.left = ended, COUNT

    def datagram_received(self, data, address):
        self.left -= 1
        if self.left >= IN_FLIGHT:
            self.transport.sendto(data, address)
        elif self.left == 0:
            self.ended.set_result(None)


async def main():
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    server, _ = await loop.create_datagram_endpoint(Server, ("127.0.0.1", 0))
    client, _ = await loop.create_datagram_endpoint(lambda: Client(ended), ("127.0.0.1", 0))
    start = clock()
    for _ in range(IN_FLIGHT):
        client.sendto(bytes(64), server.get_extra_info("sockname"))
    await ended
    each("udp", start, 2 * COUNT)
    client.close()
    server.close()


run(main())
