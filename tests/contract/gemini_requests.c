/*
 * gemini.so: what it describes, what it makes of a request's settings, what it refuses.
 * The conversation is in gemini_history.c.
 */
#include "gemini_help.h"

TestSuite(gemini_requests, .init = set_up, .fini = tear_down);

/* ---- describe ---- */

Test(gemini_requests, describes_itself)
{
	llm_caps caps = {.struct_size = (uint32_t)sizeof(caps)};
	size_t n = 0;

	cr_expect_str_eq(p.desc->id, "org.libllm.gemini");
	cr_expect_str_eq(p.info->name, "gemini");
	cr_expect_str_eq(p.info->default_base_url, "https://generativelanguage.googleapis.com");
	cr_expect_str_eq(p.info->base_url_env, "GOOGLE_GEMINI_BASE_URL");
	cr_expect_str_eq(p.info->key_env[0], "GEMINI_API_KEY");
	cr_expect_str_eq(p.info->key_env[1], "GOOGLE_API_KEY");
	cr_expect_null(p.info->key_env[2]);
	cr_expect(p.info->flags & LLM_PROVIDER_NEEDS_KEY);
	cr_expect_eq(p.info->locality, (uint32_t)LLM_LOCALITY_CLOUD);
	while (p.info->request_options[n])
		n++;
	cr_expect_eq(n, 8u);
	cr_expect_eq(p.v->capabilities(p.instance, "gemini-3.8-flash", &caps), 0);
	cr_expect_eq(caps.framing, (uint32_t)LLM_FRAMING_SSE);
	cr_expect_eq(caps.auth, (uint32_t)LLM_AUTH_HEADER);
	cr_expect_str_eq(caps.auth_header, "x-goog-api-key");
	cr_expect_null(p.v->get_extension(p.instance, LLM_EXT_STATE));
}

Test(gemini_requests, capabilities_by_name)
{
	static const struct {
		const char *model;
		uint32_t chat, with_schema, prefill, reasoning;
	} rows[] = {
		{"gemini-4-argon", 1, 1, 2, 1},
		{"gemini-3.8-flash", 1, 1, 2, 1},
		{"models/gemini-3.6-flash", 1, 1, 2, 1},
		{"gemini-3.5-flash", 1, 1, 1, 1},
		{"gemini-3.5-flash-lite", 1, 1, 2, 1},
		{"gemini-3.1-pro-preview", 1, 1, 1, 1},
		{"gemini-2.5-pro", 1, 2, 1, 1},
		{"gemini-2.0-flash", 1, 2, 1, 2},
		{"gemini-flash-latest", 1, 1, 2, 1},
		{"gemini-embedding-001", 2, 0, 0, 0},
		{"text-embedding-004", 2, 0, 0, 0},
		{"gemma-3-27b-it", 1, 0, 0, 0},
		{"tunedModels/mine", 1, 0, 0, 0},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		llm_caps c = {.struct_size = (uint32_t)sizeof(c)};

		cr_assert_eq(p.v->capabilities(p.instance, rows[i].model, &c), 0);
		cr_expect_eq(c.chat, rows[i].chat, "%s", rows[i].model);
		cr_expect_eq(c.tools_with_schema, rows[i].with_schema, "%s", rows[i].model);
		cr_expect_eq(c.prefill, rows[i].prefill, "%s", rows[i].model);
		cr_expect_eq(c.reasoning, rows[i].reasoning, "%s", rows[i].model);
	}
}

/* ---- the path ---- */

Test(gemini_requests, path_of_the_model)
{
	static const struct {
		const char *model;
		const char *path;
	} rows[] = {
		{"gemini-3.8-flash", "/v1beta/models/gemini-3.8-flash:generateContent"},
		{"models/gemini-3.8-flash", "/v1beta/models/gemini-3.8-flash:generateContent"},
		{"tunedModels/my-own", "/v1beta/tunedModels/my-own:generateContent"},
		{"a/../b?c#d:e f%", "/v1beta/models/a%2F..%2Fb%3Fc%23d%3Ae%20f%25:generateContent"},
		{"\xc3\xa9", "/v1beta/models/%C3%A9:generateContent"},
		{"models/models/x", "/v1beta/models/models%2Fx:generateContent"},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ask_model(rows[i].model, "");
		cr_expect_eq(build(), 0);
		cr_expect_str_eq(http.path.ptr, rows[i].path);
		cr_expect_str_eq(http.headers.ptr, "Content-Type: application/json\n");
	}
	rq.stream = 1;
	rq.model = "m";
	cr_expect_eq(build(), 0);
	cr_expect_str_eq(http.path.ptr, "/v1beta/models/m:streamGenerateContent?alt=sse");
	body_has("stream", NULL);
}

