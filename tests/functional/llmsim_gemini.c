/* llmsim as Gemini: what the fixtures do not show: keys, turns, signatures, streams. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/run.h"
#include "support/sim.h"

#define ROOT "/v1beta/models/"
#define PATH ROOT "sim-small:generateContent?key=k"
#define STREAM ROOT "sim-small:streamGenerateContent?alt=sse&key=k"
#define HI "{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}"
#define CONTENTS(...) "\"contents\":[" __VA_ARGS__ "]"
#define TOOLS \
	"\"tools\":[{\"functionDeclarations\":[{\"name\":\"get_weather\",\"parameters\":" \
	"{\"type\":\"OBJECT\",\"properties\":{\"city\":{\"type\":\"STRING\"}}," \
	"\"required\":[\"city\"]}},{\"name\":\"now\"}]}]"

static json_t *ask(const sim *s, const char *method, const char *path, const char *body, int status)
{
	sim_reply r;
	json_t *v;

	sim_ask_once(s, method, path, body, &r);
	cr_assert_eq(r.status, status, "%s: %d: %s", body, r.status, r.body);
	v = json_loads(r.body, 0, NULL);
	cr_assert_not_null(v, "%s", r.body);
	sim_reply_done(&r);
	return v;
}

static json_t *candidate(const json_t *v)
{
	return json_array_get(json_object_get(v, "candidates"), 0);
}

static json_t *parts(const json_t *v)
{
	return json_object_get(json_object_get(candidate(v), "content"), "parts");
}

static const char *text(const json_t *v, const char *key)
{
	const char *t = json_string_value(json_object_get(v, key));

	return t ? t : "";
}

/* ---- what is refused ---- */

static const struct {
	const char *body;
	int status;
	const char *part;
} refused[] = {
	{"nothing", 400, "Invalid JSON payload received."},
	{"{}", 400, "contents is not specified"},
	{"{" CONTENTS(HI) ",\"foo\":1}", 400, "Unknown name \"foo\": Cannot find field."},
	{"{" CONTENTS("{\"parts\":[{\"txt\":\"x\"}]}") "}", 400,
		"Unknown name \"txt\" at 'contents[0].parts[0]'"},
	{"{" CONTENTS(HI) ",\"generation_config\":{\"thinkingConfig\":{\"level\":1}}}", 400,
		"at 'generation_config.thinking_config'"},
	{"{" CONTENTS(HI) ",\"generationConfig\":{\"stopSequences\":\"x\"}}", 400,
		"Invalid value at 'generation_config.stop_sequences'"},
	{"{" CONTENTS("{\"role\":\"assistant\",\"parts\":[{\"text\":\"x\"}]}") "}", 400,
		"valid role: user, model"},
	{"{" CONTENTS("{\"role\":\"user\",\"parts\":[]}") "}", 400, "must not be empty"},
	{"{" CONTENTS("{\"parts\":[{\"thought\":true}]}") "}", 400, "required oneof field 'data'"},
	{"{" CONTENTS("{\"parts\":[{\"text\":\"a\",\"inlineData\":{}}]}") "}", 400,
		"is already set"},
	{"{" CONTENTS("{\"parts\":[{\"inlineData\":{\"data\":\"a:\"}}]}") "}", 400,
		"Base64 decoding failed"},
	{"{" CONTENTS(HI ",{\"role\":\"model\",\"parts\":[{\"text\":\"so\"}]}") "}", 400,
		"ending with a model turn"},
	{"{" CONTENTS(HI) ",\"generationConfig\":{\"responseSchema\":{\"type\":\"STRING\"}}}", 400,
		"needs a response mime type"},
	{"{" CONTENTS(HI) ",\"generationConfig\":{\"responseSchema\":{\"$ref\":\"x\"}}}", 400,
		"Unknown name \"$ref\" at 'generation_config.response_schema'"},
	{"{" CONTENTS(HI) ",\"generationConfig\":{\"candidateCount\":2}}", 400, "candidates"},
	{"{" CONTENTS(HI) "," TOOLS ",\"cachedContent\":\"cachedContents/x\"}", 400,
		"CachedContent can not be used"},
};

