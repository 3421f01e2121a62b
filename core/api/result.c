#include "llm/result.h"

#include "run/call.h"

_Static_assert(LLM_COST_UNKNOWN == COST_UNKNOWN && LLM_COST_OVERFLOW == COST_OVERFLOW,
	"the flags of a cost are those of a result");

uint32_t llm_result_status(const llm_result *r)
{
	return r->status;
}

const char *llm_status_name(uint32_t status)
{
	switch (status) {
	case LLM_STATUS_SUCCEEDED:
		return "succeeded";
	case LLM_STATUS_FAILED:
		return "failed";
	case LLM_STATUS_CANCELLED:
		return "cancelled";
	default:
		return "none";
	}
}

const char *llm_result_run_id(const llm_result *r)
{
	return r->run_id;
}

static const char *text_of(const buf *b, size_t *ret_len)
{
	if (ret_len)
		*ret_len = b->len;
	return buf_text(b);
}

const char *llm_result_text(const llm_result *r, size_t *ret_len)
{
	return text_of(&r->text, ret_len);
}

const char *llm_result_reasoning(const llm_result *r, size_t *ret_len)
{
	return text_of(&r->reasoning, ret_len);
}

uint32_t llm_result_finish(const llm_result *r, const char **ret_raw)
{
	if (ret_raw)
		*ret_raw = r->finish_raw;
	return r->finish;
}

void llm_result_usage(const llm_result *r, llm_usage *ret)
{
	*ret = r->usage;
}

const llm_err *llm_result_error(const llm_result *r)
{
	return r->error.code ? &r->error : NULL;
}

const char *llm_result_requested_model(const llm_result *r)
{
	return r->requested;
}

const char *llm_result_profile(const llm_result *r)
{
	return r->profile;
}

const char *llm_result_provider(const llm_result *r)
{
	return r->provider;
}

const char *llm_result_model(const llm_result *r)
{
	return r->model;
}

const char *llm_result_response_model(const llm_result *r)
{
	return r->response_model;
}

const char *llm_result_response_id(const llm_result *r)
{
	return r->response_id;
}

const char *llm_result_request_id(const llm_result *r)
{
	return r->request_id;
}

const char *llm_result_logprobs(const llm_result *r)
{
	return r->logprobs.len ? buf_text(&r->logprobs) : NULL;
}

const char *llm_result_usage_raw(const llm_result *r)
{
	return r->usage_raw;
}

uint32_t llm_result_source(const llm_result *r)
{
	if (r->from)
		return r->from->source;
	return r->refreshed ? LLM_SOURCE_REFRESH : LLM_SOURCE_PROVIDER;
}

uint32_t llm_result_cache(const llm_result *r, const char **ret_why)
{
	if (ret_why)
		*ret_why = r->cache_why;
	return r->cache_event;
}

uint32_t llm_result_replayed(const llm_result *r)
{
	return r->from && r->from->source == LLM_SOURCE_REPLAY;
}

const char *llm_result_original_run_id(const llm_result *r)
{
	return r->from ? r->from->run_id : NULL;
}

void llm_result_original_usage(const llm_result *r, llm_usage *ret)
{
	*ret = r->from ? r->from->usage : r->usage;
}

int64_t llm_result_age_ms(const llm_result *r)
{
	return r->from ? r->from->age_ms : -1;
}

uint32_t llm_result_tool_call_count(const llm_result *r)
{
	return (uint32_t)r->tools.n;
}

int32_t llm_result_tool_call(const llm_result *r, uint32_t i, llm_tool_call *ret)
{
	const tool_acc *t;

	if (i >= r->tools.n)
		return LLM_E_NOT_FOUND;
	t = r->tools.items[i];
	ret->struct_size = (uint32_t)sizeof(*ret);
	ret->id = buf_text(&t->id);
	ret->name = buf_text(&t->name);
	ret->arguments = buf_text(&t->arguments);
	ret->arguments_len = t->arguments.len;
	return 0;
}

uint32_t llm_result_part_count(const llm_result *r)
{
	return (uint32_t)r->parts.n;
}

int32_t llm_result_part_at(const llm_result *r, uint32_t i, llm_result_part *ret)
{
	if (i >= r->parts.n)
		return LLM_E_NOT_FOUND;
	*ret = *(const llm_result_part *)r->parts.items[i];
	return 0;
}

uint32_t llm_result_warning_count(const llm_result *r)
{
	return (uint32_t)r->warnings.n;
}

const char *llm_result_warning(const llm_result *r, uint32_t i)
{
	return i < r->warnings.n ? r->warnings.items[i] : NULL;
}

uint32_t llm_result_attempt_count(const llm_result *r)
{
	return (uint32_t)r->attempts.n;
}

int32_t llm_result_attempt(const llm_result *r, uint32_t i, llm_attempt *ret)
{
	if (i >= r->attempts.n)
		return LLM_E_NOT_FOUND;
	*ret = *(const llm_attempt *)r->attempts.items[i];
	return 0;
}

int32_t llm_result_attempt_usage(const llm_result *r, uint32_t i, llm_usage *ret)
{
	const attempt_row *row;

	if (i >= r->attempts.n)
		return LLM_E_NOT_FOUND;
	row = r->attempts.items[i];
	*ret = row->usage;
	return 0;
}

void llm_result_cost(const llm_result *r, llm_cost *ret)
{
	*ret = (llm_cost){.struct_size = (uint32_t)sizeof(*ret),
		.flags = r->cost_flags,
		.nanousd = r->cost_nanousd,
		.rule = r->price_rule,
		.version = r->price_version};
}

int32_t llm_result_attempt_cost(const llm_result *r, uint32_t i, int64_t *ret_picousd)
{
	const attempt_row *row;

	if (i >= r->attempts.n)
		return LLM_E_NOT_FOUND;
	row = r->attempts.items[i];
	*ret_picousd = row->picousd;
	return 0;
}

uint32_t llm_result_recovered(const llm_result *r)
{
	return r->recovered;
}

void llm_result_timing(const llm_result *r, llm_timing *ret)
{
	*ret = r->timing;
	ret->struct_size = (uint32_t)sizeof(*ret);
}

uint32_t llm_result_persisted(const llm_result *r, const llm_err **ret_fault)
{
	if (ret_fault)
		*ret_fault = r ? r->fault : NULL;
	return r ? r->persisted : LLM_PERSISTED_OFF;
}

const char *llm_result_exchange(const llm_result *r)
{
	return r->exchange.len ? buf_text(&r->exchange) : NULL;
}
