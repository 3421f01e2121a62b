#!/usr/bin/env python3
"""Draws the trace of prove_fleet: how many runs waited how long, a line per policy.

usage: fleet_svg.py TRACE.csv >fleet.svg
"""
import csv
import math
import sys

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 720, 400, 60, 30, 50
COLOURS = {"ordered": "#b33", "weighted": "#a70", "least_busy": "#28a", "latency": "#283"}
LOW, HIGH = math.log10(20), math.log10(12000)  # ms


def x_of(ms):
    return LEFT + (math.log10(max(ms, 20)) - LOW) / (HIGH - LOW) * (WIDTH - LEFT - 20)


def y_of(part):
    """Nines: 0.9, 0.99, 0.999 stand at equal distances."""
    nines = min(-math.log10(1 - part), 4) / 4
    return HEIGHT - BOTTOM - nines * (HEIGHT - TOP - BOTTOM)


def line(waits, colour):
    waits.sort()
    points = []
    for i in range(400):
        part = 1 - 10 ** (-4 * i / 400)
        ms = waits[min(len(waits) - 1, int(part * len(waits)))] / 1000
        points.append(f"{x_of(ms):.1f},{y_of(part):.1f}")
    return f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="2"/>'


def main():
    waits = {}
    with open(sys.argv[1], newline="", encoding="utf-8") as f:
        for row in csv.DictReader(f):
            waits.setdefault(row["policy"], []).append(int(row["waited_us"]))
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           f'<text x="{LEFT}" y="18">Time to the first token: 8 members, the first 20 times '
           'slower</text>']
    for ms in (20, 50, 100, 200, 500, 1000, 2000, 5000, 10000):
        out.append(f'<line x1="{x_of(ms):.1f}" x2="{x_of(ms):.1f}" y1="{TOP}" '
                   f'y2="{HEIGHT - BOTTOM}" stroke="#ddd"/><text x="{x_of(ms):.1f}" '
                   f'y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{ms} ms</text>')
    for name, part in (("p50", .5), ("p90", .9), ("p99", .99), ("p99.9", .999)):
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y_of(part):.1f}" '
                   f'y2="{y_of(part):.1f}" stroke="#ddd"/><text x="{LEFT - 6}" '
                   f'y="{y_of(part) + 4:.1f}" text-anchor="end">{name}</text>')
    for i, (policy, all_of_it) in enumerate(waits.items()):
        colour = COLOURS.get(policy, "#555")
        out.append(line(all_of_it, colour))
        out.append(f'<text x="{LEFT + 20 + 130 * i}" y="{HEIGHT - 12}" fill="{colour}">{policy}'
                   '</text>')
    out.append("</svg>")
    print("\n".join(out))


main()
