/*
 * columns.c - where each column's value lies in its record.
 */
#include "columns.h"

#include <string.h>

/* clang-format off */
#define TEXT(m) {#m, COLUMN_TEXT, offsetof(ROW, m)}
#define NUMBER(m) {#m, COLUMN_NUMBER, offsetof(ROW, m)}
#define FLAG(m) {#m, COLUMN_FLAG, offsetof(ROW, m)}
#define BYTES(m) {#m, COLUMN_BYTES, offsetof(ROW, m)}
#define COLUMNS(table, list) {table, list, sizeof(list) / sizeof((list)[0]), sizeof(ROW)}
/* clang-format on */

#define ROW llm_run_row
static const column run_list[] = {
	FLAG(stream),
	TEXT(workspace_id),
	TEXT(id),
	TEXT(owner_id),
	TEXT(parent_run_id),
	TEXT(pipeline),
	TEXT(profile),
	TEXT(operation),
	TEXT(status),
	TEXT(source),
	TEXT(requested_model),
	TEXT(provider),
	TEXT(resolved_model),
	TEXT(response_model),
	TEXT(provider_request_id),
	TEXT(finish_reason),
	TEXT(error_code),
	TEXT(error_message),
	NUMBER(attempts),
	NUMBER(fallbacks),
	NUMBER(recovered),
	NUMBER(reasks),
	NUMBER(input_tokens),
	NUMBER(output_tokens),
	NUMBER(cache_read_tokens),
	NUMBER(cache_write_tokens),
	NUMBER(reasoning_tokens),
	TEXT(usage_source),
	NUMBER(cost_nanousd),
	TEXT(price_version),
	NUMBER(queue_ms),
	NUMBER(ttft_ms),
	NUMBER(duration_ms),
	NUMBER(settle_us),
	TEXT(request_hash),
	TEXT(cache_key),
	TEXT(idempotency_key_hash),
	TEXT(prompt_ref),
	TEXT(response_ref),
	TEXT(params_json),
	TEXT(decision_json),
	TEXT(metadata_json),
	TEXT(trace_id),
	TEXT(span_id),
	NUMBER(created_us),
	NUMBER(started_us),
	NUMBER(finished_us),
	NUMBER(version),
	NUMBER(delivered),
};
const columns columns_run = COLUMNS("llm_runs", run_list);
#undef ROW

#define ROW llm_attempt_row
static const column attempt_list[] = {
	TEXT(workspace_id),
	TEXT(id),
	TEXT(run_id),
	NUMBER(seq),
	TEXT(candidate_id),
	TEXT(provider),
	TEXT(model),
	TEXT(status),
	TEXT(error_code),
	TEXT(error_class),
	TEXT(phase),
	NUMBER(http_status),
	NUMBER(retry_after_ms),
	NUMBER(waited_ms),
	TEXT(generation),
	NUMBER(input_tokens),
	NUMBER(output_tokens),
	NUMBER(cache_read_tokens),
	NUMBER(cache_write_tokens),
	NUMBER(reasoning_tokens),
	NUMBER(ttft_ms),
	NUMBER(duration_ms),
	NUMBER(load_ms),
	NUMBER(started_us),
	NUMBER(finished_us),
	TEXT(cost_json),
};
const columns columns_attempt = COLUMNS("llm_attempts", attempt_list);
#undef ROW

#define ROW llm_stage_row
static const column stage_list[] = {
	TEXT(workspace_id),
	TEXT(id),
	TEXT(run_id),
	TEXT(name),
	NUMBER(seq),
	NUMBER(attempt),
	TEXT(status),
	TEXT(input_hash),
	TEXT(output_ref),
	TEXT(error_code),
	NUMBER(started_us),
	NUMBER(finished_us),
};
const columns columns_stage = COLUMNS("llm_run_stages", stage_list);
#undef ROW

#define ROW llm_content_row
static const column content_list[] = {
	FLAG(has_bytes),
	TEXT(workspace_id),
	TEXT(hash),
	TEXT(kind),
	BYTES(bytes),
	NUMBER(size),
	NUMBER(created_us),
};
const columns columns_content = COLUMNS("llm_contents", content_list);
#undef ROW

#define ROW llm_owner_row
static const column owner_list[] = {
	TEXT(id),
	NUMBER(started_us),
	NUMBER(lease_us),
	TEXT(key_print),
};
const columns columns_owner = COLUMNS("llm_owners", owner_list);
#undef ROW

