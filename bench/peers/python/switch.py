"""Tasks that sleep for 0, in turn."""
import asyncio

from bench import clock, each, run


async def task(switches):
    for _ in range(switches):
        await asyncio.sleep(0)


async def measure(metric, count, switches):
    tasks = [asyncio.ensure_future(task(switches // count)) for _ in range(count)]
    start = clock()
    await asyncio.gather(*tasks)
    each(metric, start, switches)


async def main():
    await measure("switch-2", 2, 100000)
    await measure("switch-1k", 1000, 200000)
    await measure("switch-100k", 100000, 300000)


run(main())
