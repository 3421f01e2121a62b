#!/usr/bin/env bash
# A policy and a router of somebody else: examples/policy-nearest.c is built beside a copy of the
# headers and nothing else of the tree, is loaded by name, and stands in "route explain";
# examples/own-router.c asks whom it says.
#   tests/functional/outside.sh BIN PLUGINS OWN_ROUTER CC
set -uo pipefail
bin=$1 plugins=$2 own_router=$3 cc=$4
root=$(realpath "$(dirname "$0")/../..")
work=$(mktemp -d)
sim=''
unset "${!LLM_@}" "${!OLLAMA_@}" "${!XDG_@}" http_proxy https_proxy all_proxy ALL_PROXY
umask 022

cleanup() {
	[ -z "$sim" ] || kill "$sim"
	rm -rf "$work"
}
trap cleanup EXIT

fail() {
	echo "FAIL $1"
	sed 's/^/    /' "$work/out"
	exit 1
}

expect() { # TEXT: in the output of the last command
	grep -qF -- "$1" "$work/out" || fail "\"$1\" was expected"
}

mkdir "$work/home" "$work/mine"
export HOME=$work/home
cp -r "$root/include" "$root/examples/policy-nearest.c" "$work/mine"
"$bin/llmsim" --models far,near --port 0 --port-file "$work/port" --exit-with-parent >"$work/sim" &
sim=$!
for ((i = 0; i < 500; i++)); do
	[ -s "$work/port" ] && break
	sleep 0.02
done
cat >"$work/llm.conf" <<CONF
providers = {
  cloud = { plugin = "ollama"; base_url = "http://127.0.0.1:$(cat "$work/port")"; locality = "cloud"; };
  here = { plugin = "ollama"; base_url = "http://127.0.0.1:$(cat "$work/port")"; locality = "local"; };
};
profiles = { mine = { policy = "nearest"; candidates = [ "cloud/far", "here/near" ]; };
             plain = { candidates = [ "cloud/far", "here/near" ]; }; };
CONF

[ "$(wc -l <"$work/mine/policy-nearest.c")" -le 60 ] || fail "the policy has more than 60 lines"
(cd "$work/mine" && "$cc" -std=c11 -pedantic -Wall -Wextra -Werror -shared -fPIC -Iinclude \
	policy-nearest.c -o nearest.so) >"$work/out" 2>&1 || fail "the policy does not compile"
export LLM_PLUGIN_PATH=$work/mine:$plugins

"$bin/llmctl" route explain -c "$work/llm.conf" -p mine >"$work/out" 2>&1 ||
	fail "route explain: status $?"
expect "profile mine, policy nearest, "
expect "$(printf '1\there/near\tclosed\tlocal\tscore -1000001\tnothing known yet, place 2')"
expect "$(printf '2\tcloud/far\t')"
"$bin/llmctl" route explain -c "$work/llm.conf" -p mine --json >"$work/out" 2>&1
expect '"policy":"nearest","followed":"nearest"'
"$bin/llmctl" ask -c "$work/llm.conf" -p mine --json hello >"$work/out" 2>&1 || fail "ask: status $?"
expect '"provider":"here","model":"near"'
"$bin/llmctl" plugins explain nearest >"$work/out" 2>&1
expect "org.example.nearest 1.0.0, llm.policy/1, CC0-1.0"

"$own_router" "$work/llm.conf" plain "Who are you?" >"$work/out" 2>&1 || fail "own-router: status $?"
expect "here: "
"$own_router" "$work/llm.conf" nonesuch "Who are you?" >"$work/out" 2>&1 && fail "no such profile"
expect "nonesuch"
echo "outside: a policy of $(wc -l <"$work/mine/policy-nearest.c") lines and a router were followed"
