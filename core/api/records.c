/*
 * records.c - the functions of llm/records.h: arguments checked, then one call down.
 */
#include "llm/records.h"

#include <string.h>

#include "base/err.h"
#include "store/unit.h"

static int32_t records_unit(const llm_unit *u, const void *a, const void *b, llm_err *err)
{
	if (u && u->handle && a && b)
		return 0;
	return err_set(err, LLM_E_INVALID_REQUEST,
		"a unit with a connection is needed, and a place for what it answers");
}

int32_t llm_records_read(llm_unit *unit, uint32_t kind, const llm_filter *filter,
	const llm_row_sink *out, llm_err *err)
{
	int32_t rc = records_unit(unit, filter, out, err);

	if (!rc && filter->struct_size < sizeof(*filter))
		rc = err_set(err, LLM_E_INVALID_REQUEST,
			"a filter begins as LLM_FILTER_INIT: struct_size says too little");
	return rc ? rc : unit_query(unit, kind, filter, out, err);
}

int32_t llm_runs_reap(llm_unit *unit, uint32_t limit, uint32_t *ret_n, llm_err *err)
{
	int32_t rc = records_unit(unit, ret_n, ret_n, err);

	return rc ? rc : unit_reap(unit, limit, ret_n, err);
}

int32_t llm_records_purge(llm_unit *unit, const llm_purge *what, uint32_t *ret_n, llm_err *err)
{
	int32_t rc = records_unit(unit, what, ret_n, err);

	if (!rc && what->struct_size < sizeof(*what))
		rc = err_set(err, LLM_E_INVALID_REQUEST,
			"llm_records_purge: struct_size says too little");
	return rc ? rc : unit_purge(unit, what, ret_n, err);
}

int32_t llm_records_schema(llm_unit *unit, llm_schema_state *ret, llm_err *err)
{
	int32_t rc = records_unit(unit, ret, ret, err);

	return rc ? rc : unit_schema(unit, ret, err);
}

/* ---- budgets ---- */

#define BUDGET_MOST INT64_C(4611686018427387903) /* nanodollars; sums of two do not run over */

static int32_t budget_check(const llm_budget_row *row, llm_err *err)
{
	const int span = row->period && strcmp(row->period, "span") == 0;

	if (row->struct_size < sizeof(*row) || !row->workspace_id || !row->profile)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"llm_budget_set: struct_size, workspace_id and profile are needed");
	if (!row->fixed)
		return 0;
	if (!span &&
		(!row->period ||
			(strcmp(row->period, "month") != 0 && strcmp(row->period, "total") != 0)))
		return err_set(err, LLM_E_INVALID_REQUEST,
			"the window of a budget is a span, a month or the total");
	if ((span && row->span_us <= 0) || row->usual_nanousd <= 0 ||
		row->usual_nanousd > BUDGET_MOST)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"a budget needs the length of its window and the cost of a run whose price "
			"is not known");
	if (row->limit_nanousd < LLM_UNKNOWN || row->limit_nanousd > BUDGET_MOST)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"the limit of a budget is from 0 to 4611686018 US dollars");
	return 0;
}

int32_t llm_budget_set(llm_unit *unit, const llm_budget_row *row, llm_err *err)
{
	const llm_op op = {sizeof(op), LLM_OP_BUDGET_SET, row}, *ops[] = {&op};
	llm_op_result result = {.struct_size = sizeof(result)}, *results[] = {&result};
	int32_t rc = records_unit(unit, row, row, err);

	if (!rc)
		rc = budget_check(row, err);
	return rc ? rc : unit_apply(unit, ops, 1, results, err);
}

/* ---- upkeep ---- */

int32_t llm_records_maintain(llm_unit *unit, uint32_t what, const char *path, llm_err *err)
{
	int32_t rc = records_unit(unit, unit, unit, err);

	if (!rc && unit->bound)
		rc = err_set(err, LLM_E_STATE,
			"upkeep is for connections of our own: on a handle of the host's the host "
			"does it");
	return rc ? rc : unit_maintain(unit, what, path, err);
}
