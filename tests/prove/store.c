/*
 * A store that grows: what an insert, a look and a page cost when so many runs are there.
 *
 *	prove_store RUNS...          100000 1000000
 *
 * One line for each number: RUNS, then ns for an insert (a run's three operations, in groups
 * of 64), for one run by its id, for a page of 50 with a filter, for reaping nothing, and the
 * file's bytes a run.
 *
 * Each has a file of its own, grown before anything is measured; inserts are measured by turns,
 * in several rounds, so that a machine that is slow for a while is slow for all: the medians.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "llm/abi/storage.h"
#include "llm/llm.h"
#include "llm/records.h"
#include "llm/runner.h"
#include "support/run.h"

#define WS "grown"
#define GROUP 64
#define LOOKS 200
#define MEASURED 100 /* groups a round */
#define ROUNDS 7
#define SIZES_MAX 4

typedef struct store {
	llm_storage *storage;
	llm_unit *unit;
	char *folder;
	char file[400];
	uint64_t runs; /* asked for */
	uint64_t stored; /* runs */
	uint64_t insert_ns[ROUNDS];
} store;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "prove_store: %s: %s\n", what, why);
	exit(99);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void open_store(store *s)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_storage_opts o = LLM_STORAGE_OPTS_INIT;
	char setting[600];
	const char *settings[] = {setting, "create=true", NULL};
	llm_err err = LLM_ERR_INIT;

	s->folder = run_folder();
	snprintf(s->file, sizeof(s->file), "%s/runs.db", s->folder);
	snprintf(setting, sizeof(setting), "dsn=%s", s->file);
	so.flags = LLM_SERVICE_NO_ENV;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	o.settings = settings;
	o.service = &so;
	if (llm_storage_new(&o, &s->storage, &err) || llm_unit_open(s->storage, &s->unit, &err) ||
		llm_unit_migrate(s->unit, LLM_SCHEMA_LATEST, &err))
		die("database", err.message);
}

static void close_store(store *s)
{
	llm_unit_close(s->unit);
	llm_storage_free(s->storage);
	run_folder_free(s->folder);
}

static void checked(llm_unit *unit, const char *slot, int32_t rc)
{
	llm_err err = LLM_ERR_INIT;

	if (llm_unit_called(unit, slot, rc, &err))
		die(slot, err.message);
}

/* ---- rows ---- */

static void id_of(uint64_t n, char ret[64])
{
	snprintf(ret, 64, "%08" PRIx64 "-%04" PRIx64 "-7000-8000-%012" PRIx64, n >> 16, n & 0xffff,
		n);
}

static void unknown(int64_t *first, const int64_t *last)
{
	for (; first <= last; first++)
		*first = LLM_UNKNOWN;
}

static llm_run_row blank_run(const char *id, const char *status, uint64_t n)
{
	llm_run_row r = {.struct_size = sizeof(r), .workspace_id = WS, .id = id, .status = status};

	unknown(&r.attempts, &r.reasoning_tokens);
	r.cost_nanousd = LLM_UNKNOWN;
	unknown(&r.queue_ms, &r.settle_us);
	unknown(&r.created_us, &r.delivered);
	r.operation = "chat";
	r.profile = n % 3 ? "fast" : "careful";
	r.requested_model = "ollama/small";
	r.created_us = r.started_us = (int64_t)(1767225600000000 + n * 1000);
	return r;
}

static void put_group(store *s)
{
	static char ids[GROUP][64];
	static llm_run_row runs[2 * GROUP];
	static llm_attempt_row attempts[GROUP];
	static llm_op ops[3 * GROUP];
	static llm_op_result results[3 * GROUP];
	const llm_op *list[3 * GROUP];
	llm_op_result *came[3 * GROUP];
	llm_err err = LLM_ERR_INIT;
	size_t i, n = 0;

	for (i = 0; i < GROUP; i++, s->stored++) {
		id_of(s->stored, ids[i]);
		runs[2 * i] = blank_run(ids[i], "running", s->stored);
		runs[2 * i].owner_id = "owner";
		runs[2 * i + 1] = blank_run(ids[i], "succeeded", s->stored);
		runs[2 * i + 1].version = 1;
		runs[2 * i + 1].provider = s->stored % 7 ? "ollama" : "work";
		runs[2 * i + 1].input_tokens = runs[2 * i + 1].output_tokens = 9;
		attempts[i] = (llm_attempt_row){.struct_size = sizeof(attempts[i]),
			.workspace_id = WS,
			.id = ids[i],
			.run_id = ids[i],
			.seq = 1,
			.candidate_id = "ollama/small",
			.provider = "ollama",
			.status = "succeeded",
			.http_status = 200};
		ops[n++] = (llm_op){sizeof(ops[0]), LLM_OP_RUN_BEGIN, &runs[2 * i]};
		ops[n++] = (llm_op){sizeof(ops[0]), LLM_OP_RUN_FINISH, &runs[2 * i + 1]};
		ops[n++] = (llm_op){sizeof(ops[0]), LLM_OP_ATTEMPT_PUT, &attempts[i]};
	}
	for (i = 0; i < n; i++) {
		results[i].struct_size = sizeof(results[i]);
		list[i] = &ops[i];
		came[i] = &results[i];
	}
	if (llm_unit_begin(s->unit, &err))
		die("begin", err.message);
	llm_unit_call(s->unit);
	checked(s->unit, "apply",
		llm_unit_table(s->unit)->apply(llm_unit_connection(s->unit), list, n, came));
	if (llm_unit_commit(s->unit, &err))
		die("commit", err.message);
}

