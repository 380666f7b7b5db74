#!/usr/bin/env python3
"""headers.py - each public header compiles alone, in C and C++, and keeps to its names

Strict dialects and -Werror: a user's warnings must not come from us."""
import re
import subprocess

from tap import ROOT, Report, files, read

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wundef", "-Werror"]
COMPILERS = [
    ("gcc", ["-std=c99", "-Wstrict-prototypes", "-Wshadow"], "c"),
    ("gcc", ["-std=gnu17"], "c"),
    ("clang", ["-std=c11", "-Wstrict-prototypes", "-Wshadow"], "c"),
    ("g++", ["-std=c++11"], "c++"),
    ("clang++", ["-std=c++17"], "c++"),
]
GUARDS_AND_NAMES = re.compile(r"^\s*#\s*define\s+(\w+)", re.M)


def main():
    report = Report()
    headers = [name[len("include/"):] for name in files("include", ending=".h")]

    for compiler, flags, language in COMPILERS:
        if subprocess.run(["which", compiler], stdout=subprocess.DEVNULL).returncode:
            report.skip(f"headers with {compiler}", "it is not installed")
            continue
        for header in headers:
            compiled = subprocess.run(
                [compiler, "-x", language, *flags, *WARNINGS, "-fsyntax-only", "-Iinclude", "-"],
                input=f"#include <{header}>\n#include <{header}>\nint main(void) {{ return 0; }}\n",
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
            report.check(f"{header} alone with {compiler} {flags[0]}",
                         compiled.stdout or ("" if compiled.returncode == 0 else "failed"))

    report.check("rota.h includes every header of rota/ that is not for a special purpose",
                 [h for h in headers if h.startswith("rota/") and f"<{h}>" not in read("include/rota.h")])
    report.check("public macros are called ROTA_x or rota_x",
                 [f"{h}: {name}" for h in headers
                  for name in GUARDS_AND_NAMES.findall(read("include/" + h))
                  if not re.match(r"ROTA_|rota_", name)])
    report.done()


if __name__ == "__main__":
    main()
