"""200,000 tasks that wait for an event."""
import asyncio
import os

from bench import clock, each, memory_bytes, result, run


async def main():
    count, event = 200000, asyncio.Event()
    before, start = memory_bytes(), clock()
    keep = [asyncio.create_task(event.wait()) for _ in range(count)]
    await asyncio.sleep(0)
    each("task-create", start, count)
    result("task-bytes", (memory_bytes() - before) / len(keep))
    os._exit(0)


run(main())
