/* What needs no ranking, and who is left out before it: the way that most plans go. */
#include "support/route_try.h"

#define SMALL \
	"max_attempts = 1;\n" \
	"providers = { ollama = { base_url = \"http://127.0.0.1:9\"; }; };\n" \
	"models = ( { id = \"ollama/a\"; max_input_tokens = 200; } );\n"

/* Asks for real; nobody listens there. */
static int32_t ask(route_try *t, const char *text, int tool, int image)
{
	llm_request *rq = NULL;
	llm_message *m = NULL;
	llm_call *call = NULL;
	int32_t rc;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, "ollama/a"), 0);
	cr_assert_eq(llm_request_message(rq, LLM_ROLE_USER, &m), 0);
	cr_assert_eq(llm_message_text(m, text, LLM_NUL_TERMINATED), 0);
	if (image)
		cr_assert_eq(llm_message_data(m, LLM_PART_IMAGE, "image/png", "x", 1), 0);
	if (tool)
		cr_assert_eq(llm_request_tool(rq, "look", "looks", "{\"type\":\"object\"}",
				     LLM_NUL_TERMINATED),
			0);
	t->err = (llm_err)LLM_ERR_INIT;
	rc = llm_submit(t->svc, rq, NULL, &call, &t->err);
	if (!rc)
		rc = llm_call_wait(call, UINT32_MAX, &t->err);
	llm_call_free(call);
	llm_request_free(rq);
	return rc;
}

Test(route_short, R_ROUTE_13_only_what_may_be_too_long_is_counted)
{
	char text[4001];
	route_try t;

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	route_open(&t, SMALL, "");
	cr_expect_eq(ask(&t, "hello", 0, 0), LLM_E_CONNECTION, "%s", t.err.message);
	cr_expect_eq(ask(&t, "hello", 1, 0), LLM_E_CONNECTION, "%s", t.err.message);
	/* an image is hundreds of tokens, however few its bytes */
	cr_expect_eq(ask(&t, "hello", 0, 1), LLM_E_CONTEXT_LENGTH_EXCEEDED, "%s", t.err.message);
	cr_expect_eq(ask(&t, text, 0, 0), LLM_E_CONTEXT_LENGTH_EXCEEDED, "%s", t.err.message);
	text[250] = '\0'; /* more bytes than the window has tokens, and yet not too long */
	cr_expect_eq(ask(&t, text, 0, 0), LLM_E_CONNECTION, "%s", t.err.message);
	route_close(&t);
}

#define LEFT_OUT \
	"providers = { nosuch = { plugin = \"nosuch\"; }; nokey = { plugin = \"nosuch2\"; }; " \
	"ollama = { base_url = \"http://127.0.0.1:9\"; }; };\n" \
	"profiles = { p = { candidates = [ \"nosuch/m\", \"ollama/a\" ]; }; " \
	"q = { candidates = [ \"nosuch/m\", \"nokey/m\" ]; }; };\n"

Test(route_short, R_ROUTE_11_who_cannot_be_had_is_left_out_with_a_warning)
{
	route_try t;

	route_open(&t, LEFT_OUT, "");
	cr_assert_eq(route_plan_of(&t, "p", "hello", 0), 0, "%s", t.err.message);
	route_has(&t, "\"plan\":[\"ollama/a\"]");
	cr_assert_eq(llm_result_warning_count(llm_call_result(t.call)), 1);
	cr_expect_not_null(
		strstr(llm_result_warning(llm_call_result(t.call), 0), "nosuch/m is not asked: "));
	route_close(&t);
}

Test(route_short, R_ROUTE_11_when_none_can_be_had_the_first_reason_is_told)
{
	route_try t;

	route_open(&t, LEFT_OUT, "");
	cr_assert_eq(route_plan_of(&t, "q", "hello", 0), LLM_E_PLUGIN, "%s", t.err.message);
	cr_expect_not_null(strstr(t.err.message, "nosuch"), "%s", t.err.message);
	cr_expect_null(strstr(t.err.message, "nosuch2"), "%s", t.err.message);
	route_close(&t);
}
