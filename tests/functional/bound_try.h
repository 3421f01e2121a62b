/*
 * bound_try.h - a host with a table of its own in a SQLite file, which keeps a list of the
 * statements that come to its handle, and a service that answers.
 */
#ifndef TESTS_BOUND_TRY_H
#define TESTS_BOUND_TRY_H

#include <sqlite3.h>

#include "ledger_try.h"

#include "llm/native/sqlite.h"

/* A host with a table of its own, and a service that answers. */
typedef struct shop {
	book b;
	oracle *o;
	sqlite3 *db;
	llm_sqlite_calls calls;
	llm_native native;
	llm_unit *unit;
	llm_request *rq;
	char seen[1 << 16]; /* statements on the host's handle, a line each */
} shop;

static inline int note(unsigned kind, void *ctx, void *stmt, void *sql)
{
	shop *s = ctx;
	size_t n = strlen(s->seen);

	(void)kind;
	(void)stmt;
	snprintf(s->seen + n, sizeof(s->seen) - n, "%.60s\n", (const char *)sql);
	return 0;
}

static inline void sql(shop *s, const char *text)
{
	char *why = NULL;

	cr_assert_eq(sqlite3_exec(s->db, text, NULL, NULL, &why), SQLITE_OK, "%s: %s", text, why);
}

static inline int count(shop *s, const char *text)
{
	sqlite3_stmt *stmt = NULL;
	int n;

	cr_assert_eq(sqlite3_prepare_v2(s->db, text, -1, &stmt, NULL), SQLITE_OK, "%s", text);
	cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

static inline void shop_open_with(shop *s, const char *script, const char *config)
{
	const oracle_opts opts = {.mode = ORACLE_BLOCK,
		.script = script,
		.config = config,
		.log_word = "never recorded",
		.no_healthy = 1};

	memset(s, 0, sizeof(*s));
	book_open(&s->b, "", "");
	s->o = oracle_open(&opts);
	cr_assert_eq(sqlite3_open(s->b.dsn, &s->db), SQLITE_OK);
	sql(s, "CREATE TABLE orders (run TEXT)");
	sqlite3_trace_v2(s->db, SQLITE_TRACE_STMT, note, s);
	llm_native_sqlite(s->db, &s->calls, &s->native);
	cr_assert_eq(llm_request_new(NULL, &s->rq), 0);
	cr_assert_eq(llm_request_model(s->rq, "ollama/sim-small"), 0);
	cr_assert_eq(llm_request_text(s->rq, LLM_ROLE_USER, "hi", 2), 0);
}

static inline void shop_open_at(shop *s, const char *script)
{
	shop_open_with(s, script, "workspace = \"" WS "\";\n");
}

static inline void shop_open(shop *s)
{
	shop_open_at(s, "hello_stream");
}

static inline void shop_close(shop *s)
{
	llm_request_free(s->rq);
	cr_expect_eq(sqlite3_close(s->db), SQLITE_OK, "no statement was left behind");
	oracle_close(s->o); /* runs of our own are not among its points */
	book_close(&s->b);
}

static inline void bind(shop *s)
{
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(llm_unit_bind(s->b.storage, &s->native, &s->unit, &err), 0, "%s", err.message);
}

static inline void submit(shop *s, llm_unit *unit, llm_call **ret)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;

	opts.flags = LLM_CALL_STREAM;
	opts.unit = unit;
	cr_assert_eq(llm_submit(s->o->svc, s->rq, &opts, ret, &err), 0, "%s", err.message);
}

/* Bound, asked and answered; the transaction at submit has ended. */
static inline llm_call *answered(shop *s)
{
	llm_err err = LLM_ERR_INIT;
	llm_call *call = NULL;

	sql(s, "BEGIN");
	bind(s);
	submit(s, s->unit, &call);
	llm_unit_release(s->unit);
	sql(s, "COMMIT");
	cr_assert_eq(llm_call_wait(call, 5000, &err), 0, "%s", err.message);
	return call;
}

static inline int32_t record(shop *s, llm_call *call, const char *says)
{
	llm_err err = LLM_ERR_INIT;
	int32_t rc = llm_unit_record(s->unit, call, &err);

	if (says)
		cr_expect_not_null(strstr(err.message, says), "%s", err.message);
	else
		cr_expect_eq(rc, 0, "%s", err.message);
	return rc;
}

static inline void end(shop *s, int commits)
{
	sql(s, commits ? "COMMIT" : "ROLLBACK");
	if (commits)
		llm_unit_committed(s->unit);
	llm_unit_release(s->unit);
}

static inline void begin(shop *s)
{
	sql(s, "BEGIN IMMEDIATE; INSERT INTO orders VALUES ('x')");
	bind(s);
}

static inline uint32_t persisted(llm_call *call)
{
	return llm_result_persisted(llm_call_result(call), NULL);
}

#endif
