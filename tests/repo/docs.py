#!/usr/bin/env python3
"""docs.py - the reference is complete and sound, and documents name only what exists"""
import glob
import os
import re
import shutil
import subprocess
import tempfile

from tap import ROOT, Report, files, read

GENDOCS = os.path.join(ROOT, "scripts/gendocs")


def broken_links(folder):
    """Links of the pages that lead to no page, or to no place in it."""
    pages = {os.path.basename(p): open(p, encoding="utf-8").read() for p in glob.glob(folder + "/*.html")}
    for name, text in pages.items():
        for target in re.findall(r"href='([^']+)'", text):
            page, _, place = target.partition("#")
            if (page or name) not in pages or (place and f"id='{place}'" not in pages[page or name]):
                yield f"{name}: {target}"


def complaints(page):
    """What the formatter says of a man page; -z: no output."""
    ran = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", page], cwd=os.path.dirname(page) + "/..",
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return [line for line in ran.stderr.splitlines() if "can't break line" not in line
            and "cannot adjust line" not in line]


def missing_files(name):
    """Paths in a document, `src/...` or links, that are not in the repository."""
    text = read(name)
    here = os.path.dirname(name)
    paths = [(p, "") for p in re.findall(
        r"`((?:src|include|tests|scripts|docs|examples|bench|tool|fuzz|changes|package)/[\w./-]*)`", text)]
    paths += [(p, here) for p in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text)]
    return [f"{name}: {p}" for p, base in paths if not os.path.exists(os.path.join(ROOT, base, p))]


def main():
    report = Report()
    report.run("every public function has a comment", [GENDOCS, "--check"])
    with tempfile.TemporaryDirectory(prefix="rota-docs-") as scratch:
        report.run("the HTML reference can be made", [GENDOCS, "--html", scratch + "/html"])
        report.check("its links lead somewhere", broken_links(scratch + "/html"))
        report.run("the man pages can be made", [GENDOCS, "--man", scratch + "/man"])
        pages = sorted(glob.glob(scratch + "/man/man*/*") + glob.glob(ROOT + "/docs/man/*"))
        if shutil.which("groff"):
            report.check("groff has no complaint about a man page",
                         [c for page in pages for c in complaints(page)])
        else:
            report.skip("groff has no complaint about a man page", "it is not installed")
        report.check("a man page for each function",
                     "" if os.path.exists(scratch + "/man/man3/rota_run.3") else "rota_run.3 is not there")
    report.check("documents name files that exist",
                 [m for name in files(ending=".md") for m in missing_files(name)])
    report.done()


if __name__ == "__main__":
    main()
