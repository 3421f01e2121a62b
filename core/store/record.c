/*
 * record.c - from facts to rows.
 */
#include "store/record.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/jsonr.h"

/* Copies a text unless memory was short before; *rc keeps the first failure. */
static const char *record_text(arena *ar, const char *text, int32_t *rc)
{
	char *copy;

	if (*rc || !text)
		return NULL;
	copy = arena_str(ar, text);
	if (!copy)
		*rc = LLM_E_NOMEM;
	return copy;
}

/* The same, without secrets and control characters. */
static const char *record_clean(arena *ar, const redact *clean, const char *text, int32_t *rc)
{
	const char *copy = NULL;
	buf out;

	if (*rc || !text)
		return NULL;
	buf_init(&out, ar->mem, 0);
	*rc = redact_text(clean, text, strlen(text), &out);
	if (!*rc)
		copy = record_text(ar, buf_text(&out), rc);
	buf_done(&out);
	return copy;
}

/* The same of one that need not be copied when it is clean as it is. */
static const char *record_cleaned(arena *ar, const redact *clean, const char *text, int32_t *rc)
{
	if (text && redact_is_clean(clean, text, strlen(text)))
		return text;
	return record_clean(ar, clean, text, rc);
}

static llm_run_row *record_blank_run(arena *ar)
{
	llm_run_row *r = arena_new(ar, sizeof(*r));

	if (!r)
		return NULL;
	r->struct_size = sizeof(*r);
	r->attempts = r->fallbacks = r->recovered = r->reasks = LLM_UNKNOWN;
	r->input_tokens = r->output_tokens = r->reasoning_tokens = LLM_UNKNOWN;
	r->cache_read_tokens = r->cache_write_tokens = LLM_UNKNOWN;
	r->cost_nanousd = LLM_UNKNOWN;
	r->queue_ms = r->ttft_ms = r->duration_ms = r->settle_us = LLM_UNKNOWN;
	r->created_us = r->started_us = r->finished_us = LLM_UNKNOWN;
	r->version = 1;
	r->delivered = LLM_UNKNOWN;
	return r;
}

static const char *record_status(uint32_t status)
{
	switch (status) {
	case LLM_STATUS_SUCCEEDED:
		return "succeeded";
	case LLM_STATUS_CANCELLED:
		return "cancelled";
	default:
		return "failed";
	}
}

/* ---- the beginning ---- */

int32_t record_run_begin(
	const record_begin *from, const redact *clean, arena *ar, llm_run_row **ret)
{
	llm_run_row *r = record_blank_run(ar);
	int32_t rc = r ? 0 : LLM_E_NOMEM;

	if (rc)
		return rc;
	r->workspace_id = record_text(ar, from->workspace, &rc);
	r->id = record_text(ar, from->id, &rc);
	r->owner_id = record_text(ar, from->owner_id, &rc);
	r->parent_run_id = record_text(ar, from->parent_run_id, &rc);
	r->pipeline = record_text(ar, from->pipeline, &rc);
	r->profile = record_text(ar, from->profile, &rc);
	r->operation = record_text(ar, from->operation, &rc);
	r->requested_model = record_text(ar, from->requested_model, &rc);
	r->request_hash = record_text(ar, from->request_hash, &rc);
	r->idempotency_key_hash = record_text(ar, from->idempotency_key_hash, &rc);
	r->prompt_ref = record_text(ar, from->prompt_ref, &rc);
	r->params_json = record_clean(ar, clean, from->params_json, &rc);
	r->metadata_json = record_clean(ar, clean, from->metadata_json, &rc);
	r->trace_id = record_text(ar, from->trace_id, &rc);
	r->span_id = record_text(ar, from->span_id, &rc);
	r->status = from->pending ? "pending" : "running";
	r->stream = from->stream != 0;
	r->created_us = from->created_us;
	r->started_us = from->started_us;
	if (!rc)
		*ret = r;
	return rc;
}

/* ---- the end ---- */

/* Unknown stays unknown: a cut stream has no invented counts (R-RUN-4). */
static void record_usage(llm_run_row *r, const record_end *from)
{
	const llm_usage *u = from->usage;
	int known = u && (u->input_tokens >= 0 || u->output_tokens >= 0);

	r->usage_source = !known ? "none" : from->estimated ? "estimated" : "provider";
	if (!u)
		return;
	r->input_tokens = u->input_tokens;
	r->output_tokens = u->output_tokens;
	r->cache_read_tokens = u->cache_read_tokens;
	r->cache_write_tokens = u->cache_write_tokens;
	r->reasoning_tokens = u->reasoning_tokens;
}

static void record_numbers(llm_run_row *r, const record_end *from)
{
	r->attempts = (int64_t)from->n_attempts;
	r->fallbacks = from->fallbacks;
	r->recovered = from->recovered;
	r->reasks = from->reasks;
	r->cost_nanousd = from->cost_nanousd;
	r->finished_us = from->finished_us;
	r->version = from->version;
	r->delivered = from->delivered;
	if (!from->timing)
		return;
	r->queue_ms = from->timing->queue_ms;
	r->ttft_ms = from->timing->ttft_ms;
	r->duration_ms = from->timing->duration_ms;
}

