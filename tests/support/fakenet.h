/*
 * support/fakenet.h - core/net/xfer.h without a network: what a transfer meets is a list of
 * steps that a test writes, each at an instant of the service's own clock.
 *
 * To be included once, by a program that links the core's archive: the functions of xfer.h
 * are defined here, and so the linker leaves libcurl and core/net/{xfer,multi,easy} out.
 * The loop, its timers and all above it are the real ones. What xfer.h promises is kept:
 * callbacks come from the loop alone, never inside xfer_start or xfer_cancel, and none
 * after a cancel; a paused body comes again.
 */
#ifndef SUPPORT_FAKENET_H
#define SUPPORT_FAKENET_H

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "net/xfer.h"

#define FAKENET_STEPS 24
#define FAKENET_TEXT 3000

enum { FAKENET_CONNECTED, FAKENET_SENT, FAKENET_HEADER, FAKENET_BODY, FAKENET_DONE };

typedef struct fakenet_step {
	uint64_t at_ns;
	int what;
	const char *text; /* a header line, or a piece of the body */
	size_t len;
	int32_t code; /* FAKENET_DONE */
	int reused;
} fakenet_step;

/* What one transfer will meet; without FAKENET_DONE it hangs at last. */
typedef struct fakenet_script {
	fakenet_step steps[FAKENET_STEPS];
	size_t n;
	char text[FAKENET_TEXT]; /* room for lines */
	size_t used;
} fakenet_script;

/* Set by the test: fills the empty script of a transfer that begins now. */
static void (*fakenet_write)(void *ctx, const xfer_request *rq, fakenet_script *s);
/* Transfers that have begun and not ended. */
static atomic_int fakenet_live;

struct net {
	const llm_allocator *mem;
	loop *l;
};

struct xfer {
	loop_timer timer;
	net *n;
	const xfer_events *ev;
	void *ctx;
	fakenet_script script;
	size_t at;
	int busy; /* a callback runs */
	int cancelled;
	int paused;
};

static inline fakenet_step *fakenet_add(fakenet_script *s, uint64_t at_ns, int what)
{
	fakenet_step *step = &s->steps[s->n];

	if (s->n < FAKENET_STEPS - 1)
		s->n++;
	*step = (fakenet_step){.at_ns = at_ns, .what = what};
	return step;
}

static inline void fakenet_say(fakenet_script *s, uint64_t at_ns, int what, const char *text)
{
	fakenet_step *step = fakenet_add(s, at_ns, what);
	const size_t len = strlen(text);

	if (s->used + len > sizeof(s->text))
		return;
	memcpy(s->text + s->used, text, len);
	step->text = s->text + s->used;
	step->len = len;
	s->used += len;
}

static inline void fakenet_end(fakenet_script *s, uint64_t at_ns, int32_t code, int reused)
{
	fakenet_step *step = fakenet_add(s, at_ns, FAKENET_DONE);

	step->code = code;
	step->reused = reused;
}

/* ---- a transfer ---- */

static void fakenet_free(xfer *x)
{
	loop_timer_clear(x->n->l, &x->timer);
	mem_free(x->n->mem, x);
	atomic_fetch_sub(&fakenet_live, 1);
}

static void fakenet_finish(xfer *x, int32_t code, int reused)
{
	const xfer_outcome out = {
		.code = code, .reused = reused, .detail = code ? "it broke" : "", .advice = ""};

	x->ev->done(x->ctx, &out);
	fakenet_free(x);
}

static int32_t fakenet_play(xfer *x, const fakenet_step *s)
{
	switch (s->what) {
	case FAKENET_CONNECTED:
		x->ev->connected(x->ctx);
		return 0;
	case FAKENET_SENT:
		x->ev->sent(x->ctx);
		return 0;
	case FAKENET_HEADER:
		return x->ev->header(x->ctx, s->text, s->len);
	default:
		return x->ev->body(x->ctx, s->text, s->len);
	}
}

/* The steps that are due, up to the end; what a callback returned to stop. */
static int32_t fakenet_steps_due(xfer *x, uint64_t now)
{
	const fakenet_script *s = &x->script;
	int touched = 0;
	int32_t rc = 0;

	x->busy = 1;
	while (!rc && !x->cancelled && x->at < s->n && s->steps[x->at].at_ns <= now &&
		s->steps[x->at].what != FAKENET_DONE) {
		rc = fakenet_play(x, &s->steps[x->at]);
		if (rc == XFER_PAUSE)
			break;
		touched |= s->steps[x->at++].what == FAKENET_BODY;
	}
	if (touched && !x->cancelled)
		x->ev->settled(x->ctx);
	x->busy = 0;
	return rc;
}

static void fakenet_due(loop_timer *t)
{
	xfer *x = (xfer *)(void *)t; /* its first member */
	const uint64_t now = loop_now(x->n->l);
	const fakenet_step *step;
	int32_t rc = fakenet_steps_due(x, now);

	x->paused = rc == XFER_PAUSE;
	step = x->at < x->script.n ? &x->script.steps[x->at] : NULL;
	if (x->cancelled)
		fakenet_free(x);
	else if (x->paused)
		return;
	else if (rc)
		fakenet_finish(x, rc, 0);
	else if (step && step->at_ns <= now)
		fakenet_finish(x, step->code, step->reused);
	else if (step)
		loop_timer_set(x->n->l, t, step->at_ns);
}

int32_t xfer_start(net *n, const xfer_request *rq, const xfer_events *ev, void *ctx, xfer **ret)
{
	xfer *x = mem_new(n->mem, sizeof(*x));

	if (!x)
		return LLM_E_NOMEM;
	x->n = n;
	x->ev = ev;
	x->ctx = ctx;
	x->timer.fn = fakenet_due;
	fakenet_write(ctx, rq, &x->script);
	atomic_fetch_add(&fakenet_live, 1);
	if (x->script.n)
		loop_timer_set(n->l, &x->timer, x->script.steps[0].at_ns);
	*ret = x;
	return 0;
}

void xfer_cancel(xfer *x)
{
	x->cancelled = 1;
	if (!x->busy)
		fakenet_free(x);
}

void xfer_resume(xfer *x)
{
	if (!x->paused)
		return;
	x->paused = 0;
	loop_timer_set(x->n->l, &x->timer, loop_now(x->n->l));
}

void xfer_doubt(xfer *x)
{
	(void)x;
}

const char *xfer_waits_for(const xfer *x)
{
	(void)x;
	return "connection";
}

void xfer_spend(xfer *x)
{
	(void)x;
}

/* ---- a net ---- */

int32_t net_new(loop *l, const llm_allocator *mem, net **ret, llm_err *err)
{
	net *n = mem_new(mem, sizeof(*n));

	(void)err;
	if (!n)
		return LLM_E_NOMEM;
	n->mem = mem;
	n->l = l;
	*ret = n;
	return 0;
}

void net_free(net *n)
{
	if (n)
		mem_free(n->mem, n);
}

const char *net_version(void)
{
	return "none";
}

#endif
