/* sqlite_keys.c - the states of an idempotency key as the storage keeps them. */
#include "sqlite_help.h"

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

	sqlite_edit(s, "DELETE FROM llm_idempotency");
	cr_assert_eq(wire_store(c, LLM_OP_IDEM_CLAIM, &row), 0, "%s", c->err.message);
	row.state = state;
	if (strcmp(state, "claimed") != 0)
		cr_assert_eq(wire_store(c, LLM_OP_IDEM_SETTLE, &row), 0, "%s", c->err.message);
}

static int is_in(const stand *s, const char *state)
{
	sqlite3 *db = sqlite_own(s);
	char *sql = sqlite3_mprintf("SELECT state = %Q FROM llm_idempotency", state);
	const int is = (int)sqlite_number(db, sql);

	sqlite3_free(sql);
	sqlite3_close(db);
	return is;
}

/* To "claimed" by a claim of somebody else's, to the others by a settle. */
static int32_t move(wire *c, const char *to)
{
	llm_idem_row row = a_key("two");

	row.state = to;
	return wire_store(
		c, strcmp(to, "claimed") == 0 ? LLM_OP_IDEM_CLAIM : LLM_OP_IDEM_SETTLE, &row);
}

Test(sqlite_keys, R_IDEM_3_of_sixteen_moves_four_are_allowed)
{
	static const char *const allowed[] = {
		"claimed succeeded", "claimed failed", "claimed released", "released claimed"};
	unsigned n = 0;
	size_t i, j, k;
	char name[40];
	stand s;
	wire c;

	sqlite_stand(&s);
	c = wire_open(&s);
	beat(&c, "one", 3600000000);
	for (i = 0; i < 16; i++) {
		const char *from = states[i / 4], *to = states[i % 4];
		int may = 0;

		snprintf(name, sizeof(name), "%s %s", from, to);
		for (j = 0; j < 4; j++)
			may |= strcmp(name, allowed[j]) == 0;
		set_state(&s, &c, from);
		k = move(&c, to) == 0;
		cr_expect_eq(k, (size_t)may, "%s", name);
		cr_expect(is_in(&s, may ? to : from), "%s", name);
		n += (unsigned)k;
	}
	cr_expect_eq(n, 4);
	wire_close(&c);
	stand_down(&s);
}

Test(sqlite_keys, R_IDEM_3_a_claim_whose_owner_is_late_may_be_taken)
{
	llm_idem_row row = a_key("two");
	llm_op_result result;
	stand s;
	wire c;

	sqlite_stand(&s);
	c = wire_open(&s);
	beat(&c, "one", 3600000000);
	set_state(&s, &c, "claimed");
	cr_expect_eq(move(&c, "claimed"), LLM_E_CONFLICT, "its owner is there");
	sqlite_edit(&s, "UPDATE llm_owners SET lease_until_us = 7");
	row.fingerprint = "another";
	cr_expect_eq(wire_store(&c, LLM_OP_IDEM_CLAIM, &row), LLM_E_CONFLICT);
	row.fingerprint = "f";
	cr_assert_eq(wire_begin(&c), 0);
	cr_assert_eq(wire_put(&c, LLM_OP_IDEM_CLAIM, &row, &result), 0);
	cr_assert_eq(wire_commit(&c), 0);
	cr_expect_eq(result.generation, 2);
	wire_close(&c);
	stand_down(&s);
}

/* A paused owner comes back with its old number. */
Test(sqlite_keys, R_IDEM_6_a_stale_number_settles_nothing)
{
	llm_idem_row stale = a_key("one"), second = a_key("two");
	stand s;
	wire c;

	sqlite_stand(&s);
	c = wire_open(&s);
	beat(&c, "one", 3600000000);
	beat(&c, "two", 3600000000);
	set_state(&s, &c, "claimed");
	sqlite_edit(&s, "UPDATE llm_owners SET lease_until_us = 7 WHERE id = 'one'");
	cr_assert_eq(wire_store(&c, LLM_OP_IDEM_CLAIM, &second), 0);
	stale.state = "failed";
	cr_expect_eq(wire_store(&c, LLM_OP_IDEM_SETTLE, &stale), LLM_E_CONFLICT);
	second.state = "succeeded";
	second.generation = 2;
	cr_expect_eq(wire_store(&c, LLM_OP_IDEM_SETTLE, &second), 0);
	cr_expect_eq(wire_store(&c, LLM_OP_IDEM_SETTLE, &stale), LLM_E_CONFLICT);
	cr_expect(is_in(&s, "succeeded"));
	wire_close(&c);
	stand_down(&s);
}

/* What the client's clock says is in no row of a lease or an expiry. */
Test(sqlite_keys, R_IDEM_7_leases_go_by_the_clock_of_the_database)
{
	llm_idem_row row = a_key("one");
	sqlite3 *db;
	stand s;
	wire c;

	sqlite_stand(&s);
	c = wire_open(&s);
	beat(&c, "one", 60000000);
	row.created_us = 7;
	row.settled_us = 7;
	row.expires_us = 7;
	cr_assert_eq(wire_store(&c, LLM_OP_IDEM_CLAIM, &row), 0);
	row.state = "succeeded";
	cr_assert_eq(wire_store(&c, LLM_OP_IDEM_SETTLE, &row), 0);
	db = sqlite_own(&s);
	cr_expect_lt(sqlite_number(db,
			     "SELECT abs(lease_until_us / 1000000 - 60 - strftime('%s', 'now')) "
			     "FROM llm_owners"),
		30);
	cr_expect_lt(sqlite_number(db,
			     "SELECT abs(created_us / 1000000 - strftime('%s', 'now')) "
			     "FROM llm_idempotency"),
		30);
	cr_expect_eq(sqlite_number(db, "SELECT expires_us - settled_us FROM llm_idempotency"),
		INT64_C(3600000000));
	sqlite3_close(db);
	wire_close(&c);
	stand_down(&s);
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
	sqlite3 *db = sqlite_own(s);
	const int64_t n = sqlite_number(db, "SELECT count(*) FROM llm_idempotency");

	sqlite3_close(db);
	return n;
}

Test(sqlite_keys, R_IDEM_13_purging_takes_what_has_expired_and_no_claim_in_force)
{
	stand s;
	wire c;

	sqlite_stand(&s);
	c = wire_open(&s);
	beat(&c, "one", 3600000000);
	set_state(&s, &c, "claimed");
	sqlite_edit(&s, "UPDATE llm_idempotency SET expires_us = 7, created_us = 7");
	cr_expect_eq(purge(&c, 1000), 0, "a claim whose owner is there stays");
	cr_expect_eq(count(&s), 1);
	sqlite_edit(&s, "UPDATE llm_owners SET lease_until_us = 7");
	cr_expect_eq(purge(&c, 1000), 1, "one that nobody will settle goes when it is a day old");
	set_state(&s, &c, "succeeded");
	cr_expect_eq(purge(&c, 1000), 0, "it has not expired");
	sqlite_edit(&s, "UPDATE llm_idempotency SET expires_us = 7");
	sqlite_edit(&s,
		"INSERT INTO llm_idempotency SELECT workspace_id, operation, 'l', fingerprint, "
		"state, owner_id, generation, run_id, error_code, response, created_us, "
		"settled_us, expires_us FROM llm_idempotency");
	cr_expect_eq(purge(&c, 1), 1, "in batches");
	cr_expect_eq(purge(&c, 1), 1);
	cr_expect_eq(purge(&c, 1), 0);
	wire_close(&c);
	stand_down(&s);
}
