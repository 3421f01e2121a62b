/*
 * Every timer in every mode and at every point of an answer, in each wire, on a clock that
 * stands still until the test moves it: the one with the short limit ends the run at its
 * moment and not before, and where it does not run nothing ends.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/sim.h"
#include "support/talk.h"
#include "support/wires.h"

#define PLUGINS TEST_BINARY_DIR "/plugins"
#define LIMIT_MS 10000

/* What the caller wants, and what the provider is asked for. */
enum { STREAM = 0, WHOLE, PUT_TOGETHER, MODES };
/* How far the answer has come. */
enum { AT_NOTHING = 0, AT_ALIVE, AT_TEXT, POINTS };
/* Where the limit is set. */
enum { BY_TOP = 0, BY_PROVIDER, BY_PROFILE, BY_CALL, PLACES };

typedef struct timer {
	const char *key;
	uint32_t phase;
	int32_t code;
	const char *usual; /* when another one is tried: far behind */
} timer;

enum { FIRST = 0, IDLE, SILENCE, ATTEMPT, DEADLINE, TIMERS };

static const timer timers[TIMERS] = {
	{"first_token", LLM_PHASE_FIRST_TOKEN, LLM_E_TIMEOUT, "100s"},
	{"idle", LLM_PHASE_IDLE, LLM_E_TIMEOUT, "100s"},
	{"silence", LLM_PHASE_SILENCE, LLM_E_TIMEOUT, "100s"},
	{"attempt", LLM_PHASE_ATTEMPT, LLM_E_TIMEOUT, "500s"},
	{"deadline", LLM_PHASE_DEADLINE, LLM_E_DEADLINE, "900s"},
};

/* The table of R-TIME: which timers run when. */
static int runs(int timer_, int mode, int point)
{
	switch (timer_) {
	case FIRST:
		return mode != WHOLE && point != AT_TEXT;
	case IDLE:
		return mode != WHOLE && point == AT_TEXT;
	case SILENCE:
		return point != AT_NOTHING;
	default:
		return 1;
	}
}

typedef struct stage {
	char *script;
	char *key;
	sim *s;
	talk t;
	talk_call c;
} stage;

static void set_up(stage *st, const wire *w, uint32_t streamed, const char *words)
{
	char *text = wires_expand(w, streamed, words);

	memset(st, 0, sizeof(*st));
	st->script = sim_file(text);
	st->key = sim_file("a-key\n");
	st->s = sim_start((const char *[]){"--script", st->script, NULL});
	free(text);
}

static void tear_down(stage *st)
{
	talk_done(&st->c);
	talk_close(&st->t);
	sim_stop(st->s);
	sim_file_free(st->script);
	sim_file_free(st->key);
}

/* The service with one provider, `top` and what stands in the provider and in the profile "p". */
static void serve(
	stage *st, const wire *w, const char *top, const char *provider, const char *profile)
{
	char config[1500];

	snprintf(config, sizeof(config),
		"max_attempts = 1; providers = { %s = { base_url = \"%s%s\"; api_key = \"file:%s\"; "
		"%s }; };\nprofiles = { p = { candidates = [ \"%s/m\" ]; %s }; };\n%s",
		w->name, sim_url(st->s), w->base, st->key, provider, w->name, profile, top);
	talk_open(&st->t, PLUGINS, config, 1);
}

/* Until nothing comes any more: what was sent lies in the socket already. */
static void settle(stage *st)
{
	int i;

	for (i = 0; i < 5; i++)
		talk_turn(&st->t, 5);
}

static void come_to(stage *st, int point, uint32_t streamed)
{
	const char *sign = point == AT_NOTHING ? "\"event\":\"request\"" :
						 "\"event\":\"first_byte\"";

	while (!sim_log_count(st->s, sign))
		talk_turn(&st->t, 5);
	while (point == AT_TEXT && streamed && !st->c.len && !st->c.ended)
		talk_turn(&st->t, 5);
	settle(st);
}

static int is_over(stage *st, uint64_t ms)
{
	fakeclock_advance_ms(&st->t.clock, ms);
	talk_turn(&st->t, 0);
	talk_turn(&st->t, 0);
	return st->c.ended;
}

