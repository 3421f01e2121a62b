#include "recover.h"

#include <string.h>

#include "llm/abi/provider.h"

/*
 * A failure that another candidate may be free of. Once mending has begun, the request is
 * known to be good, and what its attempts are refused for is their own matter.
 */
static int may_go_on(const recover_scene *s)
{
	const llm_error_info *row = llm_error_info_of(s->code);

	if (!row || row->err_class == LLM_CLASS_LOCAL || s->code == LLM_E_DEADLINE)
		return 0;
	return s->recoveries || row->fallback == LLM_FALLBACK_YES ||
		row->fallback == LLM_FALLBACK_BEFORE_COMMIT;
}

uint32_t recover_decide(const recover_scene *s)
{
	if (s->mode != RECOVER_MATCH && s->mode != RECOVER_CONTINUE)
		return RECOVER_OFF;
	if (!s->has_next || s->structured || s->tools_told || s->differed)
		return RECOVER_OFF;
	if (!may_go_on(s))
		return RECOVER_OFF;
	if (s->mode == RECOVER_CONTINUE && s->prefill == LLM_CAP_YES)
		return RECOVER_CONTINUE;
	if (!s->recoveries || (s->repeats && s->same_model))
		return RECOVER_MATCH;
	return RECOVER_OFF;
}

void recover_begin(recover_match *m, const buf *told, int reasoned)
{
	*m = (recover_match){
		.told = told, .length = told->len, .reasoned = (uint32_t)(reasoned != 0)};
}

uint32_t recover_text(recover_match *m, const char *bytes, size_t len, size_t *ret_skip)
{
	size_t left = m->length - m->at;
	size_t n = len < left ? len : left;

	if (m->differs || (n && memcmp(m->told->ptr + m->at, bytes, n) != 0)) {
		m->differs = 1;
		return RECOVER_DIFFERS;
	}
	m->at += n;
	if (n == len)
		return RECOVER_SUPPRESS;
	m->spoke = 1;
	*ret_skip = n;
	return RECOVER_DELIVER;
}

int recover_caught_up(const recover_match *m)
{
	return !m->differs && m->at == m->length;
}

/*
 * Where no text was delivered the attempt has caught up at once, but a caller that was
 * told a train of thought is not told a second one.
 */
uint32_t recover_reasoning(const recover_match *m)
{
	if (!recover_caught_up(m) || (m->reasoned && !m->length && !m->spoke))
		return RECOVER_SUPPRESS;
	return RECOVER_DELIVER;
}

uint32_t recover_tool(recover_match *m)
{
	if (recover_caught_up(m))
		return RECOVER_DELIVER;
	m->differs = 1;
	return RECOVER_DIFFERS;
}
