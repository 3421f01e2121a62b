/*
 * messages.c - the conversation: text turns of system, user and assistant.
 *
 * All system text goes into one message at the start, parted by blank lines: look-alikes
 * take no more. Several texts of a user's turn stay parts; elsewhere they are joined, as
 * many servers take only a string there.
 */
#include "openai.h"

static int32_t unsupported(const openai *o, const char *text)
{
	return kit_error(o->host, LLM_E_UNSUPPORTED, text, NULL, NULL);
}

static int32_t part_check(const openai *o, const llm_message_view *m, const llm_part_view *p)
{
	switch (p->kind) {
	case LLM_PART_TEXT:
	case LLM_PART_OPAQUE: /* another provider's, never sent */
		return 0;
	case LLM_PART_REASONING:
		if (m->role == LLM_ROLE_ASSISTANT)
			return 0;
		return kit_error(o->host, LLM_E_INVALID_REQUEST,
			"reasoning stands in turns of the assistant only", NULL, NULL);
	case LLM_PART_TOOL_CALL:
	case LLM_PART_TOOL_RESULT:
		return unsupported(o, "tools are not in this version of the openai provider");
	default:
		return unsupported(o,
			"this version of the openai provider takes text only,"
			" no images, audio or files");
	}
}

static int32_t message_check(const openai *o, const llm_message_view *m)
{
	int32_t rc = 0;
	size_t i;

	if (m->role == LLM_ROLE_TOOL)
		return unsupported(o, "tools are not in this version of the openai provider");
	if (m->role < LLM_ROLE_SYSTEM || m->role > LLM_ROLE_TOOL)
		return kit_error(o->host, LLM_E_INVALID_REQUEST,
			"a turn has a role that is not known", NULL, NULL);
	for (i = 0; rc == 0 && i < m->n_parts; i++)
		rc = part_check(o, m, m->parts[i]);
	return rc;
}

static size_t count_texts(const llm_message_view *m)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < m->n_parts; i++)
		n += m->parts[i]->kind == LLM_PART_TEXT;
	return n;
}

/* Inside a string that is open. */
static void write_texts(jsonw *w, const llm_message_view *m)
{
	size_t i;

	for (i = 0; i < m->n_parts; i++)
		if (m->parts[i]->kind == LLM_PART_TEXT)
			jsonw_string_part(w, m->parts[i]->text.ptr, m->parts[i]->text.len);
}

static void write_parts(jsonw *w, const llm_message_view *m)
{
	size_t i;

	jsonw_array(w);
	for (i = 0; i < m->n_parts; i++) {
		if (m->parts[i]->kind != LLM_PART_TEXT)
			continue;
		jsonw_object(w);
		jsonw_key(w, "type");
		jsonw_cstring(w, "text");
		jsonw_key(w, "text");
		jsonw_string(w, m->parts[i]->text.ptr, m->parts[i]->text.len);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void open_message(jsonw *w, const char *role)
{
	jsonw_object(w);
	jsonw_key(w, "role");
	jsonw_cstring(w, role);
	jsonw_key(w, "content");
}

static void write_turn(jsonw *w, const llm_message_view *m)
{
	int user = m->role == LLM_ROLE_USER;

	open_message(w, user ? "user" : "assistant");
	if (user && count_texts(m) > 1) {
		write_parts(w, m);
	} else {
		jsonw_string_open(w);
		write_texts(w, m);
		jsonw_string_close(w);
	}
	jsonw_object_end(w);
}

static void write_system(jsonw *w, const llm_request_view *rq)
{
	int open = 0;
	size_t i;

	for (i = 0; i < rq->n_messages; i++) {
		if (rq->messages[i]->role != LLM_ROLE_SYSTEM)
			continue;
		if (open) {
			jsonw_string_part(w, "\n\n", 2);
		} else {
			open_message(w, "system");
			jsonw_string_open(w);
			open = 1;
		}
		write_texts(w, rq->messages[i]);
	}
	if (!open)
		return;
	jsonw_string_close(w);
	jsonw_object_end(w);
}

int32_t openai_write_messages(const openai *o, kit_doc *d, const llm_request_view *rq)
{
	int32_t rc = 0;
	size_t i;

	for (i = 0; rc == 0 && i < rq->n_messages; i++)
		rc = message_check(o, rq->messages[i]);
	if (rc)
		return rc;
	kit_doc_member(d, "messages");
	jsonw_array(&d->w);
	write_system(&d->w, rq);
	for (i = 0; i < rq->n_messages; i++)
		if (rq->messages[i]->role != LLM_ROLE_SYSTEM)
			write_turn(&d->w, rq->messages[i]);
	jsonw_array_end(&d->w);
	return 0;
}
