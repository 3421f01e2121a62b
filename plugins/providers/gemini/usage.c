/*
 * usage.c - token counts. Thoughts stand beside the candidates, not inside them, and both
 * are output. A count that is zero is left out, so the total tells what no count does.
 */
#include "gemini.h"

/* Those that grow with the answer come first. */
enum { CANDIDATES, THOUGHTS, TOTAL, PROMPT, TOOLS, CACHED };

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

static void read_counts(jsonr *r, gemini_counts *c)
{
	jsonr_text key;

	while (jsonr_member(r, &key)) {
		const size_t i = find_name(&key);

		if (i < GEMINI_COUNTS)
			gemini_count(r, &c->n[i]);
	}
}

/* The sum of what is known; unknown when nothing is, or when it does not fit. */
static int64_t sum(int64_t a, int64_t b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a > INT64_MAX - b ? LLM_TOKENS_UNKNOWN : a + b;
}

static int64_t output_tokens(const int64_t *n, int64_t input)
{
	if (n[CANDIDATES] >= 0 || n[THOUGHTS] >= 0)
		return sum(n[CANDIDATES], n[THOUGHTS]);
	if (input < 0 || n[TOTAL] < input)
		return LLM_TOKENS_UNKNOWN;
	return n[TOTAL] - input;
}

/* *ret_some: there was something to push. */
static int32_t push_counts(const gemini_counts *c, const llm_result_sink *out, int *ret_some)
{
	llm_usage usage = LLM_USAGE_INIT;

	usage.input_tokens = sum(c->n[PROMPT], c->n[TOOLS]);
	usage.output_tokens = output_tokens(c->n, usage.input_tokens);
	usage.cache_read_tokens = c->n[CACHED];
	usage.reasoning_tokens = c->n[THOUGHTS];
	*ret_some = usage.input_tokens >= 0 || usage.output_tokens >= 0;
	return *ret_some ? out->usage(out->ctx, &usage) : 0;
}

int32_t gemini_push_usage(const llm_bytes *json, int raw, const llm_result_sink *out)
{
	gemini_counts c = GEMINI_NO_COUNTS;
	int32_t rc;
	int some;
	jsonr r;

	jsonr_init(&r, json->ptr, json->len);
	if (!jsonr_enter_object(&r))
		return 0;
	read_counts(&r, &c);
	rc = push_counts(&c, out, &some);
	if (rc || !some || !raw)
		return rc;
	return out->meta(out->ctx, LLM_META_USAGE_RAW, json->ptr, json->len);
}

/* ---- counts that change from event to event ---- */

int gemini_find_counts(const llm_bytes *json, gemini_counts *ret, llm_bytes *ret_growing)
{
	const gemini_counts unknown = GEMINI_NO_COUNTS;
	jsonr_text key;
	jsonr r;

	*ret = unknown;
	jsonr_init(&r, json->ptr, json->len);
	if (!jsonr_enter_object(&r))
		return 0;
	while (jsonr_member(&r, &key)) {
		const size_t i = find_name(&key);

		if (i >= GEMINI_GROWING && i < GEMINI_COUNTS)
			gemini_count(&r, &ret->n[i]);
		/* One that comes twice, or as a text, is for the long way. */
		if (i < GEMINI_GROWING &&
			(ret_growing[i].len || !jsonr_number(&r, &ret_growing[i])))
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

int32_t gemini_push_counts(
	const gemini_counts *steady, const jsonr_text *growing, const llm_result_sink *out)
{
	gemini_counts c = *steady;
	int some;
	size_t i;

	for (i = 0; i < GEMINI_GROWING; i++)
		if (growing[i].len)
			c.n[i] = count_of(&growing[i]);
	return push_counts(&c, out, &some);
}
