/*
 * llmctl_sharing_postgres.c - llmctl ask with --idempotency-key, --on-duplicate and --cache, on
 * each engine: keys that are none, answers that are told again from one process to the next, and
 * an answer whose row is not written.
 */
#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/pg.h"
#include "support/run.h"
#include "support/sim.h"
#include "support/talk.h"

enum engine { ENGINE_SQLITE, ENGINE_POSTGRES, ENGINES };

typedef struct account {
	sim *s;
	pg *p; /* or null */
	const char *database;
	char *home;
	char host[100];
	char conf[600];
	char db[600]; /* of SQLite */
} account;

static void configure(account *a, const char *storage, const char *more)
{
	char text[1500], place[700];

	if (a->p)
		snprintf(place, sizeof(place), "plugin = \"postgres\"; dsn = \"%s\";",
			pg_dsn(a->p, a->database, PG_DIRECT));
	else
		snprintf(place, sizeof(place), "dsn = \"%s\"; busy_timeout = \"50ms\";", a->db);
	snprintf(text, sizeof(text), "workspace = \"default\";\nstorage = { %s %s };\n%s", place,
		storage, more);
	run_folder_put(a->home, "my.conf", text);
}

/* With -c my.conf behind the words. */
static void words_of(const account *a, const char *const *args, const char *ret[32])
{
	size_t i;

	ret[0] = LLMCTL;
	for (i = 0; args[i] && i < 28; i++)
		ret[i + 1] = args[i];
	ret[++i] = "-c";
	ret[++i] = a->conf;
	ret[++i] = NULL;
}

static run *start(const account *a, const char *const *args)
{
	const char *env[] = {a->host, NULL}, *argv[32];
	run_opts o = {.env = env, .home = a->home, .records = true};

	words_of(a, args, argv);
	return run_start(argv, &o);
}

static void expect_end(run *r, int status, const char *words)
{
	run_result got;

	run_end(r, &got);
	cr_expect_eq(got.status, status, "%d: %s%s", got.status, got.out, got.err);
	cr_expect(strstr(got.out, words) || strstr(got.err, words), "no \"%s\": %s%s", words,
		got.out, got.err);
	run_done(&got);
}

#define EXPECT(a, status, words, ...) expect_end(start(a, RUN_LIST(__VA_ARGS__)), status, words)

#define KEYS "privacy = { store = \"idempotency_only\"; };\n"
#define ASK "ask", "-m", "ollama/sim-small"

/* False: there is no server to be had. */
static bool account_new(account *a, enum engine e, const char *const *sim_args, const char *more)
{
	const char *why = e == ENGINE_POSTGRES ? pg_missing() : NULL;

	memset(a, 0, sizeof(*a));
	if (why) {
		fprintf(stderr, "SKIP postgres: %s\n", why);
		return false;
	}
	a->p = e == ENGINE_POSTGRES ? pg_shared(getppid()) : NULL;
	a->database = a->p ? pg_database(a->p) : NULL;
	a->s = sim_start(sim_args);
	a->home = run_folder();
	snprintf(a->host, sizeof(a->host), "OLLAMA_HOST=%s", sim_url(a->s));
	snprintf(a->conf, sizeof(a->conf), "%s/my.conf", a->home);
	snprintf(a->db, sizeof(a->db), "%s/runs.db", a->home);
	configure(a, "", more);
	EXPECT(a, 0, ", it was 0", "db", "migrate");
	return true;
}

static void account_end(account *a)
{
	run_folder_free(a->home);
	sim_stop(a->s);
	pg_stop(a->p);
}

static size_t asked(const account *a)
{
	return sim_log_count(a->s, "/api/chat");
}

/* ---- keys ---- */

