#!/usr/bin/env python3
"""usage.py ROTA - help, version, and what is said of wrong command lines"""
import os
import socket

from kit import ROTA, connect, contains, equal, main, rota, test, write, Serve


def wrong(arguments, *parts, status=2):
    ran = rota(*arguments)
    equal(ran.returncode, status, f"rota {' '.join(arguments)}: {ran.stderr}")
    equal(ran.stdout, "")
    for part in parts:
        contains(ran.stderr, part)


@test
def help_and_version_are_printed_on_stdout():
    for arguments in ["--help"], ["-h"], ["help"]:
        ran = rota(*arguments)
        equal((ran.returncode, ran.stderr), (0, ""))
        contains(ran.stdout, "Usage: rota COMMAND")
    for command in "serve", "load":
        texts = set()
        for arguments in ["help", command], [command, "--help"], [command, "-h"]:
            ran = rota(*arguments)
            equal((ran.returncode, ran.stderr), (0, ""))
            texts.add(ran.stdout)
        equal(len(texts), 1)
        contains(texts.pop(), f"Usage: rota {command} ")
    for arguments in ["version"], ["--version"], ["-V"]:
        ran = rota(*arguments)
        equal((ran.returncode, ran.stderr), (0, ""))
        contains(ran.stdout, "rota 0.")


@test
def a_missing_or_unknown_command_is_told_with_the_nearest_one():
    wrong([], "a command is missing", "rota help")
    wrong(["serv"], "unknown command 'serv'", "did you mean 'serve'?")
    wrong(["laod"], "did you mean 'load'?")
    wrong(["xyzzy"], "unknown command 'xyzzy'")
    wrong(["--serve"], "unknown option '--serve'")
    wrong(["help", "serve2"], "did you mean 'serve'?")
    equal("mean" in rota("xyzzy").stderr, False)


@test
def an_unknown_option_is_told_with_the_nearest_one():
    wrong(["serve", "--prot", "1"], "unknown option '--prot'", "did you mean '--port'?",
          "rota help serve")
    wrong(["serve", "--work=1"], "did you mean '--workers'?")
    wrong(["serve", "--qqqqqqq"], "unknown option '--qqqqqqq'")
    wrong(["serve", "-Z"], "unknown option '-Z'")
    wrong(["load", "--conections", "1", "http://x/"], "did you mean '--connections'?")


@test
def a_missing_value_is_told_with_its_name():
    wrong(["serve", "--port"], "--port needs a value: --port N")
    wrong(["serve", "-p"], "--port needs a value")
    wrong(["load", "http://x/", "-c"], "--connections needs a value: --connections N")
    wrong(["serve", "--quiet=yes"], "--quiet takes no value")


@test
def numbers_out_of_range_are_told_with_the_range():
    for value in "-1", "65536", "99999999999999999999999":
        wrong(["serve", f"--port={value}"], "--port")
    wrong(["serve", "--port", "65536"], "--port must be from 0 to 65535, not 65536")
    wrong(["serve", "--port", "x"], "--port takes a number, not 'x'")
    wrong(["serve", "--port", ""], "--port takes a number, not ''")
    wrong(["serve", "--port", "80.5"], "--port takes a number")
    wrong(["serve", "--workers", "0"], "--workers must be from 1 to 1024")
    wrong(["serve", "--grace", "10x"], "--grace takes a time like 10s")
    wrong(["serve", "--idle", "0s"], "--idle must be from 1ms to 24h")
    wrong(["load", "-s", "1t", "tcp://x:1"], "--size takes a number of bytes")
    wrong(["load", "-s", "17m", "tcp://x:1"], "--size must be from 1 to 16777216")
    wrong(["load", "-d", "-5", "http://x/"], "--duration takes a time")
    wrong(["load", "-r", "0", "http://x/"], "--rate must be from 1 to 1000000000, not 0")


@test
def words_that_are_not_known_are_told_with_those_that_are():
    wrong(["serve", "--poller", "kqueue"], "--poller is uring or epoll, not 'kqueue'")
    wrong(["serve", "--log-format", "json"], "--log-format is combined or common")
    wrong(["load", "--poller", "select", "http://x/"], "--poller is uring or epoll")


@test
def one_argument_too_many_is_told():
    wrong(["serve", "a", "b"], "'b' is one argument too many")
    wrong(["load", "http://x/", "y"], "'y' is one argument too many")
    wrong(["load"], "a URL is missing")


