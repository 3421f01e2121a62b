/*
 * llmctl and stored answers: what each --cache MODE does, in a storage that is configured and in
 * llmctl's own; what a person and a program see of a hit, a miss and a fault.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "support/run.h"
#include "support/schema.h"
#include "support/sim.h"

/* An account with an upstream, a configuration and a database. */
typedef struct account {
	sim *s;
	char *home;
	char conf[600];
	char db[600];
} account;

static void put_config(const account *a, const char *cache, const char *more)
{
	char text[1400];

	snprintf(text, sizeof(text),
		"workspace = \"default\";\ncache = { %s };\n%s"
		"providers = { ollama = { base_url = \"%s\"; }; };\n",
		cache, more, sim_url(a->s));
	run_folder_put(a->home, "my.conf", text);
}

/* `cache`: members of the section; without a storage of its own llmctl's is used. */
static void account_new(account *a, const char *cache, bool has_storage)
{
	char more[700] = "";

	a->s = sim_start(RUN_LIST("--say", "All is well."));
	a->home = run_folder();
	snprintf(a->conf, sizeof(a->conf), "%s/my.conf", a->home);
	snprintf(a->db, sizeof(a->db), "%s/%s", a->home,
		has_storage ? "runs.db" : ".local/state/llm/llm.db");
	if (has_storage)
		snprintf(more, sizeof(more),
			"storage = { plugin = \"sqlite\"; dsn = \"%s\"; create = \"true\"; };\n",
			a->db);
	put_config(a, cache, more);
}

static void account_end(account *a)
{
	run_folder_free(a->home);
	sim_stop(a->s);
}

static void run_with(const account *a, const char *const *args, run_result *ret)
{
	const char *argv[32] = {LLMCTL};
	run_opts o = {.home = a->home, .records = true};
	size_t n = 1;

	for (; args[n - 1] && n < 28; n++)
		argv[n] = args[n - 1];
	argv[n] = "-c";
	argv[n + 1] = a->conf;
	run_program(argv, &o, ret);
}

#define RUN(a, r, ...) run_with(a, RUN_LIST(__VA_ARGS__), r)
/* Repeatable, so that its answer is kept. */
#define ASK(a, r, ...) \
	RUN(a, r, "ask", "-m", "ollama/sim-small", "-o", "temperature=0", __VA_ARGS__)

static void migrate(const account *a)
{
	run_result r;

	RUN(a, &r, "db", "migrate");
	cr_assert_eq(r.status, 0, "%s", r.err);
	run_done(&r);
}

static size_t asked(const account *a)
{
	return sim_log_count(a->s, "\"event\":\"request\"");
}

/* The object of ask --json, which its schema allows. */
static json_t *object_of(run_result *r)
{
	json_t *o = json_loads(r->out, 0, NULL),
	       *s = json_load_file(TEST_SOURCE_DIR "/docs/llm.ask.schema.json", 0, NULL);
	char why[400] = "";

	cr_assert_eq(r->status, 0, "%s", r->err);
	cr_assert(o && s, "%s", r->out);
	cr_expect(schema_check(s, o, why, sizeof(why)), "%s in: %s", why, r->out);
	json_decref(s);
	run_done(r);
	return o;
}

static const char *text(const json_t *o, const char *key)
{
	const char *value = json_string_value(json_object_get(o, key));

	return value ? value : "";
}

/* Asks `what` with `mode`, null for none; what the source was. */
static void source_of(const account *a, const char *mode, const char *what, char ret[32])
{
	run_result r;
	json_t *o;

	if (mode)
		ASK(a, &r, "--json", what, "--cache", mode);
	else
		ASK(a, &r, "--json", what);
	o = object_of(&r);
	cr_expect_str_eq(text(o, "text"), "All is well.");
	snprintf(ret, 32, "%s", text(o, "source"));
	json_decref(o);
}

static void expect_source(const account *a, const char *mode, const char *what, const char *source)
{
	char got[32];

	source_of(a, mode, what, got);
	cr_expect_str_eq(got, source, "%s, mode %s: %s", what, mode ? mode : "none", got);
}

