/*
 * prompt.c - turns as JSON.
 */
#include "store/prompt.h"

#include <string.h>

#include "wire/jsonw.h"

static int32_t prompt_put(void *ctx, const char *bytes, size_t len)
{
	return buf_add(ctx, bytes, len);
}

static const char *prompt_role(uint32_t role)
{
	switch (role) {
	case LLM_ROLE_SYSTEM:
		return "system";
	case LLM_ROLE_ASSISTANT:
		return "assistant";
	case LLM_ROLE_TOOL:
		return "tool";
	default:
		return "user";
	}
}

static void prompt_word(jsonw *w, const char *key, const char *text)
{
	if (!text)
		return;
	jsonw_key(w, key);
	jsonw_cstring(w, text);
}

static void prompt_bytes(jsonw *w, const char *key, const llm_bytes *text)
{
	jsonw_key(w, key);
	jsonw_string(w, text->ptr, text->len);
}

/* ---- parts ---- */

/* All text of that kind in a turn as one string; nothing where there is none. */
static void prompt_texts(jsonw *w, const llm_message_view *m, uint32_t kind, const char *key)
{
	size_t n = 0, i;

	for (i = 0; i < m->n_parts; i++)
		n += m->parts[i]->kind == kind;
	if (!n && kind != LLM_PART_TEXT)
		return;
	jsonw_key(w, key);
	jsonw_string_open(w);
	for (i = 0; i < m->n_parts; i++)
		if (m->parts[i]->kind == kind)
			jsonw_string_part(w, m->parts[i]->text.ptr, m->parts[i]->text.len);
	jsonw_string_close(w);
}

static void prompt_call_of(
	jsonw *w, const char *id, const char *name, const char *key, const llm_bytes *text)
{
	jsonw_object(w);
	prompt_word(w, "id", id);
	prompt_word(w, "name", name);
	prompt_bytes(w, key, text);
	jsonw_object_end(w);
}

static void prompt_media(jsonw *w, const llm_part_view *p)
{
	jsonw_object(w);
	prompt_word(w, "kind",
		p->kind == LLM_PART_IMAGE	  ? "image" :
			p->kind == LLM_PART_AUDIO ? "audio" :
						    "file");
	prompt_word(w, "media_type", p->media_type);
	prompt_word(w, "name", p->name);
	prompt_word(w, "url", p->url);
	jsonw_key(w, "bytes");
	jsonw_int(w, (int64_t)p->data.len);
	jsonw_object_end(w);
}

int prompt_is_media(const llm_part_view *p)
{
	return p->kind >= LLM_PART_IMAGE && p->kind <= LLM_PART_FILE;
}

static int prompt_is(const llm_part_view *p, uint32_t group)
{
	return group == LLM_PART_IMAGE ? prompt_is_media(p) : p->kind == group;
}

static void prompt_list(jsonw *w, const llm_message_view *m, uint32_t group, const char *key)
{
	size_t n = 0, i;

	for (i = 0; i < m->n_parts; i++) {
		const llm_part_view *p = m->parts[i];

		if (!prompt_is(p, group))
			continue;
		if (!n++) {
			jsonw_key(w, key);
			jsonw_array(w);
		}
		if (group == LLM_PART_IMAGE)
			prompt_media(w, p);
		else
			prompt_call_of(w, p->id, p->name,
				group == LLM_PART_TOOL_CALL ? "arguments" : "content", &p->text);
	}
	if (n)
		jsonw_array_end(w);
}

/* ---- turns ---- */

static void prompt_turn(jsonw *w, const llm_message_view *m)
{
	jsonw_object(w);
	prompt_word(w, "role", prompt_role(m->role));
	prompt_texts(w, m, LLM_PART_TEXT, "content");
	prompt_texts(w, m, LLM_PART_REASONING, "reasoning");
	prompt_list(w, m, LLM_PART_IMAGE, "parts");
	prompt_list(w, m, LLM_PART_TOOL_CALL, "tool_calls");
	prompt_list(w, m, LLM_PART_TOOL_RESULT, "tool_results");
	jsonw_object_end(w);
}

int32_t prompt_write(const llm_request_view *rq, buf *out)
{
	size_t i;
	jsonw w;

	jsonw_init(&w, prompt_put, out);
	jsonw_array(&w);
	for (i = 0; i < rq->n_messages && !w.status; i++)
		prompt_turn(&w, rq->messages[i]);
	jsonw_array_end(&w);
	return jsonw_finish(&w);
}

int32_t prompt_answer(const llm_bytes *text, const llm_bytes *reasoning, const prompt_call *calls,
	size_t n_calls, buf *out)
{
	size_t i;
	jsonw w;

	jsonw_init(&w, prompt_put, out);
	jsonw_object(&w);
	prompt_word(&w, "role", "assistant");
	prompt_bytes(&w, "content", text);
	if (reasoning->len)
		prompt_bytes(&w, "reasoning", reasoning);
	if (n_calls) {
		jsonw_key(&w, "tool_calls");
		jsonw_array(&w);
		for (i = 0; i < n_calls; i++)
			prompt_call_of(
				&w, calls[i].id, calls[i].name, "arguments", &calls[i].arguments);
		jsonw_array_end(&w);
	}
	jsonw_object_end(&w);
	return jsonw_finish(&w);
}

size_t prompt_size(const llm_request_view *rq)
{
	size_t n = 0, i, k;

	for (i = 0; i < rq->n_messages; i++)
		for (k = 0; k < rq->messages[i]->n_parts; k++)
			n += rq->messages[i]->parts[k]->text.len +
				rq->messages[i]->parts[k]->data.len;
	return n;
}
