/*
 * options.c - what a request can say to this provider alone.
 */
#include <string.h>

#include "openai.h"

#define KEY(type, name, help) \
	&(const llm_key_info) \
	{ \
		(uint32_t)sizeof(llm_key_info), type, name, NULL, NULL, help \
	}

const llm_key_info *const openai_options[] = {
	KEY(LLM_TYPE_STRING, "reasoning_effort",
		"how hard to think, in the server's own word; wins over the reasoning level"),
	KEY(LLM_TYPE_BOOL, "strict_schema",
		"hold the answer to the schema or not; unsaid: when the schema allows it"),
	KEY(LLM_TYPE_STRING, "image_detail", "detail of images: auto, low or high"),
	KEY(LLM_TYPE_JSON, "chat_template_kwargs",
		"vLLM, llama.cpp: arguments of the model's chat template, a JSON object"),
	NULL,
};

static const llm_key_info *option_known(const char *name)
{
	size_t i;

	for (i = 0; openai_options[i]; i++)
		if (strcmp(openai_options[i]->name, name) == 0)
			return openai_options[i];
	return NULL;
}

/* Is the value one document of the described type? */
static int option_fits(const llm_bytes *json, uint32_t type)
{
	int kind;
	jsonr r;

	if (type == LLM_TYPE_JSON)
		return kit_is_object(json);
	jsonr_init(&r, json->ptr, json->len);
	kind = jsonr_peek(&r);
	jsonr_skip(&r);
	if (jsonr_finish(&r))
		return 0;
	if (type == LLM_TYPE_BOOL)
		return kind == JSONR_TRUE || kind == JSONR_FALSE;
	return kind == JSONR_STRING;
}

static const char *option_expected(uint32_t type)
{
	if (type == LLM_TYPE_BOOL)
		return ": expected true or false";
	return type == LLM_TYPE_JSON ? ": expected a JSON object" : ": expected a text";
}

int32_t openai_options_check(const openai *o, const llm_request_view *rq)
{
	const llm_key_info *info;
	size_t i;

	for (i = 0; i < rq->n_options; i++) {
		info = option_known(rq->options[i]->name);
		if (!info)
			return kit_error(o->host, LLM_E_UNSUPPORTED, "option ",
				rq->options[i]->name, " is not one of the openai provider's");
		if (!option_fits(&rq->options[i]->json, info->type))
			return kit_error(o->host, LLM_E_INVALID_REQUEST, "option ", info->name,
				option_expected(info->type));
	}
	if (!kit_option(rq, "chat_template_kwargs"))
		return 0;
	if (o->dialect->effort != OPENAI_EFFORT_KWARGS)
		return kit_error(o->host, LLM_E_UNSUPPORTED,
			"option chat_template_kwargs is for vLLM and llama.cpp;"
			" set the provider's dialect if it is one of them",
			NULL, NULL);
	if (rq->reasoning != LLM_REASONING_DEFAULT || kit_option(rq, "reasoning_effort"))
		return kit_error(o->host, LLM_E_INVALID_REQUEST,
			"a reasoning level is a chat_template_kwargs of its own:"
			" say it in the level or in the option, not in both",
			NULL, NULL);
	return 0;
}

int32_t openai_option_text(
	const openai *o, const llm_request_view *rq, const char *name, const char **ret)
{
	const llm_option_view *option = kit_option(rq, name);
	jsonr_text text = {"", 0, 0};
	char *copy;
	jsonr r;

	if (!option) {
		*ret = NULL;
		return 0;
	}
	jsonr_init(&r, option->json.ptr, option->json.len);
	jsonr_string(&r, &text);
	copy = kit_string(o->host, LLM_SCOPE_SCRATCH, &text);
	if (!copy)
		return LLM_E_NOMEM;
	*ret = copy;
	return 0;
}

int openai_option_bool(const llm_request_view *rq, const char *name)
{
	const llm_option_view *option = kit_option(rq, name);
	int value = 0;
	jsonr r;

	if (!option)
		return -1;
	jsonr_init(&r, option->json.ptr, option->json.len);
	jsonr_bool(&r, &value);
	return value;
}
