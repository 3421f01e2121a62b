/* llmsim as Ollama: what it answers, and that the same question gives the same answer. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/sim.h"

#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define TOOL \
	"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"parameters\":" \
	"{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"},\"days\":{\"type\":" \
	"\"integer\",\"minimum\":1,\"maximum\":7}},\"required\":[\"city\",\"days\"]}}}]"

static const char *const none[] = {NULL};
static const char *const ten[] = {"--tokens", "10", NULL};

static json_t *parse(const char *text, size_t len)
{
	json_error_t e;
	json_t *v = json_loadb(text, len, JSON_DECODE_ANY, &e);

	cr_assert(v, "no JSON: %s in %.*s", e.text, (int)len, text);
	return v;
}

/* A whole answer to POST path, whose status must be as given. */
static json_t *post(const sim *s, const char *path, const char *body, int status)
{
	sim_reply r;
	json_t *v;

	sim_ask_once(s, "POST", path, body, &r);
	cr_assert_eq(r.status, status, "%d for %s: %s", r.status, body, r.body);
	cr_assert(r.complete);
	v = parse(r.body, r.body_len);
	sim_reply_done(&r);
	return v;
}

static const char *string_at(const json_t *v, const char *a, const char *b)
{
	const json_t *inner = json_object_get(v, a);
	const char *text = json_string_value(b ? json_object_get(inner, b) : inner);

	return text ? text : "";
}

struct heard {
	char text[4096];
	char thinking[4096];
	size_t lines;
	size_t calls;
	json_t *last;
};

static void hear_line(struct heard *h, const char *line, size_t len)
{
	json_t *v = parse(line, len);

	strncat(h->text, string_at(v, "message", "content"), 4095 - strlen(h->text));
	strncat(h->thinking, string_at(v, "message", "thinking"), 4095 - strlen(h->thinking));
	h->calls += json_array_size(json_object_get(json_object_get(v, "message"), "tool_calls"));
	h->lines++;
	json_decref(h->last);
	h->last = v;
}

static void hear(const sim *s, const char *body, struct heard *h)
{
	sim_reply r;
	char *line;

	memset(h, 0, sizeof(*h));
	sim_ask_once(s, "POST", "/api/chat", body, &r);
	cr_assert_eq(r.status, 200, "%s", r.body);
	cr_assert(r.complete);
	cr_assert(strstr(r.head, "application/x-ndjson"));
	for (line = r.body; *line; line = strchr(line, '\n') + 1) {
		cr_assert(strchr(line, '\n'));
		hear_line(h, line, (size_t)(strchr(line, '\n') - line));
	}
	cr_assert(json_is_true(json_object_get(h->last, "done")));
	sim_reply_done(&r);
}

Test(llmsim_ollama, stream_is_the_default_and_ends_with_done)
{
	sim *s = sim_start(ten);
	struct heard h;

	hear(s, "{\"model\":\"sim-small\"," HI "}", &h);
	cr_assert_eq(h.lines, 11, "ten words and the end, not %zu", h.lines);
	cr_assert_str_eq(string_at(h.last, "done_reason", NULL), "stop");
	cr_assert_eq(json_integer_value(json_object_get(h.last, "eval_count")), 10);
	cr_assert_gt(json_integer_value(json_object_get(h.last, "prompt_eval_count")), 0);
	cr_assert_str_eq(string_at(h.last, "model", NULL), "sim-small", "the name is echoed");
	json_decref(h.last);
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_ollama, whole_and_stream_say_the_same)
{
	sim *s = sim_start(none);
	struct heard h;
	json_t *v;

	hear(s, "{\"model\":\"sim-small\"," HI "}", &h);
	v = post(s, "/api/chat", "{\"model\":\"sim-small\",\"stream\":false," HI "}", 200);
	cr_assert_str_eq(string_at(v, "message", "content"), h.text);
	cr_assert_gt(strlen(h.text), 20);
	json_decref(v);
	json_decref(h.last);
	cr_assert_eq(sim_stop(s), 0);
}

