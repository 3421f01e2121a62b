/*
 * openai.h - what the files of this plugin share.
 */
#ifndef OPENAI_H
#define OPENAI_H

#include "kit/kit.h"

#define OPENAI_BASE_URL "https://api.openai.com/v1"
#define OPENAI_ID "org.libllm.openai"

/* Kinds of opaque parts that are this plugin's. */
#define OPENAI_DETAILS "reasoning_details" /* OpenRouter's, an array; goes back unchanged */
#define OPENAI_DETAIL "detail" /* of an image: auto, low, high */

/* ---- dialects ---- */

/* How a server is told how hard to think. */
enum openai_effort {
	OPENAI_EFFORT_MODEL, /* reasoning_effort, with the words of the model */
	OPENAI_EFFORT_WORD, /* reasoning_effort, with the words of the dialect */
	OPENAI_EFFORT_OBJECT, /* reasoning: {effort} */
	OPENAI_EFFORT_KWARGS, /* chat_template_kwargs */
	OPENAI_EFFORT_THINKING /* thinking: {type}, and reasoning_effort */
};

/* What of an earlier turn's reasoning goes back. */
enum openai_history {
	OPENAI_HISTORY_NONE,
	OPENAI_HISTORY_CONTENT, /* reasoning_content: text */
	OPENAI_HISTORY_TEXT, /* reasoning: text */
	OPENAI_HISTORY_DETAILS /* reasoning_details: what OpenRouter sent */
};

#define OPENAI_CLOUD 1u /* its usual address is somebody else's machine */
#define OPENAI_SAYS_USAGE 2u /* takes stream_options.include_usage */
#define OPENAI_ENFORCES 4u /* holds answers to any schema */
#define OPENAI_SCHEMAS 8u /* is known to hold answers to a schema that it takes */
#define OPENAI_NAMES_ALONE 16u /* ignores a named tool choice */
#define OPENAI_SHORT_IDS 32u /* ids of tool calls are nine letters or digits */
#define OPENAI_RANGES 128u /* refuses numbers and stop texts out of OpenAI's own ranges */
#define OPENAI_EMPTY_FULL 64u /* an empty stream says that the prompt did not fit */

/* How one server differs from the others. Null members: it has no such field. */
typedef struct openai_dialect {
	const char *name;
	const char *host; /* base URLs of it: a host, or with a first dot an ending of hosts */
	uint32_t flags; /* OPENAI_* above */
	enum openai_effort effort;
	enum openai_history history;
	const char *limit; /* of output tokens */
	const char *seed;
	const char *user;
	const char *required; /* the tool choice that forces a call */
	const char *repeat; /* the repeat penalty; null: neither it nor top_k nor min_p */
	const char *words[6]; /* effort: off, on, low, medium, high, max; null: say nothing */
} openai_dialect;

/* An instance. */
typedef struct openai {
	const llm_host *host;
	const openai_dialect *dialect;
	const char *limit; /* name of the output limit */
	const char *system; /* "system" or "developer" */
	const char *auth_header; /* null: Authorization: Bearer */
	const char *organization;
	const char *project;
	enum openai_history history;
	int include_usage; /* ask for usage at the end of a stream */
	int deployments; /* the model is a part of the path */
	const char *members[40]; /* what this plugin writes itself, null-terminated */
} openai;

/* dialect.c */
extern const llm_key_info *const openai_config_keys[];
/* Reads the configuration. LLM_E_CONFIG when it makes no sense. */
int32_t openai_configure(openai *o);

/* options.c */
extern const llm_key_info *const openai_options[];
int32_t openai_options_check(const openai *o, const llm_request_view *rq);
/* The option's text, decoded, in scratch memory; null when it was not said. 0 or LLM_E_NOMEM. */
int32_t openai_option_text(
	const openai *o, const llm_request_view *rq, const char *name, const char **ret);
/* 1, 0, or -1 when it was not said. */
int openai_option_bool(const llm_request_view *rq, const char *name);

/* ---- requests ---- */

/* request.c */
int32_t openai_build_request(void *instance, const llm_request_view *rq, const llm_http_sink *out);

/* messages.c */
int32_t openai_messages_check(const openai *o, const llm_request_view *rq);
int32_t openai_write_messages(const openai *o, kit_doc *d, const llm_request_view *rq);

/* media.c */
int32_t openai_media_check(const openai *o, const llm_part_view *p);
/* A part of a user's content: text, image, audio or file. `detail` is for images, or empty. */
void openai_write_part(jsonw *w, const llm_part_view *p, const llm_bytes *detail);

/* history.c */
int32_t openai_history_check(const openai *o, const llm_message_view *m);
void openai_write_history(const openai *o, jsonw *w, const llm_message_view *m);
/* Is there reasoning of earlier turns that does not go along? */
int openai_loses_reasoning(const openai *o, const llm_request_view *rq);
/* The next opaque part of this plugin's of that kind, behind `prev` (null: the first). */
const llm_opaque_view *openai_opaque(
	const llm_part_view *p, const char *kind, const llm_opaque_view *prev);

