# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by sharing.sh: a PostgreSQL that is away, one that several processes want the same rows of, and what a
# record costs there.

prove_faults() { # S-08
	local rounds=5 line name many numbers
	[ -z "$slice" ] || rounds=1
	"$dev/tests/prove_outage" $rounds >build/prove-outage.log 2>&1
	while read -r line; do
		[[ $line =~ ^(.*):\ ([0-9]+)\ times,\ ([0-9]+)\ ms\ back,\ ([0-9]+)\ us\ blocked,\ ([0-9]+)\ answered,\ ([0-9]+)\ refused,\ ([0-9]+)\ lost,\ ([0-9]+)\ doubled,\ ([0-9]+)\ halved,\ ([0-9]+)\ left\ open,\ ([0-9]+)\ against\ the\ oracle$ ]] || continue
		name=${BASH_REMATCH[1]} many="${BASH_REMATCH[2]} x ${BASH_REMATCH[5]}"
		numbers=("${BASH_REMATCH[@]:3}")
		row "S-08: $name: service returns" "<= 2 s" "${numbers[0]} ms" "$many" "$(within "${numbers[0]}" 2000; echo $?)"
		row "S-08: $name: the loop waited, at most" "<= 5 ms" "${numbers[1]} us" "$many" "$(within "${numbers[1]}" 5000; echo $?)"
		row "S-08: $name: lost, doubled, halved, open, oracle" "0" "${numbers[*]:4:5}" "$many" \
			"$([ "${numbers[*]:4:5}" = "0 0 0 0 0" ]; echo $?)"
	done <build/prove-outage.log
	[ "$(grep -c ' against the oracle$' build/prove-outage.log)" = 11 ] ||
		row "S-08: PostgreSQL away in 11 ways" "all" "$(tail -1 build/prove-outage.log)" 0 1
}

# scripts/check-nightly.sh lets them collide for ten minutes.
prove_collisions() {
	local seconds=${LLM_COLLIDE_SECONDS:-30} out
	[ -z "$slice" ] || seconds=5
	out=$("$dev/tests/prove_collide" "$seconds" 4 2>&1 | tail -1)
	[[ $out =~ ,\ ([0-9]+)\ runs,\ ([0-9]+)\ commits,\ ([0-9]+)\ deadlocks\ broken,\ (.*)$ ]]
	row "4 processes, colliding groups: deadlocks that a caller sees" "0" "${BASH_REMATCH[4]:-$out}" \
		"${BASH_REMATCH[1]:-0} runs, $seconds s" \
		"$([ "${BASH_REMATCH[4]:-}" = "0 failed, 0 not on record, 0 lacking, 0 left running" ]; echo $?)"
}

# ---- a server, with databases for what follows ----

keeper='' port='' pooled=''
start_postgres() { # a server that ends with this script
	local folder=/tmp/llm-pg-$$ name
	tests/support/pg.sh check || return 1
	tests/support/pg.sh keep $$ "$folder" >build/prove-pg.log 2>&1 </dev/null &
	keeper=$!
	for _ in {1..300}; do
		[ ! -e "$folder/ready" ] || break
		sleep 0.05
	done
	read -r port pooled _ <"$folder/ready" || { keeper=''; return 1; }
	for name in keys keys_pooled tax tax_pooled floor cached; do
		psql -qAtX -h "$folder" -p "$port" -U llm postgres -c "CREATE DATABASE $name OWNER app" || return 1
	done
}

dsn() { # DATABASE PORT
	echo "host=127.0.0.1 port=$2 user=app dbname=$1"
}

migrated() { # DSN : members of the section storage
	LLM_STORAGE__PLUGIN=postgres LLM_STORAGE__DSN=$1 "$dev/bin/llmctl" db migrate >build/prove-pg.log 2>&1
	echo "plugin = \"postgres\"; dsn = \"$1\";"
}

# ---- what a record costs ----

of() { # WAY COLUMN : from what prove_tax has printed
	awk -v way="$1" -v column="$2" '$1 == way { print $column }' build/prove-tax.log
}

us() { awk -v ns="$1" 'BEGIN { printf "%.1f", ns / 1000 }'; }

# Targets are SQLite's to have; here a row is what was measured, and that each run has its row.
prove_tax_of() { # HOW DSN FLOOR_NS
	local calls=3000 rounds=5 none strict after single rate alone
	[ -z "$slice" ] || { calls=1000 rounds=3; }
	"$release/tests/prove_tax" $calls $rounds 32 0 "$2" >build/prove-tax.log 2>&1
	none=$(of none 2) strict=$(of strict 2) after=$(of after 2) rate=$(of strict 5) alone=$(of single 5)
	[[ ${strict:-} =~ ^[0-9]+$ ]] || { row "W8, PostgreSQL $1" "measured" "$(tail -1 build/prove-tax.log)" 0 1; return; }
	row "W8, PostgreSQL $1: rows = runs" "exactly" "$(awk '$1 == "rows"' build/prove-tax.log)" "$((3 * rounds)) rounds" \
		"$(awk '$1 == "rows" { exit $2 != $4 }' build/prove-tax.log; echo $?)"
	row "W8, PostgreSQL $1: CPU a recorded run, strict; after" "measured" \
		"$(us $((strict - none))); $(us $((after - none))) us (bare libpq $(us "$3"))" "$rounds x $calls" 0
	row "W8, PostgreSQL $1: runs a second, groups over one by one" "more" "$rate over $alone" "$rounds x $calls" \
		"$(within "$alone" "$rate"; echo $?)"
}

prove_pg_tax() {
	local floor
	LLM_WITH_TESTS=1 LLM_BUILD_TARGET=prove_tax scripts/build.sh release >build/prove-tax.log 2>&1
	cc -O2 -o build/floor-rows bench/floor/rows.c -I"$(pkg-config --variable=includedir libpq)" -lpq
	floor=$(build/floor-rows "$(dsn floor "$port")" 20000 32 2>/dev/null | awk '{ print $1 }')
	prove_tax_of directly "$(dsn tax "$port")" "${floor:-0}"
	prove_tax_of pooled "$(dsn tax_pooled "$pooled")" "${floor:-0}"
}

prove_postgres() {
	[ -n "$keeper" ] || return
	prove_faults
	prove_collisions
	prove_pg_tax
	kill "$keeper"
	wait "$keeper"
}
