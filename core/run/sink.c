/* The provider's words, checked, into the result and to the reader. */
#include <stdio.h>
#include <string.h>

#include "attempt.h"
#include "base/text.h"
#include "race.h"

#define CALLS_MAX 128
#define WARNINGS_MAX 64

int32_t sink_stop(attempt *a, int32_t rc, const char *why)
{
	if (rc && !a->sink_rc) {
		a->sink_rc = rc;
		a->sink_why = why;
	}
	return rc;
}

int sink_is_text(const char *text, size_t len)
{
	return !len || (text && utf8_valid(text, len));
}

static int32_t stop(attempt *a, int32_t rc)
{
	return sink_stop(a, rc, NULL);
}

static int32_t not_utf8(attempt *a)
{
	return sink_stop(a, LLM_E_PROTOCOL, "the answer holds bytes that are not UTF-8");
}

static int32_t broken(attempt *a)
{
	return sink_stop(a, LLM_E_PLUGIN, "the plugin handed over a damaged part of the answer");
}

/* Every struct of the ABI begins with its size. */
static int is_whole(const void *theirs, size_t size)
{
	uint32_t n = 0;

	if (theirs)
		memcpy(&n, theirs, sizeof(n));
	return n >= size;
}

/* The first counts at once; for the others see on_settled. */
static void note_delta(attempt *a)
{
	a->fresh_delta = 1;
	if (a->clock.first_delta_ns)
		return;
	race_won(a->c);
	a->clock.first_delta_ns = a->clock.delta_ns = loop_now(a->c->svc->loop);
	/* Of `idle` and `silence` with the same limit, `idle` is named. */
	a->clock.byte_ns = a->clock.delta_ns;
}

static int32_t add_text(attempt *a, buf *to, uint32_t kind, const char *text, size_t len)
{
	llm_event e = {.struct_size = (uint32_t)sizeof(e), .kind = kind, .len = len};
	int32_t rc;

	if (!len)
		return 0;
	if (!sink_is_text(text, len))
		return not_utf8(a);
	note_delta(a);
	rc = buf_add(to, text, len);
	if (!rc) {
		e.text = to->ptr + to->len - len; /* the provider's need not end in NUL */
		rc = deliver(a->c, &e);
	}
	return stop(a, rc);
}

static int32_t differs(attempt *a)
{
	a->c->differed = 1;
	return sink_stop(
		a, LLM_E_STREAM_BROKEN, "it tells another answer than the one that was begun");
}

/* What repeats the answer that broke off is known already (R-RETRY-19). */
static int32_t match_text(attempt *a, const char *text, size_t len)
{
	size_t skip = 0;

	if (!sink_is_text(text, len))
		return not_utf8(a);
	note_delta(a);
	switch (recover_text(&a->c->match, text, len, &skip)) {
	case RECOVER_SUPPRESS:
		return 0;
	case RECOVER_DELIVER:
		return add_text(a, &a->c->res.text, LLM_EVENT_TEXT, text + skip, len - skip);
	default:
		return differs(a);
	}
}

static int32_t on_text(void *ctx, const char *text, size_t len)
{
	attempt *a = ctx;

	if (a->c->mending == RECOVER_MATCH && len)
		return match_text(a, text, len);
	return add_text(a, &a->c->res.text, LLM_EVENT_TEXT, text, len);
}

static int32_t on_reasoning(void *ctx, const char *text, size_t len)
{
	attempt *a = ctx;
	const llm_call *c = a->c;

	if (c->mending &&
		(c->mending != RECOVER_MATCH || recover_reasoning(&c->match) == RECOVER_SUPPRESS)) {
		if (len)
			note_delta(a);
		return 0;
	}
	return add_text(a, &a->c->res.reasoning, LLM_EVENT_REASONING, text, len);
}

/* ---- tool calls ---- */

static tool_acc *find_tool(llm_result *r, uint32_t index)
{
	size_t i = r->tools.n;

	while (i--) {
		tool_acc *t = r->tools.items[i];

		if (t->index == index)
			return t;
	}
	return NULL;
}

/* A call without an id gets one that is the same in every run of the same answer. */
static int32_t begin_tool(attempt *a, const llm_tool_delta *d, tool_acc **ret)
{
	llm_result *r = &a->c->res;
	tool_acc *t = arena_new(&a->c->ar, sizeof(*t));
	char made[32];
	int32_t rc;

	if (!t)
		return LLM_E_NOMEM;
	if (r->tools.n == CALLS_MAX)
		return sink_stop(a, LLM_E_PROTOCOL, "the answer calls more than 128 tools");
	buf_init(&t->id, &a->c->mem, 0);
	buf_init(&t->name, &a->c->mem, 0);
	buf_init(&t->arguments, &a->c->mem, 0);
	t->index = d->index;
	rc = call_push(&a->c->ar, &r->tools, t);
	if (rc)
		return rc;
	snprintf(made, sizeof(made), "call_%u", (unsigned)r->tools.n);
	if (d->id.len)
		rc = buf_add(&t->id, d->id.ptr, d->id.len);
	else
		rc = buf_add_str(&t->id, made);
	*ret = t;
	return rc;
}

