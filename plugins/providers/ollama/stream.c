/*
 * stream.c - whole answers, and answers in lines.
 */
#include "ollama.h"

int32_t ollama_parse_response(
	void *instance, const llm_reply_view *reply, const llm_result_sink *out)
{
	const ollama *o = instance;
	ollama_stream s = {.done = 0};
	int32_t rc = ollama_read_object(o, &s, &reply->body, out);

	if (rc || s.done || s.failed)
		return rc;
	return kit_error(o->host, LLM_E_PROTOCOL,
		"Ollama's answer says done:false:"
		" the server gave up in the middle of it",
		NULL, NULL);
}

int32_t ollama_stream_open(void *instance, const llm_reply_view *head, void **ret_stream)
{
	const ollama *o = instance;
	ollama_stream *s;

	(void)head;
	s = o->host->alloc(o->host->ctx, LLM_SCOPE_ATTEMPT, sizeof(*s));
	if (!s)
		return LLM_E_NOMEM;
	*ret_stream = s;
	return 0;
}

int32_t ollama_stream_frame(
	void *instance, void *stream, const llm_frame_view *frame, const llm_result_sink *out)
{
	ollama_stream *s = stream;
	int32_t rc = 0;

	if (s->done || s->failed) /* what comes behind the end changes nothing */
		return s->done ? LLM_FRAME_LAST : 0;
	if (!ollama_read_repeat(instance, s, &frame->data, out, &rc))
		rc = ollama_read_object(instance, s, &frame->data, out);
	return rc == 0 && s->done ? LLM_FRAME_LAST : rc;
}

int32_t ollama_stream_close(void *instance, void *stream, const llm_bytes *residue,
	const llm_result_sink *out, uint32_t *ret_complete)
{
	const ollama_stream *s = stream;

	(void)instance;
	(void)residue;
	(void)out;
	*ret_complete = s->done;
	return 0;
}
