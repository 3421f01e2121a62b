#!/usr/bin/env bash
# Who answers when the local model goes away and comes back: two llmsim stand for Ollama and for
# Gemini; the first is stopped and resumed. Prints the providers: ollama gemini ollama
#   examples/failover.sh [BIN]       where llmctl and llmsim are; else they are found by name, or
#                                    in this repository where the quickstart has built them
set -euo pipefail
bin=${1:-}
built=$(dirname "$0")/../build/release/bin
[ -n "$bin" ] || command -v llmsim >/dev/null || [ ! -x "$built/llmsim" ] || bin=$built
bin=${bin:+$bin/}
work=$(mktemp -d)
pids=()

cleanup() {
	local pid
	for pid in "${pids[@]}"; do
		kill -CONT "$pid" 2>/dev/null || true
		kill "$pid" 2>/dev/null || true
	done
	rm -rf "$work"
}
trap cleanup EXIT

# start NAME: an llmsim, its port in $port.
start() {
	local i
	"${bin}llmsim" --models small,gemini-3.8-flash --port 0 --port-file "$work/$1" --max-seconds 60 --exit-with-parent >/dev/null &
	pids+=($!)
	for ((i = 0; i < 500; i++)); do
		[ -s "$work/$1" ] && break
		sleep 0.02
	done
	port=$(cat "$work/$1")
}

# Who answers now: the name of the provider.
ask() {
	"${bin}llmctl" ask -c "$work/llm.conf" --json "Who are you?" |
		sed -n 's/.*"profile":"[^"]*","provider":"\([a-z]*\)".*/\1/p'
}

start local
local_port=$port
start cloud
cat >"$work/llm.conf" <<CONF
default_profile = "chat";
providers = {
  ollama = { base_url = "http://127.0.0.1:$local_port"; first_token = "500ms"; };
  gemini = { base_url = "http://127.0.0.1:$port"; api_key = "env:FAILOVER_KEY"; };
};
profiles = { chat = { candidates = [ "ollama/small", "gemini/gemini-3.8-flash" ]; max_attempts = 1; }; };
CONF
export FAILOVER_KEY=of-no-account

first=$(ask)
kill -STOP "${pids[0]}"
second=$(ask)
kill -CONT "${pids[0]}"
third=$(ask)
echo "$first $second $third"
