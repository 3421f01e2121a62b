#include "upstream.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"

static const llm_provider_info *info_of(const upstream *up)
{
	return up->plug->info;
}

/* A name without an entry stands for the plugin of that name. */
static int32_t find_conf(llm_service *svc, const char *name, upstream *up, llm_err *err)
{
	conf_provider *made;

	up->conf = conf_provider_named(svc->conf, name);
	if (up->conf) {
		up->name = up->conf->name;
		return 0;
	}
	if (!svc->conf->plugins_implicit)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"provider \"%.64s\" is not configured, and plugins.implicit is off", name);
	made = arena_new(&up->ar, sizeof(*made));
	if (made)
		made->endpoints = arena_new(&up->ar, sizeof(*made->endpoints));
	up->name = arena_str(&up->ar, name);
	if (!made || !made->endpoints || !up->name)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	made->name = made->plugin = up->name;
	made->origin = "implicit";
	made->n_endpoints = 1;
	memset(&made->times, 0xff, sizeof(made->times)); /* CONF_UNSET in every member */
	up->conf = made;
	return 0;
}

static const char *raw_base_url(const llm_service *svc, const upstream *up, int *ret_from_env)
{
	const llm_provider_info *info = info_of(up);
	const char *text = up->conf->endpoints[0].base_url;

	*ret_from_env = 0;
	if (!text && info->base_url_env) {
		text = conf_env_get(svc->conf, info->base_url_env);
		*ret_from_env = text && text[0];
	}
	return text && text[0] ? text : info->default_base_url;
}

static int32_t find_base(llm_service *svc, upstream *up, int *ret_from_env, llm_err *err)
{
	char text[2048], what[96];
	const char *raw = raw_base_url(svc, up, ret_from_env);
	int32_t rc = 0;

	snprintf(what, sizeof(what), "providers.%s.base_url", up->name);
	if (*ret_from_env)
		snprintf(what, sizeof(what), "%s", info_of(up)->base_url_env);
	if (!raw || !raw[0])
		return err_set(err, LLM_E_CONFIG,
			"%s is missing: say where the server is, "
			"such as http://127.0.0.1:8080/v1",
			what);
	if (strlen(raw) >= sizeof(text))
		return err_set(err, LLM_E_CONFIG, "%s is longer than 2047 bytes", what);
	if (up->plug->provider->base_url)
		rc = up->plug->provider->base_url(raw, text, sizeof(text));
	else
		memcpy(text, raw, strlen(raw) + 1);
	if (rc)
		return err_set(err, LLM_E_CONFIG, "%s is no address that %s understands", what,
			info_of(up)->label);
	up->base_text = arena_str(&up->ar, text);
	if (!up->base_text)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	return url_parse(text, what, &up->base, err);
}

static int at_default_origin(const upstream *up)
{
	url usual;
	const char *text = info_of(up)->default_base_url;

	return text && text[0] && url_parse(text, "default", &usual, NULL) == 0 &&
		url_same_origin(&usual, &up->base);
}

static int32_t name_keys(upstream *up)
{
	const char *const *env = info_of(up)->key_env;
	char text[256] = "";
	size_t n = 0;

	for (; env && *env && n < sizeof(text) - 80; env++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? " or " : "", *env);
	up->key_names = arena_str(&up->ar, text);
	return up->key_names ? 0 : LLM_E_NOMEM;
}

/*
 * A provider's usual key variable is meant for its usual address: it goes nowhere
 * else unless the address came from the provider's own variable too.
 */
static int32_t find_key(llm_service *svc, upstream *up, int base_from_env)
{
	const char *const *env = info_of(up)->key_env;
	conf_secret *s;
	int usual = at_default_origin(up);

	up->key_needed = (info_of(up)->flags & LLM_PROVIDER_NEEDS_KEY) && usual;
	if (name_keys(up))
		return LLM_E_NOMEM;
	if (up->conf->endpoints[0].key.origin) {
		up->key = &up->conf->endpoints[0].key;
		return 0;
	}
	for (; env && *env && (usual || base_from_env); env++) {
		if (!conf_env_get(svc->conf, *env))
			continue;
		s = arena_new(&up->ar, sizeof(*s));
		if (!s)
			return LLM_E_NOMEM;
		pthread_rwlock_wrlock(&svc->secrets_lock);
		*s = conf_secret_from_env(svc->conf, *env, svc->secrets);
		pthread_rwlock_unlock(&svc->secrets_lock);
		up->key = s;
		return 0;
	}
	return 0;
}

static int32_t make_instance(llm_service *svc, upstream *up, llm_err *err)
{
	conf_pair *set = NULL;
	size_t n = 0, i;
	host_config_item *items;
	int32_t rc = conf_check_settings(
		up->conf, info_of(up)->config_keys, &up->ar, &set, &n, err);

	if (rc)
		return rc;
	items = arena_array(&up->ar, n + 1, sizeof(*items));
	if (!items)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	for (i = 0; i < n; i++) {
		items[i].key = set[i].name;
		items[i].text = set[i].value;
	}
	items[n].key = "base_url";
	items[n].text = up->base_text;
	return instance_new(up->plug, items, n + 1, &svc->mem, &svc->log, &up->in, err);
}

static uint32_t locality_of(const upstream *up)
{
	if (up->conf->locality)
		return up->conf->locality;
	if (at_default_origin(up) && info_of(up)->locality)
		return info_of(up)->locality;
	return up->base.local ? LLM_LOCALITY_LOCAL : LLM_LOCALITY_CLOUD;
}

static int32_t fill(llm_service *svc, const char *name, upstream *up, llm_err *err)
{
	int from_env = 0;
	int32_t rc = find_conf(svc, name, up, err);

	if (!rc)
		rc = plugins_get(svc->plugins, up->conf->plugin, up->conf->sha256, &up->plug, err);
	if (!rc && !up->plug->provider) {
		err_set(err, LLM_E_PLUGIN, "%s holds no provider", up->plug->path);
		return LLM_E_PLUGIN;
	}
	if (!rc)
		up->title = strcmp(up->name, up->plug->name) == 0 ? info_of(up)->label : up->name;
	if (!rc)
		rc = find_base(svc, up, &from_env, err);
	if (!rc && find_key(svc, up, from_env))
		rc = err_set(err, LLM_E_NOMEM, "out of memory");
	if (!rc)
		rc = make_instance(svc, up, err);
	if (!rc)
		up->locality = locality_of(up);
	return rc;
}

static int32_t get_locked(llm_service *svc, const char *name, upstream **ret, llm_err *err)
{
	upstream *up = idmap_get(&svc->upstreams, name);
	int32_t rc;

	if (up) {
		*ret = up;
		return 0;
	}
	up = mem_new(&svc->mem, sizeof(*up));
	if (!up)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	arena_init(&up->ar, &svc->mem, 0);
	rc = fill(svc, name, up, err);
	if (!rc && idmap_put(&svc->upstreams, name, up))
		rc = err_set(err, LLM_E_NOMEM, "out of memory");
	if (rc) {
		upstream_free(svc, up);
		return rc;
	}
	*ret = up;
	return 0;
}

int32_t upstream_get(llm_service *svc, const char *name, upstream **ret, llm_err *err)
{
	int32_t rc;

	pthread_mutex_lock(&svc->lock);
	rc = get_locked(svc, name, ret, err);
	pthread_mutex_unlock(&svc->lock);
	return rc;
}

void upstream_free(llm_service *svc, upstream *up)
{
	if (!up)
		return;
	instance_free(up->in);
	arena_reset(&up->ar);
	mem_free(&svc->mem, up);
}
