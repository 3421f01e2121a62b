/*
 * unit.h - a connection of our own, or a unit on a host's connection.
 *
 * Results are read by the table `q`, so that the same code works on any copy of libpq;
 * what only our own connections do calls the linked copy directly: they never block in
 * libpq, so that each wait ends by a time-out or an interrupt.
 */
#ifndef LLM_POSTGRES_UNIT_H
#define LLM_POSTGRES_UNIT_H

#include <stdatomic.h>

#include "llm/abi/ext/postgres.h"
#include "statements.h"

#define UNIT_MAX_VALUES 64 /* parameters or result columns of a statement */
#define UNIT_STATE 6 /* an SQLSTATE and its NUL */
#define UNIT_LEAST 110000 /* of servers */
#define WITNESS_TEXT 136 /* longer than a workspace */

/* Where the values of a statement come from and go to. */
typedef struct map {
	uint32_t in_known, out_known;
	uint32_t n_in, n_out;
	const column *in[UNIT_MAX_VALUES];
	const column *out[UNIT_MAX_VALUES]; /* null: a column that this version does not know */
	char name[24]; /* of the prepared statement */
} map;

/* What is set for one transaction of ours, as texts; see own.c. */
typedef struct local {
	uint32_t struct_size;
	const char *search_path; /* the schema in quotes, null: as it is */
	const char *schema; /* its name */
	const char *lock_timeout;
	const char *statement_timeout;
	const char *synchronous_commit; /* null: as it is */
} local;

enum { PREPARED_OFF = 0, PREPARED_ON = 1, PREPARED_AUTO = 2 };

/* One row of the open transaction, by which others see that it was committed; see witness.c. */
typedef struct witness {
	uint32_t kind; /* LLM_OP_* that wrote it, 0: none that cannot be written again */
	int64_t version;
	char workspace[WITNESS_TEXT];
	char run_id[WITNESS_TEXT];
	char more[WITNESS_TEXT]; /* a status, of a hold the profile */
} witness;

typedef struct unit {
	const llm_host *host;
	const llm_postgres_calls *q;
	void *db; /* PGconn, null: none */
	int bound; /* 1: the connection is the host's */
	local set;
	map maps[ST_COUNT];
	map other; /* of the last statement that is none of the table */
	char state[UNIT_STATE]; /* SQLSTATE of the last failure, "": it had none */
	char said[400]; /* the server's words at it */
	/* Of our own connections only. */
	const char *dsn;
	const char *secrets[4]; /* of the dsn: never in a message; null at the end */
	uint32_t connect_ms, statement_ms;
	int reader; /* 1: it never writes */
	int create; /* 1: migrate makes the schema too */
	int prepared; /* PREPARED_* */
	uint8_t is_prepared[ST_COUNT];
	int lost; /* 1: nothing more comes or goes on the connection */
	int stale; /* 1: it works, but another server is wanted */
	int worked; /* calls of apply and the like since begin */
	witness wrote; /* since begin */
	int wake; /* eventfd, -1: none; readable when interrupted */
	int64_t retry_at_ms; /* no connection is tried before */
	uint32_t retry_ms; /* the last pause, 0: the last try was good */
	int32_t retry_code;
	int cancelling; /* 1: the server was told */
	uint32_t limit_ms; /* of silence in a trip; 0: none */
	size_t failed_at; /* the step of the last trip that failed */
	int delivered; /* 1: the last trip gave rows to a sink */
	atomic_int interrupted;
} unit;

/* One statement of a round trip. */
typedef struct step {
	const statement *s;
	const void *record; /* its parameters, or null */
	const llm_row_sink *out; /* its rows, or null */
	int64_t changed; /* rows written or read; set by a trip that succeeded */
	int prepares; /* set by the trip: preparing comes before it */
} step;

/* ---- error.c ---- */

/* Says `what`, and `why` when it is not null, and returns `code`. */
int32_t unit_say(const unit *u, int32_t code, const char *what, const char *why);
/* Says what a result that is an error means. */
int32_t unit_failed(unit *u, const void *result, const char *doing);
/* The same of an SQLSTATE ("": none) and a text. */
int32_t unit_failed_as(unit *u, const char *state, const char *text, const char *doing);
/* Copies one line of libpq's words without secrets; `cap` bytes with the NUL. */
void unit_plain(const unit *u, const char *text, char *ret, size_t cap);

/* ---- stmt.c ---- */

