/*
 * repeat.c - pieces of a stream that are alike.
 *
 * Why this is as strict as reading all: the reader goes from left to right, and what it makes of
 * a byte hangs on the bytes before it. Up to a hole they are those of the kept piece, which was
 * read; in the hole stands one value, read by the same reader at the same depth; behind it the
 * reader is where it was in the kept piece.
 */
#include <string.h>

#include "kit/kit.h"

#define PIECE_MAX 1024

/* Values that may nest stand right in the piece itself. */
#define DEPTH 1

llm_bytes kit_quoted(const jsonr_text *t)
{
	return t->len ? (llm_bytes){t->raw - 1, t->len + 2} : (llm_bytes){NULL, 0};
}

/* Puts a hole where it belongs among those that are there. */
static void add_hole(kit_repeat *k, size_t at, size_t len, size_t which)
{
	size_t i = k->n++;

	for (; i > 0 && k->holes[i - 1].at > at; i--)
		k->holes[i] = k->holes[i - 1];
	k->holes[i].at = at;
	k->holes[i].len = len;
	k->holes[i].which = which;
}

int kit_repeat_keep(
	kit_repeat *k, const llm_host *host, const llm_bytes *piece, const llm_bytes *values)
{
	size_t i;

	if (piece->len > PIECE_MAX)
		return 0;
	if (!k->piece)
		k->piece = host->alloc(host->ctx, LLM_SCOPE_ATTEMPT, PIECE_MAX);
	if (!k->piece)
		return 0;
	memcpy(k->piece, piece->ptr, piece->len);
	k->len = piece->len;
	k->n = 0;
	for (i = 0; i < KIT_REPEAT_VALUES; i++)
		if (values[i].len)
			add_hole(k, (size_t)(values[i].ptr - piece->ptr), values[i].len, i);
	return 1;
}

static int is_number(char first)
{
	return first == '-' || (first >= '0' && first <= '9');
}

/* The value that `text` begins with, for one that began with `first`; its length, or 0. */
static size_t read_value(const llm_bytes *text, char first, jsonr_text *ret)
{
	llm_bytes value = {text->ptr, 0};
	int ok = 1;
	jsonr r;

	if (is_number(first)) { /* what must follow it is seen to follow it */
		value.len = num_length(text->ptr, text->len);
		*ret = (jsonr_text){value.ptr, value.len, 0};
		return value.len;
	}
	jsonr_init_inside(&r, text->ptr, text->len, DEPTH);
	if (first == '"')
		ok = jsonr_string(&r, ret);
	else
		ok = jsonr_raw(&r, &value);
	if (ok && first != '"')
		*ret = (jsonr_text){value.ptr, value.len, 0};
	return ok ? jsonr_offset(&r) : 0;
}

/* Is the same text in front of both? Then `rest` loses it. */
static int drop_same(llm_bytes *rest, const char *kept, size_t len)
{
	if (rest->len < len || memcmp(rest->ptr, kept, len) != 0)
		return 0;
	rest->ptr += len;
	rest->len -= len;
	return 1;
}

int kit_repeat_find(const kit_repeat *k, const llm_bytes *piece, jsonr_text *ret_values)
{
	llm_bytes rest = *piece;
	size_t at = 0;
	size_t i;

	if (!k->piece)
		return 0;
	memset(ret_values, 0, KIT_REPEAT_VALUES * sizeof(*ret_values));
	for (i = 0; i < k->n; i++) {
		const size_t hole = k->holes[i].at;
		size_t n;

		if (!drop_same(&rest, k->piece + at, hole - at))
			return 0;
		n = read_value(&rest, k->piece[hole], &ret_values[k->holes[i].which]);
		if (n == 0)
			return 0;
		rest.ptr += n;
		rest.len -= n;
		at = hole + k->holes[i].len;
	}
	return rest.len == k->len - at && drop_same(&rest, k->piece + at, rest.len);
}
