/* A model that its provider does not know: remembered for half a minute, not asked for again. */
#include "guard_time.h"
#include "llm/explain.h"

#define GONE \
	"accept\nread request\nreply 404 \"Connection: close\" " \
	"\"{\\\"error\\\":\\\"model 'a' not found\\\"}\"\nclose\n"
#define WELL SAYS(LINE("x") LAST)
#define FIVE_BAD \
	STATUS("500", "") \
	STATUS("500", "") STATUS("500", "") STATUS("500", "") STATUS("500", "")

static int32_t ask(still *s, talk_call *c, const char *model)
{
	talk_submit(&s->t, c, model, 1, &(llm_call_opts){.max_attempts = 1});
	cr_assert(talk_finish(&s->t, c));
	talk_done(c);
	return c->code;
}

Test(guard_missing, R_CACHE_16_an_unknown_model_is_not_asked_for_again_within_30_s)
{
	talk_call c;
	llm_err first;
	still s;

	still_open(&s, GONE WELL, "", "");
	cr_assert_eq(ask(&s, &c, "ollama/a"), LLM_E_NOT_FOUND, "%s", c.err.message);
	first = c.err;
	cr_assert_eq(first.http_status, 404);
	cr_assert_eq(ask(&s, &c, "ollama/a"), LLM_E_NOT_FOUND, "%s", c.err.message);
	cr_assert_eq(still_requests(&s), 1, "it was asked");
	cr_assert_eq(strncmp(c.err.message, first.message, strcspn(first.message, "\n")), 0, "%s",
		c.err.message);
	cr_assert_str_eq(c.err.candidate, first.candidate);
	cr_assert_str_eq(c.err.provider, first.provider);
	cr_assert_eq(c.err.err_class, first.err_class);
	cr_assert_eq(c.err.sent, LLM_SENT_NO);
	cr_assert_eq(c.err.http_status, 0);
	cr_assert_eq(c.err.retry_after_ms, 30000);
	still_pass(&s, 29999);
	cr_assert_eq(ask(&s, &c, "ollama/a"), LLM_E_NOT_FOUND);
	cr_assert_eq(c.err.retry_after_ms, 1);
	cr_assert_eq(still_requests(&s), 1);
	still_pass(&s, 1);
	cr_assert_eq(ask(&s, &c, "ollama/a"), 0, "%s", c.err.message);
	cr_assert_eq(still_requests(&s), 2);
	still_close(&s);
}

Test(guard_missing, R_CACHE_16_another_configuration_forgets_it)
{
	llm_err err = LLM_ERR_INIT;
	talk_call c;
	still s;

	still_open(&s, GONE WELL, "", "");
	cr_assert_eq(ask(&s, &c, "ollama/a"), LLM_E_NOT_FOUND);
	cr_assert_eq(llm_service_reload(s.t.svc, NULL, &err), 0, "%s", err.message);
	still_settle(&s);
	cr_assert_eq(ask(&s, &c, "ollama/a"), 0, "%s", c.err.message);
	cr_assert_eq(still_requests(&s), 2);
	still_close(&s);
}

Test(guard_missing, R_CACHE_16_who_resets_its_health_asks_at_once)
{
	talk_call c;
	still s;

	still_open(&s, GONE WELL, "", "");
	cr_assert_eq(ask(&s, &c, "ollama/a"), LLM_E_NOT_FOUND);
	cr_assert_eq(llm_service_health_reset(s.t.svc, "ollama/a"), 1);
	cr_assert_eq(ask(&s, &c, "ollama/a"), 0, "%s", c.err.message);
	still_close(&s);
}

Test(guard_missing, R_CACHE_16_other_models_and_other_errors_are_asked)
{
	talk_call c;
	still s;

	still_open(&s, GONE WELL STATUS("401", "") STATUS("401", ""), "", "");
	cr_assert_eq(ask(&s, &c, "ollama/a"), LLM_E_NOT_FOUND);
	cr_assert_eq(ask(&s, &c, "ollama/b"), 0, "%s", c.err.message);
	cr_assert_eq(ask(&s, &c, "ollama/c"), LLM_E_AUTHENTICATION);
	cr_assert_eq(ask(&s, &c, "ollama/c"), LLM_E_AUTHENTICATION, "as a last resort");
	cr_assert_eq(still_requests(&s), 4);
	still_close(&s);
}

/* ---- among others ---- */

#define BOTH \
	"default_profile = \"two\"; max_attempts = 1; profiles = { two = { candidates = " \
	"[ \"ollama/a\", \"ollama/b\" ]; }; };\n"

static void on_event(uintptr_t token, llm_call *call, const llm_event *e)
{
	(void)call;
	*(int *)token |= e->kind == LLM_EVENT_END;
}

static int32_t ask_two(still *s, llm_call **ret)
{
	llm_call_opts o = LLM_CALL_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_request *rq = NULL;
	int i, ended = 0;

	o.flags = LLM_CALL_EXPLAIN;
	o.on_event = on_event;
	o.token = (uintptr_t)&ended;
	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", 2), 0);
	cr_assert_eq(llm_submit(s->t.svc, rq, &o, ret, &err), 0, "%s", err.message);
	llm_request_free(rq);
	for (i = 0; i < 1000 && !ended; i++)
		talk_turn(&s->t, 3);
	cr_assert(ended);
	return llm_result_status(llm_call_result(*ret)) == LLM_STATUS_SUCCEEDED ?
		0 :
		llm_result_error(llm_call_result(*ret))->code;
}

Test(guard_missing, R_CACHE_16_the_decision_says_so_when_all_are_unknown)
{
	const char *decision;
	llm_call *c = NULL;
	still s;

	still_open(&s, GONE GONE, "", BOTH);
	cr_assert_eq(ask_two(&s, &c), LLM_E_NOT_FOUND);
	decision = llm_result_decision(llm_call_result(c), NULL);
	cr_assert_null(strstr(decision, "remembered"), "%s", decision);
	llm_call_free(c);
	still_pass(&s, 1500);
	cr_assert_eq(ask_two(&s, &c), LLM_E_NOT_FOUND);
	cr_assert_eq(still_requests(&s), 2, "nobody was asked again");
	decision = llm_result_decision(llm_call_result(c), NULL);
	cr_assert(strstr(decision,
			  "\"remembered\":{\"candidate\":\"ollama/a\",\"error\":\"NOT_FOUND"
			  "\",\"age_ms\":1500}"),
		"%s", decision);
	cr_assert_eq(llm_result_attempt_count(llm_call_result(c)), 0);
	llm_call_free(c);
	still_close(&s);
}

/* The last resort is one that may be there. */
Test(guard_missing, R_CACHE_16_R_CB_7_the_others_are_tried_as_if_it_was_not_in_the_profile)
{
	llm_call *c = NULL;
	talk_call t;
	still s;
	int i;

	still_open(&s, FIVE_BAD GONE WELL, "", BOTH);
	for (i = 0; i < 5; i++)
		cr_assert_eq(ask(&s, &t, "ollama/b"), LLM_E_SERVER_ERROR);
	cr_assert_eq(ask(&s, &t, "ollama/a"), LLM_E_NOT_FOUND);
	cr_assert_eq(ask_two(&s, &c), 0);
	cr_assert_eq(still_requests(&s), 7);
	llm_call_free(c);
	still_close(&s);
}
