#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ask.h"

void fault_set(struct fault *f, int status, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	f->status = status;
	f->text.len = 0;
	bytes_text(&f->text, text);
}

void fault_done(struct fault *f)
{
	bytes_done(&f->text);
	bytes_done(&f->where);
	json_decref(f->details);
}

json_t *ask_get(const json_t *object, const char *key)
{
	json_t *v = json_object_get(object, key);

	return json_is_null(v) ? NULL : v;
}

const char *ask_kind(const json_t *v)
{
	switch (v ? json_typeof(v) : JSON_NULL) {
	case JSON_OBJECT:
		return "object";
	case JSON_ARRAY:
		return "array";
	case JSON_STRING:
		return "string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "bool";
	default:
		return "null";
	}
}

static void parse_fault(const struct http_request *rq, json_error_t *e, struct fault *f)
{
	size_t at = e->position > 0 ? (size_t)e->position - 1 : 0;

	if (json_error_code(e) == json_error_premature_end_of_input || at >= rq->body.len)
		fault_set(f, 400, "unexpected EOF");
	else
		fault_set(f, 400, "invalid character '%c' looking for beginning of value",
			rq->body.ptr[at]);
}

json_t *ask_body(const struct http_request *rq, struct fault *f)
{
	json_error_t e;
	json_t *body;

	if (!rq->body.len) {
		fault_set(f, 400, "missing request body");
		return NULL;
	}
	body = json_loadb(rq->body.ptr, rq->body.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
	if (!body) {
		parse_fault(rq, &e, f);
		return NULL;
	}
	if (json_is_object(body))
		return body;
	fault_set(f, 400, "json: cannot unmarshal %s into Go value of type api.ChatRequest",
		ask_kind(body));
	json_decref(body);
	return NULL;
}

static void add_string(struct bytes *b, const json_t *v)
{
	if (!json_is_string(v))
		return;
	if (b->len)
		bytes_text(b, "\n");
	bytes_add(b, json_string_value(v), json_string_length(v));
}

void ask_text(struct bytes *b, const json_t *content)
{
	add_string(b, content);
	for (size_t i = 0; i < json_array_size(content); i++)
		add_string(b, json_object_get(json_array_get(content, i), "text"));
}

void ask_words(struct bytes *b, const json_t *input)
{
	add_string(b, input);
	if (json_is_integer(input))
		bytes_format(b, "%s%lld", b->len ? " " : "", (long long)json_integer_value(input));
	for (size_t i = 0; i < json_array_size(input); i++) {
		const json_t *one = json_array_get(input, i);

		if (!json_is_array(one)) /* an array of arrays is several inputs */
			ask_words(b, one);
	}
}
