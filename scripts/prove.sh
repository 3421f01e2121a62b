#!/usr/bin/env bash
# One row per number that a topic demands: demanded, measured, how many, PASS or FAIL.
#   scripts/prove.sh first-light [--slice]     --slice: fewer runs, for everyday
#   scripts/prove.sh any-model
# Exit 1 if a row failed or did not run.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
topic=${1:-}
runs=1000
[ "${2:-}" = --slice ] && runs=50
dev=build/dev
release=build/release
bad=0

row() { # NAME DEMANDED MEASURED HOW_MANY OK(0|1)
	printf '%-34s %-26s %-34s %-14s %s\n' "$1" "$2" "$3" "$4" "$([ "$5" = 0 ] && echo PASS || echo FAIL)"
	[ "$5" = 0 ] || bad=1
}

within() { # VALUE MAX
	awk -v v="$1" -v m="$2" 'BEGIN { exit !(v != "" && v + 0 <= m + 0) }'
}

now_us() {
	local t=${EPOCHREALTIME/[.,]/}
	echo "$t"
}

median_us() { # RUNS COMMAND... : the median of whole runs, output thrown away
	local n=$1 i t
	shift
	for ((i = 0; i < n; i++)); do
		t=$(now_us)
		"$@" >/dev/null 2>&1
		echo $(($(now_us) - t))
	done | sort -n | sed -n "$((n / 2 + 1))p"
}