Test(llmsim_gemini, refusals_have_googles_shape)
{
	sim *s = sim_start(NULL);

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		json_t *v = ask(s, "POST", PATH, refused[i].body, refused[i].status);
		const json_t *e = json_object_get(v, "error");

		cr_expect(strstr(text(e, "message"), refused[i].part), "%s: %s", refused[i].body,
			text(e, "message"));
		cr_expect_eq(json_integer_value(json_object_get(e, "code")), refused[i].status);
		cr_expect_str_eq(text(e, "status"), "INVALID_ARGUMENT");
		json_decref(v);
	}
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_gemini, keys)
{
	sim *s = sim_start(RUN_LIST("--key", "right"));

	json_decref(ask(s, "GET", "/v1beta/models?key=right", NULL, 200));
	json_decref(ask(s, "GET", "/v1beta/models?key=wrong", NULL, 400));
	json_decref(ask(s, "GET", "/v1beta/models", NULL, 403));
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_gemini, models_come_in_pages)
{
	sim *s = sim_start(RUN_LIST("--models", "a,b:7b=completion,c"));
	json_t *v = ask(s, "GET", "/v1beta/models?key=k&pageSize=2", NULL, 200);
	char path[100];

	cr_assert_eq(json_array_size(json_object_get(v, "models")), 2);
	snprintf(path, sizeof(path), "/v1beta/models?key=k&pageToken=%s", text(v, "nextPageToken"));
	json_decref(v);
	v = ask(s, "GET", path, NULL, 200);
	cr_assert_eq(json_array_size(json_object_get(v, "models")), 1);
	cr_assert_null(json_object_get(v, "nextPageToken"));
	json_decref(v);
	v = ask(s, "GET", ROOT "b%3A7b?key=k", NULL, 200);
	cr_assert_str_eq(text(v, "name"), "models/b:7b");
	cr_assert_null(json_object_get(v, "thinking"));
	json_decref(v);
	v = ask(s, "POST", ROOT "b:7b:generateContent?key=k", "{" CONTENTS(HI) "}", 200);
	cr_assert_str_eq(text(v, "modelVersion"), "b:7b");
	json_decref(v);
	json_decref(ask(s, "GET", ROOT "z?key=k", NULL, 404));
	json_decref(ask(s, "POST", ROOT "a:sing?key=k", "{}", 404));
	cr_assert_eq(sim_stop(s), 0);
}

/* ---- tools ---- */

/* The conversation after `v` called tools: its content, and these results. */
static char *with_results(json_t *content, const char *results)
{
	char *said = json_dumps(content, JSON_COMPACT);
	size_t cap = strlen(said) + strlen(results) + 1000;
	char *body = malloc(cap);

	snprintf(body, cap,
		"{" CONTENTS("{\"role\":\"user\",\"parts\":[{\"text\":\"The weather in Porto and "
			     "Faro?\"}]},%s,{\"role\":\"user\",\"parts\":[%s]}") "," TOOLS "}",
		said, results);
	free(said);
	return body;
}

static json_t *first_calls(const sim *s)
{
	json_t *v = ask(s, "POST", PATH,
		"{" CONTENTS(
			"{\"parts\":[{\"text\":\"The weather in Porto and Faro?\"}]}") "," TOOLS
										       "}",
		200);
	json_t *content = json_incref(json_object_get(candidate(v), "content"));

	cr_assert_str_eq(text(candidate(v), "finishReason"), "STOP");
	cr_assert_eq(json_array_size(parts(v)), 2);
	cr_assert_not_null(json_object_get(json_array_get(parts(v), 0), "thoughtSignature"));
	cr_assert_null(json_object_get(json_array_get(parts(v), 1), "thoughtSignature"));
	json_decref(v);
	return content;
}

