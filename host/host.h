/*
 * host.h - what the ready-made parts of a host share.
 */
#ifndef LLM_HOST_HOST_H
#define LLM_HOST_HOST_H

#include "llm/abi/storage.h"
#include "llm/runner.h"

/* Fills `err`, which may be null, and returns `code`. The text is cut where it is too long. */
int32_t host_say(llm_err *err, int32_t code, const char *text);

#endif
