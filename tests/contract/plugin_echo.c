/*
 * plugin_echo.c - the example provider, called the way the core calls it.
 */
#include "plugin_help.h"

typedef struct heard {
	char text[1000]; /* bodies and texts, joined */
	char warnings[1000];
	char target[100];
	uint32_t finish;
	int stop_after; /* the sink says stop at this call; 0: never */
	int calls;
} heard;

static int32_t hear(char *into, size_t cap, const char *text, size_t len)
{
	size_t n = strlen(into);

	cr_assert_lt(n + len, cap);
	memcpy(into + n, text, len);
	into[n + len] = '\0';
	return 0;
}

static int32_t hear_text(void *ctx, const char *text, size_t len)
{
	heard *h = ctx;

	if (++h->calls == h->stop_after)
		return LLM_E_CANCELLED;
	return hear(h->text, sizeof(h->text), text, len);
}

static int32_t hear_warning(void *ctx, const char *text, size_t len)
{
	heard *h = ctx;

	return hear(h->warnings, sizeof(h->warnings), text, len);
}

static int32_t hear_target(void *ctx, const char *method, const char *path, size_t len)
{
	heard *h = ctx;

	snprintf(h->target, sizeof(h->target), "%s %.*s", method, (int)len, path);
	return 0;
}

static int32_t hear_header(void *ctx, const char *name, const char *value, size_t len)
{
	(void)ctx;
	cr_expect_str_eq(name, "Content-Type");
	cr_expect_eq(strlen(value), len);
	return 0;
}

static int32_t hear_finish(void *ctx, uint32_t reason, const char *raw, size_t len)
{
	heard *h = ctx;

	(void)raw;
	(void)len;
	h->finish = reason;
	return 0;
}

static instance *echo_new(plugins *ps)
{
	instance *in = NULL;

	cr_assert_eq(
		instance_new(help_get(ps, "echo"), NULL, 0, mem_default(), NULL, &in, NULL), 0);
	return in;
}

static llm_part_view text_part(const char *text)
{
	return (llm_part_view){.struct_size = sizeof(llm_part_view),
		.kind = LLM_PART_TEXT,
		.text = {text, strlen(text)}};
}

/* Builds a request of one message with these parts. */
static int32_t build(instance *in, const llm_part_view *const *parts, size_t n, uint32_t stream,
	uint64_t has, heard *h, llm_err *err)
{
	const llm_message_view message = {sizeof(message), LLM_ROLE_USER, parts, n};
	const llm_message_view *const messages[] = {&message};
	const llm_request_view rq = {.struct_size = sizeof(rq),
		.stream = stream,
		.model = "m\"1",
		.messages = messages,
		.n_messages = 1,
		.has = has};
	const llm_http_sink sink = {
		sizeof(sink), 0, h, hear_target, hear_header, hear_text, hear_warning};
	int32_t rc;

	instance_begin(in, NULL);
	rc = instance_plugin(in)->provider->build_request(instance_handle(in), &rq, &sink);
	return instance_end(in, "build_request", rc, err);
}

Test(plugin_echo, D_2_3_build_request)
{
	plugins *ps = help_modules();
	instance *in = echo_new(ps);
	llm_part_view one = text_part("say \"a\\b\"\n"), two = text_part("\xc3\xa4 too");
	const llm_part_view *parts[] = {&one, &two};
	llm_err err = LLM_ERR_INIT;
	heard h = {0};

	cr_expect_eq(build(in, parts, 2, 1, LLM_HAS_SEED, &h, &err), 0);
	cr_expect_str_eq(h.target, "POST /echo");
	cr_expect_str_eq(h.text,
		"{\"model\":\"m\\u00221\",\"text\":\"say \\u0022a\\u005cb\\u0022"
		"\\u000a\xc3\xa4 too\",\"stream\":true}");
	cr_expect_str_eq(h.warnings, "echo has no sampling: the request's numbers mean nothing");
	h = (heard){.stop_after = 3};
	cr_expect_eq(build(in, parts, 2, 0, 0, &h, &err), LLM_E_CANCELLED, "a sink's code");
	cr_expect_eq(h.calls, 3, "and nothing after it");
	two.kind = LLM_PART_IMAGE;
	h = (heard){0};
	cr_expect_eq(build(in, parts, 2, 0, 0, &h, &err), LLM_E_UNSUPPORTED);
	cr_expect_str_eq(err.message, "echo reads text parts only");
	instance_free(in);
	plugins_free(ps);
}

static int32_t parse(instance *in, const char *body, heard *h)
{
	const llm_reply_view reply = {
		.struct_size = sizeof(reply), .status = 200, .body = {body, strlen(body)}};
	const llm_result_sink sink = {
		.struct_size = sizeof(sink), .ctx = h, .text = hear_text, .finish = hear_finish};
	int32_t rc;

	*h = (heard){0};
	instance_begin(in, NULL);
	rc = instance_plugin(in)->provider->parse_response(instance_handle(in), &reply, &sink);
	return instance_end(in, "parse_response", rc, NULL);
}

