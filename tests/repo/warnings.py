#!/usr/bin/env python3
"""warnings.py COMPILER - what users get builds without a warning, optimised and without asserts

(Tests are compiled with warnings as errors by both compilers anyhow: scripts/test, tsan and asan.)
"""
import os
import sys
import shutil
import subprocess
import tempfile

from tap import ROOT, Report


def main(compiler):
    report = Report()
    if not shutil.which(compiler):
        report.skip(f"a release build with {compiler}", "it is not installed")
        report.done()
    with tempfile.TemporaryDirectory(prefix="rota-warnings-") as build:
        env = {**os.environ, "CC": compiler}
        if report.run(f"meson takes {compiler}",
                      ["meson", "setup", build, ROOT, "-Dwerror=true", "-Dbuildtype=release"],
                      env=env) is not None:
            # Keep going: all warnings at once are worth more than the first.
            built = subprocess.run(["ninja", "-C", build, "-k", "0", "product"], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            report.check(f"a release build with {compiler} has no warnings",
                         [line for line in built.stdout.splitlines()
                          if "warning:" in line or "error:" in line]
                         or (built.stdout if built.returncode else ""))
    report.done()


if __name__ == "__main__":
    main(*sys.argv[1:])
