/*
 * job.h - operations on their way to a transaction that somebody else owns.
 *
 * A job owns its records: they lie in its arena, so the run that they tell of may be
 * gone before they are written.
 */
#ifndef LLM_STORE_JOB_H
#define LLM_STORE_JOB_H

#include "store/question.h"

/*
 * What a job came to. Called once, on the thread that said so; `results` are those of
 * the operations in the order they were added, null when nothing was committed.
 */
typedef void (*job_done_fn)(
	void *ctx, const llm_op_result *const *results, size_t n, const llm_err *why);

struct llm_job {
	const llm_allocator *mem;
	arena ar;
	llm_op **ops;
	llm_op_result **results;
	size_t n, room;
	question *questions; /* the last one first */
	size_t insists; /* operation number `insists` - 1 has to be allowed */
	int32_t insists_code;
	int droppable;
	int kept; /* its maker frees it, behind `done` */
	llm_run_row *ends; /* of a run that has ended, or null */
	const llm_time_source *time; /* of `ends`, and when that was */
	uint64_t ended_ns;
	job_done_fn done;
	void *ctx;
	llm_job *next; /* of whoever holds it */
	uint64_t deadline_ns; /* while it waits for room */
};

/*
 * `done` may be null. `droppable`: telemetry that may be thrown away when there is no
 * room, never runs, attempts, settles or claims (R-UOW-10).
 */
llm_job *job_new(const llm_allocator *mem, size_t room, int droppable, job_done_fn done, void *ctx);
arena *job_arena(llm_job *j);
/* Room for so many operations more than it has. LLM_E_NOMEM. */
int32_t job_room(llm_job *j, size_t more);
/* `record` is in the job's arena. LLM_E_TOO_LARGE when `room` is used up; LLM_E_NOMEM. */
int32_t job_add(llm_job *j, uint32_t kind, const void *record);
/*
 * Where the operation added last is not allowed, the unit is rolled back and the job ends with
 * `code`. One of a job.
 */
void job_insist(llm_job *j, int32_t code);
/* `row` is of a run that ends now: when it is written it says how long that took (settle_us). */
void job_ends(llm_job *j, llm_run_row *row, const llm_time_source *time);
/*
 * Asks behind the operations of the whole group, in their transaction; a job may have nothing
 * but questions. Texts of `filter` are copied. LLM_E_UNSUPPORTED, LLM_E_NOMEM.
 */
int32_t job_ask(llm_job *j, uint32_t kind, const llm_filter *filter);
/*
 * In `done`, or behind it where the job was kept: the rows of question `i`, in the order they
 * were asked, each of the question's type, the job's. Null: none.
 */
const void *const *job_answer(const llm_job *j, size_t i, size_t *ret_n);
/* Empty, with its memory: of a job that came back and is its maker's. */
void job_again(llm_job *j);
/* A job that nobody will run; `done` is not called. */
void job_free(llm_job *j);

int32_t job_run_all(llm_job *const *jobs, size_t n, llm_unit *u, llm_err *err);
void job_done(llm_job *j, uint32_t outcome, const llm_err *why);

#endif
