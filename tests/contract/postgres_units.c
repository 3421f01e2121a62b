/*
 * postgres_units.c - units on PostgreSQL: prepared statements and poolers, waits that end, text,
 * groups, schemas.
 */
#include "postgres_help.h"

#include "postgres/unit.h"

static stand s;

static int32_t put_run(wire *c, const char *id)
{
	llm_run_row r = row_begin(W, id);
	llm_op_result result;

	return wire_put(c, LLM_OP_RUN_BEGIN, &r, &result);
}

/* ---- prepared statements ---- */

static int how(const wire *c)
{
	return ((const unit *)c->unit)->prepared;
}

Test(postgres_units, R_UOW_11_statements_are_prepared_once)
{
	wire a, b;

	if (!stand_postgres(&s, PG_DIRECT))
		return;
	a = opened(&s, SETTINGS("prepared=on"));
	b = opened(&s, SETTINGS("prepared=off"));
	cr_assert_eq(wire_begin(&a), 0);
	cr_assert_eq(put_run(&a, ID("1")), 0, "%s", a.err.message);
	cr_assert_eq(put_run(&a, ID("2")), 0, "%s", a.err.message);
	cr_assert_eq(wire_commit(&a), 0);
	cr_expect_eq(((const unit *)a.unit)->is_prepared[ST_RUN_BEGIN], 1);
	cr_assert_eq(wire_begin(&b), 0);
	cr_assert_eq(put_run(&b, ID("3")), 0, "%s", b.err.message);
	cr_assert_eq(wire_commit(&b), 0);
	cr_expect_eq(((const unit *)b.unit)->is_prepared[ST_RUN_BEGIN], 0);
	wire_close(&a);
	wire_close(&b);
	stand_down(&s);
}

/* Behind a pooler: `first` has prepared, then `other` has that server, and first gets another one. */
static void moved(wire *first, wire *other)
{
	cr_assert_eq(wire_begin(first), 0, "%s", first->err.message);
	cr_assert_eq(put_run(first, ID("1")), 0, "%s", first->err.message);
	cr_assert_eq(wire_commit(first), 0);
	cr_assert_eq(wire_begin(other), 0, "%s", other->err.message);
	cr_assert_eq(wire_begin(first), 0, "%s", first->err.message);
}

/* SQLSTATE 26000: where it is executed it was never prepared. */
Test(postgres_units, R_UOW_11_a_pooler_turns_preparing_off)
{
	wire a, b;

	if (!stand_postgres(&s, PG_POOLED))
		return;
	a = opened(&s, SETTINGS("prepared=auto"));
	b = opened(&s, SETTINGS("prepared=off"));
	cr_expect_eq(how(&a), PREPARED_AUTO);
	moved(&a, &b);
	cr_expect_eq(put_run(&a, ID("2")), 0, "the group ran again: %s", a.err.message);
	cr_expect_eq(how(&a), PREPARED_OFF);
	cr_expect_eq(put_run(&a, ID("3")), 0);
	cr_expect_eq(wire_commit(&a), 0);
	cr_expect_eq(wire_rollback(&b), 0);
	cr_expect_not_null(ask_run(&a, W, ID("3")));
	wire_close(&a);
	wire_close(&b);
	stand_down(&s);
}

/* SQLSTATE 42P05: somebody else has prepared the same there. */
Test(postgres_units, R_UOW_11_prepared_by_somebody_else)
{
	wire a, b;

	if (!stand_postgres(&s, PG_POOLED))
		return;
	a = opened(&s, SETTINGS("prepared=auto"));
	b = opened(&s, SETTINGS("prepared=auto"));
	cr_assert_eq(wire_begin(&a), 0);
	cr_assert_eq(put_run(&a, ID("1")), 0);
	cr_assert_eq(wire_commit(&a), 0);
	cr_assert_eq(wire_begin(&b), 0);
	cr_expect_eq(put_run(&b, ID("2")), 0, "%s", b.err.message);
	cr_expect_eq(how(&b), PREPARED_OFF);
	cr_expect_eq(how(&a), PREPARED_AUTO, "each connection finds out for itself");
	cr_expect_eq(wire_commit(&b), 0);
	wire_close(&a);
	wire_close(&b);
	stand_down(&s);
}

