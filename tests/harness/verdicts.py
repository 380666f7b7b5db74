#!/usr/bin/env python3
"""Runs the tests of bad.c and compares what the harness says of them with what it must say."""
import re
import subprocess
import sys

EXPECTED = [
    ("not ok", "a_false_check_fails", r"bad\.c:15: CHECK\(1 \+ 1 == 3\)"),
    ("not ok", "unequal_numbers_fail",
     r"CHECK_EQ\(side_effects\+\+ - 22, 0\): -22 \(Invalid argument\) is not 0"),
    ("not ok", "equal_bits_of_unequal_numbers_fail", r"-1 \(.*\) is not 4294967295"),
    ("not ok", "unequal_strings_fail", r'"left" is not "\(null\)"'),
    ("not ok", "a_signal_fails", r"killed by signal 11 \(Segmentation fault\)|exited with \d+ and"),
    ("not ok", "an_early_exit_fails", r"exited with 0 and did not return"),
    ("not ok", "a_bad_exit_after_the_test_fails", r"exited with 9 after it returned"),
    ("not ok", "a_leaked_descriptor_fails", r"descriptors:\d+: leaked: /dev/null"),
    ("not ok", "a_closed_descriptor_fails", r"descriptors:0: closed by a test"),
    ("not ok", "a_false_check_in_a_thread_fails", r"CHECK\(!\"in a thread\"\)"),
    ("not ok", "a_false_check_in_a_child_fails", r"CHECK\(!\"in a thread\"\)"),
    ("not ok", "a_process_left_behind_fails", r"left a process running"),
    ("ok", "a_skipped_test_says_why", r""),
    ("ok", "the_last_one_passes", r""),
]


def main(command):
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    lines = run.stdout.splitlines()
    results = []  # [verdict, name, reason]
    for line in lines[1:]:
        match = re.match(r"(ok|not ok) \d+ - (\w+)(.*)", line)
        if match:
            results.append([match[1], match[2], match[3]])
        elif results:
            results[-1][2] += line + "\n"

    checks = [("the plan counts every test", lines[0] == f"1..{len(EXPECTED)}"),
              ("a failure shows in the exit status", run.returncode == 1),
              ("every test has a verdict", len(results) == len(EXPECTED)),
              ("a skip carries its reason", any("# SKIP for want of a nail" in r[2] for r in results))]
    for want, got in zip(EXPECTED, results):
        right = want[0] == got[0] and want[1] == got[1] and re.search(want[2], got[2])
        checks.append((want[1], right))

    listed = subprocess.run(command + ["--list"], stdout=subprocess.PIPE, text=True).stdout
    checks.append(("--list names every test", listed.split() == [e[1] for e in EXPECTED]))
    part = subprocess.run(command + ["last_one"], stdout=subprocess.PIPE, text=True)
    checks.append(("a filter picks by part of the name",
                   part.returncode == 0 and part.stdout == "1..1\nok 1 - the_last_one_passes\n"))
    none = subprocess.run(command + ["no such"], capture_output=True)
    checks.append(("a filter that picks nothing is an error", none.returncode == 1))

    print(f"1..{len(checks)}")
    for number, (name, right) in enumerate(checks, 1):
        print(f"{'ok' if right else 'not ok'} {number} - {name}")
    if not all(right for _, right in checks):
        print("".join(f"# {line}\n" for line in lines), end="")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
