/*
 * gen.h - the plugin files that this process has loaded.
 *
 * One list for the process, since mapping an object is an effect on the process:
 * two services that name one file (device and inode) share it. Entries stay until
 * the process ends (design decision 10), so they use the default allocator
 * whatever a service was given.
 */
#ifndef LLM_PLUGIN_GEN_H
#define LLM_PLUGIN_GEN_H

#include "plugin/file.h"
#include "plugin/plugin.h"

/*
 * The plugin of an open, checked file, which is loaded unless it was, or another file of
 * the same name and content: then that one is given. Takes over `f`. Refused when so many
 * are mapped that nobody uses (`max_parked`). A file that was mapped and then refused is refused with the same words.
 * LLM_E_PLUGIN, LLM_E_NOMEM.
 */
int32_t gen_load(plugin_file *f, const char *path, const char *name, uint32_t max_parked,
	const plugin **ret, llm_err *err);

/*
 * A service's list of plugins has it from now on, or no more. One that nobody has any more is
 * retired: it stays mapped, and comes back when a file of the same name and content is loaded.
 */
void gen_hold(const plugin *p);
void gen_drop(const plugin *p);
/* It was loaded to be used, not only to be looked at. */
void gen_use(const plugin *p);

/* Generation `i` in order of loading: 1, or 0 behind the last. *ret_held: somebody has it. */
int gen_at(size_t i, const plugin **ret, int *ret_held);
/* Of its file. LLM_E_PLUGIN, LLM_E_NOMEM. */
int32_t gen_hash(const plugin *p, char ret_hex[FILE_HASH]);

/* "" or which parts of a loaded plugin were skipped. */
const char *gen_note(const plugin *p);

#endif
