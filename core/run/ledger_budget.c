/*
 * ledger_budget.c - budgets that the storage counts, with all who record there (R-COST-11):
 * reserved with the row `running`, turned into what it cost with the end.
 *
 * A run has its workspace's budget and, where it names a profile, the one of its runs that do.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "call.h"
#include "ledger.h"
#include "routing.h"
#include "store/unit.h"
#include "wire/money.h"

#define US_PER_MS 1000
#define LIMIT_MOST INT64_C(4611686018427387903) /* nanodollars; sums of two do not run over */

/* ---- rows ---- */

static void say_window(const budget_rules *rules, llm_budget_row *row)
{
	row->period = "span";
	row->span_us = rules->window_ms ? (int64_t)rules->window_ms * US_PER_MS : LLM_UNKNOWN;
	row->usual_nanousd = rules->usual_nanousd;
	row->limit_nanousd = rules->limit_nanousd ? rules->limit_nanousd : LLM_UNKNOWN;
	if (row->limit_nanousd > LIMIT_MOST)
		row->limit_nanousd = LIMIT_MOST;
}

/* What is configured holds for the workspace; a profile has a budget where one was set. */
static llm_budget_row *row_of(llm_call *c, llm_job *j, const char *profile, int64_t nanousd)
{
	llm_budget_row *row = arena_new(job_arena(j), sizeof(*row));

	if (!row)
		return NULL;
	*row = (llm_budget_row){.struct_size = sizeof(*row), .nanousd = nanousd};
	row->spent_nanousd = row->held_nanousd = LLM_UNKNOWN;
	row->window_us = row->left_us = row->updated_us = LLM_UNKNOWN;
	say_window(&c->set->routing->prices.rules, row);
	if (*profile)
		row->limit_nanousd = LLM_UNKNOWN;
	row->workspace_id = arena_str(job_arena(j), c->workspace);
	row->profile = arena_str(job_arena(j), profile);
	row->run_id = arena_str(job_arena(j), c->res.run_id);
	return row->workspace_id && row->profile && row->run_id ? row : NULL;
}

static int32_t add_one(llm_call *c, llm_job *j, uint32_t kind, const char *profile, int64_t nanousd)
{
	const llm_budget_row *row = row_of(c, j, profile, nanousd);

	return row ? job_add(j, kind, row) : LLM_E_NOMEM;
}

static int32_t add_both(llm_call *c, llm_job *j, uint32_t kind, int64_t nanousd)
{
	const char *profile = c->res.profile;
	int32_t rc = add_one(c, j, kind, "", nanousd);

	return rc || !profile || !*profile ? rc : add_one(c, j, kind, profile, nanousd);
}

/* ---- the beginning and the end ---- */

int32_t ledger_budget_begin(llm_call *c, llm_job *j)
{
	const call_record *rec = c->rec;
	int32_t rc;

	if (rec->budget != BUDGET_HELD)
		return 0;
	rc = job_room(j, BUDGET_OPS);
	return rc ? rc : add_both(c, j, LLM_OP_BUDGET_HOLD, rec->nanousd);
}

int32_t ledger_budget_end(llm_call *c, llm_job *j)
{
	const call_record *rec = c->rec;

	if (!rec->budget)
		return 0;
	return add_both(c, j,
		rec->budget == BUDGET_HELD ? LLM_OP_BUDGET_SETTLE : LLM_OP_BUDGET_SPEND,
		rec->nanousd);
}

/* Nobody waits for it, and nothing of it is dropped: what is held would stay so. */
void ledger_budget_free(llm_call *c)
{
	ledger *l = &c->svc->ledger;
	llm_job *j;

	if (c->rec->budget != BUDGET_HELD || l->out.full)
		return;
	j = job_new(&c->svc->mem, BUDGET_OPS, 0, NULL, NULL);
	if (!j)
		return;
	if (add_both(c, j, LLM_OP_BUDGET_SETTLE, 0))
		job_free(j);
	else
		outbox_put(&l->out, j, UINT64_MAX);
}

/* ---- a refusal ---- */

int32_t ledger_budget_code(const llm_job *j, size_t i, call_record *rec)
{
	const llm_op_result *r = j->results[i];
	const llm_budget_row *row = j->ops[i]->record;

	if (j->ops[i]->kind != LLM_OP_BUDGET_HOLD || r->code != LLM_E_CONFLICT)
		return r->code;
	rec->refused = 1;
	rec->of_profile = *row->profile != 0;
	rec->limit_nanousd = r->limit_nanousd;
	rec->left_us = r->left_us;
	return 0;
}

