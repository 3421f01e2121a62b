/*
 * models.c - GET /models, page by page, and GET /models/NAME.
 *
 * {"models":[{"name":"models/x","displayName":"..","inputTokenLimit":1,"outputTokenLimit":1,
 *   "supportedGenerationMethods":["generateContent"],"thinking":true}],"nextPageToken":".."}
 * Any member may be missing.
 */
#include <string.h>

#include "gemini.h"

typedef struct entry {
	jsonr_text name;
	jsonr_text label;
	int64_t input;
	int64_t output;
	int methods; /* it lists its methods */
	int generates;
	int thinks;
} entry;

static int32_t nonsense(const gemini *g)
{
	return kit_error(g->host, LLM_E_PROTOCOL,
		"Gemini's answer about its models is not what its API promises", NULL, NULL);
}

static void read_methods(jsonr *r, entry *e)
{
	jsonr_text method = {"", 0, 0};

	if (!jsonr_enter_array(r))
		return;
	e->methods = 1;
	while (jsonr_element(r))
		e->generates |= jsonr_string(r, &method) && jsonr_is(&method, "generateContent");
}

static void read_entry(jsonr *r, entry *e)
{
	jsonr_text key;

	memset(e, 0, sizeof(*e));
	if (!jsonr_enter_object(r))
		return;
	while (jsonr_member(r, &key)) {
		if (jsonr_is(&key, "name"))
			jsonr_string(r, &e->name);
		else if (jsonr_is(&key, "displayName"))
			jsonr_string(r, &e->label);
		else if (jsonr_is(&key, "inputTokenLimit"))
			gemini_count(r, &e->input);
		else if (jsonr_is(&key, "outputTokenLimit"))
			gemini_count(r, &e->output);
		else if (jsonr_is(&key, "supportedGenerationMethods"))
			read_methods(r, e);
		else if (jsonr_is(&key, "thinking"))
			jsonr_bool(r, &e->thinks);
	}
}

static int32_t push_entry(const gemini *g, const entry *e, const llm_models_sink *out)
{
	llm_model_info info = {.struct_size = (uint32_t)sizeof(info)};
	llm_caps caps = {.struct_size = (uint32_t)sizeof(caps)};
	char *name = kit_string(g->host, LLM_SCOPE_SCRATCH, &e->name);

	if (!name)
		return LLM_E_NOMEM;
	if (e->methods)
		caps.chat = e->generates ? LLM_CAP_YES : LLM_CAP_NO;
	if (e->thinks)
		caps.reasoning = LLM_CAP_YES;
	caps.max_input_tokens = e->input;
	caps.max_output_tokens = e->output;
	info.name = gemini_plain_name(name);
	info.context_tokens = e->input;
	info.caps = &caps;
	if (e->label.len > 0)
		info.detail = kit_string(g->host, LLM_SCOPE_SCRATCH, &e->label);
	return out->model(out->ctx, &info);
}

/* ---- the list ---- */

static int32_t models_build(void *instance, const char *cursor, const llm_http_sink *out)
{
	static const char tail[] = "/models?pageSize=1000";
	static const char next[] = "&pageToken=";
	const gemini *g = instance;
	size_t version = strlen(g->version);
	size_t n = cursor ? strlen(cursor) : 0;
	size_t size = version + sizeof(tail) + sizeof(next) + 3 * n;
	char *path = g->host->alloc(g->host->ctx, LLM_SCOPE_SCRATCH, size);
	char *p = path;

	if (!path)
		return LLM_E_NOMEM;
	memcpy(p, g->version, version);
	p += version;
	memcpy(p, tail, sizeof(tail));
	p += sizeof(tail) - 1;
	if (n > 0) {
		memcpy(p, next, sizeof(next) - 1);
		gemini_escape(p + sizeof(next) - 1, cursor, n);
	}
	return kit_get(out, path);
}

static int32_t push_models(const gemini *g, jsonr *r, const llm_models_sink *out)
{
	int32_t rc = 0;
	entry e;

	while (rc == 0 && jsonr_element(r)) {
		read_entry(r, &e);
		if (jsonr_status(r) == 0 && e.name.len > 0)
			rc = push_entry(g, &e, out);
	}
	return rc;
}

static int32_t push_next(const gemini *g, const jsonr_text *token, const llm_models_sink *out)
{
	char *cursor;

	if (token->len == 0)
		return 0;
	cursor = kit_string(g->host, LLM_SCOPE_SCRATCH, token);
	return cursor ? out->next(out->ctx, cursor, strlen(cursor)) : LLM_E_NOMEM;
}

/* A page without models is {}. */
static int32_t models_parse(void *instance, const llm_reply_view *reply, const llm_models_sink *out)
{
	const gemini *g = instance;
	jsonr_text token = {"", 0, 0};
	int32_t rc = 0;
	jsonr_text key;
	int bad = 0;
	jsonr r;

	jsonr_init(&r, reply->body.ptr, reply->body.len);
	if (!jsonr_enter_object(&r))
		return nonsense(g);
	while (rc == 0 && jsonr_member(&r, &key)) {
		if (jsonr_is(&key, "nextPageToken"))
			jsonr_string(&r, &token);
		else if (jsonr_is(&key, "models") && jsonr_enter_array(&r))
			rc = push_models(g, &r, out);
		else
			bad |= jsonr_is(&key, "models") && jsonr_peek(&r) != JSONR_NULL;
	}
	if (rc)
		return rc;
	return bad || jsonr_finish(&r) ? nonsense(g) : push_next(g, &token, out);
}

/* ---- one ---- */

static int32_t model_build(void *instance, const char *model, const llm_http_sink *out)
{
	char *path = gemini_path(instance, model, "");

	return path ? kit_get(out, path) : LLM_E_NOMEM;
}

static int32_t model_parse(
	void *instance, const char *model, const llm_reply_view *reply, const llm_models_sink *out)
{
	const gemini *g = instance;
	jsonr r;
	entry e;

	(void)model;
	jsonr_init(&r, reply->body.ptr, reply->body.len);
	read_entry(&r, &e);
	if (jsonr_finish(&r) || e.name.len == 0)
		return nonsense(g);
	return push_entry(g, &e, out);
}

const llm_models_ext gemini_models = {
	(uint32_t)sizeof(llm_models_ext), 0, models_build, models_parse};
const llm_model_ext gemini_model = {(uint32_t)sizeof(llm_model_ext), 0, model_build, model_parse};