static char *text_of(const sim *s, const char *model, int seed, const char *prompt)
{
	char body[512];
	json_t *v;
	char *text;

	snprintf(body, sizeof(body),
		"{\"model\":\"%s\",\"stream\":false,\"options\":{\"seed\":%d},\"messages\":"
		"[{\"role\":\"user\",\"content\":\"%s\"}]}",
		model, seed, prompt);
	v = post(s, "/api/chat", body, 200);
	text = strdup(string_at(v, "message", "content"));
	json_decref(v);
	return text;
}

Test(llmsim_ollama, text_follows_seed_model_and_prompt_alone)
{
	sim *first = sim_start(none);
	sim *second = sim_start(none);
	char *a = text_of(first, "sim-small", 7, "hello");
	char *again = text_of(second, "sim-small:latest", 7, "hello");
	char *seed = text_of(first, "sim-small", 8, "hello");
	char *model = text_of(first, "sim-large", 7, "hello");
	char *prompt = text_of(first, "sim-small", 7, "hello!");

	cr_assert_str_eq(a, again, "another process says the same");
	cr_assert_str_neq(a, seed);
	cr_assert_str_neq(a, model);
	cr_assert_str_neq(a, prompt);
	free(a);
	free(again);
	free(seed);
	free(model);
	free(prompt);
	cr_assert_eq(sim_stop(first), 0);
	cr_assert_eq(sim_stop(second), 0);
}

Test(llmsim_ollama, say_is_kept_to_the_byte_and_escaped_as_go_does)
{
	static const char *const args[] = {"--say", "Olá <b> & \"quotes\"\n\n  end", NULL};
	sim *s = sim_start(args);
	struct heard h;
	sim_reply r;

	hear(s, "{\"model\":\"sim-small\"," HI "}", &h);
	cr_assert_str_eq(h.text, args[1]);
	json_decref(h.last);
	sim_ask_once(s, "POST", "/api/chat", "{\"model\":\"sim-small\"," HI "}", &r);
	cr_assert(strstr(r.body, "\\u003cb\\u003e") && strstr(r.body, "\\u0026"));
	cr_assert_not(strchr(r.body, '<'));
	sim_reply_done(&r);
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_ollama, limit_and_stop)
{
	static const char *const args[] = {"--say", "one two three four", NULL};
	sim *s = sim_start(args);
	struct heard h;

	hear(s, "{\"model\":\"sim-small\",\"options\":{\"num_predict\":2}," HI "}", &h);
	cr_assert_str_eq(h.text, "one two");
	cr_assert_str_eq(string_at(h.last, "done_reason", NULL), "length");
	json_decref(h.last);
	hear(s, "{\"model\":\"sim-small\",\"options\":{\"stop\":[\"zz\",\"ree\"]}," HI "}", &h);
	cr_assert_str_eq(h.text, "one two th");
	cr_assert_str_eq(string_at(h.last, "done_reason", NULL), "stop");
	json_decref(h.last);
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_ollama, thinking_is_apart_and_eats_the_limit)
{
	sim *s = sim_start(none);
	struct heard h;

	hear(s, "{\"model\":\"sim-small\",\"think\":true," HI "}", &h);
	cr_assert_gt(strlen(h.thinking), 5);
	cr_assert_gt(strlen(h.text), 5);
	json_decref(h.last);
	hear(s,
		"{\"model\":\"sim-small\",\"think\":\"low\",\"options\":{\"num_predict\":2}," HI
		"}",
		&h);
	cr_assert_gt(strlen(h.thinking), 2);
	cr_assert_str_eq(h.text, "");
	cr_assert_str_eq(string_at(h.last, "done_reason", NULL), "length");
	json_decref(h.last);
	cr_assert_eq(sim_stop(s), 0);
}

static void expect_call(const sim *s, const char *prompt, bool wanted)
{
	char body[1024];
	json_t *v;
	const json_t *call;
	json_int_t days;

	snprintf(body, sizeof(body),
		"{\"model\":\"sim-small\",\"stream\":false,\"messages\":"
		"[{\"role\":\"user\",\"content\":\"%s\"}]," TOOL "}",
		prompt);
	v = post(s, "/api/chat", body, 200);
	call = json_array_get(json_object_get(json_object_get(v, "message"), "tool_calls"), 0);
	cr_assert_eq(call != NULL, wanted, "%s", prompt);
	if (wanted) {
		call = json_object_get(call, "function");
		cr_assert_str_eq(string_at(call, "name", NULL), "get_weather");
		call = json_object_get(call, "arguments");
		cr_assert_gt(strlen(string_at(call, "city", NULL)), 0);
		days = json_integer_value(json_object_get(call, "days"));
		cr_assert(days >= 1 && days <= 7);
	}
	json_decref(v);
}

