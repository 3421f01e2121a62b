#!/usr/bin/env bash
# A PostgreSQL 15 for tests, with a pgbouncer in front, as long as a process lives:
#   tests/support/pg.sh check                 0, or why neither can be had
#   tests/support/pg.sh keep OWNER DIR [SETTING...]
#
# keep: serves in DIR, which it makes, until the process OWNER ends or it gets SIGTERM, and then
# removes DIR. A server that ends meanwhile is started again, unless DIR/down is there. SETTING is
# one of the server's ("fsync=on"), with the prefix "pool:" one of pgbouncer's.
#   DIR/ready      PORT POOLED_PORT BIN USER, when both serve; the sockets are in DIR as well
#   DIR/root.crt   who signed the server's certificate (of 127.0.0.1 and localhost)
# It listens at 127.0.0.1 unless listen_addresses says so; machines of support/netns.h are let in then.
# "llm" is the superuser, "app" whoever uses a database; "checked" has the password "right", "tlsonly"
# has to encrypt; in the pool all are "app", but "llm" on its console.
set -uo pipefail

bin=/usr/lib/postgresql/15/bin
pgbouncer=$(PATH=$PATH:/usr/sbin:/sbin command -v pgbouncer)

missing() {
	[ -x $bin/postgres ] || { echo "PostgreSQL 15 is not installed (Debian: postgresql-15)"; return; }
	[ -n "$pgbouncer" ] || { echo "pgbouncer is not installed"; return; }
	command -v setpriv >/dev/null || { echo "setpriv is not installed (Debian: util-linux)"; return; }
	command -v openssl >/dev/null || echo "openssl is not installed"
}

# PostgreSQL does not run as root.
user=$(id -un)
as=()
if [ "$(id -u)" = 0 ]; then
	user=nobody
	! id postgres >/dev/null 2>&1 || user=postgres
	as=(--reuid "$(id -u $user)" --regid "$(id -g $user)" --clear-groups)
fi

# In the background and as that user; the kernel ends it when this script is gone.
run() { # SIGNAL COMMAND...
	exec setpriv "${as[@]}" --pdeathsig "$1" "${@:2}"
}

# ---- a cluster, made once and copied ----

certify() { # FOLDER
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
		-subj /CN=localhost -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' \
		-keyout "$1/server.key" -out "$1/server.crt" 2>/dev/null &&
		chmod 600 "$1/server.key"
}

make_cluster() { # FOLDER
	# shellcheck disable=SC2016 # for the other shell
	env LC_ALL=C setpriv "${as[@]}" $bin/initdb --pgdata "$1" --username llm --auth trust --no-sync \
		--no-locale --encoding UTF8 --wal-segsize 1 >/dev/null || return 1
	rm -f "$1/pg_hba.conf" "$1/postgresql.conf"
	certify "$1"
	echo 'local all all trust
hostssl all tlsonly 127.0.0.1/32 trust
host all tlsonly 127.0.0.1/32 reject
host all checked 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
host all all 10.77.0.0/16 trust' >"$1/pg_hba.conf"
	echo "listen_addresses = '127.0.0.1'
fsync = off
full_page_writes = off
autovacuum = off
shared_buffers = 16MB
wal_level = minimal
max_wal_senders = 0
max_wal_size = 256MB
checkpoint_timeout = 1h
log_destination = stderr
log_line_prefix = '%m [%p] %q%u@%d '
ssl = on" >"$1/postgresql.conf"
	echo "CREATE ROLE app LOGIN; CREATE ROLE tlsonly LOGIN IN ROLE app; CREATE ROLE checked LOGIN IN ROLE app" \
		"PASSWORD 'right'" | env LC_ALL=C setpriv "${as[@]}" $bin/postgres --single -D "$1" postgres >/dev/null
	chmod -R u+rwX,go-rwx "$1"
	[ -z "${as[*]}" ] || chown -R "$user:" "$1"
}

# In the cache of whoever runs this; two at once wait for each other.
cluster() {
	local cache version
	cache=/tmp/llm-test-cluster-$(id -u)
	version=$({ $bin/postgres --version; cat "$0"; } | sha256sum | cut -c 1-16)
	mkdir -m 711 "$cache" 2>/dev/null
	[ -O "$cache" ] || return 1
	exec 9>"$cache/lock"
	flock -w 60 9 || return 1
	if [ ! -d "$cache/$version" ]; then
		rm -rf "$cache"/[0-9a-f]*
		mkdir -m 700 "$cache/new.$$" && chown "$user:" "$cache/new.$$" &&
			make_cluster "$cache/new.$$" >/dev/null 2>&1 &&
			mv -T "$cache/new.$$" "$cache/$version"
		rm -rf "$cache/new.$$"
	fi
	cp -a "$cache/$version" "$1" && exec 9>&-
}

