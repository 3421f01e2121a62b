/*
 * storage_cache.c - stored answers in a database: what spoils them, one that does not answer,
 * and how many there are. On every storage that keeps all there is to keep.
 */
#include "storage_sql.h"

#ifdef TEST_WITH_POSTGRES
#include <libpq-fe.h>
#endif

#include "cache_try.h"

#define SQL "mode = \"on\"; store = \"sql\"; cache_nondeterministic = true;"
#define MS UINT64_C(1000000)

/* A service that keeps its answers in the store of the stand; its clock stands still. */
static void open_with(cache_try *t, const stand *s, const char *const *args, const char *section,
	const char *more)
{
	char text[1000];

	snprintf(text, sizeof(text), "storage = { plugin = \"%s\"; dsn = \"%s\"; %s };\n",
		s->p->storage_info->name, s->dsn, more);
	atomic_store(&cache_ns, 1000 * MS);
	cache_open_with(t, args, section, text);
}

static void open_on(cache_try *t, const stand *s, const char *more)
{
	open_with(t, s, NULL, SQL, more);
}

/* Another one: all that the first had to write is written. */
static void anew(cache_try *t)
{
	llm_call_free(t->call);
	t->call = NULL;
	llm_service_free(t->svc);
	t->log[0] = '\0';
	cr_assert_eq(cache_service(t), 0, "%s", t->err.message);
}

/* ---- rows that are not what was stored ---- */

typedef struct spoil {
	const char *of_file;
	const char *of_server; /* null: the same */
} spoil;

/* The last one is whole in itself, and no answer. */
#define EMPTY_SHA256 "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

static const spoil spoils[] = {
	{"UPDATE llm_cache SET value = x'00' || value",
		"UPDATE llm_cache SET value = '\\x00'::bytea || value"},
	{"UPDATE llm_cache SET value = x''", "UPDATE llm_cache SET value = ''"},
	{"UPDATE llm_cache SET value_sha256 = 'none'", NULL},
	{"UPDATE llm_cache SET format_version = 99", NULL},
	{"UPDATE llm_cache SET value = x'7b7d', value_sha256 = '" EMPTY_SHA256 "'",
		"UPDATE llm_cache SET value = '{}', value_sha256 = '" EMPTY_SHA256 "'"},
};

static void play_spoiled(stand *s)
{
	cache_try t;
	size_t i;

	open_on(&t, s, "");
	(void)cache_ask(&t, "hi");
	for (i = 0; i < sizeof(spoils) / sizeof(spoils[0]); i++) {
		const char *edit = s->database && spoils[i].of_server ? spoils[i].of_server :
									spoils[i].of_file;

		anew(&t);
		(void)cache_ask(&t, "hi");
		cr_assert(cache_hit(&t), "before %s: %s", edit, t.log);
		sql_edit(s, edit);
		(void)cache_ask_as(&t, "hi", LLM_CACHE_READ_ONLY);
		cr_assert_not(cache_hit(&t), "%s", edit);
		cr_assert_eq(cache_faults(&t), 1, "%s", edit);
		cr_assert_eq(cache_warnings(&t), 1, "%s: %s", edit, t.log);
		cr_assert(strstr(t.log, "deleted"), "%s: %s", edit, t.log);
		cr_assert(strstr(cache_fault(&t), "deleted"), "%s: %s", edit, cache_fault(&t));
		anew(&t);
		cr_assert_eq(sql_number(s, "SELECT count(*) FROM llm_cache"), 0, "%s", edit);
		(void)cache_ask(&t, "hi");
		cr_assert_not(cache_hit(&t), "%s", edit);
		cr_assert_eq(cache_faults(&t), 0, "%s", edit);
		cr_assert_str_eq(cache_fault(&t), "", "%s", edit);
	}
	cache_close(&t);
}

Test(storage_cache, R_CACHE_17_a_row_altered_by_hand_is_a_miss_a_warning_and_a_count)
{
	play_in_full(play_spoiled);
}

/* ---- a table that is gone ---- */

static void play_gone(stand *s)
{
	cache_try t;

	open_on(&t, s, "");
	sql_edit(s, "ALTER TABLE llm_cache RENAME TO llm_cache_gone");
	(void)cache_ask(&t, "hi");
	cr_assert_not(cache_hit(&t));
	cr_assert_str_eq(cache_fault(&t), "the storage failed");
	(void)cache_ask(&t, "hi");
	cr_assert_not(cache_hit(&t));
	cr_assert_eq(cache_asked(&t), 2);
	cr_assert_geq(cache_faults(&t), 2);
	cr_assert_geq(cache_warnings(&t), 1, "%s", t.log);
	cr_assert_leq(cache_warnings(&t), cache_faults(&t), "%s", t.log);
	sql_edit(s, "ALTER TABLE llm_cache_gone RENAME TO llm_cache");
	(void)cache_ask(&t, "hi");
	anew(&t);
	cr_assert_eq(sql_number(s, "SELECT count(*) FROM llm_runs WHERE status = 'succeeded'"), 3,
		"the runs themselves are all on record");
	(void)cache_ask(&t, "hi");
	cr_assert(cache_hit(&t), "%s", t.log);
	cache_close(&t);
}

