#!/usr/bin/env bash
# Everything that must hold, on a fresh Debian 12 machine: installs what is missing, builds with
# gcc and clang, runs all tests, sanitizers, coverage, linters, the ABI checks and a slice of every
# long campaign. Prints the minutes of each stage; ends with the counts.
#   scripts/check.sh [STAGE...]      only these stages
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. scripts/packages.sh

stages=(build clang check check-all asan ubsan tsan cover tidy abi size counts rules fuzz)
log=build/check
passed=0 failed=0 skipped=0
mkdir -p "$log"
# Tests look at LLM_* as a user's settings: what is meant for this script stays here.
fuzz_seconds=${LLM_FUZZ_SECONDS:-20}
unset LLM_FUZZ_SECONDS
# The public suites run where they are.
[ -n "${LLM_TEST_DATA:-}" ] || [ ! -d ../shared/data ] || export LLM_TEST_DATA=$PWD/../shared/data

build() {
	LLM_WITH_TESTS=1 scripts/build.sh "$1"
}

# Criterion counts its tests; a plain program is one test.
count() {
	local file=build/$1/Testing/Temporary/LastTest.log t p
	[ -f "$file" ] || return 0
	t=$(grep -ao 'Tested: [0-9]*' "$file" | awk '{ n += $2 } END { print n + 0 }')
	p=$(grep -ao 'Passing: [0-9]*' "$file" | awk '{ n += $2 } END { print n + 0 }')
	local plain ok
	plain=$(grep -ac '^Test \(Passed\|Failed\)' "$file")
	ok=$(grep -ac '^Test Passed' "$file")
	grep -ao '^\(cuts\|histories\|random_schedule\): .*' "$file"
	local suites
	suites=$(grep -ac 'Synthesis: Tested' "$file")
	passed=$((passed + p + ok - suites))
	failed=$((failed + t - p + plain - ok))
	while read -r line; do
		skipped=$((skipped + 1))
		line=${line#*SKIP }
		echo "skipped: $line"
		grep -q "^${line%%:*} " tests/allowed-skips ||
			{ echo "  not listed in tests/allowed-skips"; failed=$((failed + 1)); }
	done < <(grep -ao 'SKIP [a-z_]*: .*' "$file" | sort -u)
}

run_ctest() { # PRESET [ctest options]
	local preset=$1 rc=0
	shift
	ctest --test-dir "build/$preset" --output-on-failure "$@" || rc=1
	count "$preset"
	return $rc
}

# Criterion does not fail on a leak in its child: a report of LeakSanitizer does.
stage_asan() {
	local rc=0
	build asan || return 1
	rm -f build/asan/leak.*
	ASAN_OPTIONS=detect_leaks=1:log_path="$PWD/build/asan/leak" run_ctest asan -j2 || rc=1
	if compgen -G 'build/asan/leak.*' >/dev/null; then
		head -40 build/asan/leak.*
		rc=1
	fi
	return $rc
}

stage_build() { build dev && scripts/build.sh release; }
stage_clang() { build clang; }
stage_check() {
	scripts/check-format.sh && scripts/check-layers.sh && scripts/check-layers.sh --prove &&
		run_ctest dev -j2 -L 'unit|contract'
}
stage_check-all() { run_ctest dev -LE 'unit|contract' && scripts/check-examples.sh; }
stage_ubsan() { build ubsan && run_ctest ubsan -j2; }
stage_tsan() { build tsan && TSAN_OPTIONS=halt_on_error=1 run_ctest tsan; }
stage_cover() {
	build cover && find build/cover -name '*.gcda' -delete &&
		run_ctest cover -j2 && scripts/check-cover.sh build/cover
}
stage_tidy() { scripts/check-tidy.sh build/clang && shellcheck -x scripts/*.sh scripts/prove/*.sh; }
stage_abi() { scripts/check-abi.sh build/release && scripts/lint-plugin.sh --prove; }
stage_size() { scripts/check-size.sh build/release/lib/libllm.so; }
stage_counts() { scripts/bench.sh counts; }
stage_rules() { scripts/rules.sh; }
stage_fuzz() { build fuzz && LLM_FUZZ_SECONDS=$fuzz_seconds scripts/fuzz.sh build/fuzz; }

run_stage() {
	local name=$1 start=$SECONDS rc=0
	"stage_$name" >"$log/$name.log" 2>&1 || rc=1
	grep -a '^skipped:\|kills:\|points\|^cuts:\|^histories:\|^random_schedule:' "$log/$name.log" | sort -u || true
	printf '%-10s %5.1f min  %s\n' "$name" "$(awk "BEGIN { print ($SECONDS - $start) / 60 }")" \
		"$([ $rc = 0 ] && echo ok || echo FAILED)"
	if [ $rc != 0 ]; then
		failed=$((failed + 1))
		tail -40 "$log/$name.log" | sed 's/^/  | /'
		echo "  the whole log: $log/$name.log"
	else
		passed=$((passed + 1))
	fi
}

for group in build test clang check net model export postgres; do
	need_packages $group || exit 1
done
for stage in "${@:-${stages[@]}}"; do
	run_stage "$stage"
done
echo "check: $((SECONDS / 60)) minutes"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
