/*
 * search.c - the search path, taken apart.
 */
#include "plugin/search.h"

#include <string.h>

#include "base/alloc.h"

int search_name_valid(const char *name, size_t len)
{
	size_t i;

	if (len < 1 || len > SEARCH_NAME_MAX || name[0] < 'a' || name[0] > 'z')
		return 0;
	for (i = 1; i < len; i++) {
		char c = name[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '-')
			return 0;
	}
	return 1;
}

static int search_has(const search_list *sl, const char *path)
{
	size_t i;

	for (i = 0; i < sl->n; i++)
		if (!sl->places[i].skip && strcmp(sl->places[i].path, path) == 0)
			return 1;
	return 0;
}

/* A folder that comes a second time could only hide itself, so it is left out. */
static int32_t search_add(
	search_list *sl, const char *path, size_t len, const char *source, const char *skip)
{
	search_place *grown;
	char *copy;

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (!skip && len == 0)
		skip = "skipped: an empty element stands for no folder";
	else if (!skip && path[0] != '/')
		skip = "skipped: not an absolute path";
	copy = mem_dup(sl->mem, path, len);
	if (!copy)
		return LLM_E_NOMEM;
	if (!skip && search_has(sl, copy)) {
		mem_free(sl->mem, copy);
		return 0;
	}
	grown = mem_resize(sl->mem, sl->places, (sl->n + 1) * sizeof(*grown));
	if (!grown) {
		mem_free(sl->mem, copy);
		return LLM_E_NOMEM;
	}
	sl->places = grown;
	sl->places[sl->n++] = (search_place){copy, source, skip};
	return 0;
}

static int32_t search_add_list(
	search_list *sl, const char *joined, const char *source, const char *skip)
{
	const char *end;
	int32_t rc;

	if (!joined || !*joined)
		return 0;
	for (;;) {
		end = strchr(joined, ':');
		rc = search_add(
			sl, joined, end ? (size_t)(end - joined) : strlen(joined), source, skip);
		if (rc || !end)
			return rc;
		joined = end + 1;
	}
}

static int32_t search_add_one(search_list *sl, const char *path, const char *source)
{
	if (!path || !*path)
		return 0;
	return search_add(sl, path, strlen(path), source, NULL);
}

int32_t search_init(
	search_list *sl, const plugin_search *from, int secure, const llm_allocator *mem)
{
	const char *skip = secure ? "ignored: the process runs with raised rights" : NULL;
	int32_t rc;

	*sl = (search_list){.mem = mem};
	rc = search_add_list(sl, from->env_path, "LLM_PLUGIN_PATH", skip);
	if (!rc)
		rc = search_add_list(sl, from->config_path, "plugins.path", NULL);
	if (!rc)
		rc = search_add_one(sl, from->user_dir, "the user's folder");
	if (!rc)
		rc = search_add_one(sl, from->tool_dir, "the tool's folder");
	if (!rc)
		rc = search_add_one(sl, from->lib_dir, "the library's folder");
	if (rc)
		search_done(sl);
	return rc;
}

int32_t search_copy(search_list *sl, const search_list *from, const llm_allocator *mem)
{
	int32_t rc = 0;
	size_t i;

	*sl = (search_list){.mem = mem};
	for (i = 0; !rc && i < from->n; i++)
		rc = search_add(sl, from->places[i].path, strlen(from->places[i].path),
			from->places[i].source, from->places[i].skip);
	if (rc)
		search_done(sl);
	return rc;
}

void search_done(search_list *sl)
{
	size_t i;

	for (i = 0; i < sl->n; i++)
		mem_free(sl->mem, sl->places[i].path);
	mem_free(sl->mem, sl->places);
	sl->places = NULL;
	sl->n = 0;
}
