/*
 * parts.c - one part of a message on its way out, with the signatures attached to it.
 *
 * A signature goes back byte for byte, on the part that it came on. What stands alone in an
 * answer (a signature behind all text, a part of a kind that is not read here) is a part
 * of its own again.
 */
#include <string.h>

#include "gemini.h"

enum { TOLD_REASONING = 1, TOLD_TOKEN = 2, TOLD_UNSIGNED = 4 };

static int32_t refuse(const gemini_writer *w, const char *text)
{
	return kit_error(w->g->host, LLM_E_UNSUPPORTED, text, NULL, NULL);
}

static int32_t wrong(const gemini_writer *w, const char *text)
{
	return kit_error(w->g->host, LLM_E_INVALID_REQUEST, text, NULL, NULL);
}

static int32_t warn_once(gemini_writer *w, int bit, const char *text)
{
	int told = w->told & bit;

	w->told |= bit;
	return told ? 0 : kit_warn(w->out, text);
}

static uint32_t role_of(const llm_message_view *m)
{
	return m->role == LLM_ROLE_ASSISTANT ? LLM_ROLE_ASSISTANT : LLM_ROLE_USER;
}

static int is_ours(const llm_opaque_view *o, const char *kind)
{
	return o->provider && o->kind && strcmp(o->provider, GEMINI_ID) == 0 &&
		strcmp(o->kind, kind) == 0;
}

/* The place of the first signature in the part's list, n_opaque when there is none. */
static size_t find_signature(const llm_part_view *p)
{
	size_t i = 0;

	while (i < p->n_opaque && !is_ours(p->opaque[i], GEMINI_SIGNATURE))
		i++;
	return i;
}

static void write_signature(gemini_writer *w, const llm_opaque_view *o)
{
	jsonw_key(w->w, "thoughtSignature");
	jsonw_string(w->w, o->data.ptr, o->data.len);
}

/* Ends a part, with its signature when it has one. */
static void end_part(gemini_writer *w, const llm_part_view *p)
{
	size_t i = find_signature(p);

	if (i < p->n_opaque)
		write_signature(w, p->opaque[i]);
	jsonw_object_end(w->w);
}

static int32_t write_text(gemini_writer *w, const llm_message_view *m, const llm_part_view *p)
{
	if (m->role == LLM_ROLE_TOOL)
		return wrong(w, "a turn of a tool holds tool results, not text");
	if (p->text.len == 0 && find_signature(p) == p->n_opaque)
		return 0;
	gemini_open(w, role_of(m));
	jsonw_object(w->w);
	jsonw_key(w->w, "text");
	jsonw_string(w->w, p->text.ptr, p->text.len);
	end_part(w, p);
	return 0;
}

/* Summaries are not taken as reasoning; one with a signature goes back as it came. */
static int32_t write_reasoning(gemini_writer *w, const llm_message_view *m, const llm_part_view *p)
{
	if (m->role != LLM_ROLE_ASSISTANT)
		return wrong(w, "reasoning stands in turns of the assistant only");
	if (find_signature(p) == p->n_opaque)
		return warn_once(w, TOLD_REASONING,
			"Gemini takes no reasoning of earlier turns; it was left out");
	gemini_open(w, LLM_ROLE_ASSISTANT);
	jsonw_object(w->w);
	jsonw_key(w->w, "text");
	jsonw_string(w->w, p->text.ptr, p->text.len);
	jsonw_key(w->w, "thought");
	jsonw_bool(w->w, 1);
	end_part(w, p);
	return 0;
}

static int32_t media_check(
	const gemini_writer *w, const llm_message_view *m, const llm_part_view *p)
{
	if (m->role == LLM_ROLE_TOOL)
		return wrong(w, "a turn of a tool holds tool results, nothing else");
	if (p->data.len == 0 && (!p->url || strncmp(p->url, "https://", 8) != 0))
		return refuse(w,
			"Gemini takes images, audio and files as bytes or by an address that"
			" begins with https://; pass the bytes");
	if (p->data.len > 0 && !p->media_type)
		return wrong(w, "bytes of an image, audio or file need their media type");
	if (p->media_type && kit_same_name(p->media_type, "image/gif"))
		return refuse(w, "Gemini takes no GIF; convert it to PNG, JPEG or WebP");
	return 0;
}

