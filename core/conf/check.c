/* What only the whole configuration can tell: names that refer to others. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "conf/inner.h"
#include "wire/num.h"
#include "wire/url.h"

#define ALIAS_DEPTH 8
#define PATH_MAX_HERE 192

static const entry *named(const loader *l, const char *group, const char *name, const char *key)
{
	char path[PATH_MAX_HERE];
	int len = snprintf(path, sizeof(path), "%s.%s%s%s", group, name, key[0] ? "." : "", key);

	return len > 0 && (size_t)len < sizeof(path) ? table_get(&l->t, path) : NULL;
}

static const char *origin_of(const loader *l, const char *group, const char *name, const char *key)
{
	const entry *e = named(l, group, name, key);

	return e ? e->set.origin : "configuration";
}

static const char *alias_value(const loader *l, const char *name)
{
	const entry *e = named(l, "aliases", name, "");

	return e ? e->set.text : NULL;
}

static int32_t unknown(const loader *l, const char *origin, const char *where, const char *name)
{
	const char *near = conf_nearest_target(l->c, name);

	return err_set(l->err, LLM_E_CONFIG,
		"%s: %s names '%.128s', which is no profile, no alias "
		"and no PROVIDER/MODEL%s%s%s",
		origin, where, name, near ? "\ndid you mean '" : "\nadd it, or correct the name",
		near ? near : "", near ? "'?" : "");
}

/* "eu, us", as far as there is room. */
static void list_endpoints(const conf_provider *p, char *to, size_t cap)
{
	size_t n = 0, i;

	to[0] = '\0';
	for (i = 0; p && i < p->n_endpoints && n < cap - KEY_NAME_MAX - 3; i++)
		if (p->endpoints[i].id)
			n += (size_t)snprintf(
				to + n, cap - n, "%s%s", n ? ", " : "", p->endpoints[i].id);
}

static int32_t check_endpoint(
	const loader *l, const char *origin, const char *text, const conf_provider *p)
{
	const char *hash = strchr(text, '#');
	char id[KEY_NAME_MAX + 1], names[256];

	err_copy(id, sizeof(id), hash + 1, strcspn(hash + 1, "/"));
	if (p && conf_endpoint_named(p, id))
		return 0;
	list_endpoints(p, names, sizeof(names));
	return err_set(l->err, LLM_E_CONFIG,
		"%s: '%.128s' names an endpoint that provider '%.*s' "
		"does not have\n%s%s",
		origin, text, (int)(hash - text), text,
		names[0] ? "it has: " : "it has none with an id", names);
}

/* "provider/model" or "provider#endpoint/model". */
static int32_t check_target(const loader *l, const char *origin, const char *text)
{
	const char *slash = strchr(text, '/');
	const char *hash = memchr(text, '#', (size_t)(slash - text));
	const char *end = hash ? hash : slash;
	const conf_provider *p;
	char name[KEY_NAME_MAX + 1];

	if (!key_name_ok(text, (size_t)(end - text)) || !slash[1] ||
		(hash && !key_name_ok(hash + 1, (size_t)(slash - hash - 1))))
		return err_set(l->err, LLM_E_CONFIG,
			"%s: '%.128s' names no model\n"
			"expected: PROVIDER/MODEL or PROVIDER#ENDPOINT/MODEL",
			origin, text);
	err_copy(name, sizeof(name), text, (size_t)(end - text));
	p = conf_provider_named(l->c, name);
	if (!p && !l->c->plugins_implicit)
		return err_set(l->err, LLM_E_CONFIG,
			"%s: '%.128s' names the provider '%s', which "
			"has no entry\nadd providers.%s, or set plugins.implicit = true",
			origin, text, name, name);
	return hash ? check_endpoint(l, origin, text, p) : 0;
}

/* Follows to the end; at most one step more than allowed. */
static const char *follow(const loader *l, const char *name, size_t most, size_t *ret_steps)
{
	const char *next = alias_value(l, name);
	size_t steps = 0;

	while (next && steps <= most) {
		name = next;
		steps++;
		next = strchr(name, '/') ? NULL : alias_value(l, name);
	}
	*ret_steps = steps;
	return name;
}

