INSERT INTO llm_schema_meta (version, name, least, done) VALUES (2, 'replay', 1, 0);

CREATE TABLE llm_idempotency (
    workspace_id TEXT NOT NULL,
    operation TEXT NOT NULL,
    key_hash TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('claimed', 'succeeded', 'failed', 'released')),
    owner_id TEXT,
    generation BIGINT NOT NULL,
    run_id TEXT,
    error_code TEXT,
    response BYTEA,
    created_us BIGINT NOT NULL,
    settled_us BIGINT,
    expires_us BIGINT,
    PRIMARY KEY (workspace_id, operation, key_hash)
);

CREATE INDEX llm_idempotency_expires ON llm_idempotency (expires_us);

CREATE TABLE llm_cache (
    workspace_id TEXT NOT NULL,
    key TEXT NOT NULL,
    run_id TEXT,
    candidate_id TEXT,
    format_version BIGINT NOT NULL,
    value_sha256 TEXT NOT NULL,
    value BYTEA NOT NULL,
    created_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    used_us BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, key)
);

CREATE INDEX llm_cache_expires ON llm_cache (expires_us);

UPDATE llm_schema_meta SET done = 1 WHERE version = 2;