/* What was written before in the transaction cannot be done again here, but by who has it all. */
Test(postgres_units, R_UOW_11_behind_other_work_the_whole_unit_runs_again)
{
	llm_attempt_row t = row_attempt(W, ID("2"), 1);
	llm_op_result result;
	wire a, b;

	if (!stand_postgres(&s, PG_POOLED))
		return;
	a = opened(&s, SETTINGS("prepared=auto"));
	b = opened(&s, SETTINGS("prepared=off"));
	moved(&a, &b);
	cr_expect_eq(wire_put(&a, LLM_OP_ATTEMPT_PUT, &t, &result), 0, "never prepared before");
	cr_expect_eq(put_run(&a, ID("2")), LLM_E_DB_BUSY);
	cr_expect_eq(how(&a), PREPARED_OFF);
	cr_expect_eq(wire_rollback(&a), 0);
	cr_assert_eq(wire_begin(&a), 0);
	cr_expect_eq(put_run(&a, ID("2")), 0, "%s", a.err.message);
	cr_expect_eq(wire_commit(&a), 0);
	cr_expect_eq(wire_rollback(&b), 0);
	wire_close(&a);
	wire_close(&b);
	stand_down(&s);
}

Test(postgres_units, R_UOW_11_prepared_for_good_says_what_is_wrong)
{
	wire a, b;

	if (!stand_postgres(&s, PG_POOLED))
		return;
	a = opened(&s, SETTINGS("prepared=on"));
	b = opened(&s, SETTINGS("prepared=off"));
	moved(&a, &b);
	cr_expect_eq(put_run(&a, ID("2")), LLM_E_DB_BUSY);
	cr_expect_not_null(strstr(a.err.message, "prepared = \"auto\""), "%s", a.err.message);
	cr_expect_eq(wire_rollback(&a), 0);
	cr_expect_eq(wire_rollback(&b), 0);
	wire_close(&a);
	wire_close(&b);
	stand_down(&s);
}

/* ---- waits ---- */

typedef struct interrupter {
	const stand *s;
	wire *c;
	pg *p;
} interrupter;

/* When somebody in the database waits for a lock. */
static void *interrupt_it(void *arg)
{
	const interrupter *i = arg;
	int tries;

	for (tries = 0; tries < 500; tries++)
		if (pg_number(i->p, i->s->database,
			    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
			    "datname = current_database()"))
			break;
	i->c->s->v->interrupt(i->c->unit);
	return NULL;
}

Test(postgres_units, D_2_5_an_interrupt_ends_a_wait)
{
	interrupter i = {.s = &s};
	pthread_t thread;
	wire a, b;

	i.p = stand_postgres(&s, PG_DIRECT);
	if (!i.p)
		return;
	a = wire_open(&s);
	b = opened(&s, SETTINGS("lock_timeout=0", "statement_timeout=0"));
	i.c = &b;
	cr_assert_eq(wire_begin(&a), 0);
	cr_assert_eq(put_run(&a, ID("1")), 0);
	cr_assert_eq(wire_begin(&b), 0);
	cr_assert_eq(pthread_create(&thread, NULL, interrupt_it, &i), 0);
	cr_expect_eq(put_run(&b, ID("1")), LLM_E_CANCELLED, "%s", b.err.message);
	pthread_join(thread, NULL);
	cr_expect_eq(wire_rollback(&b), 0);
	cr_expect_eq(wire_commit(&a), 0);
	cr_expect_eq(wire_begin(&b), 0, "the next call is not disturbed");
	cr_expect_eq(put_run(&b, ID("2")), 0, "%s", b.err.message);
	cr_expect_eq(wire_commit(&b), 0);
	wire_close(&a);
	wire_close(&b);
	stand_down(&s);
}

