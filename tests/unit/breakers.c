/* The breakers of a service by candidate (core/route/breakers.h). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "route/breakers.h"
#include "support/failalloc.h"
#include "support/fakeclock.h"

typedef struct heard {
	uint32_t said[32];
	char last[64];
	size_t n;
	int kept; /* load says that something is */
} heard;

static void on_change(void *ctx, const breakers_entry *e, uint32_t what)
{
	heard *h = ctx;

	if (h->n < 32)
		h->said[h->n++] = what;
	(void)snprintf(h->last, sizeof(h->last), "%s", e->id);
}

static int on_load(void *ctx, const char *id, breaker_saved *ret)
{
	heard *h = ctx;

	if (!h->kept || strcmp(id, "a/kept") != 0)
		return 0;
	*ret = (breaker_saved){
		.state = BREAKER_OPEN, .openings = 2, .until_us = FAKECLOCK_UTC_US + 9000000};
	return 1;
}

typedef struct stage {
	fakeclock clock;
	heard heard;
	breakers t;
} stage;

static void stage_init(stage *s, const llm_allocator *mem)
{
	const breaker_rules r = breaker_rules_usual();
	breakers_hooks hooks = {&s->heard, on_load, on_change};

	memset(&s->heard, 0, sizeof(s->heard));
	fakeclock_init(&s->clock, 5);
	breakers_init(&s->t, mem, &s->clock.source, &r, &hooks);
}

static breakers_entry *entry(stage *s, const char *id)
{
	breakers_entry *e = NULL;

	cr_assert_eq(breakers_get(&s->t, id, &e), 0);
	return e;
}

static void once(stage *s, breakers_entry *e, int32_t code)
{
	breaker_ticket t;

	cr_assert(breakers_admit(&s->t, e, BREAKER_AS_USUAL, &t));
	breakers_settle(&s->t, e, &t, code, -1);
}

Test(breakers, R_CB_9_each_transition_is_told_once)
{
	static const uint32_t want[] = {BREAKER_CHANGED_OPEN, BREAKER_CHANGED_HALF,
		BREAKER_CHANGED_CLOSED, BREAKER_CHANGED_COOLING, 0};
	stage s;
	breakers_entry *e;
	int i;

	stage_init(&s, mem_default());
	e = entry(&s, "a/one");
	for (i = 0; i < 5; i++)
		once(&s, e, LLM_E_SERVER_ERROR);
	fakeclock_advance_ms(&s.clock, 33000);
	once(&s, e, 0);
	once(&s, e, 0);
	once(&s, e, LLM_E_RATE_LIMITED);
	cr_assert_eq(breakers_reset(&s.t, "a/one"), 1);
	cr_assert_eq(s.heard.n, 5);
	cr_assert_eq(memcmp(s.heard.said, want, sizeof(want)), 0);
	cr_assert_str_eq(s.heard.last, "a/one");
	breakers_done(&s.t);
}

Test(breakers, R_CB_9_candidates_are_listed_and_reset)
{
	stage s;
	breakers_entry *a, *b;

	stage_init(&s, mem_default());
	a = entry(&s, "a/one");
	b = entry(&s, "b/two");
	cr_assert_eq(entry(&s, "a/one"), a);
	once(&s, a, LLM_E_AUTHENTICATION);
	once(&s, b, LLM_E_NOT_FOUND);
	cr_assert_str_eq(breakers_at(&s.t, 0)->id, "a/one");
	cr_assert_eq(breakers_at(&s.t, 0)->state.state, BREAKER_OPEN);
	cr_assert_str_eq(breakers_at(&s.t, 1)->id, "b/two");
	cr_assert_null(breakers_at(&s.t, 2));
	cr_assert_eq(breakers_reset(&s.t, "nobody"), 0);
	cr_assert_eq(breakers_reset(&s.t, "a/one"), 1);
	cr_assert_eq(a->state.state, BREAKER_CLOSED);
	cr_assert_eq(b->state.state, BREAKER_OPEN);
	cr_assert_eq(breakers_reset(&s.t, NULL), 2);
	cr_assert_eq(b->state.state, BREAKER_CLOSED);
	breakers_done(&s.t);
}

Test(breakers, R_CB_9_kept_state_is_asked_for_at_first_sight)
{
	stage s;
	breakers_entry *e;

	stage_init(&s, mem_default());
	s.heard.kept = 1;
	e = entry(&s, "a/kept");
	cr_assert_eq(e->state.state, BREAKER_OPEN);
	cr_assert_eq(e->state.openings, 2);
	cr_assert_eq(e->state.until_ns, FAKECLOCK_NS + UINT64_C(9000000000));
	cr_assert_eq(entry(&s, "a/other")->state.state, BREAKER_CLOSED);
	breakers_done(&s.t);
}

Test(breakers, R_CB_9_their_number_is_bounded)
{
	stage s;
	breakers_entry *e = NULL;
	char id[32];
	int i;

	stage_init(&s, mem_default());
	for (i = 0; i < BREAKERS_MAX; i++) {
		(void)snprintf(id, sizeof(id), "a/model-%d", i);
		cr_assert_eq(breakers_get(&s.t, id, &e), 0);
	}
	cr_assert_eq(breakers_get(&s.t, "a/more", &e), LLM_E_TOO_LARGE);
	cr_assert_eq(breakers_get(&s.t, "a/model-7", &e), 0);
	cr_assert_str_eq(e->id, "a/model-7");
	breakers_done(&s.t);
}

static int play(failalloc *fa, void *arg)
{
	stage s;
	breakers_entry *e = NULL;
	char id[16];
	int i, rc, bad = 0;

	(void)arg;
	stage_init(&s, &fa->hook);
	for (i = 0; i < 20; i++) {
		(void)snprintf(id, sizeof(id), "a/%d", i % 12);
		rc = breakers_get(&s.t, id, &e);
		bad += rc != 0 && rc != LLM_E_NOMEM;
		if (!rc)
			once(&s, e, LLM_E_RATE_LIMITED);
		fakeclock_advance_ms(&s.clock, 6000);
	}
	breakers_done(&s.t);
	return bad;
}

Test(breakers, P_01_every_allocation_may_fail)
{
	cr_assert_eq(failalloc_sweep(play, NULL), 0);
}
