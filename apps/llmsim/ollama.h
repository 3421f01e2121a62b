/*
 * ollama.h - Ollama's API.
 */
#ifndef LLMSIM_OLLAMA_H
#define LLMSIM_OLLAMA_H

#include "ask.h"
#include "reply.h"

struct server;

void ollama_chat(struct server *s, const struct http_request *rq, struct reply *r);
void ollama_generate(struct server *s, const struct http_request *rq, struct reply *r);

/* ollama_info.c */
void ollama_root(struct server *s, const struct http_request *rq, struct reply *r);
void ollama_version(struct server *s, const struct http_request *rq, struct reply *r);
void ollama_tags(struct server *s, const struct http_request *rq, struct reply *r);
void ollama_ps(struct server *s, const struct http_request *rq, struct reply *r);
void ollama_show(struct server *s, const struct http_request *rq, struct reply *r);

/* ollama_more.c */
void ollama_embed(struct server *s, const struct http_request *rq, struct reply *r);
void ollama_pull(struct server *s, const struct http_request *rq, struct reply *r);

/* ollama_check.c: types of all known fields; what Go's decoder would refuse is a 400. */
void ollama_check(const json_t *ask, bool generate, struct fault *f);
/* Options have types of their own, and wrong ones are a 500. */
void ollama_check_options(const json_t *ask, struct fault *f);
void ollama_check_format(const json_t *ask, struct fault *f);

/* ollama_info.c: {"error":...}; JSON as Go writes it. */
void ollama_error(struct reply *r, const struct fault *f);
void ollama_json(struct reply *r, int status, const json_t *v);
/* From `from` on, writes <, >, & and U+2028/9 as Go's encoder does. */
void ollama_escape(struct bytes *b, size_t from);
/* RFC 3339, `ns` since 1970. */
void ollama_time(struct bytes *b, uint64_t ns);

#endif
