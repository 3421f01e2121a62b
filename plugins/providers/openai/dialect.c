/*
 * dialect.c - how the servers differ, and the configuration that says which one it is.
 */
#include <string.h>

#include "openai.h"

#define ORDINARY "seed", "user", "required"
#define CHOSEN \
	{ \
		"none", "medium", "low", "medium", "high", "high" \
	}

/* The first one stands for servers that nobody named. */
static const openai_dialect dialects[] = {
	{"compatible", NULL, OPENAI_SAYS_USAGE, OPENAI_EFFORT_WORD, OPENAI_HISTORY_NONE,
		"max_tokens", ORDINARY, NULL, CHOSEN},
	{"openai", "api.openai.com",
		OPENAI_CLOUD | OPENAI_SAYS_USAGE | OPENAI_SCHEMAS | OPENAI_RANGES,
		OPENAI_EFFORT_MODEL, OPENAI_HISTORY_NONE, "max_completion_tokens", "seed",
		"safety_identifier", "required", NULL, CHOSEN},
	{"azure", ".openai.azure.com",
		OPENAI_CLOUD | OPENAI_SAYS_USAGE | OPENAI_SCHEMAS | OPENAI_RANGES,
		OPENAI_EFFORT_MODEL, OPENAI_HISTORY_NONE, "max_completion_tokens", "seed",
		"safety_identifier", "required", NULL, CHOSEN},
	/* It refuses stream_options and user, and sends usage unasked. */
	{"mistral", "api.mistral.ai", OPENAI_CLOUD | OPENAI_SHORT_IDS, OPENAI_EFFORT_WORD,
		OPENAI_HISTORY_NONE, "max_tokens", "random_seed", NULL, "any", NULL,
		{"none", "high", "high", "high", "high", "high"}},
	{"openrouter", "openrouter.ai", OPENAI_CLOUD | OPENAI_SAYS_USAGE, OPENAI_EFFORT_OBJECT,
		OPENAI_HISTORY_DETAILS, "max_tokens", ORDINARY, "repetition_penalty",
		{"none", NULL, "low", "medium", "high", "xhigh"}},
	{"deepseek", "api.deepseek.com", OPENAI_CLOUD | OPENAI_SAYS_USAGE, OPENAI_EFFORT_THINKING,
		OPENAI_HISTORY_NONE, "max_tokens", ORDINARY, NULL,
		{NULL, NULL, "low", "medium", "high", "max"}},
	{"groq", "api.groq.com", OPENAI_CLOUD | OPENAI_SAYS_USAGE, OPENAI_EFFORT_WORD,
		OPENAI_HISTORY_NONE, "max_tokens", ORDINARY, NULL,
		{"none", NULL, "low", "medium", "high", "high"}},
	{"together", "api.together.xyz", OPENAI_CLOUD | OPENAI_SAYS_USAGE, OPENAI_EFFORT_WORD,
		OPENAI_HISTORY_NONE, "max_tokens", ORDINARY, "repetition_penalty", CHOSEN},
	{"vllm", NULL, OPENAI_SAYS_USAGE | OPENAI_SCHEMAS | OPENAI_ENFORCES, OPENAI_EFFORT_KWARGS,
		OPENAI_HISTORY_NONE, "max_tokens", ORDINARY, "repetition_penalty", CHOSEN},
	{"llamacpp", NULL,
		OPENAI_SAYS_USAGE | OPENAI_SCHEMAS | OPENAI_ENFORCES | OPENAI_NAMES_ALONE,
		OPENAI_EFFORT_KWARGS, OPENAI_HISTORY_NONE, "max_tokens", ORDINARY, "repeat_penalty",
		CHOSEN},
	{"lmstudio", NULL, OPENAI_SAYS_USAGE | OPENAI_EMPTY_FULL, OPENAI_EFFORT_WORD,
		OPENAI_HISTORY_NONE, "max_tokens", ORDINARY, NULL, CHOSEN},
};

#define N_DIALECTS (sizeof(dialects) / sizeof(dialects[0]))

/* ---- configuration ---- */

#define KEY(type, name, help) \
	&(const llm_key_info) \
	{ \
		(uint32_t)sizeof(llm_key_info), type, name, NULL, NULL, help \
	}

const llm_key_info *const openai_config_keys[] = {
	KEY(LLM_TYPE_STRING, "dialect",
		"which server it is: auto (by base URL), openai, azure, mistral, openrouter,"
		" deepseek, groq, together, vllm, llamacpp, lmstudio, compatible"),
	KEY(LLM_TYPE_BOOL, "include_usage",
		"ask for token counts at the end of streams; unsaid: where the dialect takes it"),
	KEY(LLM_TYPE_STRING, "max_tokens_field",
		"name of the output limit: max_tokens, max_completion_tokens, or auto"),
	KEY(LLM_TYPE_STRING, "auth", "how the key travels: bearer, api-key, or auto"),
	KEY(LLM_TYPE_BOOL, "deployments",
		"Azure: the model is a deployment in the path; unsaid: unless base_url names one"
		" or ends in /v1"),
	KEY(LLM_TYPE_STRING, "organization", "OpenAI-Organization of every request"),
	KEY(LLM_TYPE_STRING, "project", "OpenAI-Project of every request"),
	KEY(LLM_TYPE_STRING, "system_role", "role of system text: system or developer"),
	KEY(LLM_TYPE_STRING, "reasoning_history",
		"field for the reasoning of earlier turns: none, reasoning_content, reasoning,"
		" reasoning_details, or auto"),
	NULL,
};

/* The configuration's text, or null when it says nothing or "auto". */
static const char *setting(const openai *o, const char *key)
{
	const char *text;
	size_t len;

	if (o->host->config(o->host->ctx, key, &text, &len) || strcmp(text, "auto") == 0)
		return NULL;
	return text;
}

