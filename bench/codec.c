/*
 * codec.c - one provider without a network: a request written, an answer read, a stream
 * read frame by frame, through the table that its plugin hands out (W9).
 *
 *   bench-codec PLUGIN.so ANSWER.json STREAM.txt ROUNDS [encode|decode|frames]
 *
 * Without the last word all three are timed; with it only that one is done, for counting
 * instructions. Prints one JSON object.
 */
#include <dlfcn.h>
#include <llm/abi/provider.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter.h"

#define FRAMES_MAX 4096
#define POOL (4 << 20)

static struct {
	const llm_provider_vtable *vt;
	void *instance;
	llm_frame_view frames[FRAMES_MAX];
	size_t n_frames;
	llm_bytes answer;
	char *pool; /* what the plugin asks of its host */
	size_t used;
	size_t kept; /* by the instance */
	uint64_t allocs;
	uint64_t bytes;
	uint64_t texts;
} codec;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench-codec: %s: %s\n", what, why);
	exit(1);
}

/* ---- the host ---- */

static void no_log(void *ctx, uint32_t level, const char *text, size_t len)
{
	(void)ctx, (void)level, (void)text, (void)len;
}

static int32_t config(void *ctx, const char *key, const char **ret_text, size_t *ret_len)
{
	static const char url[] = "http://127.0.0.1:1/v1";

	(void)ctx;
	if (strcmp(key, "base_url") != 0)
		return LLM_E_NOT_FOUND;
	*ret_text = url;
	if (ret_len)
		*ret_len = sizeof(url) - 1;
	return 0;
}

static void set_error(void *ctx, int32_t code, const char *text, size_t len)
{
	(void)ctx;
	fprintf(stderr, "bench-codec: code %d: %.*s\n", (int)code, (int)len, text);
}

static void *take(void *ctx, uint32_t scope, size_t bytes)
{
	char *at = codec.pool + codec.used;

	(void)ctx, (void)scope;
	bytes = (bytes + 15) / 16 * 16;
	if (bytes > POOL - codec.used)
		return NULL;
	codec.used += bytes;
	codec.allocs++;
	return memset(at, 0, bytes);
}

static const void *no_extension(void *ctx, const char *id)
{
	(void)ctx, (void)id;
	return NULL;
}

static const llm_host host = {.struct_size = sizeof(host),
	.abi_minor = LLM_ABI_MINOR,
	.log = no_log,
	.config = config,
	.set_error = set_error,
	.alloc = take,
	.get_extension = no_extension};

/* ---- sinks ---- */

static int32_t on_target(void *ctx, const char *method, const char *path, size_t len)
{
	(void)ctx, (void)method, (void)path;
	codec.bytes += len;
	return 0;
}

static int32_t on_header(void *ctx, const char *name, const char *value, size_t len)
{
	(void)ctx, (void)name, (void)value;
	codec.bytes += len;
	return 0;
}

static int32_t on_bytes(void *ctx, const char *text, size_t len)
{
	(void)ctx, (void)text;
	codec.bytes += len;
	codec.texts++;
	return 0;
}

static int32_t on_call(void *ctx, const llm_tool_delta *d)
{
	(void)ctx, (void)d;
	return 0;
}

static int32_t on_data(void *ctx, const llm_data_part *d)
{
	(void)ctx, (void)d;
	return 0;
}

static int32_t on_opaque(void *ctx, const llm_opaque_view *o)
{
	(void)ctx, (void)o;
	return 0;
}

static int32_t on_usage(void *ctx, const llm_usage *u)
{
	(void)ctx, (void)u;
	return 0;
}

static int32_t on_finish(void *ctx, uint32_t reason, const char *raw, size_t len)
{
	(void)ctx, (void)reason, (void)raw, (void)len;
	return 0;
}

static int32_t on_meta(void *ctx, uint32_t key, const char *text, size_t len)
{
	(void)ctx, (void)key, (void)text, (void)len;
	return 0;
}

static int32_t on_metric(void *ctx, uint32_t key, uint64_t value)
{
	(void)ctx, (void)key, (void)value;
	return 0;
}

static int32_t on_error(void *ctx, const llm_error_facts *f)
{
	(void)ctx;
	die("the answer", f->message.len ? f->message.ptr : "is an error");
	return 0;
}

static const llm_http_sink http_sink = {.struct_size = sizeof(http_sink),
	.target = on_target,
	.header = on_header,
	.body = on_bytes,
	.warning = on_bytes};

static const llm_result_sink result_sink = {.struct_size = sizeof(result_sink),
	.text = on_bytes,
	.reasoning = on_bytes,
	.tool_call = on_call,
	.data = on_data,
	.opaque = on_opaque,
	.usage = on_usage,
	.finish = on_finish,
	.meta = on_meta,
	.metric = on_metric,
	.warning = on_bytes,
	.error = on_error};

/* ---- what is measured ---- */

