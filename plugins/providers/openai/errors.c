/*
 * errors.c - errors in all the shapes that speak this protocol:
 *
 * {"error":{"message","type","param","code"}}, {"error":"text"}, {"object":"error",
 * "message",...}, {"message":..}, {"detail":"text"}, {"detail":[{"msg":..}]}, and bodies
 * that are no JSON. In this order; a null or empty `error` is none.
 */
#include "openai.h"

typedef struct found {
	jsonr_text message;
	jsonr_text type;
	jsonr_text code; /* a text */
	llm_bytes number; /* or a number, as written */
	llm_bytes error; /* the value of `error`, an object */
	jsonr_text text; /* or a text */
	jsonr_text detail;
	jsonr_text request_id;
	int moderated; /* OpenRouter tells why the input was refused */
} found;

static void read_code(jsonr *r, found *f)
{
	if (jsonr_peek(r) == JSONR_NUMBER)
		jsonr_number(r, &f->number);
	else
		jsonr_string(r, &f->code);
}

static void read_error(jsonr *r, found *f)
{
	if (jsonr_peek(r) == JSONR_OBJECT)
		jsonr_raw(r, &f->error);
	else
		jsonr_string(r, &f->text);
}

/* A text, or the `msg` of the first of an array. */
static void read_detail(jsonr *r, found *f)
{
	jsonr_text key;

	if (!jsonr_enter_array(r)) {
		jsonr_string(r, &f->detail);
		return;
	}
	while (jsonr_element(r)) {
		if (f->detail.len > 0 || !jsonr_enter_object(r))
			continue;
		while (jsonr_member(r, &key))
			if (jsonr_is(&key, "msg"))
				jsonr_string(r, &f->detail);
	}
}

static void read_metadata(jsonr *r, found *f)
{
	jsonr_text key;

	if (!jsonr_enter_object(r))
		return;
	while (jsonr_member(r, &key))
		if (jsonr_is(&key, "reasons") && jsonr_enter_array(r))
			while (jsonr_element(r))
				f->moderated = 1;
}

static void read_member(jsonr *r, const jsonr_text *key, found *f)
{
	if (jsonr_is(key, "message"))
		jsonr_string(r, &f->message);
	else if (jsonr_is(key, "type"))
		jsonr_string(r, &f->type);
	else if (jsonr_is(key, "code"))
		read_code(r, f);
	else if (jsonr_is(key, "error"))
		read_error(r, f);
	else if (jsonr_is(key, "detail"))
		read_detail(r, f);
	else if (jsonr_is(key, "request_id"))
		jsonr_string(r, &f->request_id);
	else if (jsonr_is(key, "metadata"))
		read_metadata(r, f);
}

/* 1 when the text is one object. */
static int read_object(const llm_bytes *json, found *f)
{
	jsonr_text key;
	jsonr r;

	jsonr_init(&r, json->ptr, json->len);
	if (!jsonr_enter_object(&r))
		return 0;
	while (jsonr_member(&r, &key))
		read_member(&r, &key, f);
	return jsonr_finish(&r) == 0;
}

/* The text that says what happened; null when the body tells of no error. */
static const jsonr_text *error_text(const found *f)
{
	if (f->text.len > 0)
		return &f->text;
	if (f->message.len > 0)
		return &f->message;
	return f->detail.len > 0 ? &f->detail : NULL;
}

/* A number from 400 to 599, as a code that is the status; or what the type stands for. */
static int32_t status_of(const llm_bytes *code, const llm_bytes *type)
{
	int64_t status;

	if (num_read_i64(code->ptr, code->len, &status) && status >= 400 && status <= 599)
		return (int32_t)status;
	return kit_is(type, "invalid_request_error") ? 400 : 0;
}

static void fill_facts(const openai *o, uint32_t scope, const found *f, llm_error_facts *facts)
{
	const jsonr_text *text = error_text(f);

	if (text)
		kit_decode(o->host, scope, text, &facts->message);
	kit_decode(o->host, scope, &f->type, &facts->type);
	if (f->number.len > 0)
		facts->code = f->number;
	else
		kit_decode(o->host, scope, &f->code, &facts->code);
	kit_decode(o->host, scope, &f->request_id, &facts->request_id);
	if (f->moderated)
		facts->type = kit_text("moderation");
	facts->status = status_of(&facts->code, &facts->type);
}

int openai_error_facts(
	const openai *o, uint32_t scope, const llm_bytes *json, llm_error_facts *ret_facts)
{
	found outer = {.number = {"", 0}};
	found inner = outer;

	if (!read_object(json, &outer))
		return 0;
	if (outer.error.len > 2) { /* more than {} */
		read_object(&outer.error, &inner);
		ret_facts->message = outer.error; /* when it has no message */
		fill_facts(o, scope, &inner, ret_facts);
		return 1;
	}
	if (!error_text(&outer))
		return 0;
	fill_facts(o, scope, &outer, ret_facts);
	return 1;
}

int32_t openai_classify_error(
	void *instance, const llm_reply_view *reply, llm_error_facts *ret_facts)
{
	const openai *o = instance;
	const char *id = kit_header(reply, "x-request-id");
	llm_error_facts facts = {.struct_size = (uint32_t)sizeof(facts), .retry_after_ms = -1};

	if (!openai_error_facts(o, LLM_SCOPE_ATTEMPT, &reply->body, &facts))
		facts.message = kit_plain_body(&reply->body);
	/* The HTTP status says it; but Groq's own one, of a service that is full, is not known. */
	facts.status = reply->status == 498 ? 429 : 0;
	if (id)
		facts.request_id = kit_text(id);
	*ret_facts = facts;
	return 0;
}
