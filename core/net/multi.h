/*
 * multi.h - libcurl's multi handle inside our loop. Private to core/net.
 */
#ifndef LLM_NET_MULTI_H
#define LLM_NET_MULTI_H

#include <curl/curl.h>

#include "xfer.h"

/* Handles kept for the next transfer: a new one costs 5 KiB and its set-up. */
#define NET_SPARE 32

struct net {
	const llm_allocator *mem;
	loop *l;
	CURLM *multi;
	CURL *spare[NET_SPARE];
	size_t n_spare;
	int have_bundle; /* the system's certificates are one file */
	int dropping; /* a transfer is being cancelled: its bytes are worth nothing */
	int turning; /* inside libcurl: handles cannot be removed now */
	xfer *dying; /* cancelled meanwhile, linked by `next` */
};

struct xfer {
	net *n;
	CURL *easy;
	struct curl_slist *headers;
	const xfer_request *rq;
	const xfer_events *ev;
	void *ctx;
	size_t body_sent;
	int connected;
	int head_read; /* the last line of header was the empty one */
	int sent_told;
	int paused;
	int reused;
	int32_t stop; /* what a callback returned to end the transfer */
	int cancelled;
	xfer *next;
	char problem[CURL_ERROR_SIZE];
};

/* Ends a transfer that libcurl has finished, or that can be removed now. */
void xfer_finish(xfer *x, CURLcode result);
void xfer_free(xfer *x);
/* Around every call in which libcurl runs callbacks; the last leave buries the cancelled. */
void multi_enter(net *n);
void multi_leave(net *n);
/* Lets libcurl act on new handles and removals. */
void multi_kick(net *n);

/* easy.c: all options of a transfer; 0, LLM_E_NOMEM or LLM_E_INTERNAL. */
int32_t easy_setup(xfer *x);
/*
 * Of a finished transfer: a kept connection that holds bytes which nobody asked for is
 * not used again, or they would be taken for the next answer.
 */
void easy_drop_excess(CURL *easy);
CURL *easy_take(net *n);
void easy_give(net *n, CURL *easy);

#endif
