#include <stdlib.h>
#include <string.h>

#include "ollama.h"

/* Types as Go names them; "" takes anything. */
struct field {
	const char *name;
	const char *type;
};

static bool fits(const json_t *v, const char *type)
{
	if (!strcmp(type, "string"))
		return json_is_string(v);
	if (!strcmp(type, "bool"))
		return json_is_boolean(v);
	if (!strcmp(type, "int"))
		return json_is_integer(v);
	if (!strncmp(type, "map", 3))
		return json_is_object(v);
	return json_is_array(v);
}

static bool check_fields(
	const json_t *object, const struct field *fields, const char *where, struct fault *f)
{
	for (; fields->name; fields++) {
		const json_t *v = ask_get(object, fields->name);

		if (!v || fits(v, fields->type))
			continue;
		fault_set(f, 400, "json: cannot unmarshal %s into Go struct field %s%s of type %s",
			ask_kind(v), where, fields->name, fields->type);
		return false;
	}
	return true;
}

static bool check_images(const json_t *images, struct fault *f)
{
	for (size_t i = 0; i < json_array_size(images); i++) {
		const json_t *v = json_array_get(images, i);
		size_t len = json_string_length(v);
		size_t bad;

		if (!json_is_string(v)) {
			fault_set(f, 400, "json: cannot unmarshal %s into Go value of type []uint8",
				ask_kind(v));
			return false;
		}
		bad = base64_bad(json_string_value(v), len);
		if (bad != len) {
			fault_set(f, 400, "illegal base64 data at input byte %zu", bad);
			return false;
		}
	}
	return true;
}

static bool check_calls(const json_t *calls, struct fault *f)
{
	static const struct field function[] = {
		{"name", "string"}, {"arguments", "map[string]interface {}"}, {NULL, NULL}};

	for (size_t i = 0; i < json_array_size(calls); i++) {
		const json_t *one = ask_get(json_array_get(calls, i), "function");

		if (!check_fields(one, function, "ToolCallFunction.", f))
			return false;
	}
	return true;
}

static bool check_messages(const json_t *messages, struct fault *f)
{
	static const struct field fields[] = {
		{"role", "string"},
		{"content", "string"},
		{"thinking", "string"},
		{"images", "[]api.ImageData"},
		{"tool_calls", "[]api.ToolCall"},
		{"tool_name", "string"},
		{"tool_call_id", "string"},
		{NULL, NULL},
	};

	for (size_t i = 0; i < json_array_size(messages); i++) {
		const json_t *m = json_array_get(messages, i);

		if (!json_is_object(m)) {
			fault_set(f, 400,
				"json: cannot unmarshal %s into Go struct field "
				"ChatRequest.messages of type api.Message",
				ask_kind(m));
			return false;
		}
		if (!check_fields(m, fields, "ChatRequest.messages.", f) ||
			!check_images(json_object_get(m, "images"), f) ||
			!check_calls(json_object_get(m, "tool_calls"), f))
			return false;
	}
	return true;
}

static bool check_think(const json_t *think, struct fault *f)
{
	static const char *const levels[] = {"high", "medium", "low", "max"};
	const char *text = json_string_value(think);

	if (!think || json_is_boolean(think))
		return true;
	if (!text) {
		fault_set(f, 400,
			"think must be a boolean or string (\"high\", \"medium\", "
			"\"low\", \"max\", true, or false)");
		return false;
	}
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (!strcmp(text, levels[i]))
			return true;
	fault_set(f, 400,
		"invalid think value: \"%.60s\" (must be \"high\", \"medium\", \"low\", "
		"\"max\", true, or false)",
		text);
	return false;
}

/* A Go duration: numbers with units, "0" alone, a sign before it all. */
static const char *duration_fault(const char *text)
{
	const char *at = text + (*text == '-' || *text == '+');

	if (!strcmp(at, "0"))
		return NULL;
	if (!*at)
		return "invalid";
	while (*at) {
		size_t digits = strspn(at, "0123456789.");
		size_t unit = strspn(at + digits, "nu\xc2\xb5msh");

		if (!digits)
			return "invalid";
		if (!unit)
			return at[digits] ? "unknown unit in" : "missing unit in";
		at += digits + unit;
	}
	return NULL;
}

