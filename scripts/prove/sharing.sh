# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by prove.sh: sharing. What several processes do with one database.
# shellcheck source=scripts/prove/postgres.bash
. scripts/prove/postgres.bash

prove() {
	prove_postgres
}
