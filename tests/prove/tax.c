/*
 * What it costs to have every run on record: the same calls without a storage and with it.
 *
 *	prove_tax [CALLS [ROUNDS [FLIGHT [DELAY_MS [DSN]]]]]
 *
 * 5000 calls a round, 7 rounds of each way, 32 calls in flight, an upstream that answers at once;
 * SQLite, or the empty PostgreSQL database of DSN, with one more way: each job its own commit.
 *
 * Each round is a process of its own; the ways take turns. Prints for each way the median of
 * CPU us per call (of this process, not of the upstream's), calls per second, and how many
 * rows there are for how many runs.
 */
#include <inttypes.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "llm/abi/storage.h"
#include "llm/llm.h"
#include "llm/runner.h"
#include "support/run.h"
#include "support/sim.h"

#define FLIGHT_MAX 4096
#define ROUNDS_MAX 31
#define WS "tax"

enum { WAY_NONE, WAY_OFF, WAY_AFTER, WAY_STRICT, WAY_SINGLE, WAYS };
static const char *const ways[] = {"none", "off", "after", "strict", "single"};

static struct {
	llm_service *svc;
	llm_storage *storage; /* of WAY_SINGLE, with its runner */
	llm_runner *runner;
	llm_request *question;
	int flight;
	atomic_long left; /* to submit */
	atomic_long open;
	atomic_long wrong;
	sem_t over;
} bench;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "prove_tax: %s: %s\n", what, why);
	exit(99);
}

/* ---- one round ---- */

static void ask(void);

static void on_event(uintptr_t token, llm_call *call, const llm_event *e)
{
	(void)token;
	if (e->kind != LLM_EVENT_END)
		return;
	if (llm_result_status(llm_call_result(call)) != LLM_STATUS_SUCCEEDED)
		atomic_fetch_add(&bench.wrong, 1);
	llm_call_free(call);
	ask();
	if (atomic_fetch_sub(&bench.open, 1) == 1)
		sem_post(&bench.over);
}

static void ask(void)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_call *call = NULL;

	if (atomic_fetch_sub(&bench.left, 1) <= 0)
		return;
	atomic_fetch_add(&bench.open, 1);
	opts.on_event = on_event;
	if (llm_submit(bench.svc, bench.question, &opts, &call, &err))
		die("submit", err.message);
}

static uint64_t cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
		(uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static const char *plugin_of(const char *dsn)
{
	return strchr(dsn, '=') ? "postgres" : "sqlite";
}

static void make(llm_storage **ret, const char *dsn);

/* A runner that commits each job alone. */
static const llm_job_port *one_by_one(const char *dsn)
{
	llm_runner_opts o = LLM_RUNNER_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;

	o.group_max = 1;
	make(&bench.storage, dsn);
	if (llm_runner_new(bench.storage, &o, &bench.runner, &err))
		die("runner", err.message);
	return llm_runner_port(bench.runner);
}

static void open_service(const char *url, const char *dsn, int way)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	char text[1200];
	size_t n;

	n = (size_t)snprintf(text, sizeof(text),
		"limits = { service = %d; workspace = %d; };\n"
		"providers = { ollama = { base_url = \"%s\"; max_concurrency = %d; }; };\n"
		"workspace = \"" WS "\";\n",
		bench.flight, bench.flight, url, bench.flight);
	if (way != WAY_NONE)
		snprintf(text + n, sizeof(text) - n,
			"storage = { plugin = \"%s\"; dsn = \"%s\"; ledger = \"%s\"; };\n"
			"privacy = { content = \"none\"; };\n",
			plugin_of(dsn), dsn, ways[way == WAY_SINGLE ? WAY_STRICT : way]);
	if (way == WAY_SINGLE)
		so.jobs = one_by_one(dsn);
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = text;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	if (llm_service_new(&so, &bench.svc, &err) || llm_service_start(bench.svc, &err))
		die("service", err.message);
	if (llm_request_new(NULL, &bench.question) ||
		llm_request_model(bench.question, "ollama/sim-small") ||
		llm_request_text(bench.question, LLM_ROLE_USER, "hi", LLM_NUL_TERMINATED))
		die("request", llm_request_problem(bench.question));
}

static void many(long calls)
{
	int i;

	atomic_store(&bench.left, calls);
	atomic_store(&bench.open, 1); /* ours, until all have begun */
	for (i = 0; i < bench.flight; i++)
		ask();
	if (atomic_fetch_sub(&bench.open, 1) != 1)
		while (sem_wait(&bench.over))
			continue;
}

/* "CPU_NS WALL_NS WRONG", of each call. */
static int round_of(const char *url, const char *dsn, int way, long calls)
{
	uint64_t cpu, wall;

	sem_init(&bench.over, 0, 0);
	open_service(url, dsn, way);
	many(calls / 10 + bench.flight); /* warm */
	cpu = cpu_us();
	wall = now_us();
	many(calls);
	cpu = cpu_us() - cpu;
	wall = now_us() - wall;
	llm_service_free(bench.svc);
	llm_runner_free(bench.runner);
	llm_storage_free(bench.storage);
	llm_request_free(bench.question);
	printf("%" PRIu64 " %" PRIu64 " %ld\n", cpu * 1000 / (uint64_t)calls,
		wall * 1000 / (uint64_t)calls, atomic_load(&bench.wrong));
	return atomic_load(&bench.wrong) != 0;
}

