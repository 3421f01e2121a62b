/*
 * openai.so: turns with media, tools and reasoning; formats; logprobs.
 */
#include "openai_help.h"

TestSuite(openai_requests, .init = set_up, .fini = tear_down);

/* ---- media ---- */

static void user_parts(const char *parts)
{
	char text[1000];

	snprintf(
		text, sizeof(text), "{'model':'m','messages':[{'role':'user','parts':%s}]}", parts);
	ask(text);
}

static void user_content(const char *parts, const char *want)
{
	char text[1000];

	user_parts(parts);
	cr_assert_eq(build(), 0, "%s: %s", parts, p.error.ptr);
	snprintf(text, sizeof(text), "[{'role':'user','content':%s}]", want);
	body_has("messages", text);
}

Test(openai_requests, images)
{
	user_content("[{'image_base64':'AAEC','media_type':'image/png'}]",
		"[{'type':'image_url','image_url':{'url':'data:image/png;base64,AAEC'}}]");
	user_content("[{'image_url':'https://h/a.png','media_type':'image/png'},{'text':'a'}]",
		"[{'type':'image_url','image_url':{'url':'https://h/a.png'}},"
		"{'type':'text','text':'a'}]");
	ask("{'model':'m','messages':[{'role':'user','parts':[{'image_url':'u','media_type':'i'},"
	    "{'image_url':'v','media_type':'i','opaque':[{'provider':'org.other','kind':'detail',"
	    "'data':'x'},{'provider':'org.libllm.openai','kind':'detail','data':'low'}]}]}],"
	    "'options':{'image_detail':'high'}}");
	cr_expect_eq(build(), 0);
	body_has("messages",
		"[{'role':'user','content':["
		"{'type':'image_url','image_url':{'url':'u','detail':'high'}},"
		"{'type':'image_url','image_url':{'url':'v','detail':'low'}}]}]");
}

Test(openai_requests, audio)
{
	static const char *const kinds[][2] = {{"audio/wav", "wav"}, {"audio/x-wav", "wav"},
		{"audio/wave", "wav"}, {"audio/vnd.wave", "wav"}, {"Audio/MPEG", "mp3"},
		{"audio/mp3", "mp3"}};
	char part[200];
	char want[200];
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		snprintf(part, sizeof(part), "[{'audio_base64':'AAEC','media_type':'%s'}]",
			kinds[i][0]);
		snprintf(want, sizeof(want),
			"[{'type':'input_audio','input_audio':{'data':'AAEC','format':'%s'}}]",
			kinds[i][1]);
		user_content(part, want);
	}
}

Test(openai_requests, files)
{
	user_content("[{'file_base64':'AAEC','media_type':'application/pdf','name':'a.pdf'}]",
		"[{'type':'file','file':{'filename':'a.pdf',"
		"'file_data':'data:application/pdf;base64,AAEC'}}]");
	user_content("[{'file_base64':'AAEC','media_type':'application/pdf'}]",
		"[{'type':'file','file':{'filename':'file.pdf',"
		"'file_data':'data:application/pdf;base64,AAEC'}}]");
	user_content("[{'file_base64':'AAEC','media_type':'text/plain'}]",
		"[{'type':'file','file':{'filename':'file',"
		"'file_data':'data:text/plain;base64,AAEC'}}]");
}

Test(openai_requests, media_that_cannot_go)
{
	user_parts("[{'audio_base64':'AAEC','media_type':'audio/ogg'}]");
	refused(LLM_E_UNSUPPORTED, "audio/ogg");
	user_parts("[{'audio_base64':'AAEC'}]");
	refused(LLM_E_UNSUPPORTED, "audio");
	user_parts("[{'audio_url':'https://h/a.wav','media_type':'audio/wav'}]");
	refused(LLM_E_UNSUPPORTED, "as bytes");
	user_parts("[{'file_url':'https://h/a.pdf','media_type':'application/pdf'}]");
	refused(LLM_E_UNSUPPORTED, "as bytes");
	user_parts("[{'image_base64':'AAEC'}]");
	refused(LLM_E_INVALID_REQUEST, "media type");
	ask("{'model':'m','messages':[{'role':'assistant','parts':[{'image_url':'u'}]}]}");
	refused(LLM_E_UNSUPPORTED, "turns of the user and of tools");
	ask("{'model':'m','messages':[{'role':'system','parts':[{'image_url':'u'}]}]}");
	refused(LLM_E_UNSUPPORTED, "turns of the user and of tools");
}

/* ---- tools ---- */

