#include "llm/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "run/address.h"
#include "run/ledger.h"
#include "run/nopolicy.h"
#include "run/pricing.h"

struct llm_config {
	llm_allocator mem;
	arena ar;
	conf *conf;
	plugins *ps;
	conf_item *items; /* those of the configuration, and keys of usual variables */
	size_t n_items;
	const char **notes; /* warnings about plugins, addresses and keys */
	size_t n_notes;
};

#define NOTES_EACH 3 /* about one endpoint, at most */

/* One line, whatever the message has. */
static int32_t note(llm_config *c, const char *text)
{
	char *copy = arena_str(&c->ar, text);
	char *at = copy;

	if (!copy)
		return LLM_E_NOMEM;
	while ((at = strchr(at, '\n')))
		*at = ';';
	c->notes[c->n_notes++] = copy;
	return 0;
}

/* The key that a usual variable gives: a line as if it had been configured. */
static int32_t show_key(
	llm_config *c, const conf_provider *p, const conf_endpoint *end, const char *variable)
{
	const conf_secret s = conf_secret_from_env(c->conf, variable, NULL);
	conf_item *item = &c->items[c->n_items];
	char text[160];

	if (p->n_endpoints > 1)
		snprintf(text, sizeof(text), "providers.%s.endpoints.%d.api_key", p->name,
			(int)(end - p->endpoints));
	else
		snprintf(text, sizeof(text), "providers.%s.api_key", p->name);
	item->key = arena_str(&c->ar, text);
	snprintf(text, sizeof(text), "environment %s", variable);
	item->origin = arena_str(&c->ar, text);
	item->value = "***";
	if (!item->key || !item->origin)
		return LLM_E_NOMEM;
	c->n_items++;
	return s.problem ? note(c, s.problem) : 0;
}

/* Has the user said where it is? A plugin that nobody names may well have no address. */
static int has_address(const llm_config *c, const llm_provider_info *info)
{
	return info->base_url_env && conf_env_get(c->conf, info->base_url_env);
}

static int32_t look_at_key(llm_config *c, const conf_provider *p, const conf_endpoint *end,
	const plugin *plug, int named)
{
	llm_err why = LLM_ERR_INIT;
	const char *text = NULL;
	address at = {
		.from_env = 1}; /* what a usual variable says wrongly is still the user's wish */
	usual_key k;
	int32_t rc = address_find(c->conf, p, end, plug, &c->ar, &at, &why);

	if (rc == LLM_E_NOMEM)
		return rc;
	if (rc && !named && !has_address(c, plug->info))
		return 0;
	if (rc) {
		rc = note(c, why.message);
		if (rc || named)
			return rc;
	}
	if (end->key.origin)
		return 0;
	k = address_key(c->conf, plug->info, &at);
	rc = address_warning(p->name, &k, &at, &c->ar, &text);
	if (!rc && text)
		rc = note(c, text);
	return rc || !k.name ? rc : show_key(c, p, end, k.name);
}

/* A missing plugin fails only the runs that need it; a key that it does not know is wrong. */
static int32_t look_at(llm_config *c, const conf_provider *p, llm_err *err)
{
	llm_err why = LLM_ERR_INIT;
	const plugin *plug;
	conf_pair *pairs;
	size_t n, i;
	int32_t rc;

	if (plugins_get(c->ps, p->plugin, p->sha256, &plug, &why)) {
		rc = note(c, why.message);
	} else if (plug->info) {
		rc = conf_check_settings(p, plug->info->config_keys, &c->ar, &pairs, &n, err);
		if (rc)
			return rc;
		rc = 0;
		for (i = 0; !rc && i < p->n_endpoints; i++)
			rc = look_at_key(c, p, &p->endpoints[i], plug, 1);
	} else {
		rc = 0;
	}
	return rc ? err_set(err, rc, "out of memory") : 0;
}

