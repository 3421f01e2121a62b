# shellcheck shell=bash disable=SC2034,SC2154
# What goes wrong, and what becomes of it. Sourced by scripts/prove.sh.
#   scripts/prove.sh guardrails --table [ROWS [SEED]]     the table itself instead of its numbers
#   scripts/prove.sh guardrails --table --write           and into docs/reliability.md

page=docs/reliability.md
before=b187b0092271738a2ae5c315e3f9ecd175a2cd92 # the last commit without retries, limits and breakers

# What stands below the page's last heading is written anew.
write_page() {
	local out
	out=$("$dev/tests/prove_rescue" --jobs 4) || { tail -1 <<<"$out"; return 1; }
	{ sed '/^## Every case$/q' "$page"; printf '\n%s\n' "$out"; } >build/reliability.md &&
		mv build/reliability.md "$page" && tail -1 "$page"
}

if [ "${2:-}" = --table ]; then
	if [ "${3:-}" = --write ]; then write_page; else "$dev/tests/prove_rescue" "${@:3}"; fi
	exit
fi

runs=1000 seconds=5 steps=1000000
[ -z "$slice" ] || runs=50 seconds=1 steps=20000

# Every fault of llmsim in every wire, for a profile of two candidates.
prove_rescue() {
	local out rows first second mended errors
	out=$("$dev/tests/prove_rescue" --jobs 4 ${slice:+24} 2>build/prove-rescue.log | tail -1)
	read -r _ rows _ first _ _ _ _ second _ _ _ mended _ errors _ <<<"${out//,/}"
	row "each fault, two candidates" "the oracle holds in all" \
		"$((${second:-0} + ${mended:-0})) rescued, ${errors:-?} errors" "${rows:-0} runs" \
		"$([[ ${first:-} =~ ^[0-9]+$ && $out == *"the oracle holds" ]]; echo $?)"
}

# U-30: a leaked slot would stop the next run, and a lost count ends the program.
prove_leaving() {
	local phase out p99
	for phase in before_headers before_token in_stream; do
		out=$("$dev/tests/prove_cancel" "leave_$phase" $runs 2>&1 | tail -1)
		read -r _ _ _ p99 _ <<<"$out"
		[[ ${p99:-} =~ ^[0-9]+$ ]] || p99=''
		row "caller leaves: $phase" "p99 <= 100 ms, 0 slots lost" \
			"${p99:+p99 $(awk "BEGIN { printf \"%.2f\", ${p99:-0} / 1000 }") ms, all told}" "$runs runs" \
			"$(within "$p99" 100000; echo $?)"
		[ -n "$p99" ] || echo "  $out"
	done
}

# U-31: readers of 1 KiB/s, each at an upstream that sends as fast as it can.
prove_slow_readers() {
	local out bytes calm beside
	out=$("$dev/tests/prove_load" slow 8 2>&1 | tail -1)
	read -r _ bytes calm beside <<<"$out"
	[[ ${beside:-} =~ ^[0-9]+$ ]] || { row "slow readers" "<= 256 KiB each" "$out" 0 1; return; }
	row "slow readers: waits for each" "<= 256 KiB" "$((bytes / 1024)) KiB" "8 readers" \
		"$(within "$bytes" 262144; echo $?)"
	row "slow readers: calls beside them" "<= 1.5x" "p50 $calm us, beside $beside us" "300 calls" \
		"$(within "$beside" $((calm * 3 / 2)); echo $?)"
}

# L-04: five times what the provider's slots can take.
prove_overload() {
	local out peak good refused p50 p99
	out=$("$dev/tests/prove_load" overload $seconds 2>&1 | tail -1)
	read -r _ peak good refused p50 p99 <<<"$out"
	[[ ${p99:-} =~ ^[0-9]+$ ]] || { row "overload of 5x" "goodput >= 80 %" "$out" 0 1; return; }
	row "overload of 5x: goodput" ">= 80 % of the peak" "$good of $peak a second" "$seconds s" \
		"$(within $((peak * 8)) $((good * 10)); echo $?)"
	row "overload of 5x: refused" "p99 <= 5 ms" "p50 $p50 us, p99 $p99 us" "$refused calls" \
		"$([ "$refused" -gt 0 ] && within "$p99" 5000; echo $?)"
}

# From when an answer went wrong to the next candidate's request, by the upstreams' logs.
prove_fallback() {
	local out p50 p99
	out=$("$dev/tests/prove_load" fallback $runs 2>&1 | tail -1)
	read -r _ p50 p99 <<<"$out"
	[[ ${p99:-} =~ ^[0-9]+$ ]] || { row "to the next candidate" "<= 300 us" "$out" 0 1; return; }
	row "to the next candidate" "<= 300 us" "p50 $p50 us, p99 $p99 us" "$runs runs" \
		"$(within "$p50" 300; echo $?)"
}

# P-09: services, requests and calls in random order from eight threads.
prove_handles() {
	local out
	out=$("$dev/tests/threads_handles8" $steps 2>&1 | tail -1)
	row "handles in random order" "0 wrong, nothing left" "${out#handles8: }" "$steps steps" \
		"$([[ $out == *", 0 wrong" ]]; echo $?)"
}

random_row() { # NAME DEMANDED COMMAND...
	local name=$1 demanded=$2 out rc
	shift 2
	out=$("$@" 2>&1)
	rc=$?
	if [ $rc = 0 ]; then out="0 differ"; fi
	row "$name" "$demanded" "$(tail -1 <<<"$out" | cut -c1-34)" "$steps" $rc
}

# Runs in random histories beside a slow second writing of their rules; R-LIM-6 from eight threads.
prove_random() {
	random_row "real runs in random histories" "as their rules say" \
		env LLM_HISTORIES=$steps "$dev/tests/contract_engine_histories" --jobs 1
	random_row "decisions in random histories" "as their rules say" \
		env LLM_HISTORIES=$steps "$dev/tests/unit_guard_histories" --jobs 1
	random_row "calls at random, 8 threads" "every counter ends at 0" \
		env LLM_STEPS=$steps "$dev/tests/threads_random_schedule"
}

# The good path, counted beside the commit before in one run.
prove_good_path() {
	local tree=build/before-guards
	if ! git cat-file -e "$before^{commit}" 2>/dev/null; then
		echo "SKIP good_path: the commit to compare with is not in this copy of the repository"
		return
	fi
	[ -d "$tree" ] || git worktree add -f --detach "$tree" "$before" >/dev/null 2>&1
	(cd "$tree" && scripts/bench.sh counts --json) >build/counts-before.json 2>build/prove-counts.log
	scripts/bench.sh counts --json >build/counts-now.json 2>>build/prove-counts.log
	git worktree remove --force "$tree"
	python3 scripts/prove/counts.py build/counts-before.json build/counts-now.json || bad=1
}

prove() {
	prove_rescue
	prove_leaving
	prove_slow_readers
	prove_overload
	prove_fallback
	prove_handles
	prove_random
	[ -n "$slice" ] || prove_good_path
}
