/*
 * openai.h - what the files of this plugin share.
 */
#ifndef OPENAI_H
#define OPENAI_H

#include "kit/kit.h"

#define OPENAI_BASE_URL "https://api.openai.com/v1"

/* An instance. */
typedef struct openai {
	const llm_host *host;
	int origin; /* the base URL is OpenAI's or Azure's */
	int include_usage; /* ask for usage at the end of a stream */
	const char *limit_field; /* "max_tokens" or "max_completion_tokens" */
} openai;

/* request.c */
int32_t openai_build_request(void *instance, const llm_request_view *rq, const llm_http_sink *out);

/* messages.c */
int32_t openai_write_messages(const openai *o, kit_doc *d, const llm_request_view *rq);

/* response.c */
typedef struct openai_stream {
	const char *request_id; /* of the reply's headers, or null */
	uint32_t request_id_told;
	uint32_t id_told;
	uint32_t model_told;
	uint32_t called; /* the model called tools, which are not read yet */
	uint32_t refused; /* it refused in words */
	uint32_t output; /* something was said */
	uint32_t finished; /* a finish reason came */
	uint32_t done; /* "[DONE]" came */
	uint32_t failed; /* an error was pushed */
} openai_stream;

/*
 * One JSON object of an answer: a whole reply (`whole` 1) or a chunk. LLM_E_PROTOCOL, with
 * nothing pushed, when it makes no sense.
 */
int32_t openai_read_object(const openai *o, openai_stream *s, const llm_bytes *json, int whole,
	const llm_result_sink *out);

/* content.c */
/*
 * `content` that is an array of parts: text goes to out.text, thinking to out.reasoning, other
 * kinds are passed over. *ret_some is set when something came.
 */
int32_t openai_read_parts(
	const openai *o, const llm_bytes *parts, const llm_result_sink *out, uint32_t *ret_some);

/* usage.c */
int32_t openai_push_usage(const llm_bytes *json, const llm_result_sink *out);

/* stream.c */
int32_t openai_parse_response(
	void *instance, const llm_reply_view *reply, const llm_result_sink *out);
int32_t openai_stream_open(void *instance, const llm_reply_view *head, void **ret_stream);
int32_t openai_stream_frame(
	void *instance, void *stream, const llm_frame_view *frame, const llm_result_sink *out);
int32_t openai_stream_close(void *instance, void *stream, const llm_bytes *residue,
	const llm_result_sink *out, uint32_t *ret_complete);

/* rules.c */
extern const llm_error_rule *const openai_error_rules[];

/* errors.c */
int32_t openai_classify_error(
	void *instance, const llm_reply_view *reply, llm_error_facts *ret_facts);
/*
 * Facts from a JSON body in any of the shapes in use. 1 when it tells of an error. The
 * facts' status is that of the code, when it is a number, else 0.
 */
int openai_error_facts(
	const openai *o, uint32_t scope, const llm_bytes *json, llm_error_facts *ret_facts);

/* models.c */
extern const llm_models_ext openai_models;

#endif
