/*
 * A thousand requests to a server that says "not now" and every kind of Retry-After with it.
 * What came over the wire is counted in the server's own log; the clock is the test's.
 */
#include <stdlib.h>
#include <time.h>

#include "guard_time.h"

#define RUNS 1000
#define WAVE 10
#define BUDGET 20 /* retries that a full bucket pays: 100 tokens, 5 for each */
#define FAULT "\"event\":\"fault\""
#define WIDE "max_concurrency = 64;"

/* The date is seven seconds after the moment at which the test's clock begins. */
static const char *const delays[] = {
	"7", "Thu, 01 Jan 2026 00:00:07 GMT", "-1", "1000000000000", "soon"};

#define DELAYS (sizeof(delays) / sizeof(delays[0]))

#define REFUSAL STATUS("%s", "\"Retry-After: %s\"")

/* `n` connections: every delay with the first status, then every one with the second. */
static char *storm_script(size_t n, const char *first, const char *second)
{
	size_t i, at = 0, room = n * 200 + 1;
	char *script = malloc(room);

	cr_assert_not_null(script);
	for (i = 0; i < n; i++)
		at += (size_t)snprintf(script + at, room - at, REFUSAL,
			i / DELAYS % 2 ? second : first, delays[i % DELAYS]);
	return script;
}

static void storm_open(still *s, const char *first, const char *second, const char *provider)
{
	char *script = storm_script(RUNS + 2 * BUDGET, first, second);

	still_open(s, script, provider, "");
	free(script);
}

/* What goes wrong is in the models' names. */
static void storm_open_named(still *s, const char *provider, const char *more)
{
	still_open(s, "accept\nserve\n", provider, more);
}

static int all_ended(const talk_call *c, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!c[i].ended)
			return 0;
	return 1;
}

/* Time passes for those that wait, until none does. */
static void wait_for_all(still *s, talk_call *c, size_t n)
{
	int i, k;

	for (i = 0; i < 400 && !all_ended(c, n); i++) {
		for (k = 0; k < 5 && !all_ended(c, n); k++)
			talk_turn(&s->t, 3);
		if (!all_ended(c, n))
			fakeclock_advance_ms(&s->t.clock, 500);
	}
	cr_assert(all_ended(c, n));
}

static void submit_all(still *s, talk_call *c, size_t n, const char *model)
{
	size_t i;

	for (i = 0; i < n; i++)
		talk_submit(&s->t, &c[i], model, 1, NULL);
}

/* Every one ended with `code`, or with `other`, and is freed. How many with `code`. */
static size_t done_all(still *s, talk_call *c, size_t n, int32_t code, int32_t other)
{
	size_t i, same = 0;

	for (i = 0; i < n; i++) {
		cr_assert(talk_finish(&s->t, &c[i]));
		cr_assert(c[i].code == code || c[i].code == other, "%s", c[i].err.message);
		same += c[i].code == code;
		talk_done(&c[i]);
	}
	return same;
}

/* ---- the budget (R-RETRY-10) ---- */

Test(guard_storm, U_19_retries_of_a_thousand_requests_stay_within_the_bucket)
{
	talk_call c[WAVE];
	size_t i, limited = 0, retries;
	still s;

	storm_open(&s, "429", "503", WIDE);
	for (i = 0; i < RUNS / WAVE; i++) {
		/* The breaker would keep nearly all of them away; here the bucket is alone. */
		(void)llm_service_health_reset(s.t.svc, NULL);
		submit_all(&s, c, WAVE, "ollama/a");
		wait_for_all(&s, c, WAVE);
		limited += done_all(&s, c, WAVE, LLM_E_RATE_LIMITED, LLM_E_UNAVAILABLE);
	}
	cr_assert(limited > RUNS / 4 && limited < RUNS - RUNS / 4, "%zu", limited);
	retries = still_requests(&s) - RUNS;
	cr_assert(retries > BUDGET / 2 && retries <= BUDGET, "%zu", retries);
	still_close(&s);
}

/* llmsim's dates are of the real clock. */
static void storm_now(still *s)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	fakeclock_set_utc_us(&s->t.clock, (int64_t)ts.tv_sec * 1000000);
}

Test(guard_storm, U_19_where_half_is_answered_retries_are_a_tenth_beside_the_bucket)
{
	static const char *const models[WAVE / 2] = {"ollama/fault-429-seconds-1",
		"ollama/fault-429-date-2", "ollama/fault-429-negative", "ollama/fault-429-huge",
		"ollama/fault-503-seconds-1"};
	talk_call c[WAVE];
	size_t i, k, well = 0, retries;
	still s;

	storm_open_named(&s, WIDE, "");
	for (i = 0; i < RUNS / WAVE; i++) {
		(void)llm_service_health_reset(s.t.svc, NULL);
		storm_now(&s);
		for (k = 0; k < WAVE / 2; k++)
			talk_submit(&s.t, &c[k], models[k], 1, NULL);
		submit_all(&s, c + k, WAVE / 2, "ollama/sim-small");
		wait_for_all(&s, c, WAVE);
		well += done_all(&s, c + k, WAVE / 2, 0, 0);
		(void)done_all(&s, c, k, LLM_E_RATE_LIMITED, LLM_E_UNAVAILABLE);
	}
	cr_assert_eq(well, RUNS / 2);
	retries = still_requests(&s) - RUNS;
	cr_assert_eq(sim_log_count(s.up, FAULT), RUNS / 2 + retries);
	cr_assert(retries > BUDGET && retries <= BUDGET + RUNS / 10, "%zu", retries);
	still_close(&s);
}

