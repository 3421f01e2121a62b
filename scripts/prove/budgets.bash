# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by sharing.sh: two processes, or machines, and one budget.

prove_budget_on() { # NAME [STORAGE]
	local rounds=100 kills=100 out
	[ -z "$slice" ] || { rounds=5 kills=10; }
	out=$("$dev/tests/prove_budget" race $rounds ${2:+"$2"} 2>&1 | tail -1)
	[[ $out != SKIP* ]] || { echo "$out"; return; }
	[[ $out =~ at\ most\ ([0-9]+)\ admitted,\ ([0-9]+)\ ended\ otherwise,\ ([0-9]+)\ rounds ]]
	row "K-20: budget for 10, 200 at once, 2 processes, $1" "<= 10 admitted" "${BASH_REMATCH[1]:-$out}" "$rounds rounds" \
		"$(within "${BASH_REMATCH[1]:-}" 10; echo $?)"
	row "K-20: sums that are not those of the runs, $1" "0" "${BASH_REMATCH[3]:-$out}" "$rounds rounds" \
		"$([ "${BASH_REMATCH[*]:2:2}" = "0 0" ]; echo $?)"
	out=$("$dev/tests/prove_budget" kills $kills ${2:+"$2"} 2>&1 | tail -1)
	[[ $out =~ ([0-9]+)\ runs\ cut,\ [0-9]+\ dollars\ spent,\ ([0-9]+)\ wrong\ sums,\ ([0-9]+)\ times ]]
	row "budget under SIGKILL: wrong sums, held behind reaping, $1" "0" "${BASH_REMATCH[*]:2:2}" \
		"${BASH_REMATCH[1]:-0} runs cut" "$([ "${BASH_REMATCH[*]:2:2}" = "0 0" ] && [ "${BASH_REMATCH[1]}" -gt 0 ]; echo $?)"
}

prove_budgets() {
	prove_budget_on SQLite
	prove_budget_on PostgreSQL postgres
	prove_budget_on "2 machines" machines
}
