/*
 * retry_try.h - a run whose attempt has failed, for the tests of core/run/retry.h.
 */
#ifndef TESTS_RETRY_TRY_H
#define TESTS_RETRY_TRY_H

#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"
#include "run/retry.h"

#define MS NS_PER_MS
#define NOW (1000 * NS_PER_S)
#define NEVER UINT64_MAX

/* A run whose first attempt at its first candidate has failed. */
typedef struct stage {
	retry_run run;
	retry_tries tries;
	retry_failure failure;
	retry_scene scene;
} stage;

static inline stage failed_with(int32_t code)
{
	stage s = {.run = {.rules = retry_rules_usual(), .deadline_ns = NEVER},
		.failure = {.code = code, .server_ms = -1},
		.scene = {.now_ns = NOW, .affordable = 1}};

	retry_begin(&s.run, &s.tries, NULL, NULL);
	return s;
}

static inline retry_verdict decide(const stage *s)
{
	return retry_decide(&s->run, &s->tries, &s->failure, &s->scene);
}

/* The verdict is followed and the next attempt fails the same way. */
static inline void again(stage *s, const retry_verdict *v)
{
	s->scene.now_ns = v->at_ns;
	retry_begin(&s->run, &s->tries, &s->failure, v);
}

static inline void expect(const stage *s, uint32_t action, uint32_t flags)
{
	retry_verdict v = decide(s);

	cr_assert_eq(v.action, action, "action %u, not %u (%s)", v.action, action,
		llm_error_name(s->failure.code));
	cr_assert_eq(v.flags, flags, "flags %u, not %u", v.flags, flags);
}

/* Attempts at one candidate when every one fails and every verdict is followed. */
static inline uint32_t tries_until_the_end(stage *s)
{
	retry_verdict v = decide(s);
	uint32_t wire = 1;

	while (v.action == RETRY_SAME && wire < 100) {
		again(s, &v);
		wire++;
		v = decide(s);
	}
	return wire;
}

#endif