Test(postgres_units, R_UOW_8_waits_have_an_end)
{
	wire a, b, c;

	if (!stand_postgres(&s, PG_DIRECT))
		return;
	a = wire_open(&s);
	b = opened(&s, SETTINGS("lock_timeout=20"));
	c = opened(&s, SETTINGS("lock_timeout=0", "statement_timeout=20"));
	cr_assert_eq(wire_begin(&a), 0);
	cr_assert_eq(put_run(&a, ID("1")), 0);
	cr_assert_eq(wire_begin(&b), 0);
	cr_expect_eq(put_run(&b, ID("1")), LLM_E_DB_BUSY);
	cr_expect_not_null(strstr(b.err.message, "55P03"), "%s", b.err.message);
	cr_expect_eq(wire_commit(&b), LLM_E_STATE, "it had failed");
	cr_assert_eq(wire_begin(&c), 0, "%s", c.err.message);
	cr_expect_eq(put_run(&c, ID("1")), LLM_E_DB_BUSY);
	cr_expect_not_null(strstr(c.err.message, "57014"), "%s", c.err.message);
	wire_close(&c);
	wire_close(&b);
	wire_close(&a);
	stand_down(&s);
}

/* ---- text and groups ---- */

Test(postgres_units, K_10_text_that_is_none)
{
	static const char *const bad[] = {"\xff", "a\xc3", "\xc0\x80", "\xed\xa0\x80",
		"\xf5\x80\x80\x80", "\xe2\x82", "\xf0\x8f\xbf\xbf"};
	llm_run_row r = row_begin(W, ID("1"));
	llm_op_result result;
	size_t i;
	wire c;

	if (!stand_postgres(&s, PG_DIRECT))
		return;
	c = wire_open(&s);
	cr_assert_eq(wire_begin(&c), 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		r.profile = bad[i];
		cr_expect_eq(wire_put(&c, LLM_OP_RUN_BEGIN, &r, &result), LLM_E_INVALID_REQUEST,
			"%zu", i);
		cr_expect_not_null(strstr(c.err.message, "no valid UTF-8"), "%s", c.err.message);
	}
	r.profile = "\xf0\x9f\x98\x80\xe2\x82\xac\xc3\xa9";
	cr_expect_eq(wire_put(&c, LLM_OP_RUN_BEGIN, &r, &result), 0, "it is still usable");
	cr_assert_eq(wire_commit(&c), 0);
	cr_expect_str_eq(ask_run(&c, W, ID("1"))->profile, r.profile);
	wire_close(&c);
	stand_down(&s);
}

Test(postgres_units, D_2_5_a_group_that_fails_says_where)
{
	llm_run_row good = row_begin(W, ID("1")), bad = row_begin(W, ID("2"));
	llm_op o[] = {{sizeof(o[0]), LLM_OP_RUN_BEGIN, &good},
		{sizeof(o[0]), LLM_OP_RUN_BEGIN, &bad}, {sizeof(o[0]), LLM_OP_RUN_BEGIN, &good}};
	const llm_op *ops[] = {&o[0], &o[1], &o[2]};
	llm_op_result r[3] = {{0}}, *results[] = {&r[0], &r[1], &r[2]};
	wire c;

	if (!stand_postgres(&s, PG_DIRECT))
		return;
	bad.operation = NULL; /* against a constraint of the table */
	r[0].struct_size = r[1].struct_size = r[2].struct_size = sizeof(r[0]);
	c = wire_open(&s);
	cr_assert_eq(wire_begin(&c), 0);
	instance_begin(c.seat, NULL);
	cr_expect_eq(
		wire_said(&c, "apply", s.v->apply(c.unit, ops, 3, results)), LLM_E_PERSISTENCE);
	cr_expect_not_null(strstr(c.err.message, "cannot write llm_runs"), "%s", c.err.message);
	cr_expect_not_null(strstr(c.err.message, "23502"), "%s", c.err.message);
	cr_expect(r[0].code == 0 && r[1].code == LLM_E_PERSISTENCE && r[2].code == 0);
	cr_expect_eq(put_run(&c, ID("3")), LLM_E_STATE, "the transaction is over");
	cr_assert_eq(wire_rollback(&c), 0);
	cr_expect_null(ask_run(&c, W, ID("1")), "not half of it");
	wire_close(&c);
	stand_down(&s);
}

