/*
 * openai.so: one key says which server it is, and what follows from it.
 */
#include "openai_help.h"

TestSuite(openai_dialects, .init = set_up, .fini = tear_down);

static const char *const names[] = {"compatible", "openai", "azure", "mistral", "openrouter",
	"deepseek", "groq", "together", "vllm", "llamacpp", "lmstudio"};

#define N_NAMES (sizeof(names) / sizeof(names[0]))

/* What is expected of each dialect, one row a feature, in the order of `names`. */
static void same_row(const char *text, const char *const *keys, const char *want)
{
	size_t i;

	for (i = 0; i < N_NAMES; i++) {
		open_dialect(names[i]);
		ask(text);
		if (!keys[i]) {
			cr_expect_eq(build(), LLM_E_UNSUPPORTED, "%s: %s", names[i], text);
			continue;
		}
		cr_expect_eq(build(), 0, "%s: %s: %s", names[i], text, p.error.ptr);
		body_has(keys[i], want);
	}
}

Test(openai_dialects, output_limit)
{
	static const char *const keys[] = {"max_tokens", "max_completion_tokens",
		"max_completion_tokens", "max_tokens", "max_tokens", "max_tokens", "max_tokens",
		"max_tokens", "max_tokens", "max_tokens", "max_tokens"};

	same_row("{'model':'m','messages':[],'numbers':{'max_output_tokens':9}}", keys, "9");
}

Test(openai_dialects, seed)
{
	static const char *const keys[] = {"seed", "seed", "seed", "random_seed", "seed", "seed",
		"seed", "seed", "seed", "seed", "seed"};

	same_row("{'model':'m','messages':[],'numbers':{'seed':7}}", keys, "7");
}

/* Known of OpenAI's own servers; what others take, they say themselves. */
Test(openai_dialects, ranges_of_numbers)
{
	static const struct {
		const char *more, *text;
	} rows[] = {
		{"'numbers':{'temperature':2.1}", "temperature must be from 0 to 2 for m"},
		{"'numbers':{'presence_penalty':-2.5}",
			"presence_penalty must be from -2 to 2 for m"},
		{"'numbers':{'frequency_penalty':3}",
			"frequency_penalty must be from -2 to 2 for m"},
		{"'stop':['1','2','3','4','5']", "at most 4 stop texts for m"},
	};
	char text[128];
	size_t i, k;

	for (i = 0; i < N_NAMES; i++)
		for (k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
			snprintf(
				text, sizeof(text), "{'model':'m','messages':[],%s}", rows[k].more);
			open_dialect(names[i]);
			ask(text);
			if (strcmp(names[i], "openai") == 0 || strcmp(names[i], "azure") == 0)
				refused(LLM_E_INVALID_REQUEST, rows[k].text);
			else
				cr_expect_eq(build(), 0, "%s: %s", names[i], text);
		}
	open_dialect("openai");
	builds("{'model':'m','messages':[],'stop':['1','2','3','4'],'numbers':{'temperature':2,"
	       "'presence_penalty':-2,'frequency_penalty':2}}");
}

Test(openai_dialects, sampling_of_open_servers)
{
	static const char *const top_k[] = {
		NULL, NULL, NULL, NULL, "top_k", NULL, NULL, "top_k", "top_k", "top_k", NULL};
	static const char *const min_p[] = {
		NULL, NULL, NULL, NULL, "min_p", NULL, NULL, "min_p", "min_p", "min_p", NULL};
	static const char *const repeat[] = {NULL, NULL, NULL, NULL, "repetition_penalty", NULL,
		NULL, "repetition_penalty", "repetition_penalty", "repeat_penalty", NULL};

	same_row("{'model':'m','messages':[],'numbers':{'top_k':40}}", top_k, "40");
	same_row("{'model':'m','messages':[],'numbers':{'min_p':0.25}}", min_p, "0.25");
	same_row("{'model':'m','messages':[],'numbers':{'repeat_penalty':1.5}}", repeat, "1.5");
}

Test(openai_dialects, end_user)
{
	static const char *const keys[] = {"user", "safety_identifier", "safety_identifier", NULL,
		"user", "user", "user", "user", "user", "user", "user"};
	size_t i;

	for (i = 0; i < N_NAMES; i++) {
		open_dialect(names[i]);
		builds("{'model':'m','messages':[],'end_user':'u'}");
		if (keys[i])
			body_has(keys[i], "'u'");
		else
			has_warning("end user");
		cr_expect_eq(http.n_warnings, keys[i] ? 0u : 1u);
	}
}

