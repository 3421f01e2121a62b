/*
 * statements.c - the statements. Parameters and results are named as the columns are
 * (columns.h); nothing here is ever put together at run time.
 */
#include "statements.h"

/* Microseconds since 1970 by the database's own clock (its unixepoch has whole seconds). */
#define NOW "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)"

#include "budgets.h"

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

/* Of one workspace, or of all of them where the filter says "*": then found by their time. */
#define STATS(key) STATS_WHERE(key, "workspace_id = :workspace_id")
#define STATS_ALL(key) STATS_WHERE(key, ":workspace_id = '*'")
#define STATS_WHERE(key, whose) \
	"SELECT " key " AS key, " BUCKET " AS bucket_ms, " WIDTH " AS width_ms, " \
	"count(*) AS runs, count(error_code) AS errors, " \
	"coalesce(sum(input_tokens), 0) AS input_tokens, " \
	"coalesce(sum(output_tokens), 0) AS output_tokens, " \
	"coalesce(sum(cost_nanousd), 0) AS cost_nanousd, " \
	"count(*) - count(cost_nanousd) AS uncosted FROM llm_runs " \
	"WHERE " whose " AND created_us >= coalesce(:from_us, 0) " \
	"AND (:to_us IS NULL OR created_us < :to_us) GROUP BY 1, 2, 3 ORDER BY 1, 2"

/*
 * A page of runs; of one error alone an index leads to them. That most ids are late enough is what
 * SQLite has to be told: with so many conditions it expects no row, and to sort none is cheap.
 */
#define RUNS(error) \
	"SELECT * FROM llm_runs WHERE workspace_id = :workspace_id AND id < coalesce(:cursor, " \
	"x'ff') AND likely(id >= coalesce(:from_id, '')) AND " error \
	" AND (:status IS NULL OR status = :status) AND (:profile IS NULL OR profile = " \
	":profile) AND (:provider IS NULL OR provider = :provider) AND (:model IS NULL OR " \
	"resolved_model = :model) AND (:parent_run_id IS NULL OR parent_run_id = " \
	":parent_run_id) AND (:text IS NULL OR instr(requested_model, :text) OR " \
	"instr(error_code, :text) OR instr(error_message, :text) OR instr(metadata_json, " \
	":text)) AND (:from_us IS NULL OR created_us >= :from_us) AND (:to_us IS NULL OR " \
	"created_us < :to_us) AND (:min_cost_nanousd IS NULL OR cost_nanousd >= " \
	":min_cost_nanousd) AND (:min_duration_ms IS NULL OR duration_ms >= :min_duration_ms) " \
	"ORDER BY id DESC LIMIT coalesce(:limit, -1)"

