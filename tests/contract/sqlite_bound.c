/*
 * sqlite_bound.c - units on a handle of the host's: its transaction stays its own.
 */
#include "sqlite_help.h"

/* A host with a table of its own and an open transaction. */
typedef struct guest {
	stand s;
	sqlite3 *db;
	llm_sqlite_calls calls;
	llm_native native;
	wire c;
	char seen[8192]; /* every statement on the host's handle */
} guest;

static int record(unsigned kind, void *ctx, void *stmt, void *sql)
{
	guest *g = ctx;
	size_t n = strlen(g->seen);

	(void)kind;
	(void)stmt;
	snprintf(g->seen + n, sizeof(g->seen) - n, "%.40s\n", (const char *)sql);
	return 0;
}

static int32_t bind(guest *g)
{
	int32_t rc;

	g->c = (wire){.s = &g->s};
	cr_assert_eq(instance_seat(g->s.p, NULL, 0, mem_default(), NULL, &g->c.seat, NULL), 0);
	instance_begin(g->c.seat, NULL);
	rc = wire_said(
		&g->c, "bind", g->s.v->bind(instance_host(g->c.seat), &g->native, &g->c.unit));
	if (rc)
		instance_free(g->c.seat);
	return rc;
}

static void release(guest *g)
{
	g->s.v->release(g->c.unit);
	instance_free(g->c.seat);
}

static void guest_up(guest *g)
{
	memset(g, 0, sizeof(*g));
	sqlite_stand(&g->s);
	g->db = sqlite_own(&g->s);
	sqlite_run(g->db, "CREATE TABLE orders (id INTEGER PRIMARY KEY, run TEXT)");
	llm_native_sqlite(g->db, &g->calls, &g->native);
	sqlite_run(g->db, "BEGIN; INSERT INTO orders (run) VALUES ('x')");
	sqlite3_trace_v2(g->db, SQLITE_TRACE_STMT, record, g);
}

static void guest_down(guest *g)
{
	cr_expect_eq(sqlite3_close(g->db), SQLITE_OK, "no statement was left behind");
	stand_down(&g->s);
}

static void put_burst(guest *g)
{
	llm_run_row r = row_begin(W, ID("1")), f = row_finish(W, ID("1"), "succeeded");
	llm_attempt_row a = row_attempt(W, ID("1"), 1);
	llm_op_result result;

	cr_assert_eq(wire_put(&g->c, LLM_OP_RUN_BEGIN, &r, &result), 0, "%s", g->c.err.message);
	cr_expect_eq(result.code, 0);
	cr_assert_eq(wire_put(&g->c, LLM_OP_ATTEMPT_PUT, &a, &result), 0);
	cr_assert_eq(wire_put(&g->c, LLM_OP_RUN_FINISH, &f, &result), 0);
	cr_expect_eq(result.code, 0);
}

Test(sqlite_bound, R_UOW_5_in_the_hosts_transaction)
{
	guest g;

	guest_up(&g);
	cr_assert_eq(bind(&g), 0, "%s", g.c.err.message);
	put_burst(&g);
	release(&g);
	cr_expect_eq(sqlite3_get_autocommit(g.db), 0, "its transaction is still open");
	sqlite_run(g.db, "COMMIT");
	cr_expect_eq(sqlite_number(g.db, "SELECT count(*) FROM llm_runs"), 1);
	cr_expect_eq(sqlite_number(g.db, "SELECT count(*) FROM orders"), 1);
	guest_down(&g);
}

Test(sqlite_bound, R_UOW_6_rolled_back_by_the_host)
{
	guest g;

	guest_up(&g);
	cr_assert_eq(bind(&g), 0);
	put_burst(&g);
	release(&g);
	sqlite_run(g.db, "ROLLBACK");
	cr_expect_eq(sqlite_number(g.db, "SELECT count(*) FROM llm_runs"), 0);
	cr_expect_eq(sqlite_number(g.db, "SELECT count(*) FROM llm_attempts"), 0);
	cr_expect_eq(sqlite_number(g.db, "SELECT count(*) FROM orders"), 0);
	guest_down(&g);
}

