/*
 * contents.c - the turns of the conversation.
 *
 * Gemini has two roles, user and model; system text stands apart. Results of tools are the
 * user's. Neighbouring turns of one role are one content: turns with calls are checked by
 * their place. A part without anything in it, and a turn without parts, is left out.
 */
#include "gemini.h"

/* All system text, a part each, wherever it stood. */
static int32_t write_system(gemini_writer *w, const llm_message_view *m, int *ret_open)
{
	size_t i;

	for (i = 0; i < m->n_parts; i++) {
		if (m->parts[i]->kind != LLM_PART_TEXT)
			return kit_error(w->g->host, LLM_E_UNSUPPORTED,
				"Gemini takes nothing but text in a turn of the system", NULL,
				NULL);
		if (m->parts[i]->text.len == 0)
			continue;
		if (!*ret_open) {
			jsonw_key(w->w, "systemInstruction");
			jsonw_object(w->w);
			jsonw_key(w->w, "parts");
			jsonw_array(w->w);
			*ret_open = 1;
		}
		jsonw_object(w->w);
		jsonw_key(w->w, "text");
		jsonw_string(w->w, m->parts[i]->text.ptr, m->parts[i]->text.len);
		jsonw_object_end(w->w);
	}
	return 0;
}

static int32_t write_systems(gemini_writer *w)
{
	int32_t rc = 0;
	int open = 0;
	size_t i;

	for (i = 0; rc == 0 && i < w->rq->n_messages; i++)
		if (w->rq->messages[i]->role == LLM_ROLE_SYSTEM)
			rc = write_system(w, w->rq->messages[i], &open);
	if (open) {
		jsonw_array_end(w->w);
		jsonw_object_end(w->w);
	}
	if (rc == 0 && open && kit_option(w->rq, "cached_content"))
		return kit_error(w->g->host, LLM_E_INVALID_REQUEST,
			"with cached_content the system text is in the cache;"
			" leave it out of the request",
			NULL, NULL);
	return rc;
}

static void close_content(gemini_writer *w)
{
	if (!w->open)
		return;
	jsonw_array_end(w->w);
	jsonw_object_end(w->w);
	w->open = 0;
}

void gemini_open(gemini_writer *w, uint32_t role)
{
	if (w->open == role)
		return;
	close_content(w);
	jsonw_object(w->w);
	jsonw_key(w->w, "role");
	jsonw_cstring(w->w, role == LLM_ROLE_ASSISTANT ? "model" : "user");
	jsonw_key(w->w, "parts");
	jsonw_array(w->w);
	w->open = role;
	w->called = 0;
}

static int32_t write_message(gemini_writer *w, const llm_message_view *m)
{
	int32_t rc = 0;
	size_t i;

	if (m->role == LLM_ROLE_SYSTEM)
		return 0;
	if (m->role < LLM_ROLE_SYSTEM || m->role > LLM_ROLE_TOOL)
		return kit_error(w->g->host, LLM_E_INVALID_REQUEST,
			"a turn has a role that is not known", NULL, NULL);
	for (i = 0; rc == 0 && i < m->n_parts; i++)
		rc = gemini_write_part(w, m, m->parts[i]);
	return rc;
}

/* The current turn is everything since the user spoke last. */
static size_t turn_start(const llm_request_view *rq)
{
	size_t i = rq->n_messages;

	while (i > 0 && rq->messages[i - 1]->role != LLM_ROLE_USER)
		i--;
	return i;
}

int32_t gemini_write_contents(
	const gemini *g, kit_doc *d, const llm_request_view *rq, const llm_http_sink *out)
{
	gemini_writer w = {.g = g, .w = &d->w, .rq = rq, .out = out};
	int32_t rc;
	size_t i;

	w.family = gemini_family_of(rq->model);
	w.turn = turn_start(rq);
	w.keep_calls = !gemini_switch(rq, "skip_signature_check", 1);
	rc = write_systems(&w);
	if (rc)
		return rc;
	kit_doc_member(d, "contents");
	jsonw_array(&d->w);
	for (i = 0; rc == 0 && i < rq->n_messages; i++) {
		w.in_turn = i >= w.turn;
		rc = write_message(&w, rq->messages[i]);
	}
	close_content(&w);
	jsonw_array_end(&d->w);
	return rc;
}
