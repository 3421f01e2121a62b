/*
 * sqlite_text.c - the same bytes whatever the host's time zone and locale, and however the
 * database encodes its text (S-10).
 */
#include "sqlite_help.h"

#include <locale.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "support/run.h"

#define TURKISH "tr_TR.UTF-8"
#define SAID "I\xc4\xb0 i\xc4\xb1 \xe2\x82\xac \xf0\x9f\x98\x80"

/* Every value of a question, as SQLite's quote() writes it. */
static void dump(sqlite3 *db, const char *sql, char *ret, size_t cap)
{
	size_t n = strlen(ret);
	sqlite3_stmt *stmt = NULL;
	int i;

	cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK, "%s", sql);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		for (i = 0; i < sqlite3_column_count(stmt); i++) {
			const char *text = (const char *)sqlite3_column_text(stmt, i);

			n += (size_t)snprintf(ret + n, cap - n, "%s|", text ? text : "null");
			cr_assert_lt(n, cap);
		}
	sqlite3_finalize(stmt);
}

static void write_rows(wire *c)
{
	llm_run_row r = row_begin(W, ID("1")), f = row_finish(W, ID("1"), "failed");
	llm_attempt_row a = row_attempt(W, ID("1"), 1);
	llm_content_row t = {sizeof(t), 1, W, "hash", "prompt", {SAID, sizeof(SAID) - 1}, 9, 1};

	r.metadata_json = "{\"k\":\"" SAID "\"}";
	f.error_code = "INVALID_REQUEST";
	f.error_message = SAID;
	f.cost_nanousd = 1234567;
	a.model = SAID;
	cr_expect_eq(wire_store(c, LLM_OP_RUN_BEGIN, &r), 0);
	cr_expect_eq(wire_store(c, LLM_OP_ATTEMPT_PUT, &a), 0);
	cr_expect_eq(wire_store(c, LLM_OP_CONTENT_PUT, &t), 0);
	cr_expect_eq(wire_store(c, LLM_OP_RUN_FINISH, &f), 0);
}

/* What the plugin reads back, and what other tools see. */
static void read_rows(const stand *s, wire *c, char *ret, size_t cap)
{
	const llm_run_row *row = ask_run(c, W, ID("1"));
	llm_filter search = LLM_FILTER_INIT;
	sqlite3 *db;

	cr_assert_not_null(row);
	snprintf(ret, cap, "%s|%s|", row->metadata_json, row->error_message);
	search.workspace_id = W;
	search.text = "i\xc4\xb1";
	cr_expect_eq(ask_runs(c, &search)->n, 1, "found by its text");
	cr_expect_eq(strcmp(ask_attempts(c, W, ID("1"))->attempts[0].model, SAID), 0);
	db = sqlite_own(s);
	dump(db, "SELECT * FROM llm_runs", ret, cap);
	dump(db, "SELECT * FROM llm_attempts", ret, cap);
	dump(db, "SELECT hash, kind, hex(bytes), size FROM llm_contents", ret, cap);
	dump(db, "SELECT * FROM llm_runs_v", ret, cap);
	dump(db, "SELECT * FROM llm_usage_daily_v", ret, cap);
	sqlite3_close(db);
}

/* `encoding` null: as SQLite makes it. */
static void play(const char *encoding, char *ret, size_t cap)
{
	char pragma[80];
	sqlite3 *db;
	stand s;
	wire c;

	sqlite_stand(&s);
	if (encoding) {
		stand_clear(&s);
		snprintf(pragma, sizeof(pragma), "PRAGMA encoding = '%s'; CREATE TABLE own (n)",
			encoding);
		sqlite_edit(&s, pragma);
	}
	c = wire_open(&s);
	instance_begin(c.seat, NULL);
	cr_assert_eq(
		wire_said(&c, "migrate", s.v->migrate(c.unit, UINT32_MAX)), 0, "%s", c.err.message);
	write_rows(&c);
	read_rows(&s, &c, ret, cap);
	wire_close(&c);
	db = sqlite_own(&s);
	if (encoding) {
		pragma[0] = '\0';
		dump(db, "PRAGMA encoding", pragma, sizeof(pragma));
		cr_expect_eq(strncmp(pragma, encoding, strlen(encoding)), 0, "%s", pragma);
	}
	sqlite3_close(db);
	stand_down(&s);
}

static char expected[8192], got[8192];

Test(sqlite_text, S_10_a_database_in_utf_16_holds_the_same)
{
	play(NULL, expected, sizeof(expected));
	cr_expect_not_null(strstr(expected, "2026-01-01T00:00:00.000Z"), "%s", expected);
	play("UTF-16le", got, sizeof(got));
	cr_expect_str_eq(got, expected);
	play("UTF-16be", got, sizeof(got));
	cr_expect_str_eq(got, expected);
}

Test(sqlite_text, S_10_time_zones_change_nothing)
{
	static const char *const zones[] = {"Asia/Kathmandu", "XST-13:45", "America/St_Johns"};
	size_t i;

	play(NULL, expected, sizeof(expected));
	for (i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		setenv("TZ", zones[i], 1);
		tzset();
		play(NULL, got, sizeof(got));
		cr_expect_str_eq(got, expected, "%s", zones[i]);
	}
}

/* Where I and i are no pair, and a comma stands in numbers. */
Test(sqlite_text, S_10_a_turkish_host_changes_nothing)
{
	char line[512], number[16], *folder;
	run_result r;

	if (access("/usr/bin/localedef", X_OK) || access("/usr/share/i18n/locales/tr_TR", R_OK)) {
		fprintf(stderr, "SKIP sqlite_text: no localedef or no source of tr_TR\n");
		return;
	}
	play(NULL, expected, sizeof(expected));
	folder = run_folder();
	snprintf(line, sizeof(line), "localedef -i tr_TR -f UTF-8 %s/" TURKISH " 2>&1", folder);
	run_program(RUN_LIST("/bin/sh", "-c", line), NULL, &r);
	cr_assert_eq(r.status, 0, "%s", r.out);
	run_done(&r);
	setenv("LOCPATH", folder, 1);
	cr_assert_not_null(setlocale(LC_ALL, TURKISH));
	snprintf(number, sizeof(number), "%.1f", 0.5);
	cr_assert_str_eq(number, "0,5", "the locale has no effect");
	play(NULL, got, sizeof(got));
	setlocale(LC_ALL, "C");
	cr_expect_str_eq(got, expected);
	run_folder_free(folder);
}
