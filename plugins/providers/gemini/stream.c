/*
 * stream.c - whole answers, and answers in server-sent events.
 *
 * There is no end mark: a finish reason makes an answer whole, the end of the body ends it.
 * A failure may come as an event, or as plain JSON behind the events, outside their framing.
 */
#include "gemini.h"

int32_t gemini_parse_response(
	void *instance, const llm_reply_view *reply, const llm_result_sink *out)
{
	gemini_stream s = {.failed = 0};

	return gemini_read_object(instance, &s, &reply->body, 1, out);
}

int32_t gemini_stream_open(void *instance, const llm_reply_view *head, void **ret_stream)
{
	const gemini *g = instance;
	gemini_stream *s;

	(void)head;
	s = g->host->alloc(g->host->ctx, LLM_SCOPE_ATTEMPT, sizeof(*s));
	if (!s)
		return LLM_E_NOMEM;
	*ret_stream = s;
	return 0;
}

int32_t gemini_stream_frame(
	void *instance, void *stream, const llm_frame_view *frame, const llm_result_sink *out)
{
	gemini_stream *s = stream;
	int32_t rc;

	if (s->failed) /* what comes behind a failure changes nothing */
		return 0;
	if (gemini_read_repeat(instance, s, &frame->data, out, &rc))
		return rc;
	return gemini_read_object(instance, s, &frame->data, 0, out);
}

static int32_t close_with(
	const gemini *g, gemini_stream *s, const llm_bytes *residue, const llm_result_sink *out)
{
	llm_error_facts facts = {.struct_size = (uint32_t)sizeof(facts), .retry_after_ms = -1};
	llm_bytes nothing = {NULL, 0};

	if (gemini_error_facts(g, LLM_SCOPE_SCRATCH, residue, &facts)) {
		s->failed = 1;
		return out->error(out->ctx, &facts);
	}
	if (s->blocked && !s->answered && !s->finished)
		return gemini_push_blocked(s, &nothing, out);
	return 0;
}

int32_t gemini_stream_close(void *instance, void *stream, const llm_bytes *residue,
	const llm_result_sink *out, uint32_t *ret_complete)
{
	gemini_stream *s = stream;
	int32_t rc = 0;

	if (out && !s->failed)
		rc = close_with(instance, s, residue, out);
	*ret_complete = s->finished && !s->failed;
	return rc;
}
