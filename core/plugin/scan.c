/*
 * scan.c - every candidate with the reason it is taken or refused.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "plugin/gen.h"
#include "plugin/registry.h"

/* The rows so far, and where their text goes. */
typedef struct scan {
	plugins *ps;
	arena *mem;
	plugin_seen *rows;
	size_t n;
	size_t cap;
} scan;

static int32_t scan_add(scan *sc, const plugin_seen *row)
{
	plugin_seen *grown;
	size_t cap = sc->cap ? sc->cap * 2 : 16;

	if (sc->n == sc->cap) {
		grown = arena_array(sc->mem, cap, sizeof(*grown));
		if (!grown)
			return LLM_E_NOMEM;
		if (sc->n)
			memcpy(grown, sc->rows, sc->n * sizeof(*grown));
		sc->rows = grown;
		sc->cap = cap;
	}
	sc->rows[sc->n++] = *row;
	return 0;
}

static char *scan_join(arena *mem, const char *a, const char *b, const char *c)
{
	size_t bytes = strlen(a) + strlen(b) + strlen(c) + 1;
	char *text = arena_new(mem, bytes);

	if (text)
		(void)snprintf(text, bytes, "%s%s%s", a, b, c);
	return text;
}

/* A row for a folder; its name is "". */
static int32_t scan_add_place(scan *sc, const search_place *place, const char *reason)
{
	plugin_seen row = {.name = "", .source = place->source, .reason = reason};

	row.path = arena_str(sc->mem, place->path);
	return row.path ? scan_add(sc, &row) : LLM_E_NOMEM;
}

/* The file that comes first under the same name, or null. */
static const plugin_seen *scan_first(const scan *sc, const char *name)
{
	size_t i;

	for (i = 0; *name && i < sc->n; i++)
		if (strcmp(sc->rows[i].name, name) == 0)
			return &sc->rows[i];
	return NULL;
}

static int32_t scan_load(scan *sc, plugin_seen *row)
{
	llm_err err = LLM_ERR_INIT;
	const char *note;
	int32_t rc;

	rc = registry_try(sc->ps, row->path, NULL, &row->loaded, &err);
	if (rc == LLM_E_NOMEM)
		return rc;
	if (rc == LLM_E_NOT_FOUND) {
		row->reason = "there is no such file";
		return 0;
	}
	if (rc) {
		row->reason = arena_str(sc->mem, err.message);
		return row->reason ? 0 : LLM_E_NOMEM;
	}
	note = gen_note(row->loaded);
	row->taken = 1;
	row->reason = scan_join(sc->mem, "taken: the first of its name", *note ? "; " : "", note);
	return row->reason ? 0 : LLM_E_NOMEM;
}

static int32_t scan_file(scan *sc, const char *path, const char *source)
{
	plugin_seen row = {.path = path, .source = source};
	const plugin_seen *first;
	const char *stem;
	size_t len = 0;
	int32_t rc = 0;

	stem = registry_stem(path, &len);
	row.name = arena_dup(sc->mem, stem ? stem : "", len);
	if (!row.name)
		return LLM_E_NOMEM;
	first = scan_first(sc, row.name);
	if (first) {
		row.reason = scan_join(sc->mem, "hidden by ", first->path, "");
		rc = row.reason ? 0 : LLM_E_NOMEM;
	} else {
		rc = scan_load(sc, &row);
	}
	return rc ? rc : scan_add(sc, &row);
}

/* ---- folders ---- */

typedef struct scan_list {
	char **paths;
	size_t n;
	size_t cap;
} scan_list;

static int scan_compare(const void *a, const void *b)
{
	char *left, *right;

	memcpy(&left, a, sizeof(left));
	memcpy(&right, b, sizeof(right));
	return strcmp(left, right);
}

static int32_t scan_collect(scan *sc, const char *folder, const char *base, scan_list *list)
{
	const llm_allocator *mem = sc->ps->mem;
	size_t cap = list->cap ? list->cap * 2 : 16;
	char **grown;

	if (list->n == list->cap) {
		grown = mem_resize(mem, list->paths, cap * sizeof(*grown));
		if (!grown)
			return LLM_E_NOMEM;
		list->paths = grown;
		list->cap = cap;
	}
	list->paths[list->n] = scan_join(sc->mem, folder, "/", base);
	return list->paths[list->n++] ? 0 : LLM_E_NOMEM;
}

static int32_t scan_read(scan *sc, DIR *dir, const char *folder, const char *name, scan_list *list)
{
	const struct dirent *entry;
	const char *stem;
	int32_t rc = 0;
	size_t len;

	while (!rc && (entry = readdir(dir)) != NULL) { /* NOLINT: `dir` is our own */
		stem = registry_stem(entry->d_name, &len);
		if (!stem || (name && (strlen(name) != len || memcmp(name, stem, len) != 0)))
			continue;
		rc = scan_collect(sc, folder, entry->d_name, list);
	}
	return rc;
}

