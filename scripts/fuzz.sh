#!/usr/bin/env bash
# Runs every fuzz target of BUILD_DIR for LLM_FUZZ_SECONDS (20) on its corpus.
# What is found stays: copy the file named below into tests/fuzz/corpus/TARGET.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/fuzz}
seconds=${LLM_FUZZ_SECONDS:-20}
seed=${LLM_FUZZ_SEED:-$RANDOM}
found=0

for target in "$build"/fuzz/fuzz_*; do
	name=${target##*/fuzz_}
	mkdir -p "$build/fuzz/new/$name" "$build/fuzz/found"
	if ASAN_OPTIONS=detect_leaks=1 "$target" -max_total_time="$seconds" -seed="$seed" \
		-rss_limit_mb=2048 -timeout=10 -print_final_stats=1 -artifact_prefix="$build/fuzz/found/$name-" \
		"$build/fuzz/new/$name" "tests/fuzz/corpus/$name" >"$build/fuzz/$name.log" 2>&1; then
		echo "fuzz $name: $(sed -n 's/stat::number_of_executed_units: *//p' "$build/fuzz/$name.log") inputs in $seconds s, seed $seed: ok"
	else
		echo "fuzz $name: FAILED, seed $seed; the end of its log:"
		tail -20 "$build/fuzz/$name.log"
		found=1
	fi
done
exit $found
