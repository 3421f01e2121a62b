/*
 * job.c - jobs, and the order of operations in a transaction.
 */
#include "store/job.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"

#define JOB_CHUNK 2048 /* the rows of a run with one attempt */

llm_job *job_new(const llm_allocator *mem, size_t room, int droppable, job_done_fn done, void *ctx)
{
	llm_job *j = mem_new(mem, sizeof(*j));

	if (!j)
		return NULL;
	j->mem = mem;
	arena_init(&j->ar, mem, JOB_CHUNK);
	j->ops = arena_array(&j->ar, room, sizeof(void *));
	j->results = arena_array(&j->ar, room, sizeof(void *));
	if (!j->ops || !j->results) {
		job_free(j);
		return NULL;
	}
	j->room = room;
	j->droppable = droppable;
	j->done = done;
	j->ctx = ctx;
	return j;
}

arena *job_arena(llm_job *j)
{
	return &j->ar;
}

int32_t job_room(llm_job *j, size_t more)
{
	const size_t room = j->n + more;
	llm_op_result **results;
	llm_op **ops;

	if (room <= j->room)
		return 0;
	ops = arena_array(&j->ar, room, sizeof(void *));
	results = arena_array(&j->ar, room, sizeof(void *));
	if (!ops || !results)
		return LLM_E_NOMEM;
	if (j->n) {
		memcpy(ops, j->ops, j->n * sizeof(void *));
		memcpy(results, j->results, j->n * sizeof(void *));
	}
	j->ops = ops;
	j->results = results;
	j->room = room;
	return 0;
}

int32_t job_add(llm_job *j, uint32_t kind, const void *record)
{
	llm_op *op;
	llm_op_result *result;

	if (j->n == j->room)
		return LLM_E_TOO_LARGE;
	op = arena_new(&j->ar, sizeof(*op));
	result = arena_new(&j->ar, sizeof(*result));
	if (!op || !result)
		return LLM_E_NOMEM;
	*op = (llm_op){sizeof(*op), kind, record};
	result->struct_size = sizeof(*result);
	j->ops[j->n] = op;
	j->results[j->n++] = result;
	return 0;
}

void job_insist(llm_job *j, int32_t code)
{
	j->insists = j->n;
	j->insists_code = code;
}

void job_ends(llm_job *j, llm_run_row *row, const llm_time_source *time)
{
	j->ends = row;
	j->time = time;
	j->ended_ns = clock_ns(time);
}

int32_t job_ask(llm_job *j, uint32_t kind, const llm_filter *filter)
{
	question *q = NULL;
	int32_t rc = question_new(&j->ar, kind, filter, &q);

	if (rc)
		return rc;
	q->next = j->questions;
	j->questions = q;
	return 0;
}

const void *const *job_answer(const llm_job *j, size_t i, size_t *ret_n)
{
	const question *q;
	size_t n = 0;

	*ret_n = 0;
	for (q = j->questions; q; q = q->next)
		n++;
	if (i >= n)
		return NULL;
	for (q = j->questions; n - 1 > i; n--)
		q = q->next;
	*ret_n = q->n;
	return q->n ? q->rows : NULL;
}

void job_again(llm_job *j)
{
	const arena ar = j->ar;

	*j = (llm_job){.mem = j->mem, .ar = ar, .done = j->done};
	arena_rewind(&j->ar);
}

void job_free(llm_job *j)
{
	if (!j)
		return;
	arena_reset(&j->ar);
	mem_free(j->mem, j);
}

void job_done(llm_job *j, uint32_t outcome, const llm_err *why)
{
	llm_err none = LLM_ERR_INIT;
	const int kept = j->kept; /* it may be gone behind `done` */

	if (outcome != LLM_JOB_COMMITTED && !why) {
		err_set(&none, LLM_E_PERSISTENCE, "the unit of work was rolled back");
		why = &none;
	}
	if (j->done && outcome == LLM_JOB_COMMITTED)
		j->done(j->ctx, (const llm_op_result *const *)j->results, j->n, NULL);
	else if (j->done)
		j->done(j->ctx, NULL, 0, why);
	if (!kept)
		job_free(j);
}

/* ---- the order in a transaction ---- */

/* One operation, where it goes, and where it came in. */
typedef struct placed {
	const llm_op *op;
	llm_op_result *result;
	size_t came;
} placed;

#define PLACED_LAST 10 /* sees what the group has put; its record has no key */

