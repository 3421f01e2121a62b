/*
 * ledger_try.h - a service whose runs are recorded in a SQLite file of the test's, and
 * another connection that looks at it.
 */
#ifndef TESTS_LEDGER_TRY_H
#define TESTS_LEDGER_TRY_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "llm/abi/storage.h"
#include "llm/runner.h"
#include "support/oracle.h"
#include "support/run.h"

#define WS "team-a"

typedef struct book {
	char *folder;
	char dsn[400];
	char config[1200]; /* of a service that records there */
	llm_storage *storage;
	llm_unit *unit; /* while somebody looks, or locks */
} book;

/*
 * Opened each time: SQLite keeps a file's descriptors as long as one connection of the
 * process is open, and the service's are counted when it is gone.
 */
static inline void book_take(book *b)
{
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(llm_unit_open(b->storage, &b->unit, &err), 0, "%s", err.message);
}

static inline void book_give(book *b)
{
	llm_unit_close(b->unit);
	b->unit = NULL;
}

/* A migrated file; `storage` and `more` are members of the section and of the configuration. */
static inline void book_open(book *b, const char *storage, const char *more)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_storage_opts o = LLM_STORAGE_OPTS_INIT;
	char setting[420];
	const char *settings[] = {setting, "create=true", "busy_timeout=0", NULL};
	llm_err err = LLM_ERR_INIT;

	memset(b, 0, sizeof(*b));
	b->folder = run_folder();
	snprintf(b->dsn, sizeof(b->dsn), "%s/runs.db", b->folder);
	snprintf(setting, sizeof(setting), "dsn=%s", b->dsn);
	snprintf(b->config, sizeof(b->config),
		"workspace = \"" WS "\";\nstorage = { dsn = \"%s\"; %s };\n%s", b->dsn, storage,
		more);
	so.flags = LLM_SERVICE_NO_ENV;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	o.settings = settings;
	o.service = &so;
	cr_assert_eq(llm_storage_new(&o, &b->storage, &err), 0, "%s", err.message);
	book_take(b);
	cr_assert_eq(llm_unit_migrate(b->unit, LLM_SCHEMA_LATEST, &err), 0, "%s", err.message);
	book_give(b);
}

static inline void book_close(book *b)
{
	llm_storage_free(b->storage);
	run_folder_free(b->folder);
}

/* ---- looking ---- */

#define BOOK_ROWS 64

typedef struct book_rows {
	size_t n;
	llm_run_row runs[BOOK_ROWS];
	llm_attempt_row attempts[BOOK_ROWS];
	llm_content_row contents[BOOK_ROWS];
	char text[1 << 16];
	size_t used;
} book_rows;

static inline const char *book_text(book_rows *r, const char *text)
{
	const size_t n = text ? strlen(text) + 1 : 0;

	cr_assert_leq(n, sizeof(r->text) - r->used);
	if (text)
		text = memcpy(r->text + r->used, text, n);
	r->used += n;
	return text;
}

static inline int32_t book_run(void *ctx, const void *row)
{
	book_rows *r = ctx;
	llm_run_row *to = &r->runs[r->n++];
	const char **t;

	cr_assert_leq(r->n, BOOK_ROWS);
	*to = *(const llm_run_row *)row;
	for (t = &to->workspace_id; t <= &to->error_message; t++)
		*t = book_text(r, *t);
	to->usage_source = book_text(r, to->usage_source);
	to->price_version = book_text(r, to->price_version);
	for (t = &to->request_hash; t <= &to->span_id; t++)
		*t = book_text(r, *t);
	return 0;
}

static inline int32_t book_attempt(void *ctx, const void *row)
{
	book_rows *r = ctx;
	llm_attempt_row *to = &r->attempts[r->n++];
	const char **t;

	cr_assert_leq(r->n, BOOK_ROWS);
	*to = *(const llm_attempt_row *)row;
	for (t = &to->workspace_id; t <= &to->run_id; t++)
		*t = book_text(r, *t);
	for (t = &to->candidate_id; t <= &to->phase; t++)
		*t = book_text(r, *t);
	to->generation = book_text(r, to->generation);
	to->cost_json = book_text(r, to->cost_json);
	return 0;
}

static inline int32_t book_content(void *ctx, const void *row)
{
	book_rows *r = ctx;
	llm_content_row *to = &r->contents[r->n++];

	*to = *(const llm_content_row *)row;
	to->kind = book_text(r, to->kind);
	if (to->has_bytes) {
		char *copy = r->text + r->used;

		cr_assert_lt(to->bytes.len, sizeof(r->text) - r->used);
		memcpy(copy, to->bytes.ptr, to->bytes.len);
		copy[to->bytes.len] = '\0';
		to->bytes.ptr = copy;
		r->used += to->bytes.len + 1;
	}
	return 0;
}

/* Of workspace `ws`; `id`: of the run, or the content's hash, or null for all runs. */
static inline const book_rows *book_ask(book *b, uint32_t kind, const char *ws, const char *id)
{
	static book_rows found[4];
	static unsigned at;
	book_rows *r = &found[at++ % 4];
	llm_filter filter = LLM_FILTER_INIT;
	llm_row_sink sink = {sizeof(sink), 0, r,
		kind == LLM_QUERY_ATTEMPTS	  ? book_attempt :
			kind == LLM_QUERY_CONTENT ? book_content :
						    book_run};
	llm_err err = LLM_ERR_INIT;
	int32_t rc;

	book_take(b);
	memset(r, 0, sizeof(*r));
	filter.workspace_id = ws;
	filter.id = id;
	llm_unit_call(b->unit);
	rc = llm_unit_table(b->unit)->query(llm_unit_connection(b->unit), kind, &filter, &sink);
	cr_assert_eq(llm_unit_called(b->unit, "query", rc, &err), 0, "%s", err.message);
	book_give(b);
	return r;
}

static inline const llm_run_row *book_find(book *b, const char *id)
{
	const book_rows *r = book_ask(b, LLM_QUERY_RUN, WS, id);

	return r->n ? &r->runs[0] : NULL;
}

static inline const book_rows *book_attempts(book *b, const char *id)
{
	return book_ask(b, LLM_QUERY_ATTEMPTS, WS, id);
}

/* Somebody else writes meanwhile, until book_unlock. */
static inline void book_lock(book *b)
{
	llm_err err = LLM_ERR_INIT;
	struct timespec ts = {0, 1000000};
	int i, rc = LLM_E_DB_BUSY;

	book_take(b);
	for (i = 0; i < 2000 && rc == LLM_E_DB_BUSY; i++) {
		rc = llm_unit_begin(b->unit, &err);
		if (rc)
			nanosleep(&ts, NULL);
	}
	cr_assert_eq(rc, 0, "%s", err.message);
}

static inline void book_unlock(book *b)
{
	cr_assert_eq(llm_unit_rollback(b->unit, NULL), 0);
	book_give(b);
}

static inline llm_ledger_stats book_stats(oracle *o)
{
	llm_ledger_stats s = {.struct_size = sizeof(s)};

	cr_assert_eq(llm_service_ledger(o->svc, &s), 0);
	return s;
}

static inline const char *book_id(const oracle_run *asked)
{
	return llm_result_run_id(llm_call_result(asked->call));
}

static inline uint32_t book_persisted(const oracle_run *asked)
{
	return llm_result_persisted(llm_call_result(asked->call), NULL);
}

#define REQUESTS(o) sim_log_count((o)->up, "\"event\":\"request\"")

#endif
