/*
 * llm/unit.h - units of work: who begins and commits is never the library.
 *
 * What a run leaves behind travels as jobs. A job is a few operations on a storage
 * backend; somebody with a transaction runs it and then says what became of it.
 * Nothing that a job did is believed before llm_job_done(LLM_JOB_COMMITTED). That
 * somebody is llm_runner (runner.h), or a host with a thread and a connection of its
 * own, or, in bound mode, the host's own transaction.
 */
#ifndef LLM_UNIT_H
#define LLM_UNIT_H

#include "service.h"

LLM_EXTERN_C_BEGIN

typedef struct llm_storage llm_storage;
typedef struct llm_unit llm_unit;
typedef struct llm_job llm_job;

/* Of llm/abi/storage.h and llm/abi/host.h, which applications do not need. */
struct llm_native;
struct llm_storage_vtable;
struct llm_host;

/* ---- where rows are kept ---- */

/*
 * Zero means default. Strings are copied. Without plugin, sha256 and settings it is the
 * `storage` section of the configuration that `service` names, where that has one.
 */
typedef struct llm_storage_opts {
	uint32_t struct_size;
	uint32_t flags;
	const char *plugin; /* a name, or an absolute path; null: "sqlite" */
	const char *sha256; /* a pin of 64 hex digits, or null */
	const char *const *settings; /* "dsn=llm.db", "sync=full"; null-terminated, or null */
	const llm_service_opts *service; /* search path, allocator, log; null: the default ones */
} llm_storage_opts;

#define LLM_STORAGE_OPTS_INIT \
	{ \
		.struct_size = (uint32_t)sizeof(llm_storage_opts) \
	}

/*
 * Loads a storage plugin and checks the names of the settings. Opens nothing.
 * @param ret  freed with llm_storage_free, behind everything that was made of it
 * @return 0, LLM_E_PLUGIN, LLM_E_CONFIG, LLM_E_NOMEM, LLM_E_INVALID_REQUEST
 * [any]
 */
LLM_API int32_t llm_storage_new(const llm_storage_opts *opts, llm_storage **ret, llm_err *err);

/* Accepts null. [owner] */
LLM_API void llm_storage_free(llm_storage *storage);

/* The memory functions that it was made with. Lives as long as it. [any] */
LLM_API const llm_allocator *llm_storage_allocator(const llm_storage *storage);

/* ---- bound mode: a unit in the host's own transaction ---- */

/*
 * Makes a unit on a handle of the host's whose transaction is open; llm/native/NAME.h
 * fills `native`. The library never ends that transaction; it uses savepoints of its
 * own names.
 * @param native  stays as it is until llm_unit_release
 * @return 0, LLM_E_STATE (no transaction is open, or another copy of the database
 *         library has the file), LLM_E_UNSUPPORTED, LLM_E_INVALID_REQUEST, LLM_E_NOMEM
 * [owner]
 */
LLM_API int32_t llm_unit_bind(
	llm_storage *storage, const struct llm_native *native, llm_unit **ret, llm_err *err);

/*
 * Says that the host has committed. Until then nothing in memory knows of what the
 * unit wrote. Only on bound units. [owner]
 */
LLM_API void llm_unit_committed(llm_unit *unit);

/*
 * Ends the unit; the handle and its transaction stay as they are. Without
 * llm_unit_committed before, what it wrote counts as rolled back. Accepts null. [owner]
 */
LLM_API void llm_unit_release(llm_unit *unit);

/* 1: on a host's handle; 0: on a connection of a runner's. [any] */
LLM_API int llm_unit_is_bound(const llm_unit *unit);

/*
 * Writes the rows of a run that was submitted with llm_call_opts.unit, in the unit's
 * transaction: any unit of the same database, also another one than at submit, and again
 * in a new one when the first was rolled back. What the host does to its transaction later
 * is said with llm_unit_committed or llm_unit_release.
 * @param call  has completed, whatever came of it
 * @return 0; LLM_E_STATE (it still runs, is recorded already, or was not bound);
 *         LLM_E_DB_BUSY: the host may roll back and try again; LLM_E_CONFLICT: there is a
 *         row of that run already; LLM_E_PERSISTENCE, LLM_E_NOMEM
 * [owner] of the unit and of the call
 */
