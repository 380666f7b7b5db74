#!/usr/bin/env python3
"""The programs of order.txt, on Rota, in a task of Rota's and on the installed Node.js, and those of handles.txt, on Rota
and on Node.js: they print what the tables say.

usage: order.py ORDER HANDLES [beside-node] (tests/node/order.c and handles.c, built)"""
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(HERE, 'order.txt')
HANDLES = os.path.join(HERE, 'handles.txt')
ROW = re.compile(r'(\w+)(?:: (.*))? -> ([\w!?]*)(?: \| task ([\w!?]*))?(?: \| node (\w+): .*)?')


def outputs(command):
    """What each program printed: the program is named first."""
    text = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return dict((line.split(' ', 1) + [''])[:2] for line in text.splitlines())


def rows(path):
    """Name, program (None: it is in the sources), and what it prints on Rota, in a task, on Node.js."""
    with open(path, encoding='utf-8') as table:
        for line in table:
            if not line.startswith('#'):
                name, program, out, task, node = ROW.fullmatch(line.rstrip('\n')).groups()
                yield name, program, out, out if task is None else task, out if node is None else node


def main():
    results = []
    beside_node = 'beside-node' in sys.argv[3:]
    node = shutil.which('node') if beside_node else None

    def check(what, got, want):
        ok = got == want
        results.append(f"{'ok' if ok else 'not ok'} {len(results) + 1} - {what}")
        if not ok:
            results.append(f'# printed {got!r}, not {want!r}')

    def check_node(name, twins, want):
        if want != 'none' and node:
            check(f'{name} on Node.js', twins.get(name), want)
        elif want != 'none' and beside_node:
            results.append(f'ok {len(results) + 1} - {name} on Node.js # SKIP node is not installed')

    rota = outputs([sys.argv[1], TABLE])
    tasks = outputs([sys.argv[1], TABLE, 'tasks'])
    twins = outputs([node, os.path.join(HERE, 'order.js'), TABLE]) if node else {}
    for name, program, want, want_task, want_node in rows(TABLE):
        check(f'{name} on Rota', rota.get(name), want)
        check(f'{name} in a task', tasks.get(name), None if 'Z' in program else want_task)
        check_node(name, twins, want_node)

    rota = outputs([sys.argv[2]])
    twins = outputs([node, os.path.join(HERE, 'handles.js')]) if node else {}
    for name, _, want, _, want_node in rows(HANDLES):
        check(f'{name} on Rota', rota.get(name), want)
        check_node(name, twins, want_node)
    print(f'1..{sum(not line.startswith("#") for line in results)}')
    print('\n'.join(results))


if __name__ == '__main__':
    main()
