/*
 * llm/abi/wire.h - what crosses between the core and a provider.
 *
 * Views go in and are borrowed for the call, except that a request view lives
 * until its attempt ends. Results go out through sinks that the host owns. Text
 * is UTF-8, given with its length; text members of views are NUL-terminated as
 * well, and null stands for "not said". A sink function returns 0, or a code
 * that the plugin returns at once without further calls.
 */
#ifndef LLM_ABI_WIRE_H
#define LLM_ABI_WIRE_H

#include "abi.h"

LLM_EXTERN_C_BEGIN

/* ---- the request ---- */

/* A part that only one provider understands: a thought signature, an encrypted block. */
typedef struct llm_opaque_view {
	uint32_t struct_size;
	uint32_t reserved;
	const char *provider; /* plugin id that made it: "org.libllm.gemini" */
	const char *kind; /* the provider's own word: "thoughtSignature" */
	llm_bytes data;
	/*
	 * In an answer: what it belongs to, LLM_PART_*; 0: nothing, it is a part of its own
	 * behind what came before. In a request the part that carries it says so.
	 */
	uint32_t part;
	uint32_t part_index; /* with LLM_PART_TOOL_CALL: llm_tool_delta.index */
} llm_opaque_view;

typedef struct llm_part_view {
	uint32_t struct_size;
	uint32_t kind; /* LLM_PART_* */
	llm_bytes text; /* TEXT and REASONING: the text; TOOL_CALL: arguments, JSON;
	                         TOOL_RESULT: content */
	llm_bytes data; /* IMAGE, AUDIO, FILE: raw bytes (empty when `url` says where) */
	const char *url; /* IMAGE, AUDIO, FILE by reference, or null */
	const char *media_type; /* "image/png" */
	const char *name; /* TOOL_CALL, TOOL_RESULT: the tool; FILE: its name */
	const char *id; /* TOOL_CALL, TOOL_RESULT: the call's id */
	uint32_t is_error; /* TOOL_RESULT: the tool failed */
	uint32_t cache_hint; /* 1: the prompt up to here is worth caching */
	const llm_opaque_view *const *opaque; /* attached to this part */
	size_t n_opaque;
} llm_part_view;

typedef struct llm_message_view {
	uint32_t struct_size;
	uint32_t role; /* LLM_ROLE_* */
	const llm_part_view *const *parts;
	size_t n_parts;
} llm_message_view;

typedef struct llm_tool_view {
	uint32_t struct_size;
	uint32_t strict; /* 1: arguments must match the schema exactly */
	const char *name;
	const char *description; /* or null */
	llm_bytes schema; /* JSON Schema of the arguments, an object; empty: none */
} llm_tool_view;

/* A named value for one provider only, of a name that its `describe` lists. */
typedef struct llm_option_view {
	uint32_t struct_size;
	uint32_t reserved;
	const char *name;
	llm_bytes json; /* the value as a JSON document of the described type */
} llm_option_view;

/* A header line, its name as it was sent. */
typedef struct llm_header_view {
	const char *name;
	const char *value;
} llm_header_view;

/* Bits of llm_request_view.has: which numbers the caller set. */
#define LLM_HAS_TEMPERATURE (UINT64_C(1) << 0)
#define LLM_HAS_TOP_P (UINT64_C(1) << 1)
#define LLM_HAS_TOP_K (UINT64_C(1) << 2)
#define LLM_HAS_MIN_P (UINT64_C(1) << 3)
#define LLM_HAS_SEED (UINT64_C(1) << 4)
#define LLM_HAS_MAX_OUTPUT_TOKENS (UINT64_C(1) << 5)
#define LLM_HAS_PRESENCE_PENALTY (UINT64_C(1) << 6)
#define LLM_HAS_FREQUENCY_PENALTY (UINT64_C(1) << 7)
#define LLM_HAS_REPEAT_PENALTY (UINT64_C(1) << 8)
#define LLM_HAS_TOP_LOGPROBS (UINT64_C(1) << 9)
#define LLM_HAS_PARALLEL_TOOLS (UINT64_C(1) << 10)
#define LLM_HAS_CHOICES (UINT64_C(1) << 11)