static void answer_with(
	const sim *s, json_t *content, const char *results, int status, const char *part)
{
	char *body = with_results(content, results);
	json_t *v = ask(s, "POST", PATH, body, status);

	if (part)
		cr_expect(strstr(text(json_object_get(v, "error"), "message"), part), "%s",
			text(json_object_get(v, "error"), "message"));
	else
		cr_expect(strlen(text(json_array_get(parts(v), 0), "text")) > 5);
	json_decref(v);
	free(body);
}

#define RESULT(id) \
	"{\"functionResponse\":{\"name\":\"get_weather\",\"response\":{\"output\":9}" id "}}"

Test(llmsim_gemini, calls_go_back_as_they_came)
{
	sim *s = sim_start(NULL);
	json_t *content = first_calls(s);
	json_t *first = json_array_get(json_object_get(content, "parts"), 0);
	json_t *args = json_object_get(json_object_get(first, "functionCall"), "args");

	answer_with(s, content, RESULT() "," RESULT(), 200, NULL);
	answer_with(s, content, RESULT(), 400, "equal to the number of function call parts");
	answer_with(s, content, RESULT(",\"id\":\"call_0\"") "," RESULT(",\"id\":\"call_1\""), 400,
		"functionResponse.id does not match");
	json_object_set_new(args, "city", json_string("elsewhere"));
	answer_with(s, content, RESULT() "," RESULT(), 400, "Corrupted thought signature");
	json_object_set_new(
		first, "thoughtSignature", json_string("skip_thought_signature_validator"));
	answer_with(s, content, RESULT() "," RESULT(), 200, NULL);
	json_object_del(first, "thoughtSignature");
	answer_with(
		s, content, RESULT() "," RESULT(), 400, "`default_api:get_weather` , position 2");
	json_decref(content);
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_gemini, modes_of_calling)
{
	sim *s = sim_start(NULL);
	json_t *v = ask(s, "POST", PATH,
		"{" CONTENTS(HI) "," TOOLS ",\"toolConfig\":{\"functionCallingConfig\":{\"mode\":"
				 "\"ANY\",\"allowedFunctionNames\":[\"now\"]}}}",
		200);
	const json_t *call = json_object_get(json_array_get(parts(v), 0), "functionCall");

	cr_assert_str_eq(text(call, "name"), "now");
	cr_assert_eq(json_object_size(json_object_get(call, "args")), 0);
	json_decref(v);
	v = ask(s, "POST", PATH,
		"{" CONTENTS(
			"{\"parts\":[{\"text\":\"get_weather\"}]}") "," TOOLS
								    ",\"tool_config\":{\"function_calling_config\":{\"mode\":\"NONE\"}}}",
		200);
	cr_assert(strlen(text(json_array_get(parts(v), 0), "text")) > 5);
	json_decref(v);
	cr_assert_eq(sim_stop(s), 0);
}

/* ---- answers ---- */

Test(llmsim_gemini, schemas_in_both_forms)
{
	static const char *const forms[] = {
		"\"responseSchema\":{\"type\":\"OBJECT\",\"properties\":{\"n\":{\"type\":"
		"\"INTEGER\",\"minimum\":7,\"maximum\":7}},\"required\":[\"n\"]}",
		"\"responseJsonSchema\":{\"type\":\"object\",\"properties\":{\"n\":{\"const\":7}}}",
	};
	sim *s = sim_start(NULL);
	char body[600];
	json_t *v;

	for (size_t i = 0; i < 2; i++) {
		snprintf(body, sizeof(body),
			"{" CONTENTS(HI) ",\"generationConfig\":{\"responseMimeType\":"
					 "\"application/json\",%s}}",
			forms[i]);
		v = ask(s, "POST", PATH, body, 200);
		cr_assert_str_eq(text(json_array_get(parts(v), 0), "text"), "{\"n\":7}");
		json_decref(v);
	}
	v = ask(s, "POST", PATH,
		"{" CONTENTS(HI) ",\"generationConfig\":{\"responseMimeType\":\"text/x.enum\","
				 "\"responseSchema\":{\"type\":\"STRING\",\"enum\":[\"red\"]}}}",
		200);
	cr_assert_str_eq(text(json_array_get(parts(v), 0), "text"), "red");
	json_decref(v);
	cr_assert_eq(sim_stop(s), 0);
}

