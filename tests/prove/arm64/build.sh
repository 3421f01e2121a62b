#!/usr/bin/env bash
# The plans of 1,000 snapshots on another kind of processor: builds bytes.c for arm64, runs it
# under qemu-user and prints the SHA-256 of what it writes.   tests/prove/arm64/build.sh FOLDER
# Exit status 77: the compiler or qemu is not there (gcc-aarch64-linux-gnu, libc6-dev-arm64-cross,
# qemu-user).
set -euo pipefail
cd "$(dirname "$0")/../../.."
out=${1:?a folder for the program}
cc=aarch64-linux-gnu-gcc
command -v $cc >/dev/null && command -v qemu-aarch64 >/dev/null || exit 77
mkdir -p "$out"
flags=(-std=c17 -O2 -D_GNU_SOURCE -Icore -Iinclude -Itests -Iplugins)
objects=()
compile() { # NAME FILE [FLAG...]
	$cc "${flags[@]}" "${@:3}" -c -o "$out/$1.o" "$2"
	objects+=("$out/$1.o")
}
for policy in ordered weighted least_busy latency cost affinity; do
	compile "policy_$policy" plugins/policies/$policy/plugin.c -Dllm_plugin_v1=entry_$policy
done
for file in core/route/{snapshot,snapcode,rank,caps} core/base/{alloc,buf,err,text} core/wire/num \
	plugins/kit/policy tests/support/snaps tests/prove/arm64/bytes; do
	compile "$(tr / _ <<<"$file")" "$file.c"
done
$cc -static -o "$out/bytes" "${objects[@]}" -lm
qemu-aarch64 "$out/bytes" | sha256sum | cut -c1-64