struct llm_call;
LLM_API int32_t llm_unit_record(llm_unit *unit, struct llm_call *call, llm_err *err);

/* ---- runs on record ---- */

/* How a service records its runs. Zero: not at all. */
enum { LLM_LEDGER_STRICT = 1, LLM_LEDGER_AFTER = 2 };

/* Counts since the service was made. */
typedef struct llm_ledger_stats {
	uint32_t struct_size;
	uint32_t mode; /* LLM_LEDGER_*, or 0 */
	uint64_t begun; /* rows `running` that were committed before anything was sent */
	uint64_t settled; /* runs whose end was committed */
	uint64_t failed; /* runs that are not on record, or not wholly */
	uint64_t late; /* answers that were delivered before their row was there */
	uint64_t unrecorded; /* bound runs that the host never recorded */
	uint64_t dropped; /* telemetry that found no room */
	uint32_t degraded; /* 1: the last attempt to write failed */
	uint32_t reserved;
} llm_ledger_stats;

/*
 * What a service has on record. Set ret->struct_size first.
 * @return 0, LLM_E_INVALID_REQUEST
 * [any]
 */
LLM_API int32_t llm_service_ledger(llm_service *svc, llm_ledger_stats *ret);

/* ---- jobs that a host runs ---- */

/* What became of the transaction in which a job was run. */
enum { LLM_JOB_COMMITTED = 1, LLM_JOB_ROLLED_BACK = 2 };

/*
 * Where a service hands its jobs (llm_service_opts.jobs). `submit` is called on the loop thread and returns
 * at once: 0, and the job is the port's until llm_job_done; or LLM_E_QUEUE_FULL, and
 * it stays the service's.
 */
typedef struct llm_job_port {
	uint32_t struct_size;
	uint32_t reserved;
	void *ctx;
	int32_t (*submit)(void *ctx, llm_job *job);
	/*
	 * Ends every job that was handed over so far: behind it llm_job_done has returned for
	 * each. Called by llm_service_free, on its thread, several times; no callback of the
	 * service runs meanwhile.
	 */
	void (*drain)(void *ctx);
} llm_job_port;

/*
 * Runs a job in the unit's open transaction. May be called again, with the job in
 * another transaction, when this one was rolled back.
 * @return 0, or why the transaction has to be rolled back; LLM_E_DB_BUSY: try again
 * [owner] of the unit
 */
LLM_API int32_t llm_job_run(llm_job *job, llm_unit *unit, llm_err *err);

/*
 * The same for several jobs in one transaction, in the order of tables and keys that
 * all processes keep, so that two groups cannot wait for each other.
 */
LLM_API int32_t llm_jobs_run(llm_job *const *jobs, uint32_t n_jobs, llm_unit *unit, llm_err *err);

/*
 * Says what became of a job, exactly once; the job is gone afterwards.
 * @param outcome  LLM_JOB_*
 * @param why      with LLM_JOB_ROLLED_BACK: the reason, or null
 * [any]
 */
LLM_API void llm_job_done(llm_job *job, uint32_t outcome, const llm_err *why);

/* ---- for those who write a runner ---- */

/* A unit without a connection. [any] */
LLM_API int32_t llm_unit_new(llm_storage *storage, llm_unit **ret, llm_err *err);

/* The plugin's table, of the library's own size. */
LLM_API const struct llm_storage_vtable *llm_unit_table(const llm_unit *unit);

/* What `open` is given. */
LLM_API const struct llm_host *llm_unit_host(llm_unit *unit);

/* The connection that `open` gave; llm_unit_release does not close it. */
LLM_API void llm_unit_attach(llm_unit *unit, void *connection);
LLM_API void *llm_unit_connection(const llm_unit *unit);

/*
 * Brackets of each call into the table: before it, and behind it with what it returned. `slot`
 * is the function's name, static; a service names one that does not return by it
 * (llm_service_watch). llm_unit_call is llm_unit_enter without a name.
 */
LLM_API void llm_unit_enter(llm_unit *unit, const char *slot);
LLM_API void llm_unit_call(llm_unit *unit);
LLM_API int32_t llm_unit_called(llm_unit *unit, const char *slot, int32_t returned, llm_err *err);

LLM_EXTERN_C_END
#endif
