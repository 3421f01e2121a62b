/*
 * conf.h - the configuration as the core uses it: read once, checked whole.
 *
 * Sources in order of precedence: the caller's overrides, environment LLM_*, the
 * files (later over earlier), defaults. Every value remembers where it came from.
 * Everything in a conf lives until conf_free and never changes.
 */
#ifndef LLM_CONF_CONF_H
#define LLM_CONF_CONF_H

#include "base/arena.h"
#include "base/clock.h"
#include "conf/prices.h"
#include "llm/abi/provider.h"
#include "llm/call.h"
#include "llm/service.h"
#include "wire/num.h"
#include "wire/redact.h"
#include "wire/url.h"

/* The phase times, in ms; CONF_UNSET where nothing was said. The nearest wins. */
#define CONF_UNSET UINT64_MAX
typedef struct conf_times {
	uint64_t queue;
	uint64_t connect;
	uint64_t first_token;
	uint64_t first_token_warm;
	uint64_t idle;
	uint64_t idle_keepalive;
	uint64_t silence;
	uint64_t consumer_idle;
	uint64_t attempt;
	uint64_t deadline;
	uint64_t slow_start;
} conf_times;

/* Retries and streams that break; CONF_UNSET, of the others 0, where nothing was said. */
typedef struct conf_guard {
	uint64_t retry_after_max; /* ms, as are the next three */
	uint64_t patience;
	uint64_t min_attempt_budget;
	uint64_t slow_start_reasoning;
	uint32_t max_attempts;
	uint32_t max_attempts_total;
	uint32_t prefer; /* PREFER_* */
	uint32_t stream_recovery; /* LLM_RECOVER_* */
	uint32_t slow_start_action; /* SLOW_* */
	int slow_start_crosses;
} conf_guard;

enum { PREFER_PRIMARY = 1, PREFER_FASTEST = 2 };
enum { SLOW_WAIT = 1, SLOW_SWITCH = 2, SLOW_RACE = 3 };

/* When a candidate is left alone for a while; 0 where nothing was said. Times in ms. */
typedef struct conf_breaker {
	uint32_t failures;
	uint32_t outcomes;
	uint32_t share;
	uint32_t probes;
	uint64_t open;
	uint64_t open_max;
	uint64_t account;
	uint64_t calm;
	uint64_t cool;
	uint64_t cool_long;
} conf_breaker;

/* Who draws by weight: each run anew, or a user once for all of its runs. */
enum { SPLIT_BY_RUN = 1, SPLIT_BY_USER = 2 };
enum { ADAPTIVE_OFF = 1, ADAPTIVE_AIMD = 2 };

enum { COUNTED_STORAGE = 1, COUNTED_PROCESS = 2 };

/* What a workspace may spend in a window of time; texts are amounts of US dollars, checked. */
typedef struct conf_budget {
	const char *limit; /* null: no budget */
	const char *default_cost; /* of a run whose cost is not known */
	uint64_t window; /* ms; 0: not said */
	uint32_t counted; /* COUNTED_*; 0: in the storage, where runs are on record */
} conf_budget;

/* Is a stream asked for where the caller wants the whole answer? The nearest wins. */
enum { UPSTREAM_UNSET = 0, UPSTREAM_AUTO = 1, UPSTREAM_ON = 2, UPSTREAM_OFF = 3 };

typedef struct conf_pair {
	const char *name;
	const char *value;
	const char *origin; /* "llm.conf:12" */
	const char *problem; /* why a secret it refers to is not to be had (value ""), or null */
} conf_pair;

/*
 * A secret: where it comes from, and its bytes when they could be had. An unset
 * variable or a file that cannot be read is no error of the configuration: it
 * fails the runs that need it with `problem`.
 */
typedef struct conf_secret {
	const char *origin; /* "env:GEMINI_API_KEY", "file:/etc/...", null: none configured */
	char *value; /* null: not to be had */
	size_t len;
	const char *problem; /* why not, or null */
} conf_secret;

typedef struct conf_endpoint {
	const char *id; /* null for a provider's only endpoint */
	const char *base_url; /* as written, null: the plugin's default */
	conf_secret key;
	uint32_t weight;
	uint32_t locality; /* LLM_LOCALITY_*; UNKNOWN: as the provider says */
	uint32_t max_concurrency; /* 0: as the provider says */
	int64_t rpm; /* of each of its models that says none; 0: no limit */
	int64_t tpm;
} conf_endpoint;

