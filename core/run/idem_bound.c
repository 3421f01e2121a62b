/*
 * idem_bound.c - keys of runs that the host records in its own transaction (R-UOW-5): a look at
 * submit, and a claim that is settled in the same breath when everything is over. Nobody can
 * wait for such a run, so two at a time may both ask a provider; one result is stored.
 */
#include <string.h>

#include "base/err.h"
#include "call.h"
#include "idem.h"
#include "replay.h"

static int32_t in_progress(const llm_idem_row *row, llm_err *err)
{
	err_set(err, LLM_E_IDEMPOTENCY_IN_PROGRESS,
		"another run has this idempotency key, and has not ended\n"
		"a run in a transaction of the host's cannot wait for it: ask again later");
	if (err)
		err->retry_after_ms = row->lease_left_us / 1000;
	return LLM_E_IDEMPOTENCY_IN_PROGRESS;
}

static int32_t mismatch(llm_err *err)
{
	return err_set(err, LLM_E_IDEMPOTENCY_MISMATCH,
		"this idempotency key was used with another request\n"
		"send that one again, or take a new key");
}

/* ---- at submit ---- */

int32_t idem_look(llm_call *c, llm_unit *unit, llm_err *err)
{
	idem *i = c->rec->idem;
	llm_filter filter = LLM_FILTER_INIT;
	const llm_idem_row *row;
	question *q = NULL;
	int32_t rc;

	filter.workspace_id = c->workspace;
	filter.operation = IDEM_OPERATION;
	filter.id = i->key_hash;
	rc = question_new(&c->ar, LLM_QUERY_IDEM, &filter, &q);
	if (rc)
		return err_set(err, rc, "out of memory");
	rc = question_ask(q, unit, err);
	if (rc || !q->n)
		return rc;
	row = q->rows[0];
	switch (idem_verdict(row, i->fingerprint)) {
	case IDEM_DIFFERS:
		return mismatch(err);
	case IDEM_STORED:
		i->known = row;
		return 0;
	case IDEM_HELD:
		return row->lease_left_us > 0 ? in_progress(row, err) : 0;
	default:
		return 0;
	}
}

/* ---- when it is recorded ---- */

/* Its rows as those of a run that was told the result of another; what it asked is in them. */
static int32_t make_rows(llm_call *c, llm_err *err)
{
	llm_job *j = ledger_job(c, ledger_rows_room(c));
	int32_t rc = j ? job_room(j, LEDGER_BEGIN_ROOM + ledger_rows_room(c)) : LLM_E_NOMEM;

	if (!rc)
		rc = ledger_rows_begin(c, j);
	if (!rc)
		rc = ledger_rows_end(c, j);
	if (rc) {
		job_free(j);
		return err_set(err, rc, "no memory to record the run");
	}
	job_free(c->rec->job);
	c->rec->job = j;
	return 0;
}

/* Another one was first: its own answer is thrown away for the one that counts. */
static int32_t adopt(llm_call *c, const llm_idem_row *row, llm_err *err)
{
	const int64_t age = clock_utc_us(&c->svc->time) - row->settled_us;
	const replay from = {.source = LLM_SOURCE_REPLAY,
		.stored = row->response,
		.age_ms = age > 0 ? age / 1000 : 0};
	llm_result *r = &c->res;
	llm_err failed = LLM_ERR_INIT;
	int32_t rc;

	call_answer_done(r);
	r->tools.n = r->parts.n = r->warnings.n = 0;
	rc = replay_fill(c, &from, &failed);
	if (rc)
		return err_set(err, rc == LLM_E_NOMEM ? rc : LLM_E_PERSISTENCE,
			"what is stored for this idempotency key cannot be read");
	r->status = failed.code ? LLM_STATUS_FAILED : LLM_STATUS_SUCCEEDED;
	r->error = failed;
	c->rec->idem->state = IDEM_TOLD;
	return make_rows(c, err);
}

static int32_t decide(llm_call *c, const llm_idem_row *row, llm_err *err)
{
	switch (row ? idem_verdict(row, c->rec->idem->fingerprint) : IDEM_ASK_AGAIN) {
	case IDEM_DIFFERS:
		return mismatch(err);
	case IDEM_STORED:
		return adopt(c, row, err);
	case IDEM_HELD:
		return in_progress(row, err);
	default:
		return err_set(
			err, LLM_E_DB_BUSY, "the idempotency key has just become free: again");
	}
}

static int32_t make_settle(llm_call *c, llm_job **ret, llm_err *err)
{
	llm_job *j = ledger_job(c, 1);
	int32_t rc = j ? idem_put_settle(c, j) : LLM_E_NOMEM;

	if (rc) {
		job_free(j);
		return err_set(err, rc, "no memory to keep the result");
	}
	*ret = j;
	return 0;
}

int32_t idem_bound(llm_call *c, llm_unit *unit, llm_job **ret, llm_err *err)
{
	idem *i = c->rec->idem;
	const llm_op_result *own;
	const void *const *rows;
	llm_job *j;
	int32_t rc;
	size_t n;

	if (i->state == IDEM_TOLD)
		return 0;
	j = ledger_job(c, 1);
	rc = j ? idem_put_claim(c, j) : LLM_E_NOMEM;
	if (rc) {
		job_free(j);
		return err_set(err, rc, "no memory to claim the key");
	}
	rc = job_run_all(&j, 1, unit, err);
	own = j->results[i->claim_at];
	if (!rc && !own->code) {
		i->generation = own->generation;
		rc = make_settle(c, ret, err);
	} else if (!rc) {
		rows = job_answer(j, 0, &n);
		rc = decide(c, n ? rows[0] : NULL, err);
	}
	job_free(j);
	return rc;
}
