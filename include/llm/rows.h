/*
 * llm/rows.h - what is kept of runs, as rows: the same structs for those who read them
 * (records.h) and for storage backends (abi/storage.h).
 *
 * Text is UTF-8 and NUL-terminated, null for "not said" (SQL's NULL); counts and times
 * that are not known are -1, and 0 means 0. Instants are microseconds since 1970, UTC.
 * Words ("running", "provider", "RATE_LIMITED") travel as text, so that a new word needs
 * no new plugin. A record's struct_size says how much of it there is; what lies behind
 * counts as not said.
 */
#ifndef LLM_ROWS_H
#define LLM_ROWS_H

#include "base.h"

LLM_EXTERN_C_BEGIN

/* A number that nobody knows. */
#define LLM_UNKNOWN INT64_C(-1)

/* ---- records ---- */

/*
 * A run. RUN_BEGIN takes the names, `status` ("pending" or "running") and the
 * instants so far, and stores version 1; RUN_FINISH takes the key, the status to
 * move to, `version` as last seen, and everything that an end tells; what is not
 * said stays as it was.
 */
typedef struct llm_run_row {
	uint32_t struct_size;
	uint32_t stream; /* 1: asked for as a stream */
	const char *workspace_id; /* key */
	const char *id; /* key, UUIDv7 */
	const char *owner_id; /* llm_owner_row.id of the service that runs it */
	const char *parent_run_id;
	const char *pipeline;
	const char *profile;
	const char *operation; /* "chat", "embed", ... */
	const char *status; /* pending running succeeded failed cancelled abandoned */
	const char *source; /* provider cache coalesced replay refresh */
	const char *requested_model;
	const char *provider;
	const char *resolved_model;
	const char *response_model;
	const char *provider_request_id;
	const char *finish_reason; /* stop length tool_calls ... */
	const char *error_code; /* "RATE_LIMITED" */
	const char *error_message; /* redacted */
	int64_t attempts;
	int64_t fallbacks;
	int64_t recovered;
	int64_t reasks;
	int64_t input_tokens;
	int64_t output_tokens;
	int64_t cache_read_tokens;
	int64_t cache_write_tokens;
	int64_t reasoning_tokens;
	const char *usage_source; /* provider estimated none */
	int64_t cost_nanousd;
	const char *price_version;
	int64_t queue_ms;
	int64_t ttft_ms;
	int64_t duration_ms;
	int64_t settle_us; /* from its end until this was written; the commit comes on top */
	const char *request_hash;
	const char *cache_key;
	const char *idempotency_key_hash;
	const char *prompt_ref; /* llm_content_row.hash */
	const char *response_ref;
	const char *params_json;
	const char *decision_json;
	const char *metadata_json;
	const char *trace_id;
	const char *span_id;
	int64_t created_us;
	int64_t started_us;
	int64_t finished_us;
	int64_t version; /* 1 at first, one more with each move */
	int64_t delivered; /* 1: a piece of the answer had reached the caller before the end; 0: none */
} llm_run_row;

/* One wire request of a run. A second put of the same (run_id, seq) changes nothing. */
typedef struct llm_attempt_row {
	uint32_t struct_size;
	uint32_t reserved;
	const char *workspace_id; /* key */
	const char *id; /* UUIDv7 */
	const char *run_id; /* key */
	int64_t seq; /* key: 1, 2, ... */
	const char *candidate_id;
	const char *provider;
	const char *model;
	const char *status; /* succeeded failed cancelled */
	const char *error_code;
	const char *error_class;
	const char *phase;
	int64_t http_status;
	int64_t retry_after_ms;
	int64_t waited_ms;
	const char *generation; /* of the plugin: id and version */
	int64_t input_tokens;
	int64_t output_tokens;
	int64_t cache_read_tokens;
	int64_t cache_write_tokens;
	int64_t reasoning_tokens;
	int64_t ttft_ms;
	int64_t duration_ms;
	int64_t load_ms;
	int64_t started_us;
	int64_t finished_us;
	/*
	 * Of an attempt whose cost is known: {"rule", "terms": [{"kind", "tokens", "picousd"}],
	 * "picousd"}; that of a term is a token's, the last is what they come to together.
	 */
	const char *cost_json;
} llm_attempt_row;

