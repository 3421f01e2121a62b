#include "models.h"

#include <string.h>

#include "attempt.h"
#include "base/alloc.h"
#include "base/text.h"
#include "planning.h"

#define MODELS_MAX 10000

int32_t models_new(const llm_allocator *mem, llm_models **ret)
{
	llm_models *m = mem_new(mem, sizeof(*m));

	if (!m)
		return LLM_E_NOMEM;
	m->mem = *mem;
	arena_init(&m->ar, &m->mem, 0);
	*ret = m;
	return 0;
}

void models_free(llm_models *m)
{
	llm_allocator mem;

	if (!m)
		return;
	mem = m->mem;
	arena_reset(&m->ar);
	mem_free(&mem, m);
}

/* ---- the extensions, when both halves are there ---- */

int models_list(instance *in, llm_models_ext *ret)
{
	return instance_extension(in, LLM_EXT_MODELS, ret, sizeof(*ret), sizeof(*ret)) &&
		ret->build && ret->parse;
}

int models_state(instance *in, llm_state_ext *ret)
{
	return instance_extension(in, LLM_EXT_STATE, ret, sizeof(*ret), sizeof(*ret)) &&
		ret->build && ret->parse;
}

int models_one(instance *in, llm_model_ext *ret)
{
	return instance_extension(in, LLM_EXT_MODEL, ret, sizeof(*ret), sizeof(*ret)) &&
		ret->build && ret->parse;
}

/* ---- one model ---- */

/* What a provider says of its model is kept as long as the service, and plans go by it. */
static int32_t on_one(void *ctx, const llm_model_info *info)
{
	attempt *a = ctx;
	cand_state *s;
	size_t n;

	if (!info || info->struct_size < sizeof(*info))
		return sink_stop(a, LLM_E_PLUGIN, "the plugin handed over a damaged model");
	if (!info->caps || info->caps->struct_size < sizeof(uint32_t))
		return 0;
	s = slots_state(a->c, a->t);
	if (!s)
		return sink_stop(a, LLM_E_NOMEM, NULL);
	n = info->caps->struct_size;
	memset(&s->answer, 0, sizeof(s->answer));
	memcpy(&s->answer, info->caps, n < sizeof(s->answer) ? n : sizeof(s->answer));
	s->answer.struct_size = (uint32_t)sizeof(s->answer);
	s->answer.auth_header = NULL; /* the plugin's, and of no use here */
	s->caps_known = 0;
	return 0;
}

static int32_t no_next(void *ctx, const char *cursor, size_t len)
{
	(void)cursor;
	(void)len;
	return sink_stop(ctx, LLM_E_PLUGIN, "one model has no further pages");
}

static int32_t parse_one(attempt *a, const llm_reply_view *reply)
{
	const llm_models_sink out = {
		.struct_size = (uint32_t)sizeof(out), .ctx = a, .model = on_one, .next = no_next};
	instance *in = a->t->up->in;
	llm_model_ext ext;

	if (!models_one(in, &ext))
		return LLM_E_UNSUPPORTED;
	instance_enter(in, "model.parse", &a->ar);
	return ext.parse(instance_handle(in), a->t->cand.model, reply, &out);
}

void models_matrix(llm_call *c)
{
	target t = *c->at;

	t.state = idmap_get(&c->svc->slots.candidates, t.cand.id);
	c->models->matrix = *planning_caps(c, &t, &c->models->matrix);
}

/* ---- rows ---- */

static int is_text(const char *text)
{
	return text && utf8_valid(text, strlen(text));
}

static int32_t on_model(void *ctx, const llm_model_info *info)
{
	attempt *a = ctx;
	llm_models *m = a->c->models;
	llm_model_desc *d;

	if (!info || info->struct_size < sizeof(*info) || !is_text(info->name))
		return sink_stop(a, LLM_E_PLUGIN, "the plugin handed over a damaged model");
	if (m->rows.n == MODELS_MAX)
		return sink_stop(a, LLM_E_PROTOCOL, "the list has more than 10000 models");
	d = arena_new(&m->ar, sizeof(*d));
	if (!d)
		return sink_stop(a, LLM_E_NOMEM, NULL);
	d->struct_size = (uint32_t)sizeof(*d);
	d->loaded = info->loaded != 0;
	d->name = arena_str(&m->ar, info->name);
	d->detail = is_text(info->detail) ? arena_str(&m->ar, info->detail) : NULL;
	d->size_bytes = info->size_bytes > 0 ? info->size_bytes : 0;
	d->context_tokens = info->context_tokens > 0 ? info->context_tokens : 0;
	if (!d->name)
		return sink_stop(a, LLM_E_NOMEM, NULL);
	return sink_stop(a, call_push(&m->ar, &m->rows, d), NULL);
}

static int32_t on_next(void *ctx, const char *cursor, size_t len)
{
	attempt *a = ctx;
	llm_models *m = a->c->models;

	if (!len || !sink_is_text(cursor, len))
		return sink_stop(a, LLM_E_PLUGIN, "the plugin handed over a damaged cursor");
	m->cursor = arena_dup(&m->ar, cursor, len);
	return m->cursor ? 0 : sink_stop(a, LLM_E_NOMEM, NULL);
}

int32_t models_parse(attempt *a, const llm_reply_view *reply)
{
	const llm_models_sink out = {
		.struct_size = (uint32_t)sizeof(out), .ctx = a, .model = on_model, .next = on_next};
	instance *in = a->t->up->in;
	llm_models_ext models;
	llm_state_ext state;

	if (a->c->op == OP_MODEL)
		return parse_one(a, reply);
	a->c->models->cursor = NULL;
	if (a->c->op == OP_STATE) {
		if (!models_state(in, &state))
			return LLM_E_UNSUPPORTED;
		instance_enter(in, "state.parse", &a->ar);
		return state.parse(instance_handle(in), reply, &out);
	}
	if (!models_list(in, &models))
		return LLM_E_UNSUPPORTED;
	instance_enter(in, "models.parse", &a->ar);
	return models.parse(instance_handle(in), reply, &out);
}
