/*
 * llm/service.h - the one entry point: a service and everything it owns.
 *
 * A service reads its configuration once, loads plugins as they are needed, and
 * runs requests on one loop. It starts no thread before it must: who waits for the
 * only call there is turns the loop, anything more starts its own thread, once. What
 * a service does to its host process is listed in docs/host-demands.md.
 */
#ifndef LLM_SERVICE_H
#define LLM_SERVICE_H

#include "base.h"
#include "error.h"

LLM_EXTERN_C_BEGIN

typedef struct llm_service llm_service;
struct llm_job_port; /* unit.h */

/* One line of log, redacted. Called from any thread of the service; `token` is the host's. */
typedef void (*llm_log_fn)(uintptr_t token, uint32_t level, const char *line, size_t len);

/*
 * What is to be kept of one prompt, answer or set of parameters where `privacy.content` is
 * "redacted".
 * @param token  the host's
 * @param text   the JSON that would be kept, `len` bytes, ended by NUL: docs/storage.md shows
 *               it. Configured secrets are out of it already.
 * @param put    takes what is to be kept, in as many pieces as suits, with `to` as its first
 *               argument; what it returns other than 0 is to be returned
 * @return 0; anything else: nothing of this text is kept
 * Called from any thread of the service, before the text goes to the storage. It must not
 * call the service.
 */
typedef int32_t (*llm_redact_fn)(uintptr_t token, const char *text, size_t len,
	int32_t (*put)(void *to, const char *bytes, size_t len), void *to);

/*
 * Clocks and the random source, for tests. Each may be null: then the real one.
 * monotonic_ns never goes back; realtime_us is UTC since 1970. [any]
 */
typedef struct llm_time_source {
	void *ctx;
	uint64_t (*monotonic_ns)(void *ctx);
	int64_t (*realtime_us)(void *ctx);
	void (*random)(void *ctx, void *buf, size_t len);
} llm_time_source;

/* Zero means default everywhere. Strings are copied. */
typedef struct llm_service_opts {
	uint32_t struct_size;
	uint32_t flags; /* LLM_SERVICE_* */
	const char *config_path; /* a libconfig file; null: none */
	const char *config_text; /* or the text itself; not both */
	const char *const *config_paths; /* further files, later wins; null-terminated, or null */
	const char *const *overrides; /* "KEY.PATH=VALUE", above the environment; null-terminated */
	const char *plugin_dir; /* searched before the library's folder, after LLM_PLUGIN_PATH */
	const char *user_plugin_dir; /* the user's data folder, or null */
	const llm_allocator *allocator; /* copied; null: malloc */
	const llm_time_source *time; /* copied; null: the real ones */
	llm_log_fn log; /* null: nothing is logged */
	uintptr_t log_token;
	uint32_t log_level; /* LLM_LOG_*; 0: LLM_LOG_WARN */
	uint32_t reserved;
	llm_redact_fn redact; /* null: of a text that may be kept only known secrets are taken out */
	uintptr_t redact_token;
	/*
	 * Who runs and commits the jobs of recorded runs (unit.h): the host, or a llm_runner of
	 * the host's. Copied. The service then opens no database: the section `storage` only
	 * says how runs are recorded (ledger, settle, persist_strict), and may be missing; the
	 * schema, reaping and what was known of candidates' health are the host's. Null: a
	 * runner of the service's own, where `storage` is configured.
	 */
	const struct llm_job_port *jobs;
} llm_service_opts;

#define LLM_SERVICE_OPTS_INIT \
	{ \
		.struct_size = (uint32_t)sizeof(llm_service_opts) \
	}

/* Do not read LLM_* variables nor the providers' own (OLLAMA_HOST, key variables). */
#define LLM_SERVICE_NO_ENV (UINT32_C(1) << 0)

/*
 * Makes a service.
 * @param opts   may be null: no configuration file, the environment only
 * @param ret    the service, freed with llm_service_free
 * @param err    filled on failure; may be null
 * @return 0, LLM_E_CONFIG, LLM_E_PLUGIN, LLM_E_NOMEM or LLM_E_STATE
 * [any]
 */
LLM_API int32_t llm_service_new(const llm_service_opts *opts, llm_service **ret, llm_err *err);

/*
 * Begins the end of a service and returns at once: from now on llm_submit is refused with
 * LLM_E_STATE, calls whose run has not begun end with LLM_E_CANCELLED, and runs under way
 * have `shutdown_grace` (5 s) before they are cancelled too. Whoever drives the service
 * goes on until every call has had its end; then, or before, llm_service_free ends it.
 * Allowed inside callbacks. Idempotent: the grace time is that of the first call.
 * @return 0, or LLM_E_STATE in a forked child
 * [any]
 */
LLM_API int32_t llm_service_shutdown(llm_service *svc, llm_err *err);

/*
 * Ends a service: no new requests, what waits is cancelled, what runs gets the grace
 * time (what is left of it after llm_service_shutdown) and is cancelled then; every
 * accepted call completes. The calling thread turns the loop. Calls that the host
 * still holds stay readable until llm_call_free. Accepts null. Inside a callback of
 * the same service, and in a forked child, it does nothing.
 * [owner] [not-in-callback]
 */
