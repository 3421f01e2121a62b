# shellcheck shell=bash
# Sourced by the other scripts: which Debian packages a job needs, and installing what is missing.

packages_of() {
	case $1 in
	build) echo gcc cmake ninja-build pkg-config libc6-dev libcurl4-openssl-dev \
		libjansson-dev libconfig-dev libssl-dev libsqlite3-dev libpq-dev libedit-dev \
		ca-certificates ;;
	test) echo libcriterion-dev ;;
	clang) echo clang libclang-rt-14-dev llvm ;;
	check) echo g++ git clang-tidy clang-format cppcheck gcovr universal-ctags abigail-tools shellcheck \
		locales patch strace openssl curl ;;
	net) echo python3 python3-h2 iproute2 iptables ;;
	bench) echo python3 valgrind binutils ;;
	model) echo python3 python3-pip ;;
	export) echo sqitch libdbd-sqlite3-perl sqlite3 libdbd-pg-perl ;;
	postgres) echo postgresql-15 pgbouncer openssl util-linux ;;
	room) echo debootstrap git ;;
	*) echo "packages.sh: no group is called $1" >&2 ;;
	esac
}

# missing_packages GROUP...: on one line, nothing when all are there.
missing_packages() {
	local group names=
	for group in "$@"; do
		names+=" $(packages_of "$group")"
	done
	# shellcheck disable=SC2086
	{
		dpkg-query -W -f='${Package} ${db:Status-Status}\n' $names 2>/dev/null || true
		printf '%s wanted\n' $names
	} | awk '$2 == "installed" { have[$1] = 1 }
		$2 == "wanted" && !have[$1] { line = line sep $1; sep = " " }
		END { print line }'
}

# packages_mb PACKAGE...: what apt-get would download, nothing when its lists are not there yet.
packages_mb() {
	apt-get install --print-uris -qq -y --no-install-recommends "$@" 2>/dev/null |
		awk '$3 > 0 { bytes += $3 } END { if (bytes) print int((bytes + 999999) / 1000000) }'
}

# The tests start servers of their own: packages of servers neither make a cluster nor start one.
# Both files are Debian's switches for that, and are there only while apt-get runs.
no_services() { # SUDO COMMAND... : what is switched already stays as it is
	local sudo=$1 switch=/etc/postgresql-common/createcluster.d/no-cluster.conf
	local policy=/usr/sbin/policy-rc.d rc=0
	shift
	[ ! -e $policy ] || policy=
	$sudo mkdir -p "${switch%/*}" && echo 'create_main_cluster = false' | $sudo tee $switch >/dev/null &&
		{ [ -z "$policy" ] || printf '#!/bin/sh\nexit 101\n' | $sudo install -m 755 /dev/stdin $policy; } &&
		"$@" || rc=1
	# shellcheck disable=SC2086 # it may be none
	$sudo rm -f $switch $policy
	return $rc
}

# Ctrl-C may cut the download, not the installation; what was cut before is mended first.
apt_install() {
	local sudo=$1
	shift
	{ [ -z "$(dpkg --audit)" ] || $sudo dpkg --configure -a; } &&
		$sudo apt-get update -qq &&
		$sudo apt-get install -y -qq --no-install-recommends --download-only "$@" &&
		(
			trap '' INT
			# shellcheck disable=SC2086 # it may be none
			set -- $sudo env DEBIAN_FRONTEND=noninteractive \
				apt-get install -y -qq --no-install-recommends "$@"
			case " $* " in
			*" pgbouncer "* | *" postgresql-15 "*) no_services "$sudo" "$@" </dev/null ;;
			*) "$@" </dev/null ;;
			esac
		)
}

# need_packages GROUP...: installs what is missing, says what, or stops with a clear word.
need_packages() {
	local missing sudo=
	missing=$(missing_packages "$@")
	[ -n "$missing" ] || return 0
	if ! command -v apt-get >/dev/null; then
		echo "missing packages: $missing" >&2
		echo "this script installs with apt-get, which is not here: install them by hand" >&2
		exit 1
	fi
	if [ "$(id -u)" -ne 0 ]; then
		sudo=sudo
		command -v sudo >/dev/null || {
			echo "missing packages: $missing" >&2
			echo "run as root, or install sudo: apt-get install $missing" >&2
			exit 1
		}
	fi
	echo "installing (apt-get${sudo:+, with sudo}): $missing"
	# shellcheck disable=SC2086
	apt_install "$sudo" $missing >/dev/null || {
		echo "apt-get could not install: $missing" >&2
		echo "check the network, /etc/apt${sudo:+ and that sudo lets you}, then run this again" >&2
		exit 1
	}
}
