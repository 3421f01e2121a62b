/*
 * sqlite_plans.c - how SQLite goes about each statement: what is asked of a store, or
 * written to it, while it is in use never looks at all rows of a table.
 */
#include "sqlite_help.h"

#include "sqlite/migrations.h"
#include "sqlite/statements.h"

static sqlite3 *open_schema(void)
{
	sqlite3 *db = NULL;
	unsigned i;

	cr_assert_eq(sqlite3_open(":memory:", &db), SQLITE_OK);
	for (i = 0; i < sql_migration_count; i++)
		cr_assert_eq(sqlite3_exec(db, sql_migrations[i].up, NULL, NULL, NULL), SQLITE_OK);
	return db;
}

/* Each step of the plan as a line. */
static void plan_of(sqlite3 *db, const char *sql, char *ret, size_t cap)
{
	sqlite3_stmt *stmt = NULL;
	char text[8192];
	size_t n = 0;

	snprintf(text, sizeof(text), "EXPLAIN QUERY PLAN %s", sql);
	cr_assert_eq(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK, "%s: %s",
		sqlite3_errmsg(db), sql);
	ret[0] = '\0';
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		n += (size_t)snprintf(
			ret + n, cap - n, "%s\n", (const char *)sqlite3_column_text(stmt, 3));
		cr_assert_lt(n, cap);
	}
	sqlite3_finalize(stmt);
}

/* A scan of a partial index sees what is in the index: the runs that are running. */
static int looks_at_all(const char *plan)
{
	const char *at;

	for (at = strstr(plan, "SCAN "); at; at = strstr(at + 1, "SCAN "))
		if (strncmp(at, "SCAN r USING INDEX llm_runs_running\n", 36) != 0 &&
			strncmp(at, "SCAN CONSTANT ROW\n", 18) != 0)
			return 1;
	return 0;
}

Test(sqlite_plans, no_statement_in_use_looks_at_every_row)
{
	sqlite3 *db = open_schema();
	char plan[2048];
	unsigned i;

	for (i = ST_RUN_BEGIN; i < ST_PURGE_CONTENTS; i++) {
		if (i == ST_HEALTH)
			continue; /* a row a candidate: all of them are asked for */
		plan_of(db, statements[i].sql, plan, sizeof(plan));
		cr_expect_not(looks_at_all(plan), "statement %u:\n%s", i, plan);
		cr_expect_null(strstr(plan, "AUTOMATIC"), "statement %u:\n%s", i, plan);
	}
	sqlite3_close(db);
}

Test(sqlite_plans, a_page_is_read_in_the_order_of_its_index)
{
	sqlite3 *db = open_schema();
	char plan[2048];

	plan_of(db, statements[ST_RUNS].sql, plan, sizeof(plan));
	cr_expect_not_null(strstr(plan, "(workspace_id=? AND id>? AND id<?)"), "%s", plan);
	cr_expect_null(strstr(plan, "TEMP B-TREE"), "nothing is sorted: %s", plan);
	plan_of(db, statements[ST_RUNS_ERROR].sql, plan, sizeof(plan));
	cr_expect_not_null(
		strstr(plan, "llm_runs_errors (workspace_id=? AND error_code=? AND id>? AND id<?)"),
		"%s", plan);
	cr_expect_null(strstr(plan, "TEMP B-TREE"), "nothing is sorted: %s", plan);
	plan_of(db, statements[ST_RUN].sql, plan, sizeof(plan));
	cr_expect_not_null(strstr(plan, "(workspace_id=? AND id=?)"), "%s", plan);
	plan_of(db, statements[ST_RUN_FINISH].sql, plan, sizeof(plan));
	cr_expect_not_null(strstr(plan, "(workspace_id=? AND id=?)"), "%s", plan);
	sqlite3_close(db);
}

/* Attempts and stages of a run are found by the run, not by looking through the workspace. */
Test(sqlite_plans, children_are_found_by_their_run)
{
	static const unsigned of_run[] = {
		ST_ATTEMPTS, ST_STAGES, ST_PURGE_ATTEMPTS, ST_PURGE_STAGES};
	sqlite3 *db = open_schema();
	char plan[2048];
	size_t i;

	for (i = 0; i < sizeof(of_run) / sizeof(of_run[0]); i++) {
		plan_of(db, statements[of_run[i]].sql, plan, sizeof(plan));
		cr_expect_not_null(strstr(plan, "(workspace_id=? AND run_id=?)"),
			"statement %u:\n%s", of_run[i], plan);
	}
	sqlite3_close(db);
}

/* ---- what all statements say ---- */

/* Asked for by a name that no workspace has. */
static int is_of_all(unsigned i)
{
	return i >= ST_STATS_ALL_PROFILE && i <= ST_STATS_ALL_WORKSPACE;
}

Test(sqlite_plans, R_WS_5_every_read_has_the_workspace_in_its_statement)
{
	static const char own[] = "workspace_id = :workspace_id", all[] = ":workspace_id = '*'";
	unsigned i, n = 0;

	for (i = ST_RUN; i < ST_HEALTH; i++, n++)
		cr_expect_not_null(strstr(statements[i].sql, is_of_all(i) ? all : own), "%s",
			statements[i].sql);
	cr_expect_geq(n, 12);
}

/* What may be there already is no error: it would end a transaction on other databases. */
Test(sqlite_plans, R_UOW_7_every_insert_says_what_a_row_that_is_there_comes_to)
{
	unsigned i, n = 0;

	for (i = ST_NONE + 1; i < ST_COUNT; i++) {
		if (strncmp(statements[i].sql, "INSERT ", 7) != 0)
			continue;
		n++;
		cr_expect_not_null(
			strstr(statements[i].sql, " ON CONFLICT"), "%s", statements[i].sql);
	}
	cr_expect_geq(n, 8);
}
