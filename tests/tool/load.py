#!/usr/bin/env python3
"""load.py ROTA - `rota load`: what it sends, what it counts, what it says of servers that fail

Most servers here are scripts in threads of this program, so that what the command counts can be held
against what really arrived."""
import errno
import json
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import threading
import time

from kit import Serve, contains, equal, main, rota, start, test, write

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """A server in threads: talk(server, sock) for each connection.  What they count is in .seen."""

    def __init__(self, talk, listener=None):
        self.listener = listener or socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.talk, self.lock, self.threads = talk, threading.Lock(), []
        self.connections = self.seen = self.answered = 0
        self.requests = []
        self.began = threading.Event()
        self.accepter = threading.Thread(target=self.accept, daemon=True)
        self.accepter.start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
            thread = threading.Thread(target=self.serve, args=(sock,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def serve(self, sock):
        with sock:
            try:
                self.talk(self, sock)
            except OSError:
                pass

    @property
    def url(self):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/"

    @property
    def tcp(self):
        return f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"

    def heads(self, sock):
        """The requests of a connection as they come, each up to its empty line."""
        text = b""
        while True:
            while b"\r\n\r\n" in text:
                head, _, text = text.partition(b"\r\n\r\n")
                with self.lock:
                    self.seen += 1
                    number = self.seen
                yield number, head
            piece = sock.recv(65536)
            if not piece:
                return
            text += piece

    def answer(self, sock, text=OK):
        sock.sendall(text)
        with self.lock:
            self.answered += 1

    def shut(self):
        """No more connections: the next attempt is refused."""
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.shut()
        if kind is not None:
            return  # whoever is connected may stay for ever
        self.accepter.join()
        for thread in self.threads:
            thread.join()


def answer_all(server, sock):
    for _ in server.heads(sock):
        server.answer(sock)


def echo(server, sock):
    while piece := sock.recv(65536):
        with server.lock:
            server.seen += len(piece)
        sock.sendall(piece)


def load(*arguments, status=0, **options):
    """Run it; its exit status is as wanted, and its JSON what is returned."""
    ran = rota("load", "--quiet", "--json", "-", *arguments, **options)
    equal(ran.returncode, status, ran.stderr)
    return json.loads(ran.stdout)


def errors(result):
    return {kind: count for kind, count in result["errors"].items() if count}


# ---- counting ----


@test
def counts_are_those_of_the_server():
    os.mkdir("www")
    for wanted, arguments in (5000, ["-c8", "-w2"]), (3001, ["-c7", "-p5"]), (None, ["-d300ms"]):
        if wanted is not None:
            arguments.append(f"-n{wanted}")
        with Serve("www") as server:
            result = load(*arguments, f"{server.url}/hello")
            out, _ = server.stop()
        equal(errors(result), {})
        contains(out.replace(",", ""),
                 f"served {result['answers']} requests on {result['connects']} connections")
        equal(result["status"], {"1xx": 0, "2xx": result["answers"], "3xx": 0, "4xx": 0, "5xx": 0})
        equal(result["connects"], result["connections"])
        if wanted is not None:
            equal(result["answers"], wanted)
        else:
            equal(result["seconds"] >= 0.3 and result["answers"] > 0, True)


@test
def bytes_are_those_of_the_server():
    with Server(answer_all) as server:
        result = load("-n100", "-c3", server.url)
        request = f"GET / HTTP/1.1\r\nHost: {server.url[7:-1]}\r\n\r\n"
        equal(result["bytes_out"], 100 * len(request))
        equal(result["bytes_in"], 100 * len(OK))
        equal((server.seen, server.connections), (100, 3))


@test
def the_json_is_complete_and_adds_up():
    with Server(answer_all) as server:
        result = load("-n500", "-c4", "-p2", "-w2", server.url)
        equal(sorted(result), sorted(["url", "protocol", "loop", "rate", "connections", "pipeline",
              "workers", "poller", "seconds", "answers", "answers_per_second", "connects", "bytes_in",
              "bytes_out", "latency_ns", "latency_histogram_ns", "status", "errors"]))
        equal([result[k] for k in ("url", "protocol", "loop", "rate", "connections", "pipeline",
                                   "workers")], [server.url, "http", "closed", 0, 4, 2, 2])
        if "ROTA_POLLER" in os.environ:
            equal(result["poller"], os.environ["ROTA_POLLER"])
        rate = result["answers"] / result["seconds"]
        equal(abs(result["answers_per_second"] / rate - 1) < 0.01, True)
        check_latencies(result)


def check_latencies(result):
    """The percentiles are those of the histogram, and all that was answered is in it."""
    latency, slots = result["latency_ns"], result["latency_histogram_ns"]
    equal(latency["count"], result["answers"])
    equal(sum(count for _, count in slots), latency["count"])
    equal([top for top, _ in slots], sorted({top for top, _ in slots}))
    names = ["p50", "p90", "p99", "p99_9", "p99_99", "max"]
    for name, part in zip(names, [0.5, 0.9, 0.99, 0.999, 0.9999, 1]):
        wanted, seen = max(1, -int(-part * latency["count"] // 1)), 0
        for top, count in slots:
            seen += count
            if seen >= wanted:
                equal(latency[name], min(top, latency["max"]), name)
                break
    values = [latency[name] for name in ["min", *names]]
    equal(values, sorted(values))
    equal(latency["min"] <= latency["mean"] <= latency["max"], True)
    equal(slots[0][0] >= latency["min"], True)


@test
def the_table_tells_what_the_json_tells():
    with Server(answer_all) as server:
        ran = rota("load", "-n1234", "-c2", "--json", "out.json", server.url)
        equal((ran.returncode, ran.stderr), (0, ""))
        with open("out.json") as file:
            result = json.load(file)
        equal(result["answers"], 1234)
        for part in [server.url, "closed loop; 2 connections, 1 in flight on each",
                     "answers      1,234, ", "p50 ", "p99.99 ", "errors       none",
                     "see --rate", f", {result['poller']}; "]:
            contains(ran.stdout, part)


@test
def json_that_cannot_be_written_is_told():
    with Server(answer_all) as server:
        for name, why in ("/dev/full", "space"), ("no/such/folder", "o such file"):
            ran = rota("load", "-qn1", "-c1", "--json", name, server.url)
            equal(ran.returncode, 1)
            contains(ran.stderr, f"cannot write '{name}'")
            contains(ran.stderr, why)


# ---- what is sent ----


@test
def method_headers_and_body_are_sent_as_given():
    def record(server, sock):
        text = b""
        while not text.endswith(b"<body>"):
            piece = sock.recv(1000)
            if not piece:
                return
            text += piece
        server.requests.append(text)
        server.answer(sock)

    write("body", b"\0\1<body>")
    with Server(record) as server:
        host = server.url[7:-1]
        load("-n1", "-c1", "-H", "A: b c", "-H", "User-Agent: me", "-b", "the <body>", server.url + "x?y")
        load("-n1", "-c1", "-mPUT", "-H", "Host: else", "-b", "@body", server.url)
        equal(server.requests, [
            f"POST /x?y HTTP/1.1\r\nA: b c\r\nUser-Agent: me\r\nHost: {host}\r\n"
            "Content-Length: 10\r\n\r\nthe <body>".encode(),
            b"PUT / HTTP/1.1\r\nHost: else\r\nContent-Length: 8\r\n\r\n\0\1<body>"])


@test
def a_pipeline_sends_requests_before_it_has_answers():
    def four_at_a_time(server, sock):
        for number, _ in enumerate(server.heads(sock), 1):
            if number % 4 == 0:  # who sends them one by one waits for ever
                server.answer(sock, 4 * OK)

    with Server(four_at_a_time) as server:
        result = load("-n80", "-c2", "-p4", server.url)
        equal((result["answers"], server.seen, errors(result)), (80, 80, {}))


@test
def all_connections_are_open_before_it_begins():
    everybody = threading.Barrier(9)

    def together(server, sock):
        first = True
        for _ in server.heads(sock):
            if first:
                everybody.wait()
            first = False
            server.answer(sock)

    with Server(together) as server:
        result = load("-n90", "-c9", "-w2", server.url)
        equal((result["answers"], server.connections), (90, 9))


@test
def a_server_may_close_after_each_answer():
    def once(server, sock):
        for _ in server.heads(sock):
            server.answer(sock, OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            return

    with Server(once) as server:
        for depth in "1", "3":
            server.connections = 0
            result = load("-n30", "-c3", "-p", depth, server.url)
            equal((result["answers"], errors(result)), (30, {}))
            equal(result["connects"] >= 30, True)


@test
def echo_is_checked_to_the_last_byte():
    with Server(echo) as server:
        for size, depth, n in (1, 1, 300), (64, 4, 500), (100000, 3, 30), (1 << 20, 1, 5):
            server.seen = 0
            result = load("-n", str(n), "-c2", "-s", str(size), "-p", str(depth), server.tcp)
            equal((result["protocol"], result["answers"], errors(result)), ("echo", n, {}))
            equal((result["bytes_in"], result["bytes_out"], server.seen), (n * size,) * 3)


@test
def one_wrong_byte_is_found():
    def almost(server, sock):
        count = 0
        while piece := sock.recv(65536):
            if count <= 5000 < count + len(piece):
                at = 5000 - count
                piece = piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1:]
            count += len(piece)
            sock.sendall(piece)

    with Server(almost) as server:
        result = load("-n100", "-c1", "-s100", server.tcp, status=1)
        equal(errors(result), {"mismatch": 1})
        equal(result["answers"], 99)


@test
def a_unix_socket_can_be_loaded():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("echo.sock")
    listener.listen(100)
    with Server(echo, listener) as server:
        result = load("-n100", "-c4", f"unix:{os.getcwd()}/echo.sock")
        equal((result["answers"], server.connections, errors(result)), (100, 4, {}))


# ---- the open loop ----


@test
def a_rate_is_kept_and_every_due_request_is_sent():
    with Server(answer_all) as server:
        for rate, time_text, n in (500, "400ms", 200), (50, "500ms", 25), (3000, "100ms", 300):
            server.seen = 0
            result = load("-r", str(rate), "-d", time_text, "-c4", "-w2", "-p400", server.url)
            equal((result["loop"], result["rate"], errors(result)), ("open", rate, {}))
            equal((result["due"], result["sent"], result["answers"], server.seen), (n,) * 4)
            # The last one is due one interval before the end, and none is sent before it is due.
            equal(result["seconds"] >= (n - 1) / rate, True)
            check_latencies(result)


@test
def a_rate_may_have_a_number_of_requests():
    with Server(answer_all) as server:
        result = load("-r1000", "-n100", "-c2", server.url)
        equal((result["due"], result["sent"], result["answers"]), (100, 100, 100))
        equal(result["seconds"] >= 0.099, True)


STALL_S = 0.5


def stall_once(server, sock):
    """Answer at once, but take half a second for request number 20."""
    for number, _ in server.heads(sock):
        if number == 20:
            began = time.monotonic()
            time.sleep(STALL_S)  # the server's slowness is what is looked at
            server.stalled_s = time.monotonic() - began
        server.answer(sock)


def slow_ones(result, limit_s):
    return sum(count for top, count in result["latency_histogram_ns"] if top > limit_s * 1e9)


@test
def latency_counts_from_when_a_request_was_due_so_a_stall_is_not_omitted():
    rate = 200
    with Server(stall_once) as server:
        result = load("-r", str(rate), "-d1s", "-c1", server.url)
        stalled = server.stalled_s
    # Of the requests due in the first half of the stall each waited for more than the other half.
    equal(slow_ones(result, stalled / 2) >= int(rate * stalled / 2) - 2, True, result)
    equal(result["latency_ns"]["max"] >= stalled * 0.98e9, True)
    equal((result["due"], result["answers"]), (rate, result["sent"]))
    # The closed loop, which waits along with the server, sees one.
    with Server(stall_once) as server:
        result = load("-n", str(rate), "-c1", server.url)
        equal(slow_ones(result, server.stalled_s / 2) < 10, True, result)


@test
def what_could_not_be_sent_in_time_is_told():
    release = threading.Event()

    def stuck(server, sock):
        for number, _ in server.heads(sock):
            if number == 5:
                release.wait()
            server.answer(sock)

    with Server(stuck) as server:
        running = start("load", "-r25", "-d2s", "-c1", "-j", "out", server.url, stdout=subprocess.PIPE)
        while server.seen < 5:
            time.sleep(0.001)
        time.sleep(2.1)  # past the end of sending: nothing shows that from outside
        release.set()
        out = running.communicate()[0]
        with open("out") as file:
            result = json.load(file)
        equal((result["due"], result["sent"], result["answers"], running.returncode), (50, 5, 5, 0))
        equal(server.seen, 5)
        contains(out, "behind       45 of 50 due requests could not be sent in time")


# ---- servers that fail ----


@test
def a_server_that_dies_in_the_middle_is_told_with_what_it_had_answered():
    def die(server, sock):
        for number, _ in server.heads(sock):
            if number == 50:
                server.shut()
                return  # read, not answered
            server.answer(sock)

    with Server(die) as server:
        result = load("-d300ms", "-c1", server.url, status=1)
        equal((result["answers"], server.answered), (49, 49))
        equal(sorted(errors(result)), ["closed", "connect"])
        equal(result["errors"]["closed"], 1)


@test
def a_server_that_is_killed_ends_no_load():
    os.mkdir("www")
    server = Serve("www")
    running = start("load", "-d500ms", "-c20", "-w2", f"{server.url}/hello", stdout=subprocess.PIPE)
    while connections_to(server.port) < 20:
        time.sleep(0.001)
    server.process.kill()
    server.end()
    out = running.communicate()[0]
    equal(running.returncode, 1)
    # Where the end of the load comes soon after, none may have come so far as to connect anew.
    equal(re.search("could not connect|connection reset|closed in the middle", out) is None, False)
    equal("answers      0," in out, False)


def connections_to(port):
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return sum(row[3] == "01" and int(row[2].split(":")[1], 16) == port for row in rows)


@test
def a_server_that_comes_back_is_used_again():
    os.mkdir("www")
    server = Serve("www")
    running = start("load", "-q", "-d1h", "-c4", "-j-", f"{server.url}/hello", stdout=subprocess.PIPE)
    while connections_to(server.port) < 4:
        time.sleep(0.001)
    server.process.kill()
    server.end()
    with Server(answer_all, when_it_is_free(server.port)) as second:
        while second.answered < 100:
            time.sleep(0.001)
        running.send_signal(signal.SIGINT)
        result = json.loads(running.communicate()[0])
    equal(result["answers"] > 100, True)
    equal(running.returncode, 1)


def when_it_is_free(port):
    """A listener on it.  A ring lets go of what it holds a moment after its process has ended."""
    while True:
        try:
            return socket.create_server(("127.0.0.1", port))
        except OSError as error:
            equal(error.errno, errno.EADDRINUSE)


@test
def resets_are_told():
    def reset(server, sock):
        for number, _ in server.heads(sock):
            if number % 10 == 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            server.answer(sock)

    with Server(reset) as server:
        result = load("-n100", "-c1", server.url, status=1)
        equal((result["answers"], errors(result)), (90, {"reset": 10}))


@test
def answers_that_do_not_come_in_time_are_told():
    def silent(server, sock):
        for _ in server.heads(sock):
            pass

    with Server(silent) as server:
        result = load("-n3", "-c1", "-t500ms", server.url, status=1)
        equal((result["answers"], server.seen, errors(result)), (0, 3, {"timeout": 3}))
        equal(result["latency_ns"]["count"], 0)


@test
def answers_with_an_error_status_are_answers_and_errors():
    def moody(server, sock):
        for number, _ in server.heads(sock):
            status = [b"200", b"404", b"500", b"302"][number % 4]
            server.answer(sock, OK.replace(b"200", status))

    with Server(moody) as server:
        result = load("-n40", "-c1", server.url, status=1)
        equal((result["answers"], errors(result)), (40, {"status": 20}))
        equal(result["status"], {"1xx": 0, "2xx": 10, "3xx": 10, "4xx": 10, "5xx": 10})


@test
def what_is_not_http_is_told():
    def nonsense(server, sock):
        for _ in server.heads(sock):
            sock.sendall(b"220 mail.example.org ready\r\n\r\n")
            return

    def half(server, sock):
        for _ in server.heads(sock):
            sock.sendall(OK[:-1])
            return

    for talk, kind in (nonsense, "protocol"), (half, "closed"):
        with Server(talk) as server:
            result = load("-n5", "-c1", server.url, status=1)
            equal((result["answers"], errors(result)), (0, {kind: 5}))


@test
def a_name_that_does_not_exist_is_told():
    for url in "http://no.such.name.invalid/", "tcp://no.such.name.invalid:7":
        ran = rota("load", "-d1ms", url)
        equal((ran.returncode, ran.stdout), (1, ""))
        contains(ran.stderr, f"cannot connect to {url}: ")
        contains(ran.stderr, "name")


@test
def without_descriptors_it_says_so():
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (30, 30))

    with Server(answer_all) as server:
        ran = rota("load", "-n100", "-c100", "-w1", server.url, preexec_fn=few)
        equal(ran.returncode, 1)
        equal(re.search(r"could not connect \d+ \(Too many open files\)", ran.stdout) is not None, True,
              ran.stdout)


# ---- its end, and the way there ----


@test
def ctrl_c_ends_it_with_what_was_measured():
    with Server(answer_all) as server:
        running = start("load", "-q", "-d1h", "-c2", "-j-", server.url, stdout=subprocess.PIPE)
        while server.answered < 50:
            time.sleep(0.001)
        running.send_signal(signal.SIGINT)
        result = json.loads(running.communicate()[0])
        equal(running.returncode, 0)
        equal(errors(result), {})
        check_latencies(result)
    on_their_way = 2  # one on each connection; all are counted once the server's threads have ended
    equal(50 - on_their_way <= result["answers"] <= server.answered, True, f"{result['answers']} of {server.answered}")


@test
def a_terminal_shows_how_it_is_going():
    ours, theirs = os.openpty()
    with Server(answer_all) as server:
        running = start("load", "-d1h", "-c2", server.url, stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        text = ""
        while not re.search(r"\r +\d+ s  [\d,]+ answers  [\d,]+/s  0 errors", text):
            text += os.read(ours, 1000).decode()
        running.send_signal(signal.SIGINT)
        equal(running.wait(), 0)
    os.close(ours)


# ---- wrong arguments; see usage.py for those that all commands share ----


@test
def values_that_make_no_sense_are_told():
    for arguments, what in [
            (["-c0"], "--connections must be from 1 to"), (["-p0"], "--pipeline must be from 1 to 4096"),
            (["-p4097"], "--pipeline must be from 1 to 4096"), (["-n0"], "--requests must be from 1"),
            (["-d0s"], "--duration must be from 1ms"), (["-d", "soon"], "--duration takes a time"),
            (["-r0"], "--rate must be from 1"), (["-w0"], "--workers must be from 1 to 256"),
            (["-w257"], "--workers must be from 1 to 256"), (["-t0s"], "--timeout must be from 1ms"),
            (["-j", ""], "--json needs the name of a file")]:
        ran = rota("load", *arguments, "http://127.0.0.1:1/")
        equal((ran.returncode, ran.stdout), (2, ""), arguments)
        contains(ran.stderr, what)
    ran = rota("load", "-s16m", "-p5", "tcp://127.0.0.1:1")
    equal(ran.returncode, 2)
    contains(ran.stderr, "more than 64 MiB")


main()
