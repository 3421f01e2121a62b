/*
 * plug.h - a provider module under test: loaded, given a host, its sinks recorded.
 *
 * Memory of a scope is really freed when the scope ends, so that a sanitizer sees a
 * plugin that keeps what it should not. One plug per test; plain malloc.
 */
#ifndef TESTS_PLUG_H
#define TESTS_PLUG_H

#include "llm/abi/provider.h"

/* Text that grows; ptr is never null once something was added and ends in NUL. */
typedef struct plug_text {
	char *ptr;
	size_t len;
} plug_text;

void plug_add(plug_text *t, const char *bytes, size_t len);
void plug_clear(plug_text *t);

typedef struct plug_block plug_block;

typedef struct plug {
	void *file;
	const char *path;
	const llm_plugin_desc *desc;
	const llm_provider_vtable *v;
	const llm_provider_info *info;
	void *instance;
	llm_host host;
	const char *const *config; /* "key", "value", ..., null */
	plug_block *scopes[4]; /* by LLM_SCOPE_*; 0: plug_keep's */
	uint64_t allocs;
	uint64_t fail_at; /* the allocation that gets null; 0: none */
	int32_t error_code; /* of the last set_error */
	plug_text error;
} plug;

/* Loads FILE and creates an instance. 0, or what create returned, -1000: no such plugin. */
int32_t plug_open(plug *p, const char *file, const char *const *config);
void plug_close(plug *p);
/* Before each call into the plugin: forgets the last error, frees the scratch scope. */
void plug_begin(plug *p);
/* The attempt is over. */
void plug_attempt_ends(plug *p);
/* Zeroed memory of the test's own, until plug_close. */
void *plug_keep(plug *p, size_t bytes);
char *plug_keep_text(plug *p, const char *text, size_t len);

typedef struct plug_http {
	llm_http_sink sink;
	char method[16];
	plug_text path;
	plug_text headers; /* "Name: value\n" */
	plug_text body;
	plug_text warnings; /* one a line */
	size_t n_warnings;
	int n_targets;
	int late_target; /* something came before the target */
} plug_http;

void plug_http_init(plug_http *h);
void plug_http_done(plug_http *h);

#define PLUG_CALLS 130 /* the library takes 128 */
#define PLUG_OPAQUES 16

typedef struct plug_call {
	plug_text id;
	plug_text name;
	plug_text arguments;
	int complete;
} plug_call;

typedef struct plug_opaque {
	plug_text kind;
	plug_text data;
	uint32_t part; /* LLM_PART_*, with its index */
	uint32_t part_index;
} plug_opaque;

/* What came out of a result sink. */
typedef struct plug_answer {
	llm_result_sink sink;
	plug_text text;
	plug_text reasoning;
	plug_call calls[PLUG_CALLS];
	size_t n_calls;
	plug_opaque opaque[PLUG_OPAQUES];
	size_t n_opaque;
	plug_text media_type; /* of the last bytes that came */
	plug_text data;
	plug_text meta[8]; /* by LLM_META_* */
	uint64_t metric[4]; /* by LLM_METRIC_* */
	int has_metric[4];
	llm_usage usage;
	int n_usage;
	uint32_t finish;
	plug_text finish_raw;
	int n_finish;
	plug_text warnings;
	size_t n_warnings;
	llm_error_facts facts; /* its texts are the answer's own */
	plug_text fact_texts[4];
	int n_errors;
	int n_late; /* pushed after an error */
	int n_cut; /* pieces of text that are not whole characters */
	uint64_t n_events;
	uint64_t refuse_at; /* the event that is answered with refuse_with; 0: none */
	int32_t refuse_with;
} plug_answer;

void plug_answer_init(plug_answer *a);
void plug_answer_done(plug_answer *a);
/* All that came, as text: two answers are the same when theirs is. Owned by the caller. */
char *plug_answer_print(const plug_answer *a);

/* The models that came: name, detail, size, window, loaded; capabilities copied. */
typedef struct plug_model {
	plug_text name;
	plug_text detail;
	int64_t size_bytes;
	int64_t context_tokens;
	uint32_t loaded;
	int has_caps;
	llm_caps caps;
} plug_model;

typedef struct plug_models {
	llm_models_sink sink;
	plug_model rows[16];
	size_t n;
	int n_next;
	plug_text cursor;
} plug_models;

void plug_models_init(plug_models *m);
void plug_models_done(plug_models *m);

/* A whole file as NUL-terminated text; null when it is not there. Free it. */
char *plug_read_file(const char *path, size_t *ret_len);

#endif
