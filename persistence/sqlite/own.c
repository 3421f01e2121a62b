/*
 * own.c - connections of our own: opened, begun, committed, looked after.
 *
 * Debian's SQLite lacks the mend of two connections that write or checkpoint at once
 * (the WAL reset), so each group commit and each checkpoint holds the lock beside the
 * file, and SQLite checkpoints neither by itself nor when it closes.
 */
#include <stdio.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "migrations.h"
#include "unit.h"

#define OWN_IDLE_PAGES 1000 /* a checkpoint is worth while above this, when nobody waits, */
#define OWN_WAL_PAGES 4000 /* and due in any case above this */
#define OWN_BUSY_MS 5000

static int32_t own_exec(unit *u, const char *sql, const char *doing)
{
	int rc = sqlite3_exec(u->db, sql, NULL, NULL, NULL);

	return rc ? unit_failed(u, rc, doing) : 0;
}

/* The same for one that is kept prepared: it stands around every group of jobs. */
static int32_t own_exec_kept(unit *u, void **stmt, const char *sql, const char *doing)
{
	int32_t rc = 0;

	if (!*stmt && u->q->prepare(u->db, sql, stmt))
		return unit_failed(u, sqlite3_extended_errcode(u->db), doing);
	if (sqlite3_step(*stmt) != SQLITE_DONE)
		rc = unit_failed(u, sqlite3_extended_errcode(u->db), doing);
	sqlite3_reset(*stmt);
	return rc;
}

static const char *own_setting(const llm_host *host, const char *key, const char *none)
{
	const char *text;

	return host->config(host->ctx, key, &text, NULL) ? none : text;
}

/* ---- hooks ---- */

static int own_on_busy(void *ctx, int calls)
{
	unit *u = ctx;
	uint32_t waited = calls < 5 ? (uint32_t)calls : 5 + (uint32_t)(calls - 5) * 5;

	if (atomic_load(&u->interrupted) || waited >= u->busy_ms)
		return 0;
	file_nap(calls < 5 ? 0 : 5);
	return 1;
}

static int own_on_wal(void *ctx, sqlite3 *db, const char *name, int pages)
{
	(void)db;
	(void)name;
	((unit *)ctx)->wal_pages = pages;
	return SQLITE_OK;
}

/* ---- opening ---- */

static const char *const own_sync[][2] = {
	{"off", "PRAGMA synchronous = OFF"},
	{"normal", "PRAGMA synchronous = NORMAL"},
	{"full", "PRAGMA synchronous = FULL"},
};

static int32_t own_set_sync(unit *u)
{
	const char *said = own_setting(u->host, "sync", "normal");
	size_t i;

	for (i = 0; i < sizeof(own_sync) / sizeof(own_sync[0]); i++)
		if (strcmp(own_sync[i][0], said) == 0)
			return own_exec(u, own_sync[i][1], "cannot set how to sync");
	return unit_say(u, LLM_E_CONFIG, "sync is off, normal or full, not", said);
}

static int32_t own_set_busy(unit *u)
{
	const char *text = own_setting(u->host, "busy_timeout", NULL);
	uint32_t ms = 0;

	u->busy_ms = OWN_BUSY_MS;
	if (!text)
		return 0;
	for (; *text >= '0' && *text <= '9' && ms < 100000000; text++)
		ms = ms * 10 + (uint32_t)(*text - '0');
	if (*text)
		return unit_say(u, LLM_E_CONFIG, "busy_timeout is a number of milliseconds", NULL);
	u->busy_ms = ms;
	return 0;
}