/* A stage of a pipeline. A later put of the same (run_id, name, attempt) replaces it. */
typedef struct llm_stage_row {
	uint32_t struct_size;
	uint32_t reserved;
	const char *workspace_id; /* key */
	const char *id; /* key, UUIDv7 */
	const char *run_id;
	const char *name;
	int64_t seq;
	int64_t attempt;
	const char *status; /* started succeeded failed cancelled */
	const char *input_hash;
	const char *output_ref;
	const char *error_code;
	int64_t started_us;
	int64_t finished_us;
} llm_stage_row;

/*
 * What was said, by its keyed hash. A put of a hash that is there changes nothing, with two
 * exceptions: where only the size is kept and the put has the bytes, they are kept from then
 * on, as of the put's created_us; and what is put again more than a day later, with bytes as it
 * is there or without, is as young as that put.
 */
typedef struct llm_content_row {
	uint32_t struct_size;
	uint32_t has_bytes; /* 0: only the size is kept */
	const char *workspace_id; /* key */
	const char *hash; /* key */
	const char *kind; /* prompt response media */
	llm_bytes bytes;
	int64_t size;
	int64_t created_us;
} llm_content_row;

/*
 * A service that runs things. OWNER_BEAT sets its lease to the database's now + lease_us; the
 * rest of it is kept as the first beat said it.
 */
typedef struct llm_owner_row {
	uint32_t struct_size;
	uint32_t reserved;
	const char *id; /* key, UUIDv7 */
	int64_t started_us;
	int64_t lease_us; /* queries: rest of the lease, below 0 when passed */
	const char *key_print; /* tells the keys apart under which services hash; not the key */
} llm_owner_row;

/* What is known of a candidate's health. HEALTH_PUT replaces it. */
typedef struct llm_health_row {
	uint32_t struct_size;
	uint32_t reserved;
	const char *candidate; /* key */
	const char *state; /* closed open half_open cooling */
	int64_t until_us;
	const char *counters_json;
	int64_t updated_us;
} llm_health_row;

/*
 * An idempotency key. IDEM_CLAIM inserts it, or takes over one that is released,
 * expired, or claimed by an owner whose lease has passed; IDEM_SETTLE moves a claim
 * to `state` when `generation` still is the stored one.
 */
typedef struct llm_idem_row {
	uint32_t struct_size;
	uint32_t reserved;
	const char *workspace_id; /* key */
	const char *operation; /* key */
	const char *key_hash; /* key */
	const char *fingerprint;
	const char *state; /* claimed succeeded failed released */
	const char *owner_id;
	int64_t generation; /* fencing token, one more with each claim */
	const char *run_id;
	const char *error_code;
	llm_bytes response; /* the stored result; empty: none */
	int64_t lease_left_us; /* queries: rest of the owner's lease, below 0 when passed */
	int64_t created_us;
	int64_t settled_us;
	int64_t ttl_us; /* IDEM_SETTLE: expires this long after the database's now */
	int64_t expires_us; /* queries */
} llm_idem_row;

/* A stored answer. CACHE_PUT replaces, CACHE_TOUCH marks as used, CACHE_DROP deletes. */
typedef struct llm_cache_row {
	uint32_t struct_size;
	uint32_t reserved;
	const char *workspace_id; /* key */
	const char *key; /* key */
	const char *run_id; /* the run that made it */
	const char *candidate_id;
	int64_t format_version;
	const char *value_sha256;
	llm_bytes value;
	int64_t created_us;
	int64_t expires_us;
	int64_t used_us;
} llm_cache_row;

/*
 * CACHE_TRIM: deletes answers of all workspaces that have expired, and those used longest ago
 * until no more than `bytes` are left, a row counted as its value and 256 bytes.
 */
typedef struct llm_cache_trim {
	uint32_t struct_size;
	uint32_t reserved;
	int64_t bytes;
	int64_t limit; /* rows at most; as many deleted: there may be more */
} llm_cache_trim;

