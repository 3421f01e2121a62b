/*
 * Streams whose pieces differ in their text alone: a provider need not read all of such a
 * piece, and nobody may notice. Each list of pieces is read twice, the second time with
 * another white space behind each piece, so that none is like an earlier one.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/plug.h"

#define SPACES 8
#define TEXT_HERE "$"

/* What may stand where the text is: as much as one piece may have, or what nobody may take. */
static const char *const texts[] = {"\"a\"", "\"\"", "\"b c\"", "\" \\n\\u00e4\\ud83d\\ude00\"",
	"\"\xc3\xa4\xf0\x9f\x98\x80\"", "\"a text that is longer than sixteen bytes\"", "null",
	"\"cut", "\"\t\"", "\"\\x\"", "\"\\ud800\"", "\"\xc3\"", "\"\xff\"", "7", "12", "-5", "1.5",
	"2e1", "007", "1e400", "9223372036854775808", "+1", "[]", "{}", "", "\"a\"\"b\"", "\"a\",",
	"\"a\"}", " \"white space\" ", "\"a\" 1", "\"last\""};

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X256 X64 X64 X64 X64
#define LONG X256 X256 X256 X256 X256 /* more than is kept */

#define N_TEXTS (sizeof(texts) / sizeof(texts[0]))

static plug p;

static void open_plugin(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/plugins/%s.so", TEST_BINARY_DIR, name);
	cr_assert_eq(plug_open(&p, path, NULL), 0, "%s", p.error.ptr);
}

/* The shape with `text` in its place; owned by the caller. */
static char *filled(const char *shape, const char *text)
{
	const char *hole = strstr(shape, TEXT_HERE);
	const size_t room = strlen(shape) + strlen(text) + SPACES + 1;
	char *piece = calloc(1, room);

	cr_assert(hole && piece);
	snprintf(piece, room, "%.*s%s%s", (int)(hole - shape), shape, text, hole + 1);
	return piece;
}

/* Eight blanks or tabs: the bits of a number. */
static void make_unlike(char *piece, size_t number)
{
	char *at = piece + strlen(piece);
	size_t i;

	for (i = 0; i < SPACES; i++)
		at[i] = number >> i & 1 ? '\t' : ' ';
}

/* Shapes in turn, each with every text; what came of it, and the codes. */
static char *answer_to(const char *const *shapes, size_t n, int unlike)
{
	llm_reply_view head = {(uint32_t)sizeof(head), 200, NULL, 0, {"", 0}, NULL};
	llm_frame_view f = {(uint32_t)sizeof(f), 0, {"", 0}, {"", 0}, {"", 0}};
	plug_answer a;
	void *stream;
	char *text;
	size_t i;

	plug_answer_init(&a);
	cr_assert_eq(p.v->stream_open(p.instance, &head, &stream), 0);
	for (i = 0; i < n * N_TEXTS; i++) {
		char *piece = filled(shapes[i % n], texts[i / n]);
		char code[16];
		int32_t rc;

		if (unlike)
			make_unlike(piece, i);
		f.data = (llm_bytes){piece, strlen(piece)};
		plug_begin(&p);
		rc = p.v->stream_frame(p.instance, stream, &f, &a.sink);
		snprintf(code, sizeof(code), "%d", (int)rc);
		a.sink.warning(a.sink.ctx, code, strlen(code));
		free(piece);
	}
	plug_attempt_ends(&p);
	text = plug_answer_print(&a);
	plug_answer_done(&a);
	return text;
}

static void same_both_ways(const char *const *shapes, size_t n)
{
	char *once = answer_to(shapes, n, 0);
	char *apart = answer_to(shapes, n, 1);

	cr_assert_str_eq(once, apart);
	free(once);
	free(apart);
}

/* Each shape alone, which is when it repeats, every two of them, and all of them in turn. */
static void check(const char *name, const char *const *shapes, size_t n)
{
	size_t i, k;

	open_plugin(name);
	for (i = 0; i < n; i++)
		for (k = 0; k <= i; k++) {
			const char *const two[] = {shapes[i], shapes[k]};

			same_both_ways(two, i == k ? 1 : 2);
		}
	same_both_ways(shapes, n);
	plug_close(&p);
}

#define CHECK(name, shapes) check(name, shapes, sizeof(shapes) / sizeof(shapes[0]))

