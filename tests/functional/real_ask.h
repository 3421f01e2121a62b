/* real_ask.h - one service and questions to it, for tests whose upstream is not ours. */
#ifndef TESTS_REAL_ASK_H
#define TESTS_REAL_ASK_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include <llm/llm.h>

#define REAL_LIMIT_MS 120000 /* a machine may be slow and busy; a test that hangs still ends */

/* Zero: not set. */
typedef struct real_ask {
	const char *model;
	const char *question;
	const char *schema;
	const char *extra;
	int64_t max_tokens;
	int stream;
	int exact; /* temperature 0 */
} real_ask;

/* What a stream told: its pieces joined must be the result's text. */
typedef struct real_stream {
	char text[16384];
	size_t len;
	size_t pieces;
} real_stream;

static inline llm_service *real_open(const char *config, uint32_t flags)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_service *svc = NULL;

	so.flags = flags;
	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	cr_assert_eq(llm_service_new(&so, &svc, &err), 0, "%s", err.message);
	return svc;
}

static inline llm_request *real_request(const real_ask *ask)
{
	llm_request *rq = NULL;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, ask->model), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, ask->question, LLM_NUL_TERMINATED), 0);
	if (ask->max_tokens)
		cr_assert_eq(
			llm_request_integer(rq, LLM_NUM_MAX_OUTPUT_TOKENS, ask->max_tokens), 0);
	if (ask->exact)
		cr_assert_eq(llm_request_number(rq, LLM_NUM_TEMPERATURE, 0), 0);
	if (ask->schema)
		cr_assert_eq(
			llm_request_format_schema(rq, "answer", ask->schema, LLM_NUL_TERMINATED), 0,
			"%s", llm_request_problem(rq));
	if (ask->extra)
		cr_assert_eq(llm_request_extra(rq, ask->extra, LLM_NUL_TERMINATED), 0);
	return rq;
}

/* Submits and lets go of the request. */
static inline llm_call *real_submit(llm_service *svc, llm_request *rq, int stream)
{
	llm_call_opts opts = LLM_CALL_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_call *call = NULL;

	opts.flags = stream ? LLM_CALL_STREAM : 0;
	opts.total_ms = REAL_LIMIT_MS;
	opts.first_token_ms = REAL_LIMIT_MS;
	opts.idle_ms = REAL_LIMIT_MS;
	cr_assert_eq(llm_submit(svc, rq, &opts, &call, &err), 0, "%s", err.message);
	llm_request_free(rq);
	return call;
}

static inline llm_call *real_start(llm_service *svc, const real_ask *ask)
{
	return real_submit(svc, real_request(ask), ask->stream);
}

/* Waits for success; the result belongs to the call. */
static inline const llm_result *real_wait(llm_call *call)
{
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(llm_call_wait(call, REAL_LIMIT_MS, &err), 0, "%s", err.message);
	cr_assert_eq(llm_result_status(llm_call_result(call)), LLM_STATUS_SUCCEEDED);
	return llm_call_result(call);
}

/* The next piece of text; 0 when the stream has ended. */
static inline int real_piece(llm_call *call, real_stream *s)
{
	llm_event ev = {.struct_size = sizeof(ev)};

	do {
		cr_assert_eq(llm_call_next(call, REAL_LIMIT_MS, &ev), 0);
	} while (ev.kind != LLM_EVENT_TEXT && ev.kind != LLM_EVENT_END);
	if (ev.kind == LLM_EVENT_END)
		return 0;
	cr_assert_lt(s->len + ev.len, sizeof(s->text));
	memcpy(s->text + s->len, ev.text, ev.len + 1);
	s->len += ev.len;
	s->pieces++;
	return 1;
}

/* Streams to the end: success, and the pieces are the text. */
static inline const llm_result *real_stream_all(llm_call *call, real_stream *s)
{
	const llm_result *r;

	memset(s, 0, sizeof(*s));
	while (real_piece(call, s))
		;
	r = real_wait(call);
	cr_assert_str_eq(llm_result_text(r, NULL), s->text);
	return r;
}

static inline llm_usage real_usage(const llm_result *r)
{
	llm_usage usage = LLM_USAGE_INIT;

	llm_result_usage(r, &usage);
	return usage;
}

/* Is this model in the provider's list? */
static inline int real_lists(llm_service *svc, const char *provider, const char *model)
{
	llm_model_desc row = {.struct_size = sizeof(row)};
	llm_err err = LLM_ERR_INIT;
	llm_models *models = NULL;
	int found = 0;

	cr_assert_eq(
		llm_service_models(svc, provider, LLM_MODELS_ALL, REAL_LIMIT_MS, &models, &err), 0,
		"%s", err.message);
	for (uint32_t i = 0; !llm_models_at(models, i, &row); i++)
		found |= !strcmp(row.name, model);
	llm_models_free(models);
	return found;
}

#endif
