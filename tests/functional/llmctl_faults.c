/* What llmctl makes of llmsim's faults: code, exit status and what it prints, in every wire. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llm/llm.h"
#include "support/hear.h"
#include "support/run.h"

#define SAY "t1 t2 t3 t4 t5 t6"
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

enum { ALL = 7, OPENAI = 2, GEMINI = 4, OPENAI_GEMINI = 6 };
enum { WHOLE = 1, STREAM = 2, BOTH = 3 };

/*
 * A fault never ends, so that tries of the library's own change nothing but the time; most
 * time limits are so short that it has none for them.
 */
struct row {
	const char *fault;
	int wires;
	int modes;
	int32_t code[HEAR_WIRES]; /* 0: success */
	int32_t whole; /* where it is another: the code of a whole answer in every wire; 0: it is not */
	const char *text; /* of a stream */
	const char *limit; /* null: the usual one */
};

#define EACH(code) \
	{ \
		code, code, code \
	}
#define LIMIT "600ms"
#define SOON "150ms"
#define LONG "20s"
#define ERROR \
	{ \
		LLM_E_UNAVAILABLE, LLM_E_SERVER_ERROR, LLM_E_UNAVAILABLE \
	}

static const struct row rows[] = {
	{"429", ALL, BOTH, EACH(LLM_E_RATE_LIMITED), 0, "", NULL},
	{"429-seconds-30", ALL, BOTH, EACH(LLM_E_RATE_LIMITED), 0, "", NULL},
	{"429-date-30", ALL, BOTH, EACH(LLM_E_RATE_LIMITED), 0, "", NULL},
	{"429-ms-30000", ALL, BOTH, EACH(LLM_E_RATE_LIMITED), 0, "", NULL},
	{"429-body-30", GEMINI, BOTH, EACH(LLM_E_RATE_LIMITED), 0, "", NULL},
	{"429-negative", ALL, BOTH, EACH(LLM_E_RATE_LIMITED), 0, "", NULL},
	{"429-huge", ALL, BOTH, EACH(LLM_E_RATE_LIMITED), 0, "", NULL},
	{"429-soon", ALL, BOTH, EACH(LLM_E_RATE_LIMITED), 0, "", NULL},
	{"429-past", ALL, BOTH, EACH(LLM_E_RATE_LIMITED), 0, "", NULL},
	{"429-quota", ALL, BOTH, EACH(LLM_E_QUOTA_EXHAUSTED), 0, "", NULL},
	{"500", ALL, BOTH, {LLM_E_UNAVAILABLE, LLM_E_SERVER_ERROR, LLM_E_SERVER_ERROR}, 0, "",
		NULL},
	{"502", ALL, BOTH, EACH(LLM_E_UNAVAILABLE), 0, "", NULL},
	{"503", ALL, BOTH, EACH(LLM_E_UNAVAILABLE), 0, "", NULL},
	{"503-seconds-30", ALL, BOTH, EACH(LLM_E_UNAVAILABLE), 0, "", NULL},
	{"503-no-retry", ALL, BOTH, EACH(LLM_E_UNAVAILABLE), 0, "", NULL},
	{"504", ALL, BOTH, {LLM_E_UNAVAILABLE, LLM_E_UNAVAILABLE, LLM_E_TIMEOUT}, 0, "", NULL},
	{"529", ALL, BOTH, EACH(LLM_E_UNAVAILABLE), 0, "", NULL},
	{"context", ALL, BOTH, EACH(LLM_E_CONTEXT_LENGTH_EXCEEDED), 0, "", NULL},
	{"reset", ALL, BOTH, EACH(LLM_E_CONNECTION), 0, "", NULL},
	{"reset-in-head", ALL, BOTH, EACH(LLM_E_STREAM_BROKEN), LLM_E_CONNECTION, "", NULL},
	{"reset-after-5", ALL, BOTH, EACH(LLM_E_STREAM_BROKEN), LLM_E_CONNECTION, "", NULL},
	{"close", ALL, BOTH, EACH(LLM_E_CONNECTION), 0, "", NULL},
	{"close-in-head", ALL, BOTH, EACH(LLM_E_STREAM_BROKEN), LLM_E_CONNECTION, "", NULL},
	{"close-after-5", ALL, BOTH, EACH(LLM_E_STREAM_BROKEN), LLM_E_PROTOCOL, "", NULL},
	{"cut-after-0", ALL, BOTH, EACH(LLM_E_STREAM_BROKEN), LLM_E_PROTOCOL, "", NULL},
	{"cut-after-2", ALL, BOTH, EACH(LLM_E_STREAM_BROKEN), LLM_E_PROTOCOL, "t1 t2\n", NULL},
	{"silence", ALL, BOTH, EACH(LLM_E_DEADLINE), 0, "", SOON},
	{"stall-in-head", ALL, BOTH, EACH(LLM_E_DEADLINE), 0, "", SOON},
	{"stall-after-0", ALL, BOTH, EACH(LLM_E_DEADLINE), 0, "", SOON},
	{"stall-after-3", ALL, BOTH, EACH(LLM_E_DEADLINE), 0, "t1 t2 t3\n", LIMIT},
	{"slow-head-60s", ALL, BOTH, EACH(LLM_E_DEADLINE), 0, "", SOON},
	{"slow-token-60s", ALL, BOTH, EACH(LLM_E_DEADLINE), 0, "", SOON},
	{"slow-head-5ms", ALL, BOTH, EACH(0), 0, SAY "\n", LONG},
	{"slow-token-5ms", ALL, BOTH, EACH(0), 0, SAY "\n", LONG},
	{"drip-1s", ALL, BOTH, EACH(LLM_E_DEADLINE), 0, "", SOON},
	{"alive-after-2", ALL, BOTH, EACH(LLM_E_DEADLINE), 0, "t1 t2\n", LIMIT},
	{"malformed", ALL, BOTH, EACH(0), LLM_E_PROTOCOL, SAY "\n", NULL},
	{"malformed-2", ALL, BOTH, EACH(LLM_E_PROTOCOL), 0, "t1 t2\n", NULL},
	{"no-end", ALL, STREAM, EACH(LLM_E_STREAM_BROKEN), 0, SAY "\n", NULL},
	{"no-done", OPENAI, STREAM, EACH(0), 0, SAY "\n", LONG},
	{"error-after-0", ALL, STREAM, ERROR, 0, "", NULL},
	{"error-after-2", ALL, STREAM, ERROR, 0, "t1 t2\n", NULL},
	{"error-in-200", ALL, BOTH, ERROR, 0, "", NULL},
	{"empty", ALL, BOTH, EACH(0), 0, "", LONG},
	{"no-choices", ALL, BOTH, {LLM_E_PROTOCOL, LLM_E_STREAM_BROKEN, LLM_E_STREAM_BROKEN},
		LLM_E_PROTOCOL, "", NULL},
	{"empty-body", ALL, BOTH, EACH(LLM_E_PROTOCOL), 0, "", NULL},
	{"filter", OPENAI_GEMINI, BOTH, EACH(LLM_E_CONTENT_FILTERED), 0, "", NULL},
	{"filter-after-2", OPENAI_GEMINI, BOTH, EACH(0), 0, "t1 t2\n", LONG},
	{"html", ALL, BOTH, EACH(LLM_E_PROTOCOL), 0, "", NULL},
	{"wrong-type", ALL, BOTH, EACH(LLM_E_PROTOCOL), 0, "", NULL},
	{"big-header", ALL, BOTH, EACH(LLM_E_PROTOCOL), 0, "", NULL},
	{"many-headers", ALL, BOTH, EACH(LLM_E_PROTOCOL), 0, "", NULL},
	{"big-frame-40", ALL, BOTH, EACH(LLM_E_PROTOCOL), 0, "", LONG},
	{"endless", ALL, WHOLE, EACH(LLM_E_PROTOCOL), 0, NULL, LONG},
	/* What has not the form of a fault is a model that is not there. */
	{"429-onc", ALL, BOTH, EACH(LLM_E_NOT_FOUND), 0, "", NULL},
};

