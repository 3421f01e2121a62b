#!/usr/bin/env bash
# Builds libllm: scripts/build.sh [preset]   (dev, clang, release, asan, ubsan, tsan, cover, fuzz)
# Installs the Debian packages that are missing, and says so. Leaves build/PRESET/{bin,lib,plugins}.
# LLM_WITH_TESTS=1 builds the tests of the release preset too; LLM_BUILD_TARGET=T only target T.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}
# shellcheck source-path=SCRIPTDIR source=packages.sh
. scripts/packages.sh

# A configured tree configures itself again when a CMake file changes; the presets it cannot see.
is_configured() {
	local tree=build/$preset
	[ -f "$tree/build.ninja" ] && [ "$tree/build.ninja" -nt CMakePresets.json ] &&
		grep -q "^LLM_TESTS:BOOL=$tests\$" "$tree/CMakeCache.txt"
}

groups=(build)
tests=ON
case $preset in
clang | fuzz) groups+=(clang test) ;;
release) if [ -n "${LLM_WITH_TESTS:-}" ]; then groups+=(test); else tests=OFF; fi ;;
dev | asan | ubsan | tsan | cover) groups+=(test) ;;
*)
	echo "build.sh: no preset is called \"$preset\"" >&2
	echo "one of: dev clang release asan ubsan tsan cover fuzz" >&2
	exit 2
	;;
esac
need_packages "${groups[@]}"
is_configured || cmake --preset "$preset" -DLLM_TESTS=$tests >/dev/null
cmake --build --preset "$preset" -j "$(nproc)" ${LLM_BUILD_TARGET:+--target "$LLM_BUILD_TARGET"}
echo "built: build/$preset/lib/libllm.so, build/$preset/bin/{llmctl,llmsim}, build/$preset/plugins/*.so"
