/* llmsim as OpenAI: Chat Completions whole and streamed, the models, the errors. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/sim.h"

#define PATH "/v1/chat/completions"
#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define TOOLS \
	"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"add\",\"parameters\":" \
	"{\"type\":\"object\",\"properties\":{\"name\":{\"const\":\"J\\u00fcrgen \\\"x\\\"\"}," \
	"\"n\":{\"type\":\"integer\"}},\"required\":[\"n\"]}}},{\"type\":\"function\"," \
	"\"function\":{\"name\":\"sub\"}}]"

static const char *const none[] = {NULL};
static const char *const say[] = {"--say", "one two <three>", NULL};

static json_t *parse(const char *text, size_t len)
{
	json_error_t e;
	json_t *v = json_loadb(text, len, JSON_DECODE_ANY, &e);

	cr_assert(v, "no JSON: %s in %.*s", e.text, (int)len, text);
	return v;
}

static json_t *ask(const sim *s, const char *method, const char *path, const char *body, int status)
{
	sim_reply r;
	json_t *v;

	sim_ask_once(s, method, path, body, &r);
	cr_assert_eq(r.status, status, "%d: %s", r.status, r.body);
	cr_assert(strstr(r.head, "application/json"));
	v = parse(r.body, r.body_len);
	sim_reply_done(&r);
	return v;
}

static json_t *choice(const json_t *v)
{
	return json_array_get(json_object_get(v, "choices"), 0);
}

static const char *text_at(const json_t *v, const char *a, const char *b)
{
	const json_t *inner = json_object_get(v, a);
	const char *t = json_string_value(b ? json_object_get(inner, b) : inner);

	return t ? t : "";
}

static json_int_t number_at(const json_t *v, const char *a, const char *b)
{
	return json_integer_value(json_object_get(json_object_get(v, a), b));
}

Test(llmsim_openai, whole)
{
	sim *s = sim_start(say);
	json_t *v = ask(s, "POST", PATH, "{\"model\":\"sim-small\"," HI "}", 200);

	cr_assert_str_eq(text_at(v, "object", NULL), "chat.completion");
	cr_assert_str_eq(text_at(choice(v), "message", "content"), "one two <three>");
	cr_assert_str_eq(text_at(choice(v), "finish_reason", NULL), "stop");
	cr_assert_eq(number_at(v, "usage", "completion_tokens"), 3);
	cr_assert_eq(
		number_at(v, "usage", "total_tokens"), number_at(v, "usage", "prompt_tokens") + 3);
	json_decref(v);
	v = ask(s, "POST", PATH, "{\"model\":\"sim-small\",\"max_tokens\":1,\"stop\":null," HI "}",
		200);
	cr_assert_str_eq(text_at(choice(v), "message", "content"), "one");
	cr_assert_str_eq(text_at(choice(v), "finish_reason", NULL), "length");
	json_decref(v);
	v = ask(s, "POST", PATH, "{\"model\":\"sim-small\",\"stop\":\" two\"," HI "}", 200);
	cr_assert_str_eq(text_at(choice(v), "message", "content"), "one");
	cr_assert_str_eq(text_at(choice(v), "finish_reason", NULL), "stop");
	json_decref(v);
	cr_assert_eq(sim_stop(s), 0);
}

struct heard {
	char text[1024];
	char arguments[2][1024];
	char names[2][64];
	char finish[32];
	char id[64];
	size_t roles;
	size_t chunks;
	json_int_t total;
	bool done;
	bool usage_null;
};

static void hear_calls(struct heard *h, const json_t *delta)
{
	size_t i;
	json_t *call;

	json_array_foreach(json_object_get(delta, "tool_calls"), i, call)
	{
		size_t at = (size_t)json_integer_value(json_object_get(call, "index"));
		const char *args = text_at(call, "function", "arguments");

		cr_assert_lt(at, 2);
		strncat(h->arguments[at], args, 1023 - strlen(h->arguments[at]));
		strncat(h->names[at], text_at(call, "function", "name"), 63 - strlen(h->names[at]));
	}
}

static void hear_chunk(struct heard *h, const json_t *v)
{
	const json_t *delta = json_object_get(choice(v), "delta");

	cr_assert_str_eq(text_at(v, "object", NULL), "chat.completion.chunk");
	if (!h->chunks++)
		strncat(h->id, text_at(v, "id", NULL), 63);
	cr_assert_str_eq(h->id, text_at(v, "id", NULL));
	h->roles += json_object_get(delta, "role") != NULL;
	h->usage_null = h->usage_null || json_is_null(json_object_get(v, "usage"));
	h->total += number_at(v, "usage", "total_tokens");
	strncat(h->text, text_at(delta, "content", NULL), 1023 - strlen(h->text));
	strncat(h->finish, text_at(choice(v), "finish_reason", NULL), 31 - strlen(h->finish));
	hear_calls(h, delta);
}

static void hear(const sim *s, const char *body, struct heard *h)
{
	sim_reply r;
	char *end;

	memset(h, 0, sizeof(*h));
	sim_ask_once(s, "POST", PATH, body, &r);
	cr_assert_eq(r.status, 200, "%s", r.body);
	cr_assert(r.complete);
	cr_assert(strstr(r.head, "text/event-stream"));
	for (char *at = r.body; *at; at = end + 2) {
		json_t *v;

		cr_assert_not(h->done, "nothing follows [DONE]");
		cr_assert(!strncmp(at, "data: ", 6));
		end = strstr(at, "\n\n");
		cr_assert(end);
		h->done = !strncmp(at, "data: [DONE]\n", 13);
		if (h->done)
			continue;
		v = parse(at + 6, (size_t)(end - at - 6));
		hear_chunk(h, v);
		json_decref(v);
	}
	cr_assert(h->done);
	sim_reply_done(&r);
}

Test(llmsim_openai, stream)
{
	sim *s = sim_start(say);
	struct heard h;

	hear(s, "{\"model\":\"sim-small\",\"stream\":true," HI "}", &h);
	cr_assert_str_eq(h.text, "one two <three>");
	cr_assert_str_eq(h.finish, "stop");
	cr_assert_eq(h.roles, 1);
	cr_assert_eq(h.chunks, 5, "role, three words, finish");
	cr_assert_not(h.usage_null);
	cr_assert_eq(h.total, 0, "usage only when asked for");
	hear(s,
		"{\"model\":\"sim-small\",\"stream\":true,\"stream_options\":{\""
		"include_usage\":true}," HI "}",
		&h);
	cr_assert(h.usage_null);
	cr_assert_gt(h.total, 3);
	cr_assert_eq(h.chunks, 6);
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_openai, tool_calls_stream_in_parts)
{
	sim *s = sim_start(none);
	struct heard h;
	json_t *args;

	hear(s,
		"{\"model\":\"sim-small\",\"stream\":true,\"messages\":[{\"role\":\""
		"user\",\"content\":"
		"\"first add, then sub\"}]," TOOLS "}",
		&h);
	cr_assert_str_eq(h.finish, "tool_calls");
	cr_assert_str_eq(h.names[0], "add");
	cr_assert_str_eq(h.names[1], "sub");
	cr_assert_str_eq(h.arguments[1], "{}");
	args = parse(h.arguments[0], strlen(h.arguments[0]));
	cr_assert_str_eq(text_at(args, "name", NULL), "J\xc3\xbcrgen \"x\"");
	cr_assert(json_is_integer(json_object_get(args, "n")));
	json_decref(args);
	cr_assert_eq(sim_stop(s), 0);
}

static json_t *call_of(const json_t *v, size_t i)
{
	return json_array_get(
		json_object_get(json_object_get(choice(v), "message"), "tool_calls"), i);
}

Test(llmsim_openai, tool_choice)
{
	sim *s = sim_start(none);
	json_t *v = ask(s, "POST", PATH,
		"{\"model\":\"sim-small\",\"tool_choice\":\"required\"," HI "," TOOLS "}", 200);

	cr_assert_str_eq(text_at(call_of(v, 0), "function", "name"), "add");
	cr_assert_str_eq(text_at(call_of(v, 0), "type", NULL), "function");
	cr_assert_str_eq(text_at(choice(v), "finish_reason", NULL), "tool_calls");
	json_decref(v);
	v = ask(s, "POST", PATH,
		"{\"model\":\"sim-small\",\"tool_choice\":{\"type\":\"function\","
		"\"function\":{\"name\":\"sub\"}}," HI "," TOOLS "}",
		200);
	cr_assert_str_eq(text_at(call_of(v, 0), "function", "name"), "sub");
	cr_assert_null(call_of(v, 1));
	cr_assert_str_eq(text_at(choice(v), "finish_reason", NULL), "stop");
	json_decref(v);
	v = ask(s, "POST", PATH,
		"{\"model\":\"sim-small\",\"tool_choice\":\"none\",\"messages\":"
		"[{\"role\":\"user\",\"content\":\"use the tool\"}]," TOOLS "}",
		200);
	cr_assert_null(call_of(v, 0));
	json_decref(v);
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_openai, response_format)
{
	sim *s = sim_start(none);
	json_t *v = ask(s, "POST", PATH,
		"{\"model\":\"sim-small\",\"response_format\":{\"type\":\"json_schema\","
		"\"json_schema\":{\"name\":\"p\",\"schema\":{\"type\":\"object\",\"properties\":"
		"{\"age\":{\"type\":\"integer\"}}}}}," HI "}",
		200);
	const char *text = text_at(choice(v), "message", "content");
	json_t *doc = parse(text, strlen(text));

	cr_assert(json_is_integer(json_object_get(doc, "age")));
	json_decref(doc);
	json_decref(v);
	cr_assert_eq(sim_stop(s), 0);
}

static const struct {
	const char *body;
	int status;
	const char *code;
	const char *part;
} refused[] = {
	{"{\"model\":\"gpt-nope\"," HI "}", 404, "model_not_found",
		"The model `gpt-nope` does not exist"},
	{"{" HI "}", 400, "", "you must provide a model parameter"},
	{"{\"model\":\"sim-small\"}", 400, "missing_required_parameter", "'messages'"},
	{"{\"model\":\"sim-small\",\"messages\":[]}", 400, "empty_array", "empty array"},
	{"{\"model\":\"sim-small\",\"messages\":7}", 400, "invalid_type", "'messages'"},
	{"{\"model\":\"sim-small\",\"temperature\":3," HI "}", 400, "integer_above_max_value",
		"'temperature'"},
	{"{\"model\":\"sim-small\",\"stream\":\"yes\"," HI "}", 400, "invalid_type", "'stream'"},
	{"{\"model\":\"sim-small\",\"n\":129," HI "}", 400, "integer_above_max_value", "'n'"},
	{"{\"model\":\"sim-small\",\"stream_options\":{}," HI "}", 400, "",
		"only allowed when 'stream'"},
	{"{\"model\":\"sim-small\",\"tools\":[]," HI "}", 400, "empty_array", "'tools'"},
	{"{\"model\":\"sim-small\",\"tool_choice\":\"auto\"," HI "}", 400, "",
		"only allowed when 'tools'"},
	{"{\"model\":\"sim-small\",\"top_logprobs\":2," HI "}", 400, "invalid_value",
		"'logprobs' is set to true"},
	{"{\"model\":\"sim-small\",\"response_format\":{\"type\":\"json_object\"}," HI "}", 400, "",
		"must contain the word 'json'"},
	{"{\"model\":\"sim-small\",\"messages\":[{\"role\":\"robot\",\"content\":\"x\"}]}", 400,
		"invalid_value", "'robot'"},
	{"{\"model\":\"sim-small\",\"messages\":[{\"role\":\"tool\",\"tool_call_id\":\"a\","
	 "\"content\":\"x\"}]}",
		400, "", "must be a response to"},
	{"{\"model\":\"sim-small\",\"messages\":[{\"role\":\"assistant\",\"content\":null,"
	 "\"tool_calls\":[{\"id\":\"c7\"}]},{\"role\":\"user\",\"content\":\"x\"}]}",
		400, "", "response messages: c7"},
	{"nothing", 400, "", "could not parse"},
};

Test(llmsim_openai, errors_have_openais_shape)
{
	sim *s = sim_start(none);

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		json_t *v = ask(s, "POST", PATH, refused[i].body, refused[i].status);
		const json_t *e = json_object_get(v, "error");

		cr_assert_str_eq(text_at(e, "code", NULL), refused[i].code);
		cr_assert_str_eq(text_at(e, "type", NULL), "invalid_request_error");
		cr_assert(strstr(text_at(e, "message", NULL), refused[i].part), "%s",
			text_at(e, "message", NULL));
		cr_assert(json_object_get(e, "param") && json_object_get(e, "code"));
		json_decref(v);
	}
	cr_assert_eq(sim_stop(s), 0);
}

/* Choices differ, and the words come token by token with their numbers. */
Test(llmsim_openai, choices_and_logprobs)
{
	sim *s = sim_start(none);
	json_t *v = ask(s, "POST", PATH,
		"{\"model\":\"sim-small\",\"n\":2,\"logprobs\":true,\"top_logprobs\":1," HI "}",
		200);
	const json_t *other = json_array_get(json_object_get(v, "choices"), 1);
	const json_t *list = json_object_get(json_object_get(other, "logprobs"), "content");
	char text[1024] = "";
	size_t i;
	json_t *one;

	cr_assert(strcmp(
		text_at(choice(v), "message", "content"), text_at(other, "message", "content")));
	json_array_foreach(list, i, one)
	{
		strncat(text, text_at(one, "token", NULL), sizeof(text) - strlen(text) - 1);
		cr_assert_eq(json_array_size(json_object_get(one, "top_logprobs")), 1);
		cr_assert(json_equal(json_object_get(one, "logprob"),
			json_object_get(json_array_get(json_object_get(one, "top_logprobs"), 0),
				"logprob")));
	}
	cr_assert_str_eq(text, text_at(other, "message", "content"));
	cr_assert_eq(number_at(v, "usage", "completion_tokens"), 64);
	json_decref(v);
	cr_assert_eq(sim_stop(s), 0);
}

