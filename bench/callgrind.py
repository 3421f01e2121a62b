"""Counts that do not depend on the clock: instructions and allocations for fixed scenarios.

Each is counted in two runs of different length; the difference leaves out start and end.
Calls are driven by the host's loop: how often the library's thread is woken is the scheduler's.
The kept ones are in bench/baseline/counts.json, with the reason of each that rose.
"""
import json
import os
import re
import subprocess

from programs import Failed

MOST = 1.03
TRIES = 5
KEPT = "bench/baseline/counts.json"


def instructions(bench, command_of, few, many):
    seen = []
    for n in (few, many):
        out = f"{bench.room}/callgrind.out"
        command = [str(word) for word in command_of(n)]
        done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}",
                               *command], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"callgrind: {' '.join(command[:4])}: {done.stderr[-300:]}")
        with open(out, encoding="utf-8") as file:
            seen.append(int(re.search(r"^(?:summary|totals): (\d+)", file.read(), re.M).group(1)))
        os.remove(out)
    return (seen[1] - seen[0]) / (many - few)


def scenarios(bench):
    whole = bench.upstream("--bytes", "1024")
    streams = bench.upstream("--events", "256")
    small, prompt = bench.request(11), bench.request(400 * 1024)
    for flight in (1, 32):
        yield f"floor: call, {flight} in flight", 100, 600, 1, \
            lambda n, f=flight: bench.floor_command(whole, small, n, f, 0)
        yield f"call, {flight} in flight", 100, 600, 1, \
            lambda n, f=flight: bench.library_command(whole, 11, n, f, 0, "loop")
    first = bench.provider
    for name in bench.providers():
        bench.provider = name
        stream = bench.request(11, stream=True)
        yield f"floor: {name}: event of a stream", 20, 80, 256, \
            lambda n, b=stream: bench.floor_command(streams, b, n, 8, 0)
        yield f"{name}: event of a stream", 20, 80, 256, \
            lambda n: bench.library_command(streams, 11, n, 8, 0, "thread", "stream")
    bench.provider = first
    yield "floor: call of 400 KB", 10, 40, 1, \
        lambda n: bench.floor_command(whole, prompt, n, 1, 0)
    yield "call of 400 KB", 10, 40, 1, \
        lambda n: bench.library_command(whole, 400 * 1024, n, 1, 0, "thread")
    for name in bench.providers():
        for what in ("encode", "decode", "frames"):
            yield f"{name}: {what}", 100, 1100, 1, \
                lambda n, p=name, w=what: bench.codec_command(p, n, w)


def allocations(bench):
    whole = bench.upstream("--bytes", "1024")
    streams = bench.upstream("--events", "256")
    row = bench.library(whole, 11, 2000, 32, 200, "thread", "count")
    yield "allocations of a call", row["allocs"] / row["calls"]
    row = bench.library(streams, 11, 400, 8, 40, "thread", "stream", "count")
    yield "allocations of a stream of 256 events", row["allocs"] / row["calls"]


def is_gate(what):
    """The floor is not ours."""
    return not what.startswith("floor")


def least(bench, command_of, few, many, per, kept):
    """The shortest of two, or of more where it looks like a rise: the rest is the scheduler's."""
    value = None
    for number in range(TRIES):
        if number > 1 and not (kept and value > kept * MOST):
            break
        got = round(instructions(bench, command_of, few, many) / per, 1)
        value = got if value is None else min(value, got)
    return value


def keep(rows, kept, why):
    """Makes these the baseline. A rise has its reason beside it as long as it is there."""
    rises = [r for r in kept.get("rises", []) if r["what"] in {row["what"] for row in rows}]
    risen = [row for row in rows if row["kept"] and row["value"] > row["kept"] * MOST]
    if risen and not why.strip():
        raise Failed("a count rose: --keep wants the reason, as in --keep 'events carry names'")
    for row in risen:
        rises = [r for r in rises if r["what"] != row["what"]]
        rises.append({"what": row["what"], "from": row["kept"], "to": row["value"], "why": why})
    with open(KEPT, "w", encoding="utf-8") as file:
        json.dump({"counts": {row["what"]: row["value"] for row in rows}, "rises": rises}, file,
                  indent=1)
        file.write("\n")


def measure(bench):
    kept = {"counts": {}}
    if os.path.exists(KEPT):
        with open(KEPT, encoding="utf-8") as file:
            kept = json.load(file)
    rows = []
    for what, few, many, per, command_of in scenarios(bench):
        what += ", instructions"
        was = kept["counts"].get(what)
        rows.append({"what": what, "kept": was,
                     "value": least(bench, command_of, few, many, per, was)})
    for what, value in allocations(bench):
        rows.append({"what": what, "kept": kept["counts"].get(what), "value": round(value, 2)})
    if bench.keep is not None:
        keep(rows, kept, bench.keep)
        for row in rows:
            row["kept"] = row["value"]
    return rows
