/*
 * openai.so: what it describes, what it makes of requests, what it refuses.
 */
#include "openai_help.h"

TestSuite(provider_openai, .init = set_up, .fini = tear_down);

/* ---- describe, configuration ---- */

Test(provider_openai, describes_itself)
{
	llm_caps caps = {.struct_size = (uint32_t)sizeof(caps)};

	cr_expect_str_eq(p.desc->id, "org.libllm.openai");
	cr_expect_str_eq(p.info->default_base_url, "https://api.openai.com/v1");
	cr_expect_str_eq(p.info->base_url_env, "OPENAI_BASE_URL");
	cr_expect_str_eq(p.info->key_env[0], "OPENAI_API_KEY");
	cr_expect_eq(p.info->flags,
		LLM_PROVIDER_NEEDS_KEY | LLM_PROVIDER_KEEPALIVES | LLM_PROVIDER_EOF_ENDS);
	cr_expect_eq(p.v->capabilities(p.instance, "m", &caps), 0);
	cr_expect_eq(caps.framing, (uint32_t)LLM_FRAMING_SSE);
	cr_expect_eq(caps.auth, (uint32_t)LLM_AUTH_BEARER);
	cr_expect_eq(caps.tools, (uint32_t)LLM_CAP_UNKNOWN, "it depends on the model");
	cr_expect_eq(caps.tool_choice, (uint32_t)LLM_CAP_YES);
	cr_expect_eq(caps.json_schema, (uint32_t)LLM_CAP_YES);
	cr_expect_eq(caps.locality, (uint32_t)LLM_LOCALITY_CLOUD);
	cr_expect_not_null(p.v->get_extension(p.instance, LLM_EXT_MODELS));
	cr_expect_not_null(p.v->get_extension(p.instance, LLM_EXT_MODEL));
	cr_expect_null(p.v->get_extension(p.instance, LLM_EXT_STATE));
}

Test(provider_openai, name_of_the_output_limit)
{
	static const struct {
		const char *config[5];
		const char *field;
	} rows[] = {
		{{NULL}, "max_completion_tokens"},
		{{"base_url", "https://api.openai.com/v1", NULL}, "max_completion_tokens"},
		{{"base_url", "https://r.openai.azure.com/openai/v1", NULL},
			"max_completion_tokens"},
		{{"base_url", "http://127.0.0.1:8000/v1", NULL}, "max_tokens"},
		{{"base_url", "https://api.openai.com.example/v1", NULL}, "max_tokens"},
		{{"base_url", "http://[::1]:8000/v1", "max_tokens_field", "auto", NULL},
			"max_tokens"},
		{{"max_tokens_field", "max_tokens", NULL}, "max_tokens"},
		{{"base_url", "http://h/v1", "max_tokens_field", "max_completion_tokens", NULL},
			"max_completion_tokens"},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_with(rows[i].config);
		ask("{'model':'m','messages':[],'numbers':{'max_output_tokens':9}}");
		cr_expect_eq(build(), 0);
		body_has(rows[i].field, "9");
	}
}

Test(provider_openai, configuration_that_is_wrong)
{
	static const char *const configs[][3] = {
		{"max_tokens_field", "tokens", NULL},
		{"dialect", "openapi", NULL},
		{"auth", "basic", NULL},
		{"system_role", "user", NULL},
		{"reasoning_history", "thinking", NULL},
	};
	size_t i;
	plug q;

	for (i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		cr_expect_eq(plug_open(&q, OPENAI_FILE, configs[i]), LLM_E_CONFIG);
		cr_expect(strstr(q.error.ptr, configs[i][0]), "%s", q.error.ptr);
		cr_expect(strstr(q.error.ptr, "auto"), "%s", q.error.ptr);
		plug_close(&q);
	}
}

Test(provider_openai, usage_is_asked_for_unless_switched_off)
{
	static const char *const off[] = {"include_usage", "false", NULL};

	ask_hi();
	rq.stream = 1;
	cr_expect_eq(build(), 0);
	body_has("stream_options", "{'include_usage':true}");
	open_with(off);
	ask_hi();
	rq.stream = 1;
	cr_expect_eq(build(), 0);
	body_has("stream_options", NULL);
	body_has("stream", "true");
	rq.stream = 0;
	cr_expect_eq(build(), 0);
	body_has("stream_options", NULL);
	body_has("stream", "false");
}

/* ---- requests ---- */

Test(provider_openai, numbers_and_stop)
{
	ask("{'model':'m','messages':[],'stop':['a'],'numbers':{'temperature':0,'top_p':0.5,"
	    "'seed':-3,'presence_penalty':-0.5,'frequency_penalty':2}}");
	cr_expect_eq(build(), 0);
	body_has("temperature", "0");
	body_has("top_p", "0.5");
	body_has("seed", "-3");
	body_has("presence_penalty", "-0.5");
	body_has("frequency_penalty", "2");
	body_has("stop", "['a']");
	cr_expect_str_eq(http.path.ptr, "/chat/completions");
}

