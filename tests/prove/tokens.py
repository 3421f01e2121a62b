#!/usr/bin/env python3
"""How far the estimate of tokens is from a real tokenizer, on tests/fixtures/texts.

usage: tokens.py PROVE_ROUTE SERVER_URL     (llama.cpp's server, which has /tokenize)

Prints "KIND TEXTS MEDIAN P95 BIAS" in percent of the real number, a row per kind and "all".
"""
import json
import pathlib
import subprocess
import sys
import urllib.request

TEXTS = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "texts"


def real(url, text):
    body = json.dumps({"content": text}).encode()
    request = urllib.request.Request(url + "/tokenize", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        return len(json.load(reply)["tokens"])


def quantile(values, part):
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def row(name, errors):
    off = [abs(e) for e in errors]
    print(f"{name} {len(errors)} {100 * quantile(off, .5):.1f} {100 * quantile(off, .95):.1f} "
          f"{100 * quantile(errors, .5):+.1f}")


def main():
    program, url = sys.argv[1], sys.argv[2].removesuffix("/v1")
    everything = []
    for path in sorted(TEXTS.glob("*.txt")):
        told = subprocess.run([program, "tokens", path], check=True, capture_output=True, text=True)
        texts = path.read_text(encoding="utf-8").split("%%\n")[:-1]
        errors = []
        for text, estimate in zip(texts, told.stdout.split(), strict=True):
            count = real(url, text)
            errors.append((int(estimate) - count) / count)
        row(path.stem, errors)
        everything += errors
    row("all", everything)


main()
