/*
 * base_clock.c - real clocks, injected ones, sums that do not overflow.
 */
#include "base/clock.h"

#include "support/fakeclock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

Test(base_clock, R_CORE_5_given_clocks_and_chance_are_kept)
{
	fakeclock fc;
	llm_time_source ts;
	unsigned char one[16], two[16];

	fakeclock_init(&fc, 7);
	ts = clock_filled(&fc.source);
	cr_assert_not(clock_is_real(&ts));
	cr_assert_eq(clock_ns(&ts), FAKECLOCK_NS);
	cr_assert_eq(clock_utc_us(&ts), FAKECLOCK_UTC_US);
	fakeclock_advance_ms(&fc, 1500);
	cr_assert_eq(clock_ns(&ts), FAKECLOCK_NS + 1500 * NS_PER_MS);
	cr_assert_eq(clock_utc_us(&ts), FAKECLOCK_UTC_US + 1500000);
	clock_random(&ts, one, sizeof(one));
	fakeclock_init(&fc, 7);
	clock_random(&ts, two, sizeof(two));
	cr_assert_eq(memcmp(one, two, sizeof(one)), 0, "the same seed gives the same bytes");
}

Test(base_clock, R_CORE_5_wall_clock_steps_do_not_move_the_monotonic_one)
{
	fakeclock fc;

	fakeclock_init(&fc, 1);
	fakeclock_set_utc_us(&fc, 0);
	cr_assert_eq(clock_ns(&fc.source), FAKECLOCK_NS);
	cr_assert_eq(clock_utc_us(&fc.source), 0);
	fakeclock_set_ns(&fc, 5);
	cr_assert_eq(clock_ns(&fc.source), 5);
	cr_assert_eq(clock_utc_us(&fc.source), 0);
}

Test(base_clock, R_CORE_5_each_member_is_filled_by_itself)
{
	const llm_time_source *real = clock_real();
	fakeclock fc;
	llm_time_source part, ts;

	fakeclock_init(&fc, 1);
	part = (llm_time_source){.ctx = &fc, .monotonic_ns = fc.source.monotonic_ns};
	ts = clock_filled(&part);
	cr_assert_eq(clock_ns(&ts), FAKECLOCK_NS);
	cr_assert_eq(ts.realtime_us, real->realtime_us);
	cr_assert_eq(ts.random, real->random);
	cr_assert_not(clock_is_real(&ts));
	part = (llm_time_source){.ctx = &fc, .realtime_us = fc.source.realtime_us};
	ts = clock_filled(&part);
	cr_assert_eq(clock_utc_us(&ts), FAKECLOCK_UTC_US);
	cr_assert(clock_is_real(&ts));
	part = (llm_time_source){.ctx = &fc, .random = fc.source.random};
	ts = clock_filled(&part);
	cr_assert_eq(ts.random, fc.source.random);
	cr_assert(clock_is_real(&ts));
}

Test(base_clock, nothing_given_is_the_real_one)
{
	llm_time_source none = {0};
	llm_time_source a = clock_filled(NULL), b = clock_filled(&none);

	cr_assert(clock_is_real(&a));
	cr_assert(clock_is_real(&b));
	cr_assert(clock_is_real(clock_real()));
	cr_assert_gt(clock_ns(&a), 0);
	cr_assert_gt(clock_utc_us(&b), FAKECLOCK_UTC_US / 2);
}

Test(base_clock, real_clocks_are_those_of_the_system)
{
	const llm_time_source *ts = clock_real();
	uint64_t before = clock_ns(ts);
	struct timespec now;
	uint64_t between;

	clock_gettime(CLOCK_MONOTONIC, &now);
	between = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
	cr_assert_leq(before, between);
	cr_assert_leq(between, clock_ns(ts));
	clock_gettime(CLOCK_REALTIME, &now);
	cr_assert_lt(clock_utc_us(ts) / 1000000 - now.tv_sec, 5);
}

Test(base_clock, real_chance_differs)
{
	unsigned char one[300] = {0}, two[300] = {0};

	clock_random(clock_real(), one, sizeof(one));
	clock_random(clock_real(), two, sizeof(two));
	cr_assert_neq(memcmp(one, two, sizeof(one)), 0);
	cr_assert_neq(memcmp(one + 200, two + 200, 100), 0, "the end is filled too");
	clock_random(clock_real(), NULL, 0);
}

/* Makes getrandom fail in this process from now on. */
static int forbid_getrandom(void)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrandom, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = rules};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

Test(base_clock, chance_in_a_sandbox_without_getrandom)
{
	unsigned char one[16] = {0}, two[16] = {0};

	if (forbid_getrandom()) {
		fputs("SKIP clock_seccomp: this kernel takes no seccomp filter\n", stderr);
		cr_skip_test("this kernel takes no seccomp filter: %s", strerror(errno));
	}
	clock_random(clock_real(), one, sizeof(one));
	clock_random(clock_real(), two, sizeof(two));
	cr_assert_neq(memcmp(one, two, sizeof(one)), 0);
	cr_assert_neq(memcmp(one, (unsigned char[16]){0}, sizeof(one)), 0);
}

Test(base_clock, later_does_not_overflow)
{
	cr_assert_eq(clock_after_ms(0, 0), 0);
	cr_assert_eq(clock_after_ms(5, 3), 5 + 3 * NS_PER_MS);
	cr_assert_eq(clock_after_ms(UINT64_MAX, 0), UINT64_MAX);
	cr_assert_eq(clock_after_ms(UINT64_MAX, 1), UINT64_MAX);
	cr_assert_eq(clock_after_ms(0, UINT64_MAX), UINT64_MAX);
	cr_assert_eq(
		clock_after_ms(1, UINT64_MAX / NS_PER_MS), UINT64_MAX / NS_PER_MS * NS_PER_MS + 1);
	cr_assert_eq(clock_after_ms(NS_PER_MS, UINT64_MAX / NS_PER_MS), UINT64_MAX);
	cr_assert_eq(clock_after_ms(UINT64_MAX - NS_PER_MS, 1), UINT64_MAX);
}

Test(base_clock, later_in_ns_does_not_overflow)
{
	cr_assert_eq(clock_after_ns(3, 4), 7);
	cr_assert_eq(clock_after_ns(UINT64_MAX - 4, 4), UINT64_MAX);
	cr_assert_eq(clock_after_ns(UINT64_MAX - 4, 5), UINT64_MAX);
	cr_assert_eq(clock_after_ns(UINT64_MAX, 1), UINT64_MAX);
}

Test(base_clock, R_CORE_5_chance_is_spread_over_the_whole_span)
{
	int seen[6] = {0};
	uint64_t i;

	for (i = 0; i < 600; i++)
		seen[clock_spread(i * UINT64_C(0x9e3779b97f4a7c15), 5)]++;
	for (i = 0; i < 6; i++)
		cr_assert_gt(seen[i], 50);
	cr_assert_eq(clock_spread(UINT64_MAX, 0), 0);
	cr_assert_eq(clock_spread(UINT64_MAX, UINT64_MAX), UINT64_MAX);
}
