/*
 * tokens.h - about how many tokens a request has, for whatever tokenizer (R-ROUTE-13).
 *
 * Pure and quick: classes of characters are counted, nothing is looked up. How far off it
 * is, is measured against a real tokenizer by scripts/prove.sh routing.
 */
#ifndef LLM_ROUTE_TOKENS_H
#define LLM_ROUTE_TOKENS_H

#include "llm/abi/wire.h"

int64_t tokens_of_text(const char *text, size_t len);
/* All that is sent: messages, tools, schema. Images and sound with a usual number each. */
int64_t tokens_of_request(const llm_request_view *rq);

#endif
