/*
 * storage_budget_histories.c - budgets in random histories, beside the slow second writing of
 * their rules (budget_model.h): reserved, settled, freed, added, set, given back, purged, windows
 * that pass, clocks that are put back, services that die, come back, or end in the middle of a
 * transaction. Behind every step every sum in the table is that of the model, and nothing was
 * let in that did not fit.
 * LLM_HISTORIES says how many, LLM_SEED which is the first.
 */
#include <stdlib.h>

#include "storage_sql.h"

#include "budget_model.h"

#define HISTORIES 40 /* on PostgreSQL a tenth of it */
#define STEPS 80
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

static uint32_t pick(world *w, uint32_t n)
{
	w->chance = w->chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(w->chance >> 33) % n;
}

static int64_t pick_amount(world *w)
{
	static const int64_t amounts[] = {-1, 0, 1, 9, 10, 20, 35, 40, 60, 99, 100, 101, 250};

	return amounts[pick(w, sizeof(amounts) / sizeof(amounts[0]))];
}

static terms pick_terms(world *w)
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
static terms pick_conf(world *w)
{
	terms t = pick_terms(w);

	t.period = "span";
	t.span_us = pick(w, 4) ? LONG_US : LONGER_US;
	if (!t.limit)
		t.limit = 100; /* there 0 is none */
	return t;
}

static const char *id_of(size_t run)
{
	static char ids[MODEL_RUNS][40];

	snprintf(ids[run], sizeof(ids[run]), "01900000-0000-7000-8000-%012zu", run);
	return ids[run];
}

static const char *owner_of(int owner)
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

static llm_op_result *group_add(group *g, uint32_t kind, const void *record)
{
	g->ops[g->n] = (llm_op){sizeof(g->ops[0]), kind, record};
	g->results[g->n] = (llm_op_result){.struct_size = sizeof(g->results[0])};
	return &g->results[g->n++];
}

static llm_op_result *group_budget(group *g, uint32_t kind, size_t account, const terms *by)
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

static void group_apply(group *g)
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

static void group_commit(group *g)
{
	group_apply(g);
	cr_assert_eq(wire_commit(g->w->c), 0, PLACE, AT(g->w));
}

/* The service ends before it has committed. */
static void group_lose(group *g)
{
	group_apply(g);
	wire_close(g->w->c);
	*g->w->c = wire_open(g->w->s);
}

/* ---- runs ---- */

/* The accounts of a run; 1 or 2 of them. */
static size_t accounts_of(const model_run *r, size_t ret[2])
{
	ret[0] = (size_t)r->workspace * 2;
	ret[1] = ret[0] + 1;
	return r->has_profile ? 2 : 1;
}

/* What is configured is the workspace's. */
static terms conf_of(const model_run *r, size_t account)
{
	terms t = r->conf;

	if (account % 2)
		t.limit = LLM_UNKNOWN;
	return t;
}

static int pick_run(world *w, int state, size_t *ret)
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

static llm_run_row row_of(const world *w, size_t run)
{
	llm_run_row r = row_begin(workspaces[w->m.runs[run].workspace], id_of(run));

	r.owner_id = owner_of(w->m.runs[run].owner);
	r.profile = w->m.runs[run].has_profile ? profiles[1] : NULL;
	r.created_us = w->m.runs[run].created_us;
	return r;
}

static void new_run(world *w, model_run *r)
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
static void expect_hold(world *w, size_t run, size_t account, const llm_op_result *got)
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

static void begin_run(world *w)
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
static int64_t pick_end(world *w, model_run *r)
{
	const uint32_t how = r->refused ? 3 : pick(w, 6);

	r->attempts = how != 3;
	r->answered = how != 2 && how != 3;
	r->cost = how == 1 || how == 2 || how == 3 ? LLM_UNKNOWN : pick_amount(w);
	return r->cost < 0 && !r->answered ? 0 : r->cost;
}

static void expect_end(world *w, size_t run, size_t account, int64_t cost, const llm_op_result *got)
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

static void end_rows(world *w, size_t run, group *g)
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
static void end_run(world *w)
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

/* ---- budgets and services ---- */

static void set_budget(world *w)
{
	const size_t account = pick(w, MODEL_ACCOUNTS);
	const terms by = pick_terms(w);
	group g = {.w = w};

	group_budget(&g, LLM_OP_BUDGET_SET, account, &by);
	g.budgets[0].fixed = 1;
	group_commit(&g);
	cr_assert_eq(g.results[0].changed, 1, PLACE, AT(w));
	model_set(&w->m, &w->m.accounts[account], &by);
}

