/*
 * rules.c - what the codes, types and texts of errors stand for.
 */
#include "openai.h"

#define ROW(match, status, code, text) \
	&(const llm_error_rule) \
	{ \
		(uint32_t)sizeof(llm_error_rule), match, status, code, 0, 0, text \
	}
#define CODE(code, text) ROW(LLM_MATCH_CODE, 0, code, text)
#define TYPE(code, text) ROW(LLM_MATCH_TYPE, 0, code, text)
#define PHRASE(status, code, text) ROW(LLM_MATCH_PHRASE, status, code, text)

const llm_error_rule *const openai_error_rules[] = {
	CODE(LLM_E_CONTEXT_LENGTH_EXCEEDED, "context_length_exceeded"),
	CODE(LLM_E_UNSUPPORTED, "unsupported_parameter"),
	CODE(LLM_E_UNSUPPORTED, "unsupported_value"),
	CODE(LLM_E_CONTENT_FILTERED, "content_filter"),
	CODE(LLM_E_CONTENT_FILTERED, "content_policy_violation"),
	CODE(LLM_E_CONTENT_FILTERED, "invalid_prompt"),
	CODE(LLM_E_AUTHENTICATION, "invalid_api_key"),
	CODE(LLM_E_AUTHENTICATION, "mismatched_organization"),
	CODE(LLM_E_AUTHENTICATION, "invalid_organization"),
	CODE(LLM_E_PERMISSION_DENIED, "unsupported_country_region_territory"),
	CODE(LLM_E_NOT_FOUND, "model_not_found"),
	CODE(LLM_E_QUOTA_EXHAUSTED, "insufficient_quota"),
	CODE(LLM_E_QUOTA_EXHAUSTED, "credit_balance_exhausted"),
	CODE(LLM_E_QUOTA_EXHAUSTED, "billing_hard_limit_reached"),
	/* In a stream only: with status 429 the text may say that it will never fit. */
	ROW(LLM_MATCH_CODE, 500, LLM_E_RATE_LIMITED, "rate_limit_exceeded"),
	CODE(LLM_E_RATE_LIMITED, "slow_down"),
	CODE(LLM_E_UNAVAILABLE, "server_is_overloaded"),
	/* Finish reasons that stand for a failure. */
	CODE(LLM_E_UNAVAILABLE, "insufficient_system_resource"),
	CODE(LLM_E_UNAVAILABLE, "error"),
	CODE(LLM_E_CANCELLED, "abort"),
	CODE(LLM_E_CANCELLED, "cancelled"),
	/* Calls that the model wrote wrong: asked once more. The last two are our own findings. */
	CODE(LLM_E_PROTOCOL, "tool_use_failed"),
	CODE(LLM_E_PROTOCOL, "tool_call_without_name"),
	CODE(LLM_E_PROTOCOL, "too_many_tool_calls"),
	TYPE(LLM_E_CONTEXT_LENGTH_EXCEEDED, "exceed_context_size_error"),
	TYPE(LLM_E_QUOTA_EXHAUSTED, "insufficient_quota"),
	TYPE(LLM_E_UNSUPPORTED, "not_supported_error"),
	TYPE(LLM_E_AUTHENTICATION, "authentication_error"),
	TYPE(LLM_E_PERMISSION_DENIED, "permission_error"),
	TYPE(LLM_E_NOT_FOUND, "not_found_error"),
	TYPE(LLM_E_NOT_FOUND, "NotFoundError"),
	TYPE(LLM_E_CONTENT_FILTERED, "moderation"),
	TYPE(LLM_E_UNAVAILABLE, "unavailable_error"),
	TYPE(LLM_E_UNAVAILABLE, "service_unavailable_error"),
	PHRASE(0, LLM_E_CONTEXT_LENGTH_EXCEEDED, "maximum context length"),
	PHRASE(0, LLM_E_CONTEXT_LENGTH_EXCEEDED, "context length is only"),
	PHRASE(0, LLM_E_CONTEXT_LENGTH_EXCEEDED, "context size"),
	PHRASE(500, LLM_E_CONTEXT_LENGTH_EXCEEDED, "context size has been exceeded"),
	PHRASE(429, LLM_E_INVALID_REQUEST, "request too large"),
	PHRASE(429, LLM_E_QUOTA_EXHAUSTED, "exceeded your current quota"),
	PHRASE(0, LLM_E_QUOTA_EXHAUSTED, "insufficient balance"),
	PHRASE(0, LLM_E_QUOTA_EXHAUSTED, "insufficient credits"),
	NULL,
};
