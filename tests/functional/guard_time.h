/*
 * guard_time.h - real runs against a script, on a clock that stands still until the test
 * moves it: minutes pass in no time. Chance is the clock's own, from a seed.
 */
#ifndef TESTS_GUARD_TIME_H
#define TESTS_GUARD_TIME_H

#include "guard_try.h"
#include "support/talk.h"

#define OLLAMA_AT "providers = { ollama = { base_url = \"%s\"; %s }; };\n%s"

typedef struct still {
	talk t;
	sim *up;
	char *script;
	char config[1600];
} still;

/* `provider`: members of the provider "ollama"; `more`: the rest of the configuration. */
static inline void still_open(still *s, const char *script, const char *provider, const char *more)
{
	const char *args[] = {"--script", NULL, NULL};

	s->script = sim_file(script);
	args[1] = s->script;
	s->up = sim_start(args);
	snprintf(s->config, sizeof(s->config), OLLAMA_AT, sim_url(s->up), provider, more);
	talk_open(&s->t, TEST_BINARY_DIR "/plugins", s->config, 1);
}

static inline void still_close(still *s)
{
	talk_close(&s->t);
	cr_assert_eq(sim_stop(s->up), 0);
	sim_file_free(s->script);
}

static inline size_t still_requests(const still *s)
{
	return sim_log_count(s->up, REQUEST);
}

/* Everything that can happen at this moment of the clock has happened. */
static inline void still_settle(still *s)
{
	int i;

	for (i = 0; i < 12; i++)
		talk_turn(&s->t, 3);
}

static inline void still_pass(still *s, uint64_t ms)
{
	fakeclock_advance_ms(&s->t.clock, ms);
	still_settle(s);
}

static inline int32_t still_ask(still *s, talk_call *c, uint32_t attempts)
{
	const llm_call_opts limits = {.max_attempts = attempts};

	talk_submit(&s->t, c, "ollama/a", 1, &limits);
	cr_assert(talk_finish(&s->t, c));
	talk_done(c);
	return c->code;
}

static inline llm_health still_health(const still *s)
{
	llm_health h = {.struct_size = (uint32_t)sizeof(h)};

	cr_assert_eq(llm_service_health(s->t.svc, 0, &h), 0);
	return h;
}

#endif
