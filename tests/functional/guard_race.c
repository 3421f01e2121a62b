/* Two attempts of one run: the first is slow to begin, the next is asked as well (R-RETRY-20). */
#include "guard_try.h"

#define RACE "slow_start = 25; slow_start_crosses = true; slow_start_action = \"race\";"
#define STALLS "accept\nread request\nstall\n"
#define SSE_HEAD "head 200 \"Content-Type: text/event-stream\" \"Connection: close\"\n"
#define CHUNK(text) \
	"data: {\\\"id\\\":\\\"c\\\",\\\"object\\\":\\\"chat.completion.chunk\\\",\\\"model\\\":" \
	"\\\"a\\\",\\\"choices\\\":[{\\\"index\\\":0,\\\"delta\\\":{\\\"content\\\":\\\"" text \
	"\\\"},\\\"finish_reason\\\":null}]}\\n\\n"
#define STOP \
	"data: {\\\"id\\\":\\\"c\\\",\\\"object\\\":\\\"chat.completion.chunk\\\",\\\"model\\\":" \
	"\\\"a\\\",\\\"choices\\\":[{\\\"index\\\":0,\\\"delta\\\":{},\\\"finish_reason\\\":" \
	"\\\"stop\\\"}]}\\n\\ndata: [DONE]\\n\\n"
#define USAGE \
	"data: {\\\"id\\\":\\\"c\\\",\\\"object\\\":\\\"chat.completion.chunk\\\",\\\"model\\\":" \
	"\\\"a\\\",\\\"choices\\\":[],\\\"usage\\\":{\\\"prompt_tokens\\\":7," \
	"\\\"completion_tokens\\\":0,\\\"total_tokens\\\":7}}\\n\\n"
/* The first candidate of "quick" speaks as OpenAI does, the second as Ollama does. */
#define A_AFTER(ms) \
	"accept\nread request\nsleep " ms "\n" SSE_HEAD "send \"" CHUNK("from ") CHUNK("a") STOP \
		"\"\nclose\n"
#define B_AFTER(ms) \
	"accept\nread request\nsleep " ms "\n" HEAD "send \"" LINE("from ") LINE("b") LAST \
		"\"\nclose\n"

static const llm_call_opts one = {.max_attempts = 1};

static void both_rows(const guard *g, uint32_t winner)
{
	cr_assert_eq(llm_result_attempt_count(g->r), 2);
	cr_assert_eq(guard_attempt(g, winner).status, LLM_STATUS_SUCCEEDED);
	cr_assert_eq(guard_attempt(g, !winner).status, LLM_STATUS_CANCELLED);
	cr_assert_eq(guard_attempt(g, !winner).error_code, LLM_E_CANCELLED);
	cr_assert_not_null(strstr(guard_attempt(g, !winner).error->message, "not needed"));
}

Test(guard_race, R_RETRY_20_race_the_next_one_answers_first)
{
	uint32_t stream;

	for (stream = 0; stream < 2; stream++) {
		guard g;

		guard_open(&g, STALLS SAYS(LINE("from b") LAST), RACE, "");
		cr_assert_eq(guard_ask(&g, "quick", stream, one), 0, "%s", g.run->err.message);
		cr_assert_str_eq(g.run->text, "from b");
		both_rows(&g, 1);
		cr_assert_str_eq(llm_result_provider(g.r), "ok");
		cr_assert_str_eq(llm_result_model(g.r), "b");
		cr_assert_null(llm_result_error(g.r));
		if (stream)
			cr_assert_str_eq(g.notices, "OpenAI: slow to begin, asking ok/b as well\n");
		cr_assert_eq(g.n_fallback, stream);
		cr_assert(sim_log_wait(g.o->up, "\"who\":\"peer\"", 1, 500), "%s",
			sim_log_text(g.o->up));
		guard_close(&g);
	}
}

Test(guard_race, R_RETRY_20_race_the_slow_one_answers_first_all_the_same)
{
	uint32_t stream;

	for (stream = 0; stream < 2; stream++) {
		guard g;

		guard_open(&g, A_AFTER("50") STALLS, RACE, "");
		cr_assert_eq(guard_ask(&g, "quick", stream, one), 0, "%s", g.run->err.message);
		cr_assert_str_eq(g.run->text, "from a");
		both_rows(&g, 0);
		cr_assert_str_eq(llm_result_provider(g.r), "openai");
		cr_assert_str_eq(llm_result_model(g.r), "a");
		guard_close(&g);
	}
}

