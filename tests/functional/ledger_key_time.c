/* ledger_key_time.c - the beats of a service that holds a key, on a clock that the test moves. */
#include "guard_time.h"
#include "ledger_key_try.h"

#define BEAT_MS 11000

typedef struct desk {
	keys k;
	still s;
} desk;

static void desk_open(desk *d, const char *script)
{
	memset(d, 0, sizeof(*d));
	book_open(&d->k.b, "", KEPT);
	still_open(&d->s, script, "", d->k.b.config);
	cr_assert_eq(sqlite3_open(d->k.b.dsn, &d->k.db), SQLITE_OK);
	sqlite3_busy_timeout(d->k.db, 2000);
}

static void desk_close(desk *d)
{
	sqlite3_close(d->k.db);
	still_close(&d->s);
	book_close(&d->k.b);
}

#define STARES "accept\nread request\n" HEAD "send \"" LINE("Hel") "\"\nkeep\n"
#define AN_HOUR_MS 3600000

static void begin(desk *d, talk_call *c)
{
	const llm_call_opts limits = {.total_ms = AN_HOUR_MS,
		.attempt_ms = AN_HOUR_MS,
		.idle_ms = AN_HOUR_MS,
		.silence_ms = AN_HOUR_MS,
		.idempotency_key = "one"};
	int i;

	talk_submit(&d->s.t, c, "ollama/a", 1, &limits);
	for (i = 0; i < 200 && !c->len; i++)
		still_settle(&d->s);
	cr_assert_gt(c->len, 0);
	cr_expect_str_eq(keys_text(&d->k, KEYS_STATE), "claimed");
}

static void end(desk *d, talk_call *c, int32_t code)
{
	cr_assert(talk_finish(&d->s.t, c));
	talk_done(c);
	cr_expect_eq(c->code, code);
}

/* The storage says so with the next beat, and the provider is left alone at once. */
Test(ledger_key_time, R_IDEM_5_a_claim_that_is_another_s_is_noticed_with_the_beat)
{
	talk_call c;
	desk d;

	desk_open(&d, STARES);
	begin(&d, &c);
	still_pass(&d.s, BEAT_MS);
	cr_expect_eq(keys_number(&d.k, "SELECT count(*) FROM llm_runs WHERE status = 'running'"), 1,
		"it still is its own");
	keys_sql(&d.k, "UPDATE llm_idempotency SET generation = 2, owner_id = 'another'");
	still_pass(&d.s, BEAT_MS);
	end(&d, &c, LLM_E_IDEMPOTENCY_LOST);
	cr_expect_eq(keys_number(&d.k, KEYS_GENERATION), 2);
	cr_expect_str_eq(keys_text(&d.k, KEYS_STATE), "claimed", "nothing of its own was written");
	cr_expect_str_eq(keys_text(&d.k, "SELECT error_code FROM llm_runs"), "IDEMPOTENCY_LOST");
	desk_close(&d);
}

Test(ledger_key_time, R_RUN_5_a_service_whose_lease_has_passed_lets_go_of_its_claims)
{
	talk_call c;
	desk d;

	desk_open(&d, STARES);
	begin(&d, &c);
	still_pass(&d.s, 31000);
	end(&d, &c, LLM_E_IDEMPOTENCY_LOST);
	cr_expect_eq(keys_number(&d.k, KEYS_GENERATION), 1);
	desk_close(&d);
}

/* It was late, and lives: what its run has left claimed does not stand in its own way. */
Test(ledger_key_time, R_IDEM_5_what_a_service_has_left_claimed_its_next_run_takes_over)
{
	const llm_call_opts again = {.idempotency_key = "one", .on_duplicate = LLM_DUPLICATE_FAIL};
	talk_call c;
	desk d;

	desk_open(&d, STARES SAYS(LINE("Hi") LAST));
	begin(&d, &c);
	still_pass(&d.s, 31000);
	end(&d, &c, LLM_E_IDEMPOTENCY_LOST);
	cr_expect_str_eq(keys_text(&d.k, KEYS_STATE), "claimed");
	talk_submit(&d.s.t, &c, "ollama/a", 1, &again);
	end(&d, &c, 0);
	cr_expect_str_eq(c.text, "Hi");
	cr_expect_eq(keys_number(&d.k, KEYS_GENERATION), 2);
	cr_expect_str_eq(keys_text(&d.k, KEYS_STATE), "succeeded");
	desk_close(&d);
}

/* ---- somebody else's key ---- */

#define ANOTHERS \
	"UPDATE llm_idempotency SET state = 'claimed', owner_id = 'another', response = NULL, " \
	"expires_us = NULL; INSERT INTO llm_owners (id, started_us, lease_until_us) VALUES " \
	"('another', 1, 9000000000000000); CREATE TABLE asked (n); CREATE TRIGGER ask BEFORE " \
	"INSERT ON llm_idempotency BEGIN INSERT INTO asked VALUES (1); END"
#define ASKED "SELECT count(*) FROM asked"