static json_int_t counted(const json_t *v, const char *name)
{
	return json_integer_value(json_object_get(json_object_get(v, "usageMetadata"), name));
}

Test(llmsim_gemini, limits_stops_and_thoughts)
{
	sim *s = sim_start(RUN_LIST("--say", "one two three"));
	json_t *v = ask(s, "POST", PATH,
		"{" CONTENTS(HI) ",\"generationConfig\":{\"maxOutputTokens\":2}}", 200);

	cr_assert_str_eq(text(json_array_get(parts(v), 0), "text"), "one two");
	cr_assert_str_eq(text(candidate(v), "finishReason"), "MAX_TOKENS");
	cr_assert_eq(counted(v, "candidatesTokenCount"), 2);
	json_decref(v);
	v = ask(s, "POST", PATH,
		"{" CONTENTS(HI) ",\"generationConfig\":{\"stopSequences\":[\" three\"],"
				 "\"thinkingConfig\":{\"includeThoughts\":true}}}",
		200);
	cr_assert(json_is_true(json_object_get(json_array_get(parts(v), 0), "thought")));
	cr_assert_str_eq(text(json_array_get(parts(v), 1), "text"), "one two");
	cr_assert_str_eq(text(candidate(v), "finishReason"), "STOP");
	cr_assert_eq(counted(v, "thoughtsTokenCount"), 12);
	cr_assert_eq(counted(v, "totalTokenCount"), counted(v, "promptTokenCount") + 14);
	json_decref(v);
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmsim_gemini, without_alt_sse_a_stream_is_one_array)
{
	sim *s = sim_start(RUN_LIST("--say", "one two"));
	json_t *v = ask(
		s, "POST", ROOT "sim-small:streamGenerateContent?key=k", "{" CONTENTS(HI) "}", 200);

	cr_assert_eq(json_array_size(v), 3);
	cr_assert_str_eq(text(json_array_get(parts(json_array_get(v, 1)), 0), "text"), " two");
	cr_assert_str_eq(text(candidate(json_array_get(v, 2)), "finishReason"), "STOP");
	json_decref(v);
	v = ask(s, "POST", ROOT "sim-small:streamGenerateContent?key=k", "{}", 400);
	cr_assert_not_null(json_object_get(json_array_get(v, 0), "error"));
	json_decref(v);
	cr_assert_eq(sim_stop(s), 0);
}

/* ---- fast ---- */

static void same_body(const sim *a, const sim *b, const char *path)
{
	static const char body[] = "{" CONTENTS("{\"role\":\"user\",\"parts\":[{\"text\":"
						"\"Speak.\"}]}") "}";
	sim_reply one;
	sim_reply other;

	sim_ask_once(a, "POST", path, body, &one);
	sim_ask_once(b, "POST", path, body, &other);
	cr_expect_eq(one.status, 200);
	cr_expect_str_eq(one.body, other.body);
	sim_reply_done(&one);
	sim_reply_done(&other);
}

Test(llmsim_gemini, fast_answers_are_the_others)
{
	sim *slow = sim_start(RUN_LIST("--tokens", "8"));
	sim *fast = sim_start(RUN_LIST("--tokens", "8", "--fast", "--events", "8"));

	same_body(slow, fast, PATH);
	same_body(slow, fast, STREAM);
	cr_assert_eq(sim_stop(fast), 0);
	cr_assert_eq(sim_stop(slow), 0);
}
