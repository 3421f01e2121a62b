/*
 * Streams that break after something was delivered, in every wire: the four ways of
 * mending, with a second candidate that says the same and one that says something else
 * (R-RETRY-19).
 */
#include <stdlib.h>

#include "guard_try.h"
#include "support/wires.h"

/*
 * What a connection says, in the words of support/wires.h, and besides: "@" a piece of
 * reasoning "hm", "#" a call of the tool "f".
 */
typedef struct mend {
	const char *name;
	const char *first; /* breaks off */
	const char *second; /* null: nobody else */
	const char *way; /* how the first ends; null: closed */
	uint32_t mode; /* LLM_RECOVER_* */
	const char *prefill; /* of the second; null: no */
	uint32_t tools; /* the request has one */
	/* what comes of it */
	int32_t code;
	const char *text;
	const char *reasoning;
	uint32_t calls;
	uint32_t recovered;
	uint32_t requests;
} mend;

typedef struct speech {
	const char *reasoning;
	const char *call;
} speech;

static const speech speeches[WIRES] = {
	{"$d<{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"thinking\":"
	 "\"hm\"},\"done\":false}>",
		"$d<{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\","
		"\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{\"a\":1}}}]},\"done\":"
		"false}>"},
	{"$d<{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{"
	 "\"index\":0,\"delta\":{\"reasoning_content\":\"hm\"},\"finish_reason\":null}]}>",
		"$d<{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":"
		"[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"x\",\"type\":"
		"\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}]},"
		"\"finish_reason\":null}]}>"},
	{"$d<{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"hm\","
	 "\"thought\":true}]},\"index\":0}],\"modelVersion\":\"m\"}>",
		"$d<{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"functionCall\":"
		"{\"name\":\"f\",\"args\":{\"a\":1}}}]},\"index\":0}],\"modelVersion\":\"m\"}>"},
};

static void put(char *to, size_t cap, const char *what, size_t len)
{
	const size_t n = strlen(to);

	cr_assert_lt(n + len, cap);
	memcpy(to + n, what, len);
	to[n + len] = '\0';
}

static void put_speech(char *to, size_t cap, const char *words, const speech *s)
{
	for (; *words; words++) {
		if (*words == '@')
			put(to, cap, s->reasoning, strlen(s->reasoning));
		else if (*words == '#')
			put(to, cap, s->call, strlen(s->call));
		else
			put(to, cap, words, 1);
	}
}

static void put_block(char *to, size_t cap, const char *words, const char *end, const speech *s)
{
	static const char head[] =
		"accept\nread request\nhead 200 $t \"Connection: close\"\nsend \"";

	put(to, cap, head, sizeof(head) - 1);
	put_speech(to, cap, words, s);
	put(to, cap, "\"\n", 2);
	put(to, cap, end, strlen(end));
}

static char *script_of(const mend *m, size_t w)
{
	char text[6000] = "";

	put_block(text, sizeof(text), m->first, m->way ? m->way : "close\n", &speeches[w]);
	if (m->second)
		put_block(text, sizeof(text), m->second, "close\n", &speeches[w]);
	return wires_expand(&wires[w], 1, text);
}

static void configure(char *to, size_t cap, const mend *m, size_t w)
{
	const char *p = wires[w].name, *fill = m->prefill ? m->prefill : "no";

	snprintf(to, cap,
		"max_attempts = 1; idle = 60; idle_keepalive = 60; silence = 60;\n"
		"default_profile = \"p\"; profiles = { p = { candidates = [ \"%s/a\", \"%s/b\" ]; }; "
		"one = { candidates = [ \"%s/a\" ]; }; };\n"
		"models = ( { id = \"%s/a\"; capabilities = { prefill = \"%s\"; }; }, "
		"{ id = \"%s/b\"; capabilities = { prefill = \"%s\"; }; } );\n",
		p, p, p, p, fill, p, fill);
}

/* The oracle asks with a text alone; a tool is what this asks besides. */
static llm_request *request_of(const mend *m)
{
	llm_request *rq = NULL;

	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_profile(rq, m->second ? "p" : "one"), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hello", LLM_NUL_TERMINATED), 0);
	if (m->tools)
		cr_assert_eq(llm_request_tool(rq, "f", "a tool", "{\"type\":\"object\"}",
				     LLM_NUL_TERMINATED),
			0);
	return rq;
}

