/*
 * llm/abi/provider.h - a provider: a pure translator of one wire protocol.
 *
 * Bytes in, bytes out. The core owns HTTP, framing, time, retries and secrets. A
 * provider never opens a socket, reads a clock or sees a key; it says which
 * shape of authentication it wants, and the core adds the key after the plugin
 * has returned.
 */
#ifndef LLM_ABI_PROVIDER_H
#define LLM_ABI_PROVIDER_H

#include "host.h"
#include "wire.h"

LLM_EXTERN_C_BEGIN

/* How a key travels. */
enum {
	LLM_AUTH_NONE = 0,
	LLM_AUTH_BEARER = 1, /* Authorization: Bearer KEY */
	LLM_AUTH_HEADER = 2, /* a header of the provider's own: llm_caps.auth_header */
	LLM_AUTH_SIGN = 3 /* by the extension llm.provider.sign/1 */
};

/* Does a candidate have a capability? */
enum { LLM_CAP_UNKNOWN = 0, LLM_CAP_YES = 1, LLM_CAP_NO = 2, LLM_CAP_ACCEPTED = 3 };

typedef struct llm_caps {
	uint32_t struct_size;
	uint32_t framing; /* LLM_FRAMING_* of a stream */
	uint32_t auth; /* LLM_AUTH_* */
	uint32_t locality; /* LLM_LOCALITY_* */
	const char *auth_header; /* with LLM_AUTH_HEADER; static */
	uint32_t chat; /* LLM_CAP_* from here */
	uint32_t stream;
	uint32_t tools;
	uint32_t parallel_tools;
	uint32_t tool_choice; /* can a call be forced? */
	uint32_t json_object;
	uint32_t json_schema; /* YES: enforced; ACCEPTED: taken, not enforced */
	uint32_t tools_with_schema;
	uint32_t vision;
	uint32_t audio;
	uint32_t system_role;
	uint32_t prefill;
	uint32_t seed;
	uint32_t logprobs;
	uint32_t reasoning;
	uint32_t reserved;
	int64_t max_input_tokens; /* 0: unknown */
	int64_t max_output_tokens; /* 0: unknown */
} llm_caps;

/* Bits of llm_provider_info.flags. */
#define LLM_PROVIDER_NEEDS_KEY (UINT32_C(1) << 0) /* no call to its default origin without a key */
#define LLM_PROVIDER_KEEPALIVES (UINT32_C(1) << 1) /* bytes flow while a model works */
#define LLM_PROVIDER_EOF_ENDS (UINT32_C(1) << 2) /* a clean end of body may end a stream */

/* Constant facts about a provider. All pointers are static. */
typedef struct llm_provider_info {
	uint32_t struct_size;
	uint32_t flags; /* LLM_PROVIDER_* */
	const char *name; /* "ollama": what stands before "/" in a model's name */
	const char *label; /* "Ollama" */
	const char *default_base_url; /* may be empty: then the configuration must say */
	const char *base_url_env; /* variable that names the base URL, or null */
	const char *const *key_env; /* usual key variables, best first, null-terminated */
	const llm_key_info *const *config_keys; /* null-terminated */
	const llm_key_info *const *request_options; /* null-terminated */
	const llm_error_rule *const *error_rules; /* null-terminated, in order */
	/* Default phase times in ms; 0: the library's. */
	uint32_t connect_ms;
	uint32_t first_token_ms;
	uint32_t first_token_warm_ms;
	uint32_t idle_ms;
	uint32_t attempt_ms;
	uint32_t max_concurrency; /* 0: the library's */
	uint32_t locality; /* LLM_LOCALITY_* of the default base URL */
	uint32_t reserved;
	const char *licence_note; /* or null */
	/*
	 * The header by which the provider does the work of two requests with the same value
	 * once, or null. The core sends it, with one value for all attempts of a run.
	 */
	const char *idempotency_header;
} llm_provider_info;

/* What stream_frame returns when the answer is whole. */
#define LLM_FRAME_LAST 1

