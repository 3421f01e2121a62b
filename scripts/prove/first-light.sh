# shellcheck shell=bash disable=SC2154
# Sourced by prove.sh: the first light. Start-up, cancels, failing memory, a real model, planted offences.
runs=1000
[ -z "$slice" ] || runs=50

now_us() {
	local t=${EPOCHREALTIME/[.,]/}
	echo "$t"
}

median_us() { # RUNS COMMAND... : the median of whole runs, output thrown away
	local n=$1 i t
	shift
	for ((i = 0; i < n; i++)); do
		t=$(now_us)
		"$@" >/dev/null 2>&1
		echo $(($(now_us) - t))
	done | sort -n | sed -n "$((n / 2 + 1))p"
}

start_sim() {
	coproc SIM { exec "$release/bin/llmsim" --port 0 --exit-with-parent --max-seconds 3000; }
	read -r line <&"${SIM[0]}"
	sim_url=${line##* }
	sim_pid=${SIM_PID:?}
}

stop_sim() {
	kill "$sim_pid" 2>/dev/null
	wait "$sim_pid" 2>/dev/null
}

prove_speed() {
	local us first
	us=$(median_us 51 "$release/bin/llmctl" --help)
	row "llmctl --help" "<= 5 ms" "$(awk "BEGIN { printf \"%.2f\", $us / 1000 }") ms, median" "51 runs" \
		"$(within "$us" 5000; echo $?)"
	start_sim
	first=$(for ((i = 0; i < 51; i++)); do
		t=$(now_us)
		OLLAMA_HOST=$sim_url XDG_CONFIG_HOME=/nonexistent "$release/bin/llmctl" ask -m ollama/sim-small hi |
			{ IFS= read -r -N 1 _; echo $(($(now_us) - t)); cat >/dev/null; }
	done | sort -n | sed -n 26p)
	row "ask: start to first byte" "<= 30 ms" "$(awk "BEGIN { printf \"%.2f\", $first / 1000 }") ms, median" \
		"51 runs" "$(within "$first" 30000; echo $?)"
	stop_sim
}

# `resolve` needs a name server that hears and never answers: in namespaces of its own.
cancel_row() {
	local phase=$1 out p99
	if [ "$phase" = resolve ]; then
		local conf
		conf=$(mktemp)
		printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n' >"$conf"
		out=$(unshare -mn sh -c "ip link set lo up && mount --bind $conf /etc/resolv.conf &&
			$dev/tests/prove_cancel resolve $runs" 2>&1)
		rm "$conf"
	else
		out=$("$dev/tests/prove_cancel" "$phase" $runs 2>&1)
	fi
	p99=$(awk 'END { print $4 }' <<<"$out")
	if [[ $p99 =~ ^[0-9]+$ ]]; then
		row "cancel: $phase" "p99 <= 100 ms" "p99 $(awk "BEGIN { printf \"%.2f\", $p99 / 1000 }") ms" \
			"$runs runs" "$(within "$p99" 100000; echo $?)"
	else
		row "cancel: $phase" "p99 <= 100 ms" "did not run: $(tail -1 <<<"$out" | cut -c1-60)" 0 1
	fi
}

alloc_row() {
	local layer=$1 out points wrong floor
	out=$("$dev/tests/prove_alloc" "$layer" 2>/dev/null | tail -1)
	read -r _ points wrong <<<"$out"
	floor=$(awk -v l="$layer" '$1 == l { print $2 }' tests/prove/alloc.floor)
	row "allocation failures: $layer" ">= $floor points, 0 wrong" "${points:-none} points, ${wrong:-?} wrong" \
		"2 x ${points:-0} plays" \
		"$([ -n "${points:-}" ] && [ "$points" -ge "$floor" ] && [ "$wrong" = 0 ]; echo $?)"
}

prove_model() {
	local conf=build/prove.conf url a b sha
	if ! scripts/model.sh start >build/prove-model.log 2>&1; then
		if ! scripts/model.sh index >/dev/null 2>&1; then
			echo "SKIP answered by llama.cpp: the Python package index cannot be reached"
			return
		fi
		row "answered by a real model" "llama.cpp" "none: $(tail -1 build/prove-model.log | cut -c1-50)" 0 1
		return
	fi
	url=$(scripts/model.sh url)
	cat >"$conf" <<-CONF
	providers = { local = { plugin = "openai"; base_url = "$url"; locality = "local"; }; };
	CONF
	chmod 600 "$conf"
	a=$("$release/bin/llmctl" ask -c "$conf" -m local/smollm2-135m "What is the capital of France?" 2>&1)
	b=$("$release/bin/llmctl" ask -c "$conf" -m local/smollm2-135m "How many legs has a spider?" 2>&1)
	sha=$(sha256sum "$(scripts/model.sh path)" | cut -c1-64)
	row "answered by llama.cpp" "2 questions, 2 answers" "\"${a:0:20}\" / \"${b:0:20}\"" "2 answers" \
		"$([ -n "$a" ] && [ -n "$b" ] && [ "$a" != "$b" ]; echo $?)"
	echo "  model file SHA-256 $sha"
}

planted() { # NAME COMMAND...
	local name=$1 out n
	shift
	out=$("$@" 2>&1)
	local rc=$?
	n=$(grep -c ': found$' <<<"$out")
	[ "$n" -gt 0 ] || n=$(sed -n 's/.*: \([0-9]*\) planted, 0 not found.*/\1/p' <<<"$out")
	row "$name" "every planted offence found" "$n found" "$n offences" "$([ $rc = 0 ] && [ "${n:-0}" -gt 0 ]; echo $?)"
}

stage_row() { # NAME STAGE : the last result of scripts/check.sh for a stage, run now
	scripts/check.sh "$2" >"build/prove-$2.log" 2>&1
	local rc=$?
	row "$1" "clean" "$(tail -1 "build/prove-$2.log")" "1 run" $rc
}

prove() {
	prove_speed
	for phase in resolve connect tls sending before_first_byte in_stream paused; do
		cancel_row $phase
	done
	for layer in base wire conf plugin net run; do
		alloc_row $layer
	done
	prove_model
	planted "layer rule" scripts/check-layers.sh --prove
	planted "purity lint" scripts/lint-plugin.sh --prove
	out=$("$dev/tests/contract_plugin_load" --filter '*/*future*' --jobs 1 2>&1)
	row "plugin from the future" "accepted and works" "$(grep -o 'Tested: .*' <<<"$out" | tr -s ' |' ' ' | cut -c1-34)" "1 plugin" \
		"$(grep -q 'Tested: [1-9].*Failing: 0 | Crashing: 0' <<<"$out"; echo $?)"
	[ -z "$slice" ] || return
	stage_row "AddressSanitizer" asan
	stage_row "UndefinedBehaviorSanitizer" ubsan
	stage_row "ThreadSanitizer" tsan
	scripts/check.sh cover >build/prove-cover.log 2>&1
	grep '^cover ' build/check/cover.log | while read -r line; do echo "  $line"; done
	row "coverage" "95/90 core, 90/80 all" "see the two lines above" "1 run" \
		"$(grep -q '^cover core.*PASS' build/check/cover.log && grep -q '^cover all.*PASS' build/check/cover.log; echo $?)"
}
