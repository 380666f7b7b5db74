"""What is measured: a case is one question, its windows are what is run, its metrics what comes out.

A program case runs one program of each subject, pinned; the program prints "metric value" lines.
A server case starts the subject's server on CPU 0 and puts a load on it from CPU 1.
To add a case: a line here, and a program of that name for each subject that can do the work
(cases/NAME.c, limits/NAME.c, peers/*/NAME.*).  A subject without one is passed over.
"""
from dataclasses import dataclass, field


@dataclass
class Metric:
    name: str
    title: str
    unit: str
    better: str = "low"


@dataclass
class Window:
    """One set of interleaved runs."""

    name: str
    metrics: list
    cpus: str = "0"  # of a program, or of a server
    client_cpus: str = "1"  # of the load on a server
    workers: int = 0  # that each subject is told to use; 0: nothing is said
    load: dict = field(default_factory=dict)  # what the load generator is told
    limit: dict = field(default_factory=dict)  # environment of the limit program: its best settings
    rota: dict = field(default_factory=dict)  # environment of rota
    only: tuple = ()  # kinds of subject, if not all
    suffix: str = ""  # appended to what the program prints


@dataclass
class Case:
    name: str
    question: str
    kind: str  # how it is run: a function of measure.py
    windows: list
    program: str = ""  # if it is not called like the case
    models: bool = False  # rota once under each model, instead of as it comes
    rounds: int = 0  # at most; 0: as many as asked for


def program(name, question, metrics, both=False, rounds=0):
    """A program case; `both`: once with one CPU for all its threads, once with two."""
    if not both:
        return Case(name, question, "program", [Window(name, metrics)], rounds=rounds)
    windows = []
    for cpus, suffix, words in (("0", "-1cpu", "one CPU"), ("0,1", "-2cpu", "two CPUs")):
        own = [Metric(m.name + suffix, f"{m.title}, {words}", m.unit, m.better) for m in metrics]
        windows.append(Window(name + suffix, own, cpus=cpus, suffix=suffix))
    return Case(name, question, "program", windows, rounds=rounds)


def echo_metrics(name, words):
    return [
        Metric(f"{name}-cpu", f"{words}: server CPU a message", "ns"),
        Metric(f"{name}-rate", f"{words}: messages", "/s", "high"),
        Metric(f"{name}-p50", f"{words}: p50", "us"),
        Metric(f"{name}-p99", f"{words}: p99", "us"),
        Metric(f"{name}-p999", f"{words}: p99.9", "us"),
    ]


def late(name, words):
    return [Metric(f"{name}-{part}", f"{words}: late by, {part}", "us") for part in ("p50", "p99", "max")]


def channel(name, words, suffix="", **how):
    return Window(name, [
        Metric(f"channel-pingpong{suffix}", f"channel, there and back, {words}", "ns"),
        Metric(f"channel-1-producer{suffix}", f"channel of 128, 1 producer, {words}", "M/s", "high"),
        Metric(f"channel-4-producers{suffix}", f"channel of 128, 4 producers, {words}", "M/s", "high"),
    ], suffix=suffix, **how)


def rescue(name, *metrics):
    """What the fast path pays for the rescue of held workers: one worker that could be stolen from, with and without."""
    return [Window(f"{name}-rescue-{state}", [Metric(f"{metric}-rescue-{state}", f"{words}, one worker, steal, rescue {state}", "ns")
                                              for metric, words in metrics],
                   suffix=f"-rescue-{state}", only=("rota",),
                   rota={"ROTA_MODEL": "steal", "ROTA_WORKERS": "1", "ROTA_BLOCKED_MS": "0", **environment})
            for state, environment in (("on", {}), ("off", {"ROTA_RESCUE_MS": "0"}))]


GATHER = {"GATHER": "32:200"}
CLOSEST = ("limit", "epoll", "rota", "libuv", "tokio", "go")


def echo(name, words, load, limit=None, rota=None, only=()):
    return Window(name, echo_metrics(name, words), load=load, limit=limit or {}, rota=rota or {}, only=only)


