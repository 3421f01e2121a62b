/*
 * idem_rows.c - the row of a key, as operations of a job: claimed, settled, given back.
 */
#include "base/buf.h"
#include "call.h"
#include "idem.h"
#include "replay.h"

static idem *of(const llm_call *c)
{
	return c->rec->idem;
}

static int32_t key_row(llm_call *c, llm_job *j, llm_idem_row **ret)
{
	arena *ar = job_arena(j);
	llm_idem_row *row = arena_new(ar, sizeof(*row));

	if (!row)
		return LLM_E_NOMEM;
	*row = (llm_idem_row){.struct_size = sizeof(*row),
		.workspace_id = arena_str(ar, c->workspace),
		.operation = IDEM_OPERATION,
		.key_hash = arena_str(ar, of(c)->key_hash),
		.fingerprint = arena_str(ar, of(c)->fingerprint),
		.run_id = arena_str(ar, c->res.run_id),
		.ttl_us = LLM_UNKNOWN,
		.created_us = LLM_UNKNOWN,
		.settled_us = LLM_UNKNOWN,
		.expires_us = LLM_UNKNOWN};
	if (!row->workspace_id || !row->key_hash || !row->fingerprint || !row->run_id)
		return LLM_E_NOMEM;
	*ret = row;
	return 0;
}

int32_t idem_put_claim(llm_call *c, llm_job *j)
{
	llm_filter filter = LLM_FILTER_INIT;
	llm_idem_row *row = NULL;
	int32_t rc = key_row(c, j, &row);

	if (rc)
		return rc;
	if (!c->rec->bound) /* else it is settled with it, and nobody sees it claimed */
		row->owner_id = arena_str(job_arena(j), c->svc->ledger.owner);
	filter.workspace_id = row->workspace_id;
	filter.operation = row->operation;
	filter.id = row->key_hash;
	of(c)->claim_at = j->n;
	rc = row->owner_id || c->rec->bound ? job_add(j, LLM_OP_IDEM_CLAIM, row) : LLM_E_NOMEM;
	return rc ? rc : job_ask(j, LLM_QUERY_IDEM, &filter);
}

int32_t idem_put_release(llm_call *c, llm_job *j)
{
	llm_idem_row *row = NULL;
	int32_t rc = key_row(c, j, &row);

	if (rc)
		return rc;
	row->state = "released";
	row->generation = of(c)->orphan;
	of(c)->orphan = 0;
	return job_add(j, LLM_OP_IDEM_SETTLE, row);
}

static int32_t store(llm_call *c, llm_job *j, llm_idem_row *row)
{
	int32_t rc;
	buf out;

	buf_init(&out, &c->mem, 0);
	rc = replay_write(c, &out);
	if (!rc) {
		row->response.ptr = arena_dup(job_arena(j), buf_text(&out), out.len);
		row->response.len = out.len;
		rc = row->response.ptr ? 0 : LLM_E_NOMEM;
	}
	buf_done(&out);
	return rc;
}

int32_t idem_put_settle(llm_call *c, llm_job *j)
{
	const conf_idempotency *rules = &c->svc->ledger.keys;
	const int32_t code = c->res.error.code;
	const uint32_t keeps = idem_keeps(code, rules->replay_errors);
	llm_idem_row *row = NULL;
	int32_t rc;

	rc = key_row(c, j, &row);
	if (rc)
		return rc;
	row->state = keeps == IDEM_KEEP_ANSWER ? "succeeded" :
		keeps == IDEM_KEEP_ERROR       ? "failed" :
						 "released";
	row->generation = of(c)->generation;
	row->error_code = code ? llm_error_name(code) : NULL;
	row->ttl_us = (int64_t)rules->ttl * 1000;
	rc = keeps == IDEM_RELEASE ? 0 : store(c, j, row);
	if (!rc)
		rc = job_add(j, LLM_OP_IDEM_SETTLE, row);
	if (!rc)
		job_insist(j, LLM_E_IDEMPOTENCY_LOST);
	return rc;
}
