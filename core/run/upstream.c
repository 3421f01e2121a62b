#include "upstream.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "route/resolve.h"
#include "watching.h"

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

static int32_t find_provider(confset *set, const char *name, upstream *up, llm_err *err)
{
	up->conf = conf_provider_named(set->conf, name);
	if (!up->conf && !set->conf->plugins_implicit) {
		err_set(err, LLM_E_INVALID_REQUEST,
			"provider \"%.64s\" is not configured, and plugins.implicit is off", name);
		return upstream_unknown(set, name, NULL, err);
	}
	if (!up->conf)
		up->conf = address_implicit(name, &up->ar);
	if (!up->conf)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	up->name = up->conf->name;
	return 0;
}

/* "work" or "work#eu": a provider, and which of its endpoints; the first when none is named. */
static int32_t find_conf(confset *set, const char *name, upstream *up, llm_err *err)
{
	const char *hash = strchr(name, '#');
	char provider[RESOLVE_NAME];
	int32_t rc;

	err_copy(provider, sizeof(provider), name, hash ? (size_t)(hash - name) : strlen(name));
	rc = find_provider(set, provider, up, err);
	if (rc)
		return rc;
	up->end = conf_endpoint_named(up->conf, hash ? hash + 1 : "");
	if (!up->end)
		return no_endpoint(up, hash + 1, err);
	up->id = up->name;
	if (!hash)
		return 0;
	up->id = up->title = arena_str(&up->ar, name);
	return up->id ? 0 : err_set(err, LLM_E_NOMEM, "out of memory");
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

static int32_t find_way(confset *set, upstream *up, llm_err *err)
{
	int32_t rc = address_find(set->conf, up->conf, up->end, up->plug, &up->ar, &up->at, err);

	if (!rc)
		rc = check_version(up, err);
	return rc ? rc : upstream_proxy(set, up, err);
}

static int32_t name_keys(upstream *up)
{
	const char *const *env = info_of(up)->key_env;
	char text[256] = "";
	size_t n = 0;

	for (; env && *env && n < sizeof(text) - 80; env++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? " or " : "", *env);
	up->key_names = arena_str(&up->ar, text);
	if (up->conf->n_endpoints > 1)
		snprintf(text, sizeof(text), "in endpoint %s of providers.%s: api_key", up->end->id,
			up->name);
	else
		snprintf(text, sizeof(text), "providers.%s.api_key", up->name);
	up->key_setting = arena_str(&up->ar, text);
	return up->key_names && up->key_setting ? 0 : LLM_E_NOMEM;
}

static int32_t warn(confset *set, upstream *up, const usual_key *k)
{
	const char *text = NULL;
	int32_t rc = address_warning(up->name, k, &up->at, &up->ar, &text);

	if (text)
		log_line(&set->svc->log, LLM_LOG_WARN, "%s", text);
	return rc;
}

static int32_t find_key(confset *set, upstream *up)
{
	const usual_key k = address_key(set->conf, info_of(up), &up->at);
	conf_secret *s;

	up->key_needed = (info_of(up)->flags & LLM_PROVIDER_NEEDS_KEY) && up->at.usual;
	if (name_keys(up))
		return LLM_E_NOMEM;
	if (up->end->key.origin) {
		up->key = &up->end->key;
		return 0;
	}
	if (warn(set, up, &k))
		return LLM_E_NOMEM;
	if (!k.name)
		return 0;
	s = arena_new(&up->ar, sizeof(*s));
	if (!s)
		return LLM_E_NOMEM;
	pthread_rwlock_wrlock(&set->svc->secrets_lock);
	*s = conf_secret_from_env(set->conf, k.name, set->svc->secrets);
	pthread_rwlock_unlock(&set->svc->secrets_lock);
	up->key = s;
	return 0;
}

static int32_t make_instance(confset *set, upstream *up, llm_err *err)
{
	conf_pair *said = NULL;
	size_t n = 0, i;
	host_config_item *items;
	int32_t rc = conf_check_settings(
		up->conf, info_of(up)->config_keys, &up->ar, &said, &n, err);

	if (rc)
		return rc;
	items = arena_array(&up->ar, n + 1, sizeof(*items));
	if (!items)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	for (i = 0; i < n; i++) {
		items[i].key = said[i].name;
		items[i].text = said[i].value;
	}
	items[n].key = "base_url";
	items[n].text = up->at.text;
	watching_make(set->svc, up->plug);
	rc = instance_new(up->plug, items, n + 1, &set->svc->mem, &set->svc->log, &up->in, err);
	watching_made(set->svc);
	if (!rc)
		instance_watch(up->in, &set->svc->watch);
	return rc;
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

static int32_t find_plugin(confset *set, const char *name, upstream *up, llm_err *err)
{
	int32_t rc = plugins_get(set->plugins, up->conf->plugin, up->conf->sha256, &up->plug, err);

	return rc == LLM_E_PLUGIN ? upstream_unknown(set, name, up->conf, err) : rc;
}

static void init_limits(upstream *up)
{
	uint32_t most = up->end->max_concurrency;

	if (!most)
		most = up->conf->max_concurrency;
	if (!most)
		most = info_of(up)->max_concurrency;
	up->most = most ? most : LIMITER_PROVIDER;
	up->queue_max = up->conf->queue_max ? up->conf->queue_max : LIMITER_QUEUE;
}

/* What is on the wire to it counts whatever configuration it began with. */
static int32_t find_use(llm_service *svc, const char *name, upstream *up)
{
	int32_t rc = 0;

	pthread_mutex_lock(&svc->lock);
	up->use = idmap_get(&svc->uses, name);
	if (!up->use) {
		up->use = mem_new(&svc->mem, sizeof(*up->use));
		rc = up->use ? idmap_put(&svc->uses, name, up->use) : LLM_E_NOMEM;
		if (!rc) {
			limiter_provider_init(&up->use->slots, up->most, up->queue_max);
			quota_init(&up->use->quota);
		} else {
			mem_free(&svc->mem, up->use);
		}
	}
	pthread_mutex_unlock(&svc->lock);
	return rc;
}

static int32_t fill(confset *set, const char *name, upstream *up, llm_err *err)
{
	int32_t rc = find_conf(set, name, up, err);

	if (!rc)
		rc = find_plugin(set, up->name, up, err);
	if (!rc && !up->plug->provider) {
		err_set(err, LLM_E_PLUGIN, "%s holds no provider", up->plug->path);
		return LLM_E_PLUGIN;
	}
	if (!rc && !up->title)
		up->title = strcmp(up->name, up->plug->name) == 0 ? info_of(up)->label : up->name;
	if (!rc)
		rc = find_way(set, up, err);
	if (!rc && find_key(set, up))
		rc = err_set(err, LLM_E_NOMEM, "out of memory");
	if (!rc)
		rc = make_instance(set, up, err);
	if (rc)
		return rc;
	up->locality = locality_of(up);
	init_limits(up);
	return find_use(set->svc, name, up) ? err_set(err, LLM_E_NOMEM, "out of memory") : 0;
}

static upstream *find(confset *set, const char *name)
{
	upstream *up;

	pthread_mutex_lock(&set->svc->lock);
	up = idmap_get(&set->upstreams, name);
	pthread_mutex_unlock(&set->svc->lock);
	return up;
}

static int32_t keep(confset *set, const char *name, upstream *up, llm_err *err)
{
	int32_t rc;

	pthread_mutex_lock(&set->svc->lock);
	rc = idmap_put(&set->upstreams, name, up);
	pthread_mutex_unlock(&set->svc->lock);
	return rc ? err_set(err, LLM_E_NOMEM, "out of memory") : 0;
}

static int32_t make(confset *set, const char *name, upstream **ret, llm_err *err)
{
	upstream *up = find(set, name); /* another thread may have made it meanwhile */
	int32_t rc;

	if (up) {
		*ret = up;
		return 0;
	}
	up = mem_new(&set->svc->mem, sizeof(*up));
	if (!up)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	arena_init(&up->ar, &set->svc->mem, 0);
	rc = fill(set, name, up, err);
	if (!rc)
		rc = keep(set, name, up, err);
	if (rc) {
		upstream_free(set, up);
		return rc;
	}
	*ret = up;
	return 0;
}

/* While a plugin is loaded and started nobody waits but those who want another new one. */
int32_t upstream_get(confset *set, const char *name, upstream **ret, llm_err *err)
{
	upstream *up = find(set, name);
	int32_t rc;

	if (up) {
		*ret = up;
		return 0;
	}
	rc = watching_lock(set->svc, err);
	if (rc)
		return rc;
	rc = make(set, name, ret, err);
	pthread_mutex_unlock(&set->svc->making);
	return rc;
}

void upstream_free(confset *set, upstream *up)
{
	if (!up)
		return;
	instance_free(up->in);
	arena_reset(&up->ar);
	mem_free(&set->svc->mem, up);
}
