/*
 * prescan.h - what must be seen in the text of a file before libconfig reads it.
 *
 * libconfig cuts large integers without a word, reads fractions with the host's
 * locale, follows @include, and says "syntax error" where a person could be told
 * more, after which it loses memory. So the text is walked once by the same grammar
 * and no syntax error is left for libconfig to find.
 */
#ifndef LLM_CONF_PRESCAN_H
#define LLM_CONF_PRESCAN_H

#include "llm/error.h"

#define PRESCAN_FILE_MAX ((size_t)1 << 20)
#define PRESCAN_DEPTH 32

/*
 * 0, or LLM_E_CONFIG naming file and line. Values are never quoted in the message:
 * one of them could be a secret whose quotes were forgotten.
 */
int32_t prescan_text(const char *text, size_t len, const char *file, llm_err *err);

#endif
