#include "rebuild.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static bool is(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

/* ---- turns ---- */

static uint32_t role_of(const json_t *turn)
{
	const char *name = text_of(turn, "role");

	if (is(name, "system"))
		return LLM_ROLE_SYSTEM;
	if (is(name, "assistant"))
		return LLM_ROLE_ASSISTANT;
	return is(name, "tool") ? LLM_ROLE_TOOL : LLM_ROLE_USER;
}

static int32_t add_calls(const json_t *turn, llm_message *m)
{
	const json_t *list = json_object_get(turn, "tool_calls");
	int32_t rc = 0;

	for (size_t i = 0; !rc && i < json_array_size(list); i++) {
		const json_t *call = json_array_get(list, i);

		rc = llm_message_tool_call(m, text_of(call, "id"), text_of(call, "name"),
			text_of(call, "arguments"), LLM_NUL_TERMINATED);
	}
	return rc;
}

static int32_t add_results(const json_t *turn, llm_message *m)
{
	const json_t *list = json_object_get(turn, "tool_results");
	int32_t rc = 0;

	for (size_t i = 0; !rc && i < json_array_size(list); i++) {
		const json_t *result = json_array_get(list, i);

		rc = llm_message_tool_result(m, text_of(result, "id"), text_of(result, "name"),
			text_of(result, "content"), LLM_NUL_TERMINATED, 0);
	}
	return rc;
}

static int32_t add_turn(const json_t *turn, llm_request *rq)
{
	const char *content = text_of(turn, "content"), *thought = text_of(turn, "reasoning");
	llm_message *m = NULL;
	int32_t rc;

	if (!json_is_object(turn))
		return LLM_E_INVALID_REQUEST;
	rc = llm_request_message(rq, role_of(turn), &m);
	if (!rc && thought)
		rc = llm_message_reasoning(m, thought, LLM_NUL_TERMINATED);
	if (!rc && content && *content)
		rc = llm_message_text(m, content, LLM_NUL_TERMINATED);
	if (!rc)
		rc = add_calls(turn, m);
	return rc ? rc : add_results(turn, m);
}

int32_t rebuild_turns(const json_t *turns, llm_request *rq, unsigned *ret_lost)
{
	unsigned lost = 0;
	int32_t rc = json_is_array(turns) ? 0 : LLM_E_INVALID_REQUEST;

	for (size_t i = 0; !rc && i < json_array_size(turns); i++) {
		const json_t *turn = json_array_get(turns, i);

		lost += (unsigned)json_array_size(json_object_get(turn, "parts"));
		rc = add_turn(turn, rq);
	}
	if (!rc)
		*ret_lost = lost;
	return rc;
}

/* ---- parameters ---- */

static int32_t add_param(const char *name, const json_t *value, llm_request *rq)
{
	char *text;
	int32_t rc;

	if (json_is_string(value))
		return llm_request_option(rq, name, json_string_value(value));
	text = json_dumps(value, JSON_ENCODE_ANY);
	rc = text ? llm_request_option(rq, name, text) : LLM_E_NOMEM;
	free(text);
	return rc;
}

static int32_t add_stops(const json_t *list, llm_request *rq)
{
	int32_t rc = 0;

	for (size_t i = 0; !rc && i < json_array_size(list); i++)
		rc = llm_request_stop(rq, json_string_value(json_array_get(list, i)));
	return rc;
}

int32_t rebuild_params(const json_t *params, llm_request *rq)
{
	const json_t *options = json_object_get(params, "options");
	int32_t rc = add_stops(json_object_get(params, "stop"), rq);
	const char *name;
	json_t *value;

	if (!rc && is(text_of(params, "format"), "json"))
		rc = llm_request_format_json(rq);
	if (rc || !options)
		return rc;
	/* Jansson's loop wants a writable object, and writes nothing. */
	json_object_foreach((json_t *)(void *)options, name, value)
	{
		rc = add_param(name, value, rq);
		if (rc)
			return rc;
	}
	return 0;
}

const json_t *rebuild_left_out(const json_t *params)
{
	return json_object_get(params, "left_out");
}