Test(openai_requests, tools)
{
	builds("{'model':'m','messages':[],'tools':[{'name':'f'},{'name':'g','description':'d',"
	       "'strict':true,'schema':{'type':'object'}}]}");
	body_has("tools",
		"[{'type':'function','function':{'name':'f','parameters':{'type':'object',"
		"'properties':{}}}},{'type':'function','function':{'name':'g','description':'d',"
		"'parameters':{'type':'object'},'strict':true}}]");
	body_has("tool_choice", NULL);
	body_has("parallel_tool_calls", NULL);
	builds("{'model':'m','messages':[],'parallel_tools':false,'tools':[]}");
	body_has("tools", NULL);
	body_has("parallel_tool_calls", NULL);
	builds("{'model':'m','messages':[],'parallel_tools':false,'tools':[{'name':'f'}]}");
	body_has("parallel_tool_calls", "false");
}

Test(openai_requests, tool_choice)
{
	builds("{'model':'m','messages':[],'tool_choice':'none','tools':[{'name':'f'}]}");
	body_has("tool_choice", "'none'");
	builds("{'model':'m','messages':[],'tool_choice':'none'}");
	body_has("tool_choice", NULL);
	builds("{'model':'m','messages':[],'tool_choice':{'name':'g'},"
	       "'tools':[{'name':'f'},{'name':'g'}]}");
	body_has("tool_choice", "{'type':'function','function':{'name':'g'}}");
	ask("{'model':'m','messages':[],'tool_choice':{'name':'h'},'tools':[{'name':'f'}]}");
	refused(LLM_E_INVALID_REQUEST, "\"h\"");
	ask("{'model':'m','messages':[],'tool_choice':'required'}");
	refused(LLM_E_INVALID_REQUEST, "has none");
	ask("{'model':'m','messages':[],'tools':[{'name':'f','schema':[]}]}");
	refused(LLM_E_INVALID_REQUEST, "schema of tool \"f\"");
}

/* llama.cpp passes over a name, so there is nothing else to call. */
Test(openai_requests, a_named_tool_alone)
{
	open_dialect("llamacpp");
	builds("{'model':'m','messages':[],'tool_choice':{'name':'g'},"
	       "'tools':[{'name':'f'},{'name':'g','schema':{}}]}");
	body_has("tool_choice", "'required'");
	body_has("tools", "[{'type':'function','function':{'name':'g','parameters':{}}}]");
}

#define RESULT(id, text) "{'tool_result':{'id':'" id "','name':'f','content':'" text "'}}"
#define CALLED(id) "{'id':'" id "','type':'function','function':{'name':'f','arguments':'[1, x'}}"

Test(openai_requests, calls_and_results)
{
	builds("{'model':'m','messages':["
	       "{'role':'assistant','parts':[{'text':'t'},{'tool_call':{'id':'1','name':'f',"
	       "'arguments':'[1, x'}}]},"
	       "{'role':'assistant','parts':[{'text':''},{'tool_call':{'id':'2','name':'f',"
	       "'arguments':''}}]},"
	       "{'role':'tool','parts':[{'tool_result':{'id':'2','content':'no',"
	       "'is_error':true}}]}]}");
	body_has("messages",
		"[{'role':'assistant','content':'t','tool_calls':[" CALLED(
			"1") "]},"
			     "{'role':'assistant','content':null,'tool_calls':[{'id':'2',"
			     "'type':'function','function':{'name':'f','arguments':'{}'}}]},"
			     "{'role':'tool','content':'Error: no','tool_call_id':'2'}]");
}

/* Nothing may stand between a call and its results. */
Test(openai_requests, what_tools_show_follows_all_results)
{
	builds("{'model':'m','messages':["
	       "{'role':'tool','parts':[" RESULT(
		       "1", "a") ",{'image_url':'u'}]},"
				 "{'role':'system','parts':[{'text':'s'}]},"
				 "{'role':'tool','parts':[" RESULT("2",
					 "b") "]},"
					      "{'role':'user','parts':[{'text':'hi'}]},"
					      "{'role':'tool','parts':[" RESULT("3", "c") "]}]}");
	body_has("messages",
		"[{'role':'system','content':'s'},"
		"{'role':'tool','content':'a','tool_call_id':'1'},"
		"{'role':'tool','content':'b','tool_call_id':'2'},"
		"{'role':'user','content':[{'type':'image_url','image_url':{'url':'u'}}]},"
		"{'role':'user','content':'hi'},"
		"{'role':'tool','content':'c','tool_call_id':'3'}]");
}

