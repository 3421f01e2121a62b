/*
 * sqlite_help.h - the storage plugin sqlite beside a handle of the test's own.
 */
#ifndef TESTS_CONTRACT_SQLITE_HELP_H
#define TESTS_CONTRACT_SQLITE_HELP_H

#include <sqlite3.h>

#include "llm/native/sqlite.h"
#include "storage_help.h"

static inline void sqlite_stand(stand *s)
{
	stand_up(s, TEST_BINARY_DIR "/plugins", "sqlite");
}

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor); /* linked in */

/* The stand, with the plugin of this process instead of the loaded file. */
static inline void sqlite_stand_inside(stand *s)
{
	static plugin p;

	sqlite_stand(s);
	p = *s->p;
	p.storage = llm_plugin_v1(0)->parts[0]->vtable;
	s->p = &p;
	s->v = p.storage;
}

/* The test's own handle on the stand's database. */
static inline sqlite3 *sqlite_own(const stand *s)
{
	sqlite3 *db = NULL;

	cr_assert_eq(sqlite3_open(s->dsn, &db), SQLITE_OK);
	return db;
}

static inline void sqlite_run(sqlite3 *db, const char *sql)
{
	char *why = NULL;

	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, &why), SQLITE_OK, "%s: %s", sql, why);
}

static inline int64_t sqlite_number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	int64_t n;

	cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK, "%s: %s", sql,
		sqlite3_errmsg(db));
	cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW, "%s", sql);
	n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

/* In the test's file, by a handle that is opened and closed. */
static inline void sqlite_edit(const stand *s, const char *sql)
{
	sqlite3 *db = sqlite_own(s);

	sqlite_run(db, sql);
	sqlite3_close(db);
}

#endif
