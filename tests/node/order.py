#!/usr/bin/env python3
"""The programs of order.txt, on Rota, in a task of Rota's and on the installed Node.js: they print what the table says.

usage: order.py PROGRAM (tests/node/order.c, built)"""
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(HERE, 'order.txt')
ROW = re.compile(r'(\w+): (.*) -> ([\w!?]*)(?: \| task ([\w!?]*))?(?: \| node (\w+): .*)?')


def outputs(command):
    """What each program printed: the program is named first."""
    text = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return dict((line.split(' ', 1) + [''])[:2] for line in text.splitlines())


def rows():
    with open(TABLE, encoding='utf-8') as table:
        for line in table:
            if not line.startswith('#'):
                name, program, out, task, node = ROW.fullmatch(line.rstrip('\n')).groups()
                in_task = None if 'Z' in program else out if task is None else task
                yield name, out, in_task, out if node is None else node


def main():
    results = []

    def check(what, got, want):
        ok = got == want
        results.append(f"{'ok' if ok else 'not ok'} {len(results) + 1} - {what}")
        if not ok:
            results.append(f'# printed {got!r}, not {want!r}')

    rota = outputs([sys.argv[1], TABLE])
    tasks = outputs([sys.argv[1], TABLE, 'tasks'])
    node = shutil.which('node')
    twins = outputs([node, os.path.join(HERE, 'order.js'), TABLE]) if node else {}
    for name, want, want_task, want_node in rows():
        check(f'{name} on Rota', rota.get(name), want)
        check(f'{name} in a task', tasks.get(name), want_task)
        if want_node == 'none':
            continue
        if node:
            check(f'{name} on Node.js', twins.get(name), want_node)
        else:
            results.append(f'ok {len(results) + 1} - {name} on Node.js # SKIP node is not installed')
    print(f'1..{sum(not line.startswith("#") for line in results)}')
    print('\n'.join(results))


if __name__ == '__main__':
    main()