Test(gemini_requests, base_urls_with_and_without_a_version)
{
	static const struct {
		const char *url;
		const char *path;
	} rows[] = {
		{"https://generativelanguage.googleapis.com", "/v1beta/models/m:generateContent"},
		{"https://generativelanguage.googleapis.com/", "/v1beta/models/m:generateContent"},
		{"https://generativelanguage.googleapis.com/v1beta", "/models/m:generateContent"},
		{"https://h/v1/", "/models/m:generateContent"},
		{"https://h/p/v1alpha", "/models/m:generateContent"},
		{"https://h/gemini", "/v1beta/models/m:generateContent"},
		{"https://h/v1beta/x", "/v1beta/models/m:generateContent"},
		{"https://v1", "/v1beta/models/m:generateContent"},
		{"https://h/v", "/v1beta/models/m:generateContent"},
		{"https://h/v1.example", "/v1beta/models/m:generateContent"},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *config[] = {"base_url", rows[i].url, NULL};

		plug_close(&p);
		cr_assert_eq(plug_open(&p, TEST_BINARY_DIR "/plugins/gemini.so", config), 0);
		ask_model("m", "");
		cr_expect_eq(build(), 0);
		cr_expect_str_eq(http.path.ptr, rows[i].path, "%s", rows[i].url);
	}
}

/* ---- thinking ---- */

Test(gemini_requests, reasoning_by_model)
{
	static const char off[] = "cannot stop thinking";
	static const struct {
		const char *model;
		const char *level;
		const char *want; /* of thinkingConfig; null: nothing is sent */
		const char *warning;
	} rows[] = {
		{"gemini-3.8-flash", "off", "{'thinkingLevel':'LOW'}", off},
		{"gemini-3.7-flash", "off", "{'thinkingLevel':'LOW'}", off},
		{"gemini-4-argon", "off", "{'thinkingLevel':'LOW'}", off},
		{"gemini-3.1-pro-preview", "off", "{'thinkingLevel':'LOW'}", off},
		{"gemini-3.6-flash", "off", "{'thinkingLevel':'MINIMAL'}", off},
		{"gemini-3-flash-preview", "off", "{'thinkingLevel':'MINIMAL'}", off},
		{"gemini-3.5-flash-lite", "off", "{'thinkingLevel':'MINIMAL'}", off},
		{"gemini-3.8-flash", "on", NULL, NULL},
		{"gemini-3.1-flash-lite", "on", "{'thinkingLevel':'LOW'}", NULL},
		{"gemini-3.8-flash", "low", "{'thinkingLevel':'LOW'}", NULL},
		{"gemini-3.8-flash", "medium", "{'thinkingLevel':'MEDIUM'}", NULL},
		{"gemini-3.8-flash", "high", "{'thinkingLevel':'HIGH'}", NULL},
		{"gemini-3.8-flash", "max", "{'thinkingLevel':'HIGH'}", NULL},
		{"gemini-flash-latest", "high", "{'thinkingLevel':'HIGH'}", NULL},
		{"tunedModels/x", "high", "{'thinkingLevel':'HIGH'}", NULL},
		{"gemini-2.5-flash", "off", "{'thinkingBudget':0}", NULL},
		{"gemini-2.5-flash-lite", "off", "{'thinkingBudget':0}", NULL},
		{"gemini-2.5-pro", "off", "{'thinkingBudget':128}", off},
		{"gemini-2.5-flash", "on", "{'thinkingBudget':-1}", NULL},
		{"gemini-2.5-flash", "low", "{'thinkingBudget':1024}", NULL},
		{"gemini-2.5-flash", "medium", "{'thinkingBudget':8192}", NULL},
		{"gemini-2.5-flash", "high", "{'thinkingBudget':24576}", NULL},
		{"gemini-2.5-flash", "max", "{'thinkingBudget':24576}", NULL},
		{"gemini-2.5-pro", "max", "{'thinkingBudget':32768}", NULL},
		{"gemini-1.5-pro", "off", NULL, NULL},
	};
	char more[64];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(more, sizeof(more), ",'reasoning':'%s'", rows[i].level);
		ask_model(rows[i].model, more);
		warned(rows[i].warning);
		body_has("generationConfig.thinkingConfig", rows[i].want);
	}
	ask_model("gemini-2.0-flash", ",'reasoning':'low'");
	refused(LLM_E_UNSUPPORTED, "gemini-2.0-flash does not think");
	ask_model("gemini-1.5-pro", ",'reasoning':'off','options':{'include_thoughts':true}");
	warned(NULL);
	body_has("generationConfig.thinkingConfig", "{'includeThoughts':true}");
}

