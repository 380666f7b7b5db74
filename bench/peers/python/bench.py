"""What the programs share: the lines they print, memory, and which loop runs them.

    PROGRAM [uvloop] ...
"""
import asyncio
import re
import sys
import time

clock = time.perf_counter_ns


def result(metric, value):
    print(f"{metric} {value:.5g}", flush=True)


def each(metric, start, count):
    result(metric, (clock() - start) / count)


def rate(metric, start, count):
    result(metric, count * 1e3 / (clock() - start))


def percentiles(metric, times):
    times.sort()
    result(metric + "-p50", times[len(times) // 2] / 1e3)
    result(metric + "-p99", times[len(times) * 99 // 100] / 1e3)
    result(metric + "-max", times[-1] / 1e3)


def memory_bytes():
    """Resident memory and page tables."""
    with open("/proc/self/status") as f:
        return sum(int(kb) for kb in re.findall(r"Vm(?:RSS|PTE):\s+(\d+)", f.read())) * 1024


def run(main):
    if "uvloop" in sys.argv:
        import uvloop

        uvloop.run(main)
    else:
        asyncio.run(main)
