/*
 * reasoning.c - how hard to think, in each server's own words.
 */
#include <string.h>

#include "openai.h"

/* OpenAI's models by the beginning of their names, the longest first. */
typedef struct family {
	const char *prefix;
	const char *off; /* null: thinking cannot be switched off */
	const char *max; /* the highest level; null: it does not think */
} family;

static const family families[] = {
	{"gpt-5.1-codex-max", "none", "xhigh"}, {"gpt-5.1", "none", "high"},
	{"gpt-5.", "none", "xhigh"}, {"gpt-5", NULL, "high"}, {"gpt-4", "", NULL},
	{"gpt-3.5", "", NULL}, {"chatgpt", "", NULL}, {"o1", NULL, "high"}, {"o3", NULL, "high"},
	{"o4", NULL, "high"},
	{"", "none", "max"}, /* newer than this list, or a deployment's name */
};

static const family *family_of(const char *model)
{
	const family *f = families;

	while (strncmp(model, f->prefix, strlen(f->prefix)) != 0)
		f++;
	return f;
}

static int32_t unsupported(const openai *o, const char *model, const char *after)
{
	return kit_error(o->host, LLM_E_UNSUPPORTED, "the model ", model, after);
}

/* *ret is null when nothing is to be said. */
static int32_t model_word(const openai *o, const llm_request_view *rq, const char **ret)
{
	const family *f = family_of(rq->model);
	uint32_t level = rq->reasoning;

	if (level == LLM_REASONING_OFF && !f->off)
		return unsupported(o, rq->model, " always thinks; reasoning cannot be off");
	if (level != LLM_REASONING_OFF && !f->max)
		return unsupported(o, rq->model, " does not think; leave the reasoning level out");
	if (level == LLM_REASONING_OFF)
		*ret = f->off[0] ? f->off : NULL;
	else if (level == LLM_REASONING_MAX)
		*ret = f->max;
	else
		*ret = o->dialect->words[level - LLM_REASONING_OFF];
	return 0;
}

static void write_text(jsonw *w, const char *key, const char *text)
{
	jsonw_key(w, key);
	jsonw_cstring(w, text);
}

/* OpenRouter. */
static void write_object(kit_doc *d, const char *word)
{
	kit_doc_member(d, "reasoning");
	jsonw_object(&d->w);
	if (word) {
		write_text(&d->w, "effort", word);
	} else {
		jsonw_key(&d->w, "enabled");
		jsonw_bool(&d->w, 1);
	}
	jsonw_object_end(&d->w);
}

/* vLLM, llama.cpp: the model's template reads them, and passes over what it does not know. */
static void write_kwargs(kit_doc *d, uint32_t level, const char *word)
{
	kit_doc_member(d, "chat_template_kwargs");
	jsonw_object(&d->w);
	if (level != LLM_REASONING_DEFAULT) {
		jsonw_key(&d->w, "enable_thinking");
		jsonw_bool(&d->w, level != LLM_REASONING_OFF);
	}
	if (word)
		write_text(&d->w, "reasoning_effort", word);
	jsonw_object_end(&d->w);
}

/* DeepSeek. */
static void write_thinking(kit_doc *d, uint32_t level)
{
	if (level == LLM_REASONING_DEFAULT)
		return;
	kit_doc_member(d, "thinking");
	jsonw_object(&d->w);
	write_text(&d->w, "type", level == LLM_REASONING_OFF ? "disabled" : "enabled");
	jsonw_object_end(&d->w);
}

static void write_word(kit_doc *d, const char *word)
{
	if (!word)
		return;
	kit_doc_member(d, "reasoning_effort");
	jsonw_cstring(&d->w, word);
}

static void write_effort(const openai *o, kit_doc *d, uint32_t level, const char *word)
{
	switch (o->dialect->effort) {
	case OPENAI_EFFORT_OBJECT:
		write_object(d, word);
		break;
	case OPENAI_EFFORT_KWARGS:
		write_kwargs(d, level, word);
		break;
	case OPENAI_EFFORT_THINKING:
		write_thinking(d, level);
		write_word(d, word);
		break;
	default:
		write_word(d, word);
		break;
	}
}

/* The word for a level, by the model or by the dialect. */
static int32_t level_word(const openai *o, const llm_request_view *rq, const char **ret)
{
	const int on_or_off = rq->reasoning <= LLM_REASONING_ON;

	if (o->dialect->effort == OPENAI_EFFORT_MODEL)
		return model_word(o, rq, ret);
	*ret = o->dialect->words[rq->reasoning - LLM_REASONING_OFF];
	if (o->dialect->effort == OPENAI_EFFORT_KWARGS && on_or_off)
		*ret = NULL; /* enable_thinking says it */
	return 0;
}

/* A server with fewer words than levels. */
static int32_t warn_coarse(const openai *o, const llm_request_view *rq, const llm_http_sink *out)
{
	if (!(o->dialect->flags & OPENAI_SHORT_IDS) ||
		(rq->reasoning != LLM_REASONING_LOW && rq->reasoning != LLM_REASONING_MEDIUM))
		return 0;
	return kit_warn(out, "Mistral thinks fully or not at all; the level was raised to high");
}

int32_t openai_write_reasoning(const openai *o, kit_doc *d, const llm_request_view *rq)
{
	const llm_option_view *kwargs = kit_option(rq, "chat_template_kwargs");
	const char *word;
	int32_t rc;

	if (kwargs) {
		kit_doc_member(d, "chat_template_kwargs");
		jsonw_raw(&d->w, kwargs->json.ptr, kwargs->json.len);
		return 0;
	}
	rc = openai_option_text(o, rq, "reasoning_effort", &word);
	if (rc)
		return rc;
	if (word) {
		write_effort(o, d, LLM_REASONING_DEFAULT, word);
		return 0;
	}
	if (rq->reasoning == LLM_REASONING_DEFAULT || rq->reasoning > LLM_REASONING_MAX)
		return 0;
	rc = level_word(o, rq, &word);
	if (rc == 0)
		rc = warn_coarse(o, rq, d->out);
	if (rc == 0)
		write_effort(o, d, rq->reasoning, word);
	return rc;
}
