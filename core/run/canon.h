/*
 * canon.h - a request of a run in its canonical form: for one candidate of its plan, which
 * the cache goes by, or as it was asked for, which an idempotency key's fingerprint goes by.
 */
#ifndef LLM_RUN_CANON_H
#define LLM_RUN_CANON_H

#include "call.h"

/* Append it to `out`, as canonical_write does. The request is sealed. */
int32_t canon_requested(const llm_request *rq, buf *out, llm_err *err);
int32_t canon_resolved(const llm_request *rq, const target *t, buf *out, llm_err *err);

#endif
