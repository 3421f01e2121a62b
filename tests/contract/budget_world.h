/*
 * budget_world.h - a storage and the model of its budgets, and what runs do to both.
 */
#ifndef TESTS_CONTRACT_BUDGET_WORLD_H
#define TESTS_CONTRACT_BUDGET_WORLD_H

#include "storage_sql.h"

#include "budget_model.h"

#define WIRES 2
#define OPS_MAX 6

enum { MET_HELD = 0, MET_REFUSED, MET_SETTLED, MET_TOLD, MET_TAKEN, MET_LATE, MET_LAST };

typedef struct world {
	stand *s;
	wire wires[WIRES];
	wire *c; /* of this step */
	uint64_t seed, chance;
	unsigned step;
	const char *what;
	model m;
	terms conf[MODEL_OWNERS];
	int64_t used[MODEL_ACCOUNTS]; /* spent and held in the table, before this step */
	int64_t beyond[MODEL_ACCOUNTS]; /* by what this step may have raised that; -1: by anything */
	int admitted[MODEL_ACCOUNTS]; /* in this step */
	size_t seen; /* rows */
	unsigned met[MET_LAST]; /* how often, to see that all of it is met */
} world;

static const char *const workspaces[] = {"tenant-a", "tenant-b"};
static const char *const profiles[] = {"", "fast"};

#define PLACE "step %u (%s): LLM_SEED=%llu LLM_HISTORIES=1 plays it again"
#define AT(w) (w)->step, (w)->what, (unsigned long long)(w)->seed

static inline uint32_t pick(world *w, uint32_t n)
{
	w->chance = w->chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(w->chance >> 33) % n;
}

static inline int64_t pick_amount(world *w)
{
	static const int64_t amounts[] = {-1, 0, 1, 9, 10, 20, 35, 40, 60, 99, 100, 101, 250};

	return amounts[pick(w, sizeof(amounts) / sizeof(amounts[0]))];
}

static inline terms pick_terms(world *w)
{
	static const char *const periods[] = {"span", "span", "month", "total"};
	static const int64_t limits[] = {-1, 0, 60, 100, 100, 100, 300};
	static const int64_t usual[] = {1, 30, 30, 101};
	terms t = {.period = periods[pick(w, 4)], .span_us = LLM_UNKNOWN};

	if (strcmp(t.period, "span") == 0)
		t.span_us = pick(w, 2) ? LONG_US : LONGER_US;
	t.limit = limits[pick(w, 7)];
	t.usual = usual[pick(w, 4)];
	return t;
}

/* A configuration knows no month, and no total. */
static inline terms pick_conf(world *w)
{
	terms t = pick_terms(w);

	t.period = "span";
	t.span_us = pick(w, 4) ? LONG_US : LONGER_US;
	if (!t.limit)
		t.limit = 100; /* there 0 is none */
	return t;
}

static inline const char *id_of(size_t run)
{
	static char ids[MODEL_RUNS][40];

	snprintf(ids[run], sizeof(ids[run]), "01900000-0000-7000-8000-%012zu", run);
	return ids[run];
}

static inline const char *owner_of(int owner)
{
	static const char *const names[] = {"owner-0", "owner-1", "owner-2"};

	return names[owner];
}

/* ---- a group of operations, in one transaction ---- */

typedef struct group {
	world *w;
	size_t n;
	llm_op ops[OPS_MAX];
	llm_op_result results[OPS_MAX];
	llm_budget_row budgets[OPS_MAX];
	llm_run_row begin, finish;
	llm_attempt_row attempt;
	llm_op_result *end; /* of `finish` */
} group;

static inline llm_op_result *group_add(group *g, uint32_t kind, const void *record)
{
	g->ops[g->n] = (llm_op){sizeof(g->ops[0]), kind, record};
	g->results[g->n] = (llm_op_result){.struct_size = sizeof(g->results[0])};
	return &g->results[g->n++];
}

static inline llm_op_result *group_budget(group *g, uint32_t kind, size_t account, const terms *by)
{
	llm_budget_row *b = &g->budgets[g->n];

	*b = (llm_budget_row){.struct_size = sizeof(*b),
		.workspace_id = workspaces[account / 2],
		.profile = profiles[account % 2],
		.run_id = id_of(0),
		.period = by->period,
		.span_us = by->span_us,
		.limit_nanousd = by->limit,
		.usual_nanousd = by->usual};
	b->spent_nanousd = b->held_nanousd = LLM_UNKNOWN;
	b->window_us = b->left_us = b->updated_us = LLM_UNKNOWN;
	return group_add(g, kind, b);
}

