/*
 * postgres_commit.c - a line that is cut between COMMIT and its answer: what was written is there
 * once, and who wrote it is told so (S-08).
 */
#include <poll.h>

#include "postgres_help.h"

#include "support/relay.h"

static stand s;
static pg *p;
static relay *line;

/* As it goes over the wire where it is a trip of its own. */
static const char commit_words[] = "P\0\0\0\x0e\0COMMIT";

static void cut(enum relay_cut how)
{
	relay_cut_at(line, commit_words, sizeof(commit_words), how);
}

static bool up(wire *c)
{
	char dsn[300];

	p = stand_postgres(&s, PG_DIRECT);
	if (!p)
		return false;
	line = relay_start("127.0.0.1", pg_port(p), 0);
	snprintf(
		dsn, sizeof(dsn), "%s sslmode=disable", pg_dsn_at(p, s.database, relay_port(line)));
	cr_assert_eq(with_settings(&s, c, dsn, NULL), 0, "%s", c->err.message);
	return true;
}

static void down(wire *c)
{
	wire_close(c);
	free(relay_stop(line));
	stand_down(&s);
}

static int64_t count(const char *sql)
{
	return pg_number(p, s.database, sql);
}

/* ---- each kind of unit ---- */

static int32_t put(wire *c, uint32_t kind, const void *record)
{
	llm_op_result result;
	int32_t rc = wire_put(c, kind, record, &result);

	cr_expect_eq(result.code, 0, "operation %u: %s", kind, c->err.message);
	return rc;
}

static int32_t begin_one(wire *c)
{
	llm_run_row r = row_begin(W, ID("1"));

	return put(c, LLM_OP_RUN_BEGIN, &r);
}

static int32_t begin_pending(wire *c)
{
	llm_run_row r = row_begin(W, ID("1"));

	r.status = "pending";
	return put(c, LLM_OP_RUN_BEGIN, &r);
}

static int32_t finish_one(wire *c)
{
	llm_run_row f = row_finish(W, ID("1"), "succeeded");
	llm_attempt_row a = row_attempt(W, ID("1"), 1);
	int32_t rc = put(c, LLM_OP_RUN_FINISH, &f);

	return rc ? rc : put(c, LLM_OP_ATTEMPT_PUT, &a);
}

static int32_t whole_one(wire *c)
{
	int32_t rc = begin_one(c);

	return rc ? rc : finish_one(c);
}

static int32_t hold_one(wire *c)
{
	const llm_budget_row b = {.struct_size = sizeof(b),
		.workspace_id = W,
		.profile = "",
		.run_id = ID("1"),
		.period = "total",
		.span_us = LLM_UNKNOWN,
		.limit_nanousd = 9,
		.usual_nanousd = 2,
		.nanousd = 1};

	return put(c, LLM_OP_BUDGET_HOLD, &b);
}

static int32_t beat_one(wire *c)
{
	const llm_owner_row o = {sizeof(o), 0, "owner-1", LLM_UNKNOWN, 60000000, NULL};

	return put(c, LLM_OP_OWNER_BEAT, &o);
}

/* `before` is on record already; `shows` is 1 when `work` is. */
static const struct deed {
	const char *name;
	int32_t (*before)(wire *c);
	int32_t (*work)(wire *c);
	const char *shows;
} deeds[] = {
	{"a run begins", NULL, begin_one, "SELECT count(*) FROM llm_runs WHERE status = 'running'"},
	{"a run is announced", NULL, begin_pending,
		"SELECT count(*) FROM llm_runs WHERE status = 'pending' AND version = 1"},
	{"one that was announced begins", begin_pending, begin_one,
		"SELECT count(*) FROM llm_runs WHERE status = 'running' AND version = 2"},
	{"a run ends", begin_one, finish_one,
		"SELECT count(*) FROM llm_runs WHERE status = 'succeeded' AND version = 2"},
	{"a run from beginning to end", NULL, whole_one,
		"SELECT count(*) FROM llm_runs WHERE status = 'succeeded'"},
	{"a budget is held", NULL, hold_one,
		"SELECT count(*) FROM llm_budget_holds h JOIN llm_budgets b ON b.held_nanousd = "
		"h.held_nanousd AND h.held_nanousd = 1"},
};
#define N_DEEDS (sizeof(deeds) / sizeof(deeds[0]))

static int32_t unit_of(wire *c, int32_t (*work)(wire *c))
{
	int32_t rc = wire_begin(c);

	cr_assert_eq(rc, 0, "%s", c->err.message);
	rc = work(c);
	cr_assert_eq(rc, 0, "%s", c->err.message);
	return wire_commit(c);
}

static void clear(void)
{
	pg_sql(p, s.database,
		"DELETE FROM llm_attempts; DELETE FROM llm_runs; DELETE FROM llm_budget_holds; "
		"DELETE FROM llm_budgets; DELETE FROM llm_owners");
}

static void prepare(wire *c, const struct deed *d)
{
	clear();
	if (d->before)
		cr_assert_eq(unit_of(c, d->before), 0, "%s", c->err.message);
}

