/* Events between the loop and a reader (core/run/streamq.h). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "run/streamq.h"
#include "support/failalloc.h"

static llm_event text_event(const char *text)
{
	return (llm_event){.kind = LLM_EVENT_TEXT, .text = text, .len = strlen(text)};
}

Test(streamq, events_come_out_as_they_went_in)
{
	llm_event in = {.kind = LLM_EVENT_TOOL_CALL,
		.index = 3,
		.text = "a\0b",
		.len = 3,
		.id = "call_1",
		.name = ""};
	llm_event out;
	streamq q;

	streamq_init(&q, mem_default());
	cr_assert_eq(streamq_push(&q, &in), 0);
	cr_assert_eq(streamq_take(&q, &out), 1);
	cr_assert_eq(out.kind, LLM_EVENT_TOOL_CALL);
	cr_assert_eq(out.index, 3);
	cr_assert_eq(out.len, 3);
	cr_assert_arr_eq(out.text, "a\0b", 4);
	cr_assert_str_eq(out.id, "call_1");
	cr_assert_str_eq(out.name, "");
	cr_assert_eq(streamq_take(&q, &out), 0);
	streamq_done(&q);
}

Test(streamq, an_event_stays_where_it_is_while_more_arrive)
{
	llm_event first = text_event("first"), more = text_event("more"), out;
	streamq q;
	int i;

	streamq_init(&q, mem_default());
	cr_assert_eq(streamq_push(&q, &first), 0);
	cr_assert_eq(streamq_take(&q, &out), 1);
	for (i = 0; i < 10000; i++)
		cr_assert_eq(streamq_push(&q, &more), 0);
	cr_assert_str_eq(out.text, "first");
	for (i = 0; i < 10000; i++) {
		cr_assert_eq(streamq_take(&q, &out), 1);
		cr_assert_str_eq(out.text, "more");
	}
	cr_assert_eq(streamq_waiting(&q), 0);
	streamq_done(&q);
}

Test(streamq, waiting_counts_what_was_not_taken)
{
	llm_event e = text_event("0123456789"), out;
	size_t one;
	streamq q;

	streamq_init(&q, mem_default());
	cr_assert_eq(streamq_push(&q, &e), 0);
	one = streamq_waiting(&q);
	cr_assert_geq(one, 10);
	cr_assert_eq(streamq_push(&q, &e), 0);
	cr_assert_eq(streamq_waiting(&q), 2 * one);
	streamq_take(&q, &out);
	cr_assert_eq(streamq_waiting(&q), one);
	streamq_done(&q);
}

Test(streamq, P_01_a_failed_push_leaves_the_queue_as_it_was)
{
	llm_event e = text_event("kept"), out;
	failalloc fa;
	streamq q;

	failalloc_init(&fa);
	streamq_init(&q, &fa.hook);
	cr_assert_eq(streamq_push(&q, &e), 0);
	failalloc_from(&fa, 1);
	e.text =
		"this one is far too long for the room that is left in the buffer of the queue, "
		"so it needs more memory, which there is not; and so it is refused as a whole ....";
	e.len = strlen(e.text);
	while (streamq_push(&q, &e) == 0)
		cr_assert_lt(streamq_waiting(&q), 100000);
	failalloc_never(&fa);
	cr_assert_eq(streamq_take(&q, &out), 1);
	cr_assert_str_eq(out.text, "kept");
	streamq_done(&q);
	cr_assert_eq(failalloc_leaks(&fa), 0);
}
