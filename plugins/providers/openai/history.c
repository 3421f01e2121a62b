/*
 * history.c - the reasoning of earlier turns, where a server takes it back.
 *
 * Text goes into the field that the configuration names. OpenRouter's reasoning_details
 * came as opaque parts and go back as they are: some models check them.
 */
#include <string.h>

#include "openai.h"

const llm_opaque_view *openai_opaque(
	const llm_part_view *p, const char *kind, const llm_opaque_view *prev)
{
	int behind = prev == NULL;
	size_t i;

	for (i = 0; i < p->n_opaque; i++) {
		const llm_opaque_view *o = p->opaque[i];

		if (behind && strcmp(o->provider, OPENAI_ID) == 0 && strcmp(o->kind, kind) == 0)
			return o;
		behind |= o == prev;
	}
	return NULL;
}

/* Calls `each` for every opaque part with details; stops at the first that returns non-zero. */
static int each_details(
	const llm_message_view *m, int (*each)(void *ctx, const llm_bytes *data), void *ctx)
{
	const llm_opaque_view *o;
	int rc = 0;
	size_t i;

	for (i = 0; i < m->n_parts; i++) {
		o = openai_opaque(m->parts[i], OPENAI_DETAILS, NULL);
		for (; rc == 0 && o; o = openai_opaque(m->parts[i], OPENAI_DETAILS, o))
			rc = each(ctx, &o->data);
	}
	return rc;
}

static int is_no_array(void *ctx, const llm_bytes *data)
{
	jsonr r;

	(void)ctx;
	jsonr_init(&r, data->ptr, data->len);
	if (jsonr_peek(&r) != JSONR_ARRAY)
		return 1;
	jsonr_skip(&r);
	return jsonr_finish(&r) != 0;
}

int32_t openai_history_check(const openai *o, const llm_message_view *m)
{
	if (o->history != OPENAI_HISTORY_DETAILS || !each_details(m, is_no_array, NULL))
		return 0;
	return kit_error(o->host, LLM_E_INVALID_REQUEST,
		"an opaque part reasoning_details is not the JSON array that the answer held", NULL,
		NULL);
}

static int write_details(void *ctx, const llm_bytes *data)
{
	llm_bytes value;
	jsonr r;

	jsonr_init(&r, data->ptr, data->len);
	jsonr_enter_array(&r);
	while (jsonr_element(&r) && jsonr_raw(&r, &value))
		jsonw_raw(ctx, value.ptr, value.len);
	return 0;
}

static int found(void *ctx, const llm_bytes *data)
{
	(void)ctx;
	(void)data;
	return 1;
}

static int has_reasoning(const llm_message_view *m)
{
	size_t i;

	for (i = 0; i < m->n_parts; i++)
		if (m->parts[i]->kind == LLM_PART_REASONING)
			return 1;
	return 0;
}

static void write_text(jsonw *w, const char *key, const llm_message_view *m)
{
	size_t i;

	jsonw_key(w, key);
	jsonw_string_open(w);
	for (i = 0; i < m->n_parts; i++)
		if (m->parts[i]->kind == LLM_PART_REASONING)
			jsonw_string_part(w, m->parts[i]->text.ptr, m->parts[i]->text.len);
	jsonw_string_close(w);
}

void openai_write_history(const openai *o, jsonw *w, const llm_message_view *m)
{
	if (o->history == OPENAI_HISTORY_DETAILS && each_details(m, found, NULL)) {
		jsonw_key(w, "reasoning_details");
		jsonw_array(w);
		each_details(m, write_details, w);
		jsonw_array_end(w);
	}
	if (!has_reasoning(m))
		return;
	if (o->history == OPENAI_HISTORY_CONTENT)
		write_text(w, "reasoning_content", m);
	else if (o->history == OPENAI_HISTORY_TEXT)
		write_text(w, "reasoning", m);
}

static int loses(const openai *o, const llm_message_view *m)
{
	if (!has_reasoning(m) || o->history == OPENAI_HISTORY_CONTENT ||
		o->history == OPENAI_HISTORY_TEXT)
		return 0;
	/* The details say what the text says. */
	return o->history == OPENAI_HISTORY_NONE || !each_details(m, found, NULL);
}

int openai_loses_reasoning(const openai *o, const llm_request_view *rq)
{
	size_t i;

	for (i = 0; i < rq->n_messages; i++)
		if (loses(o, rq->messages[i]))
			return 1;
	return 0;
}
