/*
 * fast.h - answers made once, for benchmarks: no body is read as JSON.
 */
#ifndef LLMSIM_FAST_H
#define LLMSIM_FAST_H

#include "reply.h"

struct fast;
struct server;

struct fast *fast_new(const struct server *s);
void fast_free(struct fast *f);

/* Null: not one of the benchmarked requests; route() answers it. Lives as long as f. */
const struct reply *fast_reply(const struct fast *f, const struct http_request *rq);

#endif
