/* Replies that are no replies: headers, sizes, types, statuses, lengths. One row a fault. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "support/oracle.h"

#define STREAM 1
#define WHOLE 0
#define FIRST LLM_PHASE_FIRST_TOKEN
#define IDLE LLM_PHASE_IDLE
#define ATTEMPT LLM_PHASE_ATTEMPT
#define SENT LLM_SENT_YES
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static size_t hold(const oracle_row *rows, size_t n)
{
	return oracle_play_all(rows, n, ORACLE_PULL) + oracle_play_all(rows, n, ORACLE_LOOP);
}

Test(u_replies, U_08_headers_have_limits)
{
	static const oracle_row rows[] = {
		{"u_08_long_line", STREAM, LLM_E_PROTOCOL, FIRST, SENT, 200, NULL, {0}},
		{"u_08_long_line", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 200, NULL, {0}},
		{"u_08_many_lines", STREAM, LLM_E_PROTOCOL, FIRST, SENT, 200, NULL, {0}},
		{"u_08_many_lines", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 200, NULL, {0}},
		{"u_08_no_end", STREAM, LLM_E_PROTOCOL, FIRST, SENT, 200, NULL, {0}},
		{"u_08_no_end", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 200, NULL, {0}},
		{"u_08_no_line_end", STREAM, LLM_E_PROTOCOL, FIRST, SENT, 200, NULL, {0}},
		{"u_08_no_line_end", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 200, NULL, {0}},
	};

	cr_assert_eq(hold(rows, COUNT(rows)), 0);
}

Test(u_replies, U_14_content_types)
{
	static const oracle_row rows[] = {
		{"u_14_html", STREAM, LLM_E_PROTOCOL, FIRST, SENT, 200, NULL, {0}},
		{"u_14_html", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 200, NULL, {0}},
		{"u_14_empty_type", STREAM, LLM_E_PROTOCOL, FIRST, SENT, 200, NULL, {0}},
		{"u_14_empty_type", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 200, NULL, {0}},
		{"u_14_no_type", STREAM, LLM_E_PROTOCOL, FIRST, SENT, 200, NULL, {0}},
		{"u_14_no_type", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 200, NULL, {0}},
		{"u_14_sse", STREAM, LLM_E_PROTOCOL, FIRST, SENT, 200, NULL, {0}},
		{"u_14_sse", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 200, NULL, {0}},
		{"u_14_empty_body", STREAM, LLM_E_PROTOCOL, FIRST, SENT, 200, NULL, {0}},
		{"u_14_empty_body", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 200, NULL, {0}},
		{"u_14_empty_stream", STREAM, LLM_E_STREAM_BROKEN, FIRST, SENT, 200, NULL, {0}},
		{"u_14_empty_stream", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 200, NULL, {0}},
		/* A whole document for who asked for a stream, and the reverse. */
		{"hello_whole", STREAM, 0, 0, 0, 0, "Hello", {0}},
		{"hello_stream", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 200, NULL, {0}},
	};

	cr_assert_eq(hold(rows, COUNT(rows)), 0);
}

/* 200 bytes of it are logged, without secrets; not one is in the error. */
Test(u_replies, U_14_the_beginning_is_logged)
{
	static const struct {
		const char *body, *word;
		size_t lines;
	} rows[] = {
		{"<html>Welcome</html>", "it begins: <html>Welcome", 1},
		{"<html>" ORACLE_KEY " here</html>", "it begins: <html>[redacted] here</html>", 1},
		{"\\0\\x1b[31mred\\n", "it begins:  \\x1b[31mred", 1},
#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
		{FIFTY FIFTY FIFTY FIFTY "behind", FIFTY FIFTY FIFTY FIFTY, 1},
		{FIFTY FIFTY FIFTY FIFTY "behind", "behind", 0},
	};
	char text[512];
	size_t i;

	for (i = 0; i < COUNT(rows) * 2; i++) {
		const oracle_opts opts = {.text = text, .log_word = rows[i / 2].word};
		oracle_run *run;
		oracle *o;

		snprintf(text, sizeof(text),
			"accept\nread request\nreply 200 \"Content-Type: %s\" \"%s\"\n"
			"serve\naccept\nserve\n",
			i % 2 ? "text/html" : "application/json", rows[i / 2].body);
		o = oracle_open(&opts);
		run = oracle_do(o, NULL);
		cr_assert_eq(run->code, LLM_E_PROTOCOL);
		cr_assert_eq(o->log_words, rows[i / 2].lines, "row %zu", i / 2);
		cr_assert_null(strstr(run->err.message, "<html"), "%s", run->err.message);
		cr_assert_eq(oracle_close(o), 0);
	}
}