static int all_text(const llm_tool_delta *d)
{
	return sink_is_text(d->id.ptr, d->id.len) && sink_is_text(d->name.ptr, d->name.len) &&
		sink_is_text(d->arguments.ptr, d->arguments.len);
}

static int32_t on_tool_call(void *ctx, const llm_tool_delta *d)
{
	attempt *a = ctx;
	llm_event e = {.struct_size = (uint32_t)sizeof(e), .kind = LLM_EVENT_TOOL_CALL};
	tool_acc *t;
	int32_t rc = 0;

	if (!is_whole(d, sizeof(*d)))
		return broken(a);
	if (!all_text(d))
		return not_utf8(a);
	if (a->c->mending == RECOVER_MATCH && recover_tool(&a->c->match) == RECOVER_DIFFERS)
		return differs(a);
	t = find_tool(&a->c->res, d->index);
	if (!t)
		rc = begin_tool(a, d, &t);
	if (!rc && d->name.len)
		rc = buf_add(&t->name, d->name.ptr, d->name.len);
	if (!rc && d->arguments.len)
		rc = buf_add(&t->arguments, d->arguments.ptr, d->arguments.len);
	if (rc)
		return stop(a, rc);
	note_delta(a);
	e.index = t->index;
	e.text = buf_text(&t->arguments) + t->arguments.len - d->arguments.len;
	e.len = d->arguments.len;
	e.id = buf_text(&t->id);
	e.name = buf_text(&t->name);
	return stop(a, deliver(a->c, &e));
}

/* ---- other parts ---- */

static int32_t add_part(attempt *a, llm_result_part *p, const llm_bytes *data)
{
	p->struct_size = (uint32_t)sizeof(*p);
	p->data = arena_dup(&a->c->ar, data->ptr, data->len);
	p->len = data->len;
	if (!p->data)
		return stop(a, LLM_E_NOMEM);
	note_delta(a);
	return stop(a, call_push(&a->c->ar, &a->c->res.parts, p));
}

static int32_t on_data(void *ctx, const llm_data_part *d)
{
	attempt *a = ctx;
	llm_result_part *p;
	const char *type;

	if (!is_whole(d, sizeof(*d)) || d->kind < LLM_PART_IMAGE || d->kind > LLM_PART_FILE ||
		(d->data.len && !d->data.ptr))
		return broken(a);
	type = d->media_type ? d->media_type : "application/octet-stream";
	if (!utf8_valid(type, strlen(type)))
		return not_utf8(a);
	p = arena_new(&a->c->ar, sizeof(*p));
	if (!p)
		return stop(a, LLM_E_NOMEM);
	p->kind = d->kind;
	p->text_len = a->c->res.text.len;
	p->media_type = arena_str(&a->c->ar, type);
	return p->media_type ? add_part(a, p, &d->data) : stop(a, LLM_E_NOMEM);
}

static int32_t on_opaque(void *ctx, const llm_opaque_view *o)
{
	attempt *a = ctx;
	llm_result_part *p;
	const char *kind;

	if (!is_whole(o, offsetof(llm_opaque_view, part)) || (o->data.len && !o->data.ptr))
		return broken(a);
	kind = o->kind ? o->kind : "";
	if (!utf8_valid(kind, strlen(kind)))
		return not_utf8(a);
	p = arena_new(&a->c->ar, sizeof(*p));
	if (!p)
		return stop(a, LLM_E_NOMEM);
	p->kind = LLM_PART_OPAQUE;
	p->provider = a->t->up->plug->id; /* static */
	p->opaque_kind = arena_str(&a->c->ar, kind);
	p->text_len = a->c->res.text.len;
	if (is_whole(o, sizeof(*o))) { /* a plugin of an older minor has no such members */
		p->part = o->part;
		p->part_index = o->part_index;
	}
	return p->opaque_kind ? add_part(a, p, &o->data) : stop(a, LLM_E_NOMEM);
}

/* ---- usage, finish, names ---- */

static int64_t counted(int64_t n)
{
	return n < 0 ? LLM_TOKENS_UNKNOWN : n;
}

static void clamp(llm_usage *u, int64_t *part, int64_t whole)
{
	if (*part == LLM_TOKENS_UNKNOWN || whole == LLM_TOKENS_UNKNOWN || *part <= whole)
		return;
	*part = whole;
	u->flags |= LLM_USAGE_INCONSISTENT;
}

