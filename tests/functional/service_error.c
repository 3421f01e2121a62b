/* What an error carries (R-ERR-3), and withheld answers (R-ERR-8). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "support/oracle.h"

static oracle_run *one(oracle **ret, const char *text, const oracle_ask *ask)
{
	const oracle_opts opts = {.text = text};

	*ret = oracle_open(&opts);
	return oracle_do(*ret, ask);
}

#define ANSWER(status, headers, body) \
	"accept\nread request\nreply " status " " headers " \"" body "\"\nserve\n"
#define JSON "\"Content-Type: application/json\""

Test(service_error, R_ERR_3_every_field)
{
	oracle *o;
	oracle_run *run = one(&o,
		ANSWER("429", JSON " \"Retry-After: 7\" \"X-Request-Id: rq-42\"",
			"{\\\"error\\\":{\\\"message\\\":\\\"slow down\\\",\\\"type\\\":\\\"requests\\\","
			"\\\"code\\\":\\\"rate_limit_exceeded\\\"}}"),
		&(oracle_ask){.model = "openai/gpt-x", .stream = 1});
	const llm_err *e = &run->err;

	cr_assert_eq(e->code, LLM_E_RATE_LIMITED, "%s", e->message);
	cr_assert_eq(e->err_class, LLM_CLASS_WAIT);
	cr_assert_eq(e->phase, LLM_PHASE_FIRST_TOKEN);
	cr_assert_eq(e->delivered, 0);
	cr_assert_eq(e->sent, LLM_SENT_YES);
	cr_assert_eq(e->http_status, 429);
	cr_assert_eq(e->attempt, 1);
	cr_assert_eq(e->retry_after_ms, 7000);
	cr_assert_str_eq(e->provider, "openai");
	cr_assert_str_eq(e->candidate, "openai/gpt-x");
	cr_assert_str_eq(e->provider_code, "rate_limit_exceeded");
	cr_assert_str_eq(e->request_id, "rq-42");
	cr_assert_not_null(strstr(e->message, "slow down"));
	cr_assert_eq(oracle_close(o), 0);
}

Test(service_error, R_ERR_3_the_attempts_are_in_the_result)
{
	oracle *o;
	oracle_run *run = one(&o, ANSWER("503", JSON, "{\\\"error\\\":\\\"busy\\\"}"), NULL);
	const llm_result *r = llm_call_result(run->call);
	llm_attempt a = {.struct_size = (uint32_t)sizeof(a)};

	cr_assert_eq(llm_result_attempt_count(r), 1);
	cr_assert_eq(llm_result_attempt(r, 0, &a), 0);
	cr_assert_eq(a.seq, 1);
	cr_assert_eq(a.status, LLM_STATUS_FAILED);
	cr_assert_eq(a.error_code, LLM_E_UNAVAILABLE);
	cr_assert_eq(a.http_status, 503);
	cr_assert_eq(a.retry_after_ms, -1);
	cr_assert_eq(a.ttft_ms, -1);
	cr_assert_geq(a.duration_ms, 0);
	cr_assert_str_eq(a.candidate, "ollama/sim-small");
	cr_assert_not_null(a.error);
	cr_assert_str_eq(a.error->message, run->err.message);
	cr_assert_eq(llm_result_attempt(r, 1, &a), LLM_E_NOT_FOUND);
	cr_assert_eq(oracle_close(o), 0);
}

/* Three bytes a character, so that a cut at 2000 would fall inside one. */
Test(service_error, R_ERR_3_long_messages_are_cut_at_a_character)
{
	char script[16384];
	size_t n = 0, i;
	oracle *o;
	oracle_run *run;
	size_t len;

	n += (size_t)snprintf(script, sizeof(script),
		"accept\nread request\nreply 400 " JSON " \"{\\\"error\\\":\\\"");
	for (i = 0; i < 3000; i++)
		n += (size_t)snprintf(script + n, sizeof(script) - n, "\xe2\x82\xac");
	snprintf(script + n, sizeof(script) - n, "\\\"}\"\nserve\n");
	run = one(&o, script, NULL);
	len = strlen(run->err.message);
	cr_assert_leq(len, LLM_ERR_MESSAGE_MAX);
	cr_assert_geq(len, 1000);
	cr_assert_eq((len - strcspn(run->err.message, "\xe2")) % 3, 0, "half a character");
	cr_assert_eq(oracle_close(o), 0);
}

