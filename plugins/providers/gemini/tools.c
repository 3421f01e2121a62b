/*
 * tools.c - the functions that a model may call, and whether it must.
 */
#include "gemini.h"

static int32_t write_function(const gemini *g, jsonw *w, const llm_tool_view *tool)
{
	if (tool->schema.len > 0 && !kit_is_object(&tool->schema))
		return kit_error(g->host, LLM_E_INVALID_REQUEST, "the schema of tool \"",
			tool->name, "\" is not a JSON object");
	jsonw_object(w);
	jsonw_key(w, "name");
	jsonw_cstring(w, tool->name);
	if (tool->description) {
		jsonw_key(w, "description");
		jsonw_cstring(w, tool->description);
	}
	if (tool->schema.len > 0) {
		jsonw_key(w, "parametersJsonSchema");
		jsonw_raw(w, tool->schema.ptr, tool->schema.len);
	}
	jsonw_object_end(w);
	return 0;
}

static int any_strict(const llm_request_view *rq)
{
	size_t i;

	for (i = 0; i < rq->n_tools; i++)
		if (rq->tools[i]->strict)
			return 1;
	return 0;
}

/* The mode; null: the server's own, which is AUTO. */
static const char *mode_of(const llm_request_view *rq)
{
	switch (rq->tool_choice) {
	case LLM_TOOLS_NONE:
		return "NONE";
	case LLM_TOOLS_REQUIRED:
	case LLM_TOOLS_NAMED:
		return "ANY";
	default: /* VALIDATED is AUTO with calls that keep to their schema */
		return any_strict(rq) ? "VALIDATED" : NULL;
	}
}

static void write_choice(kit_doc *d, const llm_request_view *rq)
{
	const char *mode = mode_of(rq);

	if (!mode)
		return;
	kit_doc_member(d, "toolConfig");
	jsonw_object(&d->w);
	jsonw_key(&d->w, "functionCallingConfig");
	jsonw_object(&d->w);
	jsonw_key(&d->w, "mode");
	jsonw_cstring(&d->w, mode);
	if (rq->tool_choice == LLM_TOOLS_NAMED) {
		jsonw_key(&d->w, "allowedFunctionNames");
		jsonw_array(&d->w);
		jsonw_cstring(&d->w, rq->tool_name);
		jsonw_array_end(&d->w);
	}
	jsonw_object_end(&d->w);
	jsonw_object_end(&d->w);
}

int32_t gemini_write_tools(const gemini *g, kit_doc *d, const llm_request_view *rq)
{
	int must = rq->tool_choice == LLM_TOOLS_REQUIRED || rq->tool_choice == LLM_TOOLS_NAMED;
	int32_t rc = 0;
	size_t i;

	if (rq->n_tools == 0)
		return must ?
			kit_error(g->host, LLM_E_INVALID_REQUEST,
				"a tool must be called, and the request has none", NULL, NULL) :
			0;
	if (kit_option(rq, "cached_content"))
		return kit_error(g->host, LLM_E_INVALID_REQUEST,
			"with cached_content the tools are in the cache;"
			" leave them out of the request",
			NULL, NULL);
	kit_doc_member(d, "tools");
	jsonw_array(&d->w);
	jsonw_object(&d->w);
	jsonw_key(&d->w, "functionDeclarations");
	jsonw_array(&d->w);
	for (i = 0; rc == 0 && i < rq->n_tools; i++)
		rc = write_function(g, &d->w, rq->tools[i]);
	jsonw_array_end(&d->w);
	jsonw_object_end(&d->w);
	jsonw_array_end(&d->w);
	if (rc == 0)
		write_choice(d, rq);
	return rc;
}