typedef struct llm_provider_vtable {
	uint32_t struct_size;
	uint32_t reserved;

	/* --- 1.0: required --- */

	/* Constant facts; callable without an instance. */
	const llm_provider_info *(*describe)(void);

	/* An instance for one configured endpoint. Cheap, no I/O. `host` outlives it. */
	int32_t (*create)(const llm_host *host, void **ret_instance);
	void (*destroy)(void *instance);

	/* What a model can do as far as the plugin knows; the rest stays UNKNOWN. */
	int32_t (*capabilities)(void *instance, const char *model, llm_caps *caps);

	/*
	 * Translate a request. What cannot be honoured is UNSUPPORTED (host.set_error
	 * says what) or a warning, never dropped in silence.
	 */
	int32_t (*build_request)(
		void *instance, const llm_request_view *request, const llm_http_sink *out);

	/* Translate a whole answer of status 2xx. An error in the body goes to sink.error. */
	int32_t (*parse_response)(
		void *instance, const llm_reply_view *reply, const llm_result_sink *out);

	/* A stream of status 2xx begins. */
	int32_t (*stream_open)(void *instance, const llm_reply_view *head, void **ret_stream);

	/*
	 * One complete frame. Returns 0; LLM_FRAME_LAST when the answer is whole and
	 * nothing that may follow matters; LLM_E_PROTOCOL for a frame that makes no sense.
	 */
	int32_t (*stream_frame)(void *instance, void *stream, const llm_frame_view *frame,
		const llm_result_sink *out);

	/*
	 * The body has ended. `residue` are bytes that could not be framed, at most
	 * 64 KiB. *ret_complete is 1 when the provider's protocol says that the answer
	 * is whole. Called exactly once for each stream_open that returned 0, also on
	 * failure and cancel, then with `out` null and the outcome ignored.
	 */
	int32_t (*stream_close)(void *instance, void *stream, const llm_bytes *residue,
		const llm_result_sink *out, uint32_t *ret_complete);

	/* Facts from an answer that is no success. The body need not be JSON. */
	int32_t (*classify_error)(
		void *instance, const llm_reply_view *reply, llm_error_facts *ret_facts);

	/* --- 1.0: optional, null when absent --- */

	/*
	 * Turn what the user wrote (configuration, or the variable `base_url_env`)
	 * into the URL to use. Write it with its NUL into `buf` of `cap` bytes.
	 * Absent: the text is the URL.
	 */
	int32_t (*base_url)(const char *text, char *buf, size_t cap);

	/* Tables of further operations by id, or null. */
	const void *(*get_extension)(void *instance, const char *id);
} llm_provider_vtable;

/* ---- extensions of 1.0: each a pair, build a request and parse its answer ---- */

#define LLM_EXT_MODELS "llm.provider.models/1"
#define LLM_EXT_MODEL "llm.provider.model/1"
#define LLM_EXT_STATE "llm.provider.state/1"

typedef struct llm_model_info {
	uint32_t struct_size;
	uint32_t loaded; /* 1: in memory now */
	const char *name; /* as a request names it, without the provider */
	const char *detail; /* "3.2B Q4_K_M", or null */
	int64_t size_bytes; /* 0: unknown */
	int64_t context_tokens; /* the window in force; 0: unknown */
	const llm_caps *caps; /* what this answer says, else UNKNOWN; or null */
} llm_model_info;

typedef struct llm_models_sink {
	uint32_t struct_size;
	uint32_t reserved;
	void *ctx;
	int32_t (*model)(void *ctx, const llm_model_info *info);
	/* There is another page: pass these bytes as the next cursor. */
	int32_t (*next)(void *ctx, const char *cursor, size_t len);
} llm_models_sink;

/* llm.provider.models/1: the models a candidate could name. */
typedef struct llm_models_ext {
	uint32_t struct_size;
	uint32_t reserved;
	int32_t (*build)(void *instance, const char *cursor, const llm_http_sink *out);
	int32_t (*parse)(void *instance, const llm_reply_view *reply, const llm_models_sink *out);
} llm_models_ext;

/* llm.provider.model/1: what one model can do, from the provider's own answer. */
typedef struct llm_model_ext {
	uint32_t struct_size;
	uint32_t reserved;
	int32_t (*build)(void *instance, const char *model, const llm_http_sink *out);
	int32_t (*parse)(void *instance, const char *model, const llm_reply_view *reply,
		const llm_models_sink *out);
} llm_model_ext;

/* llm.provider.state/1: which models are in memory now. */
typedef struct llm_state_ext {
	uint32_t struct_size;
	uint32_t reserved;
	int32_t (*build)(void *instance, const llm_http_sink *out);
	int32_t (*parse)(void *instance, const llm_reply_view *reply, const llm_models_sink *out);
} llm_state_ext;

LLM_EXTERN_C_END
#endif
