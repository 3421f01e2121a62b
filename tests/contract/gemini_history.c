/*
 * gemini.so: the conversation, and what goes back to it untouched.
 */
#include "gemini_help.h"

#include "support/exchange.h"

TestSuite(gemini_history, .init = set_up, .fini = tear_down);

/* A request of these messages. */
static void talk_to(const char *model, const char *messages)
{
	char *text = NULL;

	cr_assert_gt(asprintf(&text, "{'model':'%s','messages':[%s]}", model, messages), 0);
	ask(text);
	free(text);
}

static void talk(const char *messages)
{
	talk_to("gemini-3.8-flash", messages);
}

#define USER(text) "{'role':'user','parts':[{'text':'" text "'}]}"
#define MODEL(parts) "{'role':'assistant','parts':[" parts "]}"
#define RESULT(result) "{'role':'tool','parts':[{'tool_result':{" result "}}]}"
#define SIGNED(data) "'opaque':[" SIGNATURE(data) "]"
#define SIGNATURE(data) \
	"{'provider':'org.libllm.gemini','kind':'thoughtSignature','data':'" data "'}"
#define CALL(id, name) "'tool_call':{'id':'" id "','name':'" name "','arguments':'{}'}"

/* ---- turns ---- */

Test(gemini_history, system_text_stands_apart)
{
	talk("{'role':'system','parts':[{'text':'a'},{'text':''},{'text':'b'}]}," USER(
		"u") ",{'role':'system','parts':[{'text':'c'}]}");
	warned(NULL);
	body_has("systemInstruction", "{'parts':[{'text':'a'},{'text':'b'},{'text':'c'}]}");
	body_has("contents", "[{'role':'user','parts':[{'text':'u'}]}]");
	talk("{'role':'system','parts':[{'text':''}]}," USER("u"));
	warned(NULL);
	body_has("systemInstruction", NULL);
	talk("{'role':'system','parts':[{'reasoning':'r'}]}");
	refused(LLM_E_UNSUPPORTED, "nothing but text");
}

Test(gemini_history, neighbours_of_one_role_are_one_turn)
{
	talk(USER("a") "," USER("b") "," MODEL("{'text':'c'},{'text':''}") "," MODEL(
		"{'text':'d'}") "," MODEL("{'text':''}") "," USER("") "," USER("e"));
	warned(NULL);
	body_has("contents",
		"[{'role':'user','parts':[{'text':'a'},{'text':'b'}]},"
		"{'role':'model','parts':[{'text':'c'},{'text':'d'}]},"
		"{'role':'user','parts':[{'text':'e'}]}]");
}

Test(gemini_history, results_of_one_turn_are_one_content)
{
	talk(USER("a") "," MODEL("{" CALL("1", "f") "," SIGNED("s") "},{" CALL("2", "g") "}") "," RESULT(
		"'id':'1','name':'f','content':'x'") "," RESULT("'id':'2','content':'[1]','is_error':true") "," USER("b"));
	warned(NULL);
	body_has("contents.2",
		"{'role':'user','parts':["
		"{'functionResponse':{'name':'f','id':'1','response':{'output':'x'}}},"
		"{'functionResponse':{'name':'g','id':'2','response':{'error':[1]}}},"
		"{'text':'b'}]}");
	body_has("contents.3", NULL);
	talk(USER("a") "," RESULT("'id':'9','content':'x'"));
	refused(LLM_E_INVALID_REQUEST, "no call has its id");
}

Test(gemini_history, results_that_read_as_json_go_as_json)
{
	static const struct {
		const char *content; /* as it stands in a JSON text */
		const char *want;
	} rows[] = {
		{"19", "19"},
		{"-1.5e3", "-1500"},
		{"12345678901234567890", "'12345678901234567890'"},
		{"{\\\"a\\\":[1]}", "{'a':[1]}"},
		{"\\\"x\\\"", "'x'"},
		{"true", "true"},
		{"null", "'null'"},
		{"", "''"},
		{"007", "'007'"},
		{"{} {}", "'{} {}'"},
		{"[1", "'[1'"},
		{"station offline", "'station offline'"},
	};
	char text[300];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text),
			USER("u") "," RESULT("'id':'1','name':'f','content':'%s'"),
			rows[i].content);
		talk(text);
		warned(NULL);
		body_has("contents.0.parts.1.functionResponse.response.output", rows[i].want);
	}
}

Test(gemini_history, parts_in_the_wrong_place)
{
	static const struct {
		const char *messages;
		const char *text;
	} rows[] = {
		{"{'role':'user','parts':[{" CALL("1", "f") "}]}", "turn of the assistant"},
		{MODEL("{'tool_call':{'id':'1','arguments':'{}'}}"), "has a name"},
		{MODEL("{'tool_call':{'id':'1','name':'f','arguments':'[1]'}}"),
			"arguments of the call of \"f\""},
		{"{'role':'user','parts':[{'tool_result':{'id':'1','name':'f','content':'x'}}]}",
			"turn of a tool"},
		{"{'role':'tool','parts':[{'text':'x'}]}", "not text"},
		{"{'role':'user','parts':[{'reasoning':'x'}]}", "turns of the assistant"},
		{"{'role':'tool','parts':[{'image_base64':'AAAA','media_type':'image/png'}]}",
			"tool results"},
		{"{'role':'user','parts':[{'file_base64':'AAAA'}]}", "media type"},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		talk(rows[i].messages);
		refused(LLM_E_INVALID_REQUEST, rows[i].text);
	}
	talk(USER("u"));
	((llm_part_view *)(uintptr_t)rq.messages[0]->parts[0])->kind = 77;
	refused(LLM_E_UNSUPPORTED, "this kind");
	((llm_message_view *)(uintptr_t)rq.messages[0])->role = 9;
	refused(LLM_E_INVALID_REQUEST, "role");
}

