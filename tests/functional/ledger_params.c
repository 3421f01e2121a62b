/* How an answer was asked for is kept beside a stored prompt, and asked for again from there. */
#include <stdlib.h>

#include "account_try.h"
#include "llm/llm.h"

#define LEN LLM_NUL_TERMINATED

static llm_redact_fn hook; /* of the host, or null */

static llm_service *begin(account *a, const char *content)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_service *svc = NULL;
	char text[1200], key[200];
	run_result r;

	account_new(a, RUN_LIST("--same-text", "--tokens", "4"));
	run_folder_put(a->home, "key", "0123456789abcdef0123456789abcdef\n");
	snprintf(key, sizeof(key), "%s/key", a->home);
	snprintf(text, sizeof(text),
		"providers = { near = { plugin = \"ollama\"; base_url = \"URL\"; };\n"
		"  far = { plugin = \"openai\"; base_url = \"URL/v1\"; }; };\n"
		"workspace = \"team\";\nstorage = { dsn = \"%s/runs.db\"; };\n"
		"privacy = { key = \"file:%s\"; content = \"%s\"; };\n",
		a->home, key, content);
	account_conf(a, text);
	ACCOUNT_RUN(a, &r, "db", "migrate");
	cr_assert_eq(r.status, 0, "%s", r.err);
	run_done(&r);
	so.config_path = a->conf;
	so.redact = hook;
	so.flags = LLM_SERVICE_NO_ENV;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	cr_assert_eq(llm_service_new(&so, &svc, &err), 0, "%s", err.message);
	return svc;
}

static llm_request *request_new(void)
{
	llm_request *rq = NULL;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, "near/sim-small"), 0);
	return rq;
}

/* Asks, and ends the request; what comes of it. */
static int32_t try(llm_service *svc, llm_request *rq, char id[64])
{
	llm_err err = LLM_ERR_INIT;
	llm_call *call = NULL;
	int32_t rc;

	cr_assert_eq(llm_submit(svc, rq, NULL, &call, &err), 0, "%s", err.message);
	rc = llm_call_wait(call, 10000, &err);
	snprintf(id, 64, "%s", llm_result_run_id(llm_call_result(call)));
	llm_call_free(call);
	llm_request_free(rq);
	return rc;
}

static void ask(llm_service *svc, llm_request *rq, char id[64])
{
	cr_assert_eq(try(svc, rq, id), 0);
}

static json_t *params_of(const account *a, const char *id)
{
	json_t *o = ACCOUNT_JSON(a, "runs", "show", "--json", "--workspace", "team", id),
	       *params = json_incref(json_object_get(json_object_get(o, "run"), "params_json"));

	json_decref(o);
	return params;
}

/* By every name that llm_request_option knows, and one that only the provider does. */
static const char *const options[][2] = {{"temperature", "0.5"}, {"top_p", "0.25"}, {"top_k", "40"},
	{"min_p", "0.125"}, {"seed", "-7"}, {"max_tokens", "50"}, {"presence_penalty", "1.5"},
	{"frequency_penalty", "-0.5"}, {"repeat_penalty", "1.25"}, {"reasoning", "low"},
	{"truncate", "true"}, {"logprobs", "true"}, {"top_logprobs", "2"}, {"num_ctx", "4096"}};

#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

static void expect_options(const json_t *kept)
{
	cr_expect_eq(json_object_size(kept), N_OPTIONS);
	for (size_t i = 0; i < N_OPTIONS; i++) {
		const json_t *value = json_object_get(kept, options[i][0]);
		char *text = json_dumps(value, JSON_ENCODE_ANY);

		cr_expect_str_eq(json_is_string(value) ? json_string_value(value) : text,
			options[i][1], "%s", options[i][0]);
		free(text);
	}
}

static void add_turns(llm_request *rq)
{
	llm_message *m = NULL;

	cr_assert_eq(llm_request_text(rq, LLM_ROLE_SYSTEM, "Be brief.", LEN), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "How warm is it?", LEN), 0);
	cr_assert_eq(llm_request_message(rq, LLM_ROLE_ASSISTANT, &m), 0);
	cr_assert_eq(llm_message_reasoning(m, "Ask the tool.", LEN), 0);
	cr_assert_eq(llm_message_tool_call(m, "c1", "warmth", "{\"in\":\"Porto\"}", LEN), 0);
	cr_assert_eq(llm_request_message(rq, LLM_ROLE_TOOL, &m), 0);
	cr_assert_eq(llm_message_tool_result(m, "c1", "warmth", "21", LEN, 0), 0);
}

