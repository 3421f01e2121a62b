/*
 * openai.so: tool calls in all the ways that servers cut them up, and the other things
 * that come beside an answer's text.
 */
#include "openai_help.h"
#include "provider_answer.h"

static uint32_t complete;

TestSuite(openai_calls, .init = begin_answers, .fini = end_answers);

/* ---- playing ---- */

/* JSON with ' for ". */
static char *plain(const char *text)
{
	char *copy = plug_keep_text(&p, text, strlen(text));
	char *c;

	for (c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	return copy;
}

static int32_t push_delta(const char *delta)
{
	char data[4000];

	snprintf(data, sizeof(data), "{'choices':[{'index':0,'delta':%s}]}", delta);
	return push(plain(data));
}

#define STOPPED "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}"

/* Streams pieces of tool_calls, each an array's content; ends it. */
static void play(const char *const *pieces)
{
	char delta[2000];

	open_stream();
	for (; *pieces; pieces++) {
		snprintf(delta, sizeof(delta), "{'tool_calls':[%s]}", *pieces);
		cr_expect_eq(push_delta(delta), 0, "%s: %s", *pieces, p.error.ptr);
	}
	cr_expect_eq(push(STOPPED), 0);
	complete = close_stream("");
}

/* The calls as one text: "id|name|arguments;", a comma for each that is not complete. */
static const char *calls(void)
{
	static char text[2000];
	size_t n = 0;
	size_t i;

	text[0] = '\0';
	for (i = 0; i < answer.n_calls && n < sizeof(text); i++) {
		const plug_call *c = &answer.calls[i];

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s|%s|%s%s",
			c->id.ptr ? c->id.ptr : "", c->name.ptr ? c->name.ptr : "",
			c->arguments.ptr ? c->arguments.ptr : "", c->complete ? ";" : ",");
	}
	return text;
}

/* ---- the tolerances ---- */

#define FIRST(i, id, name) \
	"{'index':" i ",'id':'" id "','type':'function','function':{'name':'" name "'," \
	"'arguments':''}}"
#define MORE(i, text) "{'index':" i ",'function':{'arguments':'" text "'}}"

