/*
 * models.c - the installed models, one model, the models in memory.
 */
#include <string.h>

#include "ollama.h"

/* Bits of what `capabilities` lists. */
enum {
	CAN_COMPLETE = 1,
	CAN_TOOLS = 2,
	CAN_SEE = 4,
	CAN_THINK = 8,
	CAN_HEAR = 16,
	CAN_LISTED = 32 /* the list was there at all */
};

typedef struct entry {
	jsonr_text name;
	jsonr_text size_name; /* "3.2B" */
	jsonr_text quantization; /* "Q4_K_M" */
	jsonr_text architecture;
	int64_t bytes;
	int64_t window; /* context_length of a loaded model */
	int64_t trained; /* the longest context it was trained for */
	unsigned can; /* CAN_* */
	int remote;
} entry;

static void read_capabilities(jsonr *r, entry *e)
{
	static const struct {
		const char *name;
		unsigned bit;
	} words[] = {
		{"completion", CAN_COMPLETE},
		{"tools", CAN_TOOLS},
		{"vision", CAN_SEE},
		{"thinking", CAN_THINK},
		{"audio", CAN_HEAR},
	};
	jsonr_text word;
	size_t i;

	if (!jsonr_enter_array(r)) {
		jsonr_skip(r);
		return;
	}
	e->can |= CAN_LISTED;
	while (jsonr_element(r)) {
		if (!jsonr_string(r, &word))
			continue;
		for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (jsonr_is(&word, words[i].name))
				e->can |= words[i].bit;
	}
}

static void read_details(jsonr *r, entry *e)
{
	jsonr_text key;

	if (!jsonr_enter_object(r)) {
		jsonr_skip(r);
		return;
	}
	while (jsonr_member(r, &key)) {
		if (jsonr_is(&key, "parameter_size"))
			jsonr_string(r, &e->size_name);
		else if (jsonr_is(&key, "quantization_level"))
			jsonr_string(r, &e->quantization);
		else
			jsonr_skip(r);
	}
}

/* Is the key the architecture's context length: "qwen3.context_length"? */
static int is_context_key(const jsonr_text *key, const jsonr_text *architecture)
{
	static const char tail[] = ".context_length";
	size_t n = architecture->len;

	return key->len == n + sizeof(tail) - 1 && memcmp(key->raw, architecture->raw, n) == 0 &&
		memcmp(key->raw + n, tail, sizeof(tail) - 1) == 0;
}

static void read_model_info(const llm_bytes *json, entry *e)
{
	jsonr_text key;
	jsonr r;

	jsonr_init(&r, json->ptr, json->len);
	jsonr_enter_object(&r);
	while (jsonr_member(&r, &key)) {
		if (jsonr_is(&key, "general.architecture"))
			jsonr_string(&r, &e->architecture);
		else if (e->architecture.len > 0 && is_context_key(&key, &e->architecture))
			kit_count(&r, &e->trained);
		else
			jsonr_skip(&r);
	}
}

static void read_info(jsonr *r, entry *e)
{
	int is_object = jsonr_peek(r) == JSONR_OBJECT;
	llm_bytes json;

	if (!jsonr_raw(r, &json) || !is_object)
		return;
	read_model_info(&json, e);
	read_model_info(&json, e); /* again: the architecture may stand behind its members */
}

static void read_member(jsonr *r, const jsonr_text *key, entry *e)
{
	jsonr_text host = {"", 0, 0};

	if (jsonr_is(key, "name")) {
		jsonr_string(r, &e->name);
	} else if (jsonr_is(key, "size")) {
		kit_count(r, &e->bytes);
	} else if (jsonr_is(key, "context_length")) {
		kit_count(r, &e->window);
	} else if (jsonr_is(key, "details")) {
		read_details(r, e);
	} else if (jsonr_is(key, "capabilities")) {
		read_capabilities(r, e);
	} else if (jsonr_is(key, "model_info")) {
		read_info(r, e);
	} else if (jsonr_is(key, "remote_host")) {
		jsonr_string(r, &host);
		e->remote = host.len > 0;
	} else {
		jsonr_skip(r);
	}
}

static uint32_t yes_no(const entry *e, unsigned bit)
{
	return (e->can & bit) ? LLM_CAP_YES : LLM_CAP_NO;
}

static void entry_caps(const entry *e, llm_caps *caps)
{
	memset(caps, 0, sizeof(*caps));
	caps->struct_size = (uint32_t)sizeof(*caps);
	if (e->remote) {
		caps->locality = LLM_LOCALITY_CLOUD;
		caps->json_object = LLM_CAP_ACCEPTED;
		caps->json_schema = LLM_CAP_ACCEPTED;
	}
	caps->max_input_tokens = e->trained;
	if (!(e->can & CAN_LISTED))
		return;
	caps->chat = yes_no(e, CAN_COMPLETE);
	caps->tools = yes_no(e, CAN_TOOLS);
	caps->vision = yes_no(e, CAN_SEE);
	caps->reasoning = yes_no(e, CAN_THINK);
}