typedef struct conf_provider {
	const char *name;
	const char *plugin; /* plugin's name or absolute path; the name when not said */
	const char *sha256; /* pin, 64 hex digits, or null */
	const char *origin;
	uint32_t locality; /* LLM_LOCALITY_*; UNKNOWN: by base URL and plugin */
	uint32_t max_concurrency; /* 0: default */
	uint32_t queue_max; /* 0: default */
	int watch; /* which of its models are in memory is asked for while runs use it */
	int upstream_retries; /* it is a gateway that asks again by itself */
	conf_endpoint *endpoints; /* at least one; several have an id each */
	size_t n_endpoints;
	conf_endpoint common; /* while it is read: what holds for all endpoints */
	conf_pair *headers;
	size_t n_headers;
	conf_pair *query;
	size_t n_query;
	const char *extra; /* JSON object text, or null */
	const char *ca_file;
	const char *client_cert;
	conf_secret client_key;
	const char *proxy; /* a URL, "env" or "none"; null: what stands at the top */
	uint32_t http_version; /* 2, or 1 and 0 for HTTP/1.1 */
	conf_times times;
	conf_guard guard;
	uint32_t upstream_stream; /* UPSTREAM_* */
	conf_pair *settings; /* keys that only the plugin knows, still unchecked, as text */
	size_t n_settings;
} conf_provider;

typedef struct conf_model {
	const char *id; /* "provider/model" */
	const char *origin;
	llm_caps caps; /* UNKNOWN where nothing was said */
	uint32_t max_concurrency; /* 0: as the provider's */
	int64_t rpm; /* requests and tokens a minute; 0: no limit */
	int64_t tpm;
	prices_set price; /* checked */
} conf_model;

typedef struct conf_list {
	const char *const *items;
	size_t n;
} conf_list;

typedef struct conf_profile {
	const char *name;
	const char *policy; /* plugin's name or absolute path; "ordered" when not said */
	conf_pair *options; /* keys that only the policy knows, still unchecked, as text */
	size_t n_options;
	const char *const *candidates; /* "provider/model", "provider#endpoint/model" or an alias */
	size_t n_candidates;
	const char *const *weights; /* as written */
	size_t n_weights;
	const uint32_t *shares; /* the same as numbers, one for each candidate; null: none */
	uint32_t split_by; /* SPLIT_* */
	uint32_t require_locality; /* LLM_LOCALITY_LOCAL: nobody else is asked */
	conf_list general; /* asked after the candidates, whatever failed */
	conf_list context; /* when the request is too long */
	conf_list content; /* when the answer is withheld */
	int pinned_fallbacks; /* also after a model that was named; of the default profile */
	const char *origin;
	conf_times times;
	conf_guard guard;
	uint32_t upstream_stream; /* UPSTREAM_* */
	uint32_t cache; /* CACHE_*, with CACHE_SAID; 0: as the service */
} conf_profile;

enum { LEDGER_STRICT = 1, LEDGER_AFTER = 2, LEDGER_OFF = 3 };
enum { SETTLE_COMMITTED = 1, SETTLE_QUEUED = 2 };

/* Where runs are kept. */
typedef struct conf_storage {
	const char *plugin; /* null: "sqlite" */
	const char *sha256; /* pin, or null */
	uint32_t ledger; /* LEDGER_*; 0: strict */
	uint32_t settle; /* SETTLE_*; 0: committed */
	int persist_strict;
	uint32_t queue; /* jobs; 0: default */
	conf_pair *settings; /* keys that only the plugin knows, still unchecked */
	size_t n_settings;
} conf_storage;

enum { REPLAY_TERMINAL = 1, REPLAY_ALL = 2, REPLAY_NONE = 3 };

/* What runs with an idempotency key leave behind. */
typedef struct conf_idempotency {
	uint64_t ttl; /* ms, from the end; 0: default */
	uint64_t lease; /* ms, of the service that holds keys; 0: default */
	uint32_t replay_errors; /* REPLAY_*; 0: terminal */
} conf_idempotency;

enum { STORE_BY_CONTENT = 1, STORE_IDEMPOTENCY_ONLY = 2 };

/* What is kept of content: as PRIVACY_*. */
typedef struct conf_privacy {
	uint32_t content; /* CONTENT_*; 0: hash */
	uint32_t store; /* STORE_*; 0: as content says */
	conf_secret key;
} conf_privacy;

enum { CONTENT_NONE = 1, CONTENT_HASH = 2, CONTENT_REDACTED = 3, CONTENT_FULL = 4 };

/* Bits of what may be done with stored answers; CACHE_FRESH: a run that was to skip reading. */
enum { CACHE_READ = 1, CACHE_WRITE = 2, CACHE_FRESH = 4, CACHE_SAID = 8 };
enum { CACHE_MEMORY = 1, CACHE_SQL = 2 };

/* Answers that are kept to be told again (R-CACHE-1). */
typedef struct conf_cache {
	uint32_t mode; /* CACHE_READ and so on; 0: off */
	uint32_t store; /* CACHE_MEMORY or CACHE_SQL; 0: memory */
	uint64_t ttl; /* ms; 0: default */
	uint64_t max_age; /* ms; 0: none */
	const char *space; /* null: "" */
	const char *size; /* as text; null: default */
	const char *entry_max;
	int nondeterministic;
	int any_candidate;
	int coalesce;
} conf_cache;