static inline void group_apply(group *g)
{
	const llm_op *ops[OPS_MAX];
	llm_op_result *results[OPS_MAX];
	wire *c = g->w->c;
	size_t i;

	for (i = 0; i < g->n; i++) {
		ops[i] = &g->ops[i];
		results[i] = &g->results[i];
	}
	cr_assert_eq(wire_begin(c), 0, "%s, " PLACE, c->err.message, AT(g->w));
	instance_begin(c->seat, NULL);
	cr_assert_eq(wire_said(c, "apply", c->s->v->apply(c->unit, ops, g->n, results)), 0,
		"%s, " PLACE, c->err.message, AT(g->w));
}

static inline void group_commit(group *g)
{
	group_apply(g);
	cr_assert_eq(wire_commit(g->w->c), 0, PLACE, AT(g->w));
}

/* The service ends before it has committed. */
static inline void group_lose(group *g)
{
	group_apply(g);
	wire_close(g->w->c);
	*g->w->c = wire_open(g->w->s);
}

/* ---- runs ---- */

/* The accounts of a run; 1 or 2 of them. */
static inline size_t accounts_of(const model_run *r, size_t ret[2])
{
	ret[0] = (size_t)r->workspace * 2;
	ret[1] = ret[0] + 1;
	return r->has_profile ? 2 : 1;
}

/* What is configured is the workspace's. */
static inline terms conf_of(const model_run *r, size_t account)
{
	terms t = r->conf;

	if (account % 2)
		t.limit = LLM_UNKNOWN;
	return t;
}

static inline int pick_run(world *w, int state, size_t *ret)
{
	const size_t from = pick(w, MODEL_RUNS);
	size_t i;

	for (i = 0; i < MODEL_RUNS; i++) {
		*ret = (from + i) % MODEL_RUNS;
		if (w->m.runs[*ret].state == state)
			return 1;
	}
	return 0;
}

static inline llm_run_row row_of(const world *w, size_t run)
{
	llm_run_row r = row_begin(workspaces[w->m.runs[run].workspace], id_of(run));

	r.owner_id = owner_of(w->m.runs[run].owner);
	r.profile = w->m.runs[run].has_profile ? profiles[1] : NULL;
	r.created_us = w->m.runs[run].created_us;
	return r;
}

static inline void new_run(world *w, model_run *r)
{
	*r = (model_run){.workspace = (int)pick(w, 2),
		.has_profile = (int)pick(w, 2),
		.owner = (int)pick(w, MODEL_OWNERS),
		.told = pick(w, 4) == 0,
		.estimate = pick_amount(w),
		.cost = LLM_UNKNOWN,
		.created_us = w->m.now_us};
	r->conf = w->conf[r->owner];
}

/* What it was told of a reservation is what the model says. */
static inline void expect_hold(world *w, size_t run, size_t account, const llm_op_result *got)
{
	model_run *r = &w->m.runs[run];
	account_row *a = &w->m.accounts[account];
	const terms conf = conf_of(r, account);
	const int is = model_hold(&w->m, a, &conf, run, r->estimate);

	cr_assert_eq(got->code, is < 0 ? LLM_E_CONFLICT : 0, PLACE, AT(w));
	cr_assert_eq(got->changed, is > 0, PLACE, AT(w));
	if (is < 0)
		cr_assert_eq(got->limit_nanousd, a->by.limit, PLACE, AT(w));
	if (is > 0)
		w->beyond[account] = a->held[run];
	w->admitted[account] = is > 0;
	r->refused |= is < 0;
	w->met[MET_HELD] += is > 0;
	w->met[MET_REFUSED] += is < 0;
}

