/*
 * Numbers as text. num.c is included, so that what it does to a foreign locale's
 * decimal point is shown without that locale.
 */
#include <criterion/criterion.h>

#include "wire/num.c"

#include <inttypes.h>

#define ROUNDS 100000
#define SEED UINT64_C(20240229)

static uint64_t bits_of(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static double double_of(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* splitmix64 */
static uint64_t chance(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* ---- whole numbers ---- */

Test(num, reads_signed)
{
	static const struct {
		const char *text;
		int reads;
		int64_t value;
	} rows[] = {
		{"0", 1, 0},
		{"-0", 1, 0},
		{"007", 1, 7},
		{"42", 1, 42},
		{"-42", 1, -42},
		{"9223372036854775807", 1, INT64_MAX},
		{"9223372036854775808", 0, 0},
		{"-9223372036854775808", 1, INT64_MIN},
		{"-9223372036854775809", 0, 0},
		{"18446744073709551616", 0, 0},
		{"", 0, 0},
		{"-", 0, 0},
		{"+1", 0, 0},
		{" 1", 0, 0},
		{"1 ", 0, 0},
		{"--1", 0, 0},
		{"1a", 0, 0},
		{"1.0", 0, 0},
		{"0x1", 0, 0},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t value = 99;

		cr_assert_eq(num_read_i64(rows[i].text, strlen(rows[i].text), &value),
			rows[i].reads, "%s", rows[i].text);
		cr_assert_eq(value, rows[i].reads ? rows[i].value : 99, "%s", rows[i].text);
	}
}

Test(num, reads_unsigned)
{
	uint64_t value = 99;

	cr_assert(num_read_u64("18446744073709551615", 20, &value));
	cr_assert_eq(value, UINT64_MAX);
	value = 99;
	cr_assert_not(num_read_u64("18446744073709551616", 20, &value));
	cr_assert_not(num_read_u64("99999999999999999999", 20, &value));
	cr_assert_not(num_read_u64("-1", 2, &value));
	cr_assert_not(num_read_u64(NULL, 0, &value));
	cr_assert_eq(value, 99);
	cr_assert(num_read_u64("123456", 3, &value));
	cr_assert_eq(value, 123, "only the length counts");
}

Test(num, writes_signed)
{
	static const struct {
		int64_t value;
		const char *text;
	} rows[] = {
		{0, "0"},
		{7, "7"},
		{-7, "-7"},
		{10, "10"},
		{INT64_MAX, "9223372036854775807"},
		{INT64_MIN, "-9223372036854775808"},
	};
	char text[NUM_TEXT];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert_eq(num_write_i64(rows[i].value, text), strlen(rows[i].text));
		cr_assert_str_eq(text, rows[i].text);
	}
}

static const struct {
	const char *text;
	int reads;
	int64_t value;
} wholes[] = {
	{"3", 1, 3},
	{"3.0", 1, 3},
	{"3.000", 1, 3},
	{"-3.0", 1, -3},
	{"1e2", 1, 100},
	{"1E+2", 1, 100},
	{"1.5e1", 1, 15},
	{"150e-1", 1, 15},
	{"0.003e3", 1, 3},
	{"0e99999999999999999999", 1, 0},
	{"-0.0e-5", 1, 0},
	{"0.000", 1, 0},
	{"9223372036854775807.0", 1, INT64_MAX},
	{"9.223372036854775807e18", 1, INT64_MAX},
	{"-922337203685477580.8e1", 1, INT64_MIN},
	{"9223372036854775808.0", 0, 0},
	{"1e18", 1, INT64_C(1000000000000000000)},
	{"1e19", 0, 0},
	{"1e20", 0, 0},
	{"1e21", 0, 0},
	{"1e99999999999999999999", 0, 0},
	{"1e-1", 0, 0},
	{"3.5", 0, 0},
	{"0.1", 0, 0},
	{"1e-99999999999999999999", 0, 0},
	{"3.0000000000000000000001", 0, 0},
	{"03", 0, 0},
	{"+3", 0, 0},
	{"", 0, 0},
	{"3.", 0, 0},
	{"3e", 0, 0},
	{"three", 0, 0},
};

Test(num, whole_numbers_in_any_form)
{
	size_t i;

	for (i = 0; i < sizeof(wholes) / sizeof(wholes[0]); i++) {
		int64_t value = 99;

		cr_assert_eq(num_read_whole(wholes[i].text, strlen(wholes[i].text), &value),
			wholes[i].reads, "%s", wholes[i].text);
		cr_assert_eq(value, wholes[i].reads ? wholes[i].value : 99, "%s: %" PRId64,
			wholes[i].text, value);
	}
}

Test(num, length_of_a_number)
{
	static const struct {
		const char *text;
		size_t len;
	} rows[] = {
		{"0", 1},
		{"-0", 2},
		{"01", 1},
		{"12", 2},
		{"1.5", 3},
		{"1.", 1},
		{"1.e", 1},
		{"1e5", 3},
		{"1e+5", 4},
		{"1e+", 1},
		{"1e", 1},
		{"1E-05x", 5},
		{"-", 0},
		{"", 0},
		{"-a", 0},
		{".5", 0},
		{"+1", 0},
		{"1,2", 1},
		{"0.0.0", 3},
		{"Infinity", 0},
		{"0x10", 1},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_assert_eq(num_length(rows[i].text, strlen(rows[i].text)), rows[i].len, "%s",
			rows[i].text);
}

/* ---- doubles ---- */

static const struct {
	const char *text;
	double value;
} doubles[] = {
	{"0", 0.0},
	{"-0", -0.0},
	{"-0.0", -0.0},
	{"1", 1.0},
	{"0.1", 0.1},
	{"1e2", 100.0},
	{"-2.5E-3", -2.5e-3},
	{"1.7976931348623157e308", DBL_MAX},
	{"5e-324", 0x1p-1074},
	{"2.2250738585072014e-308", DBL_MIN},
	{"1e-400", 0.0},
	{"-1e-400", -0.0},
	{"9007199254740993", 9007199254740992.0},
	{"0.30000000000000004", 0.1 + 0.2},
};

Test(num, reads_doubles)
{
	static const char *const wrong[] = {
		"",
		"1,5",
		"1.",
		".5",
		"+1",
		"01",
		"1e",
		" 1",
		"1 ",
		"inf",
		"nan",
		"0x1p3",
		"1e400",
		"-1e400",
		"1.7976931348623159e308",
		"1.5f",
		"1_0",
	};
	double value = 7;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_assert_not(num_read_double(wrong[i], strlen(wrong[i]), &value), "%s", wrong[i]);
	cr_assert(value == 7, "untouched");
	for (i = 0; i < sizeof(doubles) / sizeof(doubles[0]); i++) {
		cr_assert(num_read_double(doubles[i].text, strlen(doubles[i].text), &value), "%s",
			doubles[i].text);
		cr_assert_eq(bits_of(value), bits_of(doubles[i].value), "%s", doubles[i].text);
	}
}

/* `head`, then `zeros` times '0', then `tail`: as a double. */
static int read_long(const char *head, size_t zeros, const char *tail, double *ret)
{
	size_t len = strlen(head) + zeros + strlen(tail);
	char *text = malloc(len + 1);
	int reads;

	cr_assert_not_null(text);
	memcpy(text, head, strlen(head));
	memset(text + strlen(head), '0', zeros);
	memcpy(text + strlen(head) + zeros, tail, strlen(tail) + 1);
	reads = num_read_double(text, len, ret);
	free(text);
	return reads;
}

Test(num, reads_doubles_of_any_length)
{
	double value = 7;

	cr_assert(read_long("0.1", 100, "", &value) && bits_of(value) == bits_of(0.1));
	cr_assert(read_long("1", 100, "e-100", &value) && bits_of(value) == bits_of(1.0));
	cr_assert(read_long("-1", 2000, "e-2000", &value) && bits_of(value) == bits_of(-1.0));
	cr_assert(read_long("0.", 2000, "1e2001", &value) && bits_of(value) == bits_of(1.0));
	cr_assert(read_long("0.", 2000, "", &value) && bits_of(value) == bits_of(0.0));
	cr_assert(read_long("-0.", 2000, "1", &value) && bits_of(value) == bits_of(-0.0));
	cr_assert(read_long("1e-", 2000, "1", &value) && bits_of(value) == bits_of(0.1));
	cr_assert(read_long("0e", 2000, "1", &value) && bits_of(value) == bits_of(0.0));
	cr_assert(read_long("1", 308, "", &value) && bits_of(value) == bits_of(1e308));
	value = 7;
	cr_assert_not(read_long("1", 309, "", &value));
	cr_assert_not(read_long("1", 1 << 20, "", &value));
	cr_assert_not(read_long("1", 100, "e99999999999999999999", &value));
	cr_assert(value == 7, "untouched");
	cr_assert(read_long("1", 100, "e-99999999999999999999", &value) && value == 0);
	/* Half way between two doubles: a digit far behind decides, and is not lost. */
	cr_assert(read_long("9007199254740993.", 900, "", &value));
	cr_assert_eq(bits_of(value), bits_of(9007199254740992.0));
	cr_assert(read_long("9007199254740993.", 900, "1", &value));
	cr_assert_eq(bits_of(value), bits_of(9007199254740994.0));
	cr_assert(read_long("9007199254740993.", 900, "1e0", &value));
	cr_assert_eq(bits_of(value), bits_of(9007199254740994.0));
}

Test(num, writes_doubles)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = {
		{0.0, "0"},
		{-0.0, "-0"},
		{3.0, "3"},
		{-3.0, "-3"},
		{0.1, "0.1"},
		{-2.5, "-2.5"},
		{0.1 + 0.2, "0.30000000000000004"},
		{1.0 / 3.0, "0.3333333333333333"},
		{1e300, "1e+300"},
		{1e-7, "1e-07"},
		{9007199254740992.0, "9007199254740992"},
		{-9007199254740992.0, "-9007199254740992"},
		{1e17, "1e+17"},
		{123456.75, "123456.75"},
		{DBL_MAX, "1.7976931348623157e+308"},
		{0x1p-1074, "5e-324"},
		{-0x1p-1074, "-5e-324"},
		{DBL_MIN, "2.2250738585072014e-308"},
	};
	char text[NUM_TEXT] = "untouched";
	size_t i;

	cr_assert_eq(num_write_double((double)NAN, text), 0);
	cr_assert_eq(num_write_double((double)INFINITY, text), 0);
	cr_assert_eq(num_write_double(-(double)INFINITY, text), 0);
	cr_assert_str_eq(text, "untouched");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert_eq(num_write_double(rows[i].value, text), strlen(rows[i].text), "%s",
			rows[i].text);
		cr_assert_str_eq(text, rows[i].text);
	}
}

Test(num, doubles_of_random_bits_come_back)
{
	uint64_t state = SEED;
	size_t finite = 0;
	int i;

	cr_log_info("seed %" PRIu64, state);
	for (i = 0; i < ROUNDS; i++) {
		double value = double_of(chance(&state));
		double back = 0;
		char text[NUM_TEXT];
		size_t len = num_write_double(value, text);

		cr_assert_eq(len == 0, !isfinite(value), "seed %" PRIu64 " round %d", SEED, i);
		if (len == 0)
			continue;
		finite++;
		cr_assert_lt(len, NUM_TEXT);
		cr_assert_eq(num_length(text, len), len, "%s is no JSON", text);
		cr_assert(num_read_double(text, len, &back), "%s", text);
		cr_assert_eq(bits_of(back), bits_of(value), "seed %" PRIu64 " round %d: %s", SEED,
			i, text);
	}
	cr_assert_gt(finite, ROUNDS / 2);
}

Test(num, decimal_points_of_other_locales)
{
	static const char *const rows[][2] = {
		{"1,5", "1.5"},
		{"-0,25", "-0.25"},
		{"1,5e-07", "1.5e-07"},
		{"1\xd9\xab"
		 "5",
			"1.5"},
		{"-1\xc2\xb7"
		 "25e+300",
			"-1.25e+300"},
		{"1.5", "1.5"},
		{"15", "15"},
		{"1e+300", "1e+300"},
		{"", ""},
	};
	char text[NUM_TEXT];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memcpy(text, rows[i][0], strlen(rows[i][0]) + 1);
		cr_assert_eq(num_fix_point(text), strlen(rows[i][1]));
		cr_assert_str_eq(text, rows[i][1]);
	}
}