/* ---- the waits (R-RETRY-2, R-RETRY-4) ---- */

#define WAITING 8
#define STEP_MS 50

/* Who was refused at one moment comes back at many; never before it was told to. */
static void come_back(const char *delay, uint64_t from_ms, uint64_t to_ms)
{
	size_t before = WAITING, times = 0;
	char script[8000] = "";
	talk_call c[WAITING];
	uint64_t ms;
	still s;
	int i;

	for (i = 0; i < WAITING; i++)
		snprintf(script + strlen(script), sizeof(script) - strlen(script), REFUSAL, "429",
			delay);
	strncat(script, SAYS(LINE("x") LAST), sizeof(script) - strlen(script) - 1);
	still_open(&s, script, WIDE, "");
	submit_all(&s, c, WAITING, "ollama/a");
	still_settle(&s);
	if (from_ms) {
		still_pass(&s, from_ms - 1);
		cr_assert_eq(still_requests(&s), WAITING, "%s", delay);
	}
	for (ms = from_ms; ms <= to_ms; ms += STEP_MS) {
		still_pass(&s, STEP_MS);
		times += still_requests(&s) > before;
		before = still_requests(&s);
	}
	cr_assert_eq(before, 2 * WAITING, "%s: %zu", delay, before);
	cr_assert_geq(times, WAITING / 2, "%s: at %zu moments", delay, times);
	cr_assert_eq(done_all(&s, c, WAITING, 0, 0), WAITING);
	still_close(&s);
}

Test(guard_storm, U_19_who_was_refused_at_one_moment_comes_back_at_many)
{
	come_back(delays[0], 7000, 7700);
	come_back(delays[1], 7000, 7700);
	come_back(delays[2], 0, 1000);
	come_back(delays[4], 0, 1000);
}

/* ---- the breaker (R-CB-2, R-CB-4, R-CB-5) ---- */

/* A thousand at one moment, so many at a time as the queue has room for. */
static void storm_at_once(const char *status, int32_t code, size_t most)
{
	static talk_call c[RUNS / WAVE];
	size_t i, first = 0, away = 0;
	still s;

	storm_open(&s, status, status, "max_concurrency = 4;");
	for (i = 0; i < WAVE; i++) {
		submit_all(&s, c, RUNS / WAVE, "ollama/a");
		still_settle(&s);
		if (!i)
			first = still_requests(&s);
		wait_for_all(&s, c, RUNS / WAVE);
		away += done_all(&s, c, RUNS / WAVE, LLM_E_NO_CANDIDATE, code);
	}
	cr_assert_leq(first, 10, "%s: %zu", status, first);
	cr_assert_geq(away, RUNS * 9 / 10, "%s: %zu", status, away);
	cr_assert_leq(still_requests(&s), most, "%s: %zu", status, still_requests(&s));
	still_close(&s);
}

Test(guard_storm, U_19_ten_failures_are_enough_to_be_left_alone)
{
	storm_at_once("503", LLM_E_UNAVAILABLE, 10 + BUDGET);
	storm_at_once("429", LLM_E_RATE_LIMITED, 10 + BUDGET);
}

Test(guard_storm, U_19_half_open_lets_one_probe_through)
{
	const llm_call_opts once = {.max_attempts = 1};
	talk_call c[WAVE * 4];
	still s;
	size_t i;

	storm_open_named(&s, WIDE,
		"profiles = { two = { candidates = [ \"ollama/fault-503-seconds-7\", "
		"\"ollama/sim-small\" ]; }; };\n");
	for (i = 0; i < 5; i++)
		talk_submit(&s.t, &c[i], "ollama/fault-503-seconds-7", 1, &once);
	cr_assert_eq(done_all(&s, c, 5, LLM_E_UNAVAILABLE, LLM_E_UNAVAILABLE), 5);
	cr_assert_eq(still_health(&s).state, LLM_HEALTH_IS_OPEN);
	still_pass(&s, 33001);
	cr_assert_eq(still_health(&s).state, LLM_HEALTH_HALF_OPEN);
	submit_all(&s, c, WAVE * 4, "two");
	wait_for_all(&s, c, WAVE * 4);
	cr_assert_eq(done_all(&s, c, WAVE * 4, 0, 0), WAVE * 4);
	cr_assert_eq(sim_log_count(s.up, FAULT), 6);
	cr_assert_eq(still_health(&s).state, LLM_HEALTH_IS_OPEN);
	still_close(&s);
}
