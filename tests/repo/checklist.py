#!/usr/bin/env python3
"""checklist.py - each test that docs/design/checklist.md and docs/design/asyncio.md name exists, in the file they name"""
import os
import re

from tap import ROOT, Report, read

NAME = "docs/design/checklist.md"
NAMES_OF_OTHERS = "docs/design/asyncio.md"
DEFINITION = r"^(?:(?:[A-Z_]+_)?(?:TEST|MODEL|WAY|KIND)|IN_ORDER)\(%s\b"


def missing(text):
    for folder_file, test in re.findall(r"`([a-z]+/[a-z_]+): (\w+)`", text):
        path = f"tests/{folder_file}.c"
        if not os.path.exists(os.path.join(ROOT, path)):
            yield f"{path} is not there"
        elif not re.search(DEFINITION % test, read(path), re.M):
            yield f"{path} has no test {test}"


def rows_without_an_answer(text):
    for line in text.splitlines():
        if line.startswith("| ") and not line.startswith("| what goes wrong") and len(line.split("|")[2].strip()) < 20:
            yield line


def main():
    report = Report()
    text = read(NAME)
    report.check("the checklist names tests", "" if text.count(": a_") > 20 else "it does not")
    report.check("every test it names exists", list(missing(text)))
    report.check("every point has an answer", list(rows_without_an_answer(text)))
    text = read(NAMES_OF_OTHERS)
    report.check("every test that the table of asyncio's names names exists", list(missing(text)))
    report.check("every name in it has a test", [line for line in text.splitlines()
                                                 if line.startswith("| ") and not line.startswith("| asyncio |")
                                                 and not re.search(r"`[a-z]+/[a-z_]+: \w+` \|$", line)])
    report.done()


if __name__ == "__main__":
    main()