Test(llmsim_ollama, tools_are_called_when_named)
{
	sim *s = sim_start(none);
	struct heard h;

	expect_call(s, "Please use get_weather for Porto", true);
	expect_call(s, "use the tool", true);
	expect_call(s, "call something", true);
	expect_call(s, "good morning", false);
	hear(s,
		"{\"model\":\"sim-small\",\"messages\":[{\"role\":\"user\",\"content\":"
		"\"get_weather\"}]," TOOL "}",
		&h);
	cr_assert_eq(h.calls, 1);
	cr_assert_str_eq(string_at(h.last, "done_reason", NULL), "stop");
	json_decref(h.last);
	hear(s,
		"{\"model\":\"sim-small\",\"messages\":[{\"role\":\"user\",\"content\":"
		"\"get_weather\"},{\"role\":\"tool\",\"content\":\"get_weather says 20\"}]," TOOL
		"}",
		&h);
	cr_assert_eq(h.calls, 0, "after the result it speaks");
	json_decref(h.last);
	cr_assert_eq(sim_stop(s), 0);
}

static void check_document(const json_t *doc)
{
	const json_t *tags = json_object_get(doc, "tags");
	json_int_t n = json_integer_value(json_object_get(doc, "n"));

	cr_assert(json_is_object(doc));
	cr_assert_str_eq(string_at(doc, "kind", NULL), "fixed");
	cr_assert(n > 10 && n <= 20 && n % 5 == 0, "n is %lld", (long long)n);
	cr_assert(json_is_boolean(json_object_get(doc, "ok")));
	cr_assert_leq(strlen(string_at(doc, "short", NULL)), 4);
	cr_assert_eq(json_array_size(tags), 3);
	for (size_t i = 0; i < 3; i++)
		cr_assert(strchr("ab", *json_string_value(json_array_get(tags, i))));
	cr_assert(json_is_object(json_object_get(doc, "child")), "by reference");
	cr_assert(strchr(string_at(doc, "mail", NULL), '@'));
}

Test(llmsim_ollama, format_gives_a_document_of_the_schema)
{
	static const char ask[] =
		"{\"model\":\"sim-small\",\"stream\":false," HI ",\"format\":{\"type\":\"object\","
		"\"$defs\":{\"c\":{\"type\":\"object\",\"properties\":{\"c\":{\"$ref\":"
		"\"#/$defs/c\"}}}},\"properties\":{\"kind\":{\"const\":\"fixed\"},\"n\":{\"type\":"
		"\"integer\",\"exclusiveMinimum\":10,\"maximum\":20,\"multipleOf\":5},\"ok\":"
		"{\"type\":[\"null\",\"boolean\"]},\"short\":{\"type\":\"string\",\""
		"maxLength\":4},"
		"\"tags\":{\"type\":\"array\",\"minItems\":3,\"maxItems\":3,\"items\":{\"enum\":"
		"[\"a\",\"b\"]}},\"child\":{\"$ref\":\"#/$defs/c\"},\"mail\":{\"type\":\"string\","
		"\"format\":\"email\"}},\"required\":[\"kind\",\"n\"]}}";
	sim *s = sim_start(none);
	json_t *v = post(s, "/api/chat", ask, 200);
	const char *text = string_at(v, "message", "content");
	json_t *doc = parse(text, strlen(text));

	check_document(doc);
	json_decref(doc);
	json_decref(v);
	v = post(s, "/api/chat",
		"{\"model\":\"sim-small\",\"stream\":false,\"format\":\"json\"," HI "}", 200);
	text = string_at(v, "message", "content");
	doc = parse(text, strlen(text));
	cr_assert(json_is_object(doc));
	json_decref(doc);
	json_decref(v);
	cr_assert_eq(sim_stop(s), 0);
}

