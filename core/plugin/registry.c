/*
 * registry.c - plugins of one service, by name.
 */
#include "plugin/registry.h"

#include <string.h>
#include <sys/auxv.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "plugin/file.h"
#include "plugin/gen.h"

/* What was found out about a name. */
typedef struct registry_known {
	const plugin *loaded;
	char *refusal; /* or null: loaded */
} registry_known;

int32_t plugins_new(
	const plugin_search *search, const llm_allocator *mem, const logger *log, plugins **ret)
{
	plugins *ps = mem_new(mem, sizeof(*ps));
	int32_t rc;

	if (!ps)
		return LLM_E_NOMEM;
	ps->mem = mem;
	if (log)
		ps->log = *log;
	idmap_init(&ps->known, mem);
	idmap_init(&ps->active, mem);
	ps->max_parked = PLUGINS_MAX_PARKED;
	rc = search_init(&ps->places, search, getauxval(AT_SECURE) != 0, mem);
	if (!rc && pthread_mutex_init(&ps->lock, NULL)) {
		search_done(&ps->places);
		rc = LLM_E_NOMEM;
	}
	if (rc) {
		mem_free(mem, ps);
		return rc;
	}
	*ret = ps;
	return 0;
}

void plugins_limit(plugins *ps, uint32_t max_parked)
{
	ps->max_parked = max_parked ? max_parked : PLUGINS_MAX_PARKED;
}

static void registry_known_free(const llm_allocator *mem, registry_known *k)
{
	if (k)
		mem_free(mem, k->refusal);
	mem_free(mem, k);
}

void plugins_free(plugins *ps)
{
	size_t i;

	if (!ps)
		return;
	for (i = 0; i < ps->known.n; i++)
		registry_known_free(ps->mem, ps->known.slots[i].value);
	for (i = 0; i < ps->active.n; i++)
		gen_drop(ps->active.slots[i].value);
	idmap_done(&ps->known);
	idmap_done(&ps->active);
	mem_free(ps->mem, ps->over_name);
	mem_free(ps->mem, ps->over_path);
	search_done(&ps->places);
	pthread_mutex_destroy(&ps->lock);
	mem_free(ps->mem, ps);
}

/* ---- one file ---- */

const char *registry_stem(const char *path, size_t *ret_len)
{
	const char *base = strrchr(path, '/');
	size_t len;

	base = base ? base + 1 : path;
	len = strlen(base);
	if (len <= 3 || strcmp(base + len - 3, ".so") != 0)
		return NULL;
	*ret_len = len - 3;
	return base;
}

static int32_t registry_activate(plugins *ps, const plugin *p, const char *path, llm_err *err)
{
	const plugin *other = idmap_get(&ps->active, p->id);

	if (other == p)
		return 0;
	if (other)
		return err_set(err, LLM_E_PLUGIN,
			"plugin file %s: its id %s is already active from %s", path, p->id,
			other->path);
	if (idmap_put(&ps->active, p->id, (void *)p))
		return err_set(err, LLM_E_NOMEM, "no memory to load plugin file %s", path);
	gen_hold(p);
	log_line(&ps->log, LLM_LOG_INFO, "plugin %s %s (%s) loaded from %s", p->name, p->version,
		p->id, p->path);
	return 0;
}

int32_t registry_try(
	plugins *ps, const char *path, const char *sha256, const plugin **ret, llm_err *err)
{
	char name[SEARCH_NAME_MAX + 1];
	const plugin *p;
	plugin_file f;
	const char *stem;
	size_t len;
	int32_t rc;

	stem = registry_stem(path, &len);
	if (!stem || !search_name_valid(stem, len))
		return err_set(err, LLM_E_PLUGIN,
			"plugin file %s is not named NAME.so with NAME [a-z][a-z0-9_-]{0,62}",
			path);
	memcpy(name, stem, len);
	name[len] = '\0';
	rc = file_open(path, &f, err);
	if (rc)
		return rc;
	rc = sha256 ? file_pin(&f, path, sha256, err) : 0;
	if (rc) {
		file_close(&f);
		return rc;
	}
	rc = gen_load(&f, path, name, ps->max_parked, &p, err);
	if (!rc)
		rc = registry_activate(ps, p, path, err);
	if (!rc)
		*ret = p;
	return rc;
}

/* ---- by name ---- */

