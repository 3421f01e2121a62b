#include "llm/plugins.h"

#include "base/alloc.h"
#include "base/err.h"
#include "lookup.h"

struct llm_plugins {
	llm_allocator mem;
	arena ar;
	conf *conf;
	plugins *ps;
	plugin_seen *rows;
	size_t n_rows;
};

static int32_t look(llm_plugins *p, const llm_service_opts *opts, const char *name, llm_err *err)
{
	int32_t rc = lookup_open(opts, &p->mem, NULL, &p->conf, &p->ps, err);

	if (rc)
		return rc;
	rc = plugins_scan(p->ps, name, &p->ar, &p->rows, &p->n_rows);
	return rc ? err_set(err, rc, "out of memory") : 0;
}

int32_t llm_plugins_scan(
	const llm_service_opts *opts, const char *name, llm_plugins **ret, llm_err *err)
{
	static const llm_service_opts none = LLM_SERVICE_OPTS_INIT;
	const llm_allocator *mem;
	llm_err why = LLM_ERR_INIT;
	llm_plugins *p;
	int32_t rc;

	if (!ret)
		return LLM_E_INVALID_REQUEST;
	opts = opts ? opts : &none;
	mem = opts->allocator ? opts->allocator : mem_default();
	p = mem_new(mem, sizeof(*p));
	if (!p)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	p->mem = *mem;
	arena_init(&p->ar, &p->mem, 0);
	rc = look(p, opts, name, &why);
	if (rc) {
		llm_plugins_free(p);
		err_export(err, &why);
		return rc;
	}
	*ret = p;
	return 0;
}

uint32_t llm_plugins_count(const llm_plugins *p)
{
	return (uint32_t)p->n_rows;
}

int32_t llm_plugins_at(const llm_plugins *p, uint32_t i, llm_plugin_row *ret)
{
	const plugin_seen *s;

	if (i >= p->n_rows)
		return LLM_E_NOT_FOUND;
	s = &p->rows[i];
	*ret = (llm_plugin_row){.struct_size = (uint32_t)sizeof(*ret),
		.taken = s->taken != 0,
		.name = s->name,
		.path = s->path,
		.source = s->source,
		.reason = s->reason};
	if (!s->loaded)
		return 0;
	ret->id = s->loaded->id;
	ret->version = s->loaded->version;
	ret->licence = s->loaded->licence;
	ret->kinds = s->loaded->kinds;
	ret->label = s->loaded->info ? s->loaded->info->label : NULL;
	ret->abi_minor = s->loaded->abi_minor;
	return 0;
}

void llm_plugins_free(llm_plugins *p)
{
	llm_allocator mem;

	if (!p)
		return;
	mem = p->mem;
	plugins_free(p->ps);
	conf_free(p->conf);
	arena_reset(&p->ar);
	mem_free(&mem, p);
}
