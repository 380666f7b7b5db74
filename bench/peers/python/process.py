"""create_subprocess_exec of /bin/true: one after the other, and sixteen at once."""
import asyncio

from bench import clock, result, run


async def one():
    process = await asyncio.create_subprocess_exec("/bin/true")
    assert await process.wait() == 0


async def measure(metric, at_once, count):
    start = clock()
    for _ in range(count // at_once):
        await asyncio.gather(*[one() for _ in range(at_once)])
    result(metric, (clock() - start) / 1e3 / count)


async def main():
    await measure("process-one", 1, 150)
    await measure("process-16", 16, 16 * 12)


run(main())
