/*
 * thinking.c - how hard a model is to think: levels since Gemini 3, a budget of tokens for
 * 2.5, nothing before.
 */
#include <string.h>

#include "gemini.h"

int gemini_has_thinking(const llm_request_view *rq)
{
	gemini_family f = gemini_family_of(rq->model);

	if (kit_option(rq, "thinking_level") || kit_option(rq, "thinking_budget") ||
		gemini_switch(rq, "include_thoughts", 0))
		return 1;
	if (rq->reasoning == LLM_REASONING_DEFAULT)
		return 0;
	if (gemini_thinks(&f) == GEMINI_LEVEL) /* on is what they do, but for the lite ones */
		return rq->reasoning != LLM_REASONING_ON || f.lite;
	return gemini_thinks(&f) == GEMINI_BUDGET;
}

int32_t gemini_check_thinking(const gemini *g, const llm_request_view *rq)
{
	gemini_family f = gemini_family_of(rq->model);
	int level = kit_option(rq, "thinking_level") != NULL;
	int budget = kit_option(rq, "thinking_budget") != NULL;

	if (level + budget + (rq->reasoning != LLM_REASONING_DEFAULT) > 1)
		return kit_error(g->host, LLM_E_INVALID_REQUEST,
			"one of reasoning, thinking_level and thinking_budget: Gemini takes no two",
			NULL, NULL);
	if (rq->reasoning > LLM_REASONING_OFF && gemini_thinks(&f) == GEMINI_NO_THINKING)
		return kit_error(g->host, LLM_E_UNSUPPORTED, gemini_plain_name(rq->model),
			" does not think; leave reasoning out", NULL);
	return 0;
}

static const char *level_of(const gemini_family *f, uint32_t reasoning)
{
	switch (reasoning) {
	case LLM_REASONING_OFF:
		return gemini_has_minimal(f) ? "MINIMAL" : "LOW";
	case LLM_REASONING_MEDIUM:
		return "MEDIUM";
	case LLM_REASONING_HIGH:
	case LLM_REASONING_MAX:
		return "HIGH";
	default:
		return "LOW";
	}
}

static int64_t budget_of(const gemini_family *f, uint32_t reasoning)
{
	switch (reasoning) {
	case LLM_REASONING_OFF:
		return f->pro ? 128 : 0;
	case LLM_REASONING_LOW:
		return 1024;
	case LLM_REASONING_MEDIUM:
		return 8192;
	case LLM_REASONING_HIGH:
		return 24576;
	case LLM_REASONING_MAX:
		return f->pro ? 32768 : 24576;
	default:
		return -1; /* as much as the model likes */
	}
}

/* What `reasoning` becomes. */
static int32_t write_effort(jsonw *w, const llm_request_view *rq, const llm_http_sink *out)
{
	static const char never[] = "this model cannot stop thinking; it was told to think least";
	gemini_family f = gemini_family_of(rq->model);
	int by_level = gemini_thinks(&f) == GEMINI_LEVEL;
	int by_budget = gemini_thinks(&f) == GEMINI_BUDGET;

	if (rq->reasoning == LLM_REASONING_DEFAULT)
		return 0;
	if (by_level && (rq->reasoning != LLM_REASONING_ON || f.lite)) {
		jsonw_key(w, "thinkingLevel");
		jsonw_cstring(w, level_of(&f, rq->reasoning));
	} else if (by_budget) {
		jsonw_key(w, "thinkingBudget");
		jsonw_int(w, budget_of(&f, rq->reasoning));
	}
	if (rq->reasoning == LLM_REASONING_OFF && (by_level || (by_budget && f.pro)))
		return kit_warn(out, never);
	return 0;
}

static void write_raw(jsonw *w, const llm_request_view *rq, const char *option, const char *name)
{
	const llm_option_view *o = kit_option(rq, option);

	if (!o)
		return;
	jsonw_key(w, name);
	jsonw_raw(w, o->json.ptr, o->json.len);
}

int32_t gemini_write_thinking(jsonw *w, const llm_request_view *rq, const llm_http_sink *out)
{
	int32_t rc;

	jsonw_object(w);
	rc = write_effort(w, rq, out);
	write_raw(w, rq, "thinking_level", "thinkingLevel");
	write_raw(w, rq, "thinking_budget", "thinkingBudget");
	if (gemini_switch(rq, "include_thoughts", 0)) {
		jsonw_key(w, "includeThoughts");
		jsonw_bool(w, 1);
	}
	jsonw_object_end(w);
	return rc;
}
