/*
 * A provider that misbehaves as the model's name says: "hostile/text-null" hands over a
 * null text with a length, "hostile/code-parse" returns a code that does not exist. The
 * model "good" behaves; every other name of the tables is wrong in one corner, or says
 * something rare.
 */
#include "tiny.h"

#include <stdio.h>
#include <string.h>

#include "hostile_answers.h"
#include "hostile_models.h"

typedef struct hostile_stream {
	const char *model;
} hostile_stream;

/* ---- slots that return what is no code, or a code without a word ---- */

static int32_t code_of(const char *model, const char *slot)
{
	if (strncmp(model, "code-", 5) == 0 && strcmp(model + 5, slot) == 0)
		return NO_CODE;
	if (strncmp(model, "low-", 4) == 0 && strcmp(model + 4, slot) == 0)
		return -NO_CODE;
	if (strncmp(model, "quiet-", 6) == 0 && strcmp(model + 6, slot) == 0)
		return LLM_E_CONFLICT;
	return 0;
}

/* ---- the request ---- */

static int32_t write_options(const llm_request_view *rq, const llm_http_sink *out)
{
	size_t i;

	(void)out->body(out->ctx, "{\"options\":{", 12);
	for (i = 0; i < rq->n_options; i++) {
		const llm_option_view *o = rq->options[i];
		char key[80];
		int n = snprintf(key, sizeof(key), "%s\"%s\":", i ? "," : "", o->name);

		(void)out->body(out->ctx, key, (size_t)n);
		(void)out->body(out->ctx, o->json.ptr, o->json.len);
	}
	(void)out->body(out->ctx, "},\"extra\":", 10);
	if (rq->extra.len)
		(void)out->body(out->ctx, rq->extra.ptr, rq->extra.len);
	else
		(void)out->body(out->ctx, "null", 4);
	return out->body(out->ctx, "}", 1);
}

static const struct {
	const char *model, *method, *path;
} targets[] = {
	{"target-none", NULL, NULL},
	{"target-no-slash", "POST", "chat"},
	{"target-empty", "POST", ""},
	{"target-space", "POST", "/a b"},
	{"target-line", "POST", "/a\r\nHost: b"},
	{"target-percent", "POST", "/a%zz"},
	{"target-query", "POST", "/chat?a=1"},
	{"method-null", NULL, "/chat"},
	{"method-space", "PO ST", "/chat"},
	{"method-put", "PUT", "/chat"},
	{"method-get", "GET", "/chat"},
};

