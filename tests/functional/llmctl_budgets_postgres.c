/*
 * llmctl budgets on PostgreSQL: the same as on SQLite, and servers that are not there or let
 * nobody write.
 */
#include <unistd.h>

#include "llmctl_budgets_try.h"
#include "support/pg.h"

/* On a fresh database of the server of this program. */
static void on_server(enum pg_way way, void (*play)(office *a))
{
	const char *why = pg_missing();
	office a;
	pg *p;

	if (why) {
		fprintf(stderr, "SKIP postgres: %s\n", why);
		return;
	}
	p = pg_shared(getppid());
	office_new(&a, "postgres", pg_dsn(p, pg_database(p), way));
	play(&a);
	office_end(&a);
	pg_stop(p);
}

Test(llmctl_budgets_postgres, R_COST_11_set_shown_and_kept_to)
{
	on_server(PG_DIRECT, play_set_shown_and_kept_to);
}

Test(llmctl_budgets_postgres, R_COST_11_the_same_through_pgbouncer)
{
	on_server(PG_POOLED, play_set_shown_and_kept_to);
}

Test(llmctl_budgets_postgres, R_COST_11_others_have_none)
{
	on_server(PG_DIRECT, play_others);
}

Test(llmctl_budgets_postgres, R_COST_11_who_sets_what_nobody_looks_at_is_told)
{
	on_server(PG_DIRECT, play_who_looks);
}

Test(llmctl_budgets_postgres, R_COST_11_what_is_no_budget_is_refused)
{
	on_server(PG_DIRECT, play_what_is_no_budget);
}

Test(llmctl_budgets_postgres, R_MIG_3_another_schema)
{
	on_server(PG_DIRECT, play_another_schema);
}

/* A word of the DSN in the place of another. */
static void change(office *a, const char *from, const char *to)
{
	char dsn[sizeof(a->dsn)];

	run_replace(a->dsn, from, to, dsn, sizeof(dsn));
	snprintf(a->dsn, sizeof(a->dsn), "%s", dsn);
	office_say(a, COUNTED);
}

static void play_gone(office *a)
{
	OFFICE(a, 0, "schema", "db", "migrate");
	change(a, "dbname=", "dbname=not_");
	office_all(a, 1, "not_");
	change(a, "port=", "port=1 options=");
	office_all(a, 1, "cannot connect");
}

Test(llmctl_budgets_postgres, R_COST_11_a_database_that_is_gone)
{
	on_server(PG_DIRECT, play_gone);
}

/* Looking needs no right to write. */
static void play_read_only(office *a)
{
	OFFICE(a, 0, "schema", "db", "migrate");
	OFFICE(a, 0, "limit\t1.00", "budgets", "set", "default", "--limit", "1", TERMS);
	change(a, "user=", "options='-c default_transaction_read_only=on' user=");
	OFFICE(a, 0, "default\t-\t1.00", "budgets", "list");
	OFFICE(a, 0, "limit\t1.00", "budgets", "show", "default");
	OFFICE(a, 1, "PERSISTENCE", "budgets", "set", "default", "--limit", "2");
	change(a, "options='-c default_transaction_read_only=on'", "");
	OFFICE(a, 0, "limit\t1.00", "budgets", "show", "default");
}

Test(llmctl_budgets_postgres, S_08_a_server_that_lets_nobody_write)
{
	on_server(PG_DIRECT, play_read_only);
}