Test(openai_dialects, a_call_that_is_forced)
{
	static const char *const keys[] = {"tool_choice", "tool_choice", "tool_choice", "-",
		"tool_choice", "tool_choice", "tool_choice", "tool_choice", "tool_choice",
		"tool_choice", "tool_choice"};
	size_t i;

	for (i = 0; i < N_NAMES; i++) {
		open_dialect(names[i]);
		builds("{'model':'m','messages':[],'tools':[{'name':'f'}],"
		       "'tool_choice':'required'}");
		body_has("tool_choice", keys[i][0] == '-' ? "'any'" : "'required'");
	}
}

Test(openai_dialects, usage_of_streams)
{
	size_t i;

	for (i = 0; i < N_NAMES; i++) {
		open_dialect(names[i]);
		ask_hi();
		rq.stream = 1;
		cr_expect_eq(build(), 0);
		body_has("stream_options",
			strcmp(names[i], "mistral") == 0 ? NULL : "{'include_usage':true}");
	}
}

Test(openai_dialects, usage_of_streams_by_configuration)
{
	static const char *const config[] = {
		"dialect", "mistral", "include_usage", "true", "base_url", "http://h/v1", NULL};

	open_with(config);
	ask_hi();
	rq.stream = 1;
	cr_expect_eq(build(), 0);
	body_has("stream_options", "{'include_usage':true}");
}

/* ---- by base URL ---- */

static const char *dialect_seen(void)
{
	llm_caps caps = {.struct_size = (uint32_t)sizeof(caps)};

	cr_assert_eq(p.v->capabilities(p.instance, "m", &caps), 0);
	return caps.locality == LLM_LOCALITY_CLOUD ? "cloud" : "unknown";
}

/* Each is told by what it alone does. */
Test(openai_dialects, the_base_url_tells)
{
	static const struct {
		const char *url;
		const char *key;
		const char *want;
	} rows[] = {
		{"https://api.openai.com/v1", "safety_identifier", "'u'"},
		{"https://r.openai.azure.com/openai/v1", "safety_identifier", "'u'"},
		{"https://api.mistral.ai/v1", "random_seed", "7"},
		{"https://openrouter.ai/api/v1", "reasoning", "{'effort':'low'}"},
		{"https://api.deepseek.com", "thinking", "{'type':'enabled'}"},
		{"https://api.groq.com/openai/v1", "reasoning_effort", "'low'"},
		{"https://api.together.xyz/v1", "reasoning_effort", "'low'"},
	};
	const char *config[] = {"base_url", NULL, NULL};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		config[1] = rows[i].url;
		open_with(config);
		cr_expect_str_eq(dialect_seen(), "cloud", "%s", rows[i].url);
		builds("{'model':'m','messages':[],'reasoning':'low','end_user':'u',"
		       "'numbers':{'seed':7}}");
		body_has(rows[i].key, rows[i].want);
	}
	config[1] = "http://127.0.0.1:8000/v1";
	open_with(config);
	cr_expect_str_eq(dialect_seen(), "unknown");
}

/* ---- authentication, headers, Azure's paths ---- */

static void auth_is(const char *const *config, uint32_t auth, const char *header)
{
	llm_caps caps = {.struct_size = (uint32_t)sizeof(caps)};

	open_with(config);
	cr_assert_eq(p.v->capabilities(p.instance, "m", &caps), 0);
	cr_expect_eq(caps.auth, auth);
	if (header)
		cr_expect_str_eq(caps.auth_header, header);
	else
		cr_expect_null(caps.auth_header);
}

Test(openai_dialects, how_the_key_travels)
{
	static const char *const none[] = {NULL};
	static const char *const azure[] = {"dialect", "azure", NULL};
	static const char *const token[] = {"dialect", "azure", "auth", "bearer", NULL};
	static const char *const header[] = {"auth", "api-key", NULL};

	auth_is(none, LLM_AUTH_BEARER, NULL);
	auth_is(azure, LLM_AUTH_HEADER, "api-key");
	auth_is(token, LLM_AUTH_BEARER, NULL);
	auth_is(header, LLM_AUTH_HEADER, "api-key");
}

Test(openai_dialects, organization_and_project)
{
	static const char *const config[] = {"organization", "org_1", "project", "proj_1", NULL};

	ask_hi();
	cr_expect_eq(build(), 0);
	cr_expect_str_eq(http.headers.ptr, "Content-Type: application/json\n");
	open_with(config);
	ask_hi();
	cr_expect_eq(build(), 0);
	cr_expect_str_eq(http.headers.ptr,
		"Content-Type: application/json\nOpenAI-Organization: org_1\n"
		"OpenAI-Project: proj_1\n");
}

