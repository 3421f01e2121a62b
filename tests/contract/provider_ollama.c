/*
 * ollama.so: what it describes, what it makes of requests, what it refuses.
 */
#include "provider_ask.h"

static void set_up(void)
{
	static const char *const config[] = {"base_url", "http://127.0.0.1:11434", NULL};

	begin_asking(TEST_BINARY_DIR "/plugins/ollama.so", config);
}

TestSuite(provider_ollama, .init = set_up, .fini = tear_down);

/* ---- describe ---- */

Test(provider_ollama, describes_itself)
{
	static const char *const names[] = {"num_ctx", "num_keep", "typical_p", "repeat_last_n",
		"num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread", "draft_num_predict",
		"keep_alive"};
	size_t found = 0;
	size_t i, k;

	cr_expect_str_eq(p.desc->id, "org.libllm.ollama");
	cr_expect_str_eq(p.info->name, "ollama");
	cr_expect_str_eq(p.info->base_url_env, "OLLAMA_HOST");
	cr_expect_str_eq(p.info->key_env[0], "OLLAMA_API_KEY");
	cr_expect_eq(p.info->flags, 0u);
	cr_expect_eq(p.info->first_token_ms, 330000u);
	cr_expect_eq(p.info->max_concurrency, 4u);
	for (i = 0; p.info->request_options[i]; i++)
		for (k = 0; k < sizeof(names) / sizeof(names[0]); k++)
			found += strcmp(p.info->request_options[i]->name, names[k]) == 0;
	cr_expect_eq(found, sizeof(names) / sizeof(names[0]));
	cr_expect_eq(i, found);
}

static llm_caps caps_of(const char *model)
{
	llm_caps caps = {.struct_size = (uint32_t)sizeof(caps)};

	cr_assert_eq(p.v->capabilities(p.instance, model, &caps), 0);
	return caps;
}

Test(provider_ollama, R_ROUTE_5_cloud_names_accept_a_schema_only)
{
	static const struct {
		const char *model;
		int cloud;
	} rows[] = {
		{"llama3.2", 0},
		{"gpt-oss:120b-cloud", 1},
		{"glm-5.2:cloud", 1},
		{"cloud", 0},
		{"cloudy:7b", 0},
		{"gpt-oss:120b-cloud:local", 0},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		llm_caps c = caps_of(rows[i].model);

		cr_expect_eq(c.json_schema,
			(uint32_t)(rows[i].cloud ? LLM_CAP_ACCEPTED : LLM_CAP_YES), "%s",
			rows[i].model);
		cr_expect_eq(c.locality,
			(uint32_t)(rows[i].cloud ? LLM_LOCALITY_CLOUD : LLM_LOCALITY_UNKNOWN), "%s",
			rows[i].model);
		cr_expect_eq(c.framing, (uint32_t)LLM_FRAMING_NDJSON);
		cr_expect_eq(c.tool_choice, (uint32_t)LLM_CAP_NO);
		cr_expect_eq(c.tools_with_schema, (uint32_t)LLM_CAP_NO);
	}
}

Test(provider_ollama, R_ROUTE_5_cloud_address_accepts_a_schema_only)
{
	static const struct {
		const char *url;
		uint32_t want;
	} rows[] = {
		{"https://ollama.com", LLM_CAP_ACCEPTED},
		{"https://ollama.com:443/x", LLM_CAP_ACCEPTED},
		{"https://api.ollama.com", LLM_CAP_ACCEPTED},
		{"https://notollama.com", LLM_CAP_YES},
		{"https://ollama.com.example", LLM_CAP_YES},
		{"http://[::1]:11434", LLM_CAP_YES},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *config[] = {"base_url", rows[i].url, NULL};

		plug_close(&p);
		cr_assert_eq(plug_open(&p, TEST_BINARY_DIR "/plugins/ollama.so", config), 0);
		cr_expect_eq(caps_of("llama3.2").json_schema, rows[i].want, "%s", rows[i].url);
	}
}

/* ---- what is sent ---- */

