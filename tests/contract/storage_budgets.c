/*
 * storage_budgets.c - budgets as operations, on every storage that has them: reserved, settled,
 * counted, set, and taken back from runs whose service has gone.
 */
#include "storage_help.h"

#include <time.h>

#include "budgets.h"

static void play_holds(stand *s)
{
	llm_budget_row b = row_budget("", ID("3"), 1);
	llm_op_result got;
	wire c;

	if (!stand_op(s, LLM_OP_BUDGET_HOLD))
		return;
	c = wire_open(s);
	cr_expect_eq(hold(&c, ID("1"), 60), 0);
	cr_expect_eq(hold(&c, ID("2"), -1), 0, "not known: counts 30");
	SUMS(&c, 0, 90);
	b.nanousd = 11;
	got = put(&c, LLM_OP_BUDGET_HOLD, &b);
	cr_expect_eq(got.code, LLM_E_CONFLICT);
	cr_expect_eq(got.changed, 0);
	cr_expect_eq(got.limit_nanousd, 100);
	cr_expect_eq(got.left_us, LLM_UNKNOWN, "a total has no end");
	SUMS(&c, 0, 90);
	cr_expect_eq(hold(&c, ID("3"), 10), 0, "what fits exactly fits");
	cr_expect_eq(settle(&c, ID("1"), 5), 1);
	cr_expect_eq(settle(&c, ID("1"), 5), 0, "once");
	cr_expect_eq(settle(&c, ID("4"), 5), 0, "of a run that holds nothing");
	SUMS(&c, 5, 40);
	cr_expect_eq(settle(&c, ID("2"), -1), 1, "not known: counts 30");
	cr_expect_eq(settle(&c, ID("3"), 0), 1, "sent nothing");
	SUMS(&c, 35, 0);
	cr_expect_eq(hold(&c, ID("5"), 66), LLM_E_CONFLICT);
	cr_expect_eq(hold(&c, ID("5"), 65), 0);
	cr_expect_eq(hold(&c, ID("5"), 65), 0, "the same one again is no second one");
	SUMS(&c, 35, 65);
	wire_close(&c);
}

static void play_limits(stand *s)
{
	llm_budget_row b = row_budget("fast", ID("1"), 50);
	wire c;

	if (!stand_op(s, LLM_OP_BUDGET_HOLD))
		return;
	c = wire_open(s);
	b.limit_nanousd = LLM_UNKNOWN;
	cr_expect_eq(put(&c, LLM_OP_BUDGET_HOLD, &b).code, 0);
	cr_expect_eq(put(&c, LLM_OP_BUDGET_SETTLE, &b).changed, 0);
	cr_expect_eq(put(&c, LLM_OP_BUDGET_SPEND, &b).changed, 0);
	cr_expect_eq(look(&c, NULL).n, 0);
	/* One of the configuration's that was taken out of it counts no more. */
	b.limit_nanousd = 10;
	cr_expect_eq(put(&c, LLM_OP_BUDGET_HOLD, &b).code, LLM_E_CONFLICT);
	b.limit_nanousd = LLM_UNKNOWN;
	cr_expect_eq(put(&c, LLM_OP_BUDGET_HOLD, &b).code, 0);
	/* One that was set counts, whatever is configured. */
	b.fixed = 1;
	b.limit_nanousd = 40;
	cr_expect_eq(put(&c, LLM_OP_BUDGET_SET, &b).code, 0);
	b.limit_nanousd = 1000;
	cr_expect_eq(put(&c, LLM_OP_BUDGET_HOLD, &b).code, LLM_E_CONFLICT);
	cr_expect_eq(look(&c, "fast").last.limit_nanousd, 40);
	cr_expect_eq(look(&c, "fast").last.fixed, 1);
	/* Set to no limit it is counted only. */
	b.limit_nanousd = LLM_UNKNOWN;
	cr_expect_eq(put(&c, LLM_OP_BUDGET_SET, &b).code, 0);
	b.limit_nanousd = 10;
	cr_expect_eq(put(&c, LLM_OP_BUDGET_HOLD, &b).code, 0);
	cr_expect_eq(look(&c, "fast").last.held_nanousd, 50);
	/* Given back. */
	b.fixed = 0;
	cr_expect_eq(put(&c, LLM_OP_BUDGET_SET, &b).changed, 1);
	b.run_id = ID("2");
	cr_expect_eq(put(&c, LLM_OP_BUDGET_HOLD, &b).code, LLM_E_CONFLICT);
	cr_expect_eq(look(&c, "fast").last.limit_nanousd, 10);
	cr_expect_eq(look(&c, "").n, 0, "that of the workspace is another one");
	wire_close(&c);
}

