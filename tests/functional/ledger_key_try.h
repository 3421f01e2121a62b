/*
 * ledger_key_try.h - runs with an idempotency key, and the table of keys by a handle of the
 * test's own: leases and expiries are moved by SQL, never waited for.
 */
#ifndef TESTS_LEDGER_KEY_TRY_H
#define TESTS_LEDGER_KEY_TRY_H

#include <sqlite3.h>

#include "ledger_try.h"

#define KEPT "privacy = { store = \"idempotency_only\"; };"

typedef struct keys {
	book b;
	oracle *o;
	sqlite3 *db;
} keys;

/* Its handle is open for a shorter time than the service, whose descriptors are counted. */
static inline void keys_start(keys *k, const oracle_opts *opts)
{
	k->o = oracle_open(opts);
	cr_assert_eq(sqlite3_open(k->b.dsn, &k->db), SQLITE_OK);
	sqlite3_busy_timeout(k->db, 5000);
}

static inline void keys_open_with(keys *k, uint32_t mode, const char *script, const char *more)
{
	const oracle_opts opts = {.mode = mode,
		.script = script,
		.config = k->b.config,
		.attempts = 1,
		.no_healthy = 1};

	memset(k, 0, sizeof(*k));
	book_open(&k->b, "", more);
	keys_start(k, &opts);
}

/* llmsim as it is, and answers that are kept for keys. */
static inline void keys_open(keys *k, uint32_t mode)
{
	keys_open_with(k, mode, NULL, KEPT);
}

static inline void keys_close(keys *k)
{
	sqlite3_close(k->db);
	cr_expect_eq(oracle_close(k->o), 0);
	book_close(&k->b);
}

static inline void keys_sql(keys *k, const char *sql)
{
	char *why = NULL;

	cr_assert_eq(sqlite3_exec(k->db, sql, NULL, NULL, &why), SQLITE_OK, "%s: %s", sql, why);
}

static inline int64_t keys_number(keys *k, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	int64_t n = -1;

	cr_assert_eq(sqlite3_prepare_v2(k->db, sql, -1, &stmt, NULL), SQLITE_OK, "%s: %s", sql,
		sqlite3_errmsg(k->db));
	if (sqlite3_step(stmt) == SQLITE_ROW)
		n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

/* The first column of the first row, or "none"; static. */
static inline const char *keys_text(keys *k, const char *sql)
{
	static char text[200];
	sqlite3_stmt *stmt = NULL;

	cr_assert_eq(sqlite3_prepare_v2(k->db, sql, -1, &stmt, NULL), SQLITE_OK, "%s: %s", sql,
		sqlite3_errmsg(k->db));
	snprintf(text, sizeof(text), "%s",
		sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_text(stmt, 0) ?
			(const char *)sqlite3_column_text(stmt, 0) :
			"none");
	sqlite3_finalize(stmt);
	return text;
}

#define KEYS_STATE "SELECT state FROM llm_idempotency"
#define KEYS_GENERATION "SELECT generation FROM llm_idempotency"

static inline oracle_ask keys_ask(const char *key)
{
	return (oracle_ask){.stream = 1, .limits = {.idempotency_key = key}};
}

static inline oracle_run *keys_do(keys *k, const char *key)
{
	const oracle_ask ask = keys_ask(key);

	return oracle_do(k->o, &ask);
}

static inline const llm_result *keys_result(const oracle_run *got)
{
	return llm_call_result(got->call);
}

static inline const char *keys_said(const oracle_run *got)
{
	return llm_result_text(keys_result(got), NULL);
}

/* A refusal at submit, with its message. */
static inline int32_t keys_refused(keys *k, const char *key, llm_err *ret)
{
	const oracle_ask ask = keys_ask(key);
	oracle_run *got;

	*ret = (llm_err)LLM_ERR_INIT;
	got = oracle_submit(k->o, &ask, ret);
	if (got)
		oracle_finish(got);
	return got ? 0 : ret->code;
}

#endif
