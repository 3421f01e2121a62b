/* llmsim's faults: what is on the wire, in every protocol, as a stream and as a whole. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/hear.h"
#include "support/run.h"

#define SAY "t1 t2 t3 t4 t5 t6"
#define TOKENS 6
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

enum { ON_OLLAMA = 1, ON_OPENAI = 2, ON_GEMINI = 4, ALL = 7 };
enum { WHOLE = 1, STREAM = 2, BOTH = 3, NOT_HERE = 4 /* another test has the other mode */ };

/* How many of the answer's tokens are there: all from the first on. */
static int tokens(const heard *h)
{
	char word[4] = "t1";
	int n = 0;

	for (; n < TOKENS; n++) {
		word[1] = (char)('1' + n);
		if (!h->body || !strstr(h->body, word))
			break;
	}
	return n;
}

/* ---- one row: a fault in each wire and mode ---- */

struct row {
	const char *name; /* without "fault-" */
	int wires;
	int modes;
	int status;
	hear_end end;
	int tokens[2]; /* of a whole answer, of a stream; -1: does not matter */
	const char *head; /* in the headers; null: does not matter */
	const char *body[HEAR_WIRES]; /* in the body */
};

static void check(const struct row *r, int wire, int stream, const heard *h)
{
	const int want = r->tokens[stream];
	const char *where = stream ? "stream" : "whole";

	cr_expect_eq(h->end, r->end, "%s, %s, %s: it ended %s instead of %s: %.600s", r->name,
		hear_wires[wire], where, hear_ends[h->end], hear_ends[r->end], h->data);
	cr_expect_eq(h->status, r->status, "%s, %s, %s: status %d: %.300s", r->name,
		hear_wires[wire], where, h->status, h->data);
	cr_expect(want < 0 || tokens(h) == want, "%s, %s, %s: %d tokens: %s", r->name,
		hear_wires[wire], where, tokens(h), h->data);
	cr_expect(!r->head || strstr(h->data, r->head), "%s, %s, %s: no \"%s\" in %.300s", r->name,
		hear_wires[wire], where, r->head, h->data);
	cr_expect(!r->body[wire] || (h->body && strstr(h->body, r->body[wire])),
		"%s, %s, %s: no \"%s\" in %.900s", r->name, hear_wires[wire], where, r->body[wire],
		h->data);
}

/* `by_script`: the upstream knows which fault is this connection's, whatever the model. */
static void play_in(const sim *s, const struct row *r, int wire, int stream, bool by_script)
{
	const int silent = r->end != HEAR_SILENT ? 0 : r->head || r->status ? 1 : 2;
	int fd = sim_connect(s);
	char name[64];
	bool played = (r->wires & (1 << wire)) && (r->modes & (stream ? STREAM : WHOLE));
	heard h;

	snprintf(name, sizeof(name), "fault-%s", r->name);
	hear_on(fd, wire, by_script ? "sim-small" : name, stream, NULL, played ? silent : 0, &h);
	close(fd);
	if (played)
		check(r, wire, stream, &h);
	else if (!(r->modes & NOT_HERE))
		cr_expect(h.status == 400 &&
				(strstr(h.body, "is not played") ||
					strstr(h.body, "is played in streams only")),
			"%s, %s: %s", name, hear_wires[wire], h.data);
	heard_done(&h);
}

/* One connection for each row, wire and mode, in this order. */
static char *script_of(const struct row *rows, size_t n)
{
	char text[8192] = "";
	size_t len = 0;

	for (size_t i = 0; i < n * HEAR_WIRES * 2; i++)
		len += (size_t)snprintf(
			text + len, sizeof(text) - len, "accept\n fault %s\n", rows[i / 6].name);
	return sim_file(text);
}

static void play(const struct row *rows, size_t n)
{
	char *file = script_of(rows, n);

	for (int by_script = 0; by_script < 2; by_script++) {
		sim *s = sim_start(RUN_LIST(
			"--say", SAY, by_script ? "--script" : NULL, by_script ? file : NULL));

		for (size_t i = 0; i < n * HEAR_WIRES * 2; i++)
			play_in(s, &rows[i / 6], (int)(i / 2 % HEAR_WIRES), (int)(i % 2),
				by_script);
		cr_assert_eq(sim_stop(s), 0);
	}
	sim_file_free(file);
}

