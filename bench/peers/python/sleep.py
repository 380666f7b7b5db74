"""A sleep of 1 ms, again and again."""
import asyncio

from bench import clock, percentiles, run


async def main():
    late = []
    for _ in range(300):
        start = clock()
        await asyncio.sleep(0.001)
        late.append(max(0, clock() - start - 1000000))
    percentiles("sleep-late", late)


run(main())
