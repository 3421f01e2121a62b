/*
 * usage.c - token counts. Thoughts stand beside the candidates, not inside them, and both
 * are output. A count that is zero is left out, so the total tells what no count does.
 */
#include "gemini.h"

typedef struct counts {
	int64_t prompt;
	int64_t tools; /* results of server tools, read by the model */
	int64_t candidates;
	int64_t thoughts;
	int64_t cached;
	int64_t total;
} counts;

void gemini_count(jsonr *r, int64_t *ret)
{
	jsonr_text text;
	int64_t n;

	if (jsonr_peek(r) != JSONR_STRING)
		kit_count(r, ret);
	else if (jsonr_string(r, &text) && num_read_i64(text.raw, text.len, &n) && n >= 0)
		*ret = n;
}

static void read_counts(jsonr *r, counts *c)
{
	jsonr_text key;

	while (jsonr_member(r, &key)) {
		if (jsonr_is(&key, "promptTokenCount"))
			gemini_count(r, &c->prompt);
		else if (jsonr_is(&key, "toolUsePromptTokenCount"))
			gemini_count(r, &c->tools);
		else if (jsonr_is(&key, "candidatesTokenCount"))
			gemini_count(r, &c->candidates);
		else if (jsonr_is(&key, "thoughtsTokenCount"))
			gemini_count(r, &c->thoughts);
		else if (jsonr_is(&key, "cachedContentTokenCount"))
			gemini_count(r, &c->cached);
		else if (jsonr_is(&key, "totalTokenCount"))
			gemini_count(r, &c->total);
	}
}

/* The sum of what is known; unknown when nothing is, or when it does not fit. */
static int64_t sum(int64_t a, int64_t b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a > INT64_MAX - b ? LLM_TOKENS_UNKNOWN : a + b;
}

static int64_t output_tokens(const counts *c, int64_t input)
{
	if (c->candidates >= 0 || c->thoughts >= 0)
		return sum(c->candidates, c->thoughts);
	if (input < 0 || c->total < input)
		return LLM_TOKENS_UNKNOWN;
	return c->total - input;
}

int32_t gemini_push_usage(const llm_bytes *json, int raw, const llm_result_sink *out)
{
	counts c = {-1, -1, -1, -1, -1, -1};
	llm_usage usage = LLM_USAGE_INIT;
	int32_t rc;
	jsonr r;

	jsonr_init(&r, json->ptr, json->len);
	if (!jsonr_enter_object(&r))
		return 0;
	read_counts(&r, &c);
	usage.input_tokens = sum(c.prompt, c.tools);
	usage.output_tokens = output_tokens(&c, usage.input_tokens);
	usage.cache_read_tokens = c.cached;
	usage.reasoning_tokens = c.thoughts;
	if (usage.input_tokens < 0 && usage.output_tokens < 0)
		return 0;
	rc = out->usage(out->ctx, &usage);
	if (rc || !raw)
		return rc;
	return out->meta(out->ctx, LLM_META_USAGE_RAW, json->ptr, json->len);
}
