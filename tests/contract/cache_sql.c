/* cache_sql.c - stored answers in a SQLite file: found by another service. */
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache_try.h"
#include "llm/runner.h"
#include "support/litter.h"

#define SQL "mode = \"on\"; store = \"sql\";"

typedef struct sql_try {
	cache_try t;
	char *folder;
	char dsn[400];
	char more[900];
} sql_try;

/* A file with the schema. */
static void make_file(sql_try *s)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_storage_opts o = LLM_STORAGE_OPTS_INIT;
	char setting[420];
	const char *settings[] = {setting, "create=true", NULL};
	llm_storage *storage = NULL;
	llm_unit *unit = NULL;
	llm_err err = LLM_ERR_INIT;

	s->folder = litter_folder();
	snprintf(s->dsn, sizeof(s->dsn), "%s/runs.db", s->folder);
	snprintf(setting, sizeof(setting), "dsn=%s", s->dsn);
	so.flags = LLM_SERVICE_NO_ENV;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	o.settings = settings;
	o.service = &so;
	cr_assert_eq(llm_storage_new(&o, &storage, &err), 0, "%s", err.message);
	cr_assert_eq(llm_unit_open(storage, &unit, &err), 0, "%s", err.message);
	cr_assert_eq(llm_unit_migrate(unit, LLM_SCHEMA_LATEST, &err), 0, "%s", err.message);
	llm_unit_close(unit);
	llm_storage_free(storage);
}

static void begin(sql_try *s)
{
	memset(s, 0, sizeof(*s));
	make_file(s);
	atomic_store(&cache_ns, 1000000000); /* a lookup takes as long as it takes */
	snprintf(s->more, sizeof(s->more), "storage = { dsn = \"%s\"; };\n", s->dsn);
	cache_open(&s->t, SQL, s->more);
}

static void end(sql_try *s)
{
	cache_close(&s->t);
	litter_remove(s->folder);
	cr_assert_eq(access(s->dsn, F_OK), -1);
}

/* The first number of the first row; -1: none. */
static int64_t number(const sql_try *s, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	int64_t n = -1;

	cr_assert_eq(sqlite3_open(s->dsn, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	cr_assert_eq(
		sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
	if (sqlite3_step(stmt) == SQLITE_ROW)
		n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return n;
}

/* Another process, as far as memory goes: nothing of the first one is left. */
static void again(sql_try *s)
{
	llm_call_free(s->t.call);
	s->t.call = NULL;
	llm_service_free(s->t.svc);
	cr_assert_eq(cache_service(&s->t), 0, "%s", s->t.err.message);
}

Test(cache_sql, R_CACHE_18_another_service_finds_it)
{
	char first[600], id[64];
	sql_try s;

	begin(&s);
	(void)cache_ask(&s.t, "hi");
	cr_assert_eq(llm_result_cache(s.t.r, NULL), LLM_CACHE_MISS);
	snprintf(first, sizeof(first), "%s", llm_result_text(s.t.r, NULL));
	snprintf(id, sizeof(id), "%s", llm_result_run_id(s.t.r));
	again(&s);
	cr_assert_eq(number(&s, "SELECT count(*) FROM llm_cache"), 1);
	(void)cache_ask(&s.t, "hi");
	cr_assert(cache_hit(&s.t), "%s", s.t.log);
	cr_assert_eq(cache_asked(&s.t), 1);
	cr_assert_str_eq(llm_result_text(s.t.r, NULL), first);
	cr_assert_str_eq(llm_result_original_run_id(s.t.r), id);
	again(&s);
	cr_assert_eq(number(&s,
			     "SELECT count(*) FROM llm_runs WHERE source = 'cache' AND status = "
			     "'succeeded' AND cache_key IS NOT NULL"),
		1, "R_CACHE_11: a hit has its row");
	cr_assert_eq(number(&s, "SELECT count(*) FROM llm_attempts"), 1);
	end(&s);
}

static void write_key(const sql_try *s, const char *key)
{
	char path[100];
	FILE *f;

	snprintf(path, sizeof(path), "%s/key", s->folder);
	f = fopen(path, "w");
	cr_assert(f);
	fputs(key, f);
	cr_assert_eq(fclose(f), 0);
	cr_assert_eq(chmod(path, 0600), 0);
}

Test(cache_sql, R_PRIV_1_under_another_key_no_answer_is_found)
{
	sql_try s;

	memset(&s, 0, sizeof(s));
	make_file(&s);
	write_key(&s, "0123456789abcdef0123456789abcdef");
	snprintf(s.more, sizeof(s.more),
		"storage = { dsn = \"%s\"; };\nprivacy = { key = \"file:%s/key\"; };\n", s.dsn,
		s.folder);
	cache_open(&s.t, SQL, s.more);
	(void)cache_ask(&s.t, "hi");
	atomic_fetch_add(&cache_utc, 1000000);
	again(&s);
	(void)cache_ask(&s.t, "hi");
	cr_assert(cache_hit(&s.t));
	cr_assert_not(strstr(s.t.log, "privacy.key is not"), "%s", s.t.log);
	write_key(&s, "fedcba9876543210fedcba9876543210");
	atomic_fetch_add(&cache_utc, 1000000);
	again(&s);
	cr_assert(strstr(s.t.log, "privacy.key is not"), "%s", s.t.log);
	(void)cache_ask(&s.t, "hi");
	cr_assert_not(cache_hit(&s.t));
	cr_assert_eq(cache_asked(&s.t), 2);
	end(&s);
}

Test(cache_sql, R_CACHE_10_expired_rows_are_misses)
{
	sql_try s;

	begin(&s);
	(void)cache_ask(&s.t, "hi");
	again(&s);
	atomic_store(&cache_utc, CACHE_UTC + DAY_US);
	(void)cache_ask(&s.t, "hi");
	cr_assert_not(cache_hit(&s.t));
	cr_assert_eq(cache_asked(&s.t), 2);
	end(&s);
}

Test(cache_sql, R_CACHE_18_a_store_in_a_storage_needs_one)
{
	cache_try t = {.rc = 0};

	snprintf(t.config, sizeof(t.config), "cache = { " SQL " };\n");
	cr_assert_eq(cache_service(&t), LLM_E_CONFIG);
	cr_assert(strstr(t.err.message, "cache.store"), "%s", t.err.message);
}