/* One cell of a statistic: the runs of one key whose duration lies in one bucket. */
typedef struct llm_stat_row {
	uint32_t struct_size;
	uint32_t reserved;
	const char *key; /* of llm_filter.group; null: the column was not said */
	int64_t bucket_ms; /* durations from here, LLM_UNKNOWN: none known */
	int64_t width_ms; /* up to, not including, bucket_ms + width_ms; at most a tenth of it */
	int64_t runs;
	int64_t errors;
	int64_t input_tokens;
	int64_t output_tokens;
	int64_t cost_nanousd; /* of those whose cost is known */
	int64_t uncosted; /* how many are not */
} llm_stat_row;

/* What a workspace has spent since llm_filter.from_us. */
typedef struct llm_spend_row {
	uint32_t struct_size;
	uint32_t reserved;
	int64_t runs;
	int64_t cost_nanousd;
	int64_t uncosted;
} llm_spend_row;

/*
 * What a workspace may spend in a window of time, and what it has spent: the budget of all
 * of it, or of those of its runs that name a profile. Each operation on it concerns one
 * budget; a run that has two brings two.
 *
 * BUDGET_HOLD, BUDGET_SPEND bring what the service's configuration says (period, span_us,
 * limit_nanousd, usual_nanousd), which holds where nobody has said otherwise with BUDGET_SET;
 * without a limit in either there is no budget, and nothing is written. A budget that is new, has
 * another window than before or was not set before begins with what is on record of its window.
 *
 * BUDGET_HOLD reserves `nanousd` for `run_id`, or is refused with LLM_E_CONFLICT. BUDGET_SETTLE
 * turns what the run holds into what it cost, once; of a run that holds nothing it does
 * nothing. BUDGET_SPEND adds what a run did cost that had reserved nothing. BUDGET_SET with
 * `fixed` 1 sets period, span_us, limit_nanousd and usual_nanousd, with 0 it gives them back to
 * the services' configurations. BUDGET_REAP turns into spending what runs still hold whose
 * service has gone.
 */
typedef struct llm_budget_row {
	uint32_t struct_size;
	uint32_t fixed; /* 1: it was set with BUDGET_SET; 0: it is as services are configured */
	const char *workspace_id; /* key */
	const char *profile; /* key; "": the whole workspace */
	const char *run_id;
	const char *period; /* the window: span (a multiple of it since 1970) month total */
	int64_t span_us;
	int64_t limit_nanousd; /* -1: none */
	int64_t usual_nanousd; /* what a run counts whose cost is not known */
	int64_t nanousd; /* HOLD: an estimate; SETTLE, SPEND: the cost; -1: not known */
	int64_t spent_nanousd; /* queries: by runs that ended in this window */
	int64_t held_nanousd; /* queries: by runs that have not ended */
	int64_t window_us; /* queries: when it began */
	int64_t left_us; /* queries: until it ends, -1: it does not */
	int64_t updated_us; /* queries */
} llm_budget_row;

/* ---- questions ---- */

/* Kinds of questions; the row of each in brackets, with the members of the filter it needs. */
enum {
	LLM_QUERY_RUN = 1, /* [llm_run_row] workspace_id, id */
	LLM_QUERY_RUNS = 2, /* [llm_run_row] workspace_id; newest first, `limit`, before `cursor` */
	LLM_QUERY_ATTEMPTS = 3, /* [llm_attempt_row] workspace_id, id of the run; by seq */
	LLM_QUERY_STAGES = 4, /* [llm_stage_row] workspace_id, id of the run; by seq, attempt */
	LLM_QUERY_CONTENT = 5, /* [llm_content_row] workspace_id, id: the hash */
	LLM_QUERY_IDEM = 6, /* [llm_idem_row] workspace_id, operation, id: the key's hash */
	LLM_QUERY_CACHE = 7, /* [llm_cache_row] workspace_id, id: the key */
	LLM_QUERY_STATS = 8, /* [llm_stat_row] workspace_id or "*", group; from_us, to_us */
	LLM_QUERY_SPEND = 9, /* [llm_spend_row] workspace_id; from_us */
	LLM_QUERY_HEALTH = 10, /* [llm_health_row] nothing: all candidates */
	LLM_QUERY_BUDGETS = 11, /* [llm_budget_row] workspace_id; profile */
	LLM_QUERY_OWNERS = 12 /* [llm_owner_row] nothing: of all workspaces; newest first, `limit` */
};