Test(u_replies, U_15_interim_answers_and_answers_without_content)
{
	static const oracle_row rows[] = {
		{"u_15_100s", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 100, NULL, {0}},
		{"u_15_103s", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 103, NULL, {0}},
		{"u_15_endless_100s", STREAM, LLM_E_PROTOCOL, FIRST, SENT, 100, NULL, {0}},
		{"u_15_endless_100s", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 100, NULL, {0}},
		{"u_15_204", STREAM, LLM_E_PROTOCOL, FIRST, SENT, 204, NULL, {0}},
		{"u_15_204", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 204, NULL, {0}},
		{"u_15_204_with_body", STREAM, LLM_E_PROTOCOL, FIRST, SENT, 204, NULL, {0}},
		{"u_15_204_with_body", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 204, NULL, {0}},
		{"u_15_304", STREAM, LLM_E_PROTOCOL, FIRST, SENT, 304, NULL, {0}},
		{"u_15_304", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 304, NULL, {0}},
	};

	cr_assert_eq(hold(rows, COUNT(rows)), 0);
}

Test(u_replies, U_16_chunks_and_lengths)
{
	static const oracle_row rows[] = {
		{"u_16_bad_first_chunk", STREAM, LLM_E_PROTOCOL, FIRST, SENT, 200, NULL, {0}},
		{"u_16_bad_first_chunk", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 200, NULL, {0}},
		/* Text has arrived, and stays; what broke it was no end, but nonsense. */
		{"u_16_bad_chunk", STREAM, LLM_E_PROTOCOL, IDLE, SENT, 200, "Hel", {0}},
		{"u_16_huge_chunk", STREAM, LLM_E_PROTOCOL, IDLE, SENT, 200, "Hel", {0}},
		{"u_16_no_last_chunk", STREAM, 0, 0, 0, 0, "Hello", {0}},
		{"u_16_whole_no_last_chunk", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 200, NULL, {0}},
		{"u_16_whole_no_last_chunk", STREAM, LLM_E_STREAM_BROKEN, FIRST, SENT, 200, NULL,
			{0}},
		{"u_16_bytes_after", WHOLE, 0, 0, 0, 0, "Hello", {0}},
		{"u_16_bytes_after", STREAM, 0, 0, 0, 0, "Hello", {0}},
		{"u_16_too_short", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 200, NULL, {0}},
		{"u_16_too_long", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 200, NULL, {0}},
		{"u_16_two_lengths", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 200, NULL, {0}},
		{"u_16_no_http", STREAM, LLM_E_PROTOCOL, FIRST, SENT, 0, NULL, {0}},
		{"u_16_no_http", WHOLE, LLM_E_PROTOCOL, ATTEMPT, SENT, 0, NULL, {0}},
	};

	cr_assert_eq(hold(rows, COUNT(rows)), 0);
}

