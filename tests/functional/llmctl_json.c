/* llmctl ask --json: the object of docs/llm.ask.schema.json in every outcome. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "support/run.h"
#include "support/schema.h"
#include "support/sim.h"

static json_t *schema(void)
{
	json_error_t e;
	json_t *s = json_load_file(
		TEST_SOURCE_DIR "/docs/llm.ask.schema.json", JSON_REJECT_DUPLICATES, &e);

	cr_assert_not_null(s, "%s", e.text);
	return s;
}

/* The text is one line, that line one object of the schema. */
static json_t *read_object(const char *text)
{
	json_error_t e;
	json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, &e), *s = schema();
	const char *newline = strchr(text, '\n');
	char why[400];

	cr_assert_not_null(o, "%s in: %s", e.text, text);
	cr_assert(newline && !newline[1], "not one line: %s", text);
	cr_assert(schema_check(s, o, why, sizeof(why)), "%s in: %s", why, text);
	json_decref(s);
	return o;
}

static const char *str(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "(null)";
}

static json_t *ask(const char *url, const char *const *args, int status)
{
	run_result r;
	json_t *o;

	run_llmctl(url, NULL, args, &r);
	cr_expect_eq(r.status, status, "status %d: %s", r.status, r.err);
	o = read_object(r.out);
	run_done(&r);
	return o;
}

Test(llmctl_json, success_has_every_member)
{
	sim *s = sim_start(RUN_LIST("--say", "Fine."));
	json_t *o = ask(sim_url(s), RUN_LIST("ask", "--json", "-m", "ollama/sim-small", "x"), 0);
	const json_t *at = json_array_get(json_object_get(o, "attempts"), 0);

	cr_expect_str_eq(str(o, "schema"), "llm.ask/1");
	cr_expect_str_eq(str(o, "status"), "succeeded");
	cr_expect_str_eq(str(o, "text"), "Fine.");
	cr_expect_str_eq(str(o, "finish_reason"), "stop");
	cr_expect_str_eq(str(o, "requested_model"), "ollama/sim-small");
	cr_expect_str_eq(str(o, "provider"), "ollama");
	cr_expect_str_eq(str(o, "model"), "sim-small");
	cr_expect_str_eq(str(o, "source"), "provider");
	cr_expect_str_eq(str(o, "persisted"), "no");
	cr_expect(json_is_null(json_object_get(o, "error")));
	cr_expect(json_is_null(json_object_get(o, "cost_nanousd")));
	cr_expect(json_is_null(json_object_get(o, "value")));
	cr_expect_eq(json_array_size(json_object_get(o, "attempts")), 1);
	cr_expect_str_eq(str(at, "status"), "succeeded");
	cr_expect_str_eq(str(at, "candidate"), "ollama/sim-small");
	cr_expect_gt(
		json_integer_value(json_object_get(json_object_get(o, "usage"), "output_tokens")),
		0);
	json_decref(o);
	sim_stop(s);
}

/* The times fit into each other; without content there are none. */
Test(llmctl_json, timing)
{
	sim *s = sim_start(RUN_LIST("--delay-ms", "20"));
	json_t *o = ask(sim_url(s), RUN_LIST("ask", "--json", "-m", "ollama/sim-small", "x"), 0);
	const json_t *t = json_object_get(o, "timing");
	const json_int_t first = json_integer_value(json_object_get(t, "first_content_ms"));

	cr_expect_geq(first, 20);
	cr_expect_geq(first, json_integer_value(json_object_get(t, "ttft_ms")));
	cr_expect_leq(first, json_integer_value(json_object_get(t, "duration_ms")));
	json_decref(o);
	o = ask(sim_url(s), RUN_LIST("ask", "--json", "-m", "ollama/nope", "x"), 3);
	t = json_object_get(o, "timing");
	cr_expect(json_is_null(json_object_get(t, "first_content_ms")));
	cr_expect(json_is_integer(json_object_get(t, "duration_ms")));
	json_decref(o);
	sim_stop(s);
}

Test(llmctl_json, failure_of_the_provider)
{
	sim *s = sim_start(NULL);
	json_t *o = ask(sim_url(s), RUN_LIST("ask", "--json", "-m", "ollama/nope", "x"), 3);
	const json_t *e = json_object_get(o, "error");

	cr_expect_str_eq(str(o, "status"), "failed");
	cr_expect_str_eq(str(e, "code"), "NOT_FOUND");
	cr_expect_str_eq(str(e, "class"), "account");
	cr_expect_eq(json_integer_value(json_object_get(e, "http_status")), 404);
	cr_expect(json_is_false(json_object_get(e, "delivered")));
	cr_expect_eq(json_array_size(json_object_get(o, "attempts")), 1);
	cr_expect(json_is_null(json_object_get(o, "source")));
	json_decref(o);
	sim_stop(s);
}

Test(llmctl_json, refusal_before_a_run_and_wrong_command_line)
{
	json_t *o = ask(NULL, RUN_LIST("ask", "--json", "-m", "nothing", "x"), 2);

	cr_expect(json_is_null(json_object_get(o, "run_id")));
	cr_expect_str_eq(str(o, "status"), "failed");
	cr_expect_str_eq(str(o, "requested_model"), "nothing");
	cr_expect_str_eq(str(json_object_get(o, "error"), "code"), "INVALID_REQUEST");
	json_decref(o);
	o = ask(NULL, RUN_LIST("ask", "--modle", "x", "--json"), 2);
	cr_expect_str_eq(str(json_object_get(o, "error"), "code"), "INVALID_REQUEST");
	json_decref(o);
	o = ask("http://127.0.0.1:9", RUN_LIST("ask", "--json", "x"), 2);
	cr_expect_str_eq(str(json_object_get(o, "error"), "code"), "CONFIG");
	json_decref(o);
	o = ask(NULL, RUN_LIST("ask", "--json", "-c", "/nowhere/llm.conf", "x"), 2);
	cr_expect_str_eq(str(json_object_get(o, "error"), "code"), "CONFIG");
	json_decref(o);
}

