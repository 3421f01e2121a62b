/*
 * Four threads ask one service that records; some cancel, some let go at once. Every run
 * that was accepted is on record when the service is gone, and none is left running.
 * A plain program: run by ctest, also under TSan.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "llm/abi/storage.h"
#include "llm/llm.h"
#include "llm/runner.h"
#include "support/run.h"
#include "support/sim.h"

#define THREADS 4
#define RUNS 40
#define WS "many"

static llm_service *svc;
static atomic_int wrong;
static atomic_int accepted;

static void complain(const char *what, const llm_err *err)
{
	atomic_fetch_add(&wrong, 1);
	fprintf(stderr, "ledger4: %s: %s\n", what, err->message);
}

static llm_call *submit(void)
{
	llm_err err = LLM_ERR_INIT;
	llm_request *rq = NULL;
	llm_call *call = NULL;

	if (llm_request_new(NULL, &rq) || llm_request_model(rq, "ollama/sim-small") ||
		llm_request_text(rq, LLM_ROLE_USER, "hi", LLM_NUL_TERMINATED) ||
		llm_submit(svc, rq, NULL, &call, &err))
		complain("submit", &err);
	else
		atomic_fetch_add(&accepted, 1);
	llm_request_free(rq);
	return call;
}

static void *work(void *ctx)
{
	llm_ledger_stats s = {.struct_size = sizeof(s)};
	int i;

	(void)ctx;
	for (i = 0; i < RUNS; i++) {
		llm_err err = LLM_ERR_INIT;
		llm_call *call = submit();

		if (call && i % 3 == 1)
			llm_call_cancel(call);
		if (call && i % 3 != 2 && llm_call_wait(call, 20000, &err) &&
			err.code != LLM_E_CANCELLED)
			complain("wait", &err);
		if (call && i % 3 == 0 &&
			llm_result_persisted(llm_call_result(call), NULL) != LLM_PERSISTED_YES)
			complain("an answer is not on record", &err);
		llm_call_free(call);
		(void)llm_service_ledger(svc, &s);
	}
	return NULL;
}

/* ---- the database ---- */

static llm_storage *make(const char *dsn)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_storage_opts o = LLM_STORAGE_OPTS_INIT;
	char setting[600];
	const char *settings[] = {setting, "create=true", NULL};
	llm_err err = LLM_ERR_INIT;
	llm_storage *st = NULL;
	llm_unit *unit = NULL;

	snprintf(setting, sizeof(setting), "dsn=%s", dsn);
	so.flags = LLM_SERVICE_NO_ENV;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	o.settings = settings;
	o.service = &so;
	if (llm_storage_new(&o, &st, &err) || llm_unit_open(st, &unit, &err) ||
		llm_unit_migrate(unit, LLM_SCHEMA_LATEST, &err))
		complain("database", &err);
	llm_unit_close(unit);
	return st;
}

typedef struct tally {
	int rows;
	int open;
} tally;

static int32_t on_row(void *ctx, const void *row)
{
	const llm_run_row *r = row;
	tally *t = ctx;

	t->rows++;
	t->open += strcmp(r->status, "running") == 0;
	return 0;
}

static tally rows(llm_storage *st)
{
	tally t = {0};
	const llm_row_sink sink = {sizeof(sink), 0, &t, on_row};
	llm_filter filter = LLM_FILTER_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_unit *unit = NULL;
	int32_t rc;

	filter.workspace_id = WS;
	if (llm_unit_open(st, &unit, &err)) {
		complain("database", &err);
		return t;
	}
	llm_unit_call(unit);
	rc = llm_unit_table(unit)->query(llm_unit_connection(unit), LLM_QUERY_RUNS, &filter, &sink);
	if (llm_unit_called(unit, "query", rc, &err))
		complain("query", &err);
	llm_unit_close(unit);
	return t;
}

static int start(const sim *up, const char *dsn)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	char config[900];

	snprintf(config, sizeof(config),
		"providers = { ollama = { base_url = \"%s\"; }; };\nworkspace = \"" WS "\";\n"
		"storage = { dsn = \"%s\"; };\n",
		sim_url(up), dsn);
	so.flags = LLM_SERVICE_NO_ENV;
	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	if (llm_service_new(&so, &svc, &err) == 0)
		return 0;
	complain("service", &err);
	return -1;
}

int main(void)
{
	char *folder = run_folder();
	sim *up = sim_start(NULL);
	pthread_t threads[THREADS];
	llm_storage *st;
	char dsn[400];
	tally t = {0};
	int i;

	snprintf(dsn, sizeof(dsn), "%s/runs.db", folder);
	st = make(dsn);
	if (!start(up, dsn)) {
		for (i = 0; i < THREADS; i++)
			pthread_create(&threads[i], NULL, work, NULL);
		for (i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		llm_service_free(svc);
		t = rows(st);
	}
	llm_storage_free(st);
	sim_stop(up);
	run_folder_free(folder);
	printf("ledger4: %d rows of %d runs, %d running, %d wrong\n", t.rows,
		atomic_load(&accepted), t.open, atomic_load(&wrong));
	return t.rows != THREADS * RUNS || t.open || atomic_load(&wrong);
}
