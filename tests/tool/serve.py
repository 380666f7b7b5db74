#!/usr/bin/env python3
"""serve.py ROTA - `rota serve` against raw connections: files, ranges, conditions, limits, stopping"""
import email.utils
import html.parser
import os
import re
import resource
import signal
import socket
import urllib.parse

from kit import Answer, Serve, ask, at_end, connect, contains, equal, main, noise, request, test, write

MODIFIED = 1600000000


def site():
    """A folder with a bit of everything; what is in which file."""
    files = {
        "index.html": b"<p>home</p>",
        "a.txt": b"0123456789" * 100,
        "empty": b"",
        "page.html": b"<p>page</p>",
        "picture.PNG": noise(5000),
        "large.bin": noise(3 * 1024 * 1024),
        "sub/index.html": b"<p>sub</p>",
        "bare/one.txt": b"one",
        "bare/two & <three>.txt": b"two",
        "bare/ünï: cöde?.txt": b"unicode",
        "bare/.hidden": b"hidden",
        "with space/x.txt": b"space",
    }
    for name, content in files.items():
        write(os.path.join("www", name), content)
        os.utime(os.path.join("www", name), (MODIFIED, MODIFIED))
    return files


@test
def files_are_served_with_type_length_and_dates():
    files = site()
    types = {"index.html": "text/html", "a.txt": "text/plain", "picture.PNG": "image/png",
             "large.bin": "application/octet-stream", "empty": "application/octet-stream"}
    with Serve("www") as server:
        for name, content in files.items():
            answer = ask(server.port, "/" + urllib.parse.quote(name))
            equal((answer.status, answer.body), (200, content), name)
            equal(answer["Content-Length"], str(len(content)))
            equal(answer["Last-Modified"], email.utils.formatdate(MODIFIED, usegmt=True))
            equal(answer["Accept-Ranges"], "bytes")
            contains(answer["Server"], "rota/")
            if name in types:
                equal(answer["Content-Type"].split(";")[0], types[name])


@test
def hello_is_thirteen_bytes():
    os.mkdir("www")
    with Serve("www") as server:
        answer = ask(server.port, "/hello")
        equal((answer.status, answer.body), (200, b"Hello, World!"))
        equal(answer["Content-Type"], "text/plain")


@test
def head_is_get_without_the_body():
    site()
    with Serve("www") as server, connect(server.port) as sock:
        for path in "/a.txt", "/large.bin", "/", "/bare/", "/hello", "/missing", "/sub":
            get = ask(server.port, path)
            head = ask(server.port, path, method="HEAD", sock=sock)
            equal((head.status, head.body), (get.status, b""))
            for name in "Content-Length", "Content-Type", "ETag", "Last-Modified", "Location":
                equal(head[name], get[name], f"{path}: {name}")


@test
def a_folder_is_its_index_or_redirects_to_itself_with_a_slash():
    site()
    with Serve("www") as server:
        equal(ask(server.port, "/").body, b"<p>home</p>")
        equal(ask(server.port, "/sub/").body, b"<p>sub</p>")
        for target, location in (("/sub", "/sub/"), ("/sub?a=b", "/sub/?a=b"), ("//sub", "/sub/"),
                                 ("/with%20space", "/with%20space/")):
            answer = ask(server.port, target)
            equal((answer.status, answer["Location"]), (301, location))


