/*
 * ledger_faults.c - a storage that is busy, full, gone, of another shape, or was left by
 * somebody else; and what is kept of what was said.
 */
#include "ledger_try.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUICK "busy_timeout = 0;"

static oracle *start(const book *b, const char *text)
{
	const oracle_opts opts = {
		.mode = ORACLE_THREAD, .text = text, .config = b->config, .no_healthy = 1};

	return oracle_open(&opts);
}

/* With breakers. */
static oracle *start_guarded(const book *b, const char *text)
{
	const oracle_opts opts = {.mode = ORACLE_THREAD,
		.text = text,
		.config = b->config,
		.attempts = 1,
		.no_healthy = 1};

	return oracle_open(&opts);
}

/* ---- busy ---- */

Test(ledger_faults, R_UOW_11_a_busy_database_stops_a_run_before_it_is_sent)
{
	oracle_run *asked;
	oracle *o;
	book b;

	book_open(&b, QUICK, "");
	o = start(&b, NULL);
	book_lock(&b);
	asked = oracle_do(o, &(oracle_ask){.stream = 1});
	book_unlock(&b);
	cr_expect_eq(asked->code, LLM_E_DB_BUSY, "%s", asked->err.message);
	cr_expect_eq(asked->err.sent, LLM_SENT_NO);
	cr_expect_eq(book_persisted(asked), LLM_PERSISTED_NO);
	cr_expect_eq(REQUESTS(o), 0);
	cr_expect_eq(book_stats(o).degraded, 1);
	cr_expect_null(book_find(&b, book_id(asked)));
	asked = oracle_do(o, &(oracle_ask){.stream = 1}); /* and back */
	cr_expect_eq(asked->code, 0, "%s", asked->err.message);
	cr_expect_eq(book_persisted(asked), LLM_PERSISTED_YES);
	cr_expect_eq(book_stats(o).degraded, 0);
	cr_assert_eq(oracle_close(o), 0);
	book_close(&b);
}

/* It waits no longer than the run may take, and is told apart from a slow provider. */
Test(ledger_faults, R_UOW_10_a_busy_database_is_waited_for_until_the_deadline)
{
	const oracle_ask ask = {.stream = 1, .limits = {.total_ms = 120}};
	char id[40];
	oracle_run *asked;
	oracle *o;
	book b;

	book_open(&b, "busy_timeout = 2000;", "");
	o = start(&b, NULL);
	book_lock(&b);
	asked = oracle_do(o, &ask);
	cr_expect_eq(asked->code, LLM_E_DB_BUSY, "%s", asked->err.message);
	cr_expect_eq(REQUESTS(o), 0);
	cr_expect_eq(book_persisted(asked), LLM_PERSISTED_QUEUED);
	snprintf(id, sizeof(id), "%s", book_id(asked));
	book_unlock(&b);
	cr_assert_eq(oracle_close(o), 0);
	cr_expect_str_eq(book_find(&b, id)->status, "failed");
	cr_expect_str_eq(book_find(&b, id)->error_code, "DB_BUSY");
	book_close(&b);
}

static book *locked;

/* From the first piece on somebody else writes. */
static void lock_at_text(oracle_run *asked, llm_call *call, const llm_event *e)
{
	(void)asked;
	(void)call;
	if (e->kind == LLM_EVENT_TEXT && locked) {
		book_lock(locked);
		locked = NULL;
	}
}

static void expect_answer_without_settle(const char *more, int32_t code)
{
	const oracle_ask ask = {.stream = 1, .on_event = lock_at_text};
	const llm_err *fault = NULL;
	char section[100];
	oracle_run *asked;
	oracle *o;
	book b;

	snprintf(section, sizeof(section), QUICK " %s", more);
	book_open(&b, section, "");
	locked = &b;
	o = start(&b, NULL);
	asked = oracle_do(o, &ask);
	book_unlock(&b);
	cr_expect_eq(asked->code, code, "%s", asked->err.message);
	cr_expect_gt(asked->text_len, 0); /* what was paid for is there */
	llm_result_text(llm_call_result(asked->call), &asked->text_len);
	cr_expect_gt(asked->text_len, 0);
	cr_expect_eq(llm_result_persisted(llm_call_result(asked->call), &fault), LLM_PERSISTED_NO);
	cr_assert_not_null(fault);
	cr_expect_eq(fault->code, LLM_E_DB_BUSY, "%s", fault->message);
	cr_expect_eq(book_stats(o).failed, 1);
	cr_expect_str_eq(book_find(&b, book_id(asked))->status, "running");
	oracle_close(o); /* with persist_strict its own points do not fit */
	book_close(&b);
}

