/*
 * llmctl with its runs on PostgreSQL: recorded and read back as on SQLite, directly and through
 * pgbouncer; databases of another shape; servers that are not there.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/pg.h"
#include "support/run.h"
#include "support/sim.h"

/* An account, an upstream, a server, and a configuration that names a database there. */
typedef struct account {
	sim *s;
	pg *p;
	const char *database;
	char *home;
	char host[100];
	char conf[600];
} account;

static void configure(account *a, const char *dsn, const char *more)
{
	char text[900];

	snprintf(text, sizeof(text),
		"workspace = \"default\";\nprivacy = { key = \"file:%s/key\"; };\n"
		"storage = { plugin = \"postgres\"; dsn = \"%s\"; %s };\n",
		a->home, dsn, more);
	run_folder_put(a->home, "my.conf", text);
	run_folder_put(a->home, "key", "0123456789abcdef0123456789abcdef\n");
}

static bool account_on(account *a, pg *p, enum pg_way way)
{
	a->p = p;
	a->database = pg_database(p);
	a->s = sim_start(RUN_LIST("--say", "All is well."));
	a->home = run_folder();
	snprintf(a->host, sizeof(a->host), "OLLAMA_HOST=%s", sim_url(a->s));
	snprintf(a->conf, sizeof(a->conf), "%s/my.conf", a->home);
	configure(a, pg_dsn(p, a->database, way), "");
	return true;
}

/* False: there is no server to be had. */
static bool account_new(account *a, enum pg_way way)
{
	const char *why = pg_missing();

	if (why)
		fprintf(stderr, "SKIP postgres: %s\n", why);
	return !why && account_on(a, pg_shared(getppid()), way);
}

static void account_end(account *a)
{
	run_folder_free(a->home);
	sim_stop(a->s);
	pg_stop(a->p);
}

/* With -c my.conf behind the words. */
static void run_in(const account *a, const char *const *args, run_result *ret)
{
	const char *env[] = {a->host, NULL}, *argv[32] = {LLMCTL};
	run_opts o = {.env = env, .home = a->home, .records = true};
	size_t i;

	for (i = 0; args[i] && i < 28; i++)
		argv[i + 1] = args[i];
	argv[++i] = "-c";
	argv[++i] = a->conf;
	run_program(argv, &o, ret);
}

