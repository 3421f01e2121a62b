/*
 * openai.h - the first part of OpenAI's API: Chat Completions and the models.
 */
#ifndef LLMSIM_OPENAI_H
#define LLMSIM_OPENAI_H

#include "ask.h"
#include "reply.h"

struct server;

void openai_chat(struct server *s, const struct http_request *rq, struct reply *r);
void openai_models(struct server *s, const struct http_request *rq, struct reply *r);
/* GET /v1/models/NAME */
void openai_model(struct server *s, const struct http_request *rq, struct reply *r);
void openai_no_route(const struct http_request *rq, struct reply *r);

/* openai_check.c: the error in OpenAI's shape. */
void openai_error(struct reply *r, const struct fault *f);
void openai_check(const json_t *ask, struct fault *f);

#endif