Test(ledger_faults, R_UOW_9_an_answer_is_not_lost_with_its_row)
{
	expect_answer_without_settle("", 0);
}

Test(ledger_faults, R_UOW_9_persist_strict_makes_it_an_error_with_the_answer)
{
	expect_answer_without_settle("persist_strict = true;", LLM_E_PERSISTENCE);
}

/* ---- full ---- */

/* No file of this process may grow: as full as a disk can be. */
static void fill(int full)
{
	struct rlimit now;

	signal(SIGXFSZ, SIG_IGN); /* NOLINT: the test's own process */
	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &now), 0);
	now.rlim_cur = full ? 1 : now.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &now), 0);
}

Test(ledger_faults, S_04_a_full_disk_stops_runs_before_they_are_sent)
{
	oracle_run *asked;
	oracle *o;
	book b;

	book_open(&b, QUICK, "");
	o = start(&b, NULL);
	cr_assert_eq(oracle_do(o, &(oracle_ask){.stream = 1})->code, 0);
	cr_assert_eq(REQUESTS(o), 1);
	fill(1);
	asked = oracle_do(o, &(oracle_ask){.stream = 1});
	fill(0);
	cr_expect_eq(asked->code, LLM_E_PERSISTENCE, "%s", asked->err.message);
	cr_expect_eq(asked->err.sent, LLM_SENT_NO);
	cr_expect_eq(REQUESTS(o), 1);
	cr_expect_eq(book_stats(o).degraded, 1);
	asked = oracle_do(o, &(oracle_ask){.stream = 1});
	cr_expect_eq(asked->code, 0, "%s", asked->err.message);
	cr_expect_eq(book_stats(o).degraded, 0);
	cr_assert_eq(oracle_close(o), 0);
	book_close(&b);
}

Test(ledger_faults, S_04_R_UOW_9_after_goes_on_serving_and_says_what_is_missing)
{
	book b;
	const oracle_opts opts = {.mode = ORACLE_THREAD,
		.config = b.config,
		.log_word = "is not wholly on record",
		.no_healthy = 1};
	llm_ledger_stats s;
	oracle_run *asked;
	oracle *o;
	int i;

	book_open(&b, "ledger = \"after\"; " QUICK, "");
	o = oracle_open(&opts);
	fill(1);
	asked = oracle_do(o, &(oracle_ask){.stream = 1});
	cr_expect_eq(asked->code, 0, "%s", asked->err.message);
	for (i = 0; i < 2000 && !book_stats(o).failed; i++)
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	fill(0);
	s = book_stats(o);
	cr_expect_eq(s.failed, 1);
	cr_expect_eq(s.degraded, 1);
	cr_expect_eq(atomic_load(&o->log_words), 1, "one line for each run");
	cr_expect_eq(oracle_do(o, &(oracle_ask){.stream = 1})->code, 0);
	cr_assert_eq(oracle_close(o), 0);
	cr_expect_eq(book_ask(&b, LLM_QUERY_RUNS, WS, NULL)->n, 1);
	book_close(&b);
}

/* ---- at the start ---- */

static int32_t try_service(const char *config_path, const char *override, llm_err *err)
{
	const char *overrides[] = {override, NULL};
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_service *svc = NULL;
	int32_t rc;

	so.flags = LLM_SERVICE_NO_ENV;
	so.config_path = config_path;
	so.overrides = override ? overrides : NULL;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	rc = llm_service_new(&so, &svc, err);
	llm_service_free(svc);
	return rc;
}

