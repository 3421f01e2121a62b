-- The abs of the smallest number overflows: so a migration that was not finished is an error.
SELECT CASE count(*) WHEN 1 THEN 1 ELSE abs(-9223372036854775807 - 1) END FROM llm_schema_meta WHERE version = 2 AND done = 1;

SELECT * FROM llm_idempotency WHERE 0 = 1;

SELECT * FROM llm_cache WHERE 0 = 1;
