/* A writer into memory, for the tests of jsonw. */
#ifndef UNIT_JSONW_TRY_H
#define UNIT_JSONW_TRY_H

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "wire/jsonr.h"
#include "wire/jsonw.h"

typedef struct sink {
	char *bytes;
	size_t len;
	size_t cap;
	int calls;
	int fail_at;
} sink;

static inline int32_t put(void *ctx, const char *bytes, size_t len)
{
	sink *s = ctx;

	if (++s->calls == s->fail_at)
		return LLM_E_TOO_LARGE;
	if (len > s->cap - s->len) {
		s->cap = 2 * (s->cap + len);
		s->bytes = realloc(s->bytes, s->cap);
		cr_assert_not_null(s->bytes);
	}
	memcpy(s->bytes + s->len, bytes, len);
	s->len += len;
	return 0;
}

static inline jsonw writer(sink *s)
{
	jsonw w;

	*s = (sink){.bytes = NULL};
	jsonw_init(&w, put, s);
	return w;
}

/* Finishes and compares. */
static inline void expect(jsonw *w, sink *s, const char *want)
{
	cr_assert_eq(jsonw_finish(w), 0, "no error but %d", w->status);
	cr_assert_eq(s->len, strlen(want), "%.*s", (int)s->len, s->bytes);
	cr_assert_eq(memcmp(s->bytes, want, s->len), 0, "%.*s", (int)s->len, s->bytes);
	free(s->bytes);
}

#endif
