/*
 * cache_port.c - lookups in the hands of a host that runs the jobs: each is answered when the
 * test says so, on a clock that stands still.
 */
#include "cache_try.h"
#include "store/job.h"

#define SQL "mode = \"on\"; store = \"sql\"; cache_any_candidate = true;"
#define TWO \
	"storage = { ledger = \"after\"; };\nprofiles = { two = { candidates = " \
	"[ \"ollama/sim-small\", \"other/sim-small\" ]; }; };\ndefault_profile = \"two\";\n"
#define MS UINT64_C(1000000)
#define JOBS 32

typedef struct desk {
	llm_job_port port;
	llm_job *jobs[JOBS];
	size_t n, done;
	cache_try t;
} desk;

static int32_t take(void *ctx, llm_job *job)
{
	desk *d = ctx;

	if (d->n == JOBS)
		return LLM_E_QUEUE_FULL;
	d->jobs[d->n++] = job;
	return 0;
}

/* The next job: nothing was written, and no row was found; or it failed. */
static void serve(desk *d, int32_t code)
{
	const llm_err why = {.struct_size = sizeof(why), .code = code};

	cr_assert_lt(d->done, d->n);
	llm_job_done(d->jobs[d->done++], code ? LLM_JOB_ROLLED_BACK : LLM_JOB_COMMITTED,
		code ? &why : NULL);
	cache_settle(&d->t);
}

static void drain(void *ctx)
{
	desk *d = ctx;

	while (d->done < d->n)
		llm_job_done(d->jobs[d->done++], LLM_JOB_COMMITTED, NULL);
}

static void open_desk(desk *d)
{
	memset(d, 0, sizeof(*d));
	d->port = (llm_job_port){sizeof(d->port), 0, d, take, drain};
	d->t.jobs = &d->port;
	atomic_store(&cache_ns, 1000 * MS);
	cache_begin(&d->t, NULL, SQL, TWO);
	(void)llm_service_fd(d->t.svc);
}

static void submit(desk *d)
{
	llm_request *rq = NULL;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", N), 0);
	cr_assert_eq(llm_request_number(rq, LLM_NUM_TEMPERATURE, 0), 0);
	cr_assert_eq(
		llm_submit(d->t.svc, rq, NULL, &d->t.call, &d->t.err), 0, "%s", d->t.err.message);
	llm_request_free(rq);
	cache_settle(&d->t);
}

static void pass(desk *d, uint64_t ms)
{
	atomic_fetch_add(&cache_ns, ms * MS);
	cache_settle(&d->t);
}

static void finish(desk *d)
{
	while (!atomic_load(&d->t.call->done))
		cache_turn(&d->t, 3);
	cr_assert_null(llm_result_error(llm_call_result(d->t.call)));
}

static void free_call(desk *d)
{
	llm_call_free(d->t.call);
	d->t.call = NULL;
}

Test(cache_port, R_CACHE_17_all_lookups_of_a_run_wait_50_ms_together)
{
	desk d;

	open_desk(&d);
	submit(&d);
	cr_assert_eq(d.n, 1, "of the first candidate");
	pass(&d, 30);
	serve(&d, 0);
	cr_assert_eq(d.n, 2, "of the second one");
	pass(&d, 19);
	cr_assert_eq(cache_asked(&d.t), 0);
	pass(&d, 1);
	finish(&d);
	cr_assert_eq(cache_asked(&d.t), 1);
	cr_assert_eq(cache_faults(&d.t), 1);
	cr_assert_eq(cache_warnings(&d.t), 1, "%s", d.t.log);
	cache_close(&d.t);
}

Test(cache_port, R_CACHE_17_a_lookup_that_fails_late_is_one_fault)
{
	desk d;

	open_desk(&d);
	submit(&d);
	pass(&d, 50);
	finish(&d);
	cr_assert_eq(cache_faults(&d.t), 1);
	serve(&d, LLM_E_DB_BUSY);
	cr_assert_eq(cache_faults(&d.t), 1, "it was told about when it was late");
	cache_close(&d.t);
}

Test(cache_port, R_CACHE_17_a_lookup_that_fails_at_once_is_a_miss_at_once)
{
	desk d;

	open_desk(&d);
	submit(&d);
	serve(&d, LLM_E_PERSISTENCE);
	cr_assert_eq(d.n, 2, "the second candidate's is looked for all the same");
	serve(&d, 0);
	finish(&d);
	cr_assert_eq(cache_asked(&d.t), 1);
	cr_assert_eq(cache_faults(&d.t), 1);
	cr_assert_eq(cache_warnings(&d.t), 1, "%s", d.t.log);
	cache_close(&d.t);
}

/* Its host is gone, and then the database answers. */
Test(cache_port, R_CACHE_17_a_run_that_was_cancelled_meanwhile_is_left_alone)
{
	desk d;

	open_desk(&d);
	submit(&d);
	llm_call_cancel(d.t.call);
	cache_settle(&d.t);
	cr_assert(atomic_load(&d.t.call->done));
	cr_assert_eq(llm_result_error(llm_call_result(d.t.call))->code, LLM_E_CANCELLED);
	free_call(&d);
	serve(&d, 0);
	cr_assert_eq(cache_asked(&d.t), 0);
	cr_assert_eq(cache_faults(&d.t), 0);
	cache_close(&d.t);
}

/* ---- the size of what is in the storage ---- */

static llm_job *trim_job(desk *d)
{
	size_t i;

	for (i = d->done; i < d->n; i++)
		if (d->jobs[i]->n && d->jobs[i]->ops[0]->kind == LLM_OP_CACHE_TRIM)
			return d->jobs[i];
	return NULL;
}

/* All jobs; of a trim: so many rows were deleted. */
static void serve_trim(desk *d, int64_t changed)
{
	llm_job *j = trim_job(d);

	cr_assert_not_null(j);
	j->results[0]->changed = changed;
	drain(d);
	cache_settle(&d->t);
}

Test(cache_port, R_CACHE_18_full_batches_are_followed_by_another)
{
	uint64_t evicted;
	desk d;

	open_desk(&d);
	d.t.svc->caching.grown = caching_share(d.t.svc); /* the next answer is one too many */
	submit(&d);
	pass(&d, 50);
	finish(&d);
	cache_settle(&d.t);
	serve_trim(&d, CACHE_BATCH);
	serve_trim(&d, CACHE_BATCH);
	serve_trim(&d, 3);
	cr_assert_null(trim_job(&d), "there is no more");
	evicted = atomic_load(&d.t.svc->caching.evicted);
	cr_assert_eq(evicted, 2 * CACHE_BATCH + 3);
	cr_assert_lt(d.t.svc->caching.grown, caching_share(d.t.svc) / 2, "and counts anew");
	cache_close(&d.t);
}
