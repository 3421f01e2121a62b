/* cache_flight.c - equal runs that share one attempt, whoever of them stays. */
#include "cache_try.h"

#define ON "mode = \"on\";"
#define MANY 1001

typedef struct crowd {
	cache_try t;
	llm_call *calls[MANY];
	size_t n;
} crowd;

static crowd c;

static const char *const slow[] = {"--delay-ms", "40", NULL};
static const char *const slower[] = {"--delay-ms", "150", NULL}; /* somebody leaves meanwhile */

static llm_call *submit_as(const char *ws, uint32_t flags, uint32_t total_ms)
{
	llm_request *rq = cache_request(NULL, "hi");
	llm_call_opts o = LLM_CALL_OPTS_INIT;
	llm_call *call = NULL;

	o.flags = flags;
	o.total_ms = total_ms;
	if (ws)
		cr_assert_eq(llm_request_workspace(rq, ws), 0);
	cr_assert_eq(llm_submit(c.t.svc, rq, &o, &call, &c.t.err), 0, "%s", c.t.err.message);
	llm_request_free(rq);
	c.calls[c.n++] = call;
	return call;
}

static void submit(size_t n)
{
	while (n--)
		(void)submit_as(NULL, 0, 0);
}

static void prepare(const char *const *args, const char *section)
{
	memset(&c, 0, sizeof(c));
	cache_open_with(&c.t, args, section, "");
}

/* What was submitted before is there when it looks for the first time. */
static void start(void)
{
	cr_assert_eq(llm_service_start(c.t.svc, &c.t.err), 0);
}

static void begin(const char *const *args, const char *section)
{
	prepare(args, section);
	start();
}

static void end(void)
{
	size_t i;

	for (i = 0; i < c.n; i++)
		llm_call_free(c.calls[i]);
	cache_close(&c.t);
}

static int32_t wait_for(size_t i)
{
	return llm_call_wait(c.calls[i], UINT32_MAX, &c.t.err);
}

static const llm_result *result(size_t i)
{
	return llm_call_result(c.calls[i]);
}

/* ---- sharing ---- */

Test(cache_flight, R_CACHE_13_equal_runs_share_one_call)
{
	llm_usage u = LLM_USAGE_INIT;
	size_t i;

	prepare(slow, ON);
	submit(5);
	start();
	for (i = 0; i < 5; i++)
		cr_assert_eq(wait_for(i), 0, "%s", c.t.err.message);
	cr_assert_eq(cache_asked(&c.t), 1);
	cr_assert_eq(llm_result_source(result(0)), LLM_SOURCE_PROVIDER);
	cr_assert_eq(llm_result_attempt_count(result(0)), 1);
	llm_result_usage(result(0), &u);
	cr_assert_gt(u.output_tokens, 0);
	for (i = 1; i < 5; i++) {
		const llm_result *r = result(i);

		cr_assert_eq(llm_result_source(r), LLM_SOURCE_COALESCED);
		cr_assert_str_eq(llm_result_text(r, NULL), llm_result_text(result(0), NULL));
		cr_assert_str_eq(llm_result_original_run_id(r), llm_result_run_id(result(0)));
		cr_assert_eq(llm_result_attempt_count(r), 0);
		llm_result_usage(r, &u);
		cr_assert_eq(u.output_tokens, 0);
		llm_result_original_usage(r, &u);
		cr_assert_gt(u.output_tokens, 0);
	}
	cr_assert_eq(atomic_load(&c.t.svc->caching.stored), 1);
	cr_assert_eq(atomic_load(&c.t.svc->caching.coalesced), 4);
	end();
}

Test(cache_flight, R_CACHE_13_also_where_nothing_is_stored)
{
	prepare(slow, "mode = \"off\"; coalesce = true;");
	submit(2);
	start();
	cr_assert_eq(wait_for(0) + wait_for(1), 0);
	cr_assert_eq(cache_asked(&c.t), 1);
	submit(1);
	cr_assert_eq(wait_for(2), 0);
	cr_assert_eq(cache_asked(&c.t), 2, "an answer was kept");
	end();
}

Test(cache_flight, R_WS_4_another_workspace_makes_its_own_call)
{
	begin(slow, ON);
	(void)submit_as("a", 0, 0);
	(void)submit_as("b", 0, 0);
	cr_assert_eq(wait_for(0) + wait_for(1), 0);
	cr_assert_eq(cache_asked(&c.t), 2);
	end();
}

Test(cache_flight, R_CACHE_13_a_failure_is_shared)
{
	static const char *const args[] = {"--fault", "503", NULL};
	size_t i;

	prepare(args, ON);
	submit(3);
	start();
	for (i = 0; i < 3; i++)
		cr_assert_eq(wait_for(i), LLM_E_UNAVAILABLE, "%s", c.t.err.message);
	cr_assert_eq(cache_asked(&c.t), 1);
	end();
}

/* ---- leaving ---- */

Test(cache_flight, R_CACHE_13_the_first_leaves_and_the_next_takes_over)
{
	prepare(slower, ON);
	submit(3);
	start();
	cr_assert(sim_log_wait(c.t.up, "\"event\":\"request\"", 1, 5000));
	llm_call_cancel(c.calls[0]);
	cr_assert_eq(wait_for(0), LLM_E_CANCELLED);
	llm_call_free(c.calls[0]);
	c.calls[0] = NULL;
	cr_assert_eq(wait_for(1), 0, "%s", c.t.err.message);
	cr_assert_eq(wait_for(2), 0, "%s", c.t.err.message);
	cr_assert_eq(cache_asked(&c.t), 1);
	cr_assert_eq(llm_result_source(result(1)), LLM_SOURCE_PROVIDER);
	cr_assert_eq(llm_result_attempt_count(result(1)), 1);
	cr_assert_eq(llm_result_source(result(2)), LLM_SOURCE_COALESCED);
	cr_assert_str_eq(llm_result_original_run_id(result(2)), llm_result_run_id(result(1)));
	end();
}

