/*
 * Two processes, 32 threads each, one idempotency key a round (R-IDEM-14): the provider is
 * called once, one result is stored, and every caller gets it.
 *
 *	prove_share [ROUNDS [STORAGE]]        1000, a SQLite file of its own
 *	prove_share ROUNDS machines [pooled]
 *
 * STORAGE are members of the section `storage` for a database that is migrated already. With
 * `machines` each process has a network namespace of its own, with an llmsim in it, and they
 * meet nowhere but in a PostgreSQL in a third one. Prints one line: rounds, answers, provider
 * calls, runs that paid; then what must be 0: unequal, failed; stored results; and from how many
 * addresses the database was asked.
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
#include <time.h>
#include <unistd.h>

#include "llm/llm.h"
#include "llm/records.h"
#include "llm/runner.h"
#include "support/netns.h"
#ifdef TEST_WITH_POSTGRES
#include "support/pg.h"
#endif
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
	atomic_uint_fast64_t calls; /* that the llmsims have seen */
	uint64_t said[CALLERS]; /* a hash of what each was told in this round */
	int64_t began_us;
	int rounds;
	int machines; /* each process is one */
	char name[40]; /* of this campaign's keys */
	char config[1200]; /* but for the provider */
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

	for (i = 0; i < CALLERS; i++)
		if (!all->said[i] || all->said[i] != all->said[0])
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

static llm_service *serve(const sim *up)
{
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_service *svc = NULL;
	char text[sizeof(all->config) + 100];

	snprintf(text, sizeof(text), "%sproviders = { ollama = { base_url = \"%s\"; }; };\n",
		all->config, sim_url(up));
	opts.flags = LLM_SERVICE_NO_ENV;
	opts.plugin_dir = TEST_BINARY_DIR "/plugins";
	opts.config_text = text;
	if (llm_service_new(&opts, &svc, &err))
		die("a service", err.message);
	return svc;
}

static sim *upstream(void)
{
	return sim_start_program(TEST_BINARY_DIR "/bin/llmsim", NULL);
}

/* Ends it. */
static void add_calls(sim *up)
{
	atomic_fetch_add(&all->calls, sim_log_count(up, "\"event\":\"request\""));
	sim_stop(up);
}

static void call_all(llm_service *svc, int number)
{
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
}

static _Noreturn void process(int number, const sim *up)
{
	sim *own = NULL;
	llm_service *svc;

	if (all->machines) {
		netns_machine(number + 1);
		own = upstream();
	}
	svc = serve(own ? own : up);
	call_all(svc, number);
	llm_service_free(svc);
	if (own)
		add_calls(own);
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

/* ---- what the database has ---- */

typedef struct found {
	char (*hashes)[80]; /* of the keys of runs that a provider was asked for */
	uint64_t n, stored;
} found;

static int32_t on_run(void *ctx, const void *row)
{
	const llm_run_row *r = row;
	found *f = ctx;

	if (strcmp(r->status, "succeeded") || !r->source || strcmp(r->source, "provider") ||
		!r->idempotency_key_hash || f->n == (uint64_t)all->rounds)
		return 0;
	snprintf(f->hashes[f->n++], sizeof(f->hashes[0]), "%s", r->idempotency_key_hash);
	return 0;
}

/* Settled once, by whoever claimed it first. */
static int32_t on_key(void *ctx, const void *row)
{
	const llm_idem_row *k = row;

	((found *)ctx)->stored += strcmp(k->state, "succeeded") == 0 && k->generation == 1 &&
		k->response.len > 0;
	return 0;
}

static void read_rows(llm_unit *u, uint32_t kind, llm_filter *filter, llm_row_sink *sink)
{
	llm_err err = LLM_ERR_INIT;

	sink->struct_size = sizeof(*sink);
	filter->workspace_id = WS;
	if (llm_records_read(u, kind, filter, sink, &err))
		die("a question", err.message);
}

static uint64_t stored_results(void)
{
	llm_storage *st = open_storage();
	found f = {calloc((size_t)all->rounds, sizeof(*f.hashes)), 0, 0};
	llm_row_sink sink = {.ctx = &f, .row = on_run};
	llm_filter filter = LLM_FILTER_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_unit *u = NULL;

	if (!f.hashes || llm_unit_open(st, &u, &err))
		die("the rows", err.message);
	filter.from_us = all->began_us;
	read_rows(u, LLM_QUERY_RUNS, &filter, &sink);
	sink.row = on_key;
	for (uint64_t i = 0; i < f.n; i++) {
		filter = (llm_filter)LLM_FILTER_INIT;
		filter.operation = "chat";
		filter.id = f.hashes[i];
		read_rows(u, LLM_QUERY_IDEM, &filter, &sink);
	}
	llm_unit_close(u);
	llm_storage_free(st);
	free(f.hashes);
	return f.stored;
}

static void prepare(const char *storage)
{
	pthread_barrierattr_t attr;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	all->began_us = (int64_t)now.tv_sec * 1000000;
	snprintf(all->name, sizeof(all->name), "%ld", (long)getpid());
	snprintf(all->config, sizeof(all->config),
		"workspace = \"" WS "\";\nstorage = { %s };\n"
		"privacy = { store = \"idempotency_only\"; };\n",
		storage);
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&all->round, &attr, CALLERS);
	pthread_barrierattr_destroy(&attr);
}

