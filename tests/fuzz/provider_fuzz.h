/*
 * provider_fuzz.h - arbitrary bytes into every slot of a provider that reads some.
 *
 * The module is the built one, loaded from the folder beside this program's. Fuzz targets
 * link no support library, so its two files are compiled in here.
 */
#ifndef TESTS_PROVIDER_FUZZ_H
#define TESTS_PROVIDER_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "support/plug.c"
#include "support/plug_sinks.c"

#define FUZZ_MARK 24

static plug fuzz_plug;

static void fuzz_must(int true_, const char *what)
{
	if (true_)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

static void fuzz_open(const char *file)
{
	char path[1024];
	char *slash;
	ssize_t n = readlink("/proc/self/exe", path, 900);

	fuzz_must(n > 0, "/proc/self/exe");
	path[n] = '\0';
	slash = strrchr(path, '/');
	snprintf(slash, sizeof(path) - (size_t)(slash - path), "/../plugins/%s", file);
	fuzz_must(plug_open(&fuzz_plug, path, NULL) == 0, path);
}

/* What any answer must be like, whatever the bytes were. */
static void fuzz_check(const plug_answer *a, int32_t rc)
{
	static const char *const why = "a text that is not UTF-8";

	fuzz_must(rc == 0 || rc == LLM_E_PROTOCOL, "a code that is no slot's");
	fuzz_must(utf8_valid(a->text.ptr, a->text.len), why);
	fuzz_must(utf8_valid(a->reasoning.ptr, a->reasoning.len), why);
	fuzz_must(utf8_valid(a->finish_raw.ptr, a->finish_raw.len), why);
	fuzz_must(a->n_cut == 0, "a character cut in two");
	fuzz_must(a->n_late == 0, "something behind an error");
	fuzz_must(a->n_finish <= 1, "two ends");
}

static void fuzz_whole(const llm_reply_view *reply)
{
	const llm_provider_vtable *v = fuzz_plug.v;
	plug_answer a;

	plug_answer_init(&a);
	plug_begin(&fuzz_plug);
	fuzz_check(&a, v->parse_response(fuzz_plug.instance, reply, &a.sink));
	plug_answer_done(&a);
}

/* A number as white space behind the frame: no frame is like an earlier one then. */
static llm_bytes fuzz_unlike(const llm_bytes *frame, size_t number)
{
	char *copy = plug_keep(&fuzz_plug, frame->len + FUZZ_MARK);
	size_t i;

	fuzz_must(copy != NULL, "memory");
	if (frame->len)
		memcpy(copy, frame->ptr, frame->len);
	for (i = 0; i < FUZZ_MARK; i++)
		copy[frame->len + i] = number >> i & 1 ? '\t' : ' ';
	return (llm_bytes){copy, frame->len + FUZZ_MARK};
}

static void fuzz_frame(void *stream, const llm_bytes *data, plug_answer *a)
{
	llm_frame_view f = {(uint32_t)sizeof(f), 0, {"", 0}, *data, {"", 0}};
	const uint64_t before = a->n_events;
	int32_t rc;

	plug_begin(&fuzz_plug);
	rc = fuzz_plug.v->stream_frame(fuzz_plug.instance, stream, &f, &a->sink);
	fuzz_check(a, rc == LLM_FRAME_LAST ? 0 : rc);
	fuzz_must(rc == 0 || rc == LLM_FRAME_LAST || a->n_events == before, "a frame half done");
}

/* Each line is a frame. */
static char *fuzz_frames(const llm_reply_view *reply, int unlike)
{
	const llm_provider_vtable *v = fuzz_plug.v;
	const char *p = reply->body.ptr;
	const char *end = p + reply->body.len;
	uint32_t complete = 2;
	size_t number = 0;
	plug_answer a;
	void *stream;
	char *text;

	plug_answer_init(&a);
	fuzz_must(v->stream_open(fuzz_plug.instance, reply, &stream) == 0, "stream_open");
	while (p < end) {
		const char *line_end = memchr(p, '\n', (size_t)(end - p));
		llm_bytes data = {p, (size_t)((line_end ? line_end : end) - p)};

		p += data.len + 1;
		if (unlike)
			data = fuzz_unlike(&data, number++);
		fuzz_frame(stream, &data, &a);
	}
	plug_begin(&fuzz_plug);
	fuzz_must(v->stream_close(fuzz_plug.instance, stream, &reply->body, NULL, &complete) == 0,
		"stream_close");
	fuzz_must(complete <= 1, "complete");
	plug_attempt_ends(&fuzz_plug);
	scope_free(&fuzz_plug, 0);
	text = plug_answer_print(&a);
	plug_answer_done(&a);
	return text;
}

/* What is read of a frame does not hang on whether it is like an earlier one. */
static void fuzz_stream(const llm_reply_view *reply)
{
	char *once = fuzz_frames(reply, 0);
	char *apart = fuzz_frames(reply, 1);

	fuzz_must(once && apart && strcmp(once, apart) == 0, "another answer");
	free(once);
	free(apart);
}

static void fuzz_error(const llm_reply_view *reply)
{
	llm_error_facts facts;

	plug_begin(&fuzz_plug);
	fuzz_must(fuzz_plug.v->classify_error(fuzz_plug.instance, reply, &facts) == 0,
		"classify_error");
	fuzz_must(facts.struct_size == sizeof(facts) && facts.status == 0, "facts");
	plug_attempt_ends(&fuzz_plug);
}

static void fuzz_models(const llm_reply_view *reply)
{
	const llm_models_ext *list = fuzz_plug.v->get_extension(fuzz_plug.instance, LLM_EXT_MODELS);
	const llm_model_ext *one = fuzz_plug.v->get_extension(fuzz_plug.instance, LLM_EXT_MODEL);
	plug_models m;

	plug_models_init(&m);
	plug_begin(&fuzz_plug);
	list->parse(fuzz_plug.instance, reply, &m.sink);
	plug_models_done(&m);
	plug_models_init(&m);
	plug_begin(&fuzz_plug);
	if (one)
		one->parse(fuzz_plug.instance, "m", reply, &m.sink);
	plug_models_done(&m);
}

/* What a user may have put into the variable for the base URL. */
static void fuzz_base_url(const llm_reply_view *reply)
{
	char *text = plug_keep_text(&fuzz_plug, reply->body.ptr, reply->body.len);
	char url[128];
	int32_t rc;

	if (fuzz_plug.v->base_url) {
		memset(url, 'x', sizeof(url));
		rc = fuzz_plug.v->base_url(text, url, sizeof(url));
		fuzz_must(rc == LLM_E_TOO_LARGE || memchr(url, '\0', sizeof(url)), "base_url");
	}
	scope_free(&fuzz_plug, 0);
}

static int fuzz_provider(const char *file, const uint8_t *data, size_t size)
{
	llm_reply_view reply = {(uint32_t)sizeof(reply), 200, NULL, 0, {"", size}, NULL};

	if (size)
		reply.body.ptr = (const char *)data;
	if (!fuzz_plug.v)
		fuzz_open(file);
	fuzz_whole(&reply);
	fuzz_stream(&reply);
	fuzz_models(&reply);
	fuzz_base_url(&reply);
	reply.status = 400;
	fuzz_error(&reply);
	return 0;
}

#endif
