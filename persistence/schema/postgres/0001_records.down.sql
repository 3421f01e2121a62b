DROP TABLE llm_health;

DROP TABLE llm_owners;

DROP TABLE llm_contents;

DROP TABLE llm_run_stages;

DROP TABLE llm_attempts;

DROP TABLE llm_runs;

DROP TABLE llm_schema_meta;