/* The same text is the same vector, of length 1. */
Test(llmsim_openai, embeddings)
{
	sim *s = sim_start(none);
	json_t *v = ask(s, "POST", "/v1/embeddings",
		"{\"model\":\"sim-small\",\"input\":[\"a\",\"b\",\"a\"],\"dimensions\":8}", 200);
	const json_t *data = json_object_get(v, "data");
	const json_t *first = json_object_get(json_array_get(data, 0), "embedding");
	double square = 0;

	cr_assert_eq(json_array_size(first), 8);
	for (size_t i = 0; i < 8; i++)
		square += json_real_value(json_array_get(first, i)) *
			json_real_value(json_array_get(first, i));
	cr_assert(square > 0.999 && square < 1.001);
	cr_assert(json_equal(first, json_object_get(json_array_get(data, 2), "embedding")));
	cr_assert(!json_equal(first, json_object_get(json_array_get(data, 1), "embedding")));
	json_decref(v);
	v = ask(s, "POST", "/v1/embeddings", "{\"model\":\"sim-small\",\"input\":\"\"}", 400);
	cr_assert_str_eq(text_at(v, "error", "param"), "input");
	json_decref(v);
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_openai, models)
{
	sim *s = sim_start(none);
	json_t *v = ask(s, "GET", "/v1/models", NULL, 200);

	cr_assert_eq(json_array_size(json_object_get(v, "data")), 2);
	json_decref(v);
	v = ask(s, "GET", "/v1/models/sim-small%3Alatest", NULL, 200);
	cr_assert_str_eq(text_at(v, "id", NULL), "sim-small:latest");
	json_decref(v);
	v = ask(s, "GET", "/v1/models/none", NULL, 404);
	cr_assert_str_eq(text_at(v, "error", "code"), "model_not_found");
	json_decref(v);
	v = ask(s, "GET", "/v1/nothing", NULL, 404);
	cr_assert_str_eq(text_at(v, "error", "message"), "Invalid URL (GET /v1/nothing)");
	json_decref(v);
	cr_assert_eq(sim_stop(s), 0);
}
