"""run_coroutine_threadsafe without its future: call_soon_threadsafe(create_task) from another thread."""
import asyncio
import threading

from bench import clock, rate, run

COUNT = 50000


async def main():
    loop = asyncio.get_running_loop()
    ended, ran, tasks = loop.create_future(), 0, set()

    async def work():
        nonlocal ran
        ran += 1
        if ran == COUNT:
            ended.set_result(None)

    def spawn():
        task = loop.create_task(work())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def foreign_thread():
        for _ in range(COUNT):
            loop.call_soon_threadsafe(spawn)

    start = clock()
    threading.Thread(target=foreign_thread).start()
    await ended
    rate("storm", start, COUNT)


run(main())
