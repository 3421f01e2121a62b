# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by prove.sh: records. What is on record after a kill, what a record costs, and how a store grows.

prove_kills() {
	local kills=200 out delivered lost running damaged
	[ -z "$slice" ] || kills=10
	out=$("$dev/tests/prove_ledger" $kills 2>&1 | tail -1)
	[[ $out =~ in\ flight,\ ([0-9]+)\ delivered,\ ([0-9]+)\ lost,\ ([0-9]+)\ cut,\ ([0-9]+)\ left\ running,\ ([0-9]+)\ damaged ]] || {
		row "strict ledger under SIGKILL" "0 lost" "$out" 0 1
		return
	}
	delivered=${BASH_REMATCH[1]} lost=${BASH_REMATCH[2]} running=${BASH_REMATCH[4]} damaged=${BASH_REMATCH[5]}
	row "SIGKILL, 64 in flight: delivered answers" ">= $((kills * 100))" "$delivered" "$kills kills" \
		"$([ "$delivered" -ge $((kills * 100)) ]; echo $?)"
	row "SIGKILL: delivered without a succeeded row" "0" "$lost" "$delivered answers" "$([ "$lost" = 0 ]; echo $?)"
	row "SIGKILL: running after reaping" "0" "$running" "$kills kills" "$([ "$running" = 0 ]; echo $?)"
	row "SIGKILL: integrity_check" "0 damaged" "$damaged" "$kills kills" "$([ "$damaged" = 0 ]; echo $?)"
}

prove_io() {
	local share=1 least=5000 out
	[ -z "$slice" ] || { share=40 least=100; }
	out=$("$dev/tests/prove_io" $share 2>&1 | tail -1)
	[[ $out =~ ^([0-9]+)\ points,.*,\ ([0-9]+)\ lost,\ ([0-9]+)\ halved,\ ([0-9]+)\ damaged,\ ([0-9]+)\ stuck,\ ([0-9]+)\ odd ]] || {
		row "S-01: a call of SQLite's fails" "0 lost" "$out" 0 1
		return
	}
	row "S-01: calls of SQLite's that failed, each a play" ">= $least" "${BASH_REMATCH[1]}" "4 plays, 5 ways" \
		"$(within $least "${BASH_REMATCH[1]}"; echo $?)"
	row "S-01: lost, halved, damaged, stuck, wrong error" "0" "${BASH_REMATCH[*]:2:5}" "${BASH_REMATCH[1]} plays" \
		"$([ "${BASH_REMATCH[*]:2:5}" = "0 0 0 0 0" ]; echo $?)"
}

# Both at once: SQLite's memory and its disk (S-07).
prove_stacked() {
	local n=500 out
	[ -z "$slice" ] || n=100
	out=$("$dev/tests/prove_io" --stacked $n 2>&1 | tail -1)
	[[ $out =~ ^([0-9]+)\ points,\ (.*)\ calls\ failed,\ (.*)\ odd ]]
	row "S-07: memory and disk fail at once" "0 of $n wrong" "${BASH_REMATCH[3]:-$out}" "$n plays" \
		"$([[ ${BASH_REMATCH[3]:-} = '0 lost, 0 halved, 0 damaged, 0 stuck, 0' ]]; echo $?)"
}

prove_mutants() {
	local n=2000 out
	[ -z "$slice" ] || n=100
	out=$("$dev/tests/prove_mutants" $n 2>&1 | tail -1)
	[[ $out =~ ^[0-9]+\ mutants,\ (.*,)\ ([0-9]+)\ crashed,\ ([0-9]+)\ hung,\ ([0-9]+)\ odd ]]
	row "S-06: damaged files: crashed, hung, wrong error" "0" "${BASH_REMATCH[1]:-$out} ${BASH_REMATCH[*]:2:3}" "$n" \
		"$([ "${BASH_REMATCH[*]:2:3}" = "0 0 0" ]; echo $?)"
}

# scripts/check-nightly.sh lets them write for ten minutes.
prove_writers() {
	local seconds=${LLM_WRITERS_SECONDS:-20} out
	[ -z "$slice" ] || seconds=3
	out=$("$dev/tests/prove_writers" "$seconds" 4 2>&1 | tail -1)
	[[ $out =~ 4\ processes,\ ([0-9]+)\ units,\ ([0-9]+)\ checkpoints,\ ([0-9]+)\ kills,\ (.*)$ ]]
	row "S-03: 4 processes write and checkpoint one file" "0" \
		"${BASH_REMATCH[4]:-$out}" "${BASH_REMATCH[1]:-0} units" \
		"$([ "${BASH_REMATCH[4]:-}" = "0 lost, 0 halved, 0 damaged, 0 failed" ]; echo $?)"
}

# What a setting of sync promises: nothing that a process's end could take, and of a power cut
# `full` everything, `normal` a whole file without gaps.
prove_power() {
	local cuts=1000 what sync line bad demanded
	[ -z "$slice" ] || cuts=40
	"$dev/tests/prove_power" $cuts >build/prove-power.log 2>&1
	for what in end power; do
		for sync in full normal off; do
			line=$(grep "^$what $sync: " build/prove-power.log)
			[[ $line =~ :\ ([0-9]+)\ cuts,\ ([0-9]+)\ committed,\ ([0-9]+)\ gone,\ ([0-9]+)\ gaps,\ ([0-9]+)\ halves,\ ([0-9]+)\ damaged ]] || {
				row "sync = $sync, $what" "measured" "$(tail -1 build/prove-power.log)" 0 1
				continue
			}
			case $what-$sync in
			end-* | power-full) demanded="0 gone" bad=$((BASH_REMATCH[3] + BASH_REMATCH[4] + BASH_REMATCH[5] + BASH_REMATCH[6])) ;;
			power-normal) demanded="0 gaps, 0 damaged" bad=$((BASH_REMATCH[4] + BASH_REMATCH[5] + BASH_REMATCH[6])) ;;
			power-off) demanded="promises nothing" bad=0 ;;
			esac
			row "sync = $sync, $([ $what = end ] && echo 'the process ends' || echo 'the power goes')" "$demanded" \
				"${BASH_REMATCH[3]} of ${BASH_REMATCH[2]} gone, ${BASH_REMATCH[4]} gaps, ${BASH_REMATCH[6]} damaged" \
				"${BASH_REMATCH[1]} cuts" "$([ "$bad" = 0 ] && [ "${BASH_REMATCH[2]}" -gt 0 ]; echo $?)"
		done
	done
}

