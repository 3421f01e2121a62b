/*
 * Eight threads make, use and end services, requests and calls in random order. A service and
 * its calls are passed from thread to thread; calls outlive their service. At the end nothing
 * is left of them. Proves: P-09
 *
 *	threads_handles8 [STEPS [SEED]]
 *
 * STEPS of all threads together. A plain program: run by ctest, also under TSan.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "llm/llm.h"
#include "support/failalloc.h"
#include "support/oracle.h"
#include "support/sim.h"

#define THREADS 8
#define CELLS 6
#define CALLS 4
#define STEPS 8000

/* Whoever has the lock is the owner. */
typedef struct cell {
	pthread_mutex_t lock;
	llm_service *svc;
	llm_call *calls[CALLS];
} cell;

static cell cells[CELLS];
static failalloc fa;
static char config[256];
static atomic_int wrong;
static atomic_long submitted, services;
static unsigned long steps, seed;

static void complain(const char *what, const llm_err *err)
{
	atomic_fetch_add(&wrong, 1);
	fprintf(stderr, "handles8: seed %lu: %s: %s\n", seed, what, err ? err->message : "");
}

static uint64_t next_chance(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* ---- steps ---- */

static void make_or_end(cell *c, uint64_t chance)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;

	if (c->svc) {
		llm_service_free(c->svc);
		c->svc = NULL;
		return;
	}
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	so.allocator = &fa.hook;
	if (llm_service_new(&so, &c->svc, &err) || (chance % 2 && llm_service_start(c->svc, &err)))
		complain("a service", &err);
	atomic_fetch_add(&services, 1);
}

static llm_request *question(void)
{
	llm_request *rq = NULL;

	if (llm_request_new(&fa.hook, &rq) || llm_request_model(rq, "ollama/sim-small") ||
		llm_request_text(rq, LLM_ROLE_USER, "hello", 5))
		complain("a request", NULL);
	return rq;
}

static void submit(cell *c, llm_call **at, uint64_t chance)
{
	llm_call_opts co = LLM_CALL_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_request *rq;

	if (!c->svc || *at)
		return;
	rq = question();
	co.flags = chance % 2 ? LLM_CALL_STREAM : 0;
	if (llm_submit(c->svc, rq, &co, at, &err))
		complain("submit", &err);
	llm_request_free(rq);
	atomic_fetch_add(&submitted, 1);
}

static void look(const cell *c, const llm_call *call)
{
	const llm_result *r = call ? llm_call_result(call) : NULL;

	if (r && !c->svc && llm_result_status(r) == 0)
		complain("a call of a service that is gone has no end", NULL);
	if (r && strlen(llm_result_text(r, NULL)) == 0 && !llm_result_error(r))
		complain("a success without a word", NULL);
}

enum { MAKE, SUBMIT, CANCEL, FREE, NEXT, WAIT, ASK, LOOK };

/* Of 16 steps, how many are of which kind; services are made less often. */
static const unsigned char kinds[16] = {SUBMIT, SUBMIT, SUBMIT, CANCEL, FREE, FREE, NEXT, NEXT,
	NEXT, WAIT, WAIT, ASK, LOOK, LOOK, LOOK, LOOK};

static void take_step(cell *c, uint64_t chance)
{
	llm_call **at = &c->calls[chance / 64 % CALLS];
	llm_err err = LLM_ERR_INIT;
	llm_event e;

	switch (chance % 64 ? kinds[chance % 16] : MAKE) {
	case MAKE:
		make_or_end(c, chance >> 32);
		break;
	case SUBMIT:
		submit(c, at, chance >> 32);
		break;
	case CANCEL:
		if (*at)
			llm_call_cancel(*at);
		break;
	case FREE:
		llm_call_free(*at);
		*at = NULL;
		break;
	case NEXT:
		if (*at && c->svc)
			(void)llm_call_next(*at, 0, &e);
		break;
	case WAIT:
		if (*at && c->svc)
			(void)llm_call_wait(*at, 1, &err);
		break;
	case ASK:
		llm_request_free(question());
		break;
	default:
		look(c, *at);
		break;
	}
}

static void *work(void *arg)
{
	uint64_t state = seed * THREADS + (uint64_t)(uintptr_t)arg;
	unsigned long i;

	for (i = 0; i < steps / THREADS; i++) {
		const uint64_t chance = next_chance(&state);
		cell *c = &cells[chance % 1009 % CELLS];

		pthread_mutex_lock(&c->lock);
		take_step(c, chance / 1009);
		pthread_mutex_unlock(&c->lock);
	}
	return NULL;
}

/* ---- all of it ---- */

static void run_threads(void)
{
	pthread_t threads[THREADS];
	size_t i;

	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)i))
			complain("a thread", NULL);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void end_all(void)
{
	size_t i, k;

	for (i = 0; i < CELLS; i++) {
		llm_service_free(cells[i].svc);
		for (k = 0; k < CALLS; k++)
			llm_call_free(cells[i].calls[k]);
		pthread_mutex_destroy(&cells[i].lock);
	}
}

int main(int argc, char **argv)
{
	sim *up = sim_start(NULL);
	size_t fds = oracle_fds(), i;

	steps = argc > 1 ? strtoul(argv[1], NULL, 10) : STEPS;
	seed = argc > 2 ? strtoul(argv[2], NULL, 10) : (unsigned long)sim_now_ns() % 1000000;
	failalloc_init(&fa);
	snprintf(config, sizeof(config),
		"shutdown_grace = \"1ms\"; providers = { ollama = { base_url = \"%s\"; "
		"max_concurrency = 64; }; };",
		sim_url(up));
	for (i = 0; i < CELLS; i++)
		pthread_mutex_init(&cells[i].lock, NULL);
	run_threads();
	end_all();
	if (failalloc_leaks(&fa) || oracle_fds() != fds)
		complain("something is left", NULL);
	if (sim_stop(up))
		complain("the upstream did not end as asked", NULL);
	printf("handles8: seed %lu, %lu steps, %ld services, %ld calls, %d wrong\n", seed, steps,
		atomic_load(&services), atomic_load(&submitted), atomic_load(&wrong));
	return atomic_load(&wrong) != 0;
}
