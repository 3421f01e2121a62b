/*
 * work.c - operations and questions, on connections of our own and on a host's connection.
 */
#include <string.h>

#include "unit.h"

static const uint8_t op_statements[] = {
	[LLM_OP_RUN_BEGIN] = ST_RUN_BEGIN,
	[LLM_OP_RUN_FINISH] = ST_RUN_FINISH,
	[LLM_OP_ATTEMPT_PUT] = ST_ATTEMPT_PUT,
	[LLM_OP_STAGE_PUT] = ST_STAGE_PUT,
	[LLM_OP_CONTENT_PUT] = ST_CONTENT_PUT,
	[LLM_OP_IDEM_CLAIM] = ST_IDEM_CLAIM,
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

/* ---- in which transaction ---- */

int32_t work_read(unit *u, step *steps, size_t n)
{
	return u->bound || own_is_open(u) ? trip_run(u, steps, n) : own_read(u, steps, n);
}

static int32_t work_write(unit *u, step *steps, size_t n)
{
	int32_t rc;

	if (!u->bound && !own_is_open(u))
		return unit_say(u, LLM_E_STATE, "no transaction is open", NULL);
	rc = trip_run(u, steps, n);
	if (rc && !u->bound && trip_unprepared(u))
		rc = own_again(u, steps, n);
	u->worked = 1;
	return rc;
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

/* Of a budget that does not bear a run. */
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

/* What an operation is made of; what it has changed is what the one marked has. */
#define OP_STEPS 4

typedef struct recipe {
	uint8_t list[OP_STEPS]; /* ST_NONE: no more */
	uint8_t counts;
} recipe;

static recipe recipe_of(const llm_op *op)
{
	switch (op->kind) {
	case LLM_OP_BUDGET_HOLD:
		return (recipe){
			{ST_BUDGET_TURN, ST_BUDGET_COUNT, ST_BUDGET_HOLD, ST_BUDGET_TELL}, 2};
	case LLM_OP_BUDGET_SETTLE:
		return (recipe){{ST_BUDGET_SETTLE}, 0};
	case LLM_OP_BUDGET_SPEND:
		return (recipe){{ST_BUDGET_TURN, ST_BUDGET_COUNT, ST_BUDGET_SPEND}, 2};
	case LLM_OP_BUDGET_SET:
		return ((const llm_budget_row *)op->record)->fixed ?
			(recipe){{ST_BUDGET_SET, ST_BUDGET_COUNT}, 0} :
			(recipe){{ST_BUDGET_UNSET}, 0};
	case LLM_OP_BUDGET_REAP:
		return (recipe){{ST_BUDGET_REAP}, 0};
	default:
		return (recipe){
			{(uint8_t)looked_up(op_statements, sizeof(op_statements), op->kind)}, 0};
	}
}

/* The steps of a group, and a sink for each: claims and refusals have rows. */
typedef struct group {
	step *steps;
	llm_row_sink *sinks;
	size_t n;
	size_t *counts; /* of each operation: the step that counts */
	size_t *ends; /* the step behind it */
} group;

static int32_t apply_plan(unit *u, const llm_op *op, llm_op_result *result, group *g, size_t i)
{
	const recipe r = recipe_of(op);
	size_t k;

	if (r.list[0] == ST_NONE)
		return unit_say(u, LLM_E_UNSUPPORTED, "there is no such operation", NULL);
	result->code = 0;
	result->changed = 0;
	result->generation = 0;
	g->counts[i] = g->n + r.counts;
	for (k = 0; k < OP_STEPS && r.list[k]; k++, g->n++) {
		const int rows = r.list[k] == ST_IDEM_CLAIM || r.list[k] == ST_BUDGET_TELL;

		g->sinks[g->n] = (llm_row_sink){sizeof(g->sinks[0]), 0, result,
			r.list[k] == ST_IDEM_CLAIM ? claim_row : refused_row};
		g->steps[g->n] = (step){.s = &statements[r.list[k]],
			.record = op->record,
			.out = rows ? &g->sinks[g->n] : NULL};
	}
	g->ends[i] = g->n;
	return 0;
}

static int32_t group_new(const unit *u, size_t n, group *ret)
{
	const llm_host *h = u->host;
	group g = {h->alloc(h->ctx, LLM_SCOPE_SCRATCH, n * OP_STEPS * sizeof(step)),
		h->alloc(h->ctx, LLM_SCOPE_SCRATCH, n * OP_STEPS * sizeof(llm_row_sink)), 0,
		h->alloc(h->ctx, LLM_SCOPE_SCRATCH, n * sizeof(size_t)),
		h->alloc(h->ctx, LLM_SCOPE_SCRATCH, n * sizeof(size_t))};

	*ret = g;
	return g.steps && g.sinks && g.counts && g.ends ? 0 : LLM_E_NOMEM;
}

static void apply_tell(const llm_op *op, const step *counts, llm_op_result *ret)
{
	if (!counts->out)
		ret->changed = counts->changed;
	if (!ret->code)
		ret->code = op_code(op->kind, ret->changed);
}

static int32_t apply_all(unit *u, const llm_op *const *ops, size_t n, llm_op_result *const *results)
{
	int32_t rc;
	size_t i;
	group g;

	rc = group_new(u, n, &g);
	for (i = 0; i < n && !rc; i++)
		rc = apply_plan(u, ops[i], results[i], &g, i);
	if (rc)
		return rc;
	rc = work_write(u, g.steps, g.n);
	for (i = 0; i < n && rc && u->failed_at >= g.ends[i];)
		i++;
	if (rc && i < n)
		results[i]->code = rc;
	for (i = 0; i < n && !rc; i++) {
		apply_tell(ops[i], &g.steps[g.counts[i]], results[i]);
		witness_note(&u->wrote, ops[i], results[i]);
	}
	return rc;
}

int32_t work_apply(void *handle, const llm_op *const *ops, size_t n, llm_op_result *const *results)
{
	unit *u = handle;

	if (!u->bound && !own_is_open(u))
		return unit_say(u, LLM_E_STATE, "no transaction is open", NULL);
	return n ? apply_all(u, ops, n, results) : 0;
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
	step t = {.record = filter, .out = out};

	if (kind == LLM_QUERY_STATS)
		which = stats_statement(filter);
	if (which == ST_NONE)
		return unit_say(u, LLM_E_UNSUPPORTED, "there is no such question", NULL);
	t.s = &statements[which];
	return work_read(u, &t, 1);
}

/* ---- upkeep ---- */

int32_t work_reap(void *handle, uint32_t limit, uint32_t *ret_n)
{
	llm_filter filter = LLM_FILTER_INIT;
	step steps[] = {
		{.s = &statements[ST_REAP], .record = &filter}, {.s = &statements[ST_REAP_HOLDS]}};
	int32_t rc;

	filter.limit = limit;
	rc = work_write(handle, steps, 2);
	if (!rc)
		*ret_n = (uint32_t)steps[0].changed;
	return rc;
}

/* Children first, all tables in one round trip. */
int32_t work_purge(void *handle, const llm_purge *what, uint32_t *ret_n)
{
	step steps[ST_PURGE_LAST - ST_PURGE_FIRST + 1];
	const size_t n = sizeof(steps) / sizeof(steps[0]);
	unit *u = handle;
	int64_t sum = 0;
	int32_t rc;
	size_t i;

	if (what->limit < 1 || what->limit > 1000)
		return unit_say(
			u, LLM_E_INVALID_REQUEST, "purge takes 1 to 1000 rows at a time", NULL);
	if (what->all_of_workspace && !what->workspace_id)
		return unit_say(
			u, LLM_E_INVALID_REQUEST, "purge of all rows names a workspace", NULL);
	for (i = 0; i < n; i++)
		steps[i] = (step){.s = &statements[ST_PURGE_FIRST + i], .record = what};
	rc = work_write(u, steps, n);
	for (i = 0; i < n && !rc; i++)
		sum += steps[i].changed;
	if (!rc)
		*ret_n = (uint32_t)sum;
	return rc;
}