/* A policy that is not there fails only the runs of its profile, too. */
static int32_t look_at_policy(llm_config *c, const conf_profile *p, llm_err *err)
{
	llm_err why = LLM_ERR_INIT;
	const plugin *plug;
	conf_pair *pairs;
	char *end;
	size_t n;

	if (strcmp(p->policy, "ordered") == 0 && !p->n_options)
		return 0;
	if (!plugins_get(c->ps, p->policy, NULL, &plug, &why) && plug->policy_info)
		return conf_check_options(p, plug->policy_info->options, &c->ar, &pairs, &n, err);
	nopolicy_say(c->conf, c->ps, p, &why);
	end = strchr(why.message, '\n'); /* a warning is one line */
	if (end)
		*end = '\0';
	return note(c, why.message) ? err_set(err, LLM_E_NOMEM, "out of memory") : 0;
}

/* Each plugin also stands for a provider of its name, unless there is an entry. */
static int32_t look_at_implicit(llm_config *c, const plugin_seen *row)
{
	const conf_provider *p;

	if (!row->taken || !row->loaded || !row->loaded->info ||
		conf_provider_named(c->conf, row->name))
		return 0;
	p = address_implicit(row->name, &c->ar);
	return p ? look_at_key(c, p, p->endpoints, row->loaded, 0) : LLM_E_NOMEM;
}

static int32_t make_room(llm_config *c, size_t n_rows)
{
	size_t providers = n_rows, i;

	for (i = 0; i < c->conf->n_providers; i++)
		providers += c->conf->providers[i].n_endpoints;
	c->items = arena_array(&c->ar, c->conf->n_items + providers + 1, sizeof(*c->items));
	c->notes = arena_array(
		&c->ar, providers * NOTES_EACH + c->conf->n_profiles + 1, sizeof(*c->notes));
	if (!c->items || !c->notes)
		return LLM_E_NOMEM;
	if (c->conf->n_items)
		memcpy(c->items, c->conf->items, c->conf->n_items * sizeof(*c->items));
	c->n_items = c->conf->n_items;
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const conf_item *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static int32_t look_at_all(llm_config *c, int implicit, llm_err *err)
{
	plugin_seen *rows = NULL;
	size_t n = 0, i;
	int32_t rc = implicit ? plugins_scan(c->ps, NULL, &c->ar, &rows, &n) : 0;

	if (!rc)
		rc = make_room(c, n);
	if (rc)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	for (i = 0; !rc && i < c->conf->n_providers; i++)
		rc = look_at(c, &c->conf->providers[i], err);
	for (i = 0; !rc && i < c->conf->n_profiles; i++)
		rc = look_at_policy(c, &c->conf->profiles[i], err);
	if (!rc)
		rc = pricing_check(c->conf, &c->mem, err);
	if (!rc)
		rc = ledger_check(c->conf, err);
	if (rc)
		return rc;
	for (i = 0; !rc && i < n; i++)
		rc = look_at_implicit(c, &rows[i]);
	if (rc)
		return err_set(err, LLM_E_NOMEM, "out of memory");
	qsort(c->items, c->n_items, sizeof(*c->items), by_key);
	return 0;
}

static int32_t look_at_plugins(llm_config *c, const llm_service_opts *opts, llm_err *err)
{
	const plugin_search search = {.env_path = c->conf->env_plugin_path,
		.config_path = c->conf->plugin_path,
		.user_dir = opts->user_plugin_dir,
		.tool_dir = opts->plugin_dir,
		.lib_dir = LLM_PLUGIN_LIBDIR};
	/* Without an environment there is no key that only a plugin could name. */
	const int implicit = c->conf->plugins_implicit && !(opts->flags & LLM_SERVICE_NO_ENV);
	int32_t rc = plugins_new(&search, &c->mem, NULL, &c->ps);

	return rc ? err_set(err, rc, "out of memory") : look_at_all(c, implicit, err);
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
	plugins_free(c->ps);
	conf_free(c->conf);
	arena_reset(&c->ar);
	mem_free(&mem, c);
}

int32_t llm_config_at(const llm_config *c, uint32_t i, llm_config_item *ret)
{
	if (i >= c->n_items)
		return LLM_E_NOT_FOUND;
	ret->struct_size = (uint32_t)sizeof(*ret);
	ret->key = c->items[i].key;
	ret->value = c->items[i].value;
	ret->origin = c->items[i].origin;
	return 0;
}

const char *llm_config_warning_at(const llm_config *c, uint32_t i)
{
	if (i < c->conf->n_warnings)
		return c->conf->warnings[i];
	i -= (uint32_t)c->conf->n_warnings;
	return i < c->n_notes ? c->notes[i] : NULL;
}
