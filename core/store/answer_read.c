/* answer_read.c - stored answers, read; nothing in the bytes is taken on trust. */
#include "base/text.h"
#include "store/answer_fields.h"

#define CODES 1000 /* error codes are above minus this */

typedef struct reader {
	const char *at;
	const char *end;
	arena *ar;
	int32_t rc;
} reader;

typedef struct field {
	uint8_t tag;
	llm_bytes bytes;
} field;

/* 0 at the end, and where it is damaged. */
static int next(reader *r, field *ret)
{
	const unsigned char *head = (const unsigned char *)r->at;
	const size_t left = (size_t)(r->end - r->at);
	size_t len;

	if (r->rc || !left)
		return 0;
	if (left < FIELD_HEAD) {
		r->rc = LLM_E_PROTOCOL;
		return 0;
	}
	len = head[1] | (size_t)head[2] << 8 | (size_t)head[3] << 16 | (size_t)head[4] << 24;
	if (len > left - FIELD_HEAD) {
		r->rc = LLM_E_PROTOCOL;
		return 0;
	}
	*ret = (field){head[0], {r->at + FIELD_HEAD, len}};
	r->at += FIELD_HEAD + len;
	return 1;
}

static int32_t damaged(reader *r)
{
	if (!r->rc)
		r->rc = LLM_E_PROTOCOL;
	return r->rc;
}

/* All of a field; each within `max`, where that is said. */
static int numbers(reader *r, const field *f, int64_t *ret, size_t n)
{
	size_t i, b;

	if (f->bytes.len != n * NUMBER)
		return damaged(r), 0;
	for (i = 0; i < n; i++) {
		const unsigned char *p = (const unsigned char *)f->bytes.ptr + i * NUMBER;
		uint64_t u = 0;

		for (b = 0; b < NUMBER; b++)
			u |= (uint64_t)p[b] << 8 * b;
		memcpy(&ret[i], &u, sizeof(u));
	}
	return 1;
}

static int within(reader *r, int64_t n, int64_t max)
{
	if (n >= 0 && n <= max)
		return 1;
	damaged(r);
	return 0;
}

static int is_text(reader *r, const llm_bytes *b)
{
	if (utf8_valid(b->ptr, b->len))
		return 1;
	damaged(r);
	return 0;
}

/* A copy with its NUL; twice the same field is damage. */
static void text(reader *r, const field *f, const char **ret)
{
	if (*ret || memchr(f->bytes.ptr, 0, f->bytes.len) || !is_text(r, &f->bytes)) {
		damaged(r);
		return;
	}
	*ret = arena_dup(r->ar, f->bytes.ptr, f->bytes.len);
	if (!*ret)
		r->rc = LLM_E_NOMEM;
}

static void long_text(reader *r, const field *f, llm_bytes *ret)
{
	if (ret->ptr || !is_text(r, &f->bytes))
		damaged(r);
	else
		*ret = f->bytes;
}

/* ---- what is in a field ---- */

static void read_tool(reader *outer, const field *in, answer_tool *t)
{
	reader r = {in->bytes.ptr, in->bytes.ptr + in->bytes.len, outer->ar, outer->rc};
	int64_t n = 0;
	field f;

	while (next(&r, &f)) {
		if (f.tag == T_NUMBERS && numbers(&r, &f, &n, 1) && within(&r, n, UINT32_MAX))
			t->index = (uint32_t)n;
		else if (f.tag == T_ID)
			long_text(&r, &f, &t->id);
		else if (f.tag == T_NAME)
			long_text(&r, &f, &t->name);
		else if (f.tag == T_ARGUMENTS)
			long_text(&r, &f, &t->arguments);
		else
			damaged(&r);
	}
	outer->rc = r.rc;
}

static void part_numbers(reader *r, const field *f, llm_result_part *p)
{
	int64_t n[4];

	if (!numbers(r, f, n, 4) || !within(r, n[0], UINT32_MAX) || !within(r, n[1], UINT32_MAX) ||
		!within(r, n[2], UINT32_MAX) || !within(r, n[3], INT32_MAX))
		return;
	p->kind = (uint32_t)n[0];
	p->part = (uint32_t)n[1];
	p->part_index = (uint32_t)n[2];
	p->text_len = (size_t)n[3];
}

