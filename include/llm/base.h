/*
 * llm/base.h - the vocabulary that applications and plugins share.
 *
 * Error codes, roles, kinds of parts, finish reasons, usage and the allocator.
 * Numbers here are part of the ABI: they are appended to, never renumbered, and
 * a receiver treats one it does not know as "other".
 *
 * Thread tags used in every header of libllm:
 *   [any]              may be called from any thread at any time
 *   [owner]            one thread at a time, the one that owns the object
 *   [loop]             only on the thread that dispatches the service
 *   [not-in-callback]  returns LLM_E_STATE inside a callback of the same service
 */
#ifndef LLM_BASE_H
#define LLM_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define LLM_EXTERN_C_BEGIN extern "C" {
#define LLM_EXTERN_C_END }
#else
#define LLM_EXTERN_C_BEGIN
#define LLM_EXTERN_C_END
#endif

#if defined(__GNUC__) || defined(__clang__)
#define LLM_API __attribute__((visibility("default")))
#else
#define LLM_API
#endif

LLM_EXTERN_C_BEGIN

/* Borrowed bytes with their length. */
typedef struct llm_bytes {
	const char *ptr;
	size_t len;
} llm_bytes;

/*
 * Error codes. Functions return 0 or one of these. What each means for a retry,
 * for a fallback and for the candidate's health is in llm_error_info().
 */
enum {
	LLM_OK = 0,
	LLM_E_INVALID_REQUEST = -1,
	LLM_E_UNSUPPORTED = -2,
	LLM_E_CONTEXT_LENGTH_EXCEEDED = -3,
	LLM_E_CONTENT_FILTERED = -4,
	LLM_E_AUTHENTICATION = -5,
	LLM_E_PERMISSION_DENIED = -6,
	LLM_E_NOT_FOUND = -7,
	LLM_E_CONFLICT = -8,
	LLM_E_RATE_LIMITED = -9,
	LLM_E_QUOTA_EXHAUSTED = -10,
	LLM_E_UNAVAILABLE = -11,
	LLM_E_SERVER_ERROR = -12,
	LLM_E_CONNECTION = -13,
	LLM_E_TIMEOUT = -14,
	LLM_E_PROTOCOL = -15,
	LLM_E_STREAM_BROKEN = -16,
	LLM_E_OUTPUT_INVALID = -17,
	LLM_E_DEADLINE = -18,
	LLM_E_CANCELLED = -19,
	LLM_E_QUEUE_FULL = -20,
	LLM_E_QUEUE_TIMEOUT = -21,
	LLM_E_NO_CANDIDATE = -22,
	LLM_E_IDEMPOTENCY_MISMATCH = -23,
	LLM_E_IDEMPOTENCY_IN_PROGRESS = -24,
	LLM_E_IDEMPOTENCY_LOST = -25,
	LLM_E_BUDGET_EXCEEDED = -26,
	LLM_E_WORKSPACE_REQUIRED = -27,
	LLM_E_WORKSPACE_CONFLICT = -28,
	LLM_E_SCHEMA_INVALID = -29,
	LLM_E_CONFIG = -30,
	LLM_E_SCHEMA = -31,
	LLM_E_DB_BUSY = -32,
	LLM_E_PERSISTENCE = -33,
	LLM_E_STATE = -34,
	LLM_E_PLUGIN = -35,
	LLM_E_TOO_LARGE = -36,
	LLM_E_NOMEM = -37,
	LLM_E_INTERNAL = -38,
	LLM_E_LAST = -38 /* the lowest code of this version */
};

/* Who speaks in a message. */
enum { LLM_ROLE_SYSTEM = 1, LLM_ROLE_USER = 2, LLM_ROLE_ASSISTANT = 3, LLM_ROLE_TOOL = 4 };

/* What a part of a message or of an answer is. */
enum {
	LLM_PART_TEXT = 1,
	LLM_PART_IMAGE = 2,
	LLM_PART_AUDIO = 3,
	LLM_PART_FILE = 4,
	LLM_PART_REASONING = 5,
	LLM_PART_TOOL_CALL = 6,
	LLM_PART_TOOL_RESULT = 7,
	LLM_PART_OPAQUE = 8 /* belongs to one provider, carried untouched */
};