/* ---- what is on record already ---- */

static void run_ends(wire *c, const char *id, const char *status, int64_t cost, int64_t http)
{
	llm_run_row r = row_begin(W, id);
	llm_attempt_row a = row_attempt(W, id, 1);
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	r.created_us = now.tv_sec * INT64_C(1000000);
	cr_assert_eq(wire_store(c, LLM_OP_RUN_BEGIN, &r), 0);
	if (!status)
		return;
	r = row_finish(W, id, status);
	r.cost_nanousd = cost;
	r.attempts = http ? 1 : 0;
	cr_assert_eq(wire_store(c, LLM_OP_RUN_FINISH, &r), 0);
	a.http_status = http;
	if (http)
		cr_assert_eq(wire_store(c, LLM_OP_ATTEMPT_PUT, &a), 0);
}

static void play_records(stand *s)
{
	llm_budget_row b = row_budget("fast", ID("9"), 0);
	wire c;

	if (!stand_op(s, LLM_OP_BUDGET_HOLD))
		return;
	c = wire_open(s);
	run_ends(&c, ID("1"), "succeeded", 20, 200);
	run_ends(&c, ID("2"), "succeeded", -1, 200); /* 30 */
	run_ends(&c, ID("3"), "failed", -1, 429);
	run_ends(&c, ID("4"), "failed", -1, 0);
	run_ends(&c, ID("5"), NULL, 0, 0); /* runs still */
	cr_expect_eq(hold(&c, ID("9"), 51), LLM_E_CONFLICT);
	SUMS(&c, 50, 0);
	cr_expect_eq(put(&c, LLM_OP_BUDGET_HOLD, &b).code, 0);
	cr_expect_eq(look(&c, "fast").last.spent_nanousd, 50, "all of them named it");
	/* With another window it is counted anew. */
	b.profile = "";
	b.fixed = 1;
	b.period = "span";
	b.span_us = HOUR_US * 24 * 365;
	b.usual_nanousd = 31;
	cr_expect_eq(put(&c, LLM_OP_BUDGET_SET, &b).changed, 1);
	SUMS(&c, 51, 0);
	b.limit_nanousd = 400;
	cr_expect_eq(put(&c, LLM_OP_BUDGET_SPEND, &b).changed, 1);
	cr_expect_eq(put(&c, LLM_OP_BUDGET_SET, &b).changed, 1);
	SUMS(&c, 51, 0);
	wire_close(&c);
}

/* ---- runs whose service has gone ---- */

static uint32_t reap(wire *c)
{
	uint32_t n = 99;

	cr_assert_eq(wire_begin(c), 0);
	instance_begin(c->seat, NULL);
	cr_assert_eq(
		wire_said(c, "reap", c->s->v->reap(c->unit, 1000, &n)), 0, "%s", c->err.message);
	cr_assert_eq(wire_commit(c), 0);
	return n;
}

static void beat(wire *c, const char *id, int64_t lease_us)
{
	llm_owner_row o = {sizeof(o), 0, id, LLM_UNKNOWN, lease_us, NULL};

	cr_assert_eq(wire_store(c, LLM_OP_OWNER_BEAT, &o), 0);
}

