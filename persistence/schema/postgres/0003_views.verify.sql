-- Divides by zero when the migration was not finished, and that is an error.
SELECT CASE count(*) WHEN 1 THEN 1 ELSE 1 / (count(*) - count(*)) END FROM llm_schema_meta WHERE version = 3 AND done = 1;

SELECT * FROM llm_runs_v WHERE 0 = 1;

SELECT * FROM llm_usage_daily_v WHERE 0 = 1;
