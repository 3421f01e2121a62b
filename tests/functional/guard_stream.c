/* Streams that break after their first piece, and what mends them (R-RETRY-19). */
#include "guard_try.h"

#define BREAKS(lines) SAYS(lines)

static llm_call_opts mode(uint32_t how)
{
	return (llm_call_opts){.stream_recovery = how};
}

Test(guard_stream, R_RETRY_19_off_tells_the_break_and_keeps_the_part)
{
	guard g;

	guard_open(&g, BREAKS(LINE("one ")) SAYS(LINE("one ") LINE("two") LAST), "", "");
	cr_assert_eq(guard_ask(&g, "ollama/a", 1, mode(LLM_RECOVER_OFF)), LLM_E_STREAM_BROKEN);
	cr_assert_str_eq(g.run->text, "one ");
	cr_assert(g.run->err.flags & LLM_ERRF_PARTIAL);
	cr_assert_eq(guard_requests(&g), 1);
	guard_close(&g);
}

Test(guard_stream, R_RETRY_8_R_RETRY_19_match_with_the_same_text_makes_one_answer)
{
	llm_usage u;
	guard g;

	guard_open(&g, BREAKS(LINE("one ")) SAYS(LINE("on") LINE("e tw") LINE("o") LAST), "", "");
	cr_assert_eq(guard_ask(&g, "two", 1, mode(LLM_RECOVER_MATCH)), 0, "%s", g.run->err.message);
	cr_assert_str_eq(g.run->text, "one two");
	cr_assert_eq(llm_result_recovered(g.r), 1);
	cr_assert_eq(g.n_recovered, 1);
	cr_assert_eq(guard_attempt(&g, 0).error_code, LLM_E_STREAM_BROKEN);
	cr_assert_str_eq(llm_result_provider(g.r), "ok");
	cr_assert_eq(llm_result_attempt_usage(g.r, 1, &u), 0);
	cr_assert_eq(u.output_tokens, 5);
	guard_close(&g);
}

Test(guard_stream, R_RETRY_19_match_with_another_text_ends_and_contradicts_nothing)
{
	guard g;

	guard_open(&g, BREAKS(LINE("one ")) SAYS(LINE("on") LINE("ly me") LAST), "", "");
	cr_assert_eq(guard_ask(&g, "two", 1, mode(LLM_RECOVER_MATCH)), LLM_E_STREAM_BROKEN);
	cr_assert_str_eq(g.run->text, "one ");
	cr_assert_str_eq(g.run->err.candidate, "ollama/a");
	cr_assert(g.run->err.flags & LLM_ERRF_PARTIAL);
	cr_assert_eq(guard_attempt(&g, 1).error_code, LLM_E_STREAM_BROKEN);
	guard_close(&g);
}

Test(guard_stream, R_RETRY_19_match_with_a_shorter_text_is_no_answer)
{
	guard g;

	guard_open(&g, BREAKS(LINE("one ")) SAYS(LINE("on") LAST), "", "");
	cr_assert_eq(guard_ask(&g, "two", 1, mode(LLM_RECOVER_MATCH)), LLM_E_STREAM_BROKEN);
	cr_assert_str_eq(g.run->text, "one ");
	guard_close(&g);
}

#define GEMINI \
	"accept\nread request\nhead 200 \"Content-Type: text/event-stream\" \"Connection: close\"\n" \
	"send \"data: {\\\"candidates\\\":[{\\\"content\\\":{\\\"parts\\\":[{\\\"text\\\":" \
	"\\\"two\\\"}],\\\"role\\\":\\\"model\\\"},\\\"finishReason\\\":\\\"STOP\\\"," \
	"\\\"index\\\":0}]}\\n\\n\"\nclose\n"

Test(guard_stream, R_RETRY_19_continue_goes_on_from_the_text)
{
	guard g;

	guard_open(&g, BREAKS(LINE("one sure thing is ")) GEMINI, "", "");
	cr_assert_eq(
		guard_ask(&g, "gem", 1, mode(LLM_RECOVER_CONTINUE)), 0, "%s", g.run->err.message);
	cr_assert_str_eq(g.run->text, "one sure thing is two");
	cr_assert_not_null(strstr(sim_log_text(g.o->up), "one sure thing is"));
	guard_close(&g);
}

Test(guard_stream, R_RETRY_19_continue_is_match_where_it_cannot_be)
{
	guard g;

	guard_open(&g, BREAKS(LINE("one ")) SAYS(LINE("one ") LINE("two") LAST), "", "");
	cr_assert_eq(guard_ask(&g, "two", 1, mode(LLM_RECOVER_CONTINUE)), 0);
	cr_assert_str_eq(g.run->text, "one two");
	guard_close(&g);
}

