/*
 * errors.c - what Ollama says when it fails.
 *
 * {"error":"text"}, where the text may itself be a JSON document of the runner:
 * {"error":{"code":400,"message":"...","type":"..."}}, with a tail of its log behind it.
 * Proxies and the Host check send other bodies, so nothing here relies on JSON.
 */
#include <string.h>

#include "ollama.h"

#define ROW(match, status, code, flags, text) \
	&(const llm_error_rule) \
	{ \
		(uint32_t)sizeof(llm_error_rule), match, status, code, flags, 0, text \
	}
#define PHRASE(status, code, text) ROW(LLM_MATCH_PHRASE, status, code, 0, text)
#define MEMORY(text) ROW(LLM_MATCH_PHRASE, 500, LLM_E_UNAVAILABLE, LLM_RULE_RESOURCE, text)

/*
 * In order. Status 0 refines a 4xx; a row with 500 names a failure for which Ollama is
 * known to use that status although it is another's fault.
 */
const llm_error_rule *const ollama_error_rules[] = {
	ROW(LLM_MATCH_TYPE, 0, LLM_E_CONTEXT_LENGTH_EXCEEDED, 0, "exceed_context_size_error"),
	PHRASE(0, LLM_E_CONTEXT_LENGTH_EXCEEDED, "exceed_context_size_error"),
	PHRASE(0, LLM_E_CONTEXT_LENGTH_EXCEEDED, "exceeds the available context size"),
	PHRASE(0, LLM_E_CONTEXT_LENGTH_EXCEEDED, "longer than the context length"),
	PHRASE(0, LLM_E_CONTEXT_LENGTH_EXCEEDED, "exceeds the context length"),
	PHRASE(0, LLM_E_CONTEXT_LENGTH_EXCEEDED, "exceeds maximum context length"),
	PHRASE(0, LLM_E_UNSUPPORTED, "does not support"),
	PHRASE(0, LLM_E_UNSUPPORTED, "image input is not supported"),
	PHRASE(500, LLM_E_UNSUPPORTED, "image input is not supported"),
	PHRASE(429, LLM_E_QUOTA_EXHAUSTED, "usage limit"),
	PHRASE(500, LLM_E_INVALID_REQUEST, "must be of type"),
	PHRASE(500, LLM_E_INVALID_REQUEST, "invalid format"),
	PHRASE(500, LLM_E_INVALID_REQUEST, "invalid option"),
	PHRASE(500, LLM_E_INVALID_REQUEST, "illegal base64"),
	ROW(LLM_MATCH_PREFIX, 500, LLM_E_PROTOCOL, 0, "error parsing tool call"),
	MEMORY("out of memory"),
	MEMORY("out-of-memory"),
	MEMORY("cudaMalloc failed"),
	MEMORY("failed to allocate"),
	MEMORY("not enough memory"),
	MEMORY("requires more system memory"),
	PHRASE(500, LLM_E_UNAVAILABLE, "process has terminated"),
	PHRASE(500, LLM_E_UNAVAILABLE, "process no longer running"),
	PHRASE(500, LLM_E_UNAVAILABLE, "timed out waiting for llama"),
	PHRASE(500, LLM_E_UNAVAILABLE, "model runner has unexpectedly stopped"),
	PHRASE(500, LLM_E_UNAVAILABLE, "error was encountered while running the model"),
	NULL,
};

/* The runner's document. */
typedef struct nested {
	jsonr_text message;
	jsonr_text type;
	llm_bytes code; /* as written */
	llm_bytes inner; /* the object under "error", if there is one */
} nested;

static void nested_code(jsonr *r, nested *n)
{
	jsonr_text text;

	if (jsonr_peek(r) == JSONR_NUMBER)
		jsonr_number(r, &n->code);
	else if (jsonr_string(r, &text))
		n->code = (llm_bytes){text.raw, text.len};
}

static void nested_error(jsonr *r, nested *n)
{
	if (jsonr_peek(r) == JSONR_OBJECT)
		jsonr_raw(r, &n->inner);
	else
		jsonr_string(r, &n->message);
}

