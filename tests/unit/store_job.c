/* store_job.c - room in a job, what it tells at its end, and a lack of memory. */
#include "store/job.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "support/failalloc.h"

static const char record[] = "any";

typedef struct told {
	int calls;
	size_t n;
	int32_t code;
	char message[200];
} told;

static void tell(void *ctx, const llm_op_result *const *results, size_t n, const llm_err *why)
{
	told *t = ctx;

	t->calls++;
	t->n = n;
	t->code = why ? why->code : 0;
	if (why)
		err_copy(t->message, sizeof(t->message), why->message, strlen(why->message));
	cr_assert_eq(results != NULL, why == NULL);
}

Test(store_job, room_is_kept_to_until_more_is_asked_for)
{
	llm_job *j = job_new(mem_default(), 1, 0, NULL, NULL);
	const llm_op *first;

	cr_assert_not_null(j);
	cr_expect_eq(job_add(j, LLM_OP_RUN_BEGIN, record), 0);
	first = j->ops[0];
	cr_expect_eq(job_add(j, LLM_OP_RUN_FINISH, record), LLM_E_TOO_LARGE);
	cr_expect_eq(j->n, 1);
	cr_expect_eq(job_room(j, 2), 0);
	cr_expect_eq(j->room, 3);
	cr_expect_eq(j->ops[0], first, "what it had is still there");
	cr_expect_eq(job_room(j, 1), 0);
	cr_expect_eq(j->room, 3, "there was enough");
	cr_expect_eq(job_add(j, LLM_OP_RUN_FINISH, record), 0);
	cr_expect_eq(j->ops[1]->kind, LLM_OP_RUN_FINISH);
	job_free(j);
	job_free(NULL);
}

/* The job of a run's beginning is that of its end as well. */
Test(store_job, begins_again_with_what_it_has)
{
	told t = {0};
	llm_job *j = job_new(mem_default(), 1, 1, tell, &t);

	cr_assert_not_null(j);
	cr_assert_eq(job_add(j, LLM_OP_RUN_BEGIN, record), 0);
	job_insist(j, LLM_E_CONFLICT);
	j->kept = 1;
	job_done(j, LLM_JOB_COMMITTED, NULL);
	job_again(j);
	cr_expect_eq(j->n, 0);
	cr_expect_eq(j->insists, 0);
	cr_expect_eq(j->droppable, 0);
	cr_expect_eq(job_add(j, LLM_OP_RUN_FINISH, record), LLM_E_TOO_LARGE);
	cr_assert_eq(job_room(j, 2), 0);
	cr_assert_eq(job_add(j, LLM_OP_RUN_FINISH, record), 0);
	cr_assert_eq(job_add(j, LLM_OP_ATTEMPT_PUT, record), 0);
	j->ctx = &t;
	job_done(j, LLM_JOB_COMMITTED, NULL);
	cr_expect_eq(t.calls, 2);
	cr_expect_eq(t.n, 2);
}

static told end(uint32_t outcome, const llm_err *why)
{
	told t = {0};
	llm_job *j = job_new(mem_default(), 1, 0, tell, &t);

	cr_assert_not_null(j);
	cr_assert_eq(job_add(j, LLM_OP_RUN_BEGIN, record), 0);
	job_done(j, outcome, why);
	cr_assert_eq(t.calls, 1);
	return t;
}

Test(store_job, the_end_is_told_once_and_says_why)
{
	llm_err why = LLM_ERR_INIT;
	told t = end(LLM_JOB_COMMITTED, NULL);

	cr_expect_eq(t.code, 0);
	cr_expect_eq(t.n, 1);
	t = end(LLM_JOB_ROLLED_BACK, NULL);
	cr_expect_eq(t.code, LLM_E_PERSISTENCE);
	cr_expect_str_eq(t.message, "the unit of work was rolled back");
	cr_expect_eq(t.n, 0);
	err_set(&why, LLM_E_DB_BUSY, "somebody writes");
	t = end(LLM_JOB_ROLLED_BACK, &why);
	cr_expect_eq(t.code, LLM_E_DB_BUSY);
	cr_expect_str_eq(t.message, "somebody writes");
}

static int play(failalloc *fa, void *arg)
{
	llm_job *j = job_new(&fa->hook, 2, 0, NULL, NULL);
	int32_t rc = 0;
	size_t i;

	(void)arg;
	if (!j)
		return 0;
	for (i = 0; !rc && i < 300; i++) {
		rc = job_room(j, 1);
		if (!rc)
			rc = job_add(j, LLM_OP_ATTEMPT_PUT, record);
	}
	if (j->n != i - (rc != 0) || j->n > j->room)
		rc = LLM_E_INTERNAL;
	job_free(j);
	return rc == LLM_E_NOMEM ? 0 : rc;
}

Test(store_job, a_lack_of_memory_leaves_the_job_as_it_was)
{
	cr_expect_eq(failalloc_sweep(play, NULL), 0);
}
