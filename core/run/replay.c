/* replay.c - from a result to bytes that can be stored, and back to a result and its stream. */
#include "replay.h"

#include <string.h>

#include "base/text.h"
#include "store/answer.h"

#define PIECE ((size_t)4096) /* of a stream (R-CACHE-12) */

/* ---- to bytes ---- */

static llm_bytes bytes_of(const buf *b)
{
	return (llm_bytes){buf_text(b), b->len};
}

static int32_t list_tools(const llm_result *r, answer *a)
{
	answer_tool *tools = arena_array(r->ar, r->tools.n + 1, sizeof(*tools));
	size_t i;

	if (!tools)
		return LLM_E_NOMEM;
	for (i = 0; i < r->tools.n; i++) {
		const tool_acc *t = r->tools.items[i];

		tools[i] = (answer_tool){
			t->index, bytes_of(&t->id), bytes_of(&t->name), bytes_of(&t->arguments)};
	}
	a->tools = tools;
	a->n_tools = r->tools.n;
	return 0;
}

static int32_t list_parts(const llm_result *r, answer *a)
{
	llm_result_part *parts = arena_array(r->ar, r->parts.n + 1, sizeof(*parts));
	size_t i;

	if (!parts)
		return LLM_E_NOMEM;
	for (i = 0; i < r->parts.n; i++)
		parts[i] = *(const llm_result_part *)r->parts.items[i];
	a->parts = parts;
	a->n_parts = r->parts.n;
	return 0;
}

int32_t replay_write(const llm_call *c, buf *out)
{
	const llm_result *r = &c->res;
	answer a = {.run_id = r->run_id,
		.candidate = c->at->cand.id,
		.provider = r->provider,
		.model = r->model,
		.response_model = r->response_model,
		.response_id = r->response_id,
		.request_id = r->request_id,
		.finish_raw = r->finish_raw,
		.usage_raw = r->usage_raw,
		.text = bytes_of(&r->text),
		.reasoning = bytes_of(&r->reasoning),
		.logprobs = bytes_of(&r->logprobs),
		.finish = r->finish,
		.usage = r->usage,
		.warnings = (const char *const *)r->warnings.items,
		.n_warnings = r->warnings.n,
		.error = r->error};
	int32_t rc = list_tools(r, &a);

	if (!rc)
		rc = list_parts(r, &a);
	return rc ? rc : answer_write(&a, out);
}

/* ---- to a result ---- */

static int32_t fill_tool(llm_call *c, const answer_tool *from)
{
	tool_acc *t = arena_new(&c->ar, sizeof(*t));
	int32_t rc;

	if (!t)
		return LLM_E_NOMEM;
	buf_init(&t->id, &c->mem, 0);
	buf_init(&t->name, &c->mem, 0);
	buf_init(&t->arguments, &c->mem, 0);
	t->index = from->index;
	rc = call_push(&c->ar, &c->res.tools, t);
	if (!rc)
		rc = buf_add(&t->id, from->id.ptr, from->id.len);
	if (!rc)
		rc = buf_add(&t->name, from->name.ptr, from->name.len);
	return rc ? rc : buf_add(&t->arguments, from->arguments.ptr, from->arguments.len);
}

static int32_t fill_part(llm_call *c, const llm_result_part *from)
{
	llm_result_part *p = arena_new(&c->ar, sizeof(*p));

	if (!p)
		return LLM_E_NOMEM;
	*p = *from; /* its texts are in the arena already */
	p->data = arena_dup(&c->ar, from->data, from->len);
	return p->data ? call_push(&c->ar, &c->res.parts, p) : LLM_E_NOMEM;
}

static int32_t fill_lists(llm_call *c, const answer *a)
{
	int32_t rc = 0;
	size_t i;

	for (i = 0; !rc && i < a->n_tools; i++)
		rc = fill_tool(c, &a->tools[i]);
	for (i = 0; !rc && i < a->n_parts; i++)
		rc = fill_part(c, &a->parts[i]);
	for (i = 0; !rc && i < a->n_warnings; i++) {
		char *copy = arena_str(&c->ar, a->warnings[i]);

		rc = copy ? call_push(&c->ar, &c->res.warnings, copy) : LLM_E_NOMEM;
	}
	return rc;
}

static void fill_names(llm_result *r, const answer *a)
{
	r->provider = a->provider;
	r->model = a->model;
	r->response_model = a->response_model;
	r->response_id = a->response_id;
	r->request_id = a->request_id;
	r->finish_raw = a->finish_raw;
	r->usage_raw = a->usage_raw;
	r->finish = a->finish;
}