static int32_t write_media(gemini_writer *w, const llm_message_view *m, const llm_part_view *p)
{
	int inside = p->data.len > 0;
	int32_t rc = media_check(w, m, p);

	if (rc)
		return rc;
	gemini_open(w, role_of(m));
	jsonw_object(w->w);
	jsonw_key(w->w, inside ? "inlineData" : "fileData");
	jsonw_object(w->w);
	if (p->media_type) {
		jsonw_key(w->w, "mimeType");
		jsonw_cstring(w->w, p->media_type);
	}
	jsonw_key(w->w, inside ? "data" : "fileUri");
	if (inside)
		jsonw_base64(w->w, p->data.ptr, p->data.len);
	else
		jsonw_cstring(w->w, p->url);
	jsonw_object_end(w->w);
	end_part(w, p);
	return 0;
}

/* ---- calls and results ---- */

/* The model's own ids only: older models give none, and refuse what they did not give. */
static void write_id(gemini_writer *w, const char *id)
{
	int old = w->family.generation > 0 && w->family.generation < 300;

	if (!id || !id[0] || old || strncmp(id, GEMINI_NO_ID, strlen(GEMINI_NO_ID)) == 0)
		return;
	jsonw_key(w->w, "id");
	jsonw_cstring(w->w, id);
}

/*
 * Since 3 the first call of each step of the current turn must carry a signature. One that
 * another model made has none; these words make the server take it all the same.
 */
static int32_t write_escape(gemini_writer *w, const llm_part_view *p)
{
	if (w->called || !w->in_turn || w->keep_calls || !gemini_wants_signatures(&w->family) ||
		find_signature(p) < p->n_opaque)
		return 0;
	jsonw_key(w->w, "thoughtSignature");
	jsonw_cstring(w->w, "skip_thought_signature_validator");
	return warn_once(w, TOLD_UNSIGNED,
		"a tool call without its thought signature was marked so that Gemini takes it;"
		" answers may be worse");
}

static int32_t write_call(gemini_writer *w, const llm_message_view *m, const llm_part_view *p)
{
	int32_t rc;

	if (m->role != LLM_ROLE_ASSISTANT || !p->name)
		return wrong(w, "a tool call stands in a turn of the assistant and has a name");
	if (p->text.len > 0 && !kit_is_object(&p->text))
		return kit_error(w->g->host, LLM_E_INVALID_REQUEST,
			"the arguments of the call of \"", p->name, "\" are not a JSON object");
	gemini_open(w, LLM_ROLE_ASSISTANT);
	jsonw_object(w->w);
	jsonw_key(w->w, "functionCall");
	jsonw_object(w->w);
	jsonw_key(w->w, "name");
	jsonw_cstring(w->w, p->name);
	jsonw_key(w->w, "args");
	if (p->text.len > 0)
		jsonw_raw(w->w, p->text.ptr, p->text.len);
	else
		jsonw_raw(w->w, "{}", 2);
	write_id(w, p->id);
	jsonw_object_end(w->w);
	rc = write_escape(w, p);
	w->called = 1;
	end_part(w, p);
	return rc;
}

/* The name of the call with that id, or null. */
static const char *called_name(const llm_request_view *rq, const char *id)
{
	const llm_part_view *p;
	size_t i, k;

	for (i = rq->n_messages; id && i > 0; i--)
		for (k = 0; k < rq->messages[i - 1]->n_parts; k++) {
			p = rq->messages[i - 1]->parts[k];
			if (p->kind == LLM_PART_TOOL_CALL && p->id && strcmp(p->id, id) == 0)
				return p->name;
		}
	return NULL;
}

