"""Four tasks that are always ready, and beside them one with a timer and one with a socket (stdin)."""
import asyncio
import socket
import time

from bench import clock, percentiles, run

SLICE_NS, TICKS = 20000, 400


async def busy(over):
    while not over.is_set():
        end = clock() + SLICE_NS
        while clock() < end:
            pass
        await asyncio.sleep(0)


async def sleep_again_and_again():
    late = []
    for _ in range(TICKS):
        start = clock()
        await asyncio.sleep(0.001)
        late.append(max(0, clock() - start - 1000000))
    percentiles("fair-timer", late)


async def read_ticks():
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=0))
    late = []
    writer.write(b".")
    for _ in range(TICKS):
        sent = int.from_bytes(await reader.readexactly(8), "little")
        late.append(time.time_ns() - sent)
    percentiles("fair-io", late)
    writer.close()


async def main():
    over = asyncio.Event()
    tasks = [asyncio.create_task(busy(over)) for _ in range(4)]
    await asyncio.gather(sleep_again_and_again(), read_ticks())
    over.set()
    await asyncio.gather(*tasks)


run(main())