@test
def urls_that_are_none_are_told_with_the_reason():
    wrong(["load", "localhost"], "'localhost'", "scheme")
    wrong(["load", "ftp://x/"], "scheme")
    wrong(["load", "https://x/"], "only http, tcp and unix are known")
    wrong(["load", "http://x:99999/"], "port")
    wrong(["load", "http://u:p@x/"], "user name")


@test
def options_of_another_protocol_are_told():
    wrong(["load", "tcp://x:1", "-m", "PUT"], "for http:// only")
    wrong(["load", "http://x/", "-s", "3"], "--size is for tcp://")


@test
def wrong_headers_and_methods_are_told():
    url = "http://127.0.0.1:1/"
    wrong(["load", url, "-H", "nonsense"], "a header is 'Name: value', not 'nonsense'")
    wrong(["load", url, "-H", "A B: c"], "not a valid header")
    wrong(["load", url, "-H", "A: b\r\nC: d"], "not a valid header")
    wrong(["load", url, "-H", "content-length: 1"], "written by rota load itself")
    wrong(["load", url, "-m", "GE T"], "'GE T' is not a method")
    wrong(["load", url, "-b", "@/nowhere"], "cannot read '/nowhere'")


@test
def a_directory_that_is_none_is_told():
    write("file")
    wrong(["serve", "nowhere"], "there is no directory 'nowhere'", status=1)
    wrong(["serve", "file"], "'file' is not a directory", status=1)


@test
def a_log_that_cannot_be_opened_is_told():
    wrong(["serve", "--log", "no/such/file"], "cannot open the access log 'no/such/file'", status=1)
    wrong(["serve", "--log", ""], "--log needs the name of a file")


@test
def a_port_in_use_is_told_with_a_hint():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for workers in "1", "2":
            wrong(["serve", "--port", port, "--workers", workers], f"port {port} is in use",
                  "--port 0", status=1)


@test
def a_port_that_another_rota_serves_is_in_use_too():
    with Serve(".", "--workers", "2") as server:
        wrong(["serve", "--port", str(server.port), "--workers", "2"],
              f"port {server.port} is in use", status=1)


@test
def an_address_that_is_not_ours_is_told():
    wrong(["serve", "--listen", "192.0.2.1", "--port", "0"], "cannot listen on '192.0.2.1'", status=1)
    wrong(["serve", "--listen", "192.0.2.1:0"], "cannot listen on '192.0.2.1'", status=1)
    wrong(["serve", "--listen", "127.0.0.1:65536"], "'65536' is not a port")
    wrong(["serve", "--listen", "[::1]:http"], "'http' is not a port")
    wrong(["serve", "--listen", "localhost:"], "'' is not a port")


@test
def a_server_that_is_not_there_is_told_at_once():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    wrong(["load", f"http://127.0.0.1:{port}/"], "cannot connect", "onnection refused", status=1)
    wrong(["load", f"tcp://127.0.0.1:{port}"], "cannot connect", "onnection refused", status=1)


@test
def options_can_be_written_in_each_form():
    for form in ["-p0"], ["-p", "0"], ["--port=0"], ["--port", "0"], ["-qp0"], ["-q", "--", "."]:
        with open("log", "w+") as out:
            import signal
            import subprocess
            port = [] if any("p" in f for f in form) else ["--port", "0"]
            ran = subprocess.Popen([ROTA, "serve", "--log", "off", *port, *form], stdout=out,
                                   stderr=subprocess.PIPE, text=True)
            # It has started when its signal handling answers: stop ends it with status 0, not by
            # the signal.
            while not os.path.exists(f"/proc/{ran.pid}/net/tcp"):
                pass
            wait_until_it_listens(ran.pid)
            ran.send_signal(signal.SIGTERM)
            errors = ran.communicate()[1]
            equal((ran.returncode, errors), (0, ""), form)


def wait_until_it_listens(pid):
    """Until a descriptor of the process is a listening socket."""
    while True:
        inodes = set()
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                inodes.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
            except FileNotFoundError:
                pass
        with open("/proc/net/tcp") as table:
            for line in table.readlines()[1:]:
                words = line.split()
                if words[3] == "0A" and f"socket:[{words[9]}]" in inodes:
                    with connect(int(words[1].split(":")[1], 16)) as sock:
                        sock.sendall(b"GET /hello HTTP/1.0\r\n\r\n")
                        if b"200" in sock.recv(100):
                            return


main()
