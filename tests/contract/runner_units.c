/*
 * runner_units.c - units of work without the runner: jobs that a host runs, units on its
 * handle, the order of operations, refusals.
 */
#include "runner_help.h"

/* ---- a host that runs jobs itself ---- */

Test(runner, R_UOW_4_jobs_that_a_host_runs)
{
	plugins *ps = help_modules();
	llm_storage *st = noted_storage(ps, "dsn=host");
	llm_job *one = run_job(ID("1"), 1), *two = run_job(ID("2"), 1);
	llm_err err = LLM_ERR_INIT;
	llm_unit *u = NULL;

	cr_assert_eq(llm_unit_open(st, &u, &err), 0, "%s", err.message);
	cr_expect_eq(llm_job_run(one, u, &err), LLM_E_STATE, "the host has not begun");
	cr_assert_eq(llm_unit_begin(u, &err), 0);
	cr_assert_eq(llm_job_run(one, u, &err), 0, "%s", err.message);
	cr_expect_eq(atomic_load(&n_committed), 0, "not believed yet");
	cr_assert_eq(llm_unit_rollback(u, &err), 0);
	cr_assert_eq(llm_unit_begin(u, &err), 0);
	cr_assert_eq(llm_job_run(one, u, &err), 0, "again, in another transaction");
	cr_assert_eq(llm_job_run(two, u, &err), 0);
	cr_assert_eq(llm_unit_commit(u, &err), 0);
	llm_job_done(one, LLM_JOB_COMMITTED, NULL);
	cr_expect_eq(atomic_load(&last_conflicts), 0, "of the last time");
	llm_job_done(two, LLM_JOB_COMMITTED, NULL);
	cr_expect_eq(atomic_load(&n_committed), 2);
	llm_unit_close(u);
	llm_storage_free(st);
	plugins_free(ps);
}

/* ---- bound ---- */

static void on_end(void *ctx, int committed)
{
	*(int *)ctx += committed ? 10 : 1;
}

Test(runner, R_UOW_1_control_never_reaches_a_bound_unit)
{
	plugins *ps = help_modules();
	llm_storage *st = noted_storage(ps, "dsn=bound");
	llm_native native = {sizeof(native), 0, "diary", NULL, NULL};
	llm_err err = LLM_ERR_INIT;
	llm_job *j = run_job(ID("1"), 1);
	llm_unit *u = NULL;

	cr_assert_eq(llm_unit_bind(st, &native, &u, &err), 0, "%s", err.message);
	cr_expect_eq(llm_unit_begin(u, &err), LLM_E_STATE);
	cr_expect_eq(llm_unit_commit(u, &err), LLM_E_STATE);
	cr_expect_eq(llm_unit_rollback(u, &err), LLM_E_STATE);
	cr_expect_eq(llm_unit_migrate(u, LLM_SCHEMA_LATEST, &err), LLM_E_STATE);
	cr_expect_eq(err.err_class, LLM_CLASS_LOCAL);
	llm_unit_interrupt(u);
	cr_assert_eq(llm_job_run(j, u, &err), 0, "%s", err.message);
	llm_job_done(j, LLM_JOB_COMMITTED, NULL);
	llm_unit_release(u);
	cr_expect_str_eq(diary.slots, "bind apply done release ");
	llm_storage_free(st);
	plugins_free(ps);
}

Test(runner, R_UOW_6_memory_learns_when_the_host_has_committed)
{
	plugins *ps = help_modules();
	llm_storage *st = noted_storage(ps, "dsn=learns");
	llm_native native = {sizeof(native), 0, "diary", NULL, NULL};
	llm_err err = LLM_ERR_INIT;
	llm_unit *u = NULL;
	int told = 0;

	cr_assert_eq(llm_unit_bind(st, &native, &u, &err), 0);
	cr_assert_eq(unit_on_end(u, on_end, &told), 0);
	cr_expect_eq(told, 0);
	llm_unit_committed(u);
	cr_expect_eq(told, 10);
	llm_unit_release(u);
	cr_expect_eq(told, 10, "once");
	cr_assert_eq(llm_unit_bind(st, &native, &u, &err), 0);
	cr_assert_eq(unit_on_end(u, on_end, &told), 0);
	llm_unit_release(u);
	cr_expect_eq(told, 11, "not committed");
	llm_storage_free(st);
	plugins_free(ps);
}

/* ---- order and refusals ---- */

static char order[256];

static int32_t keep_order(
	void *u, const llm_op *const *ops, size_t n, llm_op_result *const *results)
{
	size_t i, at = 0;

	(void)u;
	(void)results;
	for (i = 0; i < n; i++)
		at += (size_t)snprintf(order + at, sizeof(order) - at, "%u%s ",
			(unsigned)ops[i]->kind, ((const llm_run_row *)ops[i]->record)->id);
	return 0;
}

