/*
 * base_dbg.c - LLM_DBG_IO cuts in debug builds and is nothing in others.
 */
#include "base/dbg.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(base_dbg, off_without_the_variable)
{
	static const char *const values[] = {NULL, "", "0", "off"};

	for (size_t i = 0; i < 4; i++) {
		dbg_io d;

		if (values[i])
			setenv("LLM_DBG_IO", values[i], 1);
		else
			unsetenv("LLM_DBG_IO");
		d = dbg_io_from_env();
		for (size_t len = 0; len < 100; len++)
			cr_assert_eq(dbg_io_cut(&d, len), len);
	}
}

#ifdef LLM_DEBUG

Test(base_dbg, cuts_are_within_bounds_and_reach_both_ends)
{
	dbg_io d;
	size_t ones = 0, wholes = 0, long_ones = 0;

	setenv("LLM_DBG_IO", "42", 1);
	d = dbg_io_from_env();
	cr_assert_eq(d.state, 42);
	cr_assert_eq(dbg_io_cut(&d, 0), 0);
	for (int i = 0; i < 2000; i++) {
		size_t small = dbg_io_cut(&d, 4);
		size_t large = dbg_io_cut(&d, 16384);

		cr_assert(small >= 1 && small <= 4, "%zu", small);
		cr_assert(large >= 1 && large <= 16384, "%zu", large);
		ones += small == 1;
		wholes += small == 4;
		long_ones += large > 16;
	}
	cr_assert_gt(ones, 0);
	cr_assert_gt(wholes, 0);
	cr_assert_gt(long_ones, 500);
	cr_assert_lt(long_ones, 1500, "about every other cut of a long run is short");
}

Test(base_dbg, the_seed_decides)
{
	dbg_io a = {11}, b = {11}, c = {12};
	int same = 1;

	for (int i = 0; i < 50; i++) {
		size_t cut = dbg_io_cut(&a, 1000);

		cr_assert_eq(cut, dbg_io_cut(&b, 1000));
		same &= cut == dbg_io_cut(&c, 1000);
	}
	cr_assert_not(same);
}

#else

Test(base_dbg, nothing_is_cut_in_a_build_without_debugging)
{
	dbg_io d;

	setenv("LLM_DBG_IO", "42", 1);
	d = dbg_io_from_env();
	cr_assert_eq(d.state, 0);
	for (size_t len = 0; len < 100; len++)
		cr_assert_eq(dbg_io_cut(&d, len), len);
}

#endif