#define CALLED_WARMTH \
	"\"function\":{\"name\":\"warmth\",\"description\":\"How warm it is\",\"parameters\":" TOOL_SCHEMA \
	"}"
#define TOOL_SCHEMA "{\"type\":\"object\",\"required\":[\"in\"]}"

static void expect_command(const account *a, const char *id)
{
	static const char *const parts[] = {"# left out, since not stored: extra headers\n",
		CALLED_WARMTH, "\"custom\":1", "\"Be brief.\"",
		"\"name\":\"warmth\",\"arguments\":{\"in\":\"Porto\"}}", "\"content\":\"21\"",
		"\"num_ctx\":4096", "\"seed\":-7", "\"stop\":[\"x\",\"y\"]", "\"format\":\"json\"",
		"\"think\":\"low\""};
	run_result r;

	ACCOUNT_RUN(a, &r, "runs", "show", "--curl", "--workspace", "team", id);
	cr_assert_eq(r.status, 0, "%s", r.err);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		cr_expect_not_null(strstr(r.out, parts[i]), "%s: %s", parts[i], r.out);
	run_done(&r);
}

Test(ledger_params, everything_that_can_be_asked_for_again_is_kept)
{
	llm_request *rq;
	llm_service *svc;
	json_t *params;
	account a;
	char id[64];

	svc = begin(&a, "full");
	rq = request_new();
	add_turns(rq);
	for (size_t i = 0; i < N_OPTIONS; i++)
		cr_assert_eq(llm_request_option(rq, options[i][0], options[i][1]), 0, "%s",
			options[i][0]);
	cr_assert_eq(llm_request_stop(rq, "x"), 0);
	cr_assert_eq(llm_request_stop(rq, "y"), 0);
	cr_assert_eq(llm_request_format_json(rq), 0);
	cr_assert_eq(llm_request_tool(rq, "warmth", "How warm it is", TOOL_SCHEMA, LEN), 0);
	cr_assert_eq(llm_request_extra(rq, "{\"custom\":1}", LEN), 0);
	cr_assert_eq(llm_request_header(rq, "x-team", "blue"), 0);
	ask(svc, rq, id);
	llm_service_free(svc);
	params = params_of(&a, id);
	expect_options(json_object_get(params, "options"));
	cr_expect_eq(json_array_size(json_object_get(params, "stop")), 2);
	cr_expect_str_eq(json_string_value(json_object_get(params, "format")), "json");
	cr_expect_eq(json_array_size(json_object_get(params, "left_out")), 1);
	json_decref(params);
	expect_command(&a, id);
	account_end(&a);
}

Test(ledger_params, a_schema_is_named_and_nothing_else)
{
	static const char schema[] =
		"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}";
	llm_request *rq;
	llm_service *svc;
	json_t *params;
	account a;
	char id[64], *text;

	svc = begin(&a, "redacted");
	rq = request_new();
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", LEN), 0);
	cr_assert_eq(llm_request_format_schema(rq, "s", schema, LEN), 0);
	ask(svc, rq, id);
	llm_service_free(svc);
	params = params_of(&a, id);
	text = json_dumps(params, JSON_COMPACT);
	cr_expect_str_eq(text, "{\"options\":{},\"left_out\":[\"a schema\"]}");
	free(text);
	json_decref(params);
	account_end(&a);
}

Test(ledger_params, R_PRIV_1_without_a_stored_prompt_nothing_is_kept)
{
	llm_request *rq;
	llm_service *svc;
	json_t *params;
	account a;
	char id[64];

	svc = begin(&a, "hash");
	rq = request_new();
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", LEN), 0);
	cr_assert_eq(llm_request_option(rq, "stop", "secret word"), 0);
	ask(svc, rq, id);
	llm_service_free(svc);
	params = params_of(&a, id);
	cr_expect(json_is_null(params));
	json_decref(params);
	account_end(&a);
}

/* "secret" is not kept; a text with "odd" in it is not to be kept at all. */
static int32_t blacken(uintptr_t token, const char *text, size_t len,
	int32_t (*put)(void *to, const char *bytes, size_t len), void *to)
{
	const char *at;
	int32_t rc = 0;

	(void)token;
	if (strstr(text, "odd"))
		return LLM_E_INTERNAL;
	while (!rc && (at = strstr(text, "secret"))) {
		rc = put(to, text, (size_t)(at - text));
		if (!rc)
			rc = put(to, "***", 3);
		len -= (size_t)(at + 6 - text);
		text = at + 6;
	}
	return rc ? rc : put(to, text, len);
}