Test(cache_flight, R_CACHE_13_when_the_last_one_leaves_the_transfer_ends)
{
	static const char *const args[] = {"--delay-ms", "60000", NULL};

	begin(args, ON);
	submit(2);
	cr_assert(sim_log_wait(c.t.up, "\"event\":\"request\"", 1, 5000));
	llm_call_cancel(c.calls[0]);
	llm_call_cancel(c.calls[1]);
	cr_assert_eq(wait_for(0), LLM_E_CANCELLED);
	cr_assert_eq(wait_for(1), LLM_E_CANCELLED);
	cr_assert(sim_log_wait(c.t.up, "\"event\":\"close\"", 1, 5000));
	end();
}

Test(cache_flight, R_CACHE_13_its_deadline_is_the_latest_of_theirs)
{
	prepare(slower, ON);
	(void)submit_as(NULL, 0, 15);
	(void)submit_as(NULL, 0, 20000);
	start();
	cr_assert_eq(wait_for(0), LLM_E_DEADLINE, "%s", c.t.err.message);
	cr_assert_eq(wait_for(1), 0, "%s", c.t.err.message);
	cr_assert_eq(cache_asked(&c.t), 1);
	end();
}

Test(cache_flight, R_CACHE_13_one_more_than_a_thousand_is_too_many)
{
	static const char *const args[] = {"--delay-ms", "60000", NULL};

	begin(args, ON);
	submit(MANY);
	cr_assert_eq(wait_for(MANY - 1), LLM_E_QUEUE_FULL, "%s", c.t.err.message);
	cr_assert(sim_log_wait(c.t.up, "\"event\":\"request\"", 1, 5000));
	cr_assert_null(llm_call_result(c.calls[0]));
	cr_assert_eq(cache_asked(&c.t), 1);
	end();
}

/* ---- streams ---- */

static void read_all(size_t i, char *ret, size_t room)
{
	llm_event e;
	size_t n = 0;

	while (!llm_call_next(c.calls[i], UINT32_MAX, &e) && e.kind != LLM_EVENT_END)
		if (e.kind == LLM_EVENT_TEXT && n + e.len < room) {
			memcpy(ret + n, e.text, e.len);
			n += e.len;
		}
	ret[n] = '\0';
}

Test(cache_flight, R_CACHE_14_who_comes_late_is_told_from_the_start)
{
	static const char *const args[] = {"--pace-ms", "4", "--tokens", "10", NULL};
	char a[400], b[400];
	llm_event e = {.kind = 0};

	begin(args, ON);
	(void)submit_as(NULL, LLM_CALL_STREAM, 0);
	while (e.kind != LLM_EVENT_TEXT)
		cr_assert_eq(llm_call_next(c.calls[0], 5000, &e), 0);
	snprintf(a, sizeof(a), "%s", e.text);
	(void)submit_as(NULL, LLM_CALL_STREAM, 0);
	read_all(1, b, sizeof(b));
	read_all(0, a + strlen(a), sizeof(a) - strlen(a));
	cr_assert_eq(wait_for(0), 0);
	cr_assert_eq(wait_for(1), 0);
	cr_assert_str_eq(a, llm_result_text(result(0), NULL));
	cr_assert_str_eq(b, a);
	cr_assert_str_eq(llm_result_text(result(1), NULL), a);
	cr_assert_eq(cache_asked(&c.t), 1);
	end();
}

Test(cache_flight, R_CACHE_14_one_stream_and_one_that_waits)
{
	static const char *const args[] = {"--pace-ms", "2", "--tokens", "10", NULL};
	char b[400];

	begin(args, ON);
	(void)submit_as(NULL, 0, 0);
	(void)submit_as(NULL, LLM_CALL_STREAM, 0);
	read_all(1, b, sizeof(b));
	cr_assert_eq(wait_for(0), 0);
	cr_assert_str_eq(b, llm_result_text(result(0), NULL));
	cr_assert_eq(cache_asked(&c.t), 1);
	end();
}

static const char *const large[] = {"--bytes", "1500000", NULL};

Test(cache_flight, R_CACHE_14_who_does_not_keep_up_is_left_behind)
{
	begin(large, "mode = \"on\"; entry_max = \"8M\";");
	(void)submit_as(NULL, LLM_CALL_STREAM, 0); /* reads nothing */
	(void)submit_as(NULL, 0, 0);
	cr_assert_eq(wait_for(1), 0, "%s", c.t.err.message);
	cr_assert_eq(strlen(llm_result_text(result(1), NULL)), 1500000);
	cr_assert_eq(wait_for(0), LLM_E_STREAM_BROKEN, "%s", c.t.err.message);
	cr_assert_eq(cache_asked(&c.t), 1);
	end();
}

Test(cache_flight, R_CACHE_14_the_transfer_waits_only_when_nobody_reads)
{
	static char text[1500001];

	begin(large, "mode = \"on\"; entry_max = \"8M\";");
	(void)submit_as(NULL, LLM_CALL_STREAM, 0);
	(void)submit_as(NULL, LLM_CALL_STREAM, 0);
	cr_assert(sim_log_wait(c.t.up, "\"event\":\"request\"", 1, 5000));
	rest_ms(40);
	cr_assert_null(llm_call_result(c.calls[0]));
	cr_assert_null(llm_call_result(c.calls[1]));
	read_all(0, text, sizeof(text));
	cr_assert_eq(wait_for(0), 0, "%s", c.t.err.message);
	cr_assert_eq(strlen(text), 1500000);
	end();
}
