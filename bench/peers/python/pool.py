"""run_in_executor of an empty function: by one task, and by a thousand at the same time."""
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
    tasks, each, start = 1000, 10, clock()

    async def task():
        for _ in range(each):
            await loop.run_in_executor(pool, nothing)

    await asyncio.gather(*[task() for _ in range(tasks)])
    rate("pool-rate", start, tasks * each)


run(main())
