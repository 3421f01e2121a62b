/*
 * Runs recorded on a PostgreSQL that goes away and comes back (S-08): what a caller sees. How
 * long it takes, and many at once: tests/prove/outage.c.
 */
#include <stdlib.h>

#include "ledger_postgres_try.h"
#include "support/relay.h"

static int32_t ask(place *l)
{
	talk_call c;

	talk_submit(&l->t, &c, MODEL, 1, NULL);
	cr_assert(talk_finish(&l->t, &c), "a call has no end");
	if (!c.code)
		l->unkept += llm_result_persisted(llm_call_result(c.call), NULL) !=
			LLM_PERSISTED_YES;
	talk_done(&c);
	return c.code;
}

/* Until a run is on record again. */
static void expect_back(place *l, const char *after)
{
	const uint64_t until = talk_real_ns() + UINT64_C(10000000000);
	int32_t rc = ask(l);

	while (rc && talk_real_ns() < until) {
		rest_ms(20);
		rc = ask(l);
	}
	cr_expect_eq(rc, 0, "after %s: %s", after, llm_error_name(rc));
}

static size_t asked(place *l)
{
	return sim_log_count(l->up, "/api/chat");
}

/*
 * A server that was told to refuse does so a moment later, perhaps between the beginning of a
 * run and its end; what it refuses is not sent.
 */
static void expect_refused(place *l)
{
	int32_t rc = 0;
	size_t n = 0;

	for (int i = 0; i < 200 && !rc; i++) {
		n = asked(l);
		rc = ask(l);
	}
	cr_expect_neq(rc, 0, "nothing can be recorded");
	cr_expect_eq(asked(l), n, "so nothing is sent");
}

static int64_t rows(place *l, const char *status)
{
	char sql[200];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM llm_runs WHERE status = '%s'", status);
	return pg_number(l->p, l->database, sql);
}

static void away_and_back(enum pg_way way)
{
	size_t kept;
	place l;

	if (!place_new(&l, way, "strict"))
		return;
	cr_expect_eq(ask(&l), 0);
	pg_end_backends(l.p, l.database);
	expect_back(&l, "its backend was ended");
	pg_down(l.p, true);
	expect_refused(&l);
	pg_up(l.p);
	expect_back(&l, "a crash");
	pg_read_only(l.p, true);
	expect_refused(&l);
	pg_read_only(l.p, false);
	expect_back(&l, "it only read");
	kept = asked(&l) - l.unkept;
	cr_expect_eq(rows(&l, "succeeded"), (int64_t)kept, "each answer has its row, or says no");
	cr_expect_eq(rows(&l, "running"), (int64_t)l.unkept);
	cr_expect_eq(pg_number(l.p, l.database, "SELECT count(*) FROM llm_attempts"), (int64_t)kept,
		"and each call one attempt");
	place_end(&l);
}

Test(ledger_postgres, S_08_strict_sends_nothing_until_the_server_is_back)
{
	away_and_back(PG_DIRECT);
}

Test(ledger_postgres, S_08_the_same_through_pgbouncer)
{
	away_and_back(PG_POOLED);
}

Test(ledger_postgres, S_08_no_connection_is_left)
{
	place l;

	if (!place_new(&l, PG_DIRECT, "strict"))
		return;
	cr_expect_eq(ask(&l), 0);
	pg_limit(l.p, l.database, 0);
	pg_end_backends(l.p, l.database);
	expect_refused(&l);
	pg_limit(l.p, l.database, -1);
	expect_back(&l, "there was no room");
	place_end(&l);
}

/* An answer that cannot be recorded is an answer; what comes later is recorded again. */
Test(ledger_postgres, S_08_after_answers_all_the_same)
{
	int64_t before;
	place l;

	if (!place_new(&l, PG_DIRECT, "after"))
		return;
	pg_down(l.p, false);
	cr_expect_eq(ask(&l), 0);
	cr_expect_eq(ask(&l), 0);
	cr_expect_eq(asked(&l), 2);
	pg_up(l.p);
	before = rows(&l, "succeeded");
	for (int i = 0; i < 200 && rows(&l, "succeeded") == before; i++) {
		cr_expect_eq(ask(&l), 0);
		rest_ms(20);
	}
	cr_expect_gt(rows(&l, "succeeded"), before, "recorded again");
	place_end(&l);
}

/* ---- a line that is cut between COMMIT and its answer ---- */

/* As it goes over the wire, a trip of its own. */
static const char commit_words[] = "P\0\0\0\x0e\0COMMIT";

/* A run with a key, whose `nth` commit is cut off from its answer, or from the server. */
static void ask_and_cut(place *l, relay *line, int nth, enum relay_cut how)
{
	const size_t before = asked(l);
	char key[40];
	const llm_call_opts limits = {.idempotency_key = key};
	talk_call c;

	snprintf(key, sizeof(key), "cut-%zu", before);
	if (nth == 1)
		relay_cut_at(line, commit_words, sizeof(commit_words), how);
	talk_submit(&l->t, &c, MODEL, 1, &limits);
	while (nth == 2 && asked(l) == before)
		talk_turn(&l->t, 3);
	if (nth == 2)
		relay_cut_at(line, commit_words, sizeof(commit_words), how);
	cr_assert(talk_finish(&l->t, &c));
	cr_expect_eq(c.code, 0, "%d %d: %s", nth, (int)how, c.err.message);
	cr_expect_eq(llm_result_persisted(llm_call_result(c.call), NULL), LLM_PERSISTED_YES,
		"%d %d", nth, (int)how);
	cr_expect_eq(asked(l), before + 1, "one call of the provider");
	talk_done(&c);
}

Test(ledger_postgres, S_08_R_IDEM_6_a_commit_whose_answer_is_lost_is_no_fault)
{
	char dsn[300];
	relay *line;
	place l;
	int i;

	if (!place_found(&l, true, (const char *const[]){"--delay-ms", "3", NULL}))
		return;
	line = relay_start("127.0.0.1", pg_port(l.p), 0);
	snprintf(dsn, sizeof(dsn), "%s sslmode=disable",
		pg_dsn_at(l.p, l.database, relay_port(line)));
	place_open_at(&l, dsn, "strict");
	for (i = 0; i < 4; i++)
		ask_and_cut(&l, line, 1 + i / 2, i % 2 ? RELAY_CUT_BEFORE : RELAY_CUT_AFTER);
	cr_expect_eq(relay_cuts(line), 4);
	cr_expect_eq(rows(&l, "succeeded"), 4);
	cr_expect_eq(pg_number(l.p, l.database, "SELECT count(*) FROM llm_runs"), 4);
	cr_expect_eq(pg_number(l.p, l.database, "SELECT count(*) FROM llm_attempts"), 4);
	cr_expect_eq(pg_number(l.p, l.database,
			     "SELECT count(*) FROM llm_idempotency WHERE state = 'succeeded' AND "
			     "generation = 1"),
		4, "each key is settled by the claim it was given");
	place_end(&l);
	free(relay_stop(line));
}