class Links(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "a":
            self.found.append(dict(attributes)["href"])


@test
def a_folder_without_an_index_is_listed_and_every_link_leads_to_its_file():
    files = site()
    with Serve("www") as server:
        answer = ask(server.port, "/bare/")
        equal((answer.status, answer["Content-Type"]), (200, "text/html; charset=utf-8"))
        links = Links(answer.body.decode()).found
        equal(links[0], "../")
        bodies = []
        for link in links[1:]:
            url = urllib.parse.urljoin(server.url + "/bare/", link)
            bodies.append(ask(server.port, urllib.parse.urlsplit(url).path).body)
        wanted = [content for name, content in files.items()
                  if name.startswith("bare/") and "hidden" not in name]
        equal(sorted(bodies), sorted(wanted))
        contains(answer.body.decode(), "two &amp; &lt;three&gt;.txt")
        equal(b"<three>" in answer.body, False)
        equal(ask(server.port, "/bare/.hidden").body, b"hidden")


@test
def a_name_cannot_put_markup_or_script_into_a_listing():
    name = "www/x/\"><script>alert(1)</script>'.txt".replace("/script", "\\script")
    write("www/x/\"><img src=x onerror=alert(1)>'&amp;.txt", b"it")
    with Serve("www") as server:
        body = ask(server.port, "/x/").body.decode()
        links = Links(body).found
        equal(len(links), 2)
        equal(ask(server.port, urllib.parse.urljoin("/x/", links[1])).body, b"it")
        equal("<img" in body, False)


@test
def listing_can_be_switched_off():
    site()
    with Serve("www", "--no-listing") as server:
        equal(ask(server.port, "/bare/").status, 403)
        equal(ask(server.port, "/sub/").status, 200)


@test
def what_is_not_there_or_not_a_file_is_404_and_what_may_not_be_read_is_403():
    site()
    os.mkfifo("www/fifo")
    os.chmod("www/a.txt", 0)
    with Serve("www") as server:
        equal(ask(server.port, "/missing").status, 404)
        equal(ask(server.port, "/missing/").status, 404)
        equal(ask(server.port, "/page.html/").status, 404)
        equal(ask(server.port, "/page.html/x").status, 404)
        equal(ask(server.port, "/" + "n" * 300).status, 404)
        equal(ask(server.port, "/fifo").status, 404)
        if os.getuid() != 0:
            equal(ask(server.port, "/a.txt").status, 403)


@test
def nothing_outside_of_the_folder_is_served():
    site()
    write("secret.txt", b"secret")
    write("www-evil/x", b"secret")
    os.symlink("../secret.txt", "www/out")
    os.symlink("..", "www/up")
    os.symlink(os.path.abspath("secret.txt"), "www/absolute")
    os.symlink("a.txt", "www/inside")
    os.symlink("sub", "www/folder")
    os.symlink("loop", "www/loop")
    targets = ["/../secret.txt", "/..", "/../", "/sub/../../secret.txt", "/%2e%2e/secret.txt",
               "/.%2e/secret.txt", "/..%2fsecret.txt", "/..%5csecret.txt", "/sub/..%00/secret.txt",
               "/../www-evil/x", "//../secret.txt", "/./../secret.txt", "/up/secret.txt", "/out",
               "/absolute", "/up/", "/loop", "/sub/../../../../../../etc/passwd", "/%c0%ae%c0%ae/secret.txt",
               "/....//secret.txt", "/..;/secret.txt", "/proc/self/root/etc/passwd"]
    with Serve("www") as server:
        for target in targets:
            answer = ask(server.port, target)
            equal(answer.status in (400, 403, 404), True, f"{target}: {answer.status}")
            equal(b"secret\n" in answer.body or answer.body == b"secret" or b"root:" in answer.body,
                  False, target)
        equal(ask(server.port, "/inside").status, 200)
        equal(ask(server.port, "/folder/").body, b"<p>sub</p>")
        equal(ask(server.port, "/out").status, 403)
        equal(ask(server.port, "http://elsewhere/a.txt").status, 200)


@test
def other_methods_are_405():
    site()
    with Serve("www") as server:
        for method in "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW":
            answer = ask(server.port, "/a.txt", method=method)
            equal((answer.status, answer["Allow"]), (405, "GET, HEAD"), method)
        answer = ask(server.port, "/a.txt", "Content-Length: 0", method="POST")
        equal(answer.status, 405)


# ---- conditions and ranges ----


@test
def conditions_are_answered_304_and_412():
    site()
    date, before, after = (email.utils.formatdate(t, usegmt=True)
                           for t in (MODIFIED, MODIFIED - 1, MODIFIED + 1))
    with Serve("www") as server:
        tag = ask(server.port, "/a.txt")["ETag"]
        for fields, status in [
                (["If-None-Match: " + tag], 304), (["If-None-Match: *"], 304),
                (["If-None-Match: \"x\", W/" + tag], 304), (["If-None-Match: \"x\""], 200),
                (["If-Modified-Since: " + date], 304), (["If-Modified-Since: " + after], 304),
                (["If-Modified-Since: " + before], 200), (["If-Modified-Since: nonsense"], 200),
                (["If-None-Match: \"x\"", "If-Modified-Since: " + date], 200),
                (["If-Match: " + tag], 200), (["If-Match: *"], 200), (["If-Match: \"x\""], 412),
                (["If-Unmodified-Since: " + date], 200), (["If-Unmodified-Since: " + before], 412)]:
            for method in "GET", "HEAD":
                answer = ask(server.port, "/a.txt", *fields, method=method)
                equal(answer.status, status, f"{method} {fields}")
                if status == 304:
                    equal((answer.body, answer["ETag"], answer["Last-Modified"]), (b"", tag, date))


@test
def the_etag_changes_with_the_file():
    site()
    with Serve("www") as server:
        first = ask(server.port, "/a.txt")["ETag"]
        equal(ask(server.port, "/a.txt")["ETag"], first)
        write("www/a.txt", b"other")
        answer = ask(server.port, "/a.txt", "If-None-Match: " + first)
        equal((answer.status, answer.body), (200, b"other"))


@test
def single_ranges_are_answered_206_and_416():
    content = site()["large.bin"]
    size = len(content)
    with Serve("www") as server, connect(server.port) as sock:
        for spec, first, last in [("0-0", 0, 0), ("0-99", 0, 99), ("5-", 5, size - 1),
                                  ("-1", size - 1, size - 1), ("-100", size - 100, size - 1),
                                  (f"-{size + 5}", 0, size - 1), (f"{size - 1}-", size - 1, size - 1),
                                  (f"100-{size + 100}", 100, size - 1), ("1000-70000", 1000, 70000)]:
            answer = ask(server.port, "/large.bin", f"Range: bytes={spec}", sock=sock)
            equal(answer.status, 206, spec)
            equal(answer["Content-Range"], f"bytes {first}-{last}/{size}")
            equal(answer.body == content[first:last + 1], True, spec)
        for spec in f"{size}-", f"{size + 1}-{size + 9}", "-0":
            answer = ask(server.port, "/large.bin", f"Range: bytes={spec}", sock=sock)
            equal((answer.status, answer["Content-Range"]), (416, f"bytes */{size}"), spec)
        for field in "Range: bytes=x-y", "Range: lines=1-2", "Range: bytes=9-3", "Range: bytes=":
            answer = ask(server.port, "/large.bin", field, sock=sock)
            equal((answer.status, len(answer.body)), (200, size), field)
        equal(ask(server.port, "/large.bin", "Range: bytes=0-1", method="HEAD", sock=sock).status, 200)


def parts_of(answer):
    """The parts of a multipart/byteranges answer: their Content-Range and bytes."""
    boundary = re.fullmatch(r"multipart/byteranges; boundary=(\S+)", answer["Content-Type"])[1]
    pieces = answer.body.split(b"\r\n--" + boundary.encode())
    equal((pieces[0], pieces[-1]), (b"", b"--\r\n"))
    parts = []
    for piece in pieces[1:-1]:
        head, _, body = piece.partition(b"\r\n\r\n")
        contains(head.decode(), "Content-Type: application/octet-stream")
        parts.append((re.search(rb"Content-Range: (.*)", head)[1].strip().decode(), body))
    return parts


@test
def several_ranges_are_answered_in_parts():
    content = site()["large.bin"]
    size = len(content)
    with Serve("www") as server, connect(server.port) as sock:
        answer = ask(server.port, "/large.bin", "Range: bytes=0-0, 100-100099,-5", sock=sock)
        equal(answer.status, 206)
        equal(parts_of(answer) == [(f"bytes 0-0/{size}", content[:1]),
                                   (f"bytes 100-100099/{size}", content[100:100100]),
                                   (f"bytes {size - 5}-{size - 1}/{size}", content[-5:])], True)
        equal(ask(server.port, "/large.bin", f"Range: bytes=0-1,{size}-", sock=sock).body, content[:2])
        many = ",".join(f"{i}-{i}" for i in range(0, 200, 2))
        equal(ask(server.port, "/large.bin", f"Range: bytes={many}", sock=sock).status, 200)
        equal(ask(server.port, "/large.bin", "Range: bytes=0-,0-,0-,0-", sock=sock).status, 200)


@test
def a_range_holds_only_if_the_file_is_still_the_same():
    content = site()["large.bin"]
    date = email.utils.formatdate(MODIFIED, usegmt=True)
    other = email.utils.formatdate(MODIFIED - 5, usegmt=True)
    with Serve("www") as server:
        tag = ask(server.port, "/large.bin")["ETag"]
        for field, status in (tag, 206), ('"x"', 200), ("W/" + tag, 200), (date, 206), (other, 200):
            answer = ask(server.port, "/large.bin", "Range: bytes=1-3", "If-Range: " + field)
            equal(answer.status, status, field)
            equal(len(answer.body), 3 if status == 206 else len(content))


# ---- connections ----


@test
def requests_that_come_together_are_answered_in_order():
    files = site()
    with Serve("www") as server, connect(server.port) as sock:
        names = ["a.txt", "large.bin", "empty", "page.html", "a.txt"]
        sock.sendall(b"".join(request("GET", "/" + name) for name in names))
        for name in names:
            # One response object would read ahead: take each from the socket byte-exactly.
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += sock.recv(1)
            length = int(re.search(rb"Content-Length: (\d+)", head)[1])
            body = b""
            while len(body) < length:
                body += sock.recv(length - len(body))
            equal(body == files[name], True, name)


@test
def http_1_0_is_answered_and_closed():
    site()
    with Serve("www") as server, connect(server.port) as sock:
        sock.sendall(b"GET /a.txt HTTP/1.0\r\n\r\n")
        answer = Answer(sock)
        equal((answer.status, answer["Connection"]), (200, "close"))
        equal(at_end(sock), True)


@test
def an_idle_connection_is_closed_after_its_time():
    site()
    with Serve("www", "--idle", "20ms") as server, connect(server.port) as sock:
        equal(at_end(sock), True)


@test
def a_peer_that_disconnects_in_the_middle_of_a_file_does_no_harm():
    site()
    with Serve("www") as server:
        for _ in range(20):
            with connect(server.port) as sock:
                sock.sendall(request("GET", "/large.bin"))
                sock.recv(1000)
        equal(ask(server.port, "/a.txt").status, 200)


@test
def when_descriptors_run_out_it_waits_and_goes_on():
    site()
    limit = 40

    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    with Serve("www", "--workers", "1", limits=few) as server:
        socks = [connect(server.port) for _ in range(3 * limit)]
        for sock in socks:
            sock.sendall(request("GET", "/a.txt"))
        # Those that were accepted have answers; 503 where no descriptor was left for the file.
        first = Answer(socks[0])
        equal(first.status in (200, 503), True, first.status)
        for i, sock in enumerate(socks):
            if i > 0:
                answer = Answer(sock)
                equal(answer.status in (200, 503), True, answer.status)
            sock.close()
        answer = ask(server.port, "/a.txt")
        equal(answer.status, 200)


@test
def at_most_so_many_connections_at_a_time():
    site()
    with Serve("www", "--workers", "1", "--connections", "2") as server:
        socks = [connect(server.port) for _ in range(6)]
        for sock in socks:
            sock.sendall(request("GET", "/a.txt"))
        for sock in socks:
            equal(Answer(sock).status, 200)
            sock.close()


# ---- the log ----


def logged(server_log="-", *options, fields=()):
    site()
    server = Serve("www", *options, log=server_log)
    with connect(server.port) as sock:
        ask(server.port, "/a.txt?x=%20y", *fields, sock=sock)
        ask(server.port, "/missing", sock=sock)
        ask(server.port, "/a.txt", "Range: bytes=0-9", sock=sock, method="GET")
        ask(server.port, "/a.txt", sock=sock, method="HEAD")
        sock.sendall(b"nonsense\r\n\r\n")
        equal(Answer(sock).status, 400)
    out, errors = server.stop()
    return out, errors


COMMON = r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] '