/* Where one fails the other would wait at the barrier for ever. */
static int wait_all(pid_t pids[PROCESSES])
{
	int status, bad = 0, i, n;

	for (n = 0; n < PROCESSES; n++) {
		const pid_t ended = wait(&status);

		bad |= ended < 0 || status;
		for (i = 0; i < PROCESSES; i++) {
			if (pids[i] == ended)
				pids[i] = 0;
			if (bad && pids[i])
				kill(pids[i], SIGKILL);
		}
	}
	return bad;
}

static int run_all(const sim *up)
{
	pid_t pids[PROCESSES];
	int i;

	for (i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			die("fork", "it failed");
		if (!pids[i])
			process(i, up);
	}
	return wait_all(pids);
}

static int judge(void)
{
	const uint64_t rounds = (uint64_t)all->rounds, stored = stored_results();

	printf("%d rounds, %" PRIuFAST64 " answers, %" PRIuFAST64 " provider calls, %" PRIuFAST64
	       " of them paid for, %" PRIuFAST64 " unequal, %" PRIuFAST64 " failed, %" PRIu64
	       " results stored",
		all->rounds, atomic_load(&all->answers), atomic_load(&all->calls),
		atomic_load(&all->paid), atomic_load(&all->unequal), atomic_load(&all->failed),
		stored);
	return stored != rounds || atomic_load(&all->calls) != rounds ||
		atomic_load(&all->unequal) || atomic_load(&all->failed) ||
		atomic_load(&all->answers) != rounds * CALLERS;
}

static int on_one_machine(const char *storage)
{
	char *folder = run_folder(), own[400];
	sim *up = upstream();
	int bad;

	snprintf(own, sizeof(own),
		"dsn = \"%s/runs.db\"; create = \"true\"; busy_timeout = \"20s\";", folder);
	prepare(storage ? storage : own);
	if (!storage)
		migrate();
	bad = run_all(up);
	add_calls(up);
	bad |= judge();
	run_folder_free(folder);
	printf("\n");
	return bad;
}

#ifdef TEST_WITH_POSTGRES
/* By the log of the server, or of the pool. */
static unsigned seen_from(const pg *p, int pooled, int number)
{
	char line[400];

	snprintf(line, sizeof(line), "grep -q '[=@]10\\.77\\.%d\\.2[ :]' %s/%s.log", number,
		pg_folder(p), pooled ? "pool" : "server");
	return !netns_do(line);
}
#endif

static int on_machines(int pooled)
{
#ifdef TEST_WITH_POSTGRES
	static const char *const settings[] = {
		"listen_addresses = '*'", "log_connections = on", "pool:listen_addr = *", NULL};
	const char *why = pg_missing();
	unsigned addresses = 0;
	char storage[400];
	int i, bad;
	pg *p;

	if (!why)
		why = netns_hub();
	if (why) {
		printf("SKIP two_machines: %s\n", why);
		return 0;
	}
	p = pg_start(settings);
	all->machines = 1;
	snprintf(storage, sizeof(storage),
		"plugin = \"postgres\"; dsn = \"host=" NETNS_HUB " port=%u user=app dbname=%s\";",
		pooled ? pg_pool_port(p) : pg_port(p), pg_database(p));
	prepare(storage);
	migrate();
	bad = run_all(NULL) | judge();
	for (i = 0; i < PROCESSES; i++)
		addresses += seen_from(p, pooled, i + 1);
	printf(", asked from %u addresses\n", addresses);
	pg_stop(p);
	return bad || addresses != PROCESSES;
#else
	(void)pooled;
	printf("SKIP two_machines: this build has no PostgreSQL\n");
	return 0;
#endif
}

int main(int argc, char **argv)
{
	const char *storage = argc > 2 ? argv[2] : NULL;

	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		die("memory", "none to share");
	all->rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 1000;
	if (storage && strcmp(storage, "machines") == 0)
		return on_machines(argc > 3 && strcmp(argv[3], "pooled") == 0);
	return on_one_machine(storage);
}
