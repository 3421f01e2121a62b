/*
 * content.c - the parts of a candidate, in order.
 *
 * A part is a text (a summary of thoughts when `thought` is true), a function call or bytes;
 * any may carry a thought signature, which is pushed behind it. A part of another kind
 * is kept as it is, so that it can go back in the next request.
 *
 * Wrong types: text, thought, thoughtSignature, functionCall, its name and arguments,
 * inlineData and its members are LLM_E_PROTOCOL; a call's id of another type counts as not
 * sent.
 */
#include <string.h>

#include "gemini.h"

typedef struct part {
	jsonr_text text;
	jsonr_text signature;
	jsonr_text id;
	jsonr_text name;
	jsonr_text media_type;
	jsonr_text data;
	llm_bytes arguments;
	llm_bytes raw;
	int thought;
	int is_call;
	int is_bytes;
	int is_other;
	int bad;
} part;

/* ---- reading ---- */

static void read_arguments(jsonr *r, part *p)
{
	int kind = jsonr_peek(r);

	if (kind == JSONR_OBJECT)
		jsonr_raw(r, &p->arguments);
	p->bad |= kind != JSONR_OBJECT && kind != JSONR_NULL;
}

static void read_call(jsonr *r, part *p)
{
	jsonr_text key;

	p->is_call = 1;
	if (!jsonr_enter_object(r)) {
		p->bad = 1;
		return;
	}
	while (jsonr_member(r, &key)) {
		if (jsonr_is(&key, "name"))
			p->bad |= !jsonr_string(r, &p->name);
		else if (jsonr_is(&key, "args"))
			read_arguments(r, p);
		else if (jsonr_is(&key, "id"))
			jsonr_string(r, &p->id);
	}
	p->bad |= p->name.len == 0;
}

static void read_bytes(jsonr *r, part *p)
{
	jsonr_text key;

	p->is_bytes = 1;
	if (!jsonr_enter_object(r)) {
		p->bad = 1;
		return;
	}
	while (jsonr_member(r, &key)) {
		if (jsonr_is(&key, "mimeType"))
			p->bad |= !jsonr_string(r, &p->media_type);
		else if (jsonr_is(&key, "data"))
			p->bad |= !jsonr_string(r, &p->data);
	}
}

/* What says something about a part, and is none itself. */
static int is_remark(const jsonr_text *key)
{
	return jsonr_is(key, "mediaResolution") || jsonr_is(key, "videoMetadata") ||
		jsonr_is(key, "partMetadata");
}

static void read_member(jsonr *r, const jsonr_text *key, part *p)
{
	if (jsonr_is(key, "text"))
		p->bad |= !kit_string_or_null(r, &p->text);
	else if (jsonr_is(key, "thought"))
		p->bad |= jsonr_peek(r) != JSONR_NULL && !jsonr_bool(r, &p->thought);
	else if (jsonr_is(key, "thoughtSignature"))
		p->bad |= !kit_string_or_null(r, &p->signature);
	else if (jsonr_is(key, "functionCall"))
		read_call(r, p);
	else if (jsonr_is(key, "inlineData"))
		read_bytes(r, p);
	else
		p->is_other |= !is_remark(key);
}

/* ---- base64 ---- */

static int digit_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

/*
 * The bytes of a text in base64, written to `to` unless it is null, where there is room for
 * the text itself. How many, or -1 when it is no base64.
 */
static int64_t decode(const llm_bytes *text, char *to)
{
	size_t n = text->len;
	uint32_t bits = 0;
	int64_t len = 0;
	size_t i;

	while (n > 0 && text->len - n < 2 && text->ptr[n - 1] == '=')
		n--;
	for (i = 0; i < n; i++) {
		int digit = digit_of(text->ptr[i]);

		if (digit < 0)
			return -1;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4 == 0)
			continue;
		if (to)
			to[len] = (char)(bits >> (6 - 2 * (i % 4)) & 255);
		len++;
	}
	return n % 4 == 1 ? -1 : len;
}

static uint32_t media_kind(const llm_bytes *type)
{
	if (type->len > 6 && memcmp(type->ptr, "image/", 6) == 0)
		return LLM_PART_IMAGE;
	if (type->len > 6 && memcmp(type->ptr, "audio/", 6) == 0)
		return LLM_PART_AUDIO;
	return LLM_PART_FILE;
}

/* ---- pushing ---- */

static int32_t push_opaque(const char *kind, const llm_bytes *data, uint32_t of, uint32_t index,
	const llm_result_sink *out)
{
	llm_opaque_view o = {.struct_size = (uint32_t)sizeof(o),
		.provider = GEMINI_ID,
		.kind = kind,
		.data = *data,
		.part = of,
		.part_index = index};

	return out->opaque(out->ctx, &o);
}

static int32_t push_call(
	const gemini *g, gemini_stream *s, const part *p, const llm_result_sink *out)
{
	llm_tool_delta d = {.struct_size = (uint32_t)sizeof(d), .index = s->n_calls, .complete = 1};
	char made[sizeof(GEMINI_NO_ID) + NUM_TEXT];
	int32_t rc = kit_decode(g->host, LLM_SCOPE_SCRATCH, &p->id, &d.id);

	if (rc == 0)
		rc = kit_decode(g->host, LLM_SCOPE_SCRATCH, &p->name, &d.name);
	if (rc)
		return rc;
	if (d.id.len == 0) { /* so that it is known on the way back */
		memcpy(made, GEMINI_NO_ID, sizeof(GEMINI_NO_ID));
		num_write_i64(s->n_calls + 1, made + sizeof(GEMINI_NO_ID) - 1);
		d.id = kit_text(made);
	}
	d.arguments = p->arguments.len > 0 ? p->arguments : kit_text("{}");
	s->n_calls++;
	return out->tool_call(out->ctx, &d);
}