static unsigned lines_of(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void expect(const account *a, const char *const *args, int status, const char *words)
{
	run_result r;

	run_in(a, args, &r);
	cr_expect_eq(r.status, status, "%s %s: %d: %s%s", args[0], args[1], r.status, r.out, r.err);
	cr_expect(strstr(r.out, words) || strstr(r.err, words), "%s %s, no \"%s\": %s%s", args[0],
		args[1], words, r.out, r.err);
	cr_expect_leq(lines_of(r.err), 3, "%s", r.err);
	run_done(&r);
}

#define EXPECT(a, status, words, ...) expect(a, RUN_LIST(__VA_ARGS__), status, words)

static json_t *json_of(const account *a, const char *const *args)
{
	run_result r;
	json_t *o;

	run_in(a, args, &r);
	cr_assert_eq(r.status, 0, "%s", r.err);
	o = json_loads(r.out, 0, NULL);
	cr_assert_not_null(o, "%s", r.out);
	run_done(&r);
	return o;
}

#define JSON(a, ...) json_of(a, RUN_LIST(__VA_ARGS__))

/* ---- recorded and read back ---- */

static void ask(const account *a, const char *text)
{
	EXPECT(a, 0, "All is well.\n", "ask", "-m", "ollama/sim-small", text);
}

static void look_at_one(const account *a, const char *id)
{
	json_t *o = JSON(a, "runs", "show", id, "--json"), *row = json_object_get(o, "run");

	cr_expect_str_eq(json_string_value(json_object_get(row, "status")), "succeeded");
	cr_expect_eq(json_array_size(json_object_get(o, "attempts")), 1);
	json_decref(o);
	EXPECT(a, 0, "sim-small", "runs", "show", id);
}

static void look_at_all(const account *a)
{
	json_t *o = JSON(a, "runs", "list", "--json"), *runs = json_object_get(o, "runs");
	const char *id;

	cr_assert_eq(json_array_size(runs), 3);
	id = json_string_value(json_object_get(json_array_get(runs, 0), "id"));
	EXPECT(a, 0, "sim-small", "runs", "show", id, "--curl"); /* its prompt is stored */
	id = json_string_value(json_object_get(json_array_get(runs, 1), "id"));
	look_at_one(a, id);
	EXPECT(a, 0, "sim-small", "runs", "list", "--limit", "1", "--before", id);
	EXPECT(a, 0, "no run", "runs", "list", "--status", "failed");
	EXPECT(a, 0, "sim-small", "runs", "search", "sim-sm");
	EXPECT(a, 0, "no run", "runs", "search", "overloaded");
	EXPECT(a, 0, "sim-small\t3\t0\t", "runs", "stats");
	EXPECT(a, 0, "20", "runs", "stats", "--by", "day");
	EXPECT(a, 0, "\"resolved_model\":\"sim-small\"", "runs", "export");
	EXPECT(a, 0, "workspace_id,", "runs", "export", "--format", "csv");
	json_decref(o);
}

static void record_and_read(enum pg_way way)
{
	account a;

	if (!account_new(&a, way))
		return;
	EXPECT(&a, 0, ", it was 0", "db", "migrate");
	EXPECT(&a, 0, "schema\tok", "db", "status");
	EXPECT(&a, 0, "no run", "runs", "list");
	ask(&a, "one");
	ask(&a, "two");
	EXPECT(&a, 0, "All is well.", "ask", "-m", "ollama/sim-small", "--store-content", "three");
	look_at_all(&a);
	EXPECT(&a, 0, "was there already", "db",
		"migrate"); /* sessions of a pooler have been used */
	EXPECT(&a, 0, "", "runs", "reap");
	EXPECT(&a, 0, "", "runs", "purge", "--older-than", "90d");
	cr_expect_eq(pg_number(a.p, a.database, "SELECT count(*) FROM llm_runs_v"), 3);
	EXPECT(&a, 0, "", "runs", "purge", "--workspace", "default", "--all");
	cr_expect_eq(pg_number(a.p, a.database,
			     "SELECT (SELECT count(*) FROM llm_runs) + (SELECT count(*) FROM "
			     "llm_attempts) + (SELECT count(*) FROM llm_contents)"),
		0);
	account_end(&a);
}

Test(llmctl_postgres, R_UOW_2_recorded_and_read_back)
{
	record_and_read(PG_DIRECT);
}

Test(llmctl_postgres, R_UOW_2_the_same_through_pgbouncer)
{
	record_and_read(PG_POOLED);
}

Test(llmctl_postgres, R_UOW_2_the_same_by_a_socket)
{
	account a;

	if (!account_new(&a, PG_SOCKET))
		return;
	EXPECT(&a, 0, ", it was 0", "db", "migrate");
	ask(&a, "one");
	EXPECT(&a, 0, "sim-small", "runs", "list");
	account_end(&a);
}

/* Ends with `status` and says `words`; there is no file, and these variables are all there is. */
static void expect_by(const account *a, const char *const *env, const char *const *args, int status,
	const char *words)
{
	const char *argv[16] = {LLMCTL};
	run_opts o = {.env = env, .home = a->home, .records = true};
	run_result r;
	size_t i;

	for (i = 0; args[i] && i < 14; i++)
		argv[i + 1] = args[i];
	run_program(argv, &o, &r);
	cr_expect_eq(r.status, status, "%s: %d: %s%s", args[0], r.status, r.out, r.err);
	cr_expect(strstr(r.out, words) || strstr(r.err, words), "%s, no \"%s\": %s%s", args[0],
		words, r.out, r.err);
	run_done(&r);
}

#define BY(a, env, status, words, ...) expect_by(a, env, RUN_LIST(__VA_ARGS__), status, words)

Test(llmctl_postgres, R_WS_2_a_storage_that_variables_name_has_the_usual_workspace)
{
	char dsn[300], port[40], name[120];
	const char *env[] = {NULL, "LLM_STORAGE__PLUGIN=postgres", dsn, NULL};
	const char *bare[] = {NULL, "LLM_STORAGE__PLUGIN=postgres", "PGHOST=127.0.0.1", port,
		"PGUSER=app", name, "LLM_WORKSPACE=team", NULL};
	account a;

	if (!account_new(&a, PG_DIRECT))
		return;
	env[0] = bare[0] = a.host;
	snprintf(dsn, sizeof(dsn), "LLM_STORAGE__DSN=%s", pg_dsn(a.p, a.database, PG_DIRECT));
	snprintf(port, sizeof(port), "PGPORT=%u", (unsigned)pg_port(a.p));
	snprintf(name, sizeof(name), "PGDATABASE=%s", a.database);
	BY(&a, env, 0, ", it was 0", "db", "migrate");
	BY(&a, env, 0, "All is well.", "ask", "-m", "ollama/sim-small", "hi");
	BY(&a, env, 0, "sim-small", "runs", "list");
	BY(&a, bare, 0, "All is well.", "ask", "-m", "ollama/sim-small", "hi");
	BY(&a, bare, 0, "sim-small", "runs", "list");
	cr_expect_eq(pg_number(a.p, a.database,
			     "SELECT count(*) FROM llm_runs WHERE workspace_id = 'default'"),
		1);
	cr_expect_eq(pg_number(a.p, a.database,
			     "SELECT count(*) FROM llm_runs WHERE workspace_id = 'team'"),
		1);
	account_end(&a);
}

/* The line of the last run comes before the rest is waited for. */
Test(llmctl_postgres, tail_shows_runs_as_they_end)
{
	const char *argv[] = {LLMCTL, "runs", "tail", "-c", NULL, NULL};
	run_opts o = {.records = true};
	run_result r;
	account a;
	run *tail;

	if (!account_new(&a, PG_DIRECT))
		return;
	EXPECT(&a, 0, ", it was 0", "db", "migrate");
	ask(&a, "before");
	argv[4] = a.conf;
	o.home = a.home;
	tail = run_start(argv, &o);
	cr_expect(run_wait_out(tail, "sim-small"));
	ask(&a, "while it runs");
	cr_expect(run_wait_out(tail, "\n0"), "%s", run_out(tail));
	run_signal(tail, 2);
	run_end(tail, &r);
	cr_expect_eq(lines_of(r.out), 2, "%s", r.out);
	run_done(&r);
	account_end(&a);
}

Test(llmctl_postgres, K_10_sql_in_what_is_asked_for)
{
	static const char *const texts[] = {"'; DROP TABLE llm_runs; --", "x' OR '1'='1", "$1",
		"%s%n", "\\'; SELECT pg_sleep(9)--", "sim\" AS model FROM llm_runs; --"};
	account a;

	if (!account_new(&a, PG_DIRECT))
		return;
	EXPECT(&a, 0, ", it was 0", "db", "migrate");
	ask(&a, texts[0]);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		EXPECT(&a, 0, "no run", "runs", "search", texts[i]);
		EXPECT(&a, 0, "no run", "runs", "list", "--provider", texts[i]);
		EXPECT(&a, 0, "no run", "runs", "list", "--profile", texts[i]);
		EXPECT(&a, 0, "no run", "runs", "list", "--model", texts[i]);
		EXPECT(&a, 3, "", "runs", "show", texts[i]);
	}
	cr_expect_eq(pg_number(a.p, a.database, "SELECT count(*) FROM llm_runs"), 1);
	account_end(&a);
}