Test(provider_repeat, openai)
{
	static const char *const shapes[] = {
		("{\"id\":\"i\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":$},"
		 "\"finish_reason\":null}],\"usage\":null}"),
		"{\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":$}}]}",
		"{\"choices\":[{\"delta\":{\"reasoning\":\"r\",\"reasoning_content\":$}}]}",
		"{\"choices\":[{\"delta\":{\"content\":\"x\",\"content\":$}}]}",
		"{\"choices\":[{\"delta\":{\"content\":\"x\",\"reasoning\":$}}]}",
		"{\"choices\":[{\"delta\":{\"content\":$,\"refusal\":\"no\"}}]}",
		"{\"choices\":[{\"index\":1,\"delta\":{\"content\":$}}]}",
		"{\"choices\":[{\"delta\":{\"content\":$}},{\"delta\":{\"content\":\"y\"}}]}",
		"{\"choices\":[{\"delta\":{\"content\":$}}],\"usage\":{\"prompt_tokens\":3}}",
		"{\"choices\":[{\"delta\":{\"content\":$},\"logprobs\":{\"content\":[1]}}]}",
		"{\"choices\":[{\"delta\":{\"content\":\"z\"}}],\"obfuscation\":$}",
		"{\"p\":$,\"choices\":[{\"delta\":{\"content\":\"z\"}}]}",
		"{\"choices\":[{\"delta\":{\"content\":\"z\"}}],\"object\":$}",
		"{\"choices\":[{\"delta\":{\"content\":\"z\"}}],\"error\":$}",
		"{\"id\":$,\"choices\":[{\"delta\":{\"content\":\"z\"}}]}",
		"{\"choices\":[{\"delta\":{\"reasoning\":$}}],\"long\":\"" LONG "\"}",
		"{\"choices\":[{\"delta\":{\"content\":\"z\"},\"finish_reason\":$}]}",
	};

	CHECK("openai", shapes);
}

Test(provider_repeat, ollama)
{
	static const char *const shapes[] = {
		("{\"model\":\"m\",\"created_at\":\"1\",\"message\":{\"role\":\"assistant\","
		 "\"content\":$},\"done\":false}"),
		"{\"model\":\"m\",\"message\":{\"thinking\":$},\"done\":false}",
		"{\"message\":{\"content\":\"x\",\"content\":$},\"done\":false}",
		"{\"message\":{\"content\":\"x\",\"thinking\":$},\"done\":false}",
		"{\"created_at\":$,\"message\":{\"content\":\"x\"},\"done\":false}",
		"{\"message\":{\"content\":\"x\"},\"done\":false,\"created_at\":$}",
		"{\"message\":{\"content\":\"x\"},\"done\":false,\"model\":$}",
		"{\"message\":{\"content\":\"x\"},\"done\":false,\"error\":$}",
		"{\"message\":{\"thinking\":$},\"long\":\"" LONG "\"}",
		"{\"message\":{\"content\":\"x\"},\"logprobs\":$}",
		"{\"message\":{\"content\":\"x\"},\"done\":$}",
	};

	CHECK("ollama", shapes);
}

Test(provider_repeat, gemini)
{
	static const char *const shapes[] = {
		"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":$}],\"role\":\"model\"},"
		"\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":5},\"responseId\":\"r\"}",
		"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":$,\"thought\":true}]}}]}",
		"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\",\"text\":$}]}}]}",
		"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":$},{\"text\":\"y\"}]}}]}",
		"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":$,\"other\":1}]}}]}",
		"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":$,\"thoughtSignature\":\"s\"}]}}]}",
		"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]}}],\"usageMetadata\":$}",
		"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]}}],"
		"\"usageMetadata\":{\"promptTokenCount\":$}}",
		"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]}}],"
		"\"usageMetadata\":{\"totalTokenCount\":9,\"promptTokenCount\":1,"
		"\"totalTokenCount\":$}}",
		"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":$,\"thought\":true}]}}],"
		"\"long\":\"" LONG "\"}",
		"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]}}],\"modelStatus\":$}",
		"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]},\"index\":$}]}",
		"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]},\"finishReason\":$}]}",
	};

	CHECK("gemini", shapes);
}

