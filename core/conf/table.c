#include "conf/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

void *table_grow(arena *mem, void *items, size_t n, size_t size)
{
	void *more;

	/* The room doubles whenever n is a power of two. */
	if (n & (n - 1))
		return items;
	more = arena_array(mem, n ? 2 * n : 1, size);
	if (more && n)
		memcpy(more, items, n * size);
	return more;
}

char *table_text(arena *mem, const char *format, ...)
{
	va_list args;
	va_list again;
	char *text = NULL;
	int len;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	if (len >= 0)
		text = arena_new(mem, (size_t)len + 1);
	if (text)
		vsnprintf(text, (size_t)len + 1, format, again);
	va_end(again);
	va_end(args);
	return text;
}

static int32_t table_push(table *t, entry *e)
{
	entry **items = table_grow(t->mem, t->items, t->n, sizeof(entry *));

	if (!items)
		return LLM_E_NOMEM;
	t->items = items;
	t->items[t->n++] = e;
	return 0;
}

int32_t table_init(table *t, arena *mem, llm_err *err)
{
	entry *root;

	memset(t, 0, sizeof(*t));
	t->mem = mem;
	t->err = err;
	idmap_init(&t->by_fold, mem->mem);
	root = arena_new(mem, sizeof(*root));
	if (!root)
		return LLM_E_NOMEM;
	root->def = key_table;
	root->path = root->name = "";
	return table_push(t, root);
}

void table_done(table *t)
{
	idmap_done(&t->by_fold);
}

static int32_t unknown(const table *t, const entry *parent, const char *name, const written *w)
{
	const char *near = key_nearest(parent->def, name);

	return err_set(t->err, LLM_E_CONFIG, "%s: unknown key '%s%s%.64s'%s%s%s", w->origin,
		parent->path, parent->path[0] ? "." : "", name, near ? " - did you mean '" : "",
		near ? near : "",
		near ? "'?" : "\nremove it; docs/configuration.md lists every key");
}

/* The characters of a header's name; parameters of a query keep to them as well. */
static int is_token(const char *name)
{
	const char *p;

	for (p = name; *p; p++)
		if (!ascii_is_alnum(*p) && !strchr("!#$%&'*+-.^_`|~", *p))
			return 0;
	return p > name && p - name <= KEY_NAME_MAX;
}

static int is_ours(const char *name)
{
	static const char *const ours[] = {"host", "content-length", "transfer-encoding",
		"connection", "expect", "te", "upgrade", "trailer"};
	size_t i;

	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (ascii_casecmp(name, ours[i]) == 0)
			return 1;
	return 0;
}

/* A name that the user chose. Query parameters are whatever the provider calls them. */
static int32_t check_name(
	const table *t, const entry *parent, const key_def *def, const char *name, const written *w)
{
	int is_header = (def->flags & KEY_HEADER) != 0;
	int is_loose = is_header || strcmp(def->pattern, "providers.*.query.*") == 0;

	if (is_header && is_ours(name))
		return err_set(t->err, LLM_E_CONFIG,
			"%s: header '%s' in %s is not yours to set\n"
			"host, length and connection belong to the library: remove it",
			w->origin, name, parent->path);
	if (is_loose ? is_token(name) : key_name_ok(name, strlen(name)))
		return 0;
	return err_set(t->err, LLM_E_CONFIG,
		"%s: '%.64s' in %s cannot be a name\n"
		"expected: %s, at most %d bytes",
		w->origin, name, parent->path,
		is_loose ? "letters, digits, - and _" : "a-z, 0-9, _ and -, a letter first",
		KEY_NAME_MAX);
}

static int32_t find_def(const table *t, const entry *parent, const char *name, const written *w,
	const key_def **ret)
{
	const key_def *def = key_child(parent->def, name);

	if (!def)
		return unknown(t, parent, name, w);
	if (def->flags & KEY_LATER)
		return err_set(t->err, LLM_E_CONFIG,
			"%s: '%s%s%s' is not in this version\nremove it", w->origin, parent->path,
			parent->path[0] ? "." : "", name);
	if (key_last(def)[0] == '*' && check_name(t, parent, def, name, w))
		return LLM_E_CONFIG;
	*ret = def;
	return 0;
}

static int32_t make(table *t, entry *parent, const char *path, const char *fold, const key_def *def,
	entry **ret)
{
	entry *e = arena_new(t->mem, sizeof(*e));

	if (!e)
		return LLM_E_NOMEM;
	e->def = def;
	e->parent = parent;
	e->path = path;
	e->name = parent->path[0] ? path + strlen(parent->path) + 1 : path;
	if (table_push(t, e) || idmap_put(&t->by_fold, fold, e))
		return LLM_E_NOMEM;
	parent->members++;
	*ret = e;
	return 0;
}

int32_t table_member(
	table *t, entry *parent, const char *name, const written *w, int folded, entry **ret)
{
	const key_def *def = NULL;
	char *path;
	char *fold;
	entry *e;
	int32_t rc = find_def(t, parent, name, w, &def);

	if (rc)
		return rc;
	path = table_text(t->mem, "%s%s%s", parent->path, parent->path[0] ? "." : "", name);
	fold = path ? arena_new(t->mem, strlen(path) + 1) : NULL;
	if (!fold)
		return LLM_E_NOMEM;
	key_fold(path, strlen(path), fold);
	e = idmap_get(&t->by_fold, fold);
	if (!e)
		return make(t, parent, path, fold, def, ret);
	if (!folded && strcmp(e->path, path) != 0)
		return err_set(t->err, LLM_E_CONFIG,
			"%s: '%s' folds like '%s' (%s)\n"
			"variables cannot tell them apart: rename one",
			w->origin, path, e->path, e->set.origin);
	*ret = e;
	return 0;
}

/* Elements come behind their list, so one pass in order finds all of them. */
static void forget_elements(table *t, const entry *list)
{
	size_t i;

	for (i = 1; i < t->n; i++)
		if (t->items[i]->parent == list || t->items[i]->parent->dead)
			t->items[i]->dead = 1;
}

int32_t table_set(table *t, entry *e, const written *w)
{
	int32_t rc = value_set(t, e, w);

	if (rc)
		return rc;
	e->dead = 0;
	if (e->def->type == KEY_LIST && e->members)
		forget_elements(t, e);
	return 0;
}

entry *table_get(const table *t, const char *path)
{
	char fold[512];
	size_t len = strlen(path);
	entry *e;

	if (len >= sizeof(fold))
		return NULL;
	key_fold(path, len, fold);
	e = idmap_get(&t->by_fold, fold);
	return e && !e->dead && strcmp(e->path, path) == 0 ? e : NULL;
}
