#!/usr/bin/env bash
# The longest functions and files; fails above the limits: 50 lines a function, 500 a file.
set -euo pipefail
cd "$(dirname "$0")/.."
function_max=50
file_max=500
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
echo "size: ${#files[@]} files ok"
