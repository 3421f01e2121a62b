/*
 * reply.h - one answer as bytes with the ends of its events, and when to send it.
 */
#ifndef LLMSIM_REPLY_H
#define LLMSIM_REPLY_H

#include "http.h"

struct reply {
	struct pieces p; /* one piece per event; the head belongs to the first */
	uint64_t delay_ns;
	uint64_t pace_ns;
	bool close; /* after the last byte */
	bool head_only;
	bool chunked; /* events are chunks: HTTP/1.1 */
};

/* An empty answer to rq. */
void reply_begin(struct reply *r, const struct http_request *rq);
void reply_whole(struct reply *r, int status, const char *type, const char *body, size_t len);
void reply_text(struct reply *r, int status, const char *text);

void reply_stream(struct reply *r, const char *type);
void reply_event(struct reply *r, const char *data, size_t len);
void reply_end(struct reply *r);

void reply_done(struct reply *r);

#endif
