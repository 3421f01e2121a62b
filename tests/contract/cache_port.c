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
	llm_call_opts opts; /* of what is submitted */
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

/* The first job of that kind that has not come back; n: there is none. */
static size_t find_job(const desk *d, uint32_t kind)
{
	size_t i = d->done;

	while (i < d->n && !(d->jobs[i]->n && d->jobs[i]->ops[0]->kind == kind))
		i++;
	return i;
}

static void open_desk_with(desk *d, const char *section, const char *more)
{
	memset(d, 0, sizeof(*d));
	d->opts = (llm_call_opts)LLM_CALL_OPTS_INIT;
	d->port = (llm_job_port){sizeof(d->port), 0, d, take, drain};
	d->t.jobs = &d->port;
	atomic_store(&cache_ns, 1000 * MS);
	cache_begin(&d->t, NULL, section, more);
	(void)llm_service_fd(d->t.svc);
}

static void open_desk(desk *d)
{
	open_desk_with(d, SQL, TWO);
}

static void submit(desk *d)
{
	llm_request *rq = NULL;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", N), 0);
	cr_assert_eq(llm_request_number(rq, LLM_NUM_TEMPERATURE, 0), 0);
	cr_assert_eq(llm_submit(d->t.svc, rq, &d->opts, &d->t.call, &d->t.err), 0, "%s",
		d->t.err.message);
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

/* ---- an equal run ends between the lookup and the attempt (R-CACHE-13) ---- */

/* One candidate. */
static void open_one(desk *d, const char *section, const char *mode)
{
	char more[400];

	snprintf(more, sizeof(more),
		"storage = { ledger = \"%s\"; };\ndefault_profile = \"one\";\n"
		"profiles = { one = { candidates = [ \"ollama/sim-small\" ]; }; };\n",
		mode);
	open_desk_with(d, section, more);
}

/* The first of two; the second is d->t.call. */
static llm_call *submit_two(desk *d)
{
	llm_call *first;

	submit(d);
	first = d->t.call;
	d->t.call = NULL;
	submit(d);
	return first;
}

/* Its answer is there, and its rows are on their way. */
static void wait_for_answer(desk *d)
{
	while (!atomic_load(&d->t.svc->caching.stored))
		cache_turn(&d->t, 3);
	cache_settle(&d->t);
}

/* Both have ended, and the provider was asked once. */
static void expect_told(desk *d, llm_call *first)
{
	while (!atomic_load(&first->done) || !atomic_load(&d->t.call->done)) {
		drain(d);
		cache_turn(&d->t, 3);
	}
	cr_assert_null(llm_result_error(llm_call_result(d->t.call)));
	cr_assert_null(llm_result_error(llm_call_result(first)));
	cr_assert_eq(cache_asked(&d->t), 1, "the provider was asked again");
	d->t.r = llm_call_result(d->t.call);
	cr_assert(cache_hit(&d->t));
	cr_assert_eq(llm_result_source(d->t.r), LLM_SOURCE_CACHE);
	cr_assert_str_eq(
		llm_result_original_run_id(d->t.r), llm_result_run_id(llm_call_result(first)));
	cr_assert_eq(atomic_load(&d->t.svc->caching.hits), 1);
	cr_assert_eq(atomic_load(&d->t.svc->caching.misses), 1, "each run is counted once");
	llm_call_free(first);
	cache_close(&d->t);
}

/* It has looked, and waits for its own row: the answer is in memory by then. */
Test(cache_port, R_CACHE_13_who_waits_for_its_row_finds_what_came_meanwhile)
{
	llm_call *first;
	desk d;

	open_one(&d, "mode = \"on\";", "strict");
	first = submit_two(&d);
	cr_assert_eq(d.n, 3, "the lease, and a row of each");
	serve(&d, 0);
	serve(&d, 0);
	wait_for_answer(&d);
	cr_assert_eq(cache_asked(&d.t), 1);
	serve(&d, 0);
	expect_told(&d, first);
}

/* The storage has not had the answer yet when it looks there. */
static void look_before_it_is_put(int together)
{
	llm_call *first;
	desk d;

	open_one(&d, "mode = \"on\"; store = \"sql\";", "after");
	first = submit_two(&d);
	cr_assert_eq(d.n, 2, "a lookup of each");
	serve(&d, 0);
	wait_for_answer(&d);
	cr_assert_eq(d.t.svc->caching.memory.n, 1, "until it is put");
	if (!together)
		serve(&d, 0);
	drain(&d);
	cache_settle(&d.t);
	cr_assert_eq(d.t.svc->caching.memory.n, 0, "it is put");
	expect_told(&d, first);
}

Test(cache_port, R_CACHE_13_who_looked_before_the_answer_was_put_is_told_it)
{
	look_before_it_is_put(0);
}

Test(cache_port, R_CACHE_13_also_when_both_jobs_come_back_at_once)
{
	look_before_it_is_put(1);
}

static void drain_at_the_end(uintptr_t token, llm_call *call, const llm_event *e)
{
	(void)call;
	if (e->kind == LLM_EVENT_END)
		drain((void *)token);
}

/* The one job of that kind, before those that came earlier. */
static void serve_early(desk *d, uint32_t kind)
{
	const size_t i = find_job(d, kind);

	cr_assert_lt(i, d->n, "no job of kind %u", kind);
	llm_job_done(d->jobs[i], LLM_JOB_COMMITTED, NULL);
	memmove(&d->jobs[i], &d->jobs[i + 1], (--d->n - i) * sizeof(*d->jobs));
	cache_settle(&d->t);
}

/* Its row and the answer come back while the loop looks at rows, and has not looked at answers. */
Test(cache_port, R_CACHE_13_also_when_its_row_comes_back_just_before_the_answer_is_put)
{
	llm_call *first;
	desk d;

	open_one(&d, "mode = \"on\"; store = \"sql\";", "strict");
	d.opts.on_event = drain_at_the_end;
	d.opts.token = (uintptr_t)&d;
	first = submit_two(&d);
	serve(&d, 0);
	serve(&d, 0);
	cr_assert_eq(d.n, 5, "a lookup of each, the lease, a row of each");
	serve(&d, 0);
	serve(&d, 0);
	wait_for_answer(&d);
	serve_early(&d, LLM_OP_RUN_FINISH);
	expect_told(&d, first);
}

Test(cache_port, R_CACHE_17_an_answer_that_could_not_be_put_is_not_told)
{
	desk d;

	open_one(&d, "mode = \"on\"; store = \"sql\";", "after");
	submit(&d);
	serve(&d, 0);
	wait_for_answer(&d);
	while (d.done < d.n)
		serve(&d, LLM_E_PERSISTENCE);
	finish(&d);
	cr_assert_eq(d.t.svc->caching.memory.n, 0);
	free_call(&d);
	submit(&d);
	drain(&d);
	finish(&d);
	cr_assert_eq(cache_asked(&d.t), 2);
	cache_close(&d.t);
}

/* ---- the size of what is in the storage ---- */

static llm_job *trim_job(const desk *d)
{
	const size_t i = find_job(d, LLM_OP_CACHE_TRIM);

	return i < d->n ? d->jobs[i] : NULL;
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
