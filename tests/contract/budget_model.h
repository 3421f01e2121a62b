/*
 * budget_model.h - budgets by their rules, slowly and in memory: what a storage has to agree with.
 *
 * Time stands still but for what a test says: it shifts what is stored into the past, here and
 * there. All that is named is of two workspaces with one profile each.
 */
#ifndef TESTS_CONTRACT_BUDGET_MODEL_H
#define TESTS_CONTRACT_BUDGET_MODEL_H

#include <stdint.h>
#include <string.h>
#include <time.h>

#define MODEL_RUNS 40
#define MODEL_ACCOUNTS 4 /* a workspace's, that of its profile, and so on */
#define MODEL_OWNERS 3
#define MODEL_MOST INT64_C(4611686018427387903)
#define DAY_US INT64_C(86400000000)
/* Windows that begin once in years: none does while a test runs. */
#define LONG_US (1000 * DAY_US)
#define LONGER_US (3650 * DAY_US)

enum { RUN_UNUSED = 0, RUN_RUNNING, RUN_ENDED, RUN_ABANDONED };

/* A limit, a window and a usual cost: as configured, or as set. */
typedef struct terms {
	const char *period;
	int64_t span_us, limit, usual;
} terms;

typedef struct account_row {
	int there, fixed;
	int recounted; /* since a test has cleared it */
	terms by;
	int64_t window_us, spent;
	int64_t held[MODEL_RUNS]; /* -1: nothing */
} account_row;

typedef struct model_run {
	int state, there; /* there: its row is */
	int workspace, has_profile, owner;
	int told; /* recorded when it ends, without a reservation */
	int64_t estimate, cost, created_us;
	int refused; /* a budget did not bear it */
	int attempts, answered; /* answered: an attempt below 400 is on record */
	terms conf; /* of its service when it began */
} model_run;

typedef struct model {
	int64_t now_us;
	account_row accounts[MODEL_ACCOUNTS];
	model_run runs[MODEL_RUNS];
	int alive[MODEL_OWNERS];
} model;

static inline void model_init(model *m)
{
	struct timespec now;
	size_t i, k;

	memset(m, 0, sizeof(*m));
	clock_gettime(CLOCK_REALTIME, &now);
	m->now_us = now.tv_sec * INT64_C(1000000);
	for (i = 0; i < MODEL_ACCOUNTS; i++)
		for (k = 0; k < MODEL_RUNS; k++)
			m->accounts[i].held[k] = -1;
}

/* ---- windows ---- */

static inline int64_t model_start(const model *m, const terms *by)
{
	const time_t s = (time_t)(m->now_us / 1000000);
	struct tm t;

	if (strcmp(by->period, "total") == 0)
		return 0;
	if (strcmp(by->period, "span") == 0)
		return m->now_us / by->span_us * by->span_us;
	gmtime_r(&s, &t);
	t.tm_mday = 1;
	t.tm_hour = t.tm_min = t.tm_sec = 0;
	return (int64_t)timegm(&t) * 1000000;
}

static inline int model_is_same(const terms *a, const terms *b)
{
	return strcmp(a->period, b->period) == 0 &&
		(strcmp(a->period, "span") != 0 || a->span_us == b->span_us);
}

static inline int64_t model_held(const account_row *a)
{
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < MODEL_RUNS; i++)
		sum += a->held[i] < 0 ? 0 : a->held[i];
	return sum;
}

static inline int64_t model_spent(const model *m, const account_row *a)
{
	return model_start(m, &a->by) > a->window_us ? 0 : a->spent;
}

/* What is added is spent in the window of now. */
static inline void model_add(const model *m, account_row *a, int64_t cost)
{
	const int64_t start = model_start(m, &a->by), spent = model_spent(m, a);

	if (start > a->window_us)
		a->window_us = start;
	a->spent = cost > MODEL_MOST - spent ? MODEL_MOST : spent + cost;
}

/* ---- what is on record ---- */

static inline int model_counts_run(const model_run *r, const account_row *a, const model *m)
{
	const size_t i = (size_t)(a - m->accounts);

	return r->there && r->workspace == (int)(i / 2) && (i % 2 == 0 || r->has_profile) &&
		(r->state == RUN_ABANDONED ||
			(r->state == RUN_ENDED && (r->cost >= 0 || r->answered)));
}

