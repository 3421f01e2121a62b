/*
 * sqlite_io.c - every call of SQLite's into the operating system fails, or the power goes at
 * it: each commit that was promised is there, and the file stays whole.
 *
 * A slice of what tests/prove/io.c and power.c do; the plugin's objects are linked in.
 */
#include "sqlite_help.h"

#include "support/vfs.h"

#include "sqlite/unit.h"

/* ---- one play: open, five units, close; what was promised must be there ---- */

#define UNITS 5

static const char *sync_mode = "normal";

static uint32_t play(stand *s, int round)
{
	llm_op_result result;
	uint32_t promised = 0;
	char id[64];
	wire c;
	int i;

	if (wire_try(s, &c, "sync", sync_mode))
		return 0;
	for (i = 0; i < UNITS; i++) {
		llm_run_row r = row_begin(W, id);

		snprintf(id, sizeof(id), "%06d-%d", round, i);
		if (wire_begin(&c))
			continue;
		if (wire_put(&c, LLM_OP_RUN_BEGIN, &r, &result)) {
			wire_rollback(&c);
			continue;
		}
		if (wire_commit(&c) == 0)
			promised |= UINT32_C(1) << i;
	}
	wire_close(&c);
	return promised;
}

static void check_promises(stand *s, int round, uint32_t promised)
{
	char id[64];
	wire c;
	int i;

	vfs_fail(0, 0);
	c = wire_open(s);
	for (i = 0; i < UNITS; i++) {
		snprintf(id, sizeof(id), "%06d-%d", round, i);
		if (promised >> i & 1)
			cr_expect_not_null(ask_run(&c, W, id), "%s was committed and is gone", id);
	}
	cr_expect_eq(s->v->maintain(c.unit, LLM_MAINTAIN_CHECK, NULL), 0, "round %d: %s", round,
		c.err.message);
	/* Else the next round would read all that failing closes have left in the log. */
	cr_expect_eq(s->v->maintain(c.unit, LLM_MAINTAIN_CHECKPOINT, NULL), 0);
	wire_close(&c);
}

static void sweep(int way, uint64_t least)
{
	uint32_t promised = 0, all = (UINT32_C(1) << UNITS) - 1;
	uint64_t injected = 0, failed, nth;
	int round = 0;
	stand s;

	sqlite_stand_inside(&s);
	vfs_install();
	for (nth = 1; nth < 2000; nth++) {
		vfs_fail(nth, way);
		promised = play(&s, ++round);
		failed = vfs_failed();
		injected += failed;
		check_promises(&s, round, promised);
		if (!failed)
			break;
	}
	printf("sqlite_io: %zu calls, %zu injected\n", (size_t)nth, (size_t)injected);
	cr_expect_eq(promised, all, "without a failure everything is there");
	cr_expect_gt(injected, least);
	vfs_remove();
	stand_down(&s);
}

Test(sqlite_io, S_01_every_call_fails_once)
{
	sweep(VFS_ONCE, 50);
}

Test(sqlite_io, S_01_every_call_fails_for_ever)
{
	sweep(VFS_FOR_EVER, 50);
}

Test(sqlite_io, S_01_half_of_it_is_done)
{
	sweep(VFS_HALF, 50);
}

Test(sqlite_io, S_01_S_04_no_room_for_a_write)
{
	sweep(VFS_FULL, 20);
}

Test(sqlite_io, S_01_S_02_somebody_else_holds_the_lock)
{
	sweep(VFS_BUSY, 10);
}

/* ---- how many calls there are ---- */

static uint64_t writes_of_a_commit(wire *c, int from, int n)
{
	llm_op_result result;
	char id[64];
	int i;

	cr_assert_eq(wire_begin(c), 0);
	for (i = from; i < from + n; i++) {
		llm_run_row r = row_begin(W, id);

		snprintf(id, sizeof(id), "%06d", i);
		cr_assert_eq(wire_put(c, LLM_OP_RUN_BEGIN, &r, &result), 0);
	}
	vfs_fail(0, VFS_FULL); /* counts writes from here on */
	cr_assert_eq(wire_commit(c), 0);
	return vfs_calls();
}

