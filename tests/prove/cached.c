/*
 * Two processes, 32 threads each, one cacheable question a round, answers kept in a storage that
 * both use. Equal runs in flight share one call in each process (R-CACHE-13), so a round costs at
 * most one call of each; behind it all a third process is told every answer by the cache.
 *
 *	prove_cached [ROUNDS [STORAGE]]		500, a SQLite file of its own
 *
 * STORAGE are members of the section `storage` for a database that is migrated already. Prints one
 * line: rounds, answers, provider calls, runs that paid, shared an answer, were told a stored one;
 * then what must be 0: unequal, failed, times that a process paid twice in a round; lookups that
 * took longer than a run waits (who paid behind one is not counted before); and how many answers
 * the third process was told.
 */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
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
#define TEXT 1000

enum { PAID, SHARED, TOLD, SOURCES };

/* Seen by all processes. */
typedef struct common {
	pthread_barrier_t round;
	atomic_uint_fast64_t by[SOURCES]; /* answers */
	atomic_uint_fast64_t unequal, failed, twice, late;
	atomic_uint paying[PROCESSES]; /* callers of each that have paid in this round */
	char said[CALLERS][TEXT]; /* in this round */
	int rounds;
	char config[1400];
} common;

static common *all;

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "prove_cached: %s: %s\n", what, why);
	_exit(99);
}

/* ---- a caller ---- */

typedef struct caller {
	llm_service *svc;
	int number;
} caller;

/* Null, and it is counted: it failed. */
static llm_call *ask(llm_service *svc, int round)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_request *rq = NULL;
	llm_call *call = NULL;
	char text[64];
	int32_t rc;

	opts.total_ms = 60000;
	snprintf(text, sizeof(text), "What is %d?", round);
	if (llm_request_new(NULL, &rq) || llm_request_model(rq, "ollama/sim-small") ||
		llm_request_number(rq, LLM_NUM_TEMPERATURE, 0) ||
		llm_request_text(rq, LLM_ROLE_USER, text, LLM_NUL_TERMINATED))
		die("a request", "refused");
	rc = llm_submit(svc, rq, &opts, &call, &err);
	if (!rc)
		rc = llm_call_wait(call, UINT32_MAX, &err);
	llm_request_free(rq);
	if (!rc)
		return call;
	atomic_fetch_add(&all->failed, 1);
	fprintf(stderr, "prove_cached: %s\n", err.message);
	llm_call_free(call);
	return NULL;
}

static int source_of(const llm_result *r)
{
	switch (llm_result_source(r)) {
	case LLM_SOURCE_COALESCED:
		return SHARED;
	case LLM_SOURCE_CACHE:
		return TOLD;
	default:
		return PAID;
	}
}

static void look(const caller *c, const llm_result *r)
{
	const int source = source_of(r);
	const char *fault = NULL;

	snprintf(all->said[c->number], TEXT, "%s", llm_result_text(r, NULL));
	atomic_fetch_add(&all->by[source], 1);
	(void)llm_result_cache(r, &fault);
	if (fault)
		atomic_fetch_add(&all->late, 1);
	else if (source == PAID)
		atomic_fetch_add(&all->paying[c->number / THREADS], 1);
}

/* By one of them, between two rounds. */
static void compare(void)
{
	int i;

	for (i = 0; i < CALLERS; i++)
		if (!all->said[i][0] || strcmp(all->said[i], all->said[0]) != 0)
			atomic_fetch_add(&all->unequal, 1);
	for (i = 0; i < PROCESSES; i++)
		if (atomic_exchange(&all->paying[i], 0) > 1)
			atomic_fetch_add(&all->twice, 1);
}