static void play_dead(stand *s)
{
	llm_budget_row b = row_budget("", "", 0);
	wire c;

	if (!stand_op(s, LLM_OP_BUDGET_HOLD))
		return;
	c = wire_open(s);
	beat(&c, "owner-1", HOUR_US);
	run_ends(&c, ID("1"), NULL, 0, 0);
	run_ends(&c, ID("2"), NULL, 0, 0);
	cr_expect_eq(hold(&c, ID("1"), 10), 0);
	cr_expect_eq(hold(&c, ID("2"), 20), 0);
	cr_expect_eq(reap(&c), 0);
	SUMS(&c, 0, 30);
	cr_expect_eq(put(&c, LLM_OP_BUDGET_REAP, &b).changed, 0, "its owner lives");
	/* Ended without an attempt, and never settled. */
	run_ends(&c, ID("3"), "failed", -1, 0);
	cr_expect_eq(hold(&c, ID("3"), 40), 0);
	cr_expect_eq(reap(&c), 0);
	SUMS(&c, 0, 30);
	beat(&c, "owner-1", -1000);
	cr_expect_eq(put(&c, LLM_OP_BUDGET_REAP, &b).changed, 1);
	SUMS(&c, 30, 0);
	cr_expect_eq(settle(&c, ID("1"), 5), 0, "its owner was late");
	cr_expect_eq(hold(&c, ID("2"), 7), 0);
	cr_expect_eq(reap(&c), 2);
	SUMS(&c, 37, 0);
	wire_close(&c);
}

/* ---- numbers (K-21) ---- */

static void play_numbers(stand *s)
{
	static const int64_t odd[] = {0, 1, INT64_C(1) << 31, INT64_C(1) << 53, MOST, INT64_MAX};
	llm_budget_row b = row_budget("", ID("1"), 0);
	size_t i, k;
	wire c;

	if (!stand_op(s, LLM_OP_BUDGET_HOLD))
		return;
	c = wire_open(s);
	b.limit_nanousd = MOST;
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		for (k = 0; k < sizeof(odd) / sizeof(odd[0]); k++) {
			const seen before = look(&c, "");
			int64_t spent = before.last.spent_nanousd;

			b.nanousd = odd[i];
			cr_expect_eq(put(&c, LLM_OP_BUDGET_HOLD, &b).code,
				odd[i] <= MOST - spent ? 0 : LLM_E_CONFLICT);
			b.nanousd = odd[k];
			if (put(&c, LLM_OP_BUDGET_SETTLE, &b).changed)
				spent = odd[k] > MOST - spent ? MOST : spent + odd[k];
			SUMS(&c, spent, 0);
		}
	put(&c, LLM_OP_BUDGET_SPEND, &b);
	SUMS(&c, MOST, 0);
	wire_close(&c);
}

/* ---- on every storage ---- */

Test(storage_budgets, R_COST_11_held_before_and_settled_once)
{
	play_everywhere(play_holds);
}

Test(storage_budgets, R_COST_11_without_a_limit_there_is_no_budget)
{
	play_everywhere(play_limits);
}

Test(storage_budgets, R_COST_11_the_first_count_is_what_is_on_record)
{
	play_everywhere(play_records);
}

Test(storage_budgets, R_COST_11_what_the_dead_hold_is_spent_or_freed)
{
	play_everywhere(play_dead);
}

Test(storage_budgets, K_21_sums_never_run_over)
{
	play_everywhere(play_numbers);
}

#ifdef TEST_WITH_POSTGRES
static void edit(const stand *s, const char *sql)
{
	static pg *server;

	server = server ? server : pg_shared(getppid());
	pg_sql(server, s->database, sql);
}

Test(storage_budgets, R_COST_11_a_window_passes)
{
	stand s;

	if (!stand_postgres(&s, PG_DIRECT))
		return;
	play_window(&s, edit);
	stand_down(&s);
}
#endif
