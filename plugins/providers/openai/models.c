/*
 * models.c - GET /models: {"data":[{"id":".."}]}, or the bare array of some servers; and one
 * of them, GET /models/ID.
 */
#include "openai.h"

static int32_t models_build(void *instance, const char *cursor, const llm_http_sink *out)
{
	(void)instance;
	(void)cursor; /* there is one page only */
	return kit_get(out, "/models");
}

/* vLLM, OpenRouter, Groq and Mistral name the window, each in its own way. */
static int is_window(const jsonr_text *key)
{
	return jsonr_is(key, "max_model_len") || jsonr_is(key, "context_length") ||
		jsonr_is(key, "context_window") || jsonr_is(key, "max_context_length");
}

static int32_t push_model(const openai *o, jsonr *r, const llm_models_sink *out)
{
	llm_model_info info = {.struct_size = (uint32_t)sizeof(info)};
	jsonr_text id = {"", 0, 0};
	jsonr_text key;

	if (!jsonr_enter_object(r))
		return 0;
	while (jsonr_member(r, &key)) {
		if (jsonr_is(&key, "id"))
			jsonr_string(r, &id);
		else if (is_window(&key))
			kit_count(r, &info.context_tokens);
	}
	if (jsonr_status(r) || id.len == 0)
		return 0;
	info.name = kit_string(o->host, LLM_SCOPE_SCRATCH, &id);
	return info.name ? out->model(out->ctx, &info) : LLM_E_NOMEM;
}

static int32_t nonsense(const openai *o)
{
	return kit_error(o->host, LLM_E_PROTOCOL,
		"the answer about models is not what the API promises", NULL, NULL);
}

static int32_t push_models(const openai *o, jsonr *r, const llm_models_sink *out)
{
	int32_t rc = 0;

	while (rc == 0 && jsonr_element(r))
		rc = push_model(o, r, out);
	return rc;
}

static int32_t models_parse(void *instance, const llm_reply_view *reply, const llm_models_sink *out)
{
	const openai *o = instance;
	int32_t rc = 0;
	int found = 0;
	jsonr_text key;
	jsonr r;

	jsonr_init(&r, reply->body.ptr, reply->body.len);
	if (jsonr_enter_array(&r)) {
		found = 1;
		rc = push_models(o, &r, out);
	} else if (jsonr_enter_object(&r)) {
		while (rc == 0 && jsonr_member(&r, &key)) {
			if (!jsonr_is(&key, "data") || !jsonr_enter_array(&r))
				continue;
			found = 1;
			rc = push_models(o, &r, out);
		}
	}
	if (rc || (found && jsonr_finish(&r) == 0))
		return rc;
	return nonsense(o);
}

const llm_models_ext openai_models = {
	(uint32_t)sizeof(llm_models_ext), 0, models_build, models_parse};

/* An id may hold "/", which is a part of the path. */
static int32_t model_build(void *instance, const char *model, const llm_http_sink *out)
{
	const openai *o = instance;
	const char *path = kit_path(o->host, "/models/", model, "/", "");

	return path ? kit_get(out, path) : LLM_E_NOMEM;
}

static int32_t model_parse(
	void *instance, const char *model, const llm_reply_view *reply, const llm_models_sink *out)
{
	const openai *o = instance;
	jsonr r;

	(void)model;
	if (!kit_is_object(&reply->body))
		return nonsense(o);
	jsonr_init(&r, reply->body.ptr, reply->body.len);
	return push_model(o, &r, out);
}

const llm_model_ext openai_model = {(uint32_t)sizeof(llm_model_ext), 0, model_build, model_parse};
