#!/usr/bin/env bash
# On a bare Debian 12: clone, quickstart, check, and the minutes of each. Needs root.
# scripts/clean-room.sh [--quickstart-only] [--keep] [--mirror URL]
#
# The room is made by debootstrap and removed at the end (--keep leaves it and says where).
# It shares this machine's network. Fails, too, when the answer was simulated although the
# Python package index could be reached. What is cloned is the last commit, not the work tree.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR source=packages.sh
. scripts/packages.sh

keep=
quickstart_only=
mirror=
room=
root=
report=

die() {
	local status=$1
	shift
	printf 'clean-room: %s\n' "$@" >&2
	exit "$status"
}

usage() {
	sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' scripts/clean-room.sh
}

read_arguments() {
	while [ $# -gt 0 ]; do
		case $1 in
		--keep) keep=yes ;;
		--quickstart-only) quickstart_only=yes ;;
		--mirror)
			[ $# -gt 1 ] || die 2 "--mirror wants a URL"
			mirror=$2
			shift
			;;
		-h | --help) usage && exit 0 ;;
		*)
			usage >&2
			exit 2
			;;
		esac
		shift
	done
}

# ---- the room ----

find_mirror() {
	[ -z "$mirror" ] || return 0
	# shellcheck disable=SC2016
	mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
		awk '$2 == "bookworm" && !seen++ { print $1 }')
	[ -n "$mirror" ] || die 2 "this machine's apt sources have no bookworm" \
		"name a mirror: scripts/clean-room.sh --mirror URL"
}

# The name space takes its mounts and processes along; this is for what is on the disk.
tidy() {
	local status=$? at
	for at in proc sys dev/pts dev/shm; do
		umount -l "$root/$at" 2>/dev/null || true
	done
	if [ -n "$keep" ]; then
		echo "kept: $room"
	else
		rm -rf --one-file-system "${room:?}"
	fi
	exit "$status"
}

# timed NAME COMMAND...: adds the minutes to the report.
timed() {
	local name=$1 begun=$SECONDS status=0 seconds
	shift
	"$@" || status=$?
	seconds=$((SECONDS - begun))
	report+=$(printf '%s %d min %02d s; ' "$name" $((seconds / 60)) $((seconds % 60)))
	[ "$status" -eq 0 ] || die 1 "$name failed; until then: ${report%; }"
}

bootstrap() {
	debootstrap --variant=minbase bookworm "$root" "$mirror" >"$room/debootstrap.log" 2>&1 || {
		tail -n 20 "$room/debootstrap.log" >&2
		die 1 "debootstrap failed"
	}
}

# carry FILE...: those that exist, to the same place.
carry() {
	local file
	for file in "$@"; do
		[ -f "$file" ] || continue
		mkdir -p "$root$(dirname "$file")"
		cp -L "$file" "$root$file"
	done
}

# What a user's machine would have, too: name server, certificates, where packages come from.
carry_in() {
	echo "carried in: resolv.conf, CA certificates, the settings of apt and pip"
	carry /etc/resolv.conf /etc/pip.conf
	carry /etc/ssl/certs/ca-certificates.crt /usr/local/share/ca-certificates/*.crt
	cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/host-ca.crt"
	if [ -n "$(apt-get indextargets 'Release: bookworm' 2>/dev/null)" ]; then
		rm -f "$root/etc/apt/sources.list"
		carry /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} \
			/etc/apt/keyrings/*
	fi
	apt-config dump | grep -E '^Acquire::(http|https|Check)' \
		>"$root/etc/apt/apt.conf.d/00host" || true
}

clone() {
	git clone --quiet --no-hardlinks "$PWD" "$root/root/libllm"
}

# ---- inside ----

mount_all() {
	mount -t proc proc "$root/proc"
	mount -t sysfs -o ro sysfs "$root/sys"
	mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
	mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
	ln -sf pts/ptmx "$root/dev/ptmx"
}

# inside COMMAND: in the checkout in the room, with a login's environment.
inside() {
	local name vars=(HOME=/root TERM=dumb LANG=C.UTF-8
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
	for name in $(compgen -e | grep -E '^PIP_|^(https?|no)_proxy$|^(HTTPS?|NO)_PROXY$'); do
		vars+=("$name=${!name}")
	done
	vars+=(PIP_CERT=/etc/ssl/host-ca.crt)
	chroot "$root" env -i "${vars[@]}" bash -c "cd /root/libllm && $1"
}

# Who answers `ask --json`: a simulated answer is a failure where a model could be had.
check_answer() {
	local json provider
	json=$(inside 'build/release/bin/llmctl ask --json -o max_tokens=16 "Say hello."')
	provider=$(sed -n 's/.*"provider": *"\([^"]*\)".*/\1/p' <<<"$json" | head -n 1)
	[ -n "$provider" ] || die 1 "ask --json names no provider: $json"
	echo "answered by: $provider"
	inside 'scripts/model.sh status' || true
	[ "$provider" = llmsim ] || return 0
	inside '. scripts/packages.sh && need_packages model' || die 1 "no pip in the room"
	if inside 'scripts/model.sh index'; then
		die 1 "the answer was simulated although the package index can be reached"
	fi
}

main() {
	room=$(mktemp -d "${TMPDIR:-/var/tmp}/llm-room.XXXXXX")
	root=$room/root
	trap tidy EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	timed "debootstrap" bootstrap
	carry_in
	clone
	mount_all
	timed "quickstart" inside 'scripts/quickstart.sh "Why is the sky blue?"'
	check_answer
	[ -n "$quickstart_only" ] || timed "check" inside scripts/check.sh
	echo "clean room: passed; ${report%; }"
}

read_arguments "$@"
[ "$(id -u)" -eq 0 ] || die 2 "debootstrap and chroot need root: run this as root"
if [ -z "${LLM_CLEAN_ROOM:-}" ]; then
	need_packages room
	exec env LLM_CLEAN_ROOM=yes unshare --mount --pid --fork --kill-child --mount-proc \
		scripts/clean-room.sh "$@"
fi
find_mirror
main
