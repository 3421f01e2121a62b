/* Numbers, levels and named options of a request (llm/request.h). */
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "llm/request.h"
#include "run/request.h"
#include "wire/num.h"

/* What a number may be, and where it is kept. */
typedef struct number_row {
	uint32_t which;
	const char *name;
	const char *range; /* what the message says behind the name */
	int whole;
	double low;
	double high;
	uint64_t has;
	size_t offset;
} number_row;

#define NO_LIMIT 1e300
#define AT(member) offsetof(llm_request_view, member)

static const number_row numbers[] = {
	{LLM_NUM_TEMPERATURE, "temperature", " must be a number, 0 or above", 0, 0, NO_LIMIT,
		LLM_HAS_TEMPERATURE, AT(temperature)},
	{LLM_NUM_TOP_P, "top_p", " must be a number from 0 to 1", 0, 0, 1, LLM_HAS_TOP_P,
		AT(top_p)},
	{LLM_NUM_TOP_K, "top_k", " must be a whole number, 0 or above", 1, 0, NO_LIMIT,
		LLM_HAS_TOP_K, AT(top_k)},
	{LLM_NUM_MIN_P, "min_p", " must be a number from 0 to 1", 0, 0, 1, LLM_HAS_MIN_P,
		AT(min_p)},
	{LLM_NUM_SEED, "seed", " must be a whole number", 1, -NO_LIMIT, NO_LIMIT, LLM_HAS_SEED,
		AT(seed)},
	{LLM_NUM_MAX_OUTPUT_TOKENS, "max_tokens", " must be a whole number, 1 or above", 1, 1,
		NO_LIMIT, LLM_HAS_MAX_OUTPUT_TOKENS, AT(max_output_tokens)},
	{LLM_NUM_PRESENCE_PENALTY, "presence_penalty", " must be a number", 0, -NO_LIMIT, NO_LIMIT,
		LLM_HAS_PRESENCE_PENALTY, AT(presence_penalty)},
	{LLM_NUM_FREQUENCY_PENALTY, "frequency_penalty", " must be a number", 0, -NO_LIMIT,
		NO_LIMIT, LLM_HAS_FREQUENCY_PENALTY, AT(frequency_penalty)},
	{LLM_NUM_REPEAT_PENALTY, "repeat_penalty", " must be a number", 0, -NO_LIMIT, NO_LIMIT,
		LLM_HAS_REPEAT_PENALTY, AT(repeat_penalty)},
	{LLM_NUM_TOP_LOGPROBS, "top_logprobs", " must be a whole number from 0 to 20", 1, 0, 20,
		LLM_HAS_TOP_LOGPROBS, AT(top_logprobs)},
	{LLM_NUM_CHOICES, "choices", " must be a whole number from 1 to 128", 1, 1, 128,
		LLM_HAS_CHOICES, AT(choices)},
};

#define N_NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static const number_row *row_of(uint32_t which)
{
	return which >= 1 && which <= N_NUMBERS ? &numbers[which - 1] : NULL;
}

static int32_t refuse_number(llm_request *rq, const number_row *row)
{
	char text[160] = "a number of that name is not known";

	if (row) {
		size_t n = strlen(row->name);

		memcpy(text, row->name, n);
		err_copy(text + n, sizeof(text) - n, row->range, strlen(row->range));
	}
	return request_refuse(rq, LLM_E_INVALID_REQUEST, text);
}

static int32_t store(llm_request *rq, const number_row *row, double real, int64_t whole)
{
	char *field = (char *)&rq->view + row->offset;

	if (row->whole)
		memcpy(field, &whole, sizeof(whole));
	else
		memcpy(field, &real, sizeof(real));
	rq->view.has |= row->has;
	return 0;
}

int32_t llm_request_number(llm_request *rq, uint32_t which, double value)
{
	const number_row *row = row_of(which);
	int32_t rc = request_open(rq);

	if (rc)
		return rc;
	if (!row || !(value >= row->low && value <= row->high))
		return refuse_number(rq, row);
	if (row->whole &&
		(value < -9007199254740992.0 || value > 9007199254740992.0 ||
			(double)(int64_t)value < value || (double)(int64_t)value > value))
		return refuse_number(rq, row);
	return store(rq, row, value, row->whole ? (int64_t)value : 0);
}

