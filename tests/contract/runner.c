/*
 * runner.c - units of work over a storage that tells what it was asked for.
 */
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

static void note(const char *slot)
{
	size_t n;

	pthread_mutex_lock(&diary.lock);
	n = strlen(diary.slots);
	snprintf(diary.slots + n, sizeof(diary.slots) - n, "%s ", slot);
	pthread_mutex_unlock(&diary.lock);
}

static int32_t noted_open(const llm_host *host, void **ret)
{
	note("open");
	return diary.real->open(host, ret);
}

static void noted_close(void *u)
{
	note("close");
	diary.real->close(u);
}

static int32_t noted_begin(void *u)
{
	note("begin");
	return diary.busy-- > 0 ? LLM_E_DB_BUSY : diary.real->begin(u);
}

static int32_t noted_commit(void *u)
{
	note("commit");
	return diary.real->commit(u);
}

static int32_t noted_rollback(void *u)
{
	note("rollback");
	return diary.real->rollback(u);
}

static int32_t noted_apply(
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

static int32_t noted_bind(const llm_host *host, const llm_native *native, void **ret)
{
	int32_t rc;

	(void)native;
	note("bind");
	rc = diary.real->open(host, ret);
	return rc ? rc : diary.real->begin(*ret);
}

static void noted_release(void *u)
{
	note("release");
	diary.real->commit(u); /* the host does */
	diary.real->close(u);
}

/* A store of the test's name on memstore, behind the diary. */
static llm_storage *noted_storage(plugins *ps, const char *dsn)
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

static void on_done(void *ctx, const llm_op_result *const *results, size_t n, const llm_err *why)
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
static llm_job *run_job(const char *id, int whole)
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

static void wait_for(atomic_int *counter, int n)
{
	struct timespec ts = {0, 1000000};
	int i;

	for (i = 0; i < 5000 && atomic_load(counter) < n; i++)
		nanosleep(&ts, NULL);
	cr_assert_geq(atomic_load(counter), n);
}

static llm_runner *runner_of(llm_storage *st, const llm_runner_opts *opts)
{
	llm_err err = LLM_ERR_INIT;
	llm_runner *r = NULL;

	cr_assert_eq(llm_runner_new(st, opts, &r, &err), 0, "%s", err.message);
	return r;
}

static void submit(llm_runner *r, llm_job *j)
{
	const llm_job_port *port = llm_runner_port(r);

	cr_assert_eq(port->submit(port->ctx, j), 0);
}

Test(runner, R_UOW_2_believed_when_committed)
{
	plugins *ps = help_modules();
	llm_storage *st = noted_storage(ps, "dsn=believed");
	llm_runner *r = runner_of(st, NULL);

	submit(r, run_job(ID("1"), 1));
	wait_for(&n_committed, 1);
	llm_runner_free(r);
	cr_expect_str_eq(diary.slots, "open begin apply commit done close ");
	cr_expect_eq(atomic_load(&last_conflicts), 0);
	llm_storage_free(st);
	plugins_free(ps);
}

/* The diary has every call of the runner's thread between begin and commit. */
Test(runner, R_UOW_3_nothing_between_begin_and_commit)
{
	plugins *ps = help_modules();
	llm_storage *st = noted_storage(ps, "dsn=between");
	llm_runner *r = runner_of(st, NULL);
	char id[40], *at;
	int i;

	for (i = 0; i < 200; i++) {
		snprintf(id, sizeof(id), ID("%03d"), i);
		submit(r, run_job(id, 1));
	}
	llm_runner_free(r);
	cr_expect_eq(atomic_load(&n_committed), 200, "the queue drains");
	cr_expect_eq(diary.applied, 400);
	for (at = strstr(diary.slots, "begin "); at; at = strstr(at + 1, "begin "))
		cr_expect_eq(strncmp(at, "begin apply commit done ", 24), 0, "%.60s", at);
	llm_storage_free(st);
	plugins_free(ps);
}

Test(runner, R_UOW_11_groups)
{
	llm_runner_opts opts = LLM_RUNNER_OPTS_INIT;
	plugins *ps = help_modules();
	llm_storage *st = noted_storage(ps, "dsn=groups");
	llm_runner_stats stats;
	llm_runner *r;
	char id[40];
	int i;

	opts.group_delay_ms = 40;
	opts.group_max = 8;
	r = runner_of(st, &opts);
	for (i = 0; i < 24; i++) {
		snprintf(id, sizeof(id), ID("%03d"), i);
		submit(r, run_job(id, 0));
	}
	wait_for(&n_committed, 24);
	llm_runner_stats_of(r, &stats);
	cr_expect_eq(stats.committed, 24);
	cr_expect_leq(stats.commits, 6, "%zu", (size_t)stats.commits);
	cr_expect_eq(diary.largest, 8);
	llm_runner_free(r);
	llm_storage_free(st);
	plugins_free(ps);
}

Test(runner, R_UOW_11_only_the_one_that_fails_is_told)
{
	llm_runner_opts opts = LLM_RUNNER_OPTS_INIT;
	plugins *ps = help_modules();
	llm_storage *st = noted_storage(ps, "dsn=poison");
	llm_runner_stats stats;
	llm_runner *r;
	char id[40];
	int i;

	diary.poison = ID("3");
	opts.group_delay_ms = 40;
	r = runner_of(st, &opts);
	for (i = 0; i < 6; i++) {
		snprintf(id, sizeof(id), ID("%d"), i);
		submit(r, run_job(id, 1));
	}
	wait_for(&n_committed, 5);
	wait_for(&n_failed, 1);
	llm_runner_stats_of(r, &stats);
	cr_expect_eq(stats.committed, 5);
	cr_expect_eq(stats.failed, 1);
	cr_expect_geq(stats.broken_groups, 1);
	llm_runner_free(r);
	cr_expect_null(strstr(diary.slots, "apply failed"), "it was rolled back first");
	llm_storage_free(st);
	plugins_free(ps);
}

Test(runner, R_UOW_8_a_busy_unit_is_tried_again)
{
	llm_runner_opts opts = LLM_RUNNER_OPTS_INIT;
	plugins *ps = help_modules();
	llm_storage *st = noted_storage(ps, "dsn=busy");
	llm_runner_stats stats;
	llm_runner *r;

	opts.retry_ms = 1;
	r = runner_of(st, &opts);
	diary.busy = 3;
	submit(r, run_job(ID("1"), 1));
	wait_for(&n_committed, 1);
	llm_runner_stats_of(r, &stats);
	cr_expect_eq(stats.retried, 3);
	diary.busy = 4;
	submit(r, run_job(ID("2"), 1));
	wait_for(&n_failed, 1);
	cr_expect_eq(atomic_load(&last_code), LLM_E_DB_BUSY);
	llm_runner_free(r);
	llm_storage_free(st);
	plugins_free(ps);
}

Test(runner, R_UOW_10_the_queue_is_bounded)
{
	llm_runner_opts opts = LLM_RUNNER_OPTS_INIT;
	plugins *ps = help_modules();
	llm_storage *st = noted_storage(ps, "dsn=bounded");
	const llm_job_port *port;
	llm_runner_stats stats;
	llm_runner *r;
	llm_job *j;

	opts.queue_max = 1;
	opts.retry_ms = 10;
	diary.busy = 2; /* holds the first one up */
	r = runner_of(st, &opts);
	port = llm_runner_port(r);
	submit(r, run_job(ID("1"), 0));
	j = run_job(ID("2"), 0);
	while (port->submit(port->ctx, j))
		; /* until the first was taken */
	j = run_job(ID("3"), 0);
	cr_expect_eq(port->submit(port->ctx, j), LLM_E_QUEUE_FULL);
	wait_for(&n_committed, 2);
	cr_expect_eq(port->submit(port->ctx, j), 0, "it stayed the caller's");
	wait_for(&n_committed, 3);
	llm_runner_stats_of(r, &stats);
	cr_expect_geq(stats.refused, 1);
	llm_runner_free(r);
	llm_storage_free(st);
	plugins_free(ps);
}

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
		strstr(err.message, "schema 1 was found, 3 is expected"), "%s", err.message);
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