/* What was paid for it is told apart from what is paid now (R-IDEM-11, R-CACHE-11). */
static int32_t fill_origin(llm_call *c, const replay *from, const answer *a)
{
	llm_result *r = &c->res;
	retold *o = arena_new(&c->ar, sizeof(*o));

	if (!o)
		return LLM_E_NOMEM;
	*o = (retold){.source = from->source,
		.run_id = a->run_id,
		.candidate = a->candidate,
		.usage = a->usage,
		.age_ms = from->age_ms};
	r->from = o;
	r->usage = (llm_usage){.struct_size = sizeof(r->usage)};
	return 0;
}

/* The run goes on, with an answer of its own. */
static void unfill(llm_result *r, size_t warnings)
{
	call_answer_done(r);
	r->tools.n = r->parts.n = 0;
	r->warnings.n = warnings;
}

int32_t replay_fill(llm_call *c, const replay *from, llm_err *ret_error)
{
	llm_result *r = &c->res;
	const size_t warnings = r->warnings.n;
	answer a;
	int32_t rc = answer_read(&from->stored, &c->ar, &a);

	if (rc)
		return rc;
	rc = fill_lists(c, &a);
	if (!rc)
		rc = buf_add(&r->text, a.text.ptr, a.text.len);
	if (!rc)
		rc = buf_add(&r->reasoning, a.reasoning.ptr, a.reasoning.len);
	if (!rc)
		rc = buf_add(&r->logprobs, a.logprobs.ptr, a.logprobs.len);
	if (!rc)
		rc = fill_origin(c, from, &a);
	if (rc) {
		unfill(r, warnings);
		return rc;
	}
	fill_names(r, &a);
	*ret_error = a.error;
	return 0;
}

/* ---- to a stream ---- */

static int32_t tell_start(llm_call *c)
{
	const char *id = c->res.from->candidate ? c->res.from->candidate : "";
	const llm_event e = {.struct_size = (uint32_t)sizeof(e),
		.kind = LLM_EVENT_START,
		.text = id,
		.len = strlen(id)};

	return deliver(c, &e);
}

static int32_t tell_warnings(llm_call *c)
{
	llm_event e = {.struct_size = (uint32_t)sizeof(e), .kind = LLM_EVENT_WARNING};
	int32_t rc = 0;
	size_t i;

	for (i = 0; !rc && i < c->res.warnings.n; i++) {
		e.text = c->res.warnings.items[i];
		e.len = strlen(e.text);
		rc = deliver(c, &e);
	}
	return rc;
}

/* In pieces that end with a character; a tool call is told of also without arguments. */
static int32_t tell_pieces(llm_call *c, llm_event *e, const buf *b, int at_least_one)
{
	const char *text = buf_text(b);
	size_t left = b->len;
	char piece[PIECE + 1]; /* an event's text ends in NUL */
	int32_t rc = 0;

	while (!rc && (left || at_least_one)) {
		e->len = utf8_cut(text, left, PIECE);
		memcpy(piece, text, e->len);
		piece[e->len] = '\0';
		e->text = piece;
		rc = deliver(c, e);
		text += e->len;
		left -= e->len;
		at_least_one = 0;
	}
	return rc;
}

static int32_t tell_text(llm_call *c, uint32_t kind, const buf *b)
{
	llm_event e = {.struct_size = (uint32_t)sizeof(e), .kind = kind};

	return tell_pieces(c, &e, b, 0);
}

static int32_t tell_answer(llm_call *c)
{
	llm_event e = {.struct_size = (uint32_t)sizeof(e), .kind = LLM_EVENT_TOOL_CALL};
	int32_t rc = tell_text(c, LLM_EVENT_REASONING, &c->res.reasoning);
	size_t i;

	if (!rc)
		rc = tell_text(c, LLM_EVENT_TEXT, &c->res.text);
	for (i = 0; !rc && i < c->res.tools.n; i++) {
		const tool_acc *t = c->res.tools.items[i];

		e.index = t->index;
		e.id = buf_text(&t->id);
		e.name = buf_text(&t->name);
		rc = tell_pieces(c, &e, &t->arguments, 1);
	}
	return rc;
}

int32_t replay_end(llm_call *c, const replay *from)
{
	llm_result *r = &c->res;
	llm_err failed = LLM_ERR_INIT;
	int32_t rc = replay_fill(c, from, &failed);

	if (rc)
		return rc;
	c->whole = 1;
	rc = from->says_start ? tell_start(c) : 0;
	if (!rc)
		rc = tell_warnings(c);
	if (!rc)
		rc = tell_answer(c);
	if (rc) { /* short of memory for a reader */
		err_set(&r->error, rc, "out of memory");
		run_complete_error(c, NULL, rc);
	} else if (failed.code) {
		r->error = failed;
		rc = failed.code;
	}
	run_end(c, rc);
	return 0;
}
