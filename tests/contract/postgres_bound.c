/*
 * postgres_bound.c - units on a connection of the host's: its transaction stays its own.
 */
#include <libpq-fe.h>

#include "llm/native/postgres.h"
#include "storage_help.h"

/* A host with a table of its own and an open transaction. */
typedef struct guest {
	stand s;
	PGconn *db;
	llm_postgres_calls calls;
	llm_native native;
	wire c;
} guest;

static char seen[8192]; /* every statement that went through the table */

static void *noted_exec(void *conn, const char *sql, int32_t n, const uint32_t *types,
	const char *const *values, const int32_t *lengths, const int32_t *formats, int32_t result)
{
	size_t at = strlen(seen);

	snprintf(seen + at, sizeof(seen) - at, "%.50s\n", sql);
	return llm_postgres_exec_params(conn, sql, n, types, values, lengths, formats, result);
}

static void run(PGconn *db, const char *sql)
{
	PGresult *r = PQexec(db, sql);

	cr_assert(PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK,
		"%s: %s", sql, PQerrorMessage(db));
	PQclear(r);
}

static int64_t number(PGconn *db, const char *sql)
{
	PGresult *r = PQexec(db, sql);
	int64_t n;

	cr_assert_eq(PQresultStatus(r), PGRES_TUPLES_OK, "%s: %s", sql, PQerrorMessage(db));
	n = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
	PQclear(r);
	return n;
}