/* ---- databases of another shape ---- */

static const char *const commands[][3] = {{"runs", "list", NULL}, {"runs", "stats", NULL},
	{"runs", "reap", NULL}, {"ask", "hi", NULL}};

static void all_end(const account *a, int status, const char *words)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		expect(a, commands[i], status, words);
}

static void all_say(const account *a, const char *words)
{
	all_end(a, 1, words);
}

Test(llmctl_postgres, R_MIG_3_without_schema_older_newer_half_damaged)
{
	account a;

	if (!account_new(&a, PG_DIRECT))
		return;
	all_say(&a, "make them with: llmctl db migrate -c ");
	EXPECT(&a, 1, "none, found 0", "db", "status");
	EXPECT(&a, 0, "schema 2, it was 0", "db", "migrate", "--to", "2");
	all_say(&a, "migrate them with: llmctl db migrate -c ");
	EXPECT(&a, 1, "older, found 2", "db", "status");
	EXPECT(&a, 0, ", it was 2", "db", "migrate");
	EXPECT(&a, 0, "was there already", "db", "migrate");
	pg_sql(a.p, a.database, "UPDATE llm_schema_meta SET done = 0 WHERE version = 2");
	all_say(&a, "finish it with the tool that began it\n");
	pg_sql(a.p, a.database,
		"UPDATE llm_schema_meta SET done = 1; INSERT INTO llm_schema_meta (version, name, "
		"least, done) VALUES (90, 'x', 90, 1)");
	all_say(&a, "use the libllm that they were made for\n");
	EXPECT(&a, 1, "use the libllm that it was made for, to migrate it down as well\n", "db",
		"migrate");
	pg_sql(a.p, a.database,
		"DELETE FROM llm_schema_meta WHERE version = 90;"
		"ALTER TABLE llm_attempts DROP COLUMN load_ms");
	all_say(&a, "find out which with: llmctl db status -c ");
	EXPECT(&a, 1, "load_ms", "db", "status");
	account_end(&a);
}

