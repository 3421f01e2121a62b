/* ledger_bound.c - rows that the host writes, in its own transaction (R-UOW-5). */
#include "base/err.h"
#include "call.h"
#include "idem.h"

static void on_unit_end(void *ctx, int committed)
{
	llm_call *c = ctx;

	c->rec->settle = committed ? RECORD_KEPT : RECORD_NONE;
	c->res.persisted = committed ? LLM_PERSISTED_YES : LLM_PERSISTED_NO;
	if (committed)
		atomic_fetch_add(&c->svc->ledger.settled, 1);
	call_unref(c);
}

static int32_t write_bound(llm_call *c, llm_unit *unit, llm_err *err)
{
	call_record *rec = c->rec;
	llm_job *jobs[2] = {rec->job};
	size_t n = 1;
	int32_t rc = 0;

	if (rec->idem)
		rc = idem_bound(c, unit, &jobs[1], err);
	jobs[0] = rec->job; /* another one, when it ends with another run's result */
	n += jobs[1] != NULL;
	if (!rc)
		rc = job_run_all(jobs, n, unit, err);
	job_free(jobs[1]);
	if (!rc)
		rc = ledger_code_of(rec->job, rec);
	if (rc == LLM_E_CONFLICT)
		err_set(err, rc, "the run %s has a row already", c->res.run_id);
	else if (!rc && unit_on_end(unit, on_unit_end, c))
		rc = err_set(err, LLM_E_NOMEM, "out of memory: roll back");
	if (rc)
		ledger_set_fault(c, rc, err->message);
	return rc;
}

int32_t ledger_record(llm_call *c, llm_unit *unit, llm_err *err)
{
	call_record *rec = c->rec;
	int32_t rc;

	if (!atomic_load(&c->done))
		return err_set(err, LLM_E_STATE, "the run has not completed: record it afterwards");
	if (!rec || !rec->bound)
		return err_set(err, LLM_E_STATE,
			"the call was not bound at submit: give llm_call_opts.unit there");
	if (rec->settle != RECORD_NONE)
		return err_set(err, LLM_E_STATE, "the run is recorded already");
	if (!rec->job)
		return err_set(err, LLM_E_NOMEM, "memory was short when the run ended: no rows");
	rc = write_bound(c, unit, err);
	if (rc)
		return rc;
	call_ref(c);
	rec->settle = RECORD_OUT;
	c->res.persisted = LLM_PERSISTED_QUEUED;
	c->res.fault = NULL;
	return 0;
}

void ledger_left(llm_call *c)
{
	const call_record *rec = c->rec;

	if (!rec->bound || rec->settle != RECORD_NONE)
		return;
	atomic_fetch_add(&c->svc->ledger.unrecorded, 1);
	if (!atomic_load(&c->svc->stopping)) /* its log is still there */
		log_line(&c->svc->log, LLM_LOG_WARN,
			"run %s was bound to a unit and never recorded (llm_unit_record)",
			c->res.run_id);
}
