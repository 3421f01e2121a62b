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
