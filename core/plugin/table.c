/*
 * table.c - a plugin's tables, copied by size over zeroes.
 */
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "plugin/check.h"
#include "plugin/image.h"

uint32_t check_size(const void *theirs, const uint32_t *sizes, size_t n, int *ret_bad)
{
	uint32_t size;
	size_t i;
	int known;

	*ret_bad = 0;
	if (!theirs || (uintptr_t)theirs % sizeof(void *) || image_room(theirs) < sizeof(size))
		return 0;
	memcpy(&size, theirs, sizeof(size));
	known = size > sizes[n - 1] && size <= CHECK_SIZE_MAX;
	for (i = 0; i < n; i++)
		known |= size == sizes[i];
	*ret_bad = !known || image_room(theirs) < size;
	return size;
}

void *check_adopt(arena *ar, const void *theirs, uint32_t size, size_t ours)
{
	void *copy = arena_new(ar, ours);

	if (copy)
		memcpy(copy, theirs, size < ours ? size : ours);
	return copy;
}

int32_t check_refuse(const plugin *p, const char *what, llm_err *err)
{
	return err_set(err, LLM_E_PLUGIN, "plugin file %s: %s", p->path, what);
}

static int32_t table_garbage(const check_table *t, const plugin *p, llm_err *err)
{
	if (!t->kind)
		return check_refuse(p, "describe returned nothing", err);
	return err_set(err, LLM_E_PLUGIN, "plugin file %s: the address of its table %s is garbage",
		p->path, t->kind);
}

static int32_t table_bad_size(const check_table *t, uint32_t size, const plugin *p, llm_err *err)
{
	if (!t->kind)
		return err_set(err, LLM_E_PLUGIN,
			"plugin file %s: describe returned a table of %" PRIu32
			" bytes, that of ABI 1.0 has %" PRIu32,
			p->path, size, t->sizes[0]);
	return err_set(err, LLM_E_PLUGIN,
		"plugin file %s: its table %s has %" PRIu32 " bytes, that of ABI 1.0 has %" PRIu32,
		p->path, t->kind, size, t->sizes[0]);
}

/* The first required slot of our copy that is null, or null: all are there. */
static const char *table_lacks(const check_table *t, const void *table)
{
	void (*function)(void);
	size_t i;

	for (i = 0; i < t->n_required; i++) {
		memcpy(&function, (const char *)table + t->required[i].at, sizeof(function));
		if (!function)
			return t->required[i].name;
	}
	return NULL;
}

void *check_copy(const check_table *t, const void *theirs, arena *ar, const plugin *p,
	int32_t *ret_rc, llm_err *err)
{
	const char *missing;
	uint32_t size;
	void *copy;
	int bad;

	size = check_size(theirs, t->sizes, 1, &bad);
	if (bad || !size) {
		*ret_rc = bad ? table_bad_size(t, size, p, err) : table_garbage(t, p, err);
		return NULL;
	}
	copy = check_adopt(ar, theirs, size, t->ours);
	if (!copy) {
		*ret_rc = LLM_E_NOMEM;
		return NULL;
	}
	memcpy(copy, &t->ours, sizeof(t->ours)); /* struct_size comes first */
	missing = table_lacks(t, copy);
	if (!missing)
		return copy;
	*ret_rc = err_set(err, LLM_E_PLUGIN,
		"plugin file %s: its table %s lacks the required slot %s", p->path, t->kind,
		missing);
	return NULL;
}
