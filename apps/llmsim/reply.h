/*
 * reply.h - one answer as bytes with the ends of its events, and when to send it.
 */
#ifndef LLMSIM_REPLY_H
#define LLMSIM_REPLY_H

#include <time.h>

#include "http.h"

/* What comes behind the last byte. */
enum reply_after {
	AFTER_NEXT, /* the next request, unless it asked to close */
	AFTER_CLOSE,
	AFTER_RESET,
	AFTER_STALL, /* nothing, until the peer leaves */
	AFTER_AGAIN, /* the last piece again, for ever */
};

struct reply {
	struct pieces p; /* one piece per event; the head belongs to the first */
	uint64_t delay_ns;
	uint64_t pace_ns;
	size_t lead; /* events before the first token, of a stream */
	size_t tail; /* events behind the last */
	size_t hold; /* once so many pieces are out, there is a rest; 0: none */
	uint64_t hold_ns;
	uint64_t again_ns; /* between repetitions */
	enum reply_after after;
	int status;
	bool stream;
	bool close; /* after the last byte */
	bool head_only;
	bool chunked; /* events are chunks: HTTP/1.1 */
};

/* An empty answer to rq. */
void reply_begin(struct reply *r, const struct http_request *rq);
void reply_whole(struct reply *r, int status, const char *type, const char *body, size_t len);
void reply_text(struct reply *r, int status, const char *text);

/* A head for a body of any length, made by reply_event(). */
void reply_open(struct reply *r, int status, const char *type);
void reply_stream(struct reply *r, const char *type);
void reply_event(struct reply *r, const char *data, size_t len);
void reply_end(struct reply *r);

/* As HTTP writes it. */
void reply_date(struct bytes *b, time_t when);

void reply_done(struct reply *r);

#endif