us() { awk -v ns="$1" 'BEGIN { printf "%.1f", ns / 1000 }'; }

of() { # WAY COLUMN : from what prove_tax has printed
	awk -v way="$1" -v column="$2" '$1 == way { print $column }' build/prove-tax.log
}

prove_rows() { # WHAT HOW_MANY
	local rows
	rows=$(awk '$1 == "rows"' build/prove-tax.log)
	row "W8: rows = runs, $1" "exactly" "$rows" "$2" \
		"$([[ $rows =~ ^rows\ ([0-9]+)\ of\ ([0-9]+) ]] && [ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ]; echo $?)"
}

prove_tax() {
	local calls=5000 rounds=7 none strict after rate
	[ -z "$slice" ] || { calls=2000 rounds=3; }
	"$release/tests/prove_tax" $calls $rounds >build/prove-tax.log 2>&1
	none=$(of none 2) strict=$(of strict 2) after=$(of after 2) rate=$(of strict 5)
	[[ ${strict:-} =~ ^[0-9]+$ ]] || { row "W8, SQLite" "<= 20 us" "$(tail -1 build/prove-tax.log)" 0 1; return; }
	prove_rows "32 in flight" "$((2 * rounds)) rounds"
	row "W8: CPU a recorded run, strict, 32 in flight" "<= 20 us" "$(us $((strict - none))) us more than $(us "$none")" \
		"$rounds x $calls" "$(within $((strict - none)) 20000; echo $?)"
	row "W8: the same, ledger after" "<= 20 us" "$(us $((after - none))) us more" "$rounds x $calls" \
		"$(within $((after - none)) 20000; echo $?)"
	row "W8: recorded runs a second, strict" ">= 15000" "$rate" "$rounds x $calls" \
		"$(within 15000 "$rate"; echo $?)"
}

prove_far_tax() { # an upstream 60 ms away, 256 in flight
	local calls=12000 rounds=7 none strict
	[ -z "$slice" ] || { calls=6000 rounds=3; }
	"$release/tests/prove_tax" $calls $rounds 256 60 >build/prove-tax.log 2>&1
	none=$(of none 5) strict=$(of strict 5)
	[[ ${strict:-} =~ ^[0-9]+$ ]] || { row "W8, 256 in flight" "<= 5 %" "$(tail -1 build/prove-tax.log)" 0 1; return; }
	prove_rows "256 in flight" "$((2 * rounds)) rounds"
	row "W8: throughput lost, strict, 256 in flight, 60 ms" "<= 5 %" "$strict of $none calls/s" "$rounds x $calls" \
		"$(within $((none * 95)) $((strict * 100)); echo $?)"
}

# scripts/check-nightly.sh lets the large one be ten times as large: 5 GB for some minutes.
prove_store() {
	local sizes="100000 ${LLM_STORE_RUNS:-1000000}" small big one page reap bytes
	[ -z "$slice" ] || sizes='10000 100000'
	LLM_WITH_TESTS=1 LLM_BUILD_TARGET=prove_store scripts/build.sh release >build/prove-store.log 2>&1
	# shellcheck disable=SC2086 # they are several
	"$release/tests/prove_store" $sizes >build/prove-store.log 2>&1
	small=$(awk -v n="${sizes% *}" '$1 == n { print $3 }' build/prove-store.log)
	big=$(awk -v n="${sizes#* }" '$1 == n { print $3 }' build/prove-store.log)
	page=$(awk -v n="${sizes#* }" '$1 == n { print $9 }' build/prove-store.log)
	read -r one reap bytes < <(awk -v n="${sizes#* }" '$1 == n { print $6, $12, $14 }' build/prove-store.log)
	[[ ${big:-} =~ ^[0-9]+$ ]] || { row "W14, SQLite" "<= 1.3x" "$(tail -1 build/prove-store.log)" 0 1; return; }
	row "W14: an insert at ${sizes#* } over ${sizes% *}" "<= 1.3x" "$(us "$big") us over $(us "$small") us" \
		"7 x 100 groups of 64" "$(within $((big * 10)) $((small * 13)); echo $?)"
	row "W14: page of 50 with a filter, ${sizes#* } runs" "<= 50 ms" "$(us "$page") us" "200 pages" \
		"$(within "$page" 50000000; echo $?)"
	row "W14: one run by its id, ${sizes#* } runs" "<= 50 ms" "$(us "$one") us" "200 looks" "$(within "$one" 50000000; echo $?)"
	row "W14: reaping nothing, ${sizes#* } runs" "<= 50 ms" "$(us "$reap") us, $bytes bytes a run" "once" \
		"$(within "$reap" 50000000; echo $?)"
}

prove() {
	prove_kills
	prove_io
	prove_power
	prove_stacked
	prove_mutants
	prove_writers
	LLM_WITH_TESTS=1 LLM_BUILD_TARGET=prove_tax scripts/build.sh release >build/prove-tax.log 2>&1
	prove_tax
	prove_far_tax
	prove_store
}
