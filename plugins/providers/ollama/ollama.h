/*
 * ollama.h - what the files of this plugin share.
 */
#ifndef OLLAMA_H
#define OLLAMA_H

#include "kit/kit.h"

/* An instance. */
typedef struct ollama {
	const llm_host *host;
	int cloud; /* the base URL is that of ollama.com */
} ollama;

/* options.c */
extern const llm_key_info *const ollama_options[];
/* Refuses options this plugin does not list, then writes `options`. */
int32_t ollama_write_options(const ollama *o, kit_doc *d, const llm_request_view *rq);
int32_t ollama_write_keep_alive(const ollama *o, kit_doc *d, const llm_request_view *rq);

/* messages.c */
int32_t ollama_write_messages(const ollama *o, kit_doc *d, const llm_request_view *rq);

/* request.c */
int32_t ollama_build_request(void *instance, const llm_request_view *rq, const llm_http_sink *out);

/* response.c */
typedef struct ollama_stream {
	uint32_t n_calls; /* tool calls seen */
	uint32_t model_told;
	uint32_t done; /* an object with done:true was read */
	uint32_t failed; /* an error was pushed */
	uint32_t repeats_thinking; /* what changes in `repeat` is thinking, not text */
	kit_repeat repeat; /* a line with one text */
} ollama_stream;

/*
 * One object of an answer: a whole reply or a line of a stream. Nothing is pushed before
 * all of it has been checked. LLM_E_PROTOCOL when it makes no sense.
 */
int32_t ollama_read_object(
	const ollama *o, ollama_stream *s, const llm_bytes *json, const llm_result_sink *out);

/* 1 for a line like an earlier one with another text: then it is done, with *ret. */
int ollama_read_repeat(const ollama *o, const ollama_stream *s, const llm_bytes *json,
	const llm_result_sink *out, int32_t *ret);

/* stream.c */
int32_t ollama_parse_response(
	void *instance, const llm_reply_view *reply, const llm_result_sink *out);
int32_t ollama_stream_open(void *instance, const llm_reply_view *head, void **ret_stream);
int32_t ollama_stream_frame(
	void *instance, void *stream, const llm_frame_view *frame, const llm_result_sink *out);
int32_t ollama_stream_close(void *instance, void *stream, const llm_bytes *residue,
	const llm_result_sink *out, uint32_t *ret_complete);

/* calls.c */
/*
 * Tool calls, an array. With `out` null they are only checked. LLM_E_PROTOCOL when one has
 * no name or its arguments are no object.
 */
int32_t ollama_read_calls(
	const ollama *o, ollama_stream *s, const llm_bytes *calls, const llm_result_sink *out);

/* errors.c */
extern const llm_error_rule *const ollama_error_rules[];
int32_t ollama_classify_error(
	void *instance, const llm_reply_view *reply, llm_error_facts *ret_facts);
/* Facts from the value of "error": a text, a JSON document in a text, or an object. */
void ollama_error_facts(
	const ollama *o, uint32_t scope, const llm_bytes *value, llm_error_facts *ret_facts);

/* host.c */
int32_t ollama_base_url(const char *text, char *buf, size_t cap);

/* models.c */
extern const llm_models_ext ollama_models;
extern const llm_model_ext ollama_model;
extern const llm_state_ext ollama_state;

/* plugin.c */
/* What is known of any model, by its name. Members not known are left alone. */
void ollama_fill_caps(const ollama *o, const char *model, llm_caps *caps);

#endif
