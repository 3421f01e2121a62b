/*
 * wires_runs.c - what no answer's bytes can show: clocks that jump, callers that leave,
 * readers that are slow. In every wire.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/fakeclock.h"
#include "support/oracle.h"
#include "support/wires.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define GOOD "accept\nread request\nhead 200 $t \"Connection: close\"\nsend \"$*\"\nclose\n"
#define LEFT_MS 100 /* so soon the upstream sees that nobody listens any more */

/* The script with good streams behind it. */
static char *script_of(const wire *w, uint32_t stream, const char *script)
{
	char *first = wires_expand(w, stream, script), *then = wires_expand(w, 1, GOOD);
	char *all = NULL;

	cr_assert_geq(asprintf(&all, "accept\nread request\n%s%s", first, then), 0);
	free(first);
	free(then);
	return all;
}

static oracle *play(const wire *w, const char *script, uint32_t mode, const llm_time_source *time)
{
	const oracle_opts opts = {.mode = mode, .text = script, .model = w->model, .time = time};

	return oracle_open(&opts);
}

/* ---- U-21 ---- */

#define HOUR_US INT64_C(3600000000)
#define NOW_US INT64_C(1767225599000000) /* the last second of 2025 */

/* It neither ends nor goes wrong while the wall clock goes where it likes. */
static void check_jump(const wire *w, uint32_t stream)
{
	static const int64_t to_us[] = {NOW_US + HOUR_US, NOW_US - HOUR_US, NOW_US + 24 * HOUR_US,
		NOW_US - 24 * HOUR_US, 0, NOW_US, NOW_US + 1000000, NOW_US};
	char *script = script_of(w, stream,
		"head 200 $t \"Connection: close\"\nsend \"$1\"\nsleep 30\nsend \"$2$3$4\"\nclose\n");
	const oracle_ask ask = {
		.stream = stream, .limits = {.idle_ms = 1000, .first_token_ms = 1000}};
	llm_attempt a = {.struct_size = (uint32_t)sizeof(a)};
	fakeclock fc;
	oracle_run *run;
	oracle *o;
	size_t i;

	fakeclock_init(&fc, 3);
	o = play(w, script, ORACLE_LOOP, &fc.source);
	run = oracle_submit(o, &ask, NULL);
	for (i = 0; i < COUNT(to_us); i++) {
		fakeclock_set_utc_us(&fc, to_us[i]);
		oracle_turn(o, 3);
	}
	oracle_finish(run);
	cr_assert_eq(run->code, 0, "%s: %s", w->name, run->err.message);
	cr_assert_str_eq(run->text, WIRES_TEXT);
	cr_assert_eq(llm_result_attempt(llm_call_result(run->call), 0, &a), 0);
	cr_assert(a.duration_ms >= 0 && a.duration_ms < 1000, "%lld ms", (long long)a.duration_ms);
	cr_assert_eq(oracle_close(o), 0);
	free(script);
}

Test(wires_runs, U_21_the_wall_clock_jumps)
{
	size_t i;

	for (i = 0; i < WIRES * 2; i++)
		check_jump(&wires[i / 2], i % 2);
}

/* ---- U-30 ---- */

static void left(oracle_run *run, const char *text)
{
	oracle *o = run->o;
	uint64_t closed, start = sim_now_ns();

	llm_call_cancel(run->call);
	oracle_finish(run);
	cr_assert_eq(run->code, LLM_E_CANCELLED, "%s", run->err.message);
	cr_assert_str_eq(run->text, text);
	cr_assert(sim_log_wait(o->up, "\"who\":\"peer\"", 1, 1000), "%s", sim_log_text(o->up));
	closed = sim_log_ns(o->up, "\"who\":\"peer\"");
	cr_assert_lt(closed, start + LEFT_MS * UINT64_C(1000000));
}

/* Until the upstream has seen the request, or the reader some text. */
static void go_on(oracle_run *run, int text)
{
	if (text) {
		oracle_until(run, &run->deltas, 1);
		return;
	}
	while (!sim_log_count(run->o->up, "\"event\":\"request\""))
		oracle_step(run);
}

static void check_leave(const wire *w, const char *fault, uint32_t stream, uint32_t mode, int text)
{
	char *script = script_of(w, stream, fault);
	const oracle_ask ask = {.stream = stream};
	oracle *o = play(w, script, mode, NULL);
	oracle_run *run = oracle_submit(o, &ask, NULL);

	go_on(run, text);
	left(run, text ? "Hel" : "");
	cr_assert_eq(oracle_close(o), 0);
	free(script);
}

Test(wires_runs, U_30_callers_that_leave)
{
	static const uint32_t modes[] = {ORACLE_PULL, ORACLE_THREAD, ORACLE_LOOP};
	size_t i, k;

	for (i = 0; i < WIRES; i++)
		for (k = 0; k < COUNT(modes) * 2; k++) {
			const uint32_t stream = k % 2, mode = modes[k / 2];

			check_leave(&wires[i], "keep\n", stream, mode, 0);
			check_leave(&wires[i], WIRES_HEAD "keep\n", stream, mode, 0);
			check_leave(&wires[i], WIRES_HEAD "chunk \"$1\"\nkeep\n", stream, mode,
				stream != 0);
		}
}

/* ---- U-31 ---- */

/* Megabytes that nobody reads: the transfer is held up, memory is bounded. */
Test(wires_runs, U_31_a_reader_that_reads_no_more)
{
	size_t i;

	for (i = 0; i < WIRES; i++) {
		char *script = script_of(&wires[i], 1,
			"head 200 $t \"Connection: close\"\nrepeat 100000000 \"$1\"\n");
		oracle *o = play(&wires[i], script, ORACLE_PULL, NULL);
		oracle_run *run = oracle_submit(o, &(oracle_ask){.stream = 1}, NULL);

		oracle_until(run, &run->deltas, 1);
		rest_ms(40);
		cr_assert_lt(
			o->fa.peak, (size_t)4 << 20, "%s: %zu bytes", wires[i].name, o->fa.peak);
		llm_call_cancel(run->call);
		oracle_finish(run);
		cr_assert_eq(run->code, LLM_E_CANCELLED, "%s", run->err.message);
		cr_assert_eq(oracle_close(o), 0);
		free(script);
	}
}

/* A reader that comes back finds everything, in order. */
Test(wires_runs, U_31_a_slow_reader_loses_nothing)
{
	size_t i, k, len;

	for (i = 0; i < WIRES; i++) {
		char *script = script_of(&wires[i], 1,
			"head 200 $t \"Connection: close\"\nrepeat 20000 \"$1$2$3\"\nsend \"$4\"\n"
			"close\n");
		oracle *o = play(&wires[i], script, ORACLE_PULL, NULL);
		oracle_run *run = oracle_submit(o, &(oracle_ask){.stream = 1}, NULL);
		const char *text;

		oracle_until(run, &run->deltas, 1);
		rest_ms(40);
		oracle_finish(run);
		cr_assert_eq(run->code, 0, "%s", run->err.message);
		text = llm_result_text(llm_call_result(run->call), &len);
		cr_assert_eq(len, 20000 * strlen(WIRES_TEXT), "%s", wires[i].name);
		for (k = 0; k < len; k += strlen(WIRES_TEXT))
			cr_assert_eq(strncmp(text + k, WIRES_TEXT, strlen(WIRES_TEXT)), 0);
		cr_assert_eq(oracle_close(o), 0);
		free(script);
	}
}