Test(openai_dialects, azure_deployments_are_in_the_path)
{
	static const struct {
		const char *config[5];
		const char *path;
		const char *model;
	} rows[] = {
		{{"base_url", "https://r.openai.azure.com/openai", NULL},
			"/deployments/my%20d%2F1/chat/completions", NULL},
		{{"base_url", "https://r.openai.azure.com/openai/v1", NULL}, "/chat/completions",
			"'my d/1'"},
		{{"base_url", "https://r.openai.azure.com/openai/v1/", NULL}, "/chat/completions",
			"'my d/1'"},
		{{"base_url", "https://r.openai.azure.com/openai/deployments/d", NULL},
			"/chat/completions", "'my d/1'"},
		{{"base_url", "https://r.openai.azure.com/openai", "deployments", "false", NULL},
			"/chat/completions", "'my d/1'"},
		{{"base_url", "http://127.0.0.1:1/v1", "deployments", "true", NULL},
			"/deployments/my%20d%2F1/chat/completions", NULL},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_with(rows[i].config);
		builds("{'model':'my d/1','messages':[]}");
		cr_expect_str_eq(http.path.ptr, rows[i].path, "row %zu", i);
		body_has("model", rows[i].model);
	}
}

Test(openai_dialects, one_model_by_its_id)
{
	const llm_model_ext *e = p.v->get_extension(p.instance, LLM_EXT_MODEL);
	static const char *const bad[] = {"", "[]", "{", "7"};
	plug_models m;
	size_t i;

	plug_begin(&p);
	cr_assert_eq(e->build(p.instance, "meta/llama 3?", &http.sink), 0);
	cr_expect_str_eq(http.path.ptr, "/models/meta/llama%203%3F");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		llm_reply_view reply = {
			(uint32_t)sizeof(reply), 200, NULL, 0, {bad[i], strlen(bad[i])}, NULL};

		plug_models_init(&m);
		plug_begin(&p);
		cr_expect_eq(e->parse(p.instance, "m", &reply, &m.sink), LLM_E_PROTOCOL);
		cr_expect_eq(m.n, 0u);
		plug_models_done(&m);
	}
	p.fail_at = p.allocs + 1;
	cr_expect_eq(e->build(p.instance, "m", &http.sink), LLM_E_NOMEM);
}

/* ---- reasoning ---- */

static const char *const levels[] = {"off", "on", "low", "medium", "high", "max"};

/* `want[i]` null: not said; "": UNSUPPORTED. */
static void levels_are(const char *model, const char *key, const char *const *want)
{
	char text[200];
	size_t i;

	for (i = 0; i < 6; i++) {
		snprintf(text, sizeof(text), "{'model':'%s','messages':[],'reasoning':'%s'}", model,
			levels[i]);
		ask(text);
		if (want[i] && !want[i][0]) {
			refused(LLM_E_UNSUPPORTED, model);
			continue;
		}
		cr_expect_eq(build(), 0, "%s", text);
		body_has(key, want[i]);
	}
}

