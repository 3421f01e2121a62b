#!/usr/bin/env bash
# Measures the library against bare libcurl; bench/README.md says how.
#   scripts/bench.sh W2 [--json|--rows|--markdown] [--quick] [--provider NAME]
#   scripts/bench.sh all          W1 W2 W4 W5 W6 W7 W8 W9 W12 W13 size counts
#   scripts/bench.sh counts                   exit 1 when a count has risen by more than 3 %
#   scripts/bench.sh counts --keep 'REASON'   makes the counts of now the baseline
#   scripts/bench.sh all --markdown >docs/benchmarks.md
# LLM_BENCH_BUILD=DIR uses programs that are built already. Exit 1 when a single call failed.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR source=packages.sh
. scripts/packages.sh
need_packages bench >&2
build=${LLM_BENCH_BUILD:-build/bench}
if [ -z "${LLM_BENCH_BUILD:-}" ]; then
	need_packages build >&2
	[ -f build/bench/build.ninja ] || cmake --preset bench >/dev/null
	cmake --build --preset bench -j "$(nproc)" >&2
fi
PYTHONDONTWRITEBYTECODE=1 exec python3 bench/run.py --build "$build" "$@"
