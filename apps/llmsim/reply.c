#include <string.h>
#include <time.h>

#include "reply.h"

void reply_begin(struct reply *r, const struct http_request *rq)
{
	r->p.b.len = 0;
	r->p.count = 0;
	r->delay_ns = r->pace_ns = r->hold_ns = r->again_ns = 0;
	r->lead = r->tail = r->hold = 0;
	r->after = AFTER_NEXT;
	r->stream = false;
	r->close = rq->close;
	r->chunked = rq->minor == 1;
	r->head_only = span_is(rq->method, "HEAD");
}

void reply_date(struct bytes *b, time_t when)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm;

	gmtime_r(&when, &tm);
	bytes_format(b, "%.3s, %02d %.3s %d %02d:%02d:%02d GMT", &days[3 * (size_t)tm.tm_wday],
		tm.tm_mday, &months[3 * (size_t)tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
		tm.tm_min, tm.tm_sec);
}

static void head(struct reply *r, int status, const char *type)
{
	bytes_format(&r->p.b, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n", status, http_reason(status),
		type);
	bytes_text(&r->p.b, "Date: ");
	reply_date(&r->p.b, time(NULL));
	bytes_text(&r->p.b, "\r\n");
	r->status = status;
	if (r->close)
		bytes_text(&r->p.b, "Connection: close\r\n");
}

void reply_whole(struct reply *r, int status, const char *type, const char *body, size_t len)
{
	head(r, status, type);
	bytes_format(&r->p.b, "Content-Length: %zu\r\n\r\n", len);
	if (!r->head_only)
		bytes_add(&r->p.b, body, len);
	pieces_mark(&r->p);
}

void reply_text(struct reply *r, int status, const char *text)
{
	reply_whole(r, status,
		status == 404 || status == 405 ? "text/plain" : "text/plain; charset=utf-8", text,
		strlen(text));
}

void reply_open(struct reply *r, int status, const char *type)
{
	/* HTTP/1.0 has no chunks: there the end of the connection ends the body. */
	if (!r->chunked)
		r->close = true;
	head(r, status, type);
	bytes_text(&r->p.b, r->chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
}

void reply_stream(struct reply *r, const char *type)
{
	r->stream = true;
	reply_open(r, 200, type);
}

void reply_event(struct reply *r, const char *data, size_t len)
{
	if (!len)
		return;
	if (r->chunked)
		bytes_format(&r->p.b, "%zx\r\n", len);
	bytes_add(&r->p.b, data, len);
	if (r->chunked)
		bytes_text(&r->p.b, "\r\n");
	pieces_mark(&r->p);
}

void reply_end(struct reply *r)
{
	if (r->chunked)
		bytes_text(&r->p.b, "0\r\n\r\n");
	if (!r->p.count)
		pieces_mark(&r->p);
	r->p.ends[r->p.count - 1] = r->p.b.len; /* the end goes out with the last event */
}

void reply_done(struct reply *r)
{
	pieces_done(&r->p);
}