Test(openai_dialects, reasoning_by_the_model)
{
	static const struct {
		const char *model;
		const char *want[6];
	} rows[] = {
		{"o3-mini", {"", "'medium'", "'low'", "'medium'", "'high'", "'high'"}},
		{"gpt-5", {"", "'medium'", "'low'", "'medium'", "'high'", "'high'"}},
		{"gpt-5-mini-2025-08-07",
			{"", "'medium'", "'low'", "'medium'", "'high'", "'high'"}},
		{"gpt-5.1", {"'none'", "'medium'", "'low'", "'medium'", "'high'", "'high'"}},
		{"gpt-5.1-codex-max",
			{"'none'", "'medium'", "'low'", "'medium'", "'high'", "'xhigh'"}},
		{"gpt-5.5", {"'none'", "'medium'", "'low'", "'medium'", "'high'", "'xhigh'"}},
		{"gpt-4.1", {NULL, "", "", "", "", ""}},
		{"chatgpt-4o-latest", {NULL, "", "", "", "", ""}},
		{"my-deployment", {"'none'", "'medium'", "'low'", "'medium'", "'high'", "'max'"}},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		levels_are(rows[i].model, "reasoning_effort", rows[i].want);
}

Test(openai_dialects, reasoning_by_the_server)
{
	static const struct {
		const char *dialect;
		const char *key;
		const char *want[6];
	} rows[] = {
		{"compatible", "reasoning_effort",
			{"'none'", "'medium'", "'low'", "'medium'", "'high'", "'high'"}},
		{"together", "reasoning_effort",
			{"'none'", "'medium'", "'low'", "'medium'", "'high'", "'high'"}},
		{"lmstudio", "reasoning_effort",
			{"'none'", "'medium'", "'low'", "'medium'", "'high'", "'high'"}},
		{"groq", "reasoning_effort",
			{"'none'", NULL, "'low'", "'medium'", "'high'", "'high'"}},
		{"mistral", "reasoning_effort",
			{"'none'", "'high'", "'high'", "'high'", "'high'", "'high'"}},
		{"openrouter", "reasoning",
			{"{'effort':'none'}", "{'enabled':true}", "{'effort':'low'}",
				"{'effort':'medium'}", "{'effort':'high'}", "{'effort':'xhigh'}"}},
		{"deepseek", "reasoning_effort",
			{NULL, NULL, "'low'", "'medium'", "'high'", "'max'"}},
		{"deepseek", "thinking",
			{"{'type':'disabled'}", "{'type':'enabled'}", "{'type':'enabled'}",
				"{'type':'enabled'}", "{'type':'enabled'}", "{'type':'enabled'}"}},
		{"vllm", "chat_template_kwargs",
			{"{'enable_thinking':false}", "{'enable_thinking':true}",
				"{'enable_thinking':true,'reasoning_effort':'low'}",
				"{'enable_thinking':true,'reasoning_effort':'medium'}",
				"{'enable_thinking':true,'reasoning_effort':'high'}",
				"{'enable_thinking':true,'reasoning_effort':'high'}"}},
		{"llamacpp", "chat_template_kwargs",
			{"{'enable_thinking':false}", "{'enable_thinking':true}",
				"{'enable_thinking':true,'reasoning_effort':'low'}",
				"{'enable_thinking':true,'reasoning_effort':'medium'}",
				"{'enable_thinking':true,'reasoning_effort':'high'}",
				"{'enable_thinking':true,'reasoning_effort':'high'}"}},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_dialect(rows[i].dialect);
		levels_are("m", rows[i].key, rows[i].want);
	}
}

Test(openai_dialects, a_level_that_is_raised_is_told)
{
	open_dialect("mistral");
	builds("{'model':'m','messages':[],'reasoning':'low'}");
	has_warning("raised");
	builds("{'model':'m','messages':[],'reasoning':'high'}");
	cr_expect_eq(http.n_warnings, 0u);
}

Test(openai_dialects, the_servers_own_word)
{
	static const char with_word[] = "{'model':'gpt-4','messages':[],'reasoning':'low',"
					"'options':{'reasoning_effort':'minim\\u0061l'}}";
	static const char twice[] = "{'model':'m','messages':[],'reasoning':'low',"
				    "'options':{'chat_template_kwargs':{'a':1}}}";

	builds(with_word);
	body_has("reasoning_effort", "'minimal'");
	open_dialect("openrouter");
	builds(with_word);
	body_has("reasoning", "{'effort':'minimal'}");
	open_dialect("deepseek");
	builds(with_word);
	body_has("reasoning_effort", "'minimal'");
	body_has("thinking", NULL);
	open_dialect("vllm");
	builds(with_word);
	body_has("chat_template_kwargs", "{'reasoning_effort':'minimal'}");
	builds("{'model':'m','messages':[],'options':{'chat_template_kwargs':{'a':[1]}}}");
	body_has("chat_template_kwargs", "{'a':[1]}");
	ask(twice);
	refused(LLM_E_INVALID_REQUEST, "not in both");
}

/* What a dialect writes, extra may not; what it does not write, extra may. */
Test(openai_dialects, extra_by_dialect)
{
	ask("{'model':'m','messages':[],'extra':{'reasoning':{},'user':'x','random_seed':1}}");
	cr_expect_eq(build(), 0);
	open_dialect("openrouter");
	ask("{'model':'m','messages':[],'extra':{'reasoning':{}}}");
	refused(LLM_E_INVALID_REQUEST, "reasoning");
	open_dialect("vllm");
	ask("{'model':'m','messages':[],'extra':{'min_p':0}}");
	refused(LLM_E_INVALID_REQUEST, "min_p");
	builds("{'model':'m','messages':[],'extra':{'ignore_eos':true}}");
	body_has("ignore_eos", "true");
}
