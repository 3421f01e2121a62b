/*
 * export_tree.c - reads alembic.ini and the assignments `revision` and `down_revision` of each
 * revision, as Alembic's own templates write them: literals at the start of a line.
 */
#include "export_tree.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 8

/* ---- lists of ids ---- */

bool tree_has(const tree_ids *list, const char *id)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->ids[i], id) == 0)
			return true;
	return false;
}

static int32_t add(tree_ids *list, const char *id, size_t len, llm_err *err)
{
	size_t cap = list->cap ? list->cap * 2 : 64;
	char(*more)[TREE_ID];

	if (list->n == list->cap) {
		more = realloc(list->ids, cap * sizeof(*more));
		if (!more)
			return complain_set(err, LLM_E_NOMEM, "memory is short");
		list->ids = more;
		list->cap = cap;
	}
	memcpy(list->ids[list->n], id, len);
	list->ids[list->n++][len] = '\0';
	return 0;
}

size_t tree_heads(const tree *t, const char **ret, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < t->revisions.n; i++) {
		if (tree_has(&t->followed, t->revisions.ids[i]))
			continue;
		if (n < cap)
			ret[n] = t->revisions.ids[i];
		n++;
	}
	return n;
}

void tree_done(tree *t)
{
	free(t->revisions.ids);
	free(t->followed.ids);
}

/* ---- a revision ---- */

static const char *skip_docstring(const char *text)
{
	const char *end;

	text += strspn(text, " \t\r\n");
	if (strncmp(text, "\"\"\"", 3) != 0)
		return text;
	end = strstr(text + 3, "\"\"\"");
	return end ? end + 3 : text;
}

/* What stands after `name =` or `name: type =` at the start of a line; null: nothing does. */
static const char *assigned(const char *text, const char *name)
{
	const size_t n = strlen(name);
	const char *line = text, *at;

	for (; line; line = export_next_line(line)) {
		if (strncmp(line, name, n) != 0)
			continue;
		at = line + n + strspn(line + n, " \t");
		if (*at == ':')
			at += strcspn(at, "=\n");
		if (*at == '=' && at[1] != '=')
			return at + 1 + strspn(at + 1, " \t");
	}
	return NULL;
}

/* 'abc' or "abc": what is between, and where it ends; false when it is no such thing. */
static bool read_quoted(const char **at, const char **ret, size_t *ret_len)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.";
	const char quote = **at, *word = *at + 1;
	const size_t n = strspn(word, allowed);

	if ((quote != '\'' && quote != '"') || !n || n >= TREE_ID || word[n] != quote)
		return false;
	*ret = word;
	*ret_len = n;
	*at = word + n + 1;
	return true;
}

/* None, an id, or ids in brackets; false when it is nothing of that. */
static bool read_ids(const char *at, tree_ids *list, int32_t *rc, llm_err *err)
{
	const bool many = *at == '(' || *at == '[';
	const char *word;
	size_t len;

	if (strncmp(at, "None", 4) == 0)
		return true;
	for (at += many;;) {
		at += many ? strspn(at, " \t\r\n,") : 0;
		if (many && (*at == ')' || *at == ']'))
			return true;
		if (!read_quoted(&at, &word, &len))
			return false;
		*rc = add(list, word, len, err);
		if (*rc || !many)
			return true;
	}
}

static int32_t read_text(tree *t, const char *path, const char *text, llm_err *err)
{
	const char *body = skip_docstring(text);
	const char *id = assigned(body, "revision"), *down = assigned(body, "down_revision");
	int32_t rc = 0;
	bool ok;

	if (!id)
		return 0; /* some other module */
	ok = *id != 'N' && down && read_ids(id, &t->revisions, &rc, err);
	if (ok && !rc)
		ok = read_ids(down, &t->followed, &rc, err);
	if (ok || rc)
		return rc;
	return complain_set(err, LLM_E_INVALID_REQUEST,
		"%.300s: its revision and down_revision cannot be read\n"
		"Write them as texts, as `alembic revision` does.",
		path);
}

static int32_t read_folder(tree *t, const char *path, unsigned depth, llm_err *err);

static int32_t read_entry(tree *t, const char *dir, const char *name, unsigned depth, llm_err *err)
{
	const size_t n = strlen(name);
	char path[EXPORT_PATH], *text = NULL;
	struct stat st;
	int32_t rc;

	if (name[0] == '.' || strcmp(name, "__pycache__") == 0 || !export_join(path, dir, name) ||
		stat(path, &st))
		return 0;
	if (S_ISDIR(st.st_mode))
		return depth ? read_folder(t, path, depth - 1, err) : 0;
	if (n < 4 || strcmp(name + n - 3, ".py") != 0)
		return 0;
	rc = export_read(path, &text, err);
	if (!rc && text)
		rc = read_text(t, path, text, err);
	free(text);
	return rc;
}