int32_t llm_request_integer(llm_request *rq, uint32_t which, int64_t value)
{
	const number_row *row = row_of(which);
	int32_t rc = request_open(rq);

	if (rc)
		return rc;
	if (!row || (double)value < row->low || (double)value > row->high)
		return refuse_number(rq, row);
	return store(rq, row, (double)value, value);
}

int32_t llm_request_reasoning(llm_request *rq, uint32_t level)
{
	int32_t rc = request_open(rq);

	if (rc)
		return rc;
	if (level > LLM_REASONING_MAX)
		return request_refuse(rq, LLM_E_INVALID_REQUEST,
			"reasoning is off, on, low, medium, high or max");
	rq->view.reasoning = level;
	return 0;
}

int32_t llm_request_logprobs(llm_request *rq, uint32_t on)
{
	int32_t rc = request_open(rq);

	if (!rc)
		rq->view.logprobs = on != 0;
	return rc;
}

int32_t llm_request_allow_truncation(llm_request *rq, uint32_t on)
{
	int32_t rc = request_open(rq);

	if (!rc)
		rq->view.allow_truncation = on != 0;
	return rc;
}

int32_t llm_request_continue_last(llm_request *rq, uint32_t on)
{
	int32_t rc = request_open(rq);

	if (!rc)
		rq->view.continue_last_turn = on != 0;
	return rc;
}

static int32_t number_by_name(llm_request *rq, const number_row *row, const char *value)
{
	double real = 0;
	int64_t whole = 0;
	size_t len = strlen(value);

	if (row->whole ? !num_read_i64(value, len, &whole) : !num_read_double(value, len, &real))
		return refuse_number(rq, row);
	return row->whole ? llm_request_integer(rq, row->which, whole) :
			    llm_request_number(rq, row->which, real);
}

static int32_t level_by_name(llm_request *rq, const char *value)
{
	static const char *const names[] = {"default", "off", "on", "low", "medium", "high", "max"};
	uint32_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(value, names[i]) == 0)
			return llm_request_reasoning(rq, i);
	return llm_request_reasoning(rq, UINT32_MAX);
}

static int32_t flag_by_name(
	llm_request *rq, const char *value, int32_t (*set)(llm_request *rq, uint32_t on))
{
	int on;

	if (!num_read_bool(value, strlen(value), &on))
		return request_refuse(rq, LLM_E_INVALID_REQUEST,
			"a switch is one of 1, 0, true, false, on, off, yes, no");
	return set(rq, (uint32_t)on);
}

static int32_t keep_for_provider(llm_request *rq, const char *name, const char *value)
{
	llm_bytes key, text;
	request_option *o;
	int32_t rc = request_text(rq, name, LLM_NUL_TERMINATED, "the option's name", &key);

	if (!rc)
		rc = request_text(rq, value, LLM_NUL_TERMINATED, "the option's value", &text);
	if (rc)
		return rc;
	o = arena_new(&rq->ar, sizeof(*o));
	if (!o)
		return request_refuse(rq, LLM_E_NOMEM, "out of memory");
	o->name = key.ptr;
	o->value = text.ptr;
	return request_push(rq, &rq->options, o);
}

int32_t llm_request_option(llm_request *rq, const char *name, const char *value)
{
	size_t i;
	int32_t rc = request_open(rq);

	if (rc)
		return rc;
	if (!name || !value)
		return request_refuse(rq, LLM_E_INVALID_REQUEST, "an option is NAME=VALUE");
	for (i = 0; i < N_NUMBERS; i++)
		if (strcmp(name, numbers[i].name) == 0)
			return number_by_name(rq, &numbers[i], value);
	if (strcmp(name, "stop") == 0)
		return llm_request_stop(rq, value);
	if (strcmp(name, "reasoning") == 0)
		return level_by_name(rq, value);
	if (strcmp(name, "truncate") == 0)
		return flag_by_name(rq, value, llm_request_allow_truncation);
	if (strcmp(name, "logprobs") == 0)
		return flag_by_name(rq, value, llm_request_logprobs);
	if (strcmp(name, "parallel_tools") == 0)
		return flag_by_name(rq, value, llm_request_parallel_tools);
	return keep_for_provider(rq, name, value);
}