static int32_t registry_find_path(
	plugins *ps, const char *path, const char *sha256, const plugin **ret, llm_err *err)
{
	size_t len = strlen(path);
	int32_t rc;

	if (strstr(path, "/../") || (len >= 3 && strcmp(path + len - 3, "/..") == 0))
		return err_set(
			err, LLM_E_PLUGIN, "plugin file %s: a path with /../ is refused", path);
	rc = registry_try(ps, path, sha256, ret, err);
	if (rc == LLM_E_NOT_FOUND)
		err_set(err, LLM_E_PLUGIN, "there is no plugin file %s", path);
	return rc;
}

static int32_t registry_not_found(const plugins *ps, const char *name, llm_err *err)
{
	buf list;
	size_t i, skipped = 0;
	int32_t rc = 0;

	buf_init(&list, ps->mem, LLM_ERR_MESSAGE_MAX / 2);
	for (i = 0; i < ps->places.n && !rc; i++) {
		skipped += ps->places.places[i].skip != NULL;
		if (ps->places.places[i].skip)
			continue;
		rc = list.len ? buf_add_str(&list, ", ") : 0;
		if (!rc)
			rc = buf_add_str(&list, ps->places.places[i].path);
	}
	if (rc == LLM_E_TOO_LARGE)
		buf_add_str(&list, "...");
	err_set(err, LLM_E_PLUGIN,
		"there is no plugin %s: looked for %s.so in %s\n"
		"Install it there, or name its folder in plugins.path or LLM_PLUGIN_PATH%s.",
		name, name, list.len ? buf_text(&list) : "no folder at all",
		skipped ? " (one of theirs was skipped: folders are absolute paths)" : "");
	buf_done(&list);
	return LLM_E_NOT_FOUND;
}

/* The first folder that holds NAME.so decides, also by a refusal. */
static int32_t registry_find_name(
	plugins *ps, const char *name, const char *sha256, const plugin **ret, llm_err *err)
{
	int32_t rc = LLM_E_NOT_FOUND;
	buf path;
	size_t i;

	buf_init(&path, ps->mem, 0);
	for (i = 0; i < ps->places.n && rc == LLM_E_NOT_FOUND; i++) {
		const search_place *place = &ps->places.places[i];

		if (place->skip)
			continue;
		buf_clear(&path);
		if (buf_add_str(&path, place->path) || buf_add_char(&path, '/') ||
			buf_add_str(&path, name) || buf_add_str(&path, ".so"))
			rc = err_set(err, LLM_E_NOMEM, "no memory to look for plugin %s", name);
		else
			rc = registry_try(ps, buf_text(&path), sha256, ret, err);
	}
	buf_done(&path);
	return rc == LLM_E_NOT_FOUND ? registry_not_found(ps, name, err) : rc;
}

static int32_t registry_find(
	plugins *ps, const char *name, const char *sha256, const plugin **ret, llm_err *err)
{
	if (ps->over_path && strcmp(name, ps->over_name) == 0)
		name = ps->over_path;
	if (name[0] == '/')
		return registry_find_path(ps, name, sha256, ret, err);
	if (!search_name_valid(name, strlen(name)))
		return err_set(err, LLM_E_PLUGIN,
			"'%.80s' is no name of a plugin: give [a-z][a-z0-9_-]{0,62}, "
			"or an absolute path to its file",
			name);
	return registry_find_name(ps, name, sha256, ret, err);
}

/* ---- what is known ---- */

static int32_t registry_key(const plugins *ps, const char *name, const char *sha256, buf *ret)
{
	buf_init(ret, ps->mem, 0);
	if (buf_add_str(ret, name) || (sha256 && buf_add_char(ret, '\n')) ||
		(sha256 && buf_add_str(ret, sha256)))
		return LLM_E_NOMEM;
	return 0;
}

/* A file that was refused is not opened again; a missing one may be installed meanwhile. */
static int32_t registry_keep(
	plugins *ps, const char *key, const plugin *loaded, const char *refusal)
{
	registry_known *k = mem_new(ps->mem, sizeof(*k));

	if (!k)
		return LLM_E_NOMEM;
	k->loaded = loaded;
	k->refusal = mem_str(ps->mem, refusal);
	if ((refusal && !k->refusal) || idmap_put(&ps->known, key, k)) {
		registry_known_free(ps->mem, k);
		return LLM_E_NOMEM;
	}
	return 0;
}

