#!/usr/bin/env bash
# What crosses the boundary, looked at from outside: exported symbols, purity of plugins, and the
# shape of the ABI beside the kept one.   scripts/check-abi.sh BUILD_DIR [--accept]
# Until 1.0 the kept shape is a mirror: a difference is shown and asks for a CHANGELOG line.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/release}
kept=tests/abi/baseline
rc=0

exported() {
	nm -D --defined-only "$1" | awk '{ sub(/@.*/, "", $3); print $3 }' | sort
}

for so in "$build"/plugins/*.so; do
	[ "$(exported "$so")" = llm_plugin_v1 ] || { echo "abi: $so exports more than llm_plugin_v1"; rc=1; }
done
strangers=$(exported "$build/lib/libllm.so" | grep -v '^llm_\|^LLM_' || true)
[ -z "$strangers" ] || { echo "abi: libllm.so exports $strangers"; rc=1; }

mkdir -p "$kept"
if [ "${2:-}" = --accept ]; then
	exported "$build/lib/libllm.so" >"$kept/symbols"
	cat include/llm/*.h include/llm/abi/*.h include/llm/abi/ext/*.h | sed -n '/^typedef struct/,/^}/p' >"$kept/structs"
	echo "abi: baseline written; say what changed in CHANGELOG.md under 'plugin ABI' or 'API'"
	exit 0
fi
if ! diff <(exported "$build/lib/libllm.so") "$kept/symbols" ||
	! diff <(cat include/llm/*.h include/llm/abi/*.h include/llm/abi/ext/*.h | sed -n '/^typedef struct/,/^}/p') "$kept/structs"; then
	echo "abi: differs from $kept (shown above): cmake --build --preset dev --target abi-accept"
	rc=1
fi
shopt -s extglob nullglob
storage=("$build"/plugins/@(sqlite|postgres).so)
scripts/lint-plugin.sh "$build"/plugins/!(sqlite|postgres).so || rc=1
[ "${#storage[@]}" = 0 ] || scripts/lint-plugin.sh --storage "${storage[@]}" || rc=1
[ $rc = 0 ] && echo "abi: ok"
exit $rc
