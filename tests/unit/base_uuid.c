/*
 * base_uuid.c - the layout of UUIDv7, and order whatever the wall clock does.
 */
#include "base/uuid.h"

#include "support/fakeclock.h"

#include <criterion/criterion.h>
#include <string.h>

static void check_form(const char *id)
{
	cr_assert_eq(strlen(id), 36, "%s", id);
	for (int i = 0; i < 36; i++) {
		int dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash)
			cr_assert_eq(id[i], '-', "%s", id);
		else
			cr_assert_not_null(strchr("0123456789abcdef", id[i]), "%s", id);
	}
	cr_assert_eq(id[14], '7', "%s", id);
	cr_assert_not_null(strchr("89ab", id[19]), "%s", id);
}

Test(base_uuid, layout)
{
	uuid_state st = {0};
	char id[UUID_TEXT];
	fakeclock fc;

	fakeclock_init(&fc, 3);
	fakeclock_set_utc_us(&fc, INT64_C(0x0123456789AB) * 1000 + 999);
	uuid_v7(&st, &fc.source, id);
	check_form(id);
	cr_assert_eq(memcmp(id, "01234567-89ab-7", 15), 0, "%s", id);
	cr_assert_lt(id[15], '8', "the counter begins in its lower half: %s", id);
}

/* More ids in one millisecond than the counter holds. */
Test(base_uuid, larger_each_time_while_the_clock_stands)
{
	char before[UUID_TEXT] = "", id[UUID_TEXT];
	uuid_state st = {0};
	fakeclock fc;

	fakeclock_init(&fc, 4);
	for (int i = 0; i < 20000; i++) {
		uuid_v7(&st, &fc.source, id);
		check_form(id);
		cr_assert_lt(strcmp(before, id), 0, "%s then %s", before, id);
		memcpy(before, id, sizeof(id));
	}
	cr_assert_leq(st.last_ms - (uint64_t)FAKECLOCK_UTC_US / 1000, 10);
}

Test(base_uuid, larger_each_time_when_the_clock_steps_back)
{
	char before[UUID_TEXT] = "", id[UUID_TEXT];
	uuid_state st = {0};
	fakeclock fc;

	fakeclock_init(&fc, 5);
	for (int i = 0; i < 3000; i++) {
		fakeclock_set_utc_us(&fc, FAKECLOCK_UTC_US + (i * 7919 % 1000 - 500) * 1000);
		uuid_v7(&st, &fc.source, id);
		cr_assert_lt(strcmp(before, id), 0, "%s then %s", before, id);
		memcpy(before, id, sizeof(id));
	}
	fakeclock_set_utc_us(&fc, FAKECLOCK_UTC_US + 3600 * INT64_C(1000000));
	uuid_v7(&st, &fc.source, id);
	cr_assert_eq(st.last_ms, (uint64_t)FAKECLOCK_UTC_US / 1000 + 3600000, "it follows again");
}

Test(base_uuid, a_clock_before_1970_is_survived)
{
	char first[UUID_TEXT], second[UUID_TEXT];
	uuid_state st = {0};
	fakeclock fc;

	fakeclock_init(&fc, 6);
	fakeclock_set_utc_us(&fc, -5);
	uuid_v7(&st, &fc.source, first);
	uuid_v7(&st, &fc.source, second);
	check_form(first);
	cr_assert_lt(strcmp(first, second), 0);
}

Test(base_uuid, two_makers_do_not_meet)
{
	char one[UUID_TEXT], two[UUID_TEXT];
	uuid_state a = {0}, b = {0};

	for (int i = 0; i < 100; i++) {
		uuid_v7(&a, clock_real(), one);
		uuid_v7(&b, clock_real(), two);
		check_form(one);
		cr_assert_str_neq(one, two);
		cr_assert_neq(strcmp(one + 19, two + 19), 0, "the rest is chance");
	}
}

Test(base_uuid, R_CORE_5_injected_time_and_chance_repeat_the_same_ids)
{
	char one[UUID_TEXT], two[UUID_TEXT];
	uuid_state a = {0}, b = {0};
	fakeclock fa, fb;

	fakeclock_init(&fa, 9);
	fakeclock_init(&fb, 9);
	for (int i = 0; i < 10; i++) {
		uuid_v7(&a, &fa.source, one);
		uuid_v7(&b, &fb.source, two);
		cr_assert_str_eq(one, two);
		fakeclock_advance_ms(&fa, 1);
		fakeclock_advance_ms(&fb, 1);
	}
}

static int n_asked;

static void counted(void *ctx, void *bytes, size_t len)
{
	(void)ctx;
	n_asked++;
	memset(bytes, n_asked, len);
}

/* Each call into the system costs as much as the rest of an id. */
Test(base_uuid, chance_is_asked_for_in_stock)
{
	char id[UUID_TEXT];
	uuid_state st = {0};
	llm_time_source ts = *clock_real();
	int i;

	ts.random = counted;
	for (i = 0; i < UUID_STOCK; i++)
		uuid_v7(&st, &ts, id);
	cr_expect_eq(n_asked, 1);
	cr_expect_str_eq(id + 24, "010101010101");
	uuid_v7(&st, &ts, id);
	cr_expect_eq(n_asked, 2);
	cr_expect_str_eq(id + 24, "020202020202");
}
