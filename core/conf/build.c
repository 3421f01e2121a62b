/* The table into struct conf: first the objects, then their members. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "conf/inner.h"

/* The members of struct conf that hold the objects of a scope. */
static const struct objects {
	size_t list;
	size_t count;
	size_t size;
} objects[SCOPES] = {
	[SCOPE_PROVIDER] = {offsetof(conf, providers), offsetof(conf, n_providers),
		sizeof(conf_provider)},
	[SCOPE_MODEL] = {offsetof(conf, models), offsetof(conf, n_models), sizeof(conf_model)},
	[SCOPE_PROFILE] = {offsetof(conf, profiles), offsetof(conf, n_profiles),
		sizeof(conf_profile)},
};

static void *member(void *object, size_t offset)
{
	return (char *)object + offset;
}

static int is_object(const entry *e, uint32_t scope)
{
	return !e->dead && (e->def->flags & KEY_OBJECT) && e->def->scope == scope;
}

static void unset_guard(conf_guard *g)
{
	g->retry_after_max = g->patience = CONF_UNSET;
	g->min_attempt_budget = g->slow_start_reasoning = CONF_UNSET;
}

static void init_provider(conf_provider *p, const entry *e)
{
	p->name = p->plugin = e->name;
	p->origin = e->set.origin;
	memset(&p->times, 0xff, sizeof(p->times));
	unset_guard(&p->guard);
	p->endpoints = &p->common;
	p->n_endpoints = 1;
	p->common.weight = 1;
}

static void init_object(void *object, entry *e)
{
	conf_profile *p = object;
	conf_model *m = object;

	e->object = object;
	switch (e->def->scope) {
	case SCOPE_PROVIDER:
		init_provider(object, e);
		return;
	case SCOPE_MODEL:
		m->origin = e->set.origin;
		m->caps.struct_size = (uint32_t)sizeof(m->caps);
		m->price.origin = e->set.origin;
		return;
	default:
		p->name = e->name;
		p->policy = "ordered";
		p->origin = e->set.origin;
		memset(&p->times, 0xff, sizeof(p->times));
		unset_guard(&p->guard);
		return;
	}
}

static int32_t make_objects(loader *l, uint32_t scope)
{
	const struct objects *o = &objects[scope];
	char *list;
	size_t n = 0;
	size_t i;

	for (i = 0; i < l->t.n; i++)
		n += (size_t)is_object(l->t.items[i], scope);
	list = arena_array(l->mem, n ? n : 1, o->size);
	if (!list)
		return LLM_E_NOMEM;
	memcpy(member(l->c, o->list), &list, sizeof(list));
	memcpy(member(l->c, o->count), &n, sizeof(n));
	for (i = 0; i < l->t.n; i++)
		if (is_object(l->t.items[i], scope)) {
			init_object(list, l->t.items[i]);
			list += o->size;
		}
	return 0;
}

/* Room for all elements of the list, once: members that are dead count too. */
static int32_t add_endpoint(loader *l, conf_provider *p, entry *e)
{
	if (p->endpoints == &p->common) {
		p->endpoints = arena_array(l->mem, e->parent->members, sizeof(*p->endpoints));
		p->n_endpoints = 0;
	}
	if (!p->endpoints)
		return LLM_E_NOMEM;
	e->object = &p->endpoints[p->n_endpoints++];
	p->endpoints[p->n_endpoints - 1].weight = 1;
	l->c->many_endpoints |= p->n_endpoints > 1;
	return 0;
}

static int32_t make_endpoints(loader *l)
{
	int32_t rc = 0;
	size_t i;

	for (i = 0; !rc && i < l->t.n; i++) {
		entry *e = l->t.items[i];

		if (is_object(e, SCOPE_ENDPOINT))
			rc = add_endpoint(l, e->parent->parent->object, e);
	}
	return rc;
}

/* The object that a value belongs to: that of the nearest group above which has one. */
static void *owner(const entry *e)
{
	const entry *at = e->parent;
	conf_provider *p;

	while (!at->object)
		at = at->parent;
	if (e->def->scope != SCOPE_ENDPOINT || at->def->scope == SCOPE_ENDPOINT)
		return at->object;
	p = at->object;
	return &p->common;
}

/* The two members that a KEY_PAIR is added to; keytable.c sees that they are neighbours. */
struct pairs {
	conf_pair *list;
	size_t n;
};

