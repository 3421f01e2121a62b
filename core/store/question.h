/*
 * question.h - questions of a job, and their answers: copies in the job's arena.
 */
#ifndef LLM_STORE_QUESTION_H
#define LLM_STORE_QUESTION_H

#include "base/arena.h"
#include "store/unit.h"

#define QUESTION_MAX 64 /* rows of one answer */

typedef struct question {
	struct question *next;
	uint32_t kind; /* LLM_QUERY_* */
	llm_filter filter; /* its texts are in the arena as well */
	arena *ar;
	const void **rows;
	size_t n, room;
} question;

/*
 * A question of which the rows can be kept: those of keys, cached answers, spending, health
 * and services. LLM_E_UNSUPPORTED, LLM_E_NOMEM.
 */
int32_t question_new(arena *ar, uint32_t kind, const llm_filter *filter, question **ret);
/* Asks, and keeps what comes; an earlier answer is forgotten. LLM_E_TOO_LARGE, LLM_E_NOMEM. */
int32_t question_ask(question *q, llm_unit *u, llm_err *err);

#endif