static int32_t push_bytes(
	const gemini *g, const part *p, const llm_result_sink *out, uint32_t *ret_kind)
{
	llm_data_part d = {.struct_size = (uint32_t)sizeof(d)};
	llm_bytes text;
	char *bytes;
	int32_t rc = kit_decode(g->host, LLM_SCOPE_SCRATCH, &p->data, &text);

	if (rc)
		return rc;
	bytes = g->host->alloc(g->host->ctx, LLM_SCOPE_SCRATCH, text.len + 1);
	d.media_type = kit_string(g->host, LLM_SCOPE_SCRATCH, &p->media_type);
	if (!bytes || !d.media_type)
		return LLM_E_NOMEM;
	text.len = (size_t)decode(&text, bytes);
	text.ptr = bytes;
	d.data = text;
	text = kit_text(d.media_type);
	d.kind = *ret_kind = media_kind(&text);
	return out->data(out->ctx, &d);
}

/* The part itself; *ret_of is what a signature on it belongs to. */
static int32_t push_content(const gemini *g, gemini_stream *s, const part *p,
	const llm_result_sink *out, uint32_t *ret_of)
{
	if (p->is_call) {
		*ret_of = LLM_PART_TOOL_CALL;
		return push_call(g, s, p, out);
	}
	if (p->is_bytes)
		return push_bytes(g, p, out, ret_of);
	if (p->text.len == 0)
		return 0;
	*ret_of = p->thought ? LLM_PART_REASONING : LLM_PART_TEXT;
	return kit_emit(g->host, &p->text, p->thought ? out->reasoning : out->text, out->ctx);
}

/* Has it nothing that is read here? Images of the model's thoughts are not the answer's. */
static int is_foreign(const part *p)
{
	if (p->is_bytes && p->thought)
		return 1;
	return p->is_other && !p->is_call && !p->is_bytes && p->text.len == 0;
}

static int32_t push_part(
	const gemini *g, gemini_stream *s, const part *p, const llm_result_sink *out)
{
	llm_bytes signature;
	uint32_t of = 0;
	int32_t rc;

	if (is_foreign(p))
		return push_opaque(GEMINI_PART, &p->raw, 0, 0, out);
	rc = push_content(g, s, p, out, &of);
	if (rc || p->signature.len == 0)
		return rc;
	rc = kit_decode(g->host, LLM_SCOPE_SCRATCH, &p->signature, &signature);
	if (rc)
		return rc;
	return push_opaque(GEMINI_SIGNATURE, &signature, of,
		of == LLM_PART_TOOL_CALL ? s->n_calls - 1 : 0, out);
}

/* ---- both ---- */

static int32_t check_part(const gemini *g, const part *p)
{
	llm_bytes text;
	int32_t rc;

	if (p->bad)
		return LLM_E_PROTOCOL;
	if (!p->is_bytes || is_foreign(p))
		return 0;
	if (p->media_type.len == 0 || p->data.len == 0)
		return LLM_E_PROTOCOL;
	rc = kit_decode(g->host, LLM_SCOPE_SCRATCH, &p->data, &text);
	if (rc)
		return rc;
	return decode(&text, NULL) < 0 ? LLM_E_PROTOCOL : 0;
}

static int32_t read_part(const llm_bytes *raw, part *ret)
{
	part p = {{"", 0, 0}, {"", 0, 0}, {"", 0, 0}, {"", 0, 0}, {"", 0, 0}, {"", 0, 0}, {"", 0},
		{"", 0}, 0, 0, 0, 0, 0};
	jsonr_text key;
	jsonr r;

	p.raw = *raw;
	jsonr_init(&r, raw->ptr, raw->len);
	if (!jsonr_enter_object(&r))
		return LLM_E_PROTOCOL;
	while (jsonr_member(&r, &key))
		read_member(&r, &key, &p);
	*ret = p;
	return jsonr_status(&r);
}

/* What an event consists of that can repeat itself: one text. */
static void note_part(gemini_stream *s, const part *p)
{
	const int is_text = p->text.len > 0 && p->signature.len == 0 && !p->is_call && !p->is_bytes;

	s->lone_text = (jsonr_text){"", 0, 0};
	if (s->n_parts++ > 0 || !is_text)
		return;
	s->lone_text = p->text;
	s->lone_thought = (uint32_t)p->thought;
}

int32_t gemini_read_parts(
	const gemini *g, gemini_stream *s, const llm_bytes *parts, const llm_result_sink *out)
{
	int32_t rc = 0;
	llm_bytes raw;
	part p;
	jsonr r;

	s->n_parts = 0;
	jsonr_init(&r, parts->ptr, parts->len);
	jsonr_enter_array(&r);
	while (rc == 0 && jsonr_element(&r) && jsonr_raw(&r, &raw)) {
		rc = read_part(&raw, &p);
		if (rc)
			break;
		note_part(s, &p);
		rc = out ? push_part(g, s, &p, out) : check_part(g, &p);
	}
	return rc ? rc : jsonr_status(&r);
}