static void give_back(world *w)
{
	const size_t account = pick(w, MODEL_ACCOUNTS);
	const terms by = pick_terms(w);
	group g = {.w = w};

	group_budget(&g, LLM_OP_BUDGET_SET, account, &by);
	group_commit(&g);
	cr_assert_eq(g.results[0].changed, w->m.accounts[account].there, PLACE, AT(w));
	w->m.accounts[account].fixed = 0;
}

static void configure(world *w)
{
	w->conf[pick(w, MODEL_OWNERS)] = pick_conf(w);
}

static void beat(world *w, int owner, int alive)
{
	/* Longer than what passes in a history. */
	const llm_owner_row o = {sizeof(o), 0, owner_of(owner), LLM_UNKNOWN,
		alive ? 100 * LONGER_US : -1000000, NULL};

	w->m.alive[owner] = alive;
	cr_assert_eq(wire_store(w->c, LLM_OP_OWNER_BEAT, &o), 0, PLACE, AT(w));
}

static void die_or_return(world *w)
{
	const int owner = (int)pick(w, MODEL_OWNERS);

	beat(w, owner, !w->m.alive[owner]);
}

/* The next one that holds something of a service that has gone, if there is one. */
static size_t pick_orphaned(world *w)
{
	const size_t from = pick(w, MODEL_ACCOUNTS);
	size_t i, k, at;

	for (i = 0; i < MODEL_ACCOUNTS; i++) {
		at = (from + i) % MODEL_ACCOUNTS;
		for (k = 0; k < MODEL_RUNS; k++)
			if (w->m.accounts[at].held[k] >= 0 && model_is_dead(&w->m, k, 1))
				return at;
	}
	return from;
}

static void reap_one(world *w)
{
	const size_t account = pick_orphaned(w);
	const terms by = pick_terms(w);
	group g = {.w = w};

	group_budget(&g, LLM_OP_BUDGET_REAP, account, &by);
	group_commit(&g);
	cr_assert_eq(
		g.results[0].changed, model_reap(&w->m, &w->m.accounts[account], 1), PLACE, AT(w));
	w->met[MET_TAKEN] += g.results[0].changed != 0;
}

static void reap_all(world *w)
{
	wire *c = w->c;
	uint32_t n;

	cr_assert_eq(wire_begin(c), 0, PLACE, AT(w));
	instance_begin(c->seat, NULL);
	cr_assert_eq(wire_said(c, "reap", c->s->v->reap(c->unit, 1000, &n)), 0, PLACE, AT(w));
	cr_assert_eq(wire_commit(c), 0, PLACE, AT(w));
	model_reap_all(&w->m);
}

/* ---- time ---- */

static void pass(world *w)
{
	static const int64_t spans[] = {31 * DAY_US, LONG_US, LONGER_US, -LONG_US};
	const int64_t us = spans[pick(w, 4)];
	char sql[200];
	size_t i;

	snprintf(sql, sizeof(sql), "UPDATE llm_runs SET created_us = created_us - (%lld)",
		(long long)us);
	sql_edit(w->s, sql);
	snprintf(sql, sizeof(sql),
		"UPDATE llm_budgets SET window_us = window_us - (%lld) WHERE period <> 'total'",
		(long long)us);
	sql_edit(w->s, sql);
	model_pass(&w->m, us);
	for (i = 0; i < MODEL_ACCOUNTS && us < 0; i++)
		w->beyond[i] = -1; /* what was past may be of now again */
}

/* ---- purging ---- */

static int64_t count_of(
	world *w, const char *table, const char *where, int workspace, const char *key)
{
	char sql[300];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE workspace_id = '%s' AND %s'%s'",
		table, workspaces[workspace], where, key);
	return sql_number(w->s, sql);
}

/* A batch takes what it finds first: which rows that are is the storage's own choice. */
static void see_what_is_left(world *w)
{
	size_t i;

	for (i = 0; i < MODEL_RUNS; i++) {
		model_run *r = &w->m.runs[i];

		if (r->there)
			r->there = count_of(w, "llm_runs", "id = ", r->workspace, id_of(i)) != 0;
		if (r->answered)
			r->answered = count_of(w, "llm_attempts",
					      "http_status < 400 AND run_id = ", r->workspace,
					      id_of(i)) != 0;
	}
	for (i = 0; i < MODEL_ACCOUNTS; i++)
		if (!count_of(w, "llm_budgets", "profile = ", (int)(i / 2), profiles[i % 2]))
			model_forget(&w->m.accounts[i]);
}

