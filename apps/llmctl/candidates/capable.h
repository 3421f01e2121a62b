/*
 * capable.h - "llmctl models --capabilities": what a model can do, and who says so.
 */
#ifndef LLMCTL_CAPABLE_H
#define LLMCTL_CAPABLE_H

#include <jansson.h>

#include "io/table.h"
#include "setup/ctl.h"

/*
 * One row for each cell of "provider/model": its name, the cell, the value, who says so. What
 * keeps the provider from being asked is a warning. 0, or the error.
 */
int32_t capable_rows(const ctl *c, const char *model, table *t, llm_err *err);
/* The same as {"tools": {"value": ..., "source": ...}, ...}; null in *ret on failure. */
int32_t capable_json(const ctl *c, const char *model, json_t **ret, llm_err *err);

#endif
