#include "upstream.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "route/resolve.h"

static const llm_provider_info *info_of(const upstream *up)
{
	return up->plug->info;
}

static int32_t no_endpoint(const upstream *up, const char *id, llm_err *err)
{
	const conf_provider *p = up->conf;

	if (!p->endpoints[0].id)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"provider %s has no endpoint \"%.63s\": it has one only, without a name\n"
			"write %s/MODEL",
			up->name, id, up->name);
	return err_set(err, LLM_E_INVALID_REQUEST,
		"provider %s has no endpoint \"%.63s\"; the first of its %zu is \"%s\"", up->name,
		id, p->n_endpoints, p->endpoints[0].id);
}

static int32_t find_provider(llm_service *svc, const char *name, upstream *up, llm_err *err)
{
	up->conf = conf_provider_named(svc->conf, name);
	if (!up->conf && !svc->conf->plugins_implicit) {
		err_set(err, LLM_E_INVALID_REQUEST,
			"provider \"%.64s\" is not configured, and plugins.implicit is off", name);
		return upstream_unknown(svc, name, NULL, err);
	}
	if (!up->conf)
		up->conf = address_implicit(name, &up->ar);
	if (!up->conf)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	up->name = up->conf->name;
	return 0;
}

/* "work" or "work#eu": a provider, and which of its endpoints; the first when none is named. */
static int32_t find_conf(llm_service *svc, const char *name, upstream *up, llm_err *err)
{
	const char *hash = strchr(name, '#');
	char provider[RESOLVE_NAME];
	int32_t rc;

	err_copy(provider, sizeof(provider), name, hash ? (size_t)(hash - name) : strlen(name));
	rc = find_provider(svc, provider, up, err);
	if (rc)
		return rc;
	up->end = conf_endpoint_named(up->conf, hash ? hash + 1 : "");
	if (!up->end)
		return no_endpoint(up, hash + 1, err);
	if (!hash)
		return 0;
	up->title = arena_str(&up->ar, name);
	return up->title ? 0 : err_set(err, LLM_E_NOMEM, "out of memory");
}

/*
 * Without TLS nothing is negotiated, and libcurl 7.88 cannot use a connection of HTTP/2 a
 * second time then.
 */
static int32_t check_version(const upstream *up, llm_err *err)
{
	if (up->conf->http_version != 2 || strcmp(up->at.base.scheme, "https") == 0)
		return 0;
	return err_set(err, LLM_E_CONFIG,
		"providers.%s.http_version is \"2\", and that needs https: its base URL is %s\n"
		"use an address with https://, or leave http_version out",
		up->name, up->at.text);
}