struct desk {
	sim *up;
	char *folder;
	char conf[300];
};

static void open_desk(struct desk *d)
{
	char text[800];

	d->up = sim_start(RUN_LIST("--say", SAY));
	d->folder = run_folder();
	snprintf(text, sizeof(text),
		"providers = {\n  ollama = { base_url = \"%s\"; };\n"
		"  openai = { base_url = \"%s/v1\"; api_key = \"file:%s/key\"; };\n"
		"  gemini = { base_url = \"%s\"; api_key = \"file:%s/key\"; };\n};\n",
		sim_url(d->up), sim_url(d->up), d->folder, sim_url(d->up), d->folder);
	run_folder_put(d->folder, "key", "any\n");
	run_folder_put(d->folder, "llm.conf", text);
	snprintf(d->conf, sizeof(d->conf), "%s/llm.conf", d->folder);
}

static void close_desk(struct desk *d)
{
	run_folder_free(d->folder);
	cr_assert_eq(sim_stop(d->up), 0);
}

static void check(const struct row *r, int wire, int stream, const run_result *got)
{
	int32_t code = !stream && r->whole ? r->whole : r->code[wire];
	const char *how = stream ? "stream" : "whole";
	char line[64];

	snprintf(line, sizeof(line), "llmctl: %s: ", llm_error_name(code));
	cr_expect_eq(got->status, code ? (int)llm_error_info_of(code)->exit_code : 0,
		"%s, %s, %s: exit status %d: %s", r->fault, hear_wires[wire], how, got->status,
		got->err);
	cr_expect(!code || strstr(got->err, line), "%s, %s, %s: no \"%s\" in: %s", r->fault,
		hear_wires[wire], how, line, got->err);
	cr_expect(!stream || !r->text || !strcmp(got->out, r->text), "%s, %s, %s: it prints %s",
		r->fault, hear_wires[wire], how, got->out);
	cr_expect(stream || !code || !*got->out, "%s, %s, %s: it prints %s", r->fault,
		hear_wires[wire], how, got->out);
}

