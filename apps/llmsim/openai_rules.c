#include <stdlib.h>
#include <string.h>

#include "models.h"
#include "openai.h"

static void fail(struct fault *f, const char *param, const char *code)
{
	f->param = param;
	f->code = code;
}

static const char *text_of(const json_t *v, const char *key)
{
	const char *t = json_string_value(json_object_get(v, key));

	return t ? t : "";
}

/* ---- messages ---- */

static bool known_role(const char *role)
{
	static const char *const roles[] = {
		"system", "developer", "user", "assistant", "tool", "function"};

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (!strcmp(role, roles[i]))
			return true;
	return false;
}

static bool answered(const json_t *messages, size_t from, const char *id)
{
	for (size_t i = from; i < json_array_size(messages); i++) {
		const json_t *m = json_array_get(messages, i);

		if (strcmp(text_of(m, "role"), "tool") != 0)
			return false;
		if (!strcmp(text_of(m, "tool_call_id"), id))
			return true;
	}
	return false;
}

static bool asked(const json_t *messages, size_t before, const char *id)
{
	while (before-- > 0) {
		const json_t *m = json_array_get(messages, before);
		const json_t *calls = json_object_get(m, "tool_calls");

		if (!strcmp(text_of(m, "role"), "tool"))
			continue;
		for (size_t i = 0; i < json_array_size(calls); i++)
			if (!strcmp(text_of(json_array_get(calls, i), "id"), id))
				return true;
		return false;
	}
	return false;
}

static void message(const json_t *messages, size_t i, struct fault *f)
{
	const json_t *m = json_array_get(messages, i);
	const json_t *calls = ask_get(m, "tool_calls");
	const char *role = text_of(m, "role");

	if (!known_role(role)) {
		fault_set(f, 400,
			"Invalid value: '%.60s'. Supported values are: 'system', 'assistant', "
			"'user', 'function', 'tool', and 'developer'.",
			role);
		fail(f, "messages", "invalid_value");
	} else if (!strcmp(role, "tool") && !asked(messages, i, text_of(m, "tool_call_id"))) {
		fault_set(f, 400,
			"Invalid parameter: messages with role 'tool' must be a response to a "
			"preceeding message with 'tool_calls'.");
		fail(f, "messages", NULL);
	}
	for (size_t k = 0; k < json_array_size(calls) && !f->status; k++) {
		const char *id = text_of(json_array_get(calls, k), "id");

		if (answered(messages, i + 1, id))
			continue;
		fault_set(f, 400,
			"An assistant message with 'tool_calls' must be followed by tool messages "
			"responding to each 'tool_call_id'. The following tool_call_ids did not "
			"have response messages: %.60s",
			id);
		fail(f, "messages", NULL);
	}
}

static bool says_json(const json_t *messages)
{
	struct bytes all = {0};
	bool says;

	for (size_t i = 0; i < json_array_size(messages); i++)
		ask_text(&all, json_object_get(json_array_get(messages, i), "content"));
	says = span_has_nocase((struct span){all.data ? all.data : "", all.len}, "json");
	bytes_done(&all);
	return says;
}

/* ---- tools ---- */

static void tools(const json_t *ask, const struct model *m, struct fault *f)
{
	const json_t *list = ask_get(ask, "tools");

	if (list && !(m->can & CAN_TOOLS)) {
		fault_set(
			f, 400, "Unsupported parameter: 'tools' is not supported with this model.");
		fail(f, "tools", "unsupported_parameter");
	} else if (list && !json_array_size(list)) {
		fault_set(f, 400,
			"Invalid 'tools': empty array. Expected an array with minimum length 1, "
			"but got an empty array instead.");
		fail(f, "tools", "empty_array");
	} else if (!list && ask_get(ask, "tool_choice")) {
		fault_set(f, 400,
			"Invalid value for 'tool_choice': 'tool_choice' is only allowed when "
			"'tools' are specified.");
		fail(f, "tool_choice", NULL);
	}
}

/* ---- strict schemas ---- */