static inline void begin_run(world *w)
{
	llm_op_result *got[2];
	group g = {.w = w};
	size_t run, on[2], n, i;
	model_run *r;

	if (!pick_run(w, RUN_UNUSED, &run))
		return;
	r = &w->m.runs[run];
	new_run(w, r);
	if (!w->m.alive[r->owner])
		return;
	r->state = RUN_RUNNING;
	if (r->told)
		return;
	n = accounts_of(r, on);
	for (i = 0; i < n; i++) {
		const terms conf = conf_of(r, on[i]);

		got[i] = group_budget(&g, LLM_OP_BUDGET_HOLD, on[i], &conf);
		g.budgets[i].run_id = id_of(run);
		g.budgets[i].nanousd = r->estimate;
	}
	g.begin = row_of(w, run);
	group_add(&g, LLM_OP_RUN_BEGIN, &g.begin);
	if (pick(w, 8) == 0) {
		group_lose(&g);
		r->state = RUN_UNUSED;
		return;
	}
	group_commit(&g);
	r->there = 1;
	for (i = 0; i < n; i++)
		expect_hold(w, run, on[i], got[i]);
}

/* How it ended: with a known cost, without, refused by the provider, or before it was sent. */
static inline int64_t pick_end(world *w, model_run *r)
{
	const uint32_t how = r->refused ? 3 : pick(w, 6);

	r->attempts = how != 3;
	r->answered = how != 2 && how != 3;
	r->cost = how == 1 || how == 2 || how == 3 ? LLM_UNKNOWN : pick_amount(w);
	return r->cost < 0 && !r->answered ? 0 : r->cost;
}

static inline void expect_end(
	world *w, size_t run, size_t account, int64_t cost, const llm_op_result *got)
{
	const model_run *r = &w->m.runs[run];
	const terms conf = conf_of(r, account);
	account_row *a = &w->m.accounts[account];
	const int64_t held = a->held[run] < 0 ? 0 : a->held[run];
	const int changed = r->told ? model_spend(&w->m, a, &conf, cost) :
				      model_settle(&w->m, a, run, cost);
	const int64_t added = cost < 0 ? a->by.usual : cost;

	cr_assert_eq(got->changed, changed, PLACE, AT(w));
	cr_assert_eq(got->code, 0, PLACE, AT(w));
	if (changed)
		w->beyond[account] = added > held ? added - held : 0;
	w->met[r->told ? MET_TOLD : MET_SETTLED] += changed != 0;
}

static inline void end_rows(world *w, size_t run, group *g)
{
	const model_run *r = &w->m.runs[run];
	const char *status = r->cost >= 0 || r->answered ? "succeeded" : "failed";

	g->begin = row_of(w, run);
	if (r->told)
		group_add(g, LLM_OP_RUN_BEGIN, &g->begin);
	g->finish = row_finish(workspaces[r->workspace], id_of(run), status);
	g->finish.cost_nanousd = r->cost;
	g->finish.attempts = r->attempts;
	g->end = group_add(g, LLM_OP_RUN_FINISH, &g->finish);
	g->attempt = row_attempt(workspaces[r->workspace], id_of(run), 1);
	g->attempt.http_status = r->answered ? 200 : 429;
	if (r->attempts)
		group_add(g, LLM_OP_ATTEMPT_PUT, &g->attempt);
}

/* Of one that runs, and of one that was given up and whose service was only slow. */
static inline void end_run(world *w)
{
	llm_op_result *got[2];
	group g = {.w = w};
	size_t run, on[2], n, i;
	model_run *r, before;
	int64_t cost;

	if (!pick_run(w, pick(w, 8) ? RUN_RUNNING : RUN_ABANDONED, &run))
		return;
	r = &w->m.runs[run];
	before = *r;
	cost = pick_end(w, r);
	n = accounts_of(r, on);
	for (i = 0; i < n; i++) {
		const terms conf = conf_of(r, on[i]);

		got[i] = group_budget(
			&g, r->told ? LLM_OP_BUDGET_SPEND : LLM_OP_BUDGET_SETTLE, on[i], &conf);
		g.budgets[i].run_id = id_of(run);
		g.budgets[i].nanousd = cost;
	}
	end_rows(w, run, &g);
	if (pick(w, 8) == 0) {
		group_lose(&g);
		*r = before;
		return;
	}
	group_commit(&g);
	for (i = 0; i < n; i++)
		expect_end(w, run, on[i], cost, got[i]);
	cr_assert_eq(g.end->code,
		r->told || (r->there && r->state == RUN_RUNNING) ? 0 : LLM_E_CONFLICT, PLACE,
		AT(w));
	if (g.end->code) { /* its row stays as it was */
		r->cost = before.cost;
		r->attempts = before.attempts;
		w->met[MET_LATE]++;
	} else {
		r->there = 1;
	}
	if (r->state == RUN_RUNNING)
		r->state = RUN_ENDED;
}

#endif
