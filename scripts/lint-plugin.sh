#!/bin/sh
# Does a plugin reach for what a translator has no business with?
# usage: scripts/lint-plugin.sh FILE.so...                our own, release build: allow-list
#        scripts/lint-plugin.sh --storage FILE.so...      our own storage: and its database library
#        scripts/lint-plugin.sh --third-party FILE.so...  anybody's: deny-list
#        scripts/lint-plugin.sh --prove                   plants each offence, must find it
#
# It reads the dynamic symbols that a file asks for. It is a lint, not a sandbox: a
# plugin can make system calls by itself, and this would not see it.
set -eu

# What a pure translator needs of libc: bytes, texts, numbers without the locale.
allowed='memchr memcmp memcpy memmove memrchr memset bcmp
strchr strchrnul strcmp strcspn strlen strncmp strnlen strpbrk strrchr strspn strstr
newlocale freelocale strtod_l snprintf
abort __assert_fail __stack_chk_fail __stack_chk_guard __errno_location
__memcpy_chk __memmove_chk __memset_chk __snprintf_chk __vsnprintf_chk
__cxa_finalize __gmon_start__ _ITM_deregisterTMCloneTable _ITM_registerTMCloneTable'

# What a storage plugin of ours needs besides: its database, files, locks, short sleeps, waits with
# an end for a server.
allowed_storage='sqlite3_* PQ* poll __poll_chk eventfd read __read_chk write clock_gettime access unlink open open64 __open_2 __open64_2 close fcntl fcntl64 stat stat64 statfs statfs64
nanosleep strerror pthread_mutex_lock pthread_mutex_unlock'

# What nobody's plugin may use, by what it would break. A trailing * stands for any end.
denied='network: socket socketpair bind listen accept accept4 connect send sendto sendmsg recv recvfrom recvmsg getaddrinfo gethostby* curl_* SSL_* res_* nn_* zmq_*
environment: getenv secure_getenv setenv unsetenv putenv clearenv environ __environ _environ
thread: pthread_create thrd_create clone fork vfork _Fork daemon
clock: clock_gettime clock_getres time gettimeofday ftime times clock timespec_get nanosleep clock_nanosleep sleep usleep alarm setitimer timer_*
chance: rand srand random srandom rand_r drand48 lrand48 getrandom getentropy arc4random*
file: open open64 openat openat64 creat creat64 fopen fopen64 freopen freopen64 fdopen tmpfile mkstemp* opendir scandir* nftw* readdir* stat stat64 lstat fstat fstatat access faccessat unlink unlinkat rename renameat mkdir rmdir chdir chmod chown mmap mmap64 shm_open __open_2 __open64_2 __openat_2 __xstat* __fxstat*
descriptor: read write pread* pwrite* readv writev ioctl fcntl fcntl64 dup dup2 dup3 pipe pipe2 poll ppoll select pselect epoll_* eventfd inotify_*
output: printf puts putchar perror fputs fwrite fputc __printf_chk __fprintf_chk fprintf vprintf vfprintf syslog __syslog_chk stdout stderr stdin
program: system popen exec* posix_spawn* exit _exit _Exit quick_exit atexit on_exit kill raise ptrace prctl syscall setuid setgid seteuid setegid setresuid setresgid chroot
loader: dlopen dlmopen dlsym dlvsym dlclose
signal: signal sigaction sigprocmask pthread_sigmask __sysv_signal bsd_signal sigaltstack signalfd
locale: setlocale uselocale strtod atof strtof strtold localeconv
gone: gets strcpy strcat sprintf vsprintf alloca __strcpy_chk __strcat_chk __sprintf_chk __vsprintf_chk'

offences=0

offence() {
	echo "$1: $2" >&2
	offences=$((offences + 1))
}

# The undefined symbols of a file without their versions.
undefined() {
	nm -D --undefined-only --format=posix "$1" >"$work/nm" || return 1
	sed 's/[@ ].*//' "$work/nm" | sort -u
}

# "name" or "name*" against one symbol.
fits() {
	# shellcheck disable=SC2254 # the pattern is meant as one
	case $2 in
	$1) return 0 ;;
	esac
	return 1
}

check_allowed() {
	list=" $(echo "$allowed" | tr '\n' ' ') "
	# shellcheck disable=SC2013 # a symbol holds no space
	for symbol in $(cat "$work/undefined"); do
		case $list in
		*" $symbol "*) ;;
		*) storage_needs "$symbol" || offence "$1" "uses $symbol, which is not on the list of what a translator needs" ;;
		esac
	done
}

storage_needs() {
	[ "$mode" = storage ] || return 1
	set -f
	for pattern in $allowed_storage; do
		if fits "$pattern" "$1"; then
			set +f
			return 0
		fi
	done
	set +f
	return 1
}

check_denied() {
	while IFS= read -r line; do
		kind=${line%%:*}
		for pattern in ${line#*:}; do
			while read -r symbol; do
				if fits "$pattern" "$symbol"; then
					offence "$1" "$kind: uses $symbol"
				fi
			done <"$work/undefined"
		done
	done <"$work/denied"
}

check_exports() {
	nm -D --defined-only --format=posix "$1" | sed 's/[@ ].*//' | sort -u >"$work/exports"
	grep -qx 'llm_plugin_v[0-9]*' "$work/exports" || offence "$1" "exports no llm_plugin_v1"
	grep -vx 'llm_plugin_v[0-9]*' "$work/exports" >"$work/strangers" || true
	while read -r symbol; do
		offence "$1" "exports $symbol: only the entry may be seen from outside"
	done <"$work/strangers"
}

# The loader opens files through a descriptor, so $ORIGIN and RUNPATH cannot work.
check_dynamic() {
	readelf -dW "$1" >"$work/dynamic"
	sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' "$work/dynamic" >"$work/needed"
	while read -r library; do
		case $library in
		libc.so.* | libm.so.* | ld-linux*.so.*) ;;
		libsqlite3.so.0 | libpq.so.5) [ "$mode" != own ] || offence "$1" "needs $library" ;;
		*) [ "$mode" = third-party ] || offence "$1" "needs $library" ;;
		esac
	done <"$work/needed"
	if grep -Eq '\((RPATH|RUNPATH)\)' "$work/dynamic"; then
		offence "$1" "has a run path, which the loader cannot follow"
	fi
	if readelf -lW "$1" | grep -Eq 'GNU_STACK.* RWE'; then
		offence "$1" "wants an executable stack"
	fi
}

