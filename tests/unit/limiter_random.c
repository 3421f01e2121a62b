/* A million random steps of a limiter (core/route/limiter.h). */
#include <criterion/criterion.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "route/limiter.h"

#define S NS_PER_S

#define CROWD 700
#define STEPS 1000000

typedef struct crowd {
	limiter l;
	limit_provider p[3];
	limit_candidate c[6];
	limit_waiter w[CROWD];
	uint64_t now;
	uint64_t seed;
	uint64_t granted;
	uint64_t full;
} crowd;

static uint32_t chance(crowd *k, uint32_t n)
{
	k->seed = k->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(k->seed >> 33) % n;
}

static void crowd_init(crowd *k)
{
	size_t i;

	memset(k, 0, sizeof(*k));
	k->seed = 20261122;
	k->now = S;
	limiter_init(&k->l, mem_default(), 40, 12);
	for (i = 0; i < 3; i++)
		limiter_provider_init(&k->p[i], 4 + 10 * (uint32_t)i, 60);
	for (i = 0; i < 6; i++)
		limiter_candidate_init(&k->c[i], 3 + 5 * (uint32_t)i, i == 4, i == 5 ? 6000 : 0,
			i == 3 ? 100000 : 0, k->now);
}

static void crowd_ask(crowd *k, limit_waiter *w)
{
	static const char *const names[] = {"", "a", "b", "c", "some-workspace"};
	uint32_t i = chance(k, 6);
	int32_t rc;

	w->provider = &k->p[i / 2];
	w->candidate = &k->c[i];
	w->priority = chance(k, 4) == 0;
	w->tokens = chance(k, 3000);
	w->expires_ns = k->now + chance(k, 3000) * NS_PER_MS;
	rc = limiter_ask(&k->l, w, names[chance(k, 5)], k->now);
	cr_assert(rc == 0 || rc == LIMITER_WAITS || rc == LLM_E_QUEUE_FULL);
	k->full += rc == LLM_E_QUEUE_FULL;
}

static void crowd_step(crowd *k)
{
	limit_waiter *w = &k->w[chance(k, CROWD)];

	if (chance(k, 2))
		k->now += chance(k, 20000000);
	if (w->state == LIMIT_IDLE) {
		crowd_ask(k, w);
	} else {
		if (w->state == LIMIT_HOLDING)
			limiter_learn(w->candidate, chance(k, 20) ? 0 : LLM_E_RATE_LIMITED, k->now);
		limiter_leave(&k->l, w);
	}
	for (;;) {
		uint64_t now = k->now;

		w = limiter_next(&k->l, now);
		if (!w)
			break;
		cr_assert_eq(w->state, LIMIT_HOLDING);
		cr_assert_gt(w->expires_ns, now);
		k->granted++;
	}
}

static uint32_t used_by_workspace(const crowd *k, const limit_waiter *w)
{
	uint32_t n = 0, i;

	for (i = 0; i < CROWD; i++)
		n += k->w[i].state == LIMIT_HOLDING && k->w[i].workspace == w->workspace;
	return n;
}

/* Waits although a slot of each level is free, and no bucket, that is a mistake. */
static int forgotten(const crowd *k, const limit_waiter *w)
{
	const limit_candidate *c = w->candidate;

	return w->state == LIMIT_WAITING && w->expires_ns > k->now && c != &k->c[3] &&
		c != &k->c[5] && k->l.slots.used < k->l.slots.limit &&
		w->provider->slots.used < w->provider->slots.limit &&
		c->slots.used < c->slots.limit && used_by_workspace(k, w) < k->l.workspace_slots;
}

static void crowd_check(crowd *k)
{
	uint32_t held = 0, waiting = 0, i;

	for (i = 0; i < CROWD; i++) {
		cr_assert_not(forgotten(k, &k->w[i]));
		held += k->w[i].state == LIMIT_HOLDING;
		waiting += k->w[i].state == LIMIT_WAITING;
	}
	cr_assert_eq(k->l.slots.used, held);
	cr_assert_eq(k->l.waiting, waiting);
	cr_assert_leq(held, k->l.slots.limit);
	for (i = 0; i < CROWD; i++)
		if (k->w[i].state == LIMIT_HOLDING)
			cr_assert_leq(used_by_workspace(k, &k->w[i]), k->l.workspace_slots);
	for (i = 0; i < 3; i++) {
		cr_assert_leq(k->p[i].slots.used, k->p[i].slots.limit);
		cr_assert_leq(k->p[i].waiting, k->p[i].queue);
	}
}

Test(limiter_random, R_LIM_6_after_a_random_schedule_all_counters_are_zero)
{
	static crowd k;
	size_t i;
	int step;

	crowd_init(&k);
	for (step = 0; step < STEPS; step++) {
		crowd_step(&k);
		if (step % 1000 == 0)
			crowd_check(&k);
	}
	cr_assert_gt(k.granted, 10000);
	cr_assert_gt(k.full, 1000);
	for (i = 0; i < CROWD; i++)
		limiter_leave(&k.l, &k.w[i]);
	cr_assert_null(limiter_next(&k.l, k.now));
	cr_assert_eq(k.l.slots.used + k.l.waiting + k.l.metered, 0);
	cr_assert_null(k.l.turn);
	for (i = 0; i < 3; i++)
		cr_assert(!k.p[i].slots.used && !k.p[i].waiting && !k.p[i].turn[0] &&
			!k.p[i].turn[1]);
	for (i = 0; i < 6; i++)
		cr_assert_eq(k.c[i].slots.used + k.c[i].waiting, 0);
	for (i = 0; i < LIMITER_TABLE; i++)
		cr_assert(!k.l.workspaces[i] || k.l.workspaces[i] == k.l.idle);
	limiter_done(&k.l);
}
