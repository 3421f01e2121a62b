/*
 * curl.h - "llmctl runs show ID --curl": the request of a run as a command for a shell.
 */
#ifndef LLMCTL_CURL_H
#define LLMCTL_CURL_H

#include "recall.h"

/*
 * Makes the request again, as it would be sent today, sends nothing, and prints it. A key is
 * the shell variable that the configuration names, or one that is set from its file.
 * LLM_E_NOT_FOUND when the prompt is not stored, and what planning says.
 */
int32_t curl_show(ctl *c, const recalled *r, const rebuild_media *media, llm_err *err);

#endif
