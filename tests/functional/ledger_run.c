/*
 * ledger_run.c - runs on record: what is there before a byte is sent, before the end is
 * told, and after whatever came of them.
 */
#include "ledger_try.h"

#include "support/fakeclock.h"

static oracle *start(const book *b, const char *script, uint32_t mode)
{
	const oracle_opts opts = {
		.mode = mode, .script = script, .config = b->config, .no_healthy = 1};

	return oracle_open(&opts);
}

static oracle *start_text(const book *b, const char *text)
{
	const oracle_opts opts = {.mode = ORACLE_THREAD,
		.text = text,
		.config = b->config,
		.attempts = 1,
		.no_healthy = 1};

	return oracle_open(&opts);
}

/* ---- when a row is there ---- */

Test(ledger_run, R_UOW_11_a_look_at_a_plan_is_no_run)
{
	static const uint32_t looks[] = {LLM_CALL_PLAN_ONLY, LLM_CALL_DRY_RUN};
	book b;
	oracle *o;
	size_t i;

	book_open(&b, "", "");
	o = start(&b, "hello_stream", ORACLE_THREAD);
	for (i = 0; i < 2; i++) {
		llm_call_opts opts = LLM_CALL_OPTS_INIT;
		llm_err err = LLM_ERR_INIT;
		llm_request *rq = NULL;
		llm_call *call = NULL;

		opts.flags = looks[i];
		cr_assert_eq(llm_request_new(NULL, &rq), 0);
		cr_assert_eq(llm_request_model(rq, "ollama/a"), 0);
		cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", LLM_NUL_TERMINATED), 0);
		cr_assert_eq(llm_plan(o->svc, rq, &opts, &call, &err), 0, "%s", err.message);
		cr_expect_eq(llm_result_persisted(llm_call_result(call), NULL), LLM_PERSISTED_OFF);
		llm_call_free(call);
		llm_request_free(rq);
	}
	cr_expect_eq(book_ask(&b, LLM_QUERY_RUNS, WS, NULL)->n, 0);
	cr_expect_eq(book_stats(o).begun, 0);
	oracle_close(o); /* nothing was asked, so it has nothing to say of it */
	book_close(&b);
}

Test(ledger_run, R_UOW_11_the_row_is_there_before_the_first_byte)
{
	book b;
	oracle *o;
	oracle_run *asked;
	const book_rows *rows;
	const llm_run_row *row;

	book_open(&b, "", "");
	o = start(&b, "stall_in_stream", ORACLE_THREAD);
	asked = oracle_submit(o, &(oracle_ask){.stream = 1}, NULL);
	cr_assert(sim_log_wait(o->up, "\"event\":\"request\"", 1, 5000));
	rows = book_ask(&b, LLM_QUERY_RUNS, WS, NULL);
	cr_assert_eq(rows->n, 1);
	cr_expect_str_eq(rows->runs[0].status, "running");
	cr_expect_str_eq(rows->runs[0].operation, "chat");
	cr_expect_eq(rows->runs[0].stream, 1);
	cr_expect_not_null(rows->runs[0].owner_id);
	cr_expect_gt(rows->runs[0].started_us, 0);
	llm_call_cancel(asked->call);
	oracle_finish(asked);
	row = book_find(&b, book_id(asked));
	cr_assert_not_null(row);
	cr_expect_str_eq(row->status, "cancelled");
	cr_expect_str_eq(row->error_code, "CANCELLED");
	cr_assert_eq(oracle_close(o), 0);
	book_close(&b);
}

static book *watched;
static char status_at_end[32];

/* Inside the callback that tells of the end. */
static void look_at_end(oracle_run *asked, llm_call *call, const llm_event *e)
{
	const llm_run_row *row;

	(void)asked;
	if (e->kind != LLM_EVENT_END)
		return;
	row = book_find(watched, llm_result_run_id(llm_call_result(call)));
	snprintf(status_at_end, sizeof(status_at_end), "%s", row ? row->status : "none");
}

