/*
 * registry.h - the inside of `plugins`, for registry.c and scan.c.
 */
#ifndef LLM_PLUGIN_REGISTRY_H
#define LLM_PLUGIN_REGISTRY_H

#include <pthread.h>

#include "base/idmap.h"
#include "plugin/plugin.h"
#include "plugin/search.h"

struct plugins {
	const llm_allocator *mem;
	logger log;
	search_list places;
	uint32_t max_parked;
	char *over_name; /* which one is loaded */
	char *over_path; /* from there, whatever the folders say; null: none */
	pthread_mutex_t lock; /* guards what follows */
	idmap known; /* name and pin -> registry_known */
	idmap active; /* id -> plugin */
};

/*
 * Opens, checks and loads the file at `path`. LLM_E_NOT_FOUND (`err` untouched)
 * when there is none. The caller holds the lock.
 */
int32_t registry_try(
	plugins *ps, const char *path, const char *sha256, const plugin **ret, llm_err *err);

/* The NAME of ".../NAME.so" and its length; null when the path does not end so. */
const char *registry_stem(const char *path, size_t *ret_len);

#endif
