/* The setters of a request that are no turns and no numbers, and what a provider sees of them. */
#include "request_try.h"

#include "support/failalloc.h"

#define N LLM_NUL_TERMINATED

Test(request_api, a_new_request_is_empty)
{
	llm_request *rq = try_request();

	cr_assert_str_eq(llm_request_problem(rq), "");
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", 2), 0);
	cr_assert_eq(try_seal(rq)->struct_size, sizeof(llm_request_view));
	cr_assert_eq(rq->view.n_messages, 1);
	cr_assert_eq(rq->view.n_tools + rq->view.n_stop + rq->view.n_headers, 0);
	cr_assert_eq(rq->view.choices, 1);
	cr_assert_eq(rq->view.has, 0);
	cr_assert_null(rq->target);
	llm_request_free(rq);
	llm_request_free(NULL);
	cr_assert_str_eq(llm_request_problem(NULL), "");
	cr_assert_eq(llm_request_new(NULL, NULL), LLM_E_INVALID_REQUEST);
}

Test(request_api, of_profile_and_model_the_last_one_counts)
{
	llm_request *rq = try_request();

	cr_assert_eq(llm_request_profile(rq, "daily"), 0);
	cr_assert(rq->target_is_profile);
	cr_assert_eq(llm_request_model(rq, "ollama/gemma3"), 0);
	cr_assert_not(rq->target_is_profile);
	cr_assert_str_eq(rq->target, "ollama/gemma3");
	REFUSED(rq, llm_request_profile(rq, NULL), "the profile is missing (null)");
	REFUSED(rq, llm_request_model(rq, NULL), "the model is missing (null)");
	REFUSED(rq, llm_request_model(rq, BAD_UTF8),
		"the model is not UTF-8: convert it before it is sent");
	cr_assert_str_eq(rq->target, "ollama/gemma3", "a refusal changed what was set");
	llm_request_free(rq);
}

Test(request_api, tools_in_order_with_what_was_said_of_them)
{
	static const char schema[] = "{\"type\":\"object\"}, and more behind it";
	llm_request *rq = try_request();
	char name[] = "tool0";
	const llm_request_view *v;

	for (name[4] = '0'; name[4] < '7'; name[4]++)
		cr_assert_eq(llm_request_tool(rq, name, NULL, NULL, 0), 0);
	cr_assert_eq(llm_request_tool(rq, "weather", "in a town", schema, 17), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "?", N), 0);
	v = try_seal(rq);
	cr_assert_eq(v->n_tools, 8);
	cr_assert_str_eq(v->tools[0]->name, "tool0");
	cr_assert_str_eq(v->tools[6]->name, "tool6");
	cr_assert_null(v->tools[6]->description);
	cr_assert_eq(v->tools[6]->schema.len, 0);
	cr_assert_eq(v->tools[7]->struct_size, sizeof(llm_tool_view));
	cr_assert_str_eq(v->tools[7]->description, "in a town");
	cr_assert(try_same(v->tools[7]->schema, "{\"type\":\"object\"}"));
	llm_request_free(rq);
}

Test(request_api, strict_is_said_of_the_last_tool)
{
	llm_request *rq = try_request();
	const llm_request_view *v;

	REFUSED(rq, llm_request_tool_strict(rq, 1), "strict is said of a tool: add the tool first");
	cr_assert_eq(llm_request_tool(rq, "a", NULL, NULL, 0), 0);
	cr_assert_eq(llm_request_tool_strict(rq, 7), 0);
	cr_assert_eq(llm_request_tool(rq, "b", NULL, NULL, 0), 0);
	cr_assert_eq(llm_request_tool(rq, "c", NULL, NULL, 0), 0);
	cr_assert_eq(llm_request_tool_strict(rq, 1), 0);
	cr_assert_eq(llm_request_tool_strict(rq, 0), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "?", N), 0);
	v = try_seal(rq);
	cr_assert_eq(v->tools[0]->strict, 1u);
	cr_assert_eq(v->tools[1]->strict, 0u);
	cr_assert_eq(v->tools[2]->strict, 0u);
	llm_request_free(rq);
}