/* Reads one object; 1 and how many bytes it took when it is well-formed. */
static int nested_read(const llm_bytes *json, nested *n, size_t *ret_used)
{
	jsonr_text key;
	jsonr r;

	jsonr_init(&r, json->ptr, json->len);
	if (!jsonr_enter_object(&r))
		return 0;
	while (jsonr_member(&r, &key)) {
		if (jsonr_is(&key, "message"))
			jsonr_string(&r, &n->message);
		else if (jsonr_is(&key, "type"))
			jsonr_string(&r, &n->type);
		else if (jsonr_is(&key, "code"))
			nested_code(&r, n);
		else if (jsonr_is(&key, "error"))
			nested_error(&r, n);
		else
			jsonr_skip(&r);
	}
	*ret_used = jsonr_offset(&r);
	return jsonr_status(&r) == 0;
}

/* The document's message with what stands behind the document: it may name the cause. */
static llm_bytes nested_message(
	const ollama *o, uint32_t scope, const nested *n, const llm_bytes *tail)
{
	llm_bytes none = {NULL, 0};
	char *text;
	size_t len;

	text = o->host->alloc(o->host->ctx, scope, n->message.len + tail->len + 1);
	if (!text)
		return none;
	len = jsonr_decode(&n->message, text);
	if (tail->len > 0)
		memcpy(text + len, tail->ptr, tail->len);
	return (llm_bytes){text, len + tail->len};
}

/* Takes the facts out of the runner's document, if `text` is one. */
static void unwrap(const ollama *o, uint32_t scope, const llm_bytes *text, llm_error_facts *facts)
{
	nested n = {{"", 0, 0}, {"", 0, 0}, {NULL, 0}, {NULL, 0}};
	llm_bytes message;
	llm_bytes tail;
	size_t used;
	size_t inner_used;

	if (!nested_read(text, &n, &used))
		return;
	if (n.inner.len > 0 && !nested_read(&n.inner, &n, &inner_used))
		return;
	tail = (llm_bytes){text->ptr + used, text->len - used};
	message = nested_message(o, scope, &n, &tail);
	if (message.len > 0)
		facts->message = message;
	kit_decode(o->host, scope, &n.type, &facts->type);
	facts->code = n.code;
}

/* In a stream the runner's code tells the status that could no longer be sent. */
static int32_t status_of(const llm_bytes *code)
{
	int64_t status;

	if (!num_read_i64(code->ptr, code->len, &status) || status < 400 || status > 599)
		return 0;
	return (int32_t)status;
}

void ollama_error_facts(
	const ollama *o, uint32_t scope, const llm_bytes *value, llm_error_facts *ret_facts)
{
	jsonr_text text;
	jsonr r;

	ret_facts->message = *value; /* as it is, should memory be short */
	jsonr_init(&r, value->ptr, value->len);
	if (jsonr_string(&r, &text))
		kit_decode(o->host, scope, &text, &ret_facts->message);
	unwrap(o, scope, &ret_facts->message, ret_facts);
	ret_facts->status = status_of(&ret_facts->code);
}

/* The value of "error" in a body that is an object. */
static int body_error(const llm_bytes *body, llm_bytes *ret)
{
	jsonr_text key;
	int found = 0;
	jsonr r;

	jsonr_init(&r, body->ptr, body->len);
	if (!jsonr_enter_object(&r))
		return 0;
	while (jsonr_member(&r, &key)) {
		if (jsonr_is(&key, "error"))
			found |= jsonr_raw(&r, ret);
		else
			jsonr_skip(&r);
	}
	return found && jsonr_finish(&r) == 0;
}

int32_t ollama_classify_error(
	void *instance, const llm_reply_view *reply, llm_error_facts *ret_facts)
{
	const ollama *o = instance;
	llm_error_facts facts = {.struct_size = (uint32_t)sizeof(facts), .retry_after_ms = -1};
	llm_bytes value;

	if (body_error(&reply->body, &value)) {
		ollama_error_facts(o, LLM_SCOPE_ATTEMPT, &value, &facts);
		facts.status = 0; /* the HTTP status says it */
	} else {
		facts.message = kit_plain_body(&reply->body);
	}
	facts.request_id = kit_text(kit_header(reply, "x-request-id"));
	*ret_facts = facts;
	return 0;
}
