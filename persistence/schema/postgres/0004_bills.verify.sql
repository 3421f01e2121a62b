-- Divides by zero when the migration was not finished, and that is an error.
SELECT CASE count(*) WHEN 1 THEN 1 ELSE 1 / (count(*) - count(*)) END FROM llm_schema_meta WHERE version = 4 AND done = 1;

SELECT cost_json FROM llm_attempts WHERE 0 = 1;
