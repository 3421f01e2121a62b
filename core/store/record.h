/*
 * record.h - rows of a run and of its attempts, from what the core knows of them.
 *
 * Pure: no clock, no chance, no I/O. Every text of a row but the decision is a copy in the
 * arena given, a job's, since rows are written when the run itself may be gone.
 */
#ifndef LLM_STORE_RECORD_H
#define LLM_STORE_RECORD_H

#include "base/arena.h"
#include "llm/abi/storage.h"
#include "llm/result.h"
#include "wire/redact.h"

#define RECORD_METADATA_MAX 16384 /* bytes (R-PRIV-3) */
#define RECORD_METADATA_KEYS 64

/* What is known when a run begins. Texts may be null but workspace, id and operation. */
typedef struct record_begin {
	const char *workspace;
	const char *id;
	const char *owner_id;
	const char *parent_run_id;
	const char *pipeline;
	const char *profile;
	const char *operation;
	const char *requested_model;
	const char *request_hash;
	const char *idempotency_key_hash;
	const char *prompt_ref;
	const char *params_json;
	const char *metadata_json; /* within the bounds: record_metadata */
	const char *trace_id;
	const char *span_id;
	int stream;
	int pending; /* 1: it waits; 0: it runs */
	int64_t created_us;
	int64_t started_us; /* -1: not yet */
} record_begin;

/* What is known at the end. */
typedef struct record_end {
	const char *workspace;
	const char *id;
	int64_t version; /* of the row as last seen */
	uint32_t status; /* LLM_STATUS_* */
	uint32_t finish; /* LLM_FINISH_* */
	const char *source; /* "provider", "cache", ... */
	const char *provider;
	const char *resolved_model;
	const char *response_model;
	const char *provider_request_id;
	const char *response_ref;
	const char *cache_key;
	const char *decision_json; /* lives as long as the row: it is large, and mostly clean */
	const llm_err *error; /* null: none */
	const llm_usage *usage; /* null: nobody reported any */
	int estimated; /* the usage is an estimate of ours */
	int64_t cost_nanousd; /* -1: unknown */
	const char *price_version;
	const llm_timing *timing;
	int64_t delivered; /* 1: pieces of the answer reached the caller as they came; 0: none */
	int64_t fallbacks;
	int64_t recovered;
	int64_t reasks;
	int64_t finished_us;
	const llm_attempt *const *attempts;
	size_t n_attempts;
} record_end;

/* What one attempt needs besides its llm_attempt. */
typedef struct record_attempt {
	const char *id; /* UUIDv7 */
	const char *generation; /* "org.libllm.ollama 0.1.0", or null */
	const llm_usage *usage; /* null: it reported none */
	const char *cost_json; /* in the arena given; null: its cost is not known */
	int64_t started_us;
	int64_t finished_us;
} record_attempt;

/* 0, or LLM_E_NOMEM. Messages and JSON pass `clean`, which may be null (R-PRIV-3). */
int32_t record_run_begin(
	const record_begin *from, const redact *clean, arena *ar, llm_run_row **ret);
int32_t record_run_end(const record_end *from, const redact *clean, arena *ar, llm_run_row **ret);
int32_t record_attempt_of(const record_end *from, size_t i, const record_attempt *more, arena *ar,
	llm_attempt_row **ret);

/*
 * Is it a JSON object of at most 16 KiB and 64 members? LLM_E_INVALID_REQUEST says
 * which bound it breaks.
 */
int32_t record_metadata(const char *json, size_t len, llm_err *err);

#endif