Test(ledger_run, R_UOW_11_the_settle_is_there_before_the_end_in_every_mode)
{
	static const uint32_t modes[] = {ORACLE_THREAD, ORACLE_LOOP, ORACLE_PULL, ORACLE_BLOCK};
	size_t i;

	for (i = 0; i < 4; i++) {
		const oracle_ask ask = {
			.stream = 1, .on_event = modes[i] == ORACLE_BLOCK ? NULL : look_at_end};
		book b;
		oracle *o;
		oracle_run *asked;

		book_open(&b, "", "");
		watched = &b;
		status_at_end[0] = '\0';
		o = start(&b, "hello_stream", modes[i]);
		asked = oracle_do(o, &ask);
		cr_assert_eq(asked->code, 0, "%s", asked->err.message);
		cr_expect_eq(book_persisted(asked), LLM_PERSISTED_YES);
		if (modes[i] != ORACLE_BLOCK)
			cr_expect_str_eq(
				status_at_end, "succeeded", "mode %u: %s", modes[i], status_at_end);
		cr_expect_str_eq(book_find(&b, book_id(asked))->status, "succeeded");
		cr_expect_eq(book_stats(o).begun, 1);
		cr_expect_eq(book_stats(o).settled, 1);
		cr_assert_eq(oracle_close(o), 0);
		book_close(&b);
	}
}

Test(ledger_run, R_UOW_11_after_writes_once_and_off_never)
{
	static const struct {
		const char *ledger;
		size_t rows;
		uint32_t persisted;
		uint64_t begun;
	} ways[] = {
		{"ledger = \"after\";", 3, LLM_PERSISTED_QUEUED, 0},
		{"settle = \"queued\";", 3, LLM_PERSISTED_QUEUED, 3},
		{"ledger = \"off\";", 0, LLM_PERSISTED_OFF, 0},
	};
	size_t i, k;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const book_rows *rows;
		llm_ledger_stats s;
		oracle *o;
		book b;

		book_open(&b, ways[i].ledger, "");
		o = start_text(&b, NULL);
		for (k = 0; k < 3; k++) {
			oracle_run *asked = oracle_do(o, &(oracle_ask){.stream = 1});

			cr_assert_eq(asked->code, 0, "%s", asked->err.message);
			cr_expect_eq(book_persisted(asked), ways[i].persisted);
		}
		s = book_stats(o);
		cr_expect_eq(s.begun, ways[i].begun);
		cr_assert_eq(oracle_close(o), 0); /* what waits is written on the way out */
		rows = book_ask(&b, LLM_QUERY_RUNS, WS, NULL);
		cr_expect_eq(rows->n, ways[i].rows);
		for (k = 0; k < rows->n; k++)
			cr_expect_str_eq(rows->runs[k].status, "succeeded");
		book_close(&b);
	}
}

/* ---- what a row says ---- */

Test(ledger_run, R_RUN_1_a_run_that_was_answered)
{
	const llm_run_row *row;
	const llm_attempt_row *att;
	oracle_run *asked;
	oracle *o;
	book b;

	book_open(&b, "", "");
	o = start(&b, "hello_stream", ORACLE_THREAD);
	asked = oracle_do(o, &(oracle_ask){.stream = 1});
	row = book_find(&b, book_id(asked));
	cr_assert_not_null(row);
	cr_expect_str_eq(row->status, "succeeded");
	cr_expect_str_eq(row->source, "provider");
	cr_expect_str_eq(row->requested_model, "ollama/sim-small");
	cr_expect_str_eq(row->provider, "ollama");
	cr_expect_str_eq(row->resolved_model, "sim-small");
	cr_expect_str_eq(row->finish_reason, "stop");
	cr_expect_eq(row->input_tokens, 3);
	cr_expect_eq(row->output_tokens, 2);
	cr_expect_eq(row->cache_read_tokens, LLM_UNKNOWN);
	cr_expect_str_eq(row->usage_source, "provider");
	cr_expect_eq(row->attempts, 1);
	cr_expect_eq(row->fallbacks, 0);
	cr_expect_eq(row->version, 2);
	cr_expect_geq(row->finished_us, row->started_us);
	cr_expect_geq(row->settle_us, 0);
	cr_expect_lt(row->settle_us, 10000000);
	att = &book_attempts(&b, book_id(asked))->attempts[0];
	cr_expect_str_eq(att->candidate_id, "ollama/sim-small");
	cr_expect_eq(att->seq, 1);
	cr_expect_eq(att->http_status, 200);
	cr_expect_str_eq(att->generation, "org.libllm.ollama 0.1.0");
	cr_expect_eq(att->output_tokens, 2);
	cr_expect_geq(att->started_us, row->started_us);
	cr_expect_leq(att->finished_us, row->finished_us + 1000000);
	cr_assert_eq(oracle_close(o), 0);
	book_close(&b);
}

