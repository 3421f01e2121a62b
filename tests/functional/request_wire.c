/* A whole request, as it arrives: body, headers, query; and what of it a person sees. */
#include "hostile_try.h"

#include "support/neutral.h"

#define N LLM_NUL_TERMINATED
#define MARK "canary-header-77c1"

static hostile_try t;

/* A member of the last request that the upstream saw; a new reference. */
static json_t *arrived(const char *member)
{
	const char *at = sim_log_text(t.up), *last = NULL, *end;
	json_t *line, *value;

	while ((at = strstr(at, "{\"event\":\"request\"")))
		last = at++;
	cr_assert_not_null(last, "nothing arrived");
	end = strchr(last, '\n');
	line = json_loadb(last, (size_t)(end - last), 0, NULL);
	value = json_incref(json_object_get(line, member));
	json_decref(line);
	cr_assert_not_null(value, "no %s", member);
	return value;
}

/* The body is this JSON, written with ' for ". */
static void body_is(const char *text)
{
	json_t *body = arrived("body"), *want = neutral_json(text);
	json_t *sent = json_loads(json_string_value(body), JSON_REJECT_DUPLICATES, NULL);

	cr_assert_not_null(want, "the test's own text is no JSON");
	cr_assert(neutral_same(sent, want), "arrived: %s", json_string_value(body));
	json_decref(sent);
	json_decref(want);
	json_decref(body);
}

static void header_is(const char *name, const char *want)
{
	json_t *headers = arrived("headers");
	const char *value = json_string_value(json_object_get(headers, name));

	if (want)
		cr_assert(
			value && strcmp(value, want) == 0, "%s: %s", name, value ? value : "none");
	else
		cr_assert_null(value, "%s: %s", name, value);
	json_decref(headers);
}

/* ---- Ollama, everything that it takes ---- */

static void ollama_open(const char *group)
{
	llm_service_opts so;
	char config[1024];

	memset(&t, 0, sizeof(t));
	t.err = (llm_err)LLM_ERR_INIT;
	t.up = sim_start((const char *const[]){"--log-secrets", NULL});
	failalloc_init(&t.fa);
	setenv("TRY_HOSTILE_KEY", HOSTILE_KEY, 1);
	snprintf(config, sizeof(config), "providers = { ollama = { base_url = \"%s\"; %s }; };\n",
		sim_url(t.up), group);
	so = hostile_opts(&t.fa, config);
	so.plugin_dir = TEST_BINARY_DIR "/plugins";
	cr_assert_eq(llm_service_new(&so, &t.svc, &t.err), 0, "%s", t.err.message);
}

static void add_turns(llm_request *rq)
{
	llm_message *m = NULL;

	cr_assert_eq(llm_request_text(rq, LLM_ROLE_SYSTEM, "Be brief.", N), 0);
	cr_assert_eq(llm_request_message(rq, LLM_ROLE_USER, &m), 0);
	cr_assert_eq(llm_message_text(m, "caf\xc3\xa9 \"quoted\"\n", N), 0);
	cr_assert_eq(llm_message_data(m, LLM_PART_IMAGE, "image/png", "\x89PNG\r\n\x1a\n", 8), 0);
	cr_assert_eq(llm_request_message(rq, LLM_ROLE_ASSISTANT, &m), 0);
	cr_assert_eq(llm_message_reasoning(m, "They want rain.", N), 0);
	cr_assert_eq(llm_message_tool_call(m, "c1", "weather", "{\"town\":\"Bonn\"}", N), 0);
	cr_assert_eq(llm_request_message(rq, LLM_ROLE_TOOL, &m), 0);
	cr_assert_eq(llm_message_tool_result(m, "c1", "weather", "rain", N, 0), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "And tomorrow?", N), 0);
}