check_file() {
	if ! undefined "$1" >"$work/undefined"; then
		offence "$1" "is no shared object that nm can read"
		return
	fi
	if [ "$mode" != third-party ]; then
		check_allowed "$1"
	else
		check_denied "$1"
	fi
	check_exports "$1"
	check_dynamic "$1"
}

# ---- proof ----

# plant NAME CODE [FLAG...]: builds $work/NAME.so with the entry and CODE.
plant() {
	name=$1
	printf 'int llm_plugin_v1(void);\nint llm_plugin_v1(void) { return 0; }\n%s\n' "$2" \
		>"$work/$name.c"
	shift 2
	"${CC:-cc}" -w -shared -fPIC -fno-builtin -nostdlib -o "$work/$name.so" "$work/$name.c" "$@"
}

# found WHAT FILE: the file must give exactly one offence that says WHAT; "" none.
found() {
	offences=0
	check_file "$2" 2>"$work/said"
	if [ -z "$1" ] && [ "$offences" -eq 0 ]; then
		return
	fi
	if [ -n "$1" ] && [ "$offences" -eq 1 ] && grep -qF "$1" "$work/said"; then
		return
	fi
	complain "exactly '$1'" "$2"
}

complain() {
	echo "lint-plugin: FAILED to find $1 in $2 ($mode), it said:" >&2
	cat "$work/said" >&2
	failed=$((failed + 1))
}

use() {
	for symbol in "$@"; do
		echo "extern char ${symbol}[]; static const void *const used_$symbol" \
			"__attribute__((used)) = $symbol;"
	done
}

# found_each KIND SYMBOL...: every one of them is named, and nothing else is.
found_each() {
	kind=$1
	shift
	offences=0
	check_file "$work/symbols.so" 2>"$work/said"
	[ "$offences" -eq $# ] || complain "$# offences of kind $kind" "$work/symbols.so"
	for symbol in "$@"; do
		grep -qE "(^|: )(uses|$kind: uses) $symbol(,|\$)" "$work/said" ||
			complain "$symbol ($kind)" "$work/symbols.so"
		planted=$((planted + 1))
	done
}

prove_symbols() {
	while IFS= read -r line; do
		symbols=$(echo "${line#*:}" | sed 's/\*/_x/g')
		# shellcheck disable=SC2086 # a list of words
		plant symbols "$(use $symbols)"
		for mode in third-party own; do
			# shellcheck disable=SC2086
			found_each "${line%%:*}" $symbols
		done
	done <"$work/denied"
	plant symbols "$(use malloc free calloc pow unheard_of)"
	mode=own
	found_each memory malloc free calloc pow unheard_of
	plant symbols "$(use sqlite3_step open fcntl)"
	found_each database sqlite3_step open fcntl
	mode=storage
	found_each database
	plant symbols "$(use sqlite3_step connect getenv)"
	found_each database connect getenv
}

prove_rest() {
	for mode in own third-party; do
		plant clean "$(use memcpy)"
		found '' "$work/clean.so"
		plant export 'int more(void) { return 1; }'
		found 'exports more' "$work/export.so"
		echo 'static int x __attribute__((used));' >"$work/none.c"
		"${CC:-cc}" -w -shared -fPIC -nostdlib -o "$work/none.so" "$work/none.c"
		found 'exports no llm_plugin_v1' "$work/none.so"
		plant path '' -Wl,-rpath,/nowhere
		found 'has a run path' "$work/path.so"
		plant stack '' -Wl,-z,execstack
		found 'wants an executable stack' "$work/stack.so"
		echo 'no object' >"$work/text.so"
		found 'is no shared object' "$work/text.so"
		planted=$((planted + 6))
	done
	"${CC:-cc}" -shared -nostdlib -Wl,-soname,libnobody.so.1 -o "$work/libnobody.so" -x c /dev/null
	plant needs '' -Wl,--no-as-needed "$work/libnobody.so"
	mode=own
	found 'needs libnobody.so.1' "$work/needs.so"
	planted=$((planted + 1))
}

prove() {
	failed=0
	planted=0
	prove_symbols
	prove_rest
	echo "lint-plugin: $planted planted, $failed not found as they should be"
	[ "$failed" -eq 0 ]
}

# ---- main ----

for tool in nm readelf; do
	command -v "$tool" >/dev/null || { echo "lint-plugin: needs $tool (package binutils)" >&2; exit 2; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '%s\n' "$denied" >"$work/denied"
mode=own
case ${1:-} in
--storage)
	mode=storage
	shift
	;;
--prove)
	prove
	exit
	;;
--third-party)
	mode=third-party
	shift
	;;
esac
if [ $# -eq 0 ]; then
	echo "usage: scripts/lint-plugin.sh [--storage | --third-party] FILE.so... | --prove" >&2
	exit 2
fi
for file in "$@"; do
	check_file "$file"
done
if [ "$offences" -gt 0 ]; then
	echo "lint-plugin: $offences offences" >&2
	exit 1
fi
echo "lint-plugin: $# files are clean ($mode)"