/* After each of these the next request has a connection of its own. */
Test(u_replies, U_16_a_damaged_connection_is_not_used_again)
{
	static const char *const scripts[] = {"u_16_bad_first_chunk", "u_16_bytes_after",
		"u_16_too_short", "u_16_too_long", "u_16_no_http"};
	size_t i;

	for (i = 0; i < COUNT(scripts); i++) {
		const oracle_opts opts = {.script = scripts[i]};
		oracle *o = oracle_open(&opts);

		(void)oracle_do(o, NULL);
		cr_assert_eq(oracle_do(o, NULL)->code, 0, "%s", scripts[i]);
		cr_assert_geq(sim_log_count(o->up, "\"event\":\"accept\""), 2, "%s", scripts[i]);
		cr_assert_eq(sim_log_count(o->up, "\"event\":\"request\""), 2, "%s", scripts[i]);
		cr_assert_eq(oracle_close(o), 0);
	}
}

/* An answer that comes without a question is never the answer to the next one. */
Test(u_replies, U_16_stray_answers_are_not_taken)
{
	const oracle_opts opts = {.script = "u_16_bytes_later"};
	struct timespec rest = {.tv_nsec = 40000000};
	oracle *o = oracle_open(&opts);
	oracle_run *run = oracle_do(o, NULL);

	cr_assert_str_eq(run->text, "Hello");
	nanosleep(&rest, NULL);
	run = oracle_do(o, NULL);
	cr_assert_eq(run->code, 0, "%s", run->err.message);
	cr_assert_str_neq(run->text, "bad");
	cr_assert_eq(sim_log_count(o->up, "\"event\":\"accept\""), 2);
	cr_assert_eq(sim_log_count(o->up, "\"event\":\"request\""), 2);
	cr_assert_eq(oracle_close(o), 0);
}

/* ---- statuses ---- */

Test(u_replies, U_15_each_status_has_its_code)
{
	static const struct {
		int status;
		int32_t code;
	} rows[] = {{400, LLM_E_INVALID_REQUEST}, {401, LLM_E_AUTHENTICATION},
		{402, LLM_E_QUOTA_EXHAUSTED}, {403, LLM_E_PERMISSION_DENIED},
		{404, LLM_E_NOT_FOUND}, {408, LLM_E_TIMEOUT}, {409, LLM_E_CONFLICT},
		{413, LLM_E_INVALID_REQUEST}, {418, LLM_E_INVALID_REQUEST},
		{422, LLM_E_INVALID_REQUEST}, {429, LLM_E_RATE_LIMITED}, {499, LLM_E_UNAVAILABLE},
		{500, LLM_E_SERVER_ERROR}, {501, LLM_E_UNSUPPORTED}, {502, LLM_E_UNAVAILABLE},
		{503, LLM_E_UNAVAILABLE}, {504, LLM_E_UNAVAILABLE}, {505, LLM_E_SERVER_ERROR},
		{529, LLM_E_UNAVAILABLE}, {599, LLM_E_SERVER_ERROR}, {300, LLM_E_PROTOCOL},
		{600, LLM_E_PROTOCOL}, {999, LLM_E_PROTOCOL}};
	static const char *const bodies[] = {
		"{\\\"error\\\":\\\"no\\\"}", "", "<html>", "{\\\"error\\\":", "\\xff\\xfe"};
	char text[512];
	size_t i;

	for (i = 0; i < COUNT(rows) * 2; i++) {
		const oracle_opts opts = {.text = text};
		const oracle_ask ask = {.stream = i % 2};
		oracle *o;
		oracle_run *run;

		snprintf(text, sizeof(text),
			"accept\nread request\n"
			"reply %d \"Content-Type: application/json\" \"%s\"\nserve\n",
			rows[i / 2].status, bodies[i % COUNT(bodies)]);
		o = oracle_open(&opts);
		run = oracle_do(o, &ask);
		cr_assert_eq(run->code, rows[i / 2].code, "%d: %s", rows[i / 2].status,
			run->err.message);
		cr_assert_eq(run->err.http_status, rows[i / 2].status);
		cr_assert_eq(run->err.sent, LLM_SENT_YES);
		cr_assert_eq(sim_log_count(o->up, "\"event\":\"request\""), 1);
		cr_assert_eq(oracle_close(o), 0);
	}
}