/* The order of a folder is no order, so the files are taken by name. */
static int32_t scan_place(scan *sc, const search_place *place, const char *name)
{
	scan_list list = {0};
	int32_t rc;
	size_t i;
	DIR *dir;

	if (place->skip)
		return scan_add_place(sc, place, place->skip);
	dir = opendir(place->path);
	if (!dir)
		return scan_add_place(sc, place,
			errno == ENOENT ? "there is no such folder" : "this folder cannot be read");
	rc = scan_read(sc, dir, place->path, name, &list);
	closedir(dir);
	if (!rc && list.n)
		qsort(list.paths, list.n, sizeof(*list.paths), scan_compare);
	for (i = 0; i < list.n && !rc; i++)
		rc = scan_file(sc, list.paths[i], place->source);
	if (!rc && !list.n)
		rc = scan_add_place(sc, place, name ? "no file of that name" : "no plugins here");
	mem_free(sc->ps->mem, list.paths);
	return rc;
}

int32_t plugins_scan(plugins *ps, const char *name, arena *mem, plugin_seen **ret, size_t *ret_n)
{
	scan sc = {.ps = ps, .mem = mem};
	char *path;
	int32_t rc = 0;
	size_t i;

	pthread_mutex_lock(&ps->lock);
	if (name && name[0] == '/') {
		path = arena_str(mem, name);
		rc = path ? scan_file(&sc, path, "absolute path") : LLM_E_NOMEM;
	} else {
		for (i = 0; i < ps->places.n && !rc; i++)
			rc = scan_place(&sc, &ps->places.places[i], name);
	}
	pthread_mutex_unlock(&ps->lock);
	if (rc)
		return rc;
	*ret = sc.rows;
	*ret_n = sc.n;
	return 0;
}

/* ---- names only ---- */

/* Does the file hold that text? Also when it cannot be read: that is for the loader to say. */
static int scan_holds(const char *path, const char *text)
{
	const size_t keep = strlen(text);
	char part[8192];
	size_t n = 0;
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int found = fd < 0;

	while (!found && (got = read(fd, part + n, sizeof(part) - n)) > 0) {
		n += (size_t)got;
		found = memmem(part, n, text, keep) != NULL;
		if (n > keep) { /* it may begin here and end in the next part */
			memmove(part, part + n - keep, keep);
			n = keep;
		}
	}
	if (fd >= 0)
		(void)close(fd);
	return found;
}

/* The paths become names, in order; those that come twice and those that are none are left out. */
static int32_t scan_stems(scan *sc, scan_list *list, const char *kind)
{
	size_t i, len, n = 0;

	for (i = 0; i < list->n; i++) {
		const char *stem = registry_stem(list->paths[i], &len);

		if (!stem || !search_name_valid(stem, len))
			continue;
		if (kind && !scan_holds(list->paths[i], kind))
			continue;
		list->paths[n] = arena_dup(sc->mem, stem, len);
		if (!list->paths[n++])
			return LLM_E_NOMEM;
	}
	if (n)
		qsort(list->paths, n, sizeof(*list->paths), scan_compare);
	list->n = 0;
	for (i = 0; i < n; i++)
		if (!list->n || strcmp(list->paths[list->n - 1], list->paths[i]) != 0)
			list->paths[list->n++] = list->paths[i];
	return 0;
}

static int32_t scan_names(scan *sc, scan_list *list, const char *kind)
{
	const search_list *places = &sc->ps->places;
	int32_t rc = 0;
	size_t i;

	for (i = 0; i < places->n && !rc; i++) {
		DIR *dir = places->places[i].skip ? NULL : opendir(places->places[i].path);

		if (!dir)
			continue;
		rc = scan_read(sc, dir, places->places[i].path, NULL, list);
		closedir(dir);
	}
	return rc ? rc : scan_stems(sc, list, kind);
}

int32_t plugins_names(
	plugins *ps, const char *kind, arena *mem, const char *const **ret, size_t *ret_n)
{
	scan sc = {.ps = ps, .mem = mem};
	scan_list list = {0};
	const char **names = NULL;
	int32_t rc = scan_names(&sc, &list, kind); /* the places never change: no lock */

	if (!rc)
		names = arena_array(mem, list.n + 1, sizeof(*names));
	if (!rc && !names)
		rc = LLM_E_NOMEM;
	if (!rc) {
		if (list.n)
			memcpy(names, list.paths, list.n * sizeof(*names));
		*ret = names;
		*ret_n = list.n;
	}
	mem_free(ps->mem, list.paths);
	return rc;
}