static void read_part(reader *outer, const field *in, llm_result_part *p)
{
	reader r = {in->bytes.ptr, in->bytes.ptr + in->bytes.len, outer->ar, outer->rc};
	field f;

	p->struct_size = (uint32_t)sizeof(*p);
	p->data = "";
	while (next(&r, &f)) {
		if (f.tag == P_NUMBERS) {
			part_numbers(&r, &f, p);
		} else if (f.tag == P_PROVIDER) {
			text(&r, &f, &p->provider);
		} else if (f.tag == P_KIND) {
			text(&r, &f, &p->opaque_kind);
		} else if (f.tag == P_TYPE) {
			text(&r, &f, &p->media_type);
		} else if (f.tag == P_DATA) {
			p->data = f.bytes.ptr;
			p->len = f.bytes.len;
		} else {
			damaged(&r);
		}
	}
	outer->rc = r.rc;
}

static void error_numbers(reader *r, const field *f, llm_err *e)
{
	int64_t n[5];

	if (!numbers(r, f, n, 5) || !within(r, n[0] < 0 && n[0] > -CODES ? 1 : -1, 1) ||
		!within(r, n[1], UINT32_MAX) || !within(r, n[2], UINT32_MAX) ||
		!within(r, n[3], INT32_MAX))
		return;
	e->code = (int32_t)n[0];
	e->err_class = (uint32_t)n[1];
	e->phase = (uint32_t)n[2];
	e->http_status = (int32_t)n[3];
	e->retry_after_ms = n[4] < -1 ? -1 : n[4];
}

static void error_text(reader *r, const field *f, char *to, size_t cap)
{
	if (f->bytes.len >= cap || !is_text(r, &f->bytes))
		damaged(r);
	else
		err_copy(to, cap, f->bytes.ptr, f->bytes.len);
}

static void read_error(reader *outer, const field *in, llm_err *e)
{
	reader r = {in->bytes.ptr, in->bytes.ptr + in->bytes.len, outer->ar, outer->rc};
	field f;

	while (next(&r, &f)) {
		if (f.tag == E_NUMBERS)
			error_numbers(&r, &f, e);
		else if (f.tag == E_PROVIDER)
			error_text(&r, &f, e->provider, sizeof(e->provider));
		else if (f.tag == E_CANDIDATE)
			error_text(&r, &f, e->candidate, sizeof(e->candidate));
		else if (f.tag == E_CODE)
			error_text(&r, &f, e->provider_code, sizeof(e->provider_code));
		else if (f.tag == E_REQUEST)
			error_text(&r, &f, e->request_id, sizeof(e->request_id));
		else if (f.tag == E_MESSAGE)
			error_text(&r, &f, e->message, sizeof(e->message));
		else
			damaged(&r);
	}
	if (!e->code || !llm_error_info_of(e->code))
		damaged(&r);
	outer->rc = r.rc;
}

static void read_numbers(reader *r, const field *f, answer *a)
{
	int64_t n[7];
	size_t i;

	if (!numbers(r, f, n, 7) || !within(r, n[0], LLM_FINISH_OTHER) ||
		!within(r, n[1], UINT32_MAX))
		return;
	for (i = 2; i < 7; i++)
		if (n[i] < LLM_TOKENS_UNKNOWN)
			damaged(r);
	a->finish = (uint32_t)n[0];
	a->usage = (llm_usage){.struct_size = sizeof(a->usage),
		.flags = (uint32_t)n[1],
		.input_tokens = n[2],
		.output_tokens = n[3],
		.cache_read_tokens = n[4],
		.cache_write_tokens = n[5],
		.reasoning_tokens = n[6]};
}

/* ---- the whole ---- */

/* How many there are of what comes in lists. */
typedef struct lists {
	size_t tools, parts, warnings;
	answer_tool *tool;
	llm_result_part *part;
	const char **warning;
} lists;

