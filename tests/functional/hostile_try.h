/* hostile_try.h - a service whose provider is tests/modules/hostile.c, and its upstream. */
#ifndef TESTS_HOSTILE_TRY_H
#define TESTS_HOSTILE_TRY_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llm/llm.h>

#include "support/failalloc.h"
#include "support/sim.h"

#define HOSTILE_KEY "canary-hostile-key-51d0"
#define HOSTILE_REPLY(status, type, body) \
	"accept\nread request\nreply " status " \"Content-Type: " type \
	"\" \"Connection: close\" \"" body "\"\n"
#define HOSTILE_WHOLE HOSTILE_REPLY("200", "application/json", "{}")
#define HOSTILE_STREAM HOSTILE_REPLY("200", "application/x-ndjson", "{}\\n")

typedef struct hostile_try {
	char *script;
	sim *up;
	llm_service *svc;
	failalloc fa;
	llm_err err; /* of the last call */
	int32_t rc;
	llm_call *call; /* the last one; null: refused */
} hostile_try;

static inline llm_service_opts hostile_opts(failalloc *fa, const char *config)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;

	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/tests/modules";
	so.allocator = &fa->hook;
	return so;
}

/* `group` is more of the provider's group, `top` more of the configuration; may be "". */
static inline void hostile_open(
	hostile_try *t, const char *script, const char *group, const char *top)
{
	const char *args[] = {"--script", NULL, "--log-secrets", NULL};
	llm_service_opts so;
	char config[4096];

	memset(t, 0, sizeof(*t));
	t->err = (llm_err)LLM_ERR_INIT;
	setenv("TRY_HOSTILE_KEY", HOSTILE_KEY, 1);
	t->script = sim_file(script);
	args[1] = t->script;
	t->up = sim_start(args);
	failalloc_init(&t->fa);
	snprintf(config, sizeof(config),
		"max_attempts = 1; providers = { hostile = { base_url = \"%s\"; %s }; };\n%s",
		sim_url(t->up), group, top);
	so = hostile_opts(&t->fa, config);
	cr_assert_eq(llm_service_new(&so, &t->svc, &t->err), 0, "%s", t->err.message);
}

static inline void hostile_drop(hostile_try *t)
{
	llm_call_free(t->call);
	t->call = NULL;
}

static inline void hostile_close(hostile_try *t)
{
	hostile_drop(t);
	llm_service_free(t->svc);
	cr_assert_eq(failalloc_leaks(&t->fa), 0);
	cr_assert_eq(sim_stop(t->up), 0);
	sim_file_free(t->script);
}

/* Submits `rq`, lets go of it, and waits. The result is null when it was refused. */
static inline const llm_result *hostile_run(hostile_try *t, llm_request *rq, uint32_t flags)
{
	llm_call_opts co = LLM_CALL_OPTS_INIT;

	hostile_drop(t);
	co.flags = flags;
	co.total_ms = 5000;
	t->err = (llm_err)LLM_ERR_INIT;
	t->rc = llm_submit(t->svc, rq, &co, &t->call, &t->err);
	llm_request_free(rq);
	if (!t->rc)
		t->rc = llm_call_wait(t->call, 8000, &t->err);
	return llm_call_result(t->call);
}

static inline llm_request *hostile_request(const char *model)
{
	llm_request *rq = NULL;
	char name[128];

	snprintf(name, sizeof(name), "hostile/%s", model);
	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, name), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hello", LLM_NUL_TERMINATED), 0);
	return rq;
}

static inline const llm_result *hostile_ask(hostile_try *t, const char *model, uint32_t flags)
{
	return hostile_run(t, hostile_request(model), flags);
}

/* Whatever came before: the next request works. */
static inline void hostile_still_works(hostile_try *t, uint32_t flags, const char *before)
{
	const llm_result *r = hostile_ask(t, "good", flags);

	cr_assert_eq(t->rc, 0, "after %s: %s", before, t->err.message);
	cr_assert_str_eq(llm_result_text(r, NULL), "fine");
}

/* A run that fails with this code and these words, and does no harm to the next. */
static inline void hostile_fails(
	hostile_try *t, const char *model, uint32_t flags, int32_t code, const char *words)
{
	const llm_result *r = hostile_ask(t, model, flags);

	cr_assert_not_null(r, "%s was refused: %s", model, t->err.message);
	cr_assert_eq(t->rc, code, "%s: %s %s", model, llm_error_name(t->rc), t->err.message);
	cr_assert(strstr(t->err.message, words), "%s: %s", model, t->err.message);
	cr_assert_eq(llm_result_status(r), LLM_STATUS_FAILED);
	hostile_still_works(t, flags, model);
}

#endif
