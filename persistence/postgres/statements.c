/*
 * statements.c - the statements. Parameters are numbered, and named in the order of their
 * numbers as the columns are (columns.h); nothing here is ever put together at run time.
 *
 * Results name every column: a statement that is prepared outlives a later column. What is
 * used is had by PostgreSQL 11 and by the distributed engines that speak its dialect.
 */
#include "statements.h"

#include "budgets.h"

/* Microseconds since 1970 by the database's own clock, which goes on in a transaction. */
#define NOW "CAST(floor(extract(epoch FROM clock_timestamp()) * 1000000) AS BIGINT)"

/* Durations by decade, each in ninety steps. */
#define BUCKET \
	"CASE WHEN duration_ms IS NULL THEN NULL WHEN duration_ms < 100 THEN duration_ms WHEN " \
	"duration_ms < 1000 THEN duration_ms / 10 * 10 WHEN duration_ms < 10000 THEN " \
	"duration_ms / 100 * 100 WHEN duration_ms < 100000 THEN duration_ms / 1000 * 1000 " \
	"WHEN duration_ms < 1000000 THEN duration_ms / 10000 * 10000 WHEN duration_ms < " \
	"10000000 THEN duration_ms / 100000 * 100000 WHEN duration_ms < 100000000 THEN " \
	"duration_ms / 1000000 * 1000000 WHEN duration_ms < 1000000000 THEN duration_ms / " \
	"10000000 * 10000000 ELSE duration_ms / 100000000 * 100000000 END"
#define WIDTH \
	"CASE WHEN duration_ms IS NULL THEN NULL WHEN duration_ms < 100 THEN 1 WHEN " \
	"duration_ms < 1000 THEN 10 WHEN duration_ms < 10000 THEN 100 WHEN duration_ms < " \
	"100000 THEN 1000 WHEN duration_ms < 1000000 THEN 10000 WHEN duration_ms < 10000000 " \
	"THEN 100000 WHEN duration_ms < 100000000 THEN 1000000 WHEN duration_ms < 1000000000 " \
	"THEN 10000000 ELSE 100000000 END"

#define RUN_COLUMNS \
	"SELECT workspace_id, id, owner_id, parent_run_id, pipeline, profile, operation, status, " \
	"source, requested_model, provider, resolved_model, response_model, " \
	"provider_request_id, stream, finish_reason, error_code, error_message, attempts, " \
	"fallbacks, recovered, reasks, input_tokens, output_tokens, cache_read_tokens, " \
	"cache_write_tokens, reasoning_tokens, usage_source, cost_nanousd, price_version, " \
	"queue_ms, ttft_ms, duration_ms, settle_us, delivered, request_hash, cache_key, " \
	"idempotency_key_hash, prompt_ref, response_ref, params_json, decision_json, " \
	"metadata_json, trace_id, span_id, created_us, started_us, finished_us, version " \
	"FROM llm_runs"

#define STATS(key) STATS_WHERE(key, "workspace_id = $1")
#define STATS_ALL(key) STATS_WHERE(key, "$1 = '*'")
#define DAY "to_char(to_timestamp(created_us / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD')"
#define STATS_WHERE(key, whose) \
	"SELECT " key " AS key, " BUCKET " AS bucket_ms, " WIDTH " AS width_ms, " \
	"count(*) AS runs, count(error_code) AS errors, " \
	"CAST(coalesce(sum(input_tokens), 0) AS BIGINT) AS input_tokens, " \
	"CAST(coalesce(sum(output_tokens), 0) AS BIGINT) AS output_tokens, " \
	"CAST(coalesce(sum(cost_nanousd), 0) AS BIGINT) AS cost_nanousd, " \
	"count(*) - count(cost_nanousd) AS uncosted FROM llm_runs " \
	"WHERE " whose " AND created_us >= coalesce($2, 0) " \
	"AND ($3 IS NULL OR created_us < $3) GROUP BY 1, 2, 3 " \
	"ORDER BY 1 NULLS FIRST, 2 NULLS FIRST"

