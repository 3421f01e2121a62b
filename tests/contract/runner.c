/*
 * runner.c - the runner: groups, retries, a bounded queue.
 */
#include "runner_help.h"

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

/* Where groups were large the first job waits for its neighbours, and not for ever. */
Test(runner, R_UOW_11_swarms_are_gathered)
{
	plugins *ps = help_modules();
	llm_storage *st = noted_storage(ps, "dsn=swarms");
	llm_runner *r = runner_of(st, NULL);
	llm_runner_stats stats;
	char id[40];
	int i;

	for (i = 0; i < 320; i++) {
		snprintf(id, sizeof(id), ID("%03d"), i);
		submit(r, run_job(id, 0));
		if (i % 32 == 31)
			wait_for(&n_committed, i + 1);
	}
	submit(r, run_job(ID("alone"), 0));
	wait_for(&n_committed, 321);
	llm_runner_stats_of(r, &stats);
	cr_expect_eq(stats.committed, 321);
	cr_expect_leq(stats.commits, 100, "%zu", (size_t)stats.commits);
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