Test(ledger_faults, R_MIG_3_a_service_names_what_is_missing_and_the_way_to_it)
{
	llm_err err = LLM_ERR_INIT;
	char file[500], text[600];
	book b;

	book_open(&b, "", "");
	run_folder_put(b.folder, "empty.db", "");
	snprintf(text, sizeof(text), "storage = { dsn = \"%s/empty.db\"; };\n", b.folder);
	run_folder_put(b.folder, "llm.conf", text);
	snprintf(file, sizeof(file), "%s/llm.conf", b.folder);
	cr_expect_eq(try_service(file, NULL, &err), LLM_E_SCHEMA, "%s", err.message);
	snprintf(text, sizeof(text), "llmctl db migrate -c %s", file);
	cr_expect_not_null(strstr(err.message, text), "%s", err.message);
	cr_expect_eq(try_service(file, "storage.ledger=off", &err), 0, "%s", err.message);
	cr_expect_eq(try_service(file, "storage.dsm=x", &err), LLM_E_CONFIG);
	cr_expect_not_null(strstr(err.message, "dsn"), "%s", err.message);
	cr_expect_eq(try_service(file, "storage.busy_timeout=soon", &err), LLM_E_CONFIG);
	cr_expect_not_null(strstr(err.message, "storage.busy_timeout"), "%s", err.message);
	cr_expect_eq(try_service(file, "storage.dsn=/nowhere/at/all.db", &err), LLM_E_PERSISTENCE);
	cr_expect_not_null(strstr(err.message, "/nowhere/at/all.db"), "%s", err.message);
	cr_expect_eq(try_service(file, "privacy.content=full", &err), LLM_E_CONFIG);
	cr_expect_not_null(strstr(err.message, "privacy.key"), "%s", err.message);
	book_close(&b);
}

/* A run of a service that is gone: its owner has no lease. */
static void leave_running(book *b, const char *id)
{
	llm_run_row row = {.struct_size = sizeof(row),
		.workspace_id = WS,
		.id = id,
		.owner_id = "gone",
		.operation = "chat",
		.status = "running",
		.created_us = 1,
		.started_us = 1};
	llm_op op = {sizeof(op), LLM_OP_RUN_BEGIN, &row};
	llm_op_result result = {.struct_size = sizeof(result)};
	const llm_op *ops[] = {&op};
	llm_op_result *results[] = {&result};
	llm_err err = LLM_ERR_INIT;

	book_take(b);
	cr_assert_eq(llm_unit_begin(b->unit, &err), 0, "%s", err.message);
	llm_unit_call(b->unit);
	cr_assert_eq(
		llm_unit_table(b->unit)->apply(llm_unit_connection(b->unit), ops, 1, results), 0);
	cr_assert_eq(llm_unit_commit(b->unit, &err), 0, "%s", err.message);
	book_give(b);
}

Test(ledger_faults, R_RUN_5_a_start_reaps_what_was_left_and_leaves_the_living_alone)
{
	static const char id[] = "01900000-0000-7000-8000-000000000001";
	oracle *first, *second;
	oracle_run *asked;
	book b;

	book_open(&b, "", "");
	leave_running(&b, id);
	first = start(&b,
		"accept\nread request\nhead 200 "
		"\"Content-Type: application/x-ndjson\"\nkeep\n");
	cr_expect_str_eq(book_find(&b, id)->status, "abandoned");
	asked = oracle_submit(first, &(oracle_ask){.stream = 1}, NULL);
	cr_assert(sim_log_wait(first->up, "\"event\":\"request\"", 1, 5000));
	second = start(&b, NULL); /* one more process starts meanwhile */
	cr_expect_str_eq(book_ask(&b, LLM_QUERY_RUNS, WS, NULL)->runs[0].status, "running");
	oracle_close(second); /* SQLite keeps its descriptors as long as the first is there */
	llm_call_cancel(asked->call);
	oracle_finish(asked);
	cr_expect_str_eq(book_find(&b, book_id(asked))->status, "cancelled");
	oracle_close(first); /* its descriptors were counted without the other's */
	book_close(&b);
}

/* A candidate that wants to be left alone is, by the next service too. */
Test(ledger_faults, R_CB_9_a_breaker_outlives_its_service)
{
	oracle_run *asked;
	oracle *o;
	book b;

	book_open(&b, "", "");
	o = start_guarded(&b,
		"accept\nread request\nreply 429 \"Connection: close\" "
		"\"Retry-After: 60\" \"{\\\"error\\\":\\\"slowly\\\"}\"\nclose\n");
	cr_assert_eq(oracle_do(o, &(oracle_ask){.stream = 1})->code, LLM_E_RATE_LIMITED);
	cr_assert_eq(oracle_close(o), 0);
	o = start_guarded(&b, NULL);
	asked = oracle_do(o, &(oracle_ask){.stream = 1});
	cr_expect_eq(asked->code, LLM_E_NO_CANDIDATE, "%s", asked->err.message);
	cr_expect_eq(REQUESTS(o), 0);
	cr_expect_eq(llm_service_health_reset(o->svc, NULL), 1);
	oracle_close(o);
	book_close(&b);
}