/* After 50 ms, then twice as long each time, up to every second; and at once when it is free. */
Test(ledger_key_time, R_IDEM_10_how_often_a_key_that_is_elsewhere_is_asked_for)
{
	static const uint64_t pauses_ms[] = {50, 100, 200, 400, 800, 1000, 1000};
	const llm_call_opts limits = {.total_ms = AN_HOUR_MS, .idempotency_key = "one"};
	talk_call c;
	int64_t i;
	desk d;

	desk_open(&d, SAYS(LINE("Hi") LAST) SAYS(LINE("Ho") LAST));
	talk_submit(&d.s.t, &c, "ollama/a", 1, &limits);
	end(&d, &c, 0);
	keys_sql(&d.k, ANOTHERS);
	talk_submit(&d.s.t, &c, "ollama/a", 1, &limits);
	for (i = 0; i < 200 && !keys_number(&d.k, ASKED); i++)
		still_settle(&d.s);
	for (i = 0; i < 7; i++) {
		still_pass(&d.s, pauses_ms[i] - 2);
		cr_expect_eq(keys_number(&d.k, ASKED), i + 1, "%d: too early", (int)i);
		still_pass(&d.s, 4);
		cr_expect_eq(keys_number(&d.k, ASKED), i + 2, "%d: late", (int)i);
	}
	cr_expect_eq(still_requests(&d.s), 1);
	keys_sql(&d.k, "UPDATE llm_idempotency SET state = 'released'");
	still_pass(&d.s, 1000);
	end(&d, &c, 0);
	cr_expect_str_eq(c.text, "Ho");
	desk_close(&d);
}

/* ---- refused after the claim ---- */

#define BAD STATUS("500", "")

static void ask_with(desk *d, const char *key, int32_t code)
{
	const llm_call_opts limits = {.max_attempts = 1, .idempotency_key = key};
	talk_call c;

	talk_submit(&d->s.t, &c, "ollama/a", 1, &limits);
	end(d, &c, code);
}

/* The one candidate is left alone for a while; when it is asked again the key is no obstacle. */
Test(ledger_key_time, R_IDEM_9_without_a_candidate_the_key_is_free)
{
	desk d;
	int i;

	desk_open(&d, BAD BAD BAD BAD BAD BAD SAYS(LINE("Hi") LAST));
	for (i = 0; i < 6; i++)
		ask_with(&d, NULL, LLM_E_SERVER_ERROR);
	ask_with(&d, "one", LLM_E_NO_CANDIDATE);
	cr_expect_str_eq(keys_text(&d.k, KEYS_STATE), "released");
	cr_expect_eq(keys_number(&d.k, "SELECT response IS NULL FROM llm_idempotency"), 1);
	cr_expect_eq(keys_number(&d.k,
			     "SELECT count(*) FROM llm_runs WHERE error_code = 'NO_CANDIDATE' AND "
			     "status = 'failed' AND attempts = 0"),
		1);
	cr_expect_eq(still_requests(&d.s), 6, "nothing was sent");
	still_pass(&d.s, 33001);
	ask_with(&d, "one", 0);
	cr_expect_eq(still_requests(&d.s), 7);
	cr_expect_eq(keys_number(&d.k, KEYS_GENERATION), 2);
	cr_expect_str_eq(keys_text(&d.k, KEYS_STATE), "succeeded");
	desk_close(&d);
}

/* ---- clocks that step ---- */

#define LEASE_MS \
	"SELECT lease_until_us / 1000 - CAST((julianday('now') - 2440587.5) * 86400000 AS " \
	"INTEGER) FROM llm_owners"

/* The database's clock has stepped: each lease is too long or too short, until the next beat. */
Test(ledger_key_time, R_IDEM_7_a_lease_is_right_again_with_the_next_beat)
{
	talk_call c;
	desk d;

	desk_open(&d, STARES);
	begin(&d, &c);
	keys_sql(&d.k, "UPDATE llm_owners SET lease_until_us = lease_until_us + 18000000000");
	still_pass(&d.s, BEAT_MS);
	cr_expect_leq(keys_number(&d.k, LEASE_MS), 30000);
	cr_expect_gt(keys_number(&d.k, LEASE_MS), 20000);
	keys_sql(&d.k, "UPDATE llm_owners SET lease_until_us = lease_until_us - 25000000");
	still_pass(&d.s, BEAT_MS);
	cr_expect_leq(keys_number(&d.k, LEASE_MS), 30000);
	cr_expect_gt(keys_number(&d.k, LEASE_MS), 20000);
	fakeclock_set_utc_us(&d.s.t.clock, FAKECLOCK_UTC_US - INT64_C(18000000000));
	still_pass(&d.s, BEAT_MS);
	cr_expect_gt(keys_number(&d.k, LEASE_MS), 20000, "ours is in no lease");
	cr_expect_leq(keys_number(&d.k, LEASE_MS), 30000);
	cr_expect_str_eq(keys_text(&d.k, KEYS_STATE), "claimed");
	cr_expect_eq(keys_number(&d.k, KEYS_GENERATION), 1);
	llm_call_cancel(c.call);
	end(&d, &c, LLM_E_CANCELLED);
	cr_expect_str_eq(keys_text(&d.k, KEYS_STATE), "released");
	desk_close(&d);
}