static int32_t on_usage(void *ctx, const llm_usage *u)
{
	attempt *a = ctx;
	llm_usage *to = &a->c->res.usage;

	if (!is_whole(u, sizeof(*u)))
		return broken(a);
	to->flags = u->flags & LLM_USAGE_INCONSISTENT;
	to->input_tokens = counted(u->input_tokens);
	to->output_tokens = counted(u->output_tokens);
	to->cache_read_tokens = counted(u->cache_read_tokens);
	to->cache_write_tokens = counted(u->cache_write_tokens);
	to->reasoning_tokens = counted(u->reasoning_tokens);
	clamp(to, &to->cache_read_tokens, to->input_tokens);
	clamp(to, &to->cache_write_tokens, to->input_tokens);
	clamp(to, &to->reasoning_tokens, to->output_tokens);
	return 0;
}

static int32_t on_finish(void *ctx, uint32_t reason, const char *raw, size_t len)
{
	attempt *a = ctx;
	llm_result *r = &a->c->res;

	a->finished = 1;
	r->finish = reason > LLM_FINISH_OTHER ? LLM_FINISH_OTHER : reason;
	if (!raw || !sink_is_text(raw, len))
		return 0;
	r->finish_raw = arena_dup(&a->c->ar, raw, len);
	return r->finish_raw ? 0 : stop(a, LLM_E_NOMEM);
}

static int32_t keep(attempt *a, const char **field, const char *text, size_t len)
{
	/* Streams repeat their names in every frame: keep the first. */
	if (*field || !len || !sink_is_text(text, len))
		return 0;
	*field = arena_dup(&a->c->ar, text, len);
	return *field ? 0 : stop(a, LLM_E_NOMEM);
}

/* Streams send an array for each frame: the result holds one. */
static int32_t join_logprobs(buf *all, const char *text, size_t len)
{
	const int joins = all->len && len && text[0] == '[' && all->ptr[all->len - 1] == ']';
	int32_t rc;

	if (!joins)
		return buf_add(all, text, len);
	rc = buf_reserve(all, len + 1);
	if (rc)
		return rc;
	all->len--;
	if (all->ptr[all->len - 1] != '[' && len > 2)
		(void)buf_add_char(all, ',');
	return buf_add(all, text + 1, len - 1);
}

static int32_t on_meta(void *ctx, uint32_t key, const char *text, size_t len)
{
	attempt *a = ctx;
	llm_result *r = &a->c->res;

	switch (key) {
	case LLM_META_MODEL:
		return keep(a, &r->response_model, text, len);
	case LLM_META_RESPONSE_ID:
		return keep(a, &r->response_id, text, len);
	case LLM_META_REQUEST_ID:
		return keep(a, &r->request_id, text, len);
	case LLM_META_USAGE_RAW:
		r->usage_raw = NULL; /* the last one counts */
		return keep(a, &r->usage_raw, text, len);
	case LLM_META_LOGPROBS:
		if (!sink_is_text(text, len))
			return not_utf8(a);
		return stop(a, join_logprobs(&r->logprobs, text, len));
	default:
		return 0;
	}
}

static int32_t on_metric(void *ctx, uint32_t key, uint64_t value)
{
	attempt *a = ctx;

	if (key == LLM_METRIC_LOAD_MS && value <= INT64_MAX)
		a->rec->load_ms = a->c->res.timing.load_ms = (int64_t)value;
	return 0;
}

static int32_t on_warning(void *ctx, const char *text, size_t len)
{
	attempt *a = ctx;
	llm_result *r = &a->c->res;
	llm_event e = {.struct_size = (uint32_t)sizeof(e), .kind = LLM_EVENT_WARNING};
	char *copy;
	size_t i;

	if (!text || !sink_is_text(text, len) || r->warnings.n == WARNINGS_MAX)
		return 0;
	for (i = 0; i < a->warned; i++) /* an earlier attempt said so as well */
		if (strlen(r->warnings.items[i]) == len && !memcmp(r->warnings.items[i], text, len))
			return 0;
	copy = arena_dup(&a->c->ar, text, len);
	if (!copy || call_push(&a->c->ar, &r->warnings, copy))
		return stop(a, LLM_E_NOMEM);
	e.text = copy;
	e.len = len;
	return stop(a, deliver(a->c, &e));
}

/* ---- failure ---- */

static int32_t on_error(void *ctx, const llm_error_facts *f)
{
	attempt *a = ctx;

	if (!is_whole(f, sizeof(*f)))
		return broken(a);
	if (!a->failed)
		facts_tell(a, f);
	return 0;
}

void sink_init(attempt *a)
{
	a->sink = (llm_result_sink){.struct_size = (uint32_t)sizeof(a->sink),
		.ctx = a,
		.text = on_text,
		.reasoning = on_reasoning,
		.tool_call = on_tool_call,
		.data = on_data,
		.opaque = on_opaque,
		.usage = on_usage,
		.finish = on_finish,
		.meta = on_meta,
		.metric = on_metric,
		.warning = on_warning,
		.error = on_error};
}
