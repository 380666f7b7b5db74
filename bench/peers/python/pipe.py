"""64 KiB messages through a local socket within one process: protocols, and streams."""
import asyncio
import socket

from bench import clock, result, run

MESSAGE, COUNT = bytes(65536), 6144


class Reader(asyncio.BufferedProtocol):
    def __init__(self, ended):
        self.ended, self.buffer, self.received = ended, bytearray(65536), 0

    def get_buffer(self, hint):
        return self.buffer

    def buffer_updated(self, size):
        self.received += size

    def connection_lost(self, error):
        self.ended.set_result(None)


class Writer(asyncio.Protocol):
    left = COUNT

    def connection_made(self, transport):
        self.transport, self.paused = transport, False
        self.resume_writing()

    def pause_writing(self):
        self.paused = True

    def resume_writing(self):
        self.paused = False
        asyncio.get_running_loop().call_soon(self.write)

    def write(self):
        while self.left and not self.paused:
            self.left -= 1
            self.transport.write(MESSAGE)
        if not self.left:
            self.transport.close()


def finish(metric, start, received):
    assert received == len(MESSAGE) * COUNT
    result(metric, received * 1e3 / (clock() - start))


async def with_protocols():
    loop, start = asyncio.get_running_loop(), clock()
    ends, ended = socket.socketpair(), loop.create_future()
    _, reader = await loop.create_unix_connection(lambda: Reader(ended), sock=ends[0])
    await loop.create_unix_connection(Writer, sock=ends[1])
    await ended
    finish("pipe-64k", start, reader.received)


async def with_tasks():
    ends, received, start = socket.socketpair(), 0, clock()
    reader, unused = await asyncio.open_unix_connection(sock=ends[0])  # one that is dropped closes
    _, writer = await asyncio.open_unix_connection(sock=ends[1])

    async def write():
        for _ in range(COUNT):
            writer.write(MESSAGE)
            await writer.drain()
        writer.close()

    task = asyncio.create_task(write())
    while data := await reader.read(65536):
        received += len(data)
    await task
    unused.close()
    finish("pipe-64k-tasks", start, received)


async def main():
    await with_protocols()
    await with_tasks()


run(main())
