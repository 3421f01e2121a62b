/*
 * cache_try.h - a service with a cache against an llmsim, and requests that are repeatable.
 * The wall clock stands where a test puts it; chance is what a test says.
 */
#ifndef TESTS_CACHE_TRY_H
#define TESTS_CACHE_TRY_H

#include <criterion/criterion.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "llm/llm.h"
#include "run/call.h"
#include "support/sim.h"

#define N LLM_NUL_TERMINATED
#define CACHE_UTC INT64_C(1767225600000000)
#define DAY_US INT64_C(86400000000)

static _Atomic int64_t cache_utc;
static _Atomic int cache_chance;
static _Atomic uint64_t cache_ns; /* 0: the real one */

static inline int64_t cache_now(void *ctx)
{
	(void)ctx;
	return atomic_load(&cache_utc);
}

static inline uint64_t cache_clock(void *ctx)
{
	const uint64_t ns = atomic_load(&cache_ns);
	struct timespec ts;

	(void)ctx;
	if (ns)
		return ns;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Ids have to differ: only single numbers are what the test says. */
static inline void cache_random(void *ctx, void *bytes, size_t len)
{
	static _Atomic uint64_t state = 1;
	size_t i;

	(void)ctx;
	memset(bytes, atomic_load(&cache_chance), len);
	for (i = 0; len > 8 && i < len; i++)
		((unsigned char *)bytes)[i] =
			(unsigned char)(atomic_fetch_add(&state, 0x9e3779b97f4a7c15) >> 56);
}

typedef struct cache_try {
	sim *up;
	llm_service *svc;
	llm_call *call; /* of the last one */
	const llm_result *r;
	const llm_job_port *jobs; /* of the next service, or null */
	llm_err err;
	int32_t rc;
	char config[4000];
	char log[8000];
} cache_try;

static inline void cache_note(uintptr_t token, uint32_t level, const char *line, size_t len)
{
	cache_try *t = (cache_try *)token;
	const size_t n = strlen(t->log);

	(void)level;
	if (n + len + 2 < sizeof(t->log)) {
		memcpy(t->log + n, line, len);
		memcpy(t->log + n + len, "\n", 2);
	}
}

static inline int32_t cache_service(cache_try *t)
{
	const llm_time_source time = {NULL, cache_clock, cache_now, cache_random};
	llm_service_opts o = LLM_SERVICE_OPTS_INIT;

	t->err = (llm_err)LLM_ERR_INIT;
	o.flags = LLM_SERVICE_NO_ENV;
	o.config_text = t->config;
	o.plugin_dir = TEST_BINARY_DIR "/plugins";
	o.time = &time;
	o.jobs = t->jobs;
	o.log = cache_note;
	o.log_level = LLM_LOG_WARN;
	o.log_token = (uintptr_t)t;
	return llm_service_new(&o, &t->svc, &t->err);
}

/* `section`: of the cache; `more`: more of the configuration; t is all zero but for `jobs`. */
static inline void cache_begin(
	cache_try *t, const char *const *args, const char *section, const char *more)
{
	atomic_store(&cache_utc, CACHE_UTC);
	atomic_store(&cache_chance, 0);
	t->up = sim_start(args);
	snprintf(t->config, sizeof(t->config),
		"providers = { ollama = { base_url = \"%s\"; };\n"
		"  oai = { plugin = \"openai\"; base_url = \"%s/v1\"; };\n"
		"  other = { plugin = \"ollama\"; base_url = \"%s\"; };\n"
		"  dead = { plugin = \"ollama\"; base_url = \"http://127.0.0.1:1\"; }; };\n"
		"max_attempts = 1;\ncache = { %s };\n%s%s",
		sim_url(t->up), sim_url(t->up), sim_url(t->up), section,
		strstr(more, "workspace") ? "" : "workspace = \"w\";\n", more);
	cr_assert_eq(cache_service(t), 0, "%s", t->err.message);
}

static inline void cache_open_with(
	cache_try *t, const char *const *args, const char *section, const char *more)
{
	memset(t, 0, sizeof(*t));
	cache_begin(t, args, section, more);
}

static inline void cache_open(cache_try *t, const char *section, const char *more)
{
	cache_open_with(t, NULL, section, more);
}

static inline void cache_close(cache_try *t)
{
	llm_call_free(t->call);
	llm_service_free(t->svc);
	sim_stop(t->up);
}

/* Of temperature 0. */
static inline llm_request *cache_request(const char *model, const char *text)
{
	llm_request *rq = NULL;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, model ? model : "ollama/sim-small"), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, text, N), 0);
	cr_assert_eq(llm_request_number(rq, LLM_NUM_TEMPERATURE, 0), 0);
	return rq;
}

/* Runs it and frees the request. */
static inline const llm_result *cache_run(cache_try *t, llm_request *rq, const llm_call_opts *opts)
{
	llm_call_free(t->call);
	t->call = NULL;
	t->err = (llm_err)LLM_ERR_INIT;
	t->rc = llm_submit(t->svc, rq, opts, &t->call, &t->err);
	if (!t->rc)
		t->rc = llm_call_wait(t->call, UINT32_MAX, &t->err);
	llm_request_free(rq);
	t->r = t->call ? llm_call_result(t->call) : NULL;
	return t->r;
}

static inline const llm_result *cache_ask(cache_try *t, const char *text)
{
	const llm_result *r = cache_run(t, cache_request(NULL, text), NULL);

	cr_assert_eq(t->rc, 0, "%s", t->err.message);
	return r;
}

static inline const llm_result *cache_ask_as(cache_try *t, const char *text, uint32_t mode)
{
	llm_call_opts o = LLM_CALL_OPTS_INIT;

	o.cache_mode = mode;
	(void)cache_run(t, cache_request(NULL, text), &o);
	cr_assert_eq(t->rc, 0, "%s", t->err.message);
	return t->r;
}

static inline size_t cache_asked(const cache_try *t)
{
	return sim_log_count(t->up, "\"event\":\"request\"");
}

static inline uint64_t cache_faults(const cache_try *t)
{
	return atomic_load(&t->svc->caching.faults);
}

/* Lines about the cache in the log. */
static inline size_t cache_warnings(const cache_try *t)
{
	const char *at = t->log;
	size_t n = 0;

	while ((at = strstr(at, "cache: "))) {
		at++;
		n++;
	}
	return n;
}

/* Waits at most `ms` of real time for something to do, and does it. */
static inline void cache_turn(cache_try *t, int ms)
{
	struct pollfd p = {.fd = llm_service_fd(t->svc), .events = POLLIN};

	poll(&p, 1, ms);
	cr_assert_eq(llm_service_dispatch(t->svc, &t->err), 0, "%s", t->err.message);
}

/* Everything that can happen at this moment of the clock has happened. */
static inline void cache_settle(cache_try *t)
{
	int i;

	for (i = 0; i < 12; i++)
		cache_turn(t, 3);
}

/* The fault that made a miss of it, "" for none. */
static inline const char *cache_fault(const cache_try *t)
{
	const char *why = NULL;

	return llm_result_cache(t->r, &why) == LLM_CACHE_MISS && why ? why : "";
}

static inline int cache_hit(const cache_try *t)
{
	return llm_result_cache(t->r, NULL) == LLM_CACHE_HIT;
}

#endif
