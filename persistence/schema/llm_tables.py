"""The tables of libllm, for a MetaData of the host's.

Alembic's autogenerate then finds no difference. In env.py, beside the host's own tables:

    import llm_tables
    llm_tables.declare(target_metadata)

Written by "llmctl db export --format sqlalchemy", which replaces it with a newer one later on.
For SQLAlchemy 1.4 and later. The views are not declared: autogenerate does not look at them.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

SCHEMA = 5  # the last migration whose tables stand here
WITHOUT_ROWID = {"llm_attempts"}  # in SQLite: their rows stand in their primary key


def declare(metadata):
    """Adds what is not there yet; returns the tables of libllm by name."""
    for name, parts in _tables().items():
        if name not in metadata.tables:
            Table(name, metadata, *parts, sqlite_with_rowid=name not in WITHOUT_ROWID)
    return {name: metadata.tables[name] for name in _tables()}


def _tables():
    return {**_records(), **_replay(), **_budgets()}


def _records():
    return {
        "llm_schema_meta": [
            Column("version", Integer, primary_key=True, autoincrement=False, nullable=False),
            Column("name", Text, nullable=False),
            Column("least", Integer, nullable=False),
            Column("done", SmallInteger, CheckConstraint("done IN (0, 1)"), nullable=False),
        ],
        "llm_runs": [
            Column("workspace_id", Text, primary_key=True, nullable=False),
            Column("id", Text, primary_key=True, nullable=False),
            Column("owner_id", Text),
            Column("parent_run_id", Text),
            Column("pipeline", Text),
            Column("profile", Text),
            Column("operation", Text, nullable=False),
            Column(
                "status",
                Text,
                CheckConstraint(
                    "status = 'pending' OR status = 'running' OR status = 'succeeded' "
                    "OR status = 'failed' OR status = 'cancelled' OR status = 'abandoned'"
                ),
                nullable=False,
            ),
            Column("source", Text),
            Column("requested_model", Text),
            Column("provider", Text),
            Column("resolved_model", Text),
            Column("response_model", Text),
            Column("provider_request_id", Text),
            Column("stream", SmallInteger, CheckConstraint("stream IN (0, 1)"), nullable=False),
            Column("finish_reason", Text),
            Column("error_code", Text),
            Column("error_message", Text),
            Column("attempts", BigInteger),
            Column("fallbacks", BigInteger),
            Column("recovered", BigInteger),
            Column("reasks", BigInteger),
            Column("input_tokens", BigInteger),
            Column("output_tokens", BigInteger),
            Column("cache_read_tokens", BigInteger),
            Column("cache_write_tokens", BigInteger),
            Column("reasoning_tokens", BigInteger),
            Column("usage_source", Text),
            Column("cost_nanousd", BigInteger),
            Column("price_version", Text),
            Column("queue_ms", BigInteger),
            Column("ttft_ms", BigInteger),
            Column("duration_ms", BigInteger),
            Column("settle_us", BigInteger),
            Column("delivered", SmallInteger, CheckConstraint("delivered IN (0, 1)")),
            Column("request_hash", Text),
            Column("cache_key", Text),
            Column("idempotency_key_hash", Text),
            Column("prompt_ref", Text),
            Column("response_ref", Text),
            Column("params_json", Text),
            Column("decision_json", Text),
            Column("metadata_json", Text),
            Column("trace_id", Text),
            Column("span_id", Text),
            Column("created_us", BigInteger, nullable=False),
            Column("started_us", BigInteger),
            Column("finished_us", BigInteger),
            Column("version", BigInteger, nullable=False),
            Index(
                "llm_runs_running",
                "owner_id",
                sqlite_where=text("status = 'running'"),
                postgresql_where=text("status = 'running'"),
            ),
            Index(
                "llm_runs_errors",
                "workspace_id",
                "error_code",
                "id",
                sqlite_where=text("error_code IS NOT NULL"),
                postgresql_where=text("error_code IS NOT NULL"),
            ),
            Index("llm_runs_created", "created_us"),
        ],
        "llm_attempts": [
            Column("workspace_id", Text, primary_key=True, nullable=False),
            Column("id", Text, nullable=False),
            Column("run_id", Text, primary_key=True, nullable=False),
            Column("seq", BigInteger, primary_key=True, autoincrement=False, nullable=False),
            Column("candidate_id", Text),
            Column("provider", Text),
            Column("model", Text),
            Column("status", Text, nullable=False),
            Column("error_code", Text),
            Column("error_class", Text),
            Column("phase", Text),
            Column("http_status", BigInteger),
            Column("retry_after_ms", BigInteger),
            Column("waited_ms", BigInteger),
            Column("generation", Text),
            Column("input_tokens", BigInteger),
            Column("output_tokens", BigInteger),
            Column("cache_read_tokens", BigInteger),
            Column("cache_write_tokens", BigInteger),
            Column("reasoning_tokens", BigInteger),
            Column("ttft_ms", BigInteger),
            Column("duration_ms", BigInteger),
            Column("load_ms", BigInteger),
            Column("started_us", BigInteger),
            Column("finished_us", BigInteger),
            Column("cost_json", Text),
        ],
        "llm_run_stages": [
            Column("workspace_id", Text, primary_key=True, nullable=False),
            Column("id", Text, primary_key=True, nullable=False),
            Column("run_id", Text, nullable=False),
            Column("name", Text, nullable=False),
            Column("seq", BigInteger, nullable=False),
            Column("attempt", BigInteger, nullable=False),
            Column("status", Text, nullable=False),
            Column("input_hash", Text),
            Column("output_ref", Text),
            Column("error_code", Text),
            Column("started_us", BigInteger),
            Column("finished_us", BigInteger),
            UniqueConstraint("workspace_id", "run_id", "name", "attempt"),
        ],
        "llm_contents": [
            Column("workspace_id", Text, primary_key=True, nullable=False),
            Column("hash", Text, primary_key=True, nullable=False),
            Column("kind", Text, nullable=False),
            Column(
                "has_bytes",
                SmallInteger,
                CheckConstraint("has_bytes IN (0, 1)"),
                nullable=False,
            ),
            Column("bytes", LargeBinary),
            Column("size", BigInteger, nullable=False),
            Column("created_us", BigInteger, nullable=False),
            Index("llm_contents_created", "created_us"),
        ],
        "llm_owners": [
            Column("id", Text, primary_key=True, nullable=False),
            Column("started_us", BigInteger, nullable=False),
            Column("lease_until_us", BigInteger, nullable=False),
            Column("key_print", Text),
        ],
        "llm_health": [
            Column("candidate", Text, primary_key=True, nullable=False),
            Column("state", Text, nullable=False),
            Column("until_us", BigInteger),
            Column("counters_json", Text),
            Column("updated_us", BigInteger, nullable=False),
        ],
    }


def _replay():
    return {
        "llm_idempotency": [
            Column("workspace_id", Text, primary_key=True, nullable=False),
            Column("operation", Text, primary_key=True, nullable=False),
            Column("key_hash", Text, primary_key=True, nullable=False),
            Column("fingerprint", Text, nullable=False),
            Column(
                "state",
                Text,
                CheckConstraint("state IN ('claimed', 'succeeded', 'failed', 'released')"),
                nullable=False,
            ),
            Column("owner_id", Text),
            Column("generation", BigInteger, nullable=False),
            Column("run_id", Text),
            Column("error_code", Text),
            Column("response", LargeBinary),
            Column("created_us", BigInteger, nullable=False),
            Column("settled_us", BigInteger),
            Column("expires_us", BigInteger),
            Index("llm_idempotency_expires", "expires_us"),
        ],
        "llm_cache": [
            Column("workspace_id", Text, primary_key=True, nullable=False),
            Column("key", Text, primary_key=True, nullable=False),
            Column("run_id", Text),
            Column("candidate_id", Text),
            Column("format_version", BigInteger, nullable=False),
            Column("value_sha256", Text, nullable=False),
            Column("value", LargeBinary, nullable=False),
            Column("created_us", BigInteger, nullable=False),
            Column("expires_us", BigInteger, nullable=False),
            Column("used_us", BigInteger, nullable=False),
            Index("llm_cache_expires", "expires_us"),
        ],
    }


def _budgets():
    return {
        "llm_budgets": [
            Column("workspace_id", Text, primary_key=True, nullable=False),
            Column("profile", Text, primary_key=True, nullable=False),
            Column("fixed", SmallInteger, CheckConstraint("fixed IN (0, 1)"), nullable=False),
            Column(
                "period",
                Text,
                CheckConstraint("period IN ('span', 'month', 'total')"),
                nullable=False,
            ),
            Column("span_us", BigInteger, CheckConstraint("span_us > 0")),
            Column("limit_nanousd", BigInteger),
            Column("usual_nanousd", BigInteger, nullable=False),
            Column("window_us", BigInteger, nullable=False),
            Column("spent_nanousd", BigInteger, nullable=False),
            Column("held_nanousd", BigInteger, nullable=False),
            Column("updated_us", BigInteger, nullable=False),
        ],
        "llm_budget_holds": [
            Column("workspace_id", Text, primary_key=True, nullable=False),
            Column("profile", Text, primary_key=True, nullable=False),
            Column("run_id", Text, primary_key=True, nullable=False),
            Column("held_nanousd", BigInteger, nullable=False),
            Column("created_us", BigInteger, nullable=False),
        ],
    }
