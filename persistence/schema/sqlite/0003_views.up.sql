INSERT INTO llm_schema_meta (version, name, least, done) VALUES (3, 'views', 1, 0);

CREATE VIEW llm_runs_v AS
SELECT
    workspace_id,
    id,
    replace(datetime(created_us / 1000000, 'unixepoch'), ' ', 'T') || '.' || substr('000' || (created_us / 1000 - created_us / 1000000 * 1000), -3) || 'Z' AS created_at,
    replace(datetime(started_us / 1000000, 'unixepoch'), ' ', 'T') || '.' || substr('000' || (started_us / 1000 - started_us / 1000000 * 1000), -3) || 'Z' AS started_at,
    replace(datetime(finished_us / 1000000, 'unixepoch'), ' ', 'T') || '.' || substr('000' || (finished_us / 1000 - finished_us / 1000000 * 1000), -3) || 'Z' AS finished_at,
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
    date(created_us / 1000000, 'unixepoch') AS day,
    profile,
    provider,
    coalesce(response_model, resolved_model, requested_model) AS model,
    count(*) AS runs,
    count(error_code) AS errors,
    sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens,
    sum(cost_nanousd) / 1000000000.0 AS cost_usd,
    count(*) - count(cost_nanousd) AS runs_without_cost
FROM llm_runs
GROUP BY 1, 2, 3, 4, 5;

UPDATE llm_schema_meta SET done = 1 WHERE version = 3;