/* Whoever it is: nothing of the other one reaches the reader. */
Test(guard_race, R_RETRY_20_race_nothing_is_told_twice)
{
	int i;

	for (i = 0; i < 8; i++) {
		guard g;

		guard_open(&g, A_AFTER("50") B_AFTER("24"), RACE, "");
		cr_assert_eq(guard_ask(&g, "quick", 1, one), 0, "%s", g.run->err.message);
		if (strcmp(g.run->text, "from a") == 0) {
			both_rows(&g, 0);
		} else {
			cr_assert_str_eq(g.run->text, "from b");
			both_rows(&g, 1);
		}
		cr_assert_eq(atomic_load(&g.run->deltas), 2);
		guard_close(&g);
	}
}

Test(guard_race, R_RETRY_20_race_the_usage_of_both_is_kept)
{
	llm_usage u = LLM_USAGE_INIT;
	guard g;

	guard_open(&g,
		"accept\nread request\n" SSE_HEAD "send \"" USAGE
		"\"\nstall\n" SAYS(LINE("from b") LAST),
		RACE, "");
	cr_assert_eq(guard_ask(&g, "quick", 1, one), 0, "%s", g.run->err.message);
	cr_assert_str_eq(g.run->text, "from b");
	cr_assert_eq(llm_result_attempt_usage(g.r, 0, &u), 0);
	cr_assert_eq(u.input_tokens, 7);
	cr_assert_eq(llm_result_attempt_usage(g.r, 1, &u), 0);
	cr_assert_eq(u.input_tokens, 3);
	llm_result_usage(g.r, &u);
	cr_assert_eq(u.input_tokens, 3);
	guard_close(&g);
}

/* ---- one of them fails ---- */

Test(guard_race, R_RETRY_20_race_the_next_one_fails_and_the_first_goes_on)
{
	guard g;

	guard_open(&g, A_AFTER("60") STATUS("500", ""), RACE, "");
	cr_assert_eq(guard_ask(&g, "quick", 1, one), 0, "%s", g.run->err.message);
	cr_assert_str_eq(g.run->text, "from a");
	cr_assert_eq(llm_result_attempt_count(g.r), 2);
	cr_assert_eq(guard_attempt(&g, 1).error_code, LLM_E_SERVER_ERROR);
	cr_assert_eq(guard_attempt(&g, 0).status, LLM_STATUS_SUCCEEDED);
	guard_close(&g);
}

Test(guard_race, R_RETRY_20_race_the_first_fails_and_the_next_goes_on)
{
	guard g;

	guard_open(&g, "accept\nread request\nsleep 45\nreset\n" B_AFTER("45"), RACE, "");
	cr_assert_eq(guard_ask(&g, "quick", 1, one), 0, "%s", g.run->err.message);
	cr_assert_str_eq(g.run->text, "from b");
	cr_assert_eq(guard_attempt(&g, 0).error_code, LLM_E_CONNECTION);
	cr_assert_eq(guard_requests(&g), 2);
	guard_close(&g);
}

Test(guard_race, R_RETRY_20_race_each_has_its_own_time_outs)
{
	guard g;

	guard_open(&g, STALLS B_AFTER("150"), RACE, "");
	cr_assert_eq(guard_ask(&g, "quick", 1,
			     (llm_call_opts){.max_attempts = 1, .first_token_ms = 130}),
		LLM_E_TIMEOUT);
	cr_assert_eq(guard_attempt(&g, 0).error_code, LLM_E_TIMEOUT);
	cr_assert_eq(guard_attempt(&g, 1).error_code, LLM_E_TIMEOUT);
	cr_assert_geq(guard_attempt(&g, 1).duration_ms, 130);
	cr_assert_eq(guard_requests(&g), 2);
	guard_close(&g);
}

Test(guard_race, R_RETRY_20_R_RETRY_19_race_a_winner_that_breaks_is_mended_by_nobody_who_lost)
{
	guard g;

	guard_open(&g, STALLS SAYS(LINE("from ")), RACE, "");
	cr_assert_eq(guard_ask(&g, "quick", 1, one), LLM_E_STREAM_BROKEN, "%s", g.run->err.message);
	cr_assert_str_eq(g.run->text, "from ");
	cr_assert(g.run->err.flags & LLM_ERRF_PARTIAL);
	cr_assert_str_eq(g.run->err.candidate, "ok/b");
	cr_assert_eq(guard_requests(&g), 2);
	guard_close(&g);
}

/* ---- all of it ends ---- */

