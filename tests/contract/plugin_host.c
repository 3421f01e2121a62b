/*
 * plugin_host.c - instances: what the host table does, and what calls leave behind.
 */
#include "plugin_help.h"

#include <pthread.h>

#include "support/failalloc.h"

static char logged[4096];

static void keep_line(uintptr_t token, uint32_t level, const char *line, size_t len)
{
	(void)token;
	snprintf(logged + strlen(logged), sizeof(logged) - strlen(logged), "%u %.*s\n", level,
		(int)len, line);
}

static instance *make(const plugin *p, const char *key, const char *text)
{
	const host_config_item item = {key, text};
	const logger log = {.fn = keep_line, .level = LLM_LOG_TRACE};
	llm_err err = LLM_ERR_INIT;
	instance *in = NULL;
	int32_t rc;

	rc = instance_new(p, &item, key ? 1 : 0, mem_default(), &log, &in, &err);
	cr_assert_eq(rc, 0, "%s", err.message);
	return in;
}

static void make_fails(
	const plugin *p, const char *key, const char *text, int32_t code, const char *message)
{
	const host_config_item item = {key, text};
	llm_err err = LLM_ERR_INIT;
	instance *in = NULL;

	cr_expect_eq(instance_new(p, &item, key ? 1 : 0, mem_default(), NULL, &in, &err), code);
	cr_expect_str_eq(err.message, message);
	cr_expect_null(in);
}

Test(plugin_host, D_2_2_create_and_log)
{
	plugins *ps = help_modules();
	const plugin *p = help_get(ps, "good");
	instance *in = make(p, "keep_alive", "10");

	cr_expect_eq(instance_plugin(in), p);
	cr_expect_not_null(instance_handle(in));
	cr_expect_str_eq(logged, "2 plugin good: good was created\n");
	instance_free(in);
	instance_free(NULL);
	plugins_free(ps);
}

Test(plugin_host, D_2_2_create_fails_with_its_words)
{
	plugins *ps = help_modules();
	const plugin *good = help_get(ps, "good"), *failing = help_get(ps, "failing_create");

	make_fails(good, "keep_alive", "1500", LLM_E_CONFIG, "keep_alive is four characters long");
	make_fails(failing, NULL, NULL, LLM_E_UNSUPPORTED,
		"plugin failing_create: create returned UNSUPPORTED without saying why");
	make_fails(failing, "mode", "null", LLM_E_PLUGIN,
		"plugin failing_create: create returned no instance");
	make_fails(failing, "mode", "range", LLM_E_PLUGIN,
		"plugin failing_create: create returned 4711, which is no code of this libllm");
	make_fails(failing, "mode", "text", LLM_E_CONFIG, "bad ? byte?\nand a second line");
	make_fails(failing, "mode", NULL, LLM_E_UNSUPPORTED,
		"plugin failing_create: create returned UNSUPPORTED without saying why");
	plugins_free(ps);
}

/* Another thread loads a plugin while a create takes its time. */
static void *get_another(void *arg)
{
	help_get(arg, "duplicate_a");
	return NULL;
}

Test(plugin_host, X_04_slow_create_blocks_nobody)
{
	plugins *ps = help_modules();
	const plugin *p = help_get(ps, "slow_create");
	pthread_t thread;
	instance *in;

	cr_assert_eq(pthread_create(&thread, NULL, get_another, ps), 0);
	in = make(p, NULL, NULL);
	pthread_join(thread, NULL);
	cr_expect_not_null(instance_handle(in));
	instance_free(in);
	plugins_free(ps);
}

/* ---- calls; `echo` and `ignores_sinks` are the callees ---- */

static int32_t no_frame(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	(void)text;
	(void)len;
	return 0;
}

static int32_t no_finish(void *ctx, uint32_t reason, const char *raw, size_t len)
{
	(void)reason;
	return no_frame(ctx, raw, len);
}

Test(plugin_host, X_06_codes_out_of_range)
{
	plugins *ps = help_modules();
	const plugin *p = help_get(ps, "ignores_sinks");
	instance *in = make(p, NULL, NULL);
	llm_err err = LLM_ERR_INIT;
	llm_reply_view reply = {.struct_size = sizeof(reply)};
	int32_t rc;

	instance_begin(in, NULL);
	rc = p->provider->parse_response(instance_handle(in), &reply, NULL);
	cr_expect_eq(instance_end(in, "parse_response", rc, &err), LLM_E_PLUGIN);
	cr_expect_str_eq(err.message,
		"plugin ignores_sinks: parse_response returned 77, "
		"which is no code of this libllm");
	cr_expect_eq(instance_end(in, "parse_response", LLM_E_LAST - 1, &err), LLM_E_PLUGIN);
	cr_expect_eq(instance_end(in, "parse_response", LLM_E_LAST, &err), LLM_E_LAST);
	cr_expect_eq(instance_end(in, "parse_response", 0, &err), 0);
	instance_free(in);
	plugins_free(ps);
}