Test(gemini_history, images_audio_and_files)
{
	talk("{'role':'user','parts':[{'image_base64':'AAAA','media_type':'image/webp'},"
	     "{'audio_base64':'AAAB','media_type':'audio/mp3'},"
	     "{'file_url':'https://h/a.pdf','media_type':'application/pdf'},"
	     "{'image_url':'https://h/b.png'}]}");
	warned(NULL);
	body_has("contents.0.parts",
		"[{'inlineData':{'mimeType':'image/webp','data':'AAAA'}},"
		"{'inlineData':{'mimeType':'audio/mp3','data':'AAAB'}},"
		"{'fileData':{'mimeType':'application/pdf','fileUri':'https://h/a.pdf'}},"
		"{'fileData':{'fileUri':'https://h/b.png'}}]");
	talk("{'role':'user','parts':[{'image_url':'http://h/b.png'}]}");
	refused(LLM_E_UNSUPPORTED, "https://");
	talk("{'role':'user','parts':[{'image_url':'data:image/png;base64,AAAA'}]}");
	refused(LLM_E_UNSUPPORTED, "https://");
	talk("{'role':'user','parts':[{'image_base64':'AAAA','media_type':'image/GIF'}]}");
	refused(LLM_E_UNSUPPORTED, "GIF");
}

/* ---- ids ---- */

Test(gemini_history, ids_of_calls_that_had_none)
{
	static const char talked[] = USER("u") "," MODEL(
		"{'tool_call':{'id':'%s','name':'f',"
		"'arguments':'{}'}," SIGNED(
			"s") "}") "," RESULT("'id':'%s','name':'f','content':'x'");
	char text[600];

	snprintf(text, sizeof(text), talked, "unnamed_call_1", "unnamed_call_1");
	talk(text);
	warned(NULL);
	body_has("contents.1.parts.0.functionCall", "{'name':'f','args':{}}");
	body_has("contents.2.parts.0.functionResponse.id", NULL);
	snprintf(text, sizeof(text), talked, "call_1", "call_1");
	talk(text);
	warned(NULL);
	body_has("contents.1.parts.0.functionCall.id", "'call_1'");
	body_has("contents.2.parts.0.functionResponse.id", "'call_1'");
	talk_to("gemini-2.5-flash", text); /* refuses ids that it did not give */
	warned(NULL);
	body_has("contents.1.parts.0.functionCall.id", NULL);
	body_has("contents.2.parts.0.functionResponse.id", NULL);
}

/* ---- signatures ---- */

Test(gemini_history, calls_of_another_model_are_marked)
{
	static const char calls[] = USER(
		"u") "," MODEL("{'text':'t'},{" CALL("1", "f") "},{" CALL("2",
		"g") "}") "," RESULT("'id':'1','name':'f','content':'x'") "," MODEL("{" CALL("3",
		"f") "}");
	static const char mark[] = "'skip_thought_signature_validator'";

	talk(calls);
	warned("marked so that Gemini takes it");
	body_has("contents.1.parts.0.thoughtSignature", NULL);
	body_has("contents.1.parts.1.thoughtSignature", mark);
	body_has("contents.1.parts.2.thoughtSignature", NULL);
	body_has("contents.3.parts.0.thoughtSignature", mark);
	talk_to("gemini-2.5-flash", calls);
	warned(NULL);
	body_has("contents.1.parts.1.thoughtSignature", NULL);
	talk_to("gemini-flash-latest", calls);
	warned("marked");
}

Test(gemini_history, only_the_current_turn_is_marked)
{
	talk(USER("u") "," MODEL("{" CALL("1", "f") "}") "," RESULT(
		"'id':'1','name':'f','content':'x'") "," USER("v"));
	warned(NULL);
	body_has("contents.1.parts.0.thoughtSignature", NULL);
	talk(USER("u") "," MODEL("{" CALL("1", "f") "," SIGNED("s") "},{" CALL("2", "g") "}"));
	warned(NULL);
	body_has("contents.1.parts.0.thoughtSignature", "'s'");
	body_has("contents.1.parts.1.thoughtSignature", NULL);
}