Test(openai_requests, turns_that_make_no_sense)
{
	static const char *const turns[][2] = {
		{"{'role':'user','parts':[{'tool_call':{'id':'1','name':'f'}}]}", "assistant"},
		{"{'role':'assistant','parts':[{'tool_call':{'name':'f'}}]}", "needs an id"},
		{"{'role':'assistant','parts':[{'tool_call':{'id':'','name':'f'}}]}",
			"needs an id"},
		{"{'role':'assistant','parts':[{'tool_call':{'id':'1'}}]}", "name"},
		{"{'role':'user','parts':[{'tool_result':{'id':'1'}}]}", "turn of a tool"},
		{"{'role':'tool','parts':[{'tool_result':{'content':'x'}}]}", "needs the id"},
		{"{'role':'tool','parts':[{'text':'x'}]}", "not text"},
	};
	char text[200];
	size_t i;

	for (i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
		snprintf(text, sizeof(text), "{'model':'m','messages':[%s]}", turns[i][0]);
		ask(text);
		refused(LLM_E_INVALID_REQUEST, turns[i][1]);
	}
}

static const char *id_in_body(const char *member)
{
	json_t *body = json_loads(http.body.ptr, 0, NULL);
	json_t *first = json_array_get(json_object_get(body, "messages"), 0);
	json_t *second = json_array_get(json_object_get(body, "messages"), 1);
	json_t *call = json_array_get(json_object_get(first, "tool_calls"), 0);
	const json_t *id = strcmp(member, "id") == 0 ? json_object_get(call, "id") :
						       json_object_get(second, "tool_call_id");
	char *copy = plug_keep_text(&p, json_string_value(id), json_string_length(id));

	json_decref(body);
	return copy;
}

/* Mistral takes ids of nine letters and digits only. */
Test(openai_requests, foreign_ids_are_mapped)
{
	static const char *const ids[] = {"call_q1W2e3R4t5Y6", "short", "123456789a", "12345678-"};
	char text[400];
	const char *id;
	size_t i;

	open_dialect("mistral");
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		snprintf(text, sizeof(text),
			"{'model':'m','messages':[{'role':'assistant','parts':[{'tool_call':"
			"{'id':'%s','name':'f','arguments':'{}'}}]},{'role':'tool','parts':["
			"{'tool_result':{'id':'%s','content':'x'}}]}]}",
			ids[i], ids[i]);
		builds(text);
		id = id_in_body("id");
		cr_expect_eq(strlen(id), 9u, "%s", id);
		cr_expect_eq(strspn(id,
				     "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz"),
			9u, "%s", id);
		cr_expect_str_eq(id, id_in_body("tool_call_id"));
		cr_expect_str_neq(id, ids[i]);
	}
	builds("{'model':'m','messages':[{'role':'assistant','parts':[{'tool_call':"
	       "{'id':'D681PevKs','name':'f','arguments':'{}'}}]},{'role':'tool','parts':["
	       "{'tool_result':{'id':'D681PevKs','content':'x'}}]}]}");
	cr_expect_str_eq(id_in_body("id"), "D681PevKs");
	cr_expect_str_eq(id_in_body("tool_call_id"), "D681PevKs");
}

/* ---- system text, reasoning of earlier turns ---- */

Test(openai_requests, developer_instead_of_system)
{
	static const char *const config[] = {"system_role", "developer", NULL};

	open_with(config);
	builds("{'model':'m','messages':[{'role':'system','parts':[{'text':'a'}]}]}");
	body_has("messages", "[{'role':'developer','content':'a'}]");
}

#define THOUGHT \
	"{'model':'m','messages':[{'role':'assistant','parts':[{'reasoning':'r'," \
	"'opaque':[{'provider':'org.libllm.openai','kind':'reasoning_details','data':" \
	"'[{\\u0022a\\u0022: 1}]'},{'provider':'org.x','kind':'reasoning_details'," \
	"'data':'no'}]},{'text':'t','opaque':[{'provider':'org.libllm.openai'," \
	"'kind':'reasoning_details','data':'[ 2 ]'}]}]}]}"

Test(openai_requests, reasoning_goes_back_where_it_is_taken)
{
	static const struct {
		const char *field;
		const char *want;
		size_t warnings;
	} rows[] = {
		{"none", "[{'role':'assistant','content':'t'}]", 1},
		{"auto", "[{'role':'assistant','content':'t'}]", 1},
		{"reasoning_content",
			"[{'role':'assistant','content':'t','reasoning_content':'r'}]", 0},
		{"reasoning", "[{'role':'assistant','content':'t','reasoning':'r'}]", 0},
		{"reasoning_details",
			"[{'role':'assistant','content':'t','reasoning_details':[{'a':1},2]}]", 0},
	};
	const char *config[] = {"reasoning_history", NULL, NULL};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		config[1] = rows[i].field;
		open_with(config);
		builds(THOUGHT);
		body_has("messages", rows[i].want);
		cr_expect_eq(http.n_warnings, rows[i].warnings, "%s", rows[i].field);
	}
	open_dialect("openrouter");
	builds(THOUGHT);
	cr_expect_not_null(strstr(http.body.ptr, "{\"a\": 1}"), "as it came: %s", http.body.ptr);
	builds("{'model':'m','messages':[{'role':'assistant','parts':[{'reasoning':'r'}]}]}");
	has_warning("reasoning");
}