static int32_t put_pair(loader *l, const entry *e, void *to)
{
	conf_pair pair = {.name = e->name, .value = e->set.text, .origin = e->set.origin};
	struct pairs pairs;
	conf_secret s;
	int32_t rc;

	if (e->def->scope == SCOPE_PROVIDER && e->def->type == KEY_PAIR &&
		(value_is_secret(e) || strncmp(pair.value, "env:", 4) == 0 ||
			strncmp(pair.value, "file:", 5) == 0)) {
		rc = secret_read(l, e, &s);
		if (rc)
			return rc;
		pair.value = s.value ? s.value : "";
		pair.problem = s.problem;
	}
	memcpy(&pairs, to, sizeof(pairs));
	pairs.list = table_grow(l->mem, pairs.list, pairs.n, sizeof(pair));
	if (!pairs.list)
		return LLM_E_NOMEM;
	pairs.list[pairs.n++] = pair;
	memcpy(to, &pairs, sizeof(pairs));
	return 0;
}

static int32_t put(loader *l, const entry *e)
{
	void *to = member(owner(e), e->def->offset);
	uint32_t small = (uint32_t)e->number;
	int truth = e->number != 0;

	switch (e->def->type) {
	case KEY_STRING:
		memcpy(to, &e->set.text, sizeof(e->set.text));
		return 0;
	case KEY_SECRET:
		return secret_read(l, e, to);
	case KEY_PAIR:
	case KEY_SETTING:
		return put_pair(l, e, to);
	case KEY_STRINGS: /* two neighbours as well */
		memcpy(to, &e->set.list, sizeof(e->set.list));
		memcpy(member(to, sizeof(e->set.list)), &e->set.n_list, sizeof(size_t));
		return 0;
	case KEY_BOOL:
		memcpy(to, &truth, sizeof(truth));
		return 0;
	case KEY_COUNT:
	case KEY_DURATION:
		memcpy(to, &e->number, sizeof(e->number));
		return 0;
	default:
		memcpy(to, &small, sizeof(small));
		return 0;
	}
}

static int32_t put_all(loader *l)
{
	int32_t rc = 0;
	size_t i;

	for (i = 1; !rc && i < l->t.n; i++) {
		const entry *e = l->t.items[i];

		if (!e->dead && e->def->scope != SCOPE_NONE && e->def->type != KEY_GROUP)
			rc = put(l, e);
	}
	return rc;
}

/* What stands in both would leave open which one counts, also where the other is a variable. */
static int32_t twice(loader *l, const conf_provider *p, const char *key)
{
	char path[KEY_NAME_MAX + 32];
	const entry *e;

	snprintf(path, sizeof(path), "providers.%s.%s", p->name, key);
	e = table_get(&l->t, path);
	return err_set(l->err, LLM_E_CONFIG,
		"%s: '%s' stands in the provider and its endpoint\n"
		"keep one of them",
		e ? e->set.origin : p->origin, path);
}

/* What the provider says holds for every endpoint. */
static int32_t join_endpoints(loader *l, conf_provider *p)
{
	size_t i;

	for (i = 0; p->endpoints != &p->common && i < p->n_endpoints; i++) {
		conf_endpoint *end = &p->endpoints[i];

		if (p->common.base_url && end->base_url)
			return twice(l, p, "base_url");
		if (p->common.key.origin && end->key.origin)
			return twice(l, p, "api_key");
		if (p->common.base_url)
			end->base_url = p->common.base_url;
		if (p->common.key.origin)
			end->key = p->common.key;
	}
	return 0;
}

int32_t build_conf(loader *l)
{
	conf *c = l->c;
	int32_t rc;
	size_t i;

	memset(&c->times, 0xff, sizeof(c->times));
	unset_guard(&c->guard);
	c->plugins_implicit = 1;
	c->shutdown_grace = 5000;
	l->t.items[0]->object = c;
	rc = make_objects(l, SCOPE_PROVIDER);
	if (!rc)
		rc = make_objects(l, SCOPE_MODEL);
	if (!rc)
		rc = make_objects(l, SCOPE_PROFILE);
	if (!rc)
		rc = make_endpoints(l);
	if (!rc)
		rc = put_all(l);
	for (i = 0; !rc && i < c->n_providers; i++)
		rc = join_endpoints(l, &c->providers[i]);
	return rc;
}
