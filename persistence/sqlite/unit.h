/*
 * unit.h - a connection of our own, or a unit on a host's handle.
 *
 * Statements run on the table `q`, so that the same code works on any copy of SQLite;
 * what only our own connections do (own.c) calls the linked copy directly.
 */
#ifndef LLM_SQLITE_UNIT_H
#define LLM_SQLITE_UNIT_H

#include <stdatomic.h>
#include <sys/types.h>

#include "llm/abi/ext/sqlite.h"
#include "statements.h"

#define UNIT_MAX_VALUES 64 /* parameters or result columns of a statement */

/* A prepared statement, and where its values come from and go to. */
typedef struct prepared {
	void *stmt;
	uint32_t n_in, n_out;
	const column *in[UNIT_MAX_VALUES];
	const column *out[UNIT_MAX_VALUES]; /* null: a column that this version does not know */
} prepared;

/* A database file as this process has it open. */
typedef struct opened {
	dev_t dev;
	ino_t ino;
	const char *copy; /* address of the version text of the SQLite that has it */
	struct opened *next;
	int joined;
} opened;

typedef struct wal wal;

typedef struct unit {
	const llm_host *host;
	const llm_sqlite_calls *q;
	void *db;
	int bound; /* 1: the handle is the host's */
	prepared cache[ST_COUNT];
	opened file;
	/* Of our own connections only. */
	void *undo; /* ROLLBACK, prepared: to undo should not need memory */
	int left; /* 1: it did, and a transaction that nobody wants is still open */
	void *begin, *commit; /* prepared, or null */
	const char *path; /* of the database, "" when it is in memory */
	int lock_fd; /* the file beside it, -1: none */
	int locked;
	int reader; /* 1: it never writes */
	uint32_t busy_ms;
	int wal_pages; /* after the last commit */
	wal *wal; /* what gathers its frames, or null */
	atomic_int interrupted;
} unit;

/* ---- error.c ---- */

/* Says `what`, and `why` when it is not null, and returns `code`. */
int32_t unit_say(const unit *u, int32_t code, const char *what, const char *why);
/* Says what SQLite's code `rc` means, and what the database was asked for. */
int32_t unit_failed(const unit *u, int32_t rc, const char *doing);

/* ---- stmt.c ---- */

/* Prepares a statement unless it is. */
int32_t stmt_ready(unit *u, unsigned which);
/* Runs it with the values of `record`; *ret_changed rows were written. */
int32_t stmt_exec(unit *u, unsigned which, const void *record, int64_t *ret_changed);
/* Hands each row to the sink, read into a record of the statement's type. */
int32_t stmt_rows(unit *u, unsigned which, const void *record, const llm_row_sink *out);
/* The first row's first column; LLM_E_NOT_FOUND when there is none. `sql` is constant. */
int32_t stmt_number(unit *u, const char *sql, int64_t *ret);
void stmt_finish(unit *u);

/* ---- the slots ---- */

int32_t own_open(const llm_host *host, void **ret_unit);
/* A path or `file:` URI becomes u->db. */
int32_t own_connect(unit *u, const char *dsn);
/* A connection that never writes, also to a file on a disk that takes no writes. */
int32_t reader_prepare(unit *u);
void own_close(void *handle);
/* What a lack of memory has left open is rolled back; LLM_E_NOMEM when it still cannot be. */
int32_t own_clear(unit *u);
int32_t own_begin(void *handle);
int32_t own_commit(void *handle);
int32_t own_rollback(void *handle);
void own_interrupt(void *handle);
int32_t own_migrate(void *handle, uint32_t version);
int32_t own_maintain(void *handle, uint32_t what, const char *path);
int32_t bound_bind(const llm_host *host, const llm_native *native, void **ret_unit);
void bound_release(void *handle);
int32_t work_apply(void *handle, const llm_op *const *ops, size_t n, llm_op_result *const *results);
int32_t work_query(void *handle, uint32_t kind, const llm_filter *filter, const llm_row_sink *out);
int32_t work_reap(void *handle, uint32_t limit, uint32_t *ret_n);
int32_t work_purge(void *handle, const llm_purge *what, uint32_t *ret_n);
int32_t schema_state(void *handle, llm_schema_state *ret);

/* ---- budget.c ---- */

/* An operation LLM_OP_BUDGET_*. */
int32_t budget_apply(unit *u, const llm_op *op, llm_op_result *ret);
/* Behind reaping: what runs that have ended still hold. */
int32_t budget_reap(unit *u);

/* ---- file.c ---- */

/* Enters the process's list of open files; LLM_E_STATE when another copy of SQLite has it. */
int32_t file_join(unit *u, const char *path);
void file_leave(unit *u);
/* LLM_E_CONFIG when the file lies where SQLite's locks do not hold. */
int32_t file_is_local(const unit *u, const char *path);
/* LLM_E_CONFIG when the dsn is that of a server. */
int32_t file_is_none(const unit *u, const char *dsn);
/* The name of a network file system by its statfs type, or null: it is none. */
const char *file_network_name(uint64_t type);
/* Makes an empty file of mode 0600 unless one is there. */
int32_t file_make(const unit *u, const char *path);
/* The lock beside the database: one writer and checkpointer in all processes. */
int32_t file_lock_open(unit *u);
int32_t file_lock(unit *u, uint32_t wait_ms);
void file_unlock(unit *u);
void file_lock_close(unit *u);

/* Sleeps for a moment of a wait that has lasted `waited_ms`; gives its length. */
uint32_t file_nap(uint32_t waited_ms);

/* ---- wal.c ---- */

/* Around COMMIT: what it appends to the WAL is written together. */
void wal_gather(unit *u);
void wal_scatter(unit *u);

/* ---- native.c ---- */

/* The linked copy of SQLite as a table. Static. */
const llm_sqlite_calls *native_calls(void);

#endif
