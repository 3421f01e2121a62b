/*
 * place.h - the folder of llmctl's own database, and what is made there.
 */
#ifndef LLMCTL_PLACE_H
#define LLMCTL_PLACE_H

#include "llm/error.h"

#define PLACE_MAX 1000 /* bytes of a path */

/* Its name. LLM_E_CONFIG: the environment names none. */
int32_t place_folder(char *room, size_t cap, llm_err *err);
/* All folders above `path`, for this user alone. LLM_E_PERSISTENCE. */
int32_t place_make_folders(const char *path, llm_err *err);
/* A file with a new key, unless there is one. LLM_E_PERSISTENCE. */
int32_t place_make_key(const char *path, llm_err *err);

#endif
