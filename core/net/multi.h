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
/* One that rested for longer is not used again: by then servers and NATs have dropped it. */
#define NET_IDLE_S 90
/* A body up to this size goes out in one piece with its header. */
#define NET_SMALL ((size_t)16 * 1024)

/* What tells that connections may be dead without having said so. */
typedef struct net_age {
	uint64_t loop_ns; /* when a transfer began last, on the loop's time; 0: never */
	uint64_t asleep_ns; /* how long the machine had slept by then */
} net_age;

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
	xfer *stuck; /* lost a socket before they were connected, linked by `next_stuck` */
	xfer *touched; /* got bytes meanwhile, linked by `next_touched` */
	xfer *dying; /* cancelled meanwhile, linked by `next` */
	unsigned char *socks; /* by descriptor: socks.c */
	size_t n_socks;
	net_age age;
	uint64_t doubted_ns; /* a host could not be reached then (loop's time); 0: never */
	xfer *sharing; /* may share a connection, by HTTP/2; linked by `next_sharing` */
	uint32_t *heard; /* by descriptor, how often something came; only with HTTP/2 */
	size_t n_heard;
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
	long connect_ms; /* what the handle was told; 0: nothing yet */
	long dns_s; /* the same, and one more */

	const xfer_request *rq;
	const xfer_events *ev;
	void *ctx;
	int plain; /* HTTP on a bare TCP connection */
	int one_piece; /* the body goes out with the header */
	size_t body_sent;
	int connected;
	int head_read; /* the last head has its empty line */
	int sent_told;
	int paused;
	int reused;
	int refused; /* the server says that it did not process the request (HTTP/2) */
	int sharing; /* HTTP/2 was asked for */
	xfer *next_sharing;
	int h2; /* the connection speaks HTTP/2, as far as is known */
	uint64_t stream; /* its number there; 0: none yet */
	int fd; /* the connection's, when HTTP/2 was asked for; -1: not known */
	uint32_t heard; /* the connection's count when it heard something itself */
	int opened; /* the last socket that was opened for it, or -1 */
	int no_fd; /* no socket could be had */
	int32_t stop; /* what a callback returned to end the transfer */
	int cancelled;
	int stuck;
	xfer *next_stuck;
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
void socks_opened(net *n, int fd, int plain);
void socks_closed(net *n, int fd);
void socks_want(net *n, int fd, int in, int out, int watched);
/* Its transfer has ended, and the connection may be kept. */
void socks_rest(net *n, int fd);
/* Its transfer is not connected, and does not wait for it any more. */
void socks_lost(net *n, int fd);
/* 1 when nobody waits for it: then its connection is none to be used again. */
int socks_idle(net *n, int fd);
/* Ends it for both sides, as shutdown() does, when it is still one that libcurl opened. */
void socks_shut(const net *n, int fd, int how);
/* No connection that rests now is used again. */
void socks_forget(net *n);

/* doubt.c: what may be dead without having said so. */
/* 1 when what rests cannot be trusted any more; keeps what it was told. */
int age_jumped(net_age *age, uint64_t loop_ns, uint64_t asleep_ns);
/* At the beginning of every transfer. */
void doubt_look(net *n);
/* The connect limit of libcurl and the age of the addresses it may use. */
CURLcode doubt_setup(xfer *x);
void doubt_host(net *n);
/* Something came on this socket. */
void doubt_heard(net *n, int fd);
/* A transfer of HTTP/2 waits for this socket; it got bytes. */
void doubt_socket(xfer *x, int fd);
/* It has ended before its time, and is out of libcurl's sight. */
void doubt_reset(xfer *x);
void doubt_leave(xfer *x);
void doubt_alive(xfer *x);

/* why.c: what the user can do about a failure; static. */
const char *why_advice(const xfer *x, CURLcode result);

#endif
