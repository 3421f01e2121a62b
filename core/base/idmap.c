/*
 * idmap.c - slots in order of insertion, and a table that finds them by hash.
 */
#include "base/idmap.h"

#include "base/alloc.h"

#include <string.h>

#define IDMAP_FIRST 8 /* slots; the table has twice as many entries, a power of two */

void idmap_init(idmap *m, const llm_allocator *mem)
{
	*m = (idmap){.mem = mem};
}

void idmap_done(idmap *m)
{
	for (size_t i = 0; i < m->n; i++)
		mem_free(m->mem, m->slots[i].key);
	mem_free(m->mem, m->slots);
	mem_free(m->mem, m->index);
	idmap_init(m, m->mem);
}

/* FNV-1a, 64 bits. */
static uint64_t idmap_hash(const char *key)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *key; key++)
		hash = (hash ^ (unsigned char)*key) * UINT64_C(0x100000001b3);
	return hash;
}

/* The entry of `key`, or the empty one where it belongs. The table is never full. */
static uint32_t *idmap_entry(const idmap *m, const char *key)
{
	size_t mask = m->index_cap - 1;
	size_t at = (size_t)idmap_hash(key) & mask;

	while (m->index[at] && strcmp(m->slots[m->index[at] - 1].key, key) != 0)
		at = (at + 1) & mask;
	return &m->index[at];
}

static idmap_slot *idmap_find(const idmap *m, const char *key)
{
	uint32_t number = m->n ? *idmap_entry(m, key) : 0;

	return number ? &m->slots[number - 1] : NULL;
}

/* A larger table first: growing the slots alone would change nothing that matters. */
static int32_t idmap_grow(idmap *m)
{
	size_t cap = m->cap ? m->cap * 2 : IDMAP_FIRST;
	idmap_slot *slots;
	uint32_t *index;

	if (cap > UINT32_MAX / sizeof(*slots))
		return LLM_E_NOMEM;
	index = mem_array(m->mem, cap * 2, sizeof(*index));
	if (!index)
		return LLM_E_NOMEM;
	slots = mem_resize(m->mem, m->slots, cap * sizeof(*slots));
	if (!slots) {
		mem_free(m->mem, index);
		return LLM_E_NOMEM;
	}
	mem_free(m->mem, m->index);
	m->slots = slots;
	m->index = index;
	m->cap = cap;
	m->index_cap = cap * 2;
	for (size_t i = 0; i < m->n; i++)
		*idmap_entry(m, m->slots[i].key) = (uint32_t)(i + 1);
	return 0;
}

int32_t idmap_put(idmap *m, const char *key, void *value)
{
	idmap_slot *slot = idmap_find(m, key);
	char *copy;

	if (slot) {
		slot->value = value;
		return 0;
	}
	if ((!m->slots || m->n == m->cap) && idmap_grow(m))
		return LLM_E_NOMEM;
	copy = mem_str(m->mem, key);
	if (!copy)
		return LLM_E_NOMEM;
	*idmap_entry(m, copy) = (uint32_t)(m->n + 1);
	m->slots[m->n++] = (idmap_slot){.key = copy, .value = value};
	return 0;
}

void *idmap_get(const idmap *m, const char *key)
{
	const idmap_slot *slot = idmap_find(m, key);

	return slot ? slot->value : NULL;
}

int idmap_has(const idmap *m, const char *key)
{
	return idmap_find(m, key) != NULL;
}