#define BUSY_THEN_WELL \
	"accept\nread request\nreply 503 \"Connection: close\" \"{\\\"error\\\":\\\"busy\\\"}\"\n" \
	"close\naccept\nread request\nhead 200 \"Content-Type: application/x-ndjson\" " \
	"\"Connection: close\"\nsend \"{\\\"model\\\":\\\"m\\\",\\\"message\\\":{\\\"role\\\":" \
	"\\\"assistant\\\",\\\"content\\\":\\\"ok\\\"},\\\"done\\\":true,\\\"done_reason\\\":" \
	"\\\"stop\\\",\\\"prompt_eval_count\\\":7,\\\"eval_count\\\":4}\\n\"\nclose\n"

Test(ledger_run, R_RUN_3_every_wire_request_has_its_row_and_they_add_up)
{
	const book_rows *rows;
	const llm_run_row *row;
	int64_t in = 0, out = 0;
	oracle_run *asked;
	oracle *o;
	size_t i;
	book b;

	book_open(&b, "", "");
	o = start_text(&b, BUSY_THEN_WELL);
	asked = oracle_do(o, &(oracle_ask){.stream = 1});
	cr_assert_eq(asked->code, 0, "%s", asked->err.message);
	row = book_find(&b, book_id(asked));
	rows = book_attempts(&b, book_id(asked));
	cr_assert_eq(rows->n, 2);
	cr_expect_eq(row->attempts, 2);
	cr_expect_str_eq(rows->attempts[0].status, "failed");
	cr_expect_str_eq(rows->attempts[0].error_code, "UNAVAILABLE");
	cr_expect_str_eq(rows->attempts[0].error_class, "elsewhere");
	cr_expect_eq(rows->attempts[0].http_status, 503);
	cr_expect_eq(rows->attempts[0].input_tokens, LLM_UNKNOWN);
	cr_expect_str_eq(rows->attempts[1].status, "succeeded");
	cr_expect_null(rows->attempts[1].error_code);
	cr_expect_geq(rows->attempts[1].waited_ms, 0);
	for (i = 0; i < rows->n; i++) {
		in += rows->attempts[i].input_tokens > 0 ? rows->attempts[i].input_tokens : 0;
		out += rows->attempts[i].output_tokens > 0 ? rows->attempts[i].output_tokens : 0;
	}
	cr_expect_eq(row->input_tokens, in);
	cr_expect_eq(row->output_tokens, out);
	cr_assert_eq(oracle_close(o), 0);
	book_close(&b);
}

/* ---- sums ---- */

#define REPLIES 12

/* A reply by chance: refused, cut, or whole; with counts that may be missing or zero. */
static size_t add_reply(char *to, size_t cap, uint64_t dice)
{
	static const char *const counts[] = {"", ",\\\"prompt_eval_count\\\":9",
		",\\\"eval_count\\\":5", ",\\\"prompt_eval_count\\\":0,\\\"eval_count\\\":2"};
	const char *done = counts[dice >> 8 & 3];

	if (dice % 3 == 0)
		return (size_t)snprintf(to, cap,
			"accept\nread request\nreply 503 \"Connection: close\" \"{}\"\nclose\n");
	return (size_t)snprintf(to, cap,
		"accept\nread request\nhead 200 \"Content-Type: application/x-ndjson\" "
		"\"Connection: close\"\nsend \"{\\\"message\\\":{\\\"role\\\":\\\"assistant\\\","
		"\\\"content\\\":\\\"ok\\\"},\\\"done\\\":%s%s}\\n\"\nclose\n",
		dice % 3 == 1 ? "false" : "true", dice % 3 == 1 ? "" : done);
}

static int64_t sum_of(const book_rows *rows, size_t at)
{
	int64_t sum = LLM_UNKNOWN, n;
	size_t i;

	for (i = 0; i < rows->n; i++) {
		memcpy(&n, (const char *)&rows->attempts[i] + at, sizeof(n));
		if (n >= 0)
			sum = (sum > 0 ? sum : 0) + n;
	}
	return sum;
}

