/*
 * work.c - operations and questions, on connections of our own and on a host's handle.
 */
#include <string.h>

#include "unit.h"

static const uint8_t op_statements[] = {
	[LLM_OP_ATTEMPT_PUT] = ST_ATTEMPT_PUT,
	[LLM_OP_STAGE_PUT] = ST_STAGE_PUT,
	[LLM_OP_CONTENT_PUT] = ST_CONTENT_PUT,
	[LLM_OP_IDEM_SETTLE] = ST_IDEM_SETTLE,
	[LLM_OP_OWNER_BEAT] = ST_OWNER_BEAT,
	[LLM_OP_CACHE_PUT] = ST_CACHE_PUT,
	[LLM_OP_CACHE_TOUCH] = ST_CACHE_TOUCH,
	[LLM_OP_CACHE_DROP] = ST_CACHE_DROP,
	[LLM_OP_HEALTH_PUT] = ST_HEALTH_PUT,
	[LLM_OP_CACHE_TRIM] = ST_CACHE_TRIM,
};

static const uint8_t query_statements[] = {
	[LLM_QUERY_RUN] = ST_RUN,
	[LLM_QUERY_RUNS] = ST_RUNS,
	[LLM_QUERY_ATTEMPTS] = ST_ATTEMPTS,
	[LLM_QUERY_STAGES] = ST_STAGES,
	[LLM_QUERY_CONTENT] = ST_CONTENT,
	[LLM_QUERY_IDEM] = ST_IDEM,
	[LLM_QUERY_CACHE] = ST_CACHE,
	[LLM_QUERY_SPEND] = ST_SPEND,
	[LLM_QUERY_HEALTH] = ST_HEALTH,
	[LLM_QUERY_BUDGETS] = ST_BUDGETS,
	[LLM_QUERY_OWNERS] = ST_OWNERS,
};

static const uint8_t group_statements[] = {
	[LLM_GROUP_PROFILE] = ST_STATS_PROFILE,
	[LLM_GROUP_PROVIDER] = ST_STATS_PROVIDER,
	[LLM_GROUP_MODEL] = ST_STATS_MODEL,
	[LLM_GROUP_DAY] = ST_STATS_DAY,
	[LLM_GROUP_WORKSPACE] = ST_STATS_WORKSPACE,
};

static unsigned looked_up(const uint8_t *list, size_t n, uint32_t i)
{
	return i < n ? list[i] : ST_NONE;
}

/* A failing statement may have ended the transaction on its own, so look each time. */
static int32_t work_is_open(const unit *u)
{
	if (!u->q->get_autocommit(u->db))
		return 0;
	return unit_say(u, LLM_E_STATE, "no transaction is open",
		u->bound ? "begin one before, or look why yours has ended" : NULL);
}

/* An operation that wrote nothing was forbidden by the stored row, or had nothing to do. */
static int32_t op_code(uint32_t kind, int64_t changed)
{
	if (changed)
		return 0;
	switch (kind) {
	case LLM_OP_RUN_BEGIN:
	case LLM_OP_RUN_FINISH:
	case LLM_OP_IDEM_CLAIM:
	case LLM_OP_IDEM_SETTLE:
		return LLM_E_CONFLICT;
	default:
		return 0;
	}
}

/* ---- operations ---- */

static int32_t claim_row(void *ctx, const void *row)
{
	llm_op_result *ret = ctx;

	ret->generation = ((const llm_idem_row *)row)->generation;
	ret->changed = 1;
	return 0;
}

/* A row that is there already may still be one that waits for its beginning. */
static int32_t apply_begin(unit *u, const llm_op *op, llm_op_result *ret)
{
	int32_t rc = stmt_exec(u, ST_RUN_BEGIN, op->record, &ret->changed);

	return rc || ret->changed ? rc : stmt_exec(u, ST_RUN_START, op->record, &ret->changed);
}

/* The statement for what an end tells has a third less to do. */
static unsigned finish_statement(const llm_run_row *r)
{
	const char *const begun[] = {r->owner_id, r->parent_run_id, r->pipeline, r->profile,
		r->requested_model, r->request_hash, r->idempotency_key_hash, r->prompt_ref,
		r->params_json, r->metadata_json, r->trace_id, r->span_id};
	size_t i;

	for (i = 0; i < sizeof(begun) / sizeof(begun[0]); i++)
		if (begun[i])
			return ST_RUN_FINISH;
	return r->started_us == LLM_UNKNOWN ? ST_RUN_END : ST_RUN_FINISH;
}

static int32_t apply_finish(unit *u, const llm_op *op, llm_op_result *ret)
{
	const llm_run_row *row = op->record;
	const unsigned which = row->struct_size < sizeof(*row) ? ST_RUN_FINISH :
								 finish_statement(row);

	return stmt_exec(u, which, row, &ret->changed);
}