/* ---- what is kept of content ---- */

static const llm_run_row *said(book *b, const char *privacy, char id[40])
{
	const llm_run_row *row;
	oracle_run *asked;
	oracle *o;

	strncat(b->config, privacy, sizeof(b->config) - strlen(b->config) - 1);
	o = start(b, NULL);
	asked = oracle_do(o, &(oracle_ask){.stream = 1});
	cr_assert_eq(asked->code, 0, "%s", asked->err.message);
	snprintf(id, 40, "%s", book_id(asked));
	row = book_find(b, id);
	cr_assert_not_null(row);
	cr_assert_eq(oracle_close(o), 0);
	return row;
}

Test(ledger_faults, R_PRIV_1_without_a_key_only_bytes_are_counted)
{
	const llm_run_row *row;
	char id[40];
	book b;

	book_open(&b, "", "");
	row = said(&b, "", id);
	cr_expect_str_eq(row->prompt_ref, "bytes:26"); /* ORACLE_PROMPT */
	cr_expect_eq(strncmp(row->response_ref, "bytes:", 6), 0);
	cr_expect_eq(strlen(row->request_hash), 64);
	cr_expect_eq(book_ask(&b, LLM_QUERY_CONTENT, WS, row->prompt_ref)->n, 0);
	book_close(&b);
}

Test(ledger_faults, R_PRIV_1_without_a_key_one_warning_says_so)
{
	oracle_opts opts = {.mode = ORACLE_THREAD, .no_healthy = 1, .log_word = "no privacy.key"};
	oracle *o;
	book b;

	book_open(&b, "", "");
	opts.config = b.config;
	o = oracle_open(&opts);
	cr_assert_eq(oracle_do(o, &(oracle_ask){.stream = 1})->code, 0);
	cr_assert_eq(oracle_do(o, &(oracle_ask){.stream = 1})->code, 0);
	cr_expect_eq(atomic_load(&o->log_words), 1);
	cr_assert_eq(oracle_close(o), 0);
	book_close(&b);
}

/* The key file of the installation, and the section that names it. */
static void privacy_with_key(const book *b, const char *content, char *ret, size_t cap)
{
	char path[500];

	run_folder_put(b->folder, "key", "0123456789abcdef0123456789abcdef\n");
	snprintf(path, sizeof(path), "%s/key", b->folder);
	cr_assert_eq(chmod(path, 0600), 0);
	snprintf(ret, cap, "privacy = { key = \"file:%s\"; content = \"%s\"; };\n", path, content);
}

Test(ledger_faults, R_PRIV_1_with_a_key_hashes_and_only_on_request_the_words)
{
	static const struct {
		const char *content;
		size_t rows;
		uint32_t has_bytes;
	} ways[] = {{"none", 0, 0}, {"hash", 1, 0}, {"redacted", 1, 1}, {"full", 1, 1}};
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const book_rows *kept;
		const llm_run_row *row;
		char id[40], section[700];
		book b;

		book_open(&b, "", "");
		privacy_with_key(&b, ways[i].content, section, sizeof(section));
		row = said(&b, section, id);
		if (!ways[i].rows) {
			cr_expect_null(row->prompt_ref);
			cr_expect_null(row->request_hash);
			book_close(&b);
			continue;
		}
		kept = book_ask(&b, LLM_QUERY_CONTENT, WS, row->prompt_ref);
		cr_assert_eq(kept->n, 1);
		cr_expect_str_eq(kept->contents[0].kind, "prompt");
		cr_expect_eq(kept->contents[0].has_bytes, ways[i].has_bytes);
		cr_expect_gt(kept->contents[0].size, 26);
		if (ways[i].has_bytes)
			cr_expect_str_eq(kept->contents[0].bytes.ptr,
				"[{\"role\":\"user\",\"content\":\"" ORACLE_PROMPT "\"}]");
		kept = book_ask(&b, LLM_QUERY_CONTENT, WS, row->response_ref);
		cr_assert_eq(kept->n, 1);
		cr_expect_str_eq(kept->contents[0].kind, "response");
		if (ways[i].has_bytes)
			cr_expect_eq(strncmp(kept->contents[0].bytes.ptr,
					     "{\"role\":\"assistant\",\"content\":\"", 31),
				0);
		book_close(&b);
	}
}