/* Whatever came of its attempts, a run used what they used; what none reported is unknown. */
Test(ledger_run, R_RUN_3_the_sum_of_the_attempts_is_the_run_whatever_came_of_them)
{
	static char script[REPLIES * 600], ids[REPLIES][40];
	size_t n = 0, i, runs = 0, sent, requests = 0;
	fakeclock dice;
	oracle *o;
	book b;

	fakeclock_init(&dice, 20260131);
	for (i = 0; i < REPLIES; i++) {
		uint64_t chance;

		dice.source.random(&dice, &chance, sizeof(chance));
		n += add_reply(script + n, sizeof(script) - n, chance);
	}
	book_open(&b, "", "");
	o = start_text(&b, script);
	while (REQUESTS(o) < REPLIES && runs < REPLIES) {
		oracle_run *asked = oracle_do(o, &(oracle_ask){.stream = 1});

		snprintf(ids[runs++], sizeof(ids[0]), "%s", book_id(asked));
	}
	sent = REQUESTS(o);
	oracle_close(o);
	for (i = 0; i < runs; i++) {
		const llm_run_row *row = book_find(&b, ids[i]);
		const book_rows *rows = book_attempts(&b, ids[i]);

		cr_assert_not_null(row);
		cr_expect_eq(row->attempts, (int64_t)rows->n);
		cr_expect_eq(
			row->input_tokens, sum_of(rows, offsetof(llm_attempt_row, input_tokens)));
		cr_expect_eq(
			row->output_tokens, sum_of(rows, offsetof(llm_attempt_row, output_tokens)));
		requests += rows->n;
	}
	cr_expect_eq(requests, sent, "a row for each");
	cr_expect_geq(sent, REPLIES / 2);
	book_close(&b);
}

Test(ledger_run, R_RUN_4_a_cut_stream_says_what_is_known_and_no_more)
{
	const oracle_ask ask = {.stream = 1, .limits = {.idle_ms = 60}};
	const llm_run_row *row;
	oracle_run *asked;
	oracle *o;
	book b;

	book_open(&b, "", "");
	o = start(&b, "stall_in_stream", ORACLE_THREAD);
	asked = oracle_do(o, &ask);
	cr_assert_eq(asked->code, LLM_E_TIMEOUT, "%s", asked->err.message);
	row = book_find(&b, book_id(asked));
	cr_expect_str_eq(row->status, "failed");
	cr_expect_str_eq(row->error_code, "TIMEOUT");
	cr_expect_not_null(row->error_message);
	cr_expect_geq(row->ttft_ms, 0);
	cr_expect_eq(row->output_tokens, LLM_UNKNOWN);
	cr_expect_str_eq(row->usage_source, "none");
	cr_expect_str_eq(row->response_ref, "bytes:3");
	cr_expect_eq(row->delivered, 1);
	cr_assert_eq(oracle_close(o), 0);
	book_close(&b);
}

Test(ledger_run, R_RUN_4_of_a_stream_that_never_began_nothing_was_delivered)
{
	const oracle_ask ask = {.stream = 1, .limits = {.first_token_ms = 60}};
	const llm_run_row *row;
	oracle_run *asked;
	oracle *o;
	book b;

	book_open(&b, "", "");
	o = start(&b, "stall_after_head", ORACLE_THREAD);
	asked = oracle_do(o, &ask);
	cr_assert_eq(asked->code, LLM_E_TIMEOUT, "%s", asked->err.message);
	row = book_find(&b, book_id(asked));
	cr_expect_eq(row->delivered, 0);
	cr_expect_eq(row->ttft_ms, LLM_UNKNOWN);
	cr_assert_eq(oracle_close(o), 0);
	book_close(&b);
}

/* It is the caller who goes. */
Test(ledger_run, R_RUN_4_a_cancelled_stream_says_what_had_come)
{
	const llm_run_row *row;
	oracle_run *asked;
	oracle *o;
	book b;

	book_open(&b, "", "");
	o = start(&b, "stall_in_stream", ORACLE_THREAD);
	asked = oracle_submit(o, &(oracle_ask){.stream = 1}, NULL);
	cr_assert_not_null(asked);
	oracle_until(asked, &asked->deltas, 1);
	llm_call_cancel(asked->call);
	oracle_finish(asked);
	row = book_find(&b, book_id(asked));
	cr_expect_str_eq(row->status, "cancelled");
	cr_expect_eq(row->delivered, 1);
	cr_expect_geq(row->ttft_ms, 0);
	cr_expect_str_eq(row->response_ref, "bytes:3");
	cr_expect_str_eq(row->usage_source, "none");
	cr_expect_eq(row->output_tokens, LLM_UNKNOWN);
	cr_assert_eq(oracle_close(o), 0);
	book_close(&b);
}

