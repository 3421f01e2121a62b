/*
 * budget.c - operations on budgets: a few statements each, in whatever transaction is open.
 */
#include "unit.h"

static int32_t refused_row(void *ctx, const void *row)
{
	const llm_budget_row *b = row;
	llm_op_result *ret = ctx;

	ret->code = LLM_E_CONFLICT;
	if (ret->struct_size < sizeof(*ret))
		return 0;
	ret->limit_nanousd = b->limit_nanousd;
	ret->left_us = b->left_us;
	return 0;
}

/* As configured; the first time, and with another window, with what is on record. */
static int32_t budget_turn(unit *u, const llm_budget_row *row)
{
	int64_t changed;
	int32_t rc = stmt_exec(u, ST_BUDGET_TURN, row, &changed);

	return rc || !changed ? rc : stmt_exec(u, ST_BUDGET_COUNT, row, NULL);
}

static int32_t budget_hold(unit *u, const llm_budget_row *row, llm_op_result *ret)
{
	const llm_row_sink sink = {sizeof(sink), 0, ret, refused_row};
	int32_t rc = budget_turn(u, row);

	if (!rc)
		rc = stmt_exec(u, ST_BUDGET_HOLD, row, &ret->changed);
	if (rc)
		return rc;
	return ret->changed ? stmt_exec(u, ST_BUDGET_NOTE, row, NULL) :
			      stmt_rows(u, ST_BUDGET_TELL, row, &sink);
}

static int32_t budget_set(unit *u, const llm_budget_row *row, llm_op_result *ret)
{
	int32_t rc;

	if (!row->fixed)
		return stmt_exec(u, ST_BUDGET_UNSET, row, &ret->changed);
	rc = stmt_exec(u, ST_BUDGET_SET, row, &ret->changed);
	return rc ? rc : stmt_exec(u, ST_BUDGET_COUNT, row, NULL);
}

/* Both or neither: the second is of the same rows. */
static int32_t budget_both(
	unit *u, unsigned first, unsigned second, const void *row, int64_t *ret_changed)
{
	const int32_t rc = stmt_exec(u, first, row, ret_changed);

	return rc ? rc : stmt_exec(u, second, row, NULL);
}

int32_t budget_apply(unit *u, const llm_op *op, llm_op_result *ret)
{
	const llm_budget_row *row = op->record;
	int32_t rc;

	ret->code = 0;
	switch (op->kind) {
	case LLM_OP_BUDGET_HOLD:
		return budget_hold(u, row, ret);
	case LLM_OP_BUDGET_SETTLE:
		return budget_both(u, ST_BUDGET_SETTLE, ST_BUDGET_DROP, row, &ret->changed);
	case LLM_OP_BUDGET_SPEND:
		rc = budget_turn(u, row);
		return rc ? rc : stmt_exec(u, ST_BUDGET_SPEND, row, &ret->changed);
	case LLM_OP_BUDGET_SET:
		return budget_set(u, row, ret);
	default:
		rc = stmt_exec(u, ST_BUDGET_REAP, row, &ret->changed);
		return rc || !ret->changed ? rc : stmt_exec(u, ST_BUDGET_FORGET, row, NULL);
	}
}

int32_t budget_reap(unit *u)
{
	return budget_both(u, ST_REAP_HOLDS, ST_REAP_FORGET, NULL, NULL);
}
