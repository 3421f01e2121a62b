/*
 * llmctl budgets: listed, shown and set, and what a run then may spend.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "support/run.h"
#include "support/sim.h"

/* An upstream, and a configuration whose runs are priced, on record and within budgets. */
typedef struct office {
	sim *s;
	char *home;
	char host[100];
	char conf[600];
} office;

static void office_new(office *a)
{
	char text[1200];

	a->s = sim_start(RUN_LIST("--say", "All is well."));
	a->home = run_folder();
	snprintf(a->host, sizeof(a->host), "OLLAMA_HOST=%s", sim_url(a->s));
	snprintf(a->conf, sizeof(a->conf), "%s/my.conf", a->home);
	run_folder_put(a->home, "my.prices",
		"prices = ( { prefix = \"ollama/\"; input = \"0\"; output = \"1000\"; } );\n");
	snprintf(text, sizeof(text),
		"workspace = \"default\";\nstorage = { dsn = \"%s/runs.db\"; };\n"
		"price_files = [ \"%s/my.prices\" ];\n"
		"budget = { counted = \"storage\"; default_cost = \"0.5\"; };\n",
		a->home, a->home);
	run_folder_put(a->home, "my.conf", text);
}

static void office_end(office *a)
{
	run_folder_free(a->home);
	sim_stop(a->s);
}

/* From here on what is configured says nothing of budgets. */
static void office_forget(office *a)
{
	char text[1200];

	snprintf(text, sizeof(text),
		"workspace = \"default\";\nstorage = { dsn = \"%s/runs.db\"; };\n", a->home);
	run_folder_put(a->home, "my.conf", text);
}

/* Ends with `status`, and says `says` on either stream. */
static void office_run(office *a, int status, const char *says, const char *const *args)
{
	const char *env[] = {a->host, NULL}, *argv[32] = {LLMCTL};
	run_opts o = {.env = env, .home = a->home, .records = true};
	run_result r;
	size_t i;

	for (i = 0; args[i] && i < 28; i++)
		argv[i + 1] = args[i];
	argv[i + 1] = "-c";
	argv[i + 2] = a->conf;
	run_program(argv, &o, &r);
	cr_expect_eq(r.status, status, "%s %s: %d\n%s%s", args[0], args[1], r.status, r.out, r.err);
	cr_expect(strstr(r.out, says) || strstr(r.err, says), "%s %s lacks \"%s\":\n%s%s", args[0],
		args[1], says, r.out, r.err);
	run_done(&r);
}

#define OFFICE(a, status, says, ...) office_run(a, status, says, RUN_LIST(__VA_ARGS__))

Test(llmctl_budgets, R_COST_11_set_shown_and_kept_to)
{
	office a;

	office_new(&a);
	OFFICE(&a, 0, "schema", "db", "migrate");
	OFFICE(&a, 0, "no budget was counted", "budgets", "list");
	OFFICE(&a, 0, "\"budgets\":[]", "budgets", "list", "--json");
	OFFICE(&a, 3, "NOT_FOUND", "budgets", "show", "default");
	OFFICE(&a, 2, "--default-cost", "budgets", "set", "default", "--limit", "10");
	OFFICE(&a, 0, "limit\t10.00", "budgets", "set", "default", "--limit", "10", "--window",
		"day", "--default-cost", "0.05");
	OFFICE(&a, 0, "window\tday", "budgets", "show", "default");
	OFFICE(&a, 0, "All is well.", "ask", "-m", "ollama/sim-small", "hi");
	OFFICE(&a, 0, "\"held_nanousd\":0", "budgets", "show", "default", "--json");
	OFFICE(&a, 0, "default\t-\t10.00\tday\t0.0", "budgets", "list");
	/* What is not said stays as it is. */
	OFFICE(&a, 0, "window\tday", "budgets", "set", "default", "--limit", "0.5");
	OFFICE(&a, 5, "BUDGET_EXCEEDED", "ask", "-m", "ollama/sim-small", "hi");
	OFFICE(&a, 0, "limit\tnone", "budgets", "set", "default", "--limit", "none");
	OFFICE(&a, 0, "All is well.", "ask", "-m", "ollama/sim-small", "hi");
	OFFICE(&a, 0, "window\tmonth", "budgets", "set", "default", "--window", "month");
	OFFICE(&a, 0, "window\ttotal", "budgets", "set", "default", "--window", "total");
	OFFICE(&a, 0, "\"window_left_ms\":null", "budgets", "show", "default", "--json");
	OFFICE(&a, 0, "origin\tconfigured", "budgets", "set", "default", "--configured");
	OFFICE(&a, 0, "profile\tsmart", "budgets", "set", "other", "-p", "smart", "--limit", "1",
		"--window", "90m", "--default-cost", "1");
	OFFICE(&a, 0, "other\tsmart\t1.00\t90 m", "budgets", "list", "--workspace", "other");
	OFFICE(&a, 0, "BUDGET_EXCEEDED", "runs", "list");
	office_end(&a);
}

Test(llmctl_budgets, R_COST_11_who_sets_what_nobody_looks_at_is_told)
{
	office a;

	office_new(&a);
	OFFICE(&a, 0, "schema", "db", "migrate");
	office_forget(&a);
	OFFICE(&a, 0, "counted = \"storage\"", "budgets", "set", "default", "--limit", "10",
		"--window", "day", "--default-cost", "0.05");
	OFFICE(&a, 0, "All is well.", "ask", "-m", "ollama/sim-small", "hi");
	OFFICE(&a, 0, "\"spent_nanousd\":0", "budgets", "show", "default", "--json");
	office_end(&a);
}

Test(llmctl_budgets, R_COST_11_what_is_no_budget_is_refused)
{
	static const char *const rows[][9] = {
		{"budgets", "set", "default", "--limit", "much", "--window", "day",
			"--default-cost", "1"},
		{"budgets", "set", "default", "--limit", "1", "--window", "week", "--default-cost",
			"1"},
		{"budgets", "set", "default", "--limit", "1", "--window", "0s", "--default-cost",
			"1"},
		{"budgets", "set", "default", "--limit", "1", "--window", "day", "--default-cost",
			"0"},
		{"budgets", "set", "default", "--limit", "1", "--configured"},
		{"budgets", "set", "no such/name", "--limit", "1"},
		{"budgets", "show", "*"},
	};
	const char *args[10];
	office a;
	size_t i;

	office_new(&a);
	OFFICE(&a, 0, "schema", "db", "migrate");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(args, 0, sizeof(args));
		memcpy(args, rows[i], sizeof(rows[i]));
		office_run(&a, 2, "INVALID_REQUEST", args);
	}
	OFFICE(&a, 0, "\"budgets\":[]", "budgets", "list", "--json");
	office_end(&a);
}