const statement statements[ST_COUNT] = {
	[ST_RUN_BEGIN] = {"INSERT INTO llm_runs (workspace_id, id, owner_id, parent_run_id, "
			  "pipeline, profile, operation, status, source, requested_model, "
			  "provider, resolved_model, stream, price_version, queue_ms, "
			  "request_hash, cache_key, idempotency_key_hash, prompt_ref, params_json, "
			  "decision_json, metadata_json, trace_id, span_id, created_us, "
			  "started_us, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
			  "$11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, "
			  "$25, $26, 1) ON CONFLICT (workspace_id, id) DO UPDATE SET status = "
			  "excluded.status, owner_id = coalesce(excluded.owner_id, "
			  "llm_runs.owner_id), started_us = coalesce(excluded.started_us, "
			  "llm_runs.started_us), version = llm_runs.version + 1 WHERE "
			  "llm_runs.status = 'pending' AND excluded.status = 'running'",
		"workspace_id id owner_id parent_run_id pipeline profile "
		"operation status source requested_model provider resolved_model "
		"stream price_version queue_ms request_hash cache_key "
		"idempotency_key_hash prompt_ref params_json decision_json "
		"metadata_json trace_id span_id created_us started_us",
		&columns_run, NULL},
	[ST_RUN_FINISH] =
		{"UPDATE llm_runs SET status = $2, version = version + 1, owner_id = "
		 "coalesce($3, owner_id), parent_run_id = coalesce($4, parent_run_id), "
		 "pipeline = coalesce($5, pipeline), profile = coalesce($6, profile), "
		 "source = coalesce($7, source), requested_model = coalesce($8, "
		 "requested_model), provider = coalesce($9, provider), resolved_model = "
		 "coalesce($10, resolved_model), response_model = coalesce($11, "
		 "response_model), provider_request_id = coalesce($12, "
		 "provider_request_id), finish_reason = coalesce($13, finish_reason), "
		 "error_code = coalesce($14, error_code), error_message = coalesce($15, "
		 "error_message), attempts = coalesce($16, attempts), fallbacks = "
		 "coalesce($17, fallbacks), recovered = coalesce($18, recovered), reasks "
		 "= coalesce($19, reasks), input_tokens = coalesce($20, input_tokens), "
		 "output_tokens = coalesce($21, output_tokens), cache_read_tokens = "
		 "coalesce($22, cache_read_tokens), cache_write_tokens = coalesce($23, "
		 "cache_write_tokens), reasoning_tokens = coalesce($24, "
		 "reasoning_tokens), usage_source = coalesce($25, usage_source), "
		 "cost_nanousd = coalesce($26, cost_nanousd), price_version = "
		 "coalesce($27, price_version), queue_ms = coalesce($28, queue_ms), "
		 "ttft_ms = coalesce($29, ttft_ms), duration_ms = coalesce($30, "
		 "duration_ms), settle_us = coalesce($31, settle_us), request_hash = "
		 "coalesce($32, request_hash), cache_key = coalesce($33, cache_key), "
		 "idempotency_key_hash = coalesce($34, idempotency_key_hash), prompt_ref "
		 "= coalesce($35, prompt_ref), response_ref = coalesce($36, "
		 "response_ref), params_json = coalesce($37, params_json), decision_json "
		 "= coalesce($38, decision_json), metadata_json = coalesce($39, "
		 "metadata_json), trace_id = coalesce($40, trace_id), span_id = "
		 "coalesce($41, span_id), started_us = coalesce($42, started_us), "
		 "finished_us = coalesce($43, finished_us), delivered = coalesce($46, "
		 "delivered) WHERE workspace_id = $1 AND id = $44 AND version = $45 AND ($2 = 'succeeded' OR $2 = 'failed' OR $2 = "
		 "'cancelled') AND (status = 'running' OR (status = 'pending' AND $2 <> "
		 "'succeeded'))",
			"workspace_id status owner_id parent_run_id pipeline profile "
			"source requested_model provider resolved_model response_model "
			"provider_request_id finish_reason error_code error_message "
			"attempts fallbacks recovered reasks input_tokens output_tokens "
			"cache_read_tokens cache_write_tokens reasoning_tokens "
			"usage_source cost_nanousd price_version queue_ms ttft_ms "
			"duration_ms settle_us request_hash cache_key "
			"idempotency_key_hash prompt_ref response_ref params_json "
			"decision_json metadata_json trace_id span_id started_us "
			"finished_us id version delivered",
			&columns_run, NULL},
	[ST_ATTEMPT_PUT] =
		{"INSERT INTO llm_attempts (workspace_id, id, run_id, seq, candidate_id, "
		 "provider, model, status, error_code, error_class, phase, http_status, "
		 "retry_after_ms, waited_ms, generation, input_tokens, output_tokens, "
		 "cache_read_tokens, cache_write_tokens, reasoning_tokens, ttft_ms, "
		 "duration_ms, load_ms, started_us, finished_us, cost_json) VALUES ($1, "
		 "$2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, "
		 "$18, $19, $20, $21, $22, $23, $24, $25, $26) ON CONFLICT DO NOTHING",
			"workspace_id id run_id seq candidate_id provider model status "
			"error_code error_class phase http_status retry_after_ms "
			"waited_ms generation input_tokens output_tokens "
			"cache_read_tokens cache_write_tokens reasoning_tokens ttft_ms "
			"duration_ms load_ms started_us finished_us cost_json",
			&columns_attempt, NULL},
	[ST_STAGE_PUT] = {"INSERT INTO llm_run_stages (workspace_id, id, run_id, name, seq, "
			  "attempt, status, input_hash, output_ref, error_code, started_us, "
			  "finished_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) "
			  "ON CONFLICT (workspace_id, run_id, name, attempt) DO UPDATE SET seq = "
			  "excluded.seq, status = excluded.status, input_hash = "
			  "excluded.input_hash, output_ref = excluded.output_ref, error_code = "
			  "excluded.error_code, finished_us = excluded.finished_us",
		"workspace_id id run_id name seq attempt status input_hash "
		"output_ref error_code started_us finished_us",
		&columns_stage, NULL},
	[ST_CONTENT_PUT] = {"INSERT INTO llm_contents (workspace_id, hash, kind, has_bytes, bytes, "
			    "size, created_us) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT "
			    "(workspace_id, hash) DO UPDATE SET has_bytes = "
			    "excluded.has_bytes, bytes = excluded.bytes, created_us = "
			    "excluded.created_us WHERE excluded.has_bytes > "
			    "llm_contents.has_bytes OR (excluded.has_bytes = "
			    "llm_contents.has_bytes AND excluded.created_us > "
			    "llm_contents.created_us + 86400000000)",
		"workspace_id hash kind has_bytes bytes size created_us", &columns_content, NULL},
	[ST_IDEM_CLAIM] = {"INSERT INTO llm_idempotency (workspace_id, operation, key_hash, "
			   "fingerprint, state, owner_id, generation, run_id, created_us) VALUES "
			   "($1, $2, $3, $4, 'claimed', $5, 1, $6, " NOW
			   ") ON CONFLICT (workspace_id, operation, key_hash) DO UPDATE SET "
			   "fingerprint = excluded.fingerprint, state = 'claimed', owner_id = "
			   "excluded.owner_id, generation = llm_idempotency.generation + 1, run_id "
			   "= excluded.run_id, error_code = NULL, response = NULL, created_us = "
			   "excluded.created_us, settled_us = NULL, expires_us = NULL WHERE "
			   "llm_idempotency.expires_us < " NOW
			   " OR (llm_idempotency.fingerprint = excluded.fingerprint AND "
			   "(llm_idempotency.state = 'released' OR (llm_idempotency.state = "
			   "'claimed' AND NOT EXISTS (SELECT 1 FROM llm_owners o WHERE o.id = "
			   "llm_idempotency.owner_id AND o.lease_until_us > " NOW
			   ")))) RETURNING generation",
		"workspace_id operation key_hash fingerprint owner_id run_id", &columns_idem,
		&columns_idem},
	[ST_IDEM_SETTLE] =
		{"UPDATE llm_idempotency SET state = $2, error_code = $3, response = $4, "
		 "run_id = coalesce($5, run_id), settled_us = " NOW ", expires_us = " NOW
		 " + coalesce($6, 86400000000) WHERE workspace_id = $1 AND operation = $7 "
		 "AND key_hash = $8 AND generation = $9 AND state = 'claimed' AND $2 IN "
		 "('succeeded', 'failed', 'released')",
			"workspace_id state error_code response run_id ttl_us operation "
			"key_hash generation",
			&columns_idem, NULL},
	[ST_OWNER_BEAT] = {"INSERT INTO llm_owners (id, started_us, lease_until_us, key_print) "
			   "VALUES ($1, coalesce($2, " NOW "), " NOW
			   " + $3, $4) ON CONFLICT (id) DO UPDATE SET lease_until_us = "
			   "excluded.lease_until_us",
		"id started_us lease_us key_print", &columns_owner, NULL},
	[ST_CACHE_PUT] = {"INSERT INTO llm_cache (workspace_id, key, run_id, candidate_id, "
			  "format_version, value_sha256, value, created_us, expires_us, used_us) "
			  "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT "
			  "(workspace_id, key) DO UPDATE SET run_id = excluded.run_id, "
			  "candidate_id = excluded.candidate_id, format_version = "
			  "excluded.format_version, value_sha256 = excluded.value_sha256, value = "
			  "excluded.value, created_us = excluded.created_us, expires_us = "
			  "excluded.expires_us, used_us = excluded.used_us",
		"workspace_id key run_id candidate_id format_version "
		"value_sha256 value created_us expires_us used_us",
		&columns_cache, NULL},
	[ST_CACHE_TOUCH] = {"UPDATE llm_cache SET used_us = " NOW
			    " WHERE workspace_id = $1 AND key = $2",
		"workspace_id key", &columns_cache, NULL},
	[ST_CACHE_DROP] = {"DELETE FROM llm_cache WHERE workspace_id = $1 AND key = $2",
		"workspace_id key", &columns_cache, NULL},
	[ST_HEALTH_PUT] =
		{"INSERT INTO llm_health (candidate, state, until_us, counters_json, "
		 "updated_us) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (candidate) DO "
		 "UPDATE SET state = excluded.state, until_us = excluded.until_us, "
		 "counters_json = excluded.counters_json, updated_us = excluded.updated_us",
			"candidate state until_us counters_json updated_us", &columns_health, NULL},
	[ST_RUN] = {RUN_COLUMNS " WHERE workspace_id = $1 AND id = $2", "workspace_id id",
		&columns_filter, &columns_run},
	[ST_RUNS] = {RUN_COLUMNS
		" WHERE workspace_id = $1 AND ($2 IS NULL OR id < $2) AND ($3 IS NULL OR "
		"status = $3) AND ($4 IS NULL OR profile = $4) AND ($5 IS NULL OR "
		"provider = $5) AND ($6 IS NULL OR resolved_model = $6) AND ($7 IS NULL "
		"OR error_code = $7) AND ($8 IS NULL OR parent_run_id = $8) AND ($9 IS "
		"NULL OR strpos(requested_model, $9) > 0 OR strpos(error_code, $9) > 0 OR "
		"strpos(error_message, $9) > 0 OR strpos(metadata_json, $9) > 0) AND ($10 IS NULL OR created_us >= "
		"$10) AND ($11 IS NULL OR created_us < $11) AND ($12 IS NULL OR "
		"cost_nanousd >= $12) AND ($13 IS NULL OR duration_ms >= $13) AND ($14 IS "
		"NULL OR id >= $14) ORDER BY id DESC LIMIT $15",
		"workspace_id cursor status profile provider model error_code "
		"parent_run_id text from_us to_us min_cost_nanousd "
		"min_duration_ms from_id limit",
		&columns_filter, &columns_run},
	[ST_ATTEMPTS] = {"SELECT workspace_id, id, run_id, seq, candidate_id, provider, model, "
			 "status, error_code, error_class, phase, http_status, retry_after_ms, "
			 "waited_ms, generation, input_tokens, output_tokens, cache_read_tokens, "
			 "cache_write_tokens, reasoning_tokens, ttft_ms, duration_ms, load_ms, "
			 "started_us, finished_us, cost_json FROM llm_attempts WHERE workspace_id "
			 "= $1 AND run_id = $2 ORDER BY seq",
		"workspace_id id", &columns_filter, &columns_attempt},
	[ST_STAGES] = {"SELECT workspace_id, id, run_id, name, seq, attempt, status, "
		       "input_hash, output_ref, error_code, started_us, finished_us FROM "
		       "llm_run_stages WHERE workspace_id = $1 AND run_id = $2 ORDER BY seq, "
		       "attempt",
		"workspace_id id", &columns_filter, &columns_stage},
	[ST_CONTENT] = {"SELECT workspace_id, hash, kind, has_bytes, bytes, size, created_us "
			"FROM llm_contents WHERE workspace_id = $1 AND hash = $2",
		"workspace_id id", &columns_filter, &columns_content},
	[ST_IDEM] = {"SELECT workspace_id, operation, key_hash, fingerprint, state, owner_id, "
		     "generation, run_id, error_code, response, created_us, settled_us, "
		     "expires_us, coalesce((SELECT o.lease_until_us FROM llm_owners o WHERE "
		     "o.id = llm_idempotency.owner_id), 0) - " NOW
		     " AS lease_left_us FROM llm_idempotency WHERE workspace_id = $1 AND "
		     "operation = $2 AND key_hash = $3 AND (expires_us IS NULL OR expires_us "
		     ">= " NOW ")",
		"workspace_id operation id", &columns_filter, &columns_idem},
	[ST_CACHE] = {"SELECT workspace_id, key, run_id, candidate_id, format_version, "
		      "value_sha256, value, created_us, expires_us, used_us FROM llm_cache "
		      "WHERE workspace_id = $1 AND key = $2",
		"workspace_id id", &columns_filter, &columns_cache},
	[ST_STATS_PROFILE] = {STATS("profile"), "workspace_id from_us to_us", &columns_filter,
		&columns_stat},
	[ST_STATS_PROVIDER] = {STATS("provider"), "workspace_id from_us to_us", &columns_filter,
		&columns_stat},
	[ST_STATS_MODEL] = {STATS("resolved_model"), "workspace_id from_us to_us", &columns_filter,
		&columns_stat},
	[ST_STATS_DAY] = {STATS(DAY), "workspace_id from_us to_us", &columns_filter, &columns_stat},
	[ST_STATS_WORKSPACE] = {STATS("workspace_id"), "workspace_id from_us to_us",
		&columns_filter, &columns_stat},
	[ST_STATS_ALL_PROFILE] = {STATS_ALL("profile"), "workspace_id from_us to_us",
		&columns_filter, &columns_stat},
	[ST_STATS_ALL_PROVIDER] = {STATS_ALL("provider"), "workspace_id from_us to_us",
		&columns_filter, &columns_stat},
	[ST_STATS_ALL_MODEL] = {STATS_ALL("resolved_model"), "workspace_id from_us to_us",
		&columns_filter, &columns_stat},
	[ST_STATS_ALL_DAY] = {STATS_ALL(DAY), "workspace_id from_us to_us", &columns_filter,
		&columns_stat},
	[ST_STATS_ALL_WORKSPACE] = {STATS_ALL("workspace_id"), "workspace_id from_us to_us",
		&columns_filter, &columns_stat},
	[ST_SPEND] = {"SELECT count(*) AS runs, CAST(coalesce(sum(cost_nanousd), 0) AS BIGINT) "
		      "AS cost_nanousd, count(*) - count(cost_nanousd) AS uncosted FROM "
		      "llm_runs WHERE workspace_id = $1 AND created_us >= coalesce($2, 0)",
		"workspace_id from_us", &columns_filter, &columns_spend},
	[ST_HEALTH] = {"SELECT candidate, state, until_us, counters_json, updated_us FROM "
		       "llm_health ORDER BY candidate",
		NULL, &columns_filter, &columns_health},
	[ST_BUDGETS] = {BUDGETS_SQL, "workspace_id profile limit", &columns_filter,
		&columns_budget},
	[ST_OWNERS] = {"SELECT id, started_us, lease_until_us - " NOW
		       " AS lease_us, key_print FROM llm_owners ORDER BY id DESC LIMIT $1",
		"limit", &columns_filter, &columns_owner},
	[ST_BUDGET_TURN] = {BUDGET_TURN_SQL, BUDGET_NAMES, &columns_budget, NULL},
	[ST_BUDGET_HOLD] = {BUDGET_HOLD_SQL, BUDGET_NAMES, &columns_budget, NULL},
	[ST_BUDGET_TELL] = {BUDGET_TELL_SQL, BUDGET_NAMES, &columns_budget, &columns_budget},
	[ST_BUDGET_SETTLE] = {BUDGET_SETTLE_SQL, BUDGET_NAMES, &columns_budget, NULL},
	[ST_BUDGET_SPEND] = {BUDGET_SPEND_SQL, BUDGET_NAMES, &columns_budget, NULL},
	[ST_BUDGET_SET] = {BUDGET_SET_SQL, BUDGET_NAMES, &columns_budget, NULL},
	[ST_BUDGET_COUNT] = {BUDGET_COUNT_SQL, BUDGET_NAMES, &columns_budget, NULL},
	[ST_BUDGET_UNSET] = {BUDGET_UNSET_SQL, BUDGET_NAMES, &columns_budget, NULL},
	[ST_BUDGET_REAP] = {BUDGET_REAP(BUDGET_OF, BUDGET_LIVES), BUDGET_NAMES, &columns_budget,
		NULL},
	[ST_REAP_HOLDS] = {BUDGET_REAP("", ""), NULL, NULL, NULL},
	/* Locked first, as a table of its own: a limit inside IN may be asked for again and again. */
	[ST_REAP] =
		{"WITH gone AS (SELECT r.workspace_id, r.id FROM llm_runs r WHERE r.status = "
		 "'running' AND NOT EXISTS (SELECT 1 FROM llm_owners o WHERE o.id = r.owner_id AND "
		 "o.lease_until_us > " NOW
		 ") ORDER BY r.workspace_id, r.id LIMIT $1 FOR UPDATE SKIP "
		 "LOCKED) UPDATE llm_runs AS r SET status = 'abandoned', finished_us = " NOW
		 ", version = r.version + 1 FROM gone WHERE r.workspace_id = gone.workspace_id AND "
		 "r.id = gone.id AND r.status = 'running'",
			"limit", &columns_filter, NULL},
	[ST_PURGE_ATTEMPTS] =
		{"DELETE FROM llm_attempts WHERE (workspace_id, run_id, seq) IN (SELECT "
		 "workspace_id, run_id, seq FROM llm_attempts WHERE $2 = 1 AND workspace_id = $1 "
		 "UNION ALL SELECT c.workspace_id, c.run_id, c.seq FROM llm_attempts c JOIN llm_runs "
		 "r ON r.workspace_id = c.workspace_id AND r.id = c.run_id WHERE ($1 IS "
		 "NULL OR r.workspace_id = $1) AND r.created_us < $3 AND r.status NOT IN "
		 "('pending', 'running') LIMIT $4)",
			"workspace_id all_of_workspace runs_before_us limit", &columns_purge, NULL},
	[ST_PURGE_STAGES] =
		{"DELETE FROM llm_run_stages WHERE (workspace_id, id) IN (SELECT "
		 "workspace_id, id FROM llm_run_stages WHERE $2 = 1 AND workspace_id = $1 "
		 "UNION ALL SELECT c.workspace_id, c.id FROM llm_run_stages c JOIN "
		 "llm_runs r ON r.workspace_id = c.workspace_id AND r.id = c.run_id WHERE "
		 "($1 IS NULL OR r.workspace_id = $1) AND r.created_us < $3 AND r.status "
		 "NOT IN ('pending', 'running') LIMIT $4)",
			"workspace_id all_of_workspace runs_before_us limit", &columns_purge, NULL},
	[ST_PURGE_RUNS] = {"DELETE FROM llm_runs WHERE (workspace_id, id) IN (SELECT "
			   "r.workspace_id, r.id FROM llm_runs r WHERE (($2 = 1 AND r.workspace_id "
			   "= $1) OR (($1 IS NULL OR r.workspace_id = $1) AND r.created_us < $3 AND "
			   "r.status NOT IN ('pending', 'running'))) AND NOT EXISTS (SELECT 1 FROM "
			   "llm_attempts c WHERE c.workspace_id = r.workspace_id AND c.run_id = "
			   "r.id) AND NOT EXISTS (SELECT 1 FROM llm_run_stages c WHERE "
			   "c.workspace_id = r.workspace_id AND c.run_id = r.id) LIMIT $4)",
		"workspace_id all_of_workspace runs_before_us limit", &columns_purge, NULL},
	[ST_PURGE_CONTENTS] = {"DELETE FROM llm_contents WHERE (workspace_id, hash) IN (SELECT "
			       "c.workspace_id, c.hash FROM llm_contents c WHERE ($1 IS NULL OR "
			       "c.workspace_id = $1) AND ($2 = 1 OR c.created_us < $3) LIMIT $4)",
		"workspace_id all_of_workspace contents_before_us limit", &columns_purge, NULL},
	[ST_PURGE_IDEM] =
		{"DELETE FROM llm_idempotency WHERE (workspace_id, operation, key_hash) "
		 "IN (SELECT c.workspace_id, c.operation, c.key_hash FROM llm_idempotency "
		 "c WHERE ($1 IS NULL OR c.workspace_id = $1) AND ($2 = 1 OR ($3 = 1 AND "
		 "c.state <> 'claimed' AND c.expires_us < " NOW
		 ") OR ($3 = 1 AND c.state = 'claimed' AND c.created_us + 86400000000 < " NOW
		 " AND NOT EXISTS (SELECT 1 FROM llm_owners o WHERE o.id = c.owner_id AND "
		 "o.lease_until_us > " NOW "))) LIMIT $4)",
			"workspace_id all_of_workspace expired limit", &columns_purge, NULL},
	[ST_PURGE_CACHE] = {"DELETE FROM llm_cache WHERE (workspace_id, key) IN (SELECT "
			    "c.workspace_id, c.key FROM llm_cache c WHERE ($1 IS NULL OR "
			    "c.workspace_id = $1) AND ($2 = 1 OR ($3 = 1 AND c.expires_us < " NOW
			    ")) LIMIT $4)",
		"workspace_id all_of_workspace expired limit", &columns_purge, NULL},
	[ST_PURGE_BUDGETS] =
		{"DELETE FROM llm_budgets WHERE (workspace_id, profile) IN (SELECT "
		 "c.workspace_id, c.profile FROM llm_budgets c WHERE $2 = 1 AND "
		 "c.workspace_id = $1 ORDER BY c.profile COLLATE \"C\" LIMIT $3 FOR UPDATE)",
			"workspace_id all_of_workspace limit", &columns_purge, NULL},
	/*
	 * Gone a day ago, and a day before the oldest run on record was created: none can be theirs.
	 * The newest stays, for the key that it hashed with.
	 */
	[ST_PURGE_OWNERS] =
		{"DELETE FROM llm_owners WHERE id IN (SELECT c.id FROM llm_owners c WHERE $1 = 1 AND "
		 "c.lease_until_us + 86400000000 < least(" NOW
		 ", (SELECT min(created_us) FROM llm_runs)) AND c.id <> (SELECT max(id) FROM "
		 "llm_owners) AND NOT EXISTS (SELECT 1 FROM llm_runs r WHERE r.owner_id = c.id AND "
		 "r.status = 'running') AND c.id NOT IN (SELECT owner_id FROM llm_idempotency WHERE "
		 "owner_id IS NOT NULL) LIMIT $2)",
			"expired limit", &columns_purge, NULL},
	/*
	 * With their budget, whatever the limit: one that begins anew knows nothing of them. Whoever
	 * takes one away now has it before the budget: it is not waited for.
	 */
	[ST_PURGE_HOLDS] = {"DELETE FROM llm_budget_holds WHERE (workspace_id, profile, run_id) IN "
			    "(SELECT h.workspace_id, h.profile, h.run_id FROM llm_budget_holds h "
			    "WHERE $2 = 1 AND h.workspace_id = $1 AND NOT EXISTS (SELECT 1 FROM "
			    "llm_budgets b WHERE b.workspace_id = h.workspace_id AND b.profile = "
			    "h.profile) FOR UPDATE SKIP LOCKED)",
		"workspace_id all_of_workspace", &columns_purge, NULL},
	/*
	 * Of so many rows as fit those used last stay: all rows are looked at, so it is asked rarely.
	 * A row that somebody else has is left to the next time, whatever the order of locks.
	 */
	[ST_CACHE_TRIM] =
		{"WITH old AS (SELECT c.workspace_id, c.key FROM (SELECT workspace_id, key, used_us, "
		 "expires_us < " NOW " AS expired, sum(octet_length(value) + 256) OVER (ORDER BY "
		 "expires_us < " NOW
		 ", used_us DESC, workspace_id, key ROWS UNBOUNDED PRECEDING) AS "
		 "upto FROM llm_cache) c WHERE c.expired OR c.upto > CAST($1 AS BIGINT) ORDER BY "
		 "c.expired DESC, c.used_us, c.workspace_id DESC, c.key DESC LIMIT $2), gone AS "
		 "(SELECT c.workspace_id, c.key FROM llm_cache c JOIN old ON old.workspace_id = "
		 "c.workspace_id AND old.key = c.key FOR UPDATE OF c SKIP LOCKED) DELETE FROM "
		 "llm_cache AS c USING gone WHERE c.workspace_id = gone.workspace_id AND c.key = "
		 "gone.key",
			"bytes limit", &columns_trim, NULL},
	[ST_SAVEPOINT] = {"SAVEPOINT llm_unit", NULL, NULL, NULL},
	[ST_RELEASE] = {"RELEASE SAVEPOINT llm_unit", NULL, NULL, NULL},
	[ST_ROLLBACK_TO] = {"ROLLBACK TO SAVEPOINT llm_unit", NULL, NULL, NULL},
};
