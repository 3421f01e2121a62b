#include "deadline.h"

static uint64_t after(uint64_t start_ns, uint64_t limit_ns)
{
	if (!start_ns || limit_ns == UINT64_MAX || start_ns > UINT64_MAX - limit_ns)
		return UINT64_MAX;
	return start_ns + limit_ns;
}

static void take_earlier(phase_due *due, uint64_t at_ns, uint32_t phase)
{
	if (at_ns < due->at_ns) {
		due->at_ns = at_ns;
		due->phase = phase;
	}
}

uint64_t deadline_idle(const phase_limits *l, const phase_clock *c)
{
	const int flow = c->keepalives && c->byte_ns > c->delta_ns;

	return flow && l->keepalive_ns > l->idle_ns ? l->keepalive_ns : l->idle_ns;
}

static void held_up(const phase_limits *l, const phase_clock *c, phase_due *due)
{
	uint64_t from = c->read_ns > c->paused_ns ? c->read_ns : c->paused_ns;

	take_earlier(due, after(from, l->consumer_ns), DUE_CONSUMER);
}

static void flowing(const phase_limits *l, const phase_clock *c, phase_due *due)
{
	if (c->paused_ns) {
		held_up(l, c, due);
		return;
	}
	if (c->stream && c->delta_ns)
		take_earlier(due, after(c->delta_ns, deadline_idle(l, c)), LLM_PHASE_IDLE);
	take_earlier(due, after(c->byte_ns, l->silence_ns), LLM_PHASE_SILENCE);
}

phase_due deadline_next(const phase_limits *l, const phase_clock *c)
{
	phase_due due = {c->deadline_ns, LLM_PHASE_DEADLINE};

	if (!c->connected_ns)
		take_earlier(&due, after(c->started_ns, l->connect_ns), LLM_PHASE_CONNECT);
	else if (c->stream && !c->delta_ns)
		take_earlier(&due, after(c->sent_ns, l->first_token_ns), LLM_PHASE_FIRST_TOKEN);
	flowing(l, c, &due);
	take_earlier(&due, after(c->started_ns, l->attempt_ns), LLM_PHASE_ATTEMPT);
	return due;
}

void deadline_resume(phase_clock *c, uint64_t now_ns)
{
	uint64_t stood = c->paused_ns && now_ns > c->paused_ns ? now_ns - c->paused_ns : 0;

	c->paused_ns = 0;
	if (c->delta_ns)
		c->delta_ns += stood;
	if (c->byte_ns)
		c->byte_ns += stood;
}
