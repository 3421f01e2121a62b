/* "llmctl health" and "llmctl route explain": what runs on record have met. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/run.h"
#include "support/sim.h"

/* What one process has met is known to the next: in its plans, and to who looks. */
Test(llmctl_health, R_CB_9_explain_and_health_know_what_runs_on_record_have_met)
{
	static const char *const env[] = {"BAD=no", "GOOD=yes", NULL};
	sim *s = sim_start(RUN_LIST("--key", "yes", "--say", "hi"));
	char *home = run_folder(), text[900], conf[300];
	run_opts o = {.env = env, .home = home, .records = true};
	run_result r;

	snprintf(text, sizeof(text),
		"providers = { cloud = { plugin = \"openai\"; base_url = \"%s/v1\"; endpoints = ( "
		"{ id = \"one\"; api_key = \"env:BAD\"; }, { id = \"two\"; api_key = "
		"\"env:GOOD\"; } ); }; };\n"
		"profiles = { p = { candidates = [ \"cloud/sim-small\" ]; }; };\n"
		"default_profile = \"p\";\n",
		sim_url(s));
	run_folder_put(home, "llm.conf", text);
	snprintf(conf, sizeof(conf), "%s/llm.conf", home);
	run_program(RUN_LIST(LLMCTL, "health", "-c", conf), &o, &r);
	cr_expect_str_eq(r.out, "cloud#one/sim-small\tclosed\t-\ncloud#two/sim-small\tclosed\t-\n",
		"%s%s", r.out, r.err);
	run_done(&r);
	run_program(RUN_LIST(LLMCTL, "ask", "-c", conf, "hello"), &o, &r);
	cr_expect_eq(r.status, 0, "%s", r.err);
	run_done(&r);
	run_program(RUN_LIST(LLMCTL, "route", "explain", "-c", conf), &o, &r);
	cr_expect(strstr(r.out, "1\tcloud#two/sim-small\tclosed\t"), "%s", r.out);
	cr_expect(strstr(r.out, "2\tcloud#one/sim-small\topen, ready in "), "%s", r.out);
	run_done(&r);
	run_program(RUN_LIST(LLMCTL, "health", "-c", conf), &o, &r);
	cr_expect(strstr(r.out, "cloud#one/sim-small\topen\tfor "), "%s", r.out);
	cr_expect(strstr(r.out, "cloud#two/sim-small\tclosed\t"), "%s", r.out);
	run_done(&r);
	run_program(RUN_LIST(LLMCTL, "runs", "list", "-c", conf, "--json"), &o, &r);
	cr_assert_not_null(strstr(r.out, "\"owner_id\""), "%s", r.out);
	cr_expect_null(strstr(strstr(r.out, "\"owner_id\"") + 1, "\"owner_id\""),
		"a look is a run: %s", r.out);
	run_done(&r);
	run_folder_free(home);
	sim_stop(s);
}

/* Nobody who only looks makes a database. */
Test(llmctl_health, R_CB_9_looking_leaves_nothing_behind)
{
	char *home = run_folder(), path[400];
	run_opts o = {.home = home, .records = true};
	run_result r;

	run_program(RUN_LIST(LLMCTL, "route", "explain", "-m", "ollama/x"), &o, &r);
	cr_expect_eq(r.status, 0, "%s", r.err);
	run_done(&r);
	run_program(RUN_LIST(LLMCTL, "health"), &o, &r);
	cr_expect_eq(r.status, 0, "%s", r.err);
	run_done(&r);
	snprintf(path, sizeof(path), "%s/.local", home);
	cr_expect_neq(access(path, F_OK), 0, "%s was made", path);
	run_folder_free(home);
}