/* Sums anew, for a window that was not counted before; what was counted already stays. */
static inline void model_count(model *m, account_row *a, int64_t at_least)
{
	const int64_t start = model_start(m, &a->by);
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < MODEL_RUNS; i++)
		if (model_counts_run(&m->runs[i], a, m) && m->runs[i].created_us >= start)
			sum += m->runs[i].cost < 0 ? a->by.usual : m->runs[i].cost;
	a->window_us = start;
	a->recounted = 1;
	a->spent = sum > at_least ? sum : at_least;
}

/* ---- operations ---- */

/* As configured, where nothing was set. */
static inline void model_turn(model *m, account_row *a, const terms *conf)
{
	const terms before = a->by;

	if (conf->limit < 0 || (a->there && a->fixed))
		return;
	a->by = *conf;
	if (!a->there || !model_is_same(&before, conf))
		model_count(m, a, 0);
	a->there = 1;
}

static inline int model_counts(const account_row *a, const terms *conf)
{
	return a->there && (a->fixed || conf->limit >= 0);
}

/* 1: it was reserved; 0: there is nothing to reserve of; -1: refused. */
static inline int model_hold(
	model *m, account_row *a, const terms *conf, size_t run, int64_t estimate)
{
	int64_t limit;

	model_turn(m, a, conf);
	if (!model_counts(a, conf) || a->held[run] >= 0)
		return 0;
	limit = a->by.limit < 0 ? MODEL_MOST : a->by.limit;
	if (estimate < 0)
		estimate = a->by.usual;
	if (estimate > limit - model_spent(m, a) - model_held(a))
		return -1;
	model_add(m, a, 0);
	a->held[run] = estimate;
	return 1;
}

static inline int model_settle(model *m, account_row *a, size_t run, int64_t cost)
{
	if (!a->there || a->held[run] < 0)
		return 0;
	model_add(m, a, cost < 0 ? a->by.usual : cost);
	a->held[run] = -1;
	return 1;
}

static inline int model_spend(model *m, account_row *a, const terms *conf, int64_t cost)
{
	model_turn(m, a, conf);
	if (!model_counts(a, conf))
		return 0;
	model_add(m, a, cost < 0 ? a->by.usual : cost);
	return 1;
}

/* While it was not set nobody may have counted. */
static inline void model_set(model *m, account_row *a, const terms *by)
{
	const account_row before = *a;

	a->by = *by;
	if (!before.there || !model_is_same(&before.by, by))
		model_count(m, a, 0);
	else if (!before.fixed)
		model_count(m, a, model_spent(m, &before));
	a->there = a->fixed = 1;
}

static inline int model_is_dead(const model *m, size_t run, int by_lease)
{
	const model_run *r = &m->runs[run];

	return !r->there || r->state != RUN_RUNNING || (by_lease && !m->alive[r->owner]);
}

/* What runs hold that nobody will settle; `by_lease`: as the run's row would be reaped. */
static inline int model_reap(model *m, account_row *a, int by_lease)
{
	int64_t owed = 0;
	int any = 0;
	size_t i;

	for (i = 0; i < MODEL_RUNS; i++) {
		const model_run *r = &m->runs[i];

		if (a->held[i] < 0 || !model_is_dead(m, i, by_lease))
			continue;
		if (!r->there || r->state != RUN_ENDED || r->attempts)
			owed += a->held[i];
		a->held[i] = -1;
		any = 1;
	}
	if (any)
		model_add(m, a, owed);
	return any;
}

static inline void model_reap_all(model *m)
{
	size_t i;

	for (i = 0; i < MODEL_RUNS; i++) {
		model_run *r = &m->runs[i];

		if (r->there && r->state == RUN_RUNNING && !m->alive[r->owner])
			r->state = RUN_ABANDONED;
	}
	for (i = 0; i < MODEL_ACCOUNTS; i++)
		model_reap(m, &m->accounts[i], 0);
}

static inline void model_forget(account_row *a)
{
	size_t i;

	a->there = a->fixed = 0;
	for (i = 0; i < MODEL_RUNS; i++)
		a->held[i] = -1;
}

/* Time goes by, or with less than zero back. */
static inline void model_pass(model *m, int64_t us)
{
	size_t i;

	for (i = 0; i < MODEL_RUNS; i++)
		m->runs[i].created_us -= us;
	for (i = 0; i < MODEL_ACCOUNTS; i++)
		if (strcmp(m->accounts[i].by.period ? m->accounts[i].by.period : "total", "total"))
			m->accounts[i].window_us -= us;
}

#endif
