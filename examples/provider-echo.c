/*
 * provider-echo.c - a whole provider in one file: it says back what it was told.
 *
 *	cc -shared -fPIC -fvisibility=hidden -I include -o echo.so provider-echo.c
 *
 * Its imaginary service takes POST /echo with {"model":M,"text":T,"stream":B} and
 * answers {"text":T,"done":true}, or as a stream of lines {"text":PIECE} with a
 * last line {"done":true}. docs/plugins.md explains each part. JSON is read by
 * hand here so that nothing else is needed; a real provider takes the kit.
 */
#include "llm/abi/provider.h"

#include <stdio.h>
#include <string.h>

typedef struct echo {
	const llm_host *host;
} echo;

typedef struct echo_stream {
	uint32_t done; /* the line that ends the answer has come */
} echo_stream;

static int32_t echo_fail(const echo *e, int32_t code, const char *why)
{
	e->host->set_error(e->host->ctx, code, why, strlen(why));
	return code;
}

/* ---- what it is ---- */

static const char *const echo_keys[] = {"ECHO_API_KEY", NULL};
static const llm_error_rule echo_busy = {
	sizeof(echo_busy), LLM_MATCH_PHRASE, 0, LLM_E_RATE_LIMITED, 0, 0, "too many echoes"};
static const llm_error_rule *const echo_rules[] = {&echo_busy, NULL};

static const llm_provider_info *echo_describe(void)
{
	static const llm_provider_info info = {
		.struct_size = sizeof(info),
		.name = "echo",
		.label = "Echo",
		.default_base_url = "http://127.0.0.1:8099",
		.key_env = echo_keys,
		.error_rules = echo_rules,
		.locality = LLM_LOCALITY_LOCAL,
	};

	return &info;
}

static int32_t echo_create(const llm_host *host, void **ret_instance)
{
	echo *e = host->alloc(host->ctx, LLM_SCOPE_INSTANCE, sizeof(*e));

	if (!e)
		return LLM_E_NOMEM;
	e->host = host;
	*ret_instance = e;
	return 0;
}

static void echo_destroy(void *instance)
{
	(void)instance; /* the host frees what `alloc` gave */
}

static int32_t echo_capabilities(void *instance, const char *model, llm_caps *caps)
{
	(void)instance;
	(void)model;
	caps->framing = LLM_FRAMING_NDJSON;
	caps->auth = LLM_AUTH_BEARER;
	caps->locality = LLM_LOCALITY_LOCAL;
	caps->chat = LLM_CAP_YES;
	caps->stream = LLM_CAP_YES;
	caps->tools = LLM_CAP_NO;
	caps->vision = LLM_CAP_NO;
	caps->json_schema = LLM_CAP_NO;
	return 0;
}

/* ---- the request ---- */

/* The inside of a JSON string. */
static int32_t echo_put_text(const llm_http_sink *out, llm_bytes text)
{
	size_t i, from = 0;
	char escape[8];
	int32_t rc = 0;

	for (i = 0; i < text.len && !rc; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		rc = out->body(out->ctx, text.ptr + from, i - from);
		(void)snprintf(escape, sizeof(escape), "\\u%04x", c);
		if (!rc)
			rc = out->body(out->ctx, escape, 6);
		from = i + 1;
	}
	return rc ? rc : out->body(out->ctx, text.ptr + from, text.len - from);
}

static int32_t echo_put(const llm_http_sink *out, const char *json)
{
	return out->body(out->ctx, json, strlen(json));
}

/* The last thing that the user said, or null. */
static const llm_message_view *echo_last(const llm_request_view *rq)
{
	size_t i = rq->n_messages;

	while (i-- > 0)
		if (rq->messages[i]->role == LLM_ROLE_USER)
			return rq->messages[i];
	return NULL;
}

static int32_t echo_warn(const llm_http_sink *out, const char *text)
{
	return out->warning(out->ctx, text, strlen(text));
}

