/*
 * wal.c - the frames of a commit, written together.
 *
 * SQLite appends each page of a commit to its WAL by two writes, one of them of 24 bytes, and a
 * write costs more than the bytes in it. While COMMIT runs on a connection of our own, what it
 * appends is gathered, and written at the latest with the frame that commits: before the index
 * of the WAL tells anybody of it, and as a failed COMMIT if it fails. Whatever is no whole frame
 * goes through as it is, and at any other time nothing of this is there.
 */
#include <string.h>

#include <sqlite3.h>

#include "unit.h"

#define WAL_ROOM 65536
#define WAL_FRAME_HEADER 24
#define WAL_PAGE_LEAST 512

/* The file's methods while COMMIT runs: the file points at them, and so finds the rest. */
struct wal {
	sqlite3_io_methods methods; /* first */
	const sqlite3_io_methods
		*under; /* its own, which find themselves in it when they are called */
	sqlite3_file *file; /* null: nothing is gathered */
	int headed; /* the header of a frame came last, */
	int commits; /* and says that the frame commits */
	int n;
	sqlite3_int64 at; /* of the bytes in the file */
	unsigned char bytes[WAL_ROOM];
};

static wal *wal_of(const sqlite3_file *f)
{
	return (wal *)(uintptr_t)f->pMethods;
}

static int wal_put(wal *w, const void *data, int len, sqlite3_int64 at)
{
	int rc;

	w->file->pMethods = w->under;
	rc = w->under->xWrite(w->file, data, len, at);
	w->file->pMethods = &w->methods;
	return rc;
}

static int wal_flush(wal *w)
{
	const int n = w->n;

	w->n = 0;
	w->headed = 0;
	return n ? wal_put(w, w->bytes, n, w->at) : SQLITE_OK;
}

static void wal_add(wal *w, const void *data, int len, sqlite3_int64 at)
{
	if (!w->n)
		w->at = at;
	memcpy(w->bytes + w->n, data, (size_t)len);
	w->n += len;
}

/* A frame says how many pages the database has behind it, or 0: it does not commit. */
static int wal_is_commit(const unsigned char *header)
{
	static const unsigned char none[4] = {0};

	return memcmp(header + sizeof(none), none, sizeof(none)) != 0;
}

static int wal_write(sqlite3_file *f, const void *data, int len, sqlite3_int64 at)
{
	wal *w = wal_of(f);
	const int follows = w->n && at == w->at + w->n;
	const int is_header = !w->headed && len == WAL_FRAME_HEADER;
	const int is_page = w->headed && follows && len >= WAL_PAGE_LEAST;
	int rc = SQLITE_OK;

	if (!follows || len > WAL_ROOM - w->n)
		rc = wal_flush(w);
	if (rc)
		return rc;
	if ((!is_header && !is_page) || len > WAL_ROOM)
		return wal_flush(w) ? SQLITE_IOERR_WRITE : wal_put(w, data, len, at);
	wal_add(w, data, len, at);
	w->headed = is_header;
	if (is_header)
		w->commits = wal_is_commit(data);
	return is_page && w->commits ? wal_flush(w) : SQLITE_OK;
}

/* What is gathered goes first; then the file is its own for a call. */
static int wal_begin(wal *w)
{
	const int rc = wal_flush(w);

	w->file->pMethods = w->under;
	return rc;
}

static int wal_end(wal *w, int rc)
{
	w->file->pMethods = &w->methods;
	return rc;
}

static int wal_read(sqlite3_file *f, void *data, int len, sqlite3_int64 at)
{
	wal *w = wal_of(f);
	const int rc = wal_begin(w);

	return wal_end(w, rc ? rc : w->under->xRead(f, data, len, at));
}

static int wal_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	wal *w = wal_of(f);
	const int rc = wal_begin(w);

	return wal_end(w, rc ? rc : w->under->xTruncate(f, size));
}

static int wal_sync(sqlite3_file *f, int flags)
{
	wal *w = wal_of(f);
	const int rc = wal_begin(w);

	return wal_end(w, rc ? rc : w->under->xSync(f, flags));
}

static int wal_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	wal *w = wal_of(f);
	const int rc = wal_begin(w);

	return wal_end(w, rc ? rc : w->under->xFileSize(f, ret));
}

static int wal_control(sqlite3_file *f, int op, void *arg)
{
	wal *w = wal_of(f);
	const int rc = wal_begin(w);

	return wal_end(w, rc ? rc : w->under->xFileControl(f, op, arg));
}

static int wal_sector(sqlite3_file *f)
{
	wal *w = wal_of(f);

	w->file->pMethods = w->under;
	return wal_end(w, w->under->xSectorSize(f));
}

static int wal_traits(sqlite3_file *f)
{
	wal *w = wal_of(f);

	w->file->pMethods = w->under;
	return wal_end(w, w->under->xDeviceCharacteristics(f));
}

/* The file of the WAL, or null: there is none. */
static sqlite3_file *wal_file(const unit *u)
{
	sqlite3_file *f = NULL;

	/* Before the first commit nobody knows whether the database has one. */
	if (!u->wal_pages || sqlite3_file_control(u->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &f))
		return NULL;
	return f && f->pMethods ? f : NULL;
}

void wal_gather(unit *u)
{
	sqlite3_file *f = wal_file(u);

	if (f && !u->wal)
		u->wal = sqlite3_malloc((int)sizeof(*u->wal));
	if (!f || !u->wal)
		return;
	u->wal->under = f->pMethods;
	u->wal->methods = (sqlite3_io_methods){.iVersion = 1,
		.xWrite = wal_write,
		.xRead = wal_read,
		.xTruncate = wal_truncate,
		.xSync = wal_sync,
		.xFileSize = wal_size,
		.xFileControl = wal_control,
		.xSectorSize = wal_sector,
		.xDeviceCharacteristics = wal_traits};
	u->wal->headed = 0;
	u->wal->n = 0;
	u->wal->file = f;
	f->pMethods = &u->wal->methods;
}

/* What is left was no commit: nobody shall find it, and somebody else may write there. */
void wal_scatter(unit *u)
{
	if (!u->wal || !u->wal->file)
		return;
	u->wal->file->pMethods = u->wal->under;
	u->wal->file = NULL;
}
