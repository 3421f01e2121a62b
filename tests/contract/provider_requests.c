/*
 * tests/fixtures backwards: the request that the plugin builds from the neutral one is the
 * fixture's; and the operations on models, both ways.
 */
#include <stdlib.h>
#include <string.h>

#include "provider_same.h"
#include "support/neutral.h"

static void same_caps(const exchange *x, const llm_caps *got, const json_t *want)
{
	const struct {
		const char *name;
		uint32_t value;
	} rows[] = {
		{"chat", got->chat},
		{"tools", got->tools},
		{"vision", got->vision},
		{"reasoning", got->reasoning},
		{"json_schema", got->json_schema},
	};
	size_t known = 0;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const json_t *w = json_object_get(want, rows[i].name);

		if (!w)
			continue;
		known++;
		SAME(x, rows[i].value, neutral_cap(json_string_value(w)), rows[i].name);
	}
	SAME(x, known, json_object_size(want), "capabilities that the test knows");
}

static void same_model(const exchange *x, const plug_model *got, const json_t *want)
{
	same_text(x, &got->name, json_object_get(want, "name"), "model's name");
	SAME(x, got->size_bytes, json_integer_value(json_object_get(want, "size_bytes")), "size");
	SAME(x, got->context_tokens, json_integer_value(json_object_get(want, "context_tokens")),
		"window");
	SAME(x, got->loaded, (uint32_t)json_is_true(json_object_get(want, "loaded")), "loaded");
	if (json_object_get(want, "detail"))
		same_text(x, &got->detail, json_object_get(want, "detail"), "detail");
	if (json_object_get(want, "caps"))
		same_caps(x, &got->caps, json_object_get(want, "caps"));
}

static void same_target(const exchange *x, const plug_http *h)
{
	size_t n = strcspn(x->path, "?"); /* the query is the core's, by configuration */
	size_t m = strcspn(h->path.ptr, "?");

	cr_expect_str_eq(h->method, x->method, "%s/%s: method", x->provider, x->name);
	cr_expect(n >= m && strncmp(x->path + n - m, h->path.ptr, m) == 0, "%s/%s: path is %s",
		x->provider, x->name, h->path.ptr);
	if (strstr(x->path, "alt=sse")) /* Gemini's own */
		cr_expect_str_eq(h->path.ptr + m, x->path + n, "%s/%s", x->provider, x->name);
	SAME(x, h->n_targets, 1, "targets");
	SAME(x, h->late_target, 0, "target comes first");
}

static void check_models(exchange *x, const char *operation)
{
	const json_t *want = exchange_expects(x, "models");
	plug_models m;
	plug_http h;
	size_t i;

	plug_models_init(&m);
	plug_http_init(&h);
	plug_begin(x->p);
	SAME(x, play_models(x, operation, &h, &m), 0, "code");
	same_target(x, &h);
	SAME(x, m.n, json_array_size(want), "number of models");
	same_text(x, &m.cursor, exchange_expects(x, "next"), "next page");
	SAME(x, m.n_next, exchange_expects(x, "next") != NULL, "further pages");
	for (i = 0; i < json_array_size(want) && i < m.n; i++)
		same_model(x, &m.rows[i], json_array_get(want, i));
	plug_models_done(&m);
	plug_http_done(&h);
}

/* ---- backwards: the request ---- */

static void put_missing(json_t *body, const char *key, json_t *value)
{
	if (json_object_get(body, key))
		json_decref(value);
	else
		json_object_set_new(body, key, value);
}

/* Two ways to say one thing, of which openai.so writes the other. */
static void plain_openai(json_t *body)
{
	json_t *choice = json_object_get(body, "tool_choice");
	json_t *message;
	size_t i;

	if (json_is_string(choice) && strcmp(json_string_value(choice), "auto") == 0)
		json_object_del(body, "tool_choice");
	json_array_foreach(json_object_get(body, "messages"), i, message)
	{
		json_t *content = json_object_get(message, "content");
		json_t *text = json_object_get(json_array_get(content, 0), "text");

		if (json_array_size(content) == 1 && text)
			json_object_set(message, "content", text);
	}
}