static void *work(void *arg)
{
	caller *c = arg;
	int i;

	for (i = 0; i < all->rounds; i++) {
		llm_call *call;

		pthread_barrier_wait(&all->round);
		all->said[c->number][0] = '\0';
		call = ask(c->svc, i);
		if (call)
			look(c, llm_call_result(call));
		llm_call_free(call);
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
	llm_service *svc = serve();
	pthread_t threads[THREADS];
	caller callers[THREADS];
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

/* Where one fails the other would wait at the barrier for ever. */
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
	for (i = 0; i < PROCESSES; i++) {
		const pid_t ended = wait(&status);
		const pid_t other = ended == pids[0] ? pids[1] : pids[0];

		if (!bad && status && !i)
			kill(other, SIGKILL);
		bad |= ended < 0 || status;
	}
	return bad;
}

/* ---- all of it ---- */

static void migrate(void)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_storage_opts o = LLM_STORAGE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_storage *st = NULL;
	llm_unit *u = NULL;

	so.flags = LLM_SERVICE_NO_ENV;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	so.config_text = all->config;
	o.service = &so;
	if (llm_storage_new(&o, &st, &err) || llm_unit_open(st, &u, &err) ||
		llm_unit_migrate(u, LLM_SCHEMA_LATEST, &err))
		die("migrate", err.message);
	llm_unit_close(u);
	llm_storage_free(st);
}

static void prepare(const char *storage, const sim *up)
{
	pthread_barrierattr_t attr;

	snprintf(all->config, sizeof(all->config),
		"workspace = \"cached\";\nstorage = { %s };\n"
		"cache = { mode = \"on\"; store = \"sql\"; namespace = \"%ld\"; };\n"
		"providers = { ollama = { base_url = \"%s\"; }; };\n",
		storage, (long)getpid(), sim_url(up));
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&all->round, &attr, CALLERS);
	pthread_barrierattr_destroy(&attr);
}

/* By a process that has asked nobody yet. */
static uint64_t ask_third(void)
{
	llm_service *svc = serve();
	uint64_t told = 0;
	int i;

	for (i = 0; i < all->rounds; i++) {
		llm_call *call = ask(svc, i);

		told += call && source_of(llm_call_result(call)) == TOLD;
		llm_call_free(call);
	}
	llm_service_free(svc);
	return told;
}

static int judge(uint64_t calls)
{
	const uint64_t rounds = (uint64_t)all->rounds, paid = atomic_load(&all->by[PAID]),
		       shared = atomic_load(&all->by[SHARED]), told = atomic_load(&all->by[TOLD]),
		       late = atomic_load(&all->late), third = ask_third();

	printf("%d rounds, %" PRIu64 " answers, %" PRIu64 " provider calls, %" PRIu64
	       " paid for, %" PRIu64 " shared, %" PRIu64 " stored, %" PRIuFAST64
	       " unequal, %" PRIuFAST64 " failed, %" PRIuFAST64 " twice in a process, %" PRIu64
	       " late, %" PRIu64 " told to a third\n",
		all->rounds, paid + shared + told, calls, paid, shared, told,
		atomic_load(&all->unequal), atomic_load(&all->failed), atomic_load(&all->twice),
		late, third);
	return paid + shared + told != rounds * CALLERS || calls != paid || calls < rounds ||
		calls > rounds * PROCESSES + late || atomic_load(&all->unequal) ||
		atomic_load(&all->failed) || atomic_load(&all->twice) || third != rounds;
}

int main(int argc, char **argv)
{
	char *folder = run_folder(), own[400];
	sim *up = sim_start_program(TEST_BINARY_DIR "/bin/llmsim", NULL);
	int bad;

	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		die("memory", "none to share");
	all->rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 500;
	snprintf(own, sizeof(own),
		"dsn = \"%s/runs.db\"; create = \"true\"; busy_timeout = \"20s\";", folder);
	prepare(argc > 2 ? argv[2] : own, up);
	if (argc <= 2)
		migrate();
	bad = run_all();
	bad |= judge(sim_log_count(up, "\"event\":\"request\""));
	sim_stop(up);
	run_folder_free(folder);
	return bad;
}
