#!/usr/bin/env bash
# Coverage of the tests that have run in BUILD_DIR: lines >= 95 %, branches >= 90 % on core;
# 90 / 80 on core, plugins and apps together. Exclusion marks are counted (at most 20).
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/cover}

# measure NAME LINE BRANCH FILTER...
measure() {
	local name=$1 line=$2 branch=$3 out l b
	shift 3
	out=$(gcovr -r . --object-directory "$build" --exclude-throw-branches \
		--gcov-ignore-parse-errors "$@" --print-summary 2>>"$build/gcovr.log")
	l=$(sed -n 's/^lines: \([0-9.]*\)%.*/\1/p' <<<"$out")
	b=$(sed -n 's/^branches: \([0-9.]*\)%.*/\1/p' <<<"$out")
	awk -v n="$name" -v l="$l" -v b="$b" -v wl="$line" -v wb="$branch" 'BEGIN {
		ok = l >= wl && b >= wb
		printf "cover %s: lines %.1f %% (>= %d), branches %.1f %% (>= %d): %s\n", n, l, wl, b, wb, ok ? "PASS" : "FAIL"
		exit !ok }'
}

rc=0
measure core 95 90 -f core/ || rc=1
measure all 90 80 -f core/ -f plugins/ -f apps/ || rc=1
marks=$({ git grep -c 'GCOVR_EXCL\|LCOV_EXCL' -- core plugins apps || true; } | awk -F: '{ n += $2 } END { print n + 0 }')
echo "cover: $marks exclusion marks (at most 20)"
[ "$marks" -le 20 ] || rc=1
exit $rc
