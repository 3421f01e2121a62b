/*
 * ledger_host.c - a host that runs the jobs of a service itself: on its own thread, on its own
 * handle, in transactions that it begins and ends.
 */
#include <sqlite3.h>

#include "guard_time.h"
#include "ledger_try.h"

#include "llm/native/sqlite.h"

#define JOBS 64

/* A host with one thread: jobs wait in a list until it has time for them. */
typedef struct house {
	book b;
	talk t;
	sim *up;
	char *script;
	sqlite3 *db;
	llm_sqlite_calls calls;
	llm_native native;
	llm_job_port port;
	llm_job *jobs[JOBS];
	int n;
	int refuses; /* as if its list were full */
	int drained;
	const int *waits_for; /* null, or it does nothing at the end before that is set */
	int spoils; /* so many transactions are rolled back */
} house;

static void sql(house *h, const char *text)
{
	char *why = NULL;

	cr_assert_eq(sqlite3_exec(h->db, text, NULL, NULL, &why), SQLITE_OK, "%s: %s", text, why);
}

static int number(house *h, const char *text)
{
	sqlite3_stmt *stmt = NULL;
	int n;

	cr_assert_eq(sqlite3_prepare_v2(h->db, text, -1, &stmt, NULL), SQLITE_OK, "%s", text);
	cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

static int32_t on_submit(void *ctx, llm_job *job)
{
	house *h = ctx;

	if (h->refuses)
		return LLM_E_QUEUE_FULL;
	cr_assert_lt(h->n, JOBS);
	h->jobs[h->n++] = job;
	return 0;
}

/* All that wait, in one transaction. */
static void work(house *h)
{
	const int commits = h->spoils == 0;
	llm_err err = LLM_ERR_INIT;
	llm_unit *unit = NULL;
	int n = h->n, i;

	if (!n)
		return;
	sql(h, "BEGIN IMMEDIATE");
	cr_assert_eq(llm_unit_bind(h->b.storage, &h->native, &unit, &err), 0, "%s", err.message);
	cr_assert_eq(llm_jobs_run(h->jobs, (uint32_t)n, unit, &err), 0, "%s", err.message);
	sql(h, commits ? "COMMIT" : "ROLLBACK");
	llm_unit_release(unit);
	h->n = 0;
	h->spoils -= !commits;
	for (i = 0; i < n; i++)
		llm_job_done(h->jobs[i], commits ? LLM_JOB_COMMITTED : LLM_JOB_ROLLED_BACK, NULL);
}

static void on_drain(void *ctx)
{
	house *h = ctx;

	h->drained++;
	if (!h->waits_for || *h->waits_for)
		work(h);
}

static void house_open(house *h, const char *script, const char *config, int faked)
{
	const char *args[] = {"--script", NULL, NULL};
	char text[1000];

	memset(h, 0, sizeof(*h));
	book_open(&h->b, "", "");
	h->script = sim_file(script);
	args[1] = h->script;
	h->up = sim_start(args);
	cr_assert_eq(sqlite3_open(h->b.dsn, &h->db), SQLITE_OK);
	llm_native_sqlite(h->db, &h->calls, &h->native);
	h->port = (llm_job_port){sizeof(h->port), 0, h, on_submit, on_drain};
	snprintf(text, sizeof(text), OLLAMA_AT, sim_url(h->up), "", config);
	talk_open_port(&h->t, TEST_BINARY_DIR "/plugins", text, faked, &h->port);
}

static void house_close(house *h)
{
	talk_close(&h->t);
	cr_expect_eq(h->n, 0, "the service has left nothing behind");
	cr_expect_eq(sqlite3_close(h->db), SQLITE_OK);
	cr_assert_eq(sim_stop(h->up), 0);
	sim_file_free(h->script);
	book_close(&h->b);
}

static llm_ledger_stats stats(house *h)
{
	llm_ledger_stats l = {.struct_size = sizeof(l)};

	cr_assert_eq(llm_service_ledger(h->t.svc, &l), 0);
	return l;
}

static void until_jobs(house *h, int n)
{
	int i;

	for (i = 0; i < 2000 && h->n < n; i++)
		talk_turn(&h->t, 2);
	cr_assert_geq(h->n, n);
}

#define OK SAYS(LINE("ok") LAST)

Test(ledger_host, R_UOW_2_R_UOW_4_the_host_runs_the_jobs_in_transactions_of_its_own)
{
	talk_call c;
	house h;

	house_open(&h, OK, "workspace = \"" WS "\";\n", 0);
	talk_submit(&h.t, &c, "ollama/a", 1, NULL);
	until_jobs(&h, 2);
	cr_expect_eq(sim_log_count(h.up, REQUEST), 0, "the row was not committed yet");
	work(&h);
	cr_expect_eq(number(&h, "SELECT count(*) FROM llm_runs WHERE status = 'running'"), 1);
	cr_expect_eq(
		number(&h,
			"SELECT count(*) FROM llm_owners o JOIN llm_runs r ON r.owner_id = o.id "
			"WHERE o.lease_until_us > o.started_us"),
		1);
	until_jobs(&h, 1);
	cr_expect_eq(sim_log_count(h.up, REQUEST), 1);
	cr_expect_not(c.ended, "the settle was not committed yet");
	work(&h);
	cr_assert(talk_finish(&h.t, &c));
	cr_expect_eq(c.code, 0, "%s", c.err.message);
	cr_expect_eq(llm_result_persisted(llm_call_result(c.call), NULL), LLM_PERSISTED_YES);
	talk_done(&c);
	cr_expect_eq(number(&h, "SELECT count(*) FROM llm_runs WHERE status = 'succeeded'"), 1);
	cr_expect_eq(number(&h, "SELECT count(*) FROM llm_attempts"), 1);
	cr_expect_eq(stats(&h).settled, 1);
	house_close(&h);
}

/* Nobody looked before the first job; what that one found is said with the next run. */
Test(ledger_host, R_PRIV_1_another_key_before_is_told_once)
{
	talk_call c;
	house h;
	int i;

	house_open(&h, OK OK OK, "workspace = \"" WS "\";\n", 0);
	sql(&h,
		"INSERT INTO llm_owners (id, started_us, lease_until_us, key_print) "
		"VALUES ('00000000-0000-7000-8000-000000000000', 1, 1, 'of another key')");
	for (i = 0; i < 3; i++) {
		h.t.log[0] = '\0';
		talk_submit(&h.t, &c, "ollama/a", 1, NULL);
		while (!c.ended) {
			talk_turn(&h.t, 2);
			work(&h);
		}
		talk_done(&c);
		cr_expect_eq(strstr(h.t.log, "privacy.key is not the one") != NULL, i == 1,
			"behind run %d: %s", i, h.t.log);
	}
	house_close(&h);
}

Test(ledger_host, R_UOW_2_what_the_host_has_rolled_back_is_not_believed)
{
	talk_call c;
	house h;

	house_open(&h, OK, "workspace = \"" WS "\";\n", 0);
	h.spoils = 1;
	talk_submit(&h.t, &c, "ollama/a", 1, NULL);
	until_jobs(&h, 2);
	work(&h);
	cr_assert(talk_finish(&h.t, &c));
	cr_expect_eq(c.code, LLM_E_PERSISTENCE);
	cr_expect_not_null(strstr(c.err.message, "rolled back"), "%s", c.err.message);
	cr_expect_eq(sim_log_count(h.up, REQUEST), 0);
	talk_done(&c);
	cr_expect_eq(number(&h, "SELECT count(*) FROM llm_runs"), 0);
	house_close(&h);
}

static void until_ended(house *h, talk_call *c)
{
	int i;

	for (i = 0; i < 2000 && !c->ended; i++) {
		talk_turn(&h->t, 2);
		work(h);
	}
	cr_assert(talk_finish(&h->t, c));
}

/* As where a service opens it itself: what others have spent there counts. */
Test(ledger_host, R_COST_11_the_storage_behind_the_host_counts)
{
	talk_call c;
	house h;

	house_open(&h, OK OK,
		"workspace = \"" WS "\";\n"
		"budget = { limit = \"1\"; window = \"8760h\"; default_cost = \"0.4\"; };\n",
		0);
	talk_submit(&h.t, &c, "ollama/a", 1, NULL);
	until_jobs(&h, 2);
	work(&h);
	cr_expect_eq(number(&h, "SELECT held_nanousd / 1000000 FROM llm_budgets"), 400);
	until_ended(&h, &c);
	cr_expect_eq(c.code, 0, "%s", c.err.message);
	talk_done(&c);
	cr_expect_eq(number(&h, "SELECT held_nanousd FROM llm_budgets"), 0);
	cr_expect_eq(number(&h, "SELECT spent_nanousd / 1000000 FROM llm_budgets"), 400);
	sql(&h, "UPDATE llm_budgets SET spent_nanousd = 700000000");
	talk_submit(&h.t, &c, "ollama/a", 1, NULL);
	until_ended(&h, &c);
	cr_expect_eq(c.code, LLM_E_BUDGET_EXCEEDED, "%s", c.err.message);
	talk_done(&c);
	cr_expect_eq(sim_log_count(h.up, REQUEST), 1);
	house_close(&h);
}

/* The thread that ends the service is the one that runs the jobs. */
Test(ledger_host, R_UOW_10_the_end_of_a_service_waits_for_the_hosts_jobs)
{
	talk_call c;
	house h;
	int i;

	house_open(&h, OK, "workspace = \"" WS "\"; storage = { settle = \"queued\"; };\n", 0);
	talk_submit(&h.t, &c, "ollama/a", 1, NULL);
	until_jobs(&h, 2);
	work(&h);
	for (i = 0; i < 2000 && !c.ended; i++)
		talk_turn(&h.t, 2);
	cr_assert(talk_finish(&h.t, &c));
	cr_expect_eq(llm_result_persisted(llm_call_result(c.call), NULL), LLM_PERSISTED_QUEUED);
	talk_done(&c);
	cr_expect_eq(number(&h, "SELECT count(*) FROM llm_runs WHERE status = 'succeeded'"), 0);
	llm_service_free(h.t.svc);
	h.t.svc = NULL;
	cr_expect_geq(h.drained, 1);
	cr_expect_eq(number(&h, "SELECT count(*) FROM llm_runs WHERE status = 'succeeded'"), 1);
	house_close(&h);
}

/* An end whose row finds no room is delivered 5 s later at the latest, by the service's clock. */
Test(ledger_host, R_UOW_10_the_end_of_a_service_gives_up_after_five_seconds)
{
	const uint64_t real = talk_real_ns();
	uint64_t before;
	talk_call c;
	house h;
	int i;

	house_open(&h, OK, "workspace = \"" WS "\"; shutdown_grace = 0;\n", 1);
	talk_submit(&h.t, &c, "ollama/a", 1, NULL);
	until_jobs(&h, 2);
	work(&h);
	for (i = 0; i < 200 && !h.n; i++)
		talk_turn(&h.t, 2);
	cr_assert_eq(h.n, 1);
	cr_assert_not(c.ended);
	h.waits_for = &c.ended;
	h.t.clock.step_ns = UINT64_C(100000000);
	before = h.t.clock.ns;
	llm_service_free(h.t.svc);
	h.t.svc = NULL;
	cr_expect(c.ended, "delivered");
	cr_expect_geq(h.t.clock.ns - before, UINT64_C(5000000000));
	cr_expect_lt(h.t.clock.ns - before, UINT64_C(8000000000));
	cr_expect_lt(talk_real_ns() - real, UINT64_C(5000000000));
	cr_expect_eq(number(&h, "SELECT count(*) FROM llm_runs WHERE status = 'succeeded'"), 1,
		"the row came later");
	talk_done(&c);
	house_close(&h);
}

Test(ledger_host, R_UOW_4_a_port_without_its_functions_is_refused)
{
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	llm_job_port port = {sizeof(port), 0, NULL, on_submit, NULL};
	llm_err err = LLM_ERR_INIT;
	llm_service *svc = NULL;

	opts.jobs = &port;
	opts.flags = LLM_SERVICE_NO_ENV;
	cr_expect_eq(llm_service_new(&opts, &svc, &err), LLM_E_INVALID_REQUEST);
	cr_expect_not_null(strstr(err.message, "llm_service_opts.jobs"), "%s", err.message);
	port = (llm_job_port){sizeof(port) - 1, 0, NULL, on_submit, on_drain};
	cr_expect_eq(llm_service_new(&opts, &svc, &err), LLM_E_INVALID_REQUEST);
	cr_expect_null(svc);
}