@test
def the_log_has_a_line_for_each_request():
    out, _ = logged("-", "--log-format", "common")
    lines = out.splitlines()
    wanted = [r'"GET /a\.txt\?x=%20y HTTP/1\.1" 200 1000', r'"GET /missing HTTP/1\.1" 404 14',
              r'"GET /a\.txt HTTP/1\.1" 206 10', r'"HEAD /a\.txt HTTP/1\.1" 200 0', r'"-" 400 \d+']
    for line, pattern in zip(lines, wanted):
        equal(re.fullmatch(COMMON + pattern, line) is not None, True, line)
    contains(lines[5], "served 5 requests on 1 connection")


@test
def a_combined_log_has_referer_and_agent_and_cannot_be_forged():
    out, _ = logged(fields=["Referer: http://here/", 'User-Agent: a "quoted\\" b\xe4'])
    line = out.splitlines()[0]
    pattern = COMMON + r'"GET /a\.txt\?x=%20y HTTP/1\.1" 200 1000 "http://here/" ' \
        r'"a \\x22quoted\\x5C\\x22 b\\xE4"'
    equal(re.fullmatch(pattern, line) is not None, True, line)


@test
def the_log_is_appended_to_a_file():
    write("log", b"before\n")
    out, _ = logged(os.path.abspath("log"))
    with open("log") as file:
        lines = file.readlines()
    equal((len(lines), lines[0]), (6, "before\n"))
    equal(len(out.splitlines()), 2)