static void purge(world *w)
{
	llm_purge what = {.struct_size = sizeof(what),
		.contents_before_us = LLM_UNKNOWN,
		.runs_before_us = LLM_UNKNOWN,
		.limit = 1 + (int64_t)pick(w, 6)};
	wire *c = w->c;
	uint32_t n;

	what.all_of_workspace = pick(w, 2);
	if (what.all_of_workspace)
		what.workspace_id = workspaces[pick(w, 2)];
	else
		what.runs_before_us = w->m.now_us - (int64_t)pick(w, 3) * LONG_US;
	cr_assert_eq(wire_begin(c), 0, PLACE, AT(w));
	instance_begin(c->seat, NULL);
	cr_assert_eq(wire_said(c, "purge", c->s->v->purge(c->unit, &what, &n)), 0, "%s, " PLACE,
		c->err.message, AT(w));
	cr_assert_eq(wire_commit(c), 0, PLACE, AT(w));
	see_what_is_left(w);
}

/* ---- the table beside the model ---- */

static size_t account_of(const llm_budget_row *b)
{
	return (size_t)(strcmp(b->workspace_id, workspaces[1]) == 0) * 2 +
		(size_t)(strcmp(b->profile, profiles[1]) == 0);
}

/* No more is spent and held than fitted in, or was told of afterwards. */
static void check_bound(world *w, size_t i, const llm_budget_row *b)
{
	const int64_t used = b->spent_nanousd + b->held_nanousd;

	if (w->admitted[i] && b->limit_nanousd >= 0)
		cr_assert_leq(used, b->limit_nanousd, PLACE, AT(w));
	if (w->beyond[i] >= 0 && !w->m.accounts[i].recounted)
		cr_assert_leq(used, w->used[i] + w->beyond[i], PLACE, AT(w));
	w->used[i] = used;
}

static int32_t check_row(void *ctx, const void *row)
{
	const llm_budget_row *b = row;
	world *w = ctx;
	const size_t i = account_of(b);
	const account_row *a = &w->m.accounts[i];
	const int64_t start = model_start(&w->m, &a->by);

	w->seen++;
	cr_assert(a->there, "%s/%s is there, " PLACE, b->workspace_id, b->profile, AT(w));
	cr_assert_eq(b->spent_nanousd, model_spent(&w->m, a),
		"%s/%s: spent %lld, model %lld, " PLACE, b->workspace_id, b->profile,
		(long long)b->spent_nanousd, (long long)model_spent(&w->m, a), AT(w));
	cr_assert_eq(b->held_nanousd, model_held(a), "%s/%s: held %lld, model %lld, " PLACE,
		b->workspace_id, b->profile, (long long)b->held_nanousd, (long long)model_held(a),
		AT(w));
	cr_assert_eq(b->window_us, start > a->window_us ? start : a->window_us,
		"%s/%s: since %lld, model %lld, " PLACE, b->workspace_id, b->profile,
		(long long)b->window_us, (long long)a->window_us, AT(w));
	cr_assert_eq((int)b->fixed, a->fixed, PLACE, AT(w));
	cr_assert_eq(b->limit_nanousd, a->by.limit, PLACE, AT(w));
	cr_assert_eq(b->usual_nanousd, a->by.usual, PLACE, AT(w));
	cr_assert_str_eq(b->period, a->by.period, PLACE, AT(w));
	cr_assert_eq(b->span_us, a->by.span_us, PLACE, AT(w));
	check_bound(w, i, b);
	return 0;
}