/* The path in a `file:` URI or plain name, as far as it must be known before it is there. */
static int32_t own_make(unit *u, const char *dsn)
{
	const bool uri = strncmp(dsn, "file:", 5) == 0;
	char path[4096];
	size_t n;

	if (strcmp(own_setting(u->host, "create", "false"), "true") != 0)
		return 0;
	dsn += uri ? 5 : 0;
	n = uri ? strcspn(dsn, "?#") : strlen(dsn);
	if (!n || *dsn == ':' || (uri && memchr(dsn, '%', n)))
		return 0;
	if (n >= sizeof(path))
		return unit_say(u, LLM_E_CONFIG, "the path of the database is too long", NULL);
	memcpy(path, dsn, n);
	path[n] = '\0';
	return file_make(u, path);
}

static int32_t own_prepare_undo(unit *u)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(u->db, "ROLLBACK", -1, &stmt, NULL);

	u->undo = stmt;
	return rc ? unit_failed(u, rc, "cannot open the database") : 0;
}

int32_t own_connect(unit *u, const char *dsn)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX |
		SQLITE_OPEN_EXRESCODE;
	sqlite3 *db = NULL;
	int rc = sqlite3_open_v2(dsn, &db, flags, NULL);

	u->db = db;
	u->path = dsn;
	if (rc)
		return unit_failed(u, rc, "cannot open the database");
	u->path = sqlite3_db_filename(db, "main");
	sqlite3_busy_handler(db, own_on_busy, u);
	sqlite3_wal_hook(db, own_on_wal, u);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return own_prepare_undo(u);
}

static int32_t own_prepare_writer(unit *u)
{
	int32_t rc = file_lock_open(u);

	if (!rc)
		rc = file_lock(u, u->busy_ms);
	if (!rc && *u->path)
		rc = own_exec(u, "PRAGMA journal_mode = WAL", "cannot switch to a write-ahead log");
	file_unlock(u);
	return rc ? rc : own_set_sync(u);
}

static int32_t own_set_up(unit *u, const char *dsn)
{
	int32_t rc = own_set_busy(u);

	if (!rc)
		rc = own_make(u, dsn);
	if (!rc)
		rc = own_connect(u, dsn);
	if (!rc)
		rc = file_is_local(u, u->path);
	if (!rc)
		rc = file_join(u, u->path);
	if (rc)
		return rc;
	u->reader = strcmp(own_setting(u->host, "access", "write"), "read") == 0;
	return u->reader ? reader_prepare(u) : own_prepare_writer(u);
}

int32_t own_open(const llm_host *host, void **ret_unit)
{
	unit *u = host->alloc(host->ctx, LLM_SCOPE_INSTANCE, sizeof(*u));
	const char *dsn = own_setting(host, "dsn", NULL);
	int32_t rc;

	if (!u)
		return LLM_E_NOMEM;
	u->host = host;
	u->q = native_calls();
	u->lock_fd = -1;
	atomic_init(&u->interrupted, 0);
	if (!dsn || !*dsn)
		rc = unit_say(
			u, LLM_E_CONFIG, "dsn is missing: give the path of the database", NULL);
	else
		rc = file_is_none(u, dsn);
	if (!rc)
		rc = own_set_up(u, dsn);
	if (rc)
		own_close(u);
	else
		*ret_unit = u;
	return rc;
}

/* ---- transactions ---- */

static void own_checkpoint(unit *u)
{
	if (sqlite3_wal_checkpoint_v2(u->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) ==
		SQLITE_OK)
		u->wal_pages = 0;
}

/* Where memory is too short even for that, the transaction and the lock stay until later. */
static void own_undo(unit *u)
{
	if (!sqlite3_get_autocommit(u->db)) {
		sqlite3_step(u->undo);
		sqlite3_reset(u->undo);
	}
	u->left = !sqlite3_get_autocommit(u->db);
	if (!u->left)
		file_unlock(u);
}

int32_t own_clear(unit *u)
{
	if (u->left)
		own_undo(u);
	return u->left ? unit_say(u, LLM_E_NOMEM,
				 "memory is too short to roll back the transaction before", NULL) :
			 0;
}

static int32_t own_is_free(unit *u, const char *taken)
{
	int32_t rc = own_clear(u);

	if (rc)
		return rc;
	return sqlite3_get_autocommit(u->db) ? 0 : unit_say(u, LLM_E_STATE, taken, NULL);
}

