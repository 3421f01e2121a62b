#include "classify.h"

#include <string.h>

#include "base/text.h"

int32_t classify_status(int32_t status)
{
	switch (status) {
	case 401:
		return LLM_E_AUTHENTICATION;
	case 402:
		return LLM_E_QUOTA_EXHAUSTED;
	case 403:
		return LLM_E_PERMISSION_DENIED;
	case 404:
		return LLM_E_NOT_FOUND;
	case 408:
		return LLM_E_TIMEOUT;
	case 409:
		return LLM_E_CONFLICT;
	case 429:
		return LLM_E_RATE_LIMITED;
	case 499: /* a proxy says that we left, and we did not */
		return LLM_E_UNAVAILABLE;
	case 501:
		return LLM_E_UNSUPPORTED;
	case 502:
	case 503:
	case 504:
	case 529:
		return LLM_E_UNAVAILABLE;
	default:
		break;
	}
	if (status >= 400 && status < 500)
		return LLM_E_INVALID_REQUEST;
	return status >= 500 && status < 600 ? LLM_E_SERVER_ERROR : LLM_E_PROTOCOL;
}

static int rank_of(int32_t code)
{
	switch (code) {
	case LLM_E_INVALID_REQUEST:
		return 3;
	case LLM_E_CONTEXT_LENGTH_EXCEEDED:
		return 2;
	case LLM_E_CONTENT_FILTERED:
		return 1;
	case LLM_E_CANCELLED:
	case LLM_E_DEADLINE: /* the caller's end of the run, whatever was before */
		return 4;
	default:
		return 0;
	}
}

int classify_outranks(int32_t earlier, int32_t later)
{
	return rank_of(earlier) > rank_of(later);
}

static int equals(const llm_bytes *value, const char *text)
{
	size_t n = strlen(text);

	return value->len == n && (!n || memcmp(value->ptr, text, n) == 0);
}

static int structured_fits(const llm_error_rule *r, int32_t status, const llm_error_facts *f)
{
	if (r->status && r->status != status)
		return 0;
	if (r->match == LLM_MATCH_CODE)
		return f->code.len && equals(&f->code, r->text);
	return r->match == LLM_MATCH_TYPE && f->type.len && equals(&f->type, r->text);
}

/* A phrase refines a 4xx, or is the exact pair of a status and a phrase. */
static int phrase_fits(const llm_error_rule *r, int32_t status, const llm_error_facts *f)
{
	if (r->status ? r->status != status : status < 400 || status > 499)
		return 0;
	if (r->match == LLM_MATCH_PREFIX)
		return f->message.len >= strlen(r->text) &&
			ascii_ncasecmp(f->message.ptr, r->text, strlen(r->text)) == 0;
	return r->match == LLM_MATCH_PHRASE && f->message.len &&
		ascii_casestr(f->message.ptr, f->message.len, r->text) != NULL;
}

static const llm_error_rule *first_that(
	int (*fits)(const llm_error_rule *, int32_t, const llm_error_facts *), int32_t status,
	const llm_error_facts *f, const llm_error_rule *const *rules)
{
	for (; rules && *rules; rules++)
		if (fits(*rules, status, f))
			return *rules;
	return NULL;
}

verdict classify_reply(
	int32_t http_status, const llm_error_facts *facts, const llm_error_rule *const *rules)
{
	int32_t status = facts->status ? facts->status : http_status;
	const llm_error_rule *r = first_that(structured_fits, status, facts, rules);
	verdict v = {0, 0};

	if (!r)
		r = first_that(phrase_fits, status, facts, rules);
	v.code = r ? r->code : classify_status(status);
	if (r && (r->flags & LLM_RULE_RESOURCE))
		v.flags = LLM_ERRF_RESOURCE;
	return v;
}
