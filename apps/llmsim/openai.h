/*
 * openai.h - OpenAI's API: Chat Completions, the older completions, embeddings and
 * the models.
 */
#ifndef LLMSIM_OPENAI_H
#define LLMSIM_OPENAI_H

#include "answer.h"
#include "ask.h"
#include "reply.h"

struct model;
struct server;

/* One request on its way to an answer. */
struct openai_job {
	const struct server *srv;
	const json_t *ask;
	const struct model *model;
	struct question q;
	struct answer *a; /* one for each choice */
	size_t choices;
	struct bytes id;
	uint64_t created;
	bool usage; /* asked for in the stream */
	bool logprobs;
	size_t top;
	json_t *tools; /* those that may be called, where not all may; null: as in `ask` */
	struct bytes b; /* scratch */
};

void openai_chat(struct server *s, const struct http_request *rq, struct reply *r);
void openai_completions(struct server *s, const struct http_request *rq, struct reply *r);

/* openai_info.c */
void openai_embeddings(struct server *s, const struct http_request *rq, struct reply *r);
void openai_models(struct server *s, const struct http_request *rq, struct reply *r);
/* GET /v1/models/NAME */
void openai_model(struct server *s, const struct http_request *rq, struct reply *r);
void openai_no_route(const struct http_request *rq, struct reply *r);
/* False after the answer to a key that is missing or wrong. */
bool openai_key(const struct server *s, const struct http_request *rq, struct reply *r);
const struct model *openai_find(const struct server *s, const char *name, struct fault *f);
/* The body, or null with OpenAI's words for one that is no JSON object. */
json_t *openai_body(const struct http_request *rq, struct fault *f);

/* openai_check.c: types and ranges of the members; the error in OpenAI's shape. */
void openai_error(struct reply *r, const struct fault *f);
void openai_check(const json_t *ask, struct fault *f);
void openai_check_completion(const json_t *ask, struct fault *f);

/* openai_rules.c: what must hold between them, and what the model takes. */
void openai_rules(const json_t *ask, const struct model *m, struct fault *f);

/* openai_say.c: the answer to a chat. openai_text.c: to a completion. */
void openai_say(struct openai_job *j, struct reply *r);
void openai_text_say(struct openai_job *j, struct reply *r);
/* The same for both. */
void openai_usage(struct openai_job *j, bool details);
const char *openai_finish(const struct openai_job *j, size_t choice);

#endif
