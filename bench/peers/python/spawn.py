"""create_task and await, one after the other; 100,000 and asyncio.wait."""
import asyncio

from bench import clock, each, run


async def nothing():
    pass


async def main():
    count, start = 50000, clock()
    for _ in range(count):
        await asyncio.create_task(nothing())
    each("spawn-join", start, count)
    count, start = 100000, clock()
    await asyncio.wait([asyncio.create_task(nothing()) for _ in range(count)])
    each("spawn-1m", start, count)


run(main())