/* ---- all rounds ---- */

typedef struct times {
	uint64_t cpu_ns[ROUNDS_MAX];
	uint64_t wall_ns[ROUNDS_MAX];
} times;

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t median(uint64_t *list, size_t n)
{
	qsort(list, n, sizeof(*list), compare);
	return list[n / 2];
}

static void one(
	const char *self, const char *url, const char *dsn, int way, long calls, times *t, int i)
{
	char number[24], flight[24];
	const char *const argv[] = {self, "--round", url, dsn, ways[way], number, flight, NULL};
	run_result r;
	long wrong;

	snprintf(number, sizeof(number), "%ld", calls);
	snprintf(flight, sizeof(flight), "%d", bench.flight);
	run_program(argv, NULL, &r);
	if (r.status ||
		sscanf(r.out, "%" SCNu64 " %" SCNu64 " %ld", &t->cpu_ns[i], &t->wall_ns[i],
			&wrong) != 3)
		die(ways[way], r.err);
	run_done(&r);
}

static void make(llm_storage **ret, const char *dsn)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_storage_opts o = LLM_STORAGE_OPTS_INIT;
	char setting[600];
	const char *settings[] = {setting, strchr(dsn, '=') ? NULL : "create=true", NULL};
	llm_err err = LLM_ERR_INIT;
	llm_unit *unit = NULL;

	snprintf(setting, sizeof(setting), "dsn=%s", dsn);
	so.flags = LLM_SERVICE_NO_ENV;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	o.plugin = plugin_of(dsn);
	o.settings = settings;
	o.service = &so;
	if (llm_storage_new(&o, ret, &err) || llm_unit_open(*ret, &unit, &err) ||
		llm_unit_migrate(unit, LLM_SCHEMA_LATEST, &err))
		die("database", err.message);
	llm_unit_close(unit);
}

static int32_t on_row(void *ctx, const void *row)
{
	uint64_t *n = ctx;

	*n += strcmp(((const llm_run_row *)row)->status, "succeeded") == 0;
	return 0;
}

static uint64_t rows(llm_storage *st)
{
	uint64_t n = 0;
	const llm_row_sink sink = {sizeof(sink), 0, &n, on_row};
	llm_filter filter = LLM_FILTER_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_unit *unit = NULL;
	int32_t rc;

	filter.workspace_id = WS;
	if (llm_unit_open(st, &unit, &err))
		die("database", err.message);
	llm_unit_call(unit);
	rc = llm_unit_table(unit)->query(llm_unit_connection(unit), LLM_QUERY_RUNS, &filter, &sink);
	if (llm_unit_called(unit, "query", rc, &err))
		die("query", err.message);
	llm_unit_close(unit);
	return n;
}

static int campaign(
	const char *self, long calls, int rounds, const char *delay_ms, const char *server)
{
	const char *const args[] = {"--fast", "--delay-ms", delay_ms, NULL};
	static times all[WAYS];
	const int n_ways = server ? WAYS : WAYS - 1;
	const uint64_t runs = (uint64_t)(n_ways - 2) * (uint64_t)rounds *
		(uint64_t)(calls + calls / 10 + bench.flight);
	char *folder = run_folder();
	sim *up = sim_start(args);
	llm_storage *st = NULL;
	char dsn[400];
	uint64_t n;
	int way, i;

	snprintf(dsn, sizeof(dsn), "%s%s", server ? server : folder, server ? "" : "/runs.db");
	make(&st, dsn);
	for (i = 0; i < rounds; i++)
		for (way = 0; way < n_ways; way++)
			one(self, sim_url(up), dsn, way, calls, &all[way], i);
	n = rows(st);
	for (way = 0; way < n_ways; way++) {
		const uint64_t wall = median(all[way].wall_ns, (size_t)rounds);

		printf("%s %" PRIu64 " ns CPU, %" PRIu64 " calls/s\n", ways[way],
			median(all[way].cpu_ns, (size_t)rounds), UINT64_C(1000000000) / wall);
	}
	printf("rows %" PRIu64 " of %" PRIu64 " runs\n", n, runs);
	llm_storage_free(st);
	sim_stop(up);
	run_folder_free(folder);
	return n != runs;
}

int main(int argc, char **argv)
{
	const int is_round = argc == 7 && strcmp(argv[1], "--round") == 0;
	long calls = argc > 1 ? strtol(argv[1], NULL, 10) : 5000;
	int rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 7;
	int way;

	bench.flight = argc > 3 ? (int)strtol(argv[is_round ? 6 : 3], NULL, 10) : 32;
	if (bench.flight < 1 || bench.flight > FLIGHT_MAX)
		die("usage", "1 to 4096 calls in flight");
	if (is_round) {
		for (way = 0; way < WAYS - 1 && strcmp(argv[4], ways[way]) != 0;)
			way++;
		return round_of(argv[2], argv[3], way, strtol(argv[5], NULL, 10));
	}
	if (calls < 1 || rounds < 1 || rounds > ROUNDS_MAX)
		die("usage", "prove_tax [CALLS [ROUNDS [FLIGHT [DELAY_MS [DSN]]]]]");
	return campaign(
		argv[0], calls, rounds, argc > 4 ? argv[4] : "0", argc > 5 ? argv[5] : NULL);
}