Test(num, the_private_locale_is_made_once)
{
	locale_t first = c_locale();

	cr_assert(first != (locale_t)0);
	cr_assert(c_locale() == first);
}

/* ---- settings ---- */

typedef int (*read_fn)(const char *text, size_t len, uint64_t *ret);

static void expect_reads(read_fn read, const char *text, uint64_t want)
{
	uint64_t value = 99;

	cr_assert(read(text, strlen(text), &value), "%s", text);
	cr_assert_eq(value, want, "%s: %" PRIu64, text, value);
}

static void expect_refuses(read_fn read, const char *text)
{
	uint64_t value = 99;

	cr_assert_not(read(text, strlen(text), &value), "%s", text);
	cr_assert_eq(value, 99, "%s", text);
}

Test(num, durations)
{
	static const char *const wrong[] = {
		"",
		"ms",
		"-1s",
		"1.5s",
		"1 s",
		"1d",
		"1S",
		"1mss",
		" 1",
		"1s ",
		"18446744073709551616",
		"18446744073709552s",
		"5124095576031h",
	};
	size_t i;

	expect_reads(num_read_duration_ms, "0", 0);
	expect_reads(num_read_duration_ms, "250", 250);
	expect_reads(num_read_duration_ms, "250ms", 250);
	expect_reads(num_read_duration_ms, "5s", 5000);
	expect_reads(num_read_duration_ms, "2m", 120000);
	expect_reads(num_read_duration_ms, "1h", 3600000);
	expect_reads(num_read_duration_ms, "5124095576030h", UINT64_C(18446744073708000000));
	expect_reads(num_read_duration_ms, "18446744073709551615", UINT64_MAX);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect_refuses(num_read_duration_ms, wrong[i]);
}

