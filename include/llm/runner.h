/*
 * llm/runner.h - the ready host of a database: a connection and a thread of its own.
 *
 * Its thread takes the jobs that wait, at most group_max, runs them in one
 * transaction, commits, and says so to each. A group that fails is rolled back and
 * its jobs are run one by one, so only the one that fails again is told. Between
 * begin and commit the thread does nothing but call the plugin.
 */
#ifndef LLM_RUNNER_H
#define LLM_RUNNER_H

#include "unit.h"

LLM_EXTERN_C_BEGIN

typedef struct llm_runner llm_runner;

/* Zero means default. */
typedef struct llm_runner_opts {
	uint32_t struct_size;
	uint32_t flags;
	uint32_t queue_max; /* jobs that wait; 10000 */
	uint32_t group_max; /* jobs in one commit; 64 */
	/*
	 * Waits so long for neighbours. 0: where jobs come in swarms as long as the usual one takes
	 * to gather, 0.2 ms at most; else not at all.
	 */
	uint32_t group_delay_ms;
	uint32_t retry_ms; /* pause before a busy unit is tried again, doubled each time; 10 */
	uint32_t retries; /* how often; 3 */
	uint32_t reserved;
} llm_runner_opts;

#define LLM_RUNNER_OPTS_INIT \
	{ \
		.struct_size = (uint32_t)sizeof(llm_runner_opts) \
	}

/* Counts since the runner was made. */
typedef struct llm_runner_stats {
	uint32_t struct_size;
	uint32_t waiting; /* jobs now */
	uint64_t committed; /* jobs */
	uint64_t failed; /* jobs that were rolled back for good */
	uint64_t commits; /* groups that were committed */
	uint64_t broken_groups; /* groups that were run one by one */
	uint64_t retried; /* units that were busy and tried again */
	uint64_t refused; /* submits that found the queue full */
} llm_runner_stats;

/*
 * Opens a connection, looks at the schema, and starts the thread.
 * @param storage  outlives the runner
 * @param opts     may be null
 * @return 0, LLM_E_SCHEMA (found, expected, what to do), LLM_E_DB_BUSY,
 *         LLM_E_PERSISTENCE, LLM_E_CONFIG, LLM_E_STATE, LLM_E_NOMEM
 * [any]
 */
LLM_API int32_t llm_runner_new(
	llm_storage *storage, const llm_runner_opts *opts, llm_runner **ret, llm_err *err);

/* Where jobs go in. Lives as long as the runner. [any] */
LLM_API const llm_job_port *llm_runner_port(llm_runner *runner);

/* What it has done so far, and how many jobs wait; all of *ret is written. [any] */
LLM_API void llm_runner_stats_of(llm_runner *runner, llm_runner_stats *ret);

/*
 * Takes no more jobs, runs those that wait, closes the connection. Accepts null. In a
 * forked child it does nothing. [owner]
 */
LLM_API void llm_runner_free(llm_runner *runner);

/* ---- a connection without a thread, for tools ---- */

/* Opens a connection of its own; llm_unit_close ends it. [owner], in all below */
LLM_API int32_t llm_unit_open(llm_storage *storage, llm_unit **ret, llm_err *err);
LLM_API void llm_unit_close(llm_unit *unit);

/* On a bound unit these are LLM_E_STATE and never reach the plugin. */
LLM_API int32_t llm_unit_begin(llm_unit *unit, llm_err *err);
LLM_API int32_t llm_unit_commit(llm_unit *unit, llm_err *err);
LLM_API int32_t llm_unit_rollback(llm_unit *unit, llm_err *err);
LLM_API int32_t llm_unit_migrate(llm_unit *unit, uint32_t version, llm_err *err);

/* 0, or LLM_E_SCHEMA in words: what was found, what is expected, what to do. */
LLM_API int32_t llm_unit_check_schema(llm_unit *unit, llm_err *err);

/* From any thread: a call that is running or waiting ends soon with LLM_E_CANCELLED. [any] */
LLM_API void llm_unit_interrupt(llm_unit *unit);

/* The number for llm_unit_migrate that stands for "as this version expects it". */
#define LLM_SCHEMA_LATEST UINT32_MAX

LLM_EXTERN_C_END
#endif