Test(request_api, tools_that_are_refused_are_not_kept)
{
	llm_request *rq = try_request();

	REFUSED(rq, llm_request_tool(rq, NULL, NULL, NULL, 0), "the tool's name is missing (null)");
	REFUSED(rq, llm_request_tool(rq, "t", BAD_UTF8, NULL, 0),
		"the tool's description is not UTF-8: convert it before it is sent");
	REFUSED(rq, llm_request_tool(rq, "t", NULL, "{}\0", 3),
		"the tool's schema holds a NUL byte: only text can be sent");
	REFUSED(rq, llm_request_tool(rq, "t", NULL, "[]", N),
		"the tool's schema is not usable JSON, line 1 column 1: it must be an object.");
	cr_assert_eq(llm_request_tool(rq, "t", NULL, "{\"a\":", N), LLM_E_INVALID_REQUEST);
	cr_assert(strstr(llm_request_problem(rq), "line 1 column 6"), "%s", rq->problem);
	cr_assert_eq(rq->tools.n, 0);
	llm_request_free(rq);
}

Test(request_api, a_tool_choice_has_a_name_exactly_when_it_is_named)
{
	static const char words[] =
		"tool_choice is auto, none, required, or named with a tool's name";
	llm_request *rq = try_request();

	cr_assert_eq(llm_request_tool_choice(rq, LLM_TOOLS_NAMED, "weather"), 0);
	cr_assert_eq(rq->view.tool_choice, LLM_TOOLS_NAMED);
	cr_assert_str_eq(rq->view.tool_name, "weather");
	REFUSED(rq, llm_request_tool_choice(rq, LLM_TOOLS_NAMED, NULL), words);
	REFUSED(rq, llm_request_tool_choice(rq, LLM_TOOLS_AUTO, "weather"), words);
	REFUSED(rq, llm_request_tool_choice(rq, LLM_TOOLS_NAMED + 1, NULL), words);
	REFUSED(rq, llm_request_tool_choice(rq, LLM_TOOLS_NAMED, BAD_UTF8),
		"the tool's name is not UTF-8: convert it before it is sent");
	cr_assert_eq(rq->view.tool_choice, LLM_TOOLS_NAMED);
	cr_assert_eq(llm_request_tool_choice(rq, LLM_TOOLS_REQUIRED, NULL), 0);
	cr_assert_eq(rq->view.tool_choice, LLM_TOOLS_REQUIRED);
	cr_assert_null(rq->view.tool_name);
	cr_assert_eq(llm_request_parallel_tools(rq, 7), 0);
	cr_assert_eq(rq->view.parallel_tools, 1);
	cr_assert_eq(rq->view.has, LLM_HAS_PARALLEL_TOOLS);
	llm_request_free(rq);
}

Test(request_api, a_format_is_any_json_or_a_schema_that_is_an_object)
{
	llm_request *rq = try_request();

	cr_assert_eq(llm_request_format_json(rq), 0);
	cr_assert_eq(rq->view.format, LLM_FORMAT_JSON);
	cr_assert_eq(llm_request_format_schema(rq, NULL, "[1]", N), LLM_E_SCHEMA_INVALID);
	cr_assert_str_eq(llm_request_problem(rq),
		"the schema is not usable JSON, line 1 column 1: it must be an object.");
	cr_assert_eq(llm_request_format_schema(rq, NULL, "{", N), LLM_E_SCHEMA_INVALID);
	REFUSED(rq, llm_request_format_schema(rq, "s", NULL, N), "the schema is missing (null)");
	REFUSED(rq, llm_request_format_schema(rq, BAD_UTF8, "{}", N),
		"the schema's name is not UTF-8: convert it before it is sent");
	cr_assert_eq(rq->view.format, LLM_FORMAT_JSON);
	cr_assert_eq(llm_request_format_schema(rq, NULL, "{}", N), 0);
	cr_assert_null(rq->view.schema_name);
	cr_assert_eq(llm_request_format_schema(rq, "town", "{\"a\":1}", N), 0);
	cr_assert_eq(rq->view.format, LLM_FORMAT_SCHEMA);
	cr_assert_str_eq(rq->view.schema_name, "town");
	cr_assert(try_same(rq->view.schema, "{\"a\":1}"));
	llm_request_free(rq);
}

