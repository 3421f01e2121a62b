#include "attempt.h"

#include <string.h>

#include "base/alloc.h"
#include "base/dbg.h"
#include "base/err.h"
#include "layers.h"
#include "race.h"

#define ATTEMPT_CHUNK 1024 /* what the usual request needs besides its body */

static loop *loop_of(const attempt *a)
{
	return a->c->svc->loop;
}

uint32_t attempt_sent(const attempt *a)
{
	if (a->unprocessed)
		return LLM_SENT_NO;
	if (a->clock.sent_ns)
		return LLM_SENT_YES;
	return a->clock.connected_ns ? LLM_SENT_MAYBE : LLM_SENT_NO;
}

uint32_t attempt_phase(const attempt *a)
{
	if (!a->wire.url)
		return LLM_PHASE_NONE;
	if (!a->clock.connected_ns)
		return LLM_PHASE_CONNECT;
	if (!a->clock.stream)
		return LLM_PHASE_ATTEMPT;
	return a->clock.delta_ns ? LLM_PHASE_IDLE : LLM_PHASE_FIRST_TOKEN;
}

/* ---- the transfer's callbacks ---- */

static void on_connected(void *ctx)
{
	attempt *a = ctx;

	a->clock.connected_ns = loop_now(loop_of(a));
	if (race_enter(a))
		run_arm(a->c);
}

static void on_sent(void *ctx)
{
	attempt *a = ctx;

	a->clock.sent_ns = loop_now(loop_of(a));
	if (race_enter(a))
		run_arm(a->c);
}

static int32_t on_header(void *ctx, const char *line, size_t len)
{
	attempt *a = ctx;
	int32_t rc;

	a->got_bytes = 1;
	if (!race_enter(a))
		return 0;
	rc = httpmsg_line(&a->head, line, len);
	if (rc == LLM_E_NOMEM)
		return reply_fail(a, rc, "out of memory while reading the answer");
	if (rc)
		return reply_fail(a, LLM_E_PROTOCOL,
			"the reply's header is malformed, or larger "
			"than %zu KiB or %d lines",
			HTTPMSG_BYTES / 1024, HTTPMSG_LINES);
	/* Bytes behind these would be taken for the beginning of the next answer. */
	if (a->head.status == 204 || a->head.status == 304)
		xfer_spend(a->x);
	return 0;
}

/* In debug builds a piece may be cut into smaller ones (LLM_DBG_IO). */
static int32_t feed_pieces(attempt *a, const char *bytes, size_t len)
{
	int32_t rc = 0;

	while (len && !rc) {
		size_t n = dbg_io_cut(&a->c->svc->knobs, len);

		rc = reply_body(a, bytes, n);
		bytes += n;
		len -= n;
	}
	return rc;
}

static int32_t on_body(void *ctx, const char *bytes, size_t len)
{
	attempt *a = ctx;

	/* What arrives now is read by nobody, and reading it would hold the cancel up. */
	if (atomic_load(&a->c->leaving) || !race_enter(a))
		return XFER_PAUSE;
	/* libcurl hands the same bytes out again after a pause, so ask before reading them. */
	if (deliver_should_pause(a->c)) {
		a->clock.paused_ns = loop_now(loop_of(a));
		run_arm(a->c);
		return XFER_PAUSE;
	}
	if (!a->clock.byte_ns)
		a->clock.byte_ns = loop_now(loop_of(a));
	trace_reply(a, bytes, len);
	return feed_pieces(a, bytes, len);
}

/*
 * The moment of the last byte, taken once for all that came together: the time that the
 * reader spent on them is not the server's.
 */
static void on_settled(void *ctx)
{
	attempt *a = ctx;

	a->clock.byte_ns = loop_now(loop_of(a));
	if (a->fresh_delta)
		a->clock.delta_ns = a->clock.byte_ns;
	a->fresh_delta = 0;
	if (!race_enter(a))
		return;
	race_settle(a->c);
	run_arm(a->c);
}

static void on_done(void *ctx, const xfer_outcome *out)
{
	attempt *a = ctx;

	a->x = NULL;
	(void)race_enter(a); /* one that has lost was told to end before this */
	run_attempt_ended(a->c, reply_end(a, out));
}

static const xfer_events events = {.connected = on_connected,
	.sent = on_sent,
	.header = on_header,
	.body = on_body,
	.settled = on_settled,
	.done = on_done};

/* ---- life ---- */

