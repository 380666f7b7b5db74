#!/usr/bin/env python3
"""clients.py ROTA - `rota serve` as other people's programs see it: curl, wrk, ab, a browser; and beside nginx

A program that is not installed is skipped by name."""
import email
import hashlib
import os
import re
import socket
import subprocess
import urllib.parse

from kit import Answer, Serve, connect, contains, equal, main, need, noise, request, test, write

MODIFIED = 1600000000


def run(*command, **options):
    ran = subprocess.run(command, capture_output=True, text=True, **options)
    equal(ran.returncode, 0, f"{command[0]}: {ran.stderr}")
    return ran.stdout


def site():
    files = {
        "index.html": b"<p>home</p>",
        "a.txt": bytes(range(32, 127)) * 20,
        "empty": b"",
        "style.css": b"body { color: rgb(1, 2, 3) }",
        "data.json": b'{"answer": 42}',
        "picture.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="7" height="5"/>',
        "picture.png": noise(5000),
        "archive.zip": noise(3000, seed=2),
        "large.bin": noise(3 * 1024 * 1024),
        "sub/index.html": b"<p>sub</p>",
        "sub/with space & more.txt": b"space",
    }
    for name, content in files.items():
        write(os.path.join("www", name), content)
        os.utime(os.path.join("www", name), (MODIFIED, MODIFIED))
    return files


def served(out):
    """How many requests on how many connections, from the last words of the server."""
    found = re.search(r"served ([\d,]+) requests? on ([\d,]+) connections?", out)
    return tuple(int(n.replace(",", "")) for n in found.groups())


# ---- curl ----


@test
def curl_gets_every_file_over_one_connection():
    curl = need("curl")
    files = site()
    with Serve("www") as server:
        command = [curl, "--silent", "--show-error", "--fail"]
        for name in files:
            command += [f"{server.url}/{urllib.parse.quote(name)}", "--create-dirs", "-o", f"got/{name}"]
        run(*command)
        for name, content in files.items():
            with open(f"got/{name}", "rb") as file:
                equal(file.read() == content, True, name)
        out, _ = server.stop()
        equal(served(out), (len(files), 1))


@test
def curl_resumes_and_asks_only_for_what_is_newer():
    curl = need("curl")
    files = site()
    with Serve("www") as server:
        write("got", files["large.bin"][:1000000])
        run(curl, "-sSf", "-C", "-", "-o", "got", f"{server.url}/large.bin")
        with open("got", "rb") as file:
            equal(hashlib.sha256(file.read()).digest() == hashlib.sha256(files["large.bin"]).digest(), True)
        for field, status in ("1 Jan 2022", "304"), ("1 Jan 2001", "200"):
            equal(run(curl, "-sS", "-z", field, "-o", "newer", "-w", "%{http_code}",
                      f"{server.url}/a.txt"), status)


@test
def curl_uploads_are_refused_without_harm():
    curl = need("curl")
    site()
    write("body", noise(2 * 1024 * 1024))
    with Serve("www") as server:
        # -T of a large file asks with Expect: 100-continue first; -d sends it at once.
        for how in ["-T", "body"], ["-d", "x=y"], ["-X", "DELETE"], ["--data-binary", "@body"]:
            ran = subprocess.run([curl, "-sS", *how, "-o", "answer", "-w", "%{http_code}",
                                  f"{server.url}/a.txt"], capture_output=True, text=True)
            equal(ran.stdout, "405", how)
        equal(run(curl, "-sSf", f"{server.url}/hello"), "Hello, World!")


# ---- load generators ----


@test
def wrk_finds_no_error():
    wrk = need("wrk")
    files = site()
    for target, size in ("/hello", 13), ("/a.txt", len(files["a.txt"])):
        with Serve("www") as server:
            out = run(wrk, "-t1", "-c10", "-d1s", server.url + target)
            for trouble in "Socket errors", "Non-2xx":
                equal(trouble in out, False, out)
            count = int(re.search(r"(\d+) requests in", out)[1])
            requests, connections = served(server.stop()[0])
            # What was in flight when wrk's time was over it does not count.
            equal(count > 0 and 0 <= requests - count <= 20, True, (requests, count))
            equal(connections in (10, 11), True, connections)  # it looks first whether one can connect


