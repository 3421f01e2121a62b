/*
 * A real model from end to end: llama.cpp's server as scripts/model.sh starts it for the
 * quickstart, through openai.so. What the library says is held against what the server says of
 * itself: its slots, its tokenizer, its template.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "real_ask.h"
#include "support/run.h"
#include "support/schema.h"
#include "support/sim.h"

#define MODEL_SH TEST_SOURCE_DIR "/scripts/model.sh"
#define URL_VARIABLE "LLM_TEST_MODEL_URL" /* for the processes of the tests */
#define NAME "smollm2-135m"
#define MODEL "local/" NAME
#define NOT_THERE 3 /* exit statuses of model.sh */
#define NO_INDEX 6
#define AT_ONCE 8
#define CAPITAL "What is the capital city of France? Answer with one word."
#define ENDLESS "{\"ignore_eos\":true}" /* writes on to its limit */

/* ---- the server: one for all tests, ended with them ---- */

static char *state; /* model.sh's, so that no other server is met */

/* model.sh's exit status; its last line is in `line`. */
static int model_sh(const char *what, char *line, size_t cap)
{
	char command[1024];
	FILE *f;

	snprintf(command, sizeof(command), "XDG_STATE_HOME='%s' '%s' %s 2>&1", state, MODEL_SH,
		what);
	f = popen(command, "re");
	if (!f)
		return -1;
	while (fgets(line, (int)cap, f))
		line[strcspn(line, "\n")] = 0;
	return WEXITSTATUS(pclose(f));
}

ReportHook(PRE_ALL)(struct criterion_test_set *tests)
{
	char what[64], line[512] = "";
	const char *url;
	int status;

	(void)tests;
	state = run_folder();
	snprintf(what, sizeof(what), "start --while %d", (int)getpid());
	status = model_sh(what, line, sizeof(line));
	url = strstr(line, "http://");
	if (status == 0 && url) {
		setenv(URL_VARIABLE, url, 1);
		return;
	}
	unsetenv(URL_VARIABLE);
	if (status == NO_INDEX || status == NOT_THERE)
		fprintf(stderr, "SKIP real_model: %s\n",
			status == NO_INDEX ? "the Python package index cannot be reached" : line);
	setenv(URL_VARIABLE, status == NO_INDEX || status == NOT_THERE ? "" : line, 1);
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	char line[512];

	(void)stats;
	(void)model_sh("stop", line, sizeof(line));
	run_folder_free(state);
}

static const char *url;
static llm_service *svc;

static void set_up(void)
{
	char config[512];

	url = getenv(URL_VARIABLE);
	if (!url || !*url)
		cr_skip_test("no model can be had");
	cr_assert(!strncmp(url, "http://", 7), "the server does not start: %s", url);
	snprintf(config, sizeof(config),
		"providers = { local = { plugin = \"openai\"; locality = \"local\"; "
		"base_url = \"%s\"; }; };",
		url);
	svc = real_open(config, LLM_SERVICE_NO_ENV);
}

static void tear_down(void)
{
	llm_service_free(svc);
}

TestSuite(real_model, .init = set_up, .fini = tear_down);

/* ---- what the server says of itself ---- */

