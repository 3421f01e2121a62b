# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by prove.sh: sharing. What several processes do with one database.
# shellcheck source=scripts/prove/postgres.bash
. scripts/prove/postgres.bash
# shellcheck source=scripts/prove/budgets.bash
. scripts/prove/budgets.bash

# keys_rows NAME ROUNDS PRINTED: two processes, 32 threads each, one key a round.
keys_rows() {
	local rounds=$2 out=$3
	[[ $out =~ ^$rounds\ rounds,\ ([0-9]+)\ answers,\ ([0-9]+)\ provider\ calls,\ ([0-9]+)\ of\ them\ paid\ for,\ ([0-9]+)\ unequal,\ ([0-9]+)\ failed,\ ([0-9]+)\ results\ stored ]] || {
		row "$1: 2 processes, 32 threads, one key" "one call a round" "$out" 0 1
		return
	}
	row "$1: one key, provider calls" "$rounds" "${BASH_REMATCH[2]}" "$rounds rounds" \
		"$([ "${BASH_REMATCH[2]}" = "$rounds" ]; echo $?)"
	row "$1: one key, runs that paid" "$rounds" "${BASH_REMATCH[3]}" "$rounds rounds" \
		"$([ "${BASH_REMATCH[3]}" = "$rounds" ]; echo $?)"
	row "$1: one key, results in the database" "$rounds" "${BASH_REMATCH[6]}" "$rounds rounds" \
		"$([ "${BASH_REMATCH[6]}" = "$rounds" ]; echo $?)"
	row "$1: one key, callers with the stored result" "$((rounds * 64))" "${BASH_REMATCH[1]}" "$rounds rounds" \
		"$([ "${BASH_REMATCH[1]} ${BASH_REMATCH[4]} ${BASH_REMATCH[5]}" = "$((rounds * 64)) 0 0" ]; echo $?)"
}

# They wait for each other most of the time: all of them at once.
began=()
begin_keys() { # NAME [STORAGE | machines [pooled]]
	local rounds=1000
	[ -z "$slice" ] || rounds=40
	"$dev/tests/prove_share" $rounds "${@:2}" >"build/prove-share-${#began[@]}.log" 2>&1 &
	began+=("$1:$rounds:$!")
}

prove_keys() {
	local i name rounds pid out
	for i in "${!began[@]}"; do
		IFS=: read -r name rounds pid <<<"${began[i]}"
		wait "$pid"
		out=$(tail -1 "build/prove-share-$i.log")
		[[ $out != SKIP* ]] || { echo "$out"; continue; }
		keys_rows "$name" "$rounds" "$out"
		[[ $name != "2 machines"* ]] ||
			row "$name: addresses the database was asked from" 2 "${out##*asked from }" "$rounds rounds" \
				"$([[ $out == *"asked from 2 addresses" ]]; echo $?)"
	done
}

prove_keys_everywhere() {
	begin_keys SQLite
	if [ -n "$keeper" ]; then
		begin_keys PostgreSQL "$(migrated "$(dsn keys "$port")")"
		begin_keys "PostgreSQL, pooled" "$(migrated "$(dsn keys_pooled "$pooled")")"
	fi
	begin_keys "2 machines" machines
	begin_keys "2 machines, pooled" machines pooled
	prove_keys
}

# R-CACHE-13: two processes, 32 threads each, one cacheable question a round, store = "sql".
prove_cached() { # NAME [STORAGE]
	local rounds=300 out m
	[ -z "$slice" ] || rounds=30
	out=$("$dev/tests/prove_cached" $rounds "${@:2}" 2>&1 | tail -1)
	[[ $out =~ ^$rounds\ rounds,\ ([0-9]+)\ answers,\ ([0-9]+)\ provider\ calls,\ ([0-9]+)\ paid\ for,\ ([0-9]+)\ shared,\ ([0-9]+)\ stored,\ ([0-9]+)\ unequal,\ ([0-9]+)\ failed,\ ([0-9]+)\ twice\ in\ a\ process,\ ([0-9]+)\ late,\ ([0-9]+)\ told\ to\ a\ third$ ]] || {
		row "$1: 2 processes, 32 threads, one cache" "equal answers" "$out" 0 1
		return
	}
	m=("${BASH_REMATCH[@]}")
	row "$1: cache, provider calls of 2 processes" "<= $((2 * rounds))" "${m[2]}, ${m[9]} lookups were late" \
		"$rounds rounds" "$(within "${m[2]}" $((2 * rounds + m[9])); echo $?)"
	row "$1: cache, calls that equal runs did not share" "0" "${m[8]}" "$rounds rounds" "$([ "${m[8]}" = 0 ]; echo $?)"
	row "$1: cache, callers with the equal answer" "$((rounds * 64))" "${m[1]}" "$rounds rounds" \
		"$([ "${m[1]} ${m[6]} ${m[7]}" = "$((rounds * 64)) 0 0" ]; echo $?)"
	row "$1: cache, answers that a third process is told" "$rounds" "${m[10]}" "$rounds rounds" \
		"$([ "${m[10]}" = "$rounds" ]; echo $?)"
}

prove_cached_everywhere() {
	prove_cached SQLite
	[ -z "$keeper" ] || prove_cached PostgreSQL "$(migrated "$(dsn cached "$port")")"
}

# An owner that was paused past its lease never overwrites its successor.
prove_owner() {
	local out
	out=$("$dev/tests/functional_ledger_key_owner" --jobs 1 2>&1 | tail -1)
	row "an owner paused past its lease overwrites nothing" "0 failed" "$out" "1 play" \
		"$([[ $out == *"Failing: 0 | Crashing: 0"* ]]; echo $?)"
}

# 26 texts a run, in three storages.
prove_hostile() { # K-10
	local rows=13000 out
	[ -z "$slice" ] || rows=400
	out=$(LLM_TEST_HOSTILE=$rows "$dev/tests/contract_storage_hostile" --jobs 1 2>&1 | tail -1)
	row "K-10: SQL in every text, and in what is asked for" "0 failed" "$out" "$((rows * 78)) texts" \
		"$([[ $out == *"Failing: 0 | Crashing: 0"* ]]; echo $?)"
}

prove() {
	start_postgres >build/prove-pg.log 2>&1 || row "a PostgreSQL" "15" "$(tail -1 build/prove-pg.log)" 0 1
	prove_keys_everywhere
	prove_cached_everywhere
	prove_owner
	prove_hostile
	prove_budgets
	prove_postgres
}