@test
def a_full_disk_loses_the_log_but_not_the_service():
    _, errors = logged("/dev/full")
    contains(errors, "cannot write the access log '/dev/full': No space left on device")
    contains(errors, "bytes of the access log could not be written")


@test
def a_log_that_nobody_reads_does_not_hold_up_the_service():
    site()
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    with Serve("www", log="pipe") as server, connect(server.port) as sock:
        for _ in range(20000):  # 2 MB of lines into 64 KB of pipe
            answer = ask(server.port, "/empty", sock=sock)
            equal(answer.status, 200)
        os.set_blocking(reader, True)
        server.signal()
        lines = 0
        while text := os.read(reader, 1 << 20):
            lines += text.count(b"\n")
        status, _, errors = server.end()
        equal(status, 0)
        dropped = re.search(r"(\d+) lines of the access log were dropped", errors)
        equal(lines + int(dropped[1] if dropped else 0), 20000)
    os.close(reader)


# ---- start and stop ----


@test
def the_first_line_tells_url_model_poller_and_workers():
    os.mkdir("www")
    with Serve("www", "--workers", "2") as server:
        pattern = rf"listening on http://127\.0\.0\.1:{server.port}/ \(group, (uring|epoll), 2 workers\)\n"
        equal(re.fullmatch(pattern, server.first_line) is not None, True, server.first_line)
        if "ROTA_POLLER" in os.environ:
            contains(server.first_line, os.environ["ROTA_POLLER"])
    for poller in "epoll", os.environ.get("ROTA_POLLER", "epoll"):
        with Serve("www", "--poller", poller, "-w1") as server:
            contains(server.first_line, f"(single, {poller}, 1 worker)")