Test(provider_openai, system_text_is_one_message_at_the_start)
{
	ask("{'model':'m','messages':[{'role':'system','parts':[{'text':'a'}]},"
	    "{'role':'user','parts':[{'text':'b'},{'text':'c'}]},"
	    "{'role':'system','parts':[{'text':'d'}]},"
	    "{'role':'assistant','parts':[{'text':'e'},{'text':'f'}]}]}");
	cr_expect_eq(build(), 0);
	cr_expect_eq(http.n_warnings, 0);
	body_has("messages",
		"[{'role':'system','content':'a\\n\\nd'},"
		"{'role':'user','content':[{'type':'text','text':'b'},{'type':'text','text':'c'}]},"
		"{'role':'assistant','content':'ef'}]");
}

Test(provider_openai, reasoning_of_earlier_turns_is_left_out_and_told)
{
	ask("{'model':'m','messages':[{'role':'assistant','parts':[{'reasoning':'r'},"
	    "{'text':'t'}]}]}");
	cr_expect_eq(build(), 0);
	cr_expect_eq(http.n_warnings, 1);
	body_has("messages", "[{'role':'assistant','content':'t'}]");
}

Test(provider_openai, end_user_has_two_names)
{
	static const char *const other[] = {"base_url", "http://h/v1", NULL};

	ask_hi();
	rq.end_user = "u";
	cr_expect_eq(build(), 0);
	body_has("safety_identifier", "'u'");
	open_with(other);
	ask_hi();
	rq.end_user = "u";
	cr_expect_eq(build(), 0);
	body_has("user", "'u'");
}

Test(provider_openai, extra_joins_but_may_not_write_the_plugins_members)
{
	builds("{'model':'m','messages':[],'extra':{'verbosity':'low','top_k':4}}");
	body_has("verbosity", "'low'");
	body_has("top_k", "4");
	ask("{'model':'m','messages':[],'extra':{'reasoning_effort':'low'}}");
	refused(LLM_E_INVALID_REQUEST, "reasoning_effort");
	ask("{'model':'m','messages':[],'extra':{'tools':[]}}");
	refused(LLM_E_INVALID_REQUEST, "tools");
	ask("{'model':'m','messages':[],'extra':{'max_tokens':4}}");
	refused(LLM_E_INVALID_REQUEST, "max_tokens");
	ask("{'model':'m','messages':[],'extra':{'stream_options':{}}}");
	refused(LLM_E_INVALID_REQUEST, "stream_options");
}

Test(provider_openai, what_cannot_be_honoured_is_refused)
{
	static const uint64_t bits[] = {LLM_HAS_TOP_K, LLM_HAS_MIN_P, LLM_HAS_REPEAT_PENALTY};
	size_t i;

	ask_hi();
	for (i = 0; i < 3; i++) {
		rq.has = bits[i];
		refused(LLM_E_UNSUPPORTED, "top_k");
	}
	rq.has = LLM_HAS_CHOICES;
	rq.choices = 2;
	refused(LLM_E_UNSUPPORTED, "one answer");
	ask_hi();
	rq.safety = (llm_bytes){"[]", 2};
	refused(LLM_E_UNSUPPORTED, "safety");
	ask_hi();
	rq.continue_last_turn = 1;
	refused(LLM_E_UNSUPPORTED, "continue");
	ask("{'model':'m','messages':[],'options':{'num_ctx':1}}");
	refused(LLM_E_UNSUPPORTED, "num_ctx");
	ask("{'model':'m','messages':[],'options':{'strict_schema':'yes'}}");
	refused(LLM_E_INVALID_REQUEST, "strict_schema: expected true or false");
	ask("{'model':'m','messages':[],'options':{'image_detail':7}}");
	refused(LLM_E_INVALID_REQUEST, "image_detail: expected a text");
	ask("{'model':'m','messages':[],'options':{'chat_template_kwargs':[]}}");
	refused(LLM_E_INVALID_REQUEST, "chat_template_kwargs: expected a JSON object");
	ask("{'model':'m','messages':[],'options':{'chat_template_kwargs':{}}}");
	refused(LLM_E_UNSUPPORTED, "vLLM and llama.cpp");
	ask("{'model':'','messages':[]}");
	refused(LLM_E_INVALID_REQUEST, "no model");
	ask("{'model':'m','messages':[{'role':'user','parts':[{'reasoning':'r'}]}]}");
	refused(LLM_E_INVALID_REQUEST, "assistant");
}
