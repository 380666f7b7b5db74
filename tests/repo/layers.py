#!/usr/bin/env python3
"""layers.py - includes point only upwards in the table of ARCHITECTURE.md

A file includes its own folder and rows above it; folders in one row do not see each other; public
headers include public headers only.  The table is read from the document, so the two cannot part."""
import os
import re

from tap import ROOT, Report, files, read

BROUGHT_BY_A_MODEL_CHECKER = "model_atomic.h"  # see base/atomic.h
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def table():
    """{folder: row} from the lines "| 1 | `os` ... | ..." of the document."""
    rows = {}
    for number, text in re.findall(r"^\| *(\d+|leaf) *\| *([^|]*)\|", read("ARCHITECTURE.md"), re.M):
        for folder in re.findall(r"`(\w+)`", text):
            rows[folder] = 1000 if number == "leaf" else int(number)
    return rows


def offenders_of(name, folder, rows):
    for mark, target in INCLUDE.findall(read(name)):
        owner = target.split("/")[0]
        if mark == "<" or target == BROUGHT_BY_A_MODEL_CHECKER:
            continue
        if "/" not in target:
            yield f'{name}: "{target}": write it as "folder/{target}"'
        elif owner not in rows:
            yield f'{name}: "{target}": the folder is not in the table'
        elif owner != folder and rows[owner] >= rows[folder]:
            yield f"{name} (row {rows[folder]}) includes {target} (row {rows[owner]})"
        elif not os.path.exists(os.path.join("src", target)) and owner != "tool":
            yield f'{name}: "{target}" does not exist'


def main():
    report = Report()
    rows = table()
    folders = sorted({name.split("/")[1] for name in files("src") if name.count("/") > 1})

    report.check("the document's table has been found", "" if len(rows) > 10 else f"only {rows}")
    report.check("every folder of src is in the table",
                 [f"src/{folder} is not" for folder in folders if folder not in rows])
    for folder in folders:
        if folder in rows:
            report.check(f"{folder} includes only itself and rows above",
                         [o for name in files(f"src/{folder}") if name.endswith((".c", ".h", ".S"))
                          for o in offenders_of(name, folder, rows)])
    report.check("public headers include public headers only",
                 [f'{name}: "{target}"' for name in files("include") for mark, target in
                  INCLUDE.findall(read(name)) if mark == '"'])
    report.done()


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