typedef struct told {
	char text[256];
	char reasoning[64];
	uint32_t calls;
} told;

static void hear(told *t, const llm_event *e)
{
	char *to = e->kind == LLM_EVENT_TEXT ? t->text : t->reasoning;
	const size_t cap = e->kind == LLM_EVENT_TEXT ? sizeof(t->text) : sizeof(t->reasoning);

	if (e->kind == LLM_EVENT_TEXT || e->kind == LLM_EVENT_REASONING)
		put(to, cap, e->text, e->len);
	if (e->kind == LLM_EVENT_TOOL_CALL && t->calls <= e->index)
		t->calls = e->index + 1; /* a call may come in several pieces */
}

static llm_call *ask(llm_service *svc, const mend *m, told *t)
{
	const llm_call_opts opts = {.struct_size = (uint32_t)sizeof(opts),
		.flags = LLM_CALL_STREAM,
		.total_ms = ORACLE_TOTAL_MS,
		.stream_recovery = m->mode};
	llm_event e = {.struct_size = (uint32_t)sizeof(e)};
	llm_request *rq = request_of(m);
	llm_call *call = NULL;
	llm_err err = LLM_ERR_INIT;

	memset(t, 0, sizeof(*t));
	cr_assert_eq(llm_submit(svc, rq, &opts, &call, &err), 0, "%s", err.message);
	llm_request_free(rq);
	do {
		cr_assert_eq(llm_call_next(call, ORACLE_TOTAL_MS, &e), 0, "%s", m->name);
		hear(t, &e);
	} while (e.kind != LLM_EVENT_END);
	return call;
}

static void judge(const mend *m, const char *at, const llm_result *r, const told *t)
{
	const llm_err *err = llm_result_error(r);
	size_t len = 0;

	cr_assert_eq(err ? err->code : 0, m->code, "%s, %s: %s", at, m->name,
		err ? err->message : "no error");
	cr_assert_str_eq(t->text, m->text, "%s, %s: %s", at, m->name, t->text);
	cr_assert_str_eq(t->reasoning, m->reasoning ? m->reasoning : "", "%s, %s: %s", at, m->name,
		t->reasoning);
	cr_assert_eq(t->calls, m->calls, "%s, %s: %u calls", at, m->name, t->calls);
	cr_assert_eq(llm_result_recovered(r), m->recovered, "%s, %s", at, m->name);
	/* What was told is what the result holds, unless it was all kept back. */
	cr_assert(m->mode == LLM_RECOVER_BUFFER || strcmp(llm_result_text(r, &len), t->text) == 0);
	if (!err)
		return;
	cr_assert_eq(err->delivered, (uint32_t)(m->mode != LLM_RECOVER_BUFFER), "%s", m->name);
	cr_assert_eq((err->flags & LLM_ERRF_PARTIAL) != 0, err->delivered != 0);
	cr_assert_not_null(strstr(err->candidate, "/a"), "%s, %s: %s", at, m->name, err->candidate);
}

static void play(const mend *m, size_t w)
{
	char *script = script_of(m, w), config[1200];
	const oracle_opts opts = {.text = script,
		.config = config,
		.attempts = 1,
		.time = &guard_time,
		.no_healthy = 1};
	llm_call *call;
	oracle *o;
	told t;

	configure(config, sizeof(config), m, w);
	o = oracle_open(&opts);
	call = ask(o->svc, m, &t);
	judge(m, wires[w].name, llm_call_result(call), &t);
	cr_assert_eq(sim_log_count(o->up, REQUEST), m->requests, "%s, %s: %s", wires[w].name,
		m->name, sim_log_text(o->up));
	llm_call_free(call);
	cr_assert_eq(oracle_close(o), 0, "%s, %s", wires[w].name, m->name);
	free(script);
}

static void play_all(const mend *rows, size_t n)
{
	size_t i, w;

	for (i = 0; i < n; i++)
		for (w = 0; w < WIRES; w++)
			play(&rows[i], w);
}

#define PLAY(rows) play_all(rows, sizeof(rows) / sizeof((rows)[0]))
#define ALL WIRES_TEXT
#define BROKEN LLM_E_STREAM_BROKEN