/* The mode that holds when none is said. */
static void plain_gemini(json_t *body)
{
	const json_t *config = json_object_get(
		json_object_get(body, "toolConfig"), "functionCallingConfig");
	const char *mode = json_string_value(json_object_get(config, "mode"));

	if (mode && strcmp(mode, "AUTO") == 0)
		json_object_del(body, "toolConfig");
}

/* What the plugin adds to a fixture's body. */
static json_t *wanted_body(const exchange *x)
{
	json_t *body = exchange_json(x, ".request.json");
	json_t *built = json_object_get(x->expectation, "built");
	int stream = json_is_true(json_object_get(x->expectation, "stream"));

	cr_assert(body, "%s/%s has no request", x->provider, x->name);
	if (strcmp(x->provider, "openai") == 0)
		plain_openai(body);
	if (built) {
		json_object_update(body, built);
		return body;
	}
	if (strcmp(x->provider, "gemini") == 0) {
		plain_gemini(body);
		return body;
	}
	put_missing(body, "stream", json_boolean(stream));
	if (strcmp(x->provider, "ollama") == 0) {
		cr_assert(!json_object_get(body, "truncate") && !json_object_get(body, "shift"));
		json_object_set_new(body, "truncate", json_false());
		json_object_set_new(body, "shift", json_false());
	} else if (stream) {
		put_missing(body, "stream_options", json_pack("{s:b}", "include_usage", 1));
	}
	return body;
}

static void check_request(exchange *x, const json_t *request)
{
	int stream = json_is_true(json_object_get(x->expectation, "stream"));
	llm_request_view rq;
	plug_http h;
	json_t *want = wanted_body(x);
	json_t *got;

	SAME(x, neutral_view(x->p, request, stream, &rq), 0, "neutral request");
	plug_http_init(&h);
	plug_begin(x->p);
	SAME(x, x->p->v->build_request(x->p->instance, &rq, &h.sink), 0, "build_request");
	same_target(x, &h);
	SAME(x, h.n_warnings, 0, "warnings");
	got = json_loads(h.body.ptr ? h.body.ptr : "", JSON_REJECT_DUPLICATES, NULL);
	cr_expect(
		neutral_same(got, want), "%s/%s: the body is %s", x->provider, x->name, h.body.ptr);
	json_decref(got);
	json_decref(want);
	plug_http_done(&h);
}

static void check_chat(exchange *x)
{
	const json_t *request = json_object_get(x->expectation, "request");

	if (json_is_object(request))
		check_request(x, request);
	else
		cr_expect(exchange_pinned(x, json_string_value(request)),
			"%s/%s: \"%s\" is not"
			" pinned",
			x->provider, x->name, json_string_value(request));
}

static void check_exchange(exchange *x)
{
	const char *operation = json_string_value(json_object_get(x->expectation, "operation"));

	cr_assert(operation, "%s/%s: no operation", x->provider, x->name);
	if (strcmp(operation, "chat") == 0)
		check_chat(x);
	else if (strcmp(operation, "none") != 0)
		check_models(x, operation);
}

Test(provider_requests, R_ERR_7_ollama)
{
	cr_expect_eq(play_all(TEST_BINARY_DIR, "ollama", check_exchange), 51);
}

Test(provider_requests, openai)
{
	cr_expect_eq(play_all(TEST_BINARY_DIR, "openai", check_exchange), 78);
}

Test(provider_requests, gemini)
{
	cr_expect_eq(play_all(TEST_BINARY_DIR, "gemini", check_exchange), 51);
}

/* A fixture that was mended is taken off the list. */
Test(provider_requests, pins_are_there)
{
	const exchange_pin *pin;
	exchange x;
	plug p;

	cr_assert_eq(plug_open(&p, TEST_BINARY_DIR "/plugins/ollama.so", NULL), 0);
	for (pin = exchange_pins; pin->name; pin++) {
		cr_expect_eq(exchange_read(&x, &p, pin->provider, pin->name), 0, "%s", pin->name);
		exchange_done(&x);
	}
	plug_close(&p);
}
