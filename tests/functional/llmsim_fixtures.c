/*
 * llmsim beside the fixtures: every request of tests/fixtures is sent to it, and its
 * answer must have the shape of the answer that stands there: the status, the kind of
 * body, the members with their types, and in streams the kinds of events and the end.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fnmatch.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/run.h"
#include "support/sim.h"

#define FOLDER TEST_SOURCE_DIR "/tests/fixtures/"
#define KEY "sim-key"

/*
 * What these answers depend on is not in their requests. llmsim gives the ordinary
 * answer instead: that of the fixture `like` (null: it has none).
 */
static const struct row {
	const char *names;
	const char *reason;
	const char *like;
} rows[] = {
	{"gemini/continuation", "an output of tens of thousands of tokens", "generate_basic"},
	{"gemini/empty_stop", "the model had nothing to say", "generate_basic"},
	{"gemini/malformed_function_call", "the model wrote a bad call", "tools_single"},
	{"gemini/err_400_call_count", "its request is not the one at fault", "generate_basic"},
	{"gemini/err_400_context", "a prompt of a million tokens", "generate_basic"},
	{"gemini/err_400_location", "where the caller is", "generate_basic"},
	{"gemini/err_403_permission", "what the project may do", "generate_basic"},
	{"gemini/err_429_*", "a quota used up", "generate_basic"},
	{"gemini/err_[5h]*", "a server or proxy in trouble", "generate_basic"},
	{"gemini/err_array_body", "a quota used up", NULL},
	{"gemini/stream_midstream_*", "a server in trouble", "stream_basic"},
	{"gemini/stream_truncated", "a connection cut off", "stream_basic"},
	{"openai/groq_stream_error", "another server's dialect", "chat_stream_usage"},
	{"openai/[dgo]*_stream*", "another server's dialect", "chat_stream"},
	{"openai/[alv]*_stream", "another server's dialect", "chat_stream_usage"},
	{"openai/azure_content_filter", "another server's dialect", "err_unsupported_value"},
	{"openai/azure_*", "another server's dialect", "chat_basic"},
	{"openai/deepseek_*", "another server's dialect", "chat_basic"},
	{"openai/groq_tool_use_failed", "another server's dialect", "chat_tools"},
	{"openai/llamacpp_*", "another server's dialect", "chat_basic"},
	{"openai/lmstudio_*", "another server's dialect", "chat_basic"},
	{"openai/mistral_thinking_stream", "another server's dialect", NULL},
	{"openai/mistral_error_401", "another server's dialect", "chat_basic"},
	{"openai/mistral_error_422", "another server's dialect", "err_unsupported_value"},
	{"openai/openrouter_*", "another server's dialect", "chat_basic"},
	{"openai/together_*", "another server's dialect", "chat_basic"},
	{"openai/vllm_stream_error", "another server's dialect", "chat_stream"},
	{"openai/vllm_*", "another server's dialect", "chat_basic"},
	{"openai/responses_*", "llmsim has no Responses API", NULL},
	{"openai/err_context_length", "a prompt of 131072 tokens", "chat_basic"},
	{"openai/err_credit_balance", "an empty account", "chat_basic"},
	{"openai/err_insufficient_quota", "a quota used up", "chat_basic"},
	{"openai/err_rate_limit", "too many requests", "chat_basic"},
	{"openai/err_html_502", "a proxy in trouble", "chat_basic"},
	{"openai/err_[os]*", "a server in trouble, or too busy", "chat_basic"},
	{"openai/sse_torture", "unusual framing", "chat_stream"},
	{"openai/stream_*", "a connection cut off", "chat_stream"},
	{"ollama/chat_nonstream_done_false", "a run that was aborted", "chat_basic"},
	{"ollama/chat_stream_midstream_error", "a server in trouble", "chat_stream_basic"},
	{"ollama/chat_stream_no_done", "a run that was aborted", "chat_stream_basic"},
	{"ollama/chat_stream_tools_native", "another runner", "chat_stream_tools_parser"},
	{"ollama/chat_tool_no_args_old", "an older server; the tool is not named", "chat_basic"},
	{"ollama/err_400_context_native", "a prompt of 9412 tokens", "chat_stream_basic"},
	{"ollama/err_400_context_rendered", "a long prompt", NULL},
	{"ollama/err_400_embed_too_long", "a long input", "embed_basic"},
	{"ollama/err_4*_cloud*", "an account at ollama.com", "chat_stream_basic"},
	{"ollama/err_403_subscription", "an account at ollama.com", "chat_stream_basic"},
	{"ollama/err_500_oom_*", "a server in trouble", "chat_stream_basic"},
	{"ollama/err_500_runner_stopped", "a server in trouble", "chat_stream_basic"},
	{"ollama/err_500_tool_parse", "the model wrote a bad call", "chat_stream_thinking"},
	{"ollama/err_50[23]_*", "a server in trouble", "chat_stream_basic"},
};