#define NO_TOKENS \
	{ \
		0, 0 \
	}
#define ANY_TOKENS \
	{ \
		-1, -1 \
	}
#define RATE \
	{ \
		"too many requests", "\"code\": \"rate_limit_exceeded\"", \
			"\"status\": \"RESOURCE_EXHAUSTED\"" \
	}
#define BUSY \
	{ \
		"{\"error\":\"server busy, please try again.  maximum pending requests exceeded\"}", \
			"\"type\": \"service_unavailable_error\"", "\"status\": \"UNAVAILABLE\"" \
	}

static const struct row errors[] = {
	{"429", ALL, BOTH, 429, HEAR_WHOLE, NO_TOKENS, "429 Too Many", RATE},
	{"429-seconds-7", ALL, BOTH, 429, HEAR_WHOLE, NO_TOKENS, "\r\nRetry-After: 7\r\n", RATE},
	{"429-date-7", ALL, BOTH, 429, HEAR_WHOLE, NO_TOKENS, " GMT\r\nContent-Type", RATE},
	{"429-ms-700", ALL, BOTH, 429, HEAR_WHOLE, NO_TOKENS, "\r\nretry-after-ms: 700\r\n", RATE},
	{"429-body-7", ON_GEMINI, BOTH, 429, HEAR_WHOLE, NO_TOKENS, NULL,
		{NULL, NULL, "\"retryDelay\": \"7.250000000s\""}},
	{"429-negative", ALL, BOTH, 429, HEAR_WHOLE, NO_TOKENS, "\r\nRetry-After: -1\r\n", RATE},
	{"429-huge", ALL, BOTH, 429, HEAR_WHOLE, NO_TOKENS, "\r\nRetry-After: 1000000000000\r\n",
		RATE},
	{"429-soon", ALL, BOTH, 429, HEAR_WHOLE, NO_TOKENS, "\r\nRetry-After: soon\r\n", RATE},
	{"429-past", ALL, BOTH, 429, HEAR_WHOLE, NO_TOKENS, "Jan 1970 00:00:00 GMT\r\n", RATE},
	{"429-quota", ALL, BOTH, 429, HEAR_WHOLE, NO_TOKENS, NULL,
		{"session usage limit", "\"code\": \"insufficient_quota\"",
			"GenerateRequestsPerDayPerProjectPerModel"}},
	{"500", ALL, BOTH, 500, HEAR_WHOLE, NO_TOKENS, "500 Internal",
		{"has unexpectedly stopped", "\"type\": \"server_error\"",
			"\"status\": \"INTERNAL\""}},
	{"502", ALL, BOTH, 502, HEAR_WHOLE, NO_TOKENS, "502 Bad Gateway",
		{"{\"error\":\"Post ", "<h1>502 Bad Gateway</h1>", "<h1>502 Bad Gateway</h1>"}},
	{"503", ALL, BOTH, 503, HEAR_WHOLE, NO_TOKENS, "503 Service", BUSY},
	{"503-seconds-2", ALL, BOTH, 503, HEAR_WHOLE, NO_TOKENS, "\r\nRetry-After: 2\r\n", BUSY},
	{"503-no-retry", ALL, BOTH, 503, HEAR_WHOLE, NO_TOKENS, "\r\nx-should-retry: false\r\n",
		BUSY},
	{"504", ALL, BOTH, 504, HEAR_WHOLE, NO_TOKENS, NULL,
		{"{\"error\":\"timed out", "\"type\": \"server_error\"",
			"\"status\": \"DEADLINE_EXCEEDED\""}},
	{"529", ALL, BOTH, 529, HEAR_WHOLE, NO_TOKENS, "529 Overloaded",
		{"overloaded", "\"type\": \"overloaded_error\"", "\"code\": 529"}},
	{"context", ALL, BOTH, 400, HEAR_WHOLE, NO_TOKENS, NULL,
		{"exceed_context_size_error", "\"code\": \"context_length_exceeded\"",
			"exceeds the maximum number of tokens allowed"}},
};