Test(request_api, json_members_and_ids)
{
	llm_request *rq = try_request();

	cr_assert_eq(llm_request_safety(rq, "[{\"a\":1}]", N), 0);
	cr_assert(try_same(rq->view.safety, "[{\"a\":1}]"));
	REFUSED(rq, llm_request_safety(rq, NULL, N), "the safety setting is missing (null)");
	cr_assert_eq(llm_request_safety(rq, "nul", N), LLM_E_INVALID_REQUEST);
	cr_assert_eq(llm_request_extra(rq, "{\"think\":true}", N), 0);
	REFUSED(rq, llm_request_extra(rq, "[1]", N),
		"extra is not usable JSON, line 1 column 1: it must be an object.");
	cr_assert(try_same(rq->view.extra, "{\"think\":true}"));
	cr_assert_eq(llm_request_end_user(rq, "u-17"), 0);
	REFUSED(rq, llm_request_end_user(rq, NULL), "the end user's id is missing (null)");
	cr_assert_str_eq(rq->view.end_user, "u-17");
	cr_assert_eq(llm_request_safety(NULL, "{}", N), LLM_E_INVALID_REQUEST);
	cr_assert_eq(llm_request_extra(NULL, "{}", N), LLM_E_INVALID_REQUEST);
	llm_request_free(rq);
}

Test(request_api, stop_texts_in_order)
{
	llm_request *rq = try_request();
	char text[] = "a";

	for (text[0] = 'a'; text[0] <= 'f'; text[0]++)
		cr_assert_eq(llm_request_stop(rq, text), 0);
	REFUSED(rq, llm_request_stop(rq, ""), "the stop text is empty");
	REFUSED(rq, llm_request_stop(rq, NULL), "the stop text is missing (null)");
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", N), 0);
	cr_assert_eq(try_seal(rq)->n_stop, 6);
	cr_assert_str_eq(rq->view.stop[0], "a");
	cr_assert_str_eq(rq->view.stop[5], "f");
	cr_assert_null(rq->view.stop[6]);
	llm_request_free(rq);
}