/* Members that real answers have at times and at times not. */
static const char *const optional[] = {
	"gemini *.thoughtSignature string",
	"gemini usageMetadata.thoughtsTokenCount number",
	"gemini promptFeedback.safetyRatings*",
	"gemini error.details.#.domain string",
	"gemini error.details.#.metadata.method string",
	"openai obfuscation string",
	"ollama models.#.remote_* string",
	"ollama *.message.thinking string",
	/* An empty part may end a stream of Gemini, or the last text. */
	"gemini event text finish",
	"gemini event text thoughtSignature finish",
	/* The keys of these hold the name of the architecture. */
	"ollama model_info.*",
	"ollama parser string",
	"ollama renderer string",
	"ollama modified_at string",
};

/* Whose credentials are not those of the others. */
static const struct {
	const char *name;
	const char *headers;
} credentials[] = {
	{"gemini/err_400_api_key_invalid", "x-goog-api-key: another\r\n"},
	{"gemini/err_400_two_credentials",
		"x-goog-api-key: " KEY "\r\nAuthorization: Bearer " KEY "\r\n"},
	{"gemini/err_401_token_type", "Authorization: Bearer " KEY "\r\n"},
	{"gemini/err_403_no_identity", ""},
	{"openai/err_invalid_api_key", "Authorization: Bearer another\r\n"},
	{"gemini/*", "x-goog-api-key: " KEY "\r\n"},
	{"openai/*", "Authorization: Bearer " KEY "\r\n"},
	{"*", ""},
};

#define MODELS \
	"gemini-3.8-flash=completion+tools+thinking+vision," \
	"gemini-4-argon=completion+tools+thinking+vision," \
	"gemini-2.5-flash=completion+tools+thinking,gemini-embedding-001=embedding," \
	"gpt-5.4-mini,gpt-5.5=completion+tools+thinking,gpt-3.5-turbo-instruct," \
	"text-embedding-3-small=embedding,llama3.2=completion+tools," \
	"llama3.1=completion+tools,qwen3:8b=completion+tools+thinking," \
	"gpt-oss:20b=completion+tools+thinking,gemma4=completion+vision+thinking," \
	"gemma2=completion,all-minilm=embedding"

/* ---- one fixture ---- */

struct fixture {
	const char *provider;
	char name[100]; /* "provider/name" */
	int status;
	char type[60];
	char method[8];
	char path[200];
	char *request; /* null: none */
	char *response; /* null: it is a stream */
	char *stream;
};

static char *slurp(const char *name, const char *suffix)
{
	char path[400];
	char *text = NULL;
	size_t cap = 0;
	FILE *file;

	snprintf(path, sizeof(path), FOLDER "%s%s", name, suffix);
	file = fopen(path, "r");
	if (!file)
		return NULL;
	if (getdelim(&text, &cap, 0, file) < 0)
		text[0] = 0;
	fclose(file);
	return text;
}

static void read_fixture(struct fixture *x, const char *provider, const char *name)
{
	char *status;
	const char *at;

	*x = (struct fixture){.provider = provider};
	snprintf(x->name, sizeof(x->name), "%s/%s", provider, name);
	status = slurp(x->name, ".status");
	cr_assert_not_null(status, "%s", x->name);
	x->status = (int)strtol(status, NULL, 10);
	at = strstr(status, "\nrequest: ");
	cr_assert(at && sscanf(at, "\nrequest: %7s %199s", x->method, x->path) == 2);
	at = strstr(status, "content-type: ");
	if (at)
		sscanf(at, "content-type: %59[^;\n]", x->type);
	free(status);
	x->request = slurp(x->name, ".request.json");
	x->response = slurp(x->name, ".response.json");
	x->stream = slurp(x->name, ".stream.txt");
}

static void fixture_done(struct fixture *x)
{
	free(x->request);
	free(x->response);
	free(x->stream);
}

static bool is(const struct fixture *x, const char *glob)
{
	return !fnmatch(glob, x->name, 0);
}

/* ---- shapes: sets of "path type" ---- */