Test(llmsim_faults, errors_in_the_words_of_each_wire)
{
	play(errors, COUNT(errors));
}

static const struct row breaks[] = {
	{"reset", ALL, BOTH, 0, HEAR_RESET, NO_TOKENS, NULL, {NULL}},
	{"reset-in-head", ALL, BOTH, 0, HEAR_RESET, NO_TOKENS, "HTTP/1.1 200 OK", {NULL}},
	{"reset-after-5", ALL, BOTH, 200, HEAR_RESET, NO_TOKENS, NULL, {NULL}},
	{"close", ALL, BOTH, 0, HEAR_CLOSED, NO_TOKENS, NULL, {NULL}},
	{"close-in-head", ALL, BOTH, 0, HEAR_CLOSED, NO_TOKENS, "HTTP/1.1 200 OK", {NULL}},
	{"close-after-5", ALL, BOTH, 200, HEAR_CLOSED, NO_TOKENS, NULL, {NULL}},
	{"close-after-1000000", ALL, BOTH, 200, HEAR_CLOSED, ANY_TOKENS, NULL, {NULL}},
	{"cut-after-0", ALL, BOTH, 200, HEAR_CLOSED, NO_TOKENS, NULL, {NULL}},
	{"cut-after-2", ALL, BOTH, 200, HEAR_CLOSED, {-1, 2}, NULL, {NULL}},
	{"cut-after-99", ALL, BOTH, 200, HEAR_CLOSED, {-1, TOKENS}, NULL, {NULL}},
	{"silence", ALL, BOTH, 0, HEAR_SILENT, NO_TOKENS, NULL, {NULL}},
	{"stall-in-head", ALL, BOTH, 0, HEAR_SILENT, NO_TOKENS, "HTTP/1.1 200 OK", {NULL}},
	{"stall-after-0", ALL, BOTH, 200, HEAR_SILENT, NO_TOKENS, NULL, {NULL}},
	{"stall-after-3", ALL, BOTH, 200, HEAR_SILENT, {-1, 3}, NULL, {NULL}},
	{"slow-head-10s", ALL, BOTH, 0, HEAR_SILENT, NO_TOKENS, NULL, {NULL}},
	{"slow-head-5ms", ALL, BOTH, 200, HEAR_WHOLE, {TOKENS, TOKENS}, NULL, {NULL}},
	{"slow-token-10s", ALL, BOTH, 200, HEAR_SILENT, NO_TOKENS, NULL, {NULL}},
	{"slow-token-5ms", ALL, BOTH, 200, HEAR_WHOLE, {TOKENS, TOKENS}, NULL, {NULL}},
	{"drip-10s", ALL, BOTH, 200, HEAR_SILENT, NO_TOKENS, NULL, {NULL}},
};

Test(llmsim_faults, connections_that_break_off_or_stand_still)
{
	play(breaks, COUNT(breaks));
}

static const char alive[] = "\r\ne\r\n: keep-alive\n\n\r\ne\r\n: keep-alive\n\n\r\n";
static const char blank[] = "\r\n1\r\n\n\r\n1\r\n\n\r\n";

Test(llmsim_faults, nothing_but_keep_alives)
{
	sim *s = sim_start(RUN_LIST("--say", SAY));

	for (int i = 0; i < HEAR_WIRES * 2; i++) {
		int wire = i / 2;
		int stream = i % 2;
		heard h;
		int fd = sim_connect(s);

		hear_on(fd, wire, "fault-alive-after-2", stream,
			stream && wire != HEAR_OLLAMA ? alive : blank, 0, &h);
		close(fd);
		cr_expect_eq(h.end, HEAR_MORE, "%s: %s", hear_wires[wire], h.data);
		cr_expect_eq(tokens(&h), stream ? 2 : 0, "%s: %s", hear_wires[wire], h.data);
		heard_done(&h);
	}
	cr_assert_eq(sim_stop(s), 0);
}

#define ERROR \
	{ \
		"{\"error\":\"an error was encountered while running the model: unexpected EOF\"}\n", \
			"{\"error\":{\"message\":\"The server had an error", "\"code\": 503" \
	}
#define NO_JSON \
	{ \
		"\"cont\n", "\"del\n\n", "{\"par\r\n\r\n" \
	}