/* What runs of services hold that are gone is taken from them, once in a while. */
static void reap(llm_call *c)
{
	ledger *l = &c->svc->ledger;
	const uint64_t now = loop_now(c->svc->loop);
	llm_job *j;

	if (l->reaped_ns && now < clock_after_ns(l->reaped_ns, l->lease_ns / LEDGER_BEATS))
		return;
	j = job_new(&c->svc->mem, BUDGET_OPS, 1, NULL, NULL);
	if (!j)
		return;
	if (add_both(c, j, LLM_OP_BUDGET_REAP, LLM_UNKNOWN)) {
		job_free(j);
		return;
	}
	l->reaped_ns = now;
	outbox_put(&l->out, j, UINT64_MAX);
}

static int32_t tell(llm_call *c, llm_err *e)
{
	const call_record *rec = c->rec;
	const char *profile = rec->of_profile ? c->res.profile : "";
	char limit[32], advice[96] = "raise the limit";

	money_write(rec->limit_nanousd, MONEY_NANO, limit);
	if (rec->left_us >= 0)
		snprintf(advice, sizeof(advice),
			"wait %" PRId64 " s for the next window, or raise the limit",
			rec->left_us / (INT64_C(1000) * US_PER_MS) + 1);
	err_set(e, LLM_E_BUDGET_EXCEEDED,
		"%s \"%.128s\" has spent its budget of %s US dollars, or holds it for runs under way\n"
		"%s: llmctl budgets set %.128s%s%.128s",
		*profile ? "profile" : "workspace", *profile ? profile : c->workspace, limit,
		advice, c->workspace, *profile ? " --profile " : "", profile);
	if (rec->left_us >= 0)
		e->retry_after_ms = rec->left_us / US_PER_MS + 1;
	return LLM_E_BUDGET_EXCEEDED;
}

int32_t ledger_budget_exceeded(llm_call *c)
{
	reap(c);
	return tell(c, &c->res.error);
}

/* ---- in a transaction of the host's: nothing is reserved, what is there is looked at ---- */

static int32_t on_room(void *ctx, const void *row)
{
	llm_call *c = ctx;
	const budget_rules *rules = &c->set->routing->prices.rules;
	const llm_budget_row *b = row;
	budget_room *to = &c->rec->rooms[*b->profile != 0];

	if (*b->profile && (!b->fixed || strcmp(b->profile, c->res.profile) != 0))
		return 0;
	to->limit_nanousd = b->fixed ? b->limit_nanousd :
		rules->limit_nanousd ? rules->limit_nanousd :
				       LLM_UNKNOWN;
	to->usual_nanousd = b->fixed ? b->usual_nanousd : rules->usual_nanousd;
	to->nanousd = to->limit_nanousd - b->spent_nanousd - b->held_nanousd;
	to->left_us = b->left_us;
	return 0;
}

int32_t ledger_budget_look(llm_call *c, llm_unit *unit, llm_err *err)
{
	const llm_row_sink sink = {sizeof(sink), 0, c, on_room};
	llm_filter filter = LLM_FILTER_INIT;
	budget_room *rooms;

	if (!pricing_is_counted(c) || !storage_has_query(unit->storage, LLM_QUERY_BUDGETS))
		return 0;
	rooms = arena_array(&c->ar, BUDGET_OPS, sizeof(*rooms));
	if (!rooms)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	rooms[0].limit_nanousd = rooms[1].limit_nanousd = LLM_UNKNOWN;
	c->rec->rooms = rooms;
	filter.workspace_id = c->workspace;
	filter.profile = c->res.profile ? NULL : "";
	return unit_query(unit, LLM_QUERY_BUDGETS, &filter, &sink, err);
}

int32_t ledger_budget_bears(llm_call *c, int64_t nanousd, llm_err *err)
{
	call_record *rec = c->rec;
	const budget_room *r;
	uint32_t i;

	for (i = 0; i < BUDGET_OPS; i++) {
		r = &rec->rooms[i];
		if (r->limit_nanousd < 0 ||
			(nanousd < 0 ? r->usual_nanousd : nanousd) <= r->nanousd)
			continue;
		rec->of_profile = i;
		rec->limit_nanousd = r->limit_nanousd;
		rec->left_us = r->left_us;
		return tell(c, err);
	}
	return 0;
}