/* ---- schemas ---- */

static uint32_t state_of(wire *c, uint32_t *ret_found)
{
	llm_schema_state st = {.struct_size = sizeof(st)};

	instance_begin(c->seat, NULL);
	cr_assert_eq(wire_said(c, "schema", s.v->schema(c->unit, &st)), 0, "%s", c->err.message);
	*ret_found = st.found;
	return st.state;
}

static int32_t migrate(wire *c, uint32_t version)
{
	instance_begin(c->seat, NULL);
	return wire_said(c, "migrate", s.v->migrate(c->unit, version));
}

Test(postgres_units, S_09_states_of_the_schema)
{
	uint32_t version = 9;
	wire c;
	pg *p = stand_server(&s, PG_DIRECT);

	if (!p)
		return;
	c = wire_open(&s);
	cr_expect_eq(state_of(&c, &version), LLM_SCHEMA_NONE);
	cr_assert_eq(migrate(&c, 2), 0, "%s", c.err.message);
	cr_expect_eq(state_of(&c, &version), LLM_SCHEMA_OLDER);
	cr_expect_eq(version, 2);
	cr_assert_eq(migrate(&c, UINT32_MAX), 0, "%s", c.err.message);
	cr_expect_eq(state_of(&c, &version), LLM_SCHEMA_OK);
	pg_sql(p, s.database, "ALTER TABLE llm_contents RENAME COLUMN kind TO sort");
	cr_expect_eq(state_of(&c, &version), LLM_SCHEMA_DAMAGED);
	instance_begin(c.seat, NULL);
	cr_expect_eq(wire_said(&c, "maintain", s.v->maintain(c.unit, LLM_MAINTAIN_CHECK, NULL)),
		LLM_E_SCHEMA);
	cr_expect_not_null(strstr(c.err.message, "column \"kind\""), "%s", c.err.message);
	cr_expect_eq(migrate(&c, 1), LLM_E_SCHEMA);
	pg_sql(p, s.database, "ALTER TABLE llm_contents RENAME COLUMN sort TO kind");
	pg_sql(p, s.database, "UPDATE llm_schema_meta SET done = 0 WHERE version = 3");
	cr_expect_eq(state_of(&c, &version), LLM_SCHEMA_HALF);
	pg_sql(p, s.database, "UPDATE llm_schema_meta SET done = 1");
	pg_sql(p, s.database, "INSERT INTO llm_schema_meta VALUES (999, 'later', 999, 1)");
	cr_expect_eq(state_of(&c, &version), LLM_SCHEMA_NEWER);
	cr_expect_eq(migrate(&c, 1), LLM_E_SCHEMA, "not down from there");
	pg_sql(p, s.database, "DELETE FROM llm_schema_meta WHERE version = 999");
	cr_expect_eq(migrate(&c, 0), 0, "%s", c.err.message);
	cr_expect_eq(state_of(&c, &version), LLM_SCHEMA_NONE);
	wire_close(&c);
	stand_down(&s);
}

Test(postgres_units, R_MIG_4_a_column_that_came_later_is_no_matter)
{
	wire c;
	pg *p = stand_postgres(&s, PG_DIRECT);

	if (!p)
		return;
	c = opened(&s, SETTINGS("prepared=on"));
	cr_assert_eq(wire_begin(&c), 0);
	cr_assert_eq(put_run(&c, ID("1")), 0);
	cr_assert_eq(wire_commit(&c), 0);
	cr_expect_not_null(ask_run(&c, W, ID("1")));
	pg_sql(p, s.database, "ALTER TABLE llm_runs ADD COLUMN later TEXT DEFAULT 'x'");
	cr_expect_not_null(ask_run(&c, W, ID("1")), "what was prepared still works");
	cr_assert_eq(wire_begin(&c), 0);
	cr_expect_eq(put_run(&c, ID("2")), 0, "%s", c.err.message);
	cr_assert_eq(wire_commit(&c), 0);
	wire_close(&c);
	stand_down(&s);
}

