#!/usr/bin/env python3
"""demo.py ROTA - what `make run` shows: on a terminal it serves until Ctrl-C, without one it stops by itself"""
import json
import os
import pty
import re
import subprocess

from kit import ROTA, Skip, ask, contains, equal, main, test

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/run-demo")


def settings():
    return dict(os.environ, ROTA=ROTA, SECONDS_OF_LOAD="1", DEMO=os.path.join(os.getcwd(), "demo"))


def it_shows_everything(text):
    contains(text, "listening on http://")
    contains(text, os.environ.get("ROTA_POLLER", ""))
    for part in "requests", "p50", "p99", "trace.json", "https://ui.perfetto.dev":
        contains(text, part)
    with open("demo/trace.json", encoding="utf-8") as file:
        events = json.load(file)["traceEvents"]
    equal(any(event.get("name") == "connection" for event in events), True, "a connection in the timeline")


@test
def without_a_terminal_it_stops_by_itself():
    ran = subprocess.run([SCRIPT], env=settings(), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    equal(ran.returncode, 0, ran.stdout + ran.stderr)
    contains(ran.stdout, "no terminal")
    it_shows_everything(ran.stdout)


@test
def on_a_terminal_it_serves_until_control_c():
    if not os.path.exists("/dev/ptmx"):
        raise Skip("there are no terminals here")
    child, terminal = pty.fork()
    if child == 0:
        try:
            os.execve(SCRIPT, [SCRIPT], settings())
        finally:  # not back into the tests
            os._exit(127)
    text = ""
    asked = False
    while True:
        try:
            some = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
        text += some.decode("utf-8", "replace")
        if not asked and "Ctrl-C ends it" in text:
            url = re.findall(r"still serving (http://\S+)", text)[0]
            equal(ask(int(url.rsplit(":", 1)[1].strip("/")), "/hello.txt").body, b"Hello, World!\n")
            os.write(terminal, b"\x03")
            asked = True
    equal(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0, text)
    equal(asked, True, text)
    it_shows_everything(text)


if __name__ == "__main__":
    main()