/* By another program than ours. */
static void spoil(const account *a, const char *sql)
{
	sqlite3 *c = NULL;

	cr_assert_eq(sqlite3_open(a->db, &c), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(c, sql, NULL, NULL, NULL), SQLITE_OK, "%s: %s", sql,
		sqlite3_errmsg(c));
	cr_assert_gt(sqlite3_changes(c), 0, "%s", sql);
	sqlite3_close(c);
}

/* ---- modes ---- */

static const struct {
	const char *mode;
	const char *source; /* of a run in this mode, with an answer in the store */
	const char *after; /* of the run behind one in this mode, that had no answer in the store */
} modes[] = {{"off", "provider", "provider"}, {"on", "cache", "cache"},
	{"read_only", "cache", "provider"}, {"write_only", "provider", "cache"},
	{"refresh", "refresh", "cache"}};

static void try_modes(const account *a)
{
	char full[32], empty[32];
	size_t i, n;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		snprintf(full, sizeof(full), "full %s", modes[i].mode);
		snprintf(empty, sizeof(empty), "empty %s", modes[i].mode);
		expect_source(a, NULL, full, "provider");
		n = asked(a);
		expect_source(a, modes[i].mode, full, modes[i].source);
		cr_expect_eq(asked(a) - n, strcmp(modes[i].source, "cache") != 0, "%s", full);
		expect_source(a, modes[i].mode, empty,
			strcmp(modes[i].mode, "refresh") == 0 ? "refresh" : "provider");
		n = asked(a);
		expect_source(a, NULL, empty, modes[i].after);
		cr_expect_eq(asked(a) - n, strcmp(modes[i].after, "cache") != 0, "%s", empty);
	}
}

Test(llmctl_cache, R_CACHE_1_R_CACHE_18_each_mode_in_a_configured_storage)
{
	account a;

	account_new(&a, "mode = \"on\"; store = \"sql\";", true);
	migrate(&a);
	try_modes(&a);
	account_end(&a);
}

Test(llmctl_cache, R_CACHE_1_R_CACHE_18_each_mode_in_a_database_of_its_own)
{
	account a;

	account_new(&a, "mode = \"on\"; store = \"sql\";", false);
	try_modes(&a);
	account_end(&a);
}

/* Memory ends with the process. */
Test(llmctl_cache, R_CACHE_18_in_memory_nothing_is_left_for_the_next_one)
{
	account a;

	account_new(&a, "mode = \"on\";", false);
	expect_source(&a, NULL, "hi", "provider");
	expect_source(&a, "on", "hi", "provider");
	cr_expect_eq(asked(&a), 2);
	account_end(&a);
}

Test(llmctl_cache, R_CACHE_1_a_mode_can_only_narrow)
{
	run_result r;
	json_t *o;
	account a;

	account_new(&a, "mode = \"read_only\"; store = \"sql\";", false);
	expect_source(&a, "on", "hi", "provider");
	expect_source(&a, "refresh", "hi", "provider");
	expect_source(&a, "on", "hi", "provider");
	put_config(&a, "mode = \"off\"; store = \"sql\";", "");
	expect_source(&a, "on", "hi", "provider");
	expect_source(&a, "write_only", "hi", "provider");
	ASK(&a, &r, "--json", "hi", "--cache", "on");
	o = object_of(&r);
	cr_expect_str_eq(text(o, "source"), "provider");
	cr_expect_null(json_object_get(o, "cache"), "it is switched off");
	json_decref(o);
	cr_expect_eq(asked(&a), 6);
	account_end(&a);
}

