/*
 * Two processes, 32 threads each, one idempotency key a round (R-IDEM-14): the provider is
 * called once, one result is stored, and every caller gets it.
 *
 *	prove_share [ROUNDS [STORAGE]]        1000, a SQLite file of its own
 *
 * STORAGE are members of the section `storage` for a database that is migrated already. Prints
 * one line: rounds, answers, provider calls, stored results; then what must be 0: unequal,
 * failed.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "llm/llm.h"
#include "llm/records.h"
#include "llm/runner.h"
#include "support/run.h"
#include "support/sim.h"

#define PROCESSES 2
#define THREADS 32
#define CALLERS (PROCESSES * THREADS)
#define WS "share"

/* Seen by all processes. */
typedef struct common {
	pthread_barrier_t round;
	atomic_uint_fast64_t answers, paid, unequal, failed;
	uint64_t said[CALLERS]; /* a hash of what each was told in this round */
	int rounds;
	char name[40]; /* of this campaign's keys */
	char config[1200];
} common;

static common *all;

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "prove_share: %s: %s\n", what, why);
	_exit(99);
}

/* ---- a caller ---- */

typedef struct caller {
	llm_service *svc;
	int number;
} caller;

static uint64_t hash_of(const char *text, size_t len)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; len; len--, text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return h;
}

static void failed(const llm_err *err)
{
	atomic_fetch_add(&all->failed, 1);
	fprintf(stderr, "prove_share: %s\n", err->message);
}

static void look(caller *c, llm_call *call)
{
	const llm_result *r = llm_call_result(call);
	size_t len = 0;
	const char *text = llm_result_text(r, &len);

	all->said[c->number] = len ? hash_of(text, len) : 0;
	atomic_fetch_add(&all->answers, 1);
	if (llm_result_attempt_count(r))
		atomic_fetch_add(&all->paid, 1);
}

static void ask(caller *c, int round)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_request *rq = NULL;
	llm_call *call = NULL;
	char key[64], text[64];
	int32_t rc;

	snprintf(key, sizeof(key), "%s-%d", all->name, round);
	snprintf(text, sizeof(text), "What is %d?", round);
	opts.idempotency_key = key;
	opts.total_ms = 60000;
	if (llm_request_new(NULL, &rq) || llm_request_model(rq, "ollama/sim-small") ||
		llm_request_text(rq, LLM_ROLE_USER, text, LLM_NUL_TERMINATED))
		die("a request", "refused");
	rc = llm_submit(c->svc, rq, &opts, &call, &err);
	if (!rc)
		rc = llm_call_wait(call, UINT32_MAX, &err);
	all->said[c->number] = 0;
	if (rc)
		failed(&err);
	else
		look(c, call);
	llm_call_free(call);
	llm_request_free(rq);
}

/* By one of them, between two rounds. */
static void compare(void)
{
	int i;

	for (i = 1; i < CALLERS; i++)
		if (all->said[i] != all->said[0])
			atomic_fetch_add(&all->unequal, 1);
}

static void *work(void *arg)
{
	caller *c = arg;
	int i;

	for (i = 0; i < all->rounds; i++) {
		pthread_barrier_wait(&all->round);
		ask(c, i);
		if (pthread_barrier_wait(&all->round) == PTHREAD_BARRIER_SERIAL_THREAD)
			compare();
	}
	return NULL;
}

/* ---- a process ---- */

static llm_service *serve(void)
{
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_service *svc = NULL;

	opts.flags = LLM_SERVICE_NO_ENV;
	opts.plugin_dir = TEST_BINARY_DIR "/plugins";
	opts.config_text = all->config;
	if (llm_service_new(&opts, &svc, &err))
		die("a service", err.message);
	return svc;
}

static _Noreturn void process(int number)
{
	pthread_t threads[THREADS];
	caller callers[THREADS];
	llm_service *svc = serve();
	int i;

	for (i = 0; i < THREADS; i++) {
		callers[i] = (caller){svc, number * THREADS + i};
		if (pthread_create(&threads[i], NULL, work, &callers[i]))
			die("a thread", "cannot be started");
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	llm_service_free(svc);
	_exit(0);
}

/* ---- all of it ---- */

static llm_storage *open_storage(void)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_storage_opts o = LLM_STORAGE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_storage *st = NULL;

	so.flags = LLM_SERVICE_NO_ENV;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	so.config_text = all->config;
	o.service = &so;
	if (llm_storage_new(&o, &st, &err))
		die("storage", err.message);
	return st;
}

static void migrate(void)
{
	llm_storage *st = open_storage();
	llm_err err = LLM_ERR_INIT;
	llm_unit *u = NULL;

	if (llm_unit_open(st, &u, &err) || llm_unit_migrate(u, LLM_SCHEMA_LATEST, &err))
		die("migrate", err.message);
	llm_unit_close(u);
	llm_storage_free(st);
}

static void prepare(const char *folder, const char *storage, const sim *up)
{
	pthread_barrierattr_t attr;
	char own[400];

	snprintf(own, sizeof(own),
		"dsn = \"%s/runs.db\"; create = \"true\"; busy_timeout = \"20s\";", folder);
	snprintf(all->name, sizeof(all->name), "%ld", (long)getpid());
	snprintf(all->config, sizeof(all->config),
		"workspace = \"" WS "\";\nproviders = { ollama = { base_url = \"%s\"; }; };\n"
		"storage = { %s };\nprivacy = { store = \"idempotency_only\"; };\n",
		sim_url(up), storage ? storage : own);
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&all->round, &attr, CALLERS);
	pthread_barrierattr_destroy(&attr);
	if (!storage)
		migrate();
}

static int run_all(void)
{
	pid_t pids[PROCESSES];
	int i, status, bad = 0;

	for (i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			die("fork", "it failed");
		if (!pids[i])
			process(i);
	}
	for (i = 0; i < PROCESSES; i++)
		if (waitpid(pids[i], &status, 0) != pids[i] || status)
			bad = 1;
	return bad;
}

int main(int argc, char **argv)
{
	const char *storage = argc > 2 ? argv[2] : NULL;
	char *folder = run_folder();
	sim *up = sim_start_program(TEST_BINARY_DIR "/bin/llmsim", NULL);
	size_t calls;
	int bad;

	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		die("memory", "none to share");
	all->rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 1000;
	prepare(folder, storage, up);
	bad = run_all();
	calls = sim_log_count(up, "\"event\":\"request\"");
	printf("%d rounds, %" PRIuFAST64 " answers, %zu provider calls, %" PRIuFAST64
	       " of them paid for, %" PRIuFAST64 " unequal, %" PRIuFAST64 " failed\n",
		all->rounds, atomic_load(&all->answers), calls, atomic_load(&all->paid),
		atomic_load(&all->unequal), atomic_load(&all->failed));
	bad |= calls != (size_t)all->rounds || atomic_load(&all->unequal) ||
		atomic_load(&all->failed) ||
		atomic_load(&all->answers) != (uint64_t)all->rounds * CALLERS;
	sim_stop(up);
	run_folder_free(folder);
	return bad;
}
