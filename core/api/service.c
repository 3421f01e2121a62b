#include "llm/service.h"

#include <string.h>

#include "base/err.h"
#include "route/resolve.h"
#include "options.h"
#include "run/service.h"
#include "run/upstream.h"
#include "storage.h"

int32_t options_adopt(const llm_service_opts *opts, llm_service_opts *own, llm_err *err)
{
	size_t n = opts ? opts->struct_size : 0;

	memset(own, 0, sizeof(*own));
	own->struct_size = (uint32_t)sizeof(*own);
	if (!opts)
		return 0;
	if (n < offsetof(llm_service_opts, config_text))
		return err_set(err, LLM_E_INVALID_REQUEST,
			"the options are not initialised: begin with LLM_SERVICE_OPTS_INIT");
	memcpy(own, opts, n < sizeof(*own) ? n : sizeof(*own));
	if (own->config_path && own->config_text)
		return err_set(err, LLM_E_CONFIG,
			"config_path and config_text exclude each other: give one");
	return 0;
}

int32_t llm_service_new(const llm_service_opts *opts, llm_service **ret, llm_err *err)
{
	llm_service_opts own;
	llm_service *svc = NULL;
	llm_err why = LLM_ERR_INIT;
	int32_t rc;

	if (!ret)
		return LLM_E_INVALID_REQUEST;
	rc = options_adopt(opts, &own, &why);
	if (!rc)
		rc = service_new(&own, &svc, &why);
	if (!rc && (own.jobs || conf_has_storage(svc->set->conf)))
		rc = storage_attach(svc, &own, &why);
	if (!rc)
		*ret = svc;
	else
		service_free(svc);
	if (rc)
		err_export(err, &why);
	return rc;
}

void llm_service_free(llm_service *svc)
{
	service_free(svc);
}

int32_t llm_service_shutdown(llm_service *svc, llm_err *err)
{
	llm_err why = LLM_ERR_INIT;
	int32_t rc = service_check(svc, &why);

	if (rc)
		err_export(err, &why);
	else
		service_stop(svc);
	return rc;
}

int32_t llm_service_start(llm_service *svc, llm_err *err)
{
	llm_err why = LLM_ERR_INIT;
	int32_t rc = service_check(svc, &why);

	if (!rc && atomic_load(&svc->driver) != DRIVER_NONE && !service_leads(svc))
		rc = err_set(&why, LLM_E_STATE, "the service is driven already");
	if (!rc)
		rc = service_drive(svc, &why);
	if (rc)
		err_export(err, &why);
	return rc;
}

/* The text that is given out lives as long as the service; a reload changes what is in it. */
static const conf *lend(const llm_service *svc)
{
	return confset_lend((llm_service *)(uintptr_t)svc);
}

const char *llm_service_profile_at(const llm_service *svc, uint32_t i)
{
	const conf *c = lend(svc);

	return i < c->n_profiles ? c->profiles[i].name : NULL;
}

const char *llm_service_candidate_at(const llm_service *svc, const char *profile, uint32_t i)
{
	const conf_profile *p = profile ? conf_profile_named(lend(svc), profile) : NULL;

	return p && i < p->n_candidates ? p->candidates[i] : NULL;
}

const char *llm_service_default_profile(const llm_service *svc)
{
	return lend(svc)->default_profile;
}

const char *llm_service_alias_at(const llm_service *svc, uint32_t i, const char **ret_target)
{
	const conf *c = lend(svc);

	if (i >= c->n_aliases)
		return NULL;
	if (ret_target)
		*ret_target = c->aliases[i].value;
	return c->aliases[i].name;
}

const char *llm_service_provider_at(const llm_service *svc, uint32_t i)
{
	const conf *c = lend(svc);

	return i < c->n_providers ? c->providers[i].name : NULL;
}

/* *ret_set is held, and *ret lives as long. */
static int32_t find(
	llm_service *svc, const char *name, confset **ret_set, upstream **ret, llm_err *err)
{
	confset *set = NULL;
	llm_err why = LLM_ERR_INIT;
	int32_t rc = service_check(svc, &why);

	if (!rc && !name)
		rc = err_set(&why, LLM_E_INVALID_REQUEST, "the provider's name is missing (null)");
	if (!rc) {
		set = confset_hold(svc);
		rc = upstream_get(set, name, ret, &why);
	}
	if (rc) {
		confset_drop(set);
		err_export(err, &why);
		return rc;
	}
	*ret_set = set;
	return 0;
}

int32_t llm_service_provider(
	llm_service *svc, const char *name, llm_provider_desc *ret, llm_err *err)
{
	confset *set;
	upstream *up;
	int32_t rc = find(svc, name, &set, &up, err);

	if (rc)
		return rc;
	ret->struct_size = (uint32_t)sizeof(*ret);
	ret->locality = up->locality;
	ret->name = up->name;
	ret->plugin = up->plug->name;
	ret->label = up->plug->info->label;
	ret->base_url = up->at.text;
	ret->needs_key = (uint32_t)up->key_needed;
	ret->has_key = up->key && up->key->value;
	atomic_store(&set->lent, 1);
	confset_drop(set);
	return 0;
}

int32_t llm_service_option_at(
	llm_service *svc, const char *provider, uint32_t i, llm_option_desc *ret, llm_err *err)
{
	const llm_key_info *const *k;
	confset *set;
	upstream *up;
	int32_t rc = find(svc, provider, &set, &up, err);

	if (rc)
		return rc;
	k = up->plug->info->request_options; /* the plugin's, which stays */
	confset_drop(set);
	for (; k && *k && i; k++)
		i--;
	if (!k || !*k)
		return LLM_E_NOT_FOUND;
	ret->struct_size = (uint32_t)sizeof(*ret);
	ret->type = (*k)->type;
	ret->name = (*k)->name;
	ret->unit = (*k)->unit;
	ret->help = (*k)->help;
	return 0;
}
