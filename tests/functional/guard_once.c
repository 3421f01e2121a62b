/* What is the same in all attempts of a run (R-RETRY-18). */
#include "hostile_try.h"

#define BUSY \
	"accept\nread request\nreply 503 \"Connection: close\" \"retry-after-ms: 1\" \"{}\"\nclose\n"

/* The value of "hostile-once" in the request number `i` of the log. */
static void value_of(const hostile_try *t, size_t i, char ret[64])
{
	static const char name[] = "\"hostile-once\":\"";
	const char *at = sim_log_text(t->up);
	size_t n = 0;

	for (; i; i--) {
		at = strstr(at, name);
		cr_assert_not_null(at, "%s", sim_log_text(t->up));
		at += sizeof(name) - 1;
	}
	for (; at[n] != '"' && n < 63; n++)
		ret[n] = at[n];
	ret[n] = '\0';
}

static const char config[] = "max_attempts = 3;";

Test(guard_once, R_RETRY_18_all_attempts_have_the_same_value_and_runs_do_not)
{
	char v[5][64];
	const llm_result *r;
	hostile_try t;
	size_t i;

	hostile_open(&t, BUSY BUSY HOSTILE_WHOLE HOSTILE_WHOLE, config, "");
	r = hostile_ask(&t, "good", 0);
	cr_assert_eq(t.rc, 0, "%s", t.err.message);
	cr_assert_eq(llm_result_attempt_count(r), 3);
	for (i = 1; i <= 3; i++)
		value_of(&t, i, v[i]);
	cr_assert_str_eq(v[1], llm_result_run_id(r));
	cr_assert_str_eq(v[1], v[2]);
	cr_assert_str_eq(v[1], v[3]);
	(void)hostile_ask(&t, "good", 0);
	value_of(&t, 4, v[4]);
	cr_assert_str_neq(v[1], v[4]);
	hostile_close(&t);
}

Test(guard_once, R_RETRY_18_what_the_caller_sets_stands_in_all_attempts)
{
	llm_request *rq = hostile_request("good");
	char v[64];
	hostile_try t;
	size_t i;

	hostile_open(&t, BUSY HOSTILE_WHOLE, config, "");
	cr_assert_eq(llm_request_header(rq, "hostile-once", "mine"), 0);
	(void)hostile_run(&t, rq, 0);
	cr_assert_eq(t.rc, 0, "%s", t.err.message);
	cr_assert_eq(sim_log_count(t.up, "\"event\":\"request\""), 2);
	for (i = 1; i <= 2; i++) {
		value_of(&t, i, v);
		cr_assert_str_eq(v, "mine");
	}
	hostile_close(&t);
}
