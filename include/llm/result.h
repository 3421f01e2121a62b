/*
 * llm/result.h - what came of a run. Also failed and cancelled runs have one, with
 * the text so far, usage, attempts and timing.
 *
 * A result belongs to its call and is read-only; its text is UTF-8, NUL-terminated
 * and lives until llm_call_free. Threads: [any] once the call has completed.
 */
#ifndef LLM_RESULT_H
#define LLM_RESULT_H

#include "base.h"
#include "error.h"
#include "request.h"

LLM_EXTERN_C_BEGIN

typedef struct llm_result llm_result;

/* How a run, or one attempt of it, ended. */
enum { LLM_STATUS_SUCCEEDED = 1, LLM_STATUS_FAILED = 2, LLM_STATUS_CANCELLED = 3 };

/* LLM_STATUS_*. */
LLM_API uint32_t llm_result_status(const llm_result *r);
/* "succeeded", "failed", "cancelled". Static. */
LLM_API const char *llm_status_name(uint32_t status);
/* The run's id, a UUIDv7 in text. */
LLM_API const char *llm_result_run_id(const llm_result *r);
/* All text, joined; never null. */
LLM_API const char *llm_result_text(const llm_result *r, size_t *ret_len);
LLM_API const char *llm_result_reasoning(const llm_result *r, size_t *ret_len);
/* LLM_FINISH_*, and the provider's own word or null. */
LLM_API uint32_t llm_result_finish(const llm_result *r, const char **ret_raw);
LLM_API void llm_result_usage(const llm_result *r, llm_usage *ret);
/* Null when the run did not fail. */
LLM_API const llm_err *llm_result_error(const llm_result *r);

/* The four names of a run: asked for, resolved to, answered by; null when unknown. */
LLM_API const char *llm_result_requested_model(const llm_result *r);
LLM_API const char *llm_result_profile(const llm_result *r);
LLM_API const char *llm_result_provider(const llm_result *r);
LLM_API const char *llm_result_model(const llm_result *r);
LLM_API const char *llm_result_response_model(const llm_result *r);
LLM_API const char *llm_result_response_id(const llm_result *r);
LLM_API const char *llm_result_request_id(const llm_result *r);
LLM_API const char *llm_result_logprobs(const llm_result *r); /* JSON or null */
LLM_API const char *llm_result_usage_raw(const llm_result *r); /* JSON or null */

typedef struct llm_tool_call {
	uint32_t struct_size;
	uint32_t reserved;
	const char *id;
	const char *name;
	const char *arguments; /* JSON text as the model wrote it */
	size_t arguments_len;
} llm_tool_call;
LLM_API uint32_t llm_result_tool_call_count(const llm_result *r);
LLM_API int32_t llm_result_tool_call(const llm_result *r, uint32_t i, llm_tool_call *ret);

/* Parts other than text, reasoning and tool calls: binary data and opaque ones. */
typedef struct llm_result_part {
	uint32_t struct_size;
	uint32_t kind; /* LLM_PART_* */
	const char *provider; /* OPAQUE: the plugin's id */
	const char *opaque_kind; /* OPAQUE */
	const char *media_type; /* binary */
	const void *data;
	size_t len;
	/*
	 * OPAQUE: what it belongs to and goes back with (llm_message_opaque): LLM_PART_TEXT,
	 * LLM_PART_REASONING, LLM_PART_TOOL_CALL with the call's number; 0: nothing, it goes
	 * back with an empty text of its own. `text_len`: bytes of text in front of it, also
	 * of a binary part.
	 */
	uint32_t part;
	uint32_t part_index;
	size_t text_len;
} llm_result_part;
LLM_API uint32_t llm_result_part_count(const llm_result *r);
LLM_API int32_t llm_result_part_at(const llm_result *r, uint32_t i, llm_result_part *ret);

/*
 * Adds the answer to a request as a turn of the assistant, to go on from there: reasoning,
 * text, binary parts and tool calls, each with the opaque parts that belong to it, in the
 * order that their provider wants back. What the tools said follows as a turn of its own,
 * with the ids of the calls (llm_message_tool_result).
 * @param rq  the next request, not yet submitted; everything is copied into it
 * @param r   the result of a call that has completed, also one that failed half-way
 * @return 0; LLM_E_INVALID_REQUEST when the result holds nothing, or the arguments of a
 *         call are no JSON object; LLM_E_STATE; LLM_E_NOMEM. On failure no turn is added.
 * [owner]
 */
LLM_API int32_t llm_request_add_result(llm_request *rq, const llm_result *r);

/* Where an answer comes from. */
enum {
	LLM_SOURCE_PROVIDER = 1, /* asked for this run; also where nobody answered */
	LLM_SOURCE_CACHE = 2, /* stored for an equal request */
	LLM_SOURCE_COALESCED = 3, /* of an equal request that was in flight */
	LLM_SOURCE_REPLAY = 4, /* stored for the same idempotency key */
	LLM_SOURCE_REFRESH = 5 /* asked for in order to store it anew */
};

