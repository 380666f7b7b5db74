#!/usr/bin/env python3
"""debugger.py - what gdb shows of tasks: debugger.py GDB DEBUGGEE

In a running task, in a suspended one (from its saved stack pointer), and at every single instruction
of every kind of switch, the backtrace is complete and ends at the beginning of a stack, without gdb
finding anything to complain about."""
import re
import subprocess
import sys

gdb, debuggee = sys.argv[1:3]

TASK = ["task_works", "task_enters", "context_start"]
# How gdb says that it lost the way.
TROUBLE = ["Backtrace stopped", "corrupt stack", "previous frame", "??"]


def session(commands):
    args = [gdb, "-nx", "-batch", "-ex", "set confirm off", "-ex", "set width 0",
            "-ex", "set debuginfod enabled off"]
    for command in commands:
        args += ["-ex", command]
    done = subprocess.run(args + [debuggee], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    return done.stdout


def functions(text):
    """The names in a backtrace, innermost first; what was inlined counts for its caller."""
    names = re.findall(r"^#\d+\s+(?:0x[0-9a-f]+ in )?([\w.?]+)", text, re.M)
    return [name for name in names if name != "rota__switch_inline"]


def clean(text):
    found = [t for t in TROUBLE if t in text]
    assert not found, "gdb says %r in:\n%s" % (found, text)


def a_running_task_is_shown_from_its_function_to_the_beginning_of_its_stack():
    text = session(["break task_is_running", "run", "bt"])
    assert functions(text[text.rindex("#0"):]) == ["task_is_running"] + TASK, text
    clean(text)


def a_suspended_task_is_shown_from_its_saved_stack_pointer():
    look = ["up 0", "set $saved = (char *) sp", "set $rsp = $saved + 56",
            "set $rbp = *(long *) ($saved + 40)", "set $rip = *(long *) ($saved + 48)",
            "echo BT\\n", "bt"]
    for nth, innermost in (1, "wait_by_call"), (2, "wait_in_place"):
        text = session(["break task_is_suspended", "run"] + ["continue"] * (nth - 1) + look)
        text = text[text.index("BT\n"):]
        assert functions(text) == [innermost] + TASK, text
        clean(text)


def every_instruction_of_a_switch_has_a_whole_backtrace():
    steps = 45  # more than any of them has instructions
    for function in ("rota__switch", "resume_by_call", "wait_by_call", "resume_in_place",
                     "wait_in_place"):
        text = session(["break *" + function, "run"] + ["echo BT\\n", "bt", "stepi"] * steps)
        traces = text.split("BT\n")[1:]
        assert len(traces) == steps, text
        ends = set()
        for trace in traces:
            names = functions(trace)
            clean(trace)
            assert names and names[-1] in ("main", "context_start"), trace
            ends.add(names[-1])
        assert ends == {"main", "context_start"}, (function, ends)  # the steps did cross over


def run():
    tests = [a_running_task_is_shown_from_its_function_to_the_beginning_of_its_stack,
             a_suspended_task_is_shown_from_its_saved_stack_pointer,
             every_instruction_of_a_switch_has_a_whole_backtrace]
    probe = session(["break main", "run", "bt"])
    if "main" not in probe or "Couldn't get registers" in probe or "ptrace" in probe:
        print("1..0 # SKIP gdb cannot run a program here")
        return 0
    print("1..%d" % len(tests))
    failed = 0
    for number, test in enumerate(tests, 1):
        try:
            test()
            print("ok %d - %s" % (number, test.__name__))
        except AssertionError as reason:
            failed += 1
            print("not ok %d - %s" % (number, test.__name__))
            print("\n".join("# " + line for line in str(reason).splitlines()))
    return failed > 0


sys.exit(run())
