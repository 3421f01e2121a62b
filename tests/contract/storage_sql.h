/*
 * storage_sql.h - a database under test as other tools see it: SQL of the test's own.
 */
#ifndef TESTS_CONTRACT_STORAGE_SQL_H
#define TESTS_CONTRACT_STORAGE_SQL_H

#include "storage_help.h"

#ifdef TEST_WITH_SQLITE
#include <sqlite3.h>

static inline int64_t sql_of_file(const stand *s, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	int64_t n = 0;

	cr_assert_eq(sqlite3_open(s->dsn, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK, "%s: %s", sql,
		sqlite3_errmsg(db));
	if (sqlite3_step(stmt) == SQLITE_ROW)
		n = sqlite3_column_int64(stmt, 0);
	cr_assert_eq(sqlite3_finalize(stmt), SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
	return n;
}

static inline void sql_tables_of_file(const stand *s, char *ret, size_t cap)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;

	cr_assert_eq(sqlite3_open(s->dsn, &db), SQLITE_OK);
	sqlite3_prepare_v2(db,
		"SELECT group_concat(' ' || m.name, '') FROM sqlite_master m JOIN "
		"pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'workspace_id'",
		-1, &stmt, NULL);
	cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW);
	snprintf(ret, cap, "%s", (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}
#endif

/* The first value of a statement that both dialects know; 0: it gives none. */
static inline int64_t sql_number(const stand *s, const char *sql)
{
#ifdef TEST_WITH_POSTGRES
	if (s->database)
		return pg_number(s->server, s->database, sql);
#endif
#ifdef TEST_WITH_SQLITE
	return sql_of_file(s, sql);
#else
	return 0;
#endif
}

/* The names of all tables with a workspace, each behind a space. */
static inline void sql_tables(const stand *s, char *ret, size_t cap)
{
	ret[0] = '\0';
#ifdef TEST_WITH_POSTGRES
	if (s->database)
		snprintf(ret, cap, "%s",
			pg_text(s->server, s->database,
				"SELECT string_agg(' ' || c.table_name, '') FROM "
				"information_schema.columns c JOIN information_schema.tables t "
				"USING (table_schema, table_name) WHERE c.table_schema = 'public' "
				"AND t.table_type = 'BASE TABLE' AND c.column_name = "
				"'workspace_id'"));
#endif
#ifdef TEST_WITH_SQLITE
	if (!s->database)
		sql_tables_of_file(s, ret, cap);
#endif
}

static inline void sql_edit(const stand *s, const char *sql)
{
	sql_number(s, sql);
}

/* Plays with every storage that keeps all there is to keep, each time on a fresh store. */
static inline void play_in_full(void (*play)(stand *s))
{
	stand s;

#ifdef TEST_WITH_SQLITE
	stand_up(&s, TEST_BINARY_DIR "/plugins", "sqlite");
	play(&s);
	stand_down(&s);
#endif
#ifdef TEST_WITH_POSTGRES
	if (stand_postgres(&s, PG_DIRECT)) {
		play(&s);
		stand_down(&s);
	}
#endif
}

#endif
