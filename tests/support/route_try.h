/*
 * support/route_try.h - plans of a service, one at a time: nobody is asked, so no upstream is there.
 */
#ifndef SUPPORT_ROUTE_TRY_H
#define SUPPORT_ROUTE_TRY_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "llm/llm.h"
#include "support/fakeclock.h"

typedef struct route_try {
	fakeclock clock;
	llm_service *svc;
	llm_call *call; /* of the last plan */
	llm_err err;
	const char *json; /* its decision; "" without one */
	char log[4000];
	char config[4000];
} route_try;

static inline void route_note(uintptr_t token, uint32_t level, const char *line, size_t len)
{
	route_try *t = (route_try *)token;
	const size_t n = strlen(t->log);

	(void)level;
	if (n + len + 2 < sizeof(t->log)) {
		memcpy(t->log + n, line, len);
		memcpy(t->log + n + len, "\n", 2);
	}
}

/* `format` may have one "%s" for `more`. Returns what llm_service_new does. */
static inline int32_t route_try_open(route_try *t, const char *format, const char *more)
{
	llm_service_opts o = LLM_SERVICE_OPTS_INIT;

	memset(t, 0, sizeof(*t));
	fakeclock_init(&t->clock, 1);
	t->err = (llm_err)LLM_ERR_INIT;
	t->json = "";
	snprintf(t->config, sizeof(t->config), format, more);
	o.flags = LLM_SERVICE_NO_ENV;
	o.config_text = t->config;
	o.plugin_dir = TEST_BINARY_DIR "/plugins";
	o.time = &t->clock.source;
	o.log = route_note;
	o.log_token = (uintptr_t)t;
	return llm_service_new(&o, &t->svc, &t->err);
}

static inline void route_open(route_try *t, const char *format, const char *more)
{
	cr_assert_eq(route_try_open(t, format, more), 0, "%s", t->err.message);
}

static inline void route_close(route_try *t)
{
	llm_call_free(t->call);
	llm_service_free(t->svc);
}

/* Plans `rq`, which is freed. */
static inline int32_t route_plan_rq(route_try *t, llm_request *rq, uint32_t flags)
{
	llm_call_opts o = LLM_CALL_OPTS_INIT;
	int32_t rc;

	llm_call_free(t->call);
	o.flags = flags;
	t->err = (llm_err)LLM_ERR_INIT;
	rc = llm_plan(t->svc, rq, &o, &t->call, &t->err);
	llm_request_free(rq);
	t->json = t->call ? llm_result_decision(llm_call_result(t->call), NULL) : NULL;
	t->json = t->json ? t->json : "";
	return rc;
}

static inline llm_request *route_request(const char *model, const char *text)
{
	llm_request *rq = NULL;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, model), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, text, LLM_NUL_TERMINATED), 0);
	return rq;
}

static inline int32_t route_plan_of(
	route_try *t, const char *model, const char *text, uint32_t flags)
{
	return route_plan_rq(t, route_request(model, text), flags);
}

static inline void route_has(const route_try *t, const char *part)
{
	cr_expect(strstr(t->json, part), "%s is not in %s", part, t->json);
}

#endif