/* A piece that is cut off is no repetition of the whole one. */
static void check_cuts(const char *name, const char *piece)
{
	llm_reply_view head = {(uint32_t)sizeof(head), 200, NULL, 0, {"", 0}, NULL};
	llm_frame_view f = {(uint32_t)sizeof(f), 0, {"", 0}, {"", 0}, {"", 0}};
	plug_answer a;
	void *stream;
	size_t n;

	open_plugin(name);
	plug_answer_init(&a);
	cr_assert_eq(p.v->stream_open(p.instance, &head, &stream), 0);
	for (n = 1; n <= strlen(piece); n++) {
		const int32_t whole = n == strlen(piece) ? 0 : LLM_E_PROTOCOL;
		int32_t rc;

		f.data = (llm_bytes){piece, strlen(piece)};
		plug_begin(&p);
		cr_assert_eq(p.v->stream_frame(p.instance, stream, &f, &a.sink), 0);
		f.data.len = n;
		plug_begin(&p);
		rc = p.v->stream_frame(p.instance, stream, &f, &a.sink);
		cr_expect_eq(rc, whole, "%s, %zu bytes: %d", name, n, rc);
	}
	cr_expect_eq(a.text.len, strlen(piece) + 1, "%s", name);
	plug_attempt_ends(&p);
	plug_answer_done(&a);
	plug_close(&p);
}

Test(provider_repeat, cut_at_each_byte)
{
	check_cuts("openai", "{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}");
	check_cuts("ollama", "{\"message\":{\"content\":\"x\"},\"done\":false}");
	check_cuts("gemini", "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]}}]}");
}

/* Counts that change with each event reach the answer. */
Test(provider_repeat, gemini_counts_of_the_last)
{
	static const char shape[] =
		"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]}}],"
		"\"usageMetadata\":{\"promptTokenCount\":2,"
		"\"candidatesTokenCount\":$}}";
	llm_reply_view head = {(uint32_t)sizeof(head), 200, NULL, 0, {"", 0}, NULL};
	llm_frame_view f = {(uint32_t)sizeof(f), 0, {"", 0}, {"", 0}, {"", 0}};
	const char *const counts[] = {"1", "22", "333"};
	plug_answer a;
	void *stream;
	size_t i;

	open_plugin("gemini");
	plug_answer_init(&a);
	cr_assert_eq(p.v->stream_open(p.instance, &head, &stream), 0);
	for (i = 0; i < 3; i++) {
		char *piece = filled(shape, counts[i]);

		f.data = (llm_bytes){piece, strlen(piece)};
		plug_begin(&p);
		cr_assert_eq(p.v->stream_frame(p.instance, stream, &f, &a.sink), 0);
		free(piece);
	}
	cr_expect_str_eq(a.text.ptr, "xxx");
	cr_expect_eq(a.usage.input_tokens, 2);
	cr_expect_eq(a.usage.output_tokens, 333);
	plug_attempt_ends(&p);
	plug_answer_done(&a);
	plug_close(&p);
}

/* As deep as a document may be, and one level deeper. */
Test(provider_repeat, gemini_depth_of_a_value)
{
	enum { MOST = 128 };
	const char *const first = "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]}}],"
				  "\"usageMetadata\":$}";
	llm_reply_view head = {(uint32_t)sizeof(head), 200, NULL, 0, {"", 0}, NULL};
	llm_frame_view f = {(uint32_t)sizeof(f), 0, {"", 0}, {"", 0}, {"", 0}};
	char value[2 * MOST + 1];
	plug_answer a;
	void *stream;
	int deep;

	open_plugin("gemini");
	plug_answer_init(&a);
	cr_assert_eq(p.v->stream_open(p.instance, &head, &stream), 0);
	for (deep = MOST - 2; deep <= MOST; deep++) {
		char *piece = filled(first, "{}");
		int32_t rc;

		f.data = (llm_bytes){piece, strlen(piece)};
		plug_begin(&p);
		cr_assert_eq(p.v->stream_frame(p.instance, stream, &f, &a.sink), 0);
		free(piece);
		memset(value, '[', (size_t)deep);
		memset(value + deep, ']', (size_t)deep);
		value[2 * deep] = '\0';
		piece = filled(first, value);
		f.data = (llm_bytes){piece, strlen(piece)};
		plug_begin(&p);
		rc = p.v->stream_frame(p.instance, stream, &f, &a.sink);
		cr_expect_eq(rc, deep < MOST ? 0 : LLM_E_PROTOCOL, "%d levels: %d", deep, rc);
		free(piece);
	}
	plug_attempt_ends(&p);
	plug_answer_done(&a);
	plug_close(&p);
}
