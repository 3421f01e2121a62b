/*
 * workspace.h - which workspace a run belongs to (R-WS-1 to R-WS-3).
 */
#ifndef LLM_STORE_WORKSPACE_H
#define LLM_STORE_WORKSPACE_H

#include "llm/error.h"

#define WORKSPACE_MAX 128

/* Where a run's workspace may be named; null: nobody spoke. */
typedef struct workspace_said {
	const char *request; /* the request's own field */
	const char *metadata; /* its metadata's workspace_id */
	const char *bound; /* the context that it is bound to */
	const char *config; /* the configuration's default, which conflicts with nobody */
} workspace_said;

/* 1 to 128 bytes of [A-Za-z0-9._:-]. */
int workspace_valid(const char *text);

/*
 * The one workspace, or LLM_E_WORKSPACE_REQUIRED, LLM_E_WORKSPACE_CONFLICT,
 * LLM_E_INVALID_REQUEST. `needed` 0: null in *ret when nobody speaks.
 */
int32_t workspace_resolve(const workspace_said *said, int needed, const char **ret, llm_err *err);

#endif
