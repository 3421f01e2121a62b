/*
 * An order and the run that worked on it in one transaction of the host's: both are there,
 * or neither is. With the system's SQLite, or with a copy of your own:
 *   cc host-transaction.c -lllm -lsqlite3
 *   cc host-transaction.c sqlite3.c -lllm
 * then ./a.out ollama/llama3.2 FILE
 */
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include <llm/llm.h>
#include <llm/native/sqlite.h>
#include <llm/runner.h>

typedef struct host {
	llm_service *svc;
	llm_storage *storage;
	sqlite3 *db;
	llm_err err;
} host;

static int sql(host *h, const char *text)
{
	if (sqlite3_exec(h->db, text, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	snprintf(h->err.message, sizeof(h->err.message), "%s: %s", text, sqlite3_errmsg(h->db));
	return -1;
}

static int count(host *h, const char *query)
{
	sqlite3_stmt *stmt = NULL;
	int n = -1;

	if (sqlite3_prepare_v2(h->db, query, -1, &stmt, NULL) == SQLITE_OK &&
		sqlite3_step(stmt) == SQLITE_ROW)
		n = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

/* Once, before the host opens the file: what `llmctl db migrate` does. */
static int migrate(host *h)
{
	llm_unit *unit = NULL;

	if (llm_unit_open(h->storage, &unit, &h->err))
		return -1;
	if (llm_unit_migrate(unit, LLM_SCHEMA_LATEST, &h->err)) {
		llm_unit_close(unit);
		return -1;
	}
	llm_unit_close(unit);
	return 0;
}

static int open_all(host *h, const char *file)
{
	llm_service_opts service = LLM_SERVICE_OPTS_INIT;
	llm_storage_opts storage = LLM_STORAGE_OPTS_INIT;
	char dsn[512];
	const char *settings[] = {dsn, "create=true", NULL};

	snprintf(dsn, sizeof(dsn), "dsn=%s", file);
	storage.settings = settings;
	storage.service = &service;
	if (llm_storage_new(&storage, &h->storage, &h->err) || migrate(h) ||
		llm_service_new(&service, &h->svc, &h->err))
		return -1;
	if (sqlite3_open(file, &h->db) != SQLITE_OK)
		return -1;
	return sql(h, "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, run TEXT)");
}

/* At submit a transaction that reads is enough, and it need not wait for the answer. */
static int submit(host *h, llm_request *rq, llm_call **ret)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_sqlite_calls calls;
	llm_native native;
	llm_unit *unit = NULL;
	int rc;

	if (sql(h, "BEGIN"))
		return -1;
	llm_native_sqlite(h->db, &calls, &native);
	rc = llm_unit_bind(h->storage, &native, &unit, &h->err);
	opts.unit = unit;
	if (!rc)
		rc = llm_submit(h->svc, rq, &opts, ret, &h->err);
	llm_unit_release(unit);
	return sql(h, "COMMIT") ? -1 : rc;
}

/* The host's own row. */
static int order(host *h, const char *run)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(h->db, "INSERT INTO orders (run) VALUES (?1)", -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(stmt, 1, run, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc != SQLITE_DONE)
		snprintf(h->err.message, sizeof(h->err.message), "an order: %s",
			sqlite3_errmsg(h->db));
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? 0 : -1;
}

/* It, and the run's, in one transaction. */
static int store(host *h, llm_call *call, int commit)
{
	llm_sqlite_calls calls;
	llm_native native;
	llm_unit *unit = NULL;
	int rc;

	if (sql(h, "BEGIN IMMEDIATE"))
		return -1;
	llm_native_sqlite(h->db, &calls, &native);
	rc = order(h, llm_result_run_id(llm_call_result(call)));
	if (!rc)
		rc = llm_unit_bind(h->storage, &native, &unit, &h->err);
	if (!rc)
		rc = llm_unit_record(unit, call, &h->err);
	if (rc || !commit) {
		sql(h, "ROLLBACK");
	} else {
		rc = sql(h, "COMMIT");
		if (!rc)
			llm_unit_committed(unit);
	}
	llm_unit_release(unit);
	return rc;
}

static int work(host *h, const char *model, int commit)
{
	llm_request *rq = NULL;
	llm_call *call = NULL;
	int rc = llm_request_new(NULL, &rq);

	if (!rc)
		rc = llm_request_model(rq, model);
	if (!rc)
		rc = llm_request_workspace(rq, "shop");
	if (!rc)
		rc = llm_request_text(rq, LLM_ROLE_USER, "Say ok.", LLM_NUL_TERMINATED);
	if (!rc)
		rc = submit(h, rq, &call);
	if (!rc)
		rc = llm_call_wait(call, UINT32_MAX, &h->err);
	if (!rc)
		rc = store(h, call, commit);
	if (!rc)
		printf("%s: %d orders, %d runs, %d attempts\n",
			commit ? "committed" : "rolled back",
			count(h, "SELECT count(*) FROM orders"),
			count(h, "SELECT count(*) FROM llm_runs WHERE status = 'succeeded'"),
			count(h, "SELECT count(*) FROM llm_attempts"));
	llm_call_free(call);
	llm_request_free(rq);
	return rc;
}

int main(int argc, char **argv)
{
	const char *model = argc > 1 ? argv[1] : "ollama/llama3.2";
	const char *file = argc > 2 ? argv[2] : "orders.db";
	host h = {.err = LLM_ERR_INIT};
	int rc = open_all(&h, file);

	if (!rc)
		rc = work(&h, model, 0);
	if (!rc)
		rc = work(&h, model, 1);
	if (rc)
		fprintf(stderr, "%s\n", h.err.message);
	sqlite3_close(h.db);
	llm_service_free(h.svc);
	llm_storage_free(h.storage);
	return rc != 0;
}