/* ---- workspaces ---- */

Test(ledger_run, R_WS_1_without_a_workspace_nothing_is_sent_or_written)
{
	oracle_opts opts = {.mode = ORACLE_THREAD, .no_healthy = 1};
	llm_err err = LLM_ERR_INIT;
	oracle *o;
	book b;

	book_open(&b, "", "");
	opts.config = strchr(b.config, '\n') + 1; /* without its first line */
	o = oracle_open(&opts);
	cr_assert_null(oracle_submit(o, &(oracle_ask){.stream = 1}, &err));
	cr_expect_eq(err.code, LLM_E_WORKSPACE_REQUIRED, "%s", err.message);
	cr_expect_eq(REQUESTS(o), 0);
	cr_expect_eq(book_stats(o).begun, 0);
	cr_assert_eq(oracle_close(o), 0);
	book_close(&b);
}

static llm_request *request_in(const char *workspace, const char *metadata)
{
	llm_request *rq = NULL;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, "ok/sim-small"), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", LLM_NUL_TERMINATED), 0);
	if (workspace)
		cr_assert_eq(llm_request_workspace(rq, workspace), 0);
	if (metadata)
		cr_assert_eq(llm_request_metadata(rq, metadata, strlen(metadata)), 0, "%s",
			llm_request_problem(rq));
	return rq;
}

/* Runs it; the code of submit or of the run. */
static int32_t ask_in(oracle *o, const char *workspace, const char *metadata, char id[40])
{
	llm_request *rq = request_in(workspace, metadata);
	llm_err err = LLM_ERR_INIT;
	llm_call *c = NULL;
	int32_t rc = llm_submit(o->svc, rq, NULL, &c, &err);

	llm_request_free(rq);
	if (rc)
		return rc;
	rc = llm_call_wait(c, 5000, &err);
	snprintf(id, 40, "%s", llm_result_run_id(llm_call_result(c)));
	llm_call_free(c);
	return rc;
}

Test(ledger_run, R_WS_2_who_names_the_workspace)
{
	char id[40];
	oracle *o;
	book b;

	book_open(&b, "", "");
	o = start_text(&b, NULL);
	cr_expect_eq(ask_in(o, "a", "{\"workspace_id\":\"b\"}", id), LLM_E_WORKSPACE_CONFLICT);
	cr_expect_eq(REQUESTS(o), 0);
	cr_assert_eq(ask_in(o, "a", "{\"workspace_id\":\"a\"}", id), 0);
	cr_expect_eq(book_ask(&b, LLM_QUERY_RUN, "a", id)->n, 1);
	cr_assert_eq(ask_in(o, NULL, "{\"ticket\":5,\"workspace_id\":\"b\"}", id), 0);
	cr_expect_eq(book_ask(&b, LLM_QUERY_RUN, "b", id)->n, 1);
	cr_expect_str_eq(book_ask(&b, LLM_QUERY_RUN, "b", id)->runs[0].metadata_json,
		"{\"ticket\":5,\"workspace_id\":\"b\"}");
	cr_assert_eq(ask_in(o, "c", NULL, id), 0); /* the configured one conflicts with nobody */
	cr_expect_eq(book_ask(&b, LLM_QUERY_RUN, "c", id)->n, 1);
	cr_assert_eq(ask_in(o, NULL, NULL, id), 0);
	cr_expect_eq(book_ask(&b, LLM_QUERY_RUN, WS, id)->n, 1);
	cr_assert_eq(oracle_close(o), 0);
	book_close(&b);
}

Test(ledger_run, R_WS_4_one_workspace_does_not_see_the_other)
{
	char first[40], second[40];
	oracle *o;
	book b;

	book_open(&b, "", "");
	o = start_text(&b, NULL);
	cr_assert_eq(ask_in(o, "a", NULL, first), 0);
	cr_assert_eq(ask_in(o, "b", NULL, second), 0);
	cr_expect_eq(book_ask(&b, LLM_QUERY_RUNS, "a", NULL)->n, 1);
	cr_expect_eq(book_ask(&b, LLM_QUERY_RUNS, "b", NULL)->n, 1);
	cr_expect_eq(book_ask(&b, LLM_QUERY_RUN, "a", second)->n, 0);
	cr_expect_eq(book_ask(&b, LLM_QUERY_ATTEMPTS, "b", first)->n, 0);
	cr_assert_eq(oracle_close(o), 0);
	book_close(&b);
}