static int32_t apply_by_kind(unit *u, const llm_op *op, llm_op_result *ret)
{
	const unsigned which = looked_up(op_statements, sizeof(op_statements), op->kind);
	const llm_row_sink sink = {sizeof(sink), 0, ret, claim_row};

	switch (op->kind) {
	case LLM_OP_RUN_BEGIN:
		return apply_begin(u, op, ret);
	case LLM_OP_RUN_FINISH:
		return apply_finish(u, op, ret);
	case LLM_OP_IDEM_CLAIM:
		return stmt_rows(u, ST_IDEM_CLAIM, op->record, &sink);
	default:
		return which == ST_NONE ?
			unit_say(u, LLM_E_UNSUPPORTED, "there is no such operation", NULL) :
			stmt_exec(u, which, op->record, &ret->changed);
	}
}

static int32_t apply_one(unit *u, const llm_op *op, llm_op_result *ret)
{
	int32_t rc;

	ret->changed = 0;
	ret->generation = 0;
	if (op->kind >= LLM_OP_BUDGET_HOLD && op->kind <= LLM_OP_BUDGET_REAP)
		return budget_apply(u, op, ret);
	rc = apply_by_kind(u, op, ret);
	if (!rc)
		ret->code = op_code(op->kind, ret->changed);
	return rc;
}

static int32_t apply_all(unit *u, const llm_op *const *ops, size_t n, llm_op_result *const *results)
{
	int32_t rc = 0;
	size_t i;

	for (i = 0; i < n && !rc; i++)
		rc = apply_one(u, ops[i], results[i]);
	return rc;
}

/* In a host's transaction a failure must not leave half of the burst behind. */
static int32_t apply_guarded(
	unit *u, const llm_op *const *ops, size_t n, llm_op_result *const *results)
{
	int32_t rc = stmt_exec(u, ST_SAVEPOINT, NULL, NULL);

	if (rc)
		return rc;
	rc = apply_all(u, ops, n, results);
	if (!rc)
		return stmt_exec(u, ST_RELEASE, NULL, NULL);
	if (!u->q->get_autocommit(u->db) && !stmt_exec(u, ST_ROLLBACK_TO, NULL, NULL))
		stmt_exec(u, ST_RELEASE, NULL, NULL);
	return rc;
}

int32_t work_apply(void *handle, const llm_op *const *ops, size_t n, llm_op_result *const *results)
{
	unit *u = handle;
	int32_t rc = work_is_open(u);

	if (rc)
		return rc;
	return u->bound ? apply_guarded(u, ops, n, results) : apply_all(u, ops, n, results);
}

/* ---- questions ---- */

static unsigned stats_statement(const llm_filter *f)
{
	unsigned which = looked_up(group_statements, sizeof(group_statements), f->group);

	if (which == ST_NONE || !f->workspace_id || strcmp(f->workspace_id, LLM_ANY_WORKSPACE) != 0)
		return which;
	return which + (ST_STATS_ALL_PROFILE - ST_STATS_PROFILE);
}

int32_t work_query(void *handle, uint32_t kind, const llm_filter *filter, const llm_row_sink *out)
{
	unit *u = handle;
	unsigned which = looked_up(query_statements, sizeof(query_statements), kind);

	int32_t rc;

	if (kind == LLM_QUERY_STATS)
		which = stats_statement(filter);
	if (which == ST_RUNS && filter->error_code)
		which = ST_RUNS_ERROR;
	if (which == ST_NONE)
		return unit_say(u, LLM_E_UNSUPPORTED, "there is no such question", NULL);
	rc = own_clear(u);
	return rc ? rc : stmt_rows(u, which, filter, out);
}

/* ---- upkeep ---- */

int32_t work_reap(void *handle, uint32_t limit, uint32_t *ret_n)
{
	llm_filter filter = LLM_FILTER_INIT;
	unit *u = handle;
	int64_t n = 0;
	int32_t rc = work_is_open(u);

	filter.limit = limit;
	if (!rc)
		rc = stmt_exec(u, ST_REAP, &filter, &n);
	if (!rc)
		rc = budget_reap(u);
	if (!rc)
		*ret_n = (uint32_t)n;
	return rc;
}

int32_t work_purge(void *handle, const llm_purge *what, uint32_t *ret_n)
{
	unit *u = handle;
	int64_t n = 0, sum = 0;
	int32_t rc = work_is_open(u);
	unsigned which;

	if (!rc && (what->limit < 1 || what->limit > 1000))
		rc = unit_say(
			u, LLM_E_INVALID_REQUEST, "purge takes 1 to 1000 rows at a time", NULL);
	if (!rc && what->all_of_workspace && !what->workspace_id)
		rc = unit_say(
			u, LLM_E_INVALID_REQUEST, "purge of all rows names a workspace", NULL);
	for (which = ST_PURGE_FIRST; which <= ST_PURGE_LAST && !rc; which++) {
		rc = stmt_exec(u, which, what, &n);
		sum += n;
	}
	if (!rc)
		*ret_n = (uint32_t)sum;
	return rc;
}
