/*
 * messages.c - the conversation.
 *
 * All system text goes into one message at the start, parted by blank lines: look-alikes
 * take no more. A user's turn becomes parts when it holds more than one text; elsewhere
 * texts are joined, as many servers take only a string there. Each tool result is a
 * message of its own; what a tool shows besides (images) follows all results of a round in
 * a message of the user, because nothing may stand between a call and its results.
 */
#include <string.h>

#include "openai.h"

typedef struct writer {
	const openai *o;
	const llm_request_view *rq;
	jsonw *w;
	llm_bytes detail; /* of images, unless one has its own */
} writer;

static int32_t invalid(const openai *o, const char *text)
{
	return kit_error(o->host, LLM_E_INVALID_REQUEST, text, NULL, NULL);
}

/* ---- checks ---- */

static int is_media(const llm_part_view *p)
{
	return p->kind == LLM_PART_IMAGE || p->kind == LLM_PART_AUDIO || p->kind == LLM_PART_FILE;
}

static int32_t media_check(const openai *o, const llm_message_view *m, const llm_part_view *p)
{
	if (m->role == LLM_ROLE_USER || m->role == LLM_ROLE_TOOL)
		return openai_media_check(o, p);
	return kit_error(o->host, LLM_E_UNSUPPORTED,
		"images, audio and files stand in turns of the user and of tools only", NULL, NULL);
}

static int32_t call_check(const openai *o, const llm_message_view *m, const llm_part_view *p)
{
	if (m->role == LLM_ROLE_ASSISTANT && p->name && p->id && p->id[0])
		return 0;
	return invalid(o,
		"a tool call needs an id and a name and stands in a turn of the"
		" assistant");
}

static int32_t part_check(const openai *o, const llm_message_view *m, const llm_part_view *p)
{
	switch (p->kind) {
	case LLM_PART_TEXT:
		return m->role != LLM_ROLE_TOOL ?
			0 :
			invalid(o, "a turn of a tool holds tool results, not text");
	case LLM_PART_OPAQUE:
		return 0;
	case LLM_PART_REASONING:
		return m->role == LLM_ROLE_ASSISTANT ?
			0 :
			invalid(o, "reasoning stands in turns of the assistant only");
	case LLM_PART_TOOL_CALL:
		return call_check(o, m, p);
	case LLM_PART_TOOL_RESULT:
		return m->role == LLM_ROLE_TOOL && p->id && p->id[0] ?
			0 :
			invalid(o,
				"a tool result needs the id of its call and stands in a turn"
				" of a tool");
	default:
		break;
	}
	return is_media(p) ? media_check(o, m, p) : invalid(o, "a part's kind is not known");
}

static int32_t message_check(const openai *o, const llm_message_view *m)
{
	int32_t rc = 0;
	size_t i;

	if (m->role < LLM_ROLE_SYSTEM || m->role > LLM_ROLE_TOOL)
		return invalid(o, "a turn has a role that is not known");
	for (i = 0; rc == 0 && i < m->n_parts; i++)
		rc = part_check(o, m, m->parts[i]);
	return rc ? rc : openai_history_check(o, m);
}

int32_t openai_messages_check(const openai *o, const llm_request_view *rq)
{
	int32_t rc = 0;
	size_t i;

	for (i = 0; rc == 0 && i < rq->n_messages; i++)
		rc = message_check(o, rq->messages[i]);
	return rc;
}

/* ---- pieces ---- */

static size_t count_kind(const llm_message_view *m, uint32_t kind)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < m->n_parts; i++)
		n += m->parts[i]->kind == kind;
	return n;
}

static int has_text(const llm_message_view *m)
{
	size_t i;

	for (i = 0; i < m->n_parts; i++)
		if (m->parts[i]->kind == LLM_PART_TEXT && m->parts[i]->text.len > 0)
			return 1;
	return 0;
}

static int has_media(const llm_message_view *m)
{
	size_t i;

	for (i = 0; i < m->n_parts; i++)
		if (is_media(m->parts[i]))
			return 1;
	return 0;
}

/* Inside a string that is open. */
static void write_texts(jsonw *w, const llm_message_view *m)
{
	size_t i;

	for (i = 0; i < m->n_parts; i++)
		if (m->parts[i]->kind == LLM_PART_TEXT)
			jsonw_string_part(w, m->parts[i]->text.ptr, m->parts[i]->text.len);
}

static void write_string(jsonw *w, const llm_message_view *m)
{
	jsonw_string_open(w);
	write_texts(w, m);
	jsonw_string_close(w);
}

/* Inside an array that is open. */
static void write_parts(const writer *x, const llm_message_view *m)
{
	const llm_opaque_view *own;
	size_t i;

	for (i = 0; i < m->n_parts; i++) {
		if (m->parts[i]->kind != LLM_PART_TEXT && !is_media(m->parts[i]))
			continue;
		own = openai_opaque(m->parts[i], OPENAI_DETAIL, NULL);
		openai_write_part(x->w, m->parts[i], own ? &own->data : &x->detail);
	}
}

static void open_message(jsonw *w, const char *role)
{
	jsonw_object(w);
	jsonw_key(w, "role");
	jsonw_cstring(w, role);
	jsonw_key(w, "content");
}

