/* What a caller may say wrong, and what is told: one code, one message of three lines at most. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/oracle.h"

static oracle *open_it(void)
{
	const oracle_opts opts = {.mode = ORACLE_LOOP,
		.config = "aliases = { quick = \"ollama/sim-small\"; };\n"
			  "profiles = { p = { candidates = [ \"ollama/sim-small\" ]; }; };\n"};

	return oracle_open(&opts);
}

/* ---- refusals at submit ---- */

typedef struct refused {
	const char *name; /* of the golden file: lib_input_NAME.txt */
	const char *model;
	const char *option, *value;
	const char *extra;
	int32_t code;
	const char *says;
} refused;

static const refused rows[] = {
	{"unknown_provider", "nobody/x", NULL, NULL, NULL, LLM_E_PLUGIN, "nobody"},
	{"unknown_alias", "quik", NULL, NULL, NULL, LLM_E_INVALID_REQUEST, "quick"},
	{"no_model", "ollama/", NULL, NULL, NULL, LLM_E_INVALID_REQUEST, "provider/model"},
	{"no_provider", "/x", NULL, NULL, NULL, LLM_E_INVALID_REQUEST, "provider/model"},
	{"capital_provider", "Ollama/x", NULL, NULL, NULL, LLM_E_INVALID_REQUEST, "provider/model"},
	{"path_as_provider", "../x/y", NULL, NULL, NULL, LLM_E_INVALID_REQUEST, "provider/model"},
	{"unknown_option", "ollama/sim-small", "num_ctxx", "1", NULL, LLM_E_INVALID_REQUEST,
		"num_ctx"},
	{"unlike_any_option", "ollama/sim-small", "zzzzzzzzzzzz", "1", NULL, LLM_E_INVALID_REQUEST,
		"zzzzzzzzzzzz"},
	{"option_of_wrong_type", "ollama/sim-small", "num_ctx", "many", NULL, LLM_E_INVALID_REQUEST,
		"num_ctx"},
};

static llm_request *request_for(const refused *row)
{
	llm_request *rq = NULL;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	llm_request_model(rq, row->model);
	llm_request_text(rq, LLM_ROLE_USER, ORACLE_PROMPT, LLM_NUL_TERMINATED);
	if (row->option)
		cr_assert_eq(llm_request_option(rq, row->option, row->value), 0);
	return rq;
}

Test(service_input, R_CORE_3_refusals_name_what_is_wrong)
{
	oracle *o = open_it();
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		llm_request *rq = request_for(&rows[i]);
		llm_err err = LLM_ERR_INIT;
		llm_call *call = NULL;
		char name[96];

		cr_assert_eq(llm_submit(o->svc, rq, NULL, &call, &err), rows[i].code, "%s: %s",
			rows[i].name, err.message);
		cr_assert_null(call);
		cr_assert_eq(err.code, rows[i].code);
		cr_assert_eq(err.err_class, llm_error_info_of(err.code)->err_class);
		cr_assert_eq(err.sent, LLM_SENT_NO);
		cr_assert_eq(err.attempt, 0);
		cr_assert_not_null(
			strstr(err.message, rows[i].says), "%s: %s", rows[i].name, err.message);
		cr_assert_null(strstr(err.message, ORACLE_PROMPT));
		snprintf(name, sizeof(name), "lib_input_%s", rows[i].name);
		if (strcmp(rows[i].name, "unknown_provider") != 0) /* it names folders */
			oracle_golden(o, name, &err);
		llm_request_free(rq);
	}
	cr_assert_eq(sim_log_count(o->up, "\"event\":\"accept\""), 0);
	cr_assert_eq(oracle_close(o), 0);
}

/* ---- refusals of a setter ---- */

static void refuses(llm_request *rq, int32_t rc, int32_t want, const char *says)
{
	cr_assert_eq(rc, want, "%d: %s", (int)rc, llm_request_problem(rq));
	cr_assert_not_null(strstr(llm_request_problem(rq), says), "%s", llm_request_problem(rq));
}

#define BAD LLM_E_INVALID_REQUEST

Test(service_input, texts_are_utf8_without_nul)
{
	llm_request *rq = NULL;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	refuses(rq, llm_request_text(rq, LLM_ROLE_USER, "a\0b", 3), BAD, "NUL");
	refuses(rq, llm_request_text(rq, LLM_ROLE_USER, "a\xff", 2), BAD, "UTF-8");
	refuses(rq, llm_request_text(rq, LLM_ROLE_USER, "\xed\xa0\x80", 3), BAD, "UTF-8");
	refuses(rq, llm_request_text(rq, LLM_ROLE_USER, "\xc0\x80", 2), BAD, "UTF-8");
	refuses(rq, llm_request_text(rq, LLM_ROLE_USER, NULL, 0), BAD, "null");
	refuses(rq, llm_request_model(rq, "x/\xff"), BAD, "UTF-8");
	refuses(rq, llm_request_model(rq, NULL), BAD, "null");
	llm_request_free(rq);
}

