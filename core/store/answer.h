/*
 * answer.h - a complete answer as bytes, to be told again: a stored result of an
 * idempotency key, or of the cache.
 *
 * Pure. What is written begins with its version and ends with a checksum; all numbers are
 * little-endian. Reading takes nothing on trust: lengths, texts and ranges are checked, and
 * bytes that do not fit are LLM_E_PROTOCOL, never half an answer.
 */
#ifndef LLM_STORE_ANSWER_H
#define LLM_STORE_ANSWER_H

#include "base/arena.h"
#include "base/buf.h"
#include "llm/result.h"

#define ANSWER_VERSION 1
#define ANSWER_CHECK 16 /* bytes of checksum at the end */
#define ANSWER_LIST_MAX 4096 /* tool calls, parts, warnings: of each at most so many */

typedef struct answer_tool {
	uint32_t index; /* the provider's */
	llm_bytes id;
	llm_bytes name;
	llm_bytes arguments;
} answer_tool;

/* Texts may be null; bytes empty. */
typedef struct answer {
	const char *run_id; /* that paid for it */
	const char *candidate;
	const char *provider;
	const char *model;
	const char *response_model;
	const char *response_id;
	const char *request_id;
	const char *finish_raw;
	const char *usage_raw;
	llm_bytes text;
	llm_bytes reasoning;
	llm_bytes logprobs;
	uint32_t finish; /* LLM_FINISH_* */
	llm_usage usage;
	const answer_tool *tools;
	size_t n_tools;
	const llm_result_part *parts;
	size_t n_parts;
	const char *const *warnings;
	size_t n_warnings;
	llm_err error; /* code 0: it is an answer; else it failed with this */
} answer;

/* LLM_E_NOMEM, LLM_E_TOO_LARGE. */
int32_t answer_write(const answer *a, buf *out);
/*
 * All of *ret is in the arena, or in the bytes, which have to stay. LLM_E_PROTOCOL,
 * LLM_E_UNSUPPORTED (of another version), LLM_E_NOMEM.
 */
int32_t answer_read(const llm_bytes *bytes, arena *ar, answer *ret);

#endif
