#!/usr/bin/env bash
# examples/poll-loop.c is one thread that sleeps nowhere but in poll(). It is looked at from outside,
# while it runs; where strace is, every system call it makes is looked at as well.
#   tests/functional/poll_loop.sh PROGRAM LLMSIM PLUGINS
set -euo pipefail
program=$1 llmsim=$2
work=$(mktemp -d)
sim_pid=''
unset "${!LLM_@}" "${!OLLAMA_@}"
export LLM_PLUGIN_PATH=$3

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
	"$llmsim" --port 0 --port-file "$work/port" --tokens 40 --pace-ms 5 --exit-with-parent >/dev/null &
	sim_pid=$!
	for ((i = 0; i < 100; i++)); do
		[ -s "$work/port" ] && break
		sleep 0.02
	done
	OLLAMA_HOST=127.0.0.1:$(cat "$work/port")
	export OLLAMA_HOST
}

# start [COMMAND...]: the example behind it, its input a pipe that stays open and holds a line.
start() {
	"$@" "$program" ollama/sim-small hello <"$work/in" >"$work/out" 2>"$work/err" &
	pid=$!
	printf 'hello\n' >&3
}

ended_well() {
	wait "$pid" || fail "the example ended with status $?" "$work/out" "$work/err"
	[ "$(grep -c ', succeeded$' "$work/out")" = 8 ] || fail "not all eight succeeded" "$work/out"
	grep -qx 'input: 6 bytes' "$work/out" || fail "its input was not read" "$work/out"
}

# What the kernel says of a process that sleeps; "0" is one that does not, or a kernel that is silent.
look_on() {
	local threads where looks=0
	while where=$(cat "/proc/$pid/wchan" 2>/dev/null) &&
		threads=$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l) &&
		[ "$threads" != 0 ]; do
		[ "$threads" = 1 ] || fail "it has $threads threads"
		case $where in
		ep_poll* | futex* | *nanosleep* | *pipe_read* | *wait4* | do_wait* | sk_wait* | wait_woken*)
			fail "it sleeps in $where" ;;
		esac
		looks=$((looks + 1))
		sleep 0.005
	done
	[ "$looks" -ge 5 ] || fail "it was over after $looks looks"
	echo "poll_loop: one thread in $looks looks"
}

# Calls that may sleep; what is left of them after those that did not.
sleepers() {
	sed -E 's/^[0-9]+ +//' "$work/trace" |
		grep -E '^(select|pselect6|ppoll|epoll_p?wait2?|(clock_)?nanosleep|futex|wait4|waitid|pause|rt_sigtimedwait|rt_sigsuspend|flock|accept4?)\(' |
		grep -vE '^epoll_wait\(.*, 0\) += |^epoll_pwait\(.*, 0, NULL, [0-9]+\) += |^futex\([^,]*, FUTEX_WAKE' || true
}

# poll() with a time-out is the example's own: of two descriptors, one of them its input.
foreign_polls() {
	sed -E 's/^[0-9]+ +//' "$work/trace" | grep -E '^poll\(' | grep -vE ', 0\) += |<unfinished' |
		grep -vE '^poll\(\[\{fd=[0-9]+, events=POLLIN\}, \{fd=0, events=POLLIN\}\], 2, ' || true
}

look_at_calls() {
	local sockets unblocked polls
	if grep -E '^[0-9]+ +(clone3?|v?fork)\(' "$work/trace" >"$work/found"; then
		fail "it starts threads or processes" "$work/found"
	fi
	[ "$(cut -d' ' -f1 "$work/trace" | sort -u | wc -l)" = 1 ] || fail "more than one thread was traced"
	sleepers >"$work/found"
	[ ! -s "$work/found" ] || fail "it sleeps elsewhere" "$work/found"
	foreign_polls >"$work/found"
	[ ! -s "$work/found" ] || fail "somebody else polls" "$work/found"
	sockets=$(grep -cE ' socket\(AF_INET' "$work/trace")
	unblocked=$(grep -cE ' (socket\(AF_INET[^)]*SOCK_NONBLOCK|fcntl\([0-9]+, F_SETFL, O_RDWR\|O_NONBLOCK)' "$work/trace")
	[[ $unblocked -ge $sockets && $sockets -ge 4 ]] ||
		fail "$sockets sockets, $unblocked of them do not block"
	polls=$(grep -cE '^[0-9]+ +poll\(\[\{fd=[0-9]+, events=POLLIN\}, \{fd=0' "$work/trace")
	[ "$polls" -ge 20 ] || fail "only $polls polls"
	echo "poll_loop: $(wc -l <"$work/trace") system calls, $polls polls, no other sleep"
}

upstream
mkfifo "$work/in"
exec 3<>"$work/in"
start
look_on
ended_well
if command -v strace >/dev/null; then
	start strace -f -o "$work/trace"
	ended_well
	sed -i '/ +++ exited\| --- SIG/d' "$work/trace"
	look_at_calls
else
	echo "poll_loop: strace is not here, the calls were not looked at"
fi
