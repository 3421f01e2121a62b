/*
 * storage_keys.c - the states of an idempotency key as a storage keeps them, on each that keeps
 * all there is to keep. Leases and ages are moved by SQL.
 */
#include <inttypes.h>
#include <time.h>

#include "storage_sql.h"

static const char *const states[] = {"claimed", "succeeded", "failed", "released"};

static llm_idem_row a_key(const char *owner)
{
	return (llm_idem_row){.struct_size = sizeof(llm_idem_row),
		.workspace_id = W,
		.operation = "chat",
		.key_hash = "k",
		.fingerprint = "f",
		.owner_id = owner,
		.run_id = ID("1"),
		.generation = 1,
		.ttl_us = 3600000000};
}

static void beat(wire *c, const char *owner, int64_t lease_us)
{
	llm_owner_row o = {sizeof(o), 0, owner, LLM_UNKNOWN, lease_us, NULL};

	cr_assert_eq(wire_store(c, LLM_OP_OWNER_BEAT, &o), 0, "%s", c->err.message);
}

/* A key in this state, of an owner whose lease is good. */
static void set_state(const stand *s, wire *c, const char *state)
{
	llm_idem_row row = a_key("one");

	sql_edit(s, "DELETE FROM llm_idempotency");
	cr_assert_eq(wire_store(c, LLM_OP_IDEM_CLAIM, &row), 0, "%s", c->err.message);
	row.state = state;
	if (strcmp(state, "claimed") != 0)
		cr_assert_eq(wire_store(c, LLM_OP_IDEM_SETTLE, &row), 0, "%s", c->err.message);
}

static int is_in(const stand *s, const char *state)
{
	char sql[100];

	snprintf(
		sql, sizeof(sql), "SELECT count(*) FROM llm_idempotency WHERE state = '%s'", state);
	return (int)sql_number(s, sql);
}

/* To "claimed" by a claim of somebody else's, to the others by a settle. */
static int32_t move(wire *c, const char *to)
{
	llm_idem_row row = a_key("two");

	row.state = to;
	return wire_store(
		c, strcmp(to, "claimed") == 0 ? LLM_OP_IDEM_CLAIM : LLM_OP_IDEM_SETTLE, &row);
}

static void play_of_sixteen_moves_four_are_allowed(stand *s)
{
	static const char *const allowed[] = {
		"claimed succeeded", "claimed failed", "claimed released", "released claimed"};
	unsigned n = 0;
	size_t i, j, k;
	char name[40];
	wire c;

	c = wire_open(s);
	beat(&c, "one", 3600000000);
	for (i = 0; i < 16; i++) {
		const char *from = states[i / 4], *to = states[i % 4];
		int may = 0;

		snprintf(name, sizeof(name), "%s %s", from, to);
		for (j = 0; j < 4; j++)
			may |= strcmp(name, allowed[j]) == 0;
		set_state(s, &c, from);
		k = move(&c, to) == 0;
		cr_expect_eq(k, (size_t)may, "%s", name);
		cr_expect(is_in(s, may ? to : from), "%s", name);
		n += (unsigned)k;
	}
	cr_expect_eq(n, 4);
	wire_close(&c);
}

Test(storage_keys, R_IDEM_3_of_sixteen_moves_four_are_allowed)
{
	play_in_full(play_of_sixteen_moves_four_are_allowed);
}

static void play_a_claim_whose_owner_is_late_may_be_taken(stand *s)
{
	llm_idem_row row = a_key("two");
	llm_op_result result;
	wire c;

	c = wire_open(s);
	beat(&c, "one", 3600000000);
	set_state(s, &c, "claimed");
	cr_expect_eq(move(&c, "claimed"), LLM_E_CONFLICT, "its owner is there");
	sql_edit(s, "UPDATE llm_owners SET lease_until_us = 7");
	row.fingerprint = "another";
	cr_expect_eq(wire_store(&c, LLM_OP_IDEM_CLAIM, &row), LLM_E_CONFLICT);
	row.fingerprint = "f";
	cr_assert_eq(wire_begin(&c), 0);
	cr_assert_eq(wire_put(&c, LLM_OP_IDEM_CLAIM, &row, &result), 0);
	cr_assert_eq(wire_commit(&c), 0);
	cr_expect_eq(result.generation, 2);
	wire_close(&c);
}

