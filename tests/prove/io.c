/*
 * Every call of SQLite's into the operating system fails, at each point of several plays: what
 * was said to be committed is there, the rest is there as a whole or not at all, the file is
 * whole, and the next unit is written.
 *
 *	prove_io [SHARE [SEED]]       SHARE: one point of so many, chosen by the seed; 1
 *	prove_io --stacked N [SEED]   N plays in which SQLite's memory and its disk fail (S-07)
 *
 * Prints one line: points, calls that failed, then what must be 0: lost, halved, damaged,
 * stuck, and errors of a wrong kind.
 */
#include <sqlite3.h>

#include "disk.h"

#define UNITS 6
#define POINTS_MAX 5000 /* of one play */

typedef struct tally {
	uint64_t points, injected;
	uint64_t lost, halved, damaged, stuck, odd;
} tally;

typedef struct play {
	const char *name;
	void (*before)(disk *d); /* makes the file */
	uint32_t (*act)(disk *d, int round, tally *t); /* bits of the units that were committed */
	int migrates;
} play;

/* ---- memory of SQLite's that fails ---- */

static struct {
	sqlite3_mem_methods real;
	uint64_t calls, fail_at;
	int hooked, for_ever;
} memory;

static int is_short(void)
{
	memory.calls++;
	return memory.fail_at &&
		(memory.for_ever ? memory.calls >= memory.fail_at : memory.calls == memory.fail_at);
}

static void *memory_malloc(int n)
{
	return is_short() ? NULL : memory.real.xMalloc(n);
}

static void *memory_realloc(void *p, int n)
{
	return is_short() ? NULL : memory.real.xRealloc(p, n);
}

static void memory_hook(void)
{
	sqlite3_mem_methods hooks;

	sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory.real);
	hooks = memory.real;
	hooks.xMalloc = memory_malloc;
	hooks.xRealloc = memory_realloc;
	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &hooks))
		die("memory", "SQLite takes no hook");
	memory.hooked = 1;
}

static void memory_fail(uint64_t at, int for_ever)
{
	memory.calls = 0;
	memory.fail_at = at;
	memory.for_ever = for_ever;
}

/* ---- units ---- */

static void id_of(char ret[20], int round, int i)
{
	snprintf(ret, 20, "%06d-%d", round, i);
}

/* What a failing disk may come to. */
static void said(tally *t, int32_t rc, const llm_err *err)
{
	if (!rc || rc == LLM_E_PERSISTENCE || rc == LLM_E_DB_BUSY ||
		(rc == LLM_E_NOMEM && memory.hooked))
		return;
	t->odd++;
	fprintf(stderr, "prove_io: %s: %s\n", llm_error_name(rc), err->message);
}

static uint32_t put(llm_unit *u, int round, int from, int n, tally *t)
{
	uint32_t promised = 0;
	char id[20];
	int i;

	for (i = from; i < from + n; i++) {
		llm_err err = LLM_ERR_INIT;
		int32_t rc;

		id_of(id, round, i);
		rc = disk_unit(u, id, 3000, &err);
		said(t, rc, &err);
		promised |= rc ? 0 : UINT32_C(1) << i;
	}
	return promised;
}

static void maintain(const disk *d, llm_unit *u, uint32_t what, tally *t)
{
	llm_err err = LLM_ERR_INIT;
	char path[500];

	snprintf(path, sizeof(path), "%s/copy.db", d->folder);
	if (what == LLM_MAINTAIN_BACKUP)
		disk_gone(path);
	said(t, llm_records_maintain(u, what, path, &err), &err);
}

/* ---- plays ---- */

static void clean_file(disk *d)
{
	disk_gone(d->file);
	disk_copy(d->clean, d->file);
}

static llm_unit *opened(disk *d, tally *t)
{
	llm_err err = LLM_ERR_INIT;
	llm_unit *u = NULL;

	said(t, llm_unit_open(d->storage, &u, &err), &err);
	return u;
}

