/*
 * llmctl_budgets_try.h - llmctl budgets on any storage: listed, shown and set, what a run then may
 * spend, and what is refused.
 */
#ifndef TESTS_FUNCTIONAL_LLMCTL_BUDGETS_TRY_H
#define TESTS_FUNCTIONAL_LLMCTL_BUDGETS_TRY_H

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
	char plugin[16];
	char dsn[600];
	const char *ledger; /* how runs are recorded */
} office;

#define COUNTED "budget = { counted = \"storage\"; default_cost = \"0.5\"; };\n"

/* From here on `more` is what the configuration says of budgets and profiles. */
static inline void office_say(const office *a, const char *more)
{
	char text[2600];

	snprintf(text, sizeof(text),
		"workspace = \"default\";\nprivacy = { key = \"file:%s/key\"; };\n"
		"storage = { plugin = \"%s\"; dsn = \"%s\"; ledger = \"%s\"; };\nprice_files = [ \"%s/my.prices\" ];\n%s",
		a->home, a->plugin, a->dsn, a->ledger, a->home, more);
	run_folder_put(a->home, "my.conf", text);
}

/* `dsn` null: a file of its own. Without tables. */
static inline void office_new(office *a, const char *plugin, const char *dsn)
{
	a->s = sim_start(RUN_LIST("--say", "All is well."));
	a->home = run_folder();
	a->ledger = "strict";
	snprintf(a->plugin, sizeof(a->plugin), "%s", plugin);
	snprintf(a->dsn, sizeof(a->dsn), "%s%s", dsn ? dsn : a->home, dsn ? "" : "/runs.db");
	snprintf(a->host, sizeof(a->host), "OLLAMA_HOST=%s", sim_url(a->s));
	snprintf(a->conf, sizeof(a->conf), "%s/my.conf", a->home);
	run_folder_put(a->home, "my.prices",
		"prices = ( { prefix = \"ollama/\"; input = \"0\"; output = \"1000\"; } );\n");
	run_folder_put(a->home, "key", "0123456789abcdef0123456789abcdef\n");
	office_say(a, COUNTED);
}

static inline void office_end(office *a)
{
	run_folder_free(a->home);
	sim_stop(a->s);
}

static inline unsigned office_lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* Ends with `status`, and says `says` on either stream; not more than three lines of complaint. */
static inline void office_run(
	const office *a, int status, const char *says, const char *const *args)
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
	cr_expect_leq(office_lines(r.err), 3, "%s", r.err);
	run_done(&r);
}

#define OFFICE(a, status, says, ...) office_run(a, status, says, RUN_LIST(__VA_ARGS__))
#define TERMS "--window", "day", "--default-cost", "0.05"
#define ASK "ask", "-m", "ollama/sim-small", "hi"

static inline void play_set_shown_and_kept_to(office *a)
{
	OFFICE(a, 0, "schema", "db", "migrate");
	OFFICE(a, 0, "no budget was counted", "budgets", "list");
	OFFICE(a, 0, "\"budgets\":[]", "budgets", "list", "--json");
	OFFICE(a, 3, "NOT_FOUND", "budgets", "show", "default");
	OFFICE(a, 2, "--default-cost", "budgets", "set", "default", "--limit", "10");
	OFFICE(a, 0, "limit\t10.00", "budgets", "set", "default", "--limit", "10", TERMS);
	OFFICE(a, 0, "window\tday", "budgets", "show", "default");
	OFFICE(a, 0, "All is well.", ASK);
	OFFICE(a, 0, "\"held_nanousd\":0", "budgets", "show", "default", "--json");
	OFFICE(a, 0, "default\t-\t10.00\tday\t0.0", "budgets", "list");
	/* What is not said stays as it is. */
	OFFICE(a, 0, "window\tday", "budgets", "set", "default", "--limit", "0.5");
	OFFICE(a, 5, "BUDGET_EXCEEDED", ASK);
	OFFICE(a, 0, "limit\tnone", "budgets", "set", "default", "--limit", "none");
	OFFICE(a, 0, "All is well.", ASK);
	OFFICE(a, 0, "window\tmonth", "budgets", "set", "default", "--window", "month");
	OFFICE(a, 0, "window\ttotal", "budgets", "set", "default", "--window", "total");
	OFFICE(a, 0, "\"window_left_ms\":null", "budgets", "show", "default", "--json");
	OFFICE(a, 0, "origin\tconfigured", "budgets", "set", "default", "--configured");
	OFFICE(a, 0, "BUDGET_EXCEEDED", "runs", "list");
}

/* Of whom nothing was said there is nothing; and a name is what stands there, letter by letter. */
static inline void play_others(office *a)
{
	static const char odd[] = "'; DROP TABLE llm_budgets; --";

	OFFICE(a, 0, "schema", "db", "migrate");
	OFFICE(a, 0, "profile\tsmart", "budgets", "set", "other", "-p", "smart", "--limit", "1",
		"--window", "90m", "--default-cost", "1");
	OFFICE(a, 0, "other\tsmart\t1.00\t90 m", "budgets", "list", "--workspace", "other");
	OFFICE(a, 0, "no budget", "budgets", "list", "--workspace", "default");
	OFFICE(a, 3, "no budget of other was", "budgets", "show", "other");
	OFFICE(a, 3, "no budget of nobody was", "budgets", "show", "nobody");
	OFFICE(a, 3, "no budget of Other was", "budgets", "show", "Other");
	OFFICE(a, 3, "no budget of other with profile fast was", "budgets", "show", "other", "-p",
		"fast");
	OFFICE(a, 0, "no budget was set there", "budgets", "set", "nobody", "--configured");
	OFFICE(a, 0, "no budget was set there", "budgets", "set", "other", "-p", "fast",
		"--configured");
	OFFICE(a, 2, "a new budget needs", "budgets", "set", "other", "--limit", "2");
	OFFICE(a, 0, odd, "budgets", "set", "other", "-p", odd, "--limit", "1", TERMS);
	OFFICE(a, 0, odd, "budgets", "show", "other", "-p", odd);
	OFFICE(a, 0, "other\tsmart\t1.00", "budgets", "list");
}

