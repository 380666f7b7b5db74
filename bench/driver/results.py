"""What was measured: kept for each window in a file of its own, so that a run can go on where it stopped.

build/bench/raw/WINDOW.jsonl   a line for each measurement
build/bench/results.json       the medians, of all windows measured so far
"""
import glob
import json
import os
import statistics

from cases import CASES
from machine import QUIET_CPUS, SLOW
from subjects import BUILD, is_ours, is_peer

RAW = os.path.join(BUILD, "raw")
RESULTS = os.path.join(BUILD, "results.json")


def raw_path(window):
    return os.path.join(RAW, window.name + ".jsonl")


def read_raw(window):
    try:
        with open(raw_path(window)) as f:
            return [json.loads(line) for line in f]
    except OSError:
        return []


def append_raw(window, row):
    os.makedirs(RAW, exist_ok=True)
    with open(raw_path(window), "a") as f:
        f.write(json.dumps(row) + "\n")


def forget_raw(window):
    if os.path.exists(raw_path(window)):
        os.unlink(raw_path(window))


def is_calm(row):
    return row["others"] <= QUIET_CPUS and row["speed"] <= SLOW


def usable(rows):
    """The calm measurements of each subject; all of them for one that has no calm one."""
    use = []
    for title in dict.fromkeys(r["subject"] for r in rows):
        own = [r for r in rows if r["subject"] == title]
        use += [r for r in own if is_calm(r)] or own
    return use


def spread(values):
    """Half of the distance between the quartiles, as a part of the median."""
    middle = statistics.median(values)
    if len(values) < 2 or middle == 0:
        return 0.0
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / 2 / middle


def worse_by(metric, value, other):
    """How many times worse `value` is than `other`: above 1 is worse, whichever direction is better.  None beside zero."""
    if metric.better == "high":
        value, other = other, value
    return value / other if other else None


def in_round_ratio(metric, mine, theirs):
    """The median of the ratios within a round, which a machine whose speed drifts disturbs least."""
    ratios = [worse_by(metric, mine[r], theirs[r]) for r in mine if r in theirs]
    ratios = [r for r in ratios if r is not None]
    return statistics.median(ratios) if ratios else None


def summarise(metric, rows):
    """A row of results.json for each subject, best first."""
    by_subject = {}
    for row in rows:
        if metric.name in row["values"]:
            by_subject.setdefault(row["subject"], {})[row["round"]] = row["values"][metric.name]
    if not by_subject:
        return []
    median = {s: statistics.median(v.values()) for s, v in by_subject.items()}
    order = sorted(median, key=median.get, reverse=metric.better == "high")
    best_peer = next((s for s in order if is_peer(s)), None)
    out = []
    for subject in order:
        values = by_subject[subject]
        row = {"case": metric.name, "subject": subject, "median": round(median[subject], 3), "unit": metric.unit,
               "better": metric.better, "rounds": len(values), "spread": round(spread(list(values.values())), 3)}
        for key, other in (("to_limit", "limit"), ("to_best_peer", best_peer)):
            ratio = in_round_ratio(metric, values, by_subject[other]) if other in by_subject else None
            if ratio is not None:
                row[key] = round(ratio, 3)
        out.append(row)
    return out


def write_results():
    """results.json, from all that was measured."""
    out = []
    for case in CASES:
        for window in case.windows:
            rows = usable(read_raw(window))
            for metric in window.metrics:
                out += summarise(metric, rows)
    with open(RESULTS, "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(row) for row in out) + "\n]\n")
    return out


def read_results():
    with open(RESULTS) as f:
        return json.load(f)


def number(value):
    if value >= 10000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def table(metric, rows):
    """The lines for a person."""
    lines = [f"  {metric.title}  [{metric.unit}, {'more' if metric.better == 'high' else 'less'} is better]"]
    for row in rows:
        ratios = "".join(
            f"  {f'{row[key]:.2f} x {words}' if key in row else '':>18}"
            for key, words in (("to_limit", "limit"), ("to_best_peer", "best peer")))
        mark = "*" if is_ours(row["subject"]) else " "
        lines.append(f"  {mark} {row['subject']:24} {number(row['median']):>12}  ±{100 * row['spread']:3.0f} %"
                     f"{ratios}   {row['rounds']} rounds")
    return "\n".join(lines)


def disturbed(window):
    rows = read_raw(window)
    return sum(not is_calm(r) for r in rows), len(rows)


def all_raw_files():
    return glob.glob(os.path.join(RAW, "*.jsonl"))