/* What cannot be honoured is said, never dropped in silence. */
static int32_t echo_check(const echo *e, const llm_request_view *rq, const llm_http_sink *out)
{
	int32_t rc = 0;

	if (!echo_last(rq))
		return echo_fail(e, LLM_E_INVALID_REQUEST, "echo needs a message of the user");
	if (rq->n_tools)
		return echo_fail(e, LLM_E_UNSUPPORTED, "echo calls no tools; send none");
	if (rq->format != LLM_FORMAT_TEXT)
		return echo_fail(e, LLM_E_UNSUPPORTED, "echo answers in plain text only");
	if (rq->n_messages > 1)
		rc = echo_warn(out, "echo hears only the last message of the user");
	if (!rc && rq->has)
		rc = echo_warn(out, "echo has no sampling: the request's numbers mean nothing");
	return rc;
}

static int32_t echo_build_request(
	void *instance, const llm_request_view *rq, const llm_http_sink *out)
{
	const llm_message_view *last = echo_last(rq);
	llm_bytes model = {rq->model, strlen(rq->model)};
	int32_t rc = echo_check(instance, rq, out);
	size_t i;

	if (!rc)
		rc = out->target(out->ctx, "POST", "/echo", 5);
	if (!rc)
		rc = out->header(out->ctx, "Content-Type", "application/json", 16);
	if (!rc)
		rc = echo_put(out, "{\"model\":\"");
	if (!rc)
		rc = echo_put_text(out, model);
	if (!rc)
		rc = echo_put(out, "\",\"text\":\"");
	for (i = 0; !rc && i < last->n_parts; i++) {
		if (last->parts[i]->kind != LLM_PART_TEXT)
			return echo_fail(instance, LLM_E_UNSUPPORTED, "echo reads text parts only");
		rc = echo_put_text(out, last->parts[i]->text);
	}
	return rc ? rc : echo_put(out, rq->stream ? "\",\"stream\":true}" : "\",\"stream\":false}");
}

/* ---- the answer ---- */

/*
 * What follows `"key":` in a document, or null. Inside a string every quote has a
 * backslash, so a bare "key" in quotes with a colon behind it is a key.
 */
static const char *echo_find(llm_bytes json, const char *key)
{
	const char *p = json.ptr, *end = json.ptr + json.len;
	size_t len = strlen(key);

	for (; (size_t)(end - p) > len + 2; p++) {
		if (p[0] != '"' || memcmp(p + 1, key, len) != 0 || p[len + 1] != '"' ||
			(p > json.ptr && p[-1] == '\\'))
			continue;
		for (p += len + 2; p < end && strchr(" \t\r\n", *p); p++)
			;
		if (p == end || *p++ != ':')
			continue;
		for (; p < end && strchr(" \t\r\n", *p); p++)
			;
		return p;
	}
	return NULL;
}

static int echo_is_done(llm_bytes json)
{
	const char *p = echo_find(json, "done");

	return p && json.ptr + json.len - p >= 4 && memcmp(p, "true", 4) == 0;
}

/* Four hex digits at `p`, or -1. */
static long echo_hex(const char *p, const char *end)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *digit;
	long value = 0;
	int i;

	for (i = 0; i < 4; i++) {
		digit = p + i < end && p[i] ? strchr(digits, p[i]) : NULL;
		if (!digit)
			return -1;
		value = value * 16 + (digit - digits) % 16;
	}
	return value;
}