static bool check_keep_alive(const json_t *v, struct fault *f)
{
	const char *fault;

	if (!v || json_is_number(v))
		return true;
	if (!json_is_string(v)) {
		fault_set(f, 400, "Unsupported type: '%s'", ask_kind(v));
		return false;
	}
	fault = duration_fault(json_string_value(v));
	if (fault)
		fault_set(f, 400, "time: %s duration \"%.60s\"", fault, json_string_value(v));
	return !fault;
}

void ollama_check(const json_t *ask, bool generate, struct fault *f)
{
	static const struct field chat[] = {
		{"model", "string"},
		{"messages", "[]api.Message"},
		{"stream", "bool"},
		{"tools", "api.Tools"},
		{"options", "map[string]interface {}"},
		{"truncate", "bool"},
		{"shift", "bool"},
		{"logprobs", "bool"},
		{"top_logprobs", "int"},
		{NULL, NULL},
	};
	static const struct field single[] = {
		{"model", "string"},
		{"prompt", "string"},
		{"suffix", "string"},
		{"system", "string"},
		{"stream", "bool"},
		{"raw", "bool"},
		{"images", "[]api.ImageData"},
		{"options", "map[string]interface {}"},
		{NULL, NULL},
	};
	const json_t *top = ask_get(ask, "top_logprobs");

	if (!check_fields(ask, generate ? single : chat,
		    generate ? "GenerateRequest." : "ChatRequest.", f) ||
		!check_messages(ask_get(ask, "messages"), f) ||
		!check_images(ask_get(ask, "images"), f) ||
		!check_think(ask_get(ask, "think"), f) ||
		!check_keep_alive(ask_get(ask, "keep_alive"), f))
		return;
	if (top && (json_integer_value(top) < 0 || json_integer_value(top) > 20))
		fault_set(f, 400, "top_logprobs must be between 0 and 20");
	else if (!json_string_length(json_object_get(ask, "model")))
		fault_set(f, 400, "model is required");
}

static bool option_fits(const json_t *v, const char *type)
{
	if (!strcmp(type, "boolean"))
		return json_is_boolean(v);
	if (!strcmp(type, "array"))
		return json_is_array(v);
	return json_is_number(v);
}

void ollama_check_options(const json_t *ask, struct fault *f)
{
	static const struct field known[] = {
		{"temperature", "float32"},
		{"top_p", "float32"},
		{"min_p", "float32"},
		{"typical_p", "float32"},
		{"repeat_penalty", "float32"},
		{"presence_penalty", "float32"},
		{"frequency_penalty", "float32"},
		{"top_k", "integer"},
		{"seed", "integer"},
		{"num_predict", "integer"},
		{"num_ctx", "integer"},
		{"num_keep", "integer"},
		{"repeat_last_n", "integer"},
		{"num_batch", "integer"},
		{"num_gpu", "integer"},
		{"main_gpu", "integer"},
		{"num_thread", "integer"},
		{"draft_num_predict", "integer"},
		{"use_mmap", "boolean"},
		{"stop", "array"},
		{NULL, NULL},
	};
	const json_t *options = ask_get(ask, "options");
	const json_t *stop = ask_get(options, "stop");

	for (const struct field *k = known; k->name; k++) {
		const json_t *v = ask_get(options, k->name);

		if (v && !option_fits(v, k->type)) {
			fault_set(f, 500, "option \"%s\" must be of type %s", k->name, k->type);
			return;
		}
	}
	for (size_t i = 0; i < json_array_size(stop); i++)
		if (!json_is_string(json_array_get(stop, i)))
			fault_set(f, 500, "option \"stop\" must be of an array of strings");
}

void ollama_check_format(const json_t *ask, struct fault *f)
{
	const json_t *format = ask_get(ask, "format");
	const char *text = json_string_value(format);
	char *raw;

	if (!format || json_is_object(format) || (text && (!*text || !strcmp(text, "json"))))
		return;
	raw = json_dumps(format, JSON_COMPACT | JSON_ENCODE_ANY);
	fault_set(f, 500, "invalid format: %.100s; expected \"json\" or a valid JSON Schema object",
		raw ? raw : "");
	free(raw);
}
