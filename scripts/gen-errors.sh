#!/usr/bin/env bash
# Prints docs/errors.md from the table in the library: scripts/gen-errors.sh >docs/errors.md
# The library is that of build/release; another build folder may be given.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$PWD/${1:-build/release}
[ -z "${1:-}" ] || build=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat <<'EOF'
# Errors

Every failure of a call has one of these codes: `err.code` in C, `error.code` with `llmctl --json`. This
page is printed by `scripts/gen-errors.sh` from the table that the library decides by; a program reads
the same table with `llm_error_info_at()`, a person with `llmctl errors [CODE]`.

- **class**: what you can do. `call`: change the request. `account`: a person must act. `wait`: the same
  later. `elsewhere`: again, or another candidate. `content`: show it to the user. `local`: see the text.
- **again**: may the same candidate be asked again? **elsewhere**: may another one be asked? "Before
  output" is: as long as nothing has reached the caller.
- **exit**: the status of `llmctl`. A run that Ctrl-C cancelled exits with 130 instead.

An `llm_err` also says in which phase it happened, who failed, whether content was delivered
(`delivered`), whether the provider may have received and billed the request (`sent`), the HTTP status,
the provider's own code and request id, and how long the server asked to wait.

EOF
cc -Iinclude examples/errors.c -L"$build/lib" -lllm -Wl,-rpath,"$build/lib" -o "$work/errors"
"$work/errors"
