#include "reload.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "route/resolve.h"
#include "routing.h"
#include "upstream.h"

/* ---- is all of it sound? ---- */

/* It could not be had before either, so nothing gets worse. */
static int was_missing(confset *before, const conf_provider *p)
{
	const conf_provider *old = conf_provider_named(before->conf, p->name);
	llm_err why = LLM_ERR_INIT;
	upstream *up;

	return old && strcmp(old->plugin, p->plugin) == 0 &&
		upstream_get(before, p->name, &up, &why) == LLM_E_PLUGIN;
}

static int32_t make_provider(confset *set, const conf_provider *p, llm_err *err)
{
	char name[2 * RESOLVE_NAME];
	upstream *up;
	int32_t rc = 0;
	size_t i;

	for (i = 0; !rc && i < p->n_endpoints; i++) {
		const char *id = p->endpoints[i].id;

		snprintf(name, sizeof(name), "%s%s%s", p->name, id ? "#" : "", id ? id : "");
		rc = upstream_get(set, name, &up, err);
	}
	return rc;
}

/* Each provider is made now: what is wrong with it must not come out in its first run. */
static int32_t make_providers(confset *set, confset *before, llm_err *err)
{
	const conf *c = set->conf;
	int32_t rc = 0;
	size_t i;

	for (i = 0; !rc && i < c->n_providers; i++) {
		rc = make_provider(set, &c->providers[i], err);
		if (rc != LLM_E_PLUGIN || !was_missing(before, &c->providers[i]))
			continue;
		log_line(&set->svc->log, LLM_LOG_WARN, "providers.%s is still out of order: %s",
			c->providers[i].name, err->message);
		err_clear(err);
		rc = 0;
	}
	return rc;
}

/* Those that no configuration names and that runs have asked all the same. */
static int32_t make_implicit(confset *set, confset *before, llm_err *err)
{
	llm_service *svc = set->svc;
	upstream *up;
	int32_t rc = 0;
	size_t i;

	pthread_mutex_lock(&svc->lock);
	for (i = 0; !rc && i < before->upstreams.n; i++) {
		const upstream *old = before->upstreams.slots[i].value;
		const char *name = before->upstreams.slots[i].key;

		if (strcmp(old->conf->origin, "implicit") != 0 ||
			conf_provider_named(set->conf, name))
			continue;
		/* Neither is taken away meanwhile. */
		pthread_mutex_unlock(&svc->lock);
		rc = upstream_get(set, name, &up, err);
		pthread_mutex_lock(&svc->lock);
	}
	pthread_mutex_unlock(&svc->lock);
	return rc;
}

/* A policy that cannot be had fails its profile's runs; one that could be had before must. */
static int32_t check_policies(const confset *set, const confset *before, llm_err *err)
{
	const route_profile *now, *then;
	size_t i;

	for (i = 0; i < set->routing->n; i++) {
		now = &set->routing->profiles[i];
		then = routing_profile(before->routing, now->name);
		if (!now->problem || (then && then->problem))
			continue;
		*err = *now->problem;
		return err->code;
	}
	return 0;
}

/* The value of a key, or null. */
static const char *item_of(const conf *c, const char *key)
{
	size_t i;

	for (i = 0; i < c->n_items; i++)
		if (strcmp(c->items[i].key, key) == 0)
			return c->items[i].value;
	return NULL;
}

/* A key of what stays as the service was made with that is not in `other`, or other there. */
static const char *fixed_key(const conf *c, const conf *other)
{
	size_t i;

	for (i = 0; i < c->n_items; i++) {
		const char *key = c->items[i].key, *value;

		if (strncmp(key, "storage.", 8) != 0 && strncmp(key, "privacy.", 8) != 0)
			continue;
		value = item_of(other, key);
		if (!value || strcmp(value, c->items[i].value) != 0)
			return key;
	}
	return NULL;
}

static int32_t check_fixed(const conf *now, const conf *before, llm_err *err)
{
	const char *key = fixed_key(now, before);

	if (!key)
		key = fixed_key(before, now);
	if (!key)
		return 0;
	return err_set(err, LLM_E_CONFIG,
		"%s cannot change while the service runs: its records would be in two places\n"
		"put it back as it was, or start the program again",
		key);
}

static int32_t check(confset *set, confset *before, llm_err *err)
{
	int32_t rc = check_fixed(set->conf, before->conf, err);

	if (!rc)
		rc = make_providers(set, before, err);
	if (!rc && set->conf->plugins_implicit)
		rc = make_implicit(set, before, err);
	return rc ? rc : check_policies(set, before, err);
}

/* ---- the change ---- */

