#include "lookup.h"

#include "base/err.h"

int32_t lookup_open(const llm_service_opts *opts, const llm_allocator *mem, const logger *log,
	conf **ret_conf, plugins **ret, llm_err *err)
{
	plugin_search search = {.user_dir = opts->user_plugin_dir,
		.tool_dir = opts->plugin_dir,
		.lib_dir = LLM_PLUGIN_LIBDIR};
	conf *cf = NULL;
	int32_t rc = conf_load(opts, NULL, mem, NULL, &cf, err);

	if (rc)
		return rc;
	search.env_path = cf->env_plugin_path;
	search.config_path = cf->plugin_path;
	rc = plugins_new(&search, mem, log, ret);
	if (rc) {
		conf_free(cf);
		return err_set(err, rc, "no memory to look for plugins");
	}
	*ret_conf = cf;
	return 0;
}
