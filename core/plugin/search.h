/*
 * search.h - the folders in which plugins are looked for, in order.
 */
#ifndef LLM_PLUGIN_SEARCH_H
#define LLM_PLUGIN_SEARCH_H

#include "plugin/plugin.h"

#define SEARCH_NAME_MAX 63

typedef struct search_place {
	char *path; /* as given, without a slash at its end */
	const char *source; /* static: "LLM_PLUGIN_PATH", ... */
	const char *skip; /* static: why it is not looked at, or null */
} search_place;

typedef struct search_list {
	const llm_allocator *mem;
	search_place *places;
	size_t n;
} search_list;

/* `secure`: the process is set-uid or the like, so the environment says nothing. */
int32_t search_init(
	search_list *sl, const plugin_search *from, int secure, const llm_allocator *mem);
/* LLM_E_NOMEM; `sl` is empty before. */
int32_t search_copy(search_list *sl, const search_list *from, const llm_allocator *mem);
void search_done(search_list *sl);

/* Is it [a-z][a-z0-9_-]{0,62}, in `len` bytes? */
int search_name_valid(const char *name, size_t len);

#endif
