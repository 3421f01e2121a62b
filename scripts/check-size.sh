#!/usr/bin/env bash
# check-size.sh [LIBRARY]: the longest functions and files; fails above the limits of 50 lines a
# function and 500 a file, and of 600 KiB for LIBRARY without its symbols.
set -euo pipefail
cd "$(dirname "$0")/.."
function_max=50
file_max=500
library_max=600
mapfile -t files < <(git ls-files --cached --others --exclude-standard '*.c' '*.h' '*.sh' '*.cmake')

lengths() {
	printf '%s\n' "${files[@]}" | grep '\.c$' | ctags -x --c-kinds=f --_xformat='%n %e %N %F' -L - |
		awk '{ print $2 - $1 + 1, $3, $4 }' | sort -rn
}

echo "longest functions:"
lengths | awk 'NR <= 5 { print "  " $0 }'
echo "longest files:"
wc -l -- "${files[@]}" | sort -rn | awk '$2 != "total" && n++ < 5 { print "  " $0 }'
bad=$(lengths | awk -v max=$function_max '$1 > max { print "  function of " $1 " lines: " $2 " (" $3 ")" }'
	wc -l -- "${files[@]}" | awk -v max=$file_max '$2 != "total" && $1 > max { print "  file of " $1 " lines: " $2 }')
if [ -n "$bad" ]; then
	echo "above the limits:"
	echo "$bad"
	exit 1
fi
if [ $# -gt 0 ]; then
	stripped=$(mktemp)
	trap 'rm -f "$stripped"' EXIT
	strip -o "$stripped" "$1"
	kib=$((($(stat -c %s "$stripped") + 1023) / 1024))
	echo "$1, stripped: $kib KiB"
	if [ $kib -gt $library_max ]; then
		echo "above the limit of $library_max KiB: build what no call waits for SMALL (CMakeLists.txt)"
		exit 1
	fi
fi
echo "size: ${#files[@]} files ok"
