#!/bin/sh
# Every public header compiles alone and twice, pedantic.
# usage: tests/abi/alone.sh COMPILER LANGUAGE STANDARD   (from the root of the source)
set -eu
if ! "$1" -x "$2" -fsyntax-only /dev/null 2>/dev/null; then
	echo "alone: skipped, there is no $1 for $2 here"
	exit 77
fi
bad=0
n=0
for header in include/llm/*.h include/llm/abi/*.h include/llm/abi/ext/*.h; do
	name=${header#include/}
	n=$((n + 1))
	printf '#include "%s"\n#include "%s"\n' "$name" "$name" |
		"$1" -x "$2" "-std=$3" -pedantic-errors -Wall -Wextra -Werror -fsyntax-only \
			-I include - || { echo "alone: $name does not compile" >&2; bad=1; }
done
echo "alone: $n headers with $1 as $3"
exit "$bad"
