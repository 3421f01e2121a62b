/*
 * provider_ask.h - a neutral request into a provider, and what it built: what the tests of
 * all providers share. One plug per test.
 */
#ifndef TESTS_PROVIDER_ASK_H
#define TESTS_PROVIDER_ASK_H

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/neutral.h"

static plug p;
static json_t *request;
static llm_request_view rq;
static plug_http http;

/* `config` as plug_open takes it. */
static inline void begin_asking(const char *file, const char *const *config)
{
	cr_assert_eq(plug_open(&p, file, config), 0, "%s", p.error.ptr);
	plug_http_init(&http);
}

static inline void tear_down(void)
{
	json_decref(request);
	plug_http_done(&http);
	plug_close(&p);
}

/* The neutral request, with ' for ", into `rq`; tests change it before they build. */
static inline void ask(const char *text)
{
	json_decref(request);
	request = neutral_json(text);
	cr_assert(request, "%s", text);
	cr_assert_eq(neutral_view(&p, request, 0, &rq), 0, "%s", text);
}

static inline void ask_hi(void)
{
	ask("{'model':'m','messages':[{'role':'user','parts':[{'text':'hi'}]}]}");
}

static inline int32_t build(void)
{
	plug_http_done(&http);
	plug_http_init(&http);
	plug_begin(&p);
	return p.v->build_request(p.instance, &rq, &http.sink);
}

static inline void builds(const char *text)
{
	ask(text);
	cr_assert_eq(build(), 0, "%s: %s", text, p.error.ptr);
}

static inline json_t *body(void)
{
	json_t *j = json_loads(http.body.ptr ? http.body.ptr : "", JSON_REJECT_DUPLICATES, NULL);

	cr_assert(j, "the body is %s", http.body.ptr);
	return j;
}

/* The value at a path of members joined by dots, or null; a digit is an element. */
static inline json_t *at(json_t *j, const char *path)
{
	char name[64];

	while (j && *path) {
		size_t n = strcspn(path, ".");

		snprintf(name, sizeof(name), "%.*s", (int)n, path);
		j = json_is_array(j) ? json_array_get(j, strtoul(name, NULL, 10)) :
				       json_object_get(j, name);
		path += n + (path[n] == '.');
	}
	return j;
}

/* What stands there in the body is the JSON `want`; null: nothing. */
static inline void body_has(const char *path, const char *want)
{
	json_t *whole = body();
	json_t *expected = want ? neutral_json(want) : NULL;

	cr_expect(neutral_same(at(whole, path), expected), "%s is not %s in %s", path,
		want ? want : "absent", http.body.ptr);
	json_decref(expected);
	json_decref(whole);
}

static inline void refused(int32_t code, const char *text)
{
	cr_expect_eq(build(), code, "%s", text);
	cr_expect_eq(p.error_code, code, "%s", text);
	cr_expect(p.error.ptr && strstr(p.error.ptr, text), "%s is not in %s", text, p.error.ptr);
}

/* Among the warnings of what was built last. */
static inline void has_warning(const char *text)
{
	cr_expect(http.warnings.ptr && strstr(http.warnings.ptr, text), "%s is not in %s", text,
		http.warnings.ptr);
}

/* The request goes out, with one warning that says this; null: with none. */
static inline void warned(const char *text)
{
	cr_expect_eq(build(), 0, "%s", p.error.ptr);
	cr_expect_eq(http.n_warnings, (size_t)(text != NULL), "%s", http.warnings.ptr);
	if (text)
		has_warning(text);
}

#endif
