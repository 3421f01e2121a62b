#!/usr/bin/env bash
# examples/host-transaction.c: a row of the host's and the run, rolled back and committed together; with the
# system's SQLite, and with a copy that the program has for itself (R-UOW-5, R-UOW-6).
#   tests/functional/host_transaction.sh LLMSIM PLUGINS PROGRAM...
set -euo pipefail
llmsim=$1
work=$(mktemp -d)
sim_pid=''
unset "${!LLM_@}" "${!OLLAMA_@}"
export LLM_PLUGIN_PATH=$2
shift 2

cleanup() {
	[ -z "$sim_pid" ] || kill "$sim_pid" || true
	rm -rf "$work"
}
trap cleanup EXIT

fail() {
	echo "FAIL $1"
	[ $# = 1 ] || sed 's/^/    /' "${@:2}"
	exit 1
}

upstream() {
	local i
	"$llmsim" --port 0 --port-file "$work/port" --say ok --exit-with-parent >/dev/null &
	sim_pid=$!
	for ((i = 0; i < 100; i++)); do
		[ -s "$work/port" ] && break
		sleep 0.02
	done
	OLLAMA_HOST=127.0.0.1:$(cat "$work/port")
	export OLLAMA_HOST
}

upstream
umask 077
for program in "$@"; do
	name=$(basename "$program")
	"$program" ollama/sim-small "$work/$name.db" >"$work/out" 2>&1 ||
		fail "$name ended with status $?" "$work/out"
	grep -qx 'rolled back: 0 orders, 0 runs, 0 attempts' "$work/out" ||
		fail "$name: something was left of what was rolled back" "$work/out"
	grep -qx 'committed: 1 orders, 1 runs, 1 attempts' "$work/out" ||
		fail "$name: not all of it was committed" "$work/out"
	case $name in *_own) needed=0 ;; *) needed=1 ;; esac
	[ "$(readelf -d "$program" | grep -c 'NEEDED.*libsqlite3')" = "$needed" ] ||
		fail "$name: it is not the copy of SQLite that was meant"
	echo "host_transaction: $name is right"
done
[ $# = 2 ] || echo "SKIP host_transaction: no libsqlite3.a to make a copy of its own from"
