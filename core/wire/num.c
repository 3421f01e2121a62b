/*
 * num.c - numbers as text. See num.h.
 *
 * Whole numbers are read and written by hand. For doubles the C library is asked,
 * under a private C locale for reading; what it writes in the host's locale has
 * its decimal point put right afterwards.
 */
#include "wire/num.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 767 digits decide the nearest double of any number; the rest is "more than that". */
#define DECIMAL_DIGITS 780
/* Above this 10^exponent every number is infinite or zero. */
#define DECIMAL_EXPONENT_MAX 400
/* Numbers of ordinary length go to the C library as they are. */
#define SHORT_NUMBER 64

/* 0.d1d2d3... * 10^exponent, without leading or trailing zeros. */
typedef struct decimal {
	int negative;
	size_t n;
	int64_t exponent;
	char digits[DECIMAL_DIGITS + 1];
} decimal;

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *p, const char *end)
{
	while (p < end && is_digit(*p))
		p++;
	return p;
}

/* Behind the fraction or exponent that begins at `p`, or `p` when none does. */
static const char *skip_fraction(const char *p, const char *end)
{
	return end - p > 1 && p[0] == '.' && is_digit(p[1]) ? skip_digits(p + 1, end) : p;
}

static const char *skip_exponent(const char *p, const char *end)
{
	const char *digits = p + 1;

	if (p == end || (*p != 'e' && *p != 'E'))
		return p;
	if (digits < end && (*digits == '+' || *digits == '-'))
		digits++;
	return digits < end && is_digit(*digits) ? skip_digits(digits, end) : p;
}

size_t num_length(const char *text, size_t len)
{
	const char *end = text + len;
	const char *p = text;

	if (p < end && *p == '-')
		p++;
	if (p == end || !is_digit(*p))
		return 0;
	p = *p == '0' ? p + 1 : skip_digits(p, end);
	p = skip_fraction(p, end);
	return (size_t)(skip_exponent(p, end) - text);
}

/* ---- whole numbers ---- */

int num_read_u64(const char *text, size_t len, uint64_t *ret)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		uint64_t digit = (uint64_t)(text[i] - '0');

		if (!is_digit(text[i]) || value > (UINT64_MAX - digit) / 10)
			return 0;
		value = value * 10 + digit;
	}
	if (len == 0)
		return 0;
	*ret = value;
	return 1;
}

/* The sign is put on where the magnitude fits; INT64_MIN has no positive twin. */
static int signed_value(int negative, uint64_t magnitude, int64_t *ret)
{
	uint64_t most = (uint64_t)INT64_MAX + (negative ? 1 : 0);

	if (magnitude > most)
		return 0;
	if (!negative)
		*ret = (int64_t)magnitude;
	else
		*ret = magnitude == 0 ? 0 : -(int64_t)(magnitude - 1) - 1;
	return 1;
}

int num_read_i64(const char *text, size_t len, int64_t *ret)
{
	int negative = len > 0 && text[0] == '-';
	uint64_t magnitude;

	if (negative) {
		text++;
		len--;
	}
	return num_read_u64(text, len, &magnitude) && signed_value(negative, magnitude, ret);
}

size_t num_write_i64(int64_t value, char ret_text[NUM_TEXT])
{
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	char digits[NUM_TEXT];
	size_t at = sizeof(digits);
	size_t len;

	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (value < 0)
		digits[--at] = '-';
	len = sizeof(digits) - at;
	memcpy(ret_text, digits + at, len);
	ret_text[len] = '\0';
	return len;
}

/* ---- decimals of any length ---- */

/* An exponent as text, "+5" included; beyond the sensible it stops growing. */
static int64_t read_exponent(const char *p, const char *end)
{
	int negative = *p == '-';
	int64_t value = 0;

	if (*p == '-' || *p == '+')
		p++;
	for (; p < end; p++)
		if (value < INT64_MAX / 100)
			value = value * 10 + (*p - '0');
	return negative ? -value : value;
}

static void decimal_digit(decimal *d, char c, int in_fraction)
{
	if (d->n == 0 && c == '0') {
		d->exponent -= in_fraction;
		return;
	}
	d->exponent += !in_fraction;
	if (d->n < DECIMAL_DIGITS)
		d->digits[d->n++] = c;
	else if (d->n == DECIMAL_DIGITS && c != '0')
		d->digits[d->n++] = '1';
}

/* `text` is a JSON number. */
static void decimal_read(decimal *d, const char *text, size_t len)
{
	const char *end = text + len;
	const char *p = text;
	int in_fraction = 0;

	d->negative = *p == '-';
	d->n = 0;
	d->exponent = 0;
	for (p += d->negative; p < end && *p != 'e' && *p != 'E'; p++) {
		if (*p == '.')
			in_fraction = 1;
		else
			decimal_digit(d, *p, in_fraction);
	}
	if (p < end)
		d->exponent += read_exponent(p + 1, end);
	while (d->n > 0 && d->digits[d->n - 1] == '0')
		d->n--;
}

/* The magnitude of a decimal that is whole; 0 when it is not or does not fit. */
static int decimal_whole(const decimal *d, uint64_t *ret)
{
	char text[20];
	size_t len = (size_t)d->exponent;

	if (d->n == 0) {
		*ret = 0;
		return 1;
	}
	if (d->exponent < (int64_t)d->n || d->exponent > (int64_t)sizeof(text))
		return 0;
	memset(text, '0', sizeof(text));
	memcpy(text, d->digits, d->n);
	return num_read_u64(text, len, ret);
}

