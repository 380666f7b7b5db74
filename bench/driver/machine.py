"""The machine: what it is, how fast it is just now, and whether somebody else uses it."""
import os
import platform
import re
import subprocess
import time

HZ = os.sysconf("SC_CLK_TCK")
QUIET_CPUS = 0.10  # used by others: a window with more is thrown away
SLOW = 1.4  # times the best calibration: likewise


def busy_seconds():
    """CPU time that was not idle since the start, of all CPUs; stolen time counts."""
    with open("/proc/stat") as f:
        user, nice, system, _, _, irq, softirq, steal = map(int, f.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / HZ


def process_cpu_seconds(pid):
    """User and system time of all threads, to the nanosecond."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/schedstat") as f:
                total += int(f.read().split()[0])
        except OSError:
            pass  # it ended meanwhile
    return total / 1e9


class Watch:
    """Over a measurement: was the machine ours, and as fast as it can be?"""

    best_ns = {}  # calibration program's best, for each CPU

    def __init__(self, calibrate):
        self.calibrate = calibrate

    def speed(self, cpus):
        """The slowest of the CPUs, as a multiple of the best it was in this run."""
        worst = 1.0
        for cpu in cpus.split(","):
            ns = int(subprocess.run(["taskset", "-c", cpu, self.calibrate], stdout=subprocess.PIPE,
                                    check=True).stdout)
            best = self.best_ns[cpu] = min(ns, self.best_ns.get(cpu, ns))
            worst = max(worst, ns / best)
        return worst

    def run(self, cpus, function):
        """function() -> (values, CPU seconds of our own).  Returns values, speed, CPUs used by others."""
        speed = self.speed(cpus)
        busy, start = busy_seconds(), time.monotonic()
        values, own = function()
        seconds = time.monotonic() - start
        others = (busy_seconds() - busy - own) / seconds
        return values, round(speed, 3), round(max(0, others), 3)


def is_quiet():
    busy, start = busy_seconds(), time.monotonic()
    time.sleep(0.3)
    return (busy_seconds() - busy) / (time.monotonic() - start) < QUIET_CPUS


def first_line(*command):
    try:
        out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return out.strip().splitlines()[0] if out.strip() else ""


def describe():
    with open("/proc/cpuinfo") as f:
        info = f.read()
    model = re.search(r"model name\s*:\s*(.*)", info)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": model.group(1).strip() if model else platform.machine(),
        "cpus": os.cpu_count(),
        "memory": f"{memory:.0f} GiB",
        "kernel": platform.release(),
        "compiler": first_line("cc", "--version"),
        "virtual": "hypervisor" in info,
        "date": time.strftime("%Y-%m-%d"),
    }
