/*
 * answer.c - "LLMA", version, fields, checksum. A field is a tag, a length and so many
 * bytes; one that holds fields is read as such again. What is not said is left out.
 */
#include "store/answer_fields.h"

/* ---- writing ---- */

typedef struct writer {
	buf *out;
	int32_t rc; /* the first that went wrong */
} writer;

static void add(writer *w, const void *bytes, size_t len)
{
	if (!w->rc && len)
		w->rc = buf_add(w->out, bytes, len);
}

static void add_head(writer *w, uint8_t tag, size_t len)
{
	const char head[FIELD_HEAD] = {
		(char)tag, (char)len, (char)(len >> 8), (char)(len >> 16), (char)(len >> 24)};

	if (len > UINT32_MAX / 2)
		w->rc = w->rc ? w->rc : LLM_E_TOO_LARGE;
	add(w, head, sizeof(head));
}

static void add_field(writer *w, uint8_t tag, const void *bytes, size_t len)
{
	add_head(w, tag, len);
	add(w, bytes, len);
}

static void add_bytes(writer *w, uint8_t tag, const llm_bytes *b)
{
	if (b->len)
		add_field(w, tag, b->ptr, b->len);
}

static void add_text(writer *w, uint8_t tag, const char *text)
{
	if (text)
		add_field(w, tag, text, strlen(text));
}

static void add_number(writer *w, int64_t n)
{
	char bytes[NUMBER];
	size_t i;

	for (i = 0; i < NUMBER; i++)
		bytes[i] = (char)((uint64_t)n >> 8 * i);
	add(w, bytes, sizeof(bytes));
}

/* A field that holds fields: its length is known when it is whole. */
static size_t begin(writer *w, uint8_t tag)
{
	add_head(w, tag, 0);
	return w->out->len;
}

static void end(writer *w, size_t from)
{
	size_t len, i;

	if (w->rc)
		return;
	len = w->out->len - from;
	if (len > UINT32_MAX / 2)
		w->rc = LLM_E_TOO_LARGE;
	for (i = 0; i < 4; i++)
		w->out->ptr[from - 4 + i] = (char)(len >> 8 * i);
}

static void write_tool(writer *w, const answer_tool *t)
{
	const size_t from = begin(w, F_TOOL);

	add_head(w, T_NUMBERS, NUMBER);
	add_number(w, t->index);
	add_field(w, T_ID, t->id.ptr, t->id.len);
	add_field(w, T_NAME, t->name.ptr, t->name.len);
	add_field(w, T_ARGUMENTS, t->arguments.ptr, t->arguments.len);
	end(w, from);
}

static void write_part(writer *w, const llm_result_part *p)
{
	const size_t from = begin(w, F_PART);

	add_head(w, P_NUMBERS, 4 * NUMBER);
	add_number(w, p->kind);
	add_number(w, p->part);
	add_number(w, p->part_index);
	add_number(w, (int64_t)p->text_len);
	add_text(w, P_PROVIDER, p->provider);
	add_text(w, P_KIND, p->opaque_kind);
	add_text(w, P_TYPE, p->media_type);
	add_field(w, P_DATA, p->data, p->len);
	end(w, from);
}

static void write_error(writer *w, const llm_err *e)
{
	const size_t from = begin(w, F_ERROR);

	add_head(w, E_NUMBERS, 5 * NUMBER);
	add_number(w, e->code);
	add_number(w, e->err_class);
	add_number(w, e->phase);
	add_number(w, e->http_status);
	add_number(w, e->retry_after_ms);
	add_text(w, E_PROVIDER, e->provider);
	add_text(w, E_CANDIDATE, e->candidate);
	add_text(w, E_CODE, e->provider_code);
	add_text(w, E_REQUEST, e->request_id);
	add_text(w, E_MESSAGE, e->message);
	end(w, from);
}

static void write_numbers(writer *w, const answer *a)
{
	add_head(w, F_NUMBERS, 7 * NUMBER);
	add_number(w, a->finish);
	add_number(w, a->usage.flags);
	add_number(w, a->usage.input_tokens);
	add_number(w, a->usage.output_tokens);
	add_number(w, a->usage.cache_read_tokens);
	add_number(w, a->usage.cache_write_tokens);
	add_number(w, a->usage.reasoning_tokens);
}

/* Of 64 hex digits the first: it finds damage, not forgery. */
static void write_check(writer *w, size_t from)
{
	char hex[SHA256_HEX];

	if (!w->rc)
		w->rc = hash_keyed_hex(NULL, 0, w->out->ptr + from, w->out->len - from, hex);
	add(w, hex, ANSWER_CHECK);
}

int32_t answer_write(const answer *a, buf *out)
{
	writer w = {.out = out};
	const size_t from = out->len;
	size_t i;

	add(&w, answer_magic, sizeof(answer_magic));
	for (i = 0; i < N_TEXTS; i++)
		add_text(&w, answer_texts[i].tag, answer_text_at(a, answer_texts[i].at));
	write_numbers(&w, a);
	add_bytes(&w, F_REASONING, &a->reasoning);
	add_bytes(&w, F_TEXT, &a->text);
	add_bytes(&w, F_LOGPROBS, &a->logprobs);
	for (i = 0; i < a->n_tools; i++)
		write_tool(&w, &a->tools[i]);
	for (i = 0; i < a->n_parts; i++)
		write_part(&w, &a->parts[i]);
	for (i = 0; i < a->n_warnings; i++)
		add_text(&w, F_WARNING, a->warnings[i]);
	if (a->error.code)
		write_error(&w, &a->error);
	write_check(&w, from);
	return w.rc;
}
