/*
 * storage_cache.c - stored answers in a database: what spoils them, and one that does not
 * answer. On every storage that keeps all there is to keep.
 */
#include "storage_sql.h"

#ifdef TEST_WITH_POSTGRES
#include <libpq-fe.h>
#endif

#include "cache_try.h"

#define SQL "mode = \"on\"; store = \"sql\"; cache_nondeterministic = true;"
#define MS UINT64_C(1000000)

/* A service that keeps its answers in the store of the stand; its clock stands still. */
static void open_on(cache_try *t, const stand *s, const char *more)
{
	char text[1000];

	snprintf(text, sizeof(text), "storage = { plugin = \"%s\"; dsn = \"%s\"; %s };\n",
		s->p->storage_info->name, s->dsn, more);
	atomic_store(&cache_ns, 1000 * MS);
	cache_open(t, SQL, text);
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
		anew(&t);
		cr_assert_eq(sql_number(s, "SELECT count(*) FROM llm_cache"), 0, "%s", edit);
		(void)cache_ask(&t, "hi");
		cr_assert_not(cache_hit(&t), "%s", edit);
		cr_assert_eq(cache_faults(&t), 0, "%s", edit);
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
static void submit(cache_try *t)
{
	llm_request *rq = cache_request(NULL, "hi");

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
	cache_try t;
	size_t i;
	jam j;

	open_on(&t, s, "ledger = \"after\";");
	(void)llm_service_fd(t.svc);
	jam_it(&j, s);
	for (i = 1; i <= 3; i++) {
		submit(&t);
		cr_assert_eq(cache_asked(&t), i - 1);
		atomic_fetch_add(&cache_ns, 49 * MS);
		cache_settle(&t);
		cr_assert_eq(cache_asked(&t), i - 1, "it was not waited for");
		atomic_fetch_add(&cache_ns, 1 * MS);
		finish(&t);
		cr_assert_eq(cache_asked(&t), i, "it was waited for longer than 50 ms");
		cr_assert_eq(llm_result_cache(t.r, NULL), LLM_CACHE_MISS);
		cr_assert_eq(cache_faults(&t), i);
		cr_assert_eq(cache_warnings(&t), 1, "%s", t.log);
	}
	cr_assert(strstr(t.log, "50 ms"), "%s", t.log);
	unjam(&j, s);
	anew(&t);
	submit(&t);
	while (!atomic_load(&t.call->done)) /* this one is waited for: the clock stands still */
		cache_turn(&t, 3);
	t.r = llm_call_result(t.call);
	cr_assert(cache_hit(&t), "%s", t.log);
	cache_close(&t);
}

Test(storage_cache, R_CACHE_17_a_lookup_that_hangs_delays_a_run_by_50_ms)
{
	play_in_full(play_stalled);
}