/* Place of the text among `words`, 0 when nothing is said. */
static int32_t choose(const openai *o, const char *key, const char *const *words,
	const char *expected, size_t *ret)
{
	const char *text = setting(o, key);
	size_t i;

	for (i = 1; text && words[i]; i++)
		if (strcmp(text, words[i]) == 0)
			break;
	if (text && !words[i]) {
		kit_error(o->host, LLM_E_CONFIG, key, " must be one of: auto, ", expected);
		return LLM_E_CONFIG;
	}
	*ret = text ? i : 0;
	return 0;
}

static int flag(const openai *o, const char *key, int unsaid)
{
	const char *text = setting(o, key);

	return text ? strcmp(text, "true") == 0 : unsaid;
}

/* ---- which dialect ---- */

static int is_host(const char *pattern, const llm_bytes *host)
{
	size_t n = strlen(pattern);
	llm_bytes tail = *host;

	if (pattern[0] != '.')
		return kit_is(host, pattern);
	if (host->len <= n)
		return 0;
	tail.ptr += host->len - n;
	tail.len = n;
	return kit_is(&tail, pattern);
}

static const openai_dialect *dialect_of(const char *url)
{
	llm_bytes host = kit_url_host(url);
	size_t i;

	for (i = 1; i < N_DIALECTS; i++)
		if (dialects[i].host && is_host(dialects[i].host, &host))
			return &dialects[i];
	return &dialects[0];
}

static int32_t read_dialect(openai *o, const char *url)
{
	const char *name = setting(o, "dialect");
	size_t i;

	o->dialect = dialect_of(url);
	for (i = 0; name && i < N_DIALECTS; i++) {
		if (strcmp(dialects[i].name, name) == 0) {
			o->dialect = &dialects[i];
			return 0;
		}
	}
	if (!name)
		return 0;
	return kit_error(o->host, LLM_E_CONFIG, "dialect \"", name,
		"\" is not known; it is one of: auto, openai, azure, mistral, openrouter,"
		" deepseek, groq, together, vllm, llamacpp, lmstudio, compatible");
}

static int is_azure(const openai *o)
{
	return strcmp(o->dialect->name, "azure") == 0;
}

static int32_t read_words(openai *o)
{
	static const char *const limits[] = {"", "max_tokens", "max_completion_tokens", NULL};
	static const char *const auths[] = {"", "bearer", "api-key", NULL};
	static const char *const roles[] = {"system", "system", "developer", NULL};
	static const char *const fields[] = {
		"", "none", "reasoning_content", "reasoning", "reasoning_details", NULL};
	size_t limit, auth, role, history;
	int32_t rc;

	rc = choose(o, "max_tokens_field", limits, "max_tokens, max_completion_tokens", &limit);
	if (rc == 0)
		rc = choose(o, "auth", auths, "bearer, api-key", &auth);
	if (rc == 0)
		rc = choose(o, "system_role", roles, "system, developer", &role);
	if (rc == 0)
		rc = choose(o, "reasoning_history", fields,
			"none, reasoning_content, reasoning, reasoning_details", &history);
	if (rc)
		return rc;
	o->limit = limit ? limits[limit] : o->dialect->limit;
	o->auth_header = (auth ? auth == 2 : is_azure(o)) ? "api-key" : NULL;
	o->system = roles[role];
	o->history = history ? (enum openai_history)(history - 1) : o->dialect->history;
	return 0;
}

/* ---- what this plugin writes itself ---- */

static void add_member(openai *o, size_t *n, const char *name)
{
	if (name)
		o->members[(*n)++] = name;
}

static void name_effort(openai *o, size_t *n)
{
	if (o->dialect->effort == OPENAI_EFFORT_OBJECT)
		add_member(o, n, "reasoning");
	else if (o->dialect->effort == OPENAI_EFFORT_KWARGS)
		add_member(o, n, "chat_template_kwargs");
	else
		add_member(o, n, "reasoning_effort");
	if (o->dialect->effort == OPENAI_EFFORT_THINKING)
		add_member(o, n, "thinking");
}

static void name_members(openai *o)
{
	static const char *const always[] = {"model", "messages", "tools", "tool_choice",
		"parallel_tool_calls", "response_format", "temperature", "top_p", "max_tokens",
		"max_completion_tokens", "stop", "presence_penalty", "frequency_penalty",
		"logprobs", "top_logprobs", "n", "stream", "stream_options"};
	const openai_dialect *d = o->dialect;
	size_t n = 0;
	size_t i;

	for (i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		add_member(o, &n, always[i]);
	add_member(o, &n, d->seed);
	add_member(o, &n, d->user);
	add_member(o, &n, d->repeat);
	add_member(o, &n, d->repeat ? "top_k" : NULL);
	add_member(o, &n, d->repeat ? "min_p" : NULL);
	name_effort(o, &n);
}

int32_t openai_configure(openai *o)
{
	const char *url = setting(o, "base_url");
	int named;
	int32_t rc;

	if (!url)
		url = OPENAI_BASE_URL;
	rc = read_dialect(o, url);
	if (rc == 0)
		rc = read_words(o);
	if (rc)
		return rc;
	named = strstr(url, "/deployments/") || kit_ends_with(url, "/v1") ||
		kit_ends_with(url, "/v1/");
	o->deployments = flag(o, "deployments", is_azure(o) && !named);
	o->include_usage = flag(o, "include_usage", (o->dialect->flags & OPENAI_SAYS_USAGE) != 0);
	o->organization = setting(o, "organization");
	o->project = setting(o, "project");
	name_members(o);
	return 0;
}
