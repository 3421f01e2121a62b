-- Divides by zero when the migration was not finished, and that is an error.
SELECT CASE count(*) WHEN 1 THEN 1 ELSE 1 / (count(*) - count(*)) END FROM llm_schema_meta WHERE version = 1 AND done = 1;

SELECT delivered FROM llm_runs WHERE 0 = 1;

SELECT * FROM llm_attempts WHERE 0 = 1;

SELECT * FROM llm_run_stages WHERE 0 = 1;

SELECT * FROM llm_contents WHERE 0 = 1;

SELECT key_print FROM llm_owners WHERE 0 = 1;

SELECT * FROM llm_health WHERE 0 = 1;
