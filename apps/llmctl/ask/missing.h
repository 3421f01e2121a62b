/*
 * missing.h - what to say of a model that does not exist.
 */
#ifndef LLMCTL_MISSING_H
#define LLMCTL_MISSING_H

#include <stddef.h>

#include "llm/service.h"

/*
 * One or two lines on how to get the model, and the names nearest to it of those that its
 * provider lists. 0 when nothing is known that helps: the error is another, the list is
 * empty or cannot be had in time, or the model is on it.
 */
int missing_hint(llm_service *svc, const llm_err *failed, char *ret, size_t cap);

#endif