static int32_t check_alias(const loader *l, const conf_pair *a)
{
	char where[96];
	size_t steps;
	const char *end;

	if (named(l, "profiles", a->name, ""))
		return err_set(l->err, LLM_E_CONFIG,
			"%s: alias '%s' has the name of a profile\n"
			"rename one of them",
			a->origin, a->name);
	end = follow(l, a->name, ALIAS_DEPTH, &steps);
	if (steps > ALIAS_DEPTH) {
		follow(l, a->name, l->c->n_aliases, &steps);
		return err_set(l->err, LLM_E_CONFIG,
			steps > l->c->n_aliases ?
				"%s: alias '%s' ends in a circle\nlet one of them name a profile or "
				"PROVIDER/MODEL" :
				"%s: alias '%s' goes through more than 8 others\n"
				"let it name what the last one stands for",
			a->origin, a->name);
	}
	if (strchr(end, '/'))
		return check_target(l, a->origin, end);
	if (named(l, "profiles", end, ""))
		return 0;
	snprintf(where, sizeof(where), "alias '%s'", a->name);
	return unknown(l, a->origin, where, end);
}

/* What a candidate stands for; aliases have been checked. */
static const char *resolved(const loader *l, const char *text)
{
	size_t steps;

	return strchr(text, '/') ? text : follow(l, text, ALIAS_DEPTH, &steps);
}

static int32_t check_candidate(
	const loader *l, const conf_profile *p, const char *origin, const char *text)
{
	const char *end = resolved(l, text);
	char where[96];

	if (strchr(end, '/'))
		return check_target(l, origin, end);
	snprintf(where, sizeof(where), "profile '%s'", p->name);
	if (named(l, "profiles", end, ""))
		return err_set(l->err, LLM_E_CONFIG,
			"%s: %s has the profile '%s' as a candidate\n"
			"name its models instead",
			origin, where, end);
	return unknown(l, origin, where, text);
}

static int is_same(const loader *l, const char *a, const char *b)
{
	return strcmp(resolved(l, a), resolved(l, b)) == 0;
}

/* As numbers, one for each candidate. */
static int32_t read_weights(loader *l, conf_profile *p)
{
	const char *origin = origin_of(l, "profiles", p->name, "weights");
	uint32_t *shares = arena_array(l->mem, p->n_candidates, sizeof(*shares));
	uint64_t sum = 0;
	size_t i;

	if (p->n_weights != p->n_candidates)
		return err_set(l->err, LLM_E_CONFIG,
			"%s: profile '%s' has %zu weights and %zu candidates\n"
			"give one for each, in the same order",
			origin, p->name, p->n_weights, p->n_candidates);
	if (!shares)
		return LLM_E_NOMEM;
	for (i = 0; i < p->n_weights; i++) {
		int64_t n = 0;

		(void)num_read_i64(p->weights[i], strlen(p->weights[i]), &n);
		shares[i] = (uint32_t)n;
		sum += shares[i];
	}
	p->shares = shares;
	if (sum)
		return 0;
	return err_set(l->err, LLM_E_CONFIG,
		"%s: all weights of profile '%s' are 0, so none could be first\n"
		"give one of them more",
		origin, p->name);
}

/* By two names, where one is an alias. */
static int32_t say_twice(const loader *l, const conf_profile *p, const char *origin,
	const char *one, const char *other)
{
	if (strcmp(one, other) == 0)
		return err_set(l->err, LLM_E_CONFIG,
			"%s: profile '%s' has '%.128s' twice\nremove one", origin, p->name, one);
	return err_set(l->err, LLM_E_CONFIG,
		"%s: profile '%s' has '%.128s' and '%.128s', which are one candidate\nremove one",
		origin, p->name, one, other);
}

static int32_t check_list(
	const loader *l, const conf_profile *p, const char *key, const char *const *items, size_t n)
{
	const char *origin = origin_of(l, "profiles", p->name, key);
	int32_t rc = 0;
	size_t i;
	size_t j;

	for (i = 0; !rc && i < n; i++) {
		rc = check_candidate(l, p, origin, items[i]);
		for (j = 0; !rc && j < i; j++)
			if (is_same(l, items[i], items[j]))
				rc = say_twice(l, p, origin, items[j], items[i]);
	}
	return rc;
}

static int32_t check_profile(loader *l, conf_profile *p)
{
	int32_t rc;

	if (!p->n_candidates)
		return err_set(l->err, LLM_E_CONFIG,
			"%s: profile '%s' has no candidates\n"
			"add: candidates = [ \"PROVIDER/MODEL\" ];",
			p->origin, p->name);
	rc = check_list(l, p, "candidates", p->candidates, p->n_candidates);
	if (!rc)
		rc = check_list(l, p, "fallbacks.general", p->general.items, p->general.n);
	if (!rc)
		rc = check_list(l, p, "fallbacks.context", p->context.items, p->context.n);
	if (!rc)
		rc = check_list(l, p, "fallbacks.content", p->content.items, p->content.n);
	return !rc && p->n_weights ? read_weights(l, p) : rc;
}

