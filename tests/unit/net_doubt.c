/* When a connection that rests is not to be trusted any more. */
#include <criterion/criterion.h>

#include "net/multi.h"

#define S UINT64_C(1000000000)

static int jumped(uint64_t loop_s, uint64_t asleep_s, uint64_t loop_2, uint64_t asleep_2)
{
	net_age age = {0, 0};

	cr_assert_eq(age_jumped(&age, loop_s * S, asleep_s * S), 0, "the first look");
	return age_jumped(&age, loop_2 * S, asleep_2 * S);
}

Test(net_doubt, a_machine_that_slept)
{
	cr_assert_eq(jumped(100, 0, 101, 0), 0);
	cr_assert_eq(jumped(100, 0, 101, 28800), 1);
	cr_assert_eq(jumped(100, 28800, 101, 28800), 0, "only once");
	cr_assert_eq(jumped(100, 28800, 101, 28803), 1);
}

Test(net_doubt, nothing_has_begun_for_too_long)
{
	cr_assert_eq(jumped(100, 0, 190, 0), 0);
	cr_assert_eq(jumped(100, 0, 191, 0), 1);
	cr_assert_eq(jumped(100, 0, 50, 0), 0, "a clock that steps back says nothing");
}

/* What is told is kept, also when nothing had happened. */
Test(net_doubt, each_look_begins_anew)
{
	net_age age = {0, 0};
	uint64_t s;

	for (s = 1; s < 1000; s += 60)
		cr_assert_eq(
			age_jumped(&age, s * S, s * S / 100), 0, "%llu", (unsigned long long)s);
	cr_assert_eq(age_jumped(&age, 1200 * S, 10 * S), 1);
	cr_assert_eq(age_jumped(&age, 1201 * S, 10 * S), 0);
}
