#!/usr/bin/env python3
"""consumers.py BUILD_DIR - projects of others find, link and run an installed copy

The library is installed into a scratch folder, the projects in consumer/ are built there against
it by pkg-config and by CMake, with the shared and the static library, and run."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

from tap import ROOT, Report


def meson_options(build):
    listed = subprocess.run(["meson", "introspect", "--buildoptions", build], check=True,
                            stdout=subprocess.PIPE, text=True).stdout
    return {option["name"]: option["value"] for option in json.loads(listed)}


def main(build):
    report = Report()
    options = meson_options(build)
    scratch = tempfile.mkdtemp(prefix="rota-consumers-")
    root = os.path.join(scratch, "root")
    prefix = os.path.join(root, options["prefix"].lstrip("/"))
    libdir = os.path.join(prefix, options["libdir"])
    project = os.path.join(scratch, "project")
    shutil.copytree(os.path.join(ROOT, "tests/repo/consumer"), project)

    env = {name: value for name, value in os.environ.items()
           if name not in ("MAKEFLAGS", "MAKELEVEL", "DESTDIR", "CFLAGS", "LDFLAGS")}
    env.update(PKG_CONFIG_SYSROOT_DIR=root, LD_LIBRARY_PATH=libdir,
               PKG_CONFIG_PATH=os.path.join(libdir, "pkgconfig"))
    try:
        installed = report.run("the build installs into a folder of one's choice",
                               ["meson", "install", "-C", build, "--no-rebuild", "--quiet"],
                               env={**env, "DESTDIR": root})
        if installed is None:
            report.done()

        for kind in ("shared", "static"):
            report.run(f"pkg-config, {kind}: builds", ["make", "-C", project, kind], env=env)
            answer = report.run(f"pkg-config, {kind}: runs", [os.path.join(project, kind)], env=env)
            report.check(f"pkg-config, {kind}: the tasks ran", answer_is_wrong(answer))

        out = os.path.join(scratch, "cmake")
        if report.run("cmake: finds the package", ["cmake", "-S", project, "-B", out,
                      f"-DCMAKE_PREFIX_PATH={prefix}"], env=env) is not None:
            report.run("cmake: builds", ["cmake", "--build", out], env=env)
            for kind in ("with_shared", "with_static"):
                answer = report.run(f"cmake, {kind}: runs", [os.path.join(out, kind)],
                                    env={n: v for n, v in env.items() if n != "LD_LIBRARY_PATH"})
                report.check(f"cmake, {kind}: the tasks ran", answer_is_wrong(answer))
        refused = subprocess.run(["cmake", "-S", project, "-B", os.path.join(scratch, "newer"),
                                  f"-DCMAKE_PREFIX_PATH={prefix}", "-DWANTED=99.0"], env=env,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        report.check("cmake: a version that is not there is refused",
                     "" if refused.returncode and "99.0" in refused.stdout else refused.stdout)
    finally:
        shutil.rmtree(scratch)
    report.done()


def answer_is_wrong(answer):
    return "" if answer == "both tasks ran\n" else f"it said: {answer!r}"


if __name__ == "__main__":
    main(*sys.argv[1:])
