/*
 * usage.c - token counts, in the members that OpenAI and its look-alikes use; llama.cpp's times.
 */
#include "openai.h"

typedef struct counts {
	int64_t prompt;
	int64_t completion;
	int64_t total;
	int64_t cached;
	int64_t cache_written;
	int64_t reasoning;
} counts;

static void read_prompt_details(jsonr *r, counts *c)
{
	jsonr_text key;

	if (!jsonr_enter_object(r))
		return;
	while (jsonr_member(r, &key)) {
		if (jsonr_is(&key, "cached_tokens"))
			kit_count(r, &c->cached);
		else if (jsonr_is(&key, "cache_write_tokens"))
			kit_count(r, &c->cache_written);
	}
}

static void read_completion_details(jsonr *r, counts *c)
{
	jsonr_text key;

	if (!jsonr_enter_object(r))
		return;
	while (jsonr_member(r, &key))
		if (jsonr_is(&key, "reasoning_tokens"))
			kit_count(r, &c->reasoning);
}

/* A value that is not read here is skipped by the next call for a member. */
static void read_counts(jsonr *r, counts *c)
{
	jsonr_text key;

	while (jsonr_member(r, &key)) {
		if (jsonr_is(&key, "prompt_tokens"))
			kit_count(r, &c->prompt);
		else if (jsonr_is(&key, "completion_tokens"))
			kit_count(r, &c->completion);
		else if (jsonr_is(&key, "total_tokens"))
			kit_count(r, &c->total);
		else if (jsonr_is(&key, "prompt_tokens_details"))
			read_prompt_details(r, c);
		else if (jsonr_is(&key, "completion_tokens_details"))
			read_completion_details(r, c);
		else if (jsonr_is(&key, "prompt_cache_hit_tokens") || /* DeepSeek */
			jsonr_is(&key, "num_cached_tokens")) /* Mistral */
			kit_count(r, &c->cached);
	}
}

/* Some servers leave reasoning out of the completion; the total tells. */
static int64_t output_tokens(const counts *c)
{
	if (c->prompt < 0 || c->completion < 0 || c->total < 0 || c->reasoning <= 0)
		return c->completion;
	if (c->total - c->prompt - c->completion == c->reasoning)
		return c->completion + c->reasoning;
	return c->completion;
}

int32_t openai_push_usage(const llm_bytes *json, const llm_result_sink *out, int *ret_some)
{
	counts c = {-1, -1, -1, -1, -1, -1};
	llm_usage usage = LLM_USAGE_INIT;
	int32_t rc;
	jsonr r;

	jsonr_init(&r, json->ptr, json->len);
	if (!jsonr_enter_object(&r))
		return 0; /* null until the last chunk */
	read_counts(&r, &c);
	if (c.prompt < 0 && c.completion < 0)
		return 0;
	usage.input_tokens = c.prompt;
	usage.output_tokens = output_tokens(&c);
	usage.cache_read_tokens = c.cached;
	usage.cache_write_tokens = c.cache_written;
	usage.reasoning_tokens = c.reasoning;
	rc = out->usage(out->ctx, &usage);
	*ret_some = rc == 0;
	return rc ? rc : out->meta(out->ctx, LLM_META_USAGE_RAW, json->ptr, json->len);
}

/* Milliseconds with a fraction, as whole ones. */
static int32_t push_ms(jsonr *r, uint32_t metric, const llm_result_sink *out)
{
	double ms;

	if (!jsonr_double(r, &ms) || ms < 0 || ms > 1e15)
		return 0;
	return out->metric(out->ctx, metric, (uint64_t)ms);
}

int32_t openai_push_timings(const llm_bytes *json, const llm_result_sink *out)
{
	int32_t rc = 0;
	jsonr_text key;
	jsonr r;

	jsonr_init(&r, json->ptr, json->len);
	if (!jsonr_enter_object(&r))
		return 0;
	while (rc == 0 && jsonr_member(&r, &key)) {
		if (jsonr_is(&key, "prompt_ms"))
			rc = push_ms(&r, LLM_METRIC_PROMPT_MS, out);
		else if (jsonr_is(&key, "predicted_ms"))
			rc = push_ms(&r, LLM_METRIC_OUTPUT_MS, out);
	}
	return rc;
}
