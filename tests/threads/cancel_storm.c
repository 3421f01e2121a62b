/*
 * Runs that are submitted, pulled, cancelled and freed from several threads while the
 * service itself is ended under them. Every accepted run has exactly one end, nothing
 * is left, and what the threads still hold can be read afterwards.
 * A plain program: run by ctest, also under TSan.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "llm/llm.h"
#include "support/failalloc.h"
#include "support/oracle.h"

#define ROUNDS 12
#define THREADS 6
#define CALLS 8

typedef struct storm {
	llm_service *svc;
	unsigned seed;
	atomic_int accepted;
	atomic_int ends;
	atomic_int wrong;
} storm;

typedef struct worker {
	storm *s;
	unsigned seed;
	llm_call *call[CALLS];
	pthread_barrier_t *ready;
} worker;

static void complain(storm *s, const char *what)
{
	atomic_fetch_add(&s->wrong, 1);
	fprintf(stderr, "cancel_storm: %s\n", what);
}

static void rest_us(unsigned us)
{
	struct timespec ts = {.tv_nsec = (long)us * 1000};

	nanosleep(&ts, NULL);
}

static void on_event(uintptr_t token, llm_call *call, const llm_event *e)
{
	storm *s = (storm *)token;

	/* Some runs leave by themselves, from inside. */
	if (e->kind == LLM_EVENT_TEXT && (e->len & 3) == 3)
		llm_call_cancel(call);
	if (e->kind == LLM_EVENT_END)
		atomic_fetch_add(&s->ends, 1);
}

static llm_call *submit(storm *s)
{
	llm_call_opts co = LLM_CALL_OPTS_INIT;
	llm_request *rq = NULL;
	llm_call *call = NULL;
	int32_t rc;

	co.flags = LLM_CALL_STREAM;
	co.on_event = on_event;
	co.token = (uintptr_t)s;
	llm_request_new(NULL, &rq);
	llm_request_model(rq, "ollama/sim-small");
	llm_request_text(rq, LLM_ROLE_USER, "go", LLM_NUL_TERMINATED);
	rc = llm_submit(s->svc, rq, &co, &call, NULL);
	llm_request_free(rq);
	if (rc)
		complain(s, "a submit was refused");
	else
		atomic_fetch_add(&s->accepted, 1);
	return call;
}

/* While the service ends: cancels, waits and looks at what it holds. */
static void *work(void *ctx)
{
	worker *w = ctx;
	int i;

	for (i = 0; i < CALLS; i++)
		w->call[i] = submit(w->s);
	pthread_barrier_wait(w->ready);
	for (i = 0; i < CALLS * 4; i++) {
		llm_call *call = w->call[rand_r(&w->seed) % CALLS];

		rest_us((unsigned)rand_r(&w->seed) % 300);
		if (rand_r(&w->seed) % 2)
			llm_call_cancel(call);
		else
			(void)llm_call_wait(call, 1, NULL);
		(void)llm_call_result(call);
	}
	return NULL;
}

static void finish(worker *w)
{
	int i;

	for (i = 0; i < CALLS; i++) {
		const llm_result *r = llm_call_result(w->call[i]);

		if (!r)
			complain(w->s, "a call without a result after the end");
		else if (llm_result_status(r) < LLM_STATUS_SUCCEEDED)
			complain(w->s, "a result without a status");
		llm_call_free(w->call[i]);
	}
}

static int open_service(storm *s, const sim *up, const llm_allocator *mem)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	char config[200];

	snprintf(config, sizeof(config),
		"providers = { ollama = { base_url = \"%s\"; }; };\nshutdown_grace = \"5ms\";\n",
		sim_url(up));
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	so.allocator = mem;
	if (llm_service_new(&so, &s->svc, &err) || llm_service_start(s->svc, &err)) {
		fprintf(stderr, "cancel_storm: %s\n", err.message);
		return 1;
	}
	return 0;
}

static int round_of(unsigned seed, const sim *up)
{
	storm s = {.seed = seed};
	worker w[THREADS];
	pthread_t t[THREADS];
	pthread_barrier_t ready;
	failalloc fa;
	unsigned i;

	failalloc_init(&fa);
	if (open_service(&s, up, &fa.hook))
		return 1;
	pthread_barrier_init(&ready, NULL, THREADS + 1);
	for (i = 0; i < THREADS; i++) {
		w[i] = (worker){.s = &s, .seed = seed * 100 + i, .ready = &ready};
		if (pthread_create(&t[i], NULL, work, &w[i]))
			abort();
	}
	pthread_barrier_wait(&ready);
	rest_us(seed % 4 * 1000);
	llm_service_free(s.svc);
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (i = 0; i < THREADS; i++)
		finish(&w[i]);
	pthread_barrier_destroy(&ready);
	if (atomic_load(&s.ends) != atomic_load(&s.accepted))
		complain(&s, "not every accepted run has one end");
	if (failalloc_leaks(&fa))
		complain(&s, "memory is left");
	return atomic_load(&s.wrong);
}

int main(void)
{
	static const char *const args[] = {"--tokens", "20", "--pace-ms", "1", NULL};
	sim *up = sim_start(args);
	size_t fds = oracle_fds();
	int wrong = 0;
	unsigned i;

	for (i = 0; i < ROUNDS; i++)
		wrong += round_of(i + 1, up);
	if (oracle_fds() != fds) {
		fprintf(stderr, "cancel_storm: descriptors are left\n");
		wrong++;
	}
	sim_stop(up);
	printf("cancel_storm: %d rounds, %d runs, %d wrong\n", ROUNDS, ROUNDS * THREADS * CALLS,
		wrong);
	return wrong != 0;
}
