#!/usr/bin/env python3
"""symbols.py SHARED STATIC - what the built libraries let a program see

The shared library exports the functions marked ROTA_API and nothing else; the static one defines
global names only with our prefix, so that it collides with nobody."""
import re
import subprocess
import sys

from tap import Report, files, read


def names(*arguments):
    """The defined global symbols nm lists, less what sanitizers and coverage put in."""
    listed = subprocess.run(["nm", "-P", "-g", "--defined-only", *arguments], check=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    words = [line.split() for line in listed.splitlines() if line.strip()]
    return {w[0] for w in words if len(w) > 2 and not re.match(r"__(a|t|ub)san_|__odr_asan", w[0])}


def declared():
    """Functions of the public headers: a name before "(" in a declaration marked ROTA_API."""
    found = set()
    for header in files("include", ending=".h"):
        text = re.sub(r"/\*.*?\*/", "", read(header), flags=re.S)
        for declaration in re.findall(r"^ROTA_API\s([^;{]*)", text, re.M):
            found.add(re.search(r"(\w+)\s*\(", declaration)[1])
    return found


def main(shared, static):
    report = Report()
    exported, public = names("-D", shared), declared()

    report.check("the public headers declare functions", "" if public else "none found")
    report.check("every exported name begins with rota_",
                 sorted(n for n in exported if not n.startswith("rota_")))
    report.check("no internal name (rota__x) is exported",
                 sorted(n for n in exported if n.startswith("rota__")))
    report.check("every exported name is declared in a public header",
                 sorted(n for n in exported - public if re.match(r"rota_[^_]", n)))
    report.check("every declared function is exported", sorted(public - exported))
    report.check("the static library defines only rota_ names",
                 sorted(n for n in names(static) if not n.startswith("rota_")))
    soname = subprocess.run(["readelf", "-d", shared], check=True, stdout=subprocess.PIPE,
                            text=True).stdout
    report.check("the shared library has a versioned soname",
                 "" if re.search(r"SONAME.*\[librota\.so\.\d+(\.\d+)?\]", soname) else soname)
    report.check("nothing asks for an executable stack",
                 [line for line in subprocess.run(["readelf", "-lW", shared], check=True, text=True,
                  stdout=subprocess.PIPE).stdout.splitlines() if "GNU_STACK" in line and "E" in
                  line.split()[6]])
    report.done()


if __name__ == "__main__":
    main(*sys.argv[1:])
