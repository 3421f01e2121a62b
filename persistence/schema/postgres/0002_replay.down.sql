UPDATE llm_schema_meta SET done = 0 WHERE version = 2;

DROP TABLE llm_cache;

DROP TABLE llm_idempotency;

DELETE FROM llm_schema_meta WHERE version = 2;
