"""Who is measured: rota, the limits, and every peer that this machine can build.

A subject says how it is built, what its version is, and how its program for a case is called.  What
cannot be built is passed over by name; nothing of it stops the others.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import sysconfig

from machine import first_line

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(BENCH)
BUILD = os.path.join(ROOT, "build", "bench")
MESON = os.path.join(BUILD, "meson")
FILES = os.path.join(BUILD, "files")  # what the static file case serves
SERVERS = ("echo", "http")


class Missing(Exception):
    """Cannot be built here, and why."""


def run(command, **options):
    """Run it quietly; its output goes into the reason if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        raise Missing(f"{' '.join(command[:3])}: " + " / ".join(done.stdout.strip().splitlines()[-3:]))
    return done.stdout


def need(*tools):
    for tool in tools:
        if shutil.which(tool) is None:
            raise Missing(f"no {tool} on this machine")


def copy_sources(name):
    """A peer's folder in the build folder, where its tools may leave lock files and the like."""
    target = os.path.join(BUILD, name)
    shutil.copytree(os.path.join(BENCH, "peers", name), target, dirs_exist_ok=True)
    return target


def newest_version(folder, crate):
    with open(os.path.join(folder, "Cargo.lock")) as f:
        return re.search(rf'name = "{crate}"\nversion = "(.*)"', f.read()).group(1)


class Subject:
    key = ""  # what ONLY and PEERS call it
    title = ""  # with its version: what the tables say
    warm_seconds = 0  # of load before the first window: for those that compile while they run
    environment = {}
    models = False  # it is rota under a model by name, for the cases about models

    def build(self):
        raise NotImplementedError

    def program(self, name):
        """The command for this program, or None if there is none."""
        raise NotImplementedError

    def variables(self, window):
        return {**self.environment, **self.workers(window)}

    @staticmethod
    def workers(window):
        """How a number of workers is said to rota, to Go, to Tokio, and to the peers of this folder that ask."""
        if not window.workers:
            return {}
        return dict.fromkeys(("ROTA_WORKERS", "GOMAXPROCS", "TOKIO_WORKER_THREADS", "WORKERS"), str(window.workers))


class Compiled(Subject):
    """A C program of bench/meson.build."""

    def __init__(self, key, title, package=None, servers_only=False):
        self.key, self.title, self.package, self.servers_only = key, title, package, servers_only

    def build(self):
        if self.package:
            need("pkg-config")
            self.title = f"{self.title} {run(['pkg-config', '--modversion', self.package]).strip()}"

    def program(self, name):
        path = os.path.join(MESON, "bench", f"{self.key}-{name}")
        return [path] if os.path.exists(path) else None


class Limit(Compiled):
    def variables(self, window):
        return window.limit


class Rota(Compiled):
    """Our own cases; HTTP is `rota serve`."""

    def __init__(self, title, servers_only=False, models=False, **environment):
        super().__init__("rota", title)
        self.environment, self.servers_only, self.models = environment, servers_only, models

    def build(self):
        pass

    def program(self, name):
        if self.servers_only and name not in SERVERS:
            return None
        if name == "http":
            tool = os.path.join(MESON, "rota")
            return [tool, "serve", FILES, "--listen", "127.0.0.1:@PORT@", "--log", "off"] if os.path.exists(tool) else None
        path = os.path.join(MESON, "bench", f"case-{name}")
        return [path] if os.path.exists(path) else None

    def variables(self, window):
        return {**super().variables(window), **window.rota}


class Cargo(Subject):
    def __init__(self, key):
        self.key = key

    def build(self):
        need("cargo")
        folder = copy_sources(self.key)
        run(["cargo", "build", "--release", "--jobs", "2"], cwd=folder)
        self.title = f"{self.key} {newest_version(folder, self.key)}"
        self.programs = os.path.join(folder, "target", "release")

    def program(self, name):
        path = os.path.join(self.programs, name)
        return [path] if os.path.isfile(path) else None


class Go(Subject):
    key = "go"

    def build(self):
        need("go")
        self.programs = os.path.join(BUILD, "go") + os.sep
        os.makedirs(self.programs, exist_ok=True)
        run(["go", "build", "-o", self.programs, "./..."], cwd=os.path.join(BENCH, "peers", "go"))
        self.title = re.sub(r"go version go(\S+).*", r"go \1", first_line("go", "version"))

    def program(self, name):
        path = self.programs + name
        return [path] if os.path.isfile(path) else None


class Node(Subject):
    key = "node"
    warm_seconds = 1

    def build(self):
        need("node")
        self.title = "node " + first_line("node", "--version").lstrip("v")

    def program(self, name):
        path = os.path.join(BENCH, "peers", "node", name + ".js")
        return ["node", path] if os.path.exists(path) else None


