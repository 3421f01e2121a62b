/* Mending a stream that broke after content was delivered (core/run/recover.h). */
#include <criterion/criterion.h>
#include <string.h>

#include "base/alloc.h"
#include "llm/abi/provider.h"
#include "run/recover.h"
#include "wire/utf8.h"

static recover_scene broken(uint32_t mode)
{
	return (recover_scene){.code = LLM_E_STREAM_BROKEN, .mode = mode, .has_next = 1};
}

Test(recover, R_RETRY_19_off_and_buffer_mend_nothing_after_commit)
{
	recover_scene s = broken(RECOVER_OFF);

	cr_assert_eq(recover_decide(&s), RECOVER_OFF);
	s.mode = RECOVER_BUFFER;
	cr_assert_eq(recover_decide(&s), RECOVER_OFF);
	cr_assert(recover_buffers(RECOVER_BUFFER));
	cr_assert_not(recover_buffers(RECOVER_MATCH));
	cr_assert_not(recover_buffers(RECOVER_OFF));
}

Test(recover, R_RETRY_19_match_asks_one_and_where_it_repeats_all)
{
	recover_scene s = broken(RECOVER_MATCH);

	cr_assert_eq(recover_decide(&s), RECOVER_MATCH);
	s.recoveries = 1;
	cr_assert_eq(recover_decide(&s), RECOVER_OFF);
	s.repeats = 1;
	cr_assert_eq(recover_decide(&s), RECOVER_OFF);
	s.same_model = 1;
	cr_assert_eq(recover_decide(&s), RECOVER_MATCH);
	s.recoveries = 4;
	cr_assert_eq(recover_decide(&s), RECOVER_MATCH);
	s.repeats = 0;
	cr_assert_eq(recover_decide(&s), RECOVER_OFF);
	s.has_next = s.recoveries = 0;
	cr_assert_eq(recover_decide(&s), RECOVER_OFF);
}

Test(recover, R_RETRY_19_continue_needs_prefill_else_match)
{
	recover_scene s = broken(RECOVER_CONTINUE);

	s.prefill = LLM_CAP_YES;
	cr_assert_eq(recover_decide(&s), RECOVER_CONTINUE);
	s.recoveries = 2;
	cr_assert_eq(recover_decide(&s), RECOVER_CONTINUE);
	s.recoveries = 0;
	s.prefill = LLM_CAP_UNKNOWN;
	cr_assert_eq(recover_decide(&s), RECOVER_MATCH);
	s.prefill = LLM_CAP_NO;
	cr_assert_eq(recover_decide(&s), RECOVER_MATCH);
	s.recoveries = 1;
	cr_assert_eq(recover_decide(&s), RECOVER_OFF);
}

Test(recover, R_RETRY_19_tool_calls_schemas_and_differences_are_not_mended)
{
	recover_scene s = broken(RECOVER_CONTINUE);

	s.prefill = LLM_CAP_YES;
	s.tools_told = 1;
	cr_assert_eq(recover_decide(&s), RECOVER_OFF);
	s.tools_told = 0;
	s.structured = 1;
	cr_assert_eq(recover_decide(&s), RECOVER_OFF);
	s.structured = 0;
	s.differed = 1;
	cr_assert_eq(recover_decide(&s), RECOVER_OFF);
	s.differed = 0;
	cr_assert_eq(recover_decide(&s), RECOVER_CONTINUE);
}

/* What breaks a stream is mended; what the caller did or must change is not. */
Test(recover, R_RETRY_19_by_code)
{
	uint32_t i;

	for (i = 0; llm_error_info_at(i); i++) {
		const llm_error_info *row = llm_error_info_at(i);
		recover_scene s = broken(RECOVER_MATCH);
		int mends = row->fallback == LLM_FALLBACK_YES ||
			row->fallback == LLM_FALLBACK_BEFORE_COMMIT;

		s.code = row->code;
		cr_assert_eq(
			recover_decide(&s), mends ? RECOVER_MATCH : RECOVER_OFF, "%s", row->name);
	}
}

Test(recover, R_RETRY_19_a_refused_prefill_is_the_matter_of_its_attempt)
{
	recover_scene s = broken(RECOVER_CONTINUE);

	s.prefill = LLM_CAP_YES;
	s.recoveries = 1;
	s.code = LLM_E_INVALID_REQUEST;
	cr_assert_eq(recover_decide(&s), RECOVER_CONTINUE);
	s.code = LLM_E_CONTENT_FILTERED;
	cr_assert_eq(recover_decide(&s), RECOVER_CONTINUE);
	s.code = LLM_E_CANCELLED;
	cr_assert_eq(recover_decide(&s), RECOVER_OFF);
	s.code = LLM_E_DEADLINE;
	cr_assert_eq(recover_decide(&s), RECOVER_OFF);
	s.code = LLM_E_NOMEM;
	cr_assert_eq(recover_decide(&s), RECOVER_OFF);
}

typedef struct stage {
	buf told;
	buf seen; /* what the caller has: delivered before, then appended */
	recover_match m;
} stage;

static void stage_init(stage *s, const char *told, int reasoned)
{
	buf_init(&s->told, mem_default(), 0);
	buf_init(&s->seen, mem_default(), 0);
	cr_assert_eq(buf_add(&s->told, told, strlen(told)), 0);
	cr_assert_eq(buf_add(&s->seen, told, strlen(told)), 0);
	recover_begin(&s->m, &s->told, reasoned);
}

static void stage_done(stage *s)
{
	buf_done(&s->told);
	buf_done(&s->seen);
}