Test(provider_ollama, R_ERR_7_truncation_is_off_unless_allowed)
{
	ask_hi();
	cr_expect_eq(build(), 0);
	body_has("truncate", "false");
	body_has("shift", "false");
	body_has("stream", "false");
	rq.allow_truncation = 1;
	rq.stream = 1;
	cr_expect_eq(build(), 0);
	body_has("truncate", NULL);
	body_has("shift", NULL);
	body_has("stream", "true");
}

Test(provider_ollama, every_option_in_the_order_of_the_sheet)
{
	static const char want[] =
		"{\"temperature\":0.5,\"top_p\":0.9,\"top_k\":40,\"min_p\":0.05,"
		"\"typical_p\":0.25,\"seed\":7,\"num_predict\":64,\"num_ctx\":8192,\"num_keep\":4,"
		"\"stop\":[\"a\",\"b\"],\"repeat_penalty\":1.1,\"repeat_last_n\":64,"
		"\"presence_penalty\":0.2,\"frequency_penalty\":0.3,\"num_batch\":512,"
		"\"num_gpu\":-1,"
		"\"main_gpu\":0,\"use_mmap\":true,\"num_thread\":8,\"draft_num_predict\":4}";

	ask("{'model':'m','messages':[],'stop':['a','b'],'numbers':{'temperature':0.5,'top_p':0.9,"
	    "'top_k':40,'min_p':0.05,'seed':7,'max_output_tokens':64,'repeat_penalty':1.1,"
	    "'presence_penalty':0.2,'frequency_penalty':0.3},'options':{'typical_p':0.25,"
	    "'num_ctx':8192,'num_keep':4,'repeat_last_n':64,'num_batch':512,'num_gpu':-1,"
	    "'main_gpu':0,'use_mmap':true,'num_thread':8,'draft_num_predict':4}}");
	cr_expect_eq(build(), 0);
	cr_expect(strstr(http.body.ptr, want), "%s", http.body.ptr);
	cr_expect_str_eq(http.headers.ptr, "Content-Type: application/json\n");
}

Test(provider_ollama, option_of_a_wrong_type_is_refused)
{
	static const char *const options[] = {"{'num_ctx':'8192'}", "{'num_ctx':1.5}",
		"{'use_mmap':1}", "{'typical_p':true}", "{'num_gpu':null}", "{'keep_alive':true}",
		"{'num_thread':[]}"};
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		char text[200];

		snprintf(
			text, sizeof(text), "{'model':'m','messages':[],'options':%s}", options[i]);
		ask(text);
		refused(LLM_E_INVALID_REQUEST, "expected");
	}
	ask("{'model':'m','messages':[],'options':{'mirostat':1}}");
	refused(LLM_E_UNSUPPORTED, "mirostat");
}

Test(provider_ollama, keep_alive_in_all_its_forms)
{
	static const struct {
		const char *given;
		const char *want; /* null: refused */
	} rows[] = {
		{"300", "300"},
		{"0", "0"},
		{"-1", "-1"},
		{"1.5", "1.5"},
		{"'300'", "300"},
		{"'0'", "0"},
		{"'-1'", "-1"},
		{"'0.5'", "0.5"},
		{"'10m'", "'10m'"},
		{"'1h30m'", "'1h30m'"},
		{"'500ms'", "'500ms'"},
		{"'-1m'", "'-1m'"},
		{"'1.5h'", "'1.5h'"},
		{"'.5s'", "'.5s'"},
		{"''", NULL},
		{"'10'", "10"},
		{"'10 m'", NULL},
		{"'ten'", NULL},
		{"'10d'", NULL},
		{"'m'", NULL},
		{"'-'", NULL},
		{"'1h30'", NULL},
		{"'1..5h'", NULL},
		{"'1e400'", NULL},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[200];

		snprintf(text, sizeof(text),
			"{'model':'m','messages':[],"
			"'options':{'keep_alive':%s}}",
			rows[i].given);
		ask(text);
		if (!rows[i].want) {
			refused(LLM_E_INVALID_REQUEST, "keep_alive");
			continue;
		}
		cr_expect_eq(build(), 0, "%s", rows[i].given);
		body_has("keep_alive", rows[i].want);
		body_has("options", NULL);
	}
}

