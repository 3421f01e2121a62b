#include "llm/config.h"

#include "base/alloc.h"
#include "base/err.h"
#include "conf/conf.h"
#include "plugin/plugin.h"

struct llm_config {
	llm_allocator mem;
	arena ar;
	conf *conf;
	const char **missing; /* warnings about plugins */
	size_t n_missing;
};

/* A missing plugin fails only the runs that need it; a key that it does not know is wrong. */
static int32_t look_at(llm_config *c, plugins *ps, const conf_provider *p, llm_err *err)
{
	llm_err why = LLM_ERR_INIT;
	const plugin *plug;
	conf_pair *pairs;
	size_t n;

	if (plugins_get(ps, p->plugin, p->sha256, &plug, &why) == 0)
		return plug->info ?
			conf_check_settings(p, plug->info->config_keys, &c->ar, &pairs, &n, err) :
			0;
	c->missing[c->n_missing] = arena_str(&c->ar, why.message);
	if (!c->missing[c->n_missing])
		return err_set(err, LLM_E_NOMEM, "out of memory");
	c->n_missing++;
	return 0;
}

static int32_t look_at_plugins(llm_config *c, const llm_service_opts *opts, llm_err *err)
{
	const plugin_search search = {.env_path = c->conf->env_plugin_path,
		.config_path = c->conf->plugin_path,
		.user_dir = opts->user_plugin_dir,
		.tool_dir = opts->plugin_dir,
		.lib_dir = LLM_PLUGIN_LIBDIR};
	plugins *ps = NULL;
	size_t i;
	int32_t rc = plugins_new(&search, &c->mem, NULL, &ps);

	c->missing = arena_array(&c->ar, c->conf->n_providers + 1, sizeof(char *));
	if (rc || !c->missing)
		rc = err_set(err, LLM_E_NOMEM, "out of memory");
	for (i = 0; !rc && i < c->conf->n_providers; i++)
		rc = look_at(c, ps, &c->conf->providers[i], err);
	plugins_free(ps);
	return rc;
}

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
	arena_init(&c->ar, &c->mem, 0);
	rc = conf_load(opts, NULL, &c->mem, NULL, &c->conf, &why);
	if (!rc)
		rc = look_at_plugins(c, opts, &why);
	if (rc) {
		llm_config_free(c);
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
	arena_reset(&c->ar);
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
	if (i < c->conf->n_warnings)
		return c->conf->warnings[i];
	i -= (uint32_t)c->conf->n_warnings;
	return i < c->n_missing ? c->missing[i] : NULL;
}