int32_t record_run_end(const record_end *from, const redact *clean, arena *ar, llm_run_row **ret)
{
	llm_run_row *r = record_blank_run(ar);
	int32_t rc = r ? 0 : LLM_E_NOMEM;

	if (rc)
		return rc;
	r->workspace_id = record_text(ar, from->workspace, &rc);
	r->id = record_text(ar, from->id, &rc);
	r->source = record_text(ar, from->source, &rc);
	r->provider = record_text(ar, from->provider, &rc);
	r->resolved_model = record_text(ar, from->resolved_model, &rc);
	r->response_model = record_text(ar, from->response_model, &rc);
	r->provider_request_id = record_text(ar, from->provider_request_id, &rc);
	r->response_ref = record_text(ar, from->response_ref, &rc);
	r->cache_key = record_text(ar, from->cache_key, &rc);
	r->price_version = record_text(ar, from->price_version, &rc);
	r->decision_json = record_cleaned(ar, clean, from->decision_json, &rc);
	r->status = record_status(from->status);
	if (from->finish)
		r->finish_reason = llm_finish_name(from->finish);
	if (from->error && from->error->code) {
		r->error_code = llm_error_name(from->error->code);
		r->error_message = record_clean(ar, clean, from->error->message, &rc);
	}
	record_usage(r, from);
	record_numbers(r, from);
	if (!rc)
		*ret = r;
	return rc;
}

/* ---- attempts ---- */

static void record_attempt_numbers(
	llm_attempt_row *r, const llm_attempt *a, const record_attempt *more)
{
	const llm_usage *u = more->usage;

	r->seq = a->seq;
	r->http_status = a->http_status ? a->http_status : LLM_UNKNOWN;
	r->retry_after_ms = a->retry_after_ms;
	r->waited_ms = a->waited_ms;
	r->input_tokens = u ? u->input_tokens : LLM_UNKNOWN;
	r->output_tokens = u ? u->output_tokens : LLM_UNKNOWN;
	r->cache_read_tokens = u ? u->cache_read_tokens : LLM_UNKNOWN;
	r->cache_write_tokens = u ? u->cache_write_tokens : LLM_UNKNOWN;
	r->reasoning_tokens = u ? u->reasoning_tokens : LLM_UNKNOWN;
	r->ttft_ms = a->ttft_ms;
	r->duration_ms = a->duration_ms;
	r->load_ms = a->load_ms;
	r->started_us = more->started_us;
	r->finished_us = more->finished_us;
}

int32_t record_attempt_of(const record_end *from, size_t i, const record_attempt *more, arena *ar,
	llm_attempt_row **ret)
{
	const llm_attempt *a = from->attempts[i];
	llm_attempt_row *r = arena_new(ar, sizeof(*r));
	const llm_error_info *info = llm_error_info_of(a->error_code);
	int32_t rc = r ? 0 : LLM_E_NOMEM;

	if (rc)
		return rc;
	r->struct_size = sizeof(*r);
	r->workspace_id = record_text(ar, from->workspace, &rc);
	r->run_id = record_text(ar, from->id, &rc);
	r->id = record_text(ar, more->id, &rc);
	r->candidate_id = record_text(ar, a->candidate, &rc);
	r->provider = record_text(ar, a->provider, &rc);
	r->model = record_text(ar, a->model, &rc);
	r->generation = record_text(ar, more->generation, &rc);
	r->status = record_status(a->status);
	if (a->error_code) {
		r->error_code = llm_error_name(a->error_code);
		r->error_class = info ? llm_class_name(info->err_class) : NULL;
	}
	if (a->phase)
		r->phase = llm_phase_name(a->phase);
	r->cost_json = more->cost_json;
	record_attempt_numbers(r, a, more);
	if (!rc)
		*ret = r;
	return rc;
}

/* ---- metadata ---- */

int32_t record_metadata(const char *json, size_t len, llm_err *err)
{
	jsonr_text key;
	size_t n = 0;
	jsonr r;

	if (len > RECORD_METADATA_MAX)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"metadata has %zu bytes, the limit is %d", len, RECORD_METADATA_MAX);
	jsonr_init(&r, json, len);
	if (jsonr_enter_object(&r))
		while (jsonr_member(&r, &key)) {
			jsonr_skip(&r);
			n++;
		}
	if (jsonr_finish(&r))
		return err_set(err, LLM_E_INVALID_REQUEST, "metadata is no JSON object");
	if (n > RECORD_METADATA_KEYS)
		return err_set(err, LLM_E_INVALID_REQUEST,
			"metadata has %zu members, the limit is %d", n, RECORD_METADATA_KEYS);
	return 0;
}

const char *llm_source_name(uint32_t source)
{
	switch (source) {
	case LLM_SOURCE_PROVIDER:
		return "provider";
	case LLM_SOURCE_CACHE:
		return "cache";
	case LLM_SOURCE_COALESCED:
		return "coalesced";
	case LLM_SOURCE_REPLAY:
		return "replay";
	case LLM_SOURCE_REFRESH:
		return "refresh";
	default:
		return "none";
	}
}
