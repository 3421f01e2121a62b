/*
 * details.c - OpenRouter's reasoning_details: kept as they come, one opaque part at the end.
 */
#include <string.h>

#include "openai.h"

/* What stood between the brackets of one array. */
struct openai_detail {
	openai_detail *next;
	size_t len;
	char text[];
};

/* The array without its brackets and the white space inside them. */
static llm_bytes inside(const llm_bytes *array)
{
	llm_bytes b = {array->ptr + 1, array->len - 2};

	return kit_trim(&b);
}

int32_t openai_keep_details(const openai *o, openai_stream *s, const llm_bytes *details)
{
	llm_bytes text = inside(details);
	openai_detail *d;

	if (text.len == 0)
		return 0;
	d = o->host->alloc(o->host->ctx, LLM_SCOPE_ATTEMPT, sizeof(*d) + text.len);
	if (!d)
		return LLM_E_NOMEM;
	d->len = text.len;
	memcpy(d->text, text.ptr, text.len);
	if (s->last_detail)
		s->last_detail->next = d;
	else
		s->details = d;
	s->last_detail = d;
	return 0;
}

static size_t joined_len(const openai_stream *s)
{
	const openai_detail *d;
	size_t n = 1;

	for (d = s->details; d; d = d->next)
		n += d->len + 1;
	return n;
}

static void join(const openai_stream *s, char *to)
{
	const openai_detail *d;

	*to++ = '[';
	for (d = s->details; d; d = d->next) {
		memcpy(to, d->text, d->len);
		to += d->len;
		*to++ = d->next ? ',' : ']';
	}
}

int32_t openai_push_details(const openai *o, openai_stream *s, const llm_result_sink *out)
{
	llm_opaque_view opaque = {.struct_size = (uint32_t)sizeof(opaque)};
	size_t len = joined_len(s);
	char *text;

	if (!s->details)
		return 0;
	text = o->host->alloc(o->host->ctx, LLM_SCOPE_SCRATCH, len);
	if (!text)
		return LLM_E_NOMEM;
	join(s, text);
	s->details = s->last_detail = NULL;
	opaque.provider = OPENAI_ID;
	opaque.kind = OPENAI_DETAILS;
	opaque.data.ptr = text;
	opaque.data.len = len;
	return out->opaque(out->ctx, &opaque);
}