/* Whatever a commit appends is one write; from the second one on, see wal.c. */
Test(sqlite_io, D_2_5_a_commit_is_one_write)
{
	static const char *const modes[] = {"normal", "full"};
	wire c, other;
	size_t i;
	stand s;
	int n;

	for (i = 0; i < 2; i++) {
		sqlite_stand_inside(&s);
		vfs_install();
		cr_assert_eq(wire_try(&s, &c, "sync", modes[i]), 0);
		cr_expect_gt(writes_of_a_commit(&c, 0, 40), 10, "two for each page");
		for (n = 40; n < 400; n += 40)
			cr_expect_eq(writes_of_a_commit(&c, n, 40), 1, "%s, from %d", modes[i], n);
		cr_expect_gt(writes_of_a_commit(&c, 400, 400), 1, "more than there is room for");
		other = wire_open(&s);
		cr_expect_not_null(ask_run(&other, W, "000399"));
		cr_expect_not_null(ask_run(&other, W, "000799"));
		cr_expect_eq(s.v->maintain(other.unit, LLM_MAINTAIN_CHECK, NULL), 0);
		wire_close(&other);
		wire_close(&c);
		vfs_remove();
		stand_down(&s);
	}
}

/* ---- power ---- */

#define CUTS 60

/* How many commits that were promised are gone, after cuts at points of the play. */
static uint32_t cut(const char *mode, int way)
{
	uint64_t seed = 1, calls;
	uint32_t gone = 0, promised;
	int round, i;
	char id[64];
	stand s;
	wire c;

	sync_mode = mode;
	sqlite_stand_inside(&s);
	vfs_install();
	vfs_power_on();
	vfs_power_cut(0);
	play(&s, 0);
	calls = vfs_power_calls();
	vfs_power_settle(POWER_ALL, &seed);
	for (round = 1; round <= CUTS; round++) {
		vfs_power_on();
		vfs_power_cut(1 + calls * (uint64_t)round / (CUTS + 1));
		promised = play(&s, round);
		vfs_power_settle(way, &seed);
		c = wire_open(&s);
		for (i = 0; i < UNITS; i++) {
			snprintf(id, sizeof(id), "%06d-%d", round, i);
			gone += (promised >> i & 1) && !ask_run(&c, W, id);
		}
		cr_expect_eq(s.v->maintain(c.unit, LLM_MAINTAIN_CHECK, NULL), 0, "%s: round %d: %s",
			mode, round, c.err.message);
		cr_expect_eq(s.v->maintain(c.unit, LLM_MAINTAIN_CHECKPOINT, NULL), 0);
		wire_close(&c);
	}
	vfs_remove();
	stand_down(&s);
	return gone;
}

Test(sqlite_io, R_UOW_11_sync_full_keeps_every_commit_when_the_power_goes)
{
	cr_expect_eq(cut("full", POWER_NOTHING), 0);
	cr_expect_eq(cut("full", POWER_SECTORS), 0);
	cr_expect_eq(cut("full", POWER_PREFIX), 0);
}

Test(sqlite_io, R_UOW_11_sync_normal_keeps_the_file_and_may_lose_the_last_commits)
{
	cr_expect_gt(cut("normal", POWER_NOTHING), 0, "else the cut cuts nothing");
	cut("normal", POWER_SECTORS);
}

Test(sqlite_io, R_UOW_11_the_end_of_the_process_loses_nothing_in_any_mode)
{
	cr_expect_eq(cut("off", POWER_ALL), 0);
	cr_expect_eq(cut("normal", POWER_ALL), 0);
	cr_expect_eq(cut("full", POWER_ALL), 0);
}