Test(service_input, K_09_headers_and_extra_are_checked)
{
	llm_request *rq = NULL;
	static const char *const reserved[] = {"Authorization", "host", "Content-Length",
		"x-api-key", "Proxy-Authorization", "Transfer-Encoding", "Cookie"};
	size_t i;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	for (i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		refuses(rq, llm_request_header(rq, reserved[i], "x"), BAD, "library's own");
	refuses(rq, llm_request_header(rq, "X-A", "one\r\nX-B: two"), BAD, "one line");
	refuses(rq, llm_request_header(rq, "X A", "one"), BAD, "token");
	refuses(rq, llm_request_header(rq, "", "one"), BAD, "token");
	refuses(rq, llm_request_extra(rq, "[1]", LLM_NUL_TERMINATED), BAD, "extra");
	refuses(rq, llm_request_extra(rq, "{", LLM_NUL_TERMINATED), BAD, "extra");
	refuses(rq, llm_request_number(rq, LLM_NUM_TOP_P, 1.5), BAD, "top_p");
	refuses(rq, llm_request_integer(rq, LLM_NUM_MAX_OUTPUT_TOKENS, 0), BAD, "max_tokens");
	refuses(rq, llm_request_option(rq, "temperature", "warm"), BAD, "temperature");
	llm_request_free(rq);
}

/* Whatever the request says itself, `extra` may not say again. */
Test(service_input, extra_that_collides_is_refused_before_anything_is_sent)
{
	static const char *const extras[] = {
		"{\"model\":\"other\"}", "{\"messages\":[]}", "{\"stream\":false}"};
	size_t i;

	for (i = 0; i < sizeof(extras) / sizeof(extras[0]); i++) {
		oracle *o = open_it();
		llm_request *rq = request_for(&(refused){.model = "quick"});
		llm_call *call = NULL;
		llm_err err = LLM_ERR_INIT;
		int32_t rc;

		cr_assert_eq(llm_request_extra(rq, extras[i], LLM_NUL_TERMINATED), 0);
		rc = llm_submit(o->svc, rq, NULL, &call, &err);
		while (!rc && !llm_call_result(call))
			oracle_turn(o, 10);
		if (!rc)
			rc = llm_call_wait(call, 0, &err);
		cr_assert_eq(rc, LLM_E_INVALID_REQUEST, "%s: %s", extras[i], err.message);
		cr_assert_eq(sim_log_count(o->up, "\"event\":\"accept\""), 0);
		llm_call_free(call);
		llm_request_free(rq);
		cr_assert_eq(oracle_close(o), 0);
	}
}

/* ---- sizes ---- */

Test(service_input, a_prompt_of_no_bytes_is_refused)
{
	oracle *o = open_it();
	llm_err err = LLM_ERR_INIT;

	cr_assert_null(oracle_submit(o, &(oracle_ask){.prompt = ""}, &err));
	cr_assert_eq(err.code, LLM_E_INVALID_REQUEST);
	oracle_golden(o, "lib_input_empty_prompt", &err);
	cr_assert_eq(oracle_close(o), 0);
}

Test(service_input, a_prompt_of_10_MB_is_sent_whole)
{
	size_t size = 10 * 1000 * 1000;
	char *prompt = malloc(size + 1), want[64];
	oracle *o = open_it();
	oracle_run *run;

	cr_assert_not_null(prompt);
	memset(prompt, 'x', size);
	prompt[size] = '\0';
	run = oracle_do(o, &(oracle_ask){.prompt = prompt, .stream = 1});
	cr_assert_eq(run->code, 0, "%s", run->err.message);
	snprintf(want, sizeof(want), "\"body_bytes\":%zu", size + 108);
	cr_assert(sim_log_count(o->up, want), "not %s", want);
	free(prompt);
	cr_assert_eq(oracle_close(o), 0);
}

/* ---- what may not be changed any more ---- */

Test(service_input, a_submitted_request_is_closed_and_may_be_submitted_again)
{
	oracle *o = open_it();
	llm_request *rq = request_for(&(refused){.model = "quick"});
	llm_call *call[2] = {NULL, NULL};
	int i;

	for (i = 0; i < 2; i++)
		cr_assert_eq(llm_submit(o->svc, rq, NULL, &call[i], NULL), 0);
	cr_assert_eq(llm_request_model(rq, "x/y"), LLM_E_STATE);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "more", 4), LLM_E_STATE);
	llm_request_free(rq);
	for (i = 0; i < 2; i++) {
		while (!llm_call_result(call[i]))
			oracle_turn(o, 10);
		cr_assert_eq(llm_call_wait(call[i], 0, NULL), 0);
		cr_assert_str_eq(llm_result_requested_model(llm_call_result(call[i])), "quick");
		cr_assert_str_eq(llm_result_model(llm_call_result(call[i])), "sim-small");
		llm_call_free(call[i]);
	}
	cr_assert_eq(oracle_close(o), 0);
}

Test(service_input, options_that_are_not_initialised_are_refused)
{
	oracle *o = open_it();
	llm_request *rq = request_for(&(refused){.model = "quick"});
	llm_call_opts opts = {.struct_size = 0};
	llm_call *call = NULL;
	llm_service *svc = NULL;
	llm_service_opts so = {.struct_size = 0};

	cr_assert_eq(llm_submit(o->svc, rq, &opts, &call, NULL), LLM_E_INVALID_REQUEST);
	cr_assert_eq(llm_service_new(&so, &svc, NULL), LLM_E_INVALID_REQUEST);
	llm_request_free(rq);
	cr_assert_eq(oracle_close(o), 0);
}
