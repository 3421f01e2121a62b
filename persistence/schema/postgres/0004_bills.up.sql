INSERT INTO llm_schema_meta (version, name, least, done) VALUES (4, 'bills', 1, 0);

ALTER TABLE llm_attempts ADD COLUMN cost_json TEXT;

UPDATE llm_schema_meta SET done = 1 WHERE version = 4;
