/*
 * usage.c - token counts. Thoughts stand beside the candidates, not inside them, and both
 * are output. A count that is zero is left out, so the total tells what no count does.
 */
#include "gemini.h"

enum { PROMPT, TOOLS, CANDIDATES, THOUGHTS, CACHED, TOTAL };

/* What server tools found is read by the model, too. */
static const char *const names[GEMINI_COUNTS] = {[PROMPT] = "promptTokenCount",
	[TOOLS] = "toolUsePromptTokenCount",
	[CANDIDATES] = "candidatesTokenCount",
	[THOUGHTS] = "thoughtsTokenCount",
	[CACHED] = "cachedContentTokenCount",
	[TOTAL] = "totalTokenCount"};

void gemini_count(jsonr *r, int64_t *ret)
{
	jsonr_text text;
	int64_t n;

	if (jsonr_peek(r) != JSONR_STRING)
		kit_count(r, ret);
	else if (jsonr_string(r, &text) && num_read_i64(text.raw, text.len, &n) && n >= 0)
		*ret = n;
}

/* The place of the count called so; GEMINI_COUNTS when it is none. */
static size_t find_name(const jsonr_text *key)
{
	size_t i = 0;

	while (i < GEMINI_COUNTS && !jsonr_is(key, names[i]))
		i++;
	return i;
}

static void read_counts(jsonr *r, int64_t *c)
{
	jsonr_text key;

	while (jsonr_member(r, &key)) {
		const size_t i = find_name(&key);

		if (i < GEMINI_COUNTS)
			gemini_count(r, &c[i]);
	}
}

/* The sum of what is known; unknown when nothing is, or when it does not fit. */
static int64_t sum(int64_t a, int64_t b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a > INT64_MAX - b ? LLM_TOKENS_UNKNOWN : a + b;
}

static int64_t output_tokens(const int64_t *c, int64_t input)
{
	if (c[CANDIDATES] >= 0 || c[THOUGHTS] >= 0)
		return sum(c[CANDIDATES], c[THOUGHTS]);
	if (input < 0 || c[TOTAL] < input)
		return LLM_TOKENS_UNKNOWN;
	return c[TOTAL] - input;
}

/* *ret_some: there was something to push. */
static int32_t push_counts(const int64_t *c, const llm_result_sink *out, int *ret_some)
{
	llm_usage usage = LLM_USAGE_INIT;

	usage.input_tokens = sum(c[PROMPT], c[TOOLS]);
	usage.output_tokens = output_tokens(c, usage.input_tokens);
	usage.cache_read_tokens = c[CACHED];
	usage.reasoning_tokens = c[THOUGHTS];
	*ret_some = usage.input_tokens >= 0 || usage.output_tokens >= 0;
	return *ret_some ? out->usage(out->ctx, &usage) : 0;
}

int32_t gemini_push_usage(const llm_bytes *json, int raw, const llm_result_sink *out)
{
	int64_t c[GEMINI_COUNTS] = {-1, -1, -1, -1, -1, -1};
	int32_t rc;
	int some;
	jsonr r;

	jsonr_init(&r, json->ptr, json->len);
	if (!jsonr_enter_object(&r))
		return 0;
	read_counts(&r, c);
	rc = push_counts(c, out, &some);
	if (rc || !some || !raw)
		return rc;
	return out->meta(out->ctx, LLM_META_USAGE_RAW, json->ptr, json->len);
}

/* ---- counts that change from event to event ---- */

int gemini_find_counts(const llm_bytes *json, llm_bytes *ret_counts)
{
	jsonr_text key;
	jsonr r;

	jsonr_init(&r, json->ptr, json->len);
	if (!jsonr_enter_object(&r))
		return 0;
	while (jsonr_member(&r, &key)) {
		const size_t i = find_name(&key);

		/* One that comes twice, or as a text, is for the long way. */
		if (i < GEMINI_COUNTS && (ret_counts[i].len || !jsonr_number(&r, &ret_counts[i])))
			return 0;
	}
	return 1;
}

/* As kit_count, of a number. */
static int64_t count_of(const jsonr_text *number)
{
	int64_t value;

	if (!num_read_i64(number->raw, number->len, &value) &&
		!num_read_whole(number->raw, number->len, &value))
		return -1;
	return value < 0 ? -1 : value;
}

int32_t gemini_push_counts(const jsonr_text *counts, const llm_result_sink *out)
{
	int64_t c[GEMINI_COUNTS];
	int some;
	size_t i;

	for (i = 0; i < GEMINI_COUNTS; i++)
		c[i] = counts[i].len ? count_of(&counts[i]) : -1;
	return push_counts(c, out, &some);
}
