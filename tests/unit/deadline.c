/* Which timer is due next (core/run/deadline.h): every phase alone, and who wins a tie. */
#include <criterion/criterion.h>

#include "run/deadline.h"

#define NONE UINT64_MAX

static phase_limits all_off(void)
{
	return (phase_limits){.connect_ns = NONE,
		.first_token_ns = NONE,
		.idle_ns = NONE,
		.keepalive_ns = NONE,
		.silence_ns = NONE,
		.consumer_ns = NONE,
		.attempt_ns = NONE};
}

static phase_clock begun(void)
{
	return (phase_clock){.deadline_ns = 100000, .started_ns = 1000, .stream = 1};
}

static void expect(const phase_limits *l, const phase_clock *c, uint64_t at, uint32_t phase)
{
	phase_due due = deadline_next(l, c);

	cr_assert_eq(due.phase, phase, "phase %u, not %u", due.phase, phase);
	cr_assert_eq(due.at_ns, at);
}

Test(deadline, R_TIME_1_connect_alone)
{
	phase_limits l = all_off();
	phase_clock c = begun();

	l.connect_ns = 500;
	expect(&l, &c, 1500, LLM_PHASE_CONNECT);
	c.connected_ns = 1100;
	expect(&l, &c, 100000, LLM_PHASE_DEADLINE);
}

Test(deadline, R_TIME_1_first_token_alone)
{
	phase_limits l = all_off();
	phase_clock c = begun();

	l.first_token_ns = 700;
	c.connected_ns = 1100;
	expect(&l, &c, 100000, LLM_PHASE_DEADLINE);
	c.sent_ns = 1200;
	expect(&l, &c, 1900, LLM_PHASE_FIRST_TOKEN);
	c.delta_ns = 1300;
	expect(&l, &c, 100000, LLM_PHASE_DEADLINE);
}

Test(deadline, R_TIME_1_idle_alone)
{
	phase_limits l = all_off();
	phase_clock c = begun();

	l.idle_ns = 50;
	c.connected_ns = c.sent_ns = 1100;
	c.delta_ns = 2000;
	expect(&l, &c, 2050, LLM_PHASE_IDLE);
	c.delta_ns = 3000;
	expect(&l, &c, 3050, LLM_PHASE_IDLE);
}

Test(deadline, R_TIME_1_silence_alone)
{
	phase_limits l = all_off();
	phase_clock c = begun();

	l.silence_ns = 60;
	c.connected_ns = c.sent_ns = 1100;
	expect(&l, &c, 100000, LLM_PHASE_DEADLINE);
	c.byte_ns = 1500;
	expect(&l, &c, 1560, LLM_PHASE_SILENCE);
}

Test(deadline, R_TIME_1_attempt_alone)
{
	phase_limits l = all_off();
	phase_clock c = begun();

	l.attempt_ns = 5000;
	expect(&l, &c, 6000, LLM_PHASE_ATTEMPT);
}

/* Keep-alives move silence on, and neither first_token nor idle. */
Test(deadline, R_TIME_2_only_deltas_stop_first_token_and_idle)
{
	phase_limits l = all_off();
	phase_clock c = begun();

	l.first_token_ns = 700;
	l.idle_ns = 300;
	l.silence_ns = 400;
	c.connected_ns = c.sent_ns = 1200;
	c.byte_ns = 1850;
	expect(&l, &c, 1900, LLM_PHASE_FIRST_TOKEN);
	c.delta_ns = 1860;
	c.byte_ns = 2100;
	expect(&l, &c, 2160, LLM_PHASE_IDLE);
}

Test(deadline, R_TIME_2_idle_and_silence_stand_still_while_paused)
{
	phase_limits l = all_off();
	phase_clock c = begun();

	l.idle_ns = l.silence_ns = 100;
	c.connected_ns = c.sent_ns = 1100;
	c.delta_ns = c.byte_ns = 2000;
	c.paused_ns = 2040;
	expect(&l, &c, 100000, LLM_PHASE_DEADLINE);
	deadline_resume(&c, 9040);
	expect(&l, &c, 9100, LLM_PHASE_IDLE);
	cr_assert_eq(c.paused_ns, 0);
}