def http_metrics(name, words, pipelined):
    """Of pipelined requests wrk knows no latency: it takes the time of the last answer only."""
    metrics = [
        Metric(f"{name}-cpu", f"{words}: server CPU a request", "ns"),
        Metric(f"{name}-rate", f"{words}: requests", "/s", "high"),
        Metric(f"{name}-p50", f"{words}: p50", "us"),
        Metric(f"{name}-p99", f"{words}: p99", "us"),
    ]
    return metrics[:2] if pipelined else metrics


def http(name, words, load):
    return Window(name, http_metrics(name, words, "depth" in load), load=load)


def models(name, kind, words, unit, only):
    """A server with one worker and with two; two share the CPUs with the load."""
    metrics = [metric for workers, text in ((1, "one worker"), (2, "two workers")) for metric in (
        Metric(f"{name}-{workers}-cpu", f"{words}, {text}: server CPU {unit}", "ns"),
        Metric(f"{name}-{workers}-rate", f"{words}, {text}: rate", "/s", "high"),
        Metric(f"{name}-{workers}-p99", f"{words}, {text}: p99", "us"),
    )] + [Metric(f"{name}-speedup", f"{words}: two workers beside one", "x", "high")]
    return Case(name.replace("-", "_"), "What do the models cost a server, and what does a second worker bring?",
                f"{kind}-models", [Window(name, metrics, load={"connections": 64}, only=only)],
                program=kind, models=True)