static void encode(void)
{
	static const char words[] = "Name three rivers that flow into the \"North Sea\".";
	const llm_part_view text = {.struct_size = sizeof(text),
		.kind = LLM_PART_TEXT,
		.text = {words, sizeof(words) - 1}};
	const llm_part_view *parts[] = {&text};
	const llm_message_view turn = {
		.struct_size = sizeof(turn), .role = LLM_ROLE_USER, .parts = parts, .n_parts = 1};
	const llm_message_view *turns[] = {&turn};
	const llm_request_view rq = {.struct_size = sizeof(rq),
		.model = "sim-small",
		.messages = turns,
		.n_messages = 1,
		.choices = 1};

	codec.used = codec.kept;
	if (codec.vt->build_request(codec.instance, &rq, &http_sink))
		die("build_request", "refused");
}

static const llm_reply_view *reply(void)
{
	static llm_reply_view v;

	v = (llm_reply_view){.struct_size = sizeof(v), .status = 200, .body = codec.answer};
	return &v;
}

static void decode(void)
{
	codec.used = codec.kept;
	if (codec.vt->parse_response(codec.instance, reply(), &result_sink))
		die("parse_response", "refused");
}

static void frames(void)
{
	const llm_bytes none = {"", 0};
	uint32_t complete = 0;
	void *stream;
	int32_t rc = 0;
	size_t i;

	codec.used = codec.kept;
	if (codec.vt->stream_open(codec.instance, reply(), &stream))
		die("stream_open", "refused");
	for (i = 0; i < codec.n_frames && rc == 0; i++)
		rc = codec.vt->stream_frame(codec.instance, stream, &codec.frames[i], &result_sink);
	if (rc < 0)
		die("stream_frame", "refused");
	codec.vt->stream_close(codec.instance, stream, &none, &result_sink, &complete);
	if (!complete)
		die("the stream", "is not complete");
}

/* ---- getting there ---- */

static llm_bytes load(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *text = calloc(1, 1 << 20);
	llm_bytes all = {text, 0};

	if (!f || !text)
		die(path, "cannot be read");
	all.len = fread(text, 1, (1 << 20) - 1, f);
	fclose(f);
	return all;
}

/* Lines of JSON, or events of one "data:" line each. */
static void cut(llm_bytes all)
{
	const char *p = all.ptr, *end = p + all.len;

	while (p < end && codec.n_frames < FRAMES_MAX) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		const char *stop = lf ? lf : end;
		llm_frame_view *f = &codec.frames[codec.n_frames];

		if (strncmp(p, "data: ", 6) == 0)
			p += 6;
		*f = (llm_frame_view){.struct_size = sizeof(*f),
			.event = {"", 0},
			.data = {p, (size_t)(stop - p)},
			.id = {"", 0}};
		if (f->data.len && f->data.ptr[f->data.len - 1] == '\r')
			f->data.len--;
		codec.n_frames += f->data.len && (*p == '{' || *p == '[');
		p = stop + 1;
	}
}

static void load_plugin(const char *path)
{
	void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const llm_plugin_part *const *part;
	llm_plugin_entry entry = NULL;
	void *symbol = lib ? dlsym(lib, LLM_PLUGIN_ENTRY_NAME) : NULL;

	if (!symbol)
		die(path, dlerror());
	memcpy(&entry, &symbol, sizeof(entry));
	for (part = entry(LLM_ABI_MINOR)->parts; *part; part++)
		if (strcmp((*part)->kind, LLM_KIND_PROVIDER) == 0)
			codec.vt = (*part)->vtable;
	codec.pool = malloc(POOL);
	if (!codec.pool || !codec.vt || codec.vt->create(&host, &codec.instance))
		die(path, "gives no provider");
	codec.kept = codec.used;
}

static void timed(const char *name, void (*what)(void), long rounds, double per)
{
	uint64_t best = UINT64_MAX, before, took;
	long i;
	int k;

	for (k = 0; k < 5; k++) {
		codec.allocs = codec.bytes = 0;
		before = meter_now();
		for (i = 0; i < rounds; i++)
			what();
		took = meter_now() - before;
		best = took < best ? took : best;
	}
	printf("\"%s_ns\":%.1f,\"%s_allocs\":%.2f,", name, (double)best / (double)rounds / per,
		name, (double)codec.allocs / (double)rounds / per);
}

int main(int argc, char **argv)
{
	const char *only = argc > 5 ? argv[5] : NULL;
	long rounds = argc > 4 ? strtol(argv[4], NULL, 10) : 0;
	long i;

	if (rounds < 1) {
		fprintf(stderr,
			"bench-codec PLUGIN.so ANSWER.json STREAM.txt ROUNDS "
			"[encode|decode|frames]\n");
		return 2;
	}
	load_plugin(argv[1]);
	codec.answer = load(argv[2]);
	cut(load(argv[3]));
	for (i = 0; only && i < rounds; i++)
		strcmp(only, "encode") == 0	    ? encode() :
			strcmp(only, "decode") == 0 ? decode() :
						      frames();
	printf("{");
	if (!only) {
		timed("encode", encode, rounds, 1);
		timed("decode", decode, rounds, 1);
		timed("frame", frames, rounds / 4 + 1, (double)codec.n_frames);
	}
	printf("\"failed\":0,\"answer_bytes\":%zu,\"frames\":%zu}\n", codec.answer.len,
		codec.n_frames);
	codec.vt->destroy(codec.instance);
	free(codec.pool);
	return 0;
}