/* Keeps the number of bytes of a prompt, in two pieces, and fails with an answer. */
static int32_t keep_size(uintptr_t token, const char *text, size_t len,
	int32_t (*put)(void *to, const char *bytes, size_t len), void *to)
{
	char size[32];
	int32_t rc;

	(void)token;
	if (text[len] || !strstr(text, ORACLE_PROMPT))
		return -1;
	snprintf(size, sizeof(size), "%zu", len);
	rc = put(to, "bytes: ", 7);
	return rc ? rc : put(to, size, strlen(size));
}

Test(ledger_faults, R_PRIV_1_what_the_hook_of_the_host_leaves_is_kept)
{
	oracle_opts opts = {.mode = ORACLE_THREAD, .no_healthy = 1, .redact = keep_size};
	const llm_run_row *row;
	const book_rows *kept;
	char section[700];
	oracle_run *asked;
	oracle *o;
	book b;

	book_open(&b, "", "");
	privacy_with_key(&b, "redacted", section, sizeof(section));
	strncat(b.config, section, sizeof(b.config) - strlen(b.config) - 1);
	opts.config = b.config;
	o = oracle_open(&opts);
	asked = oracle_do(o, &(oracle_ask){.stream = 1});
	cr_assert_eq(asked->code, 0, "%s", asked->err.message);
	row = book_find(&b, book_id(asked));
	cr_assert_not_null(row);
	cr_expect_null(row->response_ref);
	kept = book_ask(&b, LLM_QUERY_CONTENT, WS, row->prompt_ref);
	cr_assert_eq(kept->n, 1);
	cr_expect_str_eq(kept->contents[0].bytes.ptr, "bytes: 56");
	cr_assert_eq(oracle_close(o), 0);
	book_close(&b);
}

Test(ledger_faults, R_PRIV_3_metadata_is_bounded_and_holds_no_secret)
{
	char big[20000];
	llm_request *rq = NULL;
	llm_err err = LLM_ERR_INIT;
	const book_rows *rows;
	llm_call *c = NULL;
	oracle *o;
	book b;

	memset(big, 'x', sizeof(big));
	memcpy(big, "{\"a\":\"", 6);
	memcpy(big + sizeof(big) - 3, "\"}", 3);
	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_expect_eq(llm_request_metadata(rq, big, LLM_NUL_TERMINATED), LLM_E_INVALID_REQUEST);
	cr_expect_not_null(strstr(llm_request_problem(rq), "16384"));
	cr_expect_eq(llm_request_metadata(rq, "[1]", 3), LLM_E_INVALID_REQUEST);
	cr_expect_eq(
		llm_request_metadata(rq, "{\"workspace_id\":\"a b\"}", 22), LLM_E_INVALID_REQUEST);
	cr_assert_eq(llm_request_metadata(rq, "{\"k\":\"" ORACLE_KEY "\"}", LLM_NUL_TERMINATED), 0);
	cr_assert_eq(llm_request_model(rq, "ollama/sim-small"), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", 2), 0);
	book_open(&b, "", "");
	o = start(&b, NULL);
	cr_assert_eq(llm_submit(o->svc, rq, NULL, &c, &err), 0, "%s", err.message);
	cr_assert_eq(llm_call_wait(c, 5000, &err), 0, "%s", err.message);
	rows = book_ask(&b, LLM_QUERY_RUNS, WS, NULL);
	cr_assert_eq(rows->n, 1);
	cr_expect_not_null(rows->runs[0].metadata_json);
	cr_expect_null(strstr(rows->runs[0].metadata_json, ORACLE_KEY));
	llm_call_free(c);
	llm_request_free(rq);
	oracle_close(o); /* a run of our own is not one of its points */
	book_close(&b);
}