Test(guard_stream, R_RETRY_19_buffer_repairs_everything)
{
	guard g;

	guard_open(&g, BREAKS(LINE("one ")) SAYS(LINE("quite another") LAST), "", "");
	cr_assert_eq(
		guard_ask(&g, "two", 1, mode(LLM_RECOVER_BUFFER)), 0, "%s", g.run->err.message);
	cr_assert_str_eq(g.run->text, "quite another");
	cr_assert_eq(llm_result_recovered(g.r), 0);
	cr_assert_eq(atomic_load(&g.run->deltas), 1);
	guard_close(&g);
}

Test(guard_stream, R_RETRY_19_as_the_profile_says)
{
	guard g;

	guard_open(&g, BREAKS(LINE("one ")) SAYS(LINE("other") LAST),
		"stream_recovery = \"buffer\";", "");
	cr_assert_eq(guard_ask(&g, "two", 1, mode(0)), 0, "%s", g.run->err.message);
	cr_assert_str_eq(g.run->text, "other");
	guard_close(&g);
}

Test(guard_stream, R_RETRY_9_a_whole_answer_is_never_committed)
{
	guard g;

	guard_open(&g, BREAKS(LINE("one ")) SAYS(LINE("other") LAST), "", "");
	cr_assert_eq(guard_ask(&g, "two", 0, mode(0)), 0, "%s", g.run->err.message);
	cr_assert_str_eq(g.run->text, "other");
	guard_close(&g);
}

Test(guard_stream, R_RETRY_21_an_error_inside_a_success_may_fall_over)
{
	guard g;

	guard_open(&g, SAYS("{\\\"error\\\":\\\"it broke\\\"}\\n") SAYS(LINE("b") LAST),
		"prefer = \"fastest\";", "");
	cr_assert_eq(guard_ask(&g, "two", 1, mode(0)), 0, "%s", g.run->err.message);
	cr_assert_str_eq(g.run->text, "b");
	guard_close(&g);
}

/* ---- slow to begin (R-RETRY-20) ---- */

#define SLOW "accept\nread request\nstall\n"

Test(guard_stream, R_RETRY_20_switch_moves_on_and_wait_does_not)
{
	const llm_call_opts limits = {.first_token_ms = 400, .max_attempts = 1};
	guard g;

	guard_open(&g, SLOW SAYS(LINE("b") LAST),
		"slow_start = 30; slow_start_crosses = true; slow_start_action = \"switch\";", "");
	cr_assert_eq(guard_ask(&g, "quick", 1, limits), 0, "%s", g.run->err.message);
	cr_assert_str_eq(g.run->text, "b");
	cr_assert_eq(guard_attempt(&g, 0).error_code, LLM_E_CANCELLED);
	cr_assert_eq(g.n_fallback, 1);
	guard_close(&g);
	guard_open(&g, SLOW SAYS(LINE("b") LAST), "slow_start = 30;", "");
	cr_assert_eq(
		guard_ask(&g, "quick", 1, (llm_call_opts){.first_token_ms = 45, .max_attempts = 1}),
		0, "%s", g.run->err.message);
	cr_assert_eq(guard_attempt(&g, 0).error_code, LLM_E_TIMEOUT);
	guard_close(&g);
}

/* One that had to give way is not why the run has failed. */
Test(guard_stream, R_RETRY_20_R_ERR_4_who_gave_way_is_not_the_runs_error)
{
	guard g;

	guard_open(&g, SLOW STATUS("500", ""),
		"slow_start = 30; slow_start_crosses = true; slow_start_action = \"switch\";", "");
	cr_assert_eq(guard_ask(&g, "quick", 1, (llm_call_opts){.max_attempts = 1}),
		LLM_E_SERVER_ERROR, "%s", g.run->err.message);
	cr_assert_eq(guard_attempt(&g, 0).error_code, LLM_E_CANCELLED);
	guard_close(&g);
}

/* A model that may have to be loaded is not slow, and one that was used is in memory. */
Test(guard_stream, R_TIME_4_a_cold_model_has_its_time_and_a_warm_one_less)
{
	const llm_call_opts limits = {.max_attempts = 1};
	guard g;

	guard_open(&g, SAYS(LINE("a") LAST) SLOW, "first_token = 5000; first_token_warm = 40;", "");
	cr_assert_eq(guard_ask(&g, "two", 1, limits), 0, "%s", g.run->err.message);
	(void)llm_service_health_reset(g.o->svc, NULL);
	(void)guard_ask(&g, "two", 1, (llm_call_opts){.max_attempts = 1, .total_ms = 400});
	cr_assert_eq(guard_attempt(&g, 0).error_code, LLM_E_TIMEOUT);
	cr_assert_eq(guard_attempt(&g, 0).phase, LLM_PHASE_FIRST_TOKEN);
	cr_assert_lt(guard_attempt(&g, 0).duration_ms, 200);
	guard_close(&g);
}