static void check(world *w)
{
	llm_row_sink sink = {sizeof(sink), 0, w, check_row};
	llm_filter filter = LLM_FILTER_INIT;
	size_t i, k, there = 0;
	int64_t holds = 0;

	w->seen = 0;
	filter.workspace_id = LLM_ANY_WORKSPACE;
	cr_assert_eq(wire_query(w->c, LLM_QUERY_BUDGETS, &filter, &sink), 0, "%s, " PLACE,
		w->c->err.message, AT(w));
	for (i = 0; i < MODEL_ACCOUNTS; i++) {
		there += (size_t)w->m.accounts[i].there;
		for (k = 0; k < MODEL_RUNS; k++)
			holds += w->m.accounts[i].held[k] >= 0;
		if (!w->m.accounts[i].there)
			w->used[i] = 0;
	}
	cr_assert_eq(w->seen, there, "%zu budgets, model %zu, " PLACE, w->seen, there, AT(w));
	cr_assert_eq(
		sql_number(w->s, "SELECT count(*) FROM llm_budget_holds"), holds, PLACE, AT(w));
	cr_assert_eq(sql_number(w->s,
			     "SELECT count(*) FROM llm_budgets b WHERE b.held_nanousd <> (SELECT "
			     "coalesce(sum(h.held_nanousd), 0) FROM llm_budget_holds h WHERE "
			     "h.workspace_id = b.workspace_id AND h.profile = b.profile)"),
		0, PLACE, AT(w));
}

/* ---- histories ---- */

static const struct move {
	const char *name;
	void (*play)(world *w);
	uint32_t share; /* of all */
} moves[] = {{"a run begins", begin_run, 30}, {"a run ends", end_run, 26},
	{"a budget is set", set_budget, 6}, {"a budget is given back", give_back, 4},
	{"another configuration", configure, 3}, {"a service dies or returns", die_or_return, 6},
	{"a budget is reaped", reap_one, 7}, {"all is reaped", reap_all, 3},
	{"time passes", pass, 6}, {"a batch is purged", purge, 4}};

#define MOVES (sizeof(moves) / sizeof(moves[0]))

static void step(world *w)
{
	const struct move *m = moves;
	uint32_t at, i, sum = 0;

	for (i = 0; i < MOVES; i++)
		sum += moves[i].share;
	for (at = pick(w, sum); at >= m->share; m++)
		at -= m->share;
	w->what = m->name;
	w->c = &w->wires[pick(w, WIRES)];
	for (i = 0; i < MODEL_ACCOUNTS; i++) {
		w->beyond[i] = 0;
		w->admitted[i] = w->m.accounts[i].recounted = 0;
	}
	w->step++;
	m->play(w);
	check(w);
}

static void history(world *w, uint64_t seed)
{
	static const char *const tables[] = {
		"llm_budgets", "llm_budget_holds", "llm_runs", "llm_attempts"};
	char sql[60];
	int i;

	for (i = 0; i < 4; i++) {
		snprintf(sql, sizeof(sql), "DELETE FROM %s", tables[i]);
		sql_edit(w->s, sql);
	}
	model_init(&w->m);
	memset(w->used, 0, sizeof(w->used));
	w->seed = seed;
	w->chance = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	w->step = 0;
	w->what = "the beginning";
	w->c = &w->wires[0];
	for (i = 0; i < MODEL_OWNERS; i++) {
		w->conf[i] = pick_conf(w);
		beat(w, i, 1);
	}
	while (w->step < STEPS)
		step(w);
}

static uint64_t from_env(const char *name, uint64_t usual)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : usual;
}

static void play(stand *s, uint64_t n)
{
	const uint64_t seed = from_env("LLM_SEED", 1), histories = from_env("LLM_HISTORIES", n);
	world w = {.s = s};
	uint64_t i;

	for (i = 0; i < WIRES; i++)
		w.wires[i] = wire_open(s);
	for (i = 0; i < histories; i++)
		history(&w, seed + i);
	for (i = 0; i < MET_LAST && histories >= n; i++)
		cr_expect_gt(w.met[i], n / 4, "case %u was met %u times", (unsigned)i, w.met[i]);
	for (i = 0; i < WIRES; i++)
		wire_close(&w.wires[i]);
}

#ifdef TEST_WITH_SQLITE
Test(storage_budget_histories, R_COST_11_every_sum_is_the_models)
{
	stand s;

	stand_up(&s, TEST_BINARY_DIR "/plugins", "sqlite");
	play(&s, HISTORIES);
	stand_down(&s);
}
#endif

#ifdef TEST_WITH_POSTGRES
Test(storage_budget_histories, R_COST_11_every_sum_is_the_models_on_a_server)
{
	stand s;

	if (!stand_postgres(&s, PG_DIRECT))
		return;
	play(&s, HISTORIES / 10);
	stand_down(&s);
}
#endif