/* tools.c */
int32_t openai_tools_check(const openai *o, const llm_request_view *rq);
void openai_write_tools(const openai *o, kit_doc *d, const llm_request_view *rq);
/* The id of a call, as the server takes it. */
void openai_write_id(const openai *o, jsonw *w, const char *id);

/* format.c */
int32_t openai_format_check(const openai *o, const llm_request_view *rq);
int32_t openai_write_format(const openai *o, kit_doc *d, const llm_request_view *rq);

/* strict.c */
/* Why a schema does not keep the rules of strict schemas; null when it does. Static. */
const char *openai_schema_problem(const llm_bytes *schema);

/* reasoning.c */
int32_t openai_write_reasoning(const openai *o, kit_doc *d, const llm_request_view *rq);

/* ---- answers ---- */

typedef struct openai_call openai_call; /* calls.c */
typedef struct openai_detail openai_detail; /* details.c */

/* What is known of the answer so far. */
typedef struct openai_stream {
	const char *request_id; /* of the reply's headers, or null */
	const llm_request_view *request; /* what was asked, or null */
	openai_call *calls;
	openai_call *last_call;
	openai_detail *details;
	openai_detail *last_detail;
	uint32_t n_calls;
	uint32_t whole; /* an answer in one piece */
	uint32_t request_id_told;
	uint32_t id_told;
	uint32_t model_told;
	uint32_t refused; /* the model refused in words */
	uint32_t output; /* something was said */
	uint32_t finished; /* a finish reason came */
	uint32_t done; /* "[DONE]" came */
	uint32_t failed; /* an error was pushed */
	uint32_t repeats_reasoning; /* what changes in `repeat` is reasoning, not text */
	kit_repeat repeat; /* a chunk with one text */
} openai_stream;

/* response.c */
/*
 * One JSON object of an answer: a whole reply or a chunk. LLM_E_PROTOCOL, with nothing
 * pushed, when it makes no sense.
 */
int32_t openai_read_object(
	const openai *o, openai_stream *s, const llm_bytes *json, const llm_result_sink *out);
/* 1 for a chunk like an earlier one with another text: then it is done, with *ret. */
int openai_read_repeat(const openai *o, openai_stream *s, const llm_bytes *json,
	const llm_result_sink *out, int32_t *ret);
/* The end came without a finish reason. */
int32_t openai_push_plain_end(const openai *o, openai_stream *s, const llm_result_sink *out);

/* finish.c */
/* What a finish reason stands for. LLM_FINISH_NONE: the answer failed. */
uint32_t openai_finish_reason(const jsonr_text *word);
/* The answer failed, with a code that openai_error_rules knows. */
int32_t openai_push_failure(
	openai_stream *s, const llm_bytes *code, const char *text, const llm_result_sink *out);

/* content.c */
/* Is a part among the elements, or is the array empty? What is none is passed over. */
int openai_parts_fit(const llm_bytes *parts);
/*
 * `content` that is an array of parts: text goes to out.text, thinking to out.reasoning, other
 * kinds are passed over. *ret_some is set when something came.
 */
int32_t openai_read_parts(
	const openai *o, const llm_bytes *parts, const llm_result_sink *out, uint32_t *ret_some);

/* calls.c */
/* Are these tool calls, an array, or pieces of some? Changes nothing. */
int openai_calls_fit(const llm_bytes *calls);
/* Takes them in and pushes what is ready. */
int32_t openai_read_calls(
	const openai *o, openai_stream *s, const llm_bytes *calls, const llm_result_sink *out);
/* The member function_call of old servers, an object. */
int openai_old_call_fits(const llm_bytes *call);
int32_t openai_read_old_call(
	const openai *o, openai_stream *s, const llm_bytes *call, const llm_result_sink *out);
/* Nothing follows: pushes what was held back and ends every call. */
int32_t openai_end_calls(openai_stream *s, const llm_result_sink *out);

/* details.c */
int32_t openai_keep_details(const openai *o, openai_stream *s, const llm_bytes *details);
/* All of them as one opaque part. */
int32_t openai_push_details(const openai *o, openai_stream *s, const llm_result_sink *out);

/* usage.c */
/* 1 in *ret_some when there were counts. */
int32_t openai_push_usage(const llm_bytes *json, const llm_result_sink *out, int *ret_some);
/* llama.cpp's times. */
int32_t openai_push_timings(const llm_bytes *json, const llm_result_sink *out);

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
 * facts' status is that of the code or the type, when they name one, else 0.
 */
int openai_error_facts(
	const openai *o, uint32_t scope, const llm_bytes *json, llm_error_facts *ret_facts);

/* models.c */
extern const llm_models_ext openai_models;
extern const llm_model_ext openai_model;

#endif
