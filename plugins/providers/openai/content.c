/*
 * content.c - content in parts, as Mistral sends it:
 * [{"type":"text","text":".."},{"type":"thinking","thinking":[{"type":"text","text":".."}]}]
 */
#include "openai.h"

typedef struct content_part {
	jsonr_text type;
	jsonr_text text;
	llm_bytes thinking; /* an array of parts */
} content_part;

static void read_part(jsonr *r, content_part *p)
{
	jsonr_text key;

	if (!jsonr_enter_object(r))
		return;
	while (jsonr_member(r, &key)) {
		if (jsonr_is(&key, "type"))
			jsonr_string(r, &p->type);
		else if (jsonr_is(&key, "text"))
			jsonr_string(r, &p->text);
		else if (jsonr_is(&key, "thinking") && jsonr_peek(r) == JSONR_ARRAY)
			jsonr_raw(r, &p->thinking);
	}
}

/* The texts of an array of parts into `put`. */
static int32_t push_texts(const openai *o, const llm_bytes *parts,
	int32_t (*put)(void *ctx, const char *text, size_t len), void *ctx)
{
	int32_t rc = 0;
	jsonr r;

	jsonr_init(&r, parts->ptr, parts->len);
	jsonr_enter_array(&r);
	while (rc == 0 && jsonr_element(&r)) {
		content_part p = {{"", 0, 0}, {"", 0, 0}, {NULL, 0}};

		read_part(&r, &p);
		rc = kit_emit(o->host, &p.text, put, ctx);
	}
	return rc;
}

int openai_parts_fit(const llm_bytes *parts)
{
	int some = 0, fit = 0;
	jsonr r;

	jsonr_init(&r, parts->ptr, parts->len);
	jsonr_enter_array(&r);
	while (jsonr_element(&r)) {
		some = 1;
		fit |= jsonr_peek(&r) == JSONR_OBJECT;
	}
	return fit || !some;
}

int32_t openai_read_parts(
	const openai *o, const llm_bytes *parts, const llm_result_sink *out, uint32_t *ret_some)
{
	int32_t rc = 0;
	jsonr r;

	jsonr_init(&r, parts->ptr, parts->len);
	jsonr_enter_array(&r);
	while (rc == 0 && jsonr_element(&r)) {
		content_part p = {{"", 0, 0}, {"", 0, 0}, {NULL, 0}};

		read_part(&r, &p);
		if (p.thinking.len > 0)
			rc = push_texts(o, &p.thinking, out->reasoning, out->ctx);
		else if (jsonr_is(&p.type, "text"))
			rc = kit_emit(o->host, &p.text, out->text, out->ctx);
		*ret_some |= p.thinking.len > 0 || p.text.len > 0;
	}
	return rc;
}
