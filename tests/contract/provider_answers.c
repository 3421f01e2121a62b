/*
 * Answers that are wrong in every way, for each provider: each known member with each
 * wrong type, cut at each byte, too deep, too large; memory that runs out and readers
 * that refuse.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/neutral.h"

/* What a member of a wrong type does. */
enum rule {
	REFUSED, /* LLM_E_PROTOCOL, nothing pushed */
	IGNORED, /* the text is what it was */
	CHANGES, /* another answer, but an answer; or an error that the provider told */
	TOLD /* an error that the provider told, or nothing when it is empty */
};

typedef struct field {
	const char *path; /* members joined by dots; 0 is the first of an array */
	enum rule rule;
	int null_is_fine; /* null counts as not there */
} field;

typedef struct kind {
	const char *file;
	const char *whole; /* an answer with every known member; ' for " */
	const char *frame; /* the same in a stream */
	const field *fields;
} kind;

static const field ollama_fields[] = {
	{"message", REFUSED, 0},
	{"message.content", REFUSED, 1},
	{"message.thinking", REFUSED, 1},
	{"message.tool_calls", REFUSED, 1},
	{"message.tool_calls.0", REFUSED, 0},
	{"message.tool_calls.0.id", IGNORED, 0},
	{"message.tool_calls.0.function", REFUSED, 0},
	{"message.tool_calls.0.function.name", REFUSED, 0},
	{"message.tool_calls.0.function.index", IGNORED, 0},
	{"message.tool_calls.0.function.arguments", REFUSED, 1},
	{"message.role", IGNORED, 0},
	{"done", REFUSED, 0},
	{"done_reason", IGNORED, 0},
	{"model", IGNORED, 0},
	{"created_at", IGNORED, 0},
	{"logprobs", IGNORED, 0},
	{"prompt_eval_count", IGNORED, 0},
	{"eval_count", IGNORED, 0},
	{"total_duration", IGNORED, 0},
	{"load_duration", IGNORED, 0},
	{"prompt_eval_duration", IGNORED, 0},
	{"eval_duration", IGNORED, 0},
	{"error", TOLD, 1},
	{NULL, IGNORED, 0},
};

static const char ollama_whole[] =
	"{'model':'m','created_at':'t','message':{'role':'assistant',"
	"'content':'a\\u00e9','thinking':'b','tool_calls':[{'id':'1','function':{'index':0,"
	"'name':'f','arguments':{'x':1}}}]},'done':true,'done_reason':'stop','logprobs':[{}],"
	"'prompt_eval_count':1,'eval_count':2,'total_duration':3,'load_duration':4000000,"
	"'prompt_eval_duration':5,'eval_duration':6}";

static const field openai_fields[] = {
	{"id", IGNORED, 0},
	{"model", IGNORED, 0},
	{"object", IGNORED, 0},
	{"created", IGNORED, 0},
	{"choices.0", REFUSED, 0},
	{"choices.0.index", IGNORED, 0},
	{"choices.0.finish_reason", REFUSED, 1},
	{"choices.0.logprobs", IGNORED, 0},
	{"choices.0.MESSAGE", REFUSED, 1},
	{"choices.0.MESSAGE.role", IGNORED, 0},
	{"choices.0.MESSAGE.content", CHANGES, 1},
	{"choices.0.MESSAGE.reasoning_content", REFUSED, 1},
	{"choices.0.MESSAGE.reasoning", REFUSED, 1},
	{"choices.0.MESSAGE.refusal", REFUSED, 1},
	{"choices.0.MESSAGE.tool_calls", REFUSED, 1},
	{"choices.0.MESSAGE.tool_calls.0", REFUSED, 0},
	{"choices.0.MESSAGE.tool_calls.0.index", IGNORED, 0},
	{"choices.0.MESSAGE.tool_calls.0.id", IGNORED, 0},
	{"choices.0.MESSAGE.tool_calls.0.type", IGNORED, 0},
	{"choices.0.MESSAGE.tool_calls.0.function", REFUSED, 1},
	{"choices.0.MESSAGE.tool_calls.0.function.name", REFUSED, 1},
	{"choices.0.MESSAGE.tool_calls.0.function.arguments", CHANGES, 1},
	{"choices.0.MESSAGE.function_call", REFUSED, 1},
	{"choices.0.MESSAGE.reasoning_details", IGNORED, 0},
	{"choices.0.logprobs.content", IGNORED, 0},
	{"x_groq", IGNORED, 0},
	{"x_groq.usage", IGNORED, 0},
	{"x_groq.error", TOLD, 1},
	{"timings", IGNORED, 0},
	{"timings.prompt_ms", IGNORED, 0},
	{"timings.predicted_ms", IGNORED, 0},
	{"usage", IGNORED, 0},
	{"usage.prompt_tokens", IGNORED, 0},
	{"usage.completion_tokens", IGNORED, 0},
	{"usage.total_tokens", IGNORED, 0},
	{"usage.prompt_tokens_details", IGNORED, 0},
	{"usage.prompt_tokens_details.cached_tokens", IGNORED, 0},
	{"usage.prompt_tokens_details.cache_write_tokens", IGNORED, 0},
	{"usage.completion_tokens_details", IGNORED, 0},
	{"usage.completion_tokens_details.reasoning_tokens", IGNORED, 0},
	{"usage.prompt_cache_hit_tokens", IGNORED, 0},
	{"usage.num_cached_tokens", IGNORED, 0},
	{"error", TOLD, 1},
	{NULL, IGNORED, 0},
};

