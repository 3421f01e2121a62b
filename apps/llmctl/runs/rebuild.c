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

static uint32_t kind_of(const json_t *part)
{
	const char *name = text_of(part, "kind");

	if (is(name, "image"))
		return LLM_PART_IMAGE;
	return is(name, "audio") ? LLM_PART_AUDIO : LLM_PART_FILE;
}

/* 1 in *ret_lost where it cannot be had. */
static int32_t add_part(
	const json_t *part, const rebuild_part *data, llm_message *m, unsigned *ret_lost)
{
	const char *type = text_of(part, "media_type"), *url = text_of(part, "url"),
		   *name = text_of(part, "name");
	const uint32_t kind = kind_of(part);
	int32_t rc;

	*ret_lost = !url && (!data || !data->bytes);
	if (*ret_lost)
		return 0;
	rc = url ? llm_message_url(m, kind, type, url) :
		   llm_message_data(m, kind, type, data->bytes, data->len);
	return !rc && name && kind == LLM_PART_FILE ? llm_message_name(m, name) : rc;
}

/* *at: how many of `media` belong to turns before. */
static int32_t add_parts(
	const json_t *turn, const rebuild_media *media, llm_message *m, size_t *at, unsigned *lost)
{
	const json_t *list = json_object_get(turn, "parts");
	int32_t rc = 0;
	unsigned one;

	for (size_t i = 0; !rc && i < json_array_size(list); i++, (*at)++) {
		rc = add_part(json_array_get(list, i),
			media && *at < media->n ? &media->items[*at] : NULL, m, &one);
		*lost += one;
	}
	return rc;
}

static int32_t add_turn(
	const json_t *turn, const rebuild_media *media, llm_request *rq, size_t *at, unsigned *lost)
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
		rc = add_parts(turn, media, m, at, lost);
	if (!rc)
		rc = add_calls(turn, m);
	return rc ? rc : add_results(turn, m);
}

int32_t rebuild_turns(
	const json_t *turns, const rebuild_media *media, llm_request *rq, unsigned *ret_lost)
{
	unsigned lost = 0;
	size_t at = 0;
	int32_t rc = json_is_array(turns) ? 0 : LLM_E_INVALID_REQUEST;

	for (size_t i = 0; !rc && i < json_array_size(turns); i++)
		rc = add_turn(json_array_get(turns, i), media, rq, &at, &lost);
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

/* A member as JSON, given to a setter; nothing where it is not there. */
static int32_t add_document(const json_t *o, const char *name, llm_request *rq,
	int32_t (*set)(llm_request *rq, const char *json, size_t len))
{
	const json_t *value = json_object_get(o, name);
	char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	int32_t rc = !value ? 0 : text ? set(rq, text, strlen(text)) : LLM_E_NOMEM;

	free(text);
	return rc;
}

static int32_t add_tool(const json_t *tool, llm_request *rq)
{
	const json_t *schema = json_object_get(tool, "schema");
	char *text = schema ? json_dumps(schema, JSON_COMPACT) : NULL;
	int32_t rc = schema && !text ?
		LLM_E_NOMEM :
		llm_request_tool(rq, text_of(tool, "name"), text_of(tool, "description"), text,
			text ? strlen(text) : 0);

	free(text);
	if (!rc && json_is_true(json_object_get(tool, "strict")))
		rc = llm_request_tool_strict(rq, 1);
	return rc;
}

static int32_t add_tools(const json_t *params, llm_request *rq)
{
	const json_t *list = json_object_get(params, "tools"),
		     *parallel = json_object_get(params, "parallel_tools");
	const char *choice = text_of(params, "tool_choice");
	int32_t rc = 0;

	for (size_t i = 0; !rc && i < json_array_size(list); i++)
		rc = add_tool(json_array_get(list, i), rq);
	if (!rc && choice)
		rc = llm_request_tool_choice(rq,
			is(choice, "none")	       ? LLM_TOOLS_NONE :
				is(choice, "required") ? LLM_TOOLS_REQUIRED :
							 LLM_TOOLS_NAMED,
			text_of(params, "tool_name"));
	if (!rc && parallel)
		rc = llm_request_parallel_tools(rq, json_is_true(parallel));
	return rc;
}

static int32_t add_schema(const json_t *params, llm_request *rq)
{
	const json_t *schema = json_object_get(params, "schema");
	char *text;
	int32_t rc;

	if (!schema)
		return 0;
	text = json_dumps(schema, JSON_COMPACT | JSON_ENCODE_ANY);
	rc = text ?
		llm_request_format_schema(rq, text_of(params, "schema_name"), text, strlen(text)) :
		LLM_E_NOMEM;
	free(text);
	return rc;
}

/* What the application gave of its own. */
static int32_t add_documents(const json_t *params, llm_request *rq)
{
	const char *user = text_of(params, "end_user");
	int32_t rc = add_tools(params, rq);

	if (!rc)
		rc = add_schema(params, rq);
	if (!rc)
		rc = add_document(params, "extra", rq, llm_request_extra);
	if (!rc)
		rc = add_document(params, "safety", rq, llm_request_safety);
	if (!rc && user)
		rc = llm_request_end_user(rq, user);
	if (!rc && json_is_true(json_object_get(params, "continue_last")))
		rc = llm_request_continue_last(rq, 1);
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
	if (!rc)
		rc = add_documents(params, rq);
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