/* Beside other tables, in a name that has to be quoted. */
Test(postgres_units, D_2_5_a_schema_of_its_own)
{
	uint32_t version = 9;
	wire c;
	pg *p = stand_server(&s, PG_POOLED);

	if (!p)
		return;
	c = opened(&s, SETTINGS("schema=Our \"own\"; one", "create=false"));
	cr_expect_eq(migrate(&c, UINT32_MAX), LLM_E_SCHEMA);
	cr_expect_not_null(strstr(c.err.message, "CREATE SCHEMA"), "%s", c.err.message);
	wire_close(&c);
	c = opened(&s, SETTINGS("schema=Our \"own\"; one", "create=true"));
	cr_assert_eq(migrate(&c, UINT32_MAX), 0, "%s", c.err.message);
	cr_expect_eq(state_of(&c, &version), LLM_SCHEMA_OK);
	cr_assert_eq(wire_begin(&c), 0);
	cr_assert_eq(put_run(&c, ID("1")), 0, "%s", c.err.message);
	cr_assert_eq(wire_commit(&c), 0);
	cr_expect_not_null(ask_run(&c, W, ID("1")));
	cr_expect_eq(
		pg_number(p, s.database, "SELECT count(*) FROM \"Our \"\"own\"\"; one\".llm_runs"),
		1);
	cr_expect_eq(pg_number(p, s.database,
			     "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
		0);
	wire_close(&c);
	c = wire_open(&s);
	cr_expect_eq(state_of(&c, &version), LLM_SCHEMA_NONE, "not seen without the setting");
	wire_close(&c);
	stand_down(&s);
}

static void *migrate_it(void *arg)
{
	wire *c = arg;
	int32_t rc = migrate(c, UINT32_MAX);

	return rc == 0 || rc == LLM_E_DB_BUSY ? NULL : c;
}

Test(postgres_units, S_09_two_that_migrate_at_once)
{
	pthread_t thread[4];
	wire c[4];
	void *wrong;
	uint32_t version;
	int i;

	if (!stand_server(&s, PG_DIRECT))
		return;
	for (i = 0; i < 4; i++)
		c[i] = wire_open(&s);
	for (i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, migrate_it, &c[i]), 0);
	for (i = 0; i < 4; i++) {
		pthread_join(thread[i], &wrong);
		cr_expect_null(wrong, "%s", c[i].err.message);
	}
	cr_expect_eq(state_of(&c[0], &version), LLM_SCHEMA_OK);
	for (i = 0; i < 4; i++)
		wire_close(&c[i]);
	stand_down(&s);
}

/* ---- upkeep, reading ---- */

Test(postgres_units, D_2_5_upkeep_that_is_the_servers)
{
	static const uint32_t theirs[] = {LLM_MAINTAIN_BACKUP, LLM_MAINTAIN_VACUUM,
		LLM_MAINTAIN_CHECKPOINT, LLM_MAINTAIN_IDLE};
	size_t i;
	wire c;

	if (!stand_postgres(&s, PG_DIRECT))
		return;
	c = wire_open(&s);
	for (i = 0; i < 4; i++) {
		instance_begin(c.seat, NULL);
		cr_expect_eq(wire_said(&c, "maintain", s.v->maintain(c.unit, theirs[i], "x")),
			LLM_E_UNSUPPORTED);
	}
	instance_begin(c.seat, NULL);
	s.v->maintain(c.unit, LLM_MAINTAIN_BACKUP, "x");
	cr_expect_eq(wire_said(&c, "maintain", LLM_E_UNSUPPORTED), LLM_E_UNSUPPORTED);
	cr_expect_not_null(strstr(c.err.message, "pg_dump"), "%s", c.err.message);
	wire_close(&c);
	c = opened(&s, SETTINGS("access=read"));
	cr_expect_eq(wire_begin(&c), LLM_E_STATE);
	cr_expect_null(ask_run(&c, W, ID("1")));
	wire_close(&c);
	stand_down(&s);
}