LLM_API void llm_service_free(llm_service *svc);

/*
 * Starts the service's own thread, on which callbacks then run. All signals are
 * blocked on it. Starting twice is LLM_E_STATE.
 * [owner]
 */
LLM_API int32_t llm_service_start(llm_service *svc, llm_err *err);

/*
 * Reads the configuration again and puts it in force, all of it or nothing. It is checked
 * whole, and each provider that it names is made with a plugin looked for anew, before
 * anything changes; whatever is wrong leaves the service as it is, and `err` says why. Runs
 * that were submitted before end with what they began with; all later ones begin with the new
 * one. Health of candidates, retry budgets and what is on the wire are kept by name. Of the
 * environment only what was there when the service was made counts. The caller's thread does
 * the work, and may wait for files and for plugins being made; runs go on meanwhile.
 * @param opts  null: from the same file, text and overrides as last time; else only what names
 *              them, the plugin folders and LLM_SERVICE_NO_ENV count in it. Copied.
 * @return 0; LLM_E_CONFIG; LLM_E_PLUGIN when a provider cannot be made, unless it could not be
 *         before either; LLM_E_STATE inside a callback, after shutdown or in a forked child;
 *         LLM_E_INVALID_REQUEST; LLM_E_NOMEM
 * [any] [not-in-callback]
 */
LLM_API int32_t llm_service_reload(llm_service *svc, const llm_service_opts *opts, llm_err *err);

/* The names of the configured profiles, in order of the file; null at the end. [any] */
LLM_API const char *llm_service_profile_at(const llm_service *svc, uint32_t i);

/* The candidates of a profile in order, as "provider/model"; null at the end. [any] */
LLM_API const char *llm_service_candidate_at(
	const llm_service *svc, const char *profile, uint32_t i);

/* The profile used when a request names none, or null. [any] */
LLM_API const char *llm_service_default_profile(const llm_service *svc);

/* The names of the configured aliases and what they stand for; null at the end. [any] */
LLM_API const char *llm_service_alias_at(
	const llm_service *svc, uint32_t i, const char **ret_target);

/* The names of the configured providers, in order of the file; null at the end. [any] */
LLM_API const char *llm_service_provider_at(const llm_service *svc, uint32_t i);

/* What one provider is and reads. Text lives as long as the service. */
typedef struct llm_provider_desc {
	uint32_t struct_size;
	uint32_t locality; /* LLM_LOCALITY_* */
	const char *name; /* as configured */
	const char *plugin; /* the plugin's name */
	const char *label; /* "Ollama" */
	const char *base_url; /* in force, without userinfo */
	uint32_t needs_key;
	uint32_t has_key;
} llm_provider_desc;

/*
 * Loads a provider (configured, or implicit by its plugin's name) and describes it.
 * @return 0, LLM_E_NOT_FOUND, LLM_E_PLUGIN, LLM_E_CONFIG
 * [any]
 */
LLM_API int32_t llm_service_provider(
	llm_service *svc, const char *name, llm_provider_desc *ret, llm_err *err);

/* Request options that a provider describes. Text is static. */
typedef struct llm_option_desc {
	uint32_t struct_size;
	uint32_t type; /* LLM_OPT_* */
	const char *name;
	const char *unit; /* or null */
	const char *help;
} llm_option_desc;

/* What kind of value an option takes. */
enum {
	LLM_OPT_STRING = 1,
	LLM_OPT_BOOL = 2,
	LLM_OPT_INT = 3,
	LLM_OPT_REAL = 4,
	LLM_OPT_DURATION = 5,
	LLM_OPT_SIZE = 6,
	LLM_OPT_STRINGS = 7,
	LLM_OPT_JSON = 8
};

/* Option number `i` of a provider; LLM_E_NOT_FOUND at the end. [any] */
LLM_API int32_t llm_service_option_at(
	llm_service *svc, const char *provider, uint32_t i, llm_option_desc *ret, llm_err *err);

/* ---- health ---- */

/* May a candidate be asked? */
enum {
	LLM_HEALTH_CLOSED = 0, /* yes */
	LLM_HEALTH_HALF_OPEN = 1, /* one attempt at a time tries whether it answers again */
	LLM_HEALTH_IS_OPEN = 2 /* no: it has failed too often */
};

typedef struct llm_health {
	uint32_t struct_size;
	uint32_t state; /* LLM_HEALTH_CLOSED, ... */
	uint32_t failures_in_a_row;
	uint32_t openings; /* since it was well for a while */
	uint32_t good; /* outcomes of the last minute */
	uint32_t bad;
	int64_t open_ms; /* how long it stays open; 0: it is not */
	int64_t cooling_ms; /* how long it is left alone because it asked for that; 0: it is not */
	uint64_t changes; /* of its state, so far */
	char candidate[192];
	uint32_t switched; /* LLM_CANDIDATE_* */
	uint32_t reserved;
} llm_health;

