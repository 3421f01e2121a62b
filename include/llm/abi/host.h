/*
 * llm/abi/host.h - what the host offers to an instance of a plugin.
 *
 * Not offered, on purpose: sockets, threads, files, environment, clocks and
 * secrets. The host calls an instance from one thread at a time.
 */
#ifndef LLM_ABI_HOST_H
#define LLM_ABI_HOST_H

#include "abi.h"

LLM_EXTERN_C_BEGIN

/* Types of configuration keys and of request options. */
enum {
	LLM_TYPE_STRING = 1,
	LLM_TYPE_BOOL = 2,
	LLM_TYPE_INT = 3,
	LLM_TYPE_REAL = 4,
	LLM_TYPE_DURATION = 5, /* handed over in milliseconds */
	LLM_TYPE_SIZE = 6, /* handed over in bytes */
	LLM_TYPE_STRINGS = 7, /* options only: a JSON array of strings */
	LLM_TYPE_JSON = 8 /* options only: any JSON document */
};

/* A key of a plugin's configuration group, or an option of a request. */
typedef struct llm_key_info {
	uint32_t struct_size;
	uint32_t type; /* LLM_TYPE_* */
	const char *name; /* [a-z][a-z0-9_]* */
	const char *unit; /* "tokens", "ms", or null */
	const char *default_text; /* or null: none */
	const char *help; /* one line */
} llm_key_info;

/* How long memory from `alloc` lives. */
enum {
	LLM_SCOPE_INSTANCE = 1, /* until destroy returns */
	LLM_SCOPE_ATTEMPT = 2, /* until the attempt ends (stream_close or parse_response returned) */
	LLM_SCOPE_SCRATCH = 3 /* until this call into the plugin returns */
};

typedef struct llm_host {
	uint32_t struct_size;
	uint16_t abi_minor; /* of the host: check it before a member that came later */
	uint16_t reserved;
	void *ctx; /* first argument of every function below */

	/* --- 1.0 --- */

	/* Write one line of UTF-8 to the host's log at LLM_LOG_*; redacted by the host. */
	void (*log)(void *ctx, uint32_t level, const char *text, size_t len);

	/*
	 * The value of a configuration key that `describe` listed, as text in the
	 * form its type demands ("true", "10", "1500" for milliseconds). Returns 0,
	 * or LLM_E_NOT_FOUND when neither the user nor the default says anything.
	 * "base_url" need not be listed: it is always answered, with the URL in force.
	 * The text lives as long as the instance and is followed by a NUL.
	 */
	int32_t (*config)(void *ctx, const char *key, const char **ret_text, size_t *ret_len);

	/*
	 * Say why the call that is running fails. The plugin then returns `code`.
	 * One sentence: what, where, what to do. The last one wins.
	 */
	void (*set_error)(void *ctx, int32_t code, const char *text, size_t len);

	/* `bytes` of zeroed memory aligned for any type, or null. Never freed by the plugin. */
	void *(*alloc)(void *ctx, uint32_t scope, size_t bytes);

	/* A table of a later feature by its id, or null. */
	const void *(*get_extension)(void *ctx, const char *id);
} llm_host;

LLM_EXTERN_C_END
#endif
