"""Counts that do not depend on the clock: instructions and allocations for fixed scenarios.

Each is counted in two runs of different length; the difference leaves out start and end.
The kept ones are in bench/baseline/counts.json.
"""
import json
import os
import re
import subprocess

from programs import Failed

MOST = 1.03
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
    small, prompt, stream = bench.request(11), bench.request(400 * 1024), \
        bench.request(11, stream=True)
    for flight in (1, 32):
        yield f"floor: call, {flight} in flight", 100, 600, 1, \
            lambda n, f=flight: bench.floor_command(whole, small, n, f, 0)
        yield f"call, {flight} in flight", 100, 600, 1, \
            lambda n, f=flight: bench.library_command(whole, 11, n, f, 0, "thread")
    yield "floor: event of a stream", 20, 80, 256, \
        lambda n: bench.floor_command(streams, stream, n, 8, 0)
    yield "event of a stream", 20, 80, 256, \
        lambda n: bench.library_command(streams, 11, n, 8, 0, "thread", "stream")
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


def measure(bench):
    kept = {}
    if os.path.exists(KEPT):
        with open(KEPT, encoding="utf-8") as file:
            kept = json.load(file)
    rows = []
    for what, few, many, per, command_of in scenarios(bench):
        # The shorter of two: what comes on top is the scheduler's.
        value = min(instructions(bench, command_of, few, many) for _ in range(2)) / per
        rows.append({"what": what + ", instructions", "value": round(value, 1)})
    for what, value in allocations(bench):
        rows.append({"what": what, "value": round(value, 2)})
    for row in rows:
        row["kept"] = kept.get(row["what"])
    if bench.keep:
        with open(KEPT, "w", encoding="utf-8") as file:
            json.dump({row["what"]: row["value"] for row in rows}, file, indent=1)
            file.write("\n")
    return rows