int32_t own_begin(void *handle)
{
	unit *u = handle;
	int32_t rc;

	atomic_store(&u->interrupted, 0);
	rc = own_is_free(u, "a transaction is open already");
	if (rc)
		return rc;
	if (u->reader)
		return unit_say(u, LLM_E_STATE, "the connection was opened for reading", NULL);
	rc = file_lock(u, u->busy_ms);
	if (!rc)
		rc = own_exec_kept(u, &u->begin, "BEGIN IMMEDIATE", "cannot begin");
	if (rc)
		file_unlock(u);
	return rc;
}

int32_t own_commit(void *handle)
{
	unit *u = handle;
	int32_t rc;

	if (sqlite3_get_autocommit(u->db)) {
		file_unlock(u);
		return unit_say(u, LLM_E_STATE, "no transaction is open", NULL);
	}
	wal_gather(u);
	rc = own_exec_kept(u, &u->commit, "COMMIT", "cannot commit");
	wal_scatter(u);
	if (rc) {
		own_undo(u);
		return rc;
	}
	if (u->wal_pages >= OWN_WAL_PAGES)
		own_checkpoint(u);
	file_unlock(u);
	return 0;
}

int32_t own_rollback(void *handle)
{
	own_undo(handle);
	return 0;
}

void own_interrupt(void *handle)
{
	unit *u = handle;

	atomic_store(&u->interrupted, 1);
	sqlite3_interrupt(u->db);
}

void own_close(void *handle)
{
	unit *u = handle;

	if (u->db)
		own_rollback(u);
	stmt_finish(u);
	sqlite3_finalize(u->begin);
	sqlite3_finalize(u->commit);
	if (u->db && u->wal_pages && file_lock(u, 0) == 0)
		own_checkpoint(u);
	sqlite3_finalize(u->undo);
	sqlite3_close(u->db);
	sqlite3_free(u->wal);
	file_unlock(u);
	file_leave(u);
	if (u->lock_fd >= 0)
		file_lock_close(u);
}

/* ---- the schema and the file as a whole ---- */

static int32_t own_steps(unit *u, uint32_t found, uint32_t version)
{
	int32_t rc = 0;

	for (; found < version && !rc; found++)
		rc = own_exec(u, sql_migrations[found].up, sql_migrations[found].name);
	for (; found > version && !rc; found--)
		rc = own_exec(u, sql_migrations[found - 1].down, sql_migrations[found - 1].name);
	return rc;
}

/* Why a schema is not migrated from here; null: it is. */
static const char *own_refusal(const llm_schema_state *s)
{
	if (s->state == LLM_SCHEMA_HALF)
		return "a migration was begun and not finished\nrestore a backup, or finish it "
		       "with the tool that began it";
	if (s->state == LLM_SCHEMA_DAMAGED)
		return "a table or column is missing\nfind out which with: llmctl db status";
	if (s->found > s->expected)
		return "the schema is newer than this plugin\nuse the libllm that it was made "
		       "for, to migrate it down as well";
	return NULL;
}

static int32_t own_migrate_inside(unit *u, uint32_t version)
{
	llm_schema_state s = {0};
	int32_t rc = schema_state(u, &s);

	if (rc)
		return rc;
	if (own_refusal(&s))
		return unit_say(u, LLM_E_SCHEMA, own_refusal(&s), NULL);
	stmt_finish(u);
	return own_steps(u, s.found, version);
}

int32_t own_migrate(void *handle, uint32_t version)
{
	unit *u = handle;
	int32_t rc;

	if (version == UINT32_MAX)
		version = sql_migration_count;
	if (version > sql_migration_count)
		return unit_say(u, LLM_E_UNSUPPORTED,
			"there is no schema of that number\nsee which is expected with: llmctl db status",
			NULL);
	rc = own_begin(u);
	if (rc)
		return rc;
	rc = own_migrate_inside(u, version);
	if (!rc)
		return own_commit(u);
	own_rollback(u);
	return rc;
}

