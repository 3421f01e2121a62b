#!/usr/bin/env bash
# Prints docs/errors.md: the table in the library, and what the plugins' tables make of the
# fixtures.   scripts/gen-errors.sh [BUILD] [--check] >docs/errors.md
#   BUILD     a build with tests; build/dev
#   --check   prints how the page differs, and fails if it does
set -euo pipefail
cd "$(dirname "$0")/.."
build=$(realpath "${1:-build/dev}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

page() {
	cat <<'EOF'
# Errors

Every failure of a call has one of these codes: `err.code` in C, `error.code` with `llmctl --json`. This
page is printed by `scripts/gen-errors.sh` from the table that the library decides by; a program reads
the same table with `llm_error_info_at()`, a person with `llmctl errors [CODE]`.

- **class**: what you can do. `call`: change the request. `account`: a person must act. `wait`: the same
  later. `elsewhere`: again, or another candidate. `content`: show it to the user. `local`: see the text.
- **again**: may the same candidate be asked again? **elsewhere**: may another one be asked? "Before
  output" is: as long as nothing has reached the caller.
- **health**: what it says of the candidate: nothing, a failure, or that it is out for a while.
- **exit**: the status of `llmctl`. A run that Ctrl-C cancelled exits with 130 instead.

An `llm_err` also says in which phase it happened, who failed, whether content was delivered
(`delivered`), whether the provider may have received and billed the request (`sent`), the HTTP status,
the provider's own code and request id, and how long the server asked to wait.

EOF
	"$work/errors"
	cat <<'EOF'

## What a provider says, and what it is

A plugin reports what the provider said: a code, a type, a text. The core turns that into one of the codes
above by the plugin's table: first the rows on code and type, then those on words of the text, then the
status. Words only refine a 4xx, or stand with the one 5xx that a provider is known to misuse. The last
column names exchanges in `tests/fixtures`, or the test that has the body.
EOF
	"$build/tests/prove_errors"
}

cc -Iinclude examples/errors.c -L"$build/lib" -lllm -Wl,-rpath,"$build/lib" -o "$work/errors"
page >"$work/page"
if [ "${2:-}" != --check ]; then
	cat "$work/page"
elif ! diff -u docs/errors.md "$work/page"; then
	echo "write it anew: scripts/gen-errors.sh >docs/errors.md"
	exit 1
fi