/* "3.2B Q4_K_M", or null. */
static const char *entry_detail(const ollama *o, const entry *e)
{
	char *text;
	size_t n;

	if (e->size_name.len == 0 && e->quantization.len == 0)
		return NULL;
	text = o->host->alloc(
		o->host->ctx, LLM_SCOPE_SCRATCH, e->size_name.len + e->quantization.len + 2);
	if (!text)
		return NULL;
	n = jsonr_decode(&e->size_name, text);
	if (n > 0 && e->quantization.len > 0)
		text[n++] = ' ';
	n += jsonr_decode(&e->quantization, text + n);
	text[n] = '\0';
	return text;
}

static int32_t entry_push(const ollama *o, const char *name, const entry *e, uint32_t loaded,
	const llm_models_sink *out)
{
	llm_model_info info = {.struct_size = (uint32_t)sizeof(info)};
	llm_caps caps;

	entry_caps(e, &caps);
	info.loaded = loaded;
	info.name = name;
	info.detail = entry_detail(o, e);
	info.size_bytes = e->bytes;
	info.context_tokens = loaded ? e->window : 0;
	info.caps = &caps;
	return out->model(out->ctx, &info);
}

static int32_t list_entry(const ollama *o, jsonr *r, uint32_t loaded, const llm_models_sink *out)
{
	entry e;
	jsonr_text key;
	const char *name;

	memset(&e, 0, sizeof(e));
	if (!jsonr_enter_object(r)) {
		jsonr_skip(r);
		return 0;
	}
	while (jsonr_member(r, &key))
		read_member(r, &key, &e);
	if (jsonr_status(r) || e.name.len == 0)
		return 0;
	name = kit_string(o->host, LLM_SCOPE_SCRATCH, &e.name);
	return name ? entry_push(o, name, &e, loaded, out) : LLM_E_NOMEM;
}

static int32_t nonsense(const ollama *o)
{
	return kit_error(o->host, LLM_E_PROTOCOL,
		"Ollama's answer about its models is not what its API promises", NULL, NULL);
}

/* {"models":[...]}. Entries without a name are passed over. */
static int32_t parse_list(
	const ollama *o, const llm_reply_view *reply, uint32_t loaded, const llm_models_sink *out)
{
	int32_t rc = 0;
	int found = 0;
	jsonr_text key;
	jsonr r;

	jsonr_init(&r, reply->body.ptr, reply->body.len);
	if (!jsonr_enter_object(&r))
		return nonsense(o);
	while (rc == 0 && jsonr_member(&r, &key)) {
		if (!jsonr_is(&key, "models") || !jsonr_enter_array(&r)) {
			found |= jsonr_is(&key, "models") && jsonr_peek(&r) == JSONR_NULL;
			jsonr_skip(&r);
			continue;
		}
		found = 1;
		while (rc == 0 && jsonr_element(&r))
			rc = list_entry(o, &r, loaded, out);
	}
	if (rc)
		return rc;
	return found && jsonr_finish(&r) == 0 ? 0 : nonsense(o);
}

static int32_t models_build(void *instance, const char *cursor, const llm_http_sink *out)
{
	(void)instance;
	(void)cursor; /* there is one page only */
	return kit_get(out, "/api/tags");
}

static int32_t models_parse(void *instance, const llm_reply_view *reply, const llm_models_sink *out)
{
	return parse_list(instance, reply, 0, out);
}

static int32_t model_build(void *instance, const char *model, const llm_http_sink *out)
{
	static const char *const members[] = {"model", NULL};
	const ollama *o = instance;
	llm_bytes no_extra = {NULL, 0};
	kit_doc d;
	int32_t rc;

	rc = kit_post(out, "/api/show");
	if (rc)
		return rc;
	kit_doc_open(&d, o->host, out, members);
	kit_doc_member(&d, "model");
	jsonw_cstring(&d.w, model);
	return kit_doc_close(&d, &no_extra);
}

static int32_t model_parse(
	void *instance, const char *model, const llm_reply_view *reply, const llm_models_sink *out)
{
	const ollama *o = instance;
	jsonr_text key;
	jsonr r;
	entry e;

	memset(&e, 0, sizeof(e));
	jsonr_init(&r, reply->body.ptr, reply->body.len);
	if (!jsonr_enter_object(&r))
		return nonsense(o);
	while (jsonr_member(&r, &key))
		read_member(&r, &key, &e);
	if (jsonr_finish(&r))
		return nonsense(o);
	return entry_push(o, model, &e, 0, out);
}

static int32_t state_build(void *instance, const llm_http_sink *out)
{
	(void)instance;
	return kit_get(out, "/api/ps");
}

static int32_t state_parse(void *instance, const llm_reply_view *reply, const llm_models_sink *out)
{
	return parse_list(instance, reply, 1, out);
}

const llm_models_ext ollama_models = {
	(uint32_t)sizeof(llm_models_ext), 0, models_build, models_parse};
const llm_model_ext ollama_model = {(uint32_t)sizeof(llm_model_ext), 0, model_build, model_parse};
const llm_state_ext ollama_state = {(uint32_t)sizeof(llm_state_ext), 0, state_build, state_parse};