Test(llmctl_sharing_postgres, R_IDEM_1_a_key_that_is_none_is_refused_before_anything)
{
	char long_key[257];
	account a;

	memset(long_key, 'k', 256);
	long_key[256] = '\0';
	for (enum engine e = 0; e < ENGINES; e++) {
		if (!account_new(&a, e, RUN_LIST("--say", "All is well."), KEYS))
			continue;
		EXPECT(&a, 2, "1 to 255 printable ASCII", ASK, "--idempotency-key", "", "hi");
		EXPECT(&a, 2, "1 to 255 printable ASCII", ASK, "--idempotency-key", long_key, "hi");
		EXPECT(&a, 2, "1 to 255 printable ASCII", ASK, "--idempotency-key", "k\xC3\xA9",
			"hi");
		EXPECT(&a, 2, "1 to 255 printable ASCII", ASK, "--idempotency-key", "a\nb", "hi");
		EXPECT(&a, 2, "none of wait and fail", ASK, "--idempotency-key", "a",
			"--on-duplicate", "never", "hi");
		EXPECT(&a, 2, "without --idempotency-key", ASK, "--on-duplicate", "fail", "hi");
		EXPECT(&a, 0, "no run", "runs", "list");
		configure(&a, "", "");
		EXPECT(&a, 2, "privacy.store = \"idempotency_only\"", ASK, "--idempotency-key", "a",
			"hi");
		cr_expect_eq(asked(&a), 0);
		account_end(&a);
	}
}

Test(llmctl_sharing_postgres, R_IDEM_11_K_22_told_again_a_conflict_or_its_own)
{
	account a;

	for (enum engine e = 0; e < ENGINES; e++) {
		if (!account_new(&a, e, RUN_LIST("--say", "All is well."), KEYS))
			continue;
		EXPECT(&a, 0, "source: provider", ASK, "--idempotency-key", "a", "--stats", "hi");
		EXPECT(&a, 0, "All is well.\n", ASK, "--idempotency-key", "a", "hi");
		EXPECT(&a, 0, "source: replay", ASK, "--idempotency-key", "a", "--stats", "hi");
		EXPECT(&a, 0, "\"source\":\"replay\",\"original_run_id\":\"", ASK,
			"--idempotency-key", "a", "--json", "--no-stream", "hi");
		cr_expect_eq(asked(&a), 1);
		EXPECT(&a, 1, "IDEMPOTENCY_MISMATCH", ASK, "--idempotency-key", "a", "ho");
		EXPECT(&a, 1, "IDEMPOTENCY_MISMATCH", "ask", "-m", "ollama/sim-large",
			"--idempotency-key", "a", "hi");
		cr_expect_eq(asked(&a), 1);
		EXPECT(&a, 0, "source: provider", ASK, "--idempotency-key", "a", "--workspace",
			"other", "--stats", "ho");
		EXPECT(&a, 0, "source: provider", ASK, "--idempotency-key", "b", "--stats", "ho");
		cr_expect_eq(asked(&a), 3);
		EXPECT(&a, 0, "\"source\":\"replay\"", "runs", "export");
		account_end(&a);
	}
}

static unsigned running(const account *a)
{
	run_result r;
	unsigned n = 0;

	run_end(start(a, RUN_LIST("runs", "list", "--status", "running")), &r);
	for (const char *at = r.out; *at; at++)
		n += *at == '\n';
	run_done(&r);
	return n;
}

/* A run that waits is on record as running, and a key that it found taken is not its own. */
static void until_running(const account *a, unsigned n)
{
	const uint64_t until = talk_real_ns() + UINT64_C(5000000000);

	while (running(a) < n && talk_real_ns() < until)
		rest_ms(5);
	cr_expect_eq(running(a), n);
}

/* Who holds the key is stopped: one of those that wait asks; who was stopped waits no more. */
static void wait_and_stop(account *a)
{
	run *first, *second, *third;

	first = start(a, RUN_LIST(ASK, "--idempotency-key", "a", "hi"));
	cr_assert(sim_log_wait(a->s, "\"event\":\"request\"", 1, 5000));
	EXPECT(a, 1, "IDEMPOTENCY_IN_PROGRESS", ASK, "--idempotency-key", "a", "--on-duplicate",
		"fail", "hi");
	EXPECT(a, 1, "if its service is gone, in ", ASK, "--idempotency-key", "a", "--on-duplicate",
		"fail", "hi");
	EXPECT(a, 1, "IDEMPOTENCY_IN_PROGRESS", ASK, "--idempotency-key", "a", "--timeout", "100ms",
		"hi");
	EXPECT(a, 1, "IDEMPOTENCY_MISMATCH", ASK, "--idempotency-key", "a", "ho");
	second = start(a, RUN_LIST(ASK, "--idempotency-key", "a", "hi"));
	until_running(a, 2);
	run_signal(second, 2);
	expect_end(second, 130, "interrupted");
	third = start(a, RUN_LIST(ASK, "--idempotency-key", "a", "hi"));
	until_running(a, 2);
	cr_expect_eq(asked(a), 1);
	run_signal(first, 2);
	expect_end(first, 130, "interrupted");
	cr_expect(sim_log_wait(a->s, "\"event\":\"request\"", 2, 5000));
	run_signal(third, 2);
	expect_end(third, 130, "interrupted");
	cr_expect_eq(running(a), 0);
}

