#include "models.h"

#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

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

static int32_t on_model(void *ctx, const llm_model_info *info)
{
	llm_call *c = ctx;
	llm_models *m = c->models;
	llm_model_desc *d;

	if (!info || !info->name || !utf8_valid(info->name, strlen(info->name)) ||
		m->rows.n == MODELS_MAX)
		return LLM_E_PROTOCOL;
	d = arena_new(&m->ar, sizeof(*d));
	if (!d)
		return LLM_E_NOMEM;
	d->struct_size = (uint32_t)sizeof(*d);
	d->loaded = info->loaded != 0;
	d->name = arena_str(&m->ar, info->name);
	d->detail = info->detail ? arena_str(&m->ar, info->detail) : NULL;
	d->size_bytes = info->size_bytes;
	d->context_tokens = info->context_tokens;
	if (!d->name)
		return LLM_E_NOMEM;
	return call_push(&m->ar, &m->rows, d);
}

static int32_t on_next(void *ctx, const char *cursor, size_t len)
{
	llm_call *c = ctx;

	c->models->cursor = arena_dup(&c->models->ar, cursor, len);
	return c->models->cursor ? 0 : LLM_E_NOMEM;
}

int32_t models_parse(llm_call *c, const llm_reply_view *reply)
{
	const llm_models_sink out = {
		.struct_size = (uint32_t)sizeof(out), .ctx = c, .model = on_model, .next = on_next};
	instance *in = c->up->in;
	llm_models_ext models;
	llm_state_ext state;

	c->models->cursor = NULL;
	if (c->op == OP_STATE)
		return instance_extension(in, LLM_EXT_STATE, &state, sizeof(state), sizeof(state)) ?
			state.parse(instance_handle(in), reply, &out) :
			LLM_E_UNSUPPORTED;
	return instance_extension(in, LLM_EXT_MODELS, &models, sizeof(models), sizeof(models)) ?
		models.parse(instance_handle(in), reply, &out) :
		LLM_E_UNSUPPORTED;
}