static int32_t bind(guest *g, const char *schema)
{
	host_config_item config[] = {{"schema", schema}};
	int32_t rc;

	g->c = (wire){.s = &g->s};
	cr_assert_eq(instance_seat(g->s.p, config, 1, mem_default(), NULL, &g->c.seat, NULL), 0);
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

/* 0: there is no server. */
static int guest_up(guest *g)
{
	memset(g, 0, sizeof(*g));
	if (!stand_postgres(&g->s, PG_DIRECT))
		return 0;
	g->db = PQconnectdb(g->s.dsn);
	cr_assert_eq(PQstatus(g->db), CONNECTION_OK, "%s", PQerrorMessage(g->db));
	run(g->db, "CREATE TABLE orders (id BIGINT, run TEXT)");
	llm_native_postgres(g->db, &g->calls, &g->native);
	g->calls.exec_params = noted_exec;
	seen[0] = '\0';
	run(g->db, "BEGIN");
	run(g->db, "INSERT INTO orders VALUES (1, 'x')");
	return 1;
}

static void guest_down(guest *g)
{
	PQfinish(g->db);
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

Test(postgres_bound, R_UOW_5_in_the_hosts_transaction)
{
	guest g;

	if (!guest_up(&g))
		return;
	cr_assert_eq(bind(&g, NULL), 0, "%s", g.c.err.message);
	put_burst(&g);
	cr_expect_str_eq(ask_run(&g.c, W, ID("1"))->status, "succeeded");
	release(&g);
	cr_expect_eq(PQtransactionStatus(g.db), PQTRANS_INTRANS, "its transaction is still open");
	run(g.db, "COMMIT");
	cr_expect_eq(number(g.db, "SELECT count(*) FROM llm_runs"), 1);
	cr_expect_eq(number(g.db, "SELECT count(*) FROM orders"), 1);
	guest_down(&g);
}

Test(postgres_bound, R_UOW_6_rolled_back_by_the_host)
{
	guest g;

	if (!guest_up(&g))
		return;
	cr_assert_eq(bind(&g, NULL), 0);
	put_burst(&g);
	release(&g);
	run(g.db, "ROLLBACK");
	cr_expect_eq(number(g.db, "SELECT count(*) FROM llm_runs"), 0);
	cr_expect_eq(number(g.db, "SELECT count(*) FROM llm_attempts"), 0);
	cr_expect_eq(number(g.db, "SELECT count(*) FROM orders"), 0);
	guest_down(&g);
}

Test(postgres_bound, R_UOW_1_savepoints_of_our_own_names_only)
{
	static const char *const control[] = {"BEGIN", "START", "COMMIT", "END", "ABORT", "PREPARE",
		"SET", "LOCK", "SELECT set_config"};
	char *line, *rest = NULL;
	guest g;
	size_t i;

	if (!guest_up(&g))
		return;
	cr_assert_eq(bind(&g, NULL), 0);
	put_burst(&g);
	release(&g);
	cr_expect_not_null(strstr(seen, "SAVEPOINT llm_unit"));
	for (line = strtok_r(seen, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		for (i = 0; i < sizeof(control) / sizeof(control[0]); i++)
			cr_expect_neq(strncmp(line, control[i], strlen(control[i])), 0, "%s", line);
		if (strncmp(line, "SAVEPOINT", 9) == 0)
			cr_expect_str_eq(line, "SAVEPOINT llm_unit");
		if (strncmp(line, "ROLLBACK", 8) == 0)
			cr_expect_str_eq(line, "ROLLBACK TO SAVEPOINT llm_unit");
	}
	run(g.db, "COMMIT");
	guest_down(&g);
}

Test(postgres_bound, R_UOW_7_a_failing_burst_leaves_the_transaction_usable)
{
	llm_run_row r = row_begin(W, ID("1")), bad = row_begin(W, ID("2"));
	llm_op good = {sizeof(good), LLM_OP_RUN_BEGIN, &r},
	       worse = {sizeof(worse), LLM_OP_RUN_BEGIN, &bad};
	const llm_op *ops[] = {&good, &worse};
	llm_op_result a = {0}, b = {0}, *results[] = {&a, &b};
	guest g;

	bad.operation = NULL; /* against a constraint of the table */
	if (!guest_up(&g))
		return;
	cr_assert_eq(bind(&g, NULL), 0);
	instance_begin(g.c.seat, NULL);
	cr_expect_eq(wire_said(&g.c, "apply", g.s.v->apply(g.c.unit, ops, 2, results)),
		LLM_E_PERSISTENCE);
	cr_expect_eq(PQtransactionStatus(g.db), PQTRANS_INTRANS);
	cr_expect_eq(number(g.db, "SELECT count(*) FROM llm_runs"), 0, "not half of it");
	put_burst(&g);
	release(&g);
	run(g.db, "COMMIT");
	cr_expect_eq(number(g.db, "SELECT count(*) FROM orders"), 1);
	guest_down(&g);
}

/* The other transaction holds the row for longer than the host wants to wait. */
Test(postgres_bound, R_UOW_8_a_lock_that_is_not_had)
{
	llm_run_row r = row_begin(W, ID("1"));
	llm_op_result result;
	guest g;
	wire own;

	if (!guest_up(&g))
		return;
	own = wire_open(&g.s);
	cr_assert_eq(wire_begin(&own), 0);
	cr_assert_eq(wire_put(&own, LLM_OP_RUN_BEGIN, &r, &result), 0);
	run(g.db, "SET LOCAL lock_timeout = 20");
	cr_assert_eq(bind(&g, NULL), 0);
	cr_expect_eq(wire_put(&g.c, LLM_OP_RUN_BEGIN, &r, &result), LLM_E_DB_BUSY);
	cr_expect_not_null(strstr(g.c.err.message, "55P03"), "%s", g.c.err.message);
	cr_expect_eq(PQtransactionStatus(g.db), PQTRANS_INTRANS);
	cr_assert_eq(wire_rollback(&own), 0);
	cr_expect_eq(wire_put(&g.c, LLM_OP_RUN_BEGIN, &r, &result), 0, "%s", g.c.err.message);
	release(&g);
	run(g.db, "COMMIT");
	wire_close(&own);
	guest_down(&g);
}

static llm_budget_row budget_of(const char *run_id, int64_t nanousd)
{
	llm_budget_row b = {.struct_size = sizeof(b),
		.workspace_id = W,
		.profile = "",
		.run_id = run_id,
		.period = "total",
		.span_us = LLM_UNKNOWN,
		.limit_nanousd = 100,
		.usual_nanousd = 30,
		.nanousd = nanousd};

	b.spent_nanousd = b.held_nanousd = LLM_UNKNOWN;
	b.window_us = b.left_us = b.updated_us = LLM_UNKNOWN;
	return b;
}

/* What a run has cost counts when the host commits; until then the budget is the host's. */
Test(postgres_bound, R_COST_11_R_UOW_6_spent_when_the_host_commits)
{
	const llm_budget_row mine = budget_of(ID("1"), 70), others = budget_of(ID("2"), 40);
	llm_op_result result;
	guest g;
	wire own;

	if (!guest_up(&g))
		return;
	cr_assert_eq(wire_try(&g.s, &own, "lock_timeout", "20"), 0, "%s", own.err.message);
	cr_assert_eq(bind(&g, NULL), 0);
	cr_assert_eq(wire_put(&g.c, LLM_OP_BUDGET_SPEND, &mine, &result), 0, "%s", g.c.err.message);
	release(&g);
	run(g.db, "ROLLBACK");
	cr_expect_eq(number(g.db, "SELECT count(*) FROM llm_budgets"), 0);
	run(g.db, "BEGIN");
	cr_assert_eq(bind(&g, NULL), 0);
	cr_assert_eq(wire_put(&g.c, LLM_OP_BUDGET_SPEND, &mine, &result), 0, "%s", g.c.err.message);
	release(&g);
	cr_assert_eq(wire_begin(&own), 0);
	cr_expect_eq(wire_put(&own, LLM_OP_BUDGET_HOLD, &others, &result), LLM_E_DB_BUSY);
	wire_rollback(&own);
	run(g.db, "COMMIT");
	cr_expect_eq(wire_store(&own, LLM_OP_BUDGET_HOLD, &others), LLM_E_CONFLICT, "70 of 100");
	cr_expect_eq(number(g.db, "SELECT spent_nanousd FROM llm_budgets"), 70);
	wire_close(&own);
	guest_down(&g);
}

/* Its own search path is the host's again when the call returns. */
Test(postgres_bound, D_2_5_a_schema_of_its_own)
{
	guest g;

	if (!guest_up(&g))
		return;
	run(g.db, "CREATE SCHEMA \"an \"\"own\"\" one\"");
	run(g.db, "ALTER TABLE llm_runs SET SCHEMA \"an \"\"own\"\" one\"");
	run(g.db, "ALTER TABLE llm_attempts SET SCHEMA \"an \"\"own\"\" one\"");
	cr_assert_eq(bind(&g, "an \"own\" one"), 0, "%s", g.c.err.message);
	put_burst(&g);
	cr_expect_not_null(ask_run(&g.c, W, ID("1")));
	release(&g);
	cr_expect_eq(number(g.db, "SELECT count(*) FROM orders"), 1, "not in our schema");
	cr_expect_eq(number(g.db, "SELECT count(*) FROM \"an \"\"own\"\" one\".llm_runs"), 1);
	run(g.db, "COMMIT");
	guest_down(&g);
}

static void refused(guest *g, int32_t code, const char *says)
{
	cr_expect_eq(bind(g, NULL), code);
	cr_expect_not_null(strstr(g->c.err.message, says), "%s", g->c.err.message);
}

Test(postgres_bound, R_UOW_5_needs_an_open_transaction)
{
	llm_run_row r = row_begin(W, ID("1"));
	llm_op_result result;
	guest g;

	if (!guest_up(&g))
		return;
	PQclear(PQexec(g.db, "SELECT * FROM nothing"));
	refused(&g, LLM_E_STATE, "has failed");
	run(g.db, "ROLLBACK");
	refused(&g, LLM_E_STATE, "no open transaction");
	run(g.db, "BEGIN");
	cr_assert_eq(bind(&g, NULL), 0);
	run(g.db, "ROLLBACK");
	cr_expect_eq(wire_put(&g.c, LLM_OP_RUN_BEGIN, &r, &result), LLM_E_STATE,
		"the host's transaction has ended");
	release(&g);
	run(g.db, "BEGIN");
	cr_assert(PQenterPipelineMode(g.db));
	refused(&g, LLM_E_STATE, "pipeline mode");
	PQexitPipelineMode(g.db);
	run(g.db, "SET client_encoding = 'LATIN1'");
	refused(&g, LLM_E_UNSUPPORTED, "client_encoding of the connection is LATIN1");
	guest_down(&g);
}

Test(postgres_bound, D_2_5_handles_of_another_kind)
{
	guest g;

	if (!guest_up(&g))
		return;
	g.native.kind = LLM_NATIVE_SQLITE;
	cr_expect_eq(bind(&g, NULL), LLM_E_INVALID_REQUEST);
	g.native.kind = LLM_NATIVE_POSTGRES;
	g.calls.struct_size = 16;
	cr_expect_eq(bind(&g, NULL), LLM_E_INVALID_REQUEST);
	g.native.calls = NULL;
	cr_expect_eq(bind(&g, NULL), LLM_E_INVALID_REQUEST);
	guest_down(&g);
}
