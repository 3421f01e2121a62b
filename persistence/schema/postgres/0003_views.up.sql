INSERT INTO llm_schema_meta (version, name, least, done) VALUES (3, 'views', 1, 0);

CREATE VIEW llm_runs_v AS
SELECT
    workspace_id,
    id,
    to_char(to_timestamp(created_us / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24') || chr(58) || to_char(to_timestamp(created_us / 1000000) AT TIME ZONE 'UTC', 'MI') || chr(58) || to_char(to_timestamp(created_us / 1000000) AT TIME ZONE 'UTC', 'SS') || '.' || lpad(CAST(created_us / 1000 - created_us / 1000000 * 1000 AS TEXT), 3, '0') || 'Z' AS created_at,
    to_char(to_timestamp(started_us / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24') || chr(58) || to_char(to_timestamp(started_us / 1000000) AT TIME ZONE 'UTC', 'MI') || chr(58) || to_char(to_timestamp(started_us / 1000000) AT TIME ZONE 'UTC', 'SS') || '.' || lpad(CAST(started_us / 1000 - started_us / 1000000 * 1000 AS TEXT), 3, '0') || 'Z' AS started_at,
    to_char(to_timestamp(finished_us / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24') || chr(58) || to_char(to_timestamp(finished_us / 1000000) AT TIME ZONE 'UTC', 'MI') || chr(58) || to_char(to_timestamp(finished_us / 1000000) AT TIME ZONE 'UTC', 'SS') || '.' || lpad(CAST(finished_us / 1000 - finished_us / 1000000 * 1000 AS TEXT), 3, '0') || 'Z' AS finished_at,
    operation,
    status,
    source,
    profile,
    requested_model,
    provider,
    resolved_model,
    coalesce(response_model, resolved_model, requested_model) AS model,
    stream,
    finish_reason,
    error_code,
    error_message,
    attempts,
    fallbacks,
    input_tokens,
    output_tokens,
    cache_read_tokens,
    cache_write_tokens,
    reasoning_tokens,
    cost_nanousd / 1000000000.0 AS cost_usd,
    queue_ms,
    ttft_ms,
    duration_ms,
    parent_run_id,
    pipeline,
    trace_id,
    metadata_json
FROM llm_runs;

CREATE VIEW llm_usage_daily_v AS
SELECT
    workspace_id,
    to_char(to_timestamp(created_us / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
    profile,
    provider,
    coalesce(response_model, resolved_model, requested_model) AS model,
    count(*) AS runs,
    count(error_code) AS errors,
    CAST(sum(input_tokens) AS BIGINT) AS input_tokens,
    CAST(sum(output_tokens) AS BIGINT) AS output_tokens,
    sum(cost_nanousd) / 1000000000.0 AS cost_usd,
    count(*) - count(cost_nanousd) AS runs_without_cost
FROM llm_runs
GROUP BY 1, 2, 3, 4, 5;

UPDATE llm_schema_meta SET done = 1 WHERE version = 3;