static uint32_t act_records(disk *d, int round, tally *t)
{
	llm_unit *u = opened(d, t);
	uint32_t promised, n = 0;
	llm_err err = LLM_ERR_INIT;
	int32_t rc;
	int found;

	if (!u)
		return 0;
	promised = put(u, round, 0, 3, t);
	rc = disk_count(u, LLM_QUERY_RUNS, NULL, &found);
	said(t, rc, &err);
	rc = llm_unit_begin(u, &err);
	if (!rc) {
		rc = llm_runs_reap(u, 100, &n, &err);
		if (!rc)
			rc = llm_unit_commit(u, &err);
		else
			llm_unit_rollback(u, NULL);
	}
	said(t, rc, &err);
	maintain(d, u, LLM_MAINTAIN_CHECKPOINT, t);
	promised |= put(u, round, 3, UNITS - 3, t);
	llm_unit_close(u);
	return promised;
}

static uint32_t act_upkeep(disk *d, int round, tally *t)
{
	llm_unit *u = opened(d, t);
	uint32_t promised;

	if (!u)
		return 0;
	promised = put(u, round, 0, 2, t);
	maintain(d, u, LLM_MAINTAIN_BACKUP, t);
	maintain(d, u, LLM_MAINTAIN_VACUUM, t);
	promised |= put(u, round, 2, 1, t);
	maintain(d, u, LLM_MAINTAIN_CHECKPOINT, t);
	llm_unit_close(u);
	return promised;
}

/* A log that its process left behind. */
static void left_file(disk *d)
{
	char clean[500], log[500];

	clean_file(d);
	snprintf(clean, sizeof(clean), "%s/left-wal", d->folder);
	snprintf(log, sizeof(log), "%s-wal", d->file);
	disk_copy(clean, log);
}

static uint32_t act_recover(disk *d, int round, tally *t)
{
	llm_unit *u = opened(d, t);
	uint32_t promised;
	int found;

	if (!u)
		return 0;
	disk_count(u, LLM_QUERY_RUNS, NULL, &found);
	promised = put(u, round, 0, 2, t);
	maintain(d, u, LLM_MAINTAIN_CHECKPOINT, t);
	llm_unit_close(u);
	return promised;
}

static void no_file(disk *d)
{
	disk_gone(d->file);
}

static uint32_t act_migrate(disk *d, int round, tally *t)
{
	llm_unit *u = opened(d, t);
	llm_err err = LLM_ERR_INIT;
	uint32_t promised = 0;
	int32_t rc;

	if (!u)
		return 0;
	rc = llm_unit_migrate(u, LLM_SCHEMA_LATEST, &err);
	said(t, rc, &err);
	if (!rc)
		promised = put(u, round, 0, 2, t);
	llm_unit_close(u);
	return promised;
}

static const play plays[] = {
	{"records", clean_file, act_records, 0},
	{"upkeep", clean_file, act_upkeep, 0},
	{"recover", left_file, act_recover, 0},
	{"migrate", no_file, act_migrate, 1},
};

/* ---- what is there afterwards ---- */

static void look_at(llm_unit *u, int round, uint32_t promised, tally *t)
{
	char id[20];
	int i, has;

	for (i = 0; i < UNITS; i++) {
		id_of(id, round, i);
		has = disk_has(u, id);
		t->halved += has < 0;
		t->lost += promised >> i & 1 && has != 1;
	}
}

static void look_at_kept(llm_unit *u, int kept, tally *t)
{
	char id[20];
	int i;

	for (i = 0; i < kept; i++) {
		snprintf(id, sizeof(id), "kept-%02d", i);
		t->lost += disk_has(u, id) != 1;
	}
}

static void judge(disk *d, const play *p, int round, uint32_t promised, tally *t)
{
	llm_err err = LLM_ERR_INIT;
	llm_unit *u = NULL;
	char id[20];

	if (llm_unit_open(d->storage, &u, &err)) {
		t->damaged++;
		fprintf(stderr, "prove_io: %s, round %d: %s\n", p->name, round, err.message);
		return;
	}
	if (llm_records_maintain(u, LLM_MAINTAIN_CHECK, NULL, &err))
		t->damaged++;
	if (p->migrates && llm_unit_migrate(u, LLM_SCHEMA_LATEST, &err))
		t->stuck++;
	look_at(u, round, promised, t);
	look_at_kept(u, p->migrates ? 0 : KEPT + (p->before == left_file), t);
	id_of(id, round, UNITS);
	if (disk_unit(u, id, 0, &err)) {
		t->stuck++;
		fprintf(stderr, "prove_io: %s, round %d: %s\n", p->name, round, err.message);
	}
	llm_unit_close(u);
}

/* ---- all of them ---- */

