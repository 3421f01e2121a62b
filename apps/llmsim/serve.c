#include <sys/socket.h>

#include "fast.h"
#include "faults.h"
#include "serve.h"
#include "server.h"

#define KEEP_INPUT 262144
#define DRAIN_NS 1000000000u

static void wait_until(struct conn *c, uint64_t due_ns)
{
	timer_set(&c->srv->timers, &c->timer, due_ns);
}

static void start(struct conn *c, const struct reply *r)
{
	c->reply = r;
	c->data = r->p.b.data;
	c->off = c->limit = c->piece = 0;
	c->due_ns = r->delay_ns || r->pace_ns ? now_ns() + r->delay_ns : 0;
}

static void took(struct conn *c, size_t n)
{
	bytes_drop(&c->in, n);
	if (!c->in.len && c->in.cap > KEEP_INPUT)
		bytes_done(&c->in);
	c->continued = false;
}

/* The request cannot be read further: say so, then close without cutting the answer off. */
static void refuse(struct conn *c, const struct http_request *rq)
{
	static const struct http_request any = {.close = true, .minor = 1};

	reply_begin(&c->own, &any);
	reply_text(&c->own, rq->bad_status, http_reason(rq->bad_status));
	c->draining = true;
	start(c, &c->own);
}

static void invite_body(struct conn *c, const struct http_request *rq)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (!rq->expect || c->continued)
		return;
	c->continued = true;
	/* Nothing else is on the way, so 25 bytes always fit. */
	if (send(c->fd, go_on, sizeof(go_on) - 1, MSG_NOSIGNAL) > 0)
		c->total_sent += sizeof(go_on) - 1;
}

static void answer(struct conn *c, struct http_request *rq)
{
	struct server *s = c->srv;
	const struct reply *r = NULL;

	log_request(&s->log, c->id, now_ns(), rq);
	if (c->gone)
		return;
	if (s->fast)
		r = fast_reply(s->fast, rq);
	if (!r) {
		reply_begin(&c->own, rq);
		faults_route(c, c->fault, rq, &c->own);
		r = &c->own;
	}
	start(c, r);
}

static bool read_request(struct conn *c)
{
	struct http_request *rq = &c->srv->rq;
	size_t total;

	switch (http_parse(&c->in, rq)) {
	case HTTP_BAD:
		refuse(c, rq);
		return true;
	case HTTP_WHOLE:
		total = rq->total;
		answer(c, rq);
		took(c, total);
		return !c->gone;
	default:
		break;
	}
	if (!rq->head_len)
		return conn_fill(c, SIZE_MAX);
	invite_body(c, rq);
	return conn_fill(c, rq->chunked ? SIZE_MAX : rq->total - c->in.len);
}

/* The last piece goes out again, and again. */
static bool again(struct conn *c)
{
	const struct pieces *p = &c->reply->p;

	c->piece = p->count - 1;
	c->off = c->piece ? p->ends[c->piece - 1] : 0;
	c->due_ns = now_ns() + c->reply->again_ns;
	return true;
}

static bool finish(struct conn *c)
{
	enum reply_after after = c->reply->after;
	bool last = c->reply->close || after == AFTER_CLOSE;

	if (after == AFTER_AGAIN)
		return again(c);
	conn_answered(c);
	if (after == AFTER_STALL)
		return false;
	if (after == AFTER_RESET) {
		conn_reset(c);
		return false;
	}
	c->reply = NULL;
	if (c->draining) {
		conn_tell_close(c);
		conn_half_close(c);
		wait_until(c, now_ns() + DRAIN_NS);
		c->in.len = 0;
		return true;
	}
	if (last)
		conn_close(c);
	return !last;
}

/* Lets through what is due by now; one look at the clock may release many pieces. */
static void release(struct conn *c)
{
	const struct reply *r = c->reply;
	uint64_t now = c->due_ns ? now_ns() : 0;

	if (!r->pace_ns && !r->hold && now >= c->due_ns)
		c->piece = r->p.count;
	while (c->piece < r->p.count && now >= c->due_ns) {
		c->piece++;
		c->due_ns += r->pace_ns;
		if (c->piece != r->hold)
			continue;
		now = now_ns();
		c->due_ns = now + r->hold_ns;
	}
	c->limit = c->piece ? r->p.ends[c->piece - 1] : 0;
}

static bool send_reply(struct conn *c)
{
	release(c);
	if (conn_flush(c) == FLUSH_BLOCKED)
		return false;
	if (c->piece == c->reply->p.count)
		return finish(c);
	wait_until(c, c->due_ns);
	return false;
}

/* The peer may still be sending what was refused; its reset would eat our answer. */
static bool drain(struct conn *c)
{
	c->in.len = 0;
	if (c->timer.at && c->timer.due_ns > now_ns())
		return conn_fill(c, SIZE_MAX);
	conn_close(c);
	return false;
}

bool serve_step(struct conn *c)
{
	if (c->reply)
		return !c->gone && send_reply(c);
	if (c->draining)
		return drain(c);
	return read_request(c);
}