Test(guard_race, R_RETRY_20_race_a_cancel_and_a_deadline_end_both)
{
	const oracle_ask ask = {.model = "quick", .stream = 1, .on_event = guard_event};
	oracle_run *run;
	llm_err err = LLM_ERR_INIT;
	guard g;

	guard_open(&g, STALLS, RACE, "limits = { service = 2; };\n");
	cr_assert_eq(guard_ask(&g, "quick", 1, (llm_call_opts){.total_ms = 400}), LLM_E_DEADLINE);
	cr_assert_eq(guard_requests(&g), 2);
	cr_assert(sim_log_wait(g.o->up, "\"who\":\"peer\"", 2, 500), "%s", sim_log_text(g.o->up));
	run = oracle_submit(g.o, &ask, &err);
	cr_assert_not_null(run);
	while (guard_requests(&g) < 4)
		oracle_step(run);
	llm_call_cancel(run->call);
	oracle_finish(run);
	cr_assert_eq(run->code, LLM_E_CANCELLED);
	cr_assert_eq(llm_result_attempt_count(llm_call_result(run->call)), 2);
	cr_assert(sim_log_wait(g.o->up, "\"who\":\"peer\"", 4, 500), "%s", sim_log_text(g.o->up));
	guard_close(&g);
}

/* ---- whether there is one at all ---- */

Test(guard_race, R_RETRY_20_race_takes_a_slot_of_its_own_or_is_none)
{
	guard g;

	guard_open(&g, A_AFTER("60") B_AFTER("0"), RACE, "limits = { service = 1; };\n");
	cr_assert_eq(guard_ask(&g, "quick", 1, one), 0, "%s", g.run->err.message);
	cr_assert_str_eq(g.run->text, "from a");
	cr_assert_eq(llm_result_attempt_count(g.r), 1);
	cr_assert_eq(guard_requests(&g), 1);
	guard_close(&g);
}

Test(guard_race, R_RETRY_20_race_none_without_time_for_it)
{
	guard g;

	guard_open(&g, A_AFTER("60") B_AFTER("0"), RACE, "");
	cr_assert_eq(guard_ask(&g, "quick", 1, (llm_call_opts){.max_attempts = 1, .total_ms = 250}),
		0, "%s", g.run->err.message);
	cr_assert_str_eq(g.run->text, "from a");
	cr_assert_eq(guard_requests(&g), 1);
	guard_close(&g);
}

/* The second candidate is far away, and cannot even be reached: what counts is who is asked. */
static void crosses(const char *more, size_t attempts)
{
	char config[400];
	const oracle_opts opts = {.text = A_AFTER("60"),
		.config = config,
		.provider = "}; far = { plugin = \"ollama\"; base_url = \"http://127.0.0.1:1\"; "
			    "locality = \"cloud\";",
		.attempts = 1,
		.time = &guard_time,
		.no_healthy = 1};
	guard g;

	snprintf(config, sizeof(config),
		"profiles = { away = { candidates = [ \"openai/a\", \"far/b\" ]; slow_start = 25; "
		"slow_start_action = \"race\"; %s }; };\n",
		more);
	memset(&g, 0, sizeof(g));
	g.o = oracle_open(&opts);
	guard_now = &g;
	cr_assert_eq(guard_ask(&g, "away", 1, one), 0, "%s", g.run->err.message);
	cr_assert_str_eq(g.run->text, "from a");
	cr_assert_eq(llm_result_attempt_count(g.r), attempts);
	guard_close(&g);
}

Test(guard_race, R_RETRY_20_slowness_sends_nothing_from_this_machine_to_a_cloud)
{
	crosses("", 1);
	crosses("slow_start_crosses = true;", 2);
}

/* At most two at a time, but when the second has failed there may be a third. */
Test(guard_race, R_RETRY_20_race_the_next_of_three_when_the_second_fails)
{
	static const char three[] =
		"default_profile = \"three\"; profiles = { three = { candidates = [ \"openai/a\", "
		"\"openai/c\", \"ok/b\" ]; " RACE " }; };\n";
	const oracle_opts opts = {.text = STALLS STATUS("500", "") SAYS(LINE("from b") LAST),
		.config = three,
		.attempts = 1,
		.time = &guard_time,
		.no_healthy = 1};
	guard g;

	memset(&g, 0, sizeof(g));
	g.o = oracle_open(&opts);
	guard_now = &g;
	cr_assert_eq(guard_ask(&g, "three", 1, one), 0, "%s", g.run->err.message);
	cr_assert_str_eq(g.run->text, "from b");
	cr_assert_eq(llm_result_attempt_count(g.r), 3);
	cr_assert_eq(guard_attempt(&g, 0).status, LLM_STATUS_CANCELLED);
	cr_assert_eq(guard_attempt(&g, 1).error_code, LLM_E_SERVER_ERROR);
	cr_assert_eq(g.n_fallback, 2);
	guard_close(&g);
}