/* SQLite has no code of its own for a file that is there already. */
static int32_t own_backup_failed(unit *u, int rc, const char *path)
{
	char why[1000];

	if ((rc & 0xff) != SQLITE_ERROR)
		return unit_failed(u, rc, "cannot write the backup");
	snprintf(why, sizeof(why), "cannot write the backup %s: %s\ngive the name of a new file",
		path, sqlite3_errmsg(u->db));
	return unit_say(u, LLM_E_PERSISTENCE, why, NULL);
}

/* A backup that failed leaves nothing that looks like one. */
static int32_t own_backup(unit *u, const char *path)
{
	const bool was_there = access(path, F_OK) == 0;
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(u->db, "VACUUM INTO ?1", -1, &stmt, NULL);

	if (!rc)
		rc = sqlite3_bind_text(stmt, 1, path, -1, SQLITE_STATIC);
	if (!rc)
		rc = sqlite3_step(stmt);
	rc = rc == SQLITE_DONE ? 0 : own_backup_failed(u, rc, path);
	sqlite3_finalize(stmt);
	if (rc && !was_there)
		unlink(path);
	return rc;
}

/* Names the table or column that a schema lacks which by its number has it. */
static int32_t own_check_tables(unit *u)
{
	llm_schema_state s = {0};
	int32_t rc = schema_state(u, &s);
	char text[400];

	if (rc || s.state != LLM_SCHEMA_DAMAGED)
		return rc;
	snprintf(text, sizeof(text),
		"a table or column is missing: %.200s\nadd it again, or restore a backup",
		sqlite3_errmsg(u->db));
	return unit_say(u, LLM_E_SCHEMA, text, NULL);
}

/* The first line of integrity_check is "ok", or the first thing that is wrong. */
static int32_t own_check(unit *u)
{
	const char *said = "nothing";
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(u->db, "PRAGMA integrity_check(1)", -1, &stmt, NULL);

	if (!rc)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		said = (const char *)sqlite3_column_text(stmt, 0);
	if (rc != SQLITE_ROW)
		rc = unit_failed(u, rc, "cannot check the database");
	else if (!said || strcmp(said, "ok") != 0)
		rc = unit_say(u, LLM_E_PERSISTENCE, "the database is damaged", said);
	else
		rc = 0;
	sqlite3_finalize(stmt);
	return rc ? rc : own_check_tables(u);
}

static int32_t own_maintain_inside(unit *u, uint32_t what, const char *path)
{
	int rc;

	switch (what) {
	case LLM_MAINTAIN_CHECK:
		return own_check(u);
	case LLM_MAINTAIN_BACKUP:
		return path ? own_backup(u, path) :
			      unit_say(u, LLM_E_INVALID_REQUEST, "a backup needs a path", NULL);
	case LLM_MAINTAIN_VACUUM:
		return own_exec(u, "VACUUM", "cannot vacuum");
	case LLM_MAINTAIN_CHECKPOINT:
		rc = sqlite3_wal_checkpoint_v2(u->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
		return rc ? unit_failed(u, rc, "cannot checkpoint") : 0;
	case LLM_MAINTAIN_IDLE:
		own_checkpoint(u);
		return 0;
	default:
		return unit_say(u, LLM_E_UNSUPPORTED, "there is no such upkeep", NULL);
	}
}

int32_t own_maintain(void *handle, uint32_t what, const char *path)
{
	unit *u = handle;
	int32_t rc = own_is_free(u, "a transaction is open");

	if (rc || (what == LLM_MAINTAIN_IDLE && u->wal_pages < OWN_IDLE_PAGES))
		return rc;
	rc = file_lock(u, u->busy_ms);
	if (!rc)
		rc = own_maintain_inside(u, what, path);
	file_unlock(u);
	return rc;
}
