#!/usr/bin/env bash
# Two processes ask the same thing with one idempotency key at the same time, over one database: the
# provider is called once, and both print the same answer. Prints: 1 provider call, 2 equal answers
#   examples/two-hosts.sh [BIN]      where llmctl and llmsim are; else they are found by name, or
#                                    in this repository where the quickstart has built them
# LLM_TWO_HOSTS_STORAGE, such as 'plugin = "postgres"; dsn = "host=db dbname=app";', is a database of
# yours, migrated (llmctl db migrate); else it is a SQLite file of this script's.
set -euo pipefail
bin=${1:-}
built=$(dirname "$0")/../build/release/bin
[ -n "$bin" ] || command -v llmsim >/dev/null || [ ! -x "$built/llmsim" ] || bin=$built
bin=${bin:+$bin/}
work=$(mktemp -d)
sim=''

cleanup() {
	[ -z "$sim" ] || kill "$sim" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT

"${bin}llmsim" --models small --delay-ms 300 --port 0 --port-file "$work/port" --log "$work/log" \
	--max-seconds 60 --exit-with-parent >/dev/null &
sim=$!
for ((i = 0; i < 500; i++)); do
	[ -s "$work/port" ] && break
	sleep 0.02
done
cat >"$work/llm.conf" <<CONF
workspace = "demo";
providers = { ollama = { base_url = "http://127.0.0.1:$(cat "$work/port")"; }; };
storage = { ${LLM_TWO_HOSTS_STORAGE:-dsn = \"$work/runs.db\";} };
privacy = { store = "idempotency_only"; };
CONF
[ -n "${LLM_TWO_HOSTS_STORAGE:-}" ] || "${bin}llmctl" db migrate -c "$work/llm.conf" >/dev/null

# host NAME: one of the two, with a process of its own.
host() {
	"${bin}llmctl" ask -c "$work/llm.conf" -m ollama/small --json --idempotency-key "order-$$" \
		"What does order 4711 come to?" >"$work/$1"
}
host first &
other=$!
host second
wait "$other"

# answer NAME: its text, and where that came from.
answer() {
	sed -n 's/.*"text":"\([^"]*\)".*/\1/p' "$work/$1"
}
sed -n 's/.*"source":"\([a-z]*\)".*/answered by: \1/p' "$work/first" "$work/second" | sort
calls=$(grep -c '"event":"request".*"/api/chat"' "$work/log")
[ -n "$(answer first)" ] && [ "$(answer first)" = "$(answer second)" ] && equal=2 || equal=0
echo "$calls provider call, $equal equal answers"