Test(provider_ollama, think_is_off_on_or_a_level)
{
	static const struct {
		uint32_t level;
		const char *want;
	} rows[] = {
		{LLM_REASONING_DEFAULT, NULL},
		{LLM_REASONING_OFF, "false"},
		{LLM_REASONING_ON, "true"},
		{LLM_REASONING_LOW, "'low'"},
		{LLM_REASONING_MEDIUM, "'medium'"},
		{LLM_REASONING_HIGH, "'high'"},
		{LLM_REASONING_MAX, "'max'"},
	};
	size_t i;

	ask_hi();
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rq.reasoning = rows[i].level;
		cr_expect_eq(build(), 0);
		body_has("think", rows[i].want);
	}
}

Test(provider_ollama, conversation_with_parts_of_every_kind)
{
	ask("{'model':'m','messages':["
	    "{'role':'system','parts':[{'text':'a'},{'text':'b'}]},"
	    "{'role':'assistant','parts':[{'reasoning':'r'},{'text':'t'},"
	    "{'tool_call':{'id':'1','name':'f','arguments':''}},"
	    "{'tool_call':{'name':'g','arguments':'{}'}}]},"
	    "{'role':'tool','parts':[{'tool_result':{'id':'1','name':'f','content':'x'}},"
	    "{'tool_result':{'name':'g','content':'y'}}]}]}");
	((llm_part_view *)(uintptr_t)rq.messages[2]->parts[1])->is_error = 1;
	cr_expect_eq(build(), 0, "%s", p.error.ptr);
	body_has("messages",
		"[{'role':'system','content':'ab'},"
		"{'role':'assistant','content':'t','thinking':'r','tool_calls':["
		"{'id':'1','function':{'index':0,'name':'f','arguments':{}}},"
		"{'function':{'index':1,'name':'g','arguments':{}}}]},"
		"{'role':'tool','tool_name':'f','tool_call_id':'1','content':'x'},"
		"{'role':'tool','tool_name':'g','content':'Error: y'}]");
}

Test(provider_ollama, tools_without_a_schema_and_none_at_all)
{
	ask("{'model':'m','messages':[],'tools':[{'name':'f'}]}");
	cr_expect_eq(build(), 0);
	body_has("tools",
		"[{'type':'function','function':{'name':'f','parameters':"
		"{'type':'object','properties':{}}}}]");
	rq.tool_choice = LLM_TOOLS_NONE;
	cr_expect_eq(build(), 0);
	body_has("tools", NULL);
	ask("{'model':'m','messages':[],'format':'json'}");
	cr_expect_eq(build(), 0);
	body_has("format", "'json'");
}

Test(provider_ollama, extra_joins_at_the_top)
{
	ask("{'model':'m','messages':[],'extra':{'_debug_render_only':true,'n':[1,{'a':2}]}}");
	cr_expect_eq(build(), 0);
	body_has("_debug_render_only", "true");
	body_has("n", "[1,{'a':2}]");
}

/* ---- what is not ---- */

Test(provider_ollama, extra_may_not_write_what_the_plugin_writes)
{
	static const char *const names[] = {"model", "messages", "tools", "format", "think",
		"stream", "truncate", "shift", "options", "keep_alive", "logprobs", "top_logprobs"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char text[200];

		snprintf(text, sizeof(text), "{'model':'m','messages':[],'extra':{'%s':1}}",
			names[i]);
		ask(text);
		refused(LLM_E_INVALID_REQUEST, names[i]);
	}
	ask_hi();
	rq.extra = (llm_bytes){"[1]", 3};
	refused(LLM_E_INVALID_REQUEST, "extra");
	rq.extra = (llm_bytes){"{\"\\u006dodel\":1}", 16};
	refused(LLM_E_INVALID_REQUEST, "model");
}

