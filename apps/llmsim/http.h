/*
 * http.h - reading HTTP/1.x requests. Borrowed from the bytes they were read from.
 */
#ifndef LLMSIM_HTTP_H
#define LLMSIM_HTTP_H

#include "bytes.h"

#define HTTP_HEADERS_MAX 64
#define HTTP_HEAD_MAX 65536
#define HTTP_BODY_MAX ((size_t)128 << 20)

enum http_state { HTTP_WHOLE, HTTP_MORE, HTTP_BAD };

struct http_header {
	struct span name;
	struct span value;
};

struct http_request {
	struct span method;
	struct span path; /* without the query */
	struct span query; /* behind the question mark; null without one */
	struct span body;
	struct http_header headers[HTTP_HEADERS_MAX];
	size_t header_count;
	size_t head_len;
	size_t length; /* Content-Length; 0 without one */
	size_t total; /* bytes that this request takes from the input */
	int minor;
	int bad_status; /* what to answer to HTTP_BAD */
	bool chunked;
	bool close;
	bool expect; /* wants "100 Continue" before it sends the body */
};

/*
 * HTTP_MORE with head_len set: the head is whole and the body is not. A chunked
 * body is decoded in place once all of it is there.
 */
enum http_state http_parse(struct bytes *in, struct http_request *ret);

/* Value of a header, or a span of null. */
struct span http_header(const struct http_request *rq, const char *name);

/* Value of a parameter of the query as it came, or a span of null. */
struct span http_query(const struct http_request *rq, const char *name);
/* A new string without the %XX of paths: clients send the colon of a tag as %3A. */
char *http_decoded(struct span s);

const char *http_reason(int status);

#endif