/* By what statistics are told apart. */
enum {
	LLM_GROUP_PROFILE = 1,
	LLM_GROUP_PROVIDER = 2,
	LLM_GROUP_MODEL = 3,
	LLM_GROUP_DAY = 4, /* "2026-01-31", UTC */
	LLM_GROUP_WORKSPACE = 5
};

/*
 * As workspace_id of LLM_QUERY_STATS and LLM_QUERY_BUDGETS: those of all workspaces, for whoever
 * looks after the store. No workspace can be called so, and no other question takes it.
 */
#define LLM_ANY_WORKSPACE "*"

/* Which rows. Null and -1 (numbers) stand for "any"; a query reads what its kind names. */
typedef struct llm_filter {
	uint32_t struct_size;
	uint32_t group; /* LLM_GROUP_* */
	const char *workspace_id;
	const char *id;
	const char *operation;
	const char *cursor; /* rows with a smaller id than this */
	const char *status;
	const char *profile;
	const char *provider;
	const char *model; /* resolved_model */
	const char *error_code;
	const char *parent_run_id;
	const char *text; /* a piece of requested_model, error_code, error_message or metadata_json */
	int64_t from_us; /* created_us, this and later */
	int64_t to_us; /* and before this */
	int64_t min_cost_nanousd;
	int64_t min_duration_ms;
	int64_t limit; /* rows at most; -1: as many as there are */
	const char *from_id; /* of runs: with this id or a greater one, which is younger */
} llm_filter;

#define LLM_FILTER_INIT \
	{ \
		.struct_size = (uint32_t)sizeof(llm_filter), .from_us = -1, .to_us = -1, \
		.min_cost_nanousd = -1, .min_duration_ms = -1, .limit = -1 \
	}

typedef struct llm_row_sink {
	uint32_t struct_size;
	uint32_t reserved;
	void *ctx;
	/* One row of the query's type, borrowed for the call. Not 0 ends the query with it. */
	int32_t (*row)(void *ctx, const void *row);
} llm_row_sink;

/*
 * What purge deletes; at most `limit` rows of a table in one call, and with a budget all that runs
 * hold of it.
 */
typedef struct llm_purge {
	uint32_t struct_size;
	uint32_t all_of_workspace; /* 1: every row of `workspace_id`, whatever its age */
	const char *workspace_id; /* null: of every workspace */
	int64_t contents_before_us; /* created before; -1: none */
	int64_t runs_before_us; /* finished runs created before, with attempts and stages */
	int64_t limit; /* 1 to 1000 */
	/* 1: keys and answers that have expired, never a claim in force; services long gone */
	uint32_t expired;
	uint32_t reserved;
} llm_purge;

/* ---- schema ---- */

enum {
	LLM_SCHEMA_OK = 1,
	LLM_SCHEMA_NONE = 2, /* nothing of ours is there */
	LLM_SCHEMA_OLDER = 3,
	LLM_SCHEMA_NEWER = 4, /* newer, and it says that this plugin cannot use it */
	LLM_SCHEMA_HALF = 5, /* a migration was begun and not finished */
	LLM_SCHEMA_DAMAGED = 6 /* the number fits, the tables do not */
};

typedef struct llm_schema_state {
	uint32_t struct_size;
	uint32_t state; /* LLM_SCHEMA_* */
	uint32_t found; /* 0: none */
	uint32_t expected;
} llm_schema_state;

/* ---- upkeep ---- */

/* What maintain does. */
enum {
	LLM_MAINTAIN_CHECK = 1, /* look for damage */
	LLM_MAINTAIN_BACKUP = 2, /* copy to `path`, which must not exist */
	LLM_MAINTAIN_VACUUM = 3,
	LLM_MAINTAIN_CHECKPOINT = 4,
	LLM_MAINTAIN_IDLE = 5 /* nobody waits: do what is due soon anyway, if something is */
};

LLM_EXTERN_C_END
#endif
