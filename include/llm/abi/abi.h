/*
 * llm/abi/abi.h - how a plugin introduces itself.
 *
 * A plugin is a shared object with exactly one exported symbol, llm_plugin_v1.
 * It returns a constant descriptor that lists parts: a provider, a policy, a
 * storage backend. Every table starts with its own size, so either side may be
 * newer than the other. The entry is pure and fast: no threads, files,
 * environment or allocation.
 *
 * Rules for every header of this folder: fixed-width members, no enum, bool or
 * long as a field, no bit-fields, no structs by value in calls, arrays only as
 * arrays of pointers, units in names. Members are appended, never moved.
 */
#ifndef LLM_ABI_ABI_H
#define LLM_ABI_ABI_H

#include "../base.h"

LLM_EXTERN_C_BEGIN

#define LLM_ABI_MAJOR 1
#define LLM_ABI_MINOR 0

/* The bytes "llmabi1\0" read as a little-endian number. */
#define LLM_PLUGIN_MAGIC UINT64_C(0x00316962616d6c6c)

#define LLM_KIND_PROVIDER "llm.provider/1"
#define LLM_KIND_POLICY "llm.policy/1"
#define LLM_KIND_STORAGE "llm.storage/1"

/* One thing that a plugin offers. A part of unknown kind is skipped with a note. */
typedef struct llm_plugin_part {
	const char *kind; /* LLM_KIND_* */
	const void *vtable; /* starts with uint32_t struct_size */
} llm_plugin_part;

typedef struct llm_plugin_desc {
	uint64_t magic; /* LLM_PLUGIN_MAGIC */
	uint32_t struct_size; /* sizeof(llm_plugin_desc) as the plugin knows it */
	uint16_t abi_minor; /* LLM_ABI_MINOR the plugin was compiled with */
	uint16_t abi_minor_min; /* the oldest host minor it can live with */
	uint32_t flags; /* unknown bits are ignored */
	uint32_t reserved;
	const char *id; /* "org.libllm.ollama": [a-z0-9.-], 1 to 127 bytes */
	const char *version; /* "0.1.0" */
	const char *licence; /* SPDX expression */
	const llm_plugin_part *const *parts; /* null-terminated */
	const void *(*get_extension)(const char *id); /* may be null */
} llm_plugin_desc;

/* The entry's type. `host_minor` is the host's LLM_ABI_MINOR. Returns static memory. */
typedef const llm_plugin_desc *(*llm_plugin_entry)(uint16_t host_minor);

/* The entry's name carries the ABI's major. */
#define LLM_PLUGIN_ENTRY_NAME "llm_plugin_v1"

/* The one symbol that a plugin exports; see llm_plugin_entry. */
LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor);

LLM_EXTERN_C_END
#endif
