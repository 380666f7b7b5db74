"""A chain of call_soon: a turn of the loop for each."""
import asyncio

from bench import clock, each, run


async def main():
    loop, left = asyncio.get_running_loop(), 200000
    done, count = loop.create_future(), left

    def step():
        nonlocal left
        left -= 1
        if left:
            loop.call_soon(step)
        else:
            done.set_result(None)

    start = clock()
    loop.call_soon(step)
    await done
    each("immediate", start, count)
    each("loop-turn", start, count)


run(main())
