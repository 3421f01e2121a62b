/* A function of a plugin that is late, or does not return at all, is named. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "llm/llm.h"
#include "support/fakeclock.h"

typedef struct watched {
	llm_service *svc;
	fakeclock clock;
	int said[2]; /* the plugin is inside, */
	int go[2]; /* and may leave */
	pthread_mutex_t lock;
	char lines[4096];
} watched;

static void on_log(uintptr_t token, uint32_t level, const char *line, size_t len)
{
	watched *w = (watched *)token;
	size_t n;

	(void)level;
	pthread_mutex_lock(&w->lock);
	n = strlen(w->lines);
	snprintf(w->lines + n, sizeof(w->lines) - n, "%.*s\n", (int)len, line);
	pthread_mutex_unlock(&w->lock);
}

static int lines_with(watched *w, const char *text)
{
	const char *at;
	int n = 0;

	pthread_mutex_lock(&w->lock);
	for (at = w->lines; (at = strstr(at, text)); at++)
		n++;
	pthread_mutex_unlock(&w->lock);
	return n;
}

static void open_at(watched *w, const char *function)
{
	llm_service_opts o = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	char say[64];

	memset(w, 0, sizeof(*w));
	pthread_mutex_init(&w->lock, NULL);
	cr_assert_eq(pipe(w->said) | pipe(w->go), 0);
	snprintf(say, sizeof(say), "%s %d %d", function, w->said[1], w->go[0]);
	setenv("LLM_TEST_STUCK", say, 1);
	fakeclock_init(&w->clock, 1);
	o.flags = LLM_SERVICE_NO_ENV;
	o.config_text = "plugins = { path = \"" TEST_BINARY_DIR "/tests/modules\"; };\n"
			"profiles = { p = { policy = \"policy_stuck\"; candidates = [ \"stuck/m\", "
			"\"stuck/n\" ]; }; };\n";
	o.time = &w->clock.source;
	o.log = on_log;
	o.log_token = (uintptr_t)w;
	cr_assert_eq(llm_service_new(&o, &w->svc, &err), 0, "%s", err.message);
}

static void await_inside(watched *w)
{
	char byte;

	cr_assert_eq(read(w->said[0], &byte, 1), 1);
}

static void let_go(watched *w)
{
	cr_assert_eq(write(w->go[1], "g", 1), 1);
}

static void close_all(watched *w)
{
	llm_service_free(w->svc);
	close(w->said[0]);
	close(w->said[1]);
	close(w->go[0]);
	close(w->go[1]);
}

static llm_watch look(watched *w)
{
	llm_watch v = {.struct_size = (uint32_t)sizeof(v)};

	cr_assert_eq(llm_service_watch(w->svc, &v), 0);
	return v;
}

/* The turn of the loop ends a little later than the call, and says so a little later still. */
static llm_watch look_when_late(watched *w)
{
	llm_watch v;
	int i;

	for (i = 0; i < 100000; i++) {
		v = look(w);
		if (v.late && lines_with(w, "was late"))
			break;
		sched_yield();
	}
	return v;
}

static llm_call *submit_to(watched *w, const char *model)
{
	llm_err err = LLM_ERR_INIT;
	llm_request *rq;
	llm_call *c;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, model), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", LLM_NUL_TERMINATED), 0);
	cr_assert_eq(llm_submit(w->svc, rq, NULL, &c, &err), 0, "%s", err.message);
	llm_request_free(rq);
	return c;
}

static llm_call *submit(watched *w)
{
	return submit_to(w, "stuck/m");
}

Test(plugin_watch, P_11_X_04_a_function_that_does_not_return_is_named_and_one_that_is_late_counted)
{
	llm_err err = LLM_ERR_INIT;
	llm_call *c, *other;
	llm_watch v;
	watched w;

	open_at(&w, "build_request");
	cr_assert_eq(llm_service_start(w.svc, &err), 0);
	v = look(&w);
	cr_assert_eq(v.late, 0);
	cr_assert_str_eq(v.plugin, "");
	c = submit(&w);
	await_inside(&w);
	cr_assert_eq(look(&w).inside_ms, 0, "it is not late yet");
	fakeclock_advance_ms(&w.clock, 5000);
	other = submit(&w); /* who asks for something is enough */
	cr_assert_eq(lines_with(&w, "plugin stuck: build_request has not returned for 5 s"), 1,
		"%s", w.lines);
	v = look(&w);
	cr_assert_eq(v.inside_ms, 5000);
	cr_assert_str_eq(v.plugin, "stuck");
	cr_assert_str_eq(v.function, "build_request");
	llm_call_cancel(other);
	cr_assert_eq(lines_with(&w, "has not returned"), 1, "once");
	llm_call_cancel(c);
	let_go(&w);
	(void)llm_call_wait(c, UINT32_MAX, &err);
	(void)llm_call_wait(other, UINT32_MAX, &err);
	v = look_when_late(&w);
	cr_assert_eq(v.inside_ms, 0);
	cr_assert_eq(v.late, 1);
	cr_assert_eq(v.last_ms, 5000);
	cr_assert_str_eq(v.last_plugin, "stuck");
	cr_assert_str_eq(v.last_function, "build_request");
	cr_assert_eq(lines_with(&w, "plugin stuck: build_request was late"), 1, "%s", w.lines);
	llm_call_free(c);
	llm_call_free(other);
	close_all(&w);
}