int num_read_whole(const char *text, size_t len, int64_t *ret)
{
	uint64_t magnitude;
	decimal d;

	if (len == 0 || num_length(text, len) != len)
		return 0;
	if (num_read_i64(text, len, ret))
		return 1;
	decimal_read(&d, text, len);
	return decimal_whole(&d, &magnitude) && signed_value(d.negative, magnitude, ret);
}

/* ---- doubles ---- */

/* Made once, kept for the life of the process; whoever comes second gives his back. */
static locale_t c_locale(void)
{
	static _Atomic(locale_t) kept;
	locale_t have = atomic_load(&kept);
	locale_t made;

	if (have)
		return have;
	made = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (!made || atomic_compare_exchange_strong(&kept, &have, made))
		return made;
	freelocale(made);
	return have;
}

static int convert(const char *text, double *ret)
{
	locale_t locale = c_locale();
	double value;

	if (!locale)
		return 0;
	value = strtod_l(text, NULL, locale);
	if (!isfinite(value))
		return 0;
	*ret = value;
	return 1;
}

/* The digits that matter, with an exponent that any reader copes with. */
static int convert_long(const char *text, size_t len, double *ret)
{
	char plain[DECIMAL_DIGITS + NUM_TEXT + 8];
	size_t at;
	decimal d;

	decimal_read(&d, text, len);
	if (d.n > 0 && d.exponent > DECIMAL_EXPONENT_MAX)
		return 0;
	if (d.exponent < -DECIMAL_EXPONENT_MAX)
		d.n = 0;
	at = d.negative ? 1 : 0;
	plain[0] = '-';
	plain[at++] = '0';
	plain[at++] = '.';
	memcpy(plain + at, d.digits, d.n);
	at += d.n;
	plain[at++] = 'e';
	num_write_i64(d.n > 0 ? d.exponent : 0, plain + at);
	return convert(plain, ret);
}

int num_read_double(const char *text, size_t len, double *ret)
{
	char copy[SHORT_NUMBER];

	if (len == 0 || num_length(text, len) != len)
		return 0;
	if (len >= sizeof(copy))
		return convert_long(text, len, ret);
	memcpy(copy, text, len);
	copy[len] = '\0';
	return convert(copy, ret);
}

/* What is neither digit, sign nor exponent is the locale's decimal point, of any length. */
static size_t num_fix_point(char *text)
{
	const char *from = text;
	char *to = text;

	while (*from) {
		if (is_digit(*from) || strchr("+-e", *from)) {
			*to++ = *from++;
			continue;
		}
		*to++ = '.';
		while (*from && !is_digit(*from))
			from++;
	}
	*to = '\0';
	return (size_t)(to - text);
}

static size_t write_fraction(double value, char ret_text[NUM_TEXT])
{
	/* Subnormals have fewer digits than the 15 that every other double can show. */
	int digits = value < DBL_MIN && value > -DBL_MIN ? 1 : DBL_DIG;
	char text[2 * NUM_TEXT]; /* a decimal point can have several bytes */
	size_t len = 0;
	double back;

	for (; digits <= DBL_DECIMAL_DIG; digits++) {
		(void)snprintf(text, sizeof(text), "%.*g", digits, value);
		len = num_fix_point(text);
		if (num_read_double(text, len, &back) && back == value)
			break;
	}
	memcpy(ret_text, text, len + 1);
	return len;
}

size_t num_write_double(double value, char ret_text[NUM_TEXT])
{
	const double exact_max = 9007199254740992.0; /* 2^53 */

	if (!isfinite(value))
		return 0;
	if (value > exact_max || value < -exact_max || (double)(int64_t)value != value)
		return write_fraction(value, ret_text);
	if (value == 0 && signbit(value)) {
		memcpy(ret_text, "-0", 3);
		return 2;
	}
	return num_write_i64((int64_t)value, ret_text);
}

/* ---- settings ---- */

typedef struct unit {
	const char *name;
	uint64_t factor;
} unit;

/* A number of `units`, which end with a null name; the first is meant without a suffix. */
static int read_with_unit(const char *text, size_t len, const unit *units, uint64_t *ret)
{
	size_t digits = 0;
	size_t suffix;
	uint64_t value;

	while (digits < len && is_digit(text[digits]))
		digits++;
	if (!num_read_u64(text, digits, &value))
		return 0;
	suffix = len - digits;
	for (; units->name; units++) {
		if (strlen(units->name) != suffix)
			continue;
		if (memcmp(text + digits, units->name, suffix) != 0)
			continue;
		if (value > UINT64_MAX / units->factor)
			return 0;
		*ret = value * units->factor;
		return 1;
	}
	return 0;
}

int num_read_duration_ms(const char *text, size_t len, uint64_t *ret)
{
	static const unit units[] = {
		{"", 1}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {NULL, 0}};

	return read_with_unit(text, len, units, ret);
}

int num_read_size(const char *text, size_t len, uint64_t *ret)
{
	static const unit units[] = {{"", 1}, {"k", UINT64_C(1) << 10}, {"M", UINT64_C(1) << 20},
		{"G", UINT64_C(1) << 30}, {NULL, 0}};

	return read_with_unit(text, len, units, ret);
}

int num_read_bool(const char *text, size_t len, int *ret)
{
	static const char *const words[] = {"0", "1", "false", "true", "off", "on", "no", "yes"};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i]) == len && memcmp(words[i], text, len) == 0) {
			*ret = (int)(i & 1);
			return 1;
		}
	}
	return 0;
}
