/*
 * llm/error.h - errors as data.
 *
 * An llm_err belongs to the caller, holds no pointer and needs no cleaning up.
 * It says what happened (code), what the caller can do about it (class), where
 * (phase, provider, candidate), and what it may have cost (delivered, sent).
 */
#ifndef LLM_ERROR_H
#define LLM_ERROR_H

#include "base.h"

LLM_EXTERN_C_BEGIN

/* What the caller can do. */
enum {
	LLM_CLASS_NONE = 0,
	LLM_CLASS_CALL = 1, /* change the request */
	LLM_CLASS_ACCOUNT = 2, /* a person must act: key, plan, model */
	LLM_CLASS_WAIT = 3, /* the same later */
	LLM_CLASS_ELSEWHERE = 4, /* again, or another candidate */
	LLM_CLASS_CONTENT = 5, /* show it to the user */
	LLM_CLASS_LOCAL = 6 /* see the text */
};

#define LLM_ERR_MESSAGE_MAX 2000

typedef struct llm_err {
	uint32_t struct_size;
	int32_t code; /* LLM_E_* */
	uint32_t err_class; /* LLM_CLASS_* */
	uint32_t phase; /* LLM_PHASE_* */
	uint32_t delivered; /* 1: content has reached the caller */
	uint32_t sent; /* LLM_SENT_* */
	int32_t http_status; /* 0: no HTTP answer */
	uint32_t attempt; /* 1 for the first attempt, 0 before any */
	int64_t retry_after_ms; /* -1: the server named no delay */
	uint32_t flags; /* LLM_ERRF_* */
	uint32_t reserved;
	char provider[64];
	char candidate[192]; /* provider/model, or provider#endpoint/model */
	char provider_code[128]; /* the provider's own word for it */
	char request_id[128]; /* the provider's id of the request */
	char message[LLM_ERR_MESSAGE_MAX + 1]; /* UTF-8, redacted, at most three lines */
} llm_err;

#define LLM_ERRF_REUSED (UINT32_C(1) << 0) /* a kept connection died before the reply */
#define LLM_ERRF_RESOURCE (UINT32_C(1) << 1) /* the provider is short of memory */
#define LLM_ERRF_CONSUMER (UINT32_C(1) << 2) /* nobody read the stream */

#define LLM_ERRF_PARTIAL (UINT32_C(1) << 3) /* a part of the answer was delivered */
#define LLM_ERRF_RETRY_BUDGET (UINT32_C(1) << 4) /* too many retries there: not asked again */
#define LLM_ERRF_DEADLINE (UINT32_C(1) << 5) /* too little time was left to ask again */
#define LLM_ERRF_RETRY_UNIT (UINT32_C(1) << 6) /* roll the unit of work back, and try it again */

#define LLM_ERR_INIT \
	{ \
		.struct_size = (uint32_t)sizeof(llm_err), .retry_after_ms = -1 \
	}

/* One row of the table of errors. All text is static. */
typedef struct llm_error_info {
	uint32_t struct_size;
	int32_t code;
	const char *name; /* "RATE_LIMITED" */
	const char *meaning; /* one line */
	const char *fix; /* what the caller can do, one line */
	uint32_t err_class; /* LLM_CLASS_* */
	uint32_t retry; /* LLM_RETRY_* */
	uint32_t fallback; /* LLM_FALLBACK_* */
	uint32_t health; /* LLM_HEALTH_* */
	uint32_t exit_code; /* of llmctl */
} llm_error_info;

/* May the same candidate be asked again? */
enum { LLM_RETRY_NO = 0, LLM_RETRY_YES = 1, LLM_RETRY_ONCE = 2, LLM_RETRY_BEFORE_COMMIT = 3 };
/* May the next candidate be asked? */
enum {
	LLM_FALLBACK_NO = 0,
	LLM_FALLBACK_YES = 1,
	LLM_FALLBACK_CONTEXT = 2,
	LLM_FALLBACK_CONTENT = 3,
	LLM_FALLBACK_BEFORE_COMMIT = 4,
	LLM_FALLBACK_OPT_IN = 5
};
/* What does it say about the candidate's health? */
enum {
	LLM_HEALTH_NONE = 0,
	LLM_HEALTH_FAILURE = 1,
	LLM_HEALTH_OPEN = 2, /* open the breaker at once, 60 s */
	LLM_HEALTH_COOL = 3, /* cool until the server's delay */
	LLM_HEALTH_COOL_LONG = 4
};

/* The table's row for a code; null for a number that is no code. Static. [any] */
LLM_API const llm_error_info *llm_error_info_of(int32_t code);

/* Row number `i` of the table, null at its end. Static. [any] */
LLM_API const llm_error_info *llm_error_info_at(uint32_t i);

/* The row named `name` ("rate_limited" and "RATE_LIMITED" alike), or null. Static. [any] */
LLM_API const llm_error_info *llm_error_info_named(const char *name);

/* "RATE_LIMITED" for a code; "UNKNOWN" for a number that is no code. Static. [any] */
LLM_API const char *llm_error_name(int32_t code);

/* "call", "account", "wait", "elsewhere", "content", "local" or "none". Static. [any] */
LLM_API const char *llm_class_name(uint32_t err_class);

/* "queue", "connect", "first_token", ... or "none". Static. [any] */
LLM_API const char *llm_phase_name(uint32_t phase);

/* "stop", "length", "tool_calls", "content_filter", "other" or "none". Static. [any] */
LLM_API const char *llm_finish_name(uint32_t finish);

LLM_EXTERN_C_END
#endif