/* Nothing is left of asking. */
static void expect_shown(const struct deed *d, const char *when)
{
	cr_expect_eq(count(d->shows), 1, "%s, %s", d->name, when);
	cr_expect_eq(count("SELECT count(*) FROM llm_runs WHERE version = 0 OR operation = ''"), 0,
		"%s, %s", d->name, when);
	cr_expect_leq(count("SELECT count(*) FROM llm_runs"), 1, "%s, %s", d->name, when);
}

Test(postgres_commit, S_08_made_and_not_answered_is_made)
{
	size_t i;
	wire c;

	if (!up(&c))
		return;
	for (i = 0; i < N_DEEDS; i++) {
		prepare(&c, &deeds[i]);
		cut(RELAY_CUT_AFTER);
		cr_expect_eq(unit_of(&c, deeds[i].work), 0, "%s: %s", deeds[i].name, c.err.message);
		cr_expect_eq(relay_cuts(line), i + 1);
		expect_shown(&deeds[i], "made");
	}
	down(&c);
}

Test(postgres_commit, S_08_not_heard_is_not_made_and_may_be_done_again)
{
	size_t i;
	wire c;

	if (!up(&c))
		return;
	for (i = 0; i < N_DEEDS; i++) {
		prepare(&c, &deeds[i]);
		cut(RELAY_CUT_BEFORE);
		cr_expect_eq(unit_of(&c, deeds[i].work), LLM_E_DB_BUSY, "%s", deeds[i].name);
		cr_expect_not_null(
			strstr(c.err.message, "try the unit again"), "%s", c.err.message);
		cr_expect_eq(unit_of(&c, deeds[i].work), 0, "%s: %s", deeds[i].name, c.err.message);
		expect_shown(&deeds[i], "again");
	}
	down(&c);
}

/* ---- the server hears it when the writer has long asked ---- */

typedef struct later {
	int tell;
	int waited; /* somebody was waiting for the old transaction */
} later;

static void *let_go_later(void *arg)
{
	later *l = arg;
	int tries;

	for (tries = 0; tries < 1000 && !l->waited; tries++)
		l->waited = count("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = "
				  "'Lock' AND datname = current_database()") > 0;
	relay_let_go(line, l->tell);
	return NULL;
}

static void play_later(wire *c, const struct deed *d, int tell)
{
	later l = {tell, 0};
	pthread_t thread;
	int32_t rc;

	prepare(c, d);
	cut(RELAY_CUT_HOLD);
	cr_assert_eq(pthread_create(&thread, NULL, let_go_later, &l), 0);
	rc = unit_of(c, d->work);
	pthread_join(thread, NULL);
	cr_expect_eq(l.waited, 1, "%s: who asks waits for who has not ended", d->name);
	cr_expect_eq(rc, tell ? 0 : LLM_E_DB_BUSY, "%s: %s", d->name, c->err.message);
	if (!tell)
		cr_expect_eq(unit_of(c, d->work), 0, "%s: %s", d->name, c->err.message);
	expect_shown(d, tell ? "late" : "never");
}

Test(postgres_commit, S_08_a_commit_that_arrives_late_is_waited_for)
{
	size_t i;
	wire c;

	if (!up(&c))
		return;
	for (i = 0; i < N_DEEDS; i++) {
		play_later(&c, &deeds[i], 1);
		play_later(&c, &deeds[i], 0);
	}
	down(&c);
}

/* ---- what may be written twice, and what is not known ---- */

Test(postgres_commit, S_08_what_may_be_written_again_is_not_asked_for)
{
	wire c;

	if (!up(&c))
		return;
	cut(RELAY_CUT_AFTER);
	cr_expect_eq(unit_of(&c, beat_one), LLM_E_DB_BUSY);
	cr_expect_eq(unit_of(&c, beat_one), 0, "%s", c.err.message);
	cr_expect_eq(count("SELECT count(*) FROM llm_owners"), 1);
	down(&c);
}

static void *interrupt_later(void *arg)
{
	wire *c = arg;

	while (!relay_cuts(line))
		(void)poll(NULL, 0, 1);
	for (int i = 0; i < 20; i++) {
		(void)poll(NULL, 0, 10);
		s.v->interrupt(c->unit);
	}
	return NULL;
}

/* No server comes back: the words say that nobody knows. */
Test(postgres_commit, S_08_without_a_server_it_is_not_known)
{
	pthread_t thread;
	int64_t began;
	int32_t rc;
	wire c;

	if (!up(&c))
		return;
	clear();
	cut(RELAY_CUT_AFTER);
	cr_assert_eq(wire_begin(&c), 0);
	cr_assert_eq(begin_one(&c), 0);
	pg_limit(p, s.database, 0);
	cr_assert_eq(pthread_create(&thread, NULL, interrupt_later, &c), 0);
	began = help_ms();
	rc = wire_commit(&c);
	cr_expect_eq(rc, LLM_E_PERSISTENCE, "%s", c.err.message);
	cr_expect_not_null(strstr(c.err.message, "is not known"), "%s", c.err.message);
	cr_expect_lt(help_ms() - began, 3000, "an interrupt ends the asking");
	pthread_join(thread, NULL);
	pg_limit(p, s.database, -1);
	down(&c);
}
