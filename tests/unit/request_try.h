/* request_try.h - a request in a test: made, refused with words, sealed as submit does it. */
#ifndef TESTS_REQUEST_TRY_H
#define TESTS_REQUEST_TRY_H

#include <criterion/criterion.h>
#include <string.h>

#include "run/request.h"

#define BAD_UTF8 "caf\xe9"

static inline llm_request *try_request(void)
{
	llm_request *rq = NULL;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	return rq;
}

/* As submit does it; the view is then what a provider sees. */
static inline const llm_request_view *try_seal(llm_request *rq)
{
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(request_seal(rq, &err), 0, "%s", err.message);
	return &rq->view;
}

/* The setter returned INVALID_REQUEST, and the request says why in exactly these words. */
#define REFUSED(rq, call, words) \
	do { \
		cr_assert_eq((call), LLM_E_INVALID_REQUEST, #call); \
		cr_assert_str_eq(llm_request_problem(rq), words); \
	} while (0)

static inline int try_same(llm_bytes bytes, const char *text)
{
	return bytes.len == strlen(text) && memcmp(bytes.ptr, text, bytes.len) == 0 &&
		bytes.ptr[bytes.len] == '\0';
}

/* Every item of an arena a block of its own: each can then be the one that fails. */
static inline void try_small_blocks(llm_request *rq)
{
	rq->ar.chunk = 64;
}

#endif
