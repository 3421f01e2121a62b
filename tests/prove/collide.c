/*
 * Groups of several processes that want the same rows of one PostgreSQL: each call stores one of a
 * few prompts, so that neighbouring groups lock the same contents in any order they like.
 *
 *	prove_collide [SECONDS [PROCESSES]]        600, 4
 *
 * Deadlocks that the server sees are broken by it and tried again by us; none may reach a caller.
 * Prints one line: seconds, processes, runs, commits; deadlocks the server has broken; then what
 * must be 0: calls that failed, answers not on record, rows that lack, rows left running.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "llm/abi/storage.h"
#include "llm/llm.h"
#include "llm/runner.h"
#include "support/pg.h"
#include "support/run.h"
#include "support/sim.h"
#include "support/talk.h"

#define WS "collide"
#define PROCESSES_MAX 16
#define FLIGHT 32
#define PROMPTS 24

/* What all processes have done together. */
typedef struct seen {
	atomic_uint_fast64_t runs, failed, unsaid;
} seen;

static seen *all;

static struct {
	llm_service *svc;
	llm_request *questions[PROMPTS];
	uint64_t end_ns;
	atomic_int in_flight;
	atomic_uint next;
} work;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "prove_collide: %s: %s\n", what, why);
	_exit(99);
}

/* ---- one process ---- */

static void ask(void);

static void on_event(uintptr_t token, llm_call *call, const llm_event *e)
{
	const llm_result *r = llm_call_result(call);

	(void)token;
	if (e->kind != LLM_EVENT_END)
		return;
	atomic_fetch_add(&all->runs, 1);
	if (llm_result_status(r) != LLM_STATUS_SUCCEEDED) {
		atomic_fetch_add(&all->failed, 1);
		fprintf(stderr, "prove_collide: %s\n", llm_result_error(r)->message);
	} else if (llm_result_persisted(r, NULL) != LLM_PERSISTED_YES) {
		atomic_fetch_add(&all->unsaid, 1);
	}
	llm_call_free(call);
	if (talk_real_ns() < work.end_ns)
		ask();
	atomic_fetch_sub(&work.in_flight, 1);
}

static void ask(void)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_call *call = NULL;
	/* Each process goes through them in a step of its own. */
	const unsigned n = atomic_fetch_add(&work.next, 1) * ((unsigned)getpid() % 11 + 1);

	atomic_fetch_add(&work.in_flight, 1);
	opts.on_event = on_event;
	if (llm_submit(work.svc, work.questions[n % PROMPTS], &opts, &call, &err))
		die("submit", err.message);
}

static void open_service(const char *url, const char *dsn, const char *key)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	char text[1200], prompt[40];

	snprintf(text, sizeof(text),
		"providers = { ollama = { base_url = \"%s\"; max_concurrency = 64; }; };\n"
		"workspace = \"" WS "\";\nprivacy = { content = \"full\"; key = \"file:%s\"; };\n"
		"storage = { plugin = \"postgres\"; dsn = \"%s\"; };\n",
		url, key, dsn);
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = text;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	if (llm_service_new(&so, &work.svc, &err) || llm_service_start(work.svc, &err))
		die("service", err.message);
	for (int i = 0; i < PROMPTS; i++) {
		snprintf(prompt, sizeof(prompt), "question %d", i);
		if (llm_request_new(NULL, &work.questions[i]) ||
			llm_request_model(work.questions[i], "ollama/sim-small") ||
			llm_request_text(
				work.questions[i], LLM_ROLE_USER, prompt, LLM_NUL_TERMINATED))
			die("request", "out of memory");
	}
}

static _Noreturn void serve(const char *url, const char *dsn, const char *key, uint64_t end_ns)
{
	work.end_ns = end_ns;
	open_service(url, dsn, key);
	for (int i = 0; i < FLIGHT; i++)
		ask();
	while (atomic_load(&work.in_flight))
		rest_ms(5);
	llm_service_free(work.svc);
	_exit(0);
}

