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
 * The plugin of an open, checked file, which is loaded unless it was. Takes over
 * `f`. A file that was mapped and then refused is refused with the same words.
 * LLM_E_PLUGIN, LLM_E_NOMEM.
 */
int32_t gen_load(
	plugin_file *f, const char *path, const char *name, const plugin **ret, llm_err *err);

/* "" or which parts of a loaded plugin were skipped. */
const char *gen_note(const plugin *p);

#endif
