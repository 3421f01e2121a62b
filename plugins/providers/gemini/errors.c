/*
 * errors.c - what Gemini says when it fails.
 *
 * {"error":{"code":429,"message":"..","status":"RESOURCE_EXHAUSTED","details":[..]}}, or that
 * in an array of one, or in the text of a message that a proxy wrote. Front ends send HTML.
 */
#include <string.h>

#include "gemini.h"

typedef struct found {
	jsonr_text message;
	jsonr_text status;
	llm_bytes code; /* as written, without quotes */
	llm_bytes details;
	llm_bytes error; /* the value of "error", an object */
	jsonr_text text; /* or a text */
} found;

static void read_code(jsonr *r, found *f)
{
	jsonr_text text;

	if (jsonr_peek(r) == JSONR_NUMBER)
		jsonr_number(r, &f->code);
	else if (jsonr_string(r, &text))
		f->code = (llm_bytes){text.raw, text.len};
}

static void read_member(jsonr *r, const jsonr_text *key, found *f)
{
	if (jsonr_is(key, "message"))
		jsonr_string(r, &f->message);
	else if (jsonr_is(key, "status"))
		jsonr_string(r, &f->status);
	else if (jsonr_is(key, "code"))
		read_code(r, f);
	else if (jsonr_is(key, "details"))
		jsonr_raw(r, &f->details);
	else if (jsonr_is(key, "error") && jsonr_peek(r) == JSONR_OBJECT)
		jsonr_raw(r, &f->error);
	else if (jsonr_is(key, "error"))
		jsonr_string(r, &f->text);
}

/* 1 when the text is one object, or an array that begins with one. */
static int read_object(const llm_bytes *json, found *f)
{
	jsonr_text key;
	int in_array;
	jsonr r;

	jsonr_init(&r, json->ptr, json->len);
	in_array = jsonr_enter_array(&r) && jsonr_element(&r);
	if (!jsonr_enter_object(&r))
		return 0;
	while (jsonr_member(&r, &key))
		read_member(&r, &key, f);
	while (in_array && jsonr_element(&r))
		;
	return jsonr_finish(&r) == 0;
}

/* ---- facts ---- */

static int32_t status_of(const found *f)
{
	static const struct {
		const char *name;
		int32_t status;
	} names[] = {
		{"INVALID_ARGUMENT", 400},
		{"FAILED_PRECONDITION", 400},
		{"OUT_OF_RANGE", 400},
		{"UNAUTHENTICATED", 401},
		{"PERMISSION_DENIED", 403},
		{"NOT_FOUND", 404},
		{"ABORTED", 409},
		{"ALREADY_EXISTS", 409},
		{"RESOURCE_EXHAUSTED", 429},
		{"CANCELLED", 499},
		{"UNIMPLEMENTED", 501},
		{"UNAVAILABLE", 503},
		{"DEADLINE_EXCEEDED", 504},
	};
	int64_t status;
	size_t i;

	if (num_read_i64(f->code.ptr, f->code.len, &status) && status >= 400 && status <= 599)
		return (int32_t)status;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (jsonr_is(&f->status, names[i].name))
			return names[i].status;
	return 500;
}

/* "... Please retry in 38.922534355s.", where the details do not say it. */
static int64_t delay_in(const llm_bytes *message)
{
	static const char lead[] = "Please retry in ";
	size_t n = sizeof(lead) - 1;
	size_t i = 0;
	size_t end;

	while (i + n <= message->len && memcmp(message->ptr + i, lead, n) != 0)
		i++;
	i += n;
	for (end = i; end < message->len && message->ptr[end] != 's'; end++)
		;
	return end < message->len ? gemini_duration_ms(message->ptr + i, end + 1 - i) : -1;
}

static void fill_facts(const gemini *g, uint32_t scope, const found *f, llm_error_facts *facts)
{
	gemini_details d;

	gemini_read_details(&f->details, &d);
	if (f->message.len > 0)
		kit_decode(g->host, scope, &f->message, &facts->message);
	kit_decode(g->host, scope, &f->status, &facts->type);
	kit_decode(g->host, scope, d.quota.len > 0 ? &d.quota : &d.reason, &facts->code);
	facts->status = status_of(f);
	facts->retry_after_ms = d.delay_ms >= 0 ? d.delay_ms : delay_in(&facts->message);
	if (d.spent) { /* the delay that comes along is that of the minute */
		facts->type = kit_text(GEMINI_SPENT);
		facts->retry_after_ms = -1;
	}
}

/* The object that says what happened, when a message is the JSON text of another error. */
static void unwrap(const gemini *g, uint32_t scope, found *f)
{
	found outer = {{"", 0, 0}, {"", 0, 0}, {"", 0}, {"", 0}, {"", 0}, {"", 0, 0}};
	found inner = outer;
	llm_bytes text;

	if (f->message.len == 0 || kit_decode(g->host, scope, &f->message, &text))
		return;
	if (text.ptr[0] != '{' || !read_object(&text, &outer) || outer.error.len == 0)
		return;
	if (read_object(&outer.error, &inner) && inner.message.len > 0)
		*f = inner;
}

int gemini_error_facts(
	const gemini *g, uint32_t scope, const llm_bytes *json, llm_error_facts *ret_facts)
{
	found outer = {{"", 0, 0}, {"", 0, 0}, {"", 0}, {"", 0}, {"", 0}, {"", 0, 0}};
	found inner = outer;

	if (!read_object(json, &outer))
		return 0;
	if (outer.error.len > 2) { /* more than {} */
		read_object(&outer.error, &inner);
		unwrap(g, scope, &inner);
		ret_facts->message = outer.error; /* when it has no message */
		fill_facts(g, scope, &inner, ret_facts);
		return 1;
	}
	if (outer.text.len == 0)
		return 0;
	inner.message = outer.text;
	fill_facts(g, scope, &inner, ret_facts);
	return 1;
}

int32_t gemini_classify_error(
	void *instance, const llm_reply_view *reply, llm_error_facts *ret_facts)
{
	const gemini *g = instance;
	llm_error_facts facts = {.struct_size = (uint32_t)sizeof(facts), .retry_after_ms = -1};

	if (!gemini_error_facts(g, LLM_SCOPE_ATTEMPT, &reply->body, &facts))
		facts.message = kit_plain_body(&reply->body);
	facts.status = 0; /* the HTTP status says it */
	*ret_facts = facts;
	return 0;
}