static const struct {
	const char *what;
	const char *pieces[7];
	const char *want;
} in_pieces[] = {
	{"as OpenAI sends them",
		{FIRST("0", "a", "f"), MORE("0", "{"), MORE("0", "}"), FIRST("1", "b", "g"),
			MORE("1", "[1]")},
		"a|f|{};b|g|[1];"},
	{"two interleaved",
		{FIRST("0", "a", "f"), FIRST("1", "b", "g"), MORE("0", "{"), MORE("1", "["),
			MORE("0", "}"), MORE("1", "]")},
		"a|f|{};b|g|[];"},
	{"two in one piece", {FIRST("0", "a", "f") "," FIRST("1", "b", "g")}, "a|f|{};b|g|{};"},
	{"a whole call in one piece, without type",
		{"{'index':0,'id':'a','function':{'name':'f','arguments':'{}'}}"}, "a|f|{};"},
	{"no index: a new id begins a call",
		{"{'id':'a','function':{'name':'f','arguments':'{'}}",
			"{'function':{'arguments':'}'}}",
			"{'id':'b','function':{'name':'g','arguments':'[]'}}"},
		"a|f|{};b|g|[];"},
	{"no index: a known id continues its call",
		{"{'id':'a','function':{'name':'f','arguments':'{'}}",
			"{'id':'b','function':{'name':'g','arguments':'['}}",
			"{'id':'a','function':{'arguments':'}'}}",
			"{'id':'b','function':{'arguments':']'}}"},
		"a|f|{};b|g|[];"},
	{"neither index nor id: another name begins a call",
		{"{'function':{'name':'f','arguments':'{}'}}",
			"{'function':{'name':'f','arguments':'[]'}}"},
		"|f|{};|f|[];"},
	{"the id in each piece",
		{FIRST("0", "a", "f"), "{'index':0,'id':'a','function':{'arguments':'{'}}",
			"{'index':0,'id':'a','function':{'arguments':'}'}}"},
		"a|f|{};"},
	{"id and name in each piece",
		{"{'index':0,'id':'a','function':{'name':'f','arguments':'{'}}",
			"{'index':0,'id':'a','function':{'name':'f','arguments':'}'}}"},
		"a|f|{};"},
	{"id and name twice before the arguments",
		{FIRST("0", "a", "f"), FIRST("0", "a", "f"), MORE("0", "{}")}, "a|f|{};"},
	{"another id in each piece, without a name",
		{"{'index':0,'id':'a','function':{'name':'f','arguments':'{'}}",
			"{'index':0,'id':'x','function':{'arguments':'}'}}"},
		"a|f|{};"},
	{"index 0 for all calls",
		{"{'index':0,'id':'a','function':{'name':'f','arguments':'{}'}}",
			"{'index':0,'id':'b','function':{'name':'f','arguments':'[]'}}"},
		"a|f|{};b|f|[];"},
	{"an index that begins at 1", {FIRST("1", "a", "f"), MORE("1", "{}")}, "a|f|{};"},
	{"indexes with gaps", {FIRST("5", "a", "f"), FIRST("3", "b", "g"), MORE("5", "{}")},
		"a|f|{};b|g|{};"},
	{"an index that is no number",
		{"{'index':'0','id':'a','function':{'name':'f','arguments':'{'}}",
			"{'index':null,'function':{'arguments':'}'}}"},
		"a|f|{};"},
	{"no id", {"{'index':0,'id':'','function':{'name':'f'}}", MORE("0", "{}")}, "|f|{};"},
	{"id null, and then there",
		{"{'index':0,'id':null,'function':{'name':'f'}}", FIRST("0", "a", "")}, "a|f|{};"},
	{"a name in pieces",
		{FIRST("0", "a", "get_"), "{'index':0,'function':{'name':'wea'}}",
			"{'index':0,'function':{'name':'ther','arguments':'{}'}}"},
		"a|get_weather|{};"},
	{"a name behind its arguments' beginning is too late",
		{"{'index':0,'id':'a','function':{'name':'f','arguments':'{'}}",
			"{'index':0,'function':{'name':'g','arguments':'}'}}"},
		"a|f|{};"},
	{"arguments null",
		{"{'index':0,'id':'a','function':{'name':'f','arguments':null}}", MORE("0", "{}")},
		"a|f|{};"},
	{"arguments as an object",
		{"{'index':0,'id':'a','function':{'name':'f',"
		 "'arguments':{ 'x': [1, 2.50] }}}"},
		"a|f|{ \"x\": [1, 2.50] };"},
	{"no arguments", {FIRST("0", "a", "f")}, "a|f|{};"},
	{"no arguments, two calls", {FIRST("0", "a", "f"), FIRST("1", "b", "g")}, "a|f|{};b|g|{};"},
	{"arguments that are no JSON stay as they are", {FIRST("0", "a", "f"), MORE("0", "{x: ")},
		"a|f|{x: ;"},
	{"escapes", {FIRST("0", "a\\u0041", "f"), MORE("0", "{\\u0022\\u00e9\\u0022:1}")},
		"aA|f|{\"\xc3\xa9\":1};"},
	{"a custom tool",
		{"{'index':0,'id':'a','type':'custom','custom':{'name':'py','input':''}}",
			"{'index':0,'custom':{'input':'print(\\u0022'}}",
			"{'index':0,'custom':{'input':'x\\n)'}}"},
		"a|py|{\"input\":\"print(\\u0022x\\n)\"};"},
	{"a custom tool without input",
		{"{'index':0,'id':'a','type':'custom','custom':{'name':'py'}}"},
		"a|py|{\"input\":\"\"};"},
	{"an empty list", {""}, ""},
};

Test(openai_calls, calls_in_pieces)
{
	size_t i;

	for (i = 0; i < sizeof(in_pieces) / sizeof(in_pieces[0]); i++) {
		play(in_pieces[i].pieces);
		cr_expect_str_eq(calls(), in_pieces[i].want, "%s: %s", in_pieces[i].what, calls());
		cr_expect_eq(answer.finish,
			(uint32_t)(in_pieces[i].want[0] ? LLM_FINISH_TOOL_CALLS : LLM_FINISH_STOP));
		cr_expect_eq(complete, 1u, "%s", in_pieces[i].what);
	}
}

/* With the tools that were asked about, a second text is told from the rest of a name. */
Test(openai_calls, names_that_the_request_knows)
{
	static const char *const other[] = {FIRST("0", "a", "get_weather"),
		"{'index':0,'function':{'name':'tool','arguments':'{}'}}", NULL};
	static const char *const longer[] = {FIRST("0", "a", "get"),
		"{'index':0,'function':{'name':'_weather','arguments':'{}'}}", NULL};
	json_t *j = neutral_json("{'model':'m','messages':[],'tools':[{'name':'get'},"
				 "{'name':'get_weather'}]}");

	cr_assert_eq(neutral_view(&p, j, 1, &rq), 0);
	reply_head.request = &rq;
	play(other);
	cr_expect_str_eq(calls(), "a|get_weather|{};");
	play(longer);
	cr_expect_str_eq(calls(), "a|get_weather|{};");
	reply_head.request = NULL;
	json_decref(j);
}