static const struct {
	const char *body;
	int status;
	const char *error;
} refused[] = {
	{"", 400, "missing request body"},
	{"{\"model\":", 400, "unexpected EOF"},
	{"{\"model\":#}", 400, "invalid character '#' looking for beginning of value"},
	{"[]", 400, "json: cannot unmarshal array into Go value of type api.ChatRequest"},
	{"{\"model\":7}", 400,
		"json: cannot unmarshal number into Go struct field ChatRequest.model "
		"of type string"},
	{"{" HI "}", 400, "model is required"},
	{"{\"model\":\"nosuch:1b\"," HI "}", 404, "model 'nosuch:1b' not found"},
	{"{\"model\":\"sim-small\",\"messages\":[{\"role\":\"user\",\"content\":[]}]}", 400,
		"json: cannot unmarshal array into Go struct field "
		"ChatRequest.messages.content of type string"},
	{"{\"model\":\"sim-small\",\"messages\":[{\"role\":\"user\",\"content\":\"x\",\"images\":"
	 "[\"data:image/png;base64,AAAA\"]}]}",
		400, "illegal base64 data at input byte 4"},
	{"{\"model\":\"sim-small\",\"options\":{\"stop\":\"END\"}," HI "}", 500,
		"option \"stop\" must be of type array"},
	{"{\"model\":\"sim-small\",\"options\":{\"seed\":\"x\"}," HI "}", 500,
		"option \"seed\" must be of type integer"},
	{"{\"model\":\"sim-small\",\"options\":{\"top_p\":true}," HI "}", 500,
		"option \"top_p\" must be of type float32"},
	{"{\"model\":\"sim-small\",\"format\":5," HI "}", 500,
		"invalid format: 5; expected \"json\" or a valid JSON Schema object"},
	{"{\"model\":\"sim-small\",\"keep_alive\":\"3600\"," HI "}", 400,
		"time: missing unit in duration \"3600\""},
	{"{\"model\":\"sim-small\",\"think\":\"xhigh\"," HI "}", 400,
		"invalid think value: \"xhigh\" (must be \"high\", \"medium\", \"low\","
		" \"max\", true, or false)"},
	{"{\"model\":\"sim-small\",\"top_logprobs\":21," HI "}", 400,
		"top_logprobs must be between 0 and 20"},
	{"{\"model\":\"plain\",\"think\":true," HI "}", 400,
		"\"plain\" does not "
		"support thinking"},
	{"{\"model\":\"plain\"," HI "," TOOL "}", 400,
		"registry.ollama.ai/library/plain:latest does not support tools"},
};

Test(llmsim_ollama, errors_have_ollamas_words)
{
	static const char *const args[] = {"--models", "sim-small,plain=completion", NULL};
	sim *s = sim_start(args);

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		json_t *v = post(s, "/api/chat", refused[i].body, refused[i].status);

		cr_assert_str_eq(string_at(v, "error", NULL), refused[i].error);
		json_decref(v);
	}
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_ollama, accepted_spellings)
{
	static const char *const bodies[] = {
		"{\"model\":\"sim-small\",\"stream\":false,\"keep_alive\":\"1h30m\"," HI "}",
		"{\"model\":\"sim-small\",\"stream\":false,\"keep_alive\":-1," HI "}",
		"{\"model\":\"sim-small\",\"stream\":false,\"format\":null,\"think\":null," HI "}",
		"{\"model\":\"sim-small\",\"stream\":false,\"options\":{\"nosuch\":1,\""
		"top_p\":1}," HI "}",
		"{\"model\":\"sim-large:latest\",\"stream\":false,\"unknown\":{}," HI "}",
	};
	sim *s = sim_start(none);

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		json_t *v = post(s, "/api/chat", bodies[i], 200);

		cr_assert(json_is_true(json_object_get(v, "done")), "%s", bodies[i]);
		json_decref(v);
	}
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_ollama, load_and_unload)
{
	sim *s = sim_start(none);
	json_t *v = post(s, "/api/chat", "{\"model\":\"sim-small\"}", 200);

	cr_assert_str_eq(string_at(v, "done_reason", NULL), "load");
	json_decref(v);
	v = post(s, "/api/chat",
		"{\"model\":\"sim-small\",\"messages\":[],\""
		"keep_alive\":0}",
		200);
	cr_assert_str_eq(string_at(v, "done_reason", NULL), "unload");
	json_decref(v);
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_ollama, generate)
{
	static const char *const args[] = {"--say", "four words it says", NULL};
	sim *s = sim_start(args);
	json_t *v = post(s, "/api/generate",
		"{\"model\":\"sim-small\",\"prompt\":\"2+2=\",\"stream\":false}", 200);

	cr_assert_str_eq(string_at(v, "response", NULL), "four words it says");
	cr_assert_eq(json_integer_value(json_object_get(v, "eval_count")), 4);
	cr_assert(json_is_array(json_object_get(v, "context")));
	cr_assert_null(json_object_get(v, "message"));
	json_decref(v);
	cr_assert_eq(sim_stop(s), 0);
}