Test(openai_requests, details_that_are_damaged)
{
	open_dialect("openrouter");
	ask("{'model':'m','messages':[{'role':'assistant','parts':[{'text':'t','opaque':["
	    "{'provider':'org.libllm.openai','kind':'reasoning_details','data':'[1'}]}]}]}");
	refused(LLM_E_INVALID_REQUEST, "reasoning_details");
	ask("{'model':'m','messages':[{'role':'assistant','parts':[{'text':'t','opaque':["
	    "{'provider':'org.libllm.openai','kind':'reasoning_details','data':'{}'}]}]}]}");
	refused(LLM_E_INVALID_REQUEST, "reasoning_details");
}

/* ---- formats ---- */

#define SCHEMA(schema) "{'model':'m','messages':[],'format':{'schema':" schema "}}"
#define CLOSED "{'type':'object','properties':{},'required':[],'additionalProperties':false}"

Test(openai_requests, formats)
{
	builds("{'model':'m','messages':[],'format':'json'}");
	body_has("response_format", "{'type':'json_object'}");
	builds(SCHEMA(CLOSED));
	body_has("response_format",
		"{'type':'json_schema','json_schema':{'name':'answer','strict':true,"
		"'schema':" CLOSED "}}");
	cr_expect_eq(http.n_warnings, 0u);
	ask(SCHEMA("[]"));
	refused(LLM_E_INVALID_REQUEST, "schema is not a JSON object");
}

Test(openai_requests, a_schema_that_cannot_be_strict)
{
	builds(SCHEMA("{'type':'object'}"));
	body_has("response_format",
		"{'type':'json_schema','json_schema':{'name':'answer','strict':false,"
		"'schema':{'type':'object'}}}");
	has_warning("additionalProperties false");
	open_dialect("vllm");
	builds(SCHEMA("{'type':'object'}"));
	cr_expect_eq(http.n_warnings, 0u, "it enforces any schema");
	builds("{'model':'m','messages':[],'format':{'schema':{}},"
	       "'options':{'strict_schema':true}}");
	body_has("response_format",
		"{'type':'json_schema','json_schema':{'name':'answer','strict':true,"
		"'schema':{}}}");
	builds("{'model':'m','messages':[],'format':{'schema':" CLOSED "},"
	       "'options':{'strict_schema':false}}");
	body_has("response_format",
		"{'type':'json_schema','json_schema':{'name':'answer','strict':false,"
		"'schema':" CLOSED "}}");
}

Test(openai_requests, the_schemas_name)
{
	static const char *const names[][2] = {
		{"my schema/1", "my_schema_1"},
		{"", "answer"},
		{"a123456789b123456789c123456789d123456789e123456789f123456789g123456789",
			"a123456789b123456789c123456789d123456789e123456789f123456789g123"},
	};
	char text[400];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(text, sizeof(text),
			"{'model':'m','messages':[],'format':{'name':'%s','schema':" CLOSED "}}",
			names[i][0]);
		builds(text);
		snprintf(text, sizeof(text),
			"{'type':'json_schema','json_schema':{'name':'%s','strict':true,"
			"'schema':" CLOSED "}}",
			names[i][1]);
		body_has("response_format", text);
	}
}

Test(openai_requests, logprobs)
{
	builds("{'model':'m','messages':[],'logprobs':true}");
	body_has("logprobs", "true");
	body_has("top_logprobs", NULL);
	builds("{'model':'m','messages':[],'numbers':{'top_logprobs':3}}");
	body_has("logprobs", "true");
	body_has("top_logprobs", "3");
}

/* Whichever allocation fails: LLM_E_NOMEM, or a request that needed less. */
Test(openai_requests, memory_runs_out_at_each_place)
{
	static const char *const config[] = {"base_url", "https://r.openai.azure.com/openai", NULL};
	int32_t rc = LLM_E_NOMEM;
	uint64_t k;

	open_with(config);
	ask("{'model':'m','messages':[],'extra':{'a\\nb':1},"
	    "'options':{'reasoning_effort':'x','image_detail':'low'}}");
	for (k = 1; rc == LLM_E_NOMEM && k < 20; k++) {
		p.fail_at = p.allocs + k;
		rc = build();
	}
	cr_expect_eq(rc, 0);
	cr_expect_eq(k, 6u, "path, two options, a key of extra");
}
