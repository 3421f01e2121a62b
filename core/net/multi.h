/*
 * multi.h - libcurl's multi handle inside our loop. Private to core/net.
 */
#ifndef LLM_NET_MULTI_H
#define LLM_NET_MULTI_H

#include <curl/curl.h>

#include "xfer.h"

/* Transfers kept for the next request: a new one costs 6 KiB and its set-up. */
#define NET_SPARE 32
/* Idle connections kept at least; later as many as there were transfers at once. */
#define NET_KEEP 64
/* A body up to this size goes out in one piece with its header. */
#define NET_SMALL ((size_t)16 * 1024)

struct net {
	const llm_allocator *mem;
	loop *l;
	CURLM *multi;
	xfer *spare; /* linked by `next` */
	size_t n_spare;
	size_t n_live;
	size_t keep; /* idle connections that libcurl may keep */
	int have_bundle; /* the system's certificates are one file */
	int dropping; /* a transfer is being cancelled: its bytes are worth nothing */
	int turning; /* inside libcurl: handles cannot be removed now */
	xfer *touched; /* got bytes meanwhile, linked by `next_touched` */
	xfer *dying; /* cancelled meanwhile, linked by `next` */
	unsigned char *socks; /* by descriptor: socks.c */
	size_t n_socks;
};

/*
 * One transfer after the other: the handle, its fixed options and the room for header
 * lines stay. What comes before `rq` lives as long as the struct.
 */
struct xfer {
	net *n;
	CURL *easy;
	int prepared; /* the handle has its fixed options */
	int special; /* and some of one request besides: it is cleared before the next */
	struct curl_slist *rows; /* header lines, one element per line, */
	size_t rows_cap;
	char *lines; /* and their text */
	size_t lines_cap;
	size_t lines_len;

	const xfer_request *rq;
	const xfer_events *ev;
	void *ctx;
	int plain; /* HTTP on a bare TCP connection */
	int one_piece; /* the body goes out with the header */
	size_t body_sent;
	int connected;
	int head_read; /* the last line of header was the empty one */
	int sent_told;
	int paused;
	int reused;
	int32_t stop; /* what a callback returned to end the transfer */
	int cancelled;
	int touched;
	xfer *next_touched;
	xfer *next;
	char problem[CURL_ERROR_SIZE];
};

/* Ends a transfer that libcurl has finished. */
void xfer_finish(xfer *x, CURLcode result);
/* Ends a transfer that was cancelled. */
void xfer_bury(xfer *x);
/* Its memory and its handle; it is in no use. Accepts null. */
void xfer_free(xfer *x);
/* Around every call in which libcurl runs callbacks; the last leave buries the cancelled. */
void multi_enter(net *n);
void multi_leave(net *n);
/* Bytes were handed out: the last leave says that there are no more for now. */
void multi_touch(xfer *x);
/* Lets libcurl act on new handles and removals. */
void multi_kick(net *n);

/* easy.c: all options of a transfer; 0, LLM_E_NOMEM or LLM_E_TOO_LARGE. */
int32_t easy_setup(xfer *x);
/* Forgets what belongs to one request. */
void easy_clear(xfer *x);

/* socks.c: the descriptors that libcurl opens, closes and waits for. */
void socks_opened(net *n, int fd);
void socks_closed(net *n, int fd);
void socks_want(net *n, int fd, int in, int out, int known);
/* Its transfer has ended, and the connection may be kept. */
void socks_rest(net *n, int fd);
/* 1 when nobody waits for it: then its connection is none to be used again. */
int socks_idle(net *n, int fd);

#endif
