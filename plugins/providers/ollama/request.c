/*
 * request.c - POST /api/chat.
 */
#include "ollama.h"

static const char *const members[] = {
	"model",
	"messages",
	"tools",
	"format",
	"think",
	"stream",
	"truncate",
	"shift",
	"options",
	"keep_alive",
	"logprobs",
	"top_logprobs",
	NULL,
};

static int32_t refuse(const ollama *o, const char *text)
{
	return kit_error(o->host, LLM_E_UNSUPPORTED, text, NULL, NULL);
}

/* What Ollama has no way to express, and leaving it out would change the answer. */
static int32_t request_check(const ollama *o, const llm_request_view *rq)
{
	if (!rq->model || !rq->model[0])
		return kit_error(
			o->host, LLM_E_INVALID_REQUEST, "the request names no model", NULL, NULL);
	if (rq->tool_choice == LLM_TOOLS_REQUIRED || rq->tool_choice == LLM_TOOLS_NAMED)
		return refuse(o,
			"Ollama cannot be told that a tool must be called;"
			" use the tool choice auto or none");
	if ((rq->has & LLM_HAS_CHOICES) && rq->choices > 1)
		return refuse(o, "Ollama gives one answer; ask several times for more");
	if (rq->safety.len > 0)
		return refuse(o, "Ollama has no safety settings");
	if (rq->continue_last_turn)
		return refuse(o, "Ollama has no way to be told to continue the last turn");
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

static int sends_tools(const llm_request_view *rq)
{
	return rq->n_tools > 0 && rq->tool_choice != LLM_TOOLS_NONE;
}

/* What will not be honoured although the request goes out. */
static int32_t request_warn(const llm_request_view *rq, const llm_http_sink *out)
{
	int32_t rc = 0;

	if (rq->end_user)
		rc = kit_warn(out, "Ollama takes no id of the end user; it was left out");
	if (rc || !sends_tools(rq))
		return rc;
	if ((rq->has & LLM_HAS_PARALLEL_TOOLS) && !rq->parallel_tools)
		rc = kit_warn(out, "Ollama cannot be told to call one tool at a time");
	if (rc == 0 && any_strict(rq))
		rc = kit_warn(out, "Ollama does not enforce a tool's schema; strict was left out");
	if (rc == 0 && rq->format != LLM_FORMAT_TEXT)
		rc = kit_warn(out,
			"Ollama does not call tools while a format is asked for;"
			" the format wins");
	return rc;
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
	jsonw_object_end(w);
	jsonw_object_end(w);
}

static int32_t write_tools(const ollama *o, kit_doc *d, const llm_request_view *rq)
{
	size_t i;

	if (!sends_tools(rq))
		return 0;
	kit_doc_member(d, "tools");
	jsonw_array(&d->w);
	for (i = 0; i < rq->n_tools; i++) {
		if (rq->tools[i]->schema.len > 0 && !kit_is_object(&rq->tools[i]->schema))
			return kit_error(o->host, LLM_E_INVALID_REQUEST, "the schema of tool \"",
				rq->tools[i]->name, "\" is not a JSON object");
		write_tool(&d->w, rq->tools[i]);
	}
	jsonw_array_end(&d->w);
	return 0;
}

static int32_t write_format(const ollama *o, kit_doc *d, const llm_request_view *rq)
{
	if (rq->format == LLM_FORMAT_TEXT)
		return 0;
	kit_doc_member(d, "format");
	if (rq->format == LLM_FORMAT_JSON)
		jsonw_cstring(&d->w, "json");
	else if (kit_is_object(&rq->schema))
		jsonw_raw(&d->w, rq->schema.ptr, rq->schema.len);
	else
		return kit_error(o->host, LLM_E_INVALID_REQUEST,
			"the answer's schema is not a JSON object", NULL, NULL);
	return 0;
}

static void write_think(kit_doc *d, uint32_t reasoning)
{
	static const char *const levels[] = {"low", "medium", "high", "max"};

	if (reasoning == LLM_REASONING_DEFAULT || reasoning > LLM_REASONING_MAX)
		return;
	kit_doc_member(d, "think");
	if (reasoning >= LLM_REASONING_LOW)
		jsonw_cstring(&d->w, levels[reasoning - LLM_REASONING_LOW]);
	else
		jsonw_bool(&d->w, reasoning == LLM_REASONING_ON);
}

static void write_switches(kit_doc *d, const llm_request_view *rq)
{
	/* Streaming is Ollama's default, so it is always said. */
	kit_doc_member(d, "stream");
	jsonw_bool(&d->w, rq->stream != 0);
	if (rq->allow_truncation)
		return;
	/* Its default drops old turns without a sign of it; so it fails instead. */
	kit_doc_member(d, "truncate");
	jsonw_bool(&d->w, 0);
	kit_doc_member(d, "shift");
	jsonw_bool(&d->w, 0);
}

static void write_logprobs(kit_doc *d, const llm_request_view *rq)
{
	if (rq->logprobs) {
		kit_doc_member(d, "logprobs");
		jsonw_bool(&d->w, 1);
	}
	if (rq->has & LLM_HAS_TOP_LOGPROBS) {
		kit_doc_member(d, "top_logprobs");
		jsonw_int(&d->w, rq->top_logprobs);
	}
}

static int32_t write_body(const ollama *o, const llm_request_view *rq, const llm_http_sink *out)
{
	kit_doc d;
	int32_t rc;

	kit_doc_open(&d, o->host, out, members);
	kit_doc_member(&d, "model");
	jsonw_cstring(&d.w, rq->model);
	rc = ollama_write_messages(o, &d, rq);
	if (rc == 0)
		rc = write_tools(o, &d, rq);
	if (rc == 0)
		rc = write_format(o, &d, rq);
	if (rc)
		return rc;
	write_think(&d, rq->reasoning);
	write_switches(&d, rq);
	rc = ollama_write_options(o, &d, rq);
	if (rc == 0)
		rc = ollama_write_keep_alive(o, &d, rq);
	if (rc)
		return rc;
	write_logprobs(&d, rq);
	return kit_doc_close(&d, &rq->extra);
}

int32_t ollama_build_request(void *instance, const llm_request_view *rq, const llm_http_sink *out)
{
	const ollama *o = instance;
	int32_t rc = request_check(o, rq);

	if (rc == 0)
		rc = kit_post(out, "/api/chat");
	if (rc == 0)
		rc = request_warn(rq, out);
	return rc ? rc : write_body(o, rq, out);
}