Test(storage_keys, R_IDEM_3_a_claim_whose_owner_is_late_may_be_taken)
{
	play_in_full(play_a_claim_whose_owner_is_late_may_be_taken);
}

/* A paused owner comes back with its old number. */
static void play_a_stale_number_settles_nothing(stand *s)
{
	llm_idem_row stale = a_key("one"), second = a_key("two");
	wire c;

	c = wire_open(s);
	beat(&c, "one", 3600000000);
	beat(&c, "two", 3600000000);
	set_state(s, &c, "claimed");
	sql_edit(s, "UPDATE llm_owners SET lease_until_us = 7 WHERE id = 'one'");
	cr_assert_eq(wire_store(&c, LLM_OP_IDEM_CLAIM, &second), 0);
	stale.state = "failed";
	cr_expect_eq(wire_store(&c, LLM_OP_IDEM_SETTLE, &stale), LLM_E_CONFLICT);
	second.state = "succeeded";
	second.generation = 2;
	cr_expect_eq(wire_store(&c, LLM_OP_IDEM_SETTLE, &second), 0);
	cr_expect_eq(wire_store(&c, LLM_OP_IDEM_SETTLE, &stale), LLM_E_CONFLICT);
	cr_expect(is_in(s, "succeeded"));
	wire_close(&c);
}

Test(storage_keys, R_IDEM_6_a_stale_number_settles_nothing)
{
	play_in_full(play_a_stale_number_settles_nothing);
}

/* Seconds between a moment of the database's and now. */
static int64_t off_by(const stand *s, const char *sql)
{
	return llabs(sql_number(s, sql) / 1000000 - time(NULL));
}

/* What the client's clock says is in no row of a lease or an expiry. */
static void play_leases_go_by_the_clock_of_the_database(stand *s)
{
	llm_idem_row row = a_key("one");
	wire c;

	c = wire_open(s);
	beat(&c, "one", 60000000);
	row.created_us = 7;
	row.settled_us = 7;
	row.expires_us = 7;
	cr_assert_eq(wire_store(&c, LLM_OP_IDEM_CLAIM, &row), 0);
	row.state = "succeeded";
	cr_assert_eq(wire_store(&c, LLM_OP_IDEM_SETTLE, &row), 0);
	cr_expect_lt(off_by(s, "SELECT max(lease_until_us) FROM llm_owners"), 30 + 60);
	cr_expect_gt(off_by(s, "SELECT max(lease_until_us) FROM llm_owners"), 30);
	cr_expect_lt(off_by(s, "SELECT max(created_us) FROM llm_idempotency"), 30);
	/* Its clock goes on within the statement. */
	cr_expect_lt(llabs(sql_number(s, "SELECT expires_us - settled_us FROM llm_idempotency") -
			     INT64_C(3600000000)),
		1000000);
	wire_close(&c);
}

Test(storage_keys, R_IDEM_7_leases_go_by_the_clock_of_the_database)
{
	play_in_full(play_leases_go_by_the_clock_of_the_database);
}

/* Its beginning was in time; in the middle of it the lease passes. */
static void play_a_lease_passes_in_the_middle_of_a_transaction(stand *s)
{
	const struct timespec pause = {0, 45000000};
	llm_idem_row row = a_key("two");
	llm_op_result result;
	wire c;

	c = wire_open(s);
	beat(&c, "one", 3600000000);
	set_state(s, &c, "claimed");
	beat(&c, "one", 25000);
	cr_assert_eq(wire_begin(&c), 0, "%s", c.err.message);
	nanosleep(&pause, NULL);
	cr_assert_eq(wire_put(&c, LLM_OP_IDEM_CLAIM, &row, &result), 0, "%s", c.err.message);
	cr_expect_eq(result.code, 0, "it has passed by now");
	cr_assert_eq(wire_commit(&c), 0, "%s", c.err.message);
	wire_close(&c);
}

Test(storage_keys, R_IDEM_7_a_lease_passes_in_the_middle_of_a_transaction)
{
	play_in_full(play_a_lease_passes_in_the_middle_of_a_transaction);
}

