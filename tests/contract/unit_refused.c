/*
 * unit_refused.c - wrong arguments of units, jobs and records, what a storage cannot do,
 * and a lack of memory.
 */
#include "llm/records.h"
#include "runner_help.h"
#include "support/failalloc.h"

#define REFUSED(call, says) \
	do { \
		llm_err why = LLM_ERR_INIT, *err = &why; \
\
		cr_expect_eq((call), LLM_E_INVALID_REQUEST); \
		cr_expect_not_null(strstr(why.message, says), "%s", why.message); \
	} while (0)

#define LACKS(call, says) \
	do { \
		llm_err why = LLM_ERR_INIT, *err = &why; \
\
		cr_expect_eq((call), LLM_E_UNSUPPORTED); \
		cr_expect_str_eq(why.message, "storage memstore has no " says); \
	} while (0)

typedef struct rig {
	plugins *ps;
	llm_storage *st;
	llm_unit *open; /* with a connection */
	llm_unit *bare; /* without one */
	llm_unit *bound;
} rig;

static rig rig_up(const char *dsn)
{
	llm_native native = {sizeof(native), 0, "diary", NULL, NULL};
	llm_err err = LLM_ERR_INIT;
	rig r = {.ps = help_modules()};

	r.st = noted_storage(r.ps, dsn);
	cr_assert_eq(llm_unit_open(r.st, &r.open, &err), 0, "%s", err.message);
	cr_assert_eq(llm_unit_new(r.st, &r.bare, &err), 0, "%s", err.message);
	cr_assert_eq(llm_unit_bind(r.st, &native, &r.bound, &err), 0, "%s", err.message);
	return r;
}

static void rig_down(rig *r)
{
	llm_unit_release(r->bound);
	llm_unit_release(r->bare);
	llm_unit_close(r->open);
	llm_storage_free(r->st);
	plugins_free(r->ps);
}

/* ---- arguments ---- */

Test(unit_refused, units_without_what_they_need)
{
	llm_native native = {sizeof(native), 0, "diary", NULL, NULL};
	rig r = rig_up("dsn=units");
	llm_unit *u = NULL;

	REFUSED(llm_unit_new(NULL, &u, err), "llm_unit_new: a storage");
	REFUSED(llm_unit_new(r.st, NULL, err), "llm_unit_new: a storage");
	REFUSED(llm_unit_bind(NULL, &native, &u, err), "llm_unit_bind: storage, handle");
	REFUSED(llm_unit_bind(r.st, NULL, &u, err), "llm_unit_bind: storage, handle");
	REFUSED(llm_unit_bind(r.st, &native, NULL, err), "llm_unit_bind: storage, handle");
	REFUSED(llm_unit_record(NULL, NULL, err), "llm_unit_record: a unit");
	REFUSED(llm_unit_record(r.bound, NULL, err), "llm_unit_record: a unit");
	REFUSED(llm_storage_new(NULL, NULL, err), "llm_storage_new: nowhere");
	cr_expect_null(u);
	rig_down(&r);
}

static void on_end(void *ctx, int committed)
{
	*(int *)ctx += committed ? 10 : 1;
}

Test(unit_refused, only_a_bound_unit_is_committed_and_keeps_its_connection)
{
	rig r = rig_up("dsn=bound");
	void *connection = llm_unit_connection(r.bound);
	int first = 0, second = 0;

	cr_expect_eq(llm_unit_is_bound(r.bound), 1);
	cr_expect_eq(llm_unit_is_bound(r.open), 0);
	llm_unit_attach(r.bound, NULL);
	cr_expect_eq(llm_unit_connection(r.bound), connection);
	cr_assert_eq(unit_on_end(r.open, on_end, &first), 0);
	cr_assert_eq(unit_on_end(r.open, on_end, &second), 0);
	llm_unit_committed(NULL);
	llm_unit_committed(r.open);
	cr_expect_eq(first, 0, "it is no unit of the host's");
	cr_expect_eq(second, 0);
	llm_unit_release(NULL);
	rig_down(&r);
	cr_expect_eq(first, 1);
	cr_expect_eq(second, 1);
}

