#!/usr/bin/env bash
# Keeps the books: rule or fault id -> tests -> assertions.
#   scripts/rules.sh           ids listed in docs/behaviour.md without a test, and ids in test names
#                              without a line there, are failures; so is a break that does not apply
#   scripts/rules.sh --prove   breaks the code by each tests/breaks/*.patch, one at a time; the test
#                              that the patch names must go red. A patch begins with two lines:
#                                  test: CTEST_NAME [CRITERION_FILTER]
#                                  why: what it breaks
set -euo pipefail
cd "$(dirname "$0")/.."

id='\(R-[A-Z]*-[0-9]*\|[UXPSK]-[0-9][0-9]*\)'

listed() { # ids with a line of their own: "- **R-CORE-2** ..."
	sed -n "s/^- \*\*$id\*\*.*/\1/p" docs/behaviour.md | sort
}

# Rows "ID TEST ASSERTIONS". A plain program names what it proves in a line "Proves: ID, ID".
used() {
	# shellcheck disable=SC2016  # the dollars are awk's
	git ls-files --cached --others --exclude-standard 'tests/*.c' | xargs awk '
	function ids(name, n,   rest, found) {
		rest = name
		while (match(rest, /(R_[A-Z]+_[0-9]+|(^|_)[UXPSK]_[0-9]+)/)) {
			found = substr(rest, RSTART, RLENGTH)
			rest = substr(rest, RSTART + RLENGTH)
			sub(/^_/, "", found)
			gsub(/_/, "-", found)
			print found, name, n
		}
	}
	FNR == 1 { inside = 0 }
	/^(Test|ParameterizedTest|Theory)\(/ {
		name = $0
		sub(/^[A-Za-z]*\(/, "", name); sub(/[,)][^,)]*$/, "&", name)
		split($0, part, /[(),][ ]*/)
		name = part[3] == "" ? part[2] : ($0 ~ /^Parameterized/ ? part[4] : part[3])
		inside = 1; n = 0
	}
	inside && /(cr_|expect|assert|oracle|check|must|play|sweep|judge|refuse|accept|run_|EXPECT|REFUSED|CHECK)[A-Za-z_0-9]*\(/ { n++ }
	inside && /^}/ { ids(name, n); inside = 0 }
	/Proves: / {
		text = $0; sub(/.*Proves: /, "", text)
		k = split(text, list, /[ ,.*\/]+/)
		for (i = 1; i <= k; i++) if (list[i] ~ /^[A-Z]+-/) print list[i], FILENAME, 1
	}' | sort
}

books() {
	local bad=0 rows row i
	rows=$(used)
	for i in $(listed | uniq -d); do
		echo "  $i: has more than one line in docs/behaviour.md"
		bad=1
	done
	for i in $(listed); do
		row=$(awk -v id="$i" '$1 == id { t++; n += $3 } END { print t + 0, n + 0 }' <<<"$rows")
		printf '%-12s %3d tests %4d assertions\n' "$i" "${row% *}" "${row#* }"
		if [ "${row% *}" = 0 ] || [ "${row#* }" = 0 ]; then
			echo "  $i: no test asserts it"
			bad=1
		fi
	done
	while read -r i; do
		listed | grep -qx -- "$i" || { echo "  $i: used in a test, no line in docs/behaviour.md"; bad=1; }
	done < <(awk '{ print $1 }' <<<"$rows" | sort -u)
	breaks_apply || bad=1
	echo "rules: $(listed | wc -l) ids, $(wc -l <<<"$rows") tests of them, $([ $bad = 0 ] && echo ok || echo FAILED)"
	return $bad
}

# A break of code that is not there any more would prove nothing.
breaks_apply() {
	local patch bad=0
	for patch in tests/breaks/*.patch; do
		patch -fsp1 --dry-run <"$patch" >/dev/null && continue
		echo "  $patch: does not apply to the code as it is"
		bad=1
	done
	return $bad
}

build_and_run() { # TREE TEST [FILTER]: 0 green, 1 red, 2 does not build; prove.log says more
	cmake --build "$1/build/dev" --target "$2" ollama openai gemini >"$1/prove.log" 2>&1 || return 2
	(cd "$1" && "build/dev/tests/$2" ${3:+--filter "$3"} --jobs 1) >"$1/prove.log" 2>&1 ||
		return 1
}

# A test that is red anyway would prove nothing.
unbroken() { # TREE
	local test filter bad=0
	while read -r test filter; do
		build_and_run "$1" "$test" "$filter" && continue
		echo "$test $filter: not green before anything is broken"
		tail -5 "$1/prove.log"
		bad=1
	done < <(sed -sn 's/^test: //p' tests/breaks/*.patch | sort -u)
	return $bad
}

prove_one() { # TREE PATCH
	local tree=$1 patch=$2 test filter rc=0
	read -r test filter < <(sed -n 's/^test: //p' "$patch" | head -1)
	patch -s -p1 -d "$tree" <"$patch" || { echo "$(basename "$patch"): does not apply"; return 1; }
	build_and_run "$tree" "$test" "$filter" || rc=$?
	case $rc in
	0) echo "$(basename "$patch"): $test stayed green"; rc=1 ;;
	1) echo "$(basename "$patch"): $test went red"; rc=0 ;;
	*) echo "$(basename "$patch"): does not build"; tail -5 "$tree/prove.log" ;;
	esac
	patch -s -R -p1 -d "$tree" <"$patch"
	return $rc
}

prove() {
	local tree=build/prove patch bad=0 n=0
	rm -rf "$tree" # objects of an older run may be newer than the files copied now
	mkdir -p "$tree"
	git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -pt "$tree"
	(cd "$tree" && cmake --preset dev >/dev/null)
	unbroken "$tree" || bad=1
	for patch in "$PWD"/tests/breaks/*.patch; do
		n=$((n + 1))
		prove_one "$tree" "$patch" || bad=1
	done
	echo "breaks: $n, $([ $bad = 0 ] && echo 'each turned its test red' || echo FAILED)"
	return $bad
}

case ${1:-} in
--prove) prove ;;
*) books ;;
esac
