/* Amounts as text and back (core/wire/money.h). */
#include <criterion/criterion.h>
#include <string.h>

#include "wire/money.h"

static void expect(const char *text, unsigned places, int64_t value)
{
	int64_t got = -7;

	cr_expect_eq(money_read(text, strlen(text), places, &got), 1, "%s", text);
	cr_expect_eq(got, value, "%s", text);
}

static void expect_refused(const char *text, unsigned places)
{
	int64_t got = -7;

	cr_expect_eq(money_read(text, strlen(text), places, &got), 0, "%s", text);
	cr_expect_eq(got, -7, "%s", text);
}

Test(money, R_COST_3_decimal_text_to_picodollars)
{
	expect("0.0375", MONEY_PICO, 37500);
	expect("0", MONEY_PICO, 0);
	expect("15", MONEY_PICO, 15000000);
	expect("0.000001", MONEY_PICO, 1);
	expect("9223372036854.775807", MONEY_PICO, INT64_MAX);
	expect("0.000000001", MONEY_NANO, 1);
}

Test(money, R_COST_3_more_digits_are_refused_not_rounded)
{
	expect_refused("0.0000001", MONEY_PICO);
	expect_refused("1.0000000", MONEY_PICO);
	expect_refused("9223372036854.775808", MONEY_PICO);
	expect_refused("99999999999999999999", MONEY_PICO);
	expect_refused("", MONEY_PICO);
	expect_refused(".5", MONEY_PICO);
	expect_refused("5.", MONEY_PICO);
	expect_refused("-1", MONEY_PICO);
	expect_refused("+1", MONEY_PICO);
	expect_refused("1e-3", MONEY_PICO);
	expect_refused("1,5", MONEY_PICO);
	expect_refused(" 1", MONEY_PICO);
}

static void expect_number(const char *text, int how, int64_t value)
{
	int64_t got = -7;

	cr_expect_eq(money_read_number(text, strlen(text), &got), how, "%s", text);
	cr_expect_eq(got, how ? value : -7, "%s: %lld", text, (long long)got);
}

Test(money, R_COST_9_numbers_are_read_from_their_text)
{
	expect_number("1.5e-07", MONEY_EXACT, 150000);
	expect_number("1.5E-7", MONEY_EXACT, 150000);
	expect_number("0.00000015", MONEY_EXACT, 150000);
	expect_number("15e-8", MONEY_EXACT, 150000);
	expect_number("0.0", MONEY_EXACT, 0);
	expect_number("0", MONEY_EXACT, 0);
	expect_number("0e999", MONEY_EXACT, 0);
	expect_number("1e-12", MONEY_EXACT, 1);
	expect_number("1e+6", MONEY_EXACT, INT64_C(1000000000000000000));
}

Test(money, R_COST_9_noise_is_snapped_other_rests_refused)
{
	expect_number("1.0000000000000001e-07", MONEY_SNAPPED, 100000);
	expect_number("9.9999999999999995e-08", MONEY_SNAPPED, 100000);
	expect_number("2.9999999999999997e-06", MONEY_SNAPPED, 3000000);
	expect_number("1.0009e-12", MONEY_SNAPPED, 1);
	expect_number("1.001e-12", MONEY_REFUSED, 0);
	expect_number("1.9989e-12", MONEY_REFUSED, 0);
	expect_number("1.9991e-12", MONEY_SNAPPED, 2);
	expect_number("5e-13", MONEY_REFUSED, 0);
	expect_number("-1e-7", MONEY_REFUSED, 0);
	expect_number("1e7", MONEY_REFUSED, 0);
	expect_number("1e99999999999", MONEY_REFUSED, 0);
	expect_number("1e", MONEY_REFUSED, 0);
	expect_number("NaN", MONEY_REFUSED, 0);
}

Test(money, R_COST_3_written_as_it_was_read)
{
	static const char *const texts[] = {
		"0.0375", "0", "15", "0.000001", "100", "9223372036854.775807"};
	char back[32];
	int64_t v;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cr_assert(money_read(texts[i], strlen(texts[i]), MONEY_PICO, &v));
		cr_expect_eq(money_write(v, MONEY_PICO, back), strlen(texts[i]));
		cr_expect_str_eq(back, texts[i]);
	}
}
