#include <string.h>

#include "openai.h"

struct field {
	const char *name;
	const char *wanted; /* in OpenAI's words */
	bool (*fits)(const json_t *v);
	double low;
	double high; /* low == high: any */
};

static bool is_string(const json_t *v)
{
	return json_is_string(v);
}

static bool is_array(const json_t *v)
{
	return json_is_array(v);
}

static bool is_object(const json_t *v)
{
	return json_is_object(v);
}

static bool is_integer(const json_t *v)
{
	return json_is_integer(v);
}

static bool is_number(const json_t *v)
{
	return json_is_number(v);
}

static bool is_bool(const json_t *v)
{
	return json_is_boolean(v);
}

/* In the older completions it is a number. */
static bool is_flag_or_count(const json_t *v)
{
	return json_is_boolean(v) || json_is_integer(v);
}

static bool is_stop(const json_t *v)
{
	return json_is_string(v) || json_is_array(v);
}

static bool is_choice(const json_t *v)
{
	return json_is_string(v) || json_is_object(v);
}

static const struct field known[] = {
	{"model", "a string", is_string, 0, 0},
	{"messages", "an array of objects", is_array, 0, 0},
	{"stream", "a boolean", is_bool, 0, 0},
	{"stream_options", "an object", is_object, 0, 0},
	{"temperature", "a decimal", is_number, 0, 2},
	{"top_p", "a decimal", is_number, 0, 1},
	{"frequency_penalty", "a decimal", is_number, -2, 2},
	{"presence_penalty", "a decimal", is_number, -2, 2},
	{"max_tokens", "an integer", is_integer, 1, 1e15},
	{"max_completion_tokens", "an integer", is_integer, 1, 1e15},
	{"n", "an integer", is_integer, 1, 128},
	{"seed", "an integer", is_integer, 0, 0},
	{"stop", "a string or an array of strings", is_stop, 0, 0},
	{"tools", "an array of objects", is_array, 0, 0},
	{"tool_choice", "a string or an object", is_choice, 0, 0},
	{"response_format", "an object", is_object, 0, 0},
	{"parallel_tool_calls", "a boolean", is_bool, 0, 0},
	{"reasoning_effort", "a string", is_string, 0, 0},
	{"logprobs", "a boolean", is_flag_or_count, 0, 0},
	{"top_logprobs", "an integer", is_integer, 0, 20},
	{"metadata", "an object", is_object, 0, 0},
	{"logit_bias", "an object", is_object, 0, 0},
	{"user", "a string", is_string, 0, 0},
	{"service_tier", "a string", is_string, 0, 0},
	{NULL, NULL, NULL, 0, 0},
};

static void text_or_null(struct bytes *b, const char *text)
{
	if (text)
		bytes_json(b, text, strlen(text));
	else
		bytes_text(b, "null");
}

void openai_error(struct reply *r, const struct fault *f)
{
	struct bytes b = {0};

	bytes_text(&b, "{\n  \"error\": {\n    \"message\": ");
	bytes_json(&b, f->text.data, f->text.len);
	bytes_text(&b, ",\n    \"type\": ");
	text_or_null(&b, f->type ? f->type : "invalid_request_error");
	bytes_text(&b, ",\n    \"param\": ");
	text_or_null(&b, f->param);
	bytes_text(&b, ",\n    \"code\": ");
	text_or_null(&b, f->code);
	bytes_text(&b, "\n  }\n}\n");
	reply_whole(r, f->status, "application/json", b.data, b.len);
	bytes_done(&b);
}

static void fail(struct fault *f, const char *param, const char *code)
{
	f->param = param;
	f->code = code;
}

static void check_field(const json_t *v, const struct field *k, struct fault *f)
{
	double n = json_number_value(v);

	if (!k->fits(v)) {
		fault_set(f, 400,
			"Invalid type for '%s': expected %s, but got a different type "
			"(%s) instead.",
			k->name, k->wanted, ask_kind(v));
		fail(f, k->name, "invalid_type");
	} else if (k->low < k->high && (n < k->low || n > k->high)) {
		fault_set(f, 400, "Invalid '%s': the value is out of range.", k->name);
		fail(f, k->name,
			n < k->low ? "integer_below_min_value" : "integer_above_max_value");
	}
}

static void check_messages(const json_t *ask, struct fault *f)
{
	const json_t *list = ask_get(ask, "messages");

	if (!list) {
		fault_set(f, 400, "Missing required parameter: 'messages'.");
		fail(f, "messages", "missing_required_parameter");
	} else if (!json_array_size(list)) {
		fault_set(f, 400,
			"Invalid 'messages': empty array. Expected an array with minimum "
			"length 1, but got an empty array instead.");
		fail(f, "messages", "empty_array");
	}
	for (size_t i = 0; i < json_array_size(list) && !f->status; i++) {
		const json_t *m = json_array_get(list, i);
		const json_t *content = ask_get(m, "content");

		if (!json_is_string(json_object_get(m, "role"))) {
			fault_set(f, 400, "Missing required parameter: 'messages[%zu].role'.", i);
			fail(f, "messages", "missing_required_parameter");
		} else if (content && !json_is_string(content) && !json_is_array(content)) {
			fault_set(f, 400,
				"Invalid type for 'messages[%zu].content': expected one of "
				"a string or array of objects, but got %s instead.",
				i, ask_kind(content));
			fail(f, "messages", "invalid_type");
		}
	}
}

static void check_fields(const json_t *ask, struct fault *f)
{
	for (const struct field *k = known; k->name && !f->status; k++) {
		const json_t *v = ask_get(ask, k->name);

		if (v)
			check_field(v, k, f);
	}
	if (!f->status && !json_string_length(json_object_get(ask, "model")))
		fault_set(f, 400, "you must provide a model parameter");
	if (!f->status && ask_get(ask, "stream_options") && !json_is_true(ask_get(ask, "stream"))) {
		fault_set(f, 400,
			"The 'stream_options' parameter is only allowed when 'stream' is enabled.");
		fail(f, "stream_options", NULL);
	}
}

void openai_check(const json_t *ask, struct fault *f)
{
	check_fields(ask, f);
	if (!f->status)
		check_messages(ask, f);
}

void openai_check_completion(const json_t *ask, struct fault *f)
{
	const json_t *prompt = ask_get(ask, "prompt");

	check_fields(ask, f);
	if (f->status || json_is_string(prompt) || json_is_integer(json_array_get(prompt, 0)) ||
		json_array_size(prompt) == 1)
		return;
	fault_set(f, 400, "Invalid 'prompt': this server takes one prompt at a time.");
	fail(f, "prompt", "invalid_value");
}
