#include "wire/money.h"

#include <string.h>

#include "wire/num.h"

#define DIGITS 64 /* of a number that can be a price; longer ones are refused */

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* sum * 10 + digit; 0 when that does not fit. */
static int money_append(int64_t *sum, int digit)
{
	return !__builtin_mul_overflow(*sum, 10, sum) && !__builtin_add_overflow(*sum, digit, sum);
}

int money_read(const char *text, size_t len, unsigned places, int64_t *ret)
{
	int64_t sum = 0;
	size_t i = 0, behind = 0;

	if (!len || !is_digit(text[0]))
		return 0;
	for (; i < len && is_digit(text[i]); i++)
		if (!money_append(&sum, text[i] - '0'))
			return 0;
	if (i < len && (text[i++] != '.' || i == len))
		return 0;
	for (; i < len && is_digit(text[i]); i++)
		if (++behind > places || !money_append(&sum, text[i] - '0'))
			return 0;
	if (i < len)
		return 0;
	for (; behind < places; behind++)
		if (!money_append(&sum, 0))
			return 0;
	*ret = sum;
	return 1;
}

/* ---- JSON numbers ---- */

/* The number is 0.DIGITS times 10^point. */
typedef struct money_number {
	char digits[DIGITS];
	int n;
	int point;
} money_number;

static int money_split(const char *text, size_t len, money_number *ret)
{
	int64_t exponent = 0;
	int seen_point = 0, before = 0;
	size_t i;

	ret->n = 0;
	for (i = 0; i < len && text[i] != 'e' && text[i] != 'E'; i++) {
		if (text[i] == '.') {
			seen_point = 1;
			continue;
		}
		if (ret->n == DIGITS)
			return 0;
		ret->digits[ret->n++] = text[i];
		before += !seen_point;
	}
	if (i < len) {
		i += text[i + 1] == '+' ? 2 : 1;
		if (!num_read_i64(text + i, len - i, &exponent))
			return 0;
	}
	if (exponent < -1000 || exponent > 1000)
		return 0;
	ret->point = before + (int)exponent;
	return 1;
}

static int money_digit(const money_number *n, int at)
{
	return at < 0 || at >= n->n ? 0 : n->digits[at] - '0';
}

/* What stands behind place `at`: 0 nothing, -1 less than .001, 1 more than .999, 2 else. */
static int money_rest(const money_number *n, int at)
{
	const int first = money_digit(n, at), second = money_digit(n, at + 1),
		  third = money_digit(n, at + 2);
	int i;

	if (first == 9 && second == 9 && third == 9)
		return 1;
	if (first || second || third)
		return 2;
	for (i = at < 0 ? 0 : at; i < n->n; i++)
		if (n->digits[i] != '0')
			return -1;
	return 0;
}

int money_read_number(const char *text, size_t len, int64_t *ret_picousd)
{
	money_number n;
	int64_t sum = 0;
	int i, whole, rest;

	if (!len || text[0] == '-' || num_length(text, len) != len || !money_split(text, len, &n))
		return MONEY_REFUSED;
	whole = n.point + 12; /* digits in front of the picodollars' point */
	for (i = 0; i < whole; i++)
		if (!money_append(&sum, money_digit(&n, i)))
			return MONEY_REFUSED;
	rest = money_rest(&n, whole);
	if (rest == 2 || (rest == 1 && __builtin_add_overflow(sum, 1, &sum)))
		return MONEY_REFUSED;
	*ret_picousd = sum;
	return rest ? MONEY_SNAPPED : MONEY_EXACT;
}

size_t money_write(int64_t amount, unsigned places, char ret_text[32])
{
	char digits[NUM_TEXT];
	size_t n = num_write_i64(amount, digits), used = 0, whole, i;

	whole = n > places ? n - places : 0;
	if (!whole)
		ret_text[used++] = '0';
	memcpy(ret_text + used, digits, whole);
	used += whole;
	ret_text[used++] = '.';
	for (i = n; i < places; i++)
		ret_text[used++] = '0';
	memcpy(ret_text + used, digits + whole, n - whole);
	used += n - whole;
	while (ret_text[used - 1] == '0')
		used--;
	used -= ret_text[used - 1] == '.';
	ret_text[used] = '\0';
	return used;
}