/* ---- endpoints ---- */

static int32_t check_ids(const loader *l, const conf_provider *p)
{
	size_t i, j;

	for (i = 0; p->n_endpoints > 1 && i < p->n_endpoints; i++) {
		if (!p->endpoints[i].id)
			return err_set(l->err, LLM_E_CONFIG,
				"%s: an endpoint of provider '%s' has no id\n"
				"where there are several, each needs one: id = \"NAME\";",
				p->origin, p->name);
		for (j = 0; j < i; j++)
			if (strcmp(p->endpoints[i].id, p->endpoints[j].id) == 0)
				return err_set(l->err, LLM_E_CONFIG,
					"%s: provider '%s' has two endpoints '%s'\nrename one",
					p->origin, p->name, p->endpoints[i].id);
	}
	return 0;
}

static int is_one_place(const char *a, const char *b)
{
	url x, y;

	if (!a || !b)
		return a == b;
	if (strcmp(a, b) == 0)
		return 1;
	return url_parse(a, "base_url", &x, NULL) == 0 && url_parse(b, "base_url", &y, NULL) == 0 &&
		url_same_origin(&x, &y);
}

/* A key belongs to one server: what is said once for all must go to one. */
static int32_t check_keys(const loader *l, const conf_provider *p)
{
	size_t i;

	if (!p->common.key.origin)
		return 0;
	for (i = 1; i < p->n_endpoints; i++)
		if (!is_one_place(p->endpoints[0].base_url, p->endpoints[i].base_url))
			return err_set(l->err, LLM_E_CONFIG,
				"%s: 'providers.%s.api_key' would be sent to several servers\n"
				"give each endpoint an api_key of its own",
				origin_of(l, "providers", p->name, "api_key"), p->name);
	return 0;
}

static int32_t check_models(const loader *l)
{
	idmap seen;
	int32_t rc = 0;
	size_t i;

	idmap_init(&seen, l->mem->mem);
	for (i = 0; !rc && i < l->c->n_models; i++) {
		conf_model *m = &l->c->models[i];

		if (!m->id)
			rc = err_set(l->err, LLM_E_CONFIG,
				"%s: a model has no id\n"
				"add: id = \"PROVIDER/MODEL\";",
				m->origin);
		else if (idmap_has(&seen, m->id))
			rc = err_set(l->err, LLM_E_CONFIG,
				"%s: model '%.128s' stands twice\n"
				"remove one",
				m->origin, m->id);
		else
			rc = idmap_put(&seen, m->id, m);
	}
	idmap_done(&seen);
	return rc;
}

static int32_t check_default(const loader *l)
{
	const char *name = l->c->default_profile;
	const entry *e = table_get(&l->t, "default_profile");

	if (!name || named(l, "profiles", name, "") || alias_value(l, name))
		return 0;
	return unknown(l, e ? e->set.origin : "configuration", "default_profile", name);
}

static int32_t unbounded(const loader *l, const char *origin, const char *path)
{
	return err_set(l->err, LLM_E_CONFIG,
		"%s: '%s%sdeadline' is 0, so a call may never end\n"
		"give a time, or say allow_unbounded = true",
		origin, path, path[0] ? "." : "");
}

static int32_t check_deadlines(const loader *l)
{
	size_t i;

	if (l->c->allow_unbounded)
		return 0;
	for (i = 1; i < l->t.n; i++) {
		const entry *e = l->t.items[i];

		if (!e->dead && e->def->type == KEY_DURATION && !e->number &&
			strcmp(e->name, "deadline") == 0)
			return unbounded(l, e->set.origin, e->parent->path);
	}
	return 0;
}

int32_t check_conf(loader *l)
{
	int32_t rc = 0;
	size_t i;

	for (i = 0; !rc && i < l->c->n_providers; i++) {
		rc = check_ids(l, &l->c->providers[i]);
		if (!rc)
			rc = check_keys(l, &l->c->providers[i]);
	}
	for (i = 0; !rc && i < l->c->n_aliases; i++)
		rc = check_alias(l, &l->c->aliases[i]);
	for (i = 0; !rc && i < l->c->n_profiles; i++)
		rc = check_profile(l, &l->c->profiles[i]);
	if (!rc)
		rc = check_models(l);
	if (!rc)
		rc = check_default(l);
	if (!rc)
		rc = check_deadlines(l);
	return rc;
}