static int32_t put_target(const char *model, const llm_http_sink *out)
{
	const char *method = "POST", *path = "/chat";
	size_t i;

	for (i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (strcmp(targets[i].model, model) == 0) {
			method = targets[i].method;
			path = targets[i].path;
		}
	if (!method && !path)
		return 0;
	if (strcmp(model, "target-long") == 0) {
		static char far[20000];

		memset(far, 'a', sizeof(far));
		far[0] = '/';
		return out->target(out->ctx, method, far, sizeof(far));
	}
	return out->target(out->ctx, method, path, strlen(path));
}

static const struct {
	const char *model, *name, *value;
	size_t len;
} headers[] = {
	{"header-good", "X-Hostile", "two words", 9},
	{"header-empty", "X-Hostile", NULL, 0},
	{"header-auth", "authorization", "Bearer mine", 11},
	{"header-cookie", "Cookie", "a=b", 3},
	{"header-host", "Host", "elsewhere", 9},
	{"header-length", "Content-Length", "1", 1},
	{"header-coding", "Transfer-Encoding", "chunked", 7},
	{"header-line", "X-A", "a\r\nX-B: b", 9},
	{"header-nul", "X-A", "a\0b", 3},
	{"header-name", "X A", "a", 1},
	{"header-null", NULL, "a", 1},
	{"header-no-value", "X-A", NULL, 4},
};

static int32_t put_headers(const char *model, const llm_http_sink *out)
{
	int32_t rc = 0;
	size_t i;

	for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		if (strcmp(headers[i].model, model) == 0)
			rc = out->header(
				out->ctx, headers[i].name, headers[i].value, headers[i].len);
	return strlen(model) % 2 ? 0 : rc;
}

static int32_t hostile_build(void *instance, const llm_request_view *rq, const llm_http_sink *out)
{
	const hostile *h = instance;
	int32_t rc = code_of(rq->model, "build");

	if (strcmp(rq->model, "error-says") == 0) {
		h->host->set_error(h->host->ctx, 0, "a\x01" BAD_UTF8 "\nline", 11);
		return LLM_E_UNSUPPORTED;
	}
	if (!rc)
		rc = put_target(rq->model, out);
	if (!rc)
		rc = put_headers(rq->model, out);
	if (!rc && strcmp(rq->model, "body-null") == 0)
		rc = out->body(out->ctx, NULL, 5);
	if (!rc && strcmp(rq->model, "warns") == 0)
		rc = out->warning(out->ctx, "seed means nothing here", 23);
	if (rc || strcmp(rq->model, "body-none") == 0)
		return rc;
	return write_options(rq, out);
}

/* ---- the answer ---- */

static int32_t hostile_parse(
	void *instance, const llm_reply_view *reply, const llm_result_sink *out)
{
	int32_t rc = code_of(reply->request->model, "parse");

	(void)instance;
	return rc ? rc : act_as(reply->request->model, out);
}

static int32_t hostile_open(void *instance, const llm_reply_view *head, void **ret_stream)
{
	const hostile *h = instance;
	hostile_stream *s = h->host->alloc(h->host->ctx, LLM_SCOPE_ATTEMPT, sizeof(*s));

	if (!s)
		return LLM_E_NOMEM;
	s->model = head->request->model;
	*ret_stream = s;
	return code_of(s->model, "open");
}

static int32_t hostile_frame(
	void *instance, void *stream, const llm_frame_view *frame, const llm_result_sink *out)
{
	const hostile_stream *s = stream;
	int32_t rc = code_of(s->model, "frame");

	(void)instance;
	(void)frame;
	return rc ? rc : act_as(s->model, out);
}

static int32_t hostile_close(void *instance, void *stream, const llm_bytes *residue,
	const llm_result_sink *out, uint32_t *ret_complete)
{
	const hostile_stream *s = stream;

	(void)instance;
	(void)residue;
	*ret_complete = strcmp(s->model, "never-complete") != 0;
	if (out && strcmp(s->model, "text-at-close") == 0)
		return out->text(out->ctx, "last words", 10);
	return code_of(s->model, "close");
}

static int32_t hostile_classify(
	void *instance, const llm_reply_view *reply, llm_error_facts *ret_facts)
{
	const char *model = reply->request ? reply->request->model : "";

	(void)instance;
	ret_facts->message = reply->body;
	ret_facts->retry_after_ms = -9;
	return code_of(model, "classify");
}

static int32_t hostile_capabilities(void *instance, const char *model, llm_caps *caps)
{
	(void)instance;
	caps->framing = LLM_FRAMING_NDJSON;
	caps->auth = LLM_AUTH_BEARER;
	if (strcmp(model, "auth-none") == 0)
		caps->auth = LLM_AUTH_NONE;
	if (strcmp(model, "auth-sign") == 0)
		caps->auth = LLM_AUTH_SIGN;
	if (strncmp(model, "auth-header", 11) == 0)
		caps->auth = LLM_AUTH_HEADER;
	if (strcmp(model, "auth-header") == 0)
		caps->auth_header = "X-Hostile-Key";
	if (strcmp(model, "auth-header-empty") == 0)
		caps->auth_header = "";
	if (strcmp(model, "framing-99") == 0)
		caps->framing = 99;
	return code_of(model, "capabilities");
}

/* ---- what it is ---- */

static int32_t hostile_create(const llm_host *host, void **ret_instance)
{
	hostile *h = host->alloc(host->ctx, LLM_SCOPE_INSTANCE, sizeof(*h));
	const char *how = "";

	if (!h)
		return LLM_E_NOMEM;
	(void)host->config(host->ctx, "create", &how, NULL);
	if (strcmp(how, "code") == 0)
		return NO_CODE;
	if (strcmp(how, "null") == 0)
		return 0;
	h->host = host;
	h->list = "pages";
	(void)host->config(host->ctx, "list", &h->list, NULL);
	*ret_instance = h;
	return 0;
}

/* Understands what has no "refuse" in it, and takes "nowhere" for an address. */
static int32_t hostile_base_url(const char *text, char *buf, size_t cap)
{
	int n = snprintf(buf, cap, "%s", strcmp(text, "nowhere") == 0 ? "" : text);

	if (strstr(text, "refuse") || n < 0 || (size_t)n >= cap)
		return LLM_E_CONFIG;
	return 0;
}

static const llm_key_info rows[] = {
	{sizeof(llm_key_info), LLM_TYPE_STRING, "opt_string", NULL, NULL, "any text"},
	{sizeof(llm_key_info), LLM_TYPE_BOOL, "opt_bool", NULL, NULL, "a switch"},
	{sizeof(llm_key_info), LLM_TYPE_INT, "opt_int", "tokens", NULL, "a whole number"},
	{sizeof(llm_key_info), LLM_TYPE_REAL, "opt_real", NULL, NULL, "a number"},
	{sizeof(llm_key_info), LLM_TYPE_DURATION, "opt_duration", NULL, NULL, "a time"},
	{sizeof(llm_key_info), LLM_TYPE_SIZE, "opt_size", NULL, NULL, "a size"},
	{sizeof(llm_key_info), LLM_TYPE_STRINGS, "opt_strings", NULL, NULL, "some texts"},
	{sizeof(llm_key_info), LLM_TYPE_JSON, "opt_json", NULL, NULL, "any JSON"},
	{sizeof(llm_key_info), 99, "opt_later", NULL, NULL, "of a type that comes later"},
	{sizeof(llm_key_info), LLM_TYPE_STRING, "list", NULL, NULL, "what it lists"},
	{sizeof(llm_key_info), LLM_TYPE_STRING, "create", NULL, NULL, "how it begins"},
};
static const llm_key_info *const options[] = {&rows[0], &rows[1], &rows[2], &rows[3], &rows[4],
	&rows[5], &rows[6], &rows[7], &rows[8], NULL};
static const llm_key_info *const keys[] = {&rows[9], &rows[10], NULL};
static const char *const variables[] = {"HOSTILE_API_KEY", "HOSTILE_KEY", NULL};

static const llm_provider_info *hostile_describe(void)
{
	static const llm_provider_info info = {.struct_size = sizeof(info),
		.flags = LLM_PROVIDER_NEEDS_KEY,
		.name = "hostile",
		.label = "Hostile",
		.base_url_env = "HOSTILE_HOST",
		.key_env = variables,
		.config_keys = keys,
		.request_options = options,
		.idempotency_header = "Hostile-Once"};

	return &info;
}

LLM_API const llm_plugin_desc *llm_plugin_v1(uint16_t host_minor)
{
	static const llm_provider_vtable table = {.struct_size = sizeof(table),
		.describe = hostile_describe,
		.create = hostile_create,
		.destroy = tiny_destroy,
		.capabilities = hostile_capabilities,
		.build_request = hostile_build,
		.parse_response = hostile_parse,
		.stream_open = hostile_open,
		.stream_frame = hostile_frame,
		.stream_close = hostile_close,
		.classify_error = hostile_classify,
		.base_url = hostile_base_url,
		.get_extension = hostile_extension};
	static const llm_plugin_part part = {LLM_KIND_PROVIDER, &table};
	static const llm_plugin_part *const parts[] = {&part, NULL};
	static const llm_plugin_desc desc = {TINY_DESC, .id = "org.test.hostile", .parts = parts};

	(void)host_minor;
	return &desc;
}