/* The map of a statement, its parameters resolved. */
int32_t stmt_map(unit *u, const statement *s, map **ret);
/* Is the record whole, and its text UTF-8? */
int32_t stmt_check(unit *u, const statement *s, const map *m, const void *record);
/* The values of a record as libpq takes them; `ret` points into itself and the record. */
typedef struct values {
	uint32_t types[UNIT_MAX_VALUES];
	const char *list[UNIT_MAX_VALUES];
	int32_t lengths[UNIT_MAX_VALUES];
	int32_t formats[UNIT_MAX_VALUES];
	uint64_t numbers[UNIT_MAX_VALUES]; /* in network order */
} values;
void stmt_values(const map *m, const void *record, values *ret);
/* The types alone, for preparing. */
void stmt_types(const map *m, uint32_t *ret);
/* Hands the rows of a result to the sink. */
int32_t stmt_rows(unit *u, const statement *s, map *m, const void *result, const llm_row_sink *out);
/* Rows that a command has written or read. */
int64_t stmt_changed(const unit *u, void *result);

/* ---- wait.c ---- */

/* Milliseconds of a clock that only goes forward. */
int64_t wait_now_ms(void);
/*
 * Until the connection's socket is ready for `events`, at most until `until_ms` (0: no
 * end). LLM_E_CANCELLED: interrupted; LLM_E_DEADLINE: it took too long.
 */
int32_t wait_socket(unit *u, short events, int64_t until_ms);
int32_t wait_open(unit *u);
void wait_close(unit *u);
/* Forgets an interrupt that has not been seen. */
void wait_reset(unit *u);

/* ---- connect.c ---- */

/* What is wrong with the dsn before anybody is called; its secrets are kept. */
int32_t connect_check(unit *u);
/* A new connection, with what files and environment say now. */
int32_t connect_new(unit *u);
void connect_drop(unit *u);
/* A connection that looks sound; *ret_new is 1 when it was just made. */
int32_t connect_ready(unit *u, int *ret_new);

/* ---- trip.c ---- */

/* Runs the steps in order; on our own connections in one round trip. */
int32_t trip_run(unit *u, step *steps, size_t n);
/* Text of several statements, without parameters, in a transaction of ours. */
int32_t trip_script(unit *u, const char *sql, const char *doing);
/* 1: the last trip failed for a statement that is not where it was prepared; that is over now. */
int trip_unprepared(unit *u);

/* ---- witness.c ---- */

void witness_note(witness *w, const llm_op *op, const llm_op_result *result);
/*
 * Waits until it is known whether the last transaction, of u->wrote, was committed, for some
 * seconds at most. On failure it is not known.
 */
int32_t witness_ask(unit *u, int *ret_stands);

/* ---- the slots ---- */

int32_t own_open(const llm_host *host, void **ret_unit);
void own_close(void *handle);
int32_t own_begin(void *handle);
int32_t own_commit(void *handle);
int32_t own_rollback(void *handle);
void own_interrupt(void *handle);
int32_t own_migrate(void *handle, uint32_t version);
int32_t own_maintain(void *handle, uint32_t what, const char *path);
/* The schema's name as it stands in a search path: in quotes, those inside twice. */
int32_t own_set_schema(unit *u);
/* The steps, at most OWN_READS, in a transaction that only reads and is over when it returns. */
int32_t own_read(unit *u, const step *steps, size_t n);
#define OWN_READS 24
int own_is_open(const unit *u);
/* The steps again, when it was the first call of its transaction; see trip_unprepared. */
int32_t own_again(unit *u, step *steps, size_t n);
int32_t bound_bind(const llm_host *host, const llm_native *native, void **ret_unit);
void bound_release(void *handle);
/* Runs the steps behind a savepoint: what fails leaves the host's transaction as it was. */
int32_t bound_run(unit *u, step *steps, size_t n);
int32_t work_apply(void *handle, const llm_op *const *ops, size_t n, llm_op_result *const *results);
/* Questions, in the open transaction or in one of their own. */
int32_t work_read(unit *u, step *steps, size_t n);
int32_t work_query(void *handle, uint32_t kind, const llm_filter *filter, const llm_row_sink *out);
int32_t work_reap(void *handle, uint32_t limit, uint32_t *ret_n);
int32_t work_purge(void *handle, const llm_purge *what, uint32_t *ret_n);
int32_t schema_state(void *handle, llm_schema_state *ret);
/* LLM_E_SCHEMA names the table or column that is missing; 0: none is. */
int32_t schema_lacks(unit *u);
/* Keeps others from migrating until the transaction ends. */
int32_t schema_hold(unit *u);

/* ---- native.c ---- */

/* The linked copy of libpq as a table. Static. */
const llm_postgres_calls *native_calls(void);

#endif
