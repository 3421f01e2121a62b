INSERT INTO llm_schema_meta (version, name, least, done) VALUES (5, 'budgets', 1, 0);

CREATE TABLE llm_budgets (
    workspace_id TEXT NOT NULL,
    profile TEXT NOT NULL,
    fixed SMALLINT NOT NULL CHECK (fixed IN (0, 1)),
    period TEXT NOT NULL CHECK (period IN ('span', 'month', 'total')),
    span_us BIGINT CHECK (span_us > 0),
    limit_nanousd BIGINT,
    usual_nanousd BIGINT NOT NULL,
    window_us BIGINT NOT NULL,
    spent_nanousd BIGINT NOT NULL,
    held_nanousd BIGINT NOT NULL,
    updated_us BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, profile)
);

CREATE TABLE llm_budget_holds (
    workspace_id TEXT NOT NULL,
    profile TEXT NOT NULL,
    run_id TEXT NOT NULL,
    held_nanousd BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, profile, run_id)
);

UPDATE llm_schema_meta SET done = 1 WHERE version = 5;
