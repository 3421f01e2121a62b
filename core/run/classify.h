/*
 * classify.h - from raw facts to a code. Pure; the one place that decides (R-ERR-1, R-ERR-12).
 */
#ifndef LLM_RUN_CLASSIFY_H
#define LLM_RUN_CLASSIFY_H

#include "llm/abi/wire.h"
#include "llm/error.h"

typedef struct verdict {
	int32_t code;
	uint32_t flags; /* LLM_ERRF_* */
} verdict;

/* By the provider's rows on code and type, then the status, then its phrases. */
verdict classify_reply(
	int32_t http_status, const llm_error_facts *facts, const llm_error_rule *const *rules);

/* By the status alone. */
int32_t classify_status(int32_t status);

/*
 * Of two attempts that failed, does the earlier one's code win (R-ERR-4)? Those that tell
 * the caller what to change do; else the last one counts.
 */
int classify_outranks(int32_t earlier, int32_t later);

#endif
