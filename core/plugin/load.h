/*
 * load.h - mapping an object that was checked, and finding its entry.
 */
#ifndef LLM_PLUGIN_LOAD_H
#define LLM_PLUGIN_LOAD_H

#include "llm/abi/abi.h"
#include "llm/error.h"

/*
 * Maps what `fd` is open on, for the life of the process. 1 in *ret_mapped says
 * that it is mapped, also when its entry is refused: the descriptor is then kept.
 * The caller holds the lock of gen.c.
 */
int32_t load_object(int fd, const char *path, int *ret_mapped, llm_plugin_entry *ret, llm_err *err);

#endif