/* A policy that never returns is named; once it has, it was late, and that is counted. */
Test(plugin_watch, R_ROUTE_7_P_11_a_ranking_that_does_not_return_is_named)
{
	llm_policy_state s = {.struct_size = (uint32_t)sizeof(s)};
	llm_err err = LLM_ERR_INIT;
	llm_call *c, *other;
	llm_watch v;
	watched w;

	open_at(&w, "rank");
	cr_assert_eq(llm_service_start(w.svc, &err), 0);
	c = submit_to(&w, "p");
	await_inside(&w);
	fakeclock_advance_ms(&w.clock, 4000);
	other = submit_to(&w, "p");
	cr_assert_eq(lines_with(&w, "plugin policy_stuck: rank has not returned for 4 s"), 1, "%s",
		w.lines);
	v = look(&w);
	cr_assert_eq(v.inside_ms, 4000);
	cr_assert_str_eq(v.plugin, "policy_stuck");
	cr_assert_str_eq(v.function, "rank");
	llm_call_cancel(other);
	llm_call_cancel(c);
	let_go(&w);
	(void)llm_call_wait(c, UINT32_MAX, &err);
	(void)llm_call_wait(other, UINT32_MAX, &err);
	cr_assert_eq(look_when_late(&w).late, 1);
	cr_assert_eq(llm_service_policy(w.svc, 0, &s), 0);
	cr_assert_eq(s.late, 1);
	cr_assert_eq(s.given_up, 0);
	llm_call_free(c);
	llm_call_free(other);
	close_all(&w);
}

static void *make(void *arg)
{
	llm_provider_desc d = {.struct_size = (uint32_t)sizeof(d)};
	watched *w = arg;

	return (void *)(intptr_t)llm_service_provider(w->svc, "stuck", &d, NULL);
}

Test(plugin_watch, P_11_X_04_a_creation_that_does_not_return_is_named)
{
	pthread_t thread;
	llm_watch v;
	void *rc;
	watched w;

	open_at(&w, "create");
	cr_assert_eq(pthread_create(&thread, NULL, make, &w), 0);
	await_inside(&w);
	fakeclock_advance_ms(&w.clock, 3000);
	v = look(&w);
	cr_assert_eq(v.inside_ms, 3000);
	cr_assert_str_eq(v.plugin, "stuck");
	cr_assert_str_eq(v.function, "create");
	let_go(&w);
	pthread_join(thread, &rc);
	cr_assert_eq((intptr_t)rc, 0);
	v = look_when_late(&w);
	cr_assert_eq(v.inside_ms, 0);
	cr_assert_eq(v.late, 1);
	cr_assert_str_eq(v.last_function, "create");
	close_all(&w);
}

static atomic_int called;

/* A slow callback is the host's own doing. */
static void on_event(uintptr_t token, llm_call *c, const llm_event *e)
{
	watched *w = (watched *)token;

	if (e->kind == LLM_EVENT_START) {
		fakeclock_advance_ms(&w->clock, 3000);
		atomic_store(&called, look(w).inside_ms == 0);
		llm_call_cancel(c); /* nobody answers, and the clock stands */
	}
}

Test(plugin_watch, P_11_a_callback_of_the_host_is_no_plugin)
{
	llm_call_opts o = LLM_CALL_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_request *rq;
	llm_call *c;
	watched w;

	open_at(&w, "nothing");
	o.on_event = on_event;
	o.token = (uintptr_t)&w;
	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, "stuck/m"), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", LLM_NUL_TERMINATED), 0);
	cr_assert_eq(llm_submit(w.svc, rq, &o, &c, &err), 0, "%s", err.message);
	(void)llm_call_wait(c, UINT32_MAX, &err);
	cr_assert_eq(atomic_load(&called), 1);
	cr_assert_eq(lines_with(&w, "has not returned"), 0, "%s", w.lines);
	llm_request_free(rq);
	llm_call_free(c);
	close_all(&w);
}