start_sim() {
	coproc SIM { exec "$release/bin/llmsim" --port 0 --exit-with-parent --max-seconds 3000; }
	read -r line <&"${SIM[0]}"
	sim_url=${line##* }
	sim_pid=${SIM_PID:?}
}

stop_sim() {
	kill "$sim_pid" 2>/dev/null
	wait "$sim_pid" 2>/dev/null
}

prove_speed() {
	local us first
	us=$(median_us 51 "$release/bin/llmctl" --help)
	row "llmctl --help" "<= 5 ms" "$(awk "BEGIN { printf \"%.2f\", $us / 1000 }") ms, median" "51 runs" \
		"$(within "$us" 5000; echo $?)"
	start_sim
	first=$(for ((i = 0; i < 51; i++)); do
		t=$(now_us)
		OLLAMA_HOST=$sim_url XDG_CONFIG_HOME=/nonexistent "$release/bin/llmctl" ask -m ollama/sim-small hi |
			{ IFS= read -r -N 1 _; echo $(($(now_us) - t)); cat >/dev/null; }
	done | sort -n | sed -n 26p)
	row "ask: start to first byte" "<= 30 ms" "$(awk "BEGIN { printf \"%.2f\", $first / 1000 }") ms, median" \
		"51 runs" "$(within "$first" 30000; echo $?)"
	stop_sim
}

# `resolve` needs a name server that hears and never answers: in namespaces of its own.
cancel_row() {
	local phase=$1 out p99
	if [ "$phase" = resolve ]; then
		local conf
		conf=$(mktemp)
		printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n' >"$conf"
		out=$(unshare -mn sh -c "ip link set lo up && mount --bind $conf /etc/resolv.conf &&
			$dev/tests/prove_cancel resolve $runs" 2>&1)
		rm "$conf"
	else
		out=$("$dev/tests/prove_cancel" "$phase" $runs 2>&1)
	fi
	p99=$(awk 'END { print $4 }' <<<"$out")
	if [[ $p99 =~ ^[0-9]+$ ]]; then
		row "cancel: $phase" "p99 <= 100 ms" "p99 $(awk "BEGIN { printf \"%.2f\", $p99 / 1000 }") ms" \
			"$runs runs" "$(within "$p99" 100000; echo $?)"
	else
		row "cancel: $phase" "p99 <= 100 ms" "did not run: $(tail -1 <<<"$out" | cut -c1-60)" 0 1
	fi
}

alloc_row() {
	local layer=$1 out points wrong floor
	out=$("$dev/tests/prove_alloc" "$layer" 2>/dev/null | tail -1)
	read -r _ points wrong <<<"$out"
	floor=$(awk -v l="$layer" '$1 == l { print $2 }' tests/prove/alloc.floor)
	row "allocation failures: $layer" ">= $floor points, 0 wrong" "${points:-none} points, ${wrong:-?} wrong" \
		"2 x ${points:-0} plays" \
		"$([ -n "${points:-}" ] && [ "$points" -ge "$floor" ] && [ "$wrong" = 0 ]; echo $?)"
}

prove_model() {
	local conf=build/prove.conf url a b sha
	if ! scripts/model.sh start >build/prove-model.log 2>&1; then
		if ! scripts/model.sh index >/dev/null 2>&1; then
			echo "SKIP answered by llama.cpp: the Python package index cannot be reached"
			return
		fi
		row "answered by a real model" "llama.cpp" "none: $(tail -1 build/prove-model.log | cut -c1-50)" 0 1
		return
	fi
	url=$(scripts/model.sh url)
	cat >"$conf" <<-CONF
	providers = { local = { plugin = "openai"; base_url = "$url"; locality = "local"; }; };
	CONF
	chmod 600 "$conf"
	a=$("$release/bin/llmctl" ask -c "$conf" -m local/smollm2-135m "What is the capital of France?" 2>&1)
	b=$("$release/bin/llmctl" ask -c "$conf" -m local/smollm2-135m "How many legs has a spider?" 2>&1)
	sha=$(sha256sum "$(scripts/model.sh path)" | cut -c1-64)
	row "answered by llama.cpp" "2 questions, 2 answers" "\"${a:0:24}\" / \"${b:0:24}\"" "2 answers" \
		"$([ -n "$a" ] && [ -n "$b" ] && [ "$a" != "$b" ]; echo $?)"
	echo "  model file SHA-256 $sha"
}

planted() { # NAME COMMAND...
	local name=$1 out n
	shift
	out=$("$@" 2>&1)
	local rc=$?
	n=$(grep -c ': found$' <<<"$out")
	[ "$n" -gt 0 ] || n=$(sed -n 's/.*: \([0-9]*\) planted, 0 not found.*/\1/p' <<<"$out")
	row "$name" "every planted offence found" "$n found" "$n offences" "$([ $rc = 0 ] && [ "${n:-0}" -gt 0 ]; echo $?)"
}

stage_row() { # NAME STAGE : the last result of scripts/check.sh for a stage, run now
	scripts/check.sh "$2" >"build/prove-$2.log" 2>&1
	local rc=$?
	row "$1" "clean" "$(tail -1 "build/prove-$2.log")" "1 run" $rc
}

bench_rows() { # WORKLOAD... : the targets that scripts/bench.sh measures
	scripts/bench.sh "$@" --rows || bad=1
}

# U-04: three wires, stream and whole, reset and end, 2048 offsets each. There is no fallback yet
# that could make eight of the four.
prove_cuts() {
	local out runs wrong ms
	out=$("$dev/tests/prove_cut" 2>build/prove-cut.log | tail -1)
	read -r _ runs _ _ _ _ wrong _ ms _ <<<"${out//,/}"
	row "ended at each byte of 2 KiB" "24576, 0 wrong, <= 60 s" \
		"${wrong:-?} wrong, $(awk "BEGIN { printf \"%.1f\", ${ms:-0} / 1000 }") s" "${runs:-0} runs" \
		"$([ "${runs:-0}" = 24576 ] && [ "$wrong" = 0 ] && within "$ms" 60000; echo $?)"
}

header() {
	printf '%-34s %-26s %-34s %-14s\n' what demanded measured "how many"
}

# One function a group of rows.
any_model() {
	LLM_WITH_TESTS=1 scripts/build.sh dev >/dev/null && scripts/build.sh release >/dev/null || exit 1
	header
	prove_cuts
	bench_rows W1 W2 W4 W5 W6 W7 W12 size
}

first_light() {
	LLM_WITH_TESTS=1 scripts/build.sh dev >/dev/null && scripts/build.sh release >/dev/null || exit 1
	header
	prove_speed
	for phase in resolve connect tls sending before_first_byte in_stream paused; do
		cancel_row $phase
	done
	for layer in base wire conf plugin net run; do
		alloc_row $layer
	done
	prove_model
	planted "layer rule" scripts/check-layers.sh --prove
	planted "purity lint" scripts/lint-plugin.sh --prove
	out=$("$dev/tests/contract_plugin_load" --filter '*/*future*' --jobs 1 2>&1)
	row "plugin from the future" "accepted and works" "$(grep -o 'Tested: .*' <<<"$out" | tr -s ' |' ' ' | cut -c1-34)" "1 plugin" \
		"$(grep -q 'Tested: [1-9].*Failing: 0 | Crashing: 0' <<<"$out"; echo $?)"
	[ "${1:-}" = --slice ] && return
	stage_row "AddressSanitizer" asan
	stage_row "UndefinedBehaviorSanitizer" ubsan
	stage_row "ThreadSanitizer" tsan
	scripts/check.sh cover >build/prove-cover.log 2>&1
	grep '^cover ' build/check/cover.log | while read -r line; do echo "  $line"; done
	row "coverage" "95/90 core, 90/80 all" "see the two lines above" "1 run" \
		"$(grep -q '^cover core.*PASS' build/check/cover.log && grep -q '^cover all.*PASS' build/check/cover.log; echo $?)"
}

case $topic in
first-light) first_light "${2:-}" ;;
any-model) any_model ;;
*)
	echo "usage: scripts/prove.sh first-light [--slice] | any-model" >&2
	exit 2
	;;
esac
exit $bad
