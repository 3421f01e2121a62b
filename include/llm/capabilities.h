/*
 * llm/capabilities.h - what a model can do, and who says so.
 *
 * Plans go by the same table: a candidate that is known to lack what a request needs is
 * left out, one of which it is not known ranks behind those of which it is.
 */
#ifndef LLM_CAPABILITIES_H
#define LLM_CAPABILITIES_H

#include "service.h"

LLM_EXTERN_C_BEGIN

typedef struct llm_capabilities llm_capabilities;

/* Has a model a capability? */
enum {
	LLM_CAPABLE_UNKNOWN = 0,
	LLM_CAPABLE_YES = 1, /* of a JSON schema: it is kept to */
	LLM_CAPABLE_NO = 2,
	LLM_CAPABLE_ACCEPTED = 3 /* it is taken, and need not be kept to */
};

/* Who says so; the first in this order that knows. */
enum {
	LLM_SAID_BY_NOBODY = 0,
	LLM_SAID_BY_CONFIGURATION = 1,
	LLM_SAID_BY_PROVIDER = 2, /* its own answer about the model */
	LLM_SAID_BY_PLUGIN = 3, /* what the plugin knows of names */
	LLM_SAID_BY_TABLE = 4 /* the table that comes with the library */
};

/* One cell. Text is static. */
typedef struct llm_capability {
	uint32_t struct_size;
	uint32_t value; /* LLM_CAPABLE_*; of a number: YES when it is known */
	uint32_t source; /* LLM_SAID_BY_* */
	uint32_t reserved;
	const char *name; /* "tools", "max_input_tokens" */
	const char *text; /* "yes", "enforced", "unknown"; null: `number` is the value */
	const char *said_by; /* "configuration", "provider", ...; "" with NOBODY */
	int64_t number; /* 0: unknown */
} llm_capability;

/* Do not ask the provider; what it has said before counts still. */
#define LLM_CAPABILITIES_KNOWN (UINT32_C(1) << 0)

/*
 * The table of one model. Unless it is told not to, it asks the provider about the model and
 * waits; what it says is kept, and later plans of this service go by it. Where the provider
 * cannot be asked, or fails, the table holds what is known else, and
 * llm_capabilities_problem says why.
 * @param model     "provider/model", "provider#endpoint/model" or an alias of one. Of several
 *                  endpoints that are not told apart the first is meant
 * @param flags     LLM_CAPABILITIES_*
 * @param total_ms  deadline; 0: 10 s
 * @param ret       freed with llm_capabilities_free
 * @return 0; LLM_E_INVALID_REQUEST for no model's name; LLM_E_PLUGIN, LLM_E_CONFIG when its
 *         provider cannot be set up; LLM_E_STATE; LLM_E_NOMEM
 * [any] [not-in-callback]
 */
LLM_API int32_t llm_service_capabilities(llm_service *svc, const char *model, uint32_t flags,
	uint32_t total_ms, llm_capabilities **ret, llm_err *err);

/* Cell number `i`, in an order that stays; LLM_E_NOT_FOUND at the end. [any] */
LLM_API int32_t llm_capabilities_at(
	const llm_capabilities *capabilities, uint32_t i, llm_capability *ret);

/* Why the provider's own answer is not part of the table; null: it is, or was not asked. [any] */
LLM_API const llm_err *llm_capabilities_problem(const llm_capabilities *capabilities);

/* Accepts null. [any] */
LLM_API void llm_capabilities_free(llm_capabilities *capabilities);

LLM_EXTERN_C_END
#endif
