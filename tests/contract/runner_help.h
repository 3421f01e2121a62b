/*
 * runner_help.h - a storage that keeps a diary of its calls and fails when told to, and
 * jobs to run on it. Every test has a process of its own, and so a diary of its own.
 */
#ifndef TESTS_CONTRACT_RUNNER_HELP_H
#define TESTS_CONTRACT_RUNNER_HELP_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "llm/runner.h"
#include "store/job.h"
#include "storage_help.h"

/* ---- a storage that keeps a diary and can be told to fail ---- */

static struct diary {
	pthread_mutex_t lock;
	const llm_storage_vtable *real;
	char slots[1 << 16];
	size_t applied; /* operations */
	int busy; /* so many begins are refused */
	const char *poison; /* a group with this run's id fails */
	size_t largest; /* group */
} diary = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline void note(const char *slot)
{
	size_t n;

	pthread_mutex_lock(&diary.lock);
	n = strlen(diary.slots);
	snprintf(diary.slots + n, sizeof(diary.slots) - n, "%s ", slot);
	pthread_mutex_unlock(&diary.lock);
}

static inline int32_t noted_open(const llm_host *host, void **ret)
{
	note("open");
	return diary.real->open(host, ret);
}

static inline void noted_close(void *u)
{
	note("close");
	diary.real->close(u);
}

static inline int32_t noted_begin(void *u)
{
	note("begin");
	return diary.busy-- > 0 ? LLM_E_DB_BUSY : diary.real->begin(u);
}

static inline int32_t noted_commit(void *u)
{
	note("commit");
	return diary.real->commit(u);
}

static inline int32_t noted_rollback(void *u)
{
	note("rollback");
	return diary.real->rollback(u);
}

static inline int32_t noted_apply(
	void *u, const llm_op *const *ops, size_t n, llm_op_result *const *results)
{
	size_t i;

	note("apply");
	diary.applied += n;
	diary.largest = n > diary.largest ? n : diary.largest;
	for (i = 0; i < n && diary.poison; i++)
		if (strcmp(((const llm_run_row *)ops[i]->record)->id, diary.poison) == 0)
			return LLM_E_PERSISTENCE;
	return diary.real->apply(u, ops, n, results);
}

static inline int32_t noted_bind(const llm_host *host, const llm_native *native, void **ret)
{
	int32_t rc;

	(void)native;
	note("bind");
	rc = diary.real->open(host, ret);
	return rc ? rc : diary.real->begin(*ret);
}

static inline void noted_release(void *u)
{
	note("release");
	diary.real->commit(u); /* the host does */
	diary.real->close(u);
}

/* A store of the test's name on memstore, behind the diary. */
static inline llm_storage *noted_storage(plugins *ps, const char *dsn)
{
	static llm_storage_vtable table;
	static plugin p;
	const char *settings[] = {dsn, NULL};
	llm_err err = LLM_ERR_INIT;
	llm_storage *st = NULL;

	p = *help_get(ps, "memstore");
	diary.real = p.storage;
	table = *p.storage;
	table.open = noted_open;
	table.close = noted_close;
	table.begin = noted_begin;
	table.commit = noted_commit;
	table.rollback = noted_rollback;
	table.apply = noted_apply;
	table.bind = noted_bind;
	table.release = noted_release;
	p.storage = &table;
	cr_assert_eq(
		storage_new(&p, settings, mem_default(), NULL, &st, &err), 0, "%s", err.message);
	return st;
}

/* ---- jobs ---- */

static atomic_int n_committed, n_failed;
static atomic_int last_code, last_conflicts;

static inline void on_done(
	void *ctx, const llm_op_result *const *results, size_t n, const llm_err *why)
{
	int conflicts = 0;
	size_t i;

	(void)ctx;
	note(why ? "failed" : "done");
	for (i = 0; i < n; i++)
		conflicts += results[i]->code != 0;
	atomic_store(&last_conflicts, conflicts);
	atomic_store(&last_code, why ? why->code : 0);
	atomic_fetch_add(why ? &n_failed : &n_committed, 1);
}

/* A run that begins, and that ends too where `whole`. */
static inline llm_job *run_job(const char *id, int whole)
{
	llm_job *j = job_new(mem_default(), 2, 0, on_done, NULL);
	llm_run_row *r = arena_new(job_arena(j), 2 * sizeof(*r));
	const char *own = arena_str(job_arena(j), id);

	r[0] = row_begin(W, own);
	r[1] = row_finish(W, own, "succeeded");
	cr_assert_eq(job_add(j, LLM_OP_RUN_BEGIN, &r[0]), 0);
	if (whole)
		cr_assert_eq(job_add(j, LLM_OP_RUN_FINISH, &r[1]), 0);
	cr_assert_eq(job_add(j, 1, NULL), whole ? LLM_E_TOO_LARGE : 0);
	if (!whole)
		j->n--;
	return j;
}

static inline void wait_for(atomic_int *counter, int n)
{
	struct timespec ts = {0, 1000000};
	int i;

	for (i = 0; i < 5000 && atomic_load(counter) < n; i++)
		nanosleep(&ts, NULL);
	cr_assert_geq(atomic_load(counter), n);
}

static inline llm_runner *runner_of(llm_storage *st, const llm_runner_opts *opts)
{
	llm_err err = LLM_ERR_INIT;
	llm_runner *r = NULL;

	cr_assert_eq(llm_runner_new(st, opts, &r, &err), 0, "%s", err.message);
	return r;
}

static inline void submit(llm_runner *r, llm_job *j)
{
	const llm_job_port *port = llm_runner_port(r);

	cr_assert_eq(port->submit(port->ctx, j), 0);
}

#endif
