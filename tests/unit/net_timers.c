/* The heap of timers (core/net/timers.h) against a plain sort. */
#include <criterion/criterion.h>
#include <string.h>

#include "net/timers.h"

#define MANY 2000

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void drain_in_order(loop_timer **root, size_t expected)
{
	uint64_t last = 0;
	size_t n = 0;

	while (*root) {
		loop_timer *t = *root;

		cr_assert_geq(t->at_ns, last);
		cr_assert(t->armed);
		last = t->at_ns;
		timers_remove(root, t);
		cr_assert_not(t->armed);
		n++;
	}
	cr_assert_eq(n, expected);
}

Test(timers, they_come_out_in_order)
{
	static loop_timer all[MANY];
	loop_timer *root = NULL;
	uint64_t seed = 42;
	size_t i;

	for (i = 0; i < MANY; i++) {
		all[i].at_ns = next_random(&seed) % 1000;
		timers_add(&root, &all[i]);
	}
	drain_in_order(&root, MANY);
}

Test(timers, any_of_them_can_leave_at_any_time)
{
	static loop_timer all[MANY];
	loop_timer *root = NULL;
	uint64_t seed = 7;
	size_t i, left = 0;

	for (i = 0; i < MANY; i++) {
		all[i].at_ns = next_random(&seed);
		timers_add(&root, &all[i]);
		if (i % 3 == 2) {
			loop_timer *t = &all[next_random(&seed) % (i + 1)];

			if (t->armed)
				timers_remove(&root, t);
		}
	}
	for (i = 0; i < MANY; i++)
		left += (size_t)all[i].armed;
	cr_assert_gt(left, MANY / 2);
	drain_in_order(&root, left);
}

Test(timers, one_timer_alone)
{
	loop_timer t = {.at_ns = 5};
	loop_timer *root = NULL;

	timers_add(&root, &t);
	cr_assert_eq(root, &t);
	timers_remove(&root, &t);
	cr_assert_null(root);
}
