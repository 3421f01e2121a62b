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
core-parent-include|core host plugins apps persistence|^$|^[[:space:]]*#[[:space:]]*include[[:space:]]*"\.\./
curl-outside-net|core host plugins apps include|^core/net/|(^[[:space:]]*#[[:space:]]*include[[:space:]]*<curl/)|(\bcurl_[a-z]+_[a-z_]+[[:space:]]*\()
libconfig-outside-conf|core host plugins apps include|^core/conf/|^[[:space:]]*#[[:space:]]*include[[:space:]]*<libconfig
jansson-outside-jsonio|core plugins include|^core/wire/jsonio\.|^[[:space:]]*#[[:space:]]*include[[:space:]]*<jansson
openssl-outside-hash|core plugins apps include|^core/base/hash\.c|^[[:space:]]*#[[:space:]]*include[[:space:]]*<openssl
dlopen-outside-load|core host plugins apps persistence|^core/plugin/load\.c|\b(dlopen|dlmopen|dlsym)[[:space:]]*\(
malloc-outside-alloc|core host plugins persistence|^core/base/alloc\.c|\b(malloc|calloc|realloc|strdup|strndup|asprintf)[[:space:]]*\(
locale-number|core host plugins apps persistence|^core/wire/num\.c|\b(strtod|strtof|strtold|atof|atoi|atol|strtod_l)[[:space:]]*\(
locale-printf|core host plugins apps persistence|^core/wire/num\.c|printf[[:space:]]*\([^;]*%[-+ #0-9.*]*[efgEFG][^a-zA-Z]
locale-ctype|core host plugins apps persistence|^$|\b(isalpha|isdigit|isalnum|isspace|isupper|islower|isxdigit|ispunct|isprint|tolower|toupper)[[:space:]]*\(
unbounded-string|core host plugins apps persistence|^$|\b(strcpy|strcat|sprintf|vsprintf|strtok|gets|alloca)[[:space:]]*\(
process-wide|core host plugins persistence|^$|\b(system|setlocale|signal|sigaction|popen|putenv|setenv)[[:space:]]*\(
stdout|core host plugins persistence|^$|\b(printf|puts|putchar|perror)[[:space:]]*\(|\b(stdout|stderr)\b
other-kind-in-provider|plugins/providers|^$|abi/(policy|storage)\.h|llm_(policy|storage)_
core-in-outsiders|plugins apps examples|^plugins/kit/|^[[:space:]]*#[[:space:]]*include[[:space:]]*"(base|plugin|net|conf|route|run|api)/
core-in-bench|bench|^bench/plan\.c|^[[:space:]]*#[[:space:]]*include[[:space:]]*"(base|plugin|net|conf|route|run|api)/
core-in-guests|host persistence|^$|^[[:space:]]*#[[:space:]]*include[[:space:]]*"(base|wire|plugin|net|conf|route|store|run|api)/
other-kind-in-storage|persistence|^$|abi/(policy|provider|wire)\.h|llm_(policy|provider)_
other-kind-in-host|host|^$|abi/(policy|provider|wire)\.h|llm_(policy|provider)_
database-outside-persistence|core host plugins apps|^$|^[[:space:]]*#[[:space:]]*include[[:space:]]*<(sqlite3(ext)?|libpq-fe)\.h|\bsqlite3_[a-z]|\bPQ[a-z]+[[:space:]]*\(
transaction-control|core plugins apps persistence|^persistence/[a-z]+/own\.c|"(BEGIN|COMMIT|ROLLBACK)("|;| (IMMEDIATE|EXCLUSIVE|DEFERRED|TRANSACTION|WORK))
sql-by-formatting|core host plugins apps persistence|^$|(printf|buf_add[a-z_]*)[[:space:]]*\([^;]*"[^"]*\b(SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|PRAGMA|VALUES|WHERE)\b
sql-for-one-server|persistence|^$|\b(nextval|currval|lastval|setval)\b|\bpg_(try_)?advisory|\bCREATE (OR REPLACE )?(SEQUENCE|TRIGGER|FUNCTION|PROCEDURE)\b|\b(BIG|SMALL)?SERIAL\b|\bplpgsql\b
sql-by-sqlite-printf|core host plugins apps persistence|^$|\bsqlite3_(v?mprintf|v?snprintf|str_[a-z]+|get_table)\b
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
	core-in-guests) echo host/x.c '#include "base/buf.h"' ;;
	other-kind-in-storage) echo persistence/x/x.c '#include "llm/abi/provider.h"' ;;
	other-kind-in-host) echo host/x.c '#include "llm/abi/provider.h"' ;;
	database-outside-persistence) echo core/store/x.c 'void f(void) { sqlite3_open("x", 0); }' ;;
	transaction-control) echo persistence/sqlite/x.c 'const char *f = "BEGIN IMMEDIATE";' ;;
	sql-by-formatting) echo persistence/sqlite/x.c 'void f(void) { snprintf(b, 9, "SELECT %s", x); }' ;;
	sql-for-one-server) echo persistence/postgres/x.c 'const char *f = "SELECT nextval(1)";' ;;
	sql-by-sqlite-printf) echo persistence/sqlite/x.c 'char *f(void) { return sqlite3_mprintf("%q", x); }' ;;
	core-in-outsiders) echo apps/x/x.c '#include "run/call.h"' ;;
	core-in-bench) echo bench/x.c '#include "run/call.h"' ;;
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