Test(sqlite_bound, R_UOW_1_savepoints_of_our_own_names_only)
{
	static const char *const control[] = {"BEGIN", "COMMIT", "END", "ATTACH", "PRAGMA"};
	char *line, *rest = NULL;
	guest g;
	size_t i;

	guest_up(&g);
	cr_assert_eq(bind(&g), 0);
	put_burst(&g);
	release(&g);
	cr_expect_not_null(strstr(g.seen, "SAVEPOINT llm_unit"));
	for (line = strtok_r(g.seen, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		for (i = 0; i < sizeof(control) / sizeof(control[0]); i++)
			cr_expect_neq(strncmp(line, control[i], strlen(control[i])), 0, "%s", line);
		if (strncmp(line, "SAVEPOINT", 9) == 0)
			cr_expect_str_eq(line, "SAVEPOINT llm_unit");
		if (strncmp(line, "ROLLBACK", 8) == 0)
			cr_expect_str_eq(line, "ROLLBACK TO llm_unit");
	}
	sqlite_run(g.db, "COMMIT");
	guest_down(&g);
}

Test(sqlite_bound, R_UOW_7_a_failing_burst_leaves_the_transaction_usable)
{
	llm_run_row r = row_begin(W, ID("1")), bad = row_begin(W, ID("2"));
	llm_op good = {sizeof(good), LLM_OP_RUN_BEGIN, &r},
	       worse = {sizeof(worse), LLM_OP_RUN_BEGIN, &bad};
	const llm_op *ops[] = {&good, &worse};
	llm_op_result a = {0}, b = {0}, *results[] = {&a, &b};
	guest g;

	bad.operation = NULL; /* against a constraint of the table */
	guest_up(&g);
	cr_assert_eq(bind(&g), 0);
	instance_begin(g.c.seat, NULL);
	cr_expect_eq(wire_said(&g.c, "apply", g.s.v->apply(g.c.unit, ops, 2, results)),
		LLM_E_PERSISTENCE);
	cr_expect_eq(sqlite3_get_autocommit(g.db), 0);
	cr_expect_eq(sqlite_number(g.db, "SELECT count(*) FROM llm_runs"), 0, "not half of it");
	put_burst(&g);
	release(&g);
	sqlite_run(g.db, "COMMIT");
	cr_expect_eq(sqlite_number(g.db, "SELECT count(*) FROM orders"), 1);
	guest_down(&g);
}

Test(sqlite_bound, R_UOW_5_needs_an_open_transaction)
{
	llm_run_row r = row_begin(W, ID("1"));
	llm_op_result result;
	guest g;

	guest_up(&g);
	sqlite_run(g.db, "ROLLBACK");
	cr_expect_eq(bind(&g), LLM_E_STATE);
	cr_expect_not_null(strstr(g.c.err.message, "no open transaction"), "%s", g.c.err.message);
	sqlite_run(g.db, "BEGIN");
	cr_assert_eq(bind(&g), 0);
	sqlite_run(g.db, "ROLLBACK");
	cr_expect_eq(wire_put(&g.c, LLM_OP_RUN_BEGIN, &r, &result), LLM_E_STATE,
		"the host's transaction has ended");
	release(&g);
	guest_down(&g);
}

static const char *another_version(void)
{
	static char text[] = "3.45.1";

	return text;
}

static int32_t an_old_number(void)
{
	return 3034001;
}

/* To the plugin a copy is its version text's address. */
Test(sqlite_bound, R_UOW_5_another_copy_of_sqlite)
{
	guest g;
	wire own;

	guest_up(&g);
	g.calls.libversion = another_version;
	cr_assert_eq(bind(&g), 0, "a bundled copy works: %s", g.c.err.message);
	put_burst(&g);
	cr_expect_eq(wire_try(&g.s, &own, NULL, NULL), LLM_E_STATE, "not two copies on one file");
	cr_expect_not_null(
		strstr(own.err.message, "another copy of SQLite"), "%s", own.err.message);
	release(&g);
	sqlite_run(g.db, "COMMIT");
	own = wire_open(&g.s);
	sqlite_run(g.db, "BEGIN");
	cr_expect_eq(bind(&g), LLM_E_STATE, "nor the other way round");
	sqlite_run(g.db, "COMMIT");
	wire_close(&own);
	g.calls.libversion_number = an_old_number;
	sqlite_run(g.db, "BEGIN");
	cr_expect_eq(bind(&g), LLM_E_UNSUPPORTED);
	cr_expect_not_null(strstr(g.c.err.message, "3.35"), "%s", g.c.err.message);
	sqlite_run(g.db, "COMMIT");
	guest_down(&g);
}

Test(sqlite_bound, D_2_5_handles_of_another_kind)
{
	guest g;

	guest_up(&g);
	g.native.kind = "libpq/1";
	cr_expect_eq(bind(&g), LLM_E_INVALID_REQUEST);
	g.native.kind = LLM_NATIVE_SQLITE;
	g.calls.struct_size = 16;
	cr_expect_eq(bind(&g), LLM_E_INVALID_REQUEST);
	g.native.calls = NULL;
	cr_expect_eq(bind(&g), LLM_E_INVALID_REQUEST);
	sqlite_run(g.db, "COMMIT");
	guest_down(&g);
}
