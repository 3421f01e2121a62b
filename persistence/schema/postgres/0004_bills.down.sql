UPDATE llm_schema_meta SET done = 0 WHERE version = 4;

ALTER TABLE llm_attempts DROP COLUMN cost_json;

DELETE FROM llm_schema_meta WHERE version = 4;
