UPDATE llm_schema_meta SET done = 0 WHERE version = 3;

DROP VIEW llm_usage_daily_v;

DROP VIEW llm_runs_v;

DELETE FROM llm_schema_meta WHERE version = 3;
