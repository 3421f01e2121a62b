/*
 * budgets.h - operations on budgets, and what they leave behind.
 */
#ifndef TESTS_CONTRACT_BUDGETS_H
#define TESTS_CONTRACT_BUDGETS_H

#include "storage_help.h"

#define HOUR_US INT64_C(3600000000)
#define MOST INT64_C(4611686018427387903)

static inline llm_budget_row row_budget(const char *profile, const char *run_id, int64_t nanousd)
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

static inline llm_op_result put(wire *c, uint32_t kind, const llm_budget_row *b)
{
	llm_op_result result;

	cr_assert_eq(wire_begin(c), 0, "%s", c->err.message);
	cr_assert_eq(wire_put(c, kind, b, &result), 0, "%s", c->err.message);
	cr_assert_eq(wire_commit(c), 0, "%s", c->err.message);
	return result;
}

static inline int32_t hold(wire *c, const char *run_id, int64_t nanousd)
{
	const llm_budget_row b = row_budget("", run_id, nanousd);

	return put(c, LLM_OP_BUDGET_HOLD, &b).code;
}

static inline int64_t settle(wire *c, const char *run_id, int64_t nanousd)
{
	const llm_budget_row b = row_budget("", run_id, nanousd);

	return put(c, LLM_OP_BUDGET_SETTLE, &b).changed;
}

typedef struct seen {
	size_t n;
	llm_budget_row last;
} seen;

static inline int32_t see(void *ctx, const void *row)
{
	seen *s = ctx;

	s->n++;
	s->last = *(const llm_budget_row *)row;
	return 0;
}

static inline seen look(wire *c, const char *profile)
{
	seen s = {0};
	llm_row_sink sink = {sizeof(sink), 0, &s, see};
	llm_filter filter = LLM_FILTER_INIT;

	filter.workspace_id = W;
	filter.profile = profile;
	cr_assert_eq(wire_query(c, LLM_QUERY_BUDGETS, &filter, &sink), 0, "%s", c->err.message);
	return s;
}

static inline void expect_sums(wire *c, int64_t spent, int64_t held, int line)
{
	const seen s = look(c, "");

	cr_expect_eq(s.n, 1, "line %d", line);
	cr_expect_eq(s.last.spent_nanousd, spent, "line %d: spent %lld", line,
		(long long)s.last.spent_nanousd);
	cr_expect_eq(s.last.held_nanousd, held, "line %d: held %lld", line,
		(long long)s.last.held_nanousd);
}

#define SUMS(c, spent, held) expect_sums(c, spent, held, __LINE__)

/* A window passes; `edit` changes rows behind the plugin's back. */
static inline void play_window(stand *s, void (*edit)(const stand *s, const char *sql))
{
	llm_budget_row b = row_budget("", ID("1"), 50);
	llm_op_result got;
	wire c;

	c = wire_open(s);
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
	edit(s, "UPDATE llm_budgets SET window_us = window_us - 3600000000");
	SUMS(&c, 0, 50);
	cr_expect_eq(put(&c, LLM_OP_BUDGET_HOLD, &b).code, 0, "what was spent before is past");
	SUMS(&c, 0, 51);
	b.nanousd = 7;
	cr_expect_eq(put(&c, LLM_OP_BUDGET_SETTLE, &b).changed, 1);
	SUMS(&c, 7, 50);
	/* A clock that was put back opens no window again. */
	edit(s, "UPDATE llm_budgets SET window_us = window_us + 7200000000");
	SUMS(&c, 7, 50);
	b.period = "month";
	cr_expect_eq(put(&c, LLM_OP_BUDGET_SPEND, &b).changed, 1);
	got.left_us = look(&c, "").last.left_us;
	cr_expect(got.left_us > 0 && got.left_us <= 31 * 24 * HOUR_US);
	wire_close(&c);
}

#endif
