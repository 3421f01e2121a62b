#include "llm/config.h"

#include "base/alloc.h"
#include "base/err.h"
#include "conf/conf.h"

struct llm_config {
	llm_allocator mem;
	conf *conf;
};

int32_t llm_config_load(const llm_service_opts *opts, llm_config **ret, llm_err *err)
{
	static const llm_service_opts none = LLM_SERVICE_OPTS_INIT;
	const llm_allocator *mem;
	llm_err why = LLM_ERR_INIT;
	llm_config *c;
	int32_t rc;

	if (!ret)
		return LLM_E_INVALID_REQUEST;
	opts = opts ? opts : &none;
	mem = opts->allocator ? opts->allocator : mem_default();
	c = mem_new(mem, sizeof(*c));
	if (!c)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	c->mem = *mem;
	rc = conf_load(opts, NULL, &c->mem, NULL, &c->conf, &why);
	if (rc) {
		mem_free(mem, c);
		err_export(err, &why);
		return rc;
	}
	*ret = c;
	return 0;
}

void llm_config_free(llm_config *c)
{
	llm_allocator mem;

	if (!c)
		return;
	mem = c->mem;
	conf_free(c->conf);
	mem_free(&mem, c);
}

int32_t llm_config_at(const llm_config *c, uint32_t i, llm_config_item *ret)
{
	if (i >= c->conf->n_items)
		return LLM_E_NOT_FOUND;
	ret->struct_size = (uint32_t)sizeof(*ret);
	ret->key = c->conf->items[i].key;
	ret->value = c->conf->items[i].value;
	ret->origin = c->conf->items[i].origin;
	return 0;
}

const char *llm_config_warning_at(const llm_config *c, uint32_t i)
{
	return i < c->conf->n_warnings ? c->conf->warnings[i] : NULL;
}
