/*
 * Eight threads ask the same in flight and leave as they like: everybody who stays has the
 * answer, and nothing is left of the flights. A plain program: run by ctest, also under TSan.
 *
 * Proves: R-CACHE-13, R-CACHE-14
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "llm/llm.h"
#include "support/failalloc.h"
#include "support/sim.h"

#define THREADS 8
#define ROUNDS 20

static llm_service *svc;
static atomic_int wrong;
static atomic_int shared;

static void complain(const char *what, const llm_err *err)
{
	atomic_fetch_add(&wrong, 1);
	fprintf(stderr, "flight8: %s: %s %s\n", what, llm_error_name(err->code), err->message);
}

static llm_call *submit(int round, uint32_t flags, llm_err *err)
{
	llm_call_opts co = LLM_CALL_OPTS_INIT;
	llm_request *rq = NULL;
	llm_call *call = NULL;
	char text[32];

	co.flags = flags;
	snprintf(text, sizeof(text), "question %d", round);
	if (llm_request_new(NULL, &rq) || llm_request_model(rq, "ollama/sim-small") ||
		llm_request_integer(rq, LLM_NUM_SEED, 7) ||
		llm_request_text(rq, LLM_ROLE_USER, text, LLM_NUL_TERMINATED) ||
		llm_submit(svc, rq, &co, &call, err))
		complain("submit", err);
	llm_request_free(rq);
	return call;
}

static void stay(llm_call *call, llm_err *err)
{
	size_t len = 0;

	if (llm_call_wait(call, 20000, err))
		complain("wait", err);
	else if (!llm_result_text(llm_call_result(call), &len) || !len)
		complain("no text", err);
	if (llm_call_result(call) &&
		llm_result_source(llm_call_result(call)) == LLM_SOURCE_COALESCED)
		atomic_fetch_add(&shared, 1);
}

static void pull(llm_call *call, llm_err *err)
{
	llm_event e = {.kind = 0};
	size_t told = 0, len = 0;

	while (e.kind != LLM_EVENT_END && llm_call_next(call, 20000, &e) == 0)
		if (e.kind == LLM_EVENT_TEXT)
			told += e.len;
	if (llm_call_result(call))
		llm_result_text(llm_call_result(call), &len);
	if (!len || told != len)
		complain("the events do not tell the text", err);
}

static void *work(void *ctx)
{
	const int id = *(const int *)ctx;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		const uint32_t streams = (id + i) % 3 == 0 ? LLM_CALL_STREAM : 0;
		llm_err err = LLM_ERR_INIT;
		llm_call *call = submit(i, streams, &err);

		if (!call)
			continue;
		if ((id + i) % 4 == 1)
			llm_call_cancel(call);
		else if (streams)
			pull(call, &err);
		else
			stay(call, &err);
		llm_call_free(call);
	}
	return NULL;
}

static int start(const sim *up, const llm_allocator *mem)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	char config[240];

	snprintf(config, sizeof(config),
		"workspace = \"w\"; cache = { coalesce = true; };\n"
		"providers = { ollama = { base_url = \"%s\"; }; };",
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
	static const char *const args[] = {"--tokens", "8", "--delay-ms", "5", NULL};
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
	if (failalloc_leaks(&fa))
		complain("memory is missing", &(llm_err)LLM_ERR_INIT);
	if (!atomic_load(&shared))
		complain("nobody shared an answer", &(llm_err)LLM_ERR_INIT);
	sim_stop(up);
	printf("flight8: %d threads, %d runs, %d shared, %d wrong\n", THREADS, THREADS * ROUNDS,
		atomic_load(&shared), atomic_load(&wrong));
	return atomic_load(&wrong) != 0;
}
