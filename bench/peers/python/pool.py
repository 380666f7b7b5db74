"""run_in_executor of an empty function."""
import asyncio
import concurrent.futures

from bench import clock, percentiles, rate, run


def nothing():
    pass


async def main():
    loop, pool, times = asyncio.get_running_loop(), concurrent.futures.ThreadPoolExecutor(4), []
    for _ in range(3000):
        start = clock()
        await loop.run_in_executor(pool, nothing)
        times.append(clock() - start)
    percentiles("pool-roundtrip", times)
    count, start = 10000, clock()
    await asyncio.gather(*[loop.run_in_executor(pool, nothing) for _ in range(count)])
    rate("pool-rate", start, count)


run(main())