#define ROW llm_health_row
static const column health_list[] = {
	TEXT(candidate),
	TEXT(state),
	NUMBER(until_us),
	TEXT(counters_json),
	NUMBER(updated_us),
};
const columns columns_health = COLUMNS("llm_health", health_list);
#undef ROW

#define ROW llm_idem_row
static const column idem_list[] = {
	TEXT(workspace_id),
	TEXT(operation),
	TEXT(key_hash),
	TEXT(fingerprint),
	TEXT(state),
	TEXT(owner_id),
	NUMBER(generation),
	TEXT(run_id),
	TEXT(error_code),
	BYTES(response),
	NUMBER(lease_left_us),
	NUMBER(created_us),
	NUMBER(settled_us),
	NUMBER(ttl_us),
	NUMBER(expires_us),
};
const columns columns_idem = COLUMNS("llm_idempotency", idem_list);
#undef ROW

#define ROW llm_cache_row
static const column cache_list[] = {
	TEXT(workspace_id),
	TEXT(key),
	TEXT(run_id),
	TEXT(candidate_id),
	NUMBER(format_version),
	TEXT(value_sha256),
	BYTES(value),
	NUMBER(created_us),
	NUMBER(expires_us),
	NUMBER(used_us),
};
const columns columns_cache = COLUMNS("llm_cache", cache_list);
#undef ROW

#define ROW llm_cache_trim
static const column trim_list[] = {
	NUMBER(bytes),
	NUMBER(limit),
};
const columns columns_trim = COLUMNS(NULL, trim_list);
#undef ROW

#define ROW llm_stat_row
static const column stat_list[] = {
	TEXT(key),
	NUMBER(bucket_ms),
	NUMBER(width_ms),
	NUMBER(runs),
	NUMBER(errors),
	NUMBER(input_tokens),
	NUMBER(output_tokens),
	NUMBER(cost_nanousd),
	NUMBER(uncosted),
};
const columns columns_stat = COLUMNS(NULL, stat_list);
#undef ROW

#define ROW llm_spend_row
static const column spend_list[] = {
	NUMBER(runs),
	NUMBER(cost_nanousd),
	NUMBER(uncosted),
};
const columns columns_spend = COLUMNS(NULL, spend_list);
#undef ROW

#define ROW llm_budget_row
static const column budget_list[] = {
	FLAG(fixed),
	TEXT(workspace_id),
	TEXT(profile),
	TEXT(run_id),
	TEXT(period),
	NUMBER(span_us),
	NUMBER(limit_nanousd),
	NUMBER(usual_nanousd),
	NUMBER(nanousd),
	NUMBER(spent_nanousd),
	NUMBER(held_nanousd),
	NUMBER(window_us),
	NUMBER(left_us),
	NUMBER(updated_us),
};
const columns columns_budget = COLUMNS("llm_budgets", budget_list);
#undef ROW

#define ROW llm_filter
static const column filter_list[] = {
	TEXT(workspace_id),
	TEXT(id),
	TEXT(operation),
	TEXT(cursor),
	TEXT(status),
	TEXT(profile),
	TEXT(provider),
	TEXT(model),
	TEXT(error_code),
	TEXT(parent_run_id),
	TEXT(text),
	NUMBER(from_us),
	NUMBER(to_us),
	NUMBER(min_cost_nanousd),
	NUMBER(min_duration_ms),
	NUMBER(limit),
	TEXT(from_id),
};
const columns columns_filter = COLUMNS(NULL, filter_list);
#undef ROW

#define ROW llm_purge
static const column purge_list[] = {
	FLAG(all_of_workspace),
	TEXT(workspace_id),
	NUMBER(contents_before_us),
	NUMBER(runs_before_us),
	NUMBER(limit),
	FLAG(expired),
};
const columns columns_purge = COLUMNS(NULL, purge_list);
#undef ROW

const column *columns_find(const columns *cs, const char *name)
{
	size_t i;

	for (i = 0; i < cs->n; i++)
		if (strcmp(cs->list[i].name, name) == 0)
			return &cs->list[i];
	return NULL;
}

void columns_clear(const columns *cs, void *record)
{
	const uint32_t size = (uint32_t)cs->size;
	const int64_t none = LLM_UNKNOWN;
	size_t i;

	memset(record, 0, cs->size);
	memcpy(record, &size, sizeof(size));
	for (i = 0; i < cs->n; i++)
		if (cs->list[i].type == COLUMN_NUMBER)
			memcpy((char *)record + cs->list[i].at, &none, sizeof(none));
}
