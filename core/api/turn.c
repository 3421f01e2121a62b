/* An answer as a turn of the next request (llm_request_add_result). */
#include "run/call.h"

typedef struct turn {
	const llm_result *r;
	llm_message *m;
	size_t told; /* bytes of the text that are in the turn */
} turn;

static int32_t attach(turn *t, const llm_result_part *p)
{
	return llm_message_opaque(t->m, p->provider, p->opaque_kind, p->data, p->len);
}

static int32_t attach_all(turn *t, uint32_t part, uint32_t index)
{
	int32_t rc = 0;
	size_t i;

	for (i = 0; !rc && i < t->r->parts.n; i++) {
		const llm_result_part *p = t->r->parts.items[i];

		if (p->kind == LLM_PART_OPAQUE && p->part == part && p->part_index == index)
			rc = attach(t, p);
	}
	return rc;
}

static int32_t add_reasoning(turn *t)
{
	const buf *text = &t->r->reasoning;
	int32_t rc;

	if (!text->len)
		return 0;
	rc = llm_message_reasoning(t->m, buf_text(text), text->len);
	return rc ? rc : attach_all(t, LLM_PART_REASONING, 0);
}

/* The text up to there that is not in the turn yet. */
static int32_t add_text(turn *t, size_t end)
{
	const char *text = buf_text(&t->r->text) + t->told;
	size_t len = end > t->told ? end - t->told : 0;

	t->told += len;
	return len ? llm_message_text(t->m, text, len) : 0;
}

static int has_call(const llm_result *r, uint32_t index)
{
	size_t i;

	for (i = 0; i < r->tools.n; i++)
		if (((const tool_acc *)r->tools.items[i])->index == index)
			return 1;
	return 0;
}

/* Does another part of the turn carry it? */
static int goes_elsewhere(const turn *t, const llm_result_part *p)
{
	if (p->part == LLM_PART_REASONING)
		return t->r->reasoning.len > 0;
	return p->part == LLM_PART_TOOL_CALL && has_call(t->r, p->part_index);
}

/* On the text that it ends, on the bytes that it follows, or on an empty text of its own. */
static int32_t add_opaque(turn *t, const llm_result_part *p)
{
	const int has_text = p->text_len > t->told;
	const int is_on_text = p->part == LLM_PART_TEXT && has_text;
	const int is_on_bytes = p->part >= LLM_PART_IMAGE && p->part <= LLM_PART_FILE &&
		!has_text && t->m->parts.n;
	int32_t rc = add_text(t, p->text_len);

	if (!rc && !is_on_text && !is_on_bytes)
		rc = llm_message_text(t->m, "", 0);
	return rc ? rc : attach(t, p);
}

static int32_t add_part(turn *t, const llm_result_part *p)
{
	int32_t rc;

	if (p->kind == LLM_PART_OPAQUE)
		return goes_elsewhere(t, p) ? 0 : add_opaque(t, p);
	rc = add_text(t, p->text_len);
	return rc ? rc : llm_message_data(t->m, p->kind, p->media_type, p->data, p->len);
}

static int32_t add_call(turn *t, const tool_acc *c)
{
	const char *arguments = c->arguments.len ? buf_text(&c->arguments) : "{}";
	int32_t rc = llm_message_tool_call(
		t->m, buf_text(&c->id), buf_text(&c->name), arguments, LLM_NUL_TERMINATED);

	return rc ? rc : attach_all(t, LLM_PART_TOOL_CALL, c->index);
}

static int32_t add_all(turn *t)
{
	const llm_result *r = t->r;
	int32_t rc = add_reasoning(t);
	size_t i;

	for (i = 0; !rc && i < r->parts.n; i++)
		rc = add_part(t, r->parts.items[i]);
	if (!rc)
		rc = add_text(t, r->text.len);
	for (i = 0; !rc && i < r->tools.n; i++)
		rc = add_call(t, r->tools.items[i]);
	return rc;
}

int32_t llm_request_add_result(llm_request *rq, const llm_result *r)
{
	turn t = {.r = r};
	int32_t rc = request_open(rq);

	if (rc)
		return rc;
	if (!r || !(r->text.len || r->reasoning.len || r->parts.n || r->tools.n))
		return request_refuse(
			rq, LLM_E_INVALID_REQUEST, "the result holds nothing that could be a turn");
	rc = llm_request_message(rq, LLM_ROLE_ASSISTANT, &t.m);
	if (rc)
		return rc;
	rc = add_all(&t);
	if (rc)
		rq->messages.n--; /* the turn, just begun */
	return rc;
}
