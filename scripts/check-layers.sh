#!/usr/bin/env bash
# The layer rule and the banned calls, as far as a compiler cannot see them.
#   scripts/check-layers.sh           checks the tree
#   scripts/check-layers.sh --prove   plants one offence per rule and checks that each is found
# Each rule is a row: name | files it looks at | files it lets pass | pattern that offends.
set -euo pipefail
cd "$(dirname "$0")/.."

rules() {
	cat <<'RULES'
parent-include|core host plugins apps persistence include tests/modules|^$|^[[:space:]]*#[[:space:]]*include[[:space:]]*"\.\./\.\.
core-parent-include|core plugins apps|^$|^[[:space:]]*#[[:space:]]*include[[:space:]]*"\.\./
curl-outside-net|core host plugins apps include|^core/net/|(^[[:space:]]*#[[:space:]]*include[[:space:]]*<curl/)|(\bcurl_[a-z]+_[a-z_]+[[:space:]]*\()
libconfig-outside-conf|core host plugins apps include|^core/conf/|^[[:space:]]*#[[:space:]]*include[[:space:]]*<libconfig
jansson-outside-jsonio|core plugins include|^core/wire/jsonio\.|^[[:space:]]*#[[:space:]]*include[[:space:]]*<jansson
openssl-outside-hash|core plugins apps include|^core/base/hash\.c|^[[:space:]]*#[[:space:]]*include[[:space:]]*<openssl
dlopen-outside-load|core host plugins apps|^core/plugin/load\.c|\b(dlopen|dlmopen|dlsym)[[:space:]]*\(
malloc-outside-alloc|core host plugins|^core/base/alloc\.c|\b(malloc|calloc|realloc|strdup|strndup|asprintf)[[:space:]]*\(
locale-number|core host plugins apps|^core/wire/num\.c|\b(strtod|strtof|strtold|atof|atoi|atol|strtod_l)[[:space:]]*\(
locale-printf|core host plugins apps|^core/wire/num\.c|printf[[:space:]]*\([^;]*%[-+ #0-9.*]*[efgEFG][^a-zA-Z]
locale-ctype|core host plugins apps|^$|\b(isalpha|isdigit|isalnum|isspace|isupper|islower|isxdigit|ispunct|isprint|tolower|toupper)[[:space:]]*\(
unbounded-string|core host plugins apps|^$|\b(strcpy|strcat|sprintf|vsprintf|strtok|gets|alloca)[[:space:]]*\(
process-wide|core host plugins|^$|\b(system|setlocale|signal|sigaction|popen|putenv|setenv)[[:space:]]*\(
stdout|core host plugins|^$|\b(printf|puts|putchar|perror)[[:space:]]*\(|\b(stdout|stderr)\b
other-kind-in-provider|plugins/providers|^$|abi/(policy|storage)\.h|llm_(policy|storage)_
core-in-outsiders|plugins apps examples bench|^plugins/kit/|^[[:space:]]*#[[:space:]]*include[[:space:]]*"(base|plugin|net|conf|route|run|api)/
RULES
}

# Comments and the insides of strings cannot offend; what is left keeps its line number.
strip() {
	sed -e 's://.*$::' -e 's:/\*[^*]*\*/::g' -e 's:^[[:space:]]*\*.*$::' -e 's:^[[:space:]]*/\*.*$::' "$1"
}

check_tree() {
	local root=$1 name dirs pass pattern file hits bad=0 looked=0
	while IFS='|' read -r name dirs pass pattern; do
		for file in $(cd "$root" && for d in $dirs; do [ -d "$d" ] && find "$d" -name '*.[ch]'; done); do
			[[ $pass != '^$' && $file =~ $pass ]] && continue
			looked=$((looked + 1))
			hits=$(strip "$root/$file" | grep -nE "$pattern" | sed "s#^#$name: $file:#" || true)
			if [ -n "$hits" ]; then
				echo "$hits"
				bad=1
			fi
		done
	done < <(rules)
	echo "layers: $(rules | wc -l) rules, $looked looks, $([ $bad = 0 ] && echo ok || echo FAILED)"
	return $bad
}

plant() {
	case $1 in
	parent-include) echo core/wire/x.c '#include "../../apps/a.h"' ;;
	core-parent-include) echo core/wire/x.c '#include "../run/a.h"' ;;
	curl-outside-net) echo core/run/x.c '#include <curl/curl.h>' ;;
	libconfig-outside-conf) echo core/run/x.c '#include <libconfig.h>' ;;
	jansson-outside-jsonio) echo plugins/providers/x/x.c '#include <jansson.h>' ;;
	openssl-outside-hash) echo core/run/x.c '#include <openssl/evp.h>' ;;
	dlopen-outside-load) echo core/run/x.c 'void *f(void) { return dlopen("x", 1); }' ;;
	malloc-outside-alloc) echo core/run/x.c 'void *f(void) { return malloc(1); }' ;;
	locale-number) echo core/run/x.c 'double f(void) { return strtod("1", 0); }' ;;
	locale-printf) echo core/run/x.c 'void f(void) { snprintf(b, 9, "%.2f ", 1.0); }' ;;
	locale-ctype) echo core/run/x.c 'int f(int c) { return isalpha(c); }' ;;
	unbounded-string) echo core/run/x.c 'void f(char *d) { strcpy(d, "x"); }' ;;
	process-wide) echo core/run/x.c 'void f(void) { setlocale(1, ""); }' ;;
	stdout) echo core/run/x.c 'void f(void) { puts("x"); }' ;;
	other-kind-in-provider) echo plugins/providers/x/x.c '#include <llm/abi/policy.h>' ;;
	core-in-outsiders) echo apps/x/x.c '#include "run/call.h"' ;;
	esac
}

prove() {
	local name rest dir file line found missed=0
	while IFS='|' read -r name rest; do
		dir=$(mktemp -d)
		read -r file line <<<"$(plant "$name")"
		mkdir -p "$dir/$(dirname "$file")"
		echo "$line" >"$dir/$file"
		found=$(check_tree "$dir" 2>/dev/null || true)
		if grep -q "^$name: " <<<"$found"; then
			echo "planted $name: found"
		else
			echo "planted $name: MISSED"
			missed=1
		fi
		rm -r "$dir"
	done < <(rules)
	return $missed
}

case ${1:-} in
--prove) prove ;;
*) check_tree . ;;
esac