/* Tables in the order in which every process writes to them (R-UOW-11). */
static uint32_t placed_table(uint32_t kind)
{
	static const uint8_t ranks[] = {
		[LLM_OP_OWNER_BEAT] = 1,
		[LLM_OP_HEALTH_PUT] = 2,
		[LLM_OP_IDEM_CLAIM] = 3,
		[LLM_OP_IDEM_SETTLE] = 3,
		/* Before runs: the first count of a budget sees those of earlier groups. */
		[LLM_OP_BUDGET_HOLD] = 4,
		[LLM_OP_BUDGET_SETTLE] = 4,
		[LLM_OP_BUDGET_SPEND] = 4,
		[LLM_OP_BUDGET_SET] = 4,
		[LLM_OP_BUDGET_REAP] = 4,
		[LLM_OP_RUN_BEGIN] = 5,
		[LLM_OP_RUN_FINISH] = 5,
		[LLM_OP_ATTEMPT_PUT] = 6,
		[LLM_OP_STAGE_PUT] = 7,
		[LLM_OP_CONTENT_PUT] = 8,
		[LLM_OP_CACHE_PUT] = 9,
		[LLM_OP_CACHE_TOUCH] = 9,
		[LLM_OP_CACHE_DROP] = 9,
		[LLM_OP_CACHE_TRIM] = PLACED_LAST,
	};

	return kind < sizeof(ranks) ? ranks[kind] : UINT32_MAX;
}

/* The key's texts stand in front of a record: one, two or three. */
static int placed_keys(const llm_op *a, const llm_op *b)
{
	uint32_t table = placed_table(a->kind);
	size_t n = table == PLACED_LAST ? 0 : table <= 2 ? 1 : table == 3 ? 3 : 2, i;
	const char *x, *y;
	int order = 0;

	for (i = 1; i <= n && !order; i++) {
		memcpy(&x, (const char *)a->record + i * sizeof(x), sizeof(x));
		memcpy(&y, (const char *)b->record + i * sizeof(y), sizeof(y));
		order = strcmp(x ? x : "", y ? y : "");
	}
	return order;
}

static int placed_compare(const placed *x, const placed *y)
{
	uint32_t tx = placed_table(x->op->kind), ty = placed_table(y->op->kind);
	int order = (tx > ty) - (tx < ty);

	if (!order && tx != UINT32_MAX)
		order = placed_keys(x->op, y->op);
	return order ? order : (x->came > y->came) - (x->came < y->came);
}

/* Shell's: in place, since qsort takes memory behind the allocator's back. */
static void placed_sort(placed *list, size_t n)
{
	static const size_t gaps[] = {301, 132, 57, 23, 10, 4, 1};
	size_t g, i, j, gap;
	placed one;

	for (g = 0; g < sizeof(gaps) / sizeof(gaps[0]); g++) {
		gap = gaps[g];
		for (i = gap; i < n; i++) {
			one = list[i];
			for (j = i; j >= gap && placed_compare(&list[j - gap], &one) > 0; j -= gap)
				list[j] = list[j - gap];
			list[j] = one;
		}
	}
}

/* The operations of all jobs, in order, as `apply` takes them. */
typedef struct burst {
	size_t n;
	placed *list;
	const llm_op **ops;
	llm_op_result **results;
} burst;

/* Its commit comes on top: no row can tell of that. */
static void stamp(const llm_job *j)
{
	if (j->ends)
		j->ends->settle_us = (int64_t)((clock_ns(j->time) - j->ended_ns) / 1000);
}

static int32_t burst_fill(burst *b, llm_job *const *jobs, size_t n, arena *ar)
{
	size_t i, j, at = 0;

	for (i = 0; i < n; i++)
		b->n += jobs[i]->n;
	b->list = arena_array(ar, b->n, sizeof(b->list[0]));
	b->ops = arena_array(ar, b->n, sizeof(void *));
	b->results = arena_array(ar, b->n, sizeof(void *));
	if (!b->list || !b->ops || !b->results)
		return LLM_E_NOMEM;
	for (i = 0; i < n; i++) {
		stamp(jobs[i]);
		for (j = 0; j < jobs[i]->n; j++, at++)
			b->list[at] = (placed){jobs[i]->ops[j], jobs[i]->results[j], at};
	}
	placed_sort(b->list, b->n);
	for (at = 0; at < b->n; at++) {
		b->ops[at] = b->list[at].op;
		b->results[at] = b->list[at].result;
		b->results[at]->code = 0;
		b->results[at]->changed = 0;
		b->results[at]->generation = 0;
	}
	return 0;
}

/* What was refused may be the whole point of a job. */
static int32_t check_insisted(const llm_job *j, llm_err *err)
{
	if (!j->insists || !j->results[j->insists - 1]->code)
		return 0;
	return err_set(err, j->insists_code,
		"the stored row forbids what the run depends on: nothing of it was written");
}

static int32_t ask_all(question *q, llm_unit *u, llm_err *err)
{
	int32_t rc = 0;

	for (; !rc && q; q = q->next)
		rc = question_ask(q, u, err);
	return rc;
}

int32_t job_run_all(llm_job *const *jobs, size_t n, llm_unit *u, llm_err *err)
{
	burst b = {0};
	int32_t rc;
	arena ar;
	size_t i;

	arena_init(&ar, &u->storage->mem, 0);
	rc = burst_fill(&b, jobs, n, &ar);
	if (rc)
		err_set(err, rc, "no memory for a group of jobs");
	else if (b.n)
		rc = unit_apply(u, b.ops, b.n, b.results, err);
	for (i = 0; !rc && i < n; i++) {
		rc = check_insisted(jobs[i], err);
		if (!rc)
			rc = ask_all(jobs[i]->questions, u, err);
	}
	arena_reset(&ar);
	return rc;
}