/* The server's words are a stranger's: nothing in them steers a terminal or a log. */
Test(service_error, K_09_the_servers_words_are_cleaned)
{
	oracle *o;
	oracle_run *run = one(&o,
		ANSWER("400", JSON,
			"{\\\"error\\\":\\\"\\\\u001b[31mred\\\\u0007 " ORACLE_KEY "\\\"}"),
		NULL);

	cr_assert_null(strchr(run->err.message, '\x1b'));
	cr_assert_null(strchr(run->err.message, '\x07'));
	cr_assert_not_null(strstr(run->err.message, "red"));
	cr_assert_not_null(strstr(run->err.message, "[redacted]"), "%s", run->err.message);
	cr_assert_eq(oracle_close(o), 0);
}

/* Three lines at most are counted by the oracle. */
Test(service_error, R_ERR_3_K_09_a_servers_many_lines_are_no_more_than_three)
{
	oracle *o;
	oracle_run *run = one(&o,
		ANSWER("500", JSON,
			"{\\\"error\\\":\\\"one\\\\ntwo\\\\nthree\\\\nfour\\\\nfive\\\"}"),
		NULL);

	cr_assert_not_null(strstr(run->err.message, "one"));
	cr_assert_not_null(strstr(run->err.message, "five"), "%s", run->err.message);
	cr_assert_eq(oracle_close(o), 0);
}

Test(service_error, R_ERR_3_a_refused_connection_was_never_sent)
{
	const oracle_opts opts = {.base_url = "http://127.0.0.1:1"};
	uint32_t stream;

	for (stream = 0; stream < 2; stream++) {
		oracle *o = oracle_open(&opts);
		oracle_run *run = oracle_do(o, &(oracle_ask){.stream = stream});

		cr_assert_eq(run->code, LLM_E_CONNECTION, "%s", run->err.message);
		cr_assert_eq(run->err.phase, LLM_PHASE_CONNECT);
		cr_assert_eq(run->err.sent, LLM_SENT_NO);
		cr_assert_eq(run->err.http_status, 0);
		cr_assert_not_null(strstr(run->err.message, "127.0.0.1:1"));
		cr_assert_eq(oracle_close(o), 0);
	}
}

/* ---- withheld answers ---- */

#define WHOLE(content) \
	ANSWER("200", JSON, \
		"{\\\"choices\\\":[{\\\"index\\\":0,\\\"message\\\":{\\\"role\\\":\\\"assistant\\\"," \
		"\\\"content\\\":" content "},\\\"finish_reason\\\":\\\"content_filter\\\"}]}")
#define PIECE(delta, reason) \
	"chunk \"data: {\\\"choices\\\":[{\\\"index\\\":0,\\\"delta\\\":{" delta "}," \
	"\\\"finish_reason\\\":" reason "}]}\\n\\n\"\n"
#define STREAM(pieces) \
	"accept\nread request\nhead 200 \"Content-Type: text/event-stream\" " \
	"\"Transfer-Encoding: chunked\"\n" pieces PIECE( \
		"", "\\\"content_filter\\\"") "chunk \"data: [DONE]\\n\\n\"\nend-chunks\nserve\n"

static void filtered(const char *script, uint32_t stream, const char *text)
{
	oracle *o;
	oracle_run *run = one(&o, script, &(oracle_ask){.model = "openai/m", .stream = stream});
	const llm_result *r = llm_call_result(run->call);

	cr_assert_eq(llm_result_finish(r, NULL), LLM_FINISH_CONTENT_FILTER);
	cr_assert_str_eq(run->text, text);
	if (text[0]) {
		cr_assert_eq(run->code, 0, "%s", run->err.message);
	} else {
		cr_assert_eq(run->code, LLM_E_CONTENT_FILTERED, "%s", run->err.message);
		cr_assert_eq(run->err.err_class, LLM_CLASS_CONTENT);
	}
	cr_assert_eq(oracle_close(o), 0);
}

Test(service_error, R_ERR_8_filtered_with_text_is_a_result)
{
	filtered(WHOLE("\\\"some\\\""), 0, "some");
	filtered(STREAM(PIECE("\\\"content\\\":\\\"some\\\"", "null")), 1, "some");
}

Test(service_error, R_ERR_8_filtered_without_text_is_an_error)
{
	filtered(WHOLE("null"), 0, "");
	filtered(STREAM(""), 1, "");
}