Test(unit_refused, jobs_without_a_unit)
{
	rig r = rig_up("dsn=jobs");
	llm_job *j = job_new(mem_default(), 1, 0, NULL, NULL);
	llm_err none = LLM_ERR_INIT;

	REFUSED(llm_job_run(NULL, r.open, err), "llm_job_run: no job");
	REFUSED(llm_jobs_run(NULL, 1, r.open, err), "llm_jobs_run: jobs and a unit");
	REFUSED(llm_job_run(j, NULL, err), "llm_jobs_run: jobs and a unit");
	REFUSED(llm_job_run(j, r.bare, err), "llm_jobs_run: jobs and a unit");
	cr_expect_eq(llm_job_run(j, r.open, &none), 0, "a job of nothing: %s", none.message);
	cr_expect_null(strstr(diary.slots, "apply"));
	llm_job_done(NULL, LLM_JOB_COMMITTED, NULL);
	job_free(j);
	rig_down(&r);
}

Test(unit_refused, records_without_a_connection_or_a_place)
{
	rig r = rig_up("dsn=records");
	llm_filter filter = LLM_FILTER_INIT, small = {.struct_size = 4};
	llm_row_sink sink = {sizeof(sink), 0, NULL, found_run};
	llm_purge purge = {.struct_size = sizeof(purge)}, tiny = {.struct_size = 4};
	llm_schema_state state = {.struct_size = sizeof(state)};
	uint32_t n = 7;

	REFUSED(llm_records_read(NULL, LLM_QUERY_RUN, &filter, &sink, err), "a unit with");
	REFUSED(llm_records_read(r.bare, LLM_QUERY_RUN, &filter, &sink, err), "a unit with");
	REFUSED(llm_records_read(r.open, LLM_QUERY_RUN, NULL, &sink, err), "a unit with");
	REFUSED(llm_records_read(r.open, LLM_QUERY_RUN, &filter, NULL, err), "a unit with");
	REFUSED(llm_records_read(r.open, LLM_QUERY_RUN, &small, &sink, err), "LLM_FILTER_INIT");
	REFUSED(llm_runs_reap(NULL, 1, &n, err), "a unit with");
	REFUSED(llm_runs_reap(r.open, 1, NULL, err), "a unit with");
	REFUSED(llm_records_purge(NULL, &purge, &n, err), "a unit with");
	REFUSED(llm_records_purge(r.open, NULL, &n, err), "a unit with");
	REFUSED(llm_records_purge(r.open, &purge, NULL, err), "a unit with");
	REFUSED(llm_records_purge(r.open, &tiny, &n, err), "llm_records_purge: struct_size");
	REFUSED(llm_records_schema(NULL, &state, err), "a unit with");
	REFUSED(llm_records_schema(r.open, NULL, err), "a unit with");
	REFUSED(llm_records_maintain(NULL, LLM_MAINTAIN_CHECK, NULL, err), "a unit with");
	cr_expect_eq(n, 7, "nothing was written");
	rig_down(&r);
}

Test(unit_refused, upkeep_is_not_for_a_handle_of_the_host)
{
	rig r = rig_up("dsn=upkeep");
	llm_err err = LLM_ERR_INIT;

	cr_expect_eq(llm_records_maintain(r.bound, LLM_MAINTAIN_CHECK, NULL, &err), LLM_E_STATE);
	cr_expect_not_null(strstr(err.message, "the host does it"), "%s", err.message);
	rig_down(&r);
}

/* ---- what a storage cannot do ---- */

Test(unit_refused, a_storage_says_what_it_has_not)
{
	rig r = rig_up("dsn=lacks");
	llm_filter filter = LLM_FILTER_INIT;
	llm_row_sink sink = {sizeof(sink), 0, NULL, found_run};
	llm_purge purge = {.struct_size = sizeof(purge)};
	llm_schema_state state = {.struct_size = sizeof(state)};
	uint32_t n = 7;

	LACKS(llm_runs_reap(r.open, 1, &n, err), "reaping of kind 0");
	LACKS(llm_records_purge(r.open, &purge, &n, err), "purging of kind 0");
	LACKS(llm_records_schema(r.open, &state, err), "schema of kind 0");
	LACKS(llm_records_maintain(r.open, LLM_MAINTAIN_VACUUM, NULL, err), "upkeep of kind 3");
	LACKS(llm_records_read(r.open, 64, &filter, &sink, err), "question of kind 64");
	LACKS(llm_records_read(r.open, LLM_QUERY_STATS, &filter, &sink, err), "question of kind 8");
	cr_expect_eq(n, 7);
	rig_down(&r);
}