Test(llmctl_sharing_postgres, R_IDEM_10_in_progress_and_who_waits_can_be_stopped)
{
	account a;

	for (enum engine e = 0; e < ENGINES; e++) {
		if (!account_new(&a, e, RUN_LIST("--delay-ms", "10000"), KEYS))
			continue;
		wait_and_stop(&a);
		account_end(&a);
	}
}

/* ---- stored answers ---- */

#define COOL ASK, "--stats", "-o", "temperature=0"

Test(llmctl_sharing_postgres, R_CACHE_1_modes_from_one_process_to_the_next)
{
	account a;

	for (enum engine e = 0; e < ENGINES; e++) {
		if (!account_new(&a, e, RUN_LIST("--say", "All is well."),
			    "cache = { mode = \"on\"; store = \"sql\"; };\n"))
			continue;
		EXPECT(&a, 2,
			"--cache always is none of off, on, read_only, write_only and refresh",
			COOL, "--cache", "always", "hi");
		EXPECT(&a, 0, "source: provider", COOL, "--cache", "read_only", "hi");
		EXPECT(&a, 0, "source: provider", COOL, "--cache", "off", "hi");
		EXPECT(&a, 0, "source: provider", COOL, "--cache", "write_only", "hi");
		cr_expect_eq(asked(&a), 3);
		EXPECT(&a, 0, "source: cache", COOL, "--cache", "read_only", "hi");
		EXPECT(&a, 0, "source: cache", COOL, "--cache", "on", "hi");
		EXPECT(&a, 0, "All is well.\n", COOL, "hi");
		cr_expect_eq(asked(&a), 3);
		EXPECT(&a, 0, "source: provider", COOL, "--cache", "off", "hi");
		EXPECT(&a, 0, "source: refresh", COOL, "--cache", "refresh", "hi");
		EXPECT(&a, 0, "source: provider", COOL, "--workspace", "other", "hi");
		cr_expect_eq(asked(&a), 6);
		account_end(&a);
	}
}

Test(llmctl_sharing_postgres, R_CACHE_6_who_asks_for_what_cannot_be_had_is_told)
{
	account a;

	if (!account_new(&a, ENGINE_SQLITE, RUN_LIST("--say", "All is well."), ""))
		return;
	EXPECT(&a, 0, "cache = { mode = \"on\"; };", COOL, "--cache", "on", "hi");
	configure(&a, "", "cache = { mode = \"on\"; };\n");
	EXPECT(&a, 0, "passed by: neither temperature 0 nor a seed", ASK, "--cache", "on", "hi");
	account_end(&a);
}

/* ---- an answer without its row ---- */

/* Somebody else writes from before the answer until long after it. */
Test(llmctl_sharing_postgres, R_UOW_9_an_end_that_is_not_on_record_is_told)
{
	sqlite3 *db = NULL;
	account a;
	run *r;

	if (!account_new(
		    &a, ENGINE_SQLITE, RUN_LIST("--say", "All is well.", "--delay-ms", "300"), ""))
		return;
	r = start(&a, RUN_LIST(ASK, "--timeout", "600ms", "hi"));
	cr_assert(sim_log_wait(a.s, "\"event\":\"request\"", 1, 5000));
	cr_assert_eq(sqlite3_open(a.db, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 2000);
	cr_assert_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	expect_end(r, 0, "not on record: sqlite: ");
	sqlite3_close(db);
	account_end(&a);
}
