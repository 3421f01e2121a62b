#include "conn.h"
#include "faults.h"
#include "script.h"
#include "serve.h"
#include "server.h"

#define NS_PER_MS 1000000u
#define FLOOD 65536

void script_begin(struct script *s, struct conn *c)
{
	bool last = s->next + 1 >= s->count;

	c->play.block = &s->blocks[last ? s->count - 1 : s->next];
	s->next++;
	c->step = script_step;
	if (last && s->once)
		server_stop_listening(c->srv);
}

static void send_bytes(struct conn *c, const char *data, size_t len)
{
	c->data = data;
	c->off = 0;
	c->limit = len;
}

static bool next(struct conn *c)
{
	c->play.at++;
	c->play.count = 0;
	c->play.due_ns = 0;
	return true;
}

/* False until `ms` have passed since the first call, or since the last time it was true. */
static bool waited(struct conn *c, uint64_t ms)
{
	uint64_t now = now_ns();

	if (!c->play.due_ns)
		c->play.due_ns = now + ms * NS_PER_MS;
	if (now < c->play.due_ns) {
		timer_set(&c->srv->timers, &c->timer, c->play.due_ns);
		return false;
	}
	/* From the moment that was meant, so that late wake-ups do not add up. */
	c->play.due_ns += ms * NS_PER_MS;
	return true;
}

static bool read_request(struct conn *c)
{
	struct http_request *rq = &c->srv->rq;

	conn_answered(c);
	switch (http_parse(&c->in, rq)) {
	case HTTP_WHOLE:
		log_request(&c->srv->log, c->id, now_ns(), rq);
		bytes_drop(&c->in, rq->total);
		return next(c);
	case HTTP_BAD:
		conn_close(c);
		return false;
	default:
		return conn_fill(c, SIZE_MAX);
	}
}

static bool read_bytes(struct conn *c, uint64_t n)
{
	if (c->in.len < n)
		return conn_fill(c, SIZE_MAX);
	bytes_drop(&c->in, (size_t)n);
	return next(c);
}

static bool drip(struct conn *c, const struct directive *d)
{
	if (c->play.count == d->data.len)
		return next(c);
	if (!waited(c, d->number))
		return false;
	send_bytes(c, d->data.data + c->play.count++, 1);
	return true;
}

/* A flood is made while it is sent, never whole. */
static bool repeat(struct conn *c, const struct directive *d)
{
	struct bytes *out = &c->play.out;

	if (c->play.count == d->number)
		return next(c);
	out->len = 0;
	do
		bytes_add(out, d->data.data, d->data.len);
	while (++c->play.count < d->number && out->len < FLOOD);
	send_bytes(c, out->data, out->len);
	return true;
}

static bool end(struct conn *c, enum script_op op)
{
	conn_answered(c);
	if (op == OP_RESET)
		conn_reset(c);
	else
		conn_close(c);
	return false;
}

static bool serve(struct conn *c)
{
	conn_answered(c);
	c->step = serve_step;
	return true;
}

static bool serve_badly(struct conn *c, const char *name)
{
	struct fault_spec spec;

	if (faults_read(name, &spec))
		c->fault = faults_new(&spec, name);
	return serve(c);
}

static bool do_directive(struct conn *c, const struct directive *d)
{
	switch (d->op) {
	case OP_READ_REQUEST:
		return read_request(c);
	case OP_READ:
		return read_bytes(c, d->number);
	case OP_SEND:
		send_bytes(c, d->data.data, d->data.len);
		return next(c);
	case OP_SLEEP:
		return waited(c, d->number) && next(c);
	case OP_DRIP:
		return drip(c, d);
	case OP_REPEAT:
		return repeat(c, d);
	case OP_HALF_CLOSE:
		conn_half_close(c);
		return next(c);
	case OP_SERVE:
		return serve(c);
	case OP_FAULT:
		return serve_badly(c, d->data.data);
	case OP_KEEP:
		return false;
	default:
		return end(c, d->op);
	}
}

bool script_step(struct conn *c)
{
	const struct script_block *b = c->play.block;
	bool more = c->play.at < b->count;

	/* A peer that left is still read, so that its request is in the log. */
	if (c->gone && (!more || b->list[c->play.at].op > OP_READ))
		return false;
	if (conn_flush(c) == FLUSH_BLOCKED)
		return false;
	return more ? do_directive(c, &b->list[c->play.at]) : end(c, OP_CLOSE);
}
