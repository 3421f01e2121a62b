/*
 * canonical.h - a request as canonical JSON, and the hashes made of it (R-CACHE-2,
 * R-CACHE-3, R-IDEM-2): what decides the answer is in it, and nothing else.
 *
 * Not in it: whether the answer is streamed, times, priority, retry and cache controls, hints
 * for a provider's own cache, the workspace (which stands in front of it), metadata, the end
 * user, and headers of a trace. tests/unit/canonical_fields.c knows of each public field on
 * which side it is.
 */
#ifndef LLM_STORE_CANONICAL_H
#define LLM_STORE_CANONICAL_H

#include "base/buf.h"
#include "llm/abi/wire.h"
#include "llm/error.h"
#include "store/privacy.h"

#define CANONICAL_VERSION "1" /* another one: another form, so nothing stored before is found */

/* An option for the provider: of its described type, or as it was typed. */
typedef struct canonical_option {
	const char *name;
	llm_bytes value;
	int json; /* 1: a JSON document; 0: text */
} canonical_option;

typedef struct canonical_request {
	const llm_request_view *view; /* sealed; its options and extra are not looked at */
	/* who is asked: one candidate of the plan, or with `requested` 1 what was asked for */
	int requested;
	const char *provider;
	const char *endpoint; /* "": the provider's only one */
	const char *model;
	const char *target; /* requested: profile, model or alias; null: the default */
	int target_is_profile;
	int local_only; /* requested */
	const char *const *candidates; /* requested: in the place of the profile's */
	size_t n_candidates;
	const canonical_option *options; /* in any order */
	size_t n_options;
	llm_bytes extra; /* a JSON object; empty: none */
} canonical_request;

/*
 * Appends it to `out`. LLM_E_INVALID_REQUEST where a schema, extra, safety or an option has
 * no canonical form, or a number is none; LLM_E_NOMEM.
 */
int32_t canonical_write(
	const canonical_request *rq, const llm_allocator *mem, buf *out, llm_err *err);

/* The key of a response in the cache. `space` is the configured namespace, or "". LLM_E_NOMEM. */
int32_t canonical_cache_key(const privacy *p, const char *workspace, const char *space,
	const llm_bytes *canonical, const llm_allocator *mem, char ret_hex[SHA256_HEX]);
/* The fingerprint of what an idempotency key was given with. LLM_E_NOMEM. */
int32_t canonical_fingerprint(const privacy *p, const llm_bytes *canonical,
	const llm_allocator *mem, char ret_hex[SHA256_HEX]);

#endif