/* ---- turns ---- */

static void write_system(const writer *x)
{
	int open = 0;
	size_t i;

	for (i = 0; i < x->rq->n_messages; i++) {
		if (x->rq->messages[i]->role != LLM_ROLE_SYSTEM)
			continue;
		if (open) {
			jsonw_string_part(x->w, "\n\n", 2);
		} else {
			open_message(x->w, x->o->system);
			jsonw_string_open(x->w);
			open = 1;
		}
		write_texts(x->w, x->rq->messages[i]);
	}
	if (!open)
		return;
	jsonw_string_close(x->w);
	jsonw_object_end(x->w);
}

static void write_user(const writer *x, const llm_message_view *m)
{
	open_message(x->w, "user");
	if (count_kind(m, LLM_PART_TEXT) > 1 || has_media(m)) {
		jsonw_array(x->w);
		write_parts(x, m);
		jsonw_array_end(x->w);
	} else {
		write_string(x->w, m);
	}
	jsonw_object_end(x->w);
}

static void write_call(const writer *x, const llm_part_view *p)
{
	jsonw *w = x->w;

	jsonw_object(w);
	jsonw_key(w, "id");
	openai_write_id(x->o, w, p->id);
	jsonw_key(w, "type");
	jsonw_cstring(w, "function");
	jsonw_key(w, "function");
	jsonw_object(w);
	jsonw_key(w, "name");
	jsonw_cstring(w, p->name);
	jsonw_key(w, "arguments");
	if (p->text.len > 0) /* as received: the model may have got it wrong */
		jsonw_string(w, p->text.ptr, p->text.len);
	else
		jsonw_cstring(w, "{}");
	jsonw_object_end(w);
	jsonw_object_end(w);
}

static void write_assistant(const writer *x, const llm_message_view *m)
{
	int calls = count_kind(m, LLM_PART_TOOL_CALL) > 0;
	size_t i;

	open_message(x->w, "assistant");
	if (calls && !has_text(m))
		jsonw_null(x->w);
	else
		write_string(x->w, m);
	if (calls) {
		jsonw_key(x->w, "tool_calls");
		jsonw_array(x->w);
		for (i = 0; i < m->n_parts; i++)
			if (m->parts[i]->kind == LLM_PART_TOOL_CALL)
				write_call(x, m->parts[i]);
		jsonw_array_end(x->w);
	}
	openai_write_history(x->o, x->w, m);
	jsonw_object_end(x->w);
}

static void write_result(const writer *x, const llm_part_view *p)
{
	open_message(x->w, "tool");
	jsonw_string_open(x->w);
	if (p->is_error) /* the wire has no flag for it */
		jsonw_string_part(x->w, "Error: ", 7);
	jsonw_string_part(x->w, p->text.ptr, p->text.len);
	jsonw_string_close(x->w);
	jsonw_key(x->w, "tool_call_id");
	openai_write_id(x->o, x->w, p->id);
	jsonw_object_end(x->w);
}

static void write_results(const writer *x, const llm_message_view *m)
{
	size_t i;

	for (i = 0; i < m->n_parts; i++)
		if (m->parts[i]->kind == LLM_PART_TOOL_RESULT)
			write_result(x, m->parts[i]);
}

/* What the tools of turns `first` to before `end` show besides. */
static void write_shown(const writer *x, size_t first, size_t end)
{
	int open = 0;
	size_t i;

	for (i = first; i < end; i++) {
		if (!has_media(x->rq->messages[i]))
			continue;
		if (!open) {
			open_message(x->w, "user");
			jsonw_array(x->w);
			open = 1;
		}
		write_parts(x, x->rq->messages[i]);
	}
	if (!open)
		return;
	jsonw_array_end(x->w);
	jsonw_object_end(x->w);
}

/* The turns of tools from `first` on; returns the place behind them. */
static size_t write_round(const writer *x, size_t first)
{
	size_t i;

	for (i = first; i < x->rq->n_messages; i++) {
		uint32_t role = x->rq->messages[i]->role;

		if (role == LLM_ROLE_TOOL)
			write_results(x, x->rq->messages[i]);
		else if (role != LLM_ROLE_SYSTEM)
			break;
	}
	write_shown(x, first, i);
	return i;
}

int32_t openai_write_messages(const openai *o, kit_doc *d, const llm_request_view *rq)
{
	writer x = {o, rq, &d->w, {"", 0}};
	const char *detail;
	int32_t rc;
	size_t i = 0;

	rc = openai_option_text(o, rq, "image_detail", &detail);
	if (rc)
		return rc;
	if (detail)
		x.detail = kit_text(detail);
	kit_doc_member(d, "messages");
	jsonw_array(x.w);
	write_system(&x);
	while (i < rq->n_messages) {
		const llm_message_view *m = rq->messages[i];

		if (m->role == LLM_ROLE_TOOL) {
			i = write_round(&x, i);
			continue;
		}
		if (m->role == LLM_ROLE_USER)
			write_user(&x, m);
		else if (m->role == LLM_ROLE_ASSISTANT)
			write_assistant(&x, m);
		i++;
	}
	jsonw_array_end(x.w);
	return 0;
}
