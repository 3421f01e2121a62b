/*
 * A process that answers and records, killed at uniform times: is every answer that it has
 * delivered on record?
 *
 *	prove_ledger [KILLS [SEED]]       200 kills; the seed is printed
 *
 * Delivered is: the run's end was written to a pipe, and this process has read it. After
 * each kill every delivered run must have a row `succeeded` with its usage; when the dead
 * owner's lease is over, nothing is `running` after reaping; the database has no damage.
 * Prints one line: kills, delivered, lost, rows that were running, left so, damaged.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "llm/abi/storage.h"
#include "llm/llm.h"
#include "llm/runner.h"
#include "support/run.h"

#define FLIGHT 64
#define WS "kills"
#define ID_TEXT 37 /* and a line end instead of its NUL */
#define AT_LEAST_MS 40 /* from the first answer to the kill */
#define SPREAD_MS 160
#define DELIVERED_MAX 4000000
#define KILLS_A_FILE 20 /* all of it is looked at after each kill */

static void die(const char *what, const char *why)
{
	fprintf(stderr, "prove_ledger: %s: %s\n", what, why);
	exit(99);
}

/* ---- the process that is killed ---- */

static llm_service *svc;
static llm_request *question;

static void ask(void);

static void on_event(uintptr_t token, llm_call *call, const llm_event *e)
{
	const llm_result *r = llm_call_result(call);
	char line[ID_TEXT + 1];

	(void)token;
	if (e->kind != LLM_EVENT_END)
		return;
	if (llm_result_status(r) == LLM_STATUS_SUCCEEDED) {
		snprintf(line, sizeof(line), "%s\n", llm_result_run_id(r));
		if (write(1, line, ID_TEXT) != ID_TEXT)
			_exit(3);
	}
	llm_call_free(call);
	ask();
}

static void ask(void)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_call *call = NULL;

	opts.on_event = on_event;
	if (llm_submit(svc, question, &opts, &call, &err))
		die("submit", err.message);
}

static _Noreturn void serve(const char *url, const char *dsn)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	char text[1200];
	int i;

	snprintf(text, sizeof(text),
		"providers = { ollama = { base_url = \"%s\"; max_concurrency = %d; }; };\n"
		"workspace = \"" WS "\";\nstorage = { dsn = \"%s\"; };\n",
		url, 2 * FLIGHT, dsn);
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = text;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	if (llm_service_new(&so, &svc, &err))
		die("service", err.message);
	if (llm_request_new(NULL, &question) || llm_request_model(question, "ollama/sim-small") ||
		llm_request_text(question, LLM_ROLE_USER, "hi", LLM_NUL_TERMINATED))
		die("request", llm_request_problem(question));
	if (llm_service_start(svc, &err))
		die("start", err.message);
	for (i = 0; i < FLIGHT; i++)
		ask();
	for (;;)
		pause();
}

/* ---- the database, looked at from outside ---- */

typedef struct look {
	llm_storage *storage;
	llm_unit *unit;
	uint64_t running;
	uint64_t succeeded;
	char owner[64]; /* of a run that is running */
} look;

static void look_open(look *k, const char *dsn)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_storage_opts o = LLM_STORAGE_OPTS_INIT;
	char setting[600];
	const char *settings[] = {setting, "create=true", NULL};
	llm_err err = LLM_ERR_INIT;

	memset(k, 0, sizeof(*k));
	snprintf(setting, sizeof(setting), "dsn=%s", dsn);
	so.flags = LLM_SERVICE_NO_ENV;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	o.settings = settings;
	o.service = &so;
	if (llm_storage_new(&o, &k->storage, &err) || llm_unit_open(k->storage, &k->unit, &err) ||
		llm_unit_migrate(k->unit, LLM_SCHEMA_LATEST, &err))
		die("database", err.message);
}

static void look_close(look *k)
{
	llm_unit_close(k->unit);
	llm_storage_free(k->storage);
}