static const char *kind_of(const json_t *v)
{
	static const char *const names[] = {
		"object", "array", "string", "number", "number", "bool", "bool", "null"};

	return names[json_typeof(v)];
}

static void add(json_t *set, const char *text)
{
	json_object_set_new(set, text, json_true());
}

static void shape(json_t *set, const char *path, const json_t *v)
{
	char line[600];
	char below[500];
	const char *dot = *path ? "." : "";
	const char *key;
	json_t *one;
	size_t i;

	snprintf(line, sizeof(line), "%s %s", path, kind_of(v));
	add(set, line);
	json_object_foreach((json_t *)v, key, one)
	{
		snprintf(below, sizeof(below), "%s%s%s", path, dot, key);
		shape(set, below, one);
	}
	json_array_foreach(v, i, one)
	{
		snprintf(below, sizeof(below), "%s%s#", path, dot);
		shape(set, below, one);
	}
}

static const json_t *at(const json_t *v, const char *list, const char *member)
{
	return json_object_get(json_array_get(json_object_get(v, list), 0), member);
}

/* What one event brings: the members that matter to who reads the stream. */
static void event_kind(json_t *set, const json_t *v)
{
	const json_t *inside = at(v, "choices", "delta");
	const json_t *parts = json_object_get(at(v, "candidates", "content"), "parts");
	const json_t *finish = at(v, "choices", "finish_reason");
	char line[300] = "event";
	const char *key;
	json_t *one;

	inside = inside ? inside : json_array_get(parts, 0);
	inside = inside ? inside : json_object_get(v, "message");
	json_object_foreach((json_t *)inside, key, one)
	{
		strncat(line, " ", sizeof(line) - strlen(line) - 1);
		strncat(line, key, sizeof(line) - strlen(line) - 1);
	}
	if (json_is_string(finish) || at(v, "candidates", "finishReason") ||
		json_is_true(json_object_get(v, "done")))
		strncat(line, " finish", sizeof(line) - strlen(line) - 1);
	add(set, line);
}

/* The last event says that it is the last, each API in its own way. */
static const char *last_kind(const json_t *v)
{
	const char *status = json_string_value(json_object_get(v, "status"));

	if (!v)
		return "end [DONE]";
	if (json_object_get(v, "error"))
		return "end error";
	if (json_is_true(json_object_get(v, "done")) || at(v, "candidates", "finishReason") ||
		json_object_get(v, "promptFeedback") || (status && !strcmp(status, "success")))
		return "end finish";
	return "end nothing";
}

static json_t *stream_shape(const char *name, const char *text)
{
	json_t *set = json_object();
	char *copy = strdup(text);
	char *rest = copy;
	const char *last = "end nothing";
	char *line;

	while ((line = strsep(&rest, "\n"))) {
		json_t *v;

		line[strcspn(line, "\r")] = 0;
		line += strncmp(line, "data: ", 6) ? 0 : 6;
		if (!*line)
			continue;
		v = json_loads(line, 0, NULL);
		cr_expect(v || !strcmp(line, "[DONE]"), "%s: no event: %s", name, line);
		last = last_kind(v);
		if (v) {
			shape(set, "", v);
			event_kind(set, v);
		}
		json_decref(v);
	}
	add(set, last);
	add(set, strstr(text, "\r\n") ? "lines CRLF" : "lines LF");
	free(copy);
	return set;
}

static json_t *body_shape(const char *text)
{
	json_t *set = json_object();
	json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);

	if (v)
		shape(set, "", v);
	else
		add(set, text);
	json_decref(v);
	return set;
}

static bool may_differ(const char *provider, const char *line)
{
	char text[700];

	snprintf(text, sizeof(text), "%s %s", provider, line);
	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++)
		if (!fnmatch(optional[i], text, 0))
			return true;
	return false;
}

static void all_in(const struct fixture *x, json_t *some, const json_t *others, const char *what)
{
	const char *line;
	json_t *v;

	json_object_foreach(some, line, v)
		cr_expect(json_object_get(others, line) || may_differ(x->provider, line),
			"%s: %s: %s", x->name, what, line);
}

/* ---- asking ---- */

static void ask(const sim *s, const struct fixture *x, const struct fixture *like, const char *body,
	sim_reply *ret)
{
	size_t cap = strlen(body) + 1000;
	char *text = malloc(cap);
	size_t i = 0;
	int fd = sim_connect(s);

	while (!is(x, credentials[i].name))
		i++;
	if (like != x) /* whose ordinary answer is looked for has the ordinary key */
		while (!strchr(credentials[i].name, '*'))
			i++;
	snprintf(text, cap, "%s %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n%s",
		like->method, like->path, credentials[i].headers, strlen(body), body);
	sim_send(fd, text, strlen(text));
	sim_read_reply(fd, ret);
	close(fd);
	free(text);
}

