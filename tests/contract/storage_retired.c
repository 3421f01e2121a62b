/*
 * storage_retired.c - owners that have been gone for a day go with a purge when nothing on record
 * can be theirs. Leases are moved by SQL. And content that is said again lives on.
 */
#include <inttypes.h>

#include "storage_sql.h"

#define A_DAY_US INT64_C(86400000000)

static void beat(wire *c, const char *owner, int64_t lease_us)
{
	llm_owner_row o = {sizeof(o), 0, owner, LLM_UNKNOWN, lease_us, "print"};

	cr_assert_eq(wire_store(c, LLM_OP_OWNER_BEAT, &o), 0, "%s", c->err.message);
}

/* What is deleted by one call. */
static uint32_t purge(wire *c, llm_purge what)
{
	uint32_t n = 0;

	what.struct_size = sizeof(what);
	cr_assert_eq(wire_begin(c), 0);
	instance_begin(c->seat, NULL);
	cr_assert_eq(
		wire_said(c, "purge", c->s->v->purge(c->unit, &what, &n)), 0, "%s", c->err.message);
	cr_assert_eq(wire_commit(c), 0);
	return n;
}

/* No rows by their age, at most `most` of a table. */
#define EXPIRED(most) \
	((llm_purge){.contents_before_us = -1, .runs_before_us = -1, .limit = most, .expired = 1})

static int64_t owners(const stand *s)
{
	return sql_number(s, "SELECT count(*) FROM llm_owners");
}

static int is_there(const stand *s, const char *owner)
{
	char sql[100];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM llm_owners WHERE id = '%s'", owner);
	return sql_number(s, sql) == 1;
}

/* The lease of that owner has passed then. */
static void gone_since(const stand *s, const char *owner, int64_t us)
{
	char sql[160];

	snprintf(sql, sizeof(sql),
		"UPDATE llm_owners SET lease_until_us = %" PRId64 " WHERE id = '%s'", us, owner);
	sql_edit(s, sql);
}

static void begin_run(wire *c, const char *owner, const char *id)
{
	llm_run_row r = row_begin(W, id);

	r.owner_id = owner;
	r.created_us = BEGUN_US;
	cr_assert_eq(wire_store(c, LLM_OP_RUN_BEGIN, &r), 0, "%s", c->err.message);
}

/* Five owners: the runs of one are over, one has a key, one is alive; of the newest is the print. */
static void fill(wire *c)
{
	llm_run_row f = row_finish(W, ID("1"), "succeeded");
	llm_idem_row key = {.struct_size = sizeof(key),
		.workspace_id = W,
		.operation = "chat",
		.key_hash = "k",
		.fingerprint = "f",
		.owner_id = "c-key",
		.run_id = ID("9"),
		.ttl_us = 3600000000};

	beat(c, "a-alive", 3600000000);
	beat(c, "b-runs", 0);
	beat(c, "c-key", 3600000000);
	beat(c, "d-nothing", 0);
	beat(c, "e-newest", 0);
	begin_run(c, "b-runs", ID("1"));
	cr_assert_eq(wire_store(c, LLM_OP_RUN_FINISH, &f), 0, "%s", c->err.message);
	cr_assert_eq(wire_store(c, LLM_OP_IDEM_CLAIM, &key), 0, "%s", c->err.message);
}

static void play_owners_that_nothing_refers_to(stand *s)
{
	wire c = wire_open(s);

	fill(&c);
	cr_expect_eq(purge(&c, EXPIRED(1000)), 0, "none has been gone for long");
	gone_since(s, "b-runs", BEGUN_US + 1);
	gone_since(s, "c-key", 7);
	gone_since(s, "d-nothing", 7);
	gone_since(s, "e-newest", 7);
	cr_expect_eq(
		purge(&c, (llm_purge){.contents_before_us = -1, .runs_before_us = -1, .limit = 9}),
		0, "only with what has expired");
	cr_expect_eq(purge(&c, EXPIRED(1000)), 1);
	cr_expect(!is_there(s, "d-nothing"));
	sql_edit(s, "DELETE FROM llm_idempotency");
	cr_expect_eq(purge(&c, EXPIRED(1000)), 1);
	cr_expect(!is_there(s, "c-key"));
	sql_edit(s, "DELETE FROM llm_runs");
	cr_expect_eq(purge(&c, EXPIRED(1000)), 1);
	cr_expect(!is_there(s, "b-runs"));
	cr_expect_eq(
		purge(&c, EXPIRED(1000)), 0, "who is alive stays, and the newest for its print");
	cr_expect_eq(owners(s), 2);
	wire_close(&c);
}

