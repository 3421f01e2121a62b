/* options.h - the options of a service, as its callers hand them over. */
#ifndef LLM_API_OPTIONS_H
#define LLM_API_OPTIONS_H

#include "llm/service.h"

/* Of an older or newer caller: what they have, and zero for the rest. Null: all zero. */
int32_t options_adopt(const llm_service_opts *opts, llm_service_opts *own, llm_err *err);

#endif