/* One value as `config show` prints it. */
typedef struct conf_item {
	const char *key;
	const char *value; /* "***" for secrets */
	const char *origin;
} conf_item;

typedef struct conf {
	arena mem;
	const llm_allocator *allocator;
	const char *plugin_path; /* or null */
	uint32_t max_parked; /* 0: default */
	int plugins_implicit; /* 1 unless switched off */
	int many_endpoints; /* some provider has more than one */
	const char *default_profile;
	const char *workspace;
	const char *proxy; /* of providers that name none; null: none */
	const char *const *no_proxy;
	size_t n_no_proxy;
	conf_times times; /* top level */
	conf_guard guard;
	conf_breaker breaker;
	uint32_t limit_service; /* attempts on the wire; 0: default */
	uint32_t limit_workspace;
	uint32_t adaptive; /* ADAPTIVE_* */
	uint32_t upstream_stream; /* UPSTREAM_* */
	uint64_t shutdown_grace; /* ms */
	int allow_unbounded;
	conf_pair *aliases; /* value: what it stands for */
	size_t n_aliases;
	conf_provider *providers;
	size_t n_providers;
	conf_model *models;
	size_t n_models;
	conf_profile *profiles;
	size_t n_profiles;
	conf_storage storage;
	conf_idempotency idempotency;
	conf_privacy privacy;
	conf_cache cache;
	const char *const *price_files;
	size_t n_price_files;
	conf_budget budget;
	const char *const *response_headers; /* allow-list for results, or none */
	size_t n_response_headers;
	conf_item *items; /* everything that was set, sorted by key */
	size_t n_items;
	const char **warnings;
	size_t n_warnings;
	const char *env_plugin_path; /* LLM_PLUGIN_PATH as it was, or null (also in set-uid) */
} conf;

/* A view of the environment, so that tests need not change theirs. */
typedef struct conf_env {
	const char *const *vars; /* "NAME=VALUE", null-terminated; null: no environment */
} conf_env;

/*
 * Reads and checks everything. Secrets are added to `secrets` (may be null).
 * 0, LLM_E_CONFIG (one clear message: file, line, key, what is expected), or
 * LLM_E_NOMEM. `env` null: the process environment, unless opts has NO_ENV.
 */
int32_t conf_load(const llm_service_opts *opts, const conf_env *env, const llm_allocator *mem,
	redact *secrets, conf **ret, llm_err *err);
/* The same, and the environment is as it was when `before` was read (R-CFG-5). */
int32_t conf_load_again(const llm_service_opts *opts, const conf *before, const llm_allocator *mem,
	redact *secrets, conf **ret, llm_err *err);
/* For one more who uses it, and calls conf_free too. Returns `c`. Any thread. */
conf *conf_hold(conf *c);
/* The last of those who hold it ends it and wipes its secrets. */
void conf_free(conf *c);

const conf_provider *conf_provider_named(const conf *c, const char *name);
const conf_profile *conf_profile_named(const conf *c, const char *name);
/* Of a candidate's id; an endpoint in it does not matter. */
const conf_model *conf_model_named(const conf *c, const char *id);
/* Null when there is none of that id; "": the first. */
const conf_endpoint *conf_endpoint_named(const conf_provider *p, const char *id);
/* What an alias stands for after following others, or null. */
const char *conf_alias(const conf *c, const char *name);
/* The variable as it was when the configuration was read, or null. */
const char *conf_env_get(const conf *c, const char *name);
/* A secret read from an environment variable by its name, for the providers' usual key
 * variables; added to `secrets`. Null value when unset. */
conf_secret conf_secret_from_env(conf *c, const char *name, redact *secrets);
/* "1.5.0", of the library that is loaded; static. */
const char *conf_library_version(void);
/* Known names close to `name`, for messages; null when none is. */
const char *conf_nearest_target(const conf *c, const char *name);

/* 1 when the configuration has a storage, whatever its ledger. */
int conf_has_storage(const conf *c);

/*
 * Checks a provider's remaining settings against what its plugin describes (with a null
 * name those of the storage): unknown keys (nearest known name), wrong types. Durations and sizes are
 * rewritten as plain numbers into *ret, sorted as `keys`.
 */
int32_t conf_check_settings(const conf_provider *p, const llm_key_info *const *keys, arena *mem,
	conf_pair **ret, size_t *ret_n, llm_err *err);
/* The same for the options of a profile's policy. */
int32_t conf_check_options(const conf_profile *p, const llm_key_info *const *keys, arena *mem,
	conf_pair **ret, size_t *ret_n, llm_err *err);

/* A setting of type LLM_TYPE_* in the form that a plugin reads; null when it is none. */
const char *conf_value_as(uint32_t type, const char *text, char ret_room[NUM_TEXT]);
/* "a whole number": what one of that type looks like; static. */
const char *conf_value_expected(uint32_t type);

#endif