Test(llmctl_postgres, S_10_a_database_of_another_encoding)
{
	account a;

	if (!account_new(&a, PG_DIRECT))
		return;
	a.database = pg_database_with(a.p, "ENCODING 'LATIN1' TEMPLATE template0");
	configure(&a, pg_dsn(a.p, a.database, PG_DIRECT), "");
	all_end(&a, 2, "LATIN1");
	EXPECT(&a, 2, "--encoding=UTF8", "db", "migrate");
	account_end(&a);
}

/* ---- who is not let in, and nobody there ---- */

/* A word of the DSN in the place of another. */
static void change(account *a, const char *from, const char *to)
{
	char dsn[600];

	run_replace(pg_dsn(a->p, a->database, PG_DIRECT), from, to, dsn, sizeof(dsn));
	configure(a, dsn, "");
}

Test(llmctl_postgres, K_07_a_wrong_password_is_in_no_message)
{
	const char *const all[] = {"ask", "-m", "ollama/sim-small", "hi", "--json", NULL};
	char uri[300];
	run_result r;
	account a;

	if (!account_new(&a, PG_DIRECT))
		return;
	change(&a, "user=app", "user=checked password=canary-4711");
	all_say(&a, "PGPASSFILE");
	run_in(&a, all, &r);
	cr_expect_eq(r.status, 1, "%s", r.err);
	cr_expect_null(strstr(r.err, "canary"), "%s", r.err);
	cr_expect_null(strstr(r.out, "canary"), "%s", r.out);
	run_done(&r);
	snprintf(uri, sizeof(uri), "postgresql://checked:canary-4711@127.0.0.1:%u/%s",
		(unsigned)pg_port(a.p), a.database);
	configure(&a, uri, "");
	run_in(&a, all, &r);
	cr_expect_eq(r.status, 1, "%s", r.err);
	cr_expect_null(strstr(r.err, "canary"), "%s", r.err);
	cr_expect_null(strstr(r.out, "canary"), "%s", r.out);
	run_done(&r);
	run_in(&a, RUN_LIST("config", "show"), &r);
	cr_expect_null(strstr(r.out, "canary"), "%s", r.out);
	run_done(&r);
	change(&a, "user=app", "user=checked password=right");
	EXPECT(&a, 0, "it was 0", "db", "migrate");
	account_end(&a);
}

Test(llmctl_postgres, a_database_or_a_server_that_is_not_there)
{
	account a;

	if (!account_new(&a, PG_DIRECT))
		return;
	change(&a, a.database, "nowhere");
	all_say(&a, "nowhere");
	EXPECT(&a, 1, "make the database with", "db", "migrate");
	change(&a, "port=", "port=1 options=");
	all_say(&a, "cannot connect");
	account_end(&a);
}

/* Strict: nothing is sent. After: the answer comes, and a line about the record. */
Test(llmctl_postgres, R_UOW_11_a_database_that_is_gone)
{
	char dsn[200];
	account a;

	if (!account_new(&a, PG_DIRECT))
		return;
	EXPECT(&a, 0, "schema", "db", "migrate");
	snprintf(dsn, sizeof(dsn), "host=127.0.0.1 port=1 user=app dbname=%s", a.database);
	configure(&a, dsn, "");
	EXPECT(&a, 1, "cannot connect", "ask", "-m", "ollama/sim-small", "hi");
	cr_expect_eq(sim_log_count(a.s, "chat"), 0, "%s", sim_log_text(a.s));
	configure(&a, dsn, "ledger = \"after\";");
	EXPECT(&a, 0, "All is well.", "ask", "-m", "ollama/sim-small", "hi");
	EXPECT(&a, 0, "not recorded: postgres: cannot connect", "ask", "-m", "ollama/sim-small",
		"hi");
	EXPECT(&a, 1, "cannot connect", "ask", "-m", "ollama/sim-small", "--store-content", "hi");
	account_end(&a);
}

/* A server looks after its databases itself: what does is named. */
Test(llmctl_postgres, upkeep_that_is_the_servers)
{
	account a;

	if (!account_new(&a, PG_DIRECT))
		return;
	EXPECT(&a, 0, "schema", "db", "migrate");
	EXPECT(&a, 2, "\n  use pg_dump\n", "db", "backup", "copy.db");
	EXPECT(&a, 2, "\n  by hand it is VACUUM, in psql\n", "db", "vacuum");
	account_end(&a);
}
