/* From a reply's bytes to the provider: which way it is read, its frames, its end. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "attempt.h"
#include "base/err.h"
#include "base/text.h"
#include "models.h"
#include "wire/num.h"

static const llm_provider_vtable *vt_of(const attempt *a)
{
	return a->t->up->plug->provider;
}

static const char *label_of(const attempt *a)
{
	return a->t->up->title;
}

int32_t reply_fail(attempt *a, int32_t code, const char *format, ...)
{
	char text[600];
	va_list ap;

	if (a->failed)
		return a->c->res.error.code;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	a->failed = 1;
	return err_set(&a->c->res.error, code, "%s: %s", label_of(a), text);
}

/* A byte order mark in front of a document is passed over, as RFC 8259 allows. */
static llm_bytes body_of(const attempt *a)
{
	const char *text = buf_text(&a->reply);
	const size_t skip = a->reply.len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	return (llm_bytes){text + skip, a->reply.len - skip};
}

static void view_of(const attempt *a, llm_reply_view *v)
{
	*v = (llm_reply_view){.struct_size = (uint32_t)sizeof(*v),
		.status = a->head.status,
		.headers = a->head.list,
		.n_headers = a->head.n,
		.body = body_of(a),
		.request = a->c->rq ? &a->view : NULL};
}

/* Apart, because an llm_err is large and most slots have none to fill. */
static int32_t slot_failed(attempt *a, const char *slot, int32_t rc)
{
	llm_err why = LLM_ERR_INIT;

	if (a->sink_rc) {
		(void)instance_end(a->t->up->in, slot, 0, &why);
		return reply_fail(a, a->sink_rc, "%s",
			a->sink_why ? a->sink_why : "out of memory while reading the answer");
	}
	rc = instance_end(a->t->up->in, slot, rc, &why);
	if (!a->failed) {
		a->failed = 1;
		a->c->res.error = why;
	}
	return rc;
}

/* A code that a slot returned, unless the sink had stopped it for a reason of its own. */
static int32_t slot_ended(attempt *a, const char *slot, int32_t rc)
{
	if (rc || a->sink_rc)
		return slot_failed(a, slot, rc);
	return instance_end(a->t->up->in, slot, 0, NULL);
}

/* ---- frames ---- */

/* One frame that makes no sense is skipped; two in a row are the provider's fault. */
static int32_t bad_frame(attempt *a)
{
	static const char text[] = "a damaged piece of the stream was skipped";

	if (a->ending) /* cut off by the end: the stream is broken, and that says it all */
		return 0;
	if (++a->bad_frames >= 2)
		return reply_fail(
			a, LLM_E_PROTOCOL, "two pieces of the stream in a row could not be read");
	return a->sink.warning(a->sink.ctx, text, sizeof(text) - 1);
}

static int32_t on_frame(void *ctx, const frame *f)
{
	attempt *a = ctx;
	const llm_frame_view v = {.struct_size = (uint32_t)sizeof(v),
		.event = f->event,
		.data = f->data,
		.id = f->id};
	instance *in = a->t->up->in;
	int32_t rc;

	if (a->complete) /* what follows the end does not matter */
		return 0;
	instance_enter(in, "stream_frame", &a->ar);
	rc = vt_of(a)->stream_frame(instance_handle(in), a->stream, &v, &a->sink);
	if (rc == LLM_E_PROTOCOL && !a->sink_rc && !a->failed) {
		(void)instance_end(in, "stream_frame", 0, NULL);
		return bad_frame(a);
	}
	a->complete = rc == LLM_FRAME_LAST;
	a->complete_ns = a->complete ? loop_now(a->c->svc->loop) : 0;
	rc = slot_ended(a, "stream_frame", a->complete ? 0 : rc);
	if (rc || a->failed)
		return rc ? rc : a->c->res.error.code;
	a->bad_frames = 0;
	return 0;
}

/* ---- which way this reply is read ---- */

static int is_success(const attempt *a)
{
	return a->head.status >= 200 && a->head.status < 300;
}

static int32_t open_stream(attempt *a, int how)
{
	llm_reply_view v;
	instance *in = a->t->up->in;
	int32_t rc;

	view_of(a, &v);
	instance_enter(in, "stream_open", &a->ar);
	rc = slot_ended(
		a, "stream_open", vt_of(a)->stream_open(instance_handle(in), &v, &a->stream));
	if (rc)
		return rc;
	a->stream_open = 1;
	a->reading = how;
	return 0;
}

static int is_json(const char *type)
{
	size_t n = strlen(type);

	return strcmp(type, "application/json") == 0 || (n > 5 && !strcmp(type + n - 5, "+json"));
}

#define LOGGED_MAX ((size_t)200)

/* What a stranger sent may hold anything: its beginning goes to the log, never into an error. */
static void log_body(const attempt *a, const char *bytes, size_t len)
{
	char text[LOGGED_MAX];
	size_t n = len < sizeof(text) ? len : sizeof(text), i;

	for (i = 0; i < n; i++) {
		text[i] = bytes[i];
		if (!text[i])
			text[i] = ' ';
	}
	log_line(&a->c->svc->log, LLM_LOG_DEBUG, "%s: run %s: no answer, it begins: %.*s",
		label_of(a), a->c->res.run_id, (int)n, text);
}