Test(openai_calls, the_first_piece_has_id_and_name)
{
	open_stream();
	push_delta("{'tool_calls':[" FIRST("0", "a", "f") "]}");
	cr_expect_eq(answer.n_events, 0u, "held back until the arguments begin");
	push_delta("{'tool_calls':[" MORE("0", "{") "]}");
	cr_expect_str_eq(calls(), "a|f|{,");
	complete = close_stream("");
	cr_expect_eq(complete, 0u);
}

Test(openai_calls, calls_that_make_no_sense)
{
	static const char *const pieces[] = {"7", "[]", "'x'", "null", "{'function':7}",
		"{'function':[]}", "{'function':{'name':7}}", "{'function':{'arguments':7}}",
		"{'function':{'arguments':[]}}", "{'custom':{'input':7}}",
		"{'function':{'name':'f'}},{'function':'f'}"};
	char delta[200];
	size_t i;

	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		open_stream();
		snprintf(delta, sizeof(delta), "{'content':'x','tool_calls':[%s]}", pieces[i]);
		cr_expect_eq(push_delta(delta), LLM_E_PROTOCOL, "%s", pieces[i]);
		cr_expect_eq(answer.n_events, 0u, "%s", pieces[i]);
		complete = close_stream("");
	}
}

Test(openai_calls, a_call_without_a_name_is_a_failure)
{
	static const char *const pieces[] = {
		"{'index':0,'function':{'arguments':'{}'}}",
		"{'index':0,'id':'a'}",
		"{'index':0,'id':'a','function':{'name':''}}",
		"{'index':0,'id':'a','function':null},{'index':1,'id':'b'}",
	};
	const char *one[] = {NULL, NULL};
	size_t i;

	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		one[0] = pieces[i];
		play(one);
		cr_expect_eq(answer.n_errors, 1, "%s", pieces[i]);
		cr_expect_str_eq(answer.facts.code.ptr, "tool_call_without_name");
		cr_expect_eq(answer.n_late, 0);
		cr_expect_eq(answer.n_finish, 0);
		cr_expect_eq(complete, 0u);
	}
}

Test(openai_calls, at_most_128)
{
	char piece[100];
	size_t i;

	open_stream();
	for (i = 0; i < 129; i++) {
		snprintf(piece, sizeof(piece),
			"{'tool_calls':[{'index':%zu,'function':{'name':'f'}}]}", i);
		push_delta(piece);
	}
	cr_expect_eq(answer.n_errors, 1);
	cr_expect_str_eq(answer.facts.code.ptr, "too_many_tool_calls");
	complete = close_stream("");
}

/* ---- whole answers ---- */

static int32_t parse_message(const char *message)
{
	char text[2000];

	snprintf(
		text, sizeof(text), "{'choices':[{'message':%s,'finish_reason':'stop'}]}", message);
	return parse(plain(text));
}

/* Each element is a call of its own, whatever its index and id. */
Test(openai_calls, whole_calls)
{
	cr_expect_eq(
		parse_message("{'tool_calls':[{'id':'a','function':{'name':'f','arguments':'{}'}},"
			      "{'id':'a','function':{'name':'g','arguments':{'b':2}}},"
			      "{'function':{'name':'h','arguments':''}},"
			      "{'type':'custom','custom':{'name':'py','input':'1'}}]}"),
		0);
	cr_expect_str_eq(calls(), "a|f|{};a|g|{\"b\":2};|h|{};|py|{\"input\":\"1\"};");
	cr_expect_eq(answer.finish, (uint32_t)LLM_FINISH_TOOL_CALLS);
	cr_expect_str_eq(answer.finish_raw.ptr, "stop");
	cr_expect_eq(parse_message("{'function_call':{'name':'f','arguments':'{}'}}"), 0);
	cr_expect_str_eq(calls(), "|f|{};");
	cr_expect_eq(parse_message("{'function_call':{'name':7}}"), LLM_E_PROTOCOL);
	cr_expect_eq(parse_message("{'function_call':[]}"), LLM_E_PROTOCOL);
	cr_expect_eq(parse_message("{'tool_calls':[{'id':'a'}]}"), 0);
	cr_expect_eq(answer.n_errors, 1);
}

/* ---- beside the text ---- */

Test(openai_calls, reasoning_details_come_as_one_part)
{
	open_stream();
	push_delta("{'reasoning':'a','reasoning_details':[ {'text':'a'} ]}");
	push_delta("{'reasoning_details':[]}");
	push_delta("{'reasoning_details':[{'text':'b'},{'data':'\\u0022'}]}");
	push_delta("{'content':'x'}");
	cr_expect_eq(answer.n_opaque, 0u);
	push(STOPPED);
	complete = close_stream("");
	cr_assert_eq(answer.n_opaque, 1u);
	cr_expect_str_eq(answer.opaque[0].kind.ptr, "reasoning_details");
	cr_expect_str_eq(answer.opaque[0].data.ptr,
		"[{\"text\":\"a\"},{\"text\":\"b\"},{\"data\":\"\\u0022\"}]");
	cr_expect_eq(parse_message("{'content':'x','reasoning_details':[{'a':1}]}"), 0);
	cr_assert_eq(answer.n_opaque, 1u);
	cr_expect_str_eq(answer.opaque[0].data.ptr, "[{\"a\":1}]");
	cr_expect_eq(parse_message("{'content':'x','reasoning_details':[]}"), 0);
	cr_expect_eq(answer.n_opaque, 0u);
}

