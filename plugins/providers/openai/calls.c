/*
 * calls.c - tool calls, whole or in pieces, as OpenAI and its look-alikes send them.
 *
 * {"index":0,"id":"..","type":"function","function":{"name":"..","arguments":"{\"a\":"}}
 *
 * Pieces of one call share an index, which may begin at 1. Without one, a piece with a new
 * id begins a call and any other belongs to the last one. Ids and names may be repeated in
 * every piece, and a name may come in pieces: so a call is held back until its arguments
 * begin, the next call begins, or the answer ends. Arguments are passed on as they came; an
 * object in place of a text is passed on as it is written. The free text of a custom tool
 * becomes the member "input" of an object.
 */
#include <string.h>

#include "openai.h"

#define CALLS_MAX 128
#define CUSTOM_OPEN "{\"input\":\""
#define CUSTOM_CLOSE "\"}"

struct openai_call {
	openai_call *next;
	int64_t wire_index; /* -1: none was said */
	uint32_t index; /* ours */
	const char *id; /* or null */
	const char *name; /* or null */
	int told; /* its first piece was pushed */
	int begun; /* arguments came */
	int custom;
};

/* One element of tool_calls. */
typedef struct piece {
	int64_t index; /* -1: not said */
	jsonr_text id;
	jsonr_text name;
	jsonr_text text; /* arguments as a text, or a custom tool's input */
	llm_bytes object; /* arguments as an object */
	int custom;
	int bad;
} piece;

/* ---- reading ---- */

static void read_arguments(jsonr *r, piece *p)
{
	if (jsonr_peek(r) == JSONR_OBJECT)
		jsonr_raw(r, &p->object);
	else
		p->bad |= !kit_string_or_null(r, &p->text);
}

static void read_function(jsonr *r, piece *p)
{
	jsonr_text key;

	if (jsonr_peek(r) == JSONR_NULL)
		return;
	if (!jsonr_enter_object(r)) {
		p->bad = 1;
		return;
	}
	while (jsonr_member(r, &key)) {
		if (jsonr_is(&key, "name"))
			p->bad |= !kit_string_or_null(r, &p->name);
		else if (jsonr_is(&key, "arguments"))
			read_arguments(r, p);
		else if (p->custom && jsonr_is(&key, "input"))
			p->bad |= !kit_string_or_null(r, &p->text);
	}
}

static void read_piece(jsonr *r, piece *p)
{
	jsonr_text key;

	memset(p, 0, sizeof(*p));
	p->index = -1;
	if (!jsonr_enter_object(r)) {
		p->bad = 1;
		return;
	}
	while (jsonr_member(r, &key)) {
		if (jsonr_is(&key, "index")) {
			kit_count(r, &p->index);
		} else if (jsonr_is(&key, "id")) {
			jsonr_string(r, &p->id);
		} else if (jsonr_is(&key, "function")) {
			read_function(r, p);
		} else if (jsonr_is(&key, "custom")) {
			p->custom = 1;
			read_function(r, p);
		}
	}
}

int openai_calls_fit(const llm_bytes *calls)
{
	size_t n = 0;
	int bad = 0;
	piece p;
	jsonr r;

	jsonr_init(&r, calls->ptr, calls->len);
	jsonr_enter_array(&r);
	while (jsonr_element(&r)) {
		read_piece(&r, &p);
		bad |= p.bad || ++n > CALLS_MAX;
	}
	return !bad;
}

/* ---- which call a piece belongs to ---- */

static int same_id(const openai_call *c, const piece *p)
{
	return c->id && p->id.len > 0 && jsonr_is(&p->id, c->id);
}

/* The last call with the piece's index or id. */
static openai_call *find_call(const openai_stream *s, const piece *p)
{
	openai_call *found = NULL;
	openai_call *c;

	for (c = s->calls; c; c = c->next)
		if (p->index >= 0 ? c->wire_index == p->index : same_id(c, p))
			found = c;
	if (!found && p->index < 0 && p->id.len == 0)
		found = s->last_call;
	return found;
}

/* A call that has its arguments does not get another name: some number all calls alike. */
static int begins_another(const openai_call *c, const piece *p)
{
	if (!c->begun || p->name.len == 0)
		return 0;
	return p->id.len > 0 ? !same_id(c, p) : p->index < 0;
}

static openai_call *add_call(const openai *o, openai_stream *s, const piece *p)
{
	openai_call *c = o->host->alloc(o->host->ctx, LLM_SCOPE_ATTEMPT, sizeof(*c));

	if (!c)
		return NULL;
	c->wire_index = p->index;
	c->index = s->n_calls++;
	c->custom = p->custom;
	if (s->last_call)
		s->last_call->next = c;
	else
		s->calls = c;
	s->last_call = c;
	return c;
}

/* ---- id and name ---- */

/* Is it the name of a tool of the request? */
static int is_tool(const openai_stream *s, const char *name)
{
	const llm_request_view *rq = s->request;
	size_t i;

	for (i = 0; rq && i < rq->n_tools; i++)
		if (strcmp(rq->tools[i]->name, name) == 0)
			return 1;
	return 0;
}

