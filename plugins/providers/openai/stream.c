/*
 * stream.c - whole answers, and answers in server-sent events.
 */
#include "openai.h"

int32_t openai_parse_response(
	void *instance, const llm_reply_view *reply, const llm_result_sink *out)
{
	openai_stream s = {.request_id = kit_header(reply, "x-request-id"),
		.request = reply->request,
		.whole = 1};
	int32_t rc = openai_read_object(instance, &s, &reply->body, out);

	if (rc || s.finished || s.failed)
		return rc;
	return openai_push_plain_end(instance, &s, out);
}

int32_t openai_stream_open(void *instance, const llm_reply_view *head, void **ret_stream)
{
	const openai *o = instance;
	openai_stream *s;

	s = o->host->alloc(o->host->ctx, LLM_SCOPE_ATTEMPT, sizeof(*s));
	if (!s)
		return LLM_E_NOMEM;
	s->request_id = kit_copy(o->host, LLM_SCOPE_ATTEMPT, kit_header(head, "x-request-id"));
	s->request = head->request;
	*ret_stream = s;
	return 0;
}

/* "[DONE]", with whatever a server puts behind it. */
static int is_done(const llm_bytes *data)
{
	llm_bytes head = {data->ptr, data->len < 6 ? data->len : 6};

	return kit_is(&head, "[DONE]");
}

int32_t openai_stream_frame(
	void *instance, void *stream, const llm_frame_view *frame, const llm_result_sink *out)
{
	openai_stream *s = stream;
	int32_t rc = 0;

	if (s->done || s->failed) /* what comes behind the end changes nothing */
		return s->finished && !s->failed ? LLM_FRAME_LAST : 0;
	if (openai_read_repeat(instance, s, &frame->data, out, &rc))
		return rc;
	if (!is_done(&frame->data))
		return openai_read_object(instance, s, &frame->data, out);
	s->done = 1;
	/* An empty stream with its end mark is no answer. */
	if (!s->finished && s->output)
		rc = openai_push_plain_end(instance, s, out);
	return rc == 0 && s->finished ? LLM_FRAME_LAST : rc;
}

int32_t openai_stream_close(void *instance, void *stream, const llm_bytes *residue,
	const llm_result_sink *out, uint32_t *ret_complete)
{
	const openai *o = instance;
	const openai_stream *s = stream;
	static const char hint[] = "LM Studio sends an empty stream when the prompt does not fit"
				   " the context window of the loaded model";

	(void)residue;
	/* "[DONE]" may be missing where the body ends cleanly behind a finish reason. */
	*ret_complete = s->finished && !s->failed;
	if (!out || !(o->dialect->flags & OPENAI_EMPTY_FULL))
		return 0;
	if (s->output || s->finished || s->failed)
		return 0;
	return out->warning(out->ctx, hint, sizeof(hint) - 1);
}
