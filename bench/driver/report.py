#!/usr/bin/env python3
"""docs/performance.md and build/bench/performance.svg, from results.json and machine.json.

Only what stands between the markers is written; the text around them is by hand.
"""
import json
import math
import os
import re

from cases import CASES
from results import number, read_results
from subjects import BUILD, ROOT, is_ours, is_peer

DOCUMENT = os.path.join(ROOT, "docs", "performance.md")
PLOT = os.path.join(BUILD, "performance.svg")


def machine_lines():
    with open(os.path.join(BUILD, "machine.json")) as f:
        m = json.load(f)
    kind = "virtual machine" if m["virtual"] else "machine"
    return [
        f"* Machine: {kind}, {m['cpus']} CPUs ({m['cpu']}), {m['memory']}, Linux {m['kernel']}; {m['compiler']}, -O3.",
        f"* Measured {m['date']}: rota at {m['rota']}; {', '.join(v for v in m['versions'] if is_peer(v))}.",
    ]


def by_metric(results):
    out = {}
    for row in results:
        out.setdefault(row["case"], []).append(row)
    return out


def pick(rows, accept):
    return next((r for r in rows if accept(r["subject"])), None)


def cell(row):
    return number(row["median"]) if row else "-"


def ratio(row, key):
    return f"{row[key]:.2f}" if row and key in row else "-"


def summary_row(metric, rows):
    ours = pick(rows, lambda s: s == "rota") or pick(rows, is_ours)  # rows are best first: the best model
    limit, peer = pick(rows, lambda s: s == "limit"), pick(rows, is_peer)
    peer_text = f"{number(peer['median'])} ({peer['subject']})" if peer else "-"
    return (f"| {metric.title}, {metric.unit} | {cell(limit)} | {peer_text} | **{cell(ours)}** "
            f"| {ratio(ours, 'to_limit')} | {ratio(ours, 'to_best_peer')} |")


def summary(found):
    lines = ["| what | limit | best peer | rota | x limit | x best peer |", "|---|---|---|---|---|---|"]
    for case in CASES:
        for window in case.windows:
            for metric in window.metrics:
                if pick(found.get(metric.name, []), is_ours):
                    lines.append(summary_row(metric, found[metric.name]))
    return lines


def shared_title(window):
    """What all titles of the window begin with, up to a colon or comma: "echo, 64 connections: " of its rows."""
    if len(window.metrics) == 1:
        return ""
    return re.match(r"(.*[:,] )?", os.path.commonprefix([m.title for m in window.metrics])).group()


def short_title(metric, window):
    return metric.title[len(shared_title(window)):]


def window_table(window, found):
    metrics = [m for m in window.metrics if m.name in found]
    if not metrics:
        return []
    shared = shared_title(window).strip(" :,")
    head = " | ".join(f"{short_title(m, window)}, {m.unit}" for m in metrics)
    lines = ["", f"**{shared}**" if shared else "", "",
             f"| subject | {head} |", "|---" * (len(metrics) + 1) + "|"]
    values = {m.name: {r["subject"]: r for r in found[m.name]} for m in metrics}
    for subject in dict.fromkeys(r["subject"] for m in metrics for r in found[m.name]):
        cells = []
        for m in metrics:
            row = values[m.name].get(subject)
            cells.append(f"{cell(row)} ±{100 * row['spread']:.0f} %" if row else "-")
        name = f"**{subject}**" if is_ours(subject) else subject
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def all_tables(found):
    lines = []
    for case in CASES:
        tables = [line for window in case.windows for line in window_table(window, found)]
        if tables:
            lines += ["", f"### {case.question}", *tables]
    return lines


# ---- the plot: each row on a scale where the limit is 1 ----

ROW, LEFT, WIDTH, TOP = 18, 330, 460, 40
DECADES = (0.5, 200)


def at(value):
    low, high = map(math.log10, DECADES)
    part = (math.log10(min(max(value, DECADES[0]), DECADES[1])) - low) / (high - low)
    return LEFT + part * WIDTH


def plot_rows(found):
    for case in CASES:
        for window in case.windows:
            for metric in window.metrics:
                rows = found.get(metric.name, [])
                ours, limit = pick(rows, lambda s: s == "rota"), pick(rows, lambda s: s == "limit")
                if ours and limit and "to_limit" in ours:
                    yield metric.title, ours["to_limit"], pick(rows, is_peer)


def plot(found):
    rows = list(plot_rows(found))
    height = TOP + ROW * len(rows) + 10
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 20}" height="{height}" '
           'font-family="sans-serif" font-size="11">',
           '<rect width="100%" height="100%" fill="white"/>',
           f'<text x="{LEFT}" y="14">times worse than the limit: '
           '<tspan fill="#c33">● rota</tspan> <tspan fill="#38c">○ best peer</tspan></text>']
    for value in (1, 2, 5, 10, 20, 50, 100):
        x = at(value)
        out.append(f'<line x1="{x:.0f}" y1="{TOP - 10}" x2="{x:.0f}" y2="{height}" stroke="#ddd"/>')
        out.append(f'<text x="{x:.0f}" y="{TOP - 14}" text-anchor="middle" fill="#777">{value}</text>')
    for i, (title, ours, peer) in enumerate(rows):
        y = TOP + ROW * i + ROW / 2
        out.append(f'<text x="{LEFT - 8}" y="{y + 4:.0f}" text-anchor="end">{title}</text>')
        if peer and "to_limit" in peer:
            out.append(f'<circle cx="{at(peer["to_limit"]):.0f}" cy="{y:.0f}" r="4" fill="none" stroke="#38c"/>')
        out.append(f'<circle cx="{at(ours):.0f}" cy="{y:.0f}" r="4" fill="#c33"/>')
    return "\n".join(out + ["</svg>"]) + "\n"


def replace_between(text, name, lines):
    begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
    head, rest = text.split(begin)
    tail = rest.split(end)[1]
    return head + begin + "\n" + "\n".join(lines) + "\n" + end + tail


def main():
    found = by_metric(read_results())
    with open(DOCUMENT) as f:
        text = f.read()
    text = replace_between(text, "machine", machine_lines())
    text = replace_between(text, "summary", summary(found))
    text = replace_between(text, "tables", all_tables(found))
    with open(DOCUMENT, "w") as f:
        f.write(text)
    with open(PLOT, "w") as f:
        f.write(plot(found))


if __name__ == "__main__":
    main()