/* A second text for the name: a repetition, or the rest of it. */
static int32_t join_name(const openai *o, const openai_stream *s, openai_call *c, const char *more)
{
	size_t n = strlen(c->name);
	size_t m = strlen(more) + 1;
	char *joined;

	if (strcmp(c->name, more) == 0)
		return 0;
	joined = o->host->alloc(o->host->ctx, LLM_SCOPE_ATTEMPT, n + m);
	if (!joined)
		return LLM_E_NOMEM;
	memcpy(joined, c->name, n);
	memcpy(joined + n, more, m);
	if (!is_tool(s, c->name) || is_tool(s, joined))
		c->name = joined;
	return 0;
}

static int32_t take_names(const openai *o, const openai_stream *s, openai_call *c, const piece *p)
{
	char *text;

	if (!c->id && p->id.len > 0) {
		c->id = kit_string(o->host, LLM_SCOPE_ATTEMPT, &p->id);
		if (!c->id)
			return LLM_E_NOMEM;
	}
	if (c->told || p->name.len == 0)
		return 0;
	text = kit_string(o->host, LLM_SCOPE_ATTEMPT, &p->name);
	if (!text)
		return LLM_E_NOMEM;
	if (c->name)
		return join_name(o, s, c, text);
	c->name = text;
	return 0;
}

/* ---- pushing ---- */

static int32_t push_nameless(openai_stream *s, const llm_result_sink *out)
{
	llm_bytes code = kit_text("tool_call_without_name");

	return openai_push_failure(s, &code, "a tool call of the answer has no name", out);
}

/* A piece of arguments, and with the first one all that is known of the call. */
static int32_t push_piece(openai_stream *s, openai_call *c, llm_bytes arguments, uint32_t complete,
	const llm_result_sink *out)
{
	llm_tool_delta d = {.struct_size = (uint32_t)sizeof(d),
		.index = c->index,
		.arguments = arguments,
		.complete = complete};

	if (s->failed)
		return 0;
	if (!c->told && (!c->name || !c->name[0]))
		return push_nameless(s, out);
	if (!c->told) {
		d.id = kit_text(c->id);
		d.name = kit_text(c->name);
		c->told = 1;
	}
	return out->tool_call(out->ctx, &d);
}

/* What was held back, of all calls so far. */
static int32_t push_held(openai_stream *s, const llm_result_sink *out)
{
	int32_t rc = 0;
	openai_call *c;

	for (c = s->calls; rc == 0 && c; c = c->next)
		if (!c->told)
			rc = push_piece(s, c, kit_text(""), 0, out);
	return rc;
}

static int32_t push_arguments(const openai *o, openai_stream *s, openai_call *c, const piece *p,
	const llm_result_sink *out)
{
	llm_bytes text = p->object;
	int32_t rc = 0;

	if (p->object.len == 0 && p->text.len == 0)
		return 0;
	if (c->custom) { /* still escaped, so it fits between quotes as it is */
		text.ptr = p->text.raw;
		text.len = p->text.len;
		if (!c->begun)
			rc = push_piece(s, c, kit_text(CUSTOM_OPEN), 0, out);
	} else if (p->object.len == 0) {
		rc = kit_decode(o->host, LLM_SCOPE_SCRATCH, &p->text, &text);
	}
	c->begun = 1;
	return rc ? rc : push_piece(s, c, text, 0, out);
}

static int32_t take_piece(
	const openai *o, openai_stream *s, const piece *p, const llm_result_sink *out)
{
	openai_call *c = s->whole ? NULL : find_call(s, p);
	llm_bytes code = kit_text("too_many_tool_calls");
	int32_t rc;

	if (!c || begins_another(c, p)) {
		if (s->n_calls == CALLS_MAX)
			return openai_push_failure(
				s, &code, "the answer holds more than 128 tool calls", out);
		rc = push_held(s, out);
		if (rc || s->failed)
			return rc;
		c = add_call(o, s, p);
		if (!c)
			return LLM_E_NOMEM;
	}
	rc = take_names(o, s, c, p);
	return rc ? rc : push_arguments(o, s, c, p, out);
}

int32_t openai_read_calls(
	const openai *o, openai_stream *s, const llm_bytes *calls, const llm_result_sink *out)
{
	int32_t rc = 0;
	piece p;
	jsonr r;

	jsonr_init(&r, calls->ptr, calls->len);
	jsonr_enter_array(&r);
	while (rc == 0 && !s->failed && jsonr_element(&r)) {
		read_piece(&r, &p);
		rc = take_piece(o, s, &p, out);
	}
	return rc;
}

/* ---- function_call: one call, which never has an id ---- */

static void read_old(const llm_bytes *call, piece *p)
{
	jsonr r;

	memset(p, 0, sizeof(*p));
	p->index = 0;
	jsonr_init(&r, call->ptr, call->len);
	read_function(&r, p);
}

int openai_old_call_fits(const llm_bytes *call)
{
	piece p;

	read_old(call, &p);
	return !p.bad;
}

int32_t openai_read_old_call(
	const openai *o, openai_stream *s, const llm_bytes *call, const llm_result_sink *out)
{
	piece p;

	read_old(call, &p);
	return take_piece(o, s, &p, out);
}

/* ---- the end ---- */

int32_t openai_end_calls(openai_stream *s, const llm_result_sink *out)
{
	int32_t rc = 0;
	openai_call *c;
	const char *rest;

	for (c = s->calls; rc == 0 && !s->failed && c; c = c->next) {
		if (c->custom)
			rest = c->begun ? CUSTOM_CLOSE : CUSTOM_OPEN CUSTOM_CLOSE;
		else
			rest = c->begun ? "" : "{}";
		rc = push_piece(s, c, kit_text(rest), 1, out);
	}
	return rc;
}
