/*
 * plugin.h - loading plugins: search, file checks, negotiation, registry.
 *
 * A plugin file is opened once, checked through its descriptor and loaded through
 * it, so what was checked is what runs. Loaded files stay mapped and keep their
 * descriptor for the life of the process (design decision 10).
 */
#ifndef LLM_PLUGIN_PLUGIN_H
#define LLM_PLUGIN_PLUGIN_H

#include "base/arena.h"
#include "base/log.h"
#include "llm/abi/policy.h"
#include "llm/abi/provider.h"
#include "llm/abi/storage.h"
#include "llm/error.h"
#include "plugin/watch.h"

#ifndef LLM_PLUGIN_LIBDIR /* where installed plugins live */
#define LLM_PLUGIN_LIBDIR "/usr/lib/llm/plugins/1"
#endif

#define PLUGINS_MAX_PARKED 64

/* Where to look, in this order; null members are skipped. */
typedef struct plugin_search {
	const char *env_path; /* LLM_PLUGIN_PATH, folders joined by ':' */
	const char *config_path; /* plugins.path, folders joined by ':' */
	const char *user_dir;
	const char *tool_dir; /* of uninstalled tools */
	const char *lib_dir; /* LLM_PLUGIN_LIBDIR */
} plugin_search;

/* A plugin that is loaded. Lives until the process ends. */
typedef struct plugin {
	const char *name; /* "ollama" */
	const char *path;
	const char *id;
	const char *version;
	const char *licence;
	const char *kinds; /* "llm.provider/1, ..." */
	uint16_t abi_minor;
	/* Our own copies, zero-filled where the plugin's are shorter; null: no such part. */
	const llm_provider_vtable *provider;
	const llm_provider_info *info;
	const llm_policy_vtable *policy;
	const llm_policy_info *policy_info;
	const llm_storage_vtable *storage;
	const llm_storage_info *storage_info;
} plugin;

/* The plugins of one service. Thread-safe. */
typedef struct plugins plugins;

/* What happened to one file, or to a folder that gave none: its row has the name "". */
typedef struct plugin_seen {
	const char *path;
	const char *name;
	const char *source; /* "absolute path", "LLM_PLUGIN_PATH", "plugins.path", ... */
	const char *reason; /* why taken or refused, one sentence */
	int taken;
	const plugin *loaded; /* or null */
} plugin_seen;

int32_t plugins_new(
	const plugin_search *search, const llm_allocator *mem, const logger *log, plugins **ret);
void plugins_free(plugins *ps);
/* So many mapped files that nobody uses: then no other is loaded. 0: PLUGINS_MAX_PARKED. */
void plugins_limit(plugins *ps, uint32_t max_parked);

/*
 * The plugin of that name, or of that absolute path, loaded at first use. `sha256`
 * is a pin of 64 hex digits, or null. LLM_E_PLUGIN with one sentence naming file
 * and cause, LLM_E_NOMEM. A file that was refused is refused again with the same
 * words without being opened again.
 */
int32_t plugins_get(plugins *ps, const char *name_or_path, const char *sha256, const plugin **ret,
	llm_err *err);

/*
 * The same plugins, but `name` (as it is asked for) is looked for anew, or loaded from the
 * absolute path `path`. LLM_E_NOMEM.
 */
int32_t plugins_fork(plugins *ps, const char *name, const char *path, plugins **ret);
/* 1 when it is the one that `ps` gives out. */
int plugins_has(plugins *ps, const plugin *p);

/* As plugins_get, and it must have a storage part: `storage` and `storage_info` are there. */
int32_t plugins_storage(plugins *ps, const char *name_or_path, const char *sha256,
	const plugin **ret, llm_err *err);

/*
 * Looks at every file named NAME.so (null: *.so) of the search path in order; loads
 * those that pass to read their descriptor. Rows live in `mem`.
 */
int32_t plugins_scan(plugins *ps, const char *name, arena *mem, plugin_seen **ret, size_t *ret_n);

/*
 * The names of the files in the search path, each once, in order of the name; with a `kind`
 * (LLM_KIND_*) those that hold its text. Nothing is loaded.
 */
int32_t plugins_names(
	plugins *ps, const char *kind, arena *mem, const char *const **ret, size_t *ret_n);

/* ---- one instance: the host table and what a call into it leaves behind ---- */

typedef struct host_config_item {
	const char *key;
	const char *text;
} host_config_item;

typedef struct instance instance;

/*
 * Creates an instance of the provider part. `config` is the checked settings with
 * defaults filled in; copied. LLM_E_PLUGIN or what the plugin said.
 */
int32_t instance_new(const plugin *p, const host_config_item *config, size_t n_config,
	const llm_allocator *mem, const logger *log, instance **ret, llm_err *err);
/* The same of the policy part. */
int32_t instance_new_policy(const plugin *p, const host_config_item *config, size_t n_config,
	const llm_allocator *mem, const logger *log, instance **ret, llm_err *err);
/*
 * Only the host's half, for a connection or unit of the storage part: nothing of the
 * plugin is called. LLM_E_NOMEM.
 */
int32_t instance_seat(const plugin *p, const host_config_item *config, size_t n_config,
	const llm_allocator *mem, const logger *log, instance **ret, llm_err *err);
/* What the plugin is given; lives as long as `in`. */
const llm_host *instance_host(const instance *in);
void instance_free(instance *in);
const plugin *instance_plugin(const instance *in);
void *instance_handle(const instance *in); /* first argument of every slot */

/*
 * Brackets of a call into the plugin: `begin` clears the last error and empties
 * the scratch scope; `attempt` (may be null) is where LLM_SCOPE_ATTEMPT allocates.
 * `end` turns a returned code into `err`: the text of set_error where there was
 * one, a sentence naming plugin and slot where there was none; a code out of range
 * is LLM_E_PLUGIN.
 */
void instance_begin(instance *in, arena *attempt);
/* instance_begin by a thread that is watched: `slot` is static. */
void instance_enter(instance *in, const char *slot, arena *attempt);
/* `w` sees what instance_enter begins; it outlives `in`. */
void instance_watch(instance *in, plugin_watch *w);
int32_t instance_end(instance *in, const char *slot, int32_t returned, llm_err *err);

/* An extension table adopted by size: a zero-filled copy of `size` bytes in *ret; 0 when absent. */
int instance_extension(instance *in, const char *id, void *ret, uint32_t size, uint32_t min_size);

#endif
