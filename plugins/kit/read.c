/*
 * read.c - values of an answer on their way into a sink.
 */
#include <string.h>

#include "kit/kit.h"

int kit_is_object(const llm_bytes *json)
{
	jsonr r;

	jsonr_init(&r, json->ptr, json->len);
	if (jsonr_peek(&r) != JSONR_OBJECT)
		return 0;
	jsonr_skip(&r);
	return jsonr_finish(&r) == 0;
}

int kit_string_or_null(jsonr *r, jsonr_text *ret)
{
	int is_null = jsonr_peek(r) == JSONR_NULL;

	return jsonr_string(r, ret) || is_null;
}

void kit_count(jsonr *r, int64_t *ret)
{
	int64_t value;

	if (jsonr_int(r, &value) && value >= 0)
		*ret = value;
}

int32_t kit_decode(const llm_host *host, uint32_t scope, const jsonr_text *t, llm_bytes *ret)
{
	char *copy;

	if (!t->escaped) {
		ret->ptr = t->raw;
		ret->len = t->len;
		return 0;
	}
	copy = kit_string(host, scope, t);
	if (!copy)
		return LLM_E_NOMEM;
	ret->len = jsonr_decode(t, copy);
	ret->ptr = copy;
	return 0;
}

char *kit_string(const llm_host *host, uint32_t scope, const jsonr_text *t)
{
	char *copy = host->alloc(host->ctx, scope, t->len + 1);

	if (copy)
		copy[jsonr_decode(t, copy)] = '\0';
	return copy;
}

char *kit_copy(const llm_host *host, uint32_t scope, const char *text)
{
	size_t size = text ? strlen(text) + 1 : 0;
	char *copy = text ? host->alloc(host->ctx, scope, size) : NULL;

	if (copy)
		memcpy(copy, text, size);
	return copy;
}

int32_t kit_emit(const llm_host *host, const jsonr_text *t,
	int32_t (*put)(void *ctx, const char *text, size_t len), void *ctx)
{
	llm_bytes text = {NULL, 0};
	int32_t rc;

	if (t->len == 0)
		return 0;
	rc = kit_decode(host, LLM_SCOPE_SCRATCH, t, &text);
	return rc ? rc : put(ctx, text.ptr, text.len);
}
