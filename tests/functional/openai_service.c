/* What the public interface says of files and tools, as it arrives at a server like OpenAI. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "support/neutral.h"
#include "support/oracle.h"

#define N LLM_NUL_TERMINATED

/* The body of the only request that the server saw. */
static json_t *arrived(oracle *o)
{
	const char *at = strstr(sim_log_text(o->up), "{\"event\":\"request\"");
	json_t *line, *body;

	cr_assert_not_null(at, "nothing arrived");
	line = json_loadb(at, strcspn(at, "\n"), 0, NULL);
	body = json_loads(json_string_value(json_object_get(line, "body")), 0, NULL);
	cr_assert_not_null(body);
	json_decref(line);
	return body;
}

static void same(const json_t *got, const char *want)
{
	json_t *expected = neutral_json(want);

	cr_expect(neutral_same(got, expected), "%s", json_dumps(got, 0));
	json_decref(expected);
}

Test(openai_service, a_files_name_and_a_strict_tool_arrive)
{
	static const char schema[] = "{\"type\":\"object\",\"properties\":{},\"required\":[],"
				     "\"additionalProperties\":false}";
	oracle *o = oracle_open(NULL);
	llm_request *rq = NULL;
	llm_message *m = NULL;
	llm_call *call = NULL;
	llm_err err = LLM_ERR_INIT;
	json_t *body, *content;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, "openai/sim-small"), 0);
	cr_assert_eq(llm_request_message(rq, LLM_ROLE_USER, &m), 0);
	cr_assert_eq(llm_message_text(m, "Sum it up.", N), 0);
	cr_assert_eq(llm_message_data(m, LLM_PART_FILE, "application/pdf", "%PDF", 4), 0);
	cr_assert_eq(llm_message_name(m, "report.pdf"), 0);
	cr_assert_eq(llm_request_tool(rq, "find", NULL, schema, N), 0);
	cr_assert_eq(llm_request_tool_strict(rq, 1), 0);
	cr_assert_eq(llm_request_tool(rq, "list", NULL, NULL, 0), 0);
	cr_assert_eq(llm_submit(o->svc, rq, NULL, &call, &err), 0, "%s", err.message);
	(void)llm_call_wait(call, 5000, &err);
	body = arrived(o);
	content = json_object_get(json_array_get(json_object_get(body, "messages"), 0), "content");
	same(json_array_get(content, 1),
		"{'type':'file','file':{'filename':'report.pdf',"
		"'file_data':'data:application/pdf;base64,JVBERg=='}}");
	content = json_object_get(body, "tools");
	same(json_object_get(json_object_get(json_array_get(content, 0), "function"), "strict"),
		"true");
	cr_expect_null(
		json_object_get(json_object_get(json_array_get(content, 1), "function"), "strict"));
	json_decref(body);
	llm_call_free(call);
	llm_request_free(rq);
	cr_assert_eq(oracle_close(o), 0);
}