static int32_t new_row(attempt *a)
{
	llm_call *c = a->c;
	attempt_row *row = arena_new(&c->ar, sizeof(*row));
	llm_attempt *rec = row ? &row->shown : NULL;

	if (!rec || call_push(&c->ar, &c->res.attempts, rec))
		return LLM_E_NOMEM;
	rec->struct_size = (uint32_t)sizeof(*rec);
	rec->seq = (uint32_t)c->res.attempts.n;
	rec->candidate = a->t->cand.id;
	rec->provider = c->res.provider;
	rec->model = a->t->cand.model;
	rec->retry_after_ms = rec->ttft_ms = rec->load_ms = -1;
	if (c->ended_ns)
		rec->waited_ms = (int64_t)((a->clock.started_ns - c->ended_ns) / NS_PER_MS);
	row->usage = (llm_usage)LLM_USAGE_INIT;
	row->plug = a->t->up->plug;
	row->started_ns = a->clock.started_ns;
	row->picousd = -1;
	a->rec = rec;
	return 0;
}

static int32_t attempt_new(llm_call *c)
{
	attempt *a = mem_new(&c->mem, sizeof(*a));

	if (!a)
		return LLM_E_NOMEM;
	a->c = c;
	a->t = c->at;
	a->warned = c->res.warnings.n;
	a->clock.started_ns = loop_now(c->svc->loop);
	if (new_row(a)) {
		mem_free(&c->mem, a);
		return LLM_E_NOMEM;
	}
	arena_init(&a->ar, &c->mem, ATTEMPT_CHUNK);
	buf_init(&a->url, &c->mem, 16384);
	buf_init(&a->body, &c->mem, REQUEST_MAX);
	buf_init(&a->reply, &c->mem, REPLY_MAX);
	httpmsg_init(&a->head, &c->mem);
	sse_init(&a->events, &c->mem, 0);
	ndjson_init(&a->lines, &c->mem, 0);
	sink_init(a);
	a->clock.deadline_ns = c->deadline_ns;
	a->clock.keepalives = (a->t->up->plug->info->flags & LLM_PROVIDER_KEEPALIVES) != 0;
	c->att = a;
	return 0;
}

void attempt_free(attempt *a)
{
	const llm_allocator *mem;

	if (!a)
		return;
	mem = &a->c->mem;
	if (a->stream_open) {
		uint32_t complete = 0;
		const llm_bytes none = {"", 0};
		instance *in = a->t->up->in;

		instance_enter(in, "stream_close", &a->ar);
		(void)a->t->up->plug->provider->stream_close(
			instance_handle(in), a->stream, &none, NULL, &complete);
		(void)instance_end(in, "stream_close", 0, NULL);
	}
	ndjson_done(&a->lines);
	sse_done(&a->events);
	httpmsg_done(&a->head);
	buf_done(&a->reply);
	buf_done(&a->body);
	buf_done(&a->url);
	if (a->secret_header)
		mem_wipe(mem, a->secret_header, a->secret_len);
	arena_reset(&a->ar);
	mem_free(mem, a);
}

void attempt_abort(attempt *a)
{
	if (a->x)
		xfer_cancel(a->x);
	a->x = NULL;
}

static int32_t send_wire(attempt *a)
{
	int32_t rc;

	trace_request(a);
	rc = xfer_start(a->c->svc->net, &a->wire, &events, a, &a->x);
	return rc ? err_set(&a->c->res.error, rc, "out of memory") : 0;
}

/* On a connection that had no answer on it more of the same may still come (U-16). */
static int wants_fresh(const llm_call *c)
{
	const int32_t before = c->failure.code;

	return before == LLM_E_PROTOCOL || before == LLM_E_STREAM_BROKEN ||
		(c->repeats && c->verdict.why == RETRY_AT_ONCE);
}

int32_t attempt_start(llm_call *c)
{
	llm_err *err = &c->res.error;
	attempt *a;
	int32_t rc;

	layer_enter(c->svc, LAYER_ATTEMPT);
	rc = attempt_new(c);
	if (rc)
		return err_set(err, rc, "out of memory");
	a = c->att;
	rc = attempt_build(a, err);
	a->wire.fresh = wants_fresh(c);
	return rc ? rc : send_wire(a);
}

int32_t attempt_show(llm_call *c)
{
	llm_err *err = &c->res.error;
	int32_t rc = attempt_new(c);

	if (rc)
		return err_set(err, rc, "out of memory");
	rc = attempt_build(c->att, err);
	if (!rc)
		trace_request(c->att);
	attempt_free(c->att);
	c->att = NULL;
	c->res.attempts.n--;
	return rc;
}
