/*
 * sqlite_io.c - every call of SQLite's into the operating system fails, once and from
 * then on: each commit that was reported is there, and the file stays whole.
 *
 * A VFS in front of the real one, in this process; the plugin's objects are linked in.
 */
#include "sqlite_help.h"

#include "sqlite/unit.h"

/* ---- a VFS whose call number `fail_at` fails ---- */

/* The real methods of a kind of file (databases have other ones than logs), and ours. */
typedef struct kind {
	sqlite3_io_methods methods; /* first: a file points at it */
	const sqlite3_io_methods *under;
} kind;

static struct {
	sqlite3_vfs vfs, *real;
	kind kinds[4];
	uint64_t calls, fail_at, failed;
	int for_ever;
} shim;

static const sqlite3_io_methods *under(const sqlite3_file *f)
{
	return ((const kind *)(const void *)f->pMethods)->under;
}

static int fails(void)
{
	shim.calls++;
	if (!shim.fail_at ||
		(shim.for_ever ? shim.calls < shim.fail_at : shim.calls != shim.fail_at))
		return 0;
	shim.failed++;
	return 1;
}

static int shim_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
	return fails() ? SQLITE_IOERR_READ : under(f)->xRead(f, to, n, at);
}

static int shim_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
	return fails() ? SQLITE_FULL : under(f)->xWrite(f, from, n, at);
}

static int shim_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return fails() ? SQLITE_IOERR_TRUNCATE : under(f)->xTruncate(f, size);
}

static int shim_sync(sqlite3_file *f, int flags)
{
	return fails() ? SQLITE_IOERR_FSYNC : under(f)->xSync(f, flags);
}

static int shim_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	return fails() ? SQLITE_IOERR_FSTAT : under(f)->xFileSize(f, ret);
}

static int shim_lock(sqlite3_file *f, int level)
{
	return fails() ? SQLITE_IOERR_LOCK : under(f)->xLock(f, level);
}

static int shim_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
	return fails() ? SQLITE_IOERR_SHMMAP : under(f)->xShmMap(f, page, size, extend, ret);
}

static int shim_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	int release = flags & SQLITE_SHM_UNLOCK;

	return !release && fails() ? SQLITE_IOERR_SHMLOCK : under(f)->xShmLock(f, at, n, flags);
}

static kind *shim_kind(const sqlite3_io_methods *real)
{
	kind *k = shim.kinds;

	while (k->under && k->under != real)
		k++;
	cr_assert_lt(k - shim.kinds, 4);
	k->under = real;
	k->methods = *real;
	k->methods.xRead = shim_read;
	k->methods.xWrite = shim_write;
	k->methods.xTruncate = shim_truncate;
	k->methods.xSync = shim_sync;
	k->methods.xFileSize = shim_size;
	k->methods.xLock = shim_lock;
	k->methods.xShmMap = real->xShmMap ? shim_map : NULL;
	k->methods.xShmLock = real->xShmLock ? shim_shm_lock : NULL;
	return k;
}

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	int rc;

	(void)vfs;
	if (fails()) {
		f->pMethods = NULL;
		return SQLITE_CANTOPEN;
	}
	rc = shim.real->xOpen(shim.real, name, f, flags, ret_flags);
	if (rc || !f->pMethods)
		return rc;
	f->pMethods = &shim_kind(f->pMethods)->methods;
	return SQLITE_OK;
}

static void shim_install(void)
{
	shim.real = sqlite3_vfs_find(NULL);
	shim.vfs = *shim.real;
	shim.vfs.zName = "shim";
	shim.vfs.xOpen = shim_open;
	cr_assert_eq(sqlite3_vfs_register(&shim.vfs, 1), SQLITE_OK);
}

/* ---- one play: open, five units, close; what was promised must be there ---- */

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor); /* linked in */

/* The stand, with the plugin of this process instead of the loaded file. */
static void inside_stand(stand *s)
{
	static plugin p;

	sqlite_stand(s);
	p = *s->p;
	p.storage = llm_plugin_v1(0)->parts[0]->vtable;
	s->p = &p;
	s->v = p.storage;
}

#define UNITS 5

static uint32_t play(stand *s, int round)
{
	llm_op_result result;
	uint32_t promised = 0;
	char id[64];
	wire c;
	int i;

	if (wire_try(s, &c, "busy_timeout", "1"))
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

	shim.fail_at = 0;
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

static void sweep(int for_ever)
{
	uint32_t promised = 0, all = (UINT32_C(1) << UNITS) - 1;
	uint64_t injected = 0, nth;
	int round = 0;
	stand s;

	inside_stand(&s);
	shim_install();
	shim.for_ever = for_ever;
	for (nth = 1; nth < 2000; nth++) {
		shim.calls = shim.failed = 0;
		shim.fail_at = nth;
		promised = play(&s, ++round);
		injected += shim.failed;
		check_promises(&s, round, promised);
		if (shim.calls && !shim.failed)
			break;
	}
	printf("sqlite_io: %zu calls, %zu injected\n", (size_t)nth, (size_t)injected);
	cr_expect_eq(promised, all, "without a failure everything is there");
	cr_expect_gt(injected, 50);
	sqlite3_vfs_unregister(&shim.vfs);
	stand_down(&s);
}

Test(sqlite_io, S_01_every_call_fails_once)
{
	sweep(0);
}

Test(sqlite_io, S_01_every_call_fails_for_ever)
{
	sweep(1);
}