@test
def every_model_and_way_to_deal_serves_counts_and_logs_the_same():
    site()
    for options, line in (
            (["--model", "single"], "(single, {}, 1 worker)"),
            (["--model", "group", "-w2"], "(group, {}, 2 workers)"),
            (["--model", "group", "-w2", "--bosses", "1"], "(group, {}, 1 boss, 2 workers)"),
            (["--model", "group", "-w3", "--deal", "own"], "(group, {}, 3 workers)"),
            (["-m", "steal", "-w3", "--deal", "least"], "(steal, {}, 3 workers)")):
        server = Serve("www", "--poller", "epoll", *options, log="-")
        contains(server.first_line, line.format("epoll"))
        socks = [connect(server.port) for _ in range(8)]
        for _ in range(5):
            for sock in socks:
                equal(ask(server.port, "/a.txt", sock=sock).status, 200)
        for sock in socks:
            sock.close()
        out, errors = server.stop()
        equal(errors, "")
        contains(out, "served 40 requests on 8 connections")
        equal(out.count('"GET /a.txt HTTP/1.1" 200'), 40)


@test
def the_environment_names_model_and_workers():
    site()
    for name, value in ("ROTA_MODEL", "steal"), ("ROTA_WORKERS", "3"):
        os.environ[name] = value
    try:
        with Serve("www", "--poller", "epoll") as server:
            contains(server.first_line, "(steal, epoll, 3 workers)")
    finally:
        del os.environ["ROTA_MODEL"], os.environ["ROTA_WORKERS"]


