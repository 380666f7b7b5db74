"""call_later and cancel; 200,000 at a time."""
import asyncio
import random
import time

from bench import clock, each, result, run


def nothing():
    pass


def pair_at_1m(loop, count):
    delays = [2 + random.random() * 60 for _ in range(count)]
    start = clock()
    timers = [loop.call_later(delay, nothing) for delay in delays]
    armed = clock() - start
    random.shuffle(timers)
    start = clock() - armed
    for timer in timers:
        timer.cancel()
    each("timer-pair-1m", start, count)


async def pair_at_once(loop, count):
    start = clock()
    for i in range(count):
        loop.call_later(30, nothing).cancel()
        if i % 1000 == 0:
            await asyncio.sleep(0)  # asyncio clears cancelled timers out in its turns
    each("timer-pair", start, count)


async def fire(loop, count):
    done, left, base = loop.create_future(), count, loop.time() + 2

    def call():
        nonlocal left
        left -= 1
        if left == 0:
            done.set_result(None)

    for _ in range(count):
        loop.call_at(base + random.random() / 10, call)
    cpu = time.process_time_ns()
    await done
    result("timer-fire", (time.process_time_ns() - cpu) / count)


async def main():
    loop = asyncio.get_running_loop()
    pair_at_1m(loop, 200000)
    await asyncio.sleep(0)
    await pair_at_once(loop, 200000)
    await asyncio.sleep(0)
    await fire(loop, 100000)


run(main())
