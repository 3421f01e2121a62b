/* What changes while runs are under way: the configuration, plugins. */
#include <string.h>

#include "base/err.h"
#include "llm/plugins.h"
#include "options.h"
#include "plugin/gen.h"
#include "run/reload.h"

/* Who changes a service waits for plugins, which a callback must not. */
static int32_t check_change(llm_service *svc, llm_err *err)
{
	int32_t rc = service_check(svc, err);

	if (!rc && service_on_loop(svc))
		rc = err_set(err, LLM_E_STATE,
			"a callback cannot change the configuration: it would hold up the loop");
	if (!rc && atomic_load(&svc->stopping))
		rc = err_set(err, LLM_E_STATE, "the service is shutting down");
	return rc;
}

int32_t llm_service_reload(llm_service *svc, const llm_service_opts *opts, llm_err *err)
{
	llm_service_opts own;
	llm_err why = LLM_ERR_INIT;
	int32_t rc;

	if (!svc)
		return err_set(err, LLM_E_INVALID_REQUEST, "llm_service_reload needs a service");
	rc = check_change(svc, &why);
	if (!rc && opts)
		rc = options_adopt(opts, &own, &why);
	if (!rc)
		rc = service_reload(svc, opts ? &own : NULL, &why);
	if (rc)
		err_export(err, &why);
	return rc;
}

int32_t llm_plugin_replace(llm_service *svc, const char *name, const char *path, llm_err *err)
{
	llm_err why = LLM_ERR_INIT;
	int32_t rc;

	if (!svc || !name || !*name || (path && path[0] != '/'))
		return err_set(err, LLM_E_INVALID_REQUEST,
			"llm_plugin_replace needs a service, a plugin's name and, if any, an "
			"absolute path");
	rc = check_change(svc, &why);
	if (!rc)
		rc = service_replace(svc, name, path, &why);
	if (rc)
		err_export(err, &why);
	return rc;
}

static uint32_t state_of(llm_service *svc, const plugin *p, int held)
{
	confset *set = confset_hold(svc);
	const int active = plugins_has(set->plugins, p);

	confset_drop(set);
	if (active)
		return LLM_GENERATION_ACTIVE;
	return held ? LLM_GENERATION_DRAINING : LLM_GENERATION_RETIRED;
}

int32_t llm_plugin_generation_at(llm_service *svc, uint32_t i, llm_generation *ret)
{
	llm_generation own = {.struct_size = (uint32_t)sizeof(own)};
	const plugin *p;
	size_t size;
	int held;
	int32_t rc;

	if (!svc || !ret || ret->struct_size < sizeof(uint32_t))
		return LLM_E_INVALID_REQUEST;
	if (!gen_at(i, &p, &held))
		return LLM_E_NOT_FOUND;
	rc = gen_hash(p, own.sha256);
	if (rc)
		return rc;
	own.state = state_of(svc, p, held);
	own.name = p->name;
	own.path = p->path;
	own.id = p->id;
	own.version = p->version;
	size = ret->struct_size < sizeof(own) ? ret->struct_size : sizeof(own);
	memcpy(ret, &own, size);
	ret->struct_size = (uint32_t)size;
	return 0;
}
