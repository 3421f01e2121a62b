/*
 * Four threads hand jobs to one runner, another asks for its numbers, and it is freed
 * with a queue that is not empty: every job ends once, and the storage has every run.
 * A plain program: run by ctest, also under TSan. Proves: R-UOW-10
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "llm/runner.h"
#include "store/job.h"

#define THREADS 4
#define JOBS 300

static llm_runner *runner;
static atomic_int ends, wrong, quit;

static void on_done(void *ctx, const llm_op_result *const *results, size_t n, const llm_err *why)
{
	(void)ctx;
	if (why || n != 1 || results[0]->code || results[0]->changed != 1)
		atomic_fetch_add(&wrong, 1);
	atomic_fetch_add(&ends, 1);
}

static llm_job *make_job(int thread, int number)
{
	llm_job *j = job_new(mem_default(), 1, 0, on_done, NULL);
	llm_run_row *r = arena_new(job_arena(j), sizeof(*r));
	char id[64];

	snprintf(id, sizeof(id), "run-%d-%04d", thread, number);
	memset(r, 0xff, sizeof(*r)); /* every number unknown */
	memset(&r->workspace_id, 0, (size_t)((char *)&r->attempts - (char *)&r->workspace_id));
	r->usage_source = r->price_version = NULL;
	memset(&r->request_hash, 0, (size_t)((char *)&r->created_us - (char *)&r->request_hash));
	r->struct_size = sizeof(*r);
	r->stream = 0;
	r->workspace_id = "w";
	r->operation = "chat";
	r->status = "running";
	r->id = arena_str(job_arena(j), id);
	r->created_us = 1;
	job_add(j, LLM_OP_RUN_BEGIN, r);
	return j;
}

static void *hand_over(void *arg)
{
	const llm_job_port *port = llm_runner_port(runner);
	struct timespec ts = {0, 100000};
	int i;

	for (i = 0; i < JOBS; i++) {
		llm_job *j = make_job((int)(intptr_t)arg, i);

		while (port->submit(port->ctx, j))
			nanosleep(&ts, NULL);
	}
	return NULL;
}

static void *watch(void *arg)
{
	llm_runner_stats stats;

	(void)arg;
	while (!atomic_load(&quit)) {
		llm_runner_stats_of(runner, &stats);
		if (stats.waiting > 32 || stats.committed > THREADS * JOBS)
			atomic_fetch_add(&wrong, 1);
	}
	return NULL;
}

static llm_storage *open_storage(void)
{
	const char *settings[] = {"dsn=threads", NULL};
	llm_storage_opts opts = LLM_STORAGE_OPTS_INIT;
	llm_service_opts service = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_storage *st = NULL;

	service.flags = LLM_SERVICE_NO_ENV;
	service.plugin_dir = TEST_BINARY_DIR "/tests/modules";
	opts.plugin = "memstore";
	opts.settings = settings;
	opts.service = &service;
	if (llm_storage_new(&opts, &st, &err))
		fprintf(stderr, "inside_runner: %s\n", err.message);
	return st;
}

static int32_t count_row(void *ctx, const void *row)
{
	(void)row;
	++*(int *)ctx;
	return 0;
}

static int stored(llm_storage *st)
{
	llm_filter filter = LLM_FILTER_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_unit *u = NULL;
	int n = 0;
	llm_row_sink sink = {sizeof(sink), 0, &n, count_row};

	filter.workspace_id = "w";
	if (llm_unit_open(st, &u, &err) || unit_query(u, LLM_QUERY_RUNS, &filter, &sink, &err))
		fprintf(stderr, "inside_runner: %s\n", err.message);
	llm_unit_close(u);
	return n;
}

int main(void)
{
	llm_runner_opts opts = LLM_RUNNER_OPTS_INIT;
	llm_storage *st = open_storage();
	pthread_t threads[THREADS], watcher;
	llm_err err = LLM_ERR_INIT;
	int i, n;

	opts.queue_max = 32;
	opts.group_max = 8;
	if (!st || llm_runner_new(st, &opts, &runner, &err)) {
		fprintf(stderr, "inside_runner: %s\n", err.message);
		return 1;
	}
	pthread_create(&watcher, NULL, watch, NULL);
	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, hand_over, (void *)(intptr_t)i); /* NOLINT */
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&quit, 1);
	pthread_join(watcher, NULL);
	llm_runner_free(runner);
	n = stored(st);
	llm_storage_free(st);
	printf("inside_runner: %d jobs, %d ended, %d stored, %d wrong\n", THREADS * JOBS,
		atomic_load(&ends), n, atomic_load(&wrong));
	return atomic_load(&ends) != THREADS * JOBS || n != THREADS * JOBS || atomic_load(&wrong);
}