Test(ledger_params, R_PRIV_1_the_hook_of_the_host_sees_how_the_answer_was_asked_for)
{
	static const char *const stops[] = {"a secret word", "an odd word"};
	llm_request *rq;
	llm_service *svc;
	json_t *params;
	account a;
	char id[2][64];

	hook = blacken;
	svc = begin(&a, "redacted");
	for (size_t i = 0; i < 2; i++) {
		rq = request_new();
		cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", LEN), 0);
		cr_assert_eq(llm_request_stop(rq, stops[i]), 0);
		ask(svc, rq, id[i]);
	}
	llm_service_free(svc);
	params = params_of(&a, id[0]);
	cr_expect_str_eq(json_string_value(json_array_get(json_object_get(params, "stop"), 0)),
		"a *** word");
	json_decref(params);
	params = params_of(&a, id[1]);
	cr_expect(json_is_null(params));
	json_decref(params);
	account_end(&a);
}

/* All that there is, and that may be kept or not. */
static void add_everything(llm_request *rq)
{
	llm_message *m = NULL;

	cr_assert_eq(llm_request_message(rq, LLM_ROLE_USER, &m), 0);
	cr_assert_eq(llm_message_text(m, "hi", LEN), 0);
	cr_assert_eq(llm_message_cache_hint(m), 0);
	cr_assert_eq(llm_message_opaque(m, "goo", "x", "y", 1), 0);
	cr_assert_eq(llm_request_message(rq, LLM_ROLE_ASSISTANT, &m), 0);
	cr_assert_eq(llm_message_tool_call(m, "c1", "warmth", "{}", LEN), 0);
	cr_assert_eq(llm_request_message(rq, LLM_ROLE_TOOL, &m), 0);
	cr_assert_eq(llm_message_tool_result(m, "c1", "warmth", "no", LEN, 1), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_ASSISTANT, "Well", LEN), 0);
	cr_assert_eq(llm_request_continue_last(rq, 1), 0);
	cr_assert_eq(llm_request_tool(rq, "warmth", "How warm it is", NULL, 0), 0);
	cr_assert_eq(llm_request_format_schema(rq, "s", "{\"type\":\"object\"}", LEN), 0);
	cr_assert_eq(llm_request_extra(rq, "{\"custom\":1}", LEN), 0);
	cr_assert_eq(llm_request_safety(rq, "[]", LEN), 0);
	cr_assert_eq(llm_request_header(rq, "x-team", "blue"), 0);
	cr_assert_eq(llm_request_end_user(rq, "ada"), 0);
}

/* The parameters of a run with all of it. */
static json_t *params_in(account *a, const char *content)
{
	llm_request *rq;
	llm_service *svc;
	char id[64];

	hook = NULL;
	svc = begin(a, content);
	rq = request_new();
	add_everything(rq);
	try(svc, rq, id);
	llm_service_free(svc);
	return params_of(a, id);
}

static void expect_named(const json_t *params, const char *const *named)
{
	const json_t *list = json_object_get(params, "left_out");
	size_t i;

	for (i = 0; i < json_array_size(list) && named[i]; i++)
		cr_expect_str_eq(json_string_value(json_array_get(list, i)), named[i]);
	cr_expect_eq(i, json_array_size(list));
	cr_expect_null(named[i]);
}

/* What a command cannot be made of again is named, all of it. */
Test(ledger_params, everything_that_is_not_kept_is_named)
{
	static const char *const named[] = {"tools", "a schema", "extra members", "safety settings",
		"extra headers", "the end user", "that the last turn is continued", "cache hints",
		"opaque parts", "which tools have failed", NULL};
	account a;
	json_t *params = params_in(&a, "redacted");

	expect_named(params, named);
	cr_expect_null(json_object_get(params, "tools"));
	json_decref(params);
	account_end(&a);
}

Test(ledger_params, R_PRIV_1_with_full_content_documents_are_kept_too)
{
	static const char *const named[] = {
		"extra headers", "cache hints", "opaque parts", "which tools have failed", NULL};
	account a;
	json_t *params = params_in(&a, "full");
	const json_t *tool = json_array_get(json_object_get(params, "tools"), 0);

	expect_named(params, named);
	cr_expect_str_eq(json_string_value(json_object_get(tool, "name")), "warmth");
	cr_expect_str_eq(json_string_value(json_object_get(tool, "description")), "How warm it is");
	cr_expect(json_is_object(json_object_get(params, "schema")));
	cr_expect_str_eq(json_string_value(json_object_get(params, "schema_name")), "s");
	cr_expect(json_is_object(json_object_get(params, "extra")));
	cr_expect(json_is_array(json_object_get(params, "safety")));
	cr_expect_str_eq(json_string_value(json_object_get(params, "end_user")), "ada");
	cr_expect(json_is_true(json_object_get(params, "continue_last")));
	json_decref(params);
	account_end(&a);
}

