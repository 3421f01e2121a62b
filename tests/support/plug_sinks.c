/* The recording sinks of plug.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "support/plug.h"

/* ---- HTTP sink ---- */

static int32_t http_target(void *ctx, const char *method, const char *path, size_t len)
{
	plug_http *h = ctx;

	h->late_target |= h->headers.len || h->body.len;
	h->n_targets++;
	snprintf(h->method, sizeof(h->method), "%s", method);
	plug_add(&h->path, path, len);
	return 0;
}

static int32_t http_header(void *ctx, const char *name, const char *value, size_t len)
{
	plug_http *h = ctx;

	plug_add(&h->headers, name, strlen(name));
	plug_add(&h->headers, ": ", 2);
	plug_add(&h->headers, value, len);
	plug_add(&h->headers, "\n", 1);
	return 0;
}

static int32_t http_body(void *ctx, const char *bytes, size_t len)
{
	plug_http *h = ctx;

	plug_add(&h->body, bytes, len);
	return 0;
}

static int32_t http_warning(void *ctx, const char *text, size_t len)
{
	plug_http *h = ctx;

	h->n_warnings++;
	plug_add(&h->warnings, text, len);
	plug_add(&h->warnings, "\n", 1);
	return 0;
}

void plug_http_init(plug_http *h)
{
	memset(h, 0, sizeof(*h));
	h->sink = (llm_http_sink){
		(uint32_t)sizeof(h->sink), 0, h, http_target, http_header, http_body, http_warning};
}

void plug_http_done(plug_http *h)
{
	plug_clear(&h->path);
	plug_clear(&h->headers);
	plug_clear(&h->body);
	plug_clear(&h->warnings);
}

/* ---- result sink ---- */

static int32_t count_event(plug_answer *a)
{
	a->n_late += a->n_errors > 0;
	a->n_events++;
	return a->n_events == a->refuse_at ? a->refuse_with : 0;
}

/* Does the piece begin and end between characters? */
static int is_whole(const char *text, size_t len)
{
	size_t i = len;
	size_t need = 1;
	unsigned char lead;

	if (len == 0 || ((unsigned char)text[0] & 0xC0) == 0x80)
		return len == 0;
	while (((unsigned char)text[i - 1] & 0xC0) == 0x80)
		i--;
	lead = (unsigned char)text[i - 1];
	if (lead >= 0xC0)
		need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
	return len - (i - 1) == need;
}

static int32_t add_piece(plug_answer *a, plug_text *to, const char *text, size_t len)
{
	a->n_cut += !is_whole(text, len);
	plug_add(to, text, len);
	return count_event(a);
}

static int32_t on_text(void *ctx, const char *text, size_t len)
{
	plug_answer *a = ctx;

	return add_piece(a, &a->text, text, len);
}

static int32_t on_reasoning(void *ctx, const char *text, size_t len)
{
	plug_answer *a = ctx;

	return add_piece(a, &a->reasoning, text, len);
}

static int32_t on_tool_call(void *ctx, const llm_tool_delta *d)
{
	plug_answer *a = ctx;
	plug_call *c;

	if (d->index >= PLUG_CALLS || d->index > a->n_calls)
		return LLM_E_PROTOCOL;
	if (d->index == a->n_calls)
		a->n_calls++;
	c = &a->calls[d->index];
	plug_add(&c->id, d->id.ptr, d->id.len);
	plug_add(&c->name, d->name.ptr, d->name.len);
	plug_add(&c->arguments, d->arguments.ptr, d->arguments.len);
	c->complete = (int)d->complete;
	return count_event(a);
}

static int32_t on_data(void *ctx, const llm_data_part *part)
{
	plug_answer *a = ctx;

	plug_clear(&a->media_type);
	plug_clear(&a->data);
	plug_add(&a->media_type, part->media_type, strlen(part->media_type));
	plug_add(&a->data, part->data.ptr, part->data.len);
	return count_event(a);
}

static int32_t on_opaque(void *ctx, const llm_opaque_view *opaque)
{
	plug_answer *a = ctx;
	plug_opaque *o;

	if (a->n_opaque == PLUG_OPAQUES) /* enough to look at */
		return count_event(a);
	o = &a->opaque[a->n_opaque++];
	plug_add(&o->kind, opaque->kind, strlen(opaque->kind));
	plug_add(&o->data, opaque->data.ptr, opaque->data.len);
	o->part = opaque->part;
	o->part_index = opaque->part_index;
	return count_event(a);
}

static int32_t on_usage(void *ctx, const llm_usage *usage)
{
	plug_answer *a = ctx;

	a->usage = *usage;
	a->n_usage++;
	return count_event(a);
}

static int32_t on_finish(void *ctx, uint32_t reason, const char *raw, size_t len)
{
	plug_answer *a = ctx;

	a->finish = reason;
	plug_clear(&a->finish_raw);
	plug_add(&a->finish_raw, raw, len);
	a->n_finish++;
	return count_event(a);
}

static int32_t on_meta(void *ctx, uint32_t key, const char *text, size_t len)
{
	plug_answer *a = ctx;

	if (key != LLM_META_LOGPROBS)
		plug_clear(&a->meta[key & 7]);
	plug_add(&a->meta[key & 7], text, len);
	return count_event(a);
}

static int32_t on_metric(void *ctx, uint32_t key, uint64_t value)
{
	plug_answer *a = ctx;

	a->metric[key & 3] = value;
	a->has_metric[key & 3] = 1;
	return count_event(a);
}

