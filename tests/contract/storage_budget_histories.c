/*
 * storage_budget_histories.c - budgets in random histories, beside the slow second writing of
 * their rules (budget_model.h): reserved, settled, freed, added, set, given back, purged, windows
 * that pass, clocks that are put back, services that die, come back, or end in the middle of a
 * transaction. Behind every step every sum in the table is that of the model, and nothing was
 * let in that did not fit.
 * LLM_HISTORIES says how many, LLM_SEED which is the first.
 */
#include <stdlib.h>

#include "budget_world.h"

#define HISTORIES 40 /* on PostgreSQL a tenth of it */
#define STEPS 80

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
	char sql[2000];

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
	char sql[200];
	stand s;

	if (!stand_postgres(&s, PG_DIRECT))
		return;
	/* Windows are UTC's, wherever the server says that it is. */
	snprintf(sql, sizeof(sql), "ALTER DATABASE %s SET timezone TO 'Pacific/Kiritimati'",
		s.database);
	pg_sql(s.server, NULL, sql);
	play(&s, HISTORIES / 10);
	stand_down(&s);
}
#endif
