/*
 * provider_same.h - what came of an exchange beside what its expectation says.
 */
#ifndef TESTS_PROVIDER_SAME_H
#define TESTS_PROVIDER_SAME_H

#include <criterion/criterion.h>

#include "support/play.h"

#define SAME(x, got, want, what) \
	cr_expect((got) == (want), "%s/%s: %s is %lld, expected %lld", (x)->provider, (x)->name, \
		what, (long long)(got), (long long)(want))

static inline void same_text(
	const exchange *x, const plug_text *got, const json_t *want, const char *what)
{
	const char *text = json_is_string(want) ? json_string_value(want) : "";

	cr_expect_str_eq(got->ptr ? got->ptr : "", text, "%s/%s: %s", x->provider, x->name, what);
}

#endif
