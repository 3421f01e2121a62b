#include "retry.h"

#include "base/clock.h"
#include "base/text.h"

retry_rules retry_rules_usual(void)
{
	return (retry_rules){
		.per_candidate = 3,
		.in_all = 6,
		.prefer = RETRY_PRIMARY,
		.base_ns = 500 * NS_PER_MS,
		.base_limited_ns = 1 * NS_PER_S,
		.cap_ns = 8 * NS_PER_S,
		.patience_ns = 3 * NS_PER_S,
		.retry_after_max_ns = 60 * NS_PER_S,
		.min_attempt_ns = 250 * NS_PER_MS,
	};
}

uint32_t retry_header(const char *value)
{
	if (!value)
		return 0;
	if (!ascii_casecmp(value, "false"))
		return RETRY_FORBIDDEN;
	return ascii_casecmp(value, "true") ? 0 : RETRY_WANTED;
}

/* ---- may it be asked again, may another be asked ---- */

static int may_repeat(const llm_error_info *row, const retry_tries *t, const retry_failure *f)
{
	if (f->facts & RETRY_FORBIDDEN)
		return 0;
	if (f->facts & RETRY_WANTED)
		return 1;
	return row->retry == LLM_RETRY_YES || row->retry == LLM_RETRY_BEFORE_COMMIT ||
		(row->retry == LLM_RETRY_ONCE && !t->once);
}

static int may_move(const llm_error_info *row, const retry_run *run, const retry_scene *s)
{
	if (run->attempts >= run->rules.in_all)
		return 0;
	switch (row->fallback) {
	case LLM_FALLBACK_YES:
	case LLM_FALLBACK_BEFORE_COMMIT:
		return s->untried != 0;
	case LLM_FALLBACK_CONTEXT:
		return s->untried_context != 0;
	case LLM_FALLBACK_CONTENT:
		return s->untried_content != 0;
	case LLM_FALLBACK_OPT_IN:
		return s->next_on_invalid && s->untried;
	default:
		return 0;
	}
}

/* ---- when ---- */

uint64_t retry_ceiling_ns(const retry_rules *rules, int32_t code, uint32_t n)
{
	uint64_t base = code == LLM_E_RATE_LIMITED ? rules->base_limited_ns : rules->base_ns;

	uint32_t doublings = n ? n - 1 : 0;

	/* What a shift of the base would lose, a shift of the cap shows. */
	if (doublings > 63 || base > rules->cap_ns >> doublings)
		return rules->cap_ns;
	return base << doublings;
}

static uint64_t server_ns(const retry_failure *f)
{
	return f->server_ms > 0 ? clock_after_ms(0, (uint64_t)f->server_ms) : 0;
}

static uint64_t server_wait_ns(uint64_t delay_ns, uint64_t chance)
{
	uint64_t more = delay_ns / 10 < NS_PER_S ? delay_ns / 10 : NS_PER_S;

	return clock_after_ns(delay_ns, clock_spread(chance, more));
}

/* How the same candidate would be asked again. */
static retry_verdict repeat(
	const retry_run *run, const retry_tries *t, const retry_failure *f, const retry_scene *s)
{
	retry_verdict v = {.action = RETRY_SAME};
	uint64_t named = server_ns(f);

	if ((f->facts & RETRY_UNSENT) && !t->free) {
		v.why = RETRY_FREE;
	} else if ((f->facts & RETRY_REUSED) && !t->reused) {
		v.why = RETRY_AT_ONCE;
	} else if (named) {
		v.why = RETRY_BY_SERVER;
		v.wait_ns = server_wait_ns(named, s->chance);
	} else {
		v.why = RETRY_BY_BACKOFF;
		v.wait_ns = clock_spread(
			s->chance, retry_ceiling_ns(&run->rules, f->code, t->backoffs + 1));
	}
	v.at_ns = clock_after_ns(s->now_ns, v.wait_ns);
	return v;
}

int retry_has_time(const retry_run *run, uint64_t at_ns)
{
	return clock_after_ns(at_ns, run->rules.min_attempt_ns) <= run->deadline_ns;
}

