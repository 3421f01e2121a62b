#include "conf/conf.h"

#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "conf/inner.h"
#include "conf/prescan.h"

int32_t conf_warn(loader *l, const char *text)
{
	conf *c = l->c;
	const char **list = table_grow(l->mem, c->warnings, c->n_warnings, sizeof(*list));

	if (!list)
		return LLM_E_NOMEM;
	c->warnings = list;
	c->warnings[c->n_warnings++] = text;
	return 0;
}

static int32_t read_file(loader *l, const char *path)
{
	file_facts facts = {0};
	char *text = NULL;
	size_t len = 0;
	int32_t rc = file_read(path, PRESCAN_FILE_MAX, l->mem->mem, &facts, &text, &len);

	if (rc == LLM_E_CONFIG)
		return err_set(l->err, rc,
			"%s: cannot be read: %s\n"
			"expected: a readable file of at most 1 MiB",
			path, facts.problem);
	if (!rc)
		rc = parse_text(l, text, len, path);
	mem_wipe(l->mem->mem, text, PRESCAN_FILE_MAX + 1);
	return rc;
}

static int32_t read_files(loader *l, const llm_service_opts *opts)
{
	const char *const *path;
	int32_t rc = 0;

	if (opts->config_path && opts->config_text)
		return err_set(l->err, LLM_E_CONFIG,
			"call: config_path and config_text are both set\ngive one of them");
	if (opts->config_path)
		rc = read_file(l, opts->config_path);
	if (opts->config_text)
		rc = parse_text(l, opts->config_text, strlen(opts->config_text), "config_text");
	for (path = opts->config_paths; !rc && path && *path; path++)
		rc = read_file(l, *path);
	return rc;
}

static int32_t read_all(loader *l, const llm_service_opts *opts)
{
	int32_t rc = read_files(l, opts);

	if (!rc)
		rc = env_read(l);
	if (!rc)
		rc = path_overrides(l, opts->overrides);
	if (!rc)
		rc = build_conf(l);
	if (!rc)
		rc = check_conf(l);
	if (!rc)
		rc = dump_items(l);
	return rc;
}

static int32_t load(loader *l, const llm_service_opts *opts)
{
	int32_t rc = table_init(&l->t, l->mem, l->err);

	if (!rc)
		rc = read_all(l, opts);
	if (!rc && !l->all->env.hidden)
		l->c->env_plugin_path = env_find(&l->all->env, "LLM_PLUGIN_PATH", 15);
	table_done(&l->t);
	return rc;
}

int32_t conf_load_as(const llm_service_opts *opts, const conf_env *env, const llm_allocator *mem,
	redact *secrets, int secure, conf **ret, llm_err *err)
{
	static const llm_service_opts none = LLM_SERVICE_OPTS_INIT;
	conf_all *all = mem_new(mem, sizeof(*all));
	loader l = {.all = all, .secrets = secrets, .err = err};
	int32_t rc = LLM_E_NOMEM;

	if (!all)
		goto no_memory;
	opts = opts ? opts : &none;
	atomic_init(&all->refs, 1);
	l.c = &all->pub;
	l.mem = &all->pub.mem;
	l.c->allocator = mem;
	arena_init(l.mem, mem, 0);
	/* A set-uid process must not be told by its caller what to load and whom to ask. */
	all->env.hidden = secure || (opts->flags & LLM_SERVICE_NO_ENV);
	rc = env_take_copy(all, env ? env->vars : (const char *const *)environ);
	if (!rc)
		rc = load(&l, opts);
	if (!rc)
		*ret = l.c;
	else
		conf_free(l.c);
no_memory:
	if (rc == LLM_E_NOMEM)
		err_set(err, rc, "no memory to read the configuration");
	return rc;
}

int32_t conf_load(const llm_service_opts *opts, const conf_env *env, const llm_allocator *mem,
	redact *secrets, conf **ret, llm_err *err)
{
	return conf_load_as(opts, env, mem, secrets, getauxval(AT_SECURE) != 0, ret, err);
}

