#!/bin/sh
# What a public header must not hold. Run it from the root of the source.
# usage: tests/abi/headers.sh [--prove]
#   --prove  plants each offence in a header and checks that it is found
#
# Everywhere: variadic functions, function-like macros, structs by value in calls,
# bool, long, time_t, off_t, FILE, va_list, enums as types, bit-fields, flexible
# arrays, bindings to another library's types. Bindings from other languages need
# the first three, the ABI the rest.
set -eu

# One finding per line: "rule: text". $1 is the header.
findings() {
	awk -f tests/abi/plain.awk "$1" >"$work/plain"
	grep -E '^[[:space:]]*#[[:space:]]*define[[:space:]]+[A-Za-z0-9_]+\(' "$work/plain" |
		sed 's/^/function-like macro: /' || true
	grep -v '^[[:space:]]*#' "$work/plain" | tr '\n\t' '  ' | sed 's/[;{}]/&\n/g' >"$work/code"
	rule 'variadic function' '\.\.\.'
	rule 'banned type' "(^|[^A-Za-z0-9_])($banned)([^A-Za-z0-9_]|\$)"
	rule 'enum as a type' '(^|[^A-Za-z0-9_])enum [A-Za-z_]'
	rule 'bit-field' '[A-Za-z0-9_] *: *[0-9]'
	rule 'flexible array' '\[ *\]'
	rule 'struct by value in a call' "[(,] *$value +$word *[,)]"
	rule 'struct by value in a call' "[(,] *$value *[,)]"
	rule 'struct returned by value' "(^|LLM_API|typedef) *$value +(\(|$word *\()"
}

rule() {
	grep -E "$2" "$work/code" | sed "s/^ */$1: /" || true
}

# Structs whose members are known somewhere; opaque ones cannot go by value anyway.
struct_names() {
	cat include/llm/*.h include/llm/abi/*.h include/llm/abi/ext/*.h | sed -n 's/^typedef struct \([a-z0-9_]*\) {.*/\1/p' |
		sort -u | paste -s -d '|'
}

check() {
	bad=0
	for header in include/llm/*.h include/llm/abi/*.h include/llm/abi/ext/*.h; do
		findings "$header" >"$work/found"
		[ -s "$work/found" ] || continue
		sed "s|^|$header: |" "$work/found" >&2
		bad=1
	done
	return "$bad"
}

planted() {
	printf '#include "llm/base.h"\n%s\n' "$2" >"$work/planted.h"
	findings "$work/planted.h" >"$work/found"
	if [ "$1" = clean ] && [ -s "$work/found" ]; then
		echo "headers: found something in clean text: $2" >&2
		exit 1
	elif [ "$1" != clean ] && ! grep -q "^$1: " "$work/found"; then
		echo "headers: did not find the planted $1: $2" >&2
		exit 1
	fi
	echo "headers: planted, $1: right"
}

prove() {
	planted clean '/* ... long bool */ int32_t llm_x(const llm_bytes *b, llm_usage **u);'
	planted clean 'typedef struct x { llm_bytes b; char name[64]; int32_t (*f)(void *p); } x;'
	planted 'variadic function' 'int32_t llm_x(const char *format, ...);'
	planted 'function-like macro' '#define LLM_X(a) (a)'
	planted 'banned type' 'int32_t llm_x(unsigned long n);'
	planted 'banned type' 'typedef struct x { bool yes; } x;'
	planted 'banned type' 'int32_t llm_x(FILE *out);'
	planted 'enum as a type' 'typedef struct x { enum llm_kind k; } x;'
	planted 'bit-field' 'typedef struct x { uint32_t yes : 1; } x;'
	planted 'flexible array' 'typedef struct x { uint32_t n; char text[]; } x;'
	planted 'struct by value in a call' 'int32_t llm_x(llm_bytes b);'
	planted 'struct by value in a call' 'int32_t (*f)(void *ctx, const llm_bytes text, int n);'
	planted 'struct by value in a call' 'int32_t llm_x(void *p, llm_bytes);'
	planted 'struct returned by value' 'LLM_API llm_bytes llm_x(void);'
	planted 'struct returned by value' 'llm_usage (*get)(void *ctx);'
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
banned='_Bool|bool|long|time_t|off_t|ssize_t|FILE|va_list|wchar_t|pthread_t|json_t|CURLM?'
banned="$banned|sqlite3|PGconn|config_t"
word='[A-Za-z_][A-Za-z0-9_]*'
value="(const )?(struct )?($(struct_names))"
if [ "${1:-}" = --prove ]; then
	prove
else
	check
	echo "headers: nothing banned in $(ls include/llm/*.h include/llm/abi/*.h include/llm/abi/ext/*.h | wc -l) headers"
fi