static void play(const struct desk *d, const struct row *r, int wire, int stream)
{
	char model[96];
	run_result got;

	if (!(r->wires & (1 << wire)) || !(r->modes & (stream ? STREAM : WHOLE)))
		return;
	snprintf(model, sizeof(model), "%s/fault-%s", hear_wires[wire], r->fault);
	run_llmctl(NULL, NULL,
		RUN_LIST("ask", "-c", d->conf, "-m", model, "--timeout",
			r->limit ? r->limit : LIMIT, stream ? "--stream" : "--no-stream", "hi"),
		&got);
	check(r, wire, stream, &got);
	run_done(&got);
}

static void play_all(int stream)
{
	struct desk d;

	open_desk(&d);
	for (size_t i = 0; i < COUNT(rows) * HEAR_WIRES; i++)
		play(&d, &rows[i / HEAR_WIRES], (int)(i % HEAR_WIRES), stream);
	close_desk(&d);
}

Test(llmctl_faults, each_in_every_wire_as_a_stream)
{
	play_all(1);
}

Test(llmctl_faults, each_in_every_wire_as_a_whole)
{
	play_all(0);
}

Test(llmctl_faults, a_server_that_refuses)
{
	sim *s = sim_start(RUN_LIST("--fault", "refuse"));
	run_result r;

	run_llmctl(sim_url(s), NULL,
		RUN_LIST("ask", "-m", "ollama/sim-small", "--timeout", LIMIT, "hi"), &r);
	cr_expect_eq(r.status, 6, "%s", r.err);
	cr_expect(strstr(r.err, "llmctl: CONNECTION: "), "%s", r.err);
	run_done(&r);
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmctl_faults, an_unknown_one_is_named_with_the_nearest)
{
	sim *s = sim_start(NULL);
	run_result r;

	run_llmctl(sim_url(s), NULL, RUN_LIST("ask", "-m", "ollama/fault-stal-after-3", "hi"), &r);
	cr_expect_eq(r.status, 3, "%s", r.err);
	cr_expect(strstr(r.err, "did you mean fault-stall-after-N?"), "%s", r.err);
	run_done(&r);
	cr_assert_eq(sim_stop(s), 0);
}