Test(storage_cache, R_CACHE_17_a_table_that_is_gone_costs_no_answer)
{
	play_in_full(play_gone);
}

/* ---- a database that does not answer ---- */

typedef struct jam {
	void *held;
} jam;

/* Somebody else has the table to himself, until unjam. */
static void jam_it(jam *j, const stand *s)
{
#ifdef TEST_WITH_POSTGRES
	if (s->database) {
		PGconn *c = PQconnectdb(s->dsn);

		cr_assert_eq(PQstatus(c), CONNECTION_OK, "%s", PQerrorMessage(c));
		PQclear(PQexec(c, "BEGIN"));
		PQclear(PQexec(c, "LOCK TABLE llm_cache IN ACCESS EXCLUSIVE MODE"));
		cr_assert_eq(PQtransactionStatus(c), PQTRANS_INTRANS, "%s", PQerrorMessage(c));
		j->held = c;
		return;
	}
#endif
#ifdef TEST_WITH_SQLITE
	sqlite3 *db = NULL;

	cr_assert_eq(sqlite3_open(s->dsn, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	cr_assert_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK, "%s",
		sqlite3_errmsg(db));
	j->held = db;
#endif
}

static void unjam(const jam *j, const stand *s)
{
#ifdef TEST_WITH_POSTGRES
	if (s->database) {
		PQfinish(j->held);
		return;
	}
#endif
#ifdef TEST_WITH_SQLITE
	sqlite3_close(j->held);
#endif
}

/* A run that looks for its answer; the clock stands still. */
static void submit(cache_try *t, const char *text)
{
	llm_request *rq = cache_request(NULL, text);

	llm_call_free(t->call);
	t->call = NULL;
	cr_assert_eq(llm_submit(t->svc, rq, NULL, &t->call, &t->err), 0, "%s", t->err.message);
	llm_request_free(rq);
	cache_settle(t);
}

static void finish(cache_try *t)
{
	while (!atomic_load(&t->call->done))
		cache_turn(t, 3);
	t->r = llm_call_result(t->call);
	cr_assert_null(llm_result_error(t->r), "%s", llm_result_error(t->r)->message);
}

static void play_stalled(stand *s)
{
	static const char *const texts[] = {"", "one", "two", "three"};
	cache_try t;
	size_t i;
	jam j;

	open_on(&t, s, "ledger = \"after\";");
	(void)llm_service_fd(t.svc);
	jam_it(&j, s);
	for (i = 1; i <= 3; i++) {
		submit(&t, texts[i]);
		cr_assert_eq(cache_asked(&t), i - 1);
		atomic_fetch_add(&cache_ns, 49 * MS);
		cache_settle(&t);
		cr_assert_eq(cache_asked(&t), i - 1, "it was not waited for");
		atomic_fetch_add(&cache_ns, 1 * MS);
		finish(&t);
		cr_assert_eq(cache_asked(&t), i, "it was waited for longer than 50 ms");
		cr_assert(strstr(cache_fault(&t), "50 ms"), "%s", cache_fault(&t));
		cr_assert_eq(cache_faults(&t), i);
		cr_assert_eq(cache_warnings(&t), 1, "%s", t.log);
	}
	cr_assert(strstr(t.log, "50 ms"), "%s", t.log);
	submit(&t, texts[1]);
	atomic_fetch_add(&cache_ns, 50 * MS);
	finish(&t);
	cr_assert(cache_hit(&t), "that answer waits here to be put");
	unjam(&j, s);
	anew(&t);
	submit(&t, texts[1]);
	finish(&t);
	cr_assert(cache_hit(&t), "%s", t.log);
	cache_close(&t);
}

Test(storage_cache, R_CACHE_17_a_lookup_that_hangs_delays_a_run_by_50_ms)
{
	play_in_full(play_stalled);
}

/* ---- how many there are ---- */

#define NOW_US ((int64_t)time(NULL) * 1000000)

/* Weighs 1000, and was used `used` seconds after the first one. */
static void put(wire *c, const char *workspace, const char *key, int64_t used, int64_t expires_us)
{
	static const char value[744];
	llm_cache_row row = {.struct_size = sizeof(row),
		.workspace_id = workspace,
		.key = key,
		.format_version = 1,
		.value_sha256 = "x",
		.value = {value, sizeof(value)},
		.created_us = NOW_US,
		.expires_us = expires_us,
		.used_us = NOW_US - 1000000000 + used * 1000000};

	cr_assert_eq(wire_store(c, LLM_OP_CACHE_PUT, &row), 0);
}

static int64_t trim(wire *c, int64_t bytes, int64_t limit)
{
	const llm_cache_trim what = {.struct_size = sizeof(what), .bytes = bytes, .limit = limit};
	llm_op_result result;

	cr_assert_eq(wire_begin(c), 0, "%s", c->err.message);
	cr_assert_eq(wire_put(c, LLM_OP_CACHE_TRIM, &what, &result), 0, "%s", c->err.message);
	cr_assert_eq(wire_commit(c), 0, "%s", c->err.message);
	cr_assert_eq(result.code, 0);
	return result.changed;
}

static int64_t left(const stand *s, const char *keys)
{
	char sql[200];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM llm_cache WHERE key IN (%s)", keys);
	return sql_number(s, sql);
}

static void play_rows(stand *s)
{
	const int64_t far = NOW_US + DAY_US;
	wire c = wire_open(s);

	put(&c, W, "a", 1, far);
	put(&c, "other", "b", 2, far);
	put(&c, W, "c", 3, far);
	put(&c, W, "d", 4, far);
	put(&c, "other", "e", 9, NOW_US - 60000000); /* used last, and expired */
	cr_expect_eq(trim(&c, 1 << 20, 1000), 1);
	cr_expect_eq(left(s, "'e'"), 0, "what has expired goes, however small the rest is");
	cr_expect_eq(trim(&c, 4000, 1000), 0, "all of it fits");
	put(&c, W, "e", 9, NOW_US - 60000000);
	cr_expect_eq(trim(&c, 3999, 1), 1, "in batches");
	cr_expect_eq(left(s, "'e'"), 0, "what has expired goes first");
	cr_expect_eq(trim(&c, 2999, 1), 1);
	cr_expect_eq(left(s, "'a'"), 0, "then what was not used for longest");
	cr_expect_eq(trim(&c, 2999, 1), 1, "whoever it is of");
	cr_expect_eq(left(s, "'c', 'd'"), 2);
	cr_expect_eq(trim(&c, 2999, 1000), 0);
	cr_expect_eq(trim(&c, 0, 1000), 2);
	wire_close(&c);
}

Test(storage_cache, R_CACHE_18_expired_rows_go_first_and_then_those_used_longest_ago)
{
	play_in_full(play_rows);
}

static void ask(cache_try *t, const char *text)
{
	submit(t, text);
	finish(t);
	atomic_fetch_add(&cache_utc, 1000000);
}

/* Of three answers two fit. */
static void play_full(stand *s)
{
	static const char *const args[] = {"--bytes", "3000", NULL};
	cache_try t;
	size_t i;

	open_with(&t, s, args, SQL " size = \"9k\";", "");
	atomic_store(&cache_utc, NOW_US - 100000000);
	(void)llm_service_fd(t.svc);
	ask(&t, "a");
	ask(&t, "b");
	for (i = 0; i < 200 && !cache_hit(&t); i++) /* as soon as it is written */
		ask(&t, "a");
	cr_assert(cache_hit(&t), "%s", t.log);
	ask(&t, "c");
	for (i = 0; i < 1000 && !atomic_load(&t.svc->caching.evicted); i++)
		cache_turn(&t, 3);
	cr_expect_eq(atomic_load(&t.svc->caching.evicted), 1);
	anew(&t);
	cr_expect_eq(sql_number(s, "SELECT count(*) FROM llm_cache"), 2);
	cr_expect_leq(sql_number(s, "SELECT sum(length(value) + 256) FROM llm_cache"), 9 << 10);
	(void)cache_ask_as(&t, "a", LLM_CACHE_READ_ONLY);
	cr_expect(cache_hit(&t), "it was used");
	(void)cache_ask_as(&t, "b", LLM_CACHE_READ_ONLY);
	cr_expect_not(cache_hit(&t));
	(void)cache_ask_as(&t, "c", LLM_CACHE_READ_ONLY);
	cr_expect(cache_hit(&t));
	cr_expect_eq(cache_faults(&t), 0, "%s", t.log);
	cache_close(&t);
}

Test(storage_cache, R_CACHE_18_the_storage_keeps_no_more_than_cache_size)
{
	play_in_full(play_full);
}