static int32_t on_row(void *ctx, const void *row)
{
	const llm_run_row *r = row;
	look *k = ctx;

	if (strcmp(r->status, "running") == 0) {
		k->running++;
		snprintf(k->owner, sizeof(k->owner), "%s", r->owner_id ? r->owner_id : "");
	}
	k->succeeded += strcmp(r->status, "succeeded") == 0 && r->output_tokens >= 0 &&
		r->input_tokens >= 0;
	return 0;
}

static void query(look *k, uint32_t kind, const char *id, const char *status)
{
	const llm_row_sink sink = {sizeof(sink), 0, k, on_row};
	llm_filter filter = LLM_FILTER_INIT;
	llm_err err = LLM_ERR_INIT;
	int32_t rc;

	filter.workspace_id = WS;
	filter.id = id;
	filter.status = status;
	k->running = k->succeeded = 0;
	llm_unit_call(k->unit);
	rc = llm_unit_table(k->unit)->query(llm_unit_connection(k->unit), kind, &filter, &sink);
	if (llm_unit_called(k->unit, "query", rc, &err))
		die("query", err.message);
}

/* The dead process's lease is over. */
static int32_t expire(look *k)
{
	const llm_owner_row row = {.struct_size = sizeof(row),
		.id = k->owner,
		.started_us = LLM_UNKNOWN,
		.lease_us = -2000000};
	const llm_op op = {sizeof(op), LLM_OP_OWNER_BEAT, &row};
	llm_op_result result = {.struct_size = sizeof(result)};
	const llm_op *ops[] = {&op};
	llm_op_result *results[] = {&result};

	return llm_unit_table(k->unit)->apply(llm_unit_connection(k->unit), ops, 1, results);
}

static void reap(look *k)
{
	llm_err err = LLM_ERR_INIT;
	uint32_t n = 0;
	int32_t rc;

	if (llm_unit_begin(k->unit, &err))
		die("reap", err.message);
	llm_unit_call(k->unit);
	rc = expire(k);
	if (!rc)
		rc = llm_unit_table(k->unit)->reap(llm_unit_connection(k->unit), 1000, &n);
	if (llm_unit_called(k->unit, "reap", rc, &err) || llm_unit_commit(k->unit, &err))
		die("reap", err.message);
}

static int is_damaged(look *k)
{
	int32_t rc;

	llm_unit_call(k->unit);
	rc = llm_unit_table(k->unit)->maintain(
		llm_unit_connection(k->unit), LLM_MAINTAIN_CHECK, NULL);
	return llm_unit_called(k->unit, "maintain", rc, NULL) != 0;
}

/* ---- one kill ---- */

typedef struct tally {
	uint64_t delivered;
	uint64_t lost;
	uint64_t cut; /* rows that were running */
	uint64_t left_running;
	uint64_t damaged;
} tally;

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static pid_t start(char *const argv[], int *ret_out)
{
	int ends[2];
	pid_t pid;

	if (pipe(ends))
		die("pipe", strerror(errno));
	pid = fork();
	if (pid < 0)
		die("fork", strerror(errno));
	if (!pid) {
		dup2(ends[1], 1);
		close(ends[0]);
		close(ends[1]);
		execv(argv[0], argv);
		_exit(127);
	}
	close(ends[1]);
	*ret_out = ends[0];
	return pid;
}

