/*
 * rules.c - what the reasons, states and texts of errors stand for.
 *
 * Most of it the HTTP status says. Codes are the reason of ErrorInfo, or a finish reason
 * that is a failure; types are the name of error.status.
 */
#include "gemini.h"

#define ROW(match, status, code, text) \
	&(const llm_error_rule) \
	{ \
		(uint32_t)sizeof(llm_error_rule), match, status, code, 0, 0, text \
	}
#define CODE(code, text) ROW(LLM_MATCH_CODE, 0, code, text)
#define TYPE(code, text) ROW(LLM_MATCH_TYPE, 0, code, text)
#define PHRASE(status, code, text) ROW(LLM_MATCH_PHRASE, status, code, text)

const llm_error_rule *const gemini_error_rules[] = {
	/* A wrong key has the status 400. */
	CODE(LLM_E_AUTHENTICATION, "API_KEY_INVALID"),
	CODE(LLM_E_AUTHENTICATION, "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
	CODE(LLM_E_PROTOCOL, "MALFORMED_FUNCTION_CALL"),
	CODE(LLM_E_PROTOCOL, "UNEXPECTED_TOOL_CALL"),
	CODE(LLM_E_PROTOCOL, "TOO_MANY_TOOL_CALLS"),
	CODE(LLM_E_PROTOCOL, "MISSING_THOUGHT_SIGNATURE"),
	CODE(LLM_E_PROTOCOL, "MALFORMED_RESPONSE"),
	TYPE(LLM_E_QUOTA_EXHAUSTED, GEMINI_SPENT),
	TYPE(LLM_E_PERMISSION_DENIED, "FAILED_PRECONDITION"), /* country, billing */
	TYPE(LLM_E_AUTHENTICATION, "UNAUTHENTICATED"),
	TYPE(LLM_E_TIMEOUT, "DEADLINE_EXCEEDED"),
	PHRASE(400, LLM_E_AUTHENTICATION, "API key not valid"),
	PHRASE(400, LLM_E_AUTHENTICATION, "API key expired"),
	PHRASE(400, LLM_E_AUTHENTICATION, "multiple authentication credentials"),
	PHRASE(403, LLM_E_AUTHENTICATION, "unregistered callers"), /* no key at all */
	PHRASE(403, LLM_E_AUTHENTICATION, "reported as leaked"),
	PHRASE(403, LLM_E_AUTHENTICATION, "has been suspended"),
	PHRASE(0, LLM_E_CONTEXT_LENGTH_EXCEEDED, "exceeds the maximum number of tokens"),
	PHRASE(400, LLM_E_UNSUPPORTED, "is unsupported"),
	PHRASE(400, LLM_E_UNSUPPORTED, "not enabled for"),
	PHRASE(400, LLM_E_UNSUPPORTED, "not supported for this model"),
	PHRASE(400, LLM_E_UNSUPPORTED, "not a supported thinking level"),
	PHRASE(429, LLM_E_QUOTA_EXHAUSTED, "limit: 0,"), /* this plan has none of it */
	PHRASE(429, LLM_E_QUOTA_EXHAUSTED, "credits are depleted"),
	NULL,
};
