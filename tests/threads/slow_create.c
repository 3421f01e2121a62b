/*
 * While one thread waits for a plugin whose creation is slow, runs of another provider go
 * on, and others submit more. Proves: X-04
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "llm/llm.h"
#include "support/sim.h"

#define TRIES 20 /* a busy machine may hold up whom the library does not */

static llm_service *svc;
static atomic_int creating, created;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "slow_create: %s: %s\n", what, why);
	exit(1);
}

static int32_t ask(const char *model, llm_err *err)
{
	llm_call *call = NULL;
	int32_t rc = llm_ask(svc, model, "hello", &call, err);

	llm_call_free(call);
	return rc;
}

/* Its creation sleeps for 40 ms; what comes of the call does not matter. */
static void *use_slow(void *arg)
{
	llm_provider_desc p = {.struct_size = (uint32_t)sizeof(p)};
	llm_err err = LLM_ERR_INIT;

	atomic_store(&creating, 1);
	if (llm_service_provider(svc, arg, &p, &err))
		die("the slow one", err.message);
	atomic_store(&created, 1);
	return NULL;
}

/* 1 when a run began and ended while the other was being created. */
static int overtakes(const char *name)
{
	const struct timespec inside = {.tv_nsec = 10000000};
	llm_err err = LLM_ERR_INIT;
	pthread_t thread;
	int first;

	atomic_store(&creating, 0);
	atomic_store(&created, 0);
	if (pthread_create(&thread, NULL, use_slow, (void *)(uintptr_t)name))
		die("thread", name);
	while (!atomic_load(&creating))
		sched_yield();
	nanosleep(&inside, NULL);
	if (ask("ollama/sim-small", &err))
		die("a run", err.message);
	first = !atomic_load(&created);
	pthread_join(thread, NULL);
	return first;
}

static void open_service(const char *url)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	char config[8192];
	int n, i;

	n = snprintf(
		config, sizeof(config), "providers = { ollama = { base_url = \"%s\"; };\n", url);
	for (i = 0; i < TRIES; i++)
		n += snprintf(config + n, sizeof(config) - (size_t)n,
			"s%d = { plugin = \"slow_create\"; base_url = \"%s\"; };\n", i, url);
	snprintf(config + n, sizeof(config) - (size_t)n,
		"};\nplugins = { path = \"" TEST_BINARY_DIR "/tests/modules\"; };\n");
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	if (llm_service_new(&so, &svc, &err))
		die("service", err.message);
}

int main(void)
{
	sim *up = sim_start(NULL);
	llm_err err = LLM_ERR_INIT;
	char name[8];
	int i, won = 0;

	open_service(sim_url(up));
	if (ask("ollama/sim-small", &err))
		die("the first run", err.message);
	for (i = 0; i < TRIES && !won; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		won = overtakes(name);
	}
	llm_service_free(svc);
	sim_stop(up);
	printf("slow_create: %s after %d of %d\n", won ? "overtaken" : "NEVER overtaken", i, TRIES);
	return !won;
}