Test(provider_ollama, what_cannot_be_honoured_is_refused)
{
	ask_hi();
	rq.tool_choice = LLM_TOOLS_REQUIRED;
	refused(LLM_E_UNSUPPORTED, "must be called");
	rq.tool_choice = LLM_TOOLS_NAMED;
	refused(LLM_E_UNSUPPORTED, "must be called");
	ask_hi();
	rq.has = LLM_HAS_CHOICES;
	rq.choices = 2;
	refused(LLM_E_UNSUPPORTED, "one answer");
	ask_hi();
	rq.safety = (llm_bytes){"[]", 2};
	refused(LLM_E_UNSUPPORTED, "safety");
	ask_hi();
	rq.continue_last_turn = 1;
	refused(LLM_E_UNSUPPORTED, "continue");
	ask_hi();
	rq.model = "";
	refused(LLM_E_INVALID_REQUEST, "no model");
	rq.model = NULL;
	refused(LLM_E_INVALID_REQUEST, "no model");
}

static llm_part_view *first_part(void)
{
	return (llm_part_view *)(uintptr_t)rq.messages[0]->parts[0];
}

Test(provider_ollama, parts_that_cannot_be_sent_are_refused)
{
	static const uint32_t kinds[] = {LLM_PART_AUDIO, LLM_PART_FILE, 77};
	size_t i;

	ask_hi();
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		first_part()->kind = kinds[i];
		refused(LLM_E_UNSUPPORTED, "no audio");
	}
	first_part()->kind = LLM_PART_IMAGE;
	first_part()->url = "https://example.test/a.png";
	refused(LLM_E_UNSUPPORTED, "not by URL");
	first_part()->url = "data:image/png;base64,AAAA";
	refused(LLM_E_UNSUPPORTED, "not by URL");
	first_part()->kind = LLM_PART_TOOL_RESULT;
	refused(LLM_E_INVALID_REQUEST, "turn of a tool");
	first_part()->kind = LLM_PART_REASONING;
	refused(LLM_E_INVALID_REQUEST, "turns of the assistant");
	first_part()->kind = LLM_PART_OPAQUE;
	cr_expect_eq(build(), 0);
}

Test(provider_ollama, arguments_that_are_no_object_are_refused)
{
	static const char *const arguments[] = {"[1]", "7", "{", "{} {}", "null", "text"};
	size_t i;

	for (i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++) {
		ask("{'model':'m','messages':[{'role':'assistant','parts':["
		    "{'tool_call':{'id':'1','name':'f','arguments':'x'}}]}]}");
		first_part()->text = (llm_bytes){arguments[i], strlen(arguments[i])};
		refused(LLM_E_INVALID_REQUEST, "\"f\"");
	}
	ask("{'model':'m','messages':[],'tools':[{'name':'f','schema':[1]}]}");
	refused(LLM_E_INVALID_REQUEST, "schema of tool");
	ask("{'model':'m','messages':[],'format':{'schema':7}}");
	refused(LLM_E_INVALID_REQUEST, "schema");
}

Test(provider_ollama, what_is_left_out_is_told)
{
	ask_hi();
	rq.end_user = "u1";
	warned("end user");
	ask("{'model':'m','messages':[],'tools':[{'name':'f'}]}");
	rq.has = LLM_HAS_PARALLEL_TOOLS;
	warned("one tool at a time");
	rq.parallel_tools = 1;
	((llm_tool_view *)(uintptr_t)rq.tools[0])->strict = 1;
	warned("strict");
	ask("{'model':'m','messages':[],'format':'json','tools':[{'name':'f'}]}");
	warned("format wins");
	rq.tool_choice = LLM_TOOLS_NONE;
	cr_expect_eq(build(), 0);
	cr_expect_eq(http.n_warnings, 0);
	ask_hi();
	first_part()->cache_hint = 1;
	cr_expect_eq(build(), 0);
	cr_expect_eq(http.n_warnings, 0);
}

Test(provider_ollama, U_11_text_that_is_not_utf8_is_refused)
{
	ask_hi();
	first_part()->text = (llm_bytes){"\xc3\x28", 2};
	refused(LLM_E_INVALID_REQUEST, "UTF-8");
}