typedef struct llm_request_view {
	uint32_t struct_size;
	uint32_t stream; /* 1: ask for a stream */
	const char *model; /* the candidate's model, without the provider */
	const char *endpoint; /* the candidate's endpoint id, or null */
	const llm_message_view *const *messages; /* system text is the first message, role SYSTEM */
	size_t n_messages;
	const llm_tool_view *const *tools;
	size_t n_tools;
	uint32_t tool_choice; /* LLM_TOOLS_* */
	uint32_t parallel_tools; /* with LLM_HAS_PARALLEL_TOOLS */
	const char *tool_name; /* with LLM_TOOLS_NAMED */
	uint32_t format; /* LLM_FORMAT_* */
	uint32_t reasoning; /* LLM_REASONING_* */
	llm_bytes schema; /* with LLM_FORMAT_SCHEMA: the JSON Schema */
	const char *schema_name; /* or null */
	uint64_t has; /* LLM_HAS_* */
	double temperature;
	double top_p;
	double min_p;
	double presence_penalty;
	double frequency_penalty;
	double repeat_penalty;
	int64_t top_k;
	int64_t seed;
	int64_t max_output_tokens;
	int64_t top_logprobs;
	int64_t choices; /* how many answers; 1 when not said */
	const char *const *stop;
	size_t n_stop;
	const llm_option_view *const *options;
	size_t n_options;
	llm_bytes extra; /* a JSON object merged at the top level; empty: none */
	const llm_header_view *const *headers; /* extra headers, never authentication */
	size_t n_headers;
	uint32_t continue_last_turn; /* 1: the last turn is the assistant's, to be continued */
	uint32_t logprobs; /* 1: asked for */
	uint32_t allow_truncation; /* 1: the provider may drop old turns to fit */
	uint32_t reserved;
	llm_bytes safety; /* safety settings, JSON; empty: none */
	const char *end_user; /* the application's id of its user, or null */
} llm_request_view;

/* ---- the HTTP request that a provider builds ---- */

typedef struct llm_http_sink {
	uint32_t struct_size;
	uint32_t reserved;
	void *ctx;
	/* Once, first. `path` starts with "/" and is put behind the base URL's path. */
	int32_t (*target)(void *ctx, const char *method, const char *path, size_t path_len);
	/* A header; never authentication, Host or Content-Length. */
	int32_t (*header)(void *ctx, const char *name, const char *value, size_t value_len);
	/* Bytes of the body, appended. */
	int32_t (*body)(void *ctx, const char *bytes, size_t len);
	/* Something in the request that will not be honoured. */
	int32_t (*warning)(void *ctx, const char *text, size_t len);
} llm_http_sink;

/* ---- what comes back ---- */

/* How the body of a success is cut into frames. */
enum { LLM_FRAMING_WHOLE = 1, LLM_FRAMING_SSE = 2, LLM_FRAMING_NDJSON = 3, LLM_FRAMING_RAW = 4 };

typedef struct llm_reply_view {
	uint32_t struct_size;
	int32_t status; /* HTTP status */
	const llm_header_view *const *headers;
	size_t n_headers;
	llm_bytes body; /* empty in stream_open */
	const llm_request_view *request; /* what was asked; null for other operations */
} llm_reply_view;

/* One complete frame. NDJSON lines come as `data` without their line end. */
typedef struct llm_frame_view {
	uint32_t struct_size;
	uint32_t reserved;
	llm_bytes event; /* SSE event name, empty when none */
	llm_bytes data;
	llm_bytes id; /* SSE id, empty when none */
} llm_frame_view;

/* A piece of a tool call. Pieces of one call share `index` and are joined in order. */
typedef struct llm_tool_delta {
	uint32_t struct_size;
	uint32_t index; /* 0, 1, ... in order of first arrival */
	llm_bytes id; /* in the first piece; empty: the core makes one */
	llm_bytes name; /* in the first piece */
	llm_bytes arguments; /* JSON text, this piece of it */
	uint32_t complete; /* 1: nothing follows for this call */
	uint32_t reserved;
} llm_tool_delta;

