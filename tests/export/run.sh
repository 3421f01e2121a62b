#!/usr/bin/env bash
# R-MIG-2: what "llmctl db export" writes, by the tools that it is for: tests/export/run.sh LLMCTL
# A line for each step; ends with the count. PostgreSQL is one of the test's own (tests/support/pg.sh).
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
llmctl=$(realpath "${1:-build/dev/bin/llmctl}")
work=$(mktemp -d)
server=()
trap 'rm -rf "$work"' EXIT # the server ends with this process
passed=0 failed=0
unset "${!LLM_@}" "${!SQITCH_@}" "${!PG@}"

count() { # STEP STATUS
	if [ "$2" = 0 ]; then
		passed=$((passed + 1))
		echo "$1 ok"
	else
		failed=$((failed + 1))
		echo "$1 FAILED"
	fi
}

step() { # NAME COMMAND...
	local status=0
	"${@:2}" >"$work/log" 2>&1 || status=1
	[ $status = 0 ] || sed 's/^/    /' "$work/log"
	count "$1" $status
}

# ---- a PostgreSQL ----

start_server() {
	local folder=/tmp/llm-pg-$$ why
	why=$(tests/support/pg.sh check) || {
		echo "SKIP postgres: $why"
		return
	}
	tests/support/pg.sh keep $$ "$folder" >"$work/keeper" 2>&1 </dev/null &
	for _ in {1..300}; do
		[ ! -e "$folder/ready" ] || break
		sleep 0.05
	done
	read -r port _ <"$folder/ready" || { count "a PostgreSQL" 1; return; }
	server=("$folder" "$port")
	sql postgres "ALTER ROLE app CREATEDB" llm
}

sql() { # DATABASE STATEMENT [USER]
	psql -qAtX -h "${server[0]}" -p "${server[1]}" -U "${3:-app}" "$1" -c "$2"
}

# ---- Alembic ----