@test
def wrk_pipelines():
    wrk = need("wrk")
    site()
    write("pipeline.lua", "init = function(args) local r = {} "
          "for i = 1, 16 do r[i] = wrk.format(nil, '/hello') end req = table.concat(r) end "
          "request = function() return req end")
    with Serve("www") as server:
        out = run(wrk, "-t1", "-c4", "-d1s", "-s", "pipeline.lua", server.url)
        equal("Socket errors" in out or "Non-2xx" in out, False, out)


@test
def ab_finds_no_error_with_and_without_keep_alive():
    ab = need("ab")
    files = site()
    for keep in [], ["-k"]:
        with Serve("www") as server:
            out = run(ab, "-q", "-n", "2000", "-c", "10", *keep, f"{server.url}/a.txt")
            for line in r"Complete requests: +2000", r"Failed requests: +0", \
                    rf"Document Length: +{len(files['a.txt'])} bytes", \
                    rf"HTML transferred: +{2000 * len(files['a.txt'])} bytes":
                equal(re.search(line, out) is not None, True, f"{line}: {out}")
            equal("Non-2xx" in out, False, out)
            if keep:
                contains(re.sub(" +", " ", out), "Keep-Alive requests: 2000")
            requests, connections = served(server.stop()[0])
            equal((requests, connections < 100), (2000, bool(keep)), connections)


# ---- a browser ----

PAGE = """<!doctype html><meta charset=utf-8><title>A page</title>
<link rel=stylesheet href=style.css>
<img id=i src=picture.svg><p id=p>nothing yet</p>
<script>
function get(url) { const r = new XMLHttpRequest(); r.open('GET', url, false); r.send(); return r }
const hello = get('/hello'), data = get('data.json'), gone = get('gone')
window.onload = () => { document.getElementById('p').textContent = [
    hello.status, hello.responseText, JSON.parse(data.responseText).answer, gone.status,
    document.getElementById('i').naturalWidth, getComputedStyle(document.body).color,
    document.title].join('; ') }
</script>"""


@test
def a_browser_shows_the_page_with_style_picture_and_script():
    chromium = need("chromium")
    site()
    write("www/index.html", PAGE)
    with Serve("www") as server:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                   f"--user-data-dir={os.getcwd()}/profile", "--dump-dom"]
        page = run(chromium, *options, f"{server.url}/", env=dict(os.environ, HOME=os.getcwd()))
        contains(page, "200; Hello, World!; 42; 404; 7; rgb(1, 2, 3); A page")
        os.unlink("www/sub/index.html")
        listing = run(chromium, *options, f"{server.url}/sub/", env=dict(os.environ, HOME=os.getcwd()))
        contains(listing, "with space &amp; more.txt")
        equal(server.stop()[1], "")


# ---- beside nginx ----

NGINX = """daemon off; master_process off; pid nginx.pid; error_log stderr crit;
events {}
http {
    access_log off; absolute_redirect off; default_type application/octet-stream;
    client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
    types { text/html html; text/plain txt; text/css css; application/json json; image/png png;
            image/svg+xml svg; application/zip zip; }
    server { listen unix:%s/nginx.sock; root %s/www; keepalive_timeout 3600s; }
}"""


class Nginx:
    """nginx on a Unix socket, serving the same folder."""

    def __init__(self):
        write("nginx.conf", NGINX % (os.getcwd(), os.getcwd()))
        self.process = subprocess.Popen([need("nginx"), "-p", os.getcwd(), "-c", "nginx.conf"])

    def __enter__(self):
        while True:
            try:
                self.connect().close()
                return self
            except OSError:
                equal(self.process.poll(), None, "nginx ended")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def connect(self):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect("nginx.sock")
        return sock