/* Alone among those that declare keep-alives, and not before one came. */
Test(deadline, R_TIME_2_keep_alives_lengthen_idle_while_they_flow)
{
	phase_limits l = all_off();
	phase_clock c = begun();

	l.idle_ns = 100;
	l.keepalive_ns = 500;
	l.silence_ns = 200;
	c.connected_ns = c.sent_ns = 1100;
	c.delta_ns = c.byte_ns = 2000;
	c.keepalives = 1;
	expect(&l, &c, 2100, LLM_PHASE_IDLE);
	c.byte_ns = 2090;
	expect(&l, &c, 2290, LLM_PHASE_SILENCE);
	c.byte_ns = 2400;
	expect(&l, &c, 2500, LLM_PHASE_IDLE);
	c.keepalives = 0;
	expect(&l, &c, 2100, LLM_PHASE_IDLE);
}

Test(deadline, R_TIME_2_keep_alives_never_shorten_idle)
{
	phase_limits l = all_off();
	phase_clock c = begun();

	l.keepalive_ns = 500;
	c.connected_ns = c.sent_ns = 1100;
	c.delta_ns = 2000;
	c.byte_ns = 2090;
	c.keepalives = 1;
	expect(&l, &c, 100000, LLM_PHASE_DEADLINE);
	l.idle_ns = 700;
	expect(&l, &c, 2700, LLM_PHASE_IDLE);
}

Test(deadline, R_TIME_2_consumer_idle_runs_while_paused_and_each_read_begins_it_anew)
{
	phase_limits l = all_off();
	phase_clock c = begun();

	l.consumer_ns = 300;
	c.connected_ns = c.sent_ns = 1100;
	c.delta_ns = c.byte_ns = 2000;
	c.read_ns = 1900;
	expect(&l, &c, 100000, LLM_PHASE_DEADLINE);
	c.paused_ns = 2010;
	expect(&l, &c, 2310, DUE_CONSUMER);
	c.read_ns = 2200;
	expect(&l, &c, 2500, DUE_CONSUMER);
	deadline_resume(&c, 2400);
	expect(&l, &c, 100000, LLM_PHASE_DEADLINE);
}

Test(deadline, R_TIME_3_whole_answers_have_no_first_token_timer)
{
	phase_limits l = all_off();
	phase_clock c = begun();

	l.first_token_ns = 700;
	l.idle_ns = 300;
	l.attempt_ns = 9000;
	c.stream = 0;
	c.connected_ns = c.sent_ns = 1200;
	expect(&l, &c, 10000, LLM_PHASE_ATTEMPT);
}

Test(deadline, R_TIME_5_the_deadline_wins_a_tie)
{
	phase_limits l = all_off();
	phase_clock c = begun();

	l.attempt_ns = 99000;
	expect(&l, &c, 100000, LLM_PHASE_DEADLINE);
	l.attempt_ns = 98999;
	expect(&l, &c, 99999, LLM_PHASE_ATTEMPT);
}

Test(deadline, R_TIME_5_phases_never_reach_past_the_deadline)
{
	phase_limits l = all_off();
	phase_clock c = begun();

	l.first_token_ns = l.idle_ns = l.silence_ns = l.attempt_ns = 1000000;
	c.connected_ns = c.sent_ns = c.delta_ns = c.byte_ns = 2000;
	expect(&l, &c, 100000, LLM_PHASE_DEADLINE);
}

Test(deadline, limits_beyond_the_end_of_time_do_not_wrap)
{
	phase_limits l = all_off();
	phase_clock c = begun();

	l.attempt_ns = UINT64_MAX - 500;
	expect(&l, &c, 100000, LLM_PHASE_DEADLINE);
}