# ---- serving ----

# Ports that nobody has now; the kernel hands them out in turn, so not again soon.
free_ports() {
	/usr/bin/python3 -S -c 'import socket
a, b = socket.socket(), socket.socket()
for s in a, b:
    s.bind(("127.0.0.1", 0))
print(a.getsockname()[1], b.getsockname()[1])'
}

settle() { # DIR PORT POOLED SETTING...
	local dir=$1 port=$2 pooled=$3 setting
	{
		echo "port = $port"
		echo "unix_socket_directories = '$dir'"
	} >>"$dir/data/postgresql.conf"
	printf '%s\n' "[databases]" "* = user=app host=$dir port=$port" "[pgbouncer]" \
		"listen_addr = 127.0.0.1" "listen_port = $pooled" "unix_socket_dir = $dir" \
		"auth_type = any" "pool_mode = transaction" "default_pool_size = 8" \
		"max_client_conn = 400" "admin_users = llm" \
		"ignore_startup_parameters = extra_float_digits,options" \
		"server_login_retry = 0.1" >"$dir/pool.ini"
	for setting in "${@:4}"; do
		case $setting in
		pool:*) echo "${setting#pool:}" >>"$dir/pool.ini" ;;
		*) echo "$setting" >>"$dir/data/postgresql.conf" ;;
		esac
	done
	[ -z "${as[*]}" ] || chown "$user:" "$dir/pool.ini"
}

# By the server's own word, and by what the pool has made.
is_ready() {
	[ "$(sed -n 8p "$dir/data/postmaster.pid" 2>/dev/null | tr -d ' ')" = ready ] &&
		{ [ -e "$dir/pool-down" ] || [ -S "$dir/.s.PGSQL.${ports#* }" ]; }
}

nap() { read -rt "$1" <>"$dir/never" || true; }

alive() { kill -0 "$1" 2>/dev/null; }

end() {
	trap - TERM INT HUP
	kill -QUIT "$server" 2>/dev/null
	kill -TERM "$pool" 2>/dev/null
	wait
	rm -rf "$dir"
	exit 0
}

start_server() {
	run QUIT $bin/postgres -D "$dir/data" >>"$dir/server.log" 2>&1 9>&- &
	server=$!
}

start_pool() {
	run TERM "$pgbouncer" "$dir/pool.ini" >>"$dir/pool.log" 2>&1 &
	pool=$!
}

# As long as the owner lives; what has ended is started again.
watch() {
	while alive "$owner"; do
		if ! alive "$server"; then
			rm -f "$dir/ready"
			[ -e "$dir/down" ] || start_server
		elif [ ! -e "$dir/ready" ] && is_ready; then
			echo "$ports $bin $user" >"$dir/ready.new" && mv "$dir/ready.new" "$dir/ready"
		fi
		alive "$pool" || [ -e "$dir/pool-down" ] || start_pool
		if [ -e "$dir/ready" ]; then nap 0.05; else nap 0.01; fi
	done
}

# What keepers left that were killed together with their owners.
sweep() {
	local old pid
	for old in /tmp/llm-pg-[0-9]*; do
		pid=${old##*/llm-pg-}
		pid=${pid%%-*}
		alive "$pid" || [ -z "$(find "$old" -maxdepth 0 -mmin +10 2>/dev/null)" ] || rm -rf "$old"
	done
}

keep() {
	sweep
	owner=$1 dir=$2 server='' pool=''
	mkdir -m 711 "$dir" || exit 1
	mkfifo -m 600 "$dir/never"
	trap end TERM INT HUP
	cluster "$dir/data" || { touch "$dir/failed"; exit 1; }
	ports=$(free_ports)
	[ -z "${as[*]}" ] || chown "$user:" "$dir"
	cp "$dir/data/server.crt" "$dir/root.crt"
	chmod 644 "$dir/root.crt"
	# shellcheck disable=SC2086 # two
	settle "$dir" $ports "${@:3}"
	watch
	end
}

case ${1:-} in
check)
	why=$(missing)
	[ -z "$why" ] || { echo "$why"; exit 1; }
	;;
keep) keep "${@:2}" ;;
*)
	sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2
	exit 2
	;;
esac
