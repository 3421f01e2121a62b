# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by prove.sh: routing. Plans that are the same everywhere, policies, prices, the estimate of
# tokens, and what a plan costs.

# The SHA-256 of 1,000 snapshots and their plans, by the build of a preset.
plans_of() { # PRESET
	LLM_BUILD_TARGET=prove_route scripts/build.sh "$1" >"build/prove-route-$1.log" 2>&1 || return 1
	"build/$1/tests/prove_route" bytes | sha256sum | cut -c1-64
}

prove_determinism() {
	local want preset got n
	want=$(plans_of dev)
	n=$(wc -l <tests/golden/plans.txt)
	"$dev/tests/contract_policy_golden" --jobs 1 >build/prove-golden.log 2>&1
	row "golden plans, gcc" "1000 as committed" "$n lines, sha ${want:0:16}" "$n plans" \
		"$(grep -q 'Failing: 0 | Crashing: 0' build/prove-golden.log && [ "$n" = 1000 ]; echo $?)"
	for preset in clang asan; do
		[ -z "$slice" ] || continue
		got=$(plans_of $preset)
		row "golden plans, $preset" "the same SHA-256" "sha ${got:0:16}" "1000 plans" \
			"$([ -n "$got" ] && [ "$got" = "$want" ]; echo $?)"
	done
	got=$(tests/prove/arm64/build.sh build/prove-arm64 2>build/prove-arm64.log)
	if [ $? = 77 ]; then
		echo "SKIP golden plans, arm64: apt-get install qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
	else
		row "golden plans, arm64 under qemu" "the same SHA-256" "sha ${got:0:16}" "1000 plans" \
			"$([ -n "$got" ] && [ "$got" = "$want" ]; echo $?)"
	fi
}

prove_shuffled() {
	local runs=100000 out
	[ -z "$slice" ] || runs=5000
	out=$("$dev/tests/prove_route" shuffle $runs)
	row "snapshots in shuffled order" "0 differ" "${out#* snapshots, }" "$runs" \
		"$([ "$out" = "$runs snapshots, 0 differ" ]; echo $?)"
}

prove_affinity() {
	local foreign median worst
	read -r foreign median worst < <("$dev/tests/prove_route" affinity)
	row "affinity: one of 16 removed" "0 foreign keys move" "${foreign:-none} moved" "16 x 10000 keys" \
		"$([ "$foreign" = 0 ]; echo $?)"
	row "affinity: the fullest of 16" "< 10 % over its share" "$median % median, $worst % worst" \
		"21 fleets" "$(within "$median" 9.99; echo $?)"
}

prove_fleet() {
	local trace=build/prove-fleet.csv ordered least latency
	"$dev/tests/prove_fleet" 1 $trace >build/prove-fleet.log
	ordered=$(awk '$1 == "ordered" { print $4 }' build/prove-fleet.log)
	least=$(awk '$1 == "least_busy" { print $4 }' build/prove-fleet.log)
	latency=$(awk '$1 == "latency" { print $4 }' build/prove-fleet.log)
	row "fleet, 1 of 8 slow: least_busy" "p99 <= ordered / 3" "$least ms against $ordered ms" "20000 runs" \
		"$(within "$((3 * ${least:-99999999}))" "$ordered"; echo $?)"
	row "fleet, 1 of 8 slow: latency" "p99 <= ordered / 3" "$latency ms against $ordered ms" "20000 runs" \
		"$(within "$((3 * ${latency:-99999999}))" "$ordered"; echo $?)"
	tests/prove/fleet_svg.py $trace >build/prove-fleet.svg &&
		echo "  seed 1, trace $trace, plot build/prove-fleet.svg"
}

# Calls without a pause while configurations and builds of a plugin, one of them bad, take turns.
prove_change() {
	local size=(10000 200 1000 1) out
	[ -z "$slice" ] || size=(1000 20 100 1)
	LLM_BUILD_TARGET=threads_change_load scripts/build.sh dev >build/prove-change.build 2>&1
	out=$(LLM_BUILD_TARGET='' "$dev/tests/threads_change_load" "${size[@]}" 2>build/prove-change.log)
	row "calls across ${size[1]} reloads and ${size[2]} swaps" "0 failed, 0 crashed" \
		"$(sed -n 's/.*: \([0-9]* calls, [0-9]* failed\).*, \([0-9]* wrong\)$/\1, \2/p' <<<"$out")" \
		"${size[0]} calls" "$(grep -q ' calls, 0 failed, .*, 0 wrong$' <<<"$out"; echo $?)"
	echo "  ${out#change_load: }"
}

prove_tokens() {
	if ! scripts/model.sh start --while $$ >build/prove-model.log 2>&1; then
		echo "SKIP the estimate of tokens: no server of a real model: $(tail -1 build/prove-model.log)"
		return
	fi
	if ! tests/prove/tokens.py "$dev/tests/prove_route" "$(scripts/model.sh url)" >build/prove-tokens.log; then
		row "estimate of tokens" "measured" "did not run" 0 1
		return
	fi
	while read -r kind n median p95 bias; do
		row "estimate of tokens: $kind" "measured" "off by $median %, p95 $p95 %, $bias" "$n texts" 0
	done <build/prove-tokens.log
	echo "  beside $(scripts/model.sh name), whose small vocabulary cuts German and Chinese finer than larger ones"
}

prove() {
	prove_determinism
	prove_shuffled
	prove_affinity
	prove_fleet
	bench_rows W13 ${slice:+--quick}
	prove_change
	prove_tokens
}
