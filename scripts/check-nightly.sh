#!/usr/bin/env bash
# All of every campaign, where scripts/check.sh runs a slice: hours, not minutes.
#   LLM_FUZZ_SECONDS=600 (each target)   LLM_TEST_DATA=FOLDER (public suites)
#   LLM_WRITERS_SECONDS=600 (processes on one database)   LLM_COLLIDE_SECONDS=600 (the same, on PostgreSQL)
#   LLM_STORE_RUNS=10000000 (runs in the large store: 5 GB of disk)
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
failed=0

campaign() { # NAME COMMAND...
	local name=$1 start=$SECONDS
	shift
	echo "== $name"
	if "$@"; then
		echo "== $name: ok, $(((SECONDS - start) / 60)) min"
	else
		echo "== $name: FAILED, $(((SECONDS - start) / 60)) min"
		failed=$((failed + 1))
	fi
}

export LLM_FUZZ_SECONDS=${LLM_FUZZ_SECONDS:-600}
writers=${LLM_WRITERS_SECONDS:-600}
collide=${LLM_COLLIDE_SECONDS:-600}
grown=${LLM_STORE_RUNS:-10000000}
unset LLM_WRITERS_SECONDS LLM_COLLIDE_SECONDS LLM_STORE_RUNS # to the tests they would be settings of a user's
campaign "everything of check.sh, with long fuzzing" scripts/check.sh
for topic in scripts/prove/*.sh; do
	topic=${topic##*/}
	campaign "the numbers of ${topic%.sh}, whole" env LLM_WRITERS_SECONDS="$writers" \
		LLM_COLLIDE_SECONDS="$collide" LLM_STORE_RUNS="$grown" \
		scripts/prove.sh "${topic%.sh}"
done
campaign "every break turns its test red" scripts/rules.sh --prove
if [ "$(id -u)" = 0 ]; then
	campaign "a bare Debian 12" scripts/clean-room.sh
else
	echo "SKIP clean_room: it needs root (debootstrap, chroot)"
fi
echo "nightly: $((SECONDS / 60)) minutes, $failed campaigns failed"
[ "$failed" = 0 ]
