CREATE TABLE llm_schema_meta (
    version INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    least INTEGER NOT NULL,
    done SMALLINT NOT NULL CHECK (done IN (0, 1))
);

INSERT INTO llm_schema_meta (version, name, least, done) VALUES (1, 'records', 1, 0);

CREATE TABLE llm_runs (
    workspace_id TEXT NOT NULL,
    id TEXT NOT NULL,
    owner_id TEXT,
    parent_run_id TEXT,
    pipeline TEXT,
    profile TEXT,
    operation TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status = 'pending' OR status = 'running' OR status = 'succeeded' OR status = 'failed' OR status = 'cancelled' OR status = 'abandoned'),
    source TEXT,
    requested_model TEXT,
    provider TEXT,
    resolved_model TEXT,
    response_model TEXT,
    provider_request_id TEXT,
    stream SMALLINT NOT NULL CHECK (stream IN (0, 1)),
    finish_reason TEXT,
    error_code TEXT,
    error_message TEXT,
    attempts BIGINT,
    fallbacks BIGINT,
    recovered BIGINT,
    reasks BIGINT,
    input_tokens BIGINT,
    output_tokens BIGINT,
    cache_read_tokens BIGINT,
    cache_write_tokens BIGINT,
    reasoning_tokens BIGINT,
    usage_source TEXT,
    cost_nanousd BIGINT,
    price_version TEXT,
    queue_ms BIGINT,
    ttft_ms BIGINT,
    duration_ms BIGINT,
    settle_us BIGINT,
    delivered SMALLINT CHECK (delivered IN (0, 1)),
    request_hash TEXT,
    cache_key TEXT,
    idempotency_key_hash TEXT,
    prompt_ref TEXT,
    response_ref TEXT,
    params_json TEXT,
    decision_json TEXT,
    metadata_json TEXT,
    trace_id TEXT,
    span_id TEXT,
    created_us BIGINT NOT NULL,
    started_us BIGINT,
    finished_us BIGINT,
    version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE INDEX llm_runs_running ON llm_runs (owner_id) WHERE status = 'running';

CREATE INDEX llm_runs_errors ON llm_runs (workspace_id, error_code, id) WHERE error_code IS NOT NULL;

CREATE INDEX llm_runs_created ON llm_runs (created_us);

CREATE TABLE llm_attempts (
    workspace_id TEXT NOT NULL,
    id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    candidate_id TEXT,
    provider TEXT,
    model TEXT,
    status TEXT NOT NULL,
    error_code TEXT,
    error_class TEXT,
    phase TEXT,
    http_status BIGINT,
    retry_after_ms BIGINT,
    waited_ms BIGINT,
    generation TEXT,
    input_tokens BIGINT,
    output_tokens BIGINT,
    cache_read_tokens BIGINT,
    cache_write_tokens BIGINT,
    reasoning_tokens BIGINT,
    ttft_ms BIGINT,
    duration_ms BIGINT,
    load_ms BIGINT,
    started_us BIGINT,
    finished_us BIGINT,
    PRIMARY KEY (workspace_id, run_id, seq)
) WITHOUT ROWID;

CREATE TABLE llm_run_stages (
    workspace_id TEXT NOT NULL,
    id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    name TEXT NOT NULL,
    seq BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    status TEXT NOT NULL,
    input_hash TEXT,
    output_ref TEXT,
    error_code TEXT,
    started_us BIGINT,
    finished_us BIGINT,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, run_id, name, attempt)
);

CREATE TABLE llm_contents (
    workspace_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    kind TEXT NOT NULL,
    has_bytes SMALLINT NOT NULL CHECK (has_bytes IN (0, 1)),
    bytes BLOB,
    size BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, hash)
);

CREATE INDEX llm_contents_created ON llm_contents (created_us);

CREATE TABLE llm_owners (
    id TEXT NOT NULL PRIMARY KEY,
    started_us BIGINT NOT NULL,
    lease_until_us BIGINT NOT NULL,
    key_print TEXT
);

CREATE TABLE llm_health (
    candidate TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    until_us BIGINT,
    counters_json TEXT,
    updated_us BIGINT NOT NULL
);

UPDATE llm_schema_meta SET done = 1 WHERE version = 1;
