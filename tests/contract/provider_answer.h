/*
 * provider_answer.h - answers of status 200 into a provider, whole and frame by frame: what
 * the tests of all providers share beside provider_ask.h.
 */
#ifndef TESTS_PROVIDER_ANSWER_H
#define TESTS_PROVIDER_ANSWER_H

#include "provider_ask.h"

static plug_answer answer;
static void *stream;
/* The head of what comes; tests may put headers and a request into it. */
static llm_reply_view reply_head = {.struct_size = (uint32_t)sizeof(llm_reply_view), .status = 200};

static inline int32_t parse(const char *text)
{
	llm_reply_view reply = reply_head;

	reply.body = (llm_bytes){text, strlen(text)};
	plug_answer_done(&answer);
	plug_answer_init(&answer);
	plug_begin(&p);
	return p.v->parse_response(p.instance, &reply, &answer.sink);
}

static inline void open_stream(void)
{
	plug_answer_done(&answer);
	plug_answer_init(&answer);
	plug_begin(&p);
	cr_assert_eq(p.v->stream_open(p.instance, &reply_head, &stream), 0);
}

static inline int32_t push(const char *data)
{
	llm_frame_view f = {(uint32_t)sizeof(f), 0, {"", 0}, {data, strlen(data)}, {"", 0}};

	plug_begin(&p);
	return p.v->stream_frame(p.instance, stream, &f, &answer.sink);
}

/* `rest` could not be framed; is the answer whole? */
static inline uint32_t close_stream(const char *rest)
{
	llm_bytes residue = {rest, strlen(rest)};
	uint32_t complete = 77;

	plug_begin(&p);
	cr_expect_eq(p.v->stream_close(p.instance, stream, &residue, &answer.sink, &complete), 0);
	plug_attempt_ends(&p);
	return complete;
}

/* For a suite; set_up is that of the provider's own header, included before. */
static inline void begin_answers(void)
{
	set_up();
	plug_answer_init(&answer);
}

static inline void end_answers(void)
{
	plug_answer_done(&answer);
	tear_down();
}

#endif