#define PAGE \
	{ \
		"<h1>Sign in", "<h1>Sign in", "<h1>Sign in" \
	}

static const struct row contents[] = {
	{"malformed", ALL, STREAM | NOT_HERE, 200, HEAR_WHOLE, {0, TOKENS}, NULL, NO_JSON},
	{"malformed-2", ALL, STREAM | NOT_HERE, 200, HEAR_WHOLE, {0, TOKENS}, NULL, NO_JSON},
	{"no-end", ALL, STREAM, 200, HEAR_WHOLE, {0, TOKENS}, NULL, {NULL}},
	{"no-done", ON_OPENAI, STREAM, 200, HEAR_WHOLE, {0, TOKENS}, NULL,
		{NULL, "\"finish_reason\":\"stop\"", NULL}},
	{"error-after-0", ALL, STREAM, 200, HEAR_WHOLE, NO_TOKENS, NULL, ERROR},
	{"error-after-2", ALL, STREAM, 200, HEAR_WHOLE, {0, 2}, NULL, ERROR},
	{"error-in-200", ALL, BOTH, 200, HEAR_WHOLE, NO_TOKENS, NULL, ERROR},
	{"empty", ALL, BOTH, 200, HEAR_WHOLE, NO_TOKENS, NULL,
		{"\"done\":true,\"done_reason\":\"stop\"", "\"finish_reason\":\"stop\"",
			"\"finishReason\": \"STOP\""}},
	{"no-choices", ALL, BOTH, 200, HEAR_WHOLE, NO_TOKENS, NULL,
		{"{}\n", "\"choices\":[]", "\"modelVersion\": \"sim\"}"}},
	{"empty-body", ALL, BOTH, 200, HEAR_WHOLE, NO_TOKENS, "Content-Length: 0\r\n", {NULL}},
	{"filter-after-2", ON_OPENAI | ON_GEMINI, BOTH, 200, HEAR_WHOLE, {2, 2}, NULL,
		{NULL, "\"finish_reason\":\"content_filter\"", "\"finishReason\": \"SAFETY\""}},
	{"html", ALL, BOTH, 200, HEAR_WHOLE, NO_TOKENS, "Content-Type: text/html", PAGE},
	{"wrong-type", ALL, BOTH, 200, HEAR_WHOLE, {TOKENS, TOKENS},
		"Content-Type: text/html; charset=utf-8\r\n", {NULL}},
	{"big-header", ALL, BOTH, 200, HEAR_WHOLE, {TOKENS, TOKENS}, "X-Padding: 0123", {NULL}},
	{"many-headers", ALL, BOTH, 200, HEAR_WHOLE, {TOKENS, TOKENS}, "X-Number-19999: 19999\r\n",
		{NULL}},
	{"big-frame-1", ALL, BOTH, 200, HEAR_WHOLE, ANY_TOKENS, NULL, {NULL}},
	{"endless", ALL, BOTH, 200, HEAR_MORE, ANY_TOKENS, NULL, {NULL}},
};

Test(llmsim_faults, answers_that_are_none)
{
	play(contents, COUNT(contents));
}

/* ---- what the tables do not say ---- */

static const char *data_of(heard *h, const sim *s, int wire, const char *model, int stream)
{
	hear(s, wire, model, stream, h);
	return h->data;
}

static size_t times(const char *text, const char *word)
{
	size_t n = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		n++;
	return n;
}