Test(num, sizes)
{
	static const char *const wrong[] = {
		"",
		"k",
		"-1",
		"1.5k",
		"1K",
		"1m",
		"1g",
		"1kb",
		"1T",
		"0x10",
		"17179869184G",
	};
	size_t i;

	expect_reads(num_read_size, "0", 0);
	expect_reads(num_read_size, "100", 100);
	expect_reads(num_read_size, "64k", 65536);
	expect_reads(num_read_size, "2M", 2097152);
	expect_reads(num_read_size, "1G", 1073741824);
	expect_reads(num_read_size, "17179869183G", UINT64_C(17179869183) << 30);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect_refuses(num_read_size, wrong[i]);
}

Test(num, yes_and_no)
{
	static const char *const yes[] = {"1", "true", "on", "yes"};
	static const char *const no[] = {"0", "false", "off", "no"};
	static const char *const neither[] = {"", "2", "True", "YES", "y", "tru", "truee", " on"};
	int value;
	size_t i;

	for (i = 0; i < 4; i++) {
		value = 99;
		cr_assert(num_read_bool(yes[i], strlen(yes[i]), &value) && value == 1);
		cr_assert(num_read_bool(no[i], strlen(no[i]), &value) && value == 0);
	}
	for (i = 0, value = 99; i < sizeof(neither) / sizeof(neither[0]); i++)
		cr_assert_not(num_read_bool(neither[i], strlen(neither[i]), &value));
	cr_assert_eq(value, 99);
}