Test(unit_refused, an_operation_or_a_bound_mode_that_is_not_there)
{
	llm_native native = {sizeof(native), 0, "diary", NULL, NULL};
	rig r = rig_up("dsn=operation");
	llm_job *j = job_new(mem_default(), 3, 0, NULL, NULL);
	llm_err none = LLM_ERR_INIT;
	llm_unit *u = NULL;

	cr_assert_eq(job_add(j, 99, &native), 0);
	cr_assert_eq(job_add(j, 98, &native), 0);
	LACKS(llm_job_run(j, r.open, err), "operation of kind 99");
	((llm_storage_vtable *)(uintptr_t)r.st->plugin->storage)->bind = NULL;
	cr_expect_eq(llm_unit_bind(r.st, &native, &u, &none), LLM_E_UNSUPPORTED);
	cr_expect_not_null(strstr(none.message, "cannot join a transaction"), "%s", none.message);
	cr_expect_null(u);
	job_free(j);
	rig_down(&r);
}

static int32_t bind_fails(const llm_host *host, const llm_native *native, void **ret)
{
	(void)host, (void)native, (void)ret;
	return LLM_E_DB_BUSY;
}

Test(unit_refused, a_handle_that_cannot_be_bound_leaves_no_unit)
{
	llm_native native = {sizeof(native), 0, "diary", NULL, NULL};
	rig r = rig_up("dsn=fails");
	llm_err err = LLM_ERR_INIT;
	llm_unit *u = NULL;

	((llm_storage_vtable *)(uintptr_t)r.st->plugin->storage)->bind = bind_fails;
	cr_expect_eq(llm_unit_bind(r.st, &native, &u, &err), LLM_E_DB_BUSY);
	cr_expect_eq(err.code, LLM_E_DB_BUSY);
	cr_expect_null(u);
	cr_expect_null(strstr(diary.slots, "release"));
	rig_down(&r);
}

/* ---- memory ---- */

static int32_t bind_nothing(const llm_host *host, const llm_native *native, void **ret)
{
	static int handle;

	(void)host, (void)native;
	*ret = &handle;
	return 0;
}

static void release_nothing(void *u)
{
	(void)u;
}

static int32_t apply_nothing(
	void *u, const llm_op *const *ops, size_t n, llm_op_result *const *results)
{
	(void)u, (void)ops, (void)n, (void)results;
	return 0;
}

static int32_t use(llm_storage *st, llm_job *j, int *told)
{
	llm_native native = {sizeof(native), 0, "diary", NULL, NULL};
	llm_unit *u = NULL;
	int32_t rc = llm_unit_bind(st, &native, &u, NULL);

	if (rc)
		return rc;
	rc = unit_on_end(u, on_end, told);
	if (!rc)
		rc = unit_on_end(u, on_end, told);
	if (!rc)
		rc = llm_job_run(j, u, NULL);
	if (!rc)
		llm_unit_committed(u);
	llm_unit_release(u);
	return rc;
}

typedef struct sweep {
	const plugin *p;
	llm_job *job;
} sweep;

static int play(failalloc *fa, void *arg)
{
	static const char *const settings[] = {"dsn=sweep", NULL};
	const sweep *s = arg;
	llm_storage *st = NULL;
	int told = 0;
	int32_t rc = storage_new(s->p, settings, &fa->hook, NULL, &st, NULL);

	if (!rc)
		rc = use(st, s->job, &told);
	storage_free(st);
	if (!rc && told != 20)
		return 1;
	return rc == LLM_E_NOMEM ? 0 : rc;
}

Test(unit_refused, a_lack_of_memory_leaves_no_unit_and_no_storage)
{
	plugins *ps = help_modules();
	const llm_run_row row = row_run(W, ID("1"), "running");
	llm_storage_vtable table;
	plugin p = *help_get(ps, "memstore");
	sweep s = {&p, job_new(mem_default(), 1, 0, NULL, NULL)};

	table = *p.storage;
	table.bind = bind_nothing;
	table.release = release_nothing;
	table.apply = apply_nothing;
	p.storage = &table;
	cr_assert_eq(job_add(s.job, LLM_OP_RUN_BEGIN, &row), 0);
	cr_expect_eq(failalloc_sweep(play, &s), 0);
	job_free(s.job);
	plugins_free(ps);
}