Test(llmctl_cache, R_CACHE_1_a_mode_that_does_not_exist)
{
	static const char all[] = "off, on, read_only, write_only and refresh";
	static const char *const wrong[] = {"ON", "readonly", "no", "on "};
	run_result r;
	account a;
	size_t i;

	account_new(&a, "mode = \"on\";", false);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ASK(&a, &r, "--cache", wrong[i], "hi");
		cr_expect_eq(r.status, 2, "%s", r.err);
		cr_expect(strstr(r.err, wrong[i]) && strstr(r.err, all), "%s", r.err);
		cr_expect_str_eq(r.out, "");
		run_done(&r);
	}
	ASK(&a, &r, "--cache", "", "hi");
	cr_expect_eq(r.status, 2, "%s", r.err);
	cr_expect(strstr(r.err, "--cache MODE"), "%s", r.err);
	run_done(&r);
	put_config(&a, "mode = \"perhaps\";", "");
	ASK(&a, &r, "hi");
	cr_expect_eq(r.status, 2, "%s", r.err);
	cr_expect(strstr(r.err, "cache.mode") && strstr(r.err, "write_only"), "%s", r.err);
	run_done(&r);
	cr_expect_eq(asked(&a), 0);
	account_end(&a);
}

/* ---- what is seen ---- */

/* The same words on standard output, and on standard error what they are. */
static void expect_said(run_result *r, const char *words)
{
	cr_expect_eq(r->status, 0, "%s", r->err);
	cr_expect_str_eq(r->out, "All is well.\n");
	cr_expect(strstr(r->err, words), "no \"%s\" in: %s", words, r->err);
	run_done(r);
}

Test(llmctl_cache, R_CACHE_11_a_person_sees_what_an_answer_is)
{
	run_result r;
	account a;

	account_new(&a, "mode = \"on\"; store = \"sql\";", true);
	migrate(&a);
	ASK(&a, &r, "--explain", "hi");
	expect_said(&r, "\nanswered: ollama/sim-small\ncache: miss\n");
	ASK(&a, &r, "--explain", "--no-stream", "hi");
	expect_said(&r, "\ncache: hit\n");
	ASK(&a, &r, "--stats", "hi");
	expect_said(&r, "; source: cache\n");
	ASK(&a, &r, "hi");
	cr_expect_str_eq(r.err, "", "without being asked it says nothing of it");
	expect_said(&r, "");
	cr_expect_eq(asked(&a), 1);
	ASK(&a, &r, "-v", "--explain", "hi");
	expect_said(&r, "cache: bypass, the exchange is to be seen\n");
	RUN(&a, &r, "ask", "-m", "ollama/sim-small", "--explain", "hi");
	expect_said(&r, "cache: bypass, neither temperature 0 nor a seed\n");
	ASK(&a, &r, "--cache", "off", "--explain", "hi");
	expect_said(&r, "cache: bypass, switched off\n");
	account_end(&a);
}

Test(llmctl_cache, R_CACHE_11_a_program_sees_what_an_answer_is)
{
	const json_t *u, *k;
	char id[64], shown[80];
	run_result r;
	account a;
	json_t *o;

	account_new(&a, "mode = \"on\"; store = \"sql\";", true);
	migrate(&a);
	ASK(&a, &r, "--json", "hi");
	o = object_of(&r);
	snprintf(id, sizeof(id), "%s", text(o, "run_id"));
	cr_expect_str_eq(text(json_object_get(o, "cache"), "event"), "miss");
	cr_expect_null(json_object_get(o, "original_run_id"));
	json_decref(o);
	ASK(&a, &r, "--json", "hi");
	o = object_of(&r);
	u = json_object_get(o, "usage");
	k = json_object_get(o, "cache");
	cr_expect_str_eq(text(k, "event"), "hit");
	cr_expect(json_is_null(json_object_get(k, "why")));
	cr_expect_str_eq(text(o, "original_run_id"), id);
	cr_expect_eq(json_integer_value(json_object_get(u, "output_tokens")), 0);
	cr_expect(json_is_null(json_object_get(u, "source")), "no provider counted them");
	cr_expect_eq(json_integer_value(json_object_get(o, "cost_nanousd")), 0);
	cr_expect(json_is_integer(json_object_get(o, "cost_nanousd")));
	cr_expect_eq(json_array_size(json_object_get(o, "attempts")), 0);
	snprintf(shown, sizeof(shown), "%s", text(o, "run_id"));
	json_decref(o);
	RUN(&a, &r, "runs", "show", shown);
	cr_expect(strstr(r.out, "source      cache\n"), "%s", r.out);
	cr_expect(strstr(r.out, "\"event\": \"hit\""), "%s", r.out);
	run_done(&r);
	RUN(&a, &r, "ask", "-m", "ollama/sim-small", "--json", "hi");
	o = object_of(&r);
	k = json_object_get(o, "cache");
	cr_expect_str_eq(text(k, "event"), "bypass");
	cr_expect_str_eq(text(k, "why"), "neither temperature 0 nor a seed");
	json_decref(o);
	account_end(&a);
}