Test(request_api, K_09_headers_are_a_token_and_one_line)
{
	static const char *const bad[][2] = {{NULL, "v"}, {"X-A", NULL}, {"", "v"}, {"X A", "v"},
		{"X:A", "v"}, {"X-A", "v\r\nX-B: w"}, {"X-A\n", "v"}, {"X-A", "v\x01"},
		{"X-A", "v\x7f"}};
	static char large[8200];
	llm_request *rq = try_request();
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		REFUSED(rq, llm_request_header(rq, bad[i][0], bad[i][1]),
			"a header needs a token as its name and one line as its value");
	memset(large, 'v', sizeof(large) - 1);
	cr_assert_eq(llm_request_header(rq, "X-A", large), LLM_E_INVALID_REQUEST);
	large[8192 - 3] = '\0';
	cr_assert_eq(llm_request_header(rq, "X-A", large), 0);
	cr_assert_eq(llm_request_header(rq, "X-B", "two words"), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", N), 0);
	cr_assert_eq(try_seal(rq)->n_headers, 2);
	cr_assert_str_eq(rq->view.headers[0]->name, "X-A");
	cr_assert_str_eq(rq->view.headers[1]->value, "two words");
	llm_request_free(rq);
}

Test(request_api, K_04_headers_that_are_the_librarys_own_are_refused)
{
	static const char *const own[] = {"Authorization", "AUTHORIZATION", "proxy-authorization",
		"X-Api-Key", "x-goog-api-key", "api-key", "Cookie", "host", "Content-Length",
		"transfer-encoding", "Connection", "expect", "Content-Type"};
	llm_request *rq = try_request();
	size_t i;

	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		REFUSED(rq, llm_request_header(rq, own[i], "v"),
			"authentication, host, type and length headers are the library's own");
	cr_assert_eq(rq->headers.n, 0);
	llm_request_free(rq);
}

Test(request_api, R_WS_3_a_workspace_is_128_bytes_of_a_small_alphabet)
{
	static const char words[] = "a workspace is 1 to 128 bytes of A-Z a-z 0-9 . _ : -";
	llm_request *rq = try_request();
	char text[130];

	memset(text, 'w', 129);
	text[129] = '\0';
	REFUSED(rq, llm_request_workspace(rq, text), words);
	text[128] = '\0';
	cr_assert_eq(llm_request_workspace(rq, text), 0);
	REFUSED(rq, llm_request_workspace(rq, ""), words);
	REFUSED(rq, llm_request_workspace(rq, NULL), words);
	REFUSED(rq, llm_request_workspace(rq, "a b"), words);
	REFUSED(rq, llm_request_workspace(rq, "caf\xc3\xa9"), words);
	cr_assert_eq(llm_request_workspace(rq, "Team-1.a_b:c"), 0);
	cr_assert_str_eq(rq->workspace, "Team-1.a_b:c");
	llm_request_free(rq);
}

/* ---- what holds for every setter ---- */

static const struct {
	const char *name;
	int32_t (*text)(llm_request *rq, const char *text);
	int32_t (*number)(llm_request *rq, uint32_t number);
} plain[] = {
	{"profile", llm_request_profile, NULL},
	{"model", llm_request_model, NULL},
	{"stop", llm_request_stop, NULL},
	{"end_user", llm_request_end_user, NULL},
	{"workspace", llm_request_workspace, NULL},
	{"parallel_tools", NULL, llm_request_parallel_tools},
	{"reasoning", NULL, llm_request_reasoning},
	{"logprobs", NULL, llm_request_logprobs},
	{"allow_truncation", NULL, llm_request_allow_truncation},
	{"continue_last", NULL, llm_request_continue_last},
};

/* All of them, on one request; every one must return `code`. */
static void all_return(llm_request *rq, int32_t code)
{
	llm_message *m = NULL;
	size_t i;

	for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		cr_assert_eq(plain[i].text ? plain[i].text(rq, "x") : plain[i].number(rq, 1), code,
			"%s", plain[i].name);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_ASSISTANT, "x", N), code);
	cr_assert_eq(llm_request_message(rq, LLM_ROLE_ASSISTANT, &m), code);
	cr_assert_eq(llm_request_tool(rq, "x", NULL, NULL, 0), code);
	cr_assert_eq(llm_request_tool_strict(rq, 1), code);
	cr_assert_eq(llm_request_tool_choice(rq, LLM_TOOLS_NONE, NULL), code);
	cr_assert_eq(llm_request_format_json(rq), code);
	cr_assert_eq(llm_request_format_schema(rq, NULL, "{}", N), code);
	cr_assert_eq(llm_request_number(rq, LLM_NUM_TOP_P, 0.5), code);
	cr_assert_eq(llm_request_integer(rq, LLM_NUM_SEED, 1), code);
	cr_assert_eq(llm_request_safety(rq, "{}", N), code);
	cr_assert_eq(llm_request_option(rq, "num_ctx", "1"), code);
	cr_assert_eq(llm_request_extra(rq, "{}", N), code);
	cr_assert_eq(llm_request_header(rq, "X-A", "x"), code);
}

Test(request_api, without_a_request_every_setter_refuses)
{
	all_return(NULL, LLM_E_INVALID_REQUEST);
}

