#!/bin/sh
# Every member of every struct of the ABI headers has its row in ledger*.c, and the
# other way round. Run it from the root of the source.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# "type.member" per member: a declaration ends at its semicolon, and its name is in
# "(*name)" or is the last word in front of an array's bracket.
members() {
	awk -f tests/abi/plain.awk "$1" | tr '\n\t' '  ' | sed 's/typedef struct/\n&/g' |
		sed -n 's/^typedef struct \([a-z0-9_]*\) *{\([^}]*\)}.*/\1;\2/p' |
		awk -F';' '{
			for (i = 2; i < NF; i++) {
				name = $i
				if (name ~ /\(\*/) {
					sub(/\).*/, "", name)
					sub(/.*\(\*/, "", name)
				} else {
					sub(/\[.*/, "", name)
					sub(/ *$/, "", name)
					sub(/.*[ *]/, "", name)
				}
				print $1 "." name
			}
		}'
}

for header in include/llm/base.h include/llm/rows.h include/llm/abi/*.h include/llm/abi/ext/*.h; do
	members "$header"
done | sort >"$work/headers"
sed -n 's/^AT(\([a-z0-9_]*\), \([a-z0-9_]*\),.*/\1.\2/p' tests/abi/ledger*.c | sort >"$work/ledger"
if ! diff "$work/headers" "$work/ledger"; then
	echo "ledger: < is in the headers only, > in tests/abi/ledger*.c only" >&2
	exit 1
fi
echo "ledger: $(wc -l <"$work/ledger") members, each with its row"
