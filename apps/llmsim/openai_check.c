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
	bytes_text(&b, ",\n    \"type\": \"invalid_request_error\",\n    \"param\": ");
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

void openai_check(const json_t *ask, struct fault *f)
{
	const json_t *n = ask_get(ask, "n");

	for (const struct field *k = known; k->name && !f->status; k++) {
		const json_t *v = ask_get(ask, k->name);

		if (v)
			check_field(v, k, f);
	}
	if (!f->status && !json_string_length(json_object_get(ask, "model")))
		fault_set(f, 400, "you must provide a model parameter");
	if (!f->status)
		check_messages(ask, f);
	if (!f->status && n && json_integer_value(n) != 1) {
		fault_set(f, 400,
			"Unsupported value: 'n' does not support more than 1 with this "
			"model.");
		fail(f, "n", "unsupported_value");
	}
}
