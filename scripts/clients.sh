#!/usr/bin/env bash
# Python packages that a folder of tests pins: scripts/clients.sh COMMAND [FOLDER]
# FOLDER has a requirements.txt; without it: tests/clients, the official clients of the three
# providers' APIs.
#
#   get       downloads what is missing, prints the folder; nothing is installed
#   list      the packages that are used themselves, and their versions
#
# Exit status: 0 ok, 1 failure, 2 usage, 3 the pinned wheels do not fit this machine,
# 6 the package index cannot be reached.
set -euo pipefail
cd "$(dirname "$0")/.."

python=/usr/bin/python3 # Debian's: the one that the packages group "model" brings
wanted=${2:-tests/clients}/requirements.txt
cache=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/llm/clients
folder=$cache/$(sha256sum "$wanted" | cut -c 1-16)

die() {
	local status=$1
	shift
	printf 'clients.sh: %s\n' "$@" >&2
	exit "$status"
}

fits() {
	[ "$(uname -m)" = x86_64 ] &&
		"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null
}

download() {
	"$python" -m pip --disable-pip-version-check --no-cache-dir --retries 2 --timeout 20 \
		install --quiet --no-deps --only-binary :all: --require-hashes --progress-bar off \
		--target "$cache/partial" -r "$wanted" >"$cache/pip.log" 2>&1
}

# Whole or not at all; two that start at the same time wait for each other.
get() {
	fits || die 3 "the pinned wheels are for Python 3.11 on x86_64"
	mkdir -p "$cache" || die 1 "cannot write to $cache: set HOME or XDG_CACHE_HOME"
	exec 9>"$cache/lock"
	flock -w 600 9 || die 1 "another clients.sh is at work and does not end"
	if [ ! -d "$folder" ]; then
		trap 'rm -rf "$cache/partial"' EXIT
		rm -rf "$cache/partial"
		download || no_download
		mv -T "$cache/partial" "$folder"
	fi
	echo "$folder"
}

no_download() {
	scripts/model.sh index >/dev/null || exit # its word and its status
	tail -n 5 "$cache/pip.log" >&2
	die 1 "the packages cannot be downloaded, see $cache/pip.log"
}

list() {
	sed -n 's/^\(openai\|google-genai\|ollama\|alembic\|sqlalchemy\)==\([^ ]*\) .*/\1 \2/p' "$wanted"
}

case ${1:-} in
get | list) "$1" ;;
*)
	sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' scripts/clients.sh >&2
	exit 2
	;;
esac