Test(guard_mend, R_RETRY_19_the_same_text)
{
	static const mend rows[] = {
		{"off", "$1", "$*", NULL, LLM_RECOVER_OFF, NULL, 0, BROKEN, "Hel", NULL, 0, 0, 1},
		{"match", "$1", "$*", NULL, LLM_RECOVER_MATCH, NULL, 0, 0, ALL, NULL, 0, 1, 2},
		{"match, all but the end", "$1$2$3", "$*", NULL, LLM_RECOVER_MATCH, NULL, 0, 0, ALL,
			NULL, 0, 1, 2},
		{"match in one piece", "$1$2", "$m<\"Hello, w\xc3\xb6rld\">", NULL,
			LLM_RECOVER_MATCH, NULL, 0, 0, ALL, NULL, 0, 1, 2},
		{"continue as match", "$1", "$*", NULL, LLM_RECOVER_CONTINUE, NULL, 0, 0, ALL, NULL,
			0, 1, 2},
		{"buffer", "$1", "$*", NULL, LLM_RECOVER_BUFFER, NULL, 0, 0, ALL, NULL, 0, 0, 2},
		{"nobody else", "$1", NULL, NULL, LLM_RECOVER_MATCH, NULL, 0, BROKEN, "Hel", NULL,
			0, 0, 1},
	};

	PLAY(rows);
}

Test(guard_mend, R_RETRY_19_another_text)
{
	static const mend rows[] = {
		{"off", "$1", "$m<\"Other\">", NULL, LLM_RECOVER_OFF, NULL, 0, BROKEN, "Hel", NULL,
			0, 0, 1},
		{"match", "$1", "$m<\"Other\">", NULL, LLM_RECOVER_MATCH, NULL, 0, BROKEN, "Hel",
			NULL, 0, 0, 2},
		{"match, later", "$1$2", "$1$m<\"p\">", NULL, LLM_RECOVER_MATCH, NULL, 0, BROKEN,
			"Hello, ", NULL, 0, 0, 2},
		{"match, shorter", "$1$2", "$1$4", NULL, LLM_RECOVER_MATCH, NULL, 0, BROKEN,
			"Hello, ", NULL, 0, 0, 2},
		{"continue as match", "$1", "$m<\"Other\">", NULL, LLM_RECOVER_CONTINUE, NULL, 0,
			BROKEN, "Hel", NULL, 0, 0, 2},
		{"buffer", "$1", "$m<\"Other\">", NULL, LLM_RECOVER_BUFFER, NULL, 0, 0, "Other",
			NULL, 0, 0, 2},
	};

	PLAY(rows);
}

/* However it breaks: closed, reset, stalled, an error in its midst, an end without a sign. */
Test(guard_mend, R_RETRY_19_every_way_to_break)
{
	static const char *const ways[] = {"sleep 2\nreset\n", "keep\n", "send \"$f\"\nclose\n",
		"send \"$2\"\nclose\n", "send \"{\\\"mo\"\nclose\n"};
	size_t i, w;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		for (w = 0; w < WIRES; w++) {
			mend m = {ways[i], "$1", "$*", ways[i], LLM_RECOVER_MATCH, NULL, 0, 0, ALL,
				NULL, 0, 1, 2};

			play(&m, w);
			m.mode = LLM_RECOVER_BUFFER;
			m.recovered = 0;
			play(&m, w);
		}
}

Test(guard_mend, R_RETRY_19_reasoning_is_no_difference_and_is_not_told_twice)
{
	static const mend rows[] = {
		{"before the text", "@$1", "@$*", NULL, LLM_RECOVER_MATCH, NULL, 0, 0, ALL, "hm", 0,
			1, 2},
		{"another one", "@$1", "@@@$*", NULL, LLM_RECOVER_MATCH, NULL, 0, 0, ALL, "hm", 0,
			1, 2},
		{"none the second time", "@$1", "$*", NULL, LLM_RECOVER_MATCH, NULL, 0, 0, ALL,
			"hm", 0, 1, 2},
		{"none the first time", "$1", "@$*", NULL, LLM_RECOVER_MATCH, NULL, 0, 0, ALL, "",
			0, 1, 2},
		{"after the text that was told", "$1", "$1@$2$3$4", NULL, LLM_RECOVER_MATCH, NULL,
			0, 0, ALL, "hm", 0, 1, 2},
		{"nothing else was told", "@", "@$m<\"Other\">", NULL, LLM_RECOVER_MATCH, NULL, 0,
			0, "Other", "hm", 0, 1, 2},
		{"another text", "@$1", "@$m<\"Other\">", NULL, LLM_RECOVER_MATCH, NULL, 0, BROKEN,
			"Hel", "hm", 0, 0, 2},
		{"off", "@", "@$*", NULL, LLM_RECOVER_OFF, NULL, 0, BROKEN, "", "hm", 0, 0, 1},
		{"buffer", "@$1", "@@$m<\"Other\">", NULL, LLM_RECOVER_BUFFER, NULL, 0, 0, "Other",
			"hmhm", 0, 0, 2},
	};

	PLAY(rows);
}

