/*
 * sqlite_short.c - SQLite's memory runs out, and there is no room on the disk either.
 */
#include "sqlite_help.h"

#include "sqlite/unit.h"
#include "support/vfs.h"

static struct {
	sqlite3_mem_methods real;
	uint64_t calls, fail_at;
	int for_ever;
} memory;

static int is_short(void)
{
	memory.calls++;
	return memory.fail_at && memory.calls >= memory.fail_at &&
		(memory.for_ever || memory.calls == memory.fail_at);
}

static void *short_malloc(int n)
{
	return is_short() ? NULL : memory.real.xMalloc(n);
}

static void *short_realloc(void *p, int n)
{
	return is_short() ? NULL : memory.real.xRealloc(p, n);
}

/* Before SQLite is used in this process. */
static void hook_memory(void)
{
	sqlite3_mem_methods hooks;

	cr_assert_eq(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory.real), SQLITE_OK);
	hooks = memory.real;
	hooks.xMalloc = short_malloc;
	hooks.xRealloc = short_realloc;
	cr_assert_eq(sqlite3_config(SQLITE_CONFIG_MALLOC, &hooks), SQLITE_OK);
}

static void fail_memory(uint64_t at, int for_ever)
{
	memory.calls = 0;
	memory.fail_at = at;
	memory.for_ever = for_ever;
}

static int32_t migrate(wire *c)
{
	instance_begin(c->seat, NULL);
	return wire_said(c, "migrate", c->s->v->migrate(c->unit, UINT32_MAX));
}

static uint32_t schema_of(wire *c)
{
	llm_schema_state state = {0};

	instance_begin(c->seat, NULL);
	cr_assert_eq(
		wire_said(c, "schema", c->s->v->schema(c->unit, &state)), 0, "%s", c->err.message);
	return state.state;
}

/* One migration with both faults, and one without on the same connection. */
static void try_migrate(const stand *s, uint64_t nth, int for_ever)
{
	llm_run_row r = row_begin(W, ID("1"));
	uint32_t state;
	int32_t rc;
	wire c;

	stand_clear(s);
	vfs_fail(0, 0);
	c = wire_open(s);
	vfs_fail(nth % 50 + 1, VFS_FULL);
	fail_memory(nth, for_ever);
	rc = migrate(&c);
	fail_memory(0, 0);
	vfs_fail(0, 0);
	cr_expect(rc == 0 || rc == LLM_E_NOMEM || rc == LLM_E_PERSISTENCE, "%d: %s", (int)rc,
		c.err.message);
	state = schema_of(&c);
	cr_expect_eq(state, rc ? LLM_SCHEMA_NONE : LLM_SCHEMA_OK, "all of it or nothing");
	cr_expect_eq(migrate(&c), 0, "%s", c.err.message);
	cr_expect_eq(wire_store(&c, LLM_OP_RUN_BEGIN, &r), 0);
	wire_close(&c);
}

Test(sqlite_short, S_07_no_memory_and_no_room_while_tables_are_made)
{
	uint64_t nth;
	stand s;

	hook_memory();
	sqlite_stand_inside(&s);
	vfs_install();
	for (nth = 1; nth < 2000; nth += 13)
		try_migrate(&s, nth, nth % 2 == 0);
	vfs_remove();
	stand_down(&s);
}

static int32_t store(wire *c, const char *id)
{
	llm_run_row r = row_begin(W, id);
	llm_op_result result;
	int32_t rc = wire_begin(c);

	if (rc)
		return rc;
	rc = wire_put(c, LLM_OP_RUN_BEGIN, &r, &result);
	if (!rc)
		return wire_commit(c);
	wire_rollback(c);
	return rc;
}

/* Too short even to roll back: the connection is not stuck with what nobody wants. */
Test(sqlite_short, S_07_a_connection_recovers_from_want_of_memory)
{
	char id[64];
	uint64_t nth;
	int32_t rc;
	stand s;
	wire c;

	hook_memory();
	sqlite_stand_inside(&s);
	c = wire_open(&s);
	for (nth = 1; nth < 120; nth++) {
		snprintf(id, sizeof(id), ID("%03d"), (int)nth);
		fail_memory(nth, 1);
		rc = store(&c, id);
		fail_memory(0, 0);
		cr_expect(rc == 0 || rc == LLM_E_NOMEM, "%d: %s", (int)rc, c.err.message);
		if (rc)
			cr_expect_eq(store(&c, id), 0, "%s", c.err.message);
		cr_expect_not_null(ask_run(&c, W, id));
		if (!rc)
			break;
	}
	cr_expect_gt(nth, 1);
	wire_close(&c);
	stand_down(&s);
}
