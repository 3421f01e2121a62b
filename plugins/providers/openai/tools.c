/*
 * tools.c - the tools of a request, and which of them must be called.
 */
#include <string.h>

#include "openai.h"

#define SHORT_ID 9

static int32_t invalid(const openai *o, const char *before, const char *name, const char *after)
{
	return kit_error(o->host, LLM_E_INVALID_REQUEST, before, name, after);
}

static const llm_tool_view *find_tool(const llm_request_view *rq, const char *name)
{
	size_t i;

	for (i = 0; name && i < rq->n_tools; i++)
		if (strcmp(rq->tools[i]->name, name) == 0)
			return rq->tools[i];
	return NULL;
}

int32_t openai_tools_check(const openai *o, const llm_request_view *rq)
{
	size_t i;

	for (i = 0; i < rq->n_tools; i++)
		if (rq->tools[i]->schema.len > 0 && !kit_is_object(&rq->tools[i]->schema))
			return invalid(o, "the schema of tool \"", rq->tools[i]->name,
				"\" is not a JSON object");
	if (rq->tool_choice == LLM_TOOLS_NAMED && !find_tool(rq, rq->tool_name))
		return invalid(o, "the tool \"", rq->tool_name,
			"\" that must be called is none of the request's");
	if (rq->tool_choice == LLM_TOOLS_REQUIRED && rq->n_tools == 0)
		return invalid(o, "a tool must be called, and the request has none", NULL, NULL);
	return 0;
}

static void write_tool(jsonw *w, const llm_tool_view *tool)
{
	jsonw_object(w);
	jsonw_key(w, "type");
	jsonw_cstring(w, "function");
	jsonw_key(w, "function");
	jsonw_object(w);
	jsonw_key(w, "name");
	jsonw_cstring(w, tool->name);
	if (tool->description) {
		jsonw_key(w, "description");
		jsonw_cstring(w, tool->description);
	}
	jsonw_key(w, "parameters");
	if (tool->schema.len > 0)
		jsonw_raw(w, tool->schema.ptr, tool->schema.len);
	else
		jsonw_raw(w, "{\"type\":\"object\",\"properties\":{}}", 33);
	if (tool->strict) {
		jsonw_key(w, "strict");
		jsonw_bool(w, 1);
	}
	jsonw_object_end(w);
	jsonw_object_end(w);
}

/* {"type":"function","function":{"name":".."}} */
static void write_named(jsonw *w, const char *name)
{
	jsonw_object(w);
	jsonw_key(w, "type");
	jsonw_cstring(w, "function");
	jsonw_key(w, "function");
	jsonw_object(w);
	jsonw_key(w, "name");
	jsonw_cstring(w, name);
	jsonw_object_end(w);
	jsonw_object_end(w);
}

/* Auto is the default of all servers, so it is not said. */
static void write_choice(const openai *o, kit_doc *d, const llm_request_view *rq, int alone)
{
	if (rq->tool_choice == LLM_TOOLS_AUTO || rq->tool_choice > LLM_TOOLS_NAMED)
		return;
	kit_doc_member(d, "tool_choice");
	if (rq->tool_choice == LLM_TOOLS_NONE)
		jsonw_cstring(&d->w, "none");
	else if (rq->tool_choice == LLM_TOOLS_NAMED && !alone)
		write_named(&d->w, rq->tool_name);
	else
		jsonw_cstring(&d->w, o->dialect->required);
}

void openai_write_tools(const openai *o, kit_doc *d, const llm_request_view *rq)
{
	/* Where a name is ignored, the tool is the only one there is and one must be called. */
	int alone = rq->tool_choice == LLM_TOOLS_NAMED && (o->dialect->flags & OPENAI_NAMES_ALONE);
	size_t i;

	if (rq->n_tools == 0) /* an empty list is refused, and so are the choices without one */
		return;
	kit_doc_member(d, "tools");
	jsonw_array(&d->w);
	for (i = 0; i < rq->n_tools; i++)
		if (!alone || strcmp(rq->tools[i]->name, rq->tool_name) == 0)
			write_tool(&d->w, rq->tools[i]);
	jsonw_array_end(&d->w);
	write_choice(o, d, rq, alone);
	if (rq->has & LLM_HAS_PARALLEL_TOOLS) {
		kit_doc_member(d, "parallel_tool_calls");
		jsonw_bool(&d->w, rq->parallel_tools != 0);
	}
}

/* ---- ids ---- */

static int is_letter_or_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int is_short_id(const char *id)
{
	size_t n = 0;

	while (is_letter_or_digit(id[n]))
		n++;
	return n == SHORT_ID && id[n] == '\0';
}

/* The same text gives the same id, so calls and results stay together (FNV-1a). */
static void shorten(const char *id, char ret_short[SHORT_ID])
{
	static const char digits[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	uint64_t hash = UINT64_C(14695981039346656037);
	size_t i;

	for (i = 0; id[i]; i++)
		hash = (hash ^ (unsigned char)id[i]) * UINT64_C(1099511628211);
	for (i = 0; i < SHORT_ID; i++) {
		ret_short[i] = digits[hash % 62];
		hash /= 62;
	}
}

void openai_write_id(const openai *o, jsonw *w, const char *id)
{
	char id9[SHORT_ID];

	if (!(o->dialect->flags & OPENAI_SHORT_IDS) || is_short_id(id)) {
		jsonw_cstring(w, id);
		return;
	}
	shorten(id, id9);
	jsonw_string(w, id9, SHORT_ID);
}
