/*
 * xfer.h - one HTTP request and its reply, by libcurl.
 *
 * The only folder that includes curl. A transfer never retries, never follows a
 * redirect, never sends a body twice and has no time-out of its own: time is the
 * business of core/run. Callbacks run on the loop thread, never inside xfer_start
 * or xfer_cancel.
 */
#ifndef LLM_NET_XFER_H
#define LLM_NET_XFER_H

#include "base/arena.h"
#include "loop.h"

typedef struct net net; /* connections and handles of one loop */

int32_t net_new(loop *l, const llm_allocator *mem, net **ret, llm_err *err);
/* All transfers must have ended. */
void net_free(net *n);
/* "libcurl/7.88.1 ..."; static. */
const char *net_version(void);

typedef struct xfer_header {
	const char *name;
	const char *value;
} xfer_header;

/* Everything is borrowed until the transfer has ended. */
typedef struct xfer_request {
	const char *method;
	const char *url;
	const xfer_header *headers;
	size_t n_headers;
	const char *body;
	size_t body_len;
	const char *ca_file; /* null: the system's */
	const char *client_cert;
	llm_bytes client_key; /* PEM; empty: none */
	const char *proxy; /* null: none, whatever the environment says */
	const char *no_proxy; /* hosts that are reached without it, "a,.b,10.0.0.0/8"; or null */
	uint64_t connect_ns; /* what the caller gives a connection; UINT64_MAX: no limit */
	int http2; /* 1: wanted; by ALPN on https, so that HTTP/1.1 may come of it */
	int fresh; /* 1: on a new connection */
} xfer_request;

enum { XFER_GO = 0, XFER_PAUSE = 1 };

typedef struct xfer_outcome {
	/*
	 * 0, LLM_E_CONNECTION, LLM_E_PROTOCOL, LLM_E_STREAM_BROKEN (less body than was
	 * announced), LLM_E_NOMEM, or what a callback returned.
	 */
	int32_t code;
	int reused; /* the connection had served before */
	int unprocessed; /* the server says that it has not touched the request (HTTP/2) */
	const char *detail; /* libcurl's words, "" on success */
	const char *advice; /* what to do about it, one line, static; "" where there is none */
} xfer_outcome;

typedef struct xfer_events {
	/* The connection is ready, nothing was sent yet. */
	void (*connected)(void *ctx);
	/* The last byte of the request was handed to the socket. */
	void (*sent)(void *ctx);
	/* A header line with its line end. 0, or a code that ends the transfer. */
	int32_t (*header)(void *ctx, const char *line, size_t len);
	/* Bytes of the body. XFER_GO, XFER_PAUSE (they come again after xfer_resume), or a code. */
	int32_t (*body)(void *ctx, const char *bytes, size_t len);
	/* The bytes that were there have been handed out; may be null. */
	void (*settled)(void *ctx);
	/* The end, once; not after xfer_cancel. The transfer is gone when it returns. */
	void (*done)(void *ctx, const xfer_outcome *outcome);
} xfer_events;

typedef struct xfer xfer;

/* 0 and *ret, LLM_E_NOMEM, or LLM_E_INTERNAL. */
int32_t xfer_start(net *n, const xfer_request *rq, const xfer_events *ev, void *ctx, xfer **ret);
/* Ends it now and closes its connection; no callback follows. Also inside a callback. */
void xfer_cancel(xfer *x);
void xfer_resume(xfer *x);
/*
 * It has timed out and will be cancelled: the address of its host is looked up anew next
 * time, and an HTTP/2 connection that is silent as a whole ends (R-TIME-7).
 */
void xfer_doubt(xfer *x);
/* What it waits for before it is connected, for messages: "answer of the name server", ... */
const char *xfer_waits_for(const xfer *x);
/* Its connection is not to be used again; to be called inside `header` or `body`. */
void xfer_spend(xfer *x);

#endif