@test
def every_address_can_be_listened_on():
    site()
    with Serve("www", "--listen", "::1") as server:
        contains(server.first_line, "http://[::1]:")
        with connect(server.port, "::1") as sock:
            equal(ask(server.port, "/a.txt", sock=sock).status, 200)
    with Serve("www", "--listen", "*") as server:
        for host in "127.0.0.1", "::1":
            with connect(server.port, host) as sock:
                equal(ask(server.port, "/a.txt", sock=sock).status, 200)


@test
def the_end_tells_what_was_served():
    site()
    with Serve("www") as server:
        for target in "/a.txt", "/sub", "/missing", "/a.txt":
            ask(server.port, target)
        with connect(server.port) as sock:
            sock.sendall(b"nonsense\r\n\r\n")
            Answer(sock)
        out, errors = server.stop()
        contains(out, "served 5 requests on 5 connections")
        contains(out, "status 2xx 2, 3xx 1, 4xx 2, 5xx 0, none 0; errors: 1 refused")
        equal(errors, "")


@test
def quiet_is_quiet():
    import subprocess
    from kit import ROTA
    site()
    ran = subprocess.Popen([ROTA, "serve", "www", "--port", "0", "--quiet", "--log", "off"],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not b"SigCgt" in open(f"/proc/{ran.pid}/status", "rb").read() or not catches(ran.pid):
        pass
    ran.terminate()
    out, errors = ran.communicate()
    equal((ran.returncode, out, errors), (0, "", ""))


def catches(pid):
    """The process has a handler for SIGTERM."""
    with open(f"/proc/{pid}/status") as status:
        mask = int(re.search(r"SigCgt:\s*(\w+)", status.read())[1], 16)
    return mask >> (signal.SIGTERM - 1) & 1


def busy_and_idle(server):
    """A connection in the middle of a large answer, and one that has had its answer."""
    idle = connect(server.port)
    equal(ask(server.port, "/a.txt", sock=idle).status, 200)
    busy = connect(server.port)
    busy.sendall(request("GET", "/huge.bin"))
    begun = busy.recv(4)
    equal(begun, b"HTTP")
    return busy, idle, begun


def huge():
    site()
    content = noise(64 * 1024 * 1024)
    write("www/huge.bin", content)
    return content


def rest(sock, begun):
    text = [begun]
    while piece := sock.recv(1 << 20):
        text.append(piece)
    return b"".join(text).partition(b"\r\n\r\n")[2]


@test
def a_stop_lets_the_answer_in_progress_finish_and_closes_idle_connections():
    content = huge()
    for number in signal.SIGTERM, signal.SIGINT:
        with Serve("www", "--grace", "1h") as server:
            busy, idle, begun = busy_and_idle(server)
            server.signal(number)
            equal(at_end(idle), True)
            equal(rest(busy, begun) == content, True)
            status, out, _ = server.end()
            equal(status, 0)
            contains(out, "status 2xx 2")
            busy.close()
            idle.close()


@test
def a_second_signal_ends_it_at_once():
    huge()
    server = Serve("www", "--grace", "1h")
    busy, idle, _ = busy_and_idle(server)
    server.signal()
    equal(at_end(idle), True)
    server.signal()
    equal(server.end()[0], -signal.SIGTERM)
    busy.close()
    idle.close()


@test
def an_answer_that_outlasts_the_grace_is_cut():
    content = huge()
    with Serve("www", "--grace", "10ms") as server:
        busy, idle, begun = busy_and_idle(server)
        server.signal()
        equal(server.end()[0], 0)
        try:
            equal(len(rest(busy, begun)) < len(content), True)
        except ConnectionResetError:
            pass
        busy.close()
        idle.close()


@test
def a_stop_that_comes_at_once_is_obeyed():
    import subprocess
    from kit import ROTA
    os.mkdir("www")
    for _ in range(20):
        with Serve("www", "--workers", "4") as server:
            server.signal()
            equal(server.end()[0], 0)


main()
