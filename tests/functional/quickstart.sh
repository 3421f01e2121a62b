#!/usr/bin/env bash
# The quickstart without a network: simulated answers, an Ollama played by llmsim, a user's own
# configuration, folders that cannot be written, Ctrl-C. Needs no model; ends with the count.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
sim_pid=''
passed=0
failed=0
export HOME=$work/home OLLAMA_HOST=127.0.0.1:9 PIP_INDEX_URL=http://127.0.0.1:9/simple
unset XDG_CONFIG_HOME XDG_CACHE_HOME XDG_STATE_HOME PIP_EXTRA_INDEX_URL PIP_FIND_LINKS
mkdir "$HOME"

cleanup() {
	scripts/model.sh stop || true
	[ -z "$sim_pid" ] || kill "$sim_pid" || true
	rm -rf "$work"
}
trap cleanup EXIT

# check WHAT COMMAND...: one assertion.
check() {
	local what=$1
	shift
	if "$@" >"$work/check" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL $what"
		sed 's/^/    /' "$work/check" "$work/screen"
	fi
}

# run ARGUMENT...: the quickstart, its screen and its exit status.
run() {
	status=0
	scripts/quickstart.sh "$@" >"$work/screen" 2>&1 || status=$?
}

says() {
	grep -qF -- "$1" "$work/screen"
}

# The commands under "Next:" work as printed; the last one stops the server and is left out.
next_commands_work() {
	sed -n '/^Next:/,/^done/{s/^  //p}' "$work/screen" | grep -v 'model.sh stop' >"$work/next"
	[ -s "$work/next" ] && bash -euo pipefail "$work/next"
}

simulated() {
	run --simulated "What is a test?"
	if [ "$status" -ne 0 ]; then
		cat "$work/screen"
		echo "quickstart: 0 passed, 1 failed: nothing else is worth trying"
		exit 1
	fi
	check "at most 25 lines" [ "$(wc -l <"$work/screen")" -le 25 ]
	check "the question is shown" says "> What is a test?"
	check "who answered" says "answered by llmsim/sim-small"
	check "plainly simulated" says SIMULATED
	check "modes of folder and file" \
		[ "$(stat -c %a "$HOME"/.config/llm{,/llm.conf} | xargs)" = "700 600" ]
	check "the file is valid" build/release/bin/llmctl config check
	check "the next commands" next_commands_work
}

again() {
	local begun=$SECONDS
	run --simulated
	check "exit status again" [ "$status" -eq 0 ]
	check "under 10 s" [ $((SECONDS - begun)) -lt 10 ]
}

no_index() {
	run
	check "no index: exit status" [ "$status" -eq 0 ]
	check "no index: why" says "the Python package index cannot be reached"
	check "no index: simulated" says SIMULATED
	check "no index: nothing half done" [ ! -e "$HOME/.cache/llm/model/partial" ]
	status=0
	scripts/model.sh index >"$work/screen" 2>&1 || status=$?
	check "index: exit status" [ "$status" -eq 6 ]
}

ollama() {
	build/release/bin/llmsim --port 0 --port-file "$work/port" \
		--models "nomic-embed-text:latest,sim-talk:latest" >"$work/sim.log" 2>&1 &
	sim_pid=$!
	for _ in {1..100}; do
		[ ! -s "$work/port" ] || break
		sleep 0.05
	done
	OLLAMA_HOST=127.0.0.1:$(cat "$work/port") run
	check "ollama: exit status" [ "$status" -eq 0 ]
	check "ollama: who answered" says "answered by ollama/sim-talk:latest"
	check "ollama: our own file was renewed" grep -q 'plugin = "ollama"' "$HOME/.config/llm/llm.conf"
}

own_file() {
	echo 'default_profile = "mine"; profiles = { mine = { candidates = [ "ollama/x" ]; }; };' \
		>"$HOME/.config/llm/llm.conf"
	cp "$HOME/.config/llm/llm.conf" "$work/mine"
	run --simulated
	check "own file: exit status" [ "$status" -eq 0 ]
	check "own file: untouched" cmp "$HOME/.config/llm/llm.conf" "$work/mine"
	check "own file: commands with -c" says "llmctl ask -c build/quickstart.conf"
	check "own file: the next commands" next_commands_work
}

refusals() {
	HOME=/proc/1/none run --simulated
	check "unwritable: exit status" [ "$status" -eq 1 ]
	check "unwritable: what to do" says "set HOME or XDG_CONFIG_HOME to a folder"
	check "unwritable: three lines" [ "$(wc -l <"$work/screen")" -le 3 ]
	HOME='' run --simulated
	check "no home: exit status" [ "$status" -eq 1 ]
	check "no home: what to do" says "HOME is not set"
	run --simulate
	check "unknown option" [ "$status" -eq 2 ]
}

# No llmsim of ours but the recorded one; the home folder in its environment tells whose it is.
no_server() {
	local file
	for file in $(grep -sazl "^HOME=$HOME\$" /proc/[0-9]*/environ || true); do
		! grep -sqa 'llmsim.*sim-small' "${file%environ}cmdline" || return 1
	done
}

# A job of its own group, as on a terminal; Ctrl-C reaches all of it.
interrupt_after() {
	local pid
	set -m
	scripts/quickstart.sh --simulated >"$work/screen" 2>&1 &
	pid=$!
	set +m
	sleep "$1"
	kill -INT -- "-$pid" 2>/dev/null || true
	status=0
	wait "$pid" || status=$?
}

# A run that was over before the signal is no interruption, and no failure either.
interrupted() {
	local seconds cut=0
	scripts/model.sh stop
	rm -rf "$HOME/.config"
	for seconds in 0.01 0.05 0.1 0.15 0.2 0.25 0.3 0.5; do
		interrupt_after $seconds
		[ "$status" -ne 130 ] || cut=$((cut + 1))
		check "after $seconds s: ends" [ "$status" -eq 130 -o "$status" -eq 0 ]
		check "after $seconds s: no half file" \
			test -z "$(find "$HOME" build -maxdepth 5 -name '*.new')"
		scripts/model.sh stop
		check "after $seconds s: no server is left alone" no_server
	done
	check "interrupted at all" [ "$cut" -gt 0 ]
	run --simulated
	check "after interruptions" [ "$status" -eq 0 ]
}

simulated
again
no_index
ollama
own_file
refusals
interrupted
echo "quickstart: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