/* ---- all of them ---- */

static void make_tables(const char *dsn)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_storage_opts o = LLM_STORAGE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_storage *st = NULL;
	llm_unit *unit = NULL;
	char setting[300];
	const char *settings[] = {setting, NULL};

	snprintf(setting, sizeof(setting), "dsn=%s", dsn);
	so.flags = LLM_SERVICE_NO_ENV;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	o.plugin = "postgres";
	o.settings = settings;
	o.service = &so;
	if (llm_storage_new(&o, &st, &err) || llm_unit_open(st, &unit, &err) ||
		llm_unit_migrate(unit, LLM_SCHEMA_LATEST, &err))
		die("database", err.message);
	llm_unit_close(unit);
	llm_storage_free(st);
}

static uint64_t run_all(const char *url, const char *dsn, const char *key, uint64_t s, int n)
{
	const uint64_t end_ns = talk_real_ns() + s * UINT64_C(1000000000);
	uint64_t broken = 0;
	pid_t pids[PROCESSES_MAX];
	int status;

	for (int i = 0; i < n; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			die("fork", "no more processes");
		if (!pids[i])
			serve(url, dsn, key, end_ns);
	}
	for (int i = 0; i < n; i++)
		broken += waitpid(pids[i], &status, 0) != pids[i] || status;
	return broken;
}

static uint64_t count(pg *p, const char *database, const char *sql)
{
	return (uint64_t)pg_number(p, database, sql);
}

static int judge(pg *p, const char *database, uint64_t seconds, int n, uint64_t broken)
{
	const uint64_t runs = atomic_load(&all->runs), failed = atomic_load(&all->failed) + broken;
	const uint64_t rows = count(p, database, "SELECT count(*) FROM llm_runs");
	const uint64_t running = count(
		p, database, "SELECT count(*) FROM llm_runs WHERE status <> 'succeeded'");
	const uint64_t unsaid = atomic_load(&all->unsaid);
	const uint64_t lacking = runs > rows ? runs - rows : rows - runs;

	printf("%" PRIu64 " s, %d processes, %" PRIu64 " runs, %" PRIu64 " commits, %" PRIu64
	       " deadlocks broken, %" PRIu64 " failed, %" PRIu64 " not on record, %" PRIu64
	       " lacking, %" PRIu64 " left running\n",
		seconds, n, runs,
		count(p, database,
			"SELECT xact_commit FROM pg_stat_database WHERE datname = "
			"current_database()"),
		count(p, database,
			"SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"),
		failed, unsaid, lacking, running);
	return !runs || failed || unsaid || lacking || running;
}

int main(int argc, char **argv)
{
	const uint64_t seconds = argc > 1 ? strtoull(argv[1], NULL, 10) : 600;
	const int n = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 4;
	const char *why = pg_missing(), *database, *dsn;
	char *folder, key[400];
	uint64_t broken;
	sim *up;
	int bad;
	pg *p;

	if (why) {
		printf("SKIP postgres: %s\n", why);
		return 0;
	}
	if (!seconds || n < 1 || n > PROCESSES_MAX)
		die("usage", "prove_collide [SECONDS [PROCESSES]]");
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		die("mmap", "no memory");
	p = pg_start(NULL);
	database = pg_database(p);
	dsn = pg_dsn(p, database, PG_DIRECT);
	make_tables(dsn);
	up = sim_start((const char *const[]){"--fast", NULL});
	folder = run_folder();
	run_folder_put(folder, "key", "0123456789abcdef0123456789abcdef\n");
	snprintf(key, sizeof(key), "%s/key", folder);
	broken = run_all(sim_url(up), dsn, key, seconds, n);
	bad = judge(p, database, seconds, n, broken);
	sim_stop(up);
	run_folder_free(folder);
	pg_stop(p);
	return bad;
}