static void add_numbers(llm_request *rq)
{
	cr_assert_eq(llm_request_number(rq, LLM_NUM_TEMPERATURE, 0.25), 0);
	cr_assert_eq(llm_request_number(rq, LLM_NUM_TOP_P, 1), 0);
	cr_assert_eq(llm_request_integer(rq, LLM_NUM_TOP_K, 40), 0);
	cr_assert_eq(llm_request_number(rq, LLM_NUM_MIN_P, 0.5), 0);
	cr_assert_eq(llm_request_integer(rq, LLM_NUM_SEED, 7), 0);
	cr_assert_eq(llm_request_integer(rq, LLM_NUM_MAX_OUTPUT_TOKENS, 64), 0);
	cr_assert_eq(llm_request_number(rq, LLM_NUM_PRESENCE_PENALTY, -0.5), 0);
	cr_assert_eq(llm_request_number(rq, LLM_NUM_FREQUENCY_PENALTY, 0.75), 0);
	cr_assert_eq(llm_request_number(rq, LLM_NUM_REPEAT_PENALTY, 1.5), 0);
	cr_assert_eq(llm_request_stop(rq, "END"), 0);
	cr_assert_eq(llm_request_stop(rq, "###"), 0);
	cr_assert_eq(llm_request_option(rq, "num_ctx", "8192"), 0);
	cr_assert_eq(llm_request_option(rq, "keep_alive", "10m"), 0);
	cr_assert_eq(llm_request_option(rq, "use_mmap", "off"), 0);
	cr_assert_eq(llm_request_option(rq, "typical_p", "0.875"), 0);
}

static llm_request *ollama_request(void)
{
	llm_request *rq = NULL;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, "ollama/sim-small"), 0);
	return rq;
}

Test(request_wire, a_full_request_arrives_as_it_was_built)
{
	const llm_result *r;
	llm_request *rq = ollama_request();

	ollama_open("api_key = \"env:TRY_HOSTILE_KEY\"; extra = \"{\\\"note\\\":\\\"usual\\\"}\";");
	add_turns(rq);
	add_numbers(rq);
	cr_assert_eq(
		llm_request_tool(rq, "weather", "of a town",
			"{\"type\":\"object\",\"properties\":{\"town\":{\"type\":\"string\"}}}", N),
		0);
	cr_assert_eq(llm_request_extra(rq, "{\"mark\":[1,null]}", N), 0);
	cr_assert_eq(llm_request_reasoning(rq, LLM_REASONING_OFF), 0);
	r = hostile_run(&t, rq, 0);
	cr_assert_eq(t.rc, 0, "%s", t.err.message);
	cr_assert_eq(llm_result_warning_count(r), 0);
	header_is("content-type", "application/json");
	header_is("authorization", "Bearer " HOSTILE_KEY);
	header_is("expect", NULL);
	body_is("{'model':'sim-small','stream':false,'truncate':false,'shift':false,'think':false,"
		"'messages':[{'role':'system','content':'Be brief.'},"
		"{'role':'user','content':'caf\xc3\xa9 \\\"quoted\\\"\\n','images':['iVBORw0KGgo=']},"
		"{'role':'assistant','content':'','thinking':'They want rain.','tool_calls':"
		"[{'id':'c1','function':{'index':0,'name':'weather','arguments':{'town':'Bonn'}}}]},"
		"{'role':'tool','content':'rain','tool_name':'weather','tool_call_id':'c1'},"
		"{'role':'user','content':'And tomorrow?'}],"
		"'tools':[{'type':'function','function':{'name':'weather','description':'of a town',"
		"'parameters':{'type':'object','properties':{'town':{'type':'string'}}}}}],"
		"'options':{'temperature':0.25,'top_p':1,'top_k':40,'min_p':0.5,'seed':7,"
		"'num_predict':64,'presence_penalty':-0.5,'frequency_penalty':0.75,"
		"'repeat_penalty':1.5,'stop':['END','###'],'num_ctx':8192,'use_mmap':false,"
		"'typical_p':0.875},'keep_alive':'10m','note':'usual','mark':[1,null]}");
	hostile_close(&t);
}

Test(request_wire, a_schema_travels_whole_and_a_stream_is_asked_for)
{
	static const char schema[] =
		"{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}},"
		"\"required\":[\"n\"]}";
	llm_request *rq = ollama_request();
	const llm_result *r;

	ollama_open("");
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "a number", N), 0);
	cr_assert_eq(llm_request_format_schema(rq, "numbers", schema, N), 0);
	cr_assert_eq(llm_request_allow_truncation(rq, 1), 0);
	cr_assert_eq(llm_request_end_user(rq, "u-1"), 0);
	r = hostile_run(&t, rq, LLM_CALL_STREAM);
	cr_assert_eq(t.rc, 0, "%s", t.err.message);
	cr_assert_eq(llm_result_warning_count(r), 1);
	cr_assert(strstr(llm_result_text(r, NULL), "\"n\""), "%s", llm_result_text(r, NULL));
	header_is("authorization", NULL);
	body_is("{'model':'sim-small','stream':true,'messages':[{'role':'user',"
		"'content':'a number'}],'format':{'type':'object','properties':{'n':"
		"{'type':'integer'}},'required':['n']}}");
	hostile_close(&t);
}

/* ---- options of every type ---- */