static int32_t refuse_type(attempt *a, const char *type)
{
	return reply_fail(a, LLM_E_PROTOCOL,
		"the answer is %s where %s was expected\ndoes the base URL point at the API?",
		type[0] ? type : "of no content type", a->view.stream ? "a stream" : "JSON");
}

/* A stream was asked for: some servers answer with one whole document all the same. */
static int32_t choose_stream(attempt *a, const char *type)
{
	const int by_sse = a->caps.framing == LLM_FRAMING_SSE;

	if (is_json(type)) {
		a->reading = READ_WHOLE;
		return 0;
	}
	if (by_sse ? strcmp(type, "text/event-stream") != 0 :
		     strcmp(type, "application/x-ndjson") != 0 &&
				strcmp(type, "application/jsonl") != 0)
		return refuse_type(a, type);
	return open_stream(a, by_sse ? READ_SSE : READ_NDJSON);
}

/* The length that the header promises; 0 when it does not say. */
static uint64_t announced(const attempt *a)
{
	const char *text = httpmsg_get(&a->head, "content-length");
	uint64_t n = 0;

	if (text && !num_read_u64(text, strlen(text), &n))
		return 0;
	return n;
}

#define ROOM_MAX ((size_t)256 * 1024)

/* What it is coded with, or null: compression is never asked for, as a little may become much. */
static const char *coding_of(const attempt *a)
{
	const char *coding = httpmsg_get(&a->head, "content-encoding");

	return coding && coding[0] && ascii_casecmp(coding, "identity") != 0 ? coding : NULL;
}

static int32_t choose_success(attempt *a)
{
	char type[96] = "";
	const char *value = httpmsg_get(&a->head, "content-type");
	const char *coding = coding_of(a);
	uint64_t len = announced(a);

	if (coding)
		return reply_fail(a, LLM_E_PROTOCOL,
			"the answer is compressed (%.40s), and that was not asked for", coding);
	if (len > REPLY_MAX)
		return reply_fail(a, LLM_E_PROTOCOL, "the answer announces more than %zu MiB",
			REPLY_MAX / 1048576);
	/* In one piece, as far as an announcement alone can be believed. */
	if (len && buf_reserve(&a->reply, len < ROOM_MAX ? (size_t)len : ROOM_MAX))
		return reply_fail(a, LLM_E_NOMEM, "out of memory while reading the answer");
	if (value)
		httpmsg_media_type(value, type, sizeof(type));
	if (a->c->op == OP_CHAT && a->view.stream)
		return choose_stream(a, type);
	return is_json(type) ? 0 : refuse_type(a, type);
}

static int32_t choose(attempt *a)
{
	a->reading = READ_WHOLE;
	buf_init(&a->reply, &a->c->mem, is_success(a) ? REPLY_MAX : ERROR_MAX);
	if (is_success(a))
		return choose_success(a);
	if (coding_of(a)) /* the status alone says what happened */
		a->reading = READ_NOTHING;
	return 0;
}

static int32_t feed(attempt *a, const char *bytes, size_t len)
{
	switch (a->reading) {
	case READ_SSE:
		return sse_feed(&a->events, bytes, len, on_frame, a);
	case READ_NDJSON:
		return ndjson_feed(&a->lines, bytes, len, on_frame, a);
	case READ_NOTHING:
		return 0;
	default:
		return buf_add(&a->reply, bytes, len);
	}
}