/* What was sent, as the upstream saw it: the two requests are one. */
static void expect_twice(const account *a)
{
	const char *first = strstr(sim_log_text(a->s), "\"body\":"),
		   *second = first ? strstr(first + 1, "\"body\":") : NULL;
	size_t n;

	cr_assert_not_null(second, "%s", sim_log_text(a->s));
	n = strcspn(first, "\n");
	cr_expect_eq(n, strcspn(second, "\n"));
	cr_expect_eq(strncmp(first, second, n), 0, "%.*s\n%.*s", (int)n, first, (int)n, second);
}

/* An answer of a schema, of a tool that must be called, about a picture, a sound's place, a file. */
static void add_documents(llm_request *rq)
{
	llm_message *m = NULL;

	cr_assert_eq(llm_request_message(rq, LLM_ROLE_USER, &m), 0);
	cr_assert_eq(llm_message_text(m, "What is it?", LEN), 0);
	cr_assert_eq(llm_message_data(m, LLM_PART_IMAGE, "image/png", "\x89PNG\0two", 8), 0);
	cr_assert_eq(llm_message_url(m, LLM_PART_IMAGE, "image/png", "https://there/a.png"), 0);
	cr_assert_eq(llm_message_data(m, LLM_PART_FILE, "application/pdf", "%PDF", 4), 0);
	cr_assert_eq(llm_message_name(m, "a.pdf"), 0);
	cr_assert_eq(llm_request_tool(rq, "warmth", NULL, TOOL_SCHEMA, LEN), 0);
	cr_assert_eq(llm_request_tool_strict(rq, 1), 0);
	cr_assert_eq(llm_request_tool(rq, "wind", "How windy", NULL, 0), 0);
	cr_assert_eq(llm_request_tool_choice(rq, LLM_TOOLS_NAMED, "wind"), 0);
	cr_assert_eq(llm_request_parallel_tools(rq, 0), 0);
	cr_assert_eq(llm_request_format_schema(rq, "s", TOOL_SCHEMA, LEN), 0);
	cr_assert_eq(llm_request_extra(rq, "{\"custom\":1}", LEN), 0);
	cr_assert_eq(llm_request_end_user(rq, "ada"), 0);
}

Test(ledger_params, R_PRIV_1_the_command_asks_for_the_same_with_tools_schema_and_images)
{
	const char *argv[] = {"/bin/sh", "-c", NULL, NULL};
	run_opts o = {0};
	llm_request *rq;
	llm_service *svc;
	run_result r, ran;
	account a;
	char id[64];

	hook = NULL;
	svc = begin(&a, "full");
	rq = request_new();
	cr_assert_eq(llm_request_model(rq, "far/sim-small"), 0);
	add_documents(rq);
	ask(svc, rq, id);
	llm_service_free(svc);
	ACCOUNT_RUN(&a, &r, "runs", "show", "--curl", "--workspace", "team", id);
	cr_assert_eq(r.status, 0, "%s", r.err);
	cr_expect_null(strstr(r.out, "left out"), "%s", r.out);
	argv[2] = r.out;
	o.home = a.home;
	run_program(argv, &o, &ran);
	cr_expect_eq(ran.status, 0, "%s%s", r.out, ran.err);
	run_done(&ran);
	run_done(&r);
	expect_twice(&a);
	account_end(&a);
}

/* Of a picture only that it was there. */
Test(ledger_params, R_PRIV_1_what_the_hook_may_not_see_is_not_kept)
{
	llm_message *m = NULL;
	llm_request *rq;
	llm_service *svc;
	run_result r;
	account a;
	char id[64];

	hook = NULL;
	svc = begin(&a, "redacted");
	rq = request_new();
	cr_assert_eq(llm_request_message(rq, LLM_ROLE_USER, &m), 0);
	cr_assert_eq(llm_message_text(m, "What is it?", LEN), 0);
	cr_assert_eq(llm_message_data(m, LLM_PART_IMAGE, "image/png", "\x89PNG\0two", 8), 0);
	ask(svc, rq, id);
	llm_service_free(svc);
	ACCOUNT_RUN(&a, &r, "runs", "show", "--curl", "--workspace", "team", id);
	cr_assert_eq(r.status, 0, "%s", r.err);
	cr_expect_not_null(
		strstr(r.out, "# left out, since not stored: images, audio or files (1)\n"));
	run_done(&r);
	account_end(&a);
}