static int32_t on_warning(void *ctx, const char *text, size_t len)
{
	plug_answer *a = ctx;

	a->n_warnings++;
	plug_add(&a->warnings, text, len);
	plug_add(&a->warnings, "\n", 1);
	return count_event(a);
}

static void keep_fact(plug_answer *a, int i, const llm_bytes *from, llm_bytes *to)
{
	plug_clear(&a->fact_texts[i]);
	plug_add(&a->fact_texts[i], from->ptr, from->len);
	to->ptr = a->fact_texts[i].ptr;
	to->len = a->fact_texts[i].len;
}

static int32_t on_error(void *ctx, const llm_error_facts *facts)
{
	plug_answer *a = ctx;
	int32_t rc = count_event(a);

	a->n_errors++;
	a->facts = *facts;
	keep_fact(a, 0, &facts->code, &a->facts.code);
	keep_fact(a, 1, &facts->type, &a->facts.type);
	keep_fact(a, 2, &facts->message, &a->facts.message);
	keep_fact(a, 3, &facts->request_id, &a->facts.request_id);
	return rc;
}

void plug_answer_init(plug_answer *a)
{
	memset(a, 0, sizeof(*a));
	a->usage = (llm_usage)LLM_USAGE_INIT;
	a->sink = (llm_result_sink){(uint32_t)sizeof(a->sink), 0, a, on_text, on_reasoning,
		on_tool_call, on_data, on_opaque, on_usage, on_finish, on_meta, on_metric,
		on_warning, on_error};
}

void plug_answer_done(plug_answer *a)
{
	size_t i;

	plug_clear(&a->text);
	plug_clear(&a->reasoning);
	plug_clear(&a->finish_raw);
	plug_clear(&a->warnings);
	for (i = 0; i < PLUG_CALLS; i++) {
		plug_clear(&a->calls[i].id);
		plug_clear(&a->calls[i].name);
		plug_clear(&a->calls[i].arguments);
	}
	for (i = 0; i < PLUG_OPAQUES; i++) {
		plug_clear(&a->opaque[i].kind);
		plug_clear(&a->opaque[i].data);
	}
	plug_clear(&a->media_type);
	plug_clear(&a->data);
	for (i = 0; i < 8; i++)
		plug_clear(&a->meta[i]);
	for (i = 0; i < 4; i++)
		plug_clear(&a->fact_texts[i]);
}

static void print(plug_text *t, const char *name, const plug_text *value)
{
	if (!value->len)
		return;
	plug_add(t, name, strlen(name));
	plug_add(t, "=", 1);
	plug_add(t, value->ptr, value->len);
	plug_add(t, "\n", 1);
}

char *plug_answer_print(const plug_answer *a)
{
	plug_text t = {NULL, 0};
	char line[300];
	size_t i;

	print(&t, "text", &a->text);
	print(&t, "reasoning", &a->reasoning);
	for (i = 0; i < a->n_calls; i++) {
		print(&t, "id", &a->calls[i].id);
		print(&t, "name", &a->calls[i].name);
		print(&t, "arguments", &a->calls[i].arguments);
	}
	for (i = 0; i < a->n_opaque; i++) {
		print(&t, "opaque", &a->opaque[i].kind);
		print(&t, "data", &a->opaque[i].data);
	}
	for (i = 0; i < 8; i++)
		print(&t, "meta", &a->meta[i]);
	print(&t, "warnings", &a->warnings);
	print(&t, "raw", &a->finish_raw);
	print(&t, "message", &a->fact_texts[2]);
	snprintf(line, sizeof(line),
		"finish=%u errors=%d status=%d usage=%" PRId64 "/%" PRId64 "/%" PRId64 "/%" PRId64
		" load=%" PRIu64 "\n",
		a->finish, a->n_errors, a->facts.status, a->usage.input_tokens,
		a->usage.output_tokens, a->usage.cache_read_tokens, a->usage.reasoning_tokens,
		a->metric[LLM_METRIC_LOAD_MS]);
	plug_add(&t, line, strlen(line));
	return t.ptr;
}

/* ---- models sink ---- */

static int32_t on_model(void *ctx, const llm_model_info *info)
{
	plug_models *m = ctx;
	plug_model *row;

	if (m->n == sizeof(m->rows) / sizeof(m->rows[0]))
		return LLM_E_TOO_LARGE;
	row = &m->rows[m->n++];
	plug_add(&row->name, info->name, strlen(info->name));
	if (info->detail)
		plug_add(&row->detail, info->detail, strlen(info->detail));
	row->size_bytes = info->size_bytes;
	row->context_tokens = info->context_tokens;
	row->loaded = info->loaded;
	row->has_caps = info->caps != NULL;
	if (info->caps)
		row->caps = *info->caps;
	return 0;
}

static int32_t on_next(void *ctx, const char *cursor, size_t len)
{
	plug_models *m = ctx;

	plug_clear(&m->cursor);
	plug_add(&m->cursor, cursor, len);
	m->n_next++;
	return 0;
}

void plug_models_init(plug_models *m)
{
	memset(m, 0, sizeof(*m));
	m->sink = (llm_models_sink){(uint32_t)sizeof(m->sink), 0, m, on_model, on_next};
}

void plug_models_done(plug_models *m)
{
	size_t i;

	plug_clear(&m->cursor);
	for (i = 0; i < m->n; i++) {
		plug_clear(&m->rows[i].name);
		plug_clear(&m->rows[i].detail);
	}
}