/* The variables of a copy, as the process has them. */
static const char **list_variables(const env_copy *env, const llm_allocator *mem)
{
	const char **vars;
	size_t at, n = 0;

	for (at = 0; at < env->len; at += strlen(env->bytes + at) + 1)
		n++;
	vars = mem_array(mem, n + 1, sizeof(*vars));
	if (!vars)
		return NULL;
	for (at = n = 0; at < env->len; at += strlen(env->bytes + at) + 1)
		vars[n++] = env->bytes + at;
	return vars;
}

int32_t conf_load_again(const llm_service_opts *opts, const conf *before, const llm_allocator *mem,
	redact *secrets, conf **ret, llm_err *err)
{
	const char **vars = list_variables(&((const conf_all *)before)->env, mem);
	const conf_env env = {.vars = vars};
	int32_t rc;

	if (!vars)
		return err_set(err, LLM_E_NOMEM, "no memory to read the configuration");
	rc = conf_load(opts, &env, mem, secrets, ret, err);
	mem_free(mem, vars);
	return rc;
}

conf *conf_hold(conf *c)
{
	atomic_fetch_add(&((conf_all *)c)->refs, 1);
	return c;
}

void conf_free(conf *c)
{
	conf_all *all = (conf_all *)c;

	if (!c || atomic_fetch_sub(&all->refs, 1) != 1)
		return;
	secret_wipe_all(all);
	env_drop_copy(all);
	arena_reset(&c->mem);
	mem_free(c->allocator, all);
}

const conf_provider *conf_provider_named(const conf *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->n_providers; i++)
		if (strcmp(c->providers[i].name, name) == 0)
			return &c->providers[i];
	return NULL;
}

const conf_profile *conf_profile_named(const conf *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->n_profiles; i++)
		if (strcmp(c->profiles[i].name, name) == 0)
			return &c->profiles[i];
	return NULL;
}

int conf_has_storage(const conf *c)
{
	return c->storage.plugin || c->storage.n_settings;
}

const conf_model *conf_model_named(const conf *c, const char *id)
{
	const size_t provider = strcspn(id, "#/");
	const char *rest = id[provider] == '#' ? strchr(id + provider, '/') : id + provider;
	size_t i;

	for (i = 0; rest && i < c->n_models; i++)
		if (strncmp(c->models[i].id, id, provider) == 0 &&
			strcmp(c->models[i].id + provider, rest) == 0)
			return &c->models[i];
	return NULL;
}

const conf_endpoint *conf_endpoint_named(const conf_provider *p, const char *id)
{
	size_t i;

	for (i = 0; i < p->n_endpoints; i++)
		if (!id[0] || (p->endpoints[i].id && strcmp(p->endpoints[i].id, id) == 0))
			return &p->endpoints[i];
	return NULL;
}

/* The configuration was checked, so this ends; the bound is for readers. */
const char *conf_alias(const conf *c, const char *name)
{
	const char *found = NULL;
	size_t i = 0;

	while (i < c->n_aliases) {
		if (strcmp(c->aliases[i].name, name) != 0) {
			i++;
			continue;
		}
		found = name = c->aliases[i].value;
		i = 0;
	}
	return found;
}

const char *conf_env_get(const conf *c, const char *name)
{
	const conf_all *all = (const conf_all *)c;

	return all->env.hidden ? NULL : env_find(&all->env, name, strlen(name));
}

const char *conf_nearest_target(const conf *c, const char *name)
{
	size_t max = c->n_profiles + c->n_aliases + c->n_models + c->n_providers;
	const char **names;
	const char *near;
	size_t n = 0;
	size_t i;

	/* Comparing with very many or very long names would take long and help nobody. */
	if (!max || max > 4096 || strlen(name) > 256)
		return NULL;
	names = mem_array(c->allocator, max, sizeof(*names));
	if (!names)
		return NULL;
	for (i = 0; i < c->n_profiles; i++)
		names[n++] = c->profiles[i].name;
	for (i = 0; i < c->n_aliases; i++)
		names[n++] = c->aliases[i].name;
	for (i = 0; i < c->n_models; i++)
		names[n++] = c->models[i].id;
	for (i = 0; i < c->n_providers; i++)
		names[n++] = c->providers[i].name;
	near = text_nearest(name, names, n);
	mem_free(c->allocator, names);
	return near;
}
