#!/usr/bin/env bash
# What can be checked of documentation: every public function, struct and enum has a comment, every
# exported symbol is in a header, every folder has a README, links between pages lead somewhere, every
# time-out is explained, and README.md has at most 150 lines.   scripts/check-docs.sh [BUILD_DIR]
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/release}
bad=0

offence() {
	echo "docs: $*" >&2
	bad=1
}

pages() {
	git ls-files --cached --others --exclude-standard "$@" | while read -r file; do
		[ ! -e "$file" ] || echo "$file"
	done
}

# A declaration is documented by a comment anywhere above it in its group; an empty line ends a
# group. Structs may have theirs at the members.
comments() {
	awk '
	function judge() {
		if (want != "" && !said)
			print FILENAME ":" at ": " want " has no comment"
		want = ""
	}
	FNR == 1 { judge(); said = open = inside = 0 }
	/^$/ && !open && !inside { judge(); said = 0 }
	/\/\*/ { said = 1 }
	/\/\*/ && !/\*\// { inside = 1 }
	inside { if (/\*\//) inside = 0; next }
	/^LLM_API .*llm_[a-z0-9_]+\(/ {
		judge()
		match($0, /llm_[a-z0-9_]+\(/)
		want = substr($0, RSTART, RLENGTH - 1); at = FNR; n++
		judge()
	}
	/^(typedef struct llm_[a-z_]+|enum) \{/ {
		judge()
		want = $1 == "enum" ? "this enum" : $3; at = FNR; open = !/\}/; n++
	}
	/^\}/ { open = 0; judge() }
	END { judge(); print n " declarations" }
	' include/llm/*.h include/llm/abi/*.h include/llm/abi/ext/*.h
}

exported() {
	nm -D --defined-only "$build/lib/libllm.so" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }'
}

check_symbols() {
	local found symbol n=0
	found=$(comments)
	if grep ' has no comment' <<<"$found" >&2; then bad=1; fi
	for symbol in $(exported); do
		n=$((n + 1))
		grep -q "^LLM_API .*\b$symbol(" include/llm/*.h || offence "$symbol is in no header"
	done
	[ "$n" -gt 0 ] || offence "$build/lib/libllm.so exports nothing"
	echo "docs: $(tail -1 <<<"$found") with a comment, $n exported functions in the headers"
}

folders() {
	local path
	while read -r path; do
		while [ "$path" != "${path%/*}" ]; do
			path=${path%/*}
			echo "$path"
		done
	done < <(pages) | sort -u
}

# Some folders are described by the README above them.
check_folders() {
	local folder n=0
	while read -r folder; do
		case $folder in
		.ci | docs/providers | tests/breaks) continue ;;
		tests/fixtures/* | tests/golden* | tests/fuzz/corpus*) continue ;;
		esac
		n=$((n + 1))
		[ -f "$folder/README.md" ] || offence "$folder has no README.md"
	done < <(folders)
	echo "docs: $n folders with a README"
}

check_links() {
	local page target n=0
	while read -r page; do
		while read -r target; do
			n=$((n + 1))
			[ -e "$(dirname "$page")/${target%%#*}" ] || offence "$page links to $target"
		done < <(grep -o '](\([^)]*\))' "$page" | sed 's/^](//; s/)$//' |
			grep -v '^\(https\?:\|#\)' || true)
	done < <(pages '*.md')
	echo "docs: $n links between pages"
}

# The keys of configuration.md under "Top level" that are times.
times() {
	sed -n '/^## Top level/,/^## [^T]/p' docs/configuration.md |
		sed -n "s/^| \`\([a-z_]*\)\` | duration .*/\1/p"
}

# The table of docs/time-outs.md: what stands in its column "the setting" are keys, each time is there.
check_times() {
	local page=docs/time-outs.md key n=0 column
	column=$(awk -F '|' '/^\| / && NF == 7 { print $5 }' "$page" | grep -o "\`[^\`]*\`" | tr -d "\`")
	for key in $column; do
		grep -q "^| \`\(providers\.NAME\.\)\?$key\` " docs/configuration.md ||
			offence "$page names $key, which is no key of docs/configuration.md"
	done
	for key in $(times); do
		n=$((n + 1))
		grep -q "^$key\$" <<<"$column" ||
			offence "$page does not say when $key is the one"
	done
	[ "$n" -ge 10 ] || offence "docs/configuration.md has no times at its top level"
	echo "docs: $n times, each with what is seen of it"
}

check_symbols
check_folders
check_links
check_times
[ "$(wc -l <README.md)" -le 150 ] || offence "README.md has more than 150 lines"
exit $bad