CASES = [
    Case("switch", "What does a switch between tasks cost?", "program", [
        Window("switch", [
            Metric("switch-2", "switch, 2 tasks in turn", "ns"),
            Metric("switch-1k", "switch, 1,000 tasks in turn", "ns"),
            Metric("switch-100k", "switch, 100,000 tasks in turn", "ns"),
        ]),
        *rescue("switch", ("switch-2", "switch, 2 tasks in turn"), ("switch-1k", "switch, 1,000 tasks in turn")),
    ]),
    Case("spawn", "What does a task cost that does nothing?", "program", [
        Window("spawn", [
            Metric("spawn-join", "spawn and join, one after the other", "ns"),
            Metric("spawn-1m", "spawn a million, then join all", "ns"),
        ]),
        *rescue("spawn", ("spawn-join", "spawn and join, one after the other"), ("spawn-1m", "spawn a million, then join all")),
    ]),
    program("forkjoin", "What does it cost to divide work among tasks?", [
        Metric("fib-30", "fib(30), a task at each level", "ms"),
        Metric("skynet", "skynet: a tree of a million tasks", "ms"),
        Metric("fib-30-now", "fib(30), children that run at once", "ms"),
        Metric("skynet-now", "skynet, children that run at once", "ms"),
    ], both=True),
    Case("speedup", "How much faster is divided work with a second CPU?", "speedup", [
        Window("speedup", [
            Metric("speedup-fib-30", "fib(30): two CPUs beside one", "x", "high"),
            Metric("speedup-skynet", "skynet: two CPUs beside one", "x", "high"),
        ], cpus="0,1"),
    ], program="forkjoin", rounds=3),
    Case("channel", "What does a value through a channel cost?", "program", [
        channel("channel", "one CPU"),
        channel("channel-2workers", "two workers", cpus="0,1", suffix="-2workers", only=("rota", "tokio", "go"),
                rota={"ROTA_MODEL": "steal", "ROTA_WORKERS": "2"}),
    ]),
    Case("channel_threads", "What does a value from one thread to another cost?", "program", [
        Window("channel_threads", [
            Metric("channel-threads-1", "channel of 128 between threads, 1 producer", "M/s", "high"),
            Metric("channel-threads-4", "channel of 128 between threads, 4 producers", "M/s", "high"),
        ], cpus="0,1"),
    ]),
    program("task_memory", "What does a waiting task take?", [
        Metric("task-bytes", "memory of a waiting task, 1 M of them", "B"),
        Metric("task-create", "to make it and have it wait", "ns"),
    ], rounds=3),
    program("timers", "What do timers cost?", [
        Metric("timer-pair", "timer: start and stop at once", "ns"),
        Metric("timer-pair-1m", "timer: start 1 M, stop them in random order", "ns"),
        Metric("timer-fire", "timer: CPU time to fire, 1 M in half a second", "ns"),
    ]),
    program("sleep", "How late does a sleep of 1 ms end?", [
        Metric("sleep-late-p50", "sleep of 1 ms: late by, p50", "us"),
        Metric("sleep-late-p99", "sleep of 1 ms: late by, p99", "us"),
    ]),
    program("post", "What does it cost to call a function on a sleeping loop, from another thread?", [
        Metric("post-roundtrip-p50", "post and answer, p50", "us"),
        Metric("post-roundtrip-p99", "post and answer, p99", "us"),
        Metric("post-flood", "posts without waiting", "M/s", "high"),
    ], both=True),
    program("pool", "What does it cost to run a function on the blocking pool?", [
        Metric("pool-roundtrip-p50", "blocking pool, there and back, p50", "us"),
        Metric("pool-roundtrip-p99", "blocking pool, there and back, p99", "us"),
        Metric("pool-rate", "blocking pool, jobs, 1,000 at a time", "M/s", "high"),
    ], both=True),
    program("loop", "What does a turn of the loop cost, and what a function before the next one?", [
        Metric("next-tick", "next-tick chain", "ns"),
        Metric("microtask", "microtask chain", "ns"),
        Metric("immediate", "chain of immediates", "ns"),
        Metric("loop-turn", "a turn with one callback", "ns"),
    ]),
    program("promise", "What does a promise cost, and one that is there when a task awaits it?", [
        Metric("promise-then", "promise and then() in a chain", "ns"),
        Metric("promise-adopt", "a handler that answers a promise", "ns"),
        Metric("await-settled", "await of a settled promise", "ns"),
    ]),
    Case("fair", "Who waits, and for how long, beside four tasks that are always ready?  (each runs for 20 us at a time)",
         "ticks", [
             Window("fair", late("fair-timer", "a sleep of 1 ms") + late("fair-io", "bytes that come")),
             Window("fair-bulk", late("fair-timer-bulk", "a sleep of 1 ms, the four are bulk tasks") +
                    late("fair-io-bulk", "bytes that come, the four are bulk tasks"), rota={"FAIR": "-bulk"}, only=("rota",)),
         ]),
    Case("hog", "Who waits while a task computes for 100 ms, and then blocks as long?", "program", [
        Window("hog", late("hog-ticks", "ticks of 1 ms, two workers, a task keeps one"), cpus="0,1"),
    ]),
    Case("hog_echo", "And who talks to a server meanwhile?", "echo", [
        Window("hog-echo", echo_metrics("hog-echo", "4,000 messages a second, two workers, a task keeps one")[2:],
               cpus="0,1", client_cpus="0,1", load={"rate": 4000, "sleep": 1, "seconds": 0.8}),
    ]),
    Case("storm", "How fast does a thread that runs no tasks start some?", "program", [
        Window("storm", [Metric("storm", "tasks from a foreign thread, a million", "M/s", "high")], cpus="0,1"),
    ]),
    program("file", "What does a read from the page cache cost?", [
        Metric("file-read-4k", "4 KiB reads, 32 at a time", "ns"),
        Metric("file-read-4k-cpu", "4 KiB reads, CPU time of each", "ns"),
    ]),
    program("watch", "What does it cost to hear of a file that changed?", [
        Metric("watch-event", "a change reported, of 512 in a watched folder", "ns"),
        Metric("watch-single", "a change and its report, one at a time", "ns"),
    ]),
    program("process", "What does it cost to run a program?", [
        Metric("process-one", "/bin/true started and ended, one after the other", "us"),
        Metric("process-16", "/bin/true started and ended, 16 at once", "us"),
    ]),
    program("udp", "What does a datagram cost, sent and received?", [
        Metric("udp", "UDP, 64 B, 64 in flight, a datagram", "ns"),
        Metric("udp-many", "the same with calls for many at once", "ns"),
    ]),
    program("pipe", "How much goes through a local socket within a process?", [
        Metric("pipe-64k", "64 KiB messages, with callbacks", "MB/s", "high"),
        Metric("pipe-64k-pool", "the same, read into buffers of the loop's pool", "MB/s", "high"),
        Metric("pipe-64k-tasks", "64 KiB messages, from task to task", "MB/s", "high"),
    ]),
    Case("echo", "What does a message cost the server?", "echo", [
        echo("echo-c64", "echo 64 B, 64 connections", {"connections": 64}, limit=GATHER),
        echo("echo-c1000", "echo 64 B, 1,000 connections", {"connections": 1000, "warm": 0.4}, limit=GATHER),
        echo("echo-c1", "echo 64 B, one connection", {"connections": 1}),
        echo("echo-c1-spin", "the same, spinning for 50 us", {"connections": 1},
             limit={"SPIN": "50"}, rota={"ROTA_SPIN_US": "50"}, only=("limit", "epoll", "rota")),
        echo("echo-16k", "echo 16 KiB, 64 connections", {"connections": 64, "bytes": 16384}),
        echo("echo-p16", "echo 64 B, 64 connections, 16 in flight", {"connections": 64, "depth": 16}),
        echo("echo-unix", "echo 64 B, 64 Unix sockets", {"connections": 64, "unix": True}),
    ]),
    Case("growth", "Does a message cost more with more connections?", "echo", [
        echo("growth-10", "echo, 10 connections", {"connections": 10}, only=CLOSEST),
        echo("growth-100", "echo, 100 connections", {"connections": 100}, limit=GATHER, only=CLOSEST),
        echo("growth-10k", "echo, 10,000 connections", {"connections": 10000, "warm": 0.8}, limit=GATHER, only=CLOSEST),
        echo("growth-10k-1pct", "echo, 10,000 connections, 100 active",
             {"connections": 10000, "active": 100, "warm": 0.5}, limit=GATHER, only=CLOSEST),
    ], program="echo"),
    Case("tail", "How long do the slowest wait at 70 % of the limit's peak load?", "tail", [
        Window("tail", [
            Metric("tail-p50", "echo at 70 % of the limit's peak: p50", "us"),
            Metric("tail-p99", "echo at 70 % of the limit's peak: p99", "us"),
            Metric("tail-p999", "echo at 70 % of the limit's peak: p99.9", "us"),
        ], load={"connections": 64}),
    ], program="echo"),
    Case("idle", "What does a connection take that does nothing?", "idle", [
        Window("idle", [
            Metric("connection-bytes", "memory of an idle TCP connection, of 10,000", "B"),
            Metric("connection-bytes-used", "the same after one message", "B"),
        ]),
    ], program="echo", rounds=2),
    Case("http", "What does an HTTP request cost the server?", "http", [
        http("http-c64", "HTTP /hello, 64 connections", {"connections": 64}),
        http("http-p16", "HTTP /hello, 64 connections, 16 in flight", {"connections": 64, "depth": 16}),
    ]),
    models("models-echo", "echo", "echo 64 B, 64 connections", "a message", ("rota", "tokio", "go", "netty")),
    models("models-http", "http", "HTTP /hello, 64 connections", "a request", ("rota", "hyper", "go", "netty")),
    Case("static", "What does a file cost the server?", "http", [
        http("static-1k", "file of 1 KiB", {"connections": 64, "path": "/1k"}),
        http("static-100k", "file of 100 KiB", {"connections": 64, "path": "/100k"}),
        http("static-10m", "file of 10 MiB", {"connections": 16, "path": "/10m"}),
    ], program="http"),
    Case("instructions", "How many instructions of ours does it take?  (callgrind: exact)", "instructions", [
        Window("instructions", [
            Metric("instructions-switch-2", "instructions of a switch", "instr"),
            Metric("instructions-spawn-join", "instructions of spawn and join", "instr"),
            Metric("instructions-timer-pair", "instructions of a timer started and stopped", "instr"),
            Metric("instructions-next-tick", "instructions of a next tick", "instr"),
            Metric("instructions-echo", "instructions of an echoed message", "instr"),
        ]),
    ], program="echo", rounds=1),
    Case("library", "How big is it, how long does it take to build?", "library", [
        Window("library", [
            Metric("library-bytes", "shared library, stripped", "KB"),
            Metric("build-seconds", "full build of everything, two jobs", "s"),
        ], only=("rota", "libuv", "libevent")),
    ], rounds=2),
]
