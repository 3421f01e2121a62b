/*
 * outbox.c - a queue in front of a port.
 */
#include "store/outbox.h"

#include "base/err.h"

void outbox_init(outbox *o, const llm_job_port *port)
{
	*o = (outbox){.port = port, .last = &o->first};
}

static void outbox_fail(llm_job *j, int32_t code, const char *text)
{
	llm_err why = LLM_ERR_INIT;

	err_set(&why, code, "%s", text);
	job_done(j, LLM_JOB_ROLLED_BACK, &why);
}

static void outbox_drop(outbox *o, llm_job *j)
{
	o->dropped++;
	outbox_fail(j, LLM_E_QUEUE_FULL, "the queue of the runner is full: telemetry is dropped");
}

/* 1: it is gone, handed over, dropped or failed; 0: there is no room. */
static int outbox_offer(outbox *o, llm_job *j)
{
	int32_t rc = o->port->submit(o->port->ctx, j);

	o->full = rc == LLM_E_QUEUE_FULL;
	if (o->full && !j->droppable)
		return 0;
	if (o->full)
		outbox_drop(o, j);
	else if (rc)
		outbox_fail(j, rc, "the runner takes no more jobs");
	return 1;
}

void outbox_put(outbox *o, llm_job *j, uint64_t deadline_ns)
{
	if (o->full && j->droppable) {
		outbox_drop(o, j);
		return;
	}
	j->next = NULL;
	j->deadline_ns = deadline_ns;
	*o->last = j;
	o->last = &j->next;
	o->n++;
}

static llm_job *outbox_take(outbox *o, llm_job **at)
{
	llm_job *j = *at;

	*at = j->next;
	if (!*at)
		o->last = at;
	o->n--;
	return j;
}

void outbox_pump(outbox *o)
{
	llm_job *j;

	while ((j = o->first)) {
		outbox_take(o, &o->first);
		if (outbox_offer(o, j))
			continue;
		j->next = o->first;
		if (!o->first)
			o->last = &j->next;
		o->first = j;
		o->n++;
		return;
	}
}

uint64_t outbox_expire(outbox *o, uint64_t now_ns)
{
	llm_job **at = &o->first;
	uint64_t next = UINT64_MAX;

	while (*at) {
		if ((*at)->deadline_ns <= now_ns) {
			o->expired++;
			outbox_fail(outbox_take(o, at), LLM_E_DB_BUSY,
				"the database was busy until the deadline: nothing was recorded");
			continue;
		}
		if ((*at)->deadline_ns < next)
			next = (*at)->deadline_ns;
		at = &(*at)->next;
	}
	return next;
}

void outbox_done(outbox *o, const llm_err *why)
{
	while (o->first)
		job_done(outbox_take(o, &o->first), LLM_JOB_ROLLED_BACK, why);
}