/* A fixture that cannot be had: err_400_budget_and_level. */
Test(gemini_requests, one_way_to_say_how_hard_to_think)
{
	static const char *const pairs[] = {
		",'options':{'thinking_level':'LOW','thinking_budget':512}",
		",'reasoning':'low','options':{'thinking_budget':512}",
		",'reasoning':'off','options':{'thinking_level':'LOW'}",
	};
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		ask_model("gemini-3.8-flash", pairs[i]);
		refused(LLM_E_INVALID_REQUEST, "thinking_budget");
	}
}

/* ---- numbers ---- */

Test(gemini_requests, sampling_by_model)
{
	static const char *const takes[] = {
		"gemini-3.5-flash", "gemini-2.5-pro", "gemini-3.1-flash-lite", "gemma-3-27b-it"};
	static const char *const ignores[] = {"gemini-3.6-flash", "gemini-3.5-flash-lite",
		"gemini-4-argon", "gemini-pro-latest", "gemini-10-x"};
	static const char more[] = ",'numbers':{'temperature':0,'top_p':0.5,'top_k':40}";
	size_t i;

	for (i = 0; i < sizeof(takes) / sizeof(takes[0]); i++) {
		ask_model(takes[i], more);
		warned(NULL);
		body_has("generationConfig", "{'temperature':0,'topP':0.5,'topK':40}");
	}
	for (i = 0; i < sizeof(ignores) / sizeof(ignores[0]); i++) {
		ask_model(ignores[i], more);
		warned("ignores temperature");
		body_has("generationConfig", NULL);
	}
}

/* A fixture that cannot be had: err_400_penalty. */
Test(gemini_requests, penalties_by_model)
{
	ask_model("gemini-3.8-flash", ",'numbers':{'presence_penalty':0.2}");
	refused(LLM_E_UNSUPPORTED, "penalties");
	ask_model("gemini-2.5-flash", ",'numbers':{'frequency_penalty':-1}");
	refused(LLM_E_UNSUPPORTED, "penalties");
	ask_model("gemini-3.8-flash", ",'numbers':{'presence_penalty':0,'frequency_penalty':0}");
	warned(NULL);
	body_has("generationConfig", NULL);
	ask_model("gemini-2.0-flash", ",'numbers':{'presence_penalty':0.5,'frequency_penalty':1}");
	warned(NULL);
	body_has("generationConfig", "{'presencePenalty':0.5,'frequencyPenalty':1}");
}

Test(gemini_requests, numbers_out_of_range)
{
	static const struct {
		const char *numbers;
		int32_t code;
		const char *text;
	} rows[] = {
		{"'seed':2147483648", LLM_E_INVALID_REQUEST,
			"seed must be from -2147483648 to 2147483647 for gemini-2.5-flash"},
		{"'seed':-2147483649", LLM_E_INVALID_REQUEST, "seed"},
		{"'temperature':2.1", LLM_E_INVALID_REQUEST,
			"temperature must be from 0 to 2 for gemini-2.5-flash"},
		{"'max_output_tokens':2147483648", LLM_E_INVALID_REQUEST,
			"max_tokens must be from 1 to 2147483647 for gemini-2.5-flash"},
		{"'min_p':0.1", LLM_E_UNSUPPORTED, "min_p"},
		{"'repeat_penalty':1.1", LLM_E_UNSUPPORTED, "repeat_penalty"},
		{"'choices':2", LLM_E_UNSUPPORTED, "one answer"},
	};
	char more[80];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(more, sizeof(more), ",'numbers':{%s}", rows[i].numbers);
		ask_model("gemini-2.5-flash", more);
		refused(rows[i].code, rows[i].text);
	}
	ask_model("gemini-2.5-flash",
		",'numbers':{'seed':-2147483648,'temperature':2,'choices':1,"
		"'max_output_tokens':2147483647}");
	warned(NULL);
	body_has("generationConfig",
		"{'seed':-2147483648,'temperature':2,"
		"'maxOutputTokens':2147483647}");
}