Test(plugin_echo, D_2_3_parse_response)
{
	plugins *ps = help_modules();
	instance *in = echo_new(ps);
	heard h;

	cr_expect_eq(parse(in, "{\"text\":\"hello\",\"done\":true}", &h), 0);
	cr_expect_str_eq(h.text, "hello");
	cr_expect_eq(h.finish, LLM_FINISH_STOP);
	cr_expect_eq(parse(in,
			     "{ \"done\" : true , \"text\" : \"\\\"text\\\":\\u00e4"
			     "\\ud83d\\ude00\\n\\/\\\\\" }",
			     &h),
		0);
	cr_expect_str_eq(h.text, "\"text\":\xc3\xa4\xf0\x9f\x98\x80\n/\\");
	cr_expect_eq(parse(in, "{\"text\":\"\",\"done\":true}", &h), 0);
	cr_expect_str_eq(h.text, "");
	cr_expect_eq(parse(in, "{\"text\":\"half\"}", &h), LLM_E_PROTOCOL);
	cr_expect_eq(parse(in, "{\"text\":7,\"done\":true}", &h), LLM_E_PROTOCOL);
	cr_expect_eq(parse(in, "{\"text\":\"\\ud83d\",\"done\":true}", &h), LLM_E_PROTOCOL);
	cr_expect_eq(parse(in, "{\"text\":\"\\x\",\"done\":true}", &h), LLM_E_PROTOCOL);
	cr_expect_eq(parse(in, "", &h), LLM_E_PROTOCOL);
	instance_free(in);
	plugins_free(ps);
}

/* A body of exactly its length on the heap, so that a sanitizer sees a read behind it. */
Test(plugin_echo, D_2_3_cut_anywhere_it_is_no_answer)
{
	static const char whole[] = "{\"text\":\"a\\u00e4\\ud83d\\ude00b\",\"done\":true";
	plugins *ps = help_modules();
	instance *in = echo_new(ps);
	const llm_provider_vtable *vt = instance_plugin(in)->provider;
	size_t n;

	for (n = 0; n < sizeof(whole) - 1; n++) {
		heard h = {0};
		llm_result_sink sink = {.struct_size = sizeof(sink),
			.ctx = &h,
			.text = hear_text,
			.finish = hear_finish};
		llm_reply_view reply = {.struct_size = sizeof(reply), .status = 200};
		char *cut = malloc(n + !n);

		cr_assert_not_null(cut);
		memcpy(cut, whole, n);
		reply.body = (llm_bytes){cut, n};
		instance_begin(in, NULL);
		cr_expect_eq(vt->parse_response(instance_handle(in), &reply, &sink), LLM_E_PROTOCOL,
			"cut at %zu", n);
		free(cut);
	}
	instance_free(in);
	plugins_free(ps);
}

Test(plugin_echo, D_2_3_stream)
{
	static const char *const lines[] = {
		"{\"text\":\"one \"}", "{\"text\":\"two\"}", "{\"done\":true}"};
	plugins *ps = help_modules();
	instance *in = echo_new(ps);
	const llm_provider_vtable *vt = instance_plugin(in)->provider;
	heard h = {0};
	const llm_result_sink sink = {
		.struct_size = sizeof(sink), .ctx = &h, .text = hear_text, .finish = hear_finish};
	const llm_reply_view head = {.struct_size = sizeof(head), .status = 200};
	const llm_bytes residue = {"", 0};
	uint32_t complete = 9;
	void *stream = NULL;
	arena attempt;
	size_t i;

	arena_init(&attempt, mem_default(), 0);
	instance_begin(in, &attempt);
	cr_assert_eq(vt->stream_open(instance_handle(in), &head, &stream), 0);
	for (i = 0; i < 3; i++) {
		const llm_frame_view frame = {
			.struct_size = sizeof(frame), .data = {lines[i], strlen(lines[i])}};

		cr_expect_eq(
			vt->stream_close(instance_handle(in), stream, &residue, NULL, &complete),
			0);
		cr_expect_eq(complete, 0, "not before its last line");
		instance_begin(in, &attempt);
		cr_expect_eq(vt->stream_frame(instance_handle(in), stream, &frame, &sink), 0);
	}
	cr_expect_eq(vt->stream_close(instance_handle(in), stream, &residue, &sink, &complete), 0);
	cr_expect_eq(complete, 1);
	cr_expect_str_eq(h.text, "one two");
	cr_expect_eq(h.finish, LLM_FINISH_STOP);
	arena_reset(&attempt);
	instance_free(in);
	plugins_free(ps);
}
