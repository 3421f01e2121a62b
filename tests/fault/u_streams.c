/* What one protocol shows as well as three: odd values in every place, and large answers. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/oracle.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define NEXT "accept\nserve\n"

/* ---- scripts in the making ---- */

typedef struct script {
	char text[262144];
	size_t len;
} script;

static void say(script *s, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(s->text + s->len, sizeof(s->text) - s->len, format, args);
	va_end(args);
	cr_assert(n >= 0 && (size_t)n < sizeof(s->text) - s->len, "the script is too long");
	s->len += (size_t)n;
}

/* Bytes as a quoted text of a script. */
static void quote(script *s, const char *bytes, size_t len)
{
	size_t i;

	say(s, "\"");
	for (i = 0; i < len; i++)
		say(s, "\\x%02x", (unsigned)(unsigned char)bytes[i]);
	say(s, "\"");
}

static script *begin(void)
{
	script *s = calloc(1, sizeof(*s));

	cr_assert_not_null(s);
	return s;
}

static oracle *play(const script *s, uint32_t mode)
{
	const oracle_opts opts = {.mode = mode, .text = s->text};

	return oracle_open(&opts);
}

/* ---- U-09 ---- */

#define MIB ((size_t)1 << 20)

static size_t endless(const char *name, uint32_t stream, int32_t code, int has_text)
{
	const oracle_opts opts = {.mode = ORACLE_LOOP, .script = name};
	const oracle_ask ask = {.stream = stream, .limits = {.total_ms = 20000}};
	oracle *o = oracle_open(&opts);
	oracle_run *run = oracle_do(o, &ask);

	cr_assert_eq(run->code, code, "%s: %s", name, run->err.message);
	cr_assert_eq(run->text_len > 0, has_text, "%s", name);
	/* Twice the cap of 32 MiB, and what doubling takes while it moves. */
	cr_assert_lt(o->fa.peak, 3 * 32 * MIB, "%s: %zu bytes", name, o->fa.peak);
	return oracle_close(o);
}

/* Of all that has no end: what is given away at once takes memory, too, for the result. */
Test(u_streams, U_09_a_stream_of_good_lines_without_an_end)
{
	cr_assert_eq(endless("u_09_endless_stream", 1, LLM_E_PROTOCOL, 1), 0);
}

/* ---- U-11, U-12: one line each, as the only line of a stream and as a whole answer ---- */

typedef struct odd {
	const char *line;
	size_t len;
	int32_t whole; /* the code for a whole answer */
	int32_t stream; /* and for a stream of this line and a good end */
	const char *text;
} odd;

#define MESSAGE(content) \
	"{\"message\":{\"role\":\"assistant\",\"content\":" content "},\"done\":true}"
#define ODD(line, whole, stream, text) \
	{ \
		line, sizeof(line) - 1, whole, stream, text \
	}
#define BAD LLM_E_PROTOCOL

