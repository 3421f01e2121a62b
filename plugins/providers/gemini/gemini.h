/*
 * gemini.h - what the files of this plugin share.
 */
#ifndef GEMINI_H
#define GEMINI_H

#include "kit/kit.h"

#define GEMINI_ID "org.libllm.gemini"
#define GEMINI_BASE_URL "https://generativelanguage.googleapis.com"

/* Kinds of opaque parts. */
#define GEMINI_SIGNATURE "thoughtSignature" /* base64, as it came */
#define GEMINI_PART "part" /* a whole part of a kind that is not read here, JSON */
#define GEMINI_TOKEN "continuationToken"

/* Ids that this plugin gives to calls that came without one begin like this. */
#define GEMINI_NO_ID "unnamed_call_"

/* An instance. */
typedef struct gemini {
	const llm_host *host;
	const char *version; /* "/v1beta", or "" when the base URL ends in a version */
} gemini;

/* ---- family.c: what a model's name tells ---- */

enum { GEMINI_LATEST = 9999 }; /* a moving name, such as gemini-flash-latest */
enum { GEMINI_NO_THINKING, GEMINI_BUDGET, GEMINI_LEVEL };

typedef struct gemini_family {
	int generation; /* 205 is 2.5; 0: no Gemini, or tuned, so nothing is known */
	int lite;
	int pro;
	int embeds; /* a model for embeddings */
} gemini_family;

/* The name without "models/". */
const char *gemini_plain_name(const char *model);
gemini_family gemini_family_of(const char *model);
int gemini_thinks(const gemini_family *f); /* GEMINI_NO_THINKING and so on */
/* Is there a thinking level below LOW? */
int gemini_has_minimal(const gemini_family *f);
/*
 * 3.6, 3.5 Flash-Lite and all that came later: temperature, top_p and top_k are ignored,
 * and the last turn cannot be the model's.
 */
int gemini_is_late(const gemini_family *f);
/* Must calls of the current turn carry a thought signature? */
int gemini_wants_signatures(const gemini_family *f);
void gemini_fill_caps(const char *model, llm_caps *caps);

/* ---- request.c ---- */

int32_t gemini_build_request(void *instance, const llm_request_view *rq, const llm_http_sink *out);
/* A path in scratch memory: version, "/models/" and the escaped name, `tail`. Null: no memory. */
char *gemini_path(const gemini *g, const char *model, const char *tail);
/* Appends with everything but letters, digits and "-._~" escaped; returns the end. */
char *gemini_escape(char *to, const char *text, size_t len);

/* ---- contents.c, parts.c: the conversation ---- */

typedef struct gemini_writer {
	const gemini *g;
	jsonw *w;
	const llm_request_view *rq;
	const llm_http_sink *out;
	gemini_family family;
	size_t turn; /* where the current turn begins: the user's last message */
	uint32_t open; /* role of the content that is open, 0: none */
	int in_turn; /* the message at hand belongs to the current turn */
	int called; /* the open content holds a call */
	int keep_calls; /* calls without a signature stay as they are */
	int told; /* bits: warnings that were given */
} gemini_writer;

int32_t gemini_write_contents(
	const gemini *g, kit_doc *d, const llm_request_view *rq, const llm_http_sink *out);
/* Opens a content of that role, unless one is open. */
void gemini_open(gemini_writer *w, uint32_t role);
/* One part of a message, checked, with what is attached to it. */
int32_t gemini_write_part(gemini_writer *w, const llm_message_view *m, const llm_part_view *p);

/* ---- tools.c ---- */

int32_t gemini_write_tools(const gemini *g, kit_doc *d, const llm_request_view *rq);

/* ---- config.c: generationConfig and the options ---- */

extern const llm_key_info *const gemini_options[];
int32_t gemini_check_options(const gemini *g, const llm_request_view *rq);
int32_t gemini_write_config(
	const gemini *g, kit_doc *d, const llm_request_view *rq, const llm_http_sink *out);
/* An option's value when it is true, or false; `otherwise` when it is not there. */
int gemini_switch(const llm_request_view *rq, const char *name, int otherwise);

/* ---- thinking.c ---- */

int32_t gemini_check_thinking(const gemini *g, const llm_request_view *rq);
/* Will thinkingConfig hold something? */
int gemini_has_thinking(const llm_request_view *rq);
int32_t gemini_write_thinking(jsonw *w, const llm_request_view *rq, const llm_http_sink *out);

/* ---- response.c ---- */