const statement statements[ST_COUNT] = {
	[ST_RUN_BEGIN] =
		{"INSERT INTO llm_runs (workspace_id, id, owner_id, parent_run_id, pipeline, profile, "
		 "operation, status, source, requested_model, provider, resolved_model, stream, "
		 "price_version, queue_ms, request_hash, cache_key, idempotency_key_hash, prompt_ref, "
		 "params_json, decision_json, metadata_json, trace_id, span_id, created_us, "
		 "started_us, version) VALUES (:workspace_id, :id, :owner_id, :parent_run_id, "
		 ":pipeline, :profile, :operation, :status, :source, :requested_model, :provider, "
		 ":resolved_model, :stream, :price_version, :queue_ms, :request_hash, :cache_key, "
		 ":idempotency_key_hash, :prompt_ref, :params_json, :decision_json, :metadata_json, "
		 ":trace_id, :span_id, :created_us, :started_us, 1) ON CONFLICT DO NOTHING",
			&columns_run, NULL},
	[ST_RUN_START] = {"UPDATE llm_runs SET status = :status, owner_id = coalesce(:owner_id, "
			  "owner_id), started_us = coalesce(:started_us, started_us), version = "
			  "version + 1 WHERE workspace_id = :workspace_id AND id = :id AND status = "
			  "'pending' AND :status = 'running'",
		&columns_run, NULL},
	[ST_RUN_FINISH] =
		{"UPDATE llm_runs SET status = :status, version = version + 1, owner_id = "
		 "coalesce(:owner_id, owner_id), parent_run_id = coalesce(:parent_run_id, "
		 "parent_run_id), pipeline = coalesce(:pipeline, pipeline), profile = "
		 "coalesce(:profile, profile), source = coalesce(:source, source), requested_model = "
		 "coalesce(:requested_model, requested_model), provider = coalesce(:provider, "
		 "provider), resolved_model = coalesce(:resolved_model, resolved_model), "
		 "response_model = coalesce(:response_model, response_model), provider_request_id = "
		 "coalesce(:provider_request_id, provider_request_id), finish_reason = "
		 "coalesce(:finish_reason, finish_reason), error_code = coalesce(:error_code, "
		 "error_code), error_message = coalesce(:error_message, error_message), attempts = "
		 "coalesce(:attempts, attempts), fallbacks = coalesce(:fallbacks, fallbacks), "
		 "recovered = coalesce(:recovered, recovered), reasks = coalesce(:reasks, reasks), "
		 "input_tokens = coalesce(:input_tokens, input_tokens), output_tokens = "
		 "coalesce(:output_tokens, output_tokens), cache_read_tokens = "
		 "coalesce(:cache_read_tokens, cache_read_tokens), cache_write_tokens = "
		 "coalesce(:cache_write_tokens, cache_write_tokens), reasoning_tokens = "
		 "coalesce(:reasoning_tokens, reasoning_tokens), usage_source = "
		 "coalesce(:usage_source, usage_source), cost_nanousd = coalesce(:cost_nanousd, "
		 "cost_nanousd), price_version = coalesce(:price_version, price_version), queue_ms = "
		 "coalesce(:queue_ms, queue_ms), ttft_ms = coalesce(:ttft_ms, ttft_ms), duration_ms = "
		 "coalesce(:duration_ms, duration_ms), settle_us = coalesce(:settle_us, settle_us), "
		 "delivered = coalesce(:delivered, delivered), "
		 "request_hash = coalesce(:request_hash, request_hash), cache_key = "
		 "coalesce(:cache_key, cache_key), idempotency_key_hash = "
		 "coalesce(:idempotency_key_hash, idempotency_key_hash), prompt_ref = "
		 "coalesce(:prompt_ref, prompt_ref), response_ref = coalesce(:response_ref, "
		 "response_ref), params_json = coalesce(:params_json, params_json), decision_json = "
		 "coalesce(:decision_json, decision_json), metadata_json = coalesce(:metadata_json, "
		 "metadata_json), trace_id = coalesce(:trace_id, trace_id), span_id = "
		 "coalesce(:span_id, span_id), started_us = coalesce(:started_us, started_us), "
		 "finished_us = coalesce(:finished_us, finished_us) WHERE workspace_id = :workspace_id "
		 "AND id = :id AND version = :version AND (:status = 'succeeded' OR :status = 'failed' "
		 "OR :status = 'cancelled') AND (status = 'running' OR (status = 'pending' AND :status "
		 "<> 'succeeded'))",
			&columns_run, NULL},
	/* The same of a record that says nothing but what an end tells: most of that has no value yet. */
	[ST_RUN_END] =
		{"UPDATE llm_runs SET status = :status, version = version + 1, source = "
		 "coalesce(:source, source), provider = coalesce(:provider, provider), resolved_model "
		 "= coalesce(:resolved_model, resolved_model), price_version = "
		 "coalesce(:price_version, price_version), queue_ms = coalesce(:queue_ms, queue_ms), "
		 "cache_key = coalesce(:cache_key, cache_key), decision_json = "
		 "coalesce(:decision_json, decision_json), response_model = :response_model, "
		 "provider_request_id = :provider_request_id, finish_reason = :finish_reason, "
		 "error_code = :error_code, error_message = :error_message, attempts = :attempts, "
		 "fallbacks = :fallbacks, recovered = :recovered, reasks = :reasks, input_tokens = "
		 ":input_tokens, output_tokens = :output_tokens, cache_read_tokens = "
		 ":cache_read_tokens, cache_write_tokens = :cache_write_tokens, reasoning_tokens = "
		 ":reasoning_tokens, usage_source = :usage_source, cost_nanousd = :cost_nanousd, "
		 "ttft_ms = :ttft_ms, duration_ms = :duration_ms, settle_us = :settle_us, delivered "
		 "= :delivered, response_ref "
		 "= :response_ref, finished_us = :finished_us WHERE workspace_id = :workspace_id AND "
		 "id = :id AND version = :version AND (:status = 'succeeded' OR :status = 'failed' OR "
		 ":status = 'cancelled') AND (status = 'running' OR (status = 'pending' AND :status <> "
		 "'succeeded'))",
			&columns_run, NULL},
	[ST_ATTEMPT_PUT] =
		{"INSERT INTO llm_attempts (workspace_id, id, run_id, seq, candidate_id, provider, "
		 "model, status, error_code, error_class, phase, http_status, retry_after_ms, "
		 "waited_ms, generation, input_tokens, output_tokens, cache_read_tokens, "
		 "cache_write_tokens, reasoning_tokens, ttft_ms, duration_ms, load_ms, started_us, "
		 "finished_us, cost_json) VALUES (:workspace_id, :id, :run_id, :seq, :candidate_id, "
		 ":provider, "
		 ":model, :status, :error_code, :error_class, :phase, :http_status, :retry_after_ms, "
		 ":waited_ms, :generation, :input_tokens, :output_tokens, :cache_read_tokens, "
		 ":cache_write_tokens, :reasoning_tokens, :ttft_ms, :duration_ms, :load_ms, "
		 ":started_us, :finished_us, :cost_json) ON CONFLICT DO NOTHING",
			&columns_attempt, NULL},
	[ST_STAGE_PUT] =
		{"INSERT INTO llm_run_stages (workspace_id, id, run_id, name, seq, attempt, status, "
		 "input_hash, output_ref, error_code, started_us, finished_us) VALUES (:workspace_id, "
		 ":id, :run_id, :name, :seq, :attempt, :status, :input_hash, :output_ref, :error_code, "
		 ":started_us, :finished_us) ON CONFLICT (workspace_id, run_id, name, attempt) DO "
		 "UPDATE SET seq = excluded.seq, status = excluded.status, input_hash = "
		 "excluded.input_hash, output_ref = excluded.output_ref, error_code = "
		 "excluded.error_code, finished_us = excluded.finished_us",
			&columns_stage, NULL},
	[ST_CONTENT_PUT] =
		{"INSERT INTO llm_contents (has_bytes, workspace_id, hash, kind, bytes, size, "
		 "created_us) VALUES (:has_bytes, :workspace_id, :hash, :kind, :bytes, :size, "
		 ":created_us) ON CONFLICT (workspace_id, hash) DO UPDATE SET has_bytes = "
		 "excluded.has_bytes, bytes = excluded.bytes, created_us = excluded.created_us WHERE "
		 "excluded.has_bytes > llm_contents.has_bytes OR (excluded.has_bytes = "
		 "llm_contents.has_bytes AND excluded.created_us > llm_contents.created_us + "
		 "86400000000)",
			&columns_content, NULL},
	[ST_IDEM_CLAIM] =
		{"INSERT INTO llm_idempotency (workspace_id, operation, key_hash, fingerprint, state, "
		 "owner_id, generation, run_id, created_us) VALUES (:workspace_id, :operation, "
		 ":key_hash, :fingerprint, 'claimed', :owner_id, 1, :run_id, " NOW
		 ") ON CONFLICT (workspace_id, operation, key_hash) DO UPDATE SET fingerprint = "
		 "excluded.fingerprint, state = 'claimed', owner_id = excluded.owner_id, generation = "
		 "generation + 1, run_id = excluded.run_id, error_code = NULL, response = NULL, "
		 "created_us = excluded.created_us, settled_us = NULL, expires_us = NULL WHERE "
		 "expires_us < " NOW
		 "OR (fingerprint = excluded.fingerprint AND (state = 'released' OR (state = 'claimed' "
		 "AND NOT EXISTS (SELECT 1 FROM llm_owners o WHERE o.id = llm_idempotency.owner_id AND "
		 "o.lease_until_us > " NOW ")))) RETURNING generation",
			&columns_idem, &columns_idem},
	[ST_IDEM_SETTLE] =
		{"UPDATE llm_idempotency SET state = :state, error_code = :error_code, response = "
		 ":response, run_id = coalesce(:run_id, run_id), settled_us = " NOW
		 ", expires_us = " NOW
		 "+ coalesce(:ttl_us, 86400000000) WHERE workspace_id = :workspace_id AND operation = "
		 ":operation AND key_hash = :key_hash AND generation = :generation AND state = "
		 "'claimed' AND :state IN ('succeeded', 'failed', 'released')",
			&columns_idem, NULL},
	[ST_OWNER_BEAT] =
		{"INSERT INTO llm_owners (id, started_us, lease_until_us, key_print) VALUES (:id, "
		 "coalesce(:started_us, " NOW "), " NOW
		 "+ :lease_us, :key_print) ON CONFLICT (id) DO UPDATE SET lease_until_us = excluded.lease_until_us",
			&columns_owner, NULL},
	[ST_CACHE_PUT] =
		{"INSERT INTO llm_cache (workspace_id, key, run_id, candidate_id, format_version, "
		 "value_sha256, value, created_us, expires_us, used_us) VALUES (:workspace_id, :key, "
		 ":run_id, :candidate_id, :format_version, :value_sha256, :value, :created_us, "
		 ":expires_us, :used_us) ON CONFLICT (workspace_id, key) DO UPDATE SET run_id = "
		 "excluded.run_id, candidate_id = excluded.candidate_id, format_version = "
		 "excluded.format_version, value_sha256 = excluded.value_sha256, value = "
		 "excluded.value, created_us = excluded.created_us, expires_us = excluded.expires_us, "
		 "used_us = excluded.used_us",
			&columns_cache, NULL},
	[ST_CACHE_TOUCH] = {"UPDATE llm_cache SET used_us = " NOW
			    "WHERE workspace_id = :workspace_id AND key = :key",
		&columns_cache, NULL},
	[ST_CACHE_DROP] = {"DELETE FROM llm_cache WHERE workspace_id = :workspace_id AND key = :key",
		&columns_cache, NULL},
	[ST_HEALTH_PUT] =
		{"INSERT INTO llm_health (candidate, state, until_us, counters_json, updated_us) "
		 "VALUES (:candidate, :state, :until_us, :counters_json, :updated_us) ON CONFLICT "
		 "(candidate) DO UPDATE SET state = excluded.state, until_us = excluded.until_us, "
		 "counters_json = excluded.counters_json, updated_us = excluded.updated_us",
			&columns_health, NULL},
	[ST_BUDGET_TURN] = {BUDGET_TURN_SQL, &columns_budget, NULL},
	[ST_BUDGET_HOLD] = {BUDGET_HOLD_SQL, &columns_budget, NULL},
	[ST_BUDGET_NOTE] = {BUDGET_NOTE_SQL, &columns_budget, NULL},
	[ST_BUDGET_TELL] = {BUDGET_TELL_SQL, &columns_budget, &columns_budget},
	[ST_BUDGET_SETTLE] = {BUDGET_SETTLE_SQL, &columns_budget, NULL},
	[ST_BUDGET_DROP] = {BUDGET_DROP_SQL, &columns_budget, NULL},
	[ST_BUDGET_SPEND] = {BUDGET_SPEND_SQL, &columns_budget, NULL},
	[ST_BUDGET_SET] = {BUDGET_SET_SQL, &columns_budget, NULL},
	[ST_BUDGET_COUNT] = {BUDGET_COUNT_SQL, &columns_budget, NULL},
	[ST_BUDGET_UNSET] = {BUDGET_UNSET_SQL, &columns_budget, NULL},
	[ST_BUDGET_REAP] = {BUDGET_REAP(BUDGET_LIVES) " AND " BUDGET_KEY, &columns_budget, NULL},
	[ST_BUDGET_FORGET] = {BUDGET_FORGET(BUDGET_LIVED) " AND " BUDGET_KEY, &columns_budget,
		NULL},
	[ST_RUN] = {"SELECT * FROM llm_runs WHERE workspace_id = :workspace_id AND id = :id",
		&columns_filter, &columns_run},
	[ST_RUNS] = {RUNS("(:error_code IS NULL OR error_code = :error_code)"), &columns_filter,
		&columns_run},
	[ST_RUNS_ERROR] = {RUNS("error_code = :error_code"), &columns_filter, &columns_run},
	[ST_ATTEMPTS] =
		{"SELECT * FROM llm_attempts WHERE workspace_id = :workspace_id AND run_id = :id ORDER "
		 "BY seq",
			&columns_filter, &columns_attempt},
	[ST_STAGES] =
		{"SELECT * FROM llm_run_stages WHERE workspace_id = :workspace_id AND run_id = :id "
		 "ORDER BY seq, attempt",
			&columns_filter, &columns_stage},
	[ST_CONTENT] =
		{"SELECT * FROM llm_contents WHERE workspace_id = :workspace_id AND hash = :id",
			&columns_filter, &columns_content},
	[ST_IDEM] =
		{"SELECT *, coalesce((SELECT o.lease_until_us FROM llm_owners o WHERE o.id = "
		 "llm_idempotency.owner_id), 0) - " NOW
		 "AS lease_left_us FROM llm_idempotency WHERE workspace_id = :workspace_id AND "
		 "operation = :operation AND key_hash = :id AND (expires_us IS NULL OR expires_us >= " NOW
		 ")",
			&columns_filter, &columns_idem},
	[ST_CACHE] = {"SELECT * FROM llm_cache WHERE workspace_id = :workspace_id AND key = :id",
		&columns_filter, &columns_cache},
	[ST_STATS_PROFILE] = {STATS("profile"), &columns_filter, &columns_stat},
	[ST_STATS_PROVIDER] = {STATS("provider"), &columns_filter, &columns_stat},
	[ST_STATS_MODEL] = {STATS("resolved_model"), &columns_filter, &columns_stat},
	[ST_STATS_DAY] = {STATS("date(created_us / 1000000, 'unixepoch')"), &columns_filter,
		&columns_stat},
	[ST_STATS_WORKSPACE] = {STATS("workspace_id"), &columns_filter, &columns_stat},
	[ST_STATS_ALL_PROFILE] = {STATS_ALL("profile"), &columns_filter, &columns_stat},
	[ST_STATS_ALL_PROVIDER] = {STATS_ALL("provider"), &columns_filter, &columns_stat},
	[ST_STATS_ALL_MODEL] = {STATS_ALL("resolved_model"), &columns_filter, &columns_stat},
	[ST_STATS_ALL_DAY] = {STATS_ALL("date(created_us / 1000000, 'unixepoch')"), &columns_filter,
		&columns_stat},
	[ST_STATS_ALL_WORKSPACE] = {STATS_ALL("+workspace_id"), &columns_filter, &columns_stat},
	[ST_SPEND] =
		{"SELECT count(*) AS runs, coalesce(sum(cost_nanousd), 0) AS cost_nanousd, count(*) - "
		 "count(cost_nanousd) AS uncosted FROM llm_runs WHERE workspace_id = :workspace_id AND "
		 "created_us >= coalesce(:from_us, 0)",
			&columns_filter, &columns_spend},
	[ST_HEALTH] = {"SELECT * FROM llm_health ORDER BY candidate", &columns_filter,
		&columns_health},
	[ST_REAP] = {"UPDATE llm_runs SET status = 'abandoned', finished_us = " NOW
		     ", version = version + 1 WHERE rowid IN (SELECT r.rowid FROM llm_runs r WHERE "
		     "r.status = 'running' AND NOT EXISTS (SELECT 1 FROM llm_owners o WHERE o.id = "
		     "r.owner_id AND o.lease_until_us > " NOW ") LIMIT :limit)",
		&columns_filter, NULL},
	[ST_PURGE_ATTEMPTS] =
		/* The outer SELECT lets SQLite look the three up by the primary key. */
	{"DELETE FROM llm_attempts WHERE (workspace_id, run_id, seq) IN (SELECT * FROM (SELECT "
	 "workspace_id, run_id, seq FROM llm_attempts WHERE :all_of_workspace = 1 AND "
	 "workspace_id = :workspace_id UNION ALL SELECT c.workspace_id, c.run_id, c.seq FROM "
	 "llm_attempts c JOIN llm_runs r ON r.workspace_id = c.workspace_id AND r.id = c.run_id "
	 "WHERE (:workspace_id IS NULL OR r.workspace_id = :workspace_id) AND r.created_us < "
	 ":runs_before_us AND r.status NOT IN ('pending', 'running') LIMIT :limit))",
		&columns_purge, NULL},
	[ST_PURGE_STAGES] =
		{"DELETE FROM llm_run_stages WHERE rowid IN (SELECT rowid FROM llm_run_stages WHERE "
		 ":all_of_workspace = 1 AND workspace_id = :workspace_id UNION ALL SELECT c.rowid "
		 "FROM llm_run_stages c JOIN llm_runs r ON r.workspace_id = c.workspace_id AND r.id = "
		 "c.run_id WHERE (:workspace_id IS NULL OR r.workspace_id = :workspace_id) AND "
		 "r.created_us < :runs_before_us AND r.status NOT IN ('pending', 'running') LIMIT "
		 ":limit)",
			&columns_purge, NULL},
	[ST_PURGE_RUNS] =
		{"DELETE FROM llm_runs WHERE rowid IN (SELECT r.rowid FROM llm_runs r WHERE "
		 "((:all_of_workspace = 1 AND r.workspace_id = :workspace_id) OR ((:workspace_id IS "
		 "NULL OR r.workspace_id = :workspace_id) AND r.created_us < :runs_before_us AND "
		 "r.status NOT IN ('pending', 'running'))) AND NOT EXISTS (SELECT 1 FROM llm_attempts "
		 "c WHERE c.workspace_id = r.workspace_id AND c.run_id = r.id) AND NOT EXISTS (SELECT "
		 "1 FROM llm_run_stages c WHERE c.workspace_id = r.workspace_id AND c.run_id = r.id) "
		 "LIMIT :limit)",
			&columns_purge, NULL},
	[ST_PURGE_CONTENTS] =
		{"DELETE FROM llm_contents WHERE rowid IN (SELECT c.rowid FROM llm_contents c WHERE "
		 "(:workspace_id IS NULL OR c.workspace_id = :workspace_id) AND (:all_of_workspace = 1 "
		 "OR c.created_us < :contents_before_us) LIMIT :limit)",
			&columns_purge, NULL},
	[ST_PURGE_IDEM] =
		{"DELETE FROM llm_idempotency WHERE rowid IN (SELECT c.rowid FROM llm_idempotency c "
		 "WHERE (:workspace_id IS NULL OR c.workspace_id = :workspace_id) AND "
		 "(:all_of_workspace = 1 OR (:expired = 1 AND c.state <> 'claimed' AND c.expires_us < " NOW
		 ") OR (:expired = 1 AND c.state = 'claimed' AND c.created_us + 86400000000 < " NOW
		 "AND NOT EXISTS (SELECT 1 FROM llm_owners o WHERE o.id = c.owner_id AND "
		 "o.lease_until_us > " NOW "))) LIMIT :limit)",
			&columns_purge, NULL},
	[ST_PURGE_CACHE] =
		{"DELETE FROM llm_cache WHERE rowid IN (SELECT c.rowid FROM llm_cache c WHERE "
		 "(:workspace_id IS NULL OR c.workspace_id = :workspace_id) AND (:all_of_workspace = 1 "
		 "OR (:expired = 1 AND c.expires_us < " NOW ")) LIMIT :limit)",
			&columns_purge, NULL},
	[ST_PURGE_BUDGETS] =
		{"DELETE FROM llm_budgets WHERE rowid IN (SELECT c.rowid FROM llm_budgets c WHERE "
		 ":all_of_workspace = 1 AND c.workspace_id = :workspace_id LIMIT :limit)",
			&columns_purge, NULL},
	/*
	 * Gone a day ago, and a day before the oldest run on record was created: none can be theirs.
	 * The newest stays, for the key that it hashed with.
	 */
	[ST_PURGE_OWNERS] =
		{"DELETE FROM llm_owners WHERE rowid IN (SELECT c.rowid FROM llm_owners c WHERE "
		 ":expired = 1 AND c.lease_until_us + 86400000000 < min(" NOW
		 ", coalesce((SELECT min(created_us) FROM llm_runs), " NOW
		 ")) AND c.id <> (SELECT max(id) FROM llm_owners) AND NOT EXISTS (SELECT 1 FROM "
		 "llm_runs r WHERE r.owner_id = c.id AND r.status = 'running') AND c.id NOT IN "
		 "(SELECT owner_id FROM llm_idempotency WHERE owner_id IS NOT NULL) LIMIT :limit)",
			&columns_purge, NULL},
	/* With their budget, whatever the limit: one that begins anew knows nothing of them. */
	[ST_PURGE_HOLDS] =
		{"DELETE FROM llm_budget_holds AS h WHERE :all_of_workspace = 1 AND h.workspace_id = "
		 ":workspace_id AND NOT EXISTS (SELECT 1 FROM llm_budgets b WHERE b.workspace_id = "
		 "h.workspace_id AND b.profile = h.profile)",
			&columns_purge, NULL},
	/* Of so many rows as fit those used last stay: all rows are looked at, so it is asked rarely. */
	[ST_CACHE_TRIM] =
		{"DELETE FROM llm_cache WHERE rowid IN (SELECT c.id FROM (SELECT rowid AS id, "
		 "expires_us < " NOW
		 " AS expired, used_us, sum(length(value) + 256) OVER (ORDER BY "
		 "expires_us < " NOW ", used_us DESC, rowid ROWS UNBOUNDED PRECEDING) AS upto FROM "
		 "llm_cache) c WHERE c.expired OR c.upto > :bytes ORDER BY c.expired DESC, c.used_us, "
		 "c.id DESC LIMIT :limit)",
			&columns_trim, NULL},
	[ST_BUDGETS] = {BUDGETS_SQL, &columns_filter, &columns_budget},
	[ST_OWNERS] = {"SELECT id, started_us, lease_until_us - " NOW
		       "AS lease_us, key_print FROM llm_owners ORDER BY id DESC LIMIT "
		       "coalesce(:limit, -1)",
		&columns_filter, &columns_owner},
	[ST_REAP_HOLDS] = {BUDGET_REAP(""), NULL, NULL},
	[ST_REAP_FORGET] = {BUDGET_FORGET(""), NULL, NULL},
	[ST_SAVEPOINT] = {"SAVEPOINT llm_unit", NULL, NULL},
	[ST_RELEASE] = {"RELEASE llm_unit", NULL, NULL},
	[ST_ROLLBACK_TO] = {"ROLLBACK TO llm_unit", NULL, NULL},
};