/*
 * What a tool said is a JSON value if it reads as one, else a text. A number goes as one
 * only while it is short: the server keeps 53 bits of it.
 */
static int is_value(const llm_bytes *text)
{
	int kind;
	jsonr r;

	jsonr_init(&r, text->ptr, text->len);
	kind = jsonr_peek(&r);
	if (kind == JSONR_NONE || kind == JSONR_NULL || (kind == JSONR_NUMBER && text->len > 15))
		return 0;
	jsonr_skip(&r);
	return jsonr_finish(&r) == 0;
}

static int32_t write_result(gemini_writer *w, const llm_message_view *m, const llm_part_view *p)
{
	const char *name = p->name ? p->name : called_name(w->rq, p->id);

	if (m->role != LLM_ROLE_TOOL)
		return wrong(w, "a tool result stands in a turn of a tool");
	if (!name)
		return wrong(w, "a tool result needs the tool's name: no call has its id");
	gemini_open(w, LLM_ROLE_USER);
	jsonw_object(w->w);
	jsonw_key(w->w, "functionResponse");
	jsonw_object(w->w);
	jsonw_key(w->w, "name");
	jsonw_cstring(w->w, name);
	write_id(w, p->id);
	jsonw_key(w->w, "response");
	jsonw_object(w->w);
	jsonw_key(w->w, p->is_error ? "error" : "output");
	if (is_value(&p->text))
		jsonw_raw(w->w, p->text.ptr, p->text.len);
	else
		jsonw_string(w->w, p->text.ptr, p->text.len);
	jsonw_object_end(w->w);
	jsonw_object_end(w->w);
	jsonw_object_end(w->w);
	return 0;
}

/* ---- what stands alone ---- */

static int32_t write_alone(gemini_writer *w, const llm_message_view *m, const llm_opaque_view *o)
{
	if (is_ours(o, GEMINI_TOKEN))
		return warn_once(w, TOLD_TOKEN,
			"Gemini's continuation token is not sent: the answer begins anew");
	if (is_ours(o, GEMINI_SIGNATURE)) {
		gemini_open(w, role_of(m));
		jsonw_object(w->w);
		jsonw_key(w->w, "text");
		jsonw_cstring(w->w, "");
		write_signature(w, o);
		jsonw_object_end(w->w);
	} else if (is_ours(o, GEMINI_PART)) {
		if (!kit_is_object(&o->data))
			return wrong(w, "an opaque part of Gemini's is not what Gemini sent");
		gemini_open(w, role_of(m));
		jsonw_raw(w->w, o->data.ptr, o->data.len);
	}
	return 0;
}

static int32_t write_kind(gemini_writer *w, const llm_message_view *m, const llm_part_view *p)
{
	switch (p->kind) {
	case LLM_PART_TEXT:
		return write_text(w, m, p);
	case LLM_PART_REASONING:
		return write_reasoning(w, m, p);
	case LLM_PART_TOOL_CALL:
		return write_call(w, m, p);
	case LLM_PART_TOOL_RESULT:
		return write_result(w, m, p);
	case LLM_PART_IMAGE:
	case LLM_PART_AUDIO:
	case LLM_PART_FILE:
		return write_media(w, m, p);
	case LLM_PART_OPAQUE:
		return 0;
	default:
		return refuse(w, "a part of this kind cannot be sent to Gemini");
	}
}

int32_t gemini_write_part(gemini_writer *w, const llm_message_view *m, const llm_part_view *p)
{
	int32_t rc = write_kind(w, m, p);
	size_t first = p->kind == LLM_PART_OPAQUE ? p->n_opaque : find_signature(p);
	size_t i;

	for (i = 0; rc == 0 && i < p->n_opaque; i++)
		if (i != first) /* that one stands on the part itself */
			rc = write_alone(w, m, p->opaque[i]);
	return rc;
}