Test(gemini_history, signatures_stand_where_they_came)
{
	talk(USER("u") "," MODEL("{'reasoning':'r'},{'reasoning':'q'," SIGNED(
		"1") "},"
		     "{'text':'t'," SIGNED("2") "},{'text':''," SIGNED(
			     "3") "},"
				  "{'text':'v','opaque':[" SIGNATURE("4") "," SIGNATURE(
					  "5") "]},"
					       "{'opaque':[" SIGNATURE("6") "]}"));
	warned("no reasoning of earlier turns");
	body_has("contents.1.parts",
		"[{'text':'q','thought':true,'thoughtSignature':'1'},"
		"{'text':'t','thoughtSignature':'2'},{'text':'','thoughtSignature':'3'},"
		"{'text':'v','thoughtSignature':'4'},{'text':'','thoughtSignature':'5'},"
		"{'text':'','thoughtSignature':'6'}]");
}

Test(gemini_history, what_others_made_is_left_out)
{
	talk(USER("u") "," MODEL(
		"{'text':'t','opaque':["
		"{'provider':'org.libllm.other','kind':'thoughtSignature','data':'x'},"
		"{'provider':'org.libllm.gemini','kind':'unheard','data':'x'},"
		"{'kind':'thoughtSignature','data':'x'}]}"));
	warned(NULL);
	body_has("contents.1.parts", "[{'text':'t'}]");
}

Test(gemini_history, parts_that_are_not_read_go_back_as_they_came)
{
	talk(USER("u") "," MODEL("{'text':'t'},{'opaque':[{'provider':'org.libllm.gemini',"
				 "'kind':'part','data':'{\\\"executableCode\\\":{}}'}]}"));
	warned(NULL);
	body_has("contents.1.parts", "[{'text':'t'},{'executableCode':{}}]");
	talk(USER("u") "," MODEL("{'opaque':[{'provider':'org.libllm.gemini','kind':'part',"
				 "'data':'[1]'}]}"));
	refused(LLM_E_INVALID_REQUEST, "not what Gemini sent");
	talk(USER("u") "," MODEL("{'text':'t','opaque':[{'provider':'org.libllm.gemini',"
				 "'kind':'continuationToken','data':'x'}]}"));
	warned("continuation token");
	body_has("contents.1.parts", "[{'text':'t'}]");
}

/* ---- there and back ---- */

static json_t *attached(const plug_answer *a, uint32_t part, uint32_t index)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < a->n_opaque; i++)
		if (a->opaque[i].part == part && a->opaque[i].part_index == index)
			json_array_append_new(list,
				json_pack("{s:s,s:s,s:s}", "provider", "org.libllm.gemini", "kind",
					a->opaque[i].kind.ptr, "data", a->opaque[i].data.ptr));
	return list;
}

/* The answer as a turn of the next request. */
static json_t *turn_of(const plug_answer *a)
{
	json_t *parts = json_array();
	json_t *alone = attached(a, 0, 0);
	size_t i;

	if (a->text.len)
		json_array_append_new(parts,
			json_pack("{s:s,s:o}", "text", a->text.ptr, "opaque",
				attached(a, LLM_PART_TEXT, 0)));
	for (i = 0; i < a->n_calls; i++)
		json_array_append_new(parts,
			json_pack("{s:{s:s,s:s,s:s},s:o}", "tool_call", "id", a->calls[i].id.ptr,
				"name", a->calls[i].name.ptr, "arguments",
				a->calls[i].arguments.ptr, "opaque",
				attached(a, LLM_PART_TOOL_CALL, (uint32_t)i)));
	if (json_array_size(alone))
		json_array_append_new(parts, json_pack("{s:O}", "opaque", alone));
	json_decref(alone);
	return json_pack("{s:s,s:o}", "role", "assistant", "parts", parts);
}

static void parse(exchange *x, plug_answer *a)
{
	llm_reply_view reply = exchange_reply(x);

	plug_answer_init(a);
	plug_begin(&p);
	cr_assert_eq(p.v->parse_response(p.instance, &reply, &a->sink), 0, "%s", x->name);
}

/* The content of a whole answer, put back, is what it was. */
static void check_there_and_back(exchange *x)
{
	json_t *response = exchange_json(x, ".response.json");
	json_t *content = at(response, "candidates.0.content");
	plug_answer a;
	json_t *sent;

	if (!at(content, "parts.0"))
		goto out;
	parse(x, &a);
	json_decref(request);
	request = json_pack("{s:s,s:[{s:s,s:[{s:s}]},o]}", "model", "gemini-3.8-flash", "messages",
		"role", "user", "parts", "text", "u", turn_of(&a));
	cr_assert_eq(neutral_view(&p, request, 0, &rq), 0);
	cr_expect_eq(build(), 0, "%s", p.error.ptr);
	sent = body();
	cr_expect(neutral_same(at(sent, "contents.1"), content), "%s: %s", x->name, http.body.ptr);
	json_decref(sent);
	plug_answer_done(&a);
out:
	json_decref(response);
}

Test(gemini_history, opaque_parts_come_back_as_they_went)
{
	static const char *const names[] = {"generate_basic", "tools_single", "tools_any_mode",
		"continuation", "recitation", "structured_json"};
	exchange x;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cr_assert_eq(exchange_read(&x, &p, "gemini", names[i]), 0);
		check_there_and_back(&x);
		exchange_done(&x);
	}
}