/* LLM_SOURCE_*. */
LLM_API uint32_t llm_result_source(const llm_result *r);
/* "provider", "cache", "coalesced", "replay", "refresh". Static. */
LLM_API const char *llm_source_name(uint32_t source);
/* What the cache did for a run. */
enum {
	LLM_CACHE_UNUSED = 0, /* it is switched off, or the run did not get so far */
	LLM_CACHE_HIT = 1,
	LLM_CACHE_MISS = 2,
	LLM_CACHE_BYPASS = 3 /* the run was not to use it */
};
/*
 * LLM_CACHE_*; *ret_why, which may be null: the reason of a bypass, or the fault that made a miss
 * of it, static, else null.
 */
LLM_API uint32_t llm_result_cache(const llm_result *r, const char **ret_why);
/* 1: what an earlier run with the same idempotency key came to, its answer or its error. */
LLM_API uint32_t llm_result_replayed(const llm_result *r);
/* The run that paid for the answer, where that is another one; else null. */
LLM_API const char *llm_result_original_run_id(const llm_result *r);
/* What the answer took when it was paid for; llm_result_usage is what this run pays for. */
LLM_API void llm_result_original_usage(const llm_result *r, llm_usage *ret);
/* How old a stored answer is, in milliseconds; -1: it is not, or nobody knows. */
LLM_API int64_t llm_result_age_ms(const llm_result *r);

/* What was not honoured, or was mended; text of number `i`, null at the end. */
LLM_API uint32_t llm_result_warning_count(const llm_result *r);
LLM_API const char *llm_result_warning(const llm_result *r, uint32_t i);

typedef struct llm_attempt {
	uint32_t struct_size;
	uint32_t seq; /* 1, 2, ... */
	const char *candidate;
	const char *provider;
	const char *model;
	uint32_t status; /* LLM_STATUS_* */
	uint32_t phase; /* LLM_PHASE_* in which it failed */
	int32_t error_code; /* LLM_E_* or 0 */
	int32_t http_status; /* or 0 */
	int64_t retry_after_ms; /* -1: none */
	int64_t waited_ms; /* before it */
	int64_t ttft_ms; /* -1: no content came */
	int64_t duration_ms;
	int64_t load_ms; /* -1: unknown */
	const llm_err *error; /* or null */
} llm_attempt;
LLM_API uint32_t llm_result_attempt_count(const llm_result *r);
LLM_API int32_t llm_result_attempt(const llm_result *r, uint32_t i, llm_attempt *ret);

/* What attempt number `i` used, also one that failed; LLM_E_NOT_FOUND at the end. */
LLM_API int32_t llm_result_attempt_usage(const llm_result *r, uint32_t i, llm_usage *ret);
/* What a run cost; with all of its attempts that reported their usage. */
typedef struct llm_cost {
	uint32_t struct_size;
	uint32_t flags; /* LLM_COST_*: why it is not known */
	int64_t nanousd; /* -1: not known; 0: it cost nothing */
	const char *rule; /* of the answering attempt's price: "prices.conf:12", or null */
	const char *version; /* SHA-256 of the price file, or null */
} llm_cost;
#define LLM_COST_UNKNOWN (UINT32_C(1) << 0) /* the price, or the usage, of an attempt */
#define LLM_COST_OVERFLOW (UINT32_C(1) << 1) /* more than fits */
LLM_API void llm_result_cost(const llm_result *r, llm_cost *ret);
/* What attempt number `i` cost in picodollars, -1: not known; LLM_E_NOT_FOUND at the end. */
LLM_API int32_t llm_result_attempt_cost(const llm_result *r, uint32_t i, int64_t *ret_picousd);
/* How many candidates were asked to mend a stream that had broken; 0: it came in one piece. */
LLM_API uint32_t llm_result_recovered(const llm_result *r);

typedef struct llm_timing {
	uint32_t struct_size;
	uint32_t reserved;
	int64_t queue_ms; /* until the run began, and waits for a slot; -1: unknown, in all */
	int64_t ttft_ms; /* from the answering attempt's start to its first content */
	int64_t duration_ms; /* from submit to completion */
	int64_t load_ms; /* loading the model, as the provider says; part of ttft_ms */
	int64_t first_content_ms; /* from submit to the first content; nothing is left out */
} llm_timing;
LLM_API void llm_result_timing(const llm_result *r, llm_timing *ret);

/* Is the run on record? */
enum {
	LLM_PERSISTED_OFF = 0, /* no: nothing is recorded here */
	LLM_PERSISTED_NO = 1, /* no, or not wholly */
	LLM_PERSISTED_QUEUED = 2, /* not yet: the answer did not wait for it */
	LLM_PERSISTED_YES = 3 /* committed */
};

/*
 * LLM_PERSISTED_*, as of the run's completion; of a bound run (llm_unit_record) as of now.
 * @param ret_fault  why not, or null; may itself be null
 */
LLM_API uint32_t llm_result_persisted(const llm_result *r, const llm_err **ret_fault);

/* The redacted HTTP exchange of the last attempt when llm_call_opts.trace asked for it. */
LLM_API const char *llm_result_exchange(const llm_result *r);

LLM_EXTERN_C_END
#endif