Test(gemini_requests, stop_texts_and_logprobs)
{
	ask_model("gemini-3.8-flash", ",'stop':['1','2','3','4','5'],'numbers':{'top_logprobs':3}");
	warned(NULL);
	body_has("generationConfig",
		"{'stopSequences':['1','2','3','4','5'],'responseLogprobs':true,'logprobs':3}");
	ask_model("gemini-3.8-flash", ",'stop':['1','2','3','4','5','6']");
	refused(LLM_E_UNSUPPORTED, "five");
	ask_model("gemini-3.8-flash", ",'logprobs':true");
	warned(NULL);
	body_has("generationConfig", "{'responseLogprobs':true}");
}

/* ---- formats and tools ---- */

/* A fixture that cannot be had: err_400_json_with_tools. */
Test(gemini_requests, formats)
{
	ask_model("gemini-3.8-flash", ",'format':'json'");
	warned(NULL);
	body_has("generationConfig", "{'responseMimeType':'application/json'}");
	ask_model("gemini-3.8-flash", ",'format':'json','tools':[{'name':'f'}]");
	warned(NULL);
	ask_model("gemini-2.5-flash", ",'format':'json','tools':[{'name':'f'}]");
	refused(LLM_E_UNSUPPORTED, "Gemini 3");
	ask_model("gemini-3.8-flash", ",'format':{'schema':[1]}");
	refused(LLM_E_INVALID_REQUEST, "schema");
}

Test(gemini_requests, tools_and_their_choice)
{
	static const struct {
		const char *more;
		const char *config;
	} rows[] = {
		{"", NULL},
		{",'tool_choice':'auto'", NULL},
		{",'tool_choice':'none'", "{'functionCallingConfig':{'mode':'NONE'}}"},
		{",'tool_choice':'required'", "{'functionCallingConfig':{'mode':'ANY'}}"},
		{",'tool_choice':{'name':'f'}",
			"{'functionCallingConfig':{'mode':'ANY','allowedFunctionNames':['f']}}"},
	};
	char more[120];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(more, sizeof(more), ",'tools':[{'name':'f'}]%s", rows[i].more);
		ask_model("gemini-3.8-flash", more);
		warned(NULL);
		body_has("tools", "[{'functionDeclarations':[{'name':'f'}]}]");
		body_has("toolConfig", rows[i].config);
	}
	ask_model("gemini-3.8-flash", ",'tools':[{'name':'f'},{'name':'g','strict':true}]");
	warned(NULL);
	body_has("toolConfig", "{'functionCallingConfig':{'mode':'VALIDATED'}}");
	ask_model("gemini-3.8-flash", ",'tool_choice':'required'");
	refused(LLM_E_INVALID_REQUEST, "has none");
	ask_model("gemini-3.8-flash", ",'tools':[{'name':'f','schema':7}]");
	refused(LLM_E_INVALID_REQUEST, "schema of tool \"f\"");
}

/* ---- what has no place in the wire ---- */

Test(gemini_requests, what_cannot_be_honoured)
{
	ask_model("gemini-3.8-flash", "");
	rq.end_user = "u";
	warned("end user");
	ask_model("gemini-3.8-flash", ",'tools':[{'name':'f'}],'parallel_tools':false");
	warned("one tool at a time");
	ask_model("gemini-3.8-flash", ",'tools':[{'name':'f'}],'parallel_tools':true");
	warned(NULL);
	ask_model("gemini-3.8-flash", "");
	rq.continue_last_turn = 1;
	refused(LLM_E_UNSUPPORTED, "continue");
	rq.model = "gemini-3.5-flash";
	warned(NULL);
	rq.model = "";
	refused(LLM_E_INVALID_REQUEST, "no model");
	rq.model = "models/";
	refused(LLM_E_INVALID_REQUEST, "no model");
	rq.model = NULL;
	refused(LLM_E_INVALID_REQUEST, "no model");
}