Test(llmctl_json, reasoning_and_length)
{
	sim *s = sim_start(NULL);
	json_t *o = ask(sim_url(s),
		RUN_LIST("ask", "--json", "-m", "ollama/sim-small", "-o", "reasoning=on", "-o",
			"max_tokens=2", "x"),
		0);

	cr_expect_gt(strlen(str(o, "reasoning")), 4, "%s", str(o, "reasoning"));
	cr_expect_str_eq(str(o, "finish_reason"), "length");
	json_decref(o);
	sim_stop(s);
}

static json_t *next_line(const char **at)
{
	const char *end = strchr(*at, '\n');
	json_t *o = end ? json_loadb(*at, (size_t)(end - *at), 0, NULL) : NULL;

	cr_assert_not_null(o, "no JSON line: %.80s", *at);
	*at = end + 1;
	return o;
}

Test(llmctl_json, stream_is_one_event_a_line_and_the_object_last)
{
	sim *s = sim_start(NULL);
	char text[4096] = "", reasoning[4096] = "", why[400];
	json_t *o, *form = schema();
	const char *at;
	run_result r;
	bool ended = false;

	run_llmctl(sim_url(s), NULL,
		RUN_LIST("ask", "--json", "--stream", "-m", "ollama/sim-small", "-o",
			"reasoning=on", "x"),
		&r);
	cr_assert_eq(r.status, 0, "%s", r.err);
	for (at = r.out; *at; json_decref(o)) {
		const char *event;

		o = next_line(&at);
		event = str(o, "event");
		cr_assert_not(ended, "something after the end");
		if (!strcmp(event, "delta"))
			strncat(text, str(o, "text"), sizeof(text) - strlen(text) - 1);
		else if (!strcmp(event, "reasoning"))
			strncat(reasoning, str(o, "text"),
				sizeof(reasoning) - strlen(reasoning) - 1);
		else
			cr_assert_str_eq(event, "end");
		ended = !strcmp(event, "end");
		if (!ended)
			continue;
		cr_expect(schema_check(form, o, why, sizeof(why)), "%s", why);
		cr_expect_str_eq(str(o, "text"), text);
		cr_expect_str_eq(str(o, "reasoning"), reasoning);
	}
	cr_expect(ended);
	cr_expect_gt(strlen(text), 10);
	json_decref(form);
	run_done(&r);
	sim_stop(s);
}

Test(llmctl_json, stream_of_a_refusal_is_the_end_alone)
{
	run_result r;
	const char *at;
	json_t *o;

	run_llmctl(NULL, "", RUN_LIST("ask", "--json", "--stream", "-m", "ollama/x"), &r);
	cr_expect_eq(r.status, 2);
	at = r.out;
	o = next_line(&at);
	cr_expect_str_eq(str(o, "event"), "end");
	cr_expect_str_eq(str(o, "status"), "failed");
	cr_expect_str_empty(at);
	json_decref(o);
	run_done(&r);
}

Test(llmctl_json, cancelled_keeps_the_text_so_far)
{
	sim *s = sim_start(RUN_LIST("--pace-ms", "20", "--tokens", "10000"));
	char host[128];
	const run_opts opts = {.env = RUN_LIST(host)};
	const struct timespec rest = {.tv_nsec = 40000000};
	run_result r;
	json_t *o;
	run *p;

	snprintf(host, sizeof(host), "OLLAMA_HOST=%s", sim_url(s));
	p = run_start(RUN_LIST(LLMCTL, "ask", "--json", "-m", "ollama/sim-small", "x"), &opts);
	cr_assert(sim_log_wait(s, "\"event\":\"first_byte\"", 1, 5000));
	nanosleep(&rest, NULL); /* the first piece was sent and needs to be read, no more */
	run_signal(p, SIGINT);
	run_end(p, &r);
	cr_expect_eq(r.status, 130, "status %d: %s", r.status, r.err);
	o = read_object(r.out);
	cr_expect_str_eq(str(o, "status"), "cancelled");
	cr_expect_gt(strlen(str(o, "text")), 0);
	cr_expect_str_eq(str(json_object_get(o, "error"), "code"), "CANCELLED");
	json_decref(o);
	run_done(&r);
	sim_stop(s);
}

Test(llmctl_json, the_checker_refuses_what_does_not_fit)
{
	json_t *form = schema(), *o;
	sim *s = sim_start(NULL);
	char why[400];

	o = ask(sim_url(s), RUN_LIST("ask", "--json", "-m", "ollama/sim-small", "x"), 0);
	json_object_set_new(o, "more", json_true());
	cr_expect_not(schema_check(form, o, why, sizeof(why)));
	json_object_del(o, "more");
	cr_expect(schema_check(form, o, why, sizeof(why)), "%s", why);
	json_object_set_new(o, "status", json_string("fine"));
	cr_expect_not(schema_check(form, o, why, sizeof(why)));
	json_object_set_new(o, "status", json_string("failed"));
	json_object_del(o, "timing");
	cr_expect_not(schema_check(form, o, why, sizeof(why)));
	json_decref(o);
	json_decref(form);
	sim_stop(s);
}
