#!/usr/bin/env python3
"""Rows of scripts/prove.sh: the counts of scripts/bench.sh now, beside those of a commit before."""
import json
import sys

MOST = 1.03


def counts(path):
    with open(path, encoding="utf-8") as file:
        return {c["what"]: c["value"] for c in json.load(file)["cells"]}


def main():
    then, now = counts(sys.argv[1]), counts(sys.argv[2])
    bad = False
    for what in sorted(then):
        if what.startswith("floor") or what not in now:
            continue
        memory = what.startswith("allocations")
        ok = now[what] <= then[what] + 0.005 if memory else now[what] <= then[what] * MOST
        bad |= not ok
        print(f"{what.removesuffix(', instructions')[:33]:<34} {'no more than before' if memory else '<= 1.03x of before':<26} "
              f"{f'{then[what]:g} -> {now[what]:g}, {now[what] / then[what]:.3f}x':<34} "
              f"{'2 builds':<14} {'PASS' if ok else 'FAIL'}")
    return 1 if bad or not then else 0


if __name__ == "__main__":
    sys.exit(main())