/* What is wrong with it, or null: every object is closed and requires all it has. */
static const char *loose(const json_t *schema, int depth)
{
	json_t *properties = json_object_get(schema, "properties");
	const json_t *more = json_object_get(schema, "additionalProperties");
	const char *type = json_string_value(json_object_get(schema, "type"));
	const char *why = NULL;
	const char *key;
	json_t *one;

	if (!schema || depth > 10)
		return NULL;
	if ((properties || (type && !strcmp(type, "object"))) && !json_is_false(more))
		return "'additionalProperties' is required to be supplied and to be false.";
	if (json_object_size(properties) > json_array_size(json_object_get(schema, "required")))
		return "'required' is required to be supplied and to be an array including every "
		       "key in properties.";
	json_object_foreach(properties, key, one) if (!why) why = loose(one, depth + 1);
	return why ? why : loose(json_object_get(schema, "items"), depth + 1);
}

static void format(const json_t *ask, struct fault *f)
{
	const json_t *wanted = ask_get(ask, "response_format");
	const json_t *inside = ask_get(wanted, "json_schema");
	const char *type = text_of(wanted, "type");
	const char *why = NULL;

	if (json_is_true(json_object_get(inside, "strict")))
		why = loose(json_object_get(inside, "schema"), 0);
	if (why) {
		fault_set(f, 400, "Invalid schema for response_format '%.64s': In context=(), %s",
			text_of(inside, "name"), why);
		fail(f, "response_format", NULL);
	} else if (!strcmp(type, "json_schema") &&
		!json_string_length(json_object_get(inside, "name"))) {
		fault_set(
			f, 400, "Missing required parameter: 'response_format.json_schema.name'.");
		fail(f, "response_format.json_schema.name", "missing_required_parameter");
	} else if (!strcmp(type, "json_object") && !says_json(ask_get(ask, "messages"))) {
		fault_set(f, 400,
			"'messages' must contain the word 'json' in some form, to use "
			"'response_format' of type 'json_object'.");
		fail(f, "messages", NULL);
	}
}

/* ---- the model ---- */

static void fixed_value(const json_t *ask, const char *name, struct fault *f)
{
	const json_t *v = ask_get(ask, name);
	char *text;

	if (f->status || !v || (json_number_value(v) >= 1 && json_number_value(v) <= 1))
		return;
	text = json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
	fault_set(f, 400,
		"Unsupported value: '%s' does not support %.40s with this model. Only the default "
		"(1) value is supported.",
		name, text ? text : "that");
	fail(f, name, "unsupported_value");
	free(text);
}

/* A model that is said to think takes what OpenAI's reasoning models take. */
static void reasoning(const json_t *ask, struct fault *f)
{
	if (ask_get(ask, "max_tokens")) {
		fault_set(f, 400,
			"Unsupported parameter: 'max_tokens' is not supported with this model. Use "
			"'max_completion_tokens' instead.");
		fail(f, "max_tokens", "unsupported_parameter");
	}
	fixed_value(ask, "temperature", f);
	fixed_value(ask, "top_p", f);
}

static void no_chat(struct fault *f)
{
	fault_set(f, 404,
		"This is not a chat model and thus not supported in the v1/chat/completions "
		"endpoint.");
	fail(f, "model", NULL);
}

void openai_rules(const json_t *ask, const struct model *m, struct fault *f)
{
	const json_t *messages = ask_get(ask, "messages");

	if (!(m->can & CAN_COMPLETION))
		no_chat(f);
	else if (m->thinks)
		reasoning(ask, f);
	for (size_t i = 0; i < json_array_size(messages) && !f->status; i++)
		message(messages, i, f);
	if (!f->status)
		tools(ask, m, f);
	if (!f->status)
		format(ask, f);
	if (!f->status && ask_get(ask, "top_logprobs") && !json_is_true(ask_get(ask, "logprobs"))) {
		fault_set(f, 400,
			"Invalid value for 'top_logprobs': 'top_logprobs' is only allowed when "
			"'logprobs' is set to true.");
		fail(f, "top_logprobs", "invalid_value");
	}
}
