/*
 * gemini.h - Gemini's API: everything under /v1beta.
 */
#ifndef LLMSIM_GEMINI_H
#define LLMSIM_GEMINI_H

#include "answer.h"
#include "ask.h"
#include "reply.h"

struct model;
struct server;

/* What a generation of models does otherwise than the present one. */
enum {
	GEMINI_OLD = 1, /* 2.x: thinking budgets; no ids; signatures not asked for */
	GEMINI_PREFILL = 2, /* takes a model turn at the end */
	GEMINI_NO_MINIMAL = 4, /* thinking cannot be that little */
	GEMINI_NO_BUDGET = 8,
};

/* One request on its way to an answer. */
struct gemini_job {
	const struct server *srv;
	const json_t *ask;
	const struct model *model;
	unsigned rules; /* GEMINI_... */
	struct question q;
	struct answer a;
	json_t *tools; /* in the form of struct question */
	bool thoughts; /* shown, not only thought */
	bool stream;
	bool sse; /* a stream of events, not of an array's elements */
};

void gemini(struct server *s, const struct http_request *rq, struct reply *r);

/* gemini_fields.c: known members and their types; an unknown one is a 400. */
enum gemini_body { GEMINI_GENERATE, GEMINI_COUNT, GEMINI_EMBED, GEMINI_EMBED_BATCH };
void gemini_fields(const json_t *ask, enum gemini_body kind, struct fault *f);
/* A member under its name, or the same with underscores. */
json_t *gemini_get(const json_t *object, const char *name);

/* gemini_rules.c: what must hold between the members. */
void gemini_rules(const struct gemini_job *j, struct fault *f);
unsigned gemini_rules_of(const char *model);

/* gemini_read.c: the question in a request. */
void gemini_read(struct gemini_job *j);
void gemini_prompt(struct bytes *b, const json_t *ask);
/* The content's function calls or responses, by the part's member. */
size_t gemini_count(const json_t *content, const char *member);

/* gemini_say.c: the answer. */
void gemini_say(struct gemini_job *j, struct reply *r);
/* The opaque thing that must come back with the part it stood on. */
json_t *gemini_call_signature(const json_t *name, const json_t *args);
/* Looks like one of ours. */
bool gemini_own_signature(const char *text);

/* gemini_info.c */
void gemini_models(struct server *s, const struct http_request *rq, struct reply *r);
void gemini_model(const struct model *m, struct reply *r);
void gemini_tokens(const struct gemini_job *j, struct reply *r);
void gemini_embed(const struct gemini_job *j, bool batch, struct reply *r);
void gemini_error(struct reply *r, const struct fault *f, bool in_array);
void gemini_json(struct reply *r, int status, json_t *v); /* takes v */
/* "sim-small" of "sim-small:latest" */
void gemini_name(struct bytes *b, const struct model *m);

#endif
