/*
 * idmap.h - a map from text to a pointer, open addressing, in order of insertion.
 */
#ifndef LLM_BASE_IDMAP_H
#define LLM_BASE_IDMAP_H

#include "llm/base.h"

typedef struct idmap_slot {
	char *key;
	void *value;
} idmap_slot;

typedef struct idmap {
	const llm_allocator *mem;
	idmap_slot *slots; /* in order of insertion */
	uint32_t *index; /* hash table of slot number + 1 */
	size_t n;
	size_t cap;
	size_t index_cap;
} idmap;

void idmap_init(idmap *m, const llm_allocator *mem);
void idmap_done(idmap *m); /* keys go, values are the caller's */
/* Adds or replaces. 0 or LLM_E_NOMEM. */
int32_t idmap_put(idmap *m, const char *key, void *value);
/* Null when absent. */
void *idmap_get(const idmap *m, const char *key);
int idmap_has(const idmap *m, const char *key);

#endif