static size_t echo_utf8(long c, char *out)
{
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;

	for (i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(lead[n == 1 ? 0 : n] | c);
	return n;
}

/* One escape behind its backslash; its length, 0 when it is none. */
static size_t echo_escape(const char *p, const char *end, char *out, size_t *ret_n)
{
	static const char plain[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
	long c, low;
	size_t i;

	for (i = 0; p < end && i + 1 < sizeof(plain); i += 2) {
		if (plain[i] == *p) {
			*out = plain[i + 1];
			*ret_n = 1;
			return 1;
		}
	}
	c = p < end && *p == 'u' ? echo_hex(p + 1, end) : -1;
	if (c >= 0xd800 && c < 0xdc00 && end - p >= 11 && p[5] == '\\' && p[6] == 'u') {
		low = echo_hex(p + 7, end);
		if (low < 0xdc00 || low > 0xdfff)
			return 0;
		*ret_n = echo_utf8(0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00), out);
		return 11;
	}
	if (c < 0 || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret_n = echo_utf8(c, out);
	return 5;
}

/* Sends the string that begins behind its quote at `p`. */
static int32_t echo_send(const char *p, const char *end, const llm_result_sink *out)
{
	const char *from = p;
	size_t step, n;
	char decoded[4];
	int32_t rc = 0;

	while (!rc && p < end && *p != '"') {
		if (*p++ != '\\')
			continue;
		if (p - 1 > from)
			rc = out->text(out->ctx, from, (size_t)(p - 1 - from));
		step = echo_escape(p, end, decoded, &n);
		if (!step)
			return LLM_E_PROTOCOL;
		if (!rc)
			rc = out->text(out->ctx, decoded, n);
		p += step;
		from = p;
	}
	if (p >= end)
		return LLM_E_PROTOCOL;
	return rc || p == from ? rc : out->text(out->ctx, from, (size_t)(p - from));
}

/* Takes the text and the end out of one document. */
static int32_t echo_take(
	const echo *e, llm_bytes json, const llm_result_sink *out, uint32_t *ret_done)
{
	const char *text = echo_find(json, "text"), *end = json.ptr + json.len;
	int32_t rc = 0;

	if (text && (text == end || *text != '"'))
		return echo_fail(e, LLM_E_PROTOCOL, "echo sent a text that is no string");
	if (text)
		rc = echo_send(text + 1, end, out);
	if (rc == LLM_E_PROTOCOL)
		return echo_fail(e, rc, "echo sent a string that is no JSON");
	if (rc || !echo_is_done(json))
		return rc || text ? rc : echo_fail(e, LLM_E_PROTOCOL, "echo sent no text");
	*ret_done = 1;
	return out->finish(out->ctx, LLM_FINISH_STOP, "done", 4);
}

static int32_t echo_parse_response(
	void *instance, const llm_reply_view *reply, const llm_result_sink *out)
{
	uint32_t done = 0;
	int32_t rc = echo_take(instance, reply->body, out, &done);

	if (!rc && !done)
		return echo_fail(instance, LLM_E_PROTOCOL, "echo's answer is not whole");
	return rc;
}

static int32_t echo_stream_open(void *instance, const llm_reply_view *head, void **ret_stream)
{
	const echo *e = instance;
	echo_stream *s = e->host->alloc(e->host->ctx, LLM_SCOPE_ATTEMPT, sizeof(*s));

	(void)head;
	if (!s)
		return LLM_E_NOMEM;
	*ret_stream = s;
	return 0;
}

static int32_t echo_stream_frame(
	void *instance, void *stream, const llm_frame_view *frame, const llm_result_sink *out)
{
	echo_stream *s = stream;

	return echo_take(instance, frame->data, out, &s->done);
}

static int32_t echo_stream_close(void *instance, void *stream, const llm_bytes *residue,
	const llm_result_sink *out, uint32_t *ret_complete)
{
	const echo_stream *s = stream;

	(void)instance;
	(void)residue;
	(void)out; /* null when the stream was cut: nothing is sent then */
	*ret_complete = s->done;
	return 0;
}

static int32_t echo_classify_error(
	void *instance, const llm_reply_view *reply, llm_error_facts *ret_facts)
{
	(void)instance;
	ret_facts->message = reply->body;
	return 0;
}

/* ---- how it introduces itself ---- */

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_provider_vtable table = {
		.struct_size = sizeof(table),
		.describe = echo_describe,
		.create = echo_create,
		.destroy = echo_destroy,
		.capabilities = echo_capabilities,
		.build_request = echo_build_request,
		.parse_response = echo_parse_response,
		.stream_open = echo_stream_open,
		.stream_frame = echo_stream_frame,
		.stream_close = echo_stream_close,
		.classify_error = echo_classify_error,
	};
	static const llm_plugin_part provider = {LLM_KIND_PROVIDER, &table};
	static const llm_plugin_part *const parts[] = {&provider, NULL};
	static const llm_plugin_desc desc = {
		.magic = LLM_PLUGIN_MAGIC,
		.struct_size = sizeof(desc),
		.abi_minor = LLM_ABI_MINOR,
		.id = "org.example.echo",
		.version = "1.0.0",
		.licence = "MIT",
		.parts = parts,
	};

	(void)host_minor;
	return &desc;
}
