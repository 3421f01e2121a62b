# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by prove.sh: sharing. What several processes do with one database.
# shellcheck source=scripts/prove/postgres.bash
. scripts/prove/postgres.bash
# shellcheck source=scripts/prove/budgets.bash
. scripts/prove/budgets.bash

# keys_rows NAME ROUNDS PRINTED: two processes, 32 threads each, one key a round.
keys_rows() {
	local rounds=$2 out=$3
	[[ $out =~ ^$rounds\ rounds,\ ([0-9]+)\ answers,\ ([0-9]+)\ provider\ calls,\ ([0-9]+)\ of\ them\ paid\ for,\ ([0-9]+)\ unequal,\ ([0-9]+)\ failed ]] || {
		row "$1: 2 processes, 32 threads, one key" "one call a round" "$out" 0 1
		return
	}
	row "$1: one key, provider calls" "$rounds" "${BASH_REMATCH[2]}" "$rounds rounds" \
		"$([ "${BASH_REMATCH[2]}" = "$rounds" ]; echo $?)"
	row "$1: one key, runs that paid" "$rounds" "${BASH_REMATCH[3]}" "$rounds rounds" \
		"$([ "${BASH_REMATCH[3]}" = "$rounds" ]; echo $?)"
	row "$1: one key, callers with the stored result" "$((rounds * 64))" "${BASH_REMATCH[1]}" "$rounds rounds" \
		"$([ "${BASH_REMATCH[1]} ${BASH_REMATCH[4]} ${BASH_REMATCH[5]}" = "$((rounds * 64)) 0 0" ]; echo $?)"
}

prove_keys() { # NAME [STORAGE]
	local rounds=1000
	[ -z "$slice" ] || rounds=40
	keys_rows "$1" $rounds "$("$dev/tests/prove_share" $rounds ${2:+"$2"} 2>&1 | tail -1)"
}

# Two machines, each a network namespace, and the database in a third.
prove_machines() { # NAME [pooled]
	local rounds=1000 out
	[ -z "$slice" ] || rounds=40
	out=$("$dev/tests/prove_share" $rounds machines ${2:+"$2"} 2>&1 | tail -1)
	[[ $out != SKIP* ]] || { echo "$out"; return; }
	keys_rows "$1" $rounds "$out"
	row "$1: addresses that the database was asked from" 2 "${out##*asked from }" "$rounds rounds" \
		"$([[ $out == *"asked from 2 addresses" ]]; echo $?)"
}

# An owner that was paused past its lease never overwrites its successor.
prove_owner() {
	local out
	out=$("$dev/tests/functional_ledger_key_owner" --jobs 1 2>&1 | tail -1)
	row "an owner paused past its lease overwrites nothing" "0 failed" "$out" "1 play" \
		"$([[ $out == *"Failing: 0 | Crashing: 0"* ]]; echo $?)"
}

prove() {
	prove_keys sqlite
	prove_owner
	prove_budgets
	prove_postgres
}