Test(request_wire, options_arrive_as_json_of_their_type)
{
	static const char *const given[][2] = {{"opt_string", "it's \"so\""}, {"opt_bool", "yes"},
		{"opt_int", "-12"}, {"opt_real", "1e-3"}, {"opt_duration", "2m"},
		{"opt_size", "64k"}, {"opt_strings", "[\"a\",\"b\"]"},
		{"opt_json", " {\"a\":[1]} "}, {"opt_later", "[true]"}};
	llm_request *rq = hostile_request("good");
	size_t i;

	hostile_open(&t, HOSTILE_WHOLE, "", "");
	for (i = 0; i < sizeof(given) / sizeof(given[0]); i++)
		cr_assert_eq(llm_request_option(rq, given[i][0], given[i][1]), 0);
	(void)hostile_run(&t, rq, 0);
	cr_assert_eq(t.rc, 0, "%s", t.err.message);
	body_is("{'options':{'opt_string':'it\\u0027s \\\"so\\\"','opt_bool':true,'opt_int':-12,"
		"'opt_real':0.001,'opt_duration':120000,'opt_size':65536,"
		"'opt_strings':['a','b'],'opt_json':{'a':[1]},'opt_later':[true]},'extra':null}");
	hostile_close(&t);
}

/* A refusal is the return of submit, names the option, and nothing is sent. */
static void option_refused(const char *name, const char *value, const char *words)
{
	llm_request *rq = hostile_request("good");

	cr_assert_eq(llm_request_option(rq, name, value), 0);
	cr_assert_null(hostile_run(&t, rq, 0), "%s=%s was taken", name, value);
	cr_assert_eq(t.rc, LLM_E_INVALID_REQUEST);
	cr_assert_str_eq(t.err.message, words);
}

Test(request_wire, options_of_the_wrong_type_say_what_they_must_be)
{
	static const char *const rows[][3] = {
		{"opt_bool", "maybe", "true or false"},
		{"opt_int", "1.5", "a whole number (tokens)"},
		{"opt_int", "many", "a whole number (tokens)"},
		{"opt_real", "1,5", "a number"},
		{"opt_duration", "soon", "a duration such as 500ms, 10s or 5m"},
		{"opt_duration", "-1s", "a duration such as 500ms, 10s or 5m"},
		{"opt_duration", "9223372036854775808", "a duration such as 500ms, 10s or 5m"},
		{"opt_size", "64q", "a size such as 64k or 2M"},
		{"opt_strings", "a,b", "a JSON array of strings"},
		{"opt_strings", "{}", "a JSON array of strings"},
		{"opt_strings", "[\"a\",1]", "a JSON array of strings"},
		{"opt_json", "{", "a JSON document"},
		{"opt_later", "nonsense", "a JSON document"},
	};
	char words[200];
	size_t i;

	hostile_open(&t, HOSTILE_WHOLE, "", "");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(words, sizeof(words), "the option \"%s\" must be %s", rows[i][0],
			rows[i][2]);
		option_refused(rows[i][0], rows[i][1], words);
	}
	cr_assert_eq(sim_log_count(t.up, "\"event\":\"request\""), 0);
	hostile_still_works(&t, 0, "wrong options");
	hostile_close(&t);
}

Test(request_wire, options_that_nobody_knows_name_the_nearest)
{
	hostile_open(&t, HOSTILE_WHOLE, "", "");
	option_refused(
		"opt_itn", "1", "Hostile has no option \"opt_itn\"; did you mean \"opt_int\"?");
	option_refused("temprature", "1",
		"Hostile has no option \"temprature\"; did you mean \"temperature\"?");
	option_refused("colour", "red", "Hostile has no option \"colour\"");
	hostile_close(&t);
}

/* ---- extra: the configuration's, and the request's on top ---- */

static void extra_is(const char *usual, const char *own, const char *want)
{
	llm_request *rq = hostile_request("good");
	char group[256], body[256];

	snprintf(group, sizeof(group), usual ? "extra = \"%s\";" : "%s", usual ? usual : "");
	hostile_open(&t, HOSTILE_WHOLE, group, "");
	if (own)
		cr_assert_eq(llm_request_extra(rq, own, N), 0);
	(void)hostile_run(&t, rq, 0);
	cr_assert_eq(t.rc, 0, "%s", t.err.message);
	snprintf(body, sizeof(body), "{'options':{},'extra':%s}", want);
	body_is(body);
	hostile_close(&t);
}

