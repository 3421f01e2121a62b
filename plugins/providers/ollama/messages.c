/*
 * messages.c - the conversation as Ollama wants it.
 *
 * Text parts of a turn are joined as they stand into one string. Each tool result is a
 * message of its own. Opaque parts belong to other providers and are left out.
 */
#include "ollama.h"

static const char *role_name(uint32_t role)
{
	switch (role) {
	case LLM_ROLE_SYSTEM:
		return "system";
	case LLM_ROLE_USER:
		return "user";
	case LLM_ROLE_ASSISTANT:
		return "assistant";
	case LLM_ROLE_TOOL:
		return "tool";
	default:
		return NULL;
	}
}

static int32_t refuse(const ollama *o, int32_t code, const char *text)
{
	return kit_error(o->host, code, text, NULL, NULL);
}

static int32_t image_check(const ollama *o, const llm_message_view *m, const llm_part_view *p)
{
	if (m->role != LLM_ROLE_USER)
		return refuse(
			o, LLM_E_UNSUPPORTED, "Ollama takes images in turns of the user only");
	if (p->data.len > 0)
		return 0;
	return refuse(o, LLM_E_UNSUPPORTED,
		"Ollama takes images as bytes, not by URL;"
		" fetch the image and pass its bytes");
}

static int32_t call_check(const ollama *o, const llm_message_view *m, const llm_part_view *p)
{
	if (m->role != LLM_ROLE_ASSISTANT || !p->name)
		return refuse(o, LLM_E_INVALID_REQUEST,
			"a tool call needs a name and stands in a turn of the assistant");
	if (p->text.len == 0 || kit_is_object(&p->text))
		return 0;
	return kit_error(o->host, LLM_E_INVALID_REQUEST, "the arguments of the call of tool \"",
		p->name, "\" are not a JSON object, and Ollama takes nothing else");
}

static int32_t part_check(const ollama *o, const llm_message_view *m, const llm_part_view *p)
{
	switch (p->kind) {
	case LLM_PART_TEXT:
		return m->role != LLM_ROLE_TOOL ?
			0 :
			refuse(o, LLM_E_INVALID_REQUEST,
				"a turn of a tool holds tool results, not text");
	case LLM_PART_IMAGE:
		return image_check(o, m, p);
	case LLM_PART_REASONING:
		return m->role == LLM_ROLE_ASSISTANT ?
			0 :
			refuse(o, LLM_E_INVALID_REQUEST,
				"reasoning stands in turns of the assistant only");
	case LLM_PART_TOOL_CALL:
		return call_check(o, m, p);
	case LLM_PART_TOOL_RESULT:
		return m->role == LLM_ROLE_TOOL ?
			0 :
			refuse(o, LLM_E_INVALID_REQUEST,
				"a tool result stands in a turn of a tool");
	case LLM_PART_OPAQUE:
		return 0;
	default:
		return refuse(o, LLM_E_UNSUPPORTED,
			"Ollama takes text and images, no audio and no files");
	}
}

static int32_t message_check(const ollama *o, const llm_message_view *m)
{
	int32_t rc = 0;
	size_t i;

	if (!role_name(m->role))
		return refuse(o, LLM_E_INVALID_REQUEST, "a turn has a role that is not known");
	for (i = 0; rc == 0 && i < m->n_parts; i++)
		rc = part_check(o, m, m->parts[i]);
	return rc;
}

static int has_part(const llm_message_view *m, uint32_t kind)
{
	size_t i;

	for (i = 0; i < m->n_parts; i++)
		if (m->parts[i]->kind == kind)
			return 1;
	return 0;
}

static void write_text(jsonw *w, const char *key, const llm_message_view *m, uint32_t kind)
{
	size_t i;

	jsonw_key(w, key);
	jsonw_string_open(w);
	for (i = 0; i < m->n_parts; i++)
		if (m->parts[i]->kind == kind)
			jsonw_string_part(w, m->parts[i]->text.ptr, m->parts[i]->text.len);
	jsonw_string_close(w);
}

static void write_images(jsonw *w, const llm_message_view *m)
{
	size_t i;

	jsonw_key(w, "images");
	jsonw_array(w);
	for (i = 0; i < m->n_parts; i++)
		if (m->parts[i]->kind == LLM_PART_IMAGE)
			jsonw_base64(w, m->parts[i]->data.ptr, m->parts[i]->data.len);
	jsonw_array_end(w);
}

static void write_member(jsonw *w, const char *key, const char *text)
{
	if (!text || !text[0])
		return;
	jsonw_key(w, key);
	jsonw_cstring(w, text);
}

static void write_call(jsonw *w, const llm_part_view *p, int64_t index)
{
	jsonw_object(w);
	write_member(w, "id", p->id);
	jsonw_key(w, "function");
	jsonw_object(w);
	jsonw_key(w, "index");
	jsonw_int(w, index);
	jsonw_key(w, "name");
	jsonw_cstring(w, p->name);
	jsonw_key(w, "arguments");
	if (p->text.len > 0)
		jsonw_raw(w, p->text.ptr, p->text.len);
	else
		jsonw_raw(w, "{}", 2);
	jsonw_object_end(w);
	jsonw_object_end(w);
}

static void write_calls(jsonw *w, const llm_message_view *m)
{
	int64_t index = 0;
	size_t i;

	jsonw_key(w, "tool_calls");
	jsonw_array(w);
	for (i = 0; i < m->n_parts; i++)
		if (m->parts[i]->kind == LLM_PART_TOOL_CALL)
			write_call(w, m->parts[i], index++);
	jsonw_array_end(w);
}

static void write_turn(jsonw *w, const llm_message_view *m)
{
	jsonw_object(w);
	jsonw_key(w, "role");
	jsonw_cstring(w, role_name(m->role));
	write_text(w, "content", m, LLM_PART_TEXT);
	if (has_part(m, LLM_PART_REASONING))
		write_text(w, "thinking", m, LLM_PART_REASONING);
	if (has_part(m, LLM_PART_IMAGE))
		write_images(w, m);
	if (has_part(m, LLM_PART_TOOL_CALL))
		write_calls(w, m);
	jsonw_object_end(w);
}

static void write_result(jsonw *w, const llm_part_view *p)
{
	jsonw_object(w);
	jsonw_key(w, "role");
	jsonw_cstring(w, "tool");
	/* Older templates use the name, newer ones the id. */
	write_member(w, "tool_name", p->name);
	write_member(w, "tool_call_id", p->id);
	jsonw_key(w, "content");
	jsonw_string_open(w);
	if (p->is_error) /* the wire has no flag for it */
		jsonw_string_part(w, "Error: ", 7);
	jsonw_string_part(w, p->text.ptr, p->text.len);
	jsonw_string_close(w);
	jsonw_object_end(w);
}

static void write_message(jsonw *w, const llm_message_view *m)
{
	size_t i;

	if (m->role != LLM_ROLE_TOOL) {
		write_turn(w, m);
		return;
	}
	for (i = 0; i < m->n_parts; i++)
		if (m->parts[i]->kind == LLM_PART_TOOL_RESULT)
			write_result(w, m->parts[i]);
}

int32_t ollama_write_messages(const ollama *o, kit_doc *d, const llm_request_view *rq)
{
	int32_t rc = 0;
	size_t i;

	kit_doc_member(d, "messages");
	jsonw_array(&d->w);
	for (i = 0; rc == 0 && i < rq->n_messages; i++) {
		rc = message_check(o, rq->messages[i]);
		if (rc == 0)
			write_message(&d->w, rq->messages[i]);
	}
	jsonw_array_end(&d->w);
	return rc;
}
