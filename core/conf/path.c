#include <string.h>

#include "base/err.h"
#include "conf/inner.h"

int path_is_plain(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c >= 0x7f)
			return 0;
	}
	return 1;
}

void path_split(char *text, const char *between, key_path *ret)
{
	size_t step = strlen(between);
	char *next = text;

	ret->n = 0;
	while (next) {
		char *end = strstr(next, between);

		if (end)
			*end = '\0';
		if (ret->n == PATH_PARTS || !*next) {
			ret->n = 0;
			return;
		}
		ret->part[ret->n++] = next;
		next = end ? end + step : NULL;
	}
}

const key_def *path_def(const key_path *path)
{
	const key_def *def = key_table;
	size_t i;

	if (!path->n)
		return NULL;
	for (i = 0; i < path->n; i++) {
		def = key_child(def, path->part[i]);
		if (!def || (def->flags & KEY_LATER))
			return def;
		if (key_last(def)[0] == '#')
			return NULL;
		if (key_last(def)[0] == '*' && !(def->flags & KEY_HEADER) &&
			!key_name_ok(path->part[i], strlen(path->part[i])))
			return NULL;
	}
	return def;
}

static int32_t open_group(loader *l, entry **at, const char *name, const written *w)
{
	written group = {.form = FORM_GROUP, .from = w->from, .origin = w->origin};
	entry *e = NULL;
	int32_t rc = table_member(&l->t, *at, name, &group, 1, &e);

	if (rc)
		return rc;
	if (e->def->type == KEY_LIST)
		return err_set(l->err, LLM_E_CONFIG,
			"%s: '%s' is a list of groups\n"
			"only a file can give it",
			w->origin, e->path);
	*at = e;
	if (e->set.origin && !e->dead && e->def->type == KEY_GROUP)
		return 0;
	return table_set(&l->t, e, &group);
}

int32_t path_set(loader *l, const key_path *path, const written *w)
{
	entry *at = l->t.items[0];
	entry *e = NULL;
	int32_t rc = 0;
	size_t i;

	for (i = 0; !rc && i + 1 < path->n; i++)
		rc = open_group(l, &at, path->part[i], w);
	if (!rc)
		rc = table_member(&l->t, at, path->part[i], w, 1, &e);
	if (rc)
		return rc;
	if (w->from == FROM_ENV && e->set.from == FROM_ENV && e->def->type != KEY_GROUP)
		return err_set(l->err, LLM_E_CONFIG, "%s: '%s' is also given by %s\nunset one",
			w->origin, e->path, e->set.origin);
	return table_set(&l->t, e, w);
}

static int32_t take_override(loader *l, const char *text)
{
	written w = {.form = FORM_TEXT, .from = FROM_CALL, .origin = "call"};
	const char *equals = strchr(text, '=');
	key_path path = {.n = 0};
	char *copy;

	copy = arena_str(l->mem, text);
	if (!copy)
		return LLM_E_NOMEM;
	if (equals && path_is_plain(text, (size_t)(equals - text))) {
		copy[equals - text] = '\0';
		w.text = copy + (equals - text) + 1;
		path_split(copy, ".", &path);
	}
	if (!path.n)
		return err_set(l->err, LLM_E_CONFIG,
			"call: an override has no key path\n"
			"expected: KEY.PATH=VALUE, such as profiles.fast.deadline=20s");
	return path_set(l, &path, &w);
}

int32_t path_overrides(loader *l, const char *const *overrides)
{
	int32_t rc = 0;

	for (; !rc && overrides && *overrides; overrides++)
		rc = take_override(l, *overrides);
	return rc;
}
