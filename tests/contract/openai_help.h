/*
 * openai_help.h - a request in, a body out: what the tests of openai.so share.
 */
#ifndef TESTS_OPENAI_HELP_H
#define TESTS_OPENAI_HELP_H

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "support/neutral.h"

#define OPENAI_FILE TEST_BINARY_DIR "/plugins/openai.so"

static plug p;
static json_t *request;
static llm_request_view rq;
static plug_http http;

static inline void open_with(const char *const *config)
{
	plug_close(&p);
	cr_assert_eq(plug_open(&p, OPENAI_FILE, config), 0, "%s", p.error.ptr);
}

/* The server is said by its dialect. */
static inline void open_dialect(const char *dialect)
{
	static const char *config[] = {"base_url", "http://h/v1", "dialect", NULL, NULL};

	config[3] = dialect;
	open_with(config);
}

static inline void set_up(void)
{
	cr_assert_eq(plug_open(&p, OPENAI_FILE, NULL), 0);
	plug_http_init(&http);
}

static inline void tear_down(void)
{
	json_decref(request);
	plug_http_done(&http);
	plug_close(&p);
}

/* A neutral request, with ' for ". */
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

/* `want` null: the member is not there. */
static inline void body_has(const char *key, const char *want)
{
	json_t *body = json_loads(http.body.ptr ? http.body.ptr : "", JSON_REJECT_DUPLICATES, NULL);
	json_t *expected = want ? neutral_json(want) : NULL;

	cr_assert(body, "the body is %s", http.body.ptr);
	cr_expect(neutral_same(json_object_get(body, key), expected), "%s is not %s in %s", key,
		want ? want : "absent", http.body.ptr);
	json_decref(expected);
	json_decref(body);
}

static inline void builds(const char *text)
{
	ask(text);
	cr_assert_eq(build(), 0, "%s: %s", text, p.error.ptr);
}

static inline void refused(int32_t code, const char *text)
{
	cr_expect_eq(build(), code, "%s", text);
	cr_expect(p.error.ptr && strstr(p.error.ptr, text), "%s is not in %s", text, p.error.ptr);
}

static inline void warned(const char *text)
{
	cr_expect(http.warnings.ptr && strstr(http.warnings.ptr, text), "%s is not in %s", text,
		http.warnings.ptr);
}

#endif
