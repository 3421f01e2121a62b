#!/usr/bin/env bash
# Are all C files laid out as .clang-format says?   --fix lays them out.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t files < <(git ls-files --cached --others --exclude-standard '*.c' '*.h')
if [ "${1:-}" = --fix ]; then
	clang-format -i "${files[@]}"
else
	clang-format --dry-run -Werror "${files[@]}"
	echo "format: ${#files[@]} files ok"
fi
