-- Divides by zero when the migration was not finished, and that is an error.
SELECT CASE count(*) WHEN 1 THEN 1 ELSE 1 / (count(*) - count(*)) END FROM llm_schema_meta WHERE version = 2 AND done = 1;

SELECT * FROM llm_idempotency WHERE 0 = 1;

SELECT * FROM llm_cache WHERE 0 = 1;