/* The model of the fixture whose answer is looked for, where llmsim has not the own one. */
static char *body_of(const struct fixture *x, const struct fixture *like)
{
	json_t *own = x->request ? json_loads(x->request, 0, NULL) : NULL;
	json_t *other = like->request ? json_loads(like->request, 0, NULL) : NULL;
	json_t *model = json_object_get(other, "model");
	const char *name = json_string_value(json_object_get(own, "model"));
	char *text;

	if (like == x || !own || !model || (name && strstr(MODELS, name))) {
		text = strdup(x->request ? x->request : "");
	} else {
		json_object_set(own, "model", model);
		text = json_dumps(own, JSON_COMPACT);
	}
	json_decref(own);
	json_decref(other);
	return text;
}

static void compare(const struct fixture *x, const struct fixture *like, const sim_reply *r)
{
	json_t *expected = like->stream ? stream_shape(x->name, like->stream) :
					  body_shape(like->response);
	json_t *got = like->stream ? stream_shape(x->name, r->body) : body_shape(r->body);

	cr_expect_eq(r->status, like->status, "%s: %d: %s", x->name, r->status, r->body);
	cr_expect(!*like->type || strstr(r->head, like->type), "%s: %s", x->name, r->head);
	cr_expect(r->complete, "%s", x->name);
	all_in(like, expected, got, "missing");
	all_in(like, got, expected, "too much");
	json_decref(expected);
	json_decref(got);
}

static void check(const sim *s, const char *provider, const char *name, const char *as)
{
	struct fixture x;
	struct fixture like;
	sim_reply r;
	char *body;

	read_fixture(&x, provider, name);
	read_fixture(&like, provider, as);
	body = body_of(&x, strcmp(name, as) ? &like : &x);
	ask(s, &x, strcmp(name, as) ? &like : &x, body, &r);
	snprintf(like.name, sizeof(like.name), "%s", x.name);
	compare(&x, &like, &r);
	sim_reply_done(&r);
	free(body);
	fixture_done(&x);
	fixture_done(&like);
}

static const struct row *row_of(const char *provider, const char *name)
{
	char both[200];

	snprintf(both, sizeof(both), "%s/%s", provider, name);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!fnmatch(rows[i].names, both, 0))
			return &rows[i];
	return NULL;
}

/* Calls `each` with the name of every fixture; returns how many there are. */
static size_t walk(const char *provider, void (*each)(const char *provider, const char *name))
{
	char folder[300];
	size_t n = 0;
	struct dirent *entry;
	DIR *dir;

	snprintf(folder, sizeof(folder), FOLDER "%s", provider);
	dir = opendir(folder);
	cr_assert_not_null(dir);
	while ((entry = readdir(dir))) {
		char *end = strstr(entry->d_name, ".status");

		if (!end)
			continue;
		*end = 0;
		each(provider, entry->d_name);
		n++;
	}
	closedir(dir);
	return n;
}

static sim *up;

static void check_one(const char *provider, const char *name)
{
	const struct row *row = row_of(provider, name);

	if (!row || row->like)
		check(up, provider, name, row ? row->like : name);
}

static void check_all(const char *provider, size_t least)
{
	up = sim_start(RUN_LIST("--models", MODELS, "--tokens", "200", "--key", KEY));
	cr_assert_geq(walk(provider, check_one), least);
	cr_assert_eq(sim_stop(up), 0);
}

Test(llmsim_fixtures, gemini)
{
	check_all("gemini", 48);
}

Test(llmsim_fixtures, openai)
{
	check_all("openai", 70);
}

Test(llmsim_fixtures, ollama)
{
	check_all("ollama", 45);
}

static bool used[sizeof(rows) / sizeof(rows[0])];

static void use(const char *provider, const char *name)
{
	const struct row *row = row_of(provider, name);

	if (row)
		used[row - rows] = true;
}

/* A row that no fixture needs any more would hide what comes later. */
Test(llmsim_fixtures, every_row_is_of_use)
{
	cr_assert_gt(walk("gemini", use) + walk("openai", use) + walk("ollama", use), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect(used[i], "%s: %s", rows[i].names, rows[i].reason);
}