Test(request_api, a_submitted_request_cannot_be_changed)
{
	llm_request *rq = try_request();

	all_return(rq, 0);
	(void)try_seal(rq);
	all_return(rq, LLM_E_STATE);
	cr_assert_str_eq(llm_request_problem(rq),
		"the request was submitted and cannot be changed: make a new one");
	cr_assert_eq(rq->view.n_messages, 2);
	cr_assert_eq(rq->view.n_tools, 1);
	llm_request_free(rq);
}

/* ---- the whole ---- */

Test(request_api, sealing_needs_content)
{
	llm_err err = LLM_ERR_INIT;
	llm_request *rq = try_request();

	cr_assert_eq(request_seal(rq, &err), LLM_E_INVALID_REQUEST);
	cr_assert_str_eq(err.message, "the request has no content: add a message with text");
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "", 0), 0);
	cr_assert_eq(request_seal(rq, &err), LLM_E_INVALID_REQUEST);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "x", 1), 0);
	cr_assert_eq(llm_request_continue_last(rq, 1), 0);
	cr_assert_eq(request_seal(rq, &err), LLM_E_INVALID_REQUEST);
	cr_assert_str_eq(err.message, "continue_last needs a last turn of the assistant");
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_ASSISTANT, "y", 1), 0);
	cr_assert_eq(request_seal(rq, &err), 0);
	cr_assert_eq(rq->view.continue_last_turn, 1);
	llm_request_free(rq);
}

static int32_t fill_rows(llm_request *rq)
{
	int i;
	int32_t rc = 0;

	for (i = 0; !rc && i < 9; i++) {
		rc = llm_request_text(rq, LLM_ROLE_USER, "a turn", N);
		if (!rc)
			rc = llm_request_stop(rq, "###");
		if (!rc)
			rc = llm_request_header(rq, "X-Team", "search");
		if (!rc)
			rc = llm_request_option(rq, "num_ctx", "8192");
		if (!rc)
			rc = llm_request_tool(rq, "weather", "in a town", "{}", N);
	}
	return rc;
}

static int32_t fill_words(llm_request *rq)
{
	int32_t rc = llm_request_model(rq, "ollama/gemma3");

	if (!rc)
		rc = llm_request_end_user(rq, "u-17");
	if (!rc)
		rc = llm_request_workspace(rq, "team");
	if (!rc)
		rc = llm_request_tool_choice(rq, LLM_TOOLS_NAMED, "weather");
	if (!rc)
		rc = llm_request_format_schema(rq, "town", "{\"type\":\"object\"}", N);
	if (!rc)
		rc = llm_request_extra(rq, "{\"a\":1}", N);
	return rc ? rc : llm_request_safety(rq, "[]", N);
}

/* A setter that ran out of memory says so, and so does the submit. */
static int build_short_of_memory(failalloc *fa, void *arg)
{
	llm_err err = LLM_ERR_INIT;
	llm_request *rq = NULL;
	int32_t rc = llm_request_new(&fa->hook, &rq);
	int wrong;

	(void)arg;
	if (rc)
		return rc != LLM_E_NOMEM;
	try_small_blocks(rq);
	rc = fill_rows(rq);
	if (!rc)
		rc = fill_words(rq);
	wrong = rc && rc != LLM_E_NOMEM;
	if (rc && strcmp(llm_request_problem(rq), "out of memory") != 0)
		wrong = 1;
	failalloc_never(fa);
	if (!rc)
		wrong |= request_seal(rq, &err) != 0;
	else
		wrong |= request_seal(rq, &err) != LLM_E_NOMEM || fill_words(rq) != 0;
	llm_request_free(rq);
	return wrong;
}

Test(request_api, P_01_every_allocation_of_a_whole_request_may_fail)
{
	cr_assert_eq(failalloc_sweep(build_short_of_memory, NULL), 0);
}