static uint32_t purge(wire *c, int64_t limit)
{
	llm_purge what = {.struct_size = sizeof(what),
		.contents_before_us = -1,
		.runs_before_us = -1,
		.limit = limit,
		.expired = 1};
	uint32_t n = 0;

	cr_assert_eq(wire_begin(c), 0);
	instance_begin(c->seat, NULL);
	cr_assert_eq(
		wire_said(c, "purge", c->s->v->purge(c->unit, &what, &n)), 0, "%s", c->err.message);
	cr_assert_eq(wire_commit(c), 0);
	return n;
}

static int64_t count(const stand *s)
{
	return sql_number(s, "SELECT count(*) FROM llm_idempotency");
}

static void play_purging_takes_what_has_expired_and_no_claim_in_force(stand *s)
{
	wire c;

	c = wire_open(s);
	beat(&c, "one", 3600000000);
	set_state(s, &c, "claimed");
	sql_edit(s, "UPDATE llm_idempotency SET expires_us = 7, created_us = 7");
	cr_expect_eq(purge(&c, 1000), 0, "a claim whose owner is there stays");
	cr_expect_eq(count(s), 1);
	sql_edit(s, "UPDATE llm_owners SET lease_until_us = 7");
	cr_expect_eq(purge(&c, 1000), 1, "one that nobody will settle goes when it is a day old");
	set_state(s, &c, "succeeded");
	cr_expect_eq(purge(&c, 1000), 0, "it has not expired");
	sql_edit(s, "UPDATE llm_idempotency SET expires_us = 7");
	sql_edit(s,
		"INSERT INTO llm_idempotency SELECT workspace_id, operation, 'l', fingerprint, "
		"state, owner_id, generation, run_id, error_code, response, created_us, "
		"settled_us, expires_us FROM llm_idempotency");
	cr_expect_eq(purge(&c, 1), 1, "in batches");
	cr_expect_eq(purge(&c, 1), 1);
	cr_expect_eq(purge(&c, 1), 0);
	wire_close(&c);
}

Test(storage_keys, R_IDEM_13_purging_takes_what_has_expired_and_no_claim_in_force)
{
	play_in_full(play_purging_takes_what_has_expired_and_no_claim_in_force);
}

#define A_DAY_US INT64_C(86400000000)

/* Five kinds of keys in turn: what each comes to stands beside it. */
static void fill(const stand *s, unsigned n)
{
	const int64_t now = (int64_t)time(NULL) * 1000000;
	char sql[1200];

	snprintf(sql, sizeof(sql),
		"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %u) "
		"INSERT INTO llm_idempotency (workspace_id, operation, key_hash, fingerprint, "
		"state, owner_id, generation, run_id, created_us, settled_us, expires_us) SELECT "
		"'" W "', 'chat', 'k' || i, 'f', CASE i %% 5 WHEN 3 THEN 'succeeded' WHEN 4 THEN "
		"'failed' ELSE 'claimed' END, CASE i %% 5 WHEN 0 THEN 'alive' WHEN 1 THEN 'dead' "
		"ELSE 'unheard of' END, 1, 'r', CASE i %% 5 WHEN 2 THEN %" PRId64 " ELSE %" PRId64
		" END, NULL, CASE i %% 5 WHEN 3 THEN 7 WHEN 4 THEN %" PRId64
		" ELSE NULL END FROM n",
		n - 1, now, now - 2 * A_DAY_US, now + A_DAY_US);
	sql_edit(s, sql);
}

/* No more than a thousand at a time, in whatever order the database finds them. */
static void play_a_thousand_at_a_time_and_none_that_is_alive(stand *s)
{
	wire c = wire_open(s);

	beat(&c, "alive", A_DAY_US);
	beat(&c, "dead", 0);
	fill(s, 3000);
	cr_expect_eq(purge(&c, 1000), 1000);
	cr_expect_eq(count(s), 2000);
	cr_expect_eq(purge(&c, 1000), 200, "expired, or claimed by the dead");
	cr_expect_eq(purge(&c, 1000), 0);
	cr_expect_eq(count(s), 1800);
	cr_expect_eq(sql_number(s, "SELECT count(*) FROM llm_idempotency WHERE owner_id = 'alive'"),
		600, "a lease is in force");
	cr_expect_eq(sql_number(s,
			     "SELECT count(*) FROM llm_idempotency WHERE owner_id = 'unheard of' "
			     "AND state = 'claimed'"),
		600, "not a day old");
	cr_expect_eq(is_in(s, "failed"), 600, "not expired");
	wire_close(&c);
}

