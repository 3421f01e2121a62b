#!/usr/bin/env python3
"""Runs the workloads of bench/ and prints a table or one JSON object. See bench/README.md."""
import argparse
import contextlib
import json
import os
import random
import sqlite3
import sys

import callgrind
import programs
from programs import Bench, Failed

BETTER_UPSTREAM = 1.5  # direct to the upstream has to be this much faster


def median(values):
    ordered = sorted(values)
    n = len(ordered)
    return ordered[n // 2] if n % 2 else (ordered[n // 2 - 1] + ordered[n // 2]) / 2


def iqr(values):
    ordered = sorted(values)
    return ordered[(3 * len(ordered)) // 4 - (len(ordered) % 4 == 0)] - ordered[len(ordered) // 4]


def rounds(bench, runs, times=1):
    """runs: name -> function giving a dict. Interleaved, in random order, warm-up first."""
    seen = {name: [] for name in runs}
    for number in range(bench.rounds * times + 1):
        for name in random.sample(sorted(runs), len(runs)):
            got = runs[name]()
            if number:
                seen[name].append(got)
    return seen


def column(seen, name, of):
    return [of(row) for row in seen[name]]


def within(value, sign, limit):
    return value <= limit if sign == "<=" else value >= limit


class Table:
    """Cells: workload, what, floor, measured, ratio or difference, must, aim, verdict."""

    def __init__(self):
        self.cells = []

    def add(self, workload, what, unit, floor, value, must, aim, shown, n, sign="<="):
        def verdict(limit):
            return None if limit is None else within(shown, sign, limit)
        self.cells.append({
            "workload": workload, "what": what, "unit": unit,
            "floor": floor and median(floor), "floor_iqr": floor and iqr(floor),
            "value": median(value), "iqr": iqr(value), "compared": shown, "sign": sign,
            "must": must, "aim": aim, "holds": verdict(must), "rounds": n})


def cpu(row):
    return (row["user_us"] + row["sys_us"]) / row["calls"]


def per_event(row, events=256):
    """The floor counts lines, so what was sent is what counts here."""
    return cpu(row) / events


def gate(bench, up, request, seen, flight):
    """The upstream must not be what is measured."""
    speed = lambda r: r["calls"] / r["wall_us"]  # noqa: E731
    direct = median([speed(bench.direct(up, request, bench.scale(20000), flight))
                     for _ in range(3)])
    ratio = direct / median(column(seen, "library", speed))
    return {"workload": f"W2, {flight} in flight", "direct_over_measured": round(ratio, 2),
            "holds": ratio >= BETTER_UPSTREAM}


def w1(bench, table):
    """Some microseconds, where a shared machine moves by more within seconds: what counts is
    the difference from the floor of the same round, over many short ones."""
    up = bench.upstream("--bytes", "1024")
    n = bench.scale(2000)
    body = bench.request(11)
    seen = rounds(bench, {
        "floor": lambda: bench.floor(up, body, n, 1, 300),
        "callback": lambda: bench.library(up, 11, n, 1, 300, "thread"),
        "blocking": lambda: bench.library(up, 11, n, 1, 300, "wait")}, 5)
    for name in ("callback", "blocking"):
        for point, must, aim in (("p50", 15, 8), ("p99", 40, 20), ("p999", None, None)):
            key = f"call_{point}_us"
            floor = column(seen, "floor", lambda r: r[key])
            value = column(seen, name, lambda r: r[key])
            added = [v - f for v, f in zip(value, floor)]
            table.add("W1", f"one call at a time, {name}: added {point}", "us", floor, value,
                      must, aim, median(added), len(added))


def w2(bench, table):
    up = bench.upstream("--bytes", "1024")
    body = bench.request(11)
    n = bench.scale(20000)
    gates = []
    for flight in (8, 32):
        seen = rounds(bench, {
            "floor": lambda: bench.floor(up, body, n, flight, 2000),
            "library": lambda: bench.library(up, 11, n, flight, 2000, "thread"),
            "loop": lambda: bench.library(up, 11, n, flight, 2000, "loop")})
        floor = column(seen, "floor", cpu)
        for name, what in (("library", "own thread"), ("loop", "the host's loop, poll")):
            value = column(seen, name, cpu)
            table.add("W2", f"{flight} in flight, {what}: CPU per call over the floor", "us",
                      floor, value, 1.6, 1.3, median(value) / median(floor), len(value))
        for part in ("user_us", "sys_us"):
            of = lambda r: r[part] / r["calls"]  # noqa: E731
            floor, value = column(seen, "floor", of), column(seen, "library", of)
            table.add("W2", f"{flight} in flight: of it {part[:-3]}", "us", floor, value, None,
                      None, median(value) / max(median(floor), 0.01), len(value))
        rate = lambda r: r["calls"] / r["wall_us"] * 1e6  # noqa: E731
        floor, value = column(seen, "floor", rate), column(seen, "library", rate)
        table.add("W2", f"{flight} in flight: calls per second", "1/s", floor, value, None, None,
                  median(value) / median(floor), len(value))
        gates.append(gate(bench, up, body, seen, flight))
    return gates


def w4(bench, table):
    n = bench.scale(400)
    for kib_in, kib_out in ((1, 1), (10, 1), (100, 1), (400, 1), (1, 10), (1, 100)):
        up = bench.upstream("--bytes", str(kib_out * 1024))
        body = bench.request(kib_in * 1024)
        prompt = kib_in * 1024
        seen = rounds(bench, {
            "floor": lambda: bench.floor(up, body, n, 4, 20),
            "library": lambda: bench.library(up, prompt, n, 4, 20, "thread")})
        floor, value = column(seen, "floor", cpu), column(seen, "library", cpu)
        limit = (400, 250) if kib_in == 400 else (None, None)
        table.add("W4", f"{kib_in} KB in, {kib_out} KB out: CPU per call", "us", floor, value,
                  *limit, median(value) if limit[0] else median(value) / median(floor), len(value))
        per = lambda r: cpu(r) / (kib_in + kib_out)  # noqa: E731
        table.add("W4", f"{kib_in} KB in, {kib_out} KB out: CPU per KB", "us",
                  column(seen, "floor", per), column(seen, "library", per), None, None,
                  median(value) / median(floor), len(value))
        peak = lambda r: r["rss_peak_kib"]  # noqa: E731
        floor, value = column(seen, "floor", peak), column(seen, "library", peak)
        table.add("W4", f"{kib_in} KB in, {kib_out} KB out: peak RSS", "KiB", floor, value, None,
                  None, median(value) / median(floor), len(value))


def w5(bench, table):
    body = bench.request(11)
    up = bench.upstream("--bytes", "1024", "--delay-ms", "60")
    per_call = lambda r: (r["rss_peak_kib"] - r["rss_before_kib"]) / r["flight"]  # noqa: E731
    for flight in (50, 1000, 10000):
        if not programs.has_descriptors(flight):
            raise Failed(f"W5 needs {flight} open files a process: raise ulimit -n")
        n = flight * 3 if flight < 10000 else flight
        seen = rounds(bench, {
            "floor": lambda: bench.floor(up, body, n, flight, 0),
            "library": lambda: bench.library(up, 11, n, flight, 0, "thread")})
        floor, value = column(seen, "floor", per_call), column(seen, "library", per_call)
        last = flight == 10000
        table.add("W5", f"{flight} in flight: RSS per call beyond curl's", "KiB", floor, value,
                  24 if last else None, 12 if last else None, median(value) - median(floor),
                  len(value))
        floor, value = column(seen, "floor", cpu), column(seen, "library", cpu)
        table.add("W5", f"{flight} in flight: CPU per call", "us", floor, value, None, None,
                  median(value) / median(floor), len(value))
        late = lambda r: r["call_p99_us"] / 1000  # noqa: E731
        floor, value = column(seen, "floor", late), column(seen, "library", late)
        table.add("W5", f"{flight} in flight: added p99", "ms", floor, value, None, None,
                  median(value) - median(floor), len(value))


def streams(bench, calls, warmup, *upstream):
    """Eight streams at once, one provider after the other: name -> what floor and library took."""
    first = bench.provider
    for name in bench.providers():
        bench.provider = name
        up, body = bench.upstream(*upstream), bench.request(11, stream=True)
        yield name, rounds(bench, {
            "floor": lambda: bench.floor(up, body, calls, 8, warmup),
            "library": lambda: bench.library(up, 11, calls, 8, warmup, "thread", "stream")})
    bench.provider = first


def w6(bench, table):
    shapes = (("256 events in one send", bench.scale(1500), 100, (2, 1.5), ()),
              ("256 events, a send each", bench.scale(40), 0, (None, None), ("--pace-ms", "1")))
    for what, calls, warmup, limits, pace in shapes:
        for name, seen in streams(bench, calls, warmup, "--events", "256", *pace):
            for row in seen["library"]:
                if row["events"] != row["calls"] * 256:
                    raise Failed(f"W6: {row['events']} events came, {row['calls'] * 256} were sent")
            floor, value = column(seen, "floor", per_event), column(seen, "library", per_event)
            table.add("W6", f"{name}: {what}, 8 streams: CPU per event over the floor", "us",
                      floor, value, *limits, median(value) / median(floor), len(value))


def holds(row, events):
    return row["failed"] == 0 and row["gap_max_us"] <= 200000 and row["events"] >= \
        row["calls"] * events


def w7(bench, table):
    """Streams at a pace of 20 ms: more and more, until a piece is ten times late or lost."""
    body = bench.request(11, stream=True)
    events = 64
    up = bench.upstream("--events", str(events), "--pace-ms", "20")
    best = {}
    for name, run in (
            ("floor", lambda k: bench.floor(up, body, k, k, 0)),
            ("library", lambda k: bench.library(up, 11, k, k, 0, "thread", "stream"))):
        for k in (250, 500, 1000) if bench.quick else (250, 500, 1000, 1500, 2000, 3000, 4000):
            row = run(k)
            if not holds(row, events):
                break
            best[name] = row
    if len(best) < 2:
        raise Failed("W7: not even 250 streams could be held")
    floor, value = best["floor"], best["library"]
    one = lambda of: ([of(floor)], [of(value)])  # noqa: E731
    for what, unit, of in (
            ("streams held at 20 ms", "", lambda r: r["flight"]),
            ("events per second", "1/s", lambda r: r["calls"] * events / r["wall_us"] * 1e6),
            ("CPU per event", "us", lambda r: per_event(r, events)),
            ("first piece p99", "ms", lambda r: r["first_p99_us"] / 1000),
            ("longest gap p99", "ms", lambda r: r["gap_p99_us"] / 1000),
            ("RSS per stream", "KiB",
             lambda r: (r["rss_peak_kib"] - r["rss_before_kib"]) / r["flight"])):
        a, b = one(of)
        table.add("W7", what, unit, a, b, None, None, b[0] / max(a[0], 0.001), 1)


def rate(row):
    return row["calls"] / row["wall_us"] * 1e6


def recorded(bench, up, calls, flight, ledgers):
    """As `rounds`: bare SQLite, calls that nobody records, and those of each ledger. Each run
    that was made is a row, or the bench is worth nothing."""
    path, warmup, made = bench.database(f"w8-{flight}"), 10 * flight, []

    def run(ledger):
        made.append(calls + warmup if ledger != "off" else 0)
        return bench.recorded(up, calls, flight, warmup, ledger, path)
    seen = rounds(bench, {
        "floor": lambda: bench.floor_rows(calls, 32),
        "plain": lambda: bench.recorded(up, calls, flight, warmup),
        **{name: lambda name=name: run(name) for name in ledgers}})
    with contextlib.closing(sqlite3.connect(path)) as db:
        rows, = db.execute("SELECT count(*) FROM llm_runs WHERE status = 'succeeded'").fetchone()
    if rows != sum(made):
        raise Failed(f"W8: {rows} rows for {sum(made)} runs")
    return seen


def added(seen, name, of):
    """Of each round, what it took more than calls that nobody recorded."""
    return [of(row) - of(plain) for row, plain in zip(seen[name], seen["plain"])]


def w8(bench, table):
    if not bench.has_sqlite():
        print("bench: W8 is left out: no sqlite.so was built", file=sys.stderr)
        return
    seen = recorded(bench, bench.upstream("--bytes", "1024"), bench.scale(10000), 32,
                    ("strict", "after", "off"))
    for name, limits in (("strict", (20, 14)), ("after", (None, None)), ("off", (None, None))):
        floor = column(seen, "floor", cpu) if name != "off" else None
        value = added(seen, name, cpu)
        table.add("W8", f"SQLite, {name}, 32 in flight: CPU added per run", "us", floor, value,
                  *limits, median(value), len(value))
    for name, limits in (("strict", (15000, 20000)), ("after", (None, None))):
        value = column(seen, name, rate)
        table.add("W8", f"SQLite, {name}, 32 in flight: recorded runs per second", "1/s",
                  column(seen, "floor", rate), value, *limits, median(value), len(value), ">=")
    seen = recorded(bench, bench.upstream("--bytes", "1024", "--delay-ms", "60"),
                    bench.scale(12000), 256, ("strict", "after"))
    for name, limits in (("strict", (5, 2)), ("after", (None, None))):
        value = [100 * (1 - rate(row) / rate(plain))
                 for row, plain in zip(seen[name], seen["plain"])]
        table.add("W8", f"SQLite, {name}, 256 in flight, 60 ms: throughput lost", "%", None,
                  value, *limits, median(value), len(value))


def w9(bench, table):
    n = bench.scale(20000)
    for name in bench.providers():
        seen = rounds(bench, {"codec": lambda: bench.codec(name, n)})
        for what in ("encode", "decode", "frame"):
            value = column(seen, "codec", lambda r: r[what + "_ns"])
            allocs = column(seen, "codec", lambda r: r[what + "_allocs"])
            table.add("W9", f"{name}: {what}", "ns", None, value, None, None, median(value),
                      len(value))
            table.add("W9", f"{name}: {what}, allocations", "", None, allocs, None, None,
                      median(allocs), len(allocs))


def w12(bench, table):
    up = bench.upstream("--bytes", "1024")
    seen = rounds(bench, {"start": lambda: bench.start(up, 15)})
    opened = column(seen, "start", lambda r: r["open_us"] / 1000)
    first = column(seen, "start", lambda r: r["first_answer_us"] / 1000)
    n = int(seen["start"][0]["providers"])
    table.add("W12", f"service open with {n} providers and SQLite", "ms", None, opened, 20, 8,
              median(opened), len(opened))
    table.add("W12", "process start to the first answer", "ms", None, first, None, None,
              median(first), len(first))


def w13(bench, table):
    """Per size the policy that takes longest is the one that must hold."""
    for n, must, aim in ((2, None, None), (16, 3000, 1000), (128, None, None),
                         (1024, 200000, 60000)):
        times = bench.scale(400000) // n + 50
        seen = rounds(bench, {name: lambda name=name: bench.plan(name, n, times)
                              for name in programs.POLICIES})
        for name in programs.POLICIES:
            value = column(seen, name, lambda r: r["ns"])
            table.add("W13", f"{name}, {n} candidates: a plan", "ns", None, value, must, aim,
                      median(value), len(value))
        value = [sum(row["allocs"] for row in rows) for rows in seen.values()]
        table.add("W13", f"{n} candidates: allocations in all plans", "", None, [sum(value)], 0,
                  0, sum(value), sum(len(rows) for rows in seen.values()))


def size(bench, table):
    for what, must, aim, value in bench.sizes():
        table.add("size", what, "KiB", None, [value], must, aim, value, 1)


def counts(bench, table):
    for row in callgrind.measure(bench):
        shown = row["value"] / row["kept"] if row["kept"] else 1
        must = callgrind.MOST if callgrind.is_gate(row["what"]) else None
        table.add("counts", row["what"], "", [row["kept"]] if row["kept"] else None,
                  [row["value"]], must, None, shown, 1)


WORKLOADS = {"W1": w1, "W2": w2, "W4": w4, "W5": w5, "W6": w6, "W7": w7, "W8": w8, "W9": w9,
             "W12": w12, "W13": w13, "size": size, "counts": counts}
DIFFERENCES = ("added", "beyond")


def number(value):
    if value is None:
        return ""
    if value >= 1000:
        return f"{value:.0f}"
    return f"{value:.2f}" if value < 100 else f"{value:.1f}"


def compared(cell):
    if cell["floor"] is None:
        return ""
    sign = "+" if any(word in cell["what"] for word in DIFFERENCES) else "x"
    if sign == "+":
        return f"{cell['compared']:+.2f}"
    return f"{cell['value'] / cell['floor']:.2f}x" if cell["floor"] else ""


def unit_of(cell):
    """Of what a target limits: a ratio to the floor, or an amount."""
    is_ratio = cell["floor"] is not None and cell["compared"] == cell["value"] / cell["floor"]
    return "x" if is_ratio else f" {cell['unit']}"


def mark(cell):
    if cell["holds"] is None:
        return ""
    if not cell["holds"]:
        return "LOST"
    is_aim = cell["aim"] is not None and within(cell["compared"], cell["sign"], cell["aim"])
    return "aim" if is_aim else "must"


def header(bench):
    return {"machine": bench.machine, "commit": bench.commit, "versions": bench.versions,
            "load": os.getloadavg()[0], "rounds": bench.rounds}


def print_table(head, cells, gates):
    print(f"{head['machine']}; commit {head['commit']}; {head['versions']}; load before "
          f"{head['load']:.1f}; {head['rounds']} rounds, medians, spread in brackets\n")
    for c in cells:
        floor = f"{number(c['floor'])}" if c["floor"] is not None else "-"
        value = f"{number(c['value'])} [{number(c['iqr'])}]"
        must = "" if c["must"] is None else f"{c['sign']} {c['must']}"
        print(f"{c['workload']:<7}{c['what']:<66}{floor:>10}{value:>18} {c['unit']:<4}"
              f"{compared(c):>9}  {must:<10}{mark(c)}")
    for g in gates:
        print(f"gate: {g['workload']}: direct to the upstream is {g['direct_over_measured']} "
              f"times as fast as what is measured, {BETTER_UPSTREAM} is demanded"
              f"{'' if g['holds'] else ': LOST'}")


def print_markdown(head, cells, gates):
    print("# Benchmarks\n\nPrinted by `scripts/bench.sh all --markdown`; `bench/README.md` says "
          "how it is measured. Absolute times are those\nof one machine: what counts is the "
          "comparison with the floor, a bare program on libcurl and epoll that\nmakes the same "
          "requests in the same run.\n")
    print(f"- machine: {head['machine']}, load before: {head['load']:.1f}\n"
          f"- commit: {head['commit']}\n- versions: {head['versions']}\n"
          f"- rounds: {head['rounds']}, in random order, a process each; medians, with the "
          "spread between the quartiles\n")
    print("| | what | floor | libllm | spread | compared | must | |\n"
          "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |")
    for c in cells:
        least = ">= " if c["sign"] == ">=" else ""
        must = "" if c["must"] is None else f"{least}{c['must']}"
        print(f"| {c['workload']} | {c['what']} | {number(c['floor'])} | "
              f"{number(c['value'])} {c['unit']} | {number(c['iqr'])} | {compared(c)} | {must} | "
              f"{mark(c)} |")
    lost = [c for c in cells if c["holds"] is False]
    print("\n`aim` and `must` say which target holds; `LOST` that none does. Cells without a "
          "target are for comparison.\n")
    print("Losing cells: " + ("; ".join(f"{c['workload']} {c['what']}" for c in lost) or "none")
          + ".")
    for g in gates:
        print(f"\nUpstream in {g['workload']}: direct to it is {g['direct_over_measured']} times "
              "as fast as what is measured.")


def print_rows(cells, gates):
    """For scripts/prove.sh, tabs between: what, demanded, measured, how many, PASS or FAIL."""
    rows = [(f"{g['workload']}: upstream beside it", f">= {BETTER_UPSTREAM}x",
             f"{g['direct_over_measured']}x", "3 runs", g["holds"]) for g in gates]
    for c in cells:
        if c["must"] is not None:
            what = c["what"].removesuffix(" over the floor")  # the "x" says it
            rows.append((f"{c['workload']} {what}", f"{c['sign']} {c['must']}{unit_of(c)}",
                         f"{number(c['compared'])}{unit_of(c)}", f"{c['rounds']} rounds",
                         c["holds"]))
    for what, demanded, measured, many, ok in rows:
        print(what, demanded, measured, many, "PASS" if ok else "FAIL", sep="\t")


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench.sh")
    parser.add_argument("workload", nargs="+", choices=[*WORKLOADS, "all"])
    parser.add_argument("--build", required=True)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--rows", action="store_true", help="rows for scripts/prove.sh")
    parser.add_argument("--markdown", action="store_true", help="docs/benchmarks.md")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and calls")
    parser.add_argument("--keep", metavar="WHY", help="keep the counts, and why they rose")
    parser.add_argument("--provider", default="openai")
    opts = parser.parse_args()
    names = list(WORKLOADS) if "all" in opts.workload else opts.workload
    bench, table, gates = Bench(opts), Table(), []
    head = header(bench)
    try:
        for name in names:
            gates += WORKLOADS[name](bench, table) or []
            bench.stop_upstreams()
    except Failed as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    finally:
        bench.close()
    if opts.json:
        print(json.dumps({**head, "cells": table.cells, "gates": gates}))
    elif opts.rows:
        print_rows(table.cells, gates)
    elif opts.markdown:
        print_markdown(head, table.cells, gates)
    else:
        print_table(head, table.cells, gates)
    risen = [c for c in table.cells if c["workload"] == "counts" and c["holds"] is False]
    for c in risen:
        print(f"bench: {c['what']}: {number(c['value'])} instead of {number(c['floor'])}, more "
              f"than {callgrind.MOST} times as much; make it cheaper, or say why it has to be "
              "so: scripts/bench.sh counts --keep 'REASON'", file=sys.stderr)
    lost = any(c["holds"] is False for c in table.cells) or not all(g["holds"] for g in gates)
    return 1 if risen or opts.rows and lost else 0


if __name__ == "__main__":
    sys.exit(main())
