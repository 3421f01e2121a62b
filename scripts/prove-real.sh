# shellcheck shell=bash disable=SC2154
# Sourced by prove.sh, whose `row` and $dev it uses: rows that need something which is not ours.
# What cannot be had is a line SKIP with the reason, and no row.

prove_real_model() {
	local out n sha
	out=$("$dev/tests/functional_real_model" --jobs 1 2>&1)
	local rc=$?
	grep '^SKIP' <<<"$out" && return
	n=$(sed -n 's/.*Tested: \([0-9]*\).*/\1/p' <<<"$out")
	sha=$(sha256sum "$(scripts/model.sh path)" | cut -c1-64)
	row "real model" ">= 9 checks, 0 failed" "llama.cpp, SmolLM2-135M-Instruct" "${n:-0} checks" \
		"$([ $rc = 0 ] && [ "${n:-0}" -ge 9 ]; echo $?)"
	echo "  model file SHA-256 $sha"
}

prove_clients() {
	local out client action n=0
	out=$(tests/clients/run.sh "$dev/bin/llmsim" 2>&1)
	local rc=$?
	grep '^SKIP' <<<"$out" && return
	for client in openai google-genai ollama; do
		for action in chat stream tool models; do
			! grep -q "^$client $action ok$" <<<"$out" || n=$((n + 1))
		done
	done
	row "official clients" "3 clients x 4 actions" \
		"$(scripts/clients.sh list | tr ' ' - | xargs)" "$n actions" \
		"$([ $rc = 0 ] && [ $n = 12 ]; echo $?)"
}

prove_real_services() {
	local out n
	out=$("$dev/tests/functional_real_services" --jobs 1 2>&1)
	local rc=$?
	grep '^SKIP' <<<"$out"
	n=$(sed -n 's/.*Tested: \([0-9]*\).*/\1/p' <<<"$out")
	[ $rc = 0 ] && [ "${n:-0}" = 0 ] && return
	row "real services" "chat, stream, models" "$(tail -n 1 <<<"$out" | cut -c8-41)" \
		"${n:-0} services" $rc
}