static const char *script_for(int mode, int point)
{
	static const char *const words[POINTS] = {"accept\nread request\nkeep\n",
		"accept\nread request\nhead 200 $t \"Connection: close\"\nsend \"$k\"\nkeep\n",
		"accept\nread request\nhead 200 $t \"Connection: close\"\nsend \"$1\"\nkeep\n"};

	if (mode == WHOLE && point == AT_ALIVE)
		return "accept\nread request\nhead 200 $t \"Connection: close\"\nsend \"\\n\"\n"
		       "keep\n";
	return words[point];
}

static void set_call(llm_call_opts *o, int timer_)
{
	uint32_t *const members[TIMERS] = {
		&o->first_token_ms, &o->idle_ms, &o->silence_ms, &o->attempt_ms, &o->total_ms};

	*members[timer_] = LIMIT_MS;
}

static void begin(stage *st, const wire *w, int mode, int point, int timer_, int place)
{
	char top[400] = "idle_keepalive = \"100s\";", one[64];
	llm_call_opts limits = {0};
	int i;

	for (i = 0; i < TIMERS; i++)
		if (i != timer_)
			snprintf(top + strlen(top), sizeof(top) - strlen(top), " %s = \"%s\";",
				timers[i].key, timers[i].usual);
	if (mode == PUT_TOGETHER)
		strcat(top, " upstream_stream = \"on\";");
	snprintf(one, sizeof(one), "%s = \"10s\";", timers[timer_].key);
	if (place == BY_TOP)
		strcat(top, one);
	if (place == BY_CALL)
		set_call(&limits, timer_);
	set_up(st, w, mode != WHOLE, script_for(mode, point));
	serve(st, w, top, place == BY_PROVIDER ? one : "", place == BY_PROFILE ? one : "");
	talk_submit(&st->t, &st->c, "p", mode == STREAM, &limits);
	come_to(st, point, mode == STREAM);
}

static void try_one(const wire *w, int mode, int point, int timer_, int place)
{
	const timer *t = &timers[timer_];
	stage st;

	begin(&st, w, mode, point, timer_, place);
	cr_assert_not(is_over(&st, LIMIT_MS - 1), "%s, mode %d, point %d: %s was early", w->name,
		mode, point, t->key);
	cr_assert_eq(is_over(&st, 1), runs(timer_, mode, point), "%s, mode %d, point %d: %s",
		w->name, mode, point, t->key);
	if (!st.c.ended)
		llm_call_cancel(st.c.call);
	cr_assert(talk_finish(&st.t, &st.c));
	if (runs(timer_, mode, point)) {
		cr_assert_eq(st.c.code, t->code, "%s, mode %d, point %d, %s: %s", w->name, mode,
			point, t->key, st.c.err.message);
		cr_assert_eq(st.c.err.phase, t->phase, "%s, mode %d, point %d, %s: %s", w->name,
			mode, point, t->key, st.c.err.message);
		cr_assert_eq(st.c.err.delivered, mode == STREAM && point == AT_TEXT);
	} else {
		cr_assert_eq(st.c.code, LLM_E_CANCELLED, "%s", st.c.err.message);
	}
	tear_down(&st);
}

static void try_all(const wire *w)
{
	int mode, point, timer_, n = 0;

	for (mode = 0; mode < MODES; mode++)
		for (point = 0; point < POINTS; point++)
			for (timer_ = 0; timer_ < TIMERS; timer_++)
				try_one(w, mode, point, timer_, n++ % PLACES);
}

Test(guard_time, R_TIME_1_R_TIME_2_R_TIME_3_every_timer_at_every_point_ollama)
{
	try_all(&wires[0]);
}

Test(guard_time, R_TIME_1_R_TIME_2_R_TIME_3_every_timer_at_every_point_openai)
{
	try_all(&wires[1]);
}

Test(guard_time, R_TIME_1_R_TIME_2_R_TIME_3_every_timer_at_every_point_gemini)
{
	try_all(&wires[2]);
}

/* ---- keep-alives ---- */

/* What keeps alive flows on for half a second, while the clock is moved. */
#define FLOWS \
	"accept\nread request\nhead 200 $t \"Connection: close\"\nsend \"$1\"\n" \
	"drip 5 \"$k$k$k$k$k$k$k$k$k$k$k$k\"\nkeep\n"

