/*
 * Eight threads submit on one service, in every way there is, and each sees its own answers.
 * A plain program: run by ctest, also under TSan.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "llm/llm.h"
#include "support/failalloc.h"
#include "support/sim.h"

#define THREADS 8
#define RUNS 25

static llm_service *svc;
static atomic_int wrong;
static atomic_int ends;

static void complain(const char *what, const llm_err *err)
{
	atomic_fetch_add(&wrong, 1);
	fprintf(stderr, "submit8: %s: %s %s\n", what, llm_error_name(err->code), err->message);
}

static void on_event(uintptr_t token, llm_call *call, const llm_event *e)
{
	(void)call;
	if (e->kind != LLM_EVENT_END)
		return;
	atomic_fetch_add((atomic_int *)token, 1);
	atomic_fetch_add(&ends, 1);
}

static llm_call *submit(const char *prompt, uint32_t flags, atomic_int *seen, llm_err *err)
{
	llm_call_opts co = LLM_CALL_OPTS_INIT;
	llm_request *rq = NULL;
	llm_call *call = NULL;

	co.flags = flags;
	co.on_event = seen ? on_event : NULL;
	co.token = (uintptr_t)seen;
	if (llm_request_new(NULL, &rq) || llm_request_model(rq, "ollama/sim-small") ||
		llm_request_text(rq, LLM_ROLE_USER, prompt, LLM_NUL_TERMINATED) ||
		llm_submit(svc, rq, &co, &call, err))
		complain("submit", err);
	llm_request_free(rq);
	return call;
}

static void by_callback(const char *prompt)
{
	llm_err err = LLM_ERR_INIT;
	atomic_int seen = 0;
	llm_call *call = submit(prompt, LLM_CALL_STREAM, &seen, &err);

	/* `seen` is on this stack: the wait must not return before the callback has. */
	if (call && llm_call_wait(call, 20000, &err))
		complain("callbacks", &err);
	if (atomic_load(&seen) != 1)
		complain("END did not come exactly once", &err);
	llm_call_free(call);
}

static void by_pulling(const char *prompt)
{
	llm_err err = LLM_ERR_INIT;
	llm_call *call = submit(prompt, LLM_CALL_STREAM, NULL, &err);
	llm_event e = {.kind = 0};
	size_t told = 0, len = 0;

	while (call && e.kind != LLM_EVENT_END && llm_call_next(call, 20000, &e) == 0)
		if (e.kind == LLM_EVENT_TEXT)
			told += e.len;
	if (call && llm_call_result(call))
		llm_result_text(llm_call_result(call), &len);
	if (!len || told != len)
		complain("the events do not tell the text", &err);
	llm_call_free(call);
}

static void by_asking(const char *prompt, char *answer, size_t cap)
{
	llm_err err = LLM_ERR_INIT;
	llm_call *call = NULL;

	if (llm_ask(svc, "ollama/sim-small", prompt, &call, &err))
		complain("ask", &err);
	else
		snprintf(answer, cap, "%s", llm_result_text(llm_call_result(call), NULL));
	llm_call_free(call);
}

/* The upstream's words depend on the question: the answer of another thread would show. */
static void *work(void *ctx)
{
	char prompt[32], first[512] = "", again[512] = "";
	int i;

	snprintf(prompt, sizeof(prompt), "question %d", *(const int *)ctx);
	by_asking(prompt, first, sizeof(first));
	for (i = 0; i < RUNS; i++) {
		by_callback(prompt);
		by_pulling(prompt);
		by_asking(prompt, again, sizeof(again));
		if (strcmp(first, again) != 0)
			complain("another answer to the same question", &(llm_err)LLM_ERR_INIT);
	}
	return NULL;
}

static int start(const sim *up, const llm_allocator *mem)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	char config[160];

	snprintf(config, sizeof(config), "providers = { ollama = { base_url = \"%s\"; }; };",
		sim_url(up));
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	so.allocator = mem;
	if (llm_service_new(&so, &svc, &err) == 0)
		return 0;
	complain("service", &err);
	return 1;
}

int main(void)
{
	static const char *const args[] = {"--tokens", "8", NULL};
	sim *up = sim_start(args);
	failalloc fa;
	pthread_t t[THREADS];
	int id[THREADS], i;

	failalloc_init(&fa);
	if (start(up, &fa.hook))
		return 1;
	for (i = 0; i < THREADS; i++) {
		id[i] = i;
		if (pthread_create(&t[i], NULL, work, &id[i]))
			return 1;
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	llm_service_free(svc);
	if (failalloc_leaks(&fa) || atomic_load(&ends) != THREADS * RUNS)
		complain("memory or ends are missing", &(llm_err)LLM_ERR_INIT);
	sim_stop(up);
	printf("submit8: %d threads, %d runs, %d wrong\n", THREADS, THREADS * RUNS * 3,
		atomic_load(&wrong));
	return atomic_load(&wrong) != 0;
}