def exchange(sock, method, target, *fields):
    with sock:
        sock.sendall(request(method, target, *fields))
        return Answer(sock, method)


def parts(answer):
    """A multipart body without its boundary: [(Content-Range, Content-Type, bytes)]."""
    head = f"Content-Type: {answer['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + answer.body)
    return [(p["Content-Range"], p["Content-Type"].split(";")[0], p.get_payload(decode=True))
            for p in message.get_payload()]


def facts(answer):
    """What matters of an answer; the text of an error page, and what an ETag looks like, do not."""
    names = ["Content-Range", "Location"]
    if answer.status in (200, 206, 304):
        names += ["Last-Modified"]
    if answer.status in (200, 206):
        names += ["Content-Length", "Accept-Ranges"]
    multipart = (answer["Content-Type"] or "").startswith("multipart/")
    told = {name: answer[name] for name in names if not (multipart and name == "Content-Length")}
    told["ETag"] = answer["ETag"] is not None if answer.status in (200, 206, 304) else None
    if answer.status in (200, 206) and not multipart:
        told["Content-Type"] = answer["Content-Type"].split(";")[0]
    body = None
    if answer.status in (200, 206):
        body = parts(answer) if multipart else answer.body
    return answer.status, told, body


def compare(cases):
    with Nginx() as nginx, Serve("www") as server:
        for case in cases:
            theirs = facts(exchange(nginx.connect(), *case))
            ours = facts(exchange(connect(server.port), *case))
            equal(ours, theirs, case)


# Not compared, because we differ on purpose: ".." in a path, which we refuse and nginx follows; a range
# of an empty file, which is 416 (RFC 9110, 14.1.2) and with nginx the empty file.


@test
def files_are_those_of_nginx():
    files = site()
    targets = ["/" + urllib.parse.quote(name) for name in files]
    targets += ["/", "/sub", "/sub/", "/gone", "/gone/", "/a.txt?query", "/%61.txt", "/a%2Etxt",
                "/sub/./index.html", "//a.txt", "/a.txt/", "/hello.html"]
    compare([(method, target) for target in targets for method in ("GET", "HEAD")])


@test
def conditions_are_those_of_nginx():
    site()
    then, before, after = ("Sun, 13 Sep 2020 12:26:40 GMT", "Sun, 13 Sep 2020 12:26:39 GMT",
                           "Sun, 13 Sep 2020 12:26:41 GMT")
    fields = [f"If-Modified-Since: {then}", f"If-Modified-Since: {before}", "If-Modified-Since: yesterday",
              f"If-Unmodified-Since: {then}", f"If-Unmodified-Since: {before}",
              f"If-Unmodified-Since: {after}", 'If-None-Match: "other"', "If-None-Match: *",
              'If-Match: "other"', "If-Match: *"]
    compare([(method, "/a.txt", field) for field in fields for method in ("GET", "HEAD")])


@test
def ranges_are_those_of_nginx():
    site()
    ranges = ["0-0", "0-9", "10-", "-1", "-100", "0-", "0-1899", "0-1900", "1899-", "1900-", "5000-6000",
              "-5000", "0-9,20-29", "0-0,-1", "10-19,5000-"]
    compare([("GET", "/a.txt", f"Range: bytes={r}") for r in ranges] +
            [("GET", "/large.bin", "Range: bytes=1000000-2000000"),
             ("GET", "/a.txt", "Range: bytes=0-9", "If-Range: Sun, 13 Sep 2020 12:26:40 GMT"),
             ("GET", "/a.txt", "Range: bytes=0-9", "If-Range: Sun, 13 Sep 2020 12:26:39 GMT"),
             ("GET", "/a.txt", "Range: bytes=0-9", 'If-Range: "other"')])


@test
def what_is_wrong_is_as_wrong_as_with_nginx():
    site()
    compare([(method, "/a.txt") for method in ("POST", "PUT", "DELETE")] +
            [("GET", "/%zz"), ("GET", "/../etc/passwd"), ("GET", "/a\x7f"), ("GET", "a.txt")])


main()