static const odd odds[] = {
	ODD(MESSAGE("\"a\xff\""), BAD, BAD, NULL),
	ODD(MESSAGE("\"\xc0\x80\""), BAD, BAD, NULL),
	ODD(MESSAGE("\"\xed\xa0\x80\""), BAD, BAD, NULL),
	ODD(MESSAGE("\"a\xe2\x82\""), BAD, BAD, NULL),
	ODD(MESSAGE("\"a\0b\""), BAD, BAD, NULL),
	ODD(MESSAGE("\"\\ud800\""), BAD, BAD, NULL),
	ODD("\xef\xbb\xbf" MESSAGE("\"bom\""), 0, 0, "bom"),
	ODD(MESSAGE("\"\\u20ac\""), 0, 0, "\xe2\x82\xac"),
	ODD(MESSAGE("null"), 0, 0, ""),
	ODD(MESSAGE("7"), BAD, BAD, NULL),
	ODD(MESSAGE("[\"x\"]"), BAD, BAD, NULL),
	ODD("{\"message\":[],\"done\":true}", BAD, BAD, NULL),
	ODD("{\"message\":\"x\",\"done\":true}", BAD, BAD, NULL),
	ODD("{\"done\":true}", BAD, BAD, NULL),
	ODD("{\"message\":{\"role\":\"assistant\",\"content\":\"x\"},\"done\":\"yes\"}", BAD, BAD,
		NULL),
	ODD("{\"message\":{\"content\":\"x\",\"tool_calls\":7},\"done\":true}", BAD, BAD, NULL),
	ODD("{\"message\":{\"content\":\"x\"},\"done\":true,\"eval_count\":1e400}", 0, 0, "x"),
	ODD("{\"message\":{\"content\":\"x\"},\"done\":true,\"eval_count\":9223372036854775808}", 0,
		0, "x"),
	ODD("{\"message\":{\"content\":\"x\"},\"done\":true,\"eval_count\":-0}", 0, 0, "x"),
	ODD("{\"message\":{\"content\":\"x\"},\"done\":true,\"model\":{},\"done_reason\":7}", 0, 0,
		"x"),
	ODD("{\"message\":{\"content\":\"x\"},\"done\":true} trailing", BAD, BAD, NULL),
	ODD("[]", BAD, BAD, NULL),
	ODD("null", BAD, BAD, NULL),
	ODD("{", BAD, BAD, NULL),
	ODD("{\"message\":{\"content\":\"x\"},\"done\":true,}", BAD, BAD, NULL),
	ODD("{\"error\":\"no\"}", LLM_E_SERVER_ERROR, LLM_E_SERVER_ERROR, NULL),
};

static void add_odd(script *s, const odd *d, uint32_t stream)
{
	say(s,
		"accept\nread request\nreply 200 \"Content-Type: application/%s\" "
		"\"Connection: close\" ",
		stream ? "x-ndjson" : "json");
	quote(s, d->line, d->len);
	s->len--; /* open the quotes again */
	/* Half a line at the end of a body would be a broken stream. */
	say(s, "%s\"\n", stream ? "\\n" : "");
}

static void play_odds(uint32_t stream)
{
	script *s = begin();
	const oracle_ask ask = {.stream = stream};
	size_t i;
	oracle *o;

	for (i = 0; i < COUNT(odds); i++)
		add_odd(s, &odds[i], stream);
	say(s, NEXT);
	o = play(s, ORACLE_PULL);
	for (i = 0; i < COUNT(odds); i++) {
		oracle_run *run = oracle_do(o, &ask);
		int32_t want = stream ? odds[i].stream : odds[i].whole;

		cr_assert_eq(run->code, want, "row %zu: %s instead of %s: %s", i,
			llm_error_name(run->code), llm_error_name(want), run->err.message);
		if (!want)
			cr_assert_str_eq(run->text, odds[i].text);
	}
	cr_assert_eq(oracle_close(o), 0);
	free(s);
}

Test(u_streams, U_11_U_12_odd_answers)
{
	play_odds(0);
}

Test(u_streams, U_11_U_12_odd_lines)
{
	play_odds(1);
}

/* Deep and large ones. */
Test(u_streams, U_12_depth_10000_and_a_string_of_10_MB)
{
	static const struct {
		const char *before, *unit, *after;
		unsigned count;
		int32_t code;
	} rows[] = {
		{"{\"message\":{\"content\":\"x\"},\"done\":true,\"deep\":", "[", "", 10000, BAD},
		{"{\"message\":{\"content\":\"", "0123456789", "\"},\"done\":true}", 1000000, 0},
		{"{\"message\":{\"content\":\"x\"},\"done\":true,\"more\":\"", "0123456789", "\"}",
			1000000, 0},
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		script *s = begin();
		oracle *o;
		oracle_run *run;

		say(s,
			"accept\nread request\nhead 200 \"Content-Type: application/json\" "
			"\"Connection: close\"\nsend ");
		quote(s, rows[i].before, strlen(rows[i].before));
		say(s, "\nrepeat %u \"%s\"\nsend ", rows[i].count, rows[i].unit);
		quote(s, rows[i].after, strlen(rows[i].after));
		say(s, "\nclose\n" NEXT);
		o = play(s, ORACLE_PULL);
		run = oracle_do(o, NULL);
		cr_assert_eq(run->code, rows[i].code, "%zu: %s", i, run->err.message);
		cr_assert_eq(oracle_close(o), 0);
		free(s);
	}
}