static void flow(const wire *w, uint64_t limit_ms)
{
	stage st;

	set_up(&st, w, 1, FLOWS);
	serve(&st, w, "idle = \"10s\"; idle_keepalive = \"50s\"; silence = \"200s\";", "", "");
	talk_submit(&st.t, &st.c, "p", 1, NULL);
	come_to(&st, AT_TEXT, 1);
	cr_assert_not(is_over(&st, 1));
	settle(&st);
	cr_assert_not(is_over(&st, limit_ms - 2), "%s: early", w->name);
	settle(&st);
	cr_assert(is_over(&st, 1), "%s: late", w->name);
	cr_assert(talk_finish(&st.t, &st.c));
	cr_assert_eq(st.c.err.phase, LLM_PHASE_IDLE, "%s", st.c.err.message);
	tear_down(&st);
}

/* Only OpenAI's servers are known to send some; elsewhere they lengthen nothing. */
Test(guard_time, R_TIME_2_keep_alives_lengthen_idle_where_they_are_declared)
{
	flow(&wires[0], 10000);
	flow(&wires[1], 50000);
	flow(&wires[2], 10000);
}

/* They stop no first_token, and they do stop silence. */
Test(guard_time, R_TIME_2_keep_alives_stop_silence_and_not_first_token)
{
	size_t w;

	for (w = 0; w < WIRES; w++) {
		stage st;

		set_up(&st, &wires[w], 1,
			"accept\nread request\nhead 200 $t \"Connection: close\"\n"
			"drip 5 \"$k$k$k$k$k$k$k$k$k$k$k$k$k$k$k$k$k$k$k$k$k$k$k$k\"\nkeep\n");
		serve(&st, &wires[w], "first_token = \"10s\"; silence = \"6s\";", "", "");
		talk_submit(&st.t, &st.c, "p", 1, NULL);
		come_to(&st, AT_ALIVE, 1);
		cr_assert_not(is_over(&st, 5000));
		talk_turn(&st.t, 20);
		talk_turn(&st.t, 20);
		cr_assert_not(is_over(&st, 4999), "%s: %s", wires[w].name, st.c.err.message);
		cr_assert(is_over(&st, 1), "%s", wires[w].name);
		cr_assert(talk_finish(&st.t, &st.c));
		cr_assert_eq(st.c.err.phase, LLM_PHASE_FIRST_TOKEN, "%s: %s", wires[w].name,
			st.c.err.message);
		tear_down(&st);
	}
}

/* ---- the defaults bear a model that has to be loaded ---- */

/* From a slow disk: five minutes and twenty seconds without a byte, then the answer. */
#define LOADS_MS 320000
#define LOADS \
	"accept\nread request\nsleep 45\nhead 200 $t \"Connection: close\"\nsend \"$*\"\nclose\n"

/* 0 when this machine was too busy to move the clock before the answer came. */
static int load(const char *profile, const char *top, uint32_t stream, uint32_t streamed)
{
	stage st;
	int in_time;

	set_up(&st, &wires[0], streamed, LOADS);
	serve(&st, &wires[0], top, "", profile);
	talk_submit(&st.t, &st.c, "p", stream, NULL);
	while (!sim_log_count(st.s, "\"event\":\"request\""))
		talk_turn(&st.t, 1);
	talk_turn(&st.t, 1);
	in_time = !sim_log_count(st.s, "\"event\":\"first_byte\"");
	cr_assert(
		!in_time || !is_over(&st, LOADS_MS), "%s", "it ended while the model was loading");
	cr_assert(talk_finish(&st.t, &st.c));
	cr_assert_eq(st.c.code, 0, "%s", st.c.err.message);
	cr_assert_str_eq(st.c.text, WIRES_TEXT);
	cr_assert_eq(sim_log_count(st.s, "\"event\":\"request\""), 1);
	tear_down(&st);
	return in_time;
}

Test(guard_time, R_TIME_4_a_cold_model_of_30_GB_works_with_the_defaults)
{
	static const struct {
		const char *profile;
		const char *top;
		uint32_t stream;
		uint32_t streamed;
	} rows[] = {{"", "", 1, 1}, {"", "", 0, 0}, {"", "upstream_stream = \"on\";", 0, 1}};
	size_t i;
	int tries, seen;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (seen = tries = 0; !seen && tries < 10; tries++)
			seen = load(rows[i].profile, rows[i].top, rows[i].stream, rows[i].streamed);
		cr_assert(seen, "row %zu", i);
	}
}
