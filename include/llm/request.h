/*
 * llm/request.h - what is asked, neutral of any provider.
 *
 * A request is built by its owner, becomes immutable at its first submit and may
 * be submitted again. Setters return 0, LLM_E_INVALID_REQUEST, LLM_E_STATE (after
 * the first submit) or LLM_E_NOMEM; a request that met LLM_E_NOMEM says so again
 * at submit. All text is copied and must be UTF-8 without NUL; lengths are bytes,
 * LLM_NUL_TERMINATED measures. Threads: [owner] throughout.
 */
#ifndef LLM_REQUEST_H
#define LLM_REQUEST_H

#include "base.h"
#include "error.h"

LLM_EXTERN_C_BEGIN

#define LLM_NUL_TERMINATED SIZE_MAX

typedef struct llm_request llm_request;
typedef struct llm_message llm_message; /* belongs to its request */

/* An empty chat request, to be freed with llm_request_free; `allocator` may be null. */
LLM_API int32_t llm_request_new(const llm_allocator *allocator, llm_request **ret);
/* Calls that were submitted with it keep their own hold. Accepts null. */
LLM_API void llm_request_free(llm_request *rq);

/*
 * Who answers. One of: a profile's name; "provider/model", an alias. The last one
 * set wins; none set: the default profile.
 */
LLM_API int32_t llm_request_profile(llm_request *rq, const char *profile);
LLM_API int32_t llm_request_model(llm_request *rq, const char *model);

/* A turn with one text part. `role` is LLM_ROLE_*. */
LLM_API int32_t llm_request_text(llm_request *rq, uint32_t role, const char *text, size_t len);

/* A turn to which parts are added; *ret lives as long as the request. */
LLM_API int32_t llm_request_message(llm_request *rq, uint32_t role, llm_message **ret);
LLM_API int32_t llm_message_text(llm_message *m, const char *text, size_t len);
LLM_API int32_t llm_message_reasoning(llm_message *m, const char *text, size_t len);
/* `kind` is LLM_PART_IMAGE, LLM_PART_AUDIO or LLM_PART_FILE; raw bytes, not base64. */
LLM_API int32_t llm_message_data(
	llm_message *m, uint32_t kind, const char *media_type, const void *data, size_t len);
LLM_API int32_t llm_message_url(
	llm_message *m, uint32_t kind, const char *media_type, const char *url);
/*
 * The name of the file that was added last: "report.pdf". Providers with a place for it
 * send it, the others do without. LLM_E_INVALID_REQUEST when the last part is no file.
 */
LLM_API int32_t llm_message_name(llm_message *m, const char *name);
/* What the model called in an earlier turn. `arguments` is a JSON object. */
LLM_API int32_t llm_message_tool_call(
	llm_message *m, const char *id, const char *name, const char *arguments, size_t len);
/* What a tool answered. `is_error` 1: it failed. */
LLM_API int32_t llm_message_tool_result(llm_message *m, const char *id, const char *name,
	const char *content, size_t len, uint32_t is_error);
/* An opaque part of an earlier answer, attached to the last part added. */
LLM_API int32_t llm_message_opaque(
	llm_message *m, const char *provider, const char *kind, const void *data, size_t len);
/* The prompt up to the last part added is worth caching. */
LLM_API int32_t llm_message_cache_hint(llm_message *m);

/*
 * Adds a candidate to the list of those that this request may be answered by, best first:
 * "provider/model", "provider#endpoint/model" or an alias of one. The list takes the place of
 * the candidates of the profile, whose policy, times and requirements go on to hold; its
 * weights do not. A request that names a model has no list. At most 256.
 */
LLM_API int32_t llm_request_candidate(llm_request *rq, const char *name);

/*
 * 1: only candidates that compute locally are asked, so that nothing of the request leaves
 * what the configuration calls local. The run ends with LLM_E_NO_CANDIDATE when none does.
 */
LLM_API int32_t llm_request_local_only(llm_request *rq, uint32_t on);

/* A tool the model may call. `schema` is the JSON Schema of its arguments, or null. */
LLM_API int32_t llm_request_tool(llm_request *rq, const char *name, const char *description,
	const char *schema, size_t schema_len);