/* Why an answer ended. A word the library does not know is OTHER, its text kept. */
enum {
	LLM_FINISH_NONE = 0,
	LLM_FINISH_STOP = 1,
	LLM_FINISH_LENGTH = 2,
	LLM_FINISH_TOOL_CALLS = 3,
	LLM_FINISH_CONTENT_FILTER = 4,
	LLM_FINISH_OTHER = 5
};

/* How the answer's text is to be shaped. */
enum {
	LLM_FORMAT_TEXT = 0,
	LLM_FORMAT_JSON = 1, /* any JSON document */
	LLM_FORMAT_SCHEMA = 2 /* a document of the request's JSON Schema */
};

/* May, must or must not the model call tools. */
enum {
	LLM_TOOLS_AUTO = 0,
	LLM_TOOLS_NONE = 1,
	LLM_TOOLS_REQUIRED = 2,
	LLM_TOOLS_NAMED = 3 /* exactly the tool that the request names */
};

/* How hard the model is to think. DEFAULT leaves it to the model. */
enum {
	LLM_REASONING_DEFAULT = 0,
	LLM_REASONING_OFF = 1,
	LLM_REASONING_ON = 2,
	LLM_REASONING_LOW = 3,
	LLM_REASONING_MEDIUM = 4,
	LLM_REASONING_HIGH = 5,
	LLM_REASONING_MAX = 6
};

/* Where a candidate computes. */
enum { LLM_LOCALITY_UNKNOWN = 0, LLM_LOCALITY_LOCAL = 1, LLM_LOCALITY_CLOUD = 2 };

/* The phases of an attempt, as timers and errors name them. */
enum {
	LLM_PHASE_NONE = 0,
	LLM_PHASE_QUEUE = 1,
	LLM_PHASE_CONNECT = 2,
	LLM_PHASE_FIRST_TOKEN = 3,
	LLM_PHASE_IDLE = 4,
	LLM_PHASE_SILENCE = 5,
	LLM_PHASE_ATTEMPT = 6,
	LLM_PHASE_DEADLINE = 7
};

/* Could the provider have received, and billed, the request? */
enum { LLM_SENT_NO = 0, LLM_SENT_MAYBE = 1, LLM_SENT_YES = 2 };

/* A token count that nobody reported. Zero means "reported as zero". */
#define LLM_TOKENS_UNKNOWN INT64_C(-1)

/*
 * Tokens of one answer. input_tokens counts everything read, cached tokens
 * included; output_tokens counts everything written, reasoning included.
 */
typedef struct llm_usage {
	uint32_t struct_size;
	uint32_t flags; /* LLM_USAGE_* */
	int64_t input_tokens;
	int64_t output_tokens;
	int64_t cache_read_tokens;
	int64_t cache_write_tokens;
	int64_t reasoning_tokens;
} llm_usage;

/* The provider's counts contradicted each other and were clamped. */
#define LLM_USAGE_INCONSISTENT (UINT32_C(1) << 0)

#define LLM_USAGE_INIT \
	{ \
		(uint32_t)sizeof(llm_usage), 0, LLM_TOKENS_UNKNOWN, LLM_TOKENS_UNKNOWN, \
			LLM_TOKENS_UNKNOWN, LLM_TOKENS_UNKNOWN, LLM_TOKENS_UNKNOWN \
	}

/*
 * The memory functions a host may give to a service. All three are required.
 * alloc and resize return null when memory is short; release accepts null.
 * They are called from any thread of the service.
 */
typedef struct llm_allocator {
	void *ctx;
	void *(*alloc)(void *ctx, size_t bytes);
	void *(*resize)(void *ctx, void *ptr, size_t bytes);
	void (*release)(void *ctx, void *ptr);
} llm_allocator;

/* Log levels, most urgent first. */
enum {
	LLM_LOG_ERROR = 1,
	LLM_LOG_WARN = 2,
	LLM_LOG_INFO = 3,
	LLM_LOG_DEBUG = 4,
	LLM_LOG_TRACE = 5
};

LLM_EXTERN_C_END
#endif
