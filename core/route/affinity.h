/*
 * affinity.h - the head of a prompt as a number, and how well it belongs to a candidate.
 *
 * The head is the workspace, the tools and the first messages as JSON, cut at 8 KiB. Only
 * hashes of it leave this file (R-ROUTE-9).
 */
#ifndef LLM_ROUTE_AFFINITY_H
#define LLM_ROUTE_AFFINITY_H

#include "base/hash.h"
#include "llm/abi/wire.h"

#define AFFINITY_HEAD 8192 /* bytes */

typedef struct affinity_head {
	unsigned char digest[SHA256_BYTES];
	uint64_t key; /* its first eight bytes; never 0 */
	uint32_t bytes; /* hashed */
} affinity_head;

/* `workspace` null: none. LLM_E_NOMEM, LLM_E_INTERNAL. */
int32_t affinity_of(const llm_request_view *rq, const char *workspace, affinity_head *ret);
/* The first eight bytes of SHA-256(digest, a zero, id). `h` is begun anew. */
int32_t affinity_score(sha256 *h, const affinity_head *head, const char *id, uint64_t *ret);

#endif