/* ---- what goes wrong ---- */

#define NOT_WHOLE "a stored answer was not what was stored, and is deleted"

Test(llmctl_cache, R_CACHE_18_a_row_altered_by_hand_is_a_miss_and_said)
{
	static const char *const ways[] = {
		"UPDATE llm_cache SET value = CAST(replace(value, 'well', 'lost') AS BLOB)",
		"UPDATE llm_cache SET value = x''",
		"UPDATE llm_cache SET value_sha256 = replace(hex(zeroblob(32)), '00', 'ab')",
		"UPDATE llm_cache SET format_version = format_version + 1"};
	run_result r;
	account a;
	json_t *o;
	size_t i;

	account_new(&a, "mode = \"on\"; store = \"sql\";", true);
	migrate(&a);
	expect_source(&a, NULL, "hi", "provider");
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		spoil(&a, ways[i]);
		ASK(&a, &r, "hi");
		expect_said(&r, "llmctl: warning: cache: " NOT_WHOLE "\n");
		cr_expect_eq(asked(&a), 2 * i + 2, "%s", ways[i]);
		ASK(&a, &r, "hi");
		cr_expect_str_eq(r.err, "");
		expect_said(&r, "");
		cr_expect_eq(asked(&a), 2 * i + 2, "the new answer was not kept");
		spoil(&a, ways[i]);
		ASK(&a, &r, "--json", "hi");
		o = object_of(&r);
		cr_expect_str_eq(text(json_object_get(o, "cache"), "event"), "miss");
		cr_expect_str_eq(text(json_object_get(o, "cache"), "why"), NOT_WHOLE);
		json_decref(o);
	}
	account_end(&a);
}

/* Answers that cannot be kept keep nobody from an answer. */
Test(llmctl_cache, R_CACHE_17_without_a_storage_the_question_is_answered)
{
	run_result r;
	account a;

	account_new(&a, "mode = \"on\"; store = \"sql\";", false);
	ASK(&a, &r, "--no-record", "hi");
	cr_expect_str_eq(r.err, "");
	expect_said(&r, "");
	run_folder_put(a.home, ".local", "this is no folder");
	ASK(&a, &r, "hi");
	expect_said(&r, "runs are not recorded: ");
	cr_expect_eq(asked(&a), 2);
	account_end(&a);
}

/* A storage that is switched off is not one that is missing. */
Test(llmctl_cache, R_CACHE_18_a_storage_that_is_off_is_named)
{
	run_result r;
	account a;

	account_new(&a, "mode = \"on\"; store = \"sql\";", false);
	put_config(&a, "mode = \"on\"; store = \"sql\";", "storage = { ledger = \"off\"; };\n");
	ASK(&a, &r, "hi");
	cr_expect_eq(r.status, 2, "%s", r.err);
	cr_expect(strstr(r.err, "cache.store") && strstr(r.err, "storage.ledger is off"), "%s",
		r.err);
	run_done(&r);
	account_end(&a);
}

/* Who only looks needs no storage, whatever is configured. */
Test(llmctl_cache, R_CACHE_18_commands_that_ask_nobody)
{
	static const char *const commands[][4] = {{"models"}, {"profiles"}, {"health"},
		{"config", "check"}, {"route", "explain", "-m", "ollama/sim-small"}};
	run_result r;
	account a;
	size_t i;

	account_new(&a, "mode = \"on\"; store = \"sql\";", false);
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const char *const *w = commands[i];

		run_with(&a, (const char *const[]){w[0], w[1], w[2], w[3], NULL}, &r);
		cr_expect_eq(r.status, 0, "%s: %s", w[0], r.err);
		run_done(&r);
	}
	account_end(&a);
}