static int32_t registry_get(plugins *ps, const char *key, const char *name, const char *sha256,
	const plugin **ret, llm_err *err)
{
	const registry_known *k = idmap_get(&ps->known, key);
	llm_err why = LLM_ERR_INIT;
	const plugin *p = NULL;
	int32_t rc;

	if (k && k->refusal)
		return err_set(err, LLM_E_PLUGIN, "%s", k->refusal);
	if (k) {
		*ret = k->loaded;
		return 0;
	}
	rc = registry_find(ps, name, sha256, &p, &why);
	if (rc == 0 || rc == LLM_E_PLUGIN)
		registry_keep(ps, key, p, rc ? why.message : NULL);
	if (rc) {
		err_export(err, &why);
		return rc == LLM_E_NOT_FOUND ? LLM_E_PLUGIN : rc;
	}
	gen_use(p);
	*ret = p;
	return 0;
}

int32_t plugins_get(
	plugins *ps, const char *name_or_path, const char *sha256, const plugin **ret, llm_err *err)
{
	int32_t rc;
	buf key;

	rc = registry_key(ps, name_or_path, sha256, &key);
	if (rc) {
		buf_done(&key);
		return err_set(err, rc, "no memory to look for plugin %s", name_or_path);
	}
	pthread_mutex_lock(&ps->lock);
	rc = registry_get(ps, buf_text(&key), name_or_path, sha256, ret, err);
	pthread_mutex_unlock(&ps->lock);
	buf_done(&key);
	return rc;
}

/* ---- another generation ---- */

/* "NAME" or "NAME\nPIN" */
static int registry_is_of(const char *key, const char *name)
{
	const size_t len = strlen(name);

	return strncmp(key, name, len) == 0 && (!key[len] || key[len] == '\n');
}

/* What was refused may be right by now. */
static int32_t registry_copy_known(plugins *to, const plugins *from, const char *name)
{
	int32_t rc = 0;
	size_t i;

	for (i = 0; !rc && i < from->known.n; i++) {
		const registry_known *k = from->known.slots[i].value;
		const char *key = from->known.slots[i].key;

		if (k->loaded && !registry_is_of(key, name))
			rc = registry_keep(to, key, k->loaded, NULL);
	}
	return rc;
}

static int registry_knows(const plugins *ps, const plugin *p)
{
	size_t i;

	for (i = 0; i < ps->known.n; i++)
		if (((const registry_known *)ps->known.slots[i].value)->loaded == p)
			return 1;
	return 0;
}

static int32_t registry_copy_active(plugins *to, const plugins *from)
{
	size_t i;

	for (i = 0; i < from->active.n; i++) {
		const plugin *p = from->active.slots[i].value;

		if (!registry_knows(to, p))
			continue;
		if (idmap_put(&to->active, p->id, (void *)p))
			return LLM_E_NOMEM;
		gen_hold(p);
	}
	return 0;
}

static int32_t registry_copy_places(plugins *to, const plugins *from)
{
	return search_copy(&to->places, &from->places, to->mem);
}

/* Where an earlier one was taken from stays, unless it is this one's turn. */
static int32_t registry_set_over(
	plugins *to, const plugins *from, const char *name, const char *path)
{
	const int other = !path && from->over_name && strcmp(from->over_name, name) != 0;

	if (!path && !other)
		return 0;
	to->over_name = mem_str(to->mem, other ? from->over_name : name);
	to->over_path = mem_str(to->mem, other ? from->over_path : path);
	return to->over_name && to->over_path ? 0 : LLM_E_NOMEM;
}

int32_t plugins_fork(plugins *ps, const char *name, const char *path, plugins **ret)
{
	const plugin_search nowhere = {NULL, NULL, NULL, NULL, NULL};
	plugins *to = NULL;
	int32_t rc = plugins_new(&nowhere, ps->mem, &ps->log, &to);

	if (rc)
		return rc;
	to->max_parked = ps->max_parked;
	pthread_mutex_lock(&ps->lock);
	rc = registry_copy_places(to, ps);
	if (!rc)
		rc = registry_copy_known(to, ps, name);
	if (!rc)
		rc = registry_copy_active(to, ps);
	if (!rc)
		rc = registry_set_over(to, ps, name, path);
	pthread_mutex_unlock(&ps->lock);
	if (rc) {
		plugins_free(to);
		return rc;
	}
	*ret = to;
	return 0;
}

int plugins_has(plugins *ps, const plugin *p)
{
	int has;

	pthread_mutex_lock(&ps->lock);
	has = idmap_get(&ps->active, p->id) == p;
	pthread_mutex_unlock(&ps->lock);
	return has;
}
