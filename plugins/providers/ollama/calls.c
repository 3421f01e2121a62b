/*
 * calls.c - the tool calls of an answer.
 *
 * {"id":"...","function":{"index":0,"name":"...","arguments":{...}}}. The index may be 0
 * for all of them, so the order of arrival counts. Old servers send no id; the core
 * makes one.
 */
#include "ollama.h"

typedef struct call {
	jsonr_text id;
	jsonr_text name;
	llm_bytes arguments; /* an object; no bytes: none were sent */
	int bad;
} call;

static void read_arguments(jsonr *r, call *c)
{
	int kind = jsonr_peek(r);

	if (kind == JSONR_OBJECT)
		jsonr_raw(r, &c->arguments);
	else
		jsonr_skip(r);
	if (kind != JSONR_OBJECT && kind != JSONR_NULL)
		c->bad = 1;
}

static void read_function(jsonr *r, call *c)
{
	jsonr_text key;

	if (!jsonr_enter_object(r)) {
		jsonr_skip(r);
		c->bad = 1;
		return;
	}
	while (jsonr_member(r, &key)) {
		if (jsonr_is(&key, "name")) {
			if (!jsonr_string(r, &c->name))
				c->bad = 1;
		} else if (jsonr_is(&key, "arguments")) {
			read_arguments(r, c);
		} else {
			jsonr_skip(r);
		}
	}
}

static void read_call(jsonr *r, call *c)
{
	jsonr_text key;

	if (!jsonr_enter_object(r)) {
		jsonr_skip(r);
		return; /* without a name it is refused */
	}
	while (jsonr_member(r, &key)) {
		if (jsonr_is(&key, "id"))
			jsonr_string(r, &c->id);
		else if (jsonr_is(&key, "function"))
			read_function(r, c);
		else
			jsonr_skip(r);
	}
}

static int32_t push_call(const ollama *o, uint32_t index, const call *c, const llm_result_sink *out)
{
	llm_tool_delta delta = {
		.struct_size = (uint32_t)sizeof(delta), .index = index, .complete = 1};
	int32_t rc;

	rc = kit_decode(o->host, LLM_SCOPE_SCRATCH, &c->id, &delta.id);
	if (rc == 0)
		rc = kit_decode(o->host, LLM_SCOPE_SCRATCH, &c->name, &delta.name);
	if (rc)
		return rc;
	delta.arguments = c->arguments.ptr ? c->arguments : kit_text("{}");
	return out->tool_call(out->ctx, &delta);
}

int32_t ollama_read_calls(
	const ollama *o, ollama_stream *s, const llm_bytes *calls, const llm_result_sink *out)
{
	int32_t rc = 0;
	jsonr r;

	jsonr_init(&r, calls->ptr, calls->len);
	jsonr_enter_array(&r);
	while (rc == 0 && jsonr_element(&r)) {
		call c = {{"", 0, 0}, {"", 0, 0}, {NULL, 0}, 0};

		read_call(&r, &c);
		if (c.bad || c.name.len == 0)
			return kit_error(o->host, LLM_E_PROTOCOL,
				"Ollama sent a tool call"
				" without a name or with arguments that are no object",
				NULL, NULL);
		if (out)
			rc = push_call(o, s->n_calls++, &c, out);
	}
	return rc ? rc : jsonr_status(&r);
}