static int32_t make_lists(reader r, lists *l, answer *a)
{
	field f;

	while (next(&r, &f)) {
		l->tools += f.tag == F_TOOL;
		l->parts += f.tag == F_PART;
		l->warnings += f.tag == F_WARNING;
	}
	if (l->tools > ANSWER_LIST_MAX || l->parts > ANSWER_LIST_MAX ||
		l->warnings > ANSWER_LIST_MAX)
		return LLM_E_PROTOCOL;
	a->tools = l->tool = arena_array(r.ar, l->tools + 1, sizeof(*l->tool));
	a->parts = l->part = arena_array(r.ar, l->parts + 1, sizeof(*l->part));
	a->warnings = l->warning = arena_array(r.ar, l->warnings + 1, sizeof(*l->warning));
	return l->tool && l->part && l->warning ? r.rc : LLM_E_NOMEM;
}

static int read_text(reader *r, const field *f, answer *a)
{
	const char *found;
	size_t i;

	for (i = 0; i < N_TEXTS; i++) {
		if (answer_texts[i].tag != f->tag)
			continue;
		found = answer_text_at(a, answer_texts[i].at);
		text(r, f, &found);
		memcpy((char *)a + answer_texts[i].at, &found, sizeof(found));
		return 1;
	}
	return 0;
}

static void read_field(reader *r, const field *f, lists *l, answer *a)
{
	if (f->tag == F_TEXT)
		long_text(r, f, &a->text);
	else if (f->tag == F_REASONING)
		long_text(r, f, &a->reasoning);
	else if (f->tag == F_LOGPROBS)
		long_text(r, f, &a->logprobs);
	else if (f->tag == F_NUMBERS)
		read_numbers(r, f, a);
	else if (f->tag == F_TOOL)
		read_tool(r, f, &l->tool[a->n_tools++]);
	else if (f->tag == F_PART)
		read_part(r, f, &l->part[a->n_parts++]);
	else if (f->tag == F_WARNING)
		text(r, f, &l->warning[a->n_warnings++]);
	else if (f->tag == F_ERROR)
		read_error(r, f, &a->error);
	else if (!read_text(r, f, a))
		damaged(r);
}

/* A part lies behind so many bytes of the text, not behind more. */
static int32_t check_places(const answer *a)
{
	size_t i;

	for (i = 0; i < a->n_parts; i++)
		if (a->parts[i].text_len > a->text.len)
			return LLM_E_PROTOCOL;
	return a->run_id && a->usage.struct_size ? 0 : LLM_E_PROTOCOL;
}

static int32_t check_frame(const llm_bytes *b)
{
	const size_t least = sizeof(answer_magic) + ANSWER_CHECK;
	char hex[SHA256_HEX];
	int32_t rc;

	if (b->len < least || memcmp(b->ptr, answer_magic, sizeof(answer_magic) - 1) != 0)
		return LLM_E_PROTOCOL;
	if (b->ptr[sizeof(answer_magic) - 1] != ANSWER_VERSION)
		return LLM_E_UNSUPPORTED;
	rc = hash_keyed_hex(NULL, 0, b->ptr, b->len - ANSWER_CHECK, hex);
	if (rc)
		return rc;
	return memcmp(hex, b->ptr + b->len - ANSWER_CHECK, ANSWER_CHECK) ? LLM_E_PROTOCOL : 0;
}

int32_t answer_read(const llm_bytes *bytes, arena *ar, answer *ret)
{
	answer a = {.error = LLM_ERR_INIT};
	lists l = {0};
	int32_t rc = check_frame(bytes);
	reader r;
	field f;

	if (rc)
		return rc;
	r = (reader){
		bytes->ptr + sizeof(answer_magic), bytes->ptr + bytes->len - ANSWER_CHECK, ar, 0};
	rc = make_lists(r, &l, &a);
	if (rc)
		return rc;
	while (next(&r, &f))
		read_field(&r, &f, &l, &a);
	rc = r.rc ? r.rc : check_places(&a);
	if (!rc)
		*ret = a;
	return rc;
}