class Python(Subject):
    def __init__(self, key):
        self.key = key

    def build(self):
        venv = os.path.join(BUILD, "python")
        self.python = os.path.join(venv, "bin", "python")
        if not os.path.exists(self.python):
            run([sys.executable, "-m", "venv", venv])
        self.title = "asyncio " + sysconfig.get_python_version() if self.key == "asyncio" else self.build_uvloop()

    def build_uvloop(self):
        try:
            run([self.python, "-c", "import uvloop"])
        except Missing:
            run([self.python, "-m", "pip", "install", "--quiet", "uvloop"])
        return "uvloop " + run([self.python, "-c", "import uvloop; print(uvloop.__version__)"]).strip()

    def program(self, name):
        path = os.path.join(BENCH, "peers", "python", name + ".py")
        if not os.path.exists(path):
            return None
        return [self.python, path, "@PORT@", self.key] if name in SERVERS else [self.python, path, self.key]


class Netty(Subject):
    warm_seconds = 2
    last_known = "4.2.18.Final"  # the newest whose native parts were there when this was written

    def __init__(self, key, transport):
        self.key, self.transport = key, transport

    def build(self):
        need("java", "javac", "mvn")
        folder = copy_sources("netty")
        self.classes = f"{folder}/target/classes:{folder}/target/jars/*"
        if self.is_stale(folder):
            maven = ["mvn", "-q", "-B", f"-Dnative.arch={os.uname().machine.replace('aarch64', 'aarch_64')}", "package"]
            try:
                run(maven, cwd=folder)
            except Missing:
                run([*maven, f"-Dnetty={self.last_known}"], cwd=folder)
        jar = glob.glob(f"{folder}/target/jars/netty-transport-native-epoll-*.jar")[0]
        version = re.search(r"epoll-([0-9.]+)\.Final", jar).group(1)
        self.title = f"netty {version}" + (f" {self.transport}" if self.transport != "epoll" else "")

    @staticmethod
    def is_stale(folder):
        built = glob.glob(f"{folder}/target/classes/Echo.class")
        sources = glob.glob(f"{folder}/src/*.java")
        return not built or max(map(os.path.getmtime, sources)) > os.path.getmtime(built[0])

    def program(self, name):
        if name not in SERVERS:
            return None
        return ["java", "-Xms256m", "-Xmx512m", "-XX:+UseParallelGC", "-Dio.netty.leakDetection.level=disabled",
                "-cp", self.classes, name.capitalize(), "@PORT@", self.transport]


class Nginx(Subject):
    key = "nginx"

    def build(self):
        need("nginx")
        self.title = "nginx " + first_line("nginx", "-v").rsplit("/", 1)[1].split()[0]

    def program(self, name):
        return ["nginx", "-e", f"{BUILD}/nginx.log", "-c", "@NGINX@"] if name == "http" else None

    @staticmethod
    def configuration(port):
        with open(os.path.join(BENCH, "peers", "nginx", "nginx.conf.in")) as f:
            text = f.read()
        for key, value in (("@PORT@", str(port)), ("@DIR@", BUILD), ("@FILES@", FILES)):
            text = text.replace(key, value)
        path = f"{BUILD}/nginx-{port}.conf"
        with open(path, "w") as f:
            f.write(text)
        return path


def all_subjects():
    """In the order in which they are run and shown."""
    return [
        Limit("limit", "limit"),
        Compiled("epoll", "raw epoll"),
        Rota("rota"),
        Rota("rota on epoll", servers_only=True, ROTA_POLLER="epoll"),
        Rota("rota single", models=True, ROTA_MODEL="single"),
        Rota("rota group", models=True, ROTA_MODEL="group"),
        Rota("rota steal", models=True, ROTA_MODEL="steal"),
        Compiled("libuv", "libuv", package="libuv"),
        Compiled("libevent", "libevent", package="libevent"),
        Cargo("tokio"),
        Cargo("hyper"),
        Go(),
        Nginx(),
        Netty("netty", "epoll"),
        Netty("netty_uring", "io_uring"),
        Node(),
        Python("asyncio"),
        Python("uvloop"),
    ]


def is_ours(title):
    return title.startswith("rota")


def is_peer(title):
    return not is_ours(title) and title not in ("limit", "raw epoll")


def build_c():
    """Ours, the limits, the loads and the peers in C, with full optimisation."""
    need("meson", "ninja", "cc")
    if not os.path.exists(os.path.join(MESON, "build.ninja")):
        run(["meson", "setup", "--buildtype=release", "-Ddebug=true", MESON, ROOT])
    run(["ninja", "-C", MESON, "-j2", "bench-programs", "rota"])


def make_files():
    """What the static file case serves."""
    os.makedirs(FILES, exist_ok=True)
    for name, size in (("1k", 1 << 10), ("100k", 100 << 10), ("10m", 10 << 20)):
        with open(os.path.join(FILES, name), "wb") as f:
            f.write(bytes(range(256)) * (size // 256))


def build_all(wanted, say):
    """The subjects that could be built, of those `wanted` by key."""
    os.makedirs(BUILD, exist_ok=True)
    build_c()
    make_files()
    built = []
    for subject in all_subjects():
        if wanted and subject.key not in wanted and subject.key not in ("limit", "rota"):
            continue
        try:
            subject.build()
            built.append(subject)
        except (Missing, OSError) as reason:
            say(f"skipped {subject.key}: {reason}")
    return built