Test(guard_mend, R_RETRY_19_tool_calls_are_mended_by_buffer_or_not_at_all)
{
	static const mend rows[] = {
		{"told", "$1#", "$1#$4", NULL, LLM_RECOVER_MATCH, NULL, 1, BROKEN, "Hel", NULL, 1,
			0, 1},
		{"told alone", "#", "#$4", NULL, LLM_RECOVER_CONTINUE, NULL, 1, BROKEN, "", NULL, 1,
			0, 1},
		{"not told yet", "$1", "$1#$4", NULL, LLM_RECOVER_MATCH, NULL, 1, 0, "Hel", NULL, 1,
			1, 2},
		{"in place of the text", "$1$2", "$1#$4", NULL, LLM_RECOVER_MATCH, NULL, 1, BROKEN,
			"Hello, ", NULL, 0, 0, 2},
		{"buffer", "$1#", "$m<\"Other\">", NULL, LLM_RECOVER_BUFFER, NULL, 1, 0, "Other",
			NULL, 0, 0, 2},
		{"buffer, the call", "#", "#$4", NULL, LLM_RECOVER_BUFFER, NULL, 1, 0, "", NULL, 1,
			0, 2},
	};

	PLAY(rows);
}

/* Where it can be continued, what comes is the rest; who refuses that is not the run's error. */
Test(guard_mend, R_RETRY_19_continue)
{
	static const mend goes_on = {"continue", "$1", "$2$3$4", NULL, LLM_RECOVER_CONTINUE, "yes",
				  0, 0, ALL, NULL, 0, 1, 2},
			  thinks = {"continue, with reasoning", "@$1", "@$2$3$4", NULL,
				  LLM_RECOVER_CONTINUE, "yes", 0, 0, ALL, "hm", 0, 1, 2};

	play(&goes_on, 2);
	play(&thinks, 2);
}

#define REFUSES \
	"accept\nread request\nreply 400 \"Connection: close\" " \
	"\"{\\\"error\\\":{\\\"code\\\":400,\\\"message\\\":\\\"no\\\"}}\"\nclose\n"

Test(guard_mend, R_RETRY_19_who_refuses_to_go_on_is_not_the_runs_error)
{
	const mend m = {
		.name = "refused", .second = "", .mode = LLM_RECOVER_CONTINUE, .prefill = "yes"};
	char script[3000] = "", config[1200];
	oracle_opts opts = {.config = config, .attempts = 1, .time = &guard_time, .no_healthy = 1};
	const llm_result *r;
	llm_attempt row = {.struct_size = (uint32_t)sizeof(row)};
	llm_call *call;
	oracle *o;
	told t;

	put_block(script, sizeof(script), "$1", "close\n", &speeches[2]);
	put(script, sizeof(script), REFUSES, sizeof(REFUSES) - 1);
	opts.text = wires_expand(&wires[2], 1, script);
	configure(config, sizeof(config), &m, 2);
	o = oracle_open(&opts);
	call = ask(o->svc, &m, &t);
	r = llm_call_result(call);
	cr_assert_eq(llm_result_error(r)->code, BROKEN, "%s", llm_result_error(r)->message);
	cr_assert_str_eq(llm_result_error(r)->candidate, "gemini/a");
	cr_assert_str_eq(t.text, "Hel");
	cr_assert_eq(llm_result_attempt(r, 1, &row), 0);
	cr_assert_eq(row.error_code, LLM_E_INVALID_REQUEST);
	llm_call_free(call);
	cr_assert_eq(oracle_close(o), 0);
	free((char *)(uintptr_t)opts.text);
}