/*
 * The health of candidate number `i` of those that runs of this service have asked, in
 * order of first sight. Set ret->struct_size first.
 * @return 0; LLM_E_NOT_FOUND at the end; LLM_E_INVALID_REQUEST
 * [any]
 */
LLM_API int32_t llm_service_health(llm_service *svc, uint32_t i, llm_health *ret);

/*
 * Forgets what a candidate did, so that it is asked again: one, or all with null.
 * @return how many that were, 0: no run has asked it
 * [any]
 */
LLM_API uint32_t llm_service_health_reset(llm_service *svc, const char *candidate);

/* By hand, whatever its health is. */
enum {
	LLM_CANDIDATE_ON = 0,
	LLM_CANDIDATE_OFF = 1, /* nothing more is sent to it; requests that were sent go on */
	LLM_CANDIDATE_DRAIN = 2 /* no new run asks it; runs under way end as they would have */
};

/*
 * Takes a candidate out of the plans of a running service, or puts it back: at once, for
 * this process, until it is changed again; a reload does not change it.
 * @param candidate  "provider/model" (of several endpoints: all of them),
 *                   "provider#endpoint/model", or an alias of one
 * @param how        LLM_CANDIDATE_*
 * @return 0; LLM_E_INVALID_REQUEST for what is no candidate; LLM_E_STATE in a forked child;
 *         LLM_E_NOMEM
 * [any]
 */
LLM_API int32_t llm_candidate_enable(
	llm_service *svc, const char *candidate, uint32_t how, llm_err *err);

/* ---- policies ---- */

/*
 * How the policy of a profile has done. After a reload it is tried again, and the counts go on
 * from the next turn of the loop.
 */
typedef struct llm_policy_state {
	uint32_t struct_size;
	uint32_t given_up; /* 1: late three times in a row; the order of the profile holds */
	uint64_t ranked; /* plans that it was asked for; in order nobody is */
	uint64_t late; /* of these took longer than 5 ms */
	uint64_t refused; /* of these ranked somebody unknown, one twice, or nobody */
	char profile[128];
	char policy[64]; /* "ordered", a plugin's name, or that of the host's router */
} llm_policy_state;

/*
 * The policy of profile number `i`, in the order of the configuration. Set ret->struct_size
 * first.
 * @return 0; LLM_E_NOT_FOUND at the end; LLM_E_INVALID_REQUEST
 * [any]
 */
LLM_API int32_t llm_service_policy(llm_service *svc, uint32_t i, llm_policy_state *ret);

/* ---- plugins that take too long ---- */

typedef struct llm_watch {
	uint32_t struct_size;
	uint32_t late; /* functions of plugins that kept others waiting for 1 s or longer, so far */
	int64_t inside_ms; /* how long one has done so by now; 0: none does */
	char plugin[64]; /* which one, or "" */
	char function[32]; /* "build_request", ... */
	int64_t last_ms; /* the last of `late` */
	char last_plugin[64];
	char last_function[32];
} llm_watch;

/*
 * Which function of which plugin holds up the service now, and which was late before. All
 * calls of a service share one loop, and a function that does not return cannot be ended: it
 * is named here and in one line of the log, by this function, by whoever submits, cancels or
 * looks at the health meanwhile, and by every thread that waits for a call. A turn of the
 * loop is what is measured; the function is the one that was entered last in it. Set
 * ret->struct_size first.
 * @return 0; LLM_E_INVALID_REQUEST
 * [any]
 */
LLM_API int32_t llm_service_watch(llm_service *svc, llm_watch *ret);

/* ---- models ---- */

typedef struct llm_models llm_models;

typedef struct llm_model_desc {
	uint32_t struct_size;
	uint32_t loaded; /* 1: in memory now */
	const char *name; /* without the provider */
	const char *detail; /* or null */
	int64_t size_bytes; /* 0: unknown */
	int64_t context_tokens; /* 0: unknown */
} llm_model_desc;

/* What to list. */
enum {
	LLM_MODELS_ALL = 0,
	LLM_MODELS_LOADED = 1 /* those in memory now */
};

/*
 * Asks a provider for its models and waits for the answer.
 * @param provider   configured name, or a plugin's name
 * @param which      LLM_MODELS_*
 * @param total_ms   deadline; 0: 10 s
 * @return 0, or the error of the call; LLM_E_UNSUPPORTED when the provider lists none
 * [any] [not-in-callback]
 */
LLM_API int32_t llm_service_models(llm_service *svc, const char *provider, uint32_t which,
	uint32_t total_ms, llm_models **ret, llm_err *err);
LLM_API uint32_t llm_models_count(const llm_models *models);
/* Row `i`; text lives until llm_models_free. Returns 0 or LLM_E_NOT_FOUND. */
LLM_API int32_t llm_models_at(const llm_models *models, uint32_t i, llm_model_desc *ret);
LLM_API void llm_models_free(llm_models *models);

LLM_EXTERN_C_END
#endif
