/*
 * postgres_trips.c - what goes over the wire: one trip for a group, what a transaction sets and
 * leaves behind, and a deadlock that the server breaks.
 */
#include <libpq-fe.h>

#include "postgres_help.h"

#include "postgres/unit.h"
#include "support/relay.h"

static stand s;

static int32_t put_run(wire *c, const char *id)
{
	llm_run_row r = row_begin(W, id);
	llm_op_result result;

	return wire_put(c, LLM_OP_RUN_BEGIN, &r, &result);
}

/* ---- one round trip ---- */

#define MANY 20

/* Begins of runs, all in one call. */
static int32_t put_many(wire *c)
{
	static char ids[MANY][40];
	llm_run_row rows[MANY];
	llm_op ops[MANY];
	llm_op_result results[MANY];
	const llm_op *op_list[MANY];
	llm_op_result *result_list[MANY];
	size_t i;

	for (i = 0; i < MANY; i++) {
		snprintf(ids[i], sizeof(ids[i]), "01900000-0000-7000-8000-%012zu", i);
		rows[i] = row_begin(W, ids[i]);
		ops[i] = (llm_op){sizeof(ops[i]), LLM_OP_RUN_BEGIN, &rows[i]};
		results[i] = (llm_op_result){.struct_size = sizeof(results[i])};
		op_list[i] = &ops[i];
		result_list[i] = &results[i];
	}
	instance_begin(c->seat, NULL);
	return wire_said(c, "apply", s.v->apply(c->unit, op_list, MANY, result_list));
}

static void expect_trips(relay *line, size_t *before, size_t n, const char *what)
{
	const size_t now = relay_turns(line);

	cr_expect_eq(now - *before, n, "%s: %zu trips", what, now - *before);
	*before = now;
}

Test(postgres_trips, D_2_5_a_group_is_one_trip)
{
	pg *p = stand_postgres(&s, PG_DIRECT);
	relay *line;
	char dsn[300];
	size_t turns;
	wire c;

	if (!p)
		return;
	line = relay_start("127.0.0.1", pg_port(p), 0);
	snprintf(
		dsn, sizeof(dsn), "%s sslmode=disable", pg_dsn_at(p, s.database, relay_port(line)));
	cr_assert_eq(with_settings(&s, &c, dsn, NULL), 0, "%s", c.err.message);
	turns = relay_turns(line);
	cr_assert_eq(wire_begin(&c), 0, "%s", c.err.message);
	expect_trips(line, &turns, 1, "BEGIN and what is set for it");
	cr_assert_eq(put_many(&c), 0, "%s", c.err.message);
	expect_trips(line, &turns, 1, "twenty operations");
	cr_assert_eq(wire_commit(&c), 0, "%s", c.err.message);
	expect_trips(line, &turns, 1, "COMMIT");
	cr_expect_not_null(ask_run(&c, W, "01900000-0000-7000-8000-000000000007"));
	expect_trips(line, &turns, 1, "a question with its transaction");
	wire_close(&c);
	free(relay_stop(line));
	stand_down(&s);
}

/* ---- nothing is left on a session ---- */

#define SET 5

static const char *const set_names[SET] = {"search_path", "lock_timeout", "statement_timeout",
	"synchronous_commit", "idle_in_transaction_session_timeout"};

static void read_settings(const wire *c, char ret[SET][100])
{
	PGconn *db = ((const unit *)c->unit)->db;
	char sql[80];
	PGresult *r;
	size_t i;

	for (i = 0; i < SET; i++) {
		snprintf(sql, sizeof(sql), "SHOW %s", set_names[i]);
		r = PQexec(db, sql);
		cr_assert_eq(PQntuples(r), 1, "%s", PQerrorMessage(db));
		snprintf(ret[i], sizeof(ret[i]), "%s", PQgetvalue(r, 0, 0));
		PQclear(r);
	}
}

static void expect_as_before(const wire *c, char before[SET][100], const char *when)
{
	char now[SET][100];
	size_t i;

	read_settings(c, now);
	for (i = 0; i < SET; i++)
		cr_expect_str_eq(now[i], before[i], "%s after %s", set_names[i], when);
}

