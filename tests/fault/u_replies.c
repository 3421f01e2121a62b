/* Replies that are no replies: headers, sizes, types, statuses, lengths. One row a fault. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/oracle.h"
#include "support/wires.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

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

typedef struct status_row {
	int status;
	int32_t code;
} status_row;

/* The failure, then a good stream on the same connection. */
static void status(const status_row *row, const wire *w, const char *body, uint32_t stream)
{
	static const char good[] =
		"read request\nhead 200 $t \"Connection: close\"\nsend \"$*\"\nclose\n";
	char *then = wires_expand(w, 1, good), text[4096];
	const oracle_opts opts = {.text = text, .model = w->model};
	const oracle_ask ask = {.stream = stream};
	oracle_run *run;
	oracle *o;

	snprintf(text, sizeof(text),
		"accept\nread request\nreply %d \"Content-Type: application/json\" \"%s\"\n"
		"%saccept\n%s",
		row->status, body, then, then);
	o = oracle_open(&opts);
	run = oracle_do(o, &ask);
	cr_assert_eq(run->code, row->code, "%s, %d: %s", w->name, row->status, run->err.message);
	cr_assert_eq(run->err.http_status, row->status);
	cr_assert_eq(run->err.sent, LLM_SENT_YES);
	cr_assert_eq(sim_log_count(o->up, "\"event\":\"request\""), 1);
	cr_assert_eq(oracle_close(o), 0);
	free(then);
}

Test(u_replies, U_15_each_status_has_its_code)
{
	static const status_row rows[] = {{400, LLM_E_INVALID_REQUEST}, {401, LLM_E_AUTHENTICATION},
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
	const size_t n = COUNT(rows) * 2;
	size_t i;

	for (i = 0; i < n * WIRES; i++)
		status(&rows[i / 2 % COUNT(rows)], &wires[i / n], bodies[i % COUNT(bodies)],
			(uint32_t)(i % 2));
}