#define OPENAI_ANSWER(message) \
	"{'id':'i','model':'m','object':'o','created':1,'choices':[" \
	"{'index':0,'finish_reason':'stop','logprobs':{'content':[{}]},'" message "':{" \
	"'role':'assistant','content':'a\\u00e9','reasoning_content':'b','reasoning':'b'," \
	"'refusal':'','reasoning_details':[{}],'tool_calls':[{'index':0,'id':'c','type':" \
	"'function','function':{'name':'f','arguments':'{}'}}],'function_call':{'name':'g'," \
	"'arguments':'{}'}}}],'x_groq':{'id':'q','usage':null,'error':null}," \
	"'timings':{'prompt_ms':1.5,'predicted_ms':2},'usage':{" \
	"'prompt_tokens':9,'completion_tokens':2,'total_tokens':11,'prompt_tokens_details':{" \
	"'cached_tokens':1,'cache_write_tokens':1},'completion_tokens_details':{" \
	"'reasoning_tokens':1},'prompt_cache_hit_tokens':1,'num_cached_tokens':1}}"

#include "gemini_fields.h"

static const kind kinds[] = {
	{TEST_BINARY_DIR "/plugins/ollama.so", ollama_whole, ollama_whole, ollama_fields},
	{TEST_BINARY_DIR "/plugins/openai.so", OPENAI_ANSWER("message"), OPENAI_ANSWER("delta"),
		openai_fields},
	{TEST_BINARY_DIR "/plugins/gemini.so", gemini_whole, gemini_whole, gemini_fields},
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* ---- playing ---- */

/* What makes no sense is refused with a reason. */
static int32_t reason(const plug *p, int32_t rc)
{
	if (rc == LLM_E_PROTOCOL)
		cr_expect_gt(p->error.len, 0u);
	return rc;
}

static int32_t play_whole(plug *p, const char *body, size_t len, plug_answer *a)
{
	llm_reply_view reply = {(uint32_t)sizeof(reply), 200, NULL, 0, {body, len}, NULL};

	plug_begin(p);
	return reason(p, p->v->parse_response(p->instance, &reply, &a->sink));
}

static int32_t play_frame(plug *p, const char *body, size_t len, plug_answer *a)
{
	llm_reply_view head = {(uint32_t)sizeof(head), 200, NULL, 0, {"", 0}, NULL};
	llm_frame_view f = {(uint32_t)sizeof(f), 0, {"", 0}, {body, len}, {"", 0}};
	llm_bytes residue = {"", 0};
	uint32_t complete;
	void *stream;
	int32_t rc;

	plug_begin(p);
	rc = p->v->stream_open(p->instance, &head, &stream);
	if (rc)
		return rc;
	plug_begin(p);
	rc = reason(p, p->v->stream_frame(p->instance, stream, &f, &a->sink));
	plug_begin(p);
	cr_expect_eq(p->v->stream_close(p->instance, stream, &residue, NULL, &complete), 0);
	plug_attempt_ends(p);
	return rc == LLM_FRAME_LAST ? 0 : rc;
}

typedef int32_t (*player)(plug *p, const char *body, size_t len, plug_answer *a);

static const player players[] = {play_whole, play_frame};

static char *text_of(const kind *k, int i)
{
	json_t *j = neutral_json(i ? k->frame : k->whole);
	char *text = json_dumps(j, JSON_COMPACT);

	cr_assert(text);
	json_decref(j);
	return text;
}

/* ---- wrong types ---- */

/* The container of the member that `path` names, and the member's name. */
static json_t *container_of(json_t *root, const char *path, const char *message, char *ret_name)
{
	json_t *at = root;
	const char *dot;

	for (; (dot = strchr(path, '.')); path = dot + 1) {
		snprintf(ret_name, 64, "%.*s", (int)(dot - path), path);
		if (strcmp(ret_name, "MESSAGE") == 0)
			snprintf(ret_name, 64, "%s", message);
		at = json_is_array(at) ? json_array_get(at, 0) : json_object_get(at, ret_name);
	}
	snprintf(ret_name, 64, "%s", strcmp(path, "MESSAGE") == 0 ? message : path);
	return at;
}

/* Has the value the type that the answer had there? */
static int same_type(const json_t *a, const json_t *b)
{
	if (!a || !b)
		return 0;
	if (json_is_boolean(a))
		return json_is_boolean(b);
	return json_typeof(a) == json_typeof(b) || (json_is_number(a) && json_is_number(b));
}

static void check_result(
	const kind *k, const field *f, const char *body, int32_t rc, const plug_answer *a)
{
	const char *text = a->text.ptr ? a->text.ptr : "";

	cr_expect(rc == 0 || rc == LLM_E_PROTOCOL, "%s: %d", body, rc);
	cr_expect_eq(a->n_late, 0, "%s", body);
	switch (f->rule) {
	case REFUSED:
		cr_expect_eq(rc, LLM_E_PROTOCOL, "%s %s: %s", k->file, f->path, body);
		cr_expect_eq(a->n_events, 0u, "%s", body);
		break;
	case IGNORED:
		cr_expect_eq(rc, 0, "%s %s: %s", k->file, f->path, body);
		cr_expect_str_eq(text, "a\xc3\xa9", "%s", body);
		cr_expect_eq(a->n_finish, 1, "%s", body);
		break;
	case TOLD:
		cr_expect_eq(rc, 0, "%s", body);
		cr_expect(a->n_errors == 1 || strcmp(text, "a\xc3\xa9") == 0, "%s", body);
		break;
	default:
		break;
	}
}

static void try_value(plug *p, const kind *k, const field *f, int i, json_t *value)
{
	field rule = *f;
	json_t *root = neutral_json(i ? k->frame : k->whole);
	char name[64];
	json_t *at = container_of(root, f->path, i ? "delta" : "message", name);
	json_t *old = json_is_array(at) ? json_array_get(at, 0) : json_object_get(at, name);
	plug_answer a;
	char *body;

	cr_assert(at, "%s", f->path);
	if (same_type(old, value))
		goto out;
	if (json_is_null(value) && f->null_is_fine)
		rule.rule = CHANGES;
	if (json_is_array(at))
		json_array_set(at, 0, value);
	else
		json_object_set(at, name, value);
	body = json_dumps(root, JSON_COMPACT);
	plug_answer_init(&a);
	check_result(k, &rule, body, players[i](p, body, strlen(body), &a), &a);
	plug_answer_done(&a);
	free(body);
out:
	json_decref(root);
}

Test(provider_answers, U_12_each_member_with_each_wrong_type)
{
	static const char *const values[] = {"null", "true", "false", "0", "-7", "1.5", "'x'", "[]",
		"{}", "[[1]]", "{'a':{'b':1}}"};
	const field *f;
	size_t n, v;
	plug p;
	int i;

	for (n = 0; n < N_KINDS; n++) {
		cr_assert_eq(plug_open(&p, kinds[n].file, NULL), 0);
		for (f = kinds[n].fields; f->path; f++)
			for (v = 0; v < sizeof(values) / sizeof(values[0]); v++)
				for (i = 0; i < 2; i++) {
					json_t *value = neutral_json(values[v]);

					try_value(&p, &kinds[n], f, i, value);
					json_decref(value);
				}
		plug_close(&p);
	}
}

/* ---- broken documents ---- */

static void expect_nothing(plug *p, player play, const char *body, size_t len)
{
	plug_answer a;

	plug_answer_init(&a);
	cr_expect_eq(
		play(p, body, len, &a), LLM_E_PROTOCOL, "%.*s", (int)(len < 200 ? len : 200), body);
	cr_expect_eq(a.n_events, 0u);
	plug_answer_done(&a);
}

Test(provider_answers, U_12_truncated_at_each_byte)
{
	size_t n, len;
	plug p;
	int i;

	for (n = 0; n < N_KINDS; n++) {
		cr_assert_eq(plug_open(&p, kinds[n].file, NULL), 0);
		for (i = 0; i < 2; i++) {
			char *text = text_of(&kinds[n], i);

			for (len = 0; len < strlen(text); len++) {
				char *copy = malloc(len + 1); /* its own block, for sanitizers */

				memcpy(copy, text, len);
				expect_nothing(&p, players[i], copy, len);
				free(copy);
			}
			free(text);
		}
		plug_close(&p);
	}
}

Test(provider_answers, U_11_U_12_documents_that_are_none)
{
	static const char *const bodies[] = {"null", "7", "\"x\"", "[]", "[{}]", "{} {}", "{",
		"{\"message\":{\"content\":\"\xc3\x28\"},\"done\":true}",
		"{\"message\":{\"content\":\"\\ud800\"},\"done\":true}",
		"{\"choices\":[{\"message\":{\"content\":\"\xff\"}}]}", "\xef\xbb\xbf{}",
		"<html>busy</html>"};
	static char deep[10001];
	size_t n, b;
	plug p;
	int i;

	memset(deep, '[', sizeof(deep) - 1);
	for (n = 0; n < N_KINDS; n++) {
		cr_assert_eq(plug_open(&p, kinds[n].file, NULL), 0);
		for (i = 0; i < 2; i++) {
			for (b = 0; b < sizeof(bodies) / sizeof(bodies[0]); b++)
				expect_nothing(&p, players[i], bodies[b], strlen(bodies[b]));
			expect_nothing(&p, players[i], deep, sizeof(deep) - 1);
		}
		plug_close(&p);
	}
}

/* ---- what may go wrong around an answer ---- */

/* Whichever allocation fails: LLM_E_NOMEM, or an answer that needed less. */
Test(provider_answers, memory_runs_out_at_each_place)
{
	size_t n;
	plug p;
	int i;

	for (n = 0; n < N_KINDS; n++) {
		cr_assert_eq(plug_open(&p, kinds[n].file, NULL), 0);
		for (i = 0; i < 2; i++) {
			char *text = text_of(&kinds[n], i);
			int32_t rc = LLM_E_NOMEM;
			uint64_t k;

			/* Jansson writes UTF-8: an escape makes decoding need memory. */
			char *at = strstr(text, "a\xc3\xa9");

			memcpy(at, "\\n.", 3);
			for (k = 1; rc == LLM_E_NOMEM && k < 20; k++) {
				plug_answer a;

				plug_answer_init(&a);
				p.fail_at = p.allocs + k;
				rc = players[i](&p, text, strlen(text), &a);
				plug_answer_done(&a);
			}
			cr_expect_eq(rc, 0);
			cr_expect_gt(k, 2u);
			free(text);
		}
		plug_close(&p);
	}
}

/* A reader that refuses is obeyed at once, whatever it was given. */
Test(provider_answers, a_sink_that_refuses_is_the_last_one_called)
{
	size_t n;
	plug p;
	int i;

	for (n = 0; n < N_KINDS; n++) {
		cr_assert_eq(plug_open(&p, kinds[n].file, NULL), 0);
		for (i = 0; i < 2; i++) {
			char *text = text_of(&kinds[n], i);
			int32_t rc = LLM_E_CANCELLED;
			uint64_t k;

			for (k = 1; rc == LLM_E_CANCELLED && k < 50; k++) {
				plug_answer a;

				plug_answer_init(&a);
				a.refuse_at = k;
				a.refuse_with = LLM_E_CANCELLED;
				rc = players[i](&p, text, strlen(text), &a);
				if (rc)
					cr_expect_eq(a.n_events, k);
				plug_answer_done(&a);
			}
			cr_expect_eq(rc, 0);
			cr_expect_gt(k, 5u);
			free(text);
		}
		plug_close(&p);
	}
}

Test(provider_answers, instance_without_memory)
{
	void *instance = NULL;
	size_t n;
	plug p;

	for (n = 0; n < N_KINDS; n++) {
		cr_assert_eq(plug_open(&p, kinds[n].file, NULL), 0);
		p.fail_at = p.allocs + 1;
		cr_expect_eq(p.v->create(&p.host, &instance), LLM_E_NOMEM);
		cr_expect_null(instance);
		plug_close(&p);
	}
}

/* The request is written into the sink as it grows: a sink that is full ends it. */
static int32_t full(void *ctx, const char *bytes, size_t len)
{
	(void)ctx;
	(void)bytes;
	(void)len;
	return LLM_E_TOO_LARGE;
}

Test(provider_answers, a_body_that_is_refused)
{
	json_t *j = neutral_json("{'model':'m','messages':[]}");
	llm_request_view rq;
	plug_http h;
	size_t n;
	plug p;

	for (n = 0; n < N_KINDS; n++) {
		cr_assert_eq(plug_open(&p, kinds[n].file, NULL), 0);
		cr_assert_eq(neutral_view(&p, j, 0, &rq), 0);
		plug_http_init(&h);
		h.sink.body = full;
		plug_begin(&p);
		cr_expect_eq(p.v->build_request(p.instance, &rq, &h.sink), LLM_E_TOO_LARGE);
		plug_http_done(&h);
		plug_close(&p);
	}
	json_decref(j);
}
