#!/usr/bin/env bash
# The official Python clients against llmsim: tests/clients/run.sh [LLMSIM]
# A line for each client and action; ends with the count.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
llmsim=${1:-build/release/bin/llmsim}
work=$(mktemp -d)
sim_pid=''

cleanup() {
	[ -z "$sim_pid" ] || kill "$sim_pid" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT

skip_or_fail() { # STATUS of clients.sh
	case $1 in
	3 | 6)
		echo "SKIP official_clients: $(tail -n 1 "$work/get" | sed 's/^[a-z]*\.sh: //')"
		exit 0
		;;
	esac
	cat "$work/get"
	exit 1
}

start_sim() {
	"$llmsim" --port 0 --port-file "$work/port" --exit-with-parent --max-seconds 300 \
		>"$work/sim.log" 2>&1 &
	sim_pid=$!
	for _ in {1..200}; do
		[ ! -s "$work/port" ] || return 0
		sleep 0.05
	done
	echo "llmsim does not listen: $(cat "$work/sim.log")"
	exit 1
}

# Nothing of the user's reaches a client: no key, no proxy, no installed package.
client() {
	env -i PATH="$PATH" HOME="$work" PYTHONPATH="$folder" PYTHONDONTWRITEBYTECODE=1 \
		timeout 120 /usr/bin/python3 -S -s -W ignore "tests/clients/$1_client.py" \
		"http://127.0.0.1:$(cat "$work/port")" >>"$work/lines" 2>>"$work/errors"
}

folder=$(scripts/clients.sh get 2>"$work/get") || skip_or_fail $?
start_sim
ended=0
for name in openai gemini ollama; do
	client $name || ended=1
done
cat "$work/lines"
[ "$ended" = 0 ] || tail -n 60 "$work/errors"
passed=$(grep -c ' ok$' "$work/lines")
failed=$(grep -c ' FAILED$' "$work/lines")
echo "official_clients: $passed passed, $failed failed"
[ "$ended" = 0 ] && [ "$failed" = 0 ] && [ "$passed" -ge 12 ]
