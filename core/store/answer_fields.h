/*
 * answer_fields.h - what stored answers are made of; private to answer.c and answer_read.c.
 */
#ifndef LLM_STORE_ANSWER_FIELDS_H
#define LLM_STORE_ANSWER_FIELDS_H

#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "store/answer.h"

static const char answer_magic[] = {'L', 'L', 'M', 'A', ANSWER_VERSION};

#define FIELD_HEAD 5 /* tag, length */
#define NUMBER ((size_t)8)

/* Tags never change their meaning; a new one is a new version. */
enum {
	F_RUN_ID = 1,
	F_CANDIDATE,
	F_PROVIDER,
	F_MODEL,
	F_RESPONSE_MODEL,
	F_RESPONSE_ID,
	F_REQUEST_ID,
	F_FINISH_RAW,
	F_USAGE_RAW,
	F_TEXT,
	F_REASONING,
	F_LOGPROBS,
	F_NUMBERS, /* finish, usage */
	F_TOOL, /* T_* */
	F_PART, /* P_* */
	F_WARNING,
	F_ERROR /* E_* */
};
enum { T_NUMBERS = 1, T_ID, T_NAME, T_ARGUMENTS };
enum { P_NUMBERS = 1, P_PROVIDER, P_KIND, P_TYPE, P_DATA };
enum { E_NUMBERS = 1, E_PROVIDER, E_CANDIDATE, E_CODE, E_REQUEST, E_MESSAGE };

/* ---- texts of an answer by their tags ---- */

typedef struct text_field {
	uint8_t tag;
	uint16_t at;
} text_field;

static const text_field answer_texts[] = {{F_RUN_ID, offsetof(answer, run_id)},
	{F_CANDIDATE, offsetof(answer, candidate)}, {F_PROVIDER, offsetof(answer, provider)},
	{F_MODEL, offsetof(answer, model)}, {F_RESPONSE_MODEL, offsetof(answer, response_model)},
	{F_RESPONSE_ID, offsetof(answer, response_id)},
	{F_REQUEST_ID, offsetof(answer, request_id)}, {F_FINISH_RAW, offsetof(answer, finish_raw)},
	{F_USAGE_RAW, offsetof(answer, usage_raw)}};

#define N_TEXTS (sizeof(answer_texts) / sizeof(answer_texts[0]))

static inline const char *answer_text_at(const answer *a, uint16_t at)
{
	const char *text;

	memcpy(&text, (const char *)a + at, sizeof(text));
	return text;
}

#endif
