/*
 * postgres_statements.c - what all statements for PostgreSQL say: constant text, parameters by
 * number, nothing that only PostgreSQL itself has.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres/unit.h"

static unsigned words_in(const char *names)
{
	unsigned n = names && *names ? 1 : 0;

	for (; names && *names; names++)
		n += *names == ' ';
	return n;
}

static unsigned highest(const char *sql)
{
	unsigned n, most = 0;

	for (; (sql = strchr(sql, '$')); sql++) {
		n = (unsigned)strtoul(sql + 1, NULL, 10);
		most = n > most ? n : most;
	}
	return most;
}

/* Each name is a column of the record, and there are as many as numbers. */
Test(postgres_statements, K_10_every_parameter_has_its_number)
{
	char names[1000], *name, *rest;
	unsigned i;

	for (i = ST_NONE + 1; i < ST_COUNT; i++) {
		const statement *s = &statements[i];

		cr_assert_not_null(s->sql, "%u", i);
		cr_expect_leq(highest(s->sql), words_in(s->names), "%s", s->sql);
		cr_expect_leq(words_in(s->names), UNIT_MAX_VALUES);
		snprintf(names, sizeof(names), "%s", s->names ? s->names : "");
		for (name = strtok_r(names, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
			cr_expect_not_null(columns_find(s->in, name), "%s: %s", name, s->sql);
	}
}

/* What PostgreSQL has and the distributed engines that speak its dialect may lack. */
Test(postgres_statements, R_MIG_1_nothing_that_only_postgresql_has)
{
	static const char *const odd[] = {"::", "now()", "CURRENT_TIMESTAMP", "nextval", "currval",
		"advisory", "SELECT *", "LOCK TABLE", "ctid", ";", "MERGE", "LISTEN", "DO $",
		"CREATE ", "TRIGGER", "FUNCTION", "SEQUENCE", "TEMP ", "CALL "};
	unsigned i;
	size_t k;

	for (i = ST_NONE + 1; i < ST_COUNT; i++)
		for (k = 0; k < sizeof(odd) / sizeof(odd[0]); k++)
			cr_expect_null(strcasestr(statements[i].sql, odd[k]), "%s in %s", odd[k],
				statements[i].sql);
}

/* now() stands still from the beginning of a transaction, which a lease does not. */
Test(postgres_statements, R_IDEM_7_the_clock_is_the_servers_and_goes_on)
{
	static const unsigned timed[] = {
		ST_IDEM_CLAIM, ST_IDEM_SETTLE, ST_OWNER_BEAT, ST_IDEM, ST_REAP, ST_PURGE_IDEM};
	size_t i;

	for (i = 0; i < sizeof(timed) / sizeof(timed[0]); i++)
		cr_expect_not_null(strstr(statements[timed[i]].sql, "clock_timestamp()"), "%s",
			statements[timed[i]].sql);
}

Test(postgres_statements, R_IDEM_4_a_claim_is_one_statement)
{
	const char *sql = statements[ST_IDEM_CLAIM].sql;

	cr_expect_eq(strncmp(sql, "INSERT INTO llm_idempotency ", 28), 0);
	cr_expect_not_null(strstr(sql, "ON CONFLICT (workspace_id, operation, key_hash)"));
	cr_expect_not_null(strstr(sql, "RETURNING generation"));
}

static int is_of_all(unsigned i)
{
	return i >= ST_STATS_ALL_PROFILE && i <= ST_STATS_ALL_WORKSPACE;
}

Test(postgres_statements, R_WS_5_every_read_has_the_workspace_in_its_statement)
{
	unsigned i, n = 0;

	for (i = ST_RUN; i < ST_HEALTH; i++, n++) {
		cr_expect_not_null(
			strstr(statements[i].sql, is_of_all(i) ? "$1 = '*'" : "workspace_id = $1"),
			"%s", statements[i].sql);
		cr_expect_eq(strncmp(statements[i].names, "workspace_id", 12), 0);
	}
	cr_expect_geq(n, 12);
}

Test(postgres_statements, R_UOW_7_every_insert_says_what_a_row_that_is_there_comes_to)
{
	unsigned i, n = 0;

	for (i = ST_NONE + 1; i < ST_COUNT; i++) {
		if (strncmp(statements[i].sql, "INSERT ", 7) != 0)
			continue;
		n++;
		cr_expect_not_null(
			strstr(statements[i].sql, " ON CONFLICT"), "%s", statements[i].sql);
	}
	cr_expect_geq(n, 8);
}