/* `depth`: how many folders below are looked into. */
static int32_t read_folder(tree *t, const char *path, unsigned depth, llm_err *err)
{
	const struct dirent *entry;
	DIR *d = opendir(path);
	int32_t rc = 0;

	if (!d)
		return 0; /* git keeps no empty folder */
	while (!rc && (entry = readdir(d)))
		rc = read_entry(t, path, entry->d_name, depth, err);
	closedir(d);
	return rc;
}

/* ---- where the revisions are ---- */

/* The value of a key of alembic.ini, with what %(here)s stands for; "" when it is not set. */
static void ini_value(const char *ini, const char *key, const char *here, char *ret, size_t cap)
{
	static const char mark[] = "%(here)s";
	const char *at = ini ? assigned(ini, key) : NULL, *end;
	size_t n = 0;

	ret[0] = '\0';
	for (end = at ? at + strcspn(at, "\r\n") : NULL; at < end && n + 1 < cap;) {
		if (strncmp(at, mark, strlen(mark)) == 0) {
			n += (size_t)snprintf(ret + n, cap - n, "%s", here);
			at += strlen(mark);
		} else {
			ret[n++] = *at++;
		}
	}
	n = n < cap ? n : cap - 1;
	while (n && (ret[n - 1] == ' ' || ret[n - 1] == '\t'))
		n--;
	ret[n] = '\0';
}

static bool from_here(char *room, const char *dir, const char *path)
{
	if (path[0] == '/')
		return snprintf(room, EXPORT_PATH, "%s", path) < EXPORT_PATH;
	return export_join(room, dir, path);
}

/* Several folders, as alembic.ini lists them; the first takes what is new. */
static int32_t read_listed(tree *t, const char *dir, char *list, unsigned depth, llm_err *err)
{
	char *word, *rest = list, path[EXPORT_PATH];
	int32_t rc = 0;

	while (!rc && (word = strtok_r(rest, " \t,;:", &rest))) {
		if (!from_here(path, dir, word))
			return complain_set(err, LLM_E_INVALID_REQUEST, "a path is too long");
		if (!t->versions[0])
			memcpy(t->versions, path, sizeof(path));
		rc = read_folder(t, path, depth, err);
	}
	return rc;
}

static int32_t read_ini(tree *t, const char *dir, const char *ini, llm_err *err)
{
	char location[EXPORT_PATH], listed[EXPORT_PATH], word[16], scripts[EXPORT_PATH];
	unsigned depth;

	ini_value(ini, "script_location", dir, location, sizeof(location));
	ini_value(ini, "version_locations", dir, listed, sizeof(listed));
	ini_value(ini, "recursive_version_locations", dir, word, sizeof(word));
	depth = strcmp(word, "true") == 0 ? DEPTH_MAX : 0;
	if (listed[0])
		return read_listed(t, dir, listed, depth, err);
	if (!location[0] || strchr(location, ':') || !from_here(scripts, dir, location) ||
		!export_join(t->versions, scripts, "versions"))
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"%.300s/alembic.ini names no folder as its script_location\n"
			"Name the folder that has env.py instead of %.200s.",
			dir, dir);
	return read_folder(t, t->versions, depth, err);
}

static bool has_env(const char *dir)
{
	char path[EXPORT_PATH];

	return export_join(path, dir, "env.py") && access(path, R_OK) == 0;
}

/* Without alembic.ini: the folder with env.py, a usual name of it, or its folder of revisions. */
static bool find_versions(const char *dir, char *ret)
{
	static const char *const usual[] = {".", "alembic", "migrations"};
	char path[EXPORT_PATH];

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (export_join(path, dir, usual[i]) && has_env(path))
			return export_join(ret, i ? path : dir, "versions");
	return export_join(path, dir, "..") && has_env(path) &&
		snprintf(ret, EXPORT_PATH, "%s", dir) < EXPORT_PATH;
}

int32_t tree_read(tree *t, const char *dir, llm_err *err)
{
	char path[EXPORT_PATH], *ini = NULL;
	int32_t rc;

	memset(t, 0, sizeof(*t));
	if (!export_join(path, dir, "alembic.ini"))
		return complain_set(err, LLM_E_INVALID_REQUEST, "the path of DIR is too long");
	rc = export_read(path, &ini, err);
	if (!rc && ini)
		rc = read_ini(t, dir, ini, err);
	else if (!rc && find_versions(dir, t->versions))
		rc = read_folder(t, t->versions, 0, err);
	else if (!rc)
		rc = complain_set(err, LLM_E_INVALID_REQUEST,
			"%.300s is no Alembic tree: neither alembic.ini nor env.py is there\n"
			"Make one with: alembic init",
			dir);
	free(ini);
	return rc;
}