/* From now on runs begin with `set`, which is taken over. */
static void put_in_force(llm_service *svc, confset *set)
{
	confset *before;

	pthread_mutex_lock(&svc->lock);
	before = svc->set;
	svc->set = set;
	/* The loop takes over from the one that it knows. */
	if (!svc->before) {
		svc->before = before;
		before = NULL;
	}
	atomic_store(&svc->adopt, 1);
	service_wake_locked(svc);
	pthread_mutex_unlock(&svc->lock);
	confset_drop(before);
}

void service_adopt(llm_service *svc)
{
	confset *set, *before;

	if (!atomic_load(&svc->adopt))
		return;
	pthread_mutex_lock(&svc->lock);
	set = confset_hold_locked(svc);
	before = svc->before;
	svc->before = NULL;
	atomic_store(&svc->adopt, 0);
	pthread_mutex_unlock(&svc->lock);
	slots_adopt(svc, set);
	routing_adopt(set->routing, before->routing);
	confset_drop(before);
	confset_drop(set);
}

/* Under `changing`, so nobody else puts another one in force. */
static int32_t reload(llm_service *svc, source *from, llm_err *err)
{
	confset *set = NULL;
	int32_t rc = confset_load(svc, &from->opts, svc->set->conf, &set, err);

	if (!rc)
		rc = check(set, svc->set, err);
	if (rc) {
		confset_drop(set);
		log_line(&svc->log, LLM_LOG_ERROR, "the configuration was not changed: %s",
			err->message);
		return rc;
	}
	put_in_force(svc, set);
	log_line(&svc->log, LLM_LOG_INFO, "another configuration is in force: %zu providers",
		set->conf->n_providers);
	return 0;
}

int32_t service_reload(llm_service *svc, const llm_service_opts *opts, llm_err *err)
{
	source *from = opts ? source_copy(opts, &svc->mem) : NULL;
	int32_t rc;

	if (opts && !from)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	pthread_mutex_lock(&svc->changing);
	rc = reload(svc, from ? from : svc->source, err);
	if (!rc && from) {
		source_free(svc->source, &svc->mem);
		svc->source = from;
		from = NULL;
	}
	pthread_mutex_unlock(&svc->changing);
	source_free(from, &svc->mem);
	return rc;
}

/* ---- another generation of a plugin ---- */

static const char *pin_of(const conf *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->n_providers; i++)
		if (strcmp(c->providers[i].plugin, name) == 0)
			return c->providers[i].sha256;
	return NULL;
}

/* What takes another's place is the same plugin, only newer or older. */
static int32_t check_same(
	confset *before, plugins *ps, const char *name, const plugin **ret, llm_err *err)
{
	const char *pin = pin_of(before->conf, name);
	const plugin *old = NULL, *now = NULL;
	llm_err ignored = LLM_ERR_INIT;
	int32_t rc = plugins_get(ps, name, pin, &now, err);

	if (rc)
		return rc;
	*ret = now;
	if (plugins_get(before->plugins, name, pin, &old, &ignored))
		return 0;
	if (strcmp(old->id, now->id) == 0)
		return 0;
	return err_set(err, LLM_E_PLUGIN,
		"plugin file %s holds %s, and what it would replace is %s\n"
		"give it a name of its own, and name that in the configuration",
		now->path, now->id, old->id);
}

/* Under `changing`. */
static int32_t replace(llm_service *svc, const char *name, const char *path, llm_err *err)
{
	confset *before = svc->set, *set = NULL;
	const plugin *now = NULL;
	plugins *ps = NULL;
	int32_t rc = plugins_fork(before->plugins, name, path, &ps);

	if (rc)
		return err_set(err, rc, "out of memory");
	rc = check_same(before, ps, name, &now, err);
	if (!rc && plugins_has(before->plugins, now)) {
		plugins_free(ps); /* it is the one that is in use */
		return 0;
	}
	if (!rc)
		rc = confset_with(before, ps, &set, err);
	if (rc) {
		plugins_free(ps);
		return rc;
	}
	rc = check(set, before, err);
	if (rc) {
		confset_drop(set);
		return rc;
	}
	put_in_force(svc, set);
	log_line(&svc->log, LLM_LOG_INFO, "plugin %s was replaced by %s", name, now->path);
	return 0;
}

int32_t service_replace(llm_service *svc, const char *name, const char *path, llm_err *err)
{
	int32_t rc;

	pthread_mutex_lock(&svc->changing);
	rc = replace(svc, name, path, err);
	pthread_mutex_unlock(&svc->changing);
	if (rc)
		log_line(&svc->log, LLM_LOG_ERROR, "plugin %s was not replaced: %s", name,
			err->message);
	return rc;
}
