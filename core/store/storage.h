/*
 * storage.h - a storage plugin and how it is set.
 */
#ifndef LLM_STORE_STORAGE_H
#define LLM_STORE_STORAGE_H

#include "base/arena.h"
#include "llm/unit.h"
#include "plugin/plugin.h"

/* Who is told of functions that take long. One thread at a time uses such a storage. */
typedef struct storage_watcher {
	plugin_watch *watch; /* null: nobody */
	const llm_time_source *time;
	void (*late)(void *ctx, const watch_late *l);
	void *ctx;
} storage_watcher;

struct llm_storage {
	llm_allocator mem;
	logger log;
	const plugin *plugin; /* has a storage part */
	arena ar;
	host_config_item *settings;
	size_t n_settings;
	storage_watcher watcher;
};

/*
 * `settings` are "KEY=VALUE", null-terminated or null. LLM_E_CONFIG for a key that the
 * plugin does not describe, with the nearest one; LLM_E_NOMEM.
 */
int32_t storage_new(const plugin *p, const char *const *settings, const llm_allocator *mem,
	const logger *log, llm_storage **ret, llm_err *err);
void storage_free(llm_storage *st);

/* Does the plugin have this operation, this question? */
int storage_has_op(const llm_storage *st, uint32_t kind);
int storage_has_query(const llm_storage *st, uint32_t kind);

#endif