static uint32_t feed(stage *s, const char *bytes, size_t len)
{
	size_t skip = len;
	uint32_t what = recover_text(&s->m, bytes, len, &skip);

	if (what == RECOVER_DELIVER) {
		cr_assert_lt(skip, len);
		cr_assert_eq(buf_add(&s->seen, bytes + skip, len - skip), 0);
		/* The run keeps what it delivers in the same text. */
		cr_assert_eq(buf_add(&s->told, bytes + skip, len - skip), 0);
	}
	return what;
}

static const char whole[] = "Gr\xc3\xbc\xc3\x9f"
			    "e, \xe4\xb8\x96\xe7\x95\x8c \xf0\x9f\x98\x80!";

/* Every place where the first stream can have broken, every way to cut the second in two. */
Test(recover, R_RETRY_19_the_same_text_goes_on_unbroken)
{
	const size_t n = strlen(whole);
	size_t broke, cut;

	for (broke = 0; broke <= n; broke++) {
		for (cut = 0; cut <= n; cut++) {
			char told[64];
			stage s;

			memcpy(told, whole, broke);
			told[broke] = '\0';
			stage_init(&s, told, 0);
			cr_assert_neq(feed(&s, whole, cut), RECOVER_DIFFERS);
			cr_assert_neq(feed(&s, whole + cut, n - cut), RECOVER_DIFFERS);
			cr_assert(recover_caught_up(&s.m));
			cr_assert_str_eq(buf_text(&s.seen), whole);
			stage_done(&s);
		}
	}
}

/* Where both are cut between characters, so is every piece that is delivered. */
Test(recover, R_RETRY_19_pieces_begin_with_a_character)
{
	const char *const text = whole;
	const size_t n = strlen(text);
	size_t broke, at, len;

	for (broke = 0; broke <= n; broke += broke < n ? utf8_length(text + broke, n - broke) : 1) {
		char told[64];
		stage s;

		memcpy(told, text, broke);
		told[broke] = '\0';
		stage_init(&s, told, 0);
		for (at = 0; at < n; at += len) {
			size_t skip = 0;

			len = utf8_length(text + at, n - at);
			if (at + len < n)
				len += utf8_length(text + at + len, n - at - len);
			if (recover_text(&s.m, text + at, len, &skip) == RECOVER_DELIVER)
				cr_assert_neq(utf8_length(text + at + skip, len - skip), 0);
		}
		stage_done(&s);
	}
}

Test(recover, R_RETRY_19_the_first_difference_ends_it_and_nothing_of_it_is_told)
{
	const size_t n = strlen(whole);
	size_t at;

	for (at = 0; at < n; at++) {
		char other[64];
		stage s;
		size_t i;

		memcpy(other, whole, n + 1);
		other[at] = '?';
		stage_init(&s, whole, 0);
		for (i = 0; i < at; i++)
			cr_assert_eq(feed(&s, other + i, 1), RECOVER_SUPPRESS);
		cr_assert_eq(feed(&s, other + at, n - at), RECOVER_DIFFERS);
		cr_assert_not(recover_caught_up(&s.m));
		cr_assert_eq(feed(&s, whole + at, n - at), RECOVER_DIFFERS);
		cr_assert_str_eq(buf_text(&s.seen), whole);
		stage_done(&s);
	}
}

Test(recover, R_RETRY_19_a_shorter_answer_has_not_caught_up)
{
	stage s;

	stage_init(&s, "one two three", 0);
	cr_assert_eq(feed(&s, "one two", 7), RECOVER_SUPPRESS);
	cr_assert_not(recover_caught_up(&s.m));
	cr_assert_eq(feed(&s, " three", 6), RECOVER_SUPPRESS);
	cr_assert(recover_caught_up(&s.m));
	stage_done(&s);
}

Test(recover, R_RETRY_19_reasoning_waits_for_the_text_and_never_differs)
{
	stage s;

	stage_init(&s, "abc", 1);
	cr_assert_eq(recover_reasoning(&s.m), RECOVER_SUPPRESS);
	feed(&s, "ab", 2);
	cr_assert_eq(recover_reasoning(&s.m), RECOVER_SUPPRESS);
	feed(&s, "c", 1);
	cr_assert_eq(recover_reasoning(&s.m), RECOVER_DELIVER);
	cr_assert(recover_caught_up(&s.m));
	stage_done(&s);
}

Test(recover, R_RETRY_19_a_second_train_of_thought_is_not_told)
{
	stage s;

	stage_init(&s, "", 1);
	cr_assert_eq(recover_reasoning(&s.m), RECOVER_SUPPRESS);
	cr_assert_eq(feed(&s, "x", 1), RECOVER_DELIVER);
	cr_assert_eq(recover_reasoning(&s.m), RECOVER_DELIVER);
	stage_done(&s);
	stage_init(&s, "", 0);
	cr_assert_eq(recover_reasoning(&s.m), RECOVER_DELIVER);
	stage_done(&s);
}

Test(recover, R_RETRY_19_a_tool_call_before_the_text_has_caught_up_differs)
{
	stage s;

	stage_init(&s, "abc", 0);
	feed(&s, "ab", 2);
	cr_assert_eq(recover_tool(&s.m), RECOVER_DIFFERS);
	cr_assert_eq(feed(&s, "c", 1), RECOVER_DIFFERS);
	stage_done(&s);
	stage_init(&s, "abc", 0);
	feed(&s, "abc", 3);
	cr_assert_eq(recover_tool(&s.m), RECOVER_DELIVER);
	stage_done(&s);
}