Test(request_wire, extra_of_the_request_wins_over_that_of_the_configuration)
{
	static const char usual[] = "{\\\"a\\\":1,\\\"b\\\":{\\\"x\\\":1}}";

	extra_is(NULL, NULL, "null");
	extra_is(usual, NULL, "{'a':1,'b':{'x':1}}");
	extra_is(NULL, "{\"c\":3}", "{'c':3}");
	extra_is(usual, "{\"b\":2,\"c\":3}", "{'a':1,'b':2,'c':3}");
}

Test(request_wire, extra_that_cannot_be_merged_is_refused)
{
	llm_request *rq = hostile_request("good");

	hostile_open(&t, HOSTILE_WHOLE, "extra = \"{\\\"a\\\":1}\";", "");
	cr_assert_eq(llm_request_extra(rq, "{\"b\":1,\"b\":2}", N), 0);
	cr_assert_null(hostile_run(&t, rq, 0));
	cr_assert_eq(t.rc, LLM_E_INVALID_REQUEST);
	cr_assert(strstr(t.err.message, "extra is not usable JSON"), "%s", t.err.message);
	cr_assert(strstr(t.err.message, "a key appears twice"), "%s", t.err.message);
	hostile_close(&t);
}

/* ---- headers, query, key ---- */

Test(request_wire, R_TEL_12_headers_and_query_arrive_and_the_exchange_hides_them)
{
	llm_request *rq = hostile_request("header-good");
	const llm_result *r;
	const char *seen;
	json_t *query;

	setenv("TRY_GATE", MARK, 1);
	hostile_open(&t, HOSTILE_WHOLE,
		"api_key = \"env:TRY_HOSTILE_KEY\"; "
		"headers = { X-Team = \"search\"; X-Gate-Key = \"env:TRY_GATE\"; }; "
		"query = { api-version = \"2025/01 caf\xc3\xa9\"; b_c = \"~x-1\"; };",
		"");
	cr_assert_eq(llm_request_header(rq, "X-Trace", "id 17"), 0);
	r = hostile_run(&t, rq, LLM_CALL_TRACE);
	cr_assert_eq(t.rc, 0, "%s", t.err.message);
	header_is("x-team", "search");
	header_is("x-gate-key", MARK);
	header_is("x-trace", "id 17");
	header_is("x-hostile", "two words");
	header_is("authorization", "Bearer " HOSTILE_KEY);
	query = arrived("query");
	cr_assert_str_eq(json_string_value(query), "api-version=2025%2F01%20caf%C3%A9&b_c=~x-1");
	json_decref(query);
	seen = llm_result_exchange(r);
	cr_assert_not_null(seen);
	cr_assert_not_null(strstr(seen, "> Authorization: [redacted]\n"), "%s", seen);
	cr_assert_not_null(strstr(seen, "> X-Team: search\n"), "%s", seen);
	cr_assert_not_null(strstr(seen, "> POST\n"), "%s", seen);
	cr_assert_not_null(strstr(seen, "< HTTP 200\n"), "%s", seen);
	cr_assert_null(strstr(seen, HOSTILE_KEY), "%s", seen);
	cr_assert_null(strstr(seen, MARK), "%s", seen);
	cr_assert_null(llm_result_exchange(hostile_ask(&t, "good", 0)), "nobody asked for it");
	hostile_close(&t);
}

Test(request_wire, K_07_a_value_that_cannot_be_had_fails_before_anything_is_sent)
{
	static const char *const rows[][2] = {
		{"headers = { X-Gate = \"env:TRY_UNSET\"; };",
			"the header X-Gate cannot be sent: "},
		{"query = { gate = \"env:TRY_UNSET\"; };",
			"the query parameter gate cannot be sent: "},
		{"api_key = \"env:TRY_UNSET\";", "Hostile: there is no API key: "},
	};
	size_t i;

	unsetenv("TRY_UNSET");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		hostile_open(&t, HOSTILE_WHOLE, rows[i][0], "");
		cr_assert_not_null(hostile_ask(&t, "good", 0), "%s", t.err.message);
		cr_assert_eq(t.rc, LLM_E_AUTHENTICATION, "%s", t.err.message);
		cr_assert_eq(strncmp(t.err.message, rows[i][1], strlen(rows[i][1])), 0, "%s",
			t.err.message);
		cr_assert_not_null(strstr(t.err.message, "TRY_UNSET"), "%s", t.err.message);
		cr_assert_eq(t.err.sent, LLM_SENT_NO);
		cr_assert_eq(sim_log_count(t.up, "\"event\":\"accept\""), 0);
		hostile_close(&t);
	}
}
