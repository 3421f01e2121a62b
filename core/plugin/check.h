/*
 * check.h - is a descriptor sound, and our own copies of its tables.
 */
#ifndef LLM_PLUGIN_CHECK_H
#define LLM_PLUGIN_CHECK_H

#include "base/arena.h"
#include "plugin/plugin.h"

/* The size of a table as far as one member, its padding left out. */
#define CHECK_THROUGH(type, member) \
	((uint32_t)(offsetof(type, member) + sizeof(((const type *)NULL)->member)))

/* No table of any version is larger; a size above it is garbage. */
#define CHECK_SIZE_MAX ((uint32_t)1 << 16)

/*
 * Fills p->id, version, licence, kinds, abi_minor, provider and info from what the
 * entry returned; p->path is set. *ret_note is "" or says which parts were
 * skipped. LLM_E_PLUGIN with one sentence naming file and cause, LLM_E_NOMEM.
 */
int32_t check_descriptor(
	const llm_plugin_desc *theirs, arena *ar, plugin *p, const char **ret_note, llm_err *err);

/* The required slots of a provider and what its `describe` returned. (provider.c) */
int32_t check_provider(const void *theirs, arena *ar, plugin *p, llm_err *err);

/*
 * Can a table at `theirs` be read, and is its size, its first member, one that
 * some version had? `sizes` are the versions' sizes, ascending; above the last
 * anything goes. Returns the size, 0 for a garbage address, or with *ret_bad 1 the
 * size that no version had.
 */
uint32_t check_size(const void *theirs, const uint32_t *sizes, size_t n, int *ret_bad);

/* A copy of `ours` bytes, zero where theirs ends; null when memory is short. */
void *check_adopt(arena *ar, const void *theirs, uint32_t size, size_t ours);

/* Printable ASCII, 1 to `max` bytes, inside an object. */
int check_word(const char *text, size_t max);

#endif