/*
 * 1: the arguments of the tool that was added last must match its schema exactly, where
 * the provider can see to that; Ollama cannot, and the result has a warning. 0 is the
 * default. LLM_E_INVALID_REQUEST when there is no tool yet.
 */
LLM_API int32_t llm_request_tool_strict(llm_request *rq, uint32_t on);
/* LLM_TOOLS_*; `name` only with LLM_TOOLS_NAMED. */
LLM_API int32_t llm_request_tool_choice(llm_request *rq, uint32_t choice, const char *name);
LLM_API int32_t llm_request_parallel_tools(llm_request *rq, uint32_t on);

/* The answer is any JSON document, or one of `schema` (JSON Schema 2020-12). */
LLM_API int32_t llm_request_format_json(llm_request *rq);
LLM_API int32_t llm_request_format_schema(
	llm_request *rq, const char *name, const char *schema, size_t schema_len);

/* Numbers that shape the answer; unset ones are left to the model. */
enum {
	LLM_NUM_TEMPERATURE = 1, /* 0 and above */
	LLM_NUM_TOP_P = 2, /* 0 to 1 */
	LLM_NUM_TOP_K = 3, /* whole, 0 and above */
	LLM_NUM_MIN_P = 4, /* 0 to 1 */
	LLM_NUM_SEED = 5, /* whole */
	LLM_NUM_MAX_OUTPUT_TOKENS = 6, /* whole, 1 and above */
	LLM_NUM_PRESENCE_PENALTY = 7,
	LLM_NUM_FREQUENCY_PENALTY = 8,
	LLM_NUM_REPEAT_PENALTY = 9,
	LLM_NUM_TOP_LOGPROBS = 10, /* whole, 0 to 20 */
	LLM_NUM_CHOICES = 11 /* whole, 1 and above */
};
LLM_API int32_t llm_request_number(llm_request *rq, uint32_t which, double value);
LLM_API int32_t llm_request_integer(llm_request *rq, uint32_t which, int64_t value);
LLM_API int32_t llm_request_stop(llm_request *rq, const char *text);
LLM_API int32_t llm_request_reasoning(llm_request *rq, uint32_t level); /* LLM_REASONING_* */
LLM_API int32_t llm_request_logprobs(llm_request *rq, uint32_t on);
/* The provider may drop old turns to fit its window; off by default. */
LLM_API int32_t llm_request_allow_truncation(llm_request *rq, uint32_t on);
/* The last turn is the assistant's and is to be continued. */
LLM_API int32_t llm_request_continue_last(llm_request *rq, uint32_t on);
LLM_API int32_t llm_request_safety(llm_request *rq, const char *json, size_t len);
LLM_API int32_t llm_request_end_user(llm_request *rq, const char *id);

/*
 * A value by name, as a person would type it: the neutral names (temperature,
 * top_p, top_k, min_p, seed, max_tokens, presence_penalty, frequency_penalty,
 * repeat_penalty, stop, reasoning, truncate, logprobs, top_logprobs) are known
 * here; any other is kept for the provider and checked at submit against what it
 * describes.
 */
LLM_API int32_t llm_request_option(llm_request *rq, const char *name, const char *value);

/* A JSON object merged into the provider's request at its top level. */
LLM_API int32_t llm_request_extra(llm_request *rq, const char *json, size_t len);
/* A header for the provider; authentication, Host and lengths are refused. */
LLM_API int32_t llm_request_header(llm_request *rq, const char *name, const char *value);
/* 1 to 128 bytes of [A-Za-z0-9._:-]. */
LLM_API int32_t llm_request_workspace(llm_request *rq, const char *workspace);
/*
 * What the application wants kept beside the run: a JSON object of at most 16 KiB and 64
 * members, redacted before it is stored. Its member `workspace_id`, if it is text, names the
 * workspace; one that llm_request_workspace contradicts is refused at submit
 * (LLM_E_WORKSPACE_CONFLICT).
 */
LLM_API int32_t llm_request_metadata(llm_request *rq, const char *json, size_t len);

/* Why the last setter refused, one sentence; "" when none did. Lives with the request. */
LLM_API const char *llm_request_problem(const llm_request *rq);

LLM_EXTERN_C_END
#endif