/* ATTEMPT memory needs an attempt; an error of one call is not that of the next. */
Test(plugin_host, D_2_2_scopes_and_errors_belong_to_a_call)
{
	plugins *ps = help_modules();
	const plugin *p = help_get(ps, "echo");
	instance *in = make(p, NULL, NULL);
	llm_reply_view head = {.struct_size = sizeof(head), .status = 200};
	llm_frame_view frame = {.struct_size = sizeof(frame), .data = {"{}", 2}};
	llm_result_sink sink = {.struct_size = sizeof(sink), .text = no_frame, .finish = no_finish};
	llm_err err = LLM_ERR_INIT;
	void *stream = NULL;
	arena attempt;
	int32_t rc;

	arena_init(&attempt, mem_default(), 0);
	instance_begin(in, NULL);
	rc = p->provider->stream_open(instance_handle(in), &head, &stream);
	cr_expect_eq(instance_end(in, "stream_open", rc, &err), LLM_E_NOMEM);
	instance_begin(in, &attempt);
	rc = p->provider->stream_open(instance_handle(in), &head, &stream);
	cr_expect_eq(instance_end(in, "stream_open", rc, &err), 0);
	cr_expect_gt(attempt.used, 0);
	instance_begin(in, &attempt);
	rc = p->provider->stream_frame(instance_handle(in), stream, &frame, &sink);
	cr_expect_eq(instance_end(in, "stream_frame", rc, &err), LLM_E_PROTOCOL);
	cr_expect_str_eq(err.message, "echo sent no text");
	instance_begin(in, &attempt);
	cr_expect_eq(instance_end(in, "stream_frame", LLM_E_PROTOCOL, &err), LLM_E_PROTOCOL);
	cr_expect_str_eq(
		err.message, "plugin echo: stream_frame returned PROTOCOL without saying why");
	arena_reset(&attempt);
	instance_free(in);
	plugins_free(ps);
}

Test(plugin_host, D_2_3_extension)
{
	plugins *ps = help_modules();
	instance *in = make(help_get(ps, "good"), NULL, NULL);
	instance *without = make(help_get(ps, "echo"), NULL, NULL);
	llm_models_ext models = {.reserved = 5};

	cr_expect_eq(instance_extension(
			     without, LLM_EXT_MODELS, &models, sizeof(models), sizeof(models)),
		0);
	cr_expect_eq(instance_extension(in, "other", &models, sizeof(models), sizeof(models)), 0);
	logged[0] = '\0';
	cr_expect_eq(instance_extension(in, "small/1", &models, sizeof(models), sizeof(models)), 0);
	cr_expect_str_eq(logged,
		"2 plugin good: its table small/1 has 8 bytes, less than 24; "
		"it is not used\n");
	cr_expect_eq(models.reserved, 5, "left alone");
	cr_expect_eq(
		instance_extension(in, LLM_EXT_MODELS, &models, sizeof(models), sizeof(models)), 1);
	cr_expect_eq(models.struct_size, sizeof(models));
	cr_expect_eq(models.reserved, 0);
	instance_free(in);
	instance_free(without);
	plugins_free(ps);
}

/* ---- memory ---- */

static int play(failalloc *fa, void *arg)
{
	const plugin_search search = {.env_path = MODULES, .lib_dir = "/nowhere"};
	const host_config_item items[] = {{"keep_alive", "10"}, {"other", "x"}};
	const plugin *p = NULL;
	plugin_seen *rows;
	plugins *ps = NULL;
	instance *in = NULL;
	llm_err err = LLM_ERR_INIT;
	size_t n;
	arena ar;
	int32_t rc;

	(void)arg;
	arena_init(&ar, &fa->hook, 0);
	rc = plugins_new(&search, &fa->hook, NULL, &ps);
	if (!rc)
		rc = plugins_get(ps, "good", NULL, &p, &err);
	if (!rc)
		rc = instance_new(p, items, 2, &fa->hook, NULL, &in, &err);
	if (!rc)
		rc = plugins_scan(ps, "good", &ar, &rows, &n);
	instance_free(in);
	arena_reset(&ar);
	plugins_free(ps);
	return rc != 0 && rc != LLM_E_NOMEM;
}

Test(plugin_host, D_every_allocation_may_fail)
{
	cr_expect_eq(failalloc_sweep(play, NULL), 0);
}