static inline void play_who_looks(office *a)
{
	static const char note[] = "counted = \"storage\"", no_profile[] = "no profile \"fats\"";

	OFFICE(a, 0, "schema", "db", "migrate");
	office_say(a, "");
	OFFICE(a, 0, note, "budgets", "set", "default", "--limit", "10", TERMS);
	OFFICE(a, 0, "All is well.", ASK);
	OFFICE(a, 0, "\"spent_nanousd\":0", "budgets", "show", "default", "--json");
	office_say(a,
		"budget = { limit = \"1\"; window = \"1h\"; default_cost = \"0.5\"; counted = "
		"\"process\"; };\n");
	OFFICE(a, 0, note, "budgets", "set", "default", "--limit", "0");
	OFFICE(a, 0, "\"spent_nanousd\":0", "budgets", "show", "default", "--json");
	a->ledger = "after";
	office_say(a, COUNTED);
	OFFICE(a, 0, "is not strict", "budgets", "set", "default", "--limit", "0");
	OFFICE(a, 0, "All is well.", ASK);
	a->ledger = "strict";
	office_say(
		a, COUNTED "profiles = { fast = { candidates = [ \"ollama/sim-small\" ]; }; };\n");
	OFFICE(a, 0, no_profile, "budgets", "set", "default", "-p", "fats", "--limit", "0", TERMS);
	OFFICE(a, 0, "limit\t0.00", "budgets", "set", "default", "-p", "fast", "--limit", "0",
		TERMS);
	OFFICE(a, 0, "limit\tnone", "budgets", "set", "default", "--limit", "none");
	OFFICE(a, 0, "All is well.", ASK);
	OFFICE(a, 5, "profile \"fast\"", "ask", "-p", "fast", "hi");
	OFFICE(a, 0, "\"held_nanousd\":0", "budgets", "show", "default", "--json");
}

static inline void play_what_is_no_budget(office *a)
{
	static const char *const amounts[] = {"much", "-1", "-0", "+1", "1e3", "1,5", "0x10", "1.",
		".5", " 1", "1 000", "1USD", "$1", "nan", "inf", "0.0000000001", "4611686019",
		"99999999999999999999"};
	static const char *const windows[] = {"week", "0s", "-1h", "1.5h", "0", "90", "Day", "1h ",
		"106751992d", "99999999999999999999d"};
	static const char *const workspaces[] = {
		"no such/name", "*", "a b", "caf\303\251", "default;"};
	size_t i;

	OFFICE(a, 0, "schema", "db", "migrate");
	for (i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
		OFFICE(a, 2, "--limit", "budgets", "set", "default", TERMS, "--limit", amounts[i]);
		OFFICE(a, 2, "--default-cost", "budgets", "set", "default", "--window", "day",
			"--limit", "1", "--default-cost", amounts[i]);
	}
	for (i = 0; i < sizeof(windows) / sizeof(windows[0]); i++)
		OFFICE(a, 2, "--window", "budgets", "set", "default", "--limit", "1",
			"--default-cost", "1", "--window", windows[i]);
	for (i = 0; i < sizeof(workspaces) / sizeof(workspaces[0]); i++) {
		OFFICE(a, 2, "INVALID_REQUEST", "budgets", "set", workspaces[i], "--limit", "1",
			TERMS);
		OFFICE(a, 2, "INVALID_REQUEST", "budgets", "show", workspaces[i]);
	}
	OFFICE(a, 2, "more than 0", "budgets", "set", "default", "--limit", "1", "--window", "day",
		"--default-cost", "0");
	OFFICE(a, 2, "nothing else", "budgets", "set", "default", "--limit", "1", "--configured");
	OFFICE(a, 2, "--profile", "budgets", "set", "default", "-p", "", "--limit", "1", TERMS);
	OFFICE(a, 2, "name the workspace", "budgets", "set", "--limit", "1", TERMS);
	OFFICE(a, 2, "name the workspace", "budgets", "show");
	OFFICE(a, 0, "\"budgets\":[]", "budgets", "list", "--json");
}

/* All three end with `status`, and with the same words. */
static inline void office_all(const office *a, int status, const char *words)
{
	OFFICE(a, status, words, "budgets", "list");
	OFFICE(a, status, words, "budgets", "show", "default");
	OFFICE(a, status, words, "budgets", "set", "default", "--limit", "1", TERMS);
}

static inline void play_another_schema(office *a)
{
	office_all(a, 1, "llmctl db migrate");
	OFFICE(a, 0, "schema 4", "db", "migrate", "--to", "4"); /* budgets came with 5 */
	office_all(a, 1, "migrate them with: llmctl db migrate -c ");
	OFFICE(a, 0, ", it was 4", "db", "migrate");
	OFFICE(a, 0, "limit\t1.00", "budgets", "set", "default", "--limit", "1", TERMS);
}

#endif