static int32_t find_way(llm_service *svc, upstream *up, llm_err *err)
{
	int32_t rc = address_find(svc->conf, up->conf, up->end, up->plug, &up->ar, &up->at, err);

	if (!rc)
		rc = check_version(up, err);
	return rc ? rc : upstream_proxy(svc, up, err);
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

static int32_t warn(llm_service *svc, upstream *up, const usual_key *k)
{
	const char *text = NULL;
	int32_t rc = address_warning(up->name, k, &up->at, &up->ar, &text);

	if (text)
		log_line(&svc->log, LLM_LOG_WARN, "%s", text);
	return rc;
}

static int32_t find_key(llm_service *svc, upstream *up)
{
	const usual_key k = address_key(svc->conf, info_of(up), &up->at);
	conf_secret *s;

	up->key_needed = (info_of(up)->flags & LLM_PROVIDER_NEEDS_KEY) && up->at.usual;
	if (name_keys(up))
		return LLM_E_NOMEM;
	if (up->end->key.origin) {
		up->key = &up->end->key;
		return 0;
	}
	if (warn(svc, up, &k))
		return LLM_E_NOMEM;
	if (!k.name)
		return 0;
	s = arena_new(&up->ar, sizeof(*s));
	if (!s)
		return LLM_E_NOMEM;
	pthread_rwlock_wrlock(&svc->secrets_lock);
	*s = conf_secret_from_env(svc->conf, k.name, svc->secrets);
	pthread_rwlock_unlock(&svc->secrets_lock);
	up->key = s;
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
	items[n].text = up->at.text;
	return instance_new(up->plug, items, n + 1, &svc->mem, &svc->log, &up->in, err);
}

static uint32_t locality_of(const upstream *up)
{
	if (up->end->locality)
		return up->end->locality;
	if (up->conf->locality)
		return up->conf->locality;
	if (up->at.usual && info_of(up)->locality)
		return info_of(up)->locality;
	return up->at.base.local ? LLM_LOCALITY_LOCAL : LLM_LOCALITY_CLOUD;
}

static int32_t find_plugin(llm_service *svc, const char *name, upstream *up, llm_err *err)
{
	int32_t rc = plugins_get(svc->plugins, up->conf->plugin, up->conf->sha256, &up->plug, err);

	return rc == LLM_E_PLUGIN ? upstream_unknown(svc, name, up->conf, err) : rc;
}

static void init_limits(upstream *up)
{
	uint32_t most = up->end->max_concurrency;

	if (!most)
		most = up->conf->max_concurrency;
	if (!most)
		most = info_of(up)->max_concurrency;
	limiter_provider_init(&up->slots, most ? most : LIMITER_PROVIDER,
		up->conf->queue_max ? up->conf->queue_max : LIMITER_QUEUE);
	quota_init(&up->quota);
}

static int32_t fill(llm_service *svc, const char *name, upstream *up, llm_err *err)
{
	int32_t rc = find_conf(svc, name, up, err);

	if (!rc)
		rc = find_plugin(svc, up->name, up, err);
	if (!rc && !up->plug->provider) {
		err_set(err, LLM_E_PLUGIN, "%s holds no provider", up->plug->path);
		return LLM_E_PLUGIN;
	}
	if (!rc && !up->title)
		up->title = strcmp(up->name, up->plug->name) == 0 ? info_of(up)->label : up->name;
	if (!rc)
		rc = find_way(svc, up, err);
	if (!rc && find_key(svc, up))
		rc = err_set(err, LLM_E_NOMEM, "out of memory");
	if (!rc)
		rc = make_instance(svc, up, err);
	if (rc)
		return rc;
	up->locality = locality_of(up);
	init_limits(up);
	return 0;
}

static upstream *find(llm_service *svc, const char *name)
{
	upstream *up;

	pthread_mutex_lock(&svc->lock);
	up = idmap_get(&svc->upstreams, name);
	pthread_mutex_unlock(&svc->lock);
	return up;
}

static int32_t keep(llm_service *svc, const char *name, upstream *up, llm_err *err)
{
	int32_t rc;

	pthread_mutex_lock(&svc->lock);
	rc = idmap_put(&svc->upstreams, name, up);
	pthread_mutex_unlock(&svc->lock);
	return rc ? err_set(err, LLM_E_NOMEM, "out of memory") : 0;
}

static int32_t make(llm_service *svc, const char *name, upstream **ret, llm_err *err)
{
	upstream *up = find(svc, name); /* another thread may have made it meanwhile */
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
	if (!rc)
		rc = keep(svc, name, up, err);
	if (rc) {
		upstream_free(svc, up);
		return rc;
	}
	*ret = up;
	return 0;
}

/* While a plugin is loaded and started nobody waits but those who want another new one. */
int32_t upstream_get(llm_service *svc, const char *name, upstream **ret, llm_err *err)
{
	upstream *up = find(svc, name);
	int32_t rc;

	if (up) {
		*ret = up;
		return 0;
	}
	pthread_mutex_lock(&svc->making);
	rc = make(svc, name, ret, err);
	pthread_mutex_unlock(&svc->making);
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
