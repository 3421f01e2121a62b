/*
 * sqlite_budgets.c - budgets as operations: reserved, settled, counted, set, and taken back
 * from runs whose service has gone.
 */
#include "sqlite_help.h"

#include <time.h>

#define HOUR_US INT64_C(3600000000)
#define MOST INT64_C(4611686018427387903)

static llm_budget_row row_budget(const char *profile, const char *run_id, int64_t nanousd)
{
	llm_budget_row b = {.struct_size = sizeof(b),
		.workspace_id = W,
		.profile = profile,
		.run_id = run_id,
		.period = "total",
		.nanousd = nanousd};

	b.limit_nanousd = 100;
	b.usual_nanousd = 30;
	b.span_us = b.spent_nanousd = b.held_nanousd = LLM_UNKNOWN;
	b.window_us = b.left_us = b.updated_us = LLM_UNKNOWN;
	return b;
}

static llm_op_result put(wire *c, uint32_t kind, const llm_budget_row *b)
{
	llm_op_result result;

	cr_assert_eq(wire_begin(c), 0, "%s", c->err.message);
	cr_assert_eq(wire_put(c, kind, b, &result), 0, "%s", c->err.message);
	cr_assert_eq(wire_commit(c), 0, "%s", c->err.message);
	return result;
}

static int32_t hold(wire *c, const char *run_id, int64_t nanousd)
{
	const llm_budget_row b = row_budget("", run_id, nanousd);

	return put(c, LLM_OP_BUDGET_HOLD, &b).code;
}

static int64_t settle(wire *c, const char *run_id, int64_t nanousd)
{
	const llm_budget_row b = row_budget("", run_id, nanousd);

	return put(c, LLM_OP_BUDGET_SETTLE, &b).changed;
}

typedef struct seen {
	size_t n;
	llm_budget_row last;
} seen;

static int32_t see(void *ctx, const void *row)
{
	seen *s = ctx;

	s->n++;
	s->last = *(const llm_budget_row *)row;
	return 0;
}

static seen look(wire *c, const char *profile)
{
	seen s = {0};
	llm_row_sink sink = {sizeof(sink), 0, &s, see};
	llm_filter filter = LLM_FILTER_INIT;

	filter.workspace_id = W;
	filter.profile = profile;
	cr_assert_eq(wire_query(c, LLM_QUERY_BUDGETS, &filter, &sink), 0, "%s", c->err.message);
	return s;
}

static void expect_sums(wire *c, int64_t spent, int64_t held, int line)
{
	const seen s = look(c, "");

	cr_expect_eq(s.n, 1, "line %d", line);
	cr_expect_eq(s.last.spent_nanousd, spent, "line %d: spent %lld", line,
		(long long)s.last.spent_nanousd);
	cr_expect_eq(s.last.held_nanousd, held, "line %d: held %lld", line,
		(long long)s.last.held_nanousd);
}

#define SUMS(c, spent, held) expect_sums(c, spent, held, __LINE__)

Test(sqlite_budgets, R_COST_11_held_before_and_settled_once)
{
	llm_budget_row b = row_budget("", ID("3"), 1);
	llm_op_result got;
	stand s;
	wire c;

	sqlite_stand(&s);
	c = wire_open(&s);
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
	stand_down(&s);
}

Test(sqlite_budgets, R_COST_11_a_window_passes)
{
	llm_budget_row b = row_budget("", ID("1"), 50);
	llm_op_result got;
	stand s;
	wire c;

	sqlite_stand(&s);
	c = wire_open(&s);
	b.period = "span";
	b.span_us = HOUR_US;
	cr_expect_eq(put(&c, LLM_OP_BUDGET_SPEND, &b).changed, 1);
	cr_expect_eq(put(&c, LLM_OP_BUDGET_HOLD, &b).code, 0);
	SUMS(&c, 50, 50);
	b.run_id = ID("2");
	b.nanousd = 1;
	got = put(&c, LLM_OP_BUDGET_HOLD, &b);
	cr_expect_eq(got.code, LLM_E_CONFLICT);
	cr_expect(got.left_us > 0 && got.left_us <= HOUR_US);
	cr_expect_eq(look(&c, "").last.window_us % HOUR_US, 0);
	sqlite_edit(&s, "UPDATE llm_budgets SET window_us = window_us - 3600000000");
	SUMS(&c, 0, 50);
	cr_expect_eq(put(&c, LLM_OP_BUDGET_HOLD, &b).code, 0, "what was spent before is past");
	SUMS(&c, 0, 51);
	b.nanousd = 7;
	cr_expect_eq(put(&c, LLM_OP_BUDGET_SETTLE, &b).changed, 1);
	SUMS(&c, 7, 50);
	/* A clock that was put back opens no window again. */
	sqlite_edit(&s, "UPDATE llm_budgets SET window_us = window_us + 7200000000");
	SUMS(&c, 7, 50);
	b.period = "month";
	cr_expect_eq(put(&c, LLM_OP_BUDGET_SPEND, &b).changed, 1);
	got.left_us = look(&c, "").last.left_us;
	cr_expect(got.left_us > 0 && got.left_us <= 31 * 24 * HOUR_US);
	wire_close(&c);
	stand_down(&s);
}

Test(sqlite_budgets, R_COST_11_without_a_limit_there_is_no_budget)
{
	llm_budget_row b = row_budget("fast", ID("1"), 50);
	stand s;
	wire c;

	sqlite_stand(&s);
	c = wire_open(&s);
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
	stand_down(&s);
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

Test(sqlite_budgets, R_COST_11_the_first_count_is_what_is_on_record)
{
	llm_budget_row b = row_budget("fast", ID("9"), 0);
	stand s;
	wire c;

	sqlite_stand(&s);
	c = wire_open(&s);
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
	stand_down(&s);
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
	llm_owner_row o = {sizeof(o), 0, id, LLM_UNKNOWN, lease_us};

	cr_assert_eq(wire_store(c, LLM_OP_OWNER_BEAT, &o), 0);
}

Test(sqlite_budgets, R_COST_11_what_the_dead_hold_is_spent_or_freed)
{
	llm_budget_row b = row_budget("", "", 0);
	stand s;
	wire c;

	sqlite_stand(&s);
	c = wire_open(&s);
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
	stand_down(&s);
}

/* ---- numbers (K-21) ---- */

Test(sqlite_budgets, K_21_sums_never_run_over)
{
	static const int64_t odd[] = {0, 1, INT64_C(1) << 31, INT64_C(1) << 53, MOST, INT64_MAX};
	llm_budget_row b = row_budget("", ID("1"), 0);
	size_t i, k;
	stand s;
	wire c;

	sqlite_stand(&s);
	c = wire_open(&s);
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
	stand_down(&s);
}