Test(storage_keys, R_IDEM_13_a_thousand_at_a_time_and_none_that_is_alive)
{
	play_in_full(play_a_thousand_at_a_time_and_none_that_is_alive);
}

/* The same hash in another workspace or of another operation is another key. */
static void play_of_another_workspace_or_operation_it_is_its_own(stand *s)
{
	static const char *const others[][3] = {
		{"tenant-b", "chat", "f"}, {W, "embed", "g"}, {"Tenant-a", "embed", "h"}};
	llm_idem_row row = a_key("one");
	wire c = wire_open(s);
	size_t i;

	beat(&c, "one", 3600000000);
	beat(&c, "two", 3600000000);
	cr_assert_eq(wire_store(&c, LLM_OP_IDEM_CLAIM, &row), 0, "%s", c.err.message);
	for (i = 0; i < 3; i++) {
		row = a_key("two");
		row.workspace_id = others[i][0];
		row.operation = others[i][1];
		row.fingerprint = others[i][2];
		cr_expect_eq(wire_store(&c, LLM_OP_IDEM_CLAIM, &row), 0, "%zu", i);
		row.state = "succeeded";
		cr_expect_eq(wire_store(&c, LLM_OP_IDEM_SETTLE, &row), 0, "%zu", i);
	}
	cr_expect_eq(count(s), 4);
	cr_expect_eq(is_in(s, "claimed"), 1, "of the first nothing was changed");
	row = a_key("two");
	row.fingerprint = "another";
	cr_expect_eq(wire_store(&c, LLM_OP_IDEM_CLAIM, &row), LLM_E_CONFLICT);
	sql_edit(s, "UPDATE llm_idempotency SET state = 'released' WHERE state = 'claimed'");
	cr_expect_eq(wire_store(&c, LLM_OP_IDEM_CLAIM, &row), LLM_E_CONFLICT, "at any state");
	wire_close(&c);
}

Test(storage_keys, K_22_of_another_workspace_or_operation_it_is_its_own)
{
	play_in_full(play_of_another_workspace_or_operation_it_is_its_own);
}

/* The server's clock goes on by an hour and back: who had it, who has it, who may settle. */
static void play_a_clock_that_steps_lets_one_owner_settle(stand *s)
{
	llm_idem_row first = a_key("one"), second = a_key("two");
	wire c = wire_open(s);

	beat(&c, "one", 30000000);
	beat(&c, "two", 30000000);
	cr_assert_eq(wire_store(&c, LLM_OP_IDEM_CLAIM, &first), 0);
	sql_edit(s, "UPDATE llm_owners SET lease_until_us = lease_until_us + 3600000000");
	cr_expect_eq(wire_store(&c, LLM_OP_IDEM_CLAIM, &second), LLM_E_CONFLICT);
	beat(&c, "one", 30000000);
	cr_expect_lt(off_by(s, "SELECT lease_until_us FROM llm_owners WHERE id = 'one'"), 61,
		"a beat puts it right");
	sql_edit(s, "UPDATE llm_owners SET lease_until_us = lease_until_us - 3600000000");
	cr_expect_eq(wire_store(&c, LLM_OP_IDEM_CLAIM, &second), 0, "%s", c.err.message);
	sql_edit(s, "UPDATE llm_owners SET lease_until_us = lease_until_us + 3600000000");
	first.state = "succeeded";
	cr_expect_eq(wire_store(&c, LLM_OP_IDEM_SETTLE, &first), LLM_E_CONFLICT, "too late");
	cr_expect_eq(wire_store(&c, LLM_OP_IDEM_CLAIM, &first), LLM_E_CONFLICT);
	second.state = "succeeded";
	second.generation = 2;
	cr_expect_eq(wire_store(&c, LLM_OP_IDEM_SETTLE, &second), 0);
	cr_expect_eq(is_in(s, "succeeded"), 1);
	wire_close(&c);
}

Test(storage_keys, R_IDEM_6_R_IDEM_7_a_clock_that_steps_lets_one_owner_settle)
{
	play_in_full(play_a_clock_that_steps_lets_one_owner_settle);
}