alembic() {
	local folder status=0
	folder=$(scripts/clients.sh get tests/export 2>"$work/get") || status=$?
	case $status in
	0) ;;
	3 | 6)
		echo "SKIP alembic: $(tail -n 1 "$work/get" | sed 's/^[a-z]*\.sh: //')"
		return
		;;
	*)
		cat "$work/get"
		count alembic 1
		return
		;;
	esac
	mkdir "$work/alembic"
	env -i PATH="$PATH" HOME="$work" PYTHONPATH="$folder" PYTHONDONTWRITEBYTECODE=1 \
		timeout 200 /usr/bin/python3 -S -s -W ignore tests/export/alembic_tree.py \
		"$llmctl" "$work/alembic" "${server[@]}" >"$work/lines" 2>"$work/errors" || tail -n 60 "$work/errors"
	cat "$work/lines"
	passed=$((passed + $(grep -c ' ok$' "$work/lines")))
	failed=$((failed + $(grep -c ' FAILED$' "$work/lines")))
	[ "$(wc -l <"$work/lines")" -ge $((11 + (${#server[@]} ? 1 : 0))) ] || count "alembic to its end" 1
}

# ---- sqitch ----

# What the steps work on, set by each engine: $db and $conf for sqitch and llmctl, and these two.
sqlite_tables() {
	sqlite3 "$work/host.db" "SELECT type, name, sql FROM sqlite_master WHERE name LIKE 'llm%' ORDER BY 1, 2"
}

sqlite_do() {
	sqlite3 "$work/host.db" "$1"
}

pg_tables() {
	/usr/lib/postgresql/15/bin/pg_dump -h "${server[0]}" -p "${server[1]}" -U app --inserts \
		-t 'llm*' host 2>/dev/null | grep -v '^\\\|^--\|^$'
}

pg_do() {
	sql host "$1"
}

run_sqitch() {
	(cd "$work/$engine" && HOME=$work timeout 60 sqitch "$@" </dev/null)
}

sqitch_up_down_up() {
	local up
	run_sqitch deploy --verify "$db" && run_sqitch verify "$db" || return 1
	up=$("${engine}_tables")
	[ "$(wc -l <<<"$up")" -gt 100 ] && run_sqitch revert -y --to host_1 "$db" || return 1
	[ -z "$("${engine}_tables")" ] && run_sqitch deploy --verify "$db" &&
		[ "$("${engine}_tables")" = "$up" ]
}

sqitch_fits() {
	echo "$storage" >"$work/host.conf"
	"$llmctl" db status -c "$work/host.conf"
}

sqitch_finds_damage() {
	"${engine}_do" "UPDATE llm_schema_meta SET done = 0 WHERE version = 2"
	! run_sqitch verify "$db" || return 1
	"${engine}_do" "UPDATE llm_schema_meta SET done = 1 WHERE version = 2"
	run_sqitch verify "$db" || return 1
	"${engine}_do" "DROP VIEW llm_runs_v"
	! run_sqitch verify "$db"
}

sqitch_again() {
	local before after
	before=$(cat "$work/$engine/sqitch.plan")
	"$llmctl" db export --format sqitch "$work/$engine" || return 1
	after=$(cat "$work/$engine/sqitch.plan")
	[ "$before" = "$after" ] &&
		[ "$(grep -c '^llm_' <<<"$after")" = "$(find persistence/schema/sqlite -name '*.up.sql' | wc -l)" ]
}

sqitch_of_its_own() {
	"$llmctl" db export --format sqitch "$work/own-$engine" --dialect "$dialect" &&
		(cd "$work/own-$engine" && HOME=$work timeout 60 sqitch deploy --verify "$own" </dev/null)
}

sqitch_steps() { # ENGINE DIALECT DATABASE ANOTHER STORAGE
	engine=$1 dialect=$2 db=$3 own=$4 storage=$5
	mkdir "$work/$engine"
	run_sqitch init host --engine "$engine" >/dev/null && run_sqitch add host_1 -n first >/dev/null
	step "sqitch $engine export" "$llmctl" db export --format sqitch "$work/$engine"
	step "sqitch $engine up_down_up" sqitch_up_down_up
	[ ! -e "${llmctl%/bin/*}/plugins/$dialect.so" ] || step "sqitch $engine status_fits" sqitch_fits
	step "sqitch $engine verify_finds_damage" sqitch_finds_damage
	step "sqitch $engine again" sqitch_again
	step "sqitch $engine of_its_own" sqitch_of_its_own
}

sqitch_tree() {
	if ! command -v sqitch >/dev/null || ! command -v sqlite3 >/dev/null ||
		! perl -MDBD::SQLite -MDBD::Pg -e1 2>/dev/null; then
		echo "SKIP sqitch: Debian's sqitch, libdbd-sqlite3-perl, libdbd-pg-perl and sqlite3 are not installed"
		return
	fi
	mkdir "$work/.sqitch"
	printf '[user]\n\tname = Host\n\temail = host@example.org\n' >"$work/.sqitch/sqitch.conf"
	sqitch_steps sqlite sqlite "db:sqlite:$work/host.db" "db:sqlite:$work/own.db" \
		"storage = { plugin = \"sqlite\"; dsn = \"$work/host.db\"; };"
	[ ${#server[@]} -gt 0 ] || return
	sql postgres "CREATE DATABASE host" && sql postgres "CREATE DATABASE own"
	local at="//app@/%s?host=${server[0]}&port=${server[1]}"
	# shellcheck disable=SC2059 # the database's name goes in
	sqitch_steps pg postgres "db:pg:$(printf "$at" host)" "db:pg:$(printf "$at" own)" \
		"storage = { plugin = \"postgres\"; dsn = \"host=${server[0]} port=${server[1]} user=app dbname=host\"; };"
}

start_server
alembic
sqitch_tree
echo "db_export: $passed passed, $failed failed"
[ "$failed" = 0 ]
