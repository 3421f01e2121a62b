#!/usr/bin/env bash
# One row per number that a topic demands: demanded, measured, how many, PASS or FAIL.
#   scripts/prove.sh first-light [--slice]     --slice: fewer runs, for everyday
#   scripts/prove.sh any-model [--slice]
#   scripts/prove.sh guardrails [--slice | --table [ROWS [SEED]]]
#   scripts/prove.sh routing [--slice]
#   scripts/prove.sh records [--slice]
#   scripts/prove.sh sharing [--slice]
# A topic is a file in scripts/prove. Exit 1 if a row failed or did not run.
# shellcheck disable=SC2034,SC2317  # the topics use what is set here
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
topic=${1:-}
slice=''
[ "${2:-}" != --slice ] || slice=yes
dev=build/dev
release=build/release
bad=0

line() { # NAME DEMANDED MEASURED HOW_MANY VERDICT : cut, so that columns stay columns
	local measured=${3//$'\n'/ }
	printf '%-60.60s %-28.28s %-48.48s %-14.14s %s\n' "$1" "$2" "$measured" "$4" "$5"
}

row() { # NAME DEMANDED MEASURED HOW_MANY OK(0|1)
	line "$1" "$2" "$3" "$4" "$([ "$5" = 0 ] && echo PASS || echo FAIL)"
	[ "$5" = 0 ] || bad=1
}

within() { # VALUE MAX
	awk -v v="$1" -v m="$2" 'BEGIN { exit !(v != "" && v + 0 <= m + 0) }'
}

bench_rows() { # WORKLOAD... : the targets that scripts/bench.sh measures
	local rows what demanded measured many verdict
	rows=$(scripts/bench.sh "$@" --rows) || bad=1
	while IFS=$'\t' read -r what demanded measured many verdict; do
		[ -z "$what" ] || row "$what" "$demanded" "$measured" "$many" "$([ "$verdict" = PASS ]; echo $?)"
	done <<<"$rows"
}

if [ -z "$topic" ] || [ ! -f "scripts/prove/$topic.sh" ]; then
	echo "usage: scripts/prove.sh TOPIC [--slice], where TOPIC is one of:" scripts/prove/*.sh |
		sed 's,scripts/prove/,,g; s/\.sh\b//2g' >&2
	exit 2
fi
LLM_WITH_TESTS=1 scripts/build.sh dev >/dev/null && scripts/build.sh release >/dev/null || exit 1
# shellcheck source=/dev/null
. "scripts/prove/$topic.sh"
line what demanded measured "how many" verdict
prove
exit $bad