Test(gemini_requests, safety_settings)
{
	static const char settings[] =
		"[{\"category\":\"HARM_CATEGORY_HARASSMENT\",\"threshold\":\"OFF\"}]";

	ask_model("gemini-3.8-flash", "");
	rq.safety = (llm_bytes){settings, sizeof(settings) - 1};
	warned(NULL);
	body_has("safetySettings", "[{'category':'HARM_CATEGORY_HARASSMENT','threshold':'OFF'}]");
	rq.safety = (llm_bytes){"{}", 2};
	refused(LLM_E_INVALID_REQUEST, "safety");
	rq.safety = (llm_bytes){"[", 1};
	refused(LLM_E_INVALID_REQUEST, "safety");
}

/* ---- options and extra ---- */

Test(gemini_requests, options_of_a_wrong_type)
{
	static const char *const options[] = {"'include_thoughts':1", "'thinking_level':7",
		"'thinking_budget':'512'", "'thinking_budget':1.5", "'generation_config':[1]",
		"'cached_content':null", "'service_tier':true", "'media_resolution':{}",
		"'skip_signature_check':'no'"};
	char more[80];
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		snprintf(more, sizeof(more), ",'options':{%s}", options[i]);
		ask_model("gemini-3.8-flash", more);
		refused(LLM_E_INVALID_REQUEST, "expected");
	}
	ask_model("gemini-3.8-flash", ",'options':{'num_ctx':1}");
	refused(LLM_E_UNSUPPORTED, "num_ctx");
}

Test(gemini_requests, options_and_where_they_go)
{
	ask_model("gemini-3.8-flash",
		",'options':{'service_tier':'flex','media_resolution':'MEDIA_RESOLUTION_LOW',"
		"'generation_config':{'temperature':0.5,'speechConfig':{}},'thinking_budget':-1}");
	warned(NULL);
	body_has("serviceTier", "'flex'");
	body_has("generationConfig",
		"{'mediaResolution':'MEDIA_RESOLUTION_LOW','temperature':0.5,'speechConfig':{},"
		"'thinkingConfig':{'thinkingBudget':-1}}");
	ask_model("gemini-3.8-flash",
		",'numbers':{'seed':1},'options':{'generation_config':{'seed':2}}");
	refused(LLM_E_INVALID_REQUEST, "\"seed\" is set by the request");
}

Test(gemini_requests, a_cache_holds_system_text_and_tools)
{
	static const char cache[] = ",'options':{'cached_content':'cachedContents/a'}";
	char more[200];

	snprintf(more, sizeof(more), "%s,'tools':[{'name':'f'}]", cache);
	ask_model("gemini-3.8-flash", more);
	refused(LLM_E_INVALID_REQUEST, "tools are in the cache");
	ask("{'model':'gemini-3.8-flash','messages':[{'role':'system','parts':[{'text':'s'}]},"
	    "{'role':'user','parts':[{'text':'u'}]}],"
	    "'options':{'cached_content':'cachedContents/a'}}");
	refused(LLM_E_INVALID_REQUEST, "system text is in the cache");
}

Test(gemini_requests, extra_may_not_write_what_the_plugin_writes)
{
	static const char *const names[] = {"contents", "systemInstruction", "system_instruction",
		"tools", "toolConfig", "tool_config", "safetySettings", "safety_settings",
		"generationConfig", "generation_config", "cachedContent", "cached_content",
		"serviceTier", "service_tier"};
	char more[80];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(more, sizeof(more), ",'extra':{'%s':1}", names[i]);
		ask_model("gemini-3.8-flash", more);
		refused(LLM_E_INVALID_REQUEST, names[i]);
	}
	ask_model("gemini-3.8-flash", ",'extra':{'store':false}");
	warned(NULL);
	body_has("store", "false");
}

Test(gemini_requests, memory_runs_out)
{
	int32_t rc = LLM_E_NOMEM;
	uint64_t k;

	ask_model("gemini-3.8-flash", ",'options':{'generation_config':{'a\\\\u0062':1}}");
	for (k = 1; rc == LLM_E_NOMEM && k < 9; k++) {
		p.fail_at = p.allocs + k;
		rc = build();
	}
	cr_expect_eq(rc, 0);
	cr_expect_geq(k, 2u);
}
