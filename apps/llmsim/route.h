/*
 * route.h - from a request to an answer. A handler gets the request's body as
 * JSON where it wants one.
 */
#ifndef LLMSIM_ROUTE_H
#define LLMSIM_ROUTE_H

#include "reply.h"

struct server;

void route(struct server *s, const struct http_request *rq, struct reply *r);

#endif