Test(postgres_trips, R_UOW_11_what_is_set_is_set_for_one_transaction)
{
	char before[SET][100], within[SET][100];
	llm_run_row r = row_begin(W, ID("3"));
	llm_op_result result;
	size_t i;
	wire c;

	if (!stand_postgres(&s, PG_DIRECT))
		return;
	c = opened(&s,
		SETTINGS(
			"lock_timeout=777", "statement_timeout=8888", "sync=off", "schema=public"));
	read_settings(&c, before);
	cr_assert_eq(wire_begin(&c), 0, "%s", c.err.message);
	cr_assert_eq(put_run(&c, ID("1")), 0, "%s", c.err.message);
	read_settings(&c, within);
	for (i = 0; i < SET; i++)
		cr_expect_str_neq(within[i], before[i], "%s", set_names[i]);
	cr_expect_str_eq(within[1], "777ms");
	cr_expect_str_eq(within[2], "8888ms");
	cr_assert_eq(wire_commit(&c), 0);
	expect_as_before(&c, before, "a commit");
	cr_assert_eq(wire_begin(&c), 0);
	cr_assert_eq(put_run(&c, ID("2")), 0, "%s", c.err.message);
	cr_assert_eq(wire_rollback(&c), 0);
	expect_as_before(&c, before, "a rollback");
	cr_assert_eq(wire_begin(&c), 0);
	r.operation = NULL; /* against a constraint of the table */
	cr_assert_neq(wire_put(&c, LLM_OP_RUN_BEGIN, &r, &result), 0);
	cr_assert_eq(wire_rollback(&c), 0);
	expect_as_before(&c, before, "a failure");
	cr_expect_not_null(ask_run(&c, W, ID("1")));
	expect_as_before(&c, before, "a question");
	wire_close(&c);
	stand_down(&s);
}

/* ---- a deadlock ---- */

typedef struct rival {
	wire *c;
	int32_t rc;
} rival;

static void *want_the_other(void *arg)
{
	rival *r = arg;

	r->rc = put_run(r->c, ID("2"));
	return NULL;
}

/* Each has what the other wants, and would wait for ever: the server ends one of them. */
Test(postgres_trips, R_UOW_8_a_deadlock_is_busy_for_one_of_two)
{
	rival first = {.rc = 1};
	wire a, b, *loser;
	char sql[200];
	pthread_t thread;
	int32_t rc;
	pg *p = stand_postgres(&s, PG_DIRECT);

	if (!p)
		return;
	snprintf(sql, sizeof(sql), "ALTER DATABASE %s SET deadlock_timeout = '10ms'", s.database);
	pg_sql(p, NULL, sql);
	a = opened(&s, SETTINGS("lock_timeout=0"));
	b = opened(&s, SETTINGS("lock_timeout=0"));
	cr_assert_eq(wire_begin(&a), 0);
	cr_assert_eq(put_run(&a, ID("1")), 0);
	cr_assert_eq(wire_begin(&b), 0);
	cr_assert_eq(put_run(&b, ID("2")), 0);
	first.c = &a;
	cr_assert_eq(pthread_create(&thread, NULL, want_the_other, &first), 0);
	rc = put_run(&b, ID("1"));
	pthread_join(thread, NULL);
	cr_assert_neq(rc == 0, first.rc == 0, "one of them: %d %d", (int)rc, (int)first.rc);
	loser = rc ? &b : &a;
	cr_expect_eq(rc ? rc : first.rc, LLM_E_DB_BUSY);
	cr_expect_not_null(strstr(loser->err.message, "40P01"), "%s", loser->err.message);
	cr_expect_eq(wire_rollback(loser), 0);
	cr_expect_eq(wire_commit(rc ? &a : &b), 0);
	cr_assert_eq(wire_begin(loser), 0);
	cr_expect_eq(put_run(loser, ID("3")), 0, "%s", loser->err.message);
	cr_expect_eq(wire_commit(loser), 0);
	wire_close(&b);
	wire_close(&a);
	stand_down(&s);
}
