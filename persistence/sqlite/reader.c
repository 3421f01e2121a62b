/*
 * reader.c - connections that only read. A write-ahead log wants two files beside the
 * database, and somebody who may write them; where nobody can, the database stands still.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "unit.h"

#define READER_URI 8192

/* What is in the log and in no page yet would be missing. */
static int32_t reader_look_at_log(const unit *u)
{
	char path[4200], why[4400];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s-wal", u->path);

	if (n < 0 || (size_t)n >= sizeof(path) || stat(path, &st) || !st.st_size)
		return 0;
	snprintf(why, sizeof(why),
		"%s lies where nothing can be written, and its -wal holds what was written last\n"
		"copy both to a disk that takes writes, and read the copy",
		u->path);
	return unit_say(u, LLM_E_PERSISTENCE, why, NULL);
}

/* "file:PATH?immutable=1"; 0: it is too long. */
static int reader_uri(const char *path, char *ret, size_t cap)
{
	static const char ending[] = "?immutable=1";
	size_t n = (size_t)snprintf(ret, cap, "file:");

	for (; *path && n + 3 + sizeof(ending) < cap; path++)
		if (strchr("%?#", *path))
			n += (size_t)snprintf(ret + n, cap - n, "%%%02x", (unsigned)*path);
		else
			ret[n++] = *path;
	memcpy(ret + n, ending, sizeof(ending));
	return !*path;
}

/* Nobody writes to it, so it is read as it lies there. */
static int32_t reader_open_still(unit *u)
{
	char uri[READER_URI];
	int32_t rc = reader_look_at_log(u);

	if (rc)
		return rc;
	if (!reader_uri(u->path, uri, sizeof(uri)))
		return unit_say(u, LLM_E_CONFIG, "the path of the database is too long", NULL);
	sqlite3_finalize(u->undo);
	u->undo = NULL;
	sqlite3_close(u->db);
	u->db = NULL;
	return own_connect(u, uri);
}

static int reader_try(const unit *u)
{
	return sqlite3_exec(u->db, "SELECT 1 FROM sqlite_master LIMIT 1", NULL, NULL, NULL);
}

int32_t reader_prepare(unit *u)
{
	int rc = reader_try(u), primary = rc & 0xff;
	int32_t said;

	if (*u->path && (primary == SQLITE_CANTOPEN || primary == SQLITE_READONLY)) {
		said = reader_open_still(u);
		if (said)
			return said;
		rc = reader_try(u);
	}
	if (!rc)
		rc = sqlite3_exec(u->db, "PRAGMA query_only = 1", NULL, NULL, NULL);
	return rc ? unit_failed(u, rc, "cannot read the database") : 0;
}
