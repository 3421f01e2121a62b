/*
 * llm/abi/storage.h - a storage backend: a guest in somebody's transaction.
 *
 * A plugin keeps rows and answers questions about them. It begins, commits and
 * rolls back only on connections that it was told to open, and only when told; on
 * a handle that the host has bound it uses nothing but savepoints of its own names.
 *
 * Threads: a connection or bound unit is used by one thread at a time, different
 * ones by different threads at once; `interrupt` may come from any thread. Each has
 * a host table of its own: LLM_SCOPE_INSTANCE lives until `close` or `release`
 * returns, LLM_SCOPE_SCRATCH until the running call returns, LLM_SCOPE_ATTEMPT is
 * not served.
 *
 * The rows themselves are those of llm/rows.h.
 */
#ifndef LLM_ABI_STORAGE_H
#define LLM_ABI_STORAGE_H

#include "../rows.h"
#include "host.h"

LLM_EXTERN_C_BEGIN

/* ---- work ---- */

/* Kinds of operations; the record of each in brackets. */
enum {
	LLM_OP_RUN_BEGIN = 1, /* [llm_run_row] */
	LLM_OP_RUN_FINISH = 2, /* [llm_run_row] */
	LLM_OP_ATTEMPT_PUT = 3, /* [llm_attempt_row] */
	LLM_OP_STAGE_PUT = 4, /* [llm_stage_row] */
	LLM_OP_CONTENT_PUT = 5, /* [llm_content_row] */
	LLM_OP_IDEM_CLAIM = 6, /* [llm_idem_row] */
	LLM_OP_IDEM_SETTLE = 7, /* [llm_idem_row] */
	LLM_OP_OWNER_BEAT = 8, /* [llm_owner_row] */
	LLM_OP_CACHE_PUT = 9, /* [llm_cache_row] */
	LLM_OP_CACHE_TOUCH = 10, /* [llm_cache_row] */
	LLM_OP_CACHE_DROP = 11, /* [llm_cache_row] */
	LLM_OP_HEALTH_PUT = 12, /* [llm_health_row] */
	LLM_OP_BUDGET_HOLD = 13, /* [llm_budget_row] */
	LLM_OP_BUDGET_SETTLE = 14, /* [llm_budget_row] */
	LLM_OP_BUDGET_SPEND = 15, /* [llm_budget_row] */
	LLM_OP_BUDGET_SET = 16, /* [llm_budget_row] */
	LLM_OP_BUDGET_REAP = 17, /* [llm_budget_row] */
	LLM_OP_CACHE_TRIM = 18 /* [llm_cache_trim] */
};

typedef struct llm_op {
	uint32_t struct_size;
	uint32_t kind; /* LLM_OP_* */
	const void *record;
} llm_op;

/* What one operation came to. An operation that was not allowed is no failure of the unit. */
typedef struct llm_op_result {
	uint32_t struct_size;
	int32_t code; /* 0; LLM_E_CONFLICT: the stored row forbids it, nothing was changed */
	int64_t changed; /* rows written; 0 with code 0: it was there already */
	int64_t generation; /* IDEM_CLAIM that was given */
	/* Of a BUDGET_HOLD that was refused; of others they stay as they were. */
	int64_t limit_nanousd;
	int64_t left_us; /* until its window ends, -1: it does not */
} llm_op_result;

/* ---- a handle of the host's ---- */

typedef struct llm_native {
	uint32_t struct_size;
	uint32_t reserved;
	const char *kind; /* "sqlite3/1": what `handle` and `calls` are */
	void *handle; /* a session with an open transaction */
	const void *calls; /* the host's own functions for it, starts with struct_size */
} llm_native;

#define LLM_NATIVE_SQLITE "sqlite3/1" /* llm/native/sqlite.h fills it */
#define LLM_NATIVE_POSTGRES "postgres/1" /* llm/native/postgres.h fills it */

/* ---- the table ---- */

/* Constant facts about a storage plugin. All pointers are static. */
typedef struct llm_storage_info {
	uint32_t struct_size;
	uint32_t flags; /* unknown bits are ignored */
	const char *name; /* "sqlite" */
	const char *label; /* "SQLite" */
	uint64_t ops; /* bit (1 << LLM_OP_*) for each that it has */
	uint64_t queries; /* bit (1 << LLM_QUERY_*) */
	const llm_key_info *const *config_keys; /* null-terminated */
	const char *native_kind; /* of `bind`, or null: it has no bound mode */
} llm_storage_info;

typedef struct llm_storage_vtable {
	uint32_t struct_size;
	uint32_t reserved;

	/* --- 1.0: required --- */

	/* Constant facts. */
	const llm_storage_info *(*describe)(void);

	/*
	 * A connection of its own, set by host.config. It neither makes nor migrates
	 * anything unless the setting "create" says so. `host` outlives it.
	 */
	int32_t (*open)(const llm_host *host, void **ret_unit);
	/* Rolls back what is open. */
	void (*close)(void *unit);
	/* A writing transaction, at once; LLM_E_DB_BUSY, LLM_E_STATE when one is open. */
	int32_t (*begin)(void *unit);
	/* After a failure nothing of the transaction is there, and none is open. */
	int32_t (*commit)(void *unit);
	/* Nothing open is no error. */
	int32_t (*rollback)(void *unit);
	/* From any thread: a call that is running or waiting returns LLM_E_CANCELLED soon. */
	void (*interrupt)(void *unit);
	/*
	 * All operations in this order, or none: on failure the unit is as before the call,
	 * or has to be rolled back. `results` has one element for each. Needs an open
	 * transaction (LLM_E_STATE).
	 */
	int32_t (*apply)(
		void *unit, const llm_op *const *ops, size_t n_ops, llm_op_result *const *results);
	/* Works with or without an open transaction. */
	int32_t (*query)(
		void *unit, uint32_t kind, const llm_filter *filter, const llm_row_sink *out);

	/* --- 1.0: optional, null when absent --- */

	/*
	 * A unit on the host's handle, inside its transaction (LLM_E_STATE: none is open).
	 * begin, commit, rollback, migrate and maintain are never called on it.
	 */
	int32_t (*bind)(const llm_host *host, const llm_native *native, void **ret_unit);
	/* The handle and its transaction stay as they are. */
	void (*release)(void *unit);
	/* What is there; absent: it has no schema. 0 also when it does not fit. */
	int32_t (*schema)(void *unit, llm_schema_state *ret);
	/*
	 * Up or down to `version` in one transaction; UINT32_MAX: to what it expects. Only
	 * on connections of its own, without an open transaction.
	 */
	int32_t (*migrate)(void *unit, uint32_t version);
	/*
	 * Comes with OWNER_BEAT: marks at most `limit` running runs as abandoned whose owner's lease has passed.
	 * Safe to repeat and to run in many places at once. Needs an open transaction.
	 */
	int32_t (*reap)(void *unit, uint32_t limit, uint32_t *ret_n);
	/* *ret_n rows were deleted; 0: nothing is left to do. Needs an open transaction. */
	int32_t (*purge)(void *unit, const llm_purge *what, uint32_t *ret_n);
	/* LLM_MAINTAIN_*. Only on connections of its own, without an open transaction. */
	int32_t (*maintain)(void *unit, uint32_t what, const char *path);
	/* Tables of further operations by id, or null. */
	const void *(*get_extension)(const char *id);
} llm_storage_vtable;

LLM_EXTERN_C_END
#endif
