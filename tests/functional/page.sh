#!/usr/bin/env bash
# Runs every "$" line of a page, in order and in one shell, and looks for the lines below it in what
# it prints: in this order, each whole; "..." at the end of one stands for the rest of it. A block
# marked with a file's name is that file. The port is another one, for 11434 may be taken.
#   tests/functional/page.sh BIN PLUGINS PAGE LEAST      LEAST: how many lines must have run
set -uo pipefail
bin=$1
plugins=$2 page=$(realpath "$3") least=$4
include=$(realpath "$(dirname "$0")/../../include")
work=$(mktemp -d)
run=0
shown=0
unset "${!LLM_@}" "${!OLLAMA_@}" "${!XDG_@}" http_proxy https_proxy all_proxy ALL_PROXY
export PATH=$bin:$PATH LLM_PLUGIN_PATH=$plugins HOME=$work/home LC_ALL=C

cleanup() {
	local pid
	for pid in $(jobs -p); do
		kill "$pid"
	done
	wait
	rm -rf "$work"
}
trap cleanup EXIT

fail() {
	echo "FAIL $1"
	[ $# = 1 ] || sed 's/^/    /' "$2"
	exit 1
}

free_port() {
	local pid i
	"$bin/llmsim" --port 0 --port-file "$work/free" >"$work/free.out" &
	pid=$!
	for ((i = 0; i < 200; i++)); do
		[ -s "$work/free" ] && break
		sleep 0.02
	done
	kill "$pid"
	wait "$pid"
	port=$(cat "$work/free")
}

# A server in the background has said that it listens before the next line is run.
until_ready() {
	local file=${1##*>} i
	file=$work/${file% &}
	for ((i = 0; i < 500; i++)); do
		[ -s "$file" ] && return
		sleep 0.02
	done
	fail "it does not start: $1"
}

# "```c nearest.c" is the file nearest.c.
write_files() {
	local name
	awk '/^```[a-z]+ [^ ]+$/ { print $2 }' "$page" >"$work/names"
	while read -r name; do
		awk -v name="$name" '/^```/ { if (on) exit; on = $2 == name; next } on' "$page" |
			sed "s/11434/$port/g" >"$name"
	done <"$work/names"
}

play() {
	local command=${1//11434/$port}
	eval "$command" >"$work/out" 2>&1 </dev/null
	[[ $command != *"&" ]] || until_ready "$command"
	tr -d '\r' <"$work/out" >"$work/said"
	exec 3<"$work/said"
	run=$((run + 1))
	last=$command
}

# The next line that is like this one; lines between may be others.
look_for() {
	local line
	shown=$((shown + 1))
	while IFS= read -r line <&3 || [ -n "$line" ]; do
		[ "$line" = "$1" ] && return
		[[ $1 == *... && $1 != ...* && $line == "${1%...}"* ]] && return
	done
	fail "\"$1\" does not come of: $last" "$work/said"
}

command -v curl >/dev/null || fail "curl is not here; install the package curl"
mkdir "$HOME"
lines=$(awk '/^```console$/ { on = 1; next } /^```/ { on = 0 } on' "$page")
cd "$work" || exit 1
umask 022
ln -s "$include" include
ln -s "$(realpath "$bin/../lib")" lib
free_port
write_files
export OLLAMA_HOST=127.0.0.1:$port
while IFS= read -r -u 4 text; do
	if [[ $text == "\$ "* ]]; then
		play "${text#"\$ "}"
	else
		look_for "$text"
	fi
done 4<<<"$lines"
[ "$run" -ge "$least" ] || fail "only $run lines were run"
echo "$(basename "$page"): $run lines run, $shown lines found"
