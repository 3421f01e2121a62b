#!/usr/bin/env bash
# Compiles and runs what the documents show: the lines of README.md as they stand there, every
# program of examples/, and a provider built outside the tree. llmsim answers; no network is needed.
#   scripts/check-examples.sh           a line for each step; the first failure ends it
set -euo pipefail
umask 022
cd "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR source=packages.sh
. scripts/packages.sh

bin=$PWD/build/release/bin
plugins=$PWD/build/release/plugins
root=$PWD
work=$(mktemp -d)
pids=()
port=

cleanup() {
	local pid
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	rm -rf "$work"
}
trap cleanup EXIT

# step NAME COMMAND...: its output is in $work/out; a failure is shown and ends all.
step() {
	local name=$1
	shift
	if ! "$@" >"$work/out" 2>&1 </dev/null; then
		echo "FAILED  $name: $*"
		sed 's/^/  | /' "$work/out"
		exit 1
	fi
	echo "ok      $name"
}

# expect TEXT...: each stands in the output of the last step.
expect() {
	local text
	for text in "$@"; do
		grep -qF -- "$text" "$work/out" && continue
		echo "FAILED  \"$text\" was expected in:"
		sed 's/^/  | /' "$work/out"
		exit 1
	done
}

# upstream OPTION...: an llmsim of our own, its port in $port.
upstream() {
	local file=$work/port i
	rm -f "$file"
	"$bin/llmsim" --port 0 --port-file "$file" --max-seconds 600 "$@" >/dev/null &
	pids+=($!)
	for ((i = 0; i < 100; i++)); do
		if [ -s "$file" ]; then
			port=$(cat "$file")
			return
		fi
		sleep 0.05
	done
	echo "FAILED  llmsim does not listen"
	exit 1
}

# block NAME: the fenced block of README.md that is marked "```LANGUAGE NAME".
block() {
	awk -v name="$1" '/^```/ { if (on) exit; on = $2 == name; next } on' README.md
}

