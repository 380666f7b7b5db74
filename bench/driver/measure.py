"""How a window is measured once for one subject: run its program, or put a load on its server."""
import os
import re
import resource
import socket
import subprocess
import time
from dataclasses import replace

from machine import process_cpu_seconds
from subjects import BENCH, BUILD, MESON, ROOT, Nginx, run

ALL_CPUS = "0,1"
WINDOW_SECONDS = 0.5
START_SECONDS = 40  # a server that does not listen by then does not work
LIMIT_SECONDS = 120  # for one program
DESCRIPTORS = 65536
COUNTS = os.path.join(BUILD, "callgrind.out")
CALLGRIND = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={COUNTS}")


class Failed(Exception):
    """A subject did not do its work; it is left out of this window."""


def raise_limits():
    """Ten thousand connections need a descriptor on each side."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))


def load_program(name):
    return os.path.join(MESON, "bench", "load-" + name)


def execute(command, cpus, variables=None, stdin=None):
    """Output of a program, pinned."""
    p = subprocess.Popen(["taskset", "-c", cpus, *command], env={**os.environ, **(variables or {})},
                         stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        out, err = p.communicate(timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        p.kill()
        p.communicate()
        raise Failed(f"{os.path.basename(command[0])}: not done after {LIMIT_SECONDS} s")
    if p.returncode != 0:
        raise Failed(f"{os.path.basename(command[0])}: status {p.returncode}: {err.strip()[-300:]}")
    return out


def children_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def metrics_of(window, pairs):
    known = {m.name for m in window.metrics}
    return {k: v for k, v in pairs if k in known}


def as_float(text):
    try:
        return float(text)
    except ValueError:
        return None


# ---- programs ----


class ProgramRun:
    """Nothing to keep between rounds."""

    cpus = None

    def __init__(self, case, window, subject):
        self.window, self.subject = window, subject
        self.command = subject.program(case.program or case.name)
        self.cpus = window.cpus

    def once(self):
        before = children_seconds()
        pairs = [(name + self.window.suffix, value) for name, value in self.figures(self.window.cpus).items()]
        return metrics_of(self.window, pairs), children_seconds() - before

    def figures(self, cpus, stdin=None):
        variables = {**self.subject.variables(self.window), "BENCH_FILE": os.path.join(BUILD, "blocks.bin")}
        lines = [line.split() for line in execute(self.command, cpus, variables, stdin).splitlines()]
        return {p[0]: as_float(p[1]) for p in lines if len(p) == 2}

    def close(self):
        pass


class SpeedupRun(ProgramRun):
    """The program on one CPU and then on two, as many workers: how many times shorter does it take?"""

    def once(self):
        before = children_seconds()
        one, two = self.figures("0"), self.figures(ALL_CPUS)
        pairs = [("speedup-" + name, one[name] / two[name]) for name in one]
        return metrics_of(self.window, pairs), children_seconds() - before


class TicksRun(ProgramRun):
    """With a socket on its stdin, from which the time of day comes every millisecond."""

    def once(self):
        before = children_seconds()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ticks = subprocess.Popen(["taskset", "-c", self.window.client_cpus, load_program("ticks"), "400"],
                                     stdin=theirs, stdout=theirs)
            theirs.close()
            try:
                values = metrics_of(self.window, self.figures(self.window.cpus, stdin=ours).items())
            finally:
                ours.close()
                ticks.kill()
                ticks.wait()
        return values, children_seconds() - before


# ---- servers ----


class Server:
    """A subject's server, alive from the first round of a window to the last; it sleeps while others run."""

    next_port = 20000 + os.getpid() % 10000

    def __init__(self, case, window, subject, callgrind=False):
        Server.next_port += 1
        self.port = Server.next_port
        self.place = f"{BUILD}/echo-{self.port}.sock" if window.load.get("unix") else str(self.port)
        command = subject.program(case.program or case.name)
        if not any("@" in word for word in command):
            command = [*command, "@PORT@"]
        command = ["taskset", "-c", window.cpus, *(CALLGRIND if callgrind else ()), *map(self.fill, command)]
        self.process = subprocess.Popen(command, env={**os.environ, **subject.variables(window)},
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait_until_it_listens()

    def fill(self, word):
        if word == "@NGINX@":
            return Nginx.configuration(self.port)
        return word.replace("@PORT@", self.place)

    def connect(self):
        if self.place.startswith("/"):
            s = socket.socket(socket.AF_UNIX)
            s.connect(self.place)
        else:
            s = socket.create_connection(("127.0.0.1", self.port), 1)
        s.close()

    def wait_until_it_listens(self):
        end = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < end:
            try:
                return self.connect()
            except OSError:
                time.sleep(0.02)
        self.close()
        raise Failed("the server did not start")

    @property
    def pid(self):
        return self.process.pid

    def cpu_seconds(self):
        return process_cpu_seconds(self.pid)

    def close(self):
        self.process.kill()
        self.process.wait()
        if self.place.startswith("/") and os.path.exists(self.place):
            os.unlink(self.place)


class ServerRun:
    cpus = ALL_CPUS

    def __init__(self, case, window, subject):
        self.window, self.subject = window, subject
        self.server = Server(case, window, subject)
        try:
            if subject.warm_seconds:
                self.load(subject.warm_seconds)
        except Failed:
            self.close()
            raise

    def once(self):
        if self.server.process.poll() is not None:
            raise Failed("the server died")
        children, server = children_seconds(), self.server.cpu_seconds()
        values = self.load(WINDOW_SECONDS)
        own = children_seconds() - children + self.server.cpu_seconds() - server
        return values, own

    def close(self):
        self.server.close()


def key_values(text):
    return {k: float(v) for k, v in re.findall(r"(\w+)=([0-9.]+)", text)}


class EchoRun(ServerRun):
    def load(self, seconds, **more):
        options = {"connections": 64, "warm": 0.12, "seconds": seconds, **self.window.load, **more}
        options.pop("unix", None)
        options.update(where=self.server.place, pid=self.server.pid)
        got = key_values(execute([load_program("echo"), *(f"{k}={v}" for k, v in options.items())],
                                 self.window.client_cpus))
        name = self.window.name
        return metrics_of(self.window, [
            (f"{name}-cpu", got["server_ns"]), (f"{name}-rate", got["rate"]), (f"{name}-p50", got["p50"]),
            (f"{name}-p99", got["p99"]), (f"{name}-p999", got["p999"])])


class TailRun(EchoRun):
    """Open loop at 70 % of what the limit reached in this run, or else of what a short look shows."""

    peak = None

    def load(self, seconds):
        if TailRun.peak is None:
            raise Failed("the limit's peak is not known")
        return super().load(seconds, rate=round(0.7 * TailRun.peak))

    @classmethod
    def find_peak(cls, case, window, limit):
        server = Server(case, window, limit)
        try:
            out = execute([load_program("echo"), f"where={server.place}", "seconds=1"], window.client_cpus)
            cls.peak = key_values(out)["rate"]
        finally:
            server.close()


class IdleRun(ServerRun):
    """A new server each time: what it keeps from earlier connections would hide what new ones take."""

    def __init__(self, case, window, subject):
        self.case, self.window, self.subject = case, window, subject

    def once(self):
        children = children_seconds()
        self.server = Server(self.case, self.window, self.subject)
        try:
            got = key_values(execute(
                [load_program("idle"), str(self.server.port), "10000", str(self.server.pid)], self.window.client_cpus))
        finally:
            own = self.server.cpu_seconds() if self.server.process.poll() is None else 0
            self.server.close()
        values = [("connection-bytes", got["idle"]), ("connection-bytes-used", got["used"])]
        return metrics_of(self.window, values), own + children_seconds() - children

    def close(self):
        pass


class HttpRun(ServerRun):
    UNITS = {"us": 1, "ms": 1e3, "s": 1e6}

    def __init__(self, case, window, subject):
        super().__init__(case, window, subject)
        self.check()

    def url(self):
        return f"http://127.0.0.1:{self.server.port}{self.window.load.get('path', '/hello')}"

    def check(self):
        """The body is what it should be."""
        from urllib.request import urlopen

        try:
            body = urlopen(self.url(), timeout=5).read()
        except OSError as reason:
            self.close()
            raise Failed(str(reason))
        path = self.window.load.get("path")
        with open(f"{BUILD}/files{path}", "rb") if path else open(os.devnull, "rb") as f:
            expected = f.read() if path else b"Hello, World!"
        if body.strip() != expected.strip():
            self.close()
            raise Failed(f"answered {body[:40]!r}")

    def load(self, seconds):
        load = self.window.load
        command = ["wrk", "-t1", f"-c{load['connections']}", f"-d{max(1, round(seconds))}s", "--latency"]
        if "depth" in load:
            command += ["-s", os.path.join(BENCH, "load", "pipeline.lua"), self.url(), "--", str(load["depth"])]
        else:
            command.append(self.url())
        before = self.server.cpu_seconds()
        out = execute(command, self.window.client_cpus)
        cpu = self.server.cpu_seconds() - before
        count = int(re.search(r"(\d+) requests in", out).group(1))
        if re.search(r"Non-2xx|Socket errors", out) or count == 0:
            raise Failed(re.sub(r"\s+", " ", out)[-200:])
        name = self.window.name
        return metrics_of(self.window, [
            (f"{name}-cpu", cpu * 1e9 / count),
            (f"{name}-rate", float(re.search(r"Requests/sec:\s+([0-9.]+)", out).group(1))),
            (f"{name}-p50", self.percentile(out, 50)), (f"{name}-p99", self.percentile(out, 99))])

    def percentile(self, out, part):
        value, unit = re.search(rf"{part}%\s+([0-9.]+)(us|ms|s)", out).groups()
        return float(value) * self.UNITS[unit]


class ModelsRun:
    """Two servers of the same subject, with one worker and with two, and the load on one after the other.  One
    worker has a CPU and the load the other; two workers and their load share both."""

    cpus = ALL_CPUS
    single = None  # what runs one of them

    def __init__(self, case, window, subject):
        one = replace(window, name=f"{window.name}-1", workers=1)
        two = replace(window, name=f"{window.name}-2", workers=2, cpus=ALL_CPUS, client_cpus=ALL_CPUS)
        self.window, self.runs = window, []
        for part in (one, two)[:1 if subject.title == "rota single" else 2]:
            try:
                self.runs.append(self.single(case, part, subject))
            except Failed:
                self.close()
                raise

    def once(self):
        values, seconds = {}, 0
        for one in self.runs:
            got, own = one.once()
            values.update(got)
            seconds += own
        rates = [values[f"{one.window.name}-rate"] for one in self.runs]
        if len(rates) == 2:
            values[f"{self.window.name}-speedup"] = rates[1] / rates[0]
        return values, seconds

    def close(self):
        for one in self.runs:
            one.close()


class EchoModelsRun(ModelsRun):
    single = EchoRun


class HttpModelsRun(ModelsRun):
    single = HttpRun


# ---- instructions ----


class InstructionsRun:
    """Two lengths of the same work under callgrind; the difference is free of start and end."""

    cpus = ALL_CPUS
    PROGRAMS = {"switch-2": "switch", "spawn-join": "spawn", "timer-pair": "timers", "next-tick": "loop"}
    SHORT, LONG = 20000, 60000

    def __init__(self, case, window, subject):
        self.case, self.window, self.subject = case, window, subject

    def total(self, err):
        found = re.search(r"Collected : (\d+)", err)
        if not found:
            raise Failed(f"valgrind: {err[-300:]}")
        return int(found.group(1))

    def of_program(self, metric, count):
        command = ["taskset", "-c", self.window.cpus, *CALLGRIND, *self.subject.program(self.PROGRAMS[metric])]
        done = subprocess.run(command, env={**os.environ, "BENCH_ONLY": metric, "BENCH_OPS": str(count)},
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return self.total(done.stderr), metric in done.stdout

    def of_echo(self, count):
        server = Server(self.case, self.window, self.subject, callgrind=True)
        try:
            out = execute([load_program("echo"), f"where={server.place}", "connections=16", f"count={count}",
                           "seconds=60"], self.window.client_cpus)
            return self.dumped(server), key_values(out)["messages"]
        finally:
            server.close()

    def dumped(self, server):
        """A server in a long system call ends with a signal only at its return; vgdb reaches it there."""
        dump = COUNTS + ".1"
        run(["vgdb", f"--pid={server.pid}", "dump"])
        with open(dump) as f:
            found = re.search(r"^totals: (\d+)", f.read(), re.MULTILINE)
        os.unlink(dump)
        return int(found.group(1))

    def once(self):
        children, values = children_seconds(), {}
        for metric, program in self.PROGRAMS.items():
            if self.subject.program(program) is None:
                continue
            (short, printed), (long, _) = self.of_program(metric, self.SHORT), self.of_program(metric, self.LONG)
            if printed:
                values["instructions-" + metric] = (long - short) / (self.LONG - self.SHORT)
        if self.subject.program("echo"):
            (short, few), (long, many) = self.of_echo(self.SHORT // 10), self.of_echo(self.LONG // 10)
            values["instructions-echo"] = (long - short) / (many - few)
        return values, children_seconds() - children

    def close(self):
        pass


# ---- the library itself ----


class LibraryRun:
    cpus = ALL_CPUS

    def __init__(self, case, window, subject):
        self.subject = subject

    def once(self):
        children = children_seconds()
        values = self.of_rota() if self.subject.key == "rota" else self.of_peer()
        return values, children_seconds() - children

    def of_rota(self):
        folder = os.path.join(BUILD, "timed")
        run(["rm", "-rf", folder])
        run(["meson", "setup", "--buildtype=release", folder, ROOT])
        start = time.monotonic()
        run(["ninja", "-C", folder, "-j2"])
        seconds = time.monotonic() - start
        return {"build-seconds": seconds, "library-bytes": self.stripped(f"{folder}/librota.so")}

    def of_peer(self):
        package = "libuv" if self.subject.key == "libuv" else "libevent"
        folder = run(["pkg-config", "--variable=libdir", package]).strip()
        name = {"libuv": "libuv.so.1", "libevent": "libevent-2.1.so.7"}[package]
        return {"library-bytes": self.stripped(os.path.join(folder, name))}

    @staticmethod
    def stripped(path):
        target = os.path.join(BUILD, "stripped.so")
        run(["strip", "-o", target, os.path.realpath(path)])
        return os.path.getsize(target) / 1000

    def close(self):
        pass


KINDS = {"program": ProgramRun, "speedup": SpeedupRun, "ticks": TicksRun,
         "echo-models": EchoModelsRun, "http-models": HttpModelsRun, "echo": EchoRun, "tail": TailRun, "idle": IdleRun, "http": HttpRun,
         "instructions": InstructionsRun, "library": LibraryRun}