#define GEMINI_COUNTS 6
#define GEMINI_GROWING 3 /* the first of them grow with the answer */

typedef struct gemini_counts {
	int64_t n[GEMINI_COUNTS]; /* -1: not sent */
} gemini_counts;

#define GEMINI_NO_COUNTS \
	{ \
		{ \
			-1, -1, -1, -1, -1, -1 \
		} \
	}

typedef struct gemini_stream {
	uint32_t n_calls; /* tool calls seen */
	uint32_t id_told;
	uint32_t model_told;
	uint32_t stage_told;
	uint32_t answered; /* a candidate came */
	uint32_t blocked; /* something about the prompt came instead of one */
	uint32_t finished; /* a finish reason came */
	uint32_t failed; /* an error was pushed */
	uint32_t n_parts; /* of this event */
	uint32_t lone_thought; /* lone_text is one of the model's thoughts */
	jsonr_text lone_text; /* of the event's only part, when that has nothing but a text */
	uint32_t repeats_thought; /* what changes in `repeat` is a thought, not text */
	kit_repeat repeat; /* an event with one text */
	gemini_counts steady; /* of that event, without those that grow */
} gemini_stream;

/*
 * One object of an answer: a whole one (`whole` 1) or an event of a stream.
 * LLM_E_PROTOCOL, with nothing pushed, when it makes no sense.
 */
int32_t gemini_read_object(const gemini *g, gemini_stream *s, const llm_bytes *json, int whole,
	const llm_result_sink *out);
/* 1 for an event like an earlier one with another text: then it is done, with *ret. */
int gemini_read_repeat(const gemini *g, const gemini_stream *s, const llm_bytes *json,
	const llm_result_sink *out, int32_t *ret);
int32_t gemini_push_blocked(gemini_stream *s, const llm_bytes *why, const llm_result_sink *out);

/* ---- content.c: the parts of a candidate ---- */

/* An array of parts. With `out` null they are only checked: LLM_E_PROTOCOL. */
int32_t gemini_read_parts(
	const gemini *g, gemini_stream *s, const llm_bytes *parts, const llm_result_sink *out);

/* ---- usage.c ---- */

/* `raw`: also as it is. */
int32_t gemini_push_usage(const llm_bytes *json, int raw, const llm_result_sink *out);
/*
 * Where the counts stand in it that grow with the answer, and what the others are; 1 when
 * nothing else in it tells of tokens.
 */
int gemini_find_counts(const llm_bytes *json, gemini_counts *ret, llm_bytes *ret_growing);
/* The same as gemini_push_usage, from other numbers in these places. */
int32_t gemini_push_counts(
	const gemini_counts *steady, const jsonr_text *growing, const llm_result_sink *out);
/* A count that may be written as a text. */
void gemini_count(jsonr *r, int64_t *ret);

/* ---- stream.c ---- */

int32_t gemini_parse_response(
	void *instance, const llm_reply_view *reply, const llm_result_sink *out);
int32_t gemini_stream_open(void *instance, const llm_reply_view *head, void **ret_stream);
int32_t gemini_stream_frame(
	void *instance, void *stream, const llm_frame_view *frame, const llm_result_sink *out);
int32_t gemini_stream_close(void *instance, void *stream, const llm_bytes *residue,
	const llm_result_sink *out, uint32_t *ret_complete);

/* ---- rules.c, errors.c, details.c ---- */

/* The plugin's own type for a quota of a day, a month or nothing, whatever its id. */
#define GEMINI_SPENT "RESOURCE_EXHAUSTED, not by the minute"

extern const llm_error_rule *const gemini_error_rules[];
int32_t gemini_classify_error(
	void *instance, const llm_reply_view *reply, llm_error_facts *ret_facts);
/* Facts from a JSON body, status included; 1 when it tells of an error. */
int gemini_error_facts(
	const gemini *g, uint32_t scope, const llm_bytes *json, llm_error_facts *ret_facts);

typedef struct gemini_details {
	jsonr_text reason; /* of ErrorInfo */
	jsonr_text quota; /* id of the violated quota that counts */
	int spent; /* it is not one by the minute */
	int64_t delay_ms; /* of RetryInfo; -1: none */
} gemini_details;

void gemini_read_details(const llm_bytes *details, gemini_details *ret);
/* "34.074824224s" in ms, rounded up; -1 when it is none. */
int64_t gemini_duration_ms(const char *text, size_t len);

/* ---- models.c ---- */

extern const llm_models_ext gemini_models;
extern const llm_model_ext gemini_model;

#endif
