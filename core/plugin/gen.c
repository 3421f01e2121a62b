/*
 * gen.c - the process's list of loaded files.
 */
#include "plugin/gen.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "plugin/check.h"
#include "plugin/load.h"

typedef struct gen {
	plugin pub;
	const char *note;
	char *name;
	char *refusal; /* mapped, but no plugin: why; else null */
	plugin_file file; /* stays open, so that its number is not given to another object */
	arena ar;
	unsigned holders; /* lists of services that have it */
	int was_used; /* and not only looked at */
	char hash[FILE_HASH]; /* "": not asked for yet */
	struct gen *next;
} gen;

/* Loading is an effect on the process, so this list is its only mutable global. */
static pthread_mutex_t gen_lock = PTHREAD_MUTEX_INITIALIZER;
static gen *gen_first;

static gen *gen_find(const plugin_file *f)
{
	gen *g;

	for (g = gen_first; g; g = g->next)
		if (g->file.dev == f->dev && g->file.ino == f->ino)
			return g;
	return NULL;
}

static const char *gen_hex(gen *g)
{
	if (!g->hash[0] && file_hash(&g->file, g->hash))
		g->hash[0] = '\0';
	return g->hash;
}

/* Another file with the same bytes: mapping them again would gain nothing. */
static gen *gen_same(const plugin_file *f, const char *name)
{
	char hex[FILE_HASH] = "";
	gen *g;

	for (g = gen_first; g; g = g->next) {
		if (g->file.size != f->size || strcmp(g->name, name) != 0)
			continue;
		if (!hex[0] && file_hash(f, hex))
			return NULL;
		if (strcmp(gen_hex(g), hex) == 0)
			return g;
	}
	return NULL;
}

/* Mapped, and used by nobody: generations that were replaced, and files that were refused. */
static uint32_t gen_parked(void)
{
	uint32_t n = 0;
	gen *g;

	for (g = gen_first; g; g = g->next)
		n += g->refusal || (g->was_used && !g->holders);
	return n;
}

static void gen_free(gen *g)
{
	if (!g)
		return;
	arena_reset(&g->ar);
	mem_free(mem_default(), g->refusal);
	mem_free(mem_default(), g->name);
	file_close(&g->file);
	mem_free(mem_default(), g);
}

/* An entry for `f`, which it takes over in any case. */
static gen *gen_new(plugin_file *f, const char *path, const char *name)
{
	gen *g = mem_new(mem_default(), sizeof(*g));

	if (!g) {
		file_close(f);
		return NULL;
	}
	arena_init(&g->ar, mem_default(), 0);
	g->file = *f;
	f->fd = -1;
	g->note = "";
	g->pub.path = arena_str(&g->ar, path);
	g->pub.name = arena_str(&g->ar, name);
	g->name = mem_str(mem_default(), name);
	if (!g->pub.path || !g->pub.name || !g->name) {
		gen_free(g);
		return NULL;
	}
	return g;
}

/* Keeps the words of a refusal; the entry's half-made tables are not kept. */
static int32_t gen_refuse(gen *g, const llm_err *why)
{
	g->refusal = mem_str(mem_default(), why->message);
	arena_reset(&g->ar);
	g->pub = (plugin){0};
	return g->refusal ? LLM_E_PLUGIN : LLM_E_NOMEM;
}

/* Fills `g`. *ret_keep says that the entry stays in the list. */
static int32_t gen_open(gen *g, int *ret_keep, llm_err *err)
{
	llm_err why = LLM_ERR_INIT;
	llm_plugin_entry entry;
	int32_t rc;

	rc = load_object(g->file.fd, g->pub.path, ret_keep, &entry, &why);
	if (!rc)
		rc = check_descriptor(entry(LLM_ABI_MINOR), &g->ar, &g->pub, &g->note, &why);
	if (rc)
		err_export(err, &why);
	if (rc == LLM_E_PLUGIN && *ret_keep)
		rc = gen_refuse(g, &why);
	if (rc == LLM_E_NOMEM)
		*ret_keep = 0;
	return rc;
}

static int32_t gen_add(plugin_file *f, const char *path, const char *name, gen **ret, llm_err *err)
{
	gen *g = gen_new(f, path, name);
	int32_t rc;
	int keep;

	if (!g)
		return LLM_E_NOMEM;
	rc = gen_open(g, &keep, err);
	if (!keep) {
		gen_free(g);
		return rc;
	}
	g->next = gen_first;
	gen_first = g;
	*ret = g;
	return rc;
}

static int32_t gen_full(const char *path, uint32_t most, llm_err *err)
{
	return err_set(err, LLM_E_PLUGIN,
		"plugin file %s is not loaded: %u others that nobody uses are mapped already, and "
		"none of them is ever unmapped\nraise plugins.max_parked, or start this program again",
		path, most);
}

int32_t gen_load(plugin_file *f, const char *path, const char *name, uint32_t max_parked,
	const plugin **ret, llm_err *err)
{
	int32_t rc = 0;
	gen *g;

	pthread_mutex_lock(&gen_lock);
	g = gen_find(f);
	if (!g)
		g = gen_same(f, name);
	if (g) {
		file_close(f);
		if (g->refusal)
			rc = err_set(err, LLM_E_PLUGIN, "%s", g->refusal);
	} else if (gen_parked() >= max_parked) {
		file_close(f);
		rc = gen_full(path, max_parked, err);
	} else {
		rc = gen_add(f, path, name, &g, err);
	}
	if (!rc)
		*ret = &g->pub;
	pthread_mutex_unlock(&gen_lock);
	return rc == LLM_E_NOMEM ? err_set(err, rc, "no memory to load plugin file %s", path) : rc;
}

/* `pub` is the first member. */
static gen *gen_of(const plugin *p)
{
	return (gen *)(uintptr_t)p;
}

const char *gen_note(const plugin *p)
{
	return gen_of(p)->note;
}

void gen_hold(const plugin *p)
{
	pthread_mutex_lock(&gen_lock);
	gen_of(p)->holders++;
	pthread_mutex_unlock(&gen_lock);
}

void gen_use(const plugin *p)
{
	pthread_mutex_lock(&gen_lock);
	gen_of(p)->was_used = 1;
	pthread_mutex_unlock(&gen_lock);
}

void gen_drop(const plugin *p)
{
	pthread_mutex_lock(&gen_lock);
	gen_of(p)->holders--;
	pthread_mutex_unlock(&gen_lock);
}

/* The list begins with the last one. */
int gen_at(size_t i, const plugin **ret, int *ret_held)
{
	size_t n = 0;
	gen *g;

	pthread_mutex_lock(&gen_lock);
	for (g = gen_first; g; g = g->next)
		n += !g->refusal && g->was_used;
	if (i < n) {
		for (n -= i, g = gen_first; g; g = g->next)
			if (!g->refusal && g->was_used && !--n)
				break;
	} else {
		g = NULL;
	}
	if (g) {
		*ret = &g->pub;
		*ret_held = g->holders != 0;
	}
	pthread_mutex_unlock(&gen_lock);
	return g != NULL;
}

int32_t gen_hash(const plugin *p, char ret_hex[FILE_HASH])
{
	const char *hex;
	int32_t rc = LLM_E_PLUGIN;

	pthread_mutex_lock(&gen_lock);
	hex = gen_hex(gen_of(p));
	if (hex[0]) {
		memcpy(ret_hex, hex, FILE_HASH);
		rc = 0;
	}
	pthread_mutex_unlock(&gen_lock);
	return rc;
}
