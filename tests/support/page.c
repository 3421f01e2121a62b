#include "page.h"

#include <stdlib.h>
#include <string.h>

/* A time such as "1.25 s" or "at once", in quarters of a second: how many bytes it takes, or 0. */
static size_t read_quarters(const char *s, unsigned long *ret)
{
	char *end;

	*ret = 0;
	if (!strncmp(s, "at once", 7))
		return 7;
	if (*s < '0' || *s > '9')
		return 0;
	*ret = strtoul(s, &end, 10) * 4;
	if (*end == '.') {
		*ret += end[1] == '2' ? 1 : end[1] == '5' ? 2 : 3;
		end += strspn(end + 1, "0123456789") + 1;
	}
	return !strncmp(end, " s)", 3) || !strncmp(end, " s |", 4) ? (size_t)(end + 2 - s) : 0;
}

/*
 * The same words; the times of a fault that keeps the processor busy are those of the machine,
 * so a time may differ by a second and the double.
 */
static int is_same_row(const char *a, const char *b)
{
	while (*a && *a == *b) {
		unsigned long x, y;
		const int begins = *a == '(' || (*a == ' ' && a[1] != '|');
		const size_t n = begins ? read_quarters(a + 1, &x) : 0;
		const size_t m = begins ? read_quarters(b + 1, &y) : 0;

		if (n && m && (x > 2 * y + 4 || y > 2 * x + 4))
			return 0;
		a += n && m ? n + 1 : 1;
		b += n && m ? m + 1 : 1;
	}
	return !*a && *b == '\n';
}

int page_has_row(const char *page, const char *line)
{
	const char *at;

	for (at = page; at && *at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (is_same_row(line, at))
			return 1;
	}
	return 0;
}