Test(llmsim_faults, where_an_answer_ends_and_what_is_left_out)
{
	static const char *const ends[] = {"\"done\":true", "[DONE]", "finishReason"};
	static const char *const reasons[] = {"done_reason", "\"finish_reason\":\"", "STOP"};
	static const char *const broken[] = {"\"cont\n", "\"del\n\n", "{\"par\r\n\r\n"};
	sim *s = sim_start(RUN_LIST("--say", SAY));
	heard h;

	for (int wire = 0; wire < HEAR_WIRES; wire++) {
		data_of(&h, s, wire, "fault-no-end", 1);
		cr_expect_not(strstr(h.data, ends[wire]), "%s", h.data);
		cr_expect_not(strstr(h.data, reasons[wire]), "%s", h.data);
		heard_done(&h);
		data_of(&h, s, wire, "fault-malformed-2", 1);
		cr_expect_eq(times(h.data, broken[wire]), 2, "%s", h.data);
		cr_expect_lt(strstr(h.data, "t2"), strstr(h.data, broken[wire]));
		cr_expect_lt(strstr(h.data, broken[wire]), strstr(h.data, "t3"));
		cr_expect(strstr(h.data, ends[wire]), "%s", h.data);
		heard_done(&h);
		data_of(&h, s, wire, "fault-big-frame-1", 1);
		cr_expect(h.len > 1 << 20 && h.len < 5 << 18, "%zu bytes", h.len);
		heard_done(&h);
	}
	data_of(&h, s, HEAR_OPENAI, "fault-no-done", 1);
	cr_expect_not(strstr(h.data, "[DONE]"));
	heard_done(&h);
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_faults, a_whole_answer_breaks_in_its_middle)
{
	sim *s = sim_start(RUN_LIST("--say", SAY));
	heard h;

	for (int wire = 0; wire < HEAR_WIRES; wire++) {
		data_of(&h, s, wire, "fault-cut-after-1", 0);
		cr_expect_eq(h.end, HEAR_CLOSED);
		cr_expect_gt(strlen(h.body), 100);
		cr_expect_neq(h.data[h.len - 1], '}');
		heard_done(&h);
		data_of(&h, s, wire, "fault-malformed", 0);
		cr_expect_eq(h.end, HEAR_WHOLE, "the length is that of what comes");
		cr_expect_gt(strlen(h.body), 100);
		heard_done(&h);
	}
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_faults, a_filter_blocks_the_prompt)
{
	sim *s = sim_start(NULL);
	heard h;

	for (int stream = 0; stream < 2; stream++) {
		data_of(&h, s, HEAR_OPENAI, "fault-filter", stream);
		cr_expect_eq(h.status, 400);
		cr_expect(strstr(h.body, "\"code\": \"content_filter\""), "%s", h.data);
		heard_done(&h);
		data_of(&h, s, HEAR_GEMINI, "fault-filter", stream);
		cr_expect_eq(h.status, 200);
		cr_expect(strstr(h.body, "promptFeedback"), "%s", h.data);
		cr_expect_not(strstr(h.body, "candidates\""), "%s", h.data);
		heard_done(&h);
	}
	cr_assert_eq(sim_stop(s), 0);
}

/* Without alt=sse Gemini's stream is one array; what goes wrong in it leaves it one. */
Test(llmsim_faults, elements_of_an_array)
{
	static const struct {
		const char *name;
		size_t size;
	} arrays[] = {{"error-in-200", 1}, {"error-after-2", 3}, {"no-choices", 1},
		{"no-end", TOKENS}, {"empty", 1}};
	static const char body[] = "{\"contents\":[{\"parts\":[{\"text\":\"hi\"}]}]}";
	sim *s = sim_start(RUN_LIST("--say", SAY));

	for (size_t i = 0; i < COUNT(arrays); i++) {
		char path[128];
		sim_reply r;
		json_t *v;

		snprintf(path, sizeof(path), "/v1beta/models/fault-%s:streamGenerateContent?key=k",
			arrays[i].name);
		sim_ask_once(s, "POST", path, body, &r);
		v = json_loads(r.body, 0, NULL);
		cr_expect_eq(json_array_size(v), arrays[i].size, "%s: %s", path, r.body);
		json_decref(v);
		sim_reply_done(&r);
	}
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_faults, one_byte_at_a_time)
{
	sim *s = sim_start(RUN_LIST("--say", "a"));
	int fd = sim_connect(s);
	heard h;
	uint64_t begin = sim_now_ns();

	hear_on(fd, HEAR_OLLAMA, "fault-drip-1ms-once", 0, "{\"model\":\"fault", 0, &h);
	cr_expect_eq(h.end, HEAR_MORE);
	/* Fifteen bytes behind the headers. */
	cr_expect_geq(sim_now_ns() - begin, 14 * 1000000u);
	close(fd);
	heard_done(&h);
	cr_assert_eq(sim_stop(s), 0);
}