static int is_redirect(int32_t status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static int32_t end_error_reply(attempt *a)
{
	llm_error_facts facts = {.struct_size = (uint32_t)sizeof(facts), .retry_after_ms = -1};
	llm_err ignored = LLM_ERR_INIT;
	llm_reply_view v;
	instance *in = a->t->up->in;
	int32_t rc;

	if (is_redirect(a->head.status))
		return reply_fail(a, LLM_E_PROTOCOL,
			"the server redirects (status %d), and redirects "
			"are not followed\nset base_url to the address that answers",
			(int)a->head.status);
	view_of(a, &v);
	instance_enter(in, "classify_error", &a->ar);
	rc = vt_of(a)->classify_error(instance_handle(in), &v, &facts);
	if (instance_end(in, "classify_error", rc, &ignored))
		facts = (llm_error_facts){
			.struct_size = (uint32_t)sizeof(facts), .retry_after_ms = -1};
	return facts_tell(a, &facts);
}

int32_t reply_body(attempt *a, const char *bytes, size_t len)
{
	int32_t rc = 0;

	if (a->reading == READ_UNKNOWN) {
		rc = choose(a);
		if (rc == LLM_E_PROTOCOL)
			log_body(a, bytes, len);
	}
	a->total += len;
	if (!rc && a->total > REPLY_MAX)
		rc = LLM_E_TOO_LARGE;
	if (!rc)
		rc = feed(a, bytes, len);
	/* Of a failure's body the beginning is enough, and the rest may have no end. */
	if (rc == LLM_E_TOO_LARGE && !is_success(a))
		return end_error_reply(a);
	if (rc == LLM_E_TOO_LARGE)
		return reply_fail(a, LLM_E_PROTOCOL, "the answer is larger than %zu MiB",
			(a->total > REPLY_MAX ? REPLY_MAX : FRAME_MAX) / 1048576);
	if (rc == LLM_E_NOMEM)
		return reply_fail(a, LLM_E_NOMEM, "out of memory while reading the answer");
	return rc;
}

/* ---- the end ---- */

/* After a failure of ours the plugin only frees what it has. */
static void drop_stream(attempt *a, const llm_bytes *residue)
{
	instance *in = a->t->up->in;
	uint32_t complete = 0;

	(void)vt_of(a)->stream_close(instance_handle(in), a->stream, residue, NULL, &complete);
	(void)instance_end(in, "stream_close", 0, NULL);
}

static int32_t end_stream(attempt *a, const xfer_outcome *out)
{
	llm_bytes residue = {"", 0};
	instance *in = a->t->up->in;
	uint32_t complete = 0;
	int32_t rc = 0;

	a->ending = 1;
	if (a->reading == READ_SSE)
		rc = sse_end(&a->events, on_frame, a, &residue);
	else
		rc = ndjson_end(&a->lines, on_frame, a, &residue);
	instance_enter(in, "stream_close", &a->ar);
	a->stream_open = 0;
	if (!rc)
		rc = slot_ended(a, "stream_close",
			vt_of(a)->stream_close(
				instance_handle(in), a->stream, &residue, &a->sink, &complete));
	else
		drop_stream(a, &residue);
	if (rc || a->failed)
		return rc ? rc : a->c->res.error.code;
	if (complete || a->complete)
		return 0;
	if (out->code == LLM_E_PROTOCOL)
		return reply_fail(a, LLM_E_PROTOCOL, "the stream is not HTTP as it should be: %s",
			out->detail);
	if (a->bad_frames)
		return reply_fail(
			a, LLM_E_PROTOCOL, "the stream ends in a piece that cannot be read");
	return reply_fail(a, LLM_E_STREAM_BROKEN, "the stream ended before the answer did%s%s",
		out->code ? ": " : "", out->code ? out->detail : "");
}

static const char *models_slot(const attempt *a)
{
	if (a->c->op == OP_MODEL)
		return "model.parse";
	return a->c->op == OP_STATE ? "state.parse" : "models.parse";
}

static int32_t end_whole(attempt *a)
{
	llm_reply_view v;
	instance *in = a->t->up->in;
	int32_t rc;

	view_of(a, &v);
	instance_enter(in, a->c->op == OP_CHAT ? "parse_response" : models_slot(a), &a->ar);
	if (a->c->op != OP_CHAT)
		rc = slot_ended(a, models_slot(a), models_parse(a, &v));
	else
		rc = slot_ended(a, "parse_response",
			vt_of(a)->parse_response(instance_handle(in), &v, &a->sink));
	if (rc == LLM_E_PROTOCOL)
		log_body(a, v.body.ptr, v.body.len);
	return a->failed && !rc ? a->c->res.error.code : rc;
}

static int32_t transport_failed(attempt *a, const xfer_outcome *out)
{
	int32_t rc;

	if (a->stream_open)
		return end_stream(a, out);
	rc = out->code;
	a->unprocessed = out->unprocessed;
	if (rc == LLM_E_CONNECTION && a->view.stream && a->got_bytes && is_success(a))
		rc = LLM_E_STREAM_BROKEN;
	if (rc == LLM_E_STREAM_BROKEN && !a->view.stream)
		rc = LLM_E_PROTOCOL;
	if (rc == LLM_E_CONNECTION && !a->clock.connected_ns)
		return reply_fail(a, rc, "cannot reach %s://%s:%u%s: %s%s%s",
			a->t->up->at.base.scheme, a->t->up->at.base.host,
			(unsigned)a->t->up->at.base.port, a->wire.proxy ? " through the proxy" : "",
			out->detail, out->advice[0] ? "\n" : "", out->advice);
	if (rc == LLM_E_CONNECTION && out->reused && !a->got_bytes && !out->unprocessed) {
		reply_fail(a, rc, "a kept connection was closed as it was used again");
		a->c->res.error.flags |= LLM_ERRF_REUSED;
		return rc;
	}
	return reply_fail(a, rc, "%s: %s%s%s",
		rc == LLM_E_PROTOCOL ? "the reply is not HTTP as it should be" :
				       "the connection broke",
		out->detail, out->advice[0] ? "\n" : "", out->advice);
}

int32_t reply_end(attempt *a, const xfer_outcome *out)
{
	int32_t rc;

	if (a->failed)
		return a->c->res.error.code;
	if (out->code)
		return transport_failed(a, out);
	rc = a->reading == READ_UNKNOWN ? choose(a) : 0;
	if (rc)
		return rc;
	if (!is_success(a))
		return end_error_reply(a);
	return a->stream_open ? end_stream(a, out) : end_whole(a);
}
