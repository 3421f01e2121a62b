# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by prove.sh: any model. Every byte at which an answer can end, every member of every fixture,
# official clients and a real model, and what the library costs over bare libcurl.

# U-04: three wires, stream and whole, reset and end, 2048 offsets each; alone, so that
# nothing hides what a cut does. What a second candidate makes of it is scripts/prove.sh guardrails.
prove_cuts() {
	local out runs wrong ms
	out=$("$dev/tests/prove_cut" 2>build/prove-cut.log | tail -1)
	read -r _ runs _ _ _ _ wrong _ ms _ <<<"${out//,/}"
	row "ended at each byte of 2 KiB" "24576, 0 wrong, <= 60 s" \
		"${wrong:-?} wrong, $(awk "BEGIN { printf \"%.1f\", ${ms:-0} / 1000 }") s" "${runs:-0} runs" \
		"$([ "${runs:-0}" = 24576 ] && [ "$wrong" = 0 ] && within "$ms" 60000; echo $?)"
}

# U-07: each byte in a packet of its own. Waking up for it costs bare libcurl as well many times what
# one block costs, so libcurl is what the library is held against.
prove_drip() {
	local out ratio growth block bare
	out=$("$dev/tests/prove_drip" 2>&1)
	local rc=$?
	read -r ratio growth block bare < <(sed -n \
		's/^drip: \([0-9.]*\) times.* \([0-9.]*\) growth, \([0-9.]*\) times.*libcurl.s \([0-9.]*\)$/\1 \2 \3 \4/p' <<<"$out")
	row "a byte a packet: CPU beside libcurl's" "< 2x" "${ratio:-none}x, of one block ${block:-?}x (libcurl ${bare:-?}x)" \
		"3 wires" "$([ $rc = 0 ] && [ -n "$ratio" ]; echo $?)"
	row "a byte a packet: growth along an event of 32 KB" "< 1.5x a byte" "${growth:-none}x" "3 wires" \
		"$([ $rc = 0 ] && [ -n "$growth" ]; echo $?)"
}

prove_members() {
	local out n
	out=$("$dev/tests/contract_provider_members" --jobs 1 2>&1)
	n=$(sed -n 's/.*fields accounted for: \([0-9]* of [0-9]*\).*/\1/p' <<<"$out" | tail -1)
	row "members of all fixtures" "all accounted for" "${n:-none}" "${n##* } members" \
		"$([ -n "$n" ] && [ "${n% of *}" = "${n#* of }" ] && grep -q 'Failing: 0 | Crashing: 0' <<<"$out"; echo $?)"
}

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

prove() {
	prove_cuts
	prove_drip
	prove_members
	prove_clients
	prove_real_model
	prove_real_services
	[ -n "$slice" ] || bench_rows W1 W2 W4 W5 W6 W7 W12 size
}