static int connect_to_server(void)
{
	const char *port = strrchr(url, ':') + 1;
	struct sockaddr_in to = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* One exchange past the library; `body` null: GET. */
static json_t *server_says(const char *path, json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	int fd = connect_to_server();
	sim_reply reply;
	json_t *said;

	sim_ask(fd, body ? "POST" : "GET", path, text, &reply);
	cr_assert_eq(reply.status, 200, "%s: %s", path, reply.body);
	said = json_loads(reply.body, 0, NULL);
	cr_assert_not_null(said, "%s: %s", path, reply.body);
	sim_reply_done(&reply);
	close(fd);
	free(text);
	json_decref(body);
	return said;
}

static size_t slots_at_work(void)
{
	json_t *slots = server_says("/slots", NULL), *slot;
	size_t i, n = 0;

	json_array_foreach(slots, i, slot)
		n += json_is_true(json_object_get(slot, "is_processing"));
	json_decref(slots);
	return n;
}

static size_t tokens_of(const char *text)
{
	json_t *said = server_says("/tokenize",
		json_pack(
			"{s:s, s:b, s:b}", "content", text, "add_special", 1, "parse_special", 1));
	size_t n = json_array_size(json_object_get(said, "tokens"));

	json_decref(said);
	return n;
}

/* What the model reads when it is asked this, its template included. */
static size_t tokens_of_question(const char *question)
{
	json_t *said = server_says("/apply-template",
		json_pack("{s:[{s:s, s:s}]}", "messages", "role", "user", "content", question));
	size_t n = tokens_of(json_string_value(json_object_get(said, "prompt")));

	json_decref(said);
	return n;
}

/* ---- the tests ---- */

Test(real_model, a_question_is_answered)
{
	const real_ask ask = {MODEL, CAPITAL, NULL, NULL, 64, 0, 1};
	llm_call *call = real_start(svc, &ask);
	const llm_result *r = real_wait(call);
	llm_timing timing = {.struct_size = sizeof(timing)};

	llm_result_timing(r, &timing);
	cr_assert(strstr(llm_result_text(r, NULL), "Paris"), "%s", llm_result_text(r, NULL));
	cr_assert_eq(llm_result_finish(r, NULL), LLM_FINISH_STOP);
	cr_assert_str_eq(llm_result_provider(r), "local");
	cr_assert_str_eq(llm_result_response_model(r), NAME);
	cr_assert_eq(llm_result_attempt_count(r), 1);
	cr_assert_geq(timing.duration_ms, timing.ttft_ms);
	cr_assert_eq(llm_result_warning_count(r), 0, "%s", llm_result_warning(r, 0));
	llm_call_free(call);
}

Test(real_model, a_stream_comes_in_pieces)
{
	const real_ask ask = {MODEL, "Name five animals.", NULL, ENDLESS, 48, 1, 1};
	static real_stream s;
	llm_call *call = real_start(svc, &ask);
	const llm_result *r = real_stream_all(call, &s);

	cr_assert_gt(s.pieces, 10);
	cr_assert_eq(llm_result_finish(r, NULL), LLM_FINISH_LENGTH);
	llm_call_free(call);
}

/* It would write for many seconds: that it stops is the work of the cancel alone. */
Test(real_model, a_cancel_in_the_middle_stops_the_server)
{
	const real_ask ask = {MODEL, "Count from one to a thousand.", NULL, ENDLESS, 1800, 1, 1};
	static real_stream s;
	llm_call *call = real_start(svc, &ask);
	llm_err err = LLM_ERR_INIT;
	size_t left = 1;

	while (s.pieces < 5)
		cr_assert(real_piece(call, &s));
	cr_assert_eq(slots_at_work(), 1);
	llm_call_cancel(call);
	cr_assert_eq(llm_call_wait(call, REAL_LIMIT_MS, &err), LLM_E_CANCELLED, "%s", err.message);
	cr_assert_eq(err.delivered, 1);
	for (int i = 0; i < 60 && (left = slots_at_work()); i++)
		rest_ms(25);
	cr_assert_eq(left, 0, "the server goes on");
	cr_assert(!strncmp(llm_result_text(llm_call_result(call), NULL), s.text, s.len));
	llm_call_free(call);
}

/* Each schema admits one number only: an answer in the wrong hands would show. */
static llm_call *ask_for_number(int number)
{
	char schema[512];
	const real_ask ask = {MODEL, "Say something about the sea.", schema, NULL, 200, 0, 1};

	snprintf(schema, sizeof(schema),
		"{\"type\":\"object\",\"properties\":{\"number\":{\"const\":%d},\"text\":"
		"{\"type\":\"string\",\"minLength\":60,\"maxLength\":90}},"
		"\"required\":[\"number\",\"text\"],\"additionalProperties\":false}",
		number);
	return real_start(svc, &ask);
}

static void is_number(llm_call *call, int number)
{
	const llm_result *r = real_wait(call);
	json_t *answer = json_loads(llm_result_text(r, NULL), 0, NULL);

	cr_assert_eq(json_integer_value(json_object_get(answer, "number")), number, "%s",
		llm_result_text(r, NULL));
	cr_assert_geq(json_string_length(json_object_get(answer, "text")), 60);
	cr_assert_gt(real_usage(r).output_tokens, 0);
	json_decref(answer);
}

Test(real_model, eight_calls_at_once)
{
	llm_call *calls[AT_ONCE];
	size_t most = 0;
	int i, j;

	cr_assert_eq(
		llm_service_start(svc, NULL), 0); /* they go on while the slots are looked at */
	for (i = 0; i < AT_ONCE; i++)
		calls[i] = ask_for_number(100 + i);
	for (i = 0; i < 400 && most < 2 && !llm_call_result(calls[AT_ONCE - 1]); i++) {
		size_t now = slots_at_work();

		most = now > most ? now : most;
		rest_ms(10);
	}
	cr_assert_geq(most, 2, "the server had one call at a time");
	for (i = 0; i < AT_ONCE; i++)
		is_number(calls[i], 100 + i);
	for (i = 0; i < AT_ONCE; i++)
		for (j = 0; j < i; j++)
			cr_assert_str_neq(llm_result_response_id(llm_call_result(calls[i])),
				llm_result_response_id(llm_call_result(calls[j])));
	for (i = 0; i < AT_ONCE; i++)
		llm_call_free(calls[i]);
	cr_assert_eq(slots_at_work(), 0);
}

static const char person[] =
	"{\"type\":\"object\",\"properties\":{"
	"\"name\":{\"type\":\"string\",\"pattern\":\"^[A-Z][a-z]{1,11}$\"},"
	"\"age\":{\"type\":\"integer\",\"minimum\":18},"
	"\"colours\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":3,"
	"\"items\":{\"type\":\"string\",\"enum\":[\"red\",\"green\",\"blue\"]}}},"
	"\"required\":[\"name\",\"age\",\"colours\"],\"additionalProperties\":false}";

static void is_person(const char *text)
{
	json_t *schema = json_loads(person, 0, NULL);
	json_t *colours = json_object_get(json_object_get(schema, "properties"), "colours");
	json_t *answer = json_loads(text, 0, NULL);
	size_t n = json_array_size(json_object_get(answer, "colours"));
	char why[512] = "";

	json_object_del(colours, "minItems"); /* schema_check() does not know these two */
	json_object_del(colours, "maxItems");
	cr_assert_not_null(answer, "%s", text);
	cr_assert(schema_check(schema, answer, why, sizeof(why)), "%s: %s", why, text);
	cr_assert(n >= 1 && n <= 3, "%s", text);
	json_decref(answer);
	json_decref(schema);
}

Test(real_model, an_answer_of_a_schema)
{
	real_ask ask = {MODEL, "Invent a person who likes colours.", person, NULL, 120, 0, 1};
	static real_stream s;
	llm_call *call = real_start(svc, &ask);

	is_person(llm_result_text(real_wait(call), NULL));
	llm_call_free(call);
	ask.stream = 1;
	call = real_start(svc, &ask);
	is_person(llm_result_text(real_stream_all(call, &s), NULL));
	cr_assert_gt(s.pieces, 5);
	llm_call_free(call);
}

Test(real_model, tokens_are_those_that_the_server_counts)
{
	real_ask ask = {MODEL, "Why does the moon shine?", NULL, ENDLESS, 24, 0, 1};
	size_t asked = tokens_of_question(ask.question), answered;

	for (ask.stream = 0; ask.stream < 2; ask.stream++) {
		llm_call *call = real_start(svc, &ask);
		const llm_result *r = real_wait(call);
		llm_usage usage = real_usage(r);

		answered = tokens_of(llm_result_text(r, NULL));
		cr_assert_eq(usage.input_tokens, (int64_t)asked);
		cr_assert_eq(usage.output_tokens, 24);
		/* Reading a text again may cut it at other places, by a token or two. */
		cr_assert(answered >= 22 && answered <= 26, "%zu tokens", answered);
		cr_assert_leq(usage.cache_read_tokens, usage.input_tokens);
		llm_call_free(call);
	}
}

Test(real_model, a_prompt_that_does_not_fit_is_named_as_that)
{
	static char text[40000];
	const real_ask ask = {MODEL, text, NULL, NULL, 8, 0, 1};
	llm_err err = LLM_ERR_INIT;
	llm_call *call;

	for (size_t i = 0; i + 5 < sizeof(text); i += 4)
		memcpy(text + i, "sea ", 5);
	call = real_start(svc, &ask);
	cr_assert_eq(llm_call_wait(call, REAL_LIMIT_MS, &err), LLM_E_CONTEXT_LENGTH_EXCEEDED, "%s",
		err.message);
	llm_call_free(call);
}

Test(real_model, the_model_is_listed)
{
	cr_assert(real_lists(svc, "local", NAME));
	cr_assert_not(real_lists(svc, "local", "of-nobody"));
}

/* The last step of the quickstart, with the file that it writes. */
Test(real_model, llmctl_asks_it)
{
	char *folder = run_folder(), config[512], path[512];
	run_result out;
	json_t *said;

	snprintf(config, sizeof(config),
		"default_profile = \"local-fast\";\n"
		"providers = { local = { plugin = \"openai\"; locality = \"local\"; "
		"base_url = \"%s\"; }; };\n"
		"profiles = { local-fast = { policy = \"ordered\"; "
		"candidates = [ \"" MODEL "\" ]; }; };\n",
		url);
	run_folder_put(folder, "llm.conf", config);
	snprintf(path, sizeof(path), "%s/llm.conf", folder);
	run_llmctl(NULL, NULL,
		RUN_LIST("ask", "-c", path, "--json", "-o", "max_tokens=32", "-o", "temperature=0",
			CAPITAL),
		&out);
	cr_assert_eq(out.status, 0, "%s", out.err);
	said = json_loads(out.out, 0, NULL);
	cr_assert_not_null(said, "%s", out.out);
	cr_assert(strstr(out.out, "Paris"), "%s", out.out);
	cr_assert_str_eq(json_string_value(json_object_get(said, "provider")), "local");
	json_decref(said);
	run_done(&out);
	run_folder_free(folder);
}
