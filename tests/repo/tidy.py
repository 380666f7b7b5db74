#!/usr/bin/env python3
"""tidy.py - things that slip into files and do not belong there; the message says what is meant"""
import os
import re

from tap import ROOT, Report, files

BINARY = (".png", ".jpg", ".ico", ".gz", ".woff2", ".pdf")
# A person's or a machine's own folders.  Spelled so that this file passes its own check.
MACHINE_PATH = re.compile(r"""(?<![\w.~*}])/(?:home|root|work|Users|workspace)/\w""")
LEFT_OVER = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
# errno that is read; what a signal handler saves, and the zero before a call that tells errors in no other way, are no such.
ERRNO = re.compile(r"^(?!#|\s*/?\*)(?!.*/\*.*\berrno\b)(?!.*\bsaved = errno;)(?!\s*errno = (?:0|saved);).*\berrno\b")
TASKS_RUN = tuple(f"src/{layer}/" for layer in ("poll", "loop", "work", "io", "task", "sync", "sched", "await", "net",
                                               "stream")) + ("tool/", "examples/")
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u2028\u2029\ufeff]")


def lines_with(pattern, texts):
    return [f"{name}:{number}: {line.strip()[:100]}" for name, text in texts.items()
            for number, line in enumerate(text.split("\n"), 1) if pattern.search(line)]


def main():
    report = Report()
    texts, unreadable = {}, []
    for name in files():
        if name.endswith(BINARY) or "/corpus/" in name:
            continue
        try:
            with open(os.path.join(ROOT, name), encoding="utf-8", newline="") as file:
                texts[name] = file.read()
        except UnicodeDecodeError:
            unreadable.append(name)
    sources = {n: t for n, t in texts.items() if n.endswith((".c", ".h", ".S"))}

    report.check("text files are UTF-8", unreadable)
    report.check("no control or invisible characters, no carriage returns", lines_with(CONTROL, texts))
    report.check("no paths of somebody's machine", lines_with(MACHINE_PATH, texts))
    report.check("nothing is left to be done in a comment: write it down as an issue, or do it",
                 lines_with(LEFT_OVER, sources))
    report.check("what tasks may run asks rota_errno(), which finds the thread it is on (rota/base.h)",
                 lines_with(ERRNO, {n: t for n, t in sources.items() if n.startswith(TASKS_RUN)}))
    report.check("the library writes no fractions as the program's locale would have them (%f)",
                 lines_with(re.compile(r'"[^"]*%[-+#0-9.]*[efgEFG][^"]*"'),
                            {n: t for n, t in sources.items() if n.startswith("src/")}))
    report.check("no spaces at the ends of lines",
                 lines_with(re.compile(r"[ \t]$"), {n: t for n, t in texts.items()
                                                    if not n.endswith(".md")}))
    report.check("files end with one newline", [n for n, t in texts.items()
                                                if t and (not t.endswith("\n") or t.endswith("\n\n"))])
    report.check("C files say at the head what they are for: /* name.c - purpose",
                 [n for n, t in sources.items()
                  if not re.match(rf"/\* {re.escape(os.path.basename(n))} - \w", t)
                  and not re.match(rf"/\* \S*/{re.escape(os.path.basename(n))} - \w", t)])
    report.done()


if __name__ == "__main__":
    main()
