"""call_soon_threadsafe from another thread."""
import asyncio
import threading

from bench import clock, percentiles, rate, run


def foreign_thread(loop, end):
    answer, times, counted = threading.Semaphore(0), [], 0
    for _ in range(5000):
        start = clock()
        loop.call_soon_threadsafe(answer.release)
        answer.acquire()
        times.append(clock() - start)
    percentiles("post-roundtrip", times)
    count = 100000

    def count_it():
        nonlocal counted
        counted += 1
        if counted == count:
            answer.release()

    start = clock()
    for _ in range(count):
        loop.call_soon_threadsafe(count_it)
    answer.acquire()
    rate("post-flood", start, count)
    loop.call_soon_threadsafe(end.set_result, None)


async def main():
    loop = asyncio.get_running_loop()
    end = loop.create_future()
    threading.Thread(target=foreign_thread, args=(loop, end)).start()
    await end


run(main())