/* By table, then by key, and operations of one key as they came. */
Test(runner, R_UOW_11_one_order_in_every_process)
{
	plugins *ps = help_modules();
	llm_storage *st = noted_storage(ps, "dsn=order");
	llm_job *a = job_new(mem_default(), 8, 0, NULL, NULL),
		*b = job_new(mem_default(), 8, 0, NULL, NULL);
	llm_job *both[] = {a, b};
	llm_run_row x = row_run("w", "b", "running"), y = row_run("w", "a", "running");
	llm_attempt_row t = row_attempt("w", "a", 1);
	llm_err err = LLM_ERR_INIT;
	llm_unit *u = NULL;

	((llm_storage_vtable *)(uintptr_t)st->plugin->storage)->apply = keep_order;
	cr_assert_eq(llm_unit_open(st, &u, &err), 0);
	job_add(a, LLM_OP_ATTEMPT_PUT, &t);
	job_add(a, LLM_OP_RUN_BEGIN, &x);
	job_add(b, LLM_OP_RUN_BEGIN, &y);
	job_add(b, LLM_OP_RUN_FINISH, &x);
	job_add(b, LLM_OP_RUN_FINISH, &y);
	cr_assert_eq(llm_jobs_run(both, 2, u, &err), 0, "%s", err.message);
	cr_expect_str_eq(order, "1a 2a 1b 2b 3a ");
	job_free(a);
	job_free(b);
	llm_unit_close(u);
	llm_storage_free(st);
	plugins_free(ps);
}

Test(runner, R_WS_5_a_question_without_a_workspace)
{
	plugins *ps = help_modules();
	llm_storage *st = noted_storage(ps, "dsn=question");
	llm_filter filter = LLM_FILTER_INIT;
	llm_row_sink sink = {sizeof(sink), 0, NULL, found_run};
	llm_err err = LLM_ERR_INIT;
	llm_unit *u = NULL;

	cr_assert_eq(llm_unit_open(st, &u, &err), 0);
	filter.id = ID("1");
	cr_expect_eq(unit_query(u, LLM_QUERY_RUN, &filter, &sink, &err), LLM_E_WORKSPACE_REQUIRED);
	cr_expect_eq(unit_query(u, LLM_QUERY_STATS, &filter, &sink, &err), LLM_E_UNSUPPORTED);
	filter.workspace_id = LLM_ANY_WORKSPACE;
	cr_expect_eq(unit_query(u, LLM_QUERY_RUN, &filter, &sink, &err), LLM_E_INVALID_REQUEST);
	llm_unit_close(u);
	llm_storage_free(st);
	plugins_free(ps);
}

static void refused(const char *setting, const char *says)
{
	const char *settings[] = {setting, NULL};
	llm_storage_opts opts = LLM_STORAGE_OPTS_INIT;
	llm_service_opts service = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_storage *st = NULL;

	service.flags = LLM_SERVICE_NO_ENV;
	service.plugin_dir = MODULES;
	opts.plugin = "memstore";
	opts.service = &service;
	opts.settings = settings;
	cr_expect_eq(llm_storage_new(&opts, &st, &err), LLM_E_CONFIG);
	cr_expect_not_null(strstr(err.message, says), "%s", err.message);
	cr_expect_null(st);
}

Test(runner, D_2_5_settings)
{
	refused("dns=x", "did you mean dsn?");
	refused("dsn", "is not KEY=VALUE");
}

#ifdef TEST_WITH_SQLITE
Test(runner, R_MIG_3_the_runner_refuses_a_schema_that_does_not_fit)
{
	llm_storage_opts opts = LLM_STORAGE_OPTS_INIT;
	llm_service_opts service = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_storage *st = NULL;
	llm_runner *r = NULL;
	llm_unit *u = NULL;
	char dsn[600];
	const char *settings[] = {dsn, "create=true", NULL};
	stand s;

	stand_up(&s, TEST_BINARY_DIR "/plugins", "sqlite");
	snprintf(dsn, sizeof(dsn), "dsn=%s", s.dsn);
	service.flags = LLM_SERVICE_NO_ENV;
	service.plugin_dir = TEST_BINARY_DIR "/plugins";
	opts.service = &service;
	opts.settings = settings;
	cr_assert_eq(llm_storage_new(&opts, &st, &err), 0, "%s", err.message);
	cr_assert_eq(llm_unit_open(st, &u, &err), 0, "%s", err.message);
	cr_assert_eq(llm_unit_migrate(u, 1, &err), 0, "%s", err.message);
	cr_expect_eq(llm_runner_new(st, NULL, &r, &err), LLM_E_SCHEMA);
	cr_expect_not_null(
		strstr(err.message, "schema 1 was found, 5 is expected"), "%s", err.message);
	cr_expect_not_null(strstr(err.message, "llmctl db migrate"), "%s", err.message);
	cr_assert_eq(llm_unit_migrate(u, LLM_SCHEMA_LATEST, &err), 0);
	llm_unit_close(u);
	r = runner_of(st, NULL);
	submit(r, run_job(ID("1"), 1));
	wait_for(&n_committed, 1);
	llm_runner_free(r);
	llm_storage_free(st);
	{
		wire c = wire_open(&s);

		cr_expect_str_eq(ask_run(&c, W, ID("1"))->status, "succeeded");
		wire_close(&c);
	}
	stand_down(&s);
}
#endif
