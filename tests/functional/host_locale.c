/* A host that has set de_DE: a comma stands in its numbers, and in none of ours. */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/oracle.h"
#include "support/run.h"

#define LOCALEDEF "/usr/bin/localedef"
#define GERMAN "de_DE.UTF-8"

static char *folder;

/* 0 when this machine cannot make the locale. */
static int speak_german(void)
{
	char line[512], number[16];
	run_result r;

	if (access(LOCALEDEF, X_OK) || access("/usr/share/i18n/locales/de_DE", R_OK)) {
		fprintf(stderr,
			"SKIP host_locale: no localedef or no source of de_DE "
			"(package locales)\n");
		return 0;
	}
	folder = run_folder();
	snprintf(line, sizeof(line), LOCALEDEF " -i de_DE -f UTF-8 %s/" GERMAN " 2>&1", folder);
	run_program(RUN_LIST("/bin/sh", "-c", line), NULL, &r);
	cr_assert_eq(r.status, 0, "%s", r.out);
	run_done(&r);
	setenv("LOCPATH", folder, 1);
	cr_assert_not_null(setlocale(LC_ALL, GERMAN));
	snprintf(number, sizeof(number), "%.2f", 0.25);
	cr_assert_str_eq(number, "0,25", "the locale has no effect");
	return 1;
}

static void be_silent(void)
{
	if (folder)
		run_folder_free(folder);
}

TestSuite(host_locale, .fini = be_silent);

static llm_request *fractions(const char *model)
{
	llm_request *rq = NULL;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, model), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hello", LLM_NUL_TERMINATED), 0);
	cr_assert_eq(llm_request_number(rq, LLM_NUM_TEMPERATURE, 0.25), 0);
	cr_assert_eq(llm_request_option(rq, "top_p", "0.875"), 0);
	cr_assert_eq(llm_request_extra(rq, "{\"x_own\":0.375}", LLM_NUL_TERMINATED), 0);
	return rq;
}

static int32_t ask(oracle *o, const char *model, llm_call **ret_call, llm_err *err)
{
	llm_request *rq = fractions(model);
	int32_t rc = llm_submit(o->svc, rq, NULL, ret_call, err);

	llm_request_free(rq);
	return rc ? rc : llm_call_wait(*ret_call, 5000, err);
}

/* The numbers of call, configuration and extra, in what arrives upstream. */
Test(host_locale, R_CFG_3_numbers_that_are_sent)
{
	static const char *const models[] = {"ollama/sim-small", "openai/sim-small"};
	static const char *const numbers[] = {
		"\\\"temperature\\\":0.25", "\\\"top_p\\\":0.875", "\\\"x_own\\\":0.375"};
	const oracle_opts opts = {.provider = "extra = \"{\\\"x_usual\\\":0.625}\";"};
	oracle *o;
	size_t i, k;

	if (!speak_german())
		return;
	o = oracle_open(&opts);
	for (i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		llm_err err = LLM_ERR_INIT;
		llm_call *call = NULL;

		cr_assert_eq(ask(o, models[i], &call, &err), 0, "%s", err.message);
		llm_call_free(call);
		for (k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++)
			cr_assert_eq(sim_log_count(o->up, numbers[k]), i + 1, "%s\n%s", numbers[k],
				sim_log_text(o->up));
	}
	cr_assert_eq(sim_log_count(o->up, "\\\"x_usual\\\":0.625"), 1);
	cr_assert_str_eq(setlocale(LC_ALL, NULL), GERMAN);
	cr_assert_eq(oracle_close(o), 0);
}

#define BUSY \
	"accept\nread request\nreply 429 \"Content-Type: application/json\" " \
	"\"{\\\"error\\\":{\\\"code\\\":429,\\\"message\\\":\\\"busy\\\",\\\"status\\\":" \
	"\\\"RESOURCE_EXHAUSTED\\\",\\\"details\\\":[{\\\"@type\\\":" \
	"\\\"type.googleapis.com/google.rpc.RetryInfo\\\",\\\"retryDelay\\\":\\\"7.5s\\\"}]}}\"\n" \
	"close\n"

/* A fraction in an error's delay. */
Test(host_locale, R_RETRY_3_numbers_that_arrive)
{
	const oracle_opts opts = {
		.text = BUSY, .provider = "plugin = \"gemini\";", .no_healthy = 1};
	llm_err err = LLM_ERR_INIT;
	llm_call *call = NULL;
	oracle *o;

	if (!speak_german())
		return;
	o = oracle_open(&opts);
	cr_assert_eq(ask(o, "ollama/gemini-2.5-flash", &call, &err), LLM_E_RATE_LIMITED, "%s",
		err.message);
	cr_assert_eq(err.retry_after_ms, 7500);
	cr_assert_eq(
		sim_log_count(o->up, "\\\"temperature\\\":0.25"), 1, "%s", sim_log_text(o->up));
	llm_call_free(call);
	cr_assert_eq(oracle_close(o), 0);
}

#define CALLS \
	"accept\nread request\nreply 200 \"Content-Type: application/json\" " \
	"\"{\\\"message\\\":{\\\"content\\\":\\\"1.5\\\",\\\"tool_calls\\\":[{\\\"function\\\":" \
	"{\\\"name\\\":\\\"f\\\",\\\"arguments\\\":{\\\"x\\\":2.5,\\\"y\\\":[1e3,-0.125]}}}]}," \
	"\\\"done\\\":true,\\\"done_reason\\\":\\\"stop\\\",\\\"load_duration\\\":1500000000}\"\n" \
	"close\n"

/* What the model wrote comes through byte for byte. */
Test(host_locale, R_CFG_3_numbers_in_an_answer)
{
	const oracle_opts opts = {.text = CALLS, .no_healthy = 1};
	llm_err err = LLM_ERR_INIT;
	llm_call *call = NULL;
	llm_tool_call t;
	llm_timing when;
	oracle *o;

	if (!speak_german())
		return;
	o = oracle_open(&opts);
	cr_assert_eq(ask(o, "ollama/sim-small", &call, &err), 0, "%s", err.message);
	cr_assert_eq(llm_result_tool_call(llm_call_result(call), 0, &t), 0);
	cr_assert_str_eq(t.arguments, "{\"x\":2.5,\"y\":[1e3,-0.125]}");
	llm_result_timing(llm_call_result(call), &when);
	cr_assert_eq(when.load_ms, 1500);
	llm_call_free(call);
	cr_assert_eq(oracle_close(o), 0);
}
