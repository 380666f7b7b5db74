"""os.pread on a pool of four threads, 32 in flight."""
import asyncio
import concurrent.futures
import os
import random
import time

from bench import clock, each, result, run

BYTES, BLOCKS, AT_ONCE, COUNT = 4096, 65536, 32, 16000


async def main():
    loop, pool = asyncio.get_running_loop(), concurrent.futures.ThreadPoolExecutor(4)
    fd = os.open(os.environ["BENCH_FILE"], os.O_RDONLY)
    for block in range(BLOCKS):
        os.pread(fd, BYTES, block * BYTES)

    async def task():
        for _ in range(COUNT // AT_ONCE):
            block = random.randrange(BLOCKS)
            data = await loop.run_in_executor(pool, os.pread, fd, BYTES, block * BYTES)
            assert int.from_bytes(data[:8], "little") == block

    cpu, start = time.process_time_ns(), clock()
    await asyncio.gather(*[task() for _ in range(AT_ONCE)])
    each("file-read-4k", start, COUNT)
    result("file-read-4k-cpu", (time.process_time_ns() - cpu) / COUNT)


run(main())