/* ---- looking ---- */

static int32_t on_row(void *ctx, const void *row)
{
	(void)row;
	++*(uint64_t *)ctx;
	return 0;
}

static uint64_t ask(llm_unit *unit, uint32_t kind, const llm_filter *filter)
{
	uint64_t n = 0;
	const llm_row_sink sink = {sizeof(sink), 0, &n, on_row};

	llm_unit_call(unit);
	checked(unit, "query",
		llm_unit_table(unit)->query(llm_unit_connection(unit), kind, filter, &sink));
	return n;
}

static uint64_t look_ns(const store *s, int page)
{
	uint64_t at = now_ns();
	char id[64];
	int i;

	for (i = 0; i < LOOKS; i++) {
		llm_filter f = LLM_FILTER_INIT;

		f.workspace_id = WS;
		id_of(s->stored * (uint64_t)(i + 1) / (LOOKS + 1) + (page ? 1000 : 0), id);
		if (page) {
			f.cursor = id;
			f.provider = "work";
			f.limit = 50;
		} else {
			f.id = id;
		}
		if (ask(s->unit, page ? LLM_QUERY_RUNS : LLM_QUERY_RUN, &f) != (page ? 50u : 1u))
			die("query", "rows are missing");
	}
	return (now_ns() - at) / LOOKS;
}

static uint64_t reap_ns(llm_unit *unit)
{
	llm_err err = LLM_ERR_INIT;
	uint64_t at = now_ns();
	uint32_t n;

	if (llm_unit_begin(unit, &err))
		die("begin", err.message);
	llm_unit_call(unit);
	checked(unit, "reap", llm_unit_table(unit)->reap(llm_unit_connection(unit), 1000, &n));
	if (llm_unit_commit(unit, &err))
		die("commit", err.message);
	return now_ns() - at;
}

/* ---- all of them ---- */

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t insert_ns(store *s)
{
	uint64_t at = now_ns();
	int i;

	for (i = 0; i < MEASURED; i++)
		put_group(s);
	return (now_ns() - at) / (MEASURED * GROUP);
}

/* What growing it has put off is not on the bill of what is measured. */
static void rest(const store *s)
{
	llm_err err = LLM_ERR_INIT;

	if (llm_records_maintain(s->unit, LLM_MAINTAIN_CHECKPOINT, NULL, &err))
		die("checkpoint", err.message);
}

static void say(store *s)
{
	uint64_t one = look_ns(s, 0), page = look_ns(s, 1);
	struct stat st = {0};

	qsort(s->insert_ns, ROUNDS, sizeof(s->insert_ns[0]), compare);
	stat(s->file, &st);
	printf("%" PRIu64 " insert %" PRIu64 " ns, one %" PRIu64 " ns, page %" PRIu64
	       " ns, reap %" PRIu64 " ns, %" PRIu64 " bytes a run\n",
		s->runs, s->insert_ns[ROUNDS / 2], one, page, reap_ns(s->unit),
		(uint64_t)st.st_size / s->stored);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static store stores[SIZES_MAX];
	const int n = argc - 1;
	int i, round;

	if (n < 1 || n > SIZES_MAX)
		die("usage", "prove_store RUNS...");
	for (i = 0; i < n; i++) {
		stores[i].runs = strtoull(argv[i + 1], NULL, 10);
		open_store(&stores[i]);
		while (stores[i].stored < stores[i].runs)
			put_group(&stores[i]);
		rest(&stores[i]);
	}
	for (round = 0; round < ROUNDS; round++)
		for (i = 0; i < n; i++)
			stores[i].insert_ns[round] = insert_ns(&stores[i]);
	for (i = 0; i < n; i++)
		say(&stores[i]);
	for (i = 0; i < n; i++)
		close_store(&stores[i]);
	return 0;
}
