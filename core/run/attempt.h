/*
 * attempt.h - one wire request to one candidate, and its reply.
 *
 * An attempt lives from run_begin to run_attempt_ended, on the loop thread. It
 * builds the request through the provider (build.c), sends it, hands the reply to
 * the provider (reply.c), whose words arrive in a sink (sink.c).
 */
#ifndef LLM_RUN_ATTEMPT_H
#define LLM_RUN_ATTEMPT_H

#include "call.h"
#include "wire/httpmsg.h"
#include "wire/ndjson.h"
#include "wire/sse.h"

#define REQUEST_MAX ((size_t)256 * 1024 * 1024)
#define REPLY_MAX ((size_t)32 * 1024 * 1024) /* body of a success */
#define ERROR_MAX ((size_t)1024 * 1024) /* body of a failure: enough to read it */

/* How the body of this reply is read. */
enum { READ_UNKNOWN = 0, READ_WHOLE, READ_SSE, READ_NDJSON, READ_NOTHING };

struct attempt {
	llm_call *c;
	target *t; /* who is asked */
	llm_attempt *rec; /* its row in the result */
	arena ar; /* LLM_SCOPE_ATTEMPT */
	xfer *x;
	phase_clock clock;
	llm_caps caps;
	llm_request_view view;

	/* the request */
	const char *method;
	buf url;
	buf body;
	list headers; /* xfer_header */
	const xfer_header *header_rows;
	xfer_request wire;
	char *secret_header; /* wiped at the end */
	size_t secret_len;

	/* the reply */
	httpmsg head;
	int reading; /* READ_* */
	buf reply; /* READ_WHOLE */
	sse events;
	ndjson lines;
	void *stream; /* the provider's */
	int stream_open;
	int got_bytes;
	int unprocessed; /* the server says that it has not touched the request */
	int fresh_delta; /* since the bytes last settled */
	uint32_t bad_frames; /* in a row */
	int ending; /* no more bytes: the rest is being framed */
	uint64_t total; /* bytes of body */

	/* what the provider said */
	llm_result_sink sink; /* where it says it */
	int failed; /* sink.error was called, c->res.error is filled */
	int finished; /* sink.finish was called */
	int complete; /* the provider said that nothing more matters, */
	uint64_t complete_ns; /* then */
	int32_t sink_rc; /* why the sink stopped the provider, */
	const char *sink_why; /* and in words, static; null: short of memory */
	uint32_t n_calls; /* tool calls of this attempt */
	size_t warned; /* warnings of the attempts before */
};

/* Begins an attempt; failures come through run_attempt_ended as well, later. */
int32_t attempt_start(llm_call *c);
/* Builds the request of the first candidate and shows it; nothing is sent, and no row is left. */
int32_t attempt_show(llm_call *c);
/* Ends it now, closing its connection; nothing is reported. */
void attempt_abort(attempt *a);
void attempt_free(attempt *a);
/* LLM_SENT_* as of now. */
uint32_t attempt_sent(const attempt *a);
/* LLM_PHASE_* as of now; NONE while the request is not even built. */
uint32_t attempt_phase(const attempt *a);

/* build.c: the provider's request, then what only the core may add. */
int32_t attempt_build(attempt *a, llm_err *err);
/* reply.c: a piece of body; the end of the body. */
int32_t reply_body(attempt *a, const char *bytes, size_t len);
int32_t reply_end(attempt *a, const xfer_outcome *out);
/* Why the reply is no good; fills c->res.error. Returns the code. */
int32_t reply_fail(attempt *a, int32_t code, const char *format, ...) ERR_PRINTF(3, 4);
/* sink.c */
void sink_init(attempt *a);
/* The provider is to stop: `rc` is kept, since it may not pass it on. Returns `rc`. */
int32_t sink_stop(attempt *a, int32_t rc, const char *why);
/* Text from a provider: there when it has a length, and UTF-8. */
int sink_is_text(const char *text, size_t len);
/* facts.c: from an answer that is no success: facts -> code -> c->res.error. */
int32_t facts_tell(attempt *a, const llm_error_facts *facts);
/* outcome.c: what those who plan learn of it. */
void outcome_note(llm_call *c, const attempt *a, int32_t code);
/* trace.c: the redacted exchange, when it was asked for. */
void trace_request(attempt *a);
void trace_reply(attempt *a, const char *bytes, size_t len);

#endif
