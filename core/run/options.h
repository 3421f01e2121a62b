/*
 * options.h - what a request says to one provider only: named options and extra.
 */
#ifndef LLM_RUN_OPTIONS_H
#define LLM_RUN_OPTIONS_H

#include "call.h"

/* Checks the request's options against what the provider describes, and writes them as
 * JSON. LLM_E_INVALID_REQUEST naming the option and the nearest known one. */
int32_t options_for(llm_call *c, target *t, llm_err *err);

/* Joins the provider's configured `extra` with the request's, whose members win. */
int32_t options_extra(llm_call *c, target *t, llm_err *err);

#endif