/* Reads what is delivered until the process is dead; it is killed `after_ms` behind the first. */
static char *deliver(
	const char *self, const char *url, const char *dsn, uint64_t after_ms, size_t *ret_n)
{
	char *const argv[] = {(char *)(uintptr_t)self, (char *)(uintptr_t) "--serve",
		(char *)(uintptr_t)url, (char *)(uintptr_t)dsn, NULL};
	char *ids = malloc(DELIVERED_MAX);
	size_t len = 0;
	uint64_t at = 0;
	ssize_t n;
	int out;
	pid_t pid = start(argv, &out);

	while (ids && (n = read(out, ids + len, DELIVERED_MAX - len)) > 0) {
		len += (size_t)n;
		if (!at)
			at = now_ms() + after_ms;
		if (at != UINT64_MAX && now_ms() >= at) {
			kill(pid, SIGKILL);
			at = UINT64_MAX;
		}
	}
	close(out);
	waitpid(pid, NULL, 0);
	if (at != UINT64_MAX)
		die("the process", "it ended before it was killed");
	*ret_n = len / ID_TEXT;
	return ids;
}

static void judge(look *k, char *ids, size_t n, tally *t)
{
	size_t i;

	for (i = 0; i < n; i++) {
		ids[i * ID_TEXT + ID_TEXT - 1] = '\0';
		query(k, LLM_QUERY_RUN, ids + i * ID_TEXT, NULL);
		t->lost += k->succeeded != 1;
	}
	t->delivered += n;
	query(k, LLM_QUERY_RUNS, NULL, "running");
	t->cut += k->running;
	reap(k);
	query(k, LLM_QUERY_RUNS, NULL, "running");
	t->left_running += k->running;
	t->damaged += is_damaged(k) != 0;
}

/* ---- all of them ---- */

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* An llmsim of our own without a log; its address is its first line. */
static pid_t upstream(char *url, size_t cap)
{
	char *const argv[] = {(char *)(uintptr_t)TEST_BINARY_DIR "/bin/llmsim",
		(char *)(uintptr_t) "--port", (char *)(uintptr_t) "0",
		(char *)(uintptr_t) "--exit-with-parent", (char *)(uintptr_t) "--say",
		(char *)(uintptr_t) "ok", NULL};
	char line[200];
	int out;
	pid_t pid = start(argv, &out);
	FILE *f = fdopen(out, "r");
	const char *at;

	if (!f || !fgets(line, sizeof(line), f))
		die("llmsim", "it says nothing");
	line[strcspn(line, "\n")] = '\0';
	at = strstr(line, "http://");
	if (!at)
		die("llmsim", line);
	snprintf(url, cap, "%s", at);
	return pid;
}

static int campaign(const char *self, unsigned kills, uint64_t seed)
{
	char *folder = run_folder();
	tally t = {0};
	char url[200], dsn[400], *ids;
	pid_t sim = upstream(url, sizeof(url));
	size_t n = 0;
	unsigned i;
	look k = {0};

	for (i = 0; i < kills; i++) {
		if (i % KILLS_A_FILE == 0) {
			if (i)
				look_close(&k);
			snprintf(dsn, sizeof(dsn), "%s/runs%u.db", folder, i / KILLS_A_FILE);
			look_open(&k, dsn);
		}
		ids = deliver(self, url, dsn, AT_LEAST_MS + next_random(&seed) % SPREAD_MS, &n);
		judge(&k, ids, n, &t);
		free(ids);
	}
	look_close(&k);
	kill(sim, SIGTERM);
	waitpid(sim, NULL, 0);
	run_folder_free(folder);
	printf("%u kills with %d in flight, %" PRIu64 " delivered, %" PRIu64 " lost, %" PRIu64
	       " cut, %" PRIu64 " left running, %" PRIu64 " damaged\n",
		kills, FLIGHT, t.delivered, t.lost, t.cut, t.left_running, t.damaged);
	return t.lost || t.left_running || t.damaged || !t.delivered;
}

int main(int argc, char **argv)
{
	unsigned kills = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 200;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;

	if (argc == 4 && strcmp(argv[1], "--serve") == 0)
		serve(argv[2], argv[3]);
	if (!kills)
		die("usage", "prove_ledger [KILLS [SEED]]");
	if (!seed && getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		die("a seed", strerror(errno));
	printf("seed %" PRIu64 "\n", seed);
	fflush(stdout);
	return campaign(argv[0], kills, seed);
}
