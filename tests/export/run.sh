#!/usr/bin/env bash
# R-MIG-2: what "llmctl db export" writes, by the tools that it is for: tests/export/run.sh LLMCTL
# A line for each step; ends with the count.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
llmctl=$(realpath "${1:-build/dev/bin/llmctl}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
unset "${!LLM_@}" "${!SQITCH_@}"

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
		"$llmctl" "$work/alembic" >"$work/lines" 2>"$work/errors" || tail -n 60 "$work/errors"
	cat "$work/lines"
	passed=$((passed + $(grep -c ' ok$' "$work/lines")))
	failed=$((failed + $(grep -c ' FAILED$' "$work/lines")))
	[ "$(wc -l <"$work/lines")" -ge 11 ] || count "alembic to its end" 1
}

# ---- sqitch ----

tables() { # FILE
	sqlite3 "$1" "SELECT type, name, sql FROM sqlite_master WHERE name LIKE 'llm%' ORDER BY 1, 2"
}

run_sqitch() {
	(cd "$work/sqitch" && HOME=$work timeout 60 sqitch "$@" </dev/null)
}

sqitch_up_down_up() {
	local db=db:sqlite:$work/host.db up
	run_sqitch deploy --verify "$db" && run_sqitch verify "$db" || return 1
	up=$(tables "$work/host.db")
	[ "$(wc -l <<<"$up")" -gt 100 ] && run_sqitch revert -y --to host_1 "$db" || return 1
	[ -z "$(tables "$work/host.db")" ] && run_sqitch deploy --verify "$db" &&
		[ "$(tables "$work/host.db")" = "$up" ]
}

sqitch_fits() {
	echo "storage = { plugin = \"sqlite\"; dsn = \"$work/host.db\"; };" >"$work/host.conf"
	"$llmctl" db status -c "$work/host.conf"
}

sqitch_finds_damage() {
	local db=db:sqlite:$work/host.db
	sqlite3 "$work/host.db" "UPDATE llm_schema_meta SET done = 0 WHERE version = 2"
	! run_sqitch verify "$db" || return 1
	sqlite3 "$work/host.db" "UPDATE llm_schema_meta SET done = 1 WHERE version = 2;
		DROP VIEW llm_runs_v"
	! run_sqitch verify "$db"
}

sqitch_again() {
	local before after
	before=$(cat "$work/sqitch/sqitch.plan")
	"$llmctl" db export --format sqitch "$work/sqitch" || return 1
	after=$(cat "$work/sqitch/sqitch.plan")
	[ "$before" = "$after" ] &&
		[ "$(grep -c '^llm_' <<<"$after")" = "$(find persistence/schema/sqlite -name '*.up.sql' | wc -l)" ]
}

sqitch_of_its_own() {
	"$llmctl" db export --format sqitch "$work/own" &&
		(cd "$work/own" && HOME=$work timeout 60 sqitch deploy --verify "db:sqlite:$work/own.db" </dev/null)
}

sqitch_tree() {
	if ! command -v sqitch >/dev/null || ! command -v sqlite3 >/dev/null ||
		! perl -MDBD::SQLite -e1 2>/dev/null; then
		echo "SKIP sqitch: Debian's sqitch, libdbd-sqlite3-perl and sqlite3 are not installed"
		return
	fi
	mkdir "$work/sqitch"
	mkdir "$work/.sqitch"
	printf '[user]\n\tname = Host\n\temail = host@example.org\n' >"$work/.sqitch/sqitch.conf"
	run_sqitch init host --engine sqlite >/dev/null && run_sqitch add host_1 -n first >/dev/null
	step "sqitch export" "$llmctl" db export --format sqitch "$work/sqitch"
	step "sqitch up_down_up" sqitch_up_down_up
	step "sqitch status_fits" sqitch_fits
	step "sqitch verify_finds_damage" sqitch_finds_damage
	step "sqitch again" sqitch_again
	step "sqitch of_its_own" sqitch_of_its_own
}

alembic
sqitch_tree
echo "db_export: $passed passed, $failed failed"
[ "$failed" = 0 ]