uint64_t retry_share_ns(const retry_run *run, uint64_t limit_ns, uint64_t now_ns, uint32_t untried)
{
	uint64_t left = run->deadline_ns > now_ns ? run->deadline_ns - now_ns : 0;

	if (!untried || run->deadline_ns == UINT64_MAX || run->attempts >= run->rules.in_all ||
		clock_after_ns(limit_ns, run->rules.min_attempt_ns) <= left)
		return limit_ns;
	return limit_ns < left / 2 ? limit_ns : left / 2;
}

/* ---- stay, or go (R-RETRY-7) ---- */

static int is_vague(const retry_failure *f)
{
	return (f->code == LLM_E_UNAVAILABLE || f->code == LLM_E_RATE_LIMITED) && !server_ns(f);
}

/* Asked only while another candidate could be. */
static int better_move(const retry_run *run, const retry_tries *t, const retry_failure *f,
	const retry_scene *s, const retry_verdict *v)
{
	const retry_rules *r = &run->rules;

	if (f->code == LLM_E_TIMEOUT && (f->facts & RETRY_SILENT))
		return 1;
	if (v->why == RETRY_FREE || v->why == RETRY_AT_ONCE)
		return 0;
	if (r->prefer == RETRY_FASTEST && s->untried_peers)
		return 1;
	if (is_vague(f) && t->vague)
		return 1;
	return t->waited_ns > r->patience_ns || v->wait_ns > r->patience_ns - t->waited_ns;
}

static int attempts_left(const retry_run *run, const retry_tries *t, const retry_verdict *v)
{
	if (v->why == RETRY_FREE)
		return run->rules.per_candidate > 1;
	return t->attempts < run->rules.per_candidate && run->attempts < run->rules.in_all;
}

/* 1 when `v` is what happens; else its flags say why not where the caller is to know. */
static int stays(const retry_run *run, const retry_tries *t, const retry_failure *f,
	const retry_scene *s, retry_verdict *v)
{
	if (s->refused || !attempts_left(run, t, v) || server_ns(f) > run->rules.retry_after_max_ns)
		return 0;
	if (!retry_has_time(run, v->at_ns))
		v->flags = RETRY_NO_TIME;
	else if (v->why != RETRY_FREE && !s->affordable)
		v->flags = RETRY_NO_BUDGET;
	return !v->flags;
}

retry_verdict retry_decide(
	const retry_run *run, const retry_tries *t, const retry_failure *f, const retry_scene *s)
{
	const llm_error_info *row = llm_error_info_of(f->code);
	retry_verdict end = {.action = RETRY_END, .at_ns = s->now_ns};
	int move;

	if (!row || run->committed)
		return end;
	move = may_move(row, run, s);
	if (may_repeat(row, t, f)) {
		retry_verdict v = repeat(run, t, f, s);

		if (!(move && better_move(run, t, f, s, &v)) && stays(run, t, f, s, &v))
			return v;
		end.flags = v.flags;
	}
	if (!move)
		return end;
	if (!retry_has_time(run, s->now_ns)) {
		end.flags |= RETRY_NO_TIME;
		return end;
	}
	end.action = RETRY_NEXT;
	end.flags &= ~RETRY_NO_TIME;
	return end;
}

/* ---- keeping count ---- */

static void follow(retry_tries *t, const retry_failure *f, const retry_verdict *v)
{
	const llm_error_info *row = llm_error_info_of(f->code);

	if (row && row->retry == LLM_RETRY_ONCE)
		t->once++;
	t->free += v->why == RETRY_FREE;
	t->reused += v->why == RETRY_AT_ONCE;
	if (v->why == RETRY_BY_SERVER)
		t->backoffs = 0;
	if (v->why == RETRY_BY_BACKOFF) {
		t->backoffs++;
		t->vague += (uint32_t)is_vague(f);
	}
	t->waited_ns = clock_after_ns(t->waited_ns, v->wait_ns);
}

void retry_begin(retry_run *run, retry_tries *tries, const retry_failure *f, const retry_verdict *v)
{
	if (f)
		follow(tries, f, v);
	if (f && v->why == RETRY_FREE)
		return;
	run->attempts++;
	tries->attempts++;
}
