"""tap.py - what the tests of the repository share: its root, and a TAP report of named checks."""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def files(*folders, ending=""):
    """The files below these folders of the repository (all of it without arguments), relative to
    its root; what git ignores is left out, and without git what begins with a dot or build."""
    listed = subprocess.run(["git", "-c", f"safe.directory={ROOT}", "-C", ROOT, "ls-files", "--cached",
                             "--others", "--exclude-standard", "--", *(folders or ["."])],
                            capture_output=True, text=True)
    if listed.returncode == 0:
        names = listed.stdout.splitlines()
    else:
        names = []
        for folder in folders or ["."]:
            for path, below, here in os.walk(os.path.join(ROOT, folder)):
                below[:] = [b for b in below if not b.startswith((".", "build"))]
                names += [os.path.relpath(os.path.join(path, name), ROOT) for name in here]
    return sorted(n for n in names if n.endswith(ending) and os.path.isfile(os.path.join(ROOT, n)))


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


class Report:
    """Collects verdicts; `done` prints the plan last, as TAP allows, and ends the program."""

    def __init__(self):
        self.count = self.failed = 0

    def check(self, name, offenders=""):
        """Passes when there are no offenders: a text, or a list of lines."""
        lines = offenders.splitlines() if isinstance(offenders, str) else list(offenders)
        self.count += 1
        self.failed += bool(lines)
        print(f"{'not ok' if lines else 'ok'} {self.count} - {name}")
        for line in lines:
            print(f"# {line}")
        sys.stdout.flush()
        return not lines

    def run(self, name, command, **options):
        """Passes when the command exits with 0; its output is the reason if not."""
        try:
            ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                 **options)
        except FileNotFoundError:
            self.skip(name, f"{command[0]} is not installed")
            return None
        failure = ran.stdout + f"exit status {ran.returncode}: {' '.join(command)}"
        self.check(name, failure if ran.returncode else "")
        return ran.stdout if ran.returncode == 0 else None

    def skip(self, name, reason):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {reason}")

    def done(self):
        print(f"1..{self.count}")
        sys.exit(1 if self.failed or not self.count else 0)
