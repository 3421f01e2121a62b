/*
 * nopolicy.h - a policy that a profile names and that is not to be had: where, and what is near.
 */
#ifndef LLM_RUN_NOPOLICY_H
#define LLM_RUN_NOPOLICY_H

#include "conf/conf.h"
#include "plugin/plugin.h"

/* Puts file, line and key, and the nearest policy there is, in front of what `err` says. */
void nopolicy_say(const conf *c, plugins *ps, const conf_profile *p, llm_err *err);

#endif