static json_t *get(const sim *s, const char *path)
{
	sim_reply r;
	json_t *v;

	sim_ask_once(s, "GET", path, NULL, &r);
	cr_assert_eq(r.status, 200, "%s: %d", path, r.status);
	v = parse(r.body, r.body_len);
	sim_reply_done(&r);
	return v;
}

Test(llmsim_ollama, tags_ps_show_version)
{
	static const char *const args[] = {"--models", "a,b:7b=completion+tools", NULL};
	sim *s = sim_start(args);
	json_t *v = get(s, "/api/tags");
	const json_t *models = json_object_get(v, "models");

	cr_assert_eq(json_array_size(models), 2);
	cr_assert_str_eq(string_at(json_array_get(models, 0), "name", NULL), "a:latest");
	cr_assert_eq(
		json_array_size(json_object_get(json_array_get(models, 1), "capabilities")), 2);
	json_decref(v);
	v = get(s, "/api/ps");
	cr_assert_gt(json_integer_value(json_object_get(
			     json_array_get(json_object_get(v, "models"), 0), "context_length")),
		0);
	json_decref(v);
	v = get(s, "/api/version");
	cr_assert_str_neq(string_at(v, "version", NULL), "");
	json_decref(v);
	v = post(s, "/api/show", "{\"model\":\"b:7b\"}", 200);
	cr_assert_str_eq(string_at(v, "model_info", "general.architecture"), "sim");
	json_decref(v);
	v = post(s, "/api/show", "{\"model\":\"b\"}", 404);
	cr_assert_str_eq(string_at(v, "error", NULL), "model 'b' not found");
	json_decref(v);
	cr_assert_eq(sim_stop(s), 0);
}

static void expect_text(
	const sim *s, const char *method, const char *path, int status, const char *text)
{
	sim_reply r;

	sim_ask_once(s, method, path, NULL, &r);
	cr_assert_eq(r.status, status);
	cr_assert(strstr(r.head, "text/plain"));
	cr_assert_str_eq(r.body, text);
	sim_reply_done(&r);
}

Test(llmsim_ollama, plain_text_answers)
{
	sim *s = sim_start(none);

	expect_text(s, "GET", "/", 200, "Ollama is running");
	expect_text(s, "POST", "/api/chatx", 404, "404 page not found");
	expect_text(s, "GET", "/api/chat", 405, "405 method not allowed");
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_ollama, a_foreign_host_name_is_refused)
{
	static const char foreign[] = "GET /api/tags HTTP/1.1\r\nHost: evil.example\r\n\r\n";
	static const char local[] = "GET /api/tags HTTP/1.1\r\nHost: x.localhost:1\r\n\r\n";
	sim *s = sim_start(none);
	int fd = sim_connect(s);
	sim_reply r;

	sim_send(fd, foreign, sizeof(foreign) - 1);
	sim_read_reply(fd, &r);
	cr_assert_eq(r.status, 403);
	cr_assert_eq(r.body_len, 0);
	sim_reply_done(&r);
	sim_send(fd, local, sizeof(local) - 1);
	sim_read_reply(fd, &r);
	cr_assert_eq(r.status, 200);
	sim_reply_done(&r);
	cr_assert_eq(sim_stop(s), 0);
}
