/* Numbers, levels and options by name: bounds, words of refusal, what a provider sees. */
#include "request_try.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

static const struct {
	uint32_t which;
	const char *name;
	int whole;
	double least, most; /* what is still taken */
	double below, above; /* what is not; NAN: no such bound */
	uint64_t has;
	size_t at;
	const char *words;
} rows[] = {
#define AT(member) LLM_HAS_##member
#define IN(member) offsetof(llm_request_view, member)
	{LLM_NUM_TEMPERATURE, "temperature", 0, 0, 1e200, -0.001, INFINITY, AT(TEMPERATURE),
		IN(temperature), "temperature must be a number, 0 or above"},
	{LLM_NUM_TOP_P, "top_p", 0, 0, 1, -0.001, 1.001, AT(TOP_P), IN(top_p),
		"top_p must be a number from 0 to 1"},
	{LLM_NUM_TOP_K, "top_k", 1, 0, 1e15, -1, 1e17, AT(TOP_K), IN(top_k),
		"top_k must be a whole number, 0 or above"},
	{LLM_NUM_MIN_P, "min_p", 0, 0, 1, -1, 2, AT(MIN_P), IN(min_p),
		"min_p must be a number from 0 to 1"},
	{LLM_NUM_SEED, "seed", 1, -1e15, 1e15, -1e17, 1e17, AT(SEED), IN(seed),
		"seed must be a whole number"},
	{LLM_NUM_MAX_OUTPUT_TOKENS, "max_tokens", 1, 1, 1e15, 0, 1e17, AT(MAX_OUTPUT_TOKENS),
		IN(max_output_tokens), "max_tokens must be a whole number, 1 or above"},
	{LLM_NUM_PRESENCE_PENALTY, "presence_penalty", 0, -2, 2, -INFINITY, INFINITY,
		AT(PRESENCE_PENALTY), IN(presence_penalty), "presence_penalty must be a number"},
	{LLM_NUM_FREQUENCY_PENALTY, "frequency_penalty", 0, -2, 2, -INFINITY, INFINITY,
		AT(FREQUENCY_PENALTY), IN(frequency_penalty), "frequency_penalty must be a number"},
	{LLM_NUM_REPEAT_PENALTY, "repeat_penalty", 0, 0.5, 2, -INFINITY, INFINITY,
		AT(REPEAT_PENALTY), IN(repeat_penalty), "repeat_penalty must be a number"},
	{LLM_NUM_TOP_LOGPROBS, "top_logprobs", 1, 0, 20, -1, 21, AT(TOP_LOGPROBS), IN(top_logprobs),
		"top_logprobs must be a whole number from 0 to 20"},
	{LLM_NUM_CHOICES, "choices", 1, 1, 128, 0, 129, AT(CHOICES), IN(choices),
		"choices must be a whole number from 1 to 128"},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* The number as it is kept, whichever type it has. */
static double kept(const llm_request *rq, size_t i)
{
	const char *field = (const char *)&rq->view + rows[i].at;
	int64_t whole;
	double real;

	memcpy(&whole, field, sizeof(whole));
	memcpy(&real, field, sizeof(real));
	return rows[i].whole ? (double)whole : real;
}

Test(options_api, numbers_inside_their_bounds_are_kept)
{
	llm_request *rq = try_request();
	uint64_t has = 0;
	size_t i;

	for (i = 0; i < ROWS; i++) {
		cr_assert_eq(llm_request_number(rq, rows[i].which, rows[i].least), 0, "%s",
			rows[i].name);
		cr_assert_eq(kept(rq, i), rows[i].least, "%s", rows[i].name);
		cr_assert_eq(
			llm_request_number(rq, rows[i].which, rows[i].most), 0, "%s", rows[i].name);
		cr_assert_eq(kept(rq, i), rows[i].most, "%s", rows[i].name);
		has |= rows[i].has;
		cr_assert_eq(rq->view.has, has, "%s", rows[i].name);
	}
	llm_request_free(rq);
}

Test(options_api, numbers_outside_their_bounds_are_refused_by_name)
{
	llm_request *rq = try_request();
	size_t i;

	for (i = 0; i < ROWS; i++) {
		REFUSED(rq, llm_request_number(rq, rows[i].which, rows[i].below), rows[i].words);
		REFUSED(rq, llm_request_number(rq, rows[i].which, rows[i].above), rows[i].words);
		REFUSED(rq, llm_request_number(rq, rows[i].which, NAN), rows[i].words);
		if (rows[i].whole)
			REFUSED(rq, llm_request_number(rq, rows[i].which, 1.5), rows[i].words);
	}
	cr_assert_eq(rq->view.has, 0);
	REFUSED(rq, llm_request_number(rq, 0, 1), "a number of that name is not known");
	REFUSED(rq, llm_request_number(rq, ROWS + 1, 1), "a number of that name is not known");
	llm_request_free(rq);
}

Test(options_api, whole_numbers_keep_all_of_their_bits)
{
	llm_request *rq = try_request();

	cr_assert_eq(llm_request_integer(rq, LLM_NUM_SEED, INT64_MAX), 0);
	cr_assert_eq(rq->view.seed, INT64_MAX);
	cr_assert_eq(llm_request_integer(rq, LLM_NUM_SEED, INT64_MIN), 0);
	cr_assert_eq(rq->view.seed, INT64_MIN);
	cr_assert_eq(llm_request_integer(rq, LLM_NUM_TEMPERATURE, 2), 0);
	cr_assert_float_eq(rq->view.temperature, 2, DBL_EPSILON);
	REFUSED(rq, llm_request_integer(rq, LLM_NUM_TOP_P, 2),
		"top_p must be a number from 0 to 1");
	REFUSED(rq, llm_request_integer(rq, LLM_NUM_MAX_OUTPUT_TOKENS, 0),
		"max_tokens must be a whole number, 1 or above");
	REFUSED(rq, llm_request_integer(rq, 99, 1), "a number of that name is not known");
	llm_request_free(rq);
}

Test(options_api, levels_and_switches)
{
	llm_request *rq = try_request();

	cr_assert_eq(llm_request_reasoning(rq, LLM_REASONING_MAX), 0);
	REFUSED(rq, llm_request_reasoning(rq, LLM_REASONING_MAX + 1),
		"reasoning is off, on, low, medium, high or max");
	cr_assert_eq(rq->view.reasoning, LLM_REASONING_MAX);
	cr_assert_eq(llm_request_logprobs(rq, 5), 0);
	cr_assert_eq(rq->view.logprobs, 1);
	cr_assert_eq(llm_request_logprobs(rq, 0), 0);
	cr_assert_eq(rq->view.logprobs, 0);
	cr_assert_eq(llm_request_allow_truncation(rq, 2), 0);
	cr_assert_eq(rq->view.allow_truncation, 1);
	cr_assert_eq(llm_request_continue_last(rq, 2), 0);
	cr_assert_eq(rq->view.continue_last_turn, 1);
	llm_request_free(rq);
}

/* ---- by name, as a person types it ---- */

Test(options_api, numbers_by_name)
{
	static const char *const bad[] = {"", "x", "1x", " 1", "1e999", "NaN", "0x10", "1,5"};
	llm_request *rq = try_request();
	size_t i, k;

	for (i = 0; i < ROWS; i++) {
		cr_assert_eq(llm_request_option(rq, rows[i].name, "1"), 0, "%s", rows[i].name);
		cr_assert_eq(kept(rq, i), 1, "%s", rows[i].name);
		for (k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
			REFUSED(rq, llm_request_option(rq, rows[i].name, bad[k]), rows[i].words);
		if (rows[i].whole)
			REFUSED(rq, llm_request_option(rq, rows[i].name, "1.5"), rows[i].words);
		else
			cr_assert_eq(llm_request_option(rq, rows[i].name, "0.5"), 0);
	}
	REFUSED(rq, llm_request_option(rq, "top_p", "1.5"), "top_p must be a number from 0 to 1");
	cr_assert_eq(rq->options.n, 0, "a neutral name was kept for the provider");
	llm_request_free(rq);
}

Test(options_api, levels_by_name)
{
	static const char *const names[] = {"default", "off", "on", "low", "medium", "high", "max"};
	llm_request *rq = try_request();
	uint32_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cr_assert_eq(llm_request_option(rq, "reasoning", names[i]), 0);
		cr_assert_eq(rq->view.reasoning, i);
	}
	REFUSED(rq, llm_request_option(rq, "reasoning", "much"),
		"reasoning is off, on, low, medium, high or max");
	llm_request_free(rq);
}

Test(options_api, switches_and_stops_by_name)
{
	static const char words[] = "a switch is one of 1, 0, true, false, on, off, yes, no";
	llm_request *rq = try_request();

	cr_assert_eq(llm_request_option(rq, "truncate", "yes"), 0);
	cr_assert_eq(rq->view.allow_truncation, 1);
	cr_assert_eq(llm_request_option(rq, "logprobs", "on"), 0);
	cr_assert_eq(rq->view.logprobs, 1);
	cr_assert_eq(llm_request_option(rq, "parallel_tools", "false"), 0);
	cr_assert_eq(rq->view.parallel_tools, 0);
	cr_assert_eq(rq->view.has, LLM_HAS_PARALLEL_TOOLS);
	REFUSED(rq, llm_request_option(rq, "truncate", "maybe"), words);
	REFUSED(rq, llm_request_option(rq, "logprobs", ""), words);
	REFUSED(rq, llm_request_option(rq, "parallel_tools", "TRUE"), words);
	cr_assert_eq(llm_request_option(rq, "stop", "END"), 0);
	cr_assert_str_eq(rq->stop.items[0], "END");
	REFUSED(rq, llm_request_option(rq, "stop", ""), "the stop text is empty");
	llm_request_free(rq);
}

Test(options_api, other_names_are_kept_for_the_provider)
{
	llm_request *rq = try_request();
	const request_option *o;

	cr_assert_eq(llm_request_option(rq, "num_ctx", "8192"), 0);
	cr_assert_eq(llm_request_option(rq, "Temperature", "hot"), 0);
	cr_assert_eq(rq->options.n, 2);
	o = rq->options.items[1];
	cr_assert_str_eq(o->name, "Temperature");
	cr_assert_str_eq(o->value, "hot");
	REFUSED(rq, llm_request_option(rq, NULL, "1"), "an option is NAME=VALUE");
	REFUSED(rq, llm_request_option(rq, "num_ctx", NULL), "an option is NAME=VALUE");
	REFUSED(rq, llm_request_option(rq, BAD_UTF8, "1"),
		"the option's name is not UTF-8: convert it before it is sent");
	REFUSED(rq, llm_request_option(rq, "num_ctx", BAD_UTF8),
		"the option's value is not UTF-8: convert it before it is sent");
	cr_assert_eq(rq->options.n, 2);
	llm_request_free(rq);
}
