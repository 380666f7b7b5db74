"""kit.py - what the tests of the command `rota` share: TAP, running it, raw HTTP

A test is a function marked @test; its name, with blanks, is what it shows.  It passes when it returns.
Nothing waits for time: a server has started when it says so, and stopped when it has ended."""
import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback

ROTA = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "rota"
_tests = []
_started = []


class Skip(Exception):
    """This machine cannot run the test."""


def test(function):
    _tests.append(function)
    return function


def need(program):
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if path is None:
        raise Skip(f"{program} is not installed")
    return path


def take_signals_as_they_come():
    """Whoever started us may ignore or block signals (nohup, a background job); what we start inherits that."""
    for number in signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1, signal.SIGUSR2:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def main():
    """Run the tests, each in a folder of its own; speak TAP."""
    take_signals_as_they_come()
    if os.environ.get("ROTA_POLLER") == "uring" and not poller_works("uring"):
        print("1..0 # SKIP io_uring is not to be had here")
        sys.exit(0)
    print(f"1..{len(_tests)}", flush=True)
    failed = 0
    for number, function in enumerate(_tests, 1):
        name = function.__name__.replace("_", " ")
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                function()
                print(f"ok {number} - {name}", flush=True)
            except Skip as reason:
                print(f"ok {number} - {name} # SKIP {reason}", flush=True)
            except Exception:
                failed += 1
                print(f"not ok {number} - {name}")
                for line in traceback.format_exc().splitlines():
                    print(f"# {line}")
                sys.stdout.flush()
            for process in _started:  # a failed test leaves them behind
                process.kill()
                process.wait()
            _started.clear()
            os.chdir("/")
    sys.exit(1 if failed else 0)


def equal(got, wanted, about=""):
    if got != wanted:
        raise AssertionError(f"{about}: {got!r} is not {wanted!r}")


def contains(text, part):
    if part not in text:
        raise AssertionError(f"{part!r} is not in {text!r}")


def rota(*arguments, **options):
    return subprocess.run([ROTA, *arguments], capture_output=True, text=True, **options)


def start(*arguments, **options):
    """The command, running; it does not outlive the test."""
    process = subprocess.Popen([ROTA, *arguments], text=True, **options)
    _started.append(process)
    return process


def poller_works(name):
    """A server on this poller says where it listens, or why it cannot."""
    ran = subprocess.Popen([ROTA, "serve", "--port", "0", "--log", "off", "--poller", name, "-w", "1"],
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd="/")
    works = ran.stdout.readline().startswith("listening on ")
    ran.terminate()
    ran.communicate()
    return works


class Serve:
    """`rota serve` on a port of its own, from its first line to its end."""

    def __init__(self, folder, *options, log="off", limits=None):
        command = [ROTA, "serve", folder, "--port", "0", "--log", log, *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, preexec_fn=limits)
        self.first_line = self.process.stdout.readline()
        if not self.first_line.startswith("listening on http://"):
            raise AssertionError(f"did not start: {self.first_line!r}{self.process.stderr.read()}")
        self.port = int(self.first_line.split("/")[2].rsplit(":", 1)[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def end(self):
        """Wait for the end: exit status, what it printed after its first line, and its errors."""
        out, errors = self.process.communicate()
        return self.process.returncode, out, errors

    def stop(self):
        self.signal()
        status, out, errors = self.end()
        equal(status, 0, errors)
        return out, errors

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if self.process.poll() is None:
            if kind is None:
                self.stop()
            else:
                self.process.kill()
                self.process.communicate()


class Answer:
    """A response, whole."""

    def __init__(self, sock, method="GET"):
        response = http.client.HTTPResponse(sock, method=method)
        response.begin()
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def __getitem__(self, name):
        return self.headers.get(name)


def connect(port, host="127.0.0.1"):
    return socket.create_connection((host, port))


def request(method, target, *fields, version="1.1"):
    lines = [f"{method} {target} HTTP/{version}", "Host: test", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def ask(port, target, *fields, method="GET", sock=None, version="1.1"):
    """One request and its answer; on a connection of its own unless one is given."""
    with contextlib.ExitStack() as stack:
        if sock is None:
            sock = stack.enter_context(connect(port))
        sock.sendall(request(method, target, *fields, version=version))
        return Answer(sock, method)


def at_end(sock):
    """The peer has closed; nothing more came."""
    return sock.recv(1) == b""


def write(path, content=b""):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())


def noise(size, seed=1):
    """Bytes that look like noise, the same every time."""
    import random
    return random.Random(seed).randbytes(size)
