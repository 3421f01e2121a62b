/*
 * vfs.c - SQLite's calls into the operating system, each of which may fail.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "vfs.h"

#define KINDS 8
#define FILES 32

/* The real methods of a kind of file (databases have other ones than logs), and ours. */
typedef struct kind {
	sqlite3_io_methods methods; /* first: a file points at it */
	const sqlite3_io_methods *under;
} kind;

static struct {
	sqlite3_vfs vfs, *real;
	kind kinds[KINDS];
	struct {
		const sqlite3_file *f;
		char path[512];
	} names[FILES];
	uint64_t calls, fail_at, failed, syncs;
	int way;
} shim;

enum { CALL_ANY = 0, CALL_WRITE, CALL_LOCK };

static void die(const char *what)
{
	fprintf(stderr, "vfs: %s\n", what);
	exit(99);
}

uint64_t vfs_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* ---- which call fails ---- */

void vfs_fail(uint64_t at, int way)
{
	shim.calls = shim.failed = shim.syncs = 0;
	shim.fail_at = at;
	shim.way = way;
}

uint64_t vfs_calls(void)
{
	return shim.calls;
}

uint64_t vfs_failed(void)
{
	return shim.failed;
}

uint64_t vfs_syncs(void)
{
	return shim.syncs;
}

static int fails(int call)
{
	const int goes_on = shim.way == VFS_FOR_EVER || shim.way == VFS_FULL;

	if (power_gone())
		return 1;
	if ((shim.way == VFS_FULL && call != CALL_WRITE) ||
		(shim.way == VFS_BUSY && call != CALL_LOCK))
		return 0;
	shim.calls++;
	if (!shim.fail_at || (goes_on ? shim.calls < shim.fail_at : shim.calls != shim.fail_at))
		return 0;
	shim.failed++;
	return 1;
}

/* ---- methods of a file ---- */

static const sqlite3_io_methods *under(const sqlite3_file *f)
{
	return ((const kind *)(const void *)f->pMethods)->under;
}

static const char *path_of(const sqlite3_file *f)
{
	size_t i;

	for (i = 0; i < FILES; i++)
		if (shim.names[i].f == f)
			return shim.names[i].path;
	return NULL;
}

static int shim_close(sqlite3_file *f)
{
	size_t i;

	for (i = 0; i < FILES; i++)
		if (shim.names[i].f == f)
			shim.names[i].f = NULL;
	return under(f)->xClose(f);
}

static int shim_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
	if (!fails(CALL_ANY))
		return under(f)->xRead(f, to, n, at);
	if (shim.way == VFS_HALF)
		under(f)->xRead(f, to, n / 2, at);
	return SQLITE_IOERR_READ;
}

static int write_on(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
	const int rc = under(f)->xWrite(f, from, n, at);

	if (!rc)
		power_wrote(path_of(f), from, n, at);
	return rc;
}

static int shim_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
	if (!fails(CALL_WRITE))
		return write_on(f, from, n, at);
	if (shim.way == VFS_HALF && n > 1 && !power_gone())
		write_on(f, from, n / 2, at);
	return shim.way == VFS_FULL || shim.way == VFS_HALF ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int shim_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	int rc;

	if (fails(CALL_ANY))
		return SQLITE_IOERR_TRUNCATE;
	rc = under(f)->xTruncate(f, size);
	if (!rc)
		power_truncated(path_of(f), size);
	return rc;
}

/* The disk is told nothing: the file system is the machine's, the disk is ours. */
static int shim_sync(sqlite3_file *f, int flags)
{
	(void)flags;
	shim.syncs++;
	if (fails(CALL_ANY))
		return SQLITE_IOERR_FSYNC;
	power_synced(path_of(f));
	return SQLITE_OK;
}

static int shim_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	return fails(CALL_ANY) ? SQLITE_IOERR_FSTAT : under(f)->xFileSize(f, ret);
}

static int lock_code(int code)
{
	return shim.way == VFS_BUSY ? SQLITE_BUSY : code;
}

static int shim_lock(sqlite3_file *f, int level)
{
	return fails(CALL_LOCK) ? lock_code(SQLITE_IOERR_LOCK) : under(f)->xLock(f, level);
}

static int shim_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
	return fails(CALL_ANY) ? SQLITE_IOERR_SHMMAP :
				 under(f)->xShmMap(f, page, size, extend, ret);
}

/* To let go of a lock cannot fail. */
static int shim_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return !(flags & SQLITE_SHM_UNLOCK) && fails(CALL_LOCK) ?
		lock_code(SQLITE_IOERR_SHMLOCK) :
		under(f)->xShmLock(f, at, n, flags);
}

static kind *shim_kind(const sqlite3_io_methods *real)
{
	kind *k = shim.kinds;

	while (k < shim.kinds + KINDS && k->under && k->under != real)
		k++;
	if (k == shim.kinds + KINDS)
		die("too many kinds of files");
	k->under = real;
	k->methods = *real;
	k->methods.xClose = shim_close;
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

/* ---- methods of the file system ---- */

static void remember(const sqlite3_file *f, const char *name)
{
	size_t i;

	for (i = 0; i < FILES && shim.names[i].f; i++)
		;
	if (i == FILES)
		die("too many files");
	shim.names[i].f = f;
	snprintf(shim.names[i].path, sizeof(shim.names[i].path), "%s", name);
}

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	int rc;

	(void)vfs;
	if (fails(CALL_ANY)) {
		f->pMethods = NULL;
		return SQLITE_CANTOPEN;
	}
	rc = shim.real->xOpen(shim.real, name, f, flags, ret_flags);
	if (rc || !f->pMethods)
		return rc;
	f->pMethods = &shim_kind(f->pMethods)->methods;
	if (name) {
		remember(f, name);
		power_opened(name);
	}
	return SQLITE_OK;
}

static int shim_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	int rc;

	(void)vfs;
	if (fails(CALL_ANY))
		return SQLITE_IOERR_DELETE;
	rc = shim.real->xDelete(shim.real, name, sync);
	if (!rc)
		power_deleted(name, sync);
	return rc;
}

static int shim_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
	(void)vfs;
	return fails(CALL_ANY) ? SQLITE_IOERR_ACCESS :
				 shim.real->xAccess(shim.real, name, flags, ret);
}

void vfs_install(void)
{
	shim.real = sqlite3_vfs_find(NULL);
	shim.vfs = *shim.real;
	shim.vfs.zName = "shim";
	shim.vfs.xOpen = shim_open;
	shim.vfs.xDelete = shim_delete;
	shim.vfs.xAccess = shim_access;
	if (sqlite3_vfs_register(&shim.vfs, 1) != SQLITE_OK)
		die("it cannot be registered");
}

void vfs_remove(void)
{
	sqlite3_vfs_unregister(&shim.vfs);
}