typedef struct llm_data_part {
	uint32_t struct_size;
	uint32_t kind; /* LLM_PART_IMAGE, LLM_PART_AUDIO, LLM_PART_FILE */
	const char *media_type;
	llm_bytes data;
} llm_data_part;

/* Texts and numbers that travel beside the answer. */
enum {
	LLM_META_MODEL = 1, /* the model's name as the provider reports it */
	LLM_META_RESPONSE_ID = 2,
	LLM_META_REQUEST_ID = 3,
	LLM_META_LOGPROBS = 4, /* JSON; appended in streams */
	LLM_META_USAGE_RAW = 5 /* the provider's usage, JSON */
};
enum {
	LLM_METRIC_LOAD_MS = 1, /* time spent loading the model */
	LLM_METRIC_PROMPT_MS = 2,
	LLM_METRIC_OUTPUT_MS = 3
};

/*
 * Raw facts about a failure. The plugin reports what the provider said; only the
 * core turns facts into a code, by the status and the plugin's llm_error_rule rows.
 */
typedef struct llm_error_facts {
	uint32_t struct_size;
	int32_t status; /* the status that the body means; 0: the HTTP status */
	llm_bytes code; /* the provider's code, a number as text */
	llm_bytes type; /* the provider's type or kind */
	llm_bytes message; /* the provider's text */
	llm_bytes request_id;
	int64_t retry_after_ms; /* from the body; -1: none */
} llm_error_facts;

typedef struct llm_result_sink {
	uint32_t struct_size;
	uint32_t reserved;
	void *ctx;
	int32_t (*text)(void *ctx, const char *text, size_t len);
	int32_t (*reasoning)(void *ctx, const char *text, size_t len);
	int32_t (*tool_call)(void *ctx, const llm_tool_delta *delta);
	int32_t (*data)(void *ctx, const llm_data_part *part);
	int32_t (*opaque)(void *ctx, const llm_opaque_view *opaque);
	/* The whole usage as known now; replaces an earlier one. */
	int32_t (*usage)(void *ctx, const llm_usage *usage);
	/* LLM_FINISH_*, and the provider's own word. */
	int32_t (*finish)(void *ctx, uint32_t reason, const char *raw, size_t len);
	int32_t (*meta)(void *ctx, uint32_t key, const char *text, size_t len);
	int32_t (*metric)(void *ctx, uint32_t key, uint64_t value);
	int32_t (*warning)(void *ctx, const char *text, size_t len);
	/* The answer failed, with these facts. Nothing follows. */
	int32_t (*error)(void *ctx, const llm_error_facts *facts);
} llm_result_sink;

/* ---- errors as rows ---- */

/* What a row looks at. */
enum {
	LLM_MATCH_CODE = 1, /* facts.code equals `text` */
	LLM_MATCH_TYPE = 2, /* facts.type equals `text` */
	LLM_MATCH_PHRASE = 3, /* facts.message contains `text`, ASCII case folded */
	LLM_MATCH_PREFIX = 4 /* facts.message begins with `text`, ASCII case folded */
};

#define LLM_RULE_RESOURCE (UINT32_C(1) << 0) /* sets LLM_ERRF_RESOURCE */

/*
 * A row of a provider's table of errors; the first that fits wins. Rows on code
 * and type decide for any status. A row on a phrase refines a 4xx (status 0: any
 * 4xx) into another 4xx code, or names the exact 5xx with which a provider is
 * known to misuse the status.
 */
typedef struct llm_error_rule {
	uint32_t struct_size;
	uint32_t match; /* LLM_MATCH_* */
	int32_t status; /* 0: any (phrases: any 4xx) */
	int32_t code; /* LLM_E_* that it stands for */
	uint32_t flags; /* LLM_RULE_* */
	uint32_t reserved;
	const char *text;
} llm_error_rule;

LLM_EXTERN_C_END
#endif
