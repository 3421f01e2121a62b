/*
 * sqlite_budgets.c - windows of budgets that pass, on SQLite.
 */
#include "sqlite_help.h"

#include "budgets.h"

#define ROUNDS 60
#define TRIES 100000 /* within some milliseconds it is taken */

Test(sqlite_budgets, R_COST_11_a_window_passes)
{
	stand s;

	sqlite_stand(&s);
	play_window(&s, sqlite_edit);
	stand_down(&s);
}

/*
 * The lease of a service passes between the two statements that take from it what it held: it is
 * counted or it is left, and never lost.
 */
Test(sqlite_budgets, R_COST_11_a_lease_that_passes_in_the_middle)
{
	llm_owner_row o = {.struct_size = sizeof(o), .id = "owner-1", .started_us = LLM_UNKNOWN};
	llm_budget_row b = row_budget("", ID("1"), 1);
	llm_run_row r = row_begin(W, ID("1"));
	llm_op_result got = {0};
	stand s;
	wire c;
	int i, n;

	sqlite_stand(&s);
	c = wire_open(&s);
	cr_assert_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &r), 0);
	for (i = 0; i < ROUNDS; i++) {
		o.lease_us = 1000 + i * 37;
		cr_assert_eq(wire_begin(&c), 0);
		cr_assert_eq(wire_put(&c, LLM_OP_OWNER_BEAT, &o, &got), 0);
		cr_assert_eq(wire_put(&c, LLM_OP_BUDGET_HOLD, &b, &got), 0);
		cr_assert_eq(got.changed, 1);
		for (got.changed = n = 0; !got.changed && n < TRIES; n++)
			cr_assert_eq(wire_put(&c, LLM_OP_BUDGET_REAP, &b, &got), 0);
		cr_assert_eq(wire_commit(&c), 0);
		SUMS(&c, i + 1, 0);
	}
	wire_close(&c);
	stand_down(&s);
}
