#include "llm/explain.h"

#include <string.h>

#include "base/err.h"
#include "run/call.h"

const char *llm_result_decision(const llm_result *r, size_t *ret_len)
{
	if (!r->decision.len)
		return NULL;
	if (ret_len)
		*ret_len = r->decision.len;
	return buf_text(&r->decision);
}

int32_t llm_plan(
	llm_service *svc, llm_request *rq, const llm_call_opts *opts, llm_call **ret, llm_err *err)
{
	llm_call_opts own = LLM_CALL_OPTS_INIT;
	llm_call *c = NULL;
	int32_t rc;

	if (!ret)
		return err_set(err, LLM_E_INVALID_REQUEST, "llm_plan needs a place for the call");
	*ret = NULL;
	if (opts)
		memcpy(&own, opts,
			opts->struct_size < sizeof(own) ? opts->struct_size : sizeof(own));
	own.flags |= LLM_CALL_PLAN_ONLY;
	own.on_event = NULL;
	rc = llm_submit(svc, rq, &own, &c, err);
	if (rc)
		return rc;
	*ret = c;
	return llm_call_wait(c, UINT32_MAX, err);
}