Test(storage_retired, R_PRIV_2_owners_that_nothing_refers_to)
{
	play_in_full(play_owners_that_nothing_refers_to);
}

/* A day is allowed between the clock of the service, by which a run was created, and the database's. */
static void play_an_owner_whose_run_is_not_reaped_yet(stand *s)
{
	uint32_t n = 0;
	wire c = wire_open(s);

	beat(&c, "a-runs", 0);
	beat(&c, "b-near", 0);
	beat(&c, "c-newest", 3600000000);
	begin_run(&c, "a-runs", ID("1"));
	gone_since(s, "a-runs", 7); /* by a clock that stepped far */
	gone_since(s, "b-near", BEGUN_US - A_DAY_US + 1);
	cr_expect_eq(purge(&c, EXPIRED(1000)), 0);
	cr_assert_eq(wire_begin(&c), 0);
	instance_begin(c.seat, NULL);
	cr_assert_eq(wire_said(&c, "reap", s->v->reap(c.unit, 10, &n)), 0);
	cr_assert_eq(wire_commit(&c), 0);
	cr_expect_eq(n, 1);
	cr_expect_eq(purge(&c, EXPIRED(1000)), 1);
	cr_expect(!is_there(s, "a-runs"));
	cr_expect_eq(owners(s), 2);
	wire_close(&c);
}

Test(storage_retired, R_PRIV_2_an_owner_whose_run_is_not_reaped_yet)
{
	play_in_full(play_an_owner_whose_run_is_not_reaped_yet);
}

static void play_owners_a_thousand_at_a_time(stand *s)
{
	wire c = wire_open(s);

	sql_edit(s,
		"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) "
		"INSERT INTO llm_owners (id, started_us, lease_until_us) SELECT 'o' || (100000 + i), "
		"1, 7 FROM n");
	cr_expect_eq(owners(s), 1201);
	cr_expect_eq(purge(&c, EXPIRED(1000)), 1000);
	cr_expect_eq(purge(&c, EXPIRED(1000)), 200);
	cr_expect_eq(purge(&c, EXPIRED(1000)), 0);
	cr_expect(is_there(s, "o101200"), "the newest");
	wire_close(&c);
}

Test(storage_retired, R_PRIV_2_owners_a_thousand_at_a_time)
{
	play_in_full(play_owners_a_thousand_at_a_time);
}

/* ---- content ---- */

static void say(wire *c, uint32_t has_bytes, int64_t created_us)
{
	llm_content_row row = {.struct_size = sizeof(row),
		.has_bytes = has_bytes,
		.workspace_id = W,
		.hash = "h",
		.kind = "prompt",
		.bytes = {has_bytes ? "hello" : NULL, has_bytes ? 5 : 0},
		.size = 5,
		.created_us = created_us};

	cr_assert_eq(wire_store(c, LLM_OP_CONTENT_PUT, &row), 0, "%s", c->err.message);
}

static void play_content_that_is_said_again_is_kept_as_long_again(stand *s)
{
	static const char when[] = "SELECT created_us FROM llm_contents",
			  kept[] = "SELECT has_bytes FROM llm_contents";
	wire c = wire_open(s);

	say(&c, 0, BEGUN_US);
	say(&c, 0, BEGUN_US + A_DAY_US);
	cr_expect_eq(sql_number(s, when), BEGUN_US, "once a day is enough");
	say(&c, 0, BEGUN_US + A_DAY_US + 1);
	cr_expect_eq(sql_number(s, when), BEGUN_US + A_DAY_US + 1);
	say(&c, 1, BEGUN_US + A_DAY_US + 2);
	cr_expect_eq(sql_number(s, kept), 1);
	say(&c, 0, BEGUN_US + 9 * A_DAY_US);
	cr_expect_eq(sql_number(s, kept), 1, "who keeps less takes nothing away");
	cr_expect_eq(sql_number(s, when), BEGUN_US + A_DAY_US + 2, "and keeps no words longer");
	say(&c, 1, BEGUN_US + 9 * A_DAY_US);
	cr_expect_eq(sql_number(s, when), BEGUN_US + 9 * A_DAY_US);
	say(&c, 1, BEGUN_US);
	cr_expect_eq(sql_number(s, when), BEGUN_US + 9 * A_DAY_US, "by a clock that is late");
	cr_expect_eq(purge(&c,
			     (llm_purge){.contents_before_us = BEGUN_US + 9 * A_DAY_US,
				     .runs_before_us = -1,
				     .limit = 9}),
		0);
	wire_close(&c);
}

Test(storage_retired, R_PRIV_2_content_that_is_said_again_is_kept_as_long_again)
{
	play_in_full(play_content_that_is_said_again_is_kept_as_long_again);
}