Test(openai_calls, logprobs_of_each_piece)
{
	open_stream();
	push("{\"choices\":[{\"delta\":{\"content\":\"a\"},"
	     "\"logprobs\":{\"content\":[{\"token\":\"a\"}]}}]}");
	push("{\"choices\":[{\"delta\":{\"content\":\"b\"},\"logprobs\":{\"content\":[]}}]}");
	push("{\"choices\":[{\"delta\":{\"content\":\"b\"},\"logprobs\":{\"content\":null,"
	     "\"refusal\":[{}]}}]}");
	push("{\"choices\":[{\"index\":1,\"delta\":{},\"logprobs\":{\"content\":[{\"token\":"
	     "\"no\"}]}}]}");
	complete = close_stream("");
	cr_expect_str_eq(answer.meta[LLM_META_LOGPROBS].ptr, "[{\"token\":\"a\"}]");
}

Test(openai_calls, groqs_own_member)
{
	open_stream();
	push("{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"x_groq\":{\"id\":\"r\"}}");
	push("{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"x_groq\":{\"usage\":"
	     "{\"prompt_tokens\":3,\"completion_tokens\":1}}}");
	complete = close_stream("");
	cr_expect_eq(answer.usage.input_tokens, 3);
	cr_expect_eq(complete, 1u);
	open_stream();
	push("{\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1},"
	     "\"x_groq\":{\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}}");
	cr_expect_eq(answer.usage.input_tokens, 9, "the usual place wins");
	push("{\"x_groq\":{\"error\":{\"message\":\"full\",\"code\":498}}}");
	cr_expect_eq(answer.n_errors, 1);
	cr_expect_str_eq(answer.facts.message.ptr, "full");
	complete = close_stream("");
	cr_expect_eq(complete, 0u);
}

Test(openai_calls, llamacpps_times)
{
	open_stream();
	push("{\"choices\":[],\"timings\":{\"prompt_ms\":52.9,\"predicted_ms\":181}}");
	push("{\"choices\":[],\"timings\":{\"prompt_ms\":-1,\"predicted_ms\":\"x\"}}");
	complete = close_stream("");
	cr_expect_eq(answer.metric[LLM_METRIC_PROMPT_MS], 52u);
	cr_expect_eq(answer.metric[LLM_METRIC_OUTPUT_MS], 181u);
}

/* vLLM can send the running usage with each chunk: the last one counts. */
Test(openai_calls, running_usage_is_replaced)
{
	open_stream();
	push("{\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}}");
	push("{\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":5}}");
	push("{\"choices\":[],\"usage\":null}");
	complete = close_stream("");
	cr_expect_eq(answer.usage.output_tokens, 5);
	cr_expect_eq(answer.n_usage, 2);
}

Test(openai_calls, an_empty_stream_of_lm_studio)
{
	static const char *const config[] = {"dialect", "lmstudio", NULL};

	open_stream();
	push("[DONE]");
	complete = close_stream("");
	cr_expect_eq(answer.n_warnings, 0u);
	plug_close(&p);
	cr_assert_eq(plug_open(&p, TEST_BINARY_DIR "/plugins/openai.so", config), 0);
	open_stream();
	push("[DONE]");
	complete = close_stream("");
	cr_expect_eq(answer.n_warnings, 1u);
	cr_expect(strstr(answer.warnings.ptr, "context window"));
	open_stream();
	push_delta("{'content':'x'}");
	complete = close_stream("");
	cr_expect_eq(answer.n_warnings, 0u);
}

/* Whichever allocation fails: LLM_E_NOMEM, or an answer that needed less. */
Test(openai_calls, memory_runs_out_at_each_place)
{
	static const char message[] =
		"{'reasoning_details':[{}],'tool_calls':[{'id':'a','function':{'name':'f',"
		"'arguments':'\\n'}}]}";
	int32_t rc = LLM_E_NOMEM;
	uint64_t k;

	for (k = 1; rc == LLM_E_NOMEM && k < 20; k++) {
		p.fail_at = p.allocs + k;
		rc = parse_message(message);
	}
	cr_expect_eq(rc, 0);
	cr_expect_eq(k, 8u, "details, call, id, name, arguments, details joined, and one more");
}