static void sweep(disk *d, const play *p, int way, uint64_t share, uint64_t seed, tally *t)
{
	static int round;
	uint64_t at = 1 + seed % share;
	uint32_t promised;

	for (; at < POINTS_MAX; at += share) {
		p->before(d);
		vfs_fail(at, way);
		promised = p->act(d, ++round, t);
		t->injected += vfs_failed();
		if (!vfs_failed())
			break; /* there are no more calls */
		t->points++;
		vfs_fail(0, way);
		judge(d, p, round, promised, t);
	}
	vfs_fail(0, way);
}

/* Committed, and not in the database file yet. */
static void leave_log(disk *d)
{
	char clean[500], log[500];
	llm_err err = LLM_ERR_INIT;
	llm_unit *u;

	clean_file(d);
	d->storage = disk_storage(d->file, NULL);
	if (llm_unit_open(d->storage, &u, &err))
		die("open", err.message);
	snprintf(clean, sizeof(clean), "kept-%02d", KEPT);
	if (disk_unit(u, clean, 5000, &err))
		die("a unit", err.message);
	llm_unit_close(u);
	llm_storage_free(d->storage);
	snprintf(clean, sizeof(clean), "%s/left-wal", d->folder);
	snprintf(log, sizeof(log), "%s-wal", d->file);
	disk_copy(log, clean);
}

static void sweep_all(disk *d, uint64_t share, uint64_t seed, tally *t)
{
	static const char *const syncs[] = {"sync=normal", "sync=full"};
	size_t i, k;
	int way;

	for (k = 0; k < sizeof(syncs) / sizeof(syncs[0]); k++) {
		d->storage = disk_storage(d->file, syncs[k]);
		for (i = 0; i < sizeof(plays) / sizeof(plays[0]); i++)
			for (way = 0; way < VFS_WAYS; way++)
				sweep(d, &plays[i], way, share, vfs_random(&seed), t);
		llm_storage_free(d->storage);
	}
}

/* Both fail, each at a point of its own: as a log is recovered, tables are made, rows written. */
static void stack(disk *d, uint64_t n, uint64_t seed, tally *t)
{
	static uint64_t calls[4], allocations[4];
	uint32_t promised;
	int round;

	d->storage = disk_storage(d->file, "sync=full");
	for (round = 1; (uint64_t)round <= n; round++) {
		const size_t i = (size_t)round % 4;
		const play *p = &plays[i];

		p->before(d);
		vfs_fail(calls[i] ? 1 + vfs_random(&seed) % calls[i] : 0,
			round % 3 ? VFS_FULL : VFS_ONCE);
		memory_fail(allocations[i] ? 1 + vfs_random(&seed) % allocations[i] : 0,
			round % 5 == 0);
		promised = p->act(d, round, t);
		t->injected += vfs_failed();
		if (!calls[i]) {
			calls[i] = vfs_calls();
			allocations[i] = memory.calls;
		}
		t->points++;
		memory_fail(0, 0);
		vfs_fail(0, 0);
		judge(d, p, round, promised, t);
	}
	llm_storage_free(d->storage);
}

static int report(const tally *t)
{
	printf("%" PRIu64 " points, %" PRIu64 " calls failed, %" PRIu64 " lost, %" PRIu64
	       " halved, %" PRIu64 " damaged, %" PRIu64 " stuck, %" PRIu64 " odd errors\n",
		t->points, t->injected, t->lost, t->halved, t->damaged, t->stuck, t->odd);
	return !t->points || t->lost || t->halved || t->damaged || t->stuck || t->odd;
}

int main(int argc, char **argv)
{
	const int stacked = argc > 2 && strcmp(argv[1], "--stacked") == 0;
	const char *number = argc > 1 + stacked ? argv[1 + stacked] : "1";
	const uint64_t n = strtoull(number, NULL, 10);
	uint64_t seed = disk_seed(argc > 2 + stacked ? argv[2 + stacked] : NULL);
	tally t = {0};
	disk d = {0};

	if (!n)
		die("usage", "prove_io [SHARE [SEED]], prove_io --stacked N [SEED]");
	if (stacked)
		memory_hook();
	vfs_install();
	disk_make(&d);
	leave_log(&d);
	if (stacked)
		stack(&d, n, seed, &t);
	else
		sweep_all(&d, n, seed, &t);
	disk_done(&d);
	vfs_remove();
	return report(&t);
}