# run_block FOLDER NAME [SED]: its lines in a shell of their own, which ends what it started.
run_block() {
	local lines
	lines=$(block "$2" | sed "${3:-}")
	[ -n "$lines" ] || {
		echo "README.md has no block \"$2\""
		return 1
	}
	(cd "$1" && bash -euo pipefail -c "trap 'kill \$(jobs -p) 2>/dev/null || true' EXIT
$lines")
}

# ---- README.md ----

# A folder that looks like the checkout, for the lines that write beside it.
make_desk() {
	mkdir "$work/desk"
	ln -s "$root"/{include,examples,build} "$work/desk"
	block hello.c >"$work/desk/hello.c"
	block llm.conf >"$work/desk/llm.conf"
}

check_order() {
	local wanted="quickstart hello.c hello llm.conf cloud provider"
	local found
	found=$(head -40 README.md | sed -n 's/^```[a-z]* //p' | tr '\n' ' ')
	[ "$found" = "$wanted " ] || {
		echo "the first 40 lines hold: $found"
		echo "in this order they must hold: $wanted"
		return 1
	}
}

free_port() {
	upstream
	kill "${pids[-1]}"
	wait "${pids[-1]}" 2>/dev/null || true
	unset 'pids[-1]'
}

readme() {
	step "README.md: order of the first 40 lines" check_order
	upstream --models gemma3:270m,gpt-4o --say "The sky scatters blue light."
	export OLLAMA_HOST=127.0.0.1:$port
	step "README.md: the first command" run_block . quickstart "/check.sh/d"
	expect "The sky scatters blue light." "ollama/gemma3:270m"
	make_desk
	step "README.md: hello.c without a warning" compile gcc "$work/desk/hello.c" "$work/hello"
	step "README.md: hello.c" run_block "$work/desk" hello
	expect "The sky scatters blue light."
	export OPENAI_API_KEY=of-no-account LLM_PROVIDERS__CLOUD__BASE_URL=http://127.0.0.1:$port/v1
	step "README.md: llm.conf" "$bin/llmctl" config check -c "$work/desk/llm.conf"
	step "README.md: local" "$bin/llmctl" ask --stats -c "$work/desk/llm.conf" "Why?"
	expect "The sky scatters blue light." "ollama/gemma3:270m"
	step "README.md: cloud" run_block "$work/desk" cloud
	expect "The sky scatters blue light."
	step "README.md: cloud is another provider" "$bin/llmctl" ask --stats \
		-c "$work/desk/llm.conf" -p cloud-quality "Why?"
	expect "cloud/gpt-4o"
	unset OPENAI_API_KEY LLM_PROVIDERS__CLOUD__BASE_URL
	step "README.md: the command line" run_block . tool
	expect "gemma3:270m" "org.libllm.ollama" "RATE_LIMITED" '"schema"'
	free_port # 8099 may be taken here: the only thing that is not as it stands
	LLM_PROVIDERS__ECHO__BASE_URL=http://127.0.0.1:$port step "README.md: a new provider" \
		run_block "$work/desk" provider "s/8099/$port/"
	expect "hello"
}

# ---- examples/ ----

compile() { # CC SOURCE PROGRAM LIBRARY...
	"$1" -std=c99 -pedantic -Wall -Wextra -Werror -Iinclude "$2" -Lbuild/release/lib -lllm \
		-Wl,-rpath,"$root/build/release/lib" -o "$3" "${@:4}"
}

examples() {
	local cc name
	upstream --models llama3.2 --say "Because of Rayleigh."
	export OLLAMA_HOST=127.0.0.1:$port LLM_PLUGIN_PATH=$plugins
	[ "$(wc -l <examples/ask.c)" -eq 20 ] || {
		echo "FAILED  examples/ask.c has not 20 lines"
		exit 1
	}
	for cc in gcc clang; do
		for name in ask stream callback; do
			step "examples/$name.c with $cc" compile "$cc" "examples/$name.c" "$work/$name"
			step "examples/$name.c answers" "$work/$name" ollama/llama3.2 "Why?"
			expect "Because of Rayleigh."
		done
		step "examples/poll-loop.c with $cc" compile "$cc" examples/poll-loop.c "$work/poll-loop"
		step "examples/poll-loop.c answers" "$work/poll-loop" ollama/llama3.2 "Why?"
		expect "7: 20 bytes, succeeded"
		step "examples/host-transaction.c with $cc" compile "$cc" examples/host-transaction.c \
			"$work/host-transaction" -lsqlite3
		rm -f "$work/orders.db"
		step "examples/host-transaction.c stores both or neither" "$work/host-transaction" \
			ollama/llama3.2 "$work/orders.db"
		expect "rolled back: 0 orders, 0 runs, 0 attempts" "committed: 1 orders, 1 runs, 1 attempts"
		step "examples/own-router.c with $cc" compile "$cc" examples/own-router.c "$work/own-router"
	done
	unset LLM_PLUGIN_PATH
}

# ---- a provider of somebody else ----

ask_echo() {
	LLM_PLUGIN_PATH=$1 LLM_PROVIDERS__ECHO__BASE_URL=http://127.0.0.1:$port \
		"$bin/llmctl" ask -m echo/x "${@:2}" "hello"
}

provider() {
	local cc outside=$work/outside
	mkdir -p "$outside"/{gcc,clang}
	cp -r include examples/provider-echo.c "$outside"
	upstream --script examples/echo.sim --log "$work/echo.log" --log-body
	for cc in gcc clang; do
		step "a provider outside the tree with $cc" env -C "$outside" "$cc" -std=c11 -pedantic \
			-Wall -Wextra -Werror -shared -fPIC -Iinclude provider-echo.c -o "$cc/echo.so"
		step "its symbols" scripts/lint-plugin.sh --third-party "$outside/$cc/echo.so"
		step "it answers" ask_echo "$outside/$cc"
		[ "$(cat "$work/out")" = hello ] || expect "hello, and nothing else"
		step "it streams" ask_echo "$outside/$cc" --stream --json
		expect '{"event":"delta","text":"hel"}' '{"event":"delta","text":"lo"}' '"finish_reason":"stop"'
	done
	cp "$work/echo.log" "$work/out"
	expect '\"model\":\"x\",\"text\":\"hello\",\"stream\":true'
}

# tests/functional/outside.sh follows both; here each compiler has its turn.
policy() {
	local cc
	mkdir -p "$work/policy"
	cp -r include examples/policy-nearest.c "$work/policy"
	for cc in gcc clang; do
		step "a policy outside the tree with $cc" env -C "$work/policy" "$cc" -std=c11 -pedantic \
			-Wall -Wextra -Werror -shared -fPIC -Iinclude policy-nearest.c -o nearest.so
		step "its symbols" scripts/lint-plugin.sh --third-party "$work/policy/nearest.so"
	done
	step "examples/failover.sh" examples/failover.sh "$bin"
	expect "ollama gemini ollama"
	step "examples/two-hosts.sh" examples/two-hosts.sh "$bin"
	expect "1 provider call, 2 equal answers"
}

# Every line of C in docs/driving.md stands in an example.
driving_page() {
	awk '/^```c$/ { on = 1; next } /^```/ { on = 0 } on' docs/driving.md >"$work/lines"
	[ -s "$work/lines" ] || return 1
	local line
	while IFS= read -r line; do
		grep -qxF -- "$line" examples/*.c || {
			echo "docs/driving.md shows a line that no example has: $line"
			return 1
		}
	done <"$work/lines"
}

need_packages build clang
# Nothing of the user who runs this is read or changed.
unset "${!LLM_@}" "${!XDG_@}" "${!OPENAI_@}" "${!OLLAMA_@}" "${!ECHO_@}"
export HOME=$work/home
mkdir "$HOME"
step "build" scripts/build.sh release
readme
examples
provider
policy
step "docs/driving.md shows what the examples do" driving_page
step "documentation" scripts/check-docs.sh
echo "examples: all built and ran"
