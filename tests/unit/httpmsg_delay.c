/*
 * httpmsg_delay.c - the delays that servers ask for, as numbers and as dates.
 */
#include "wire/httpmsg.h"

#include "base/alloc.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define NOW_US INT64_C(784111777000000) /* Sun, 06 Nov 1994 08:49:37 GMT */

/* Feeds lines that are separated by LF; all must be taken. */
static void head(httpmsg *m, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		n += text[n] == '\n';
		cr_assert_eq(httpmsg_line(m, text, n), 0);
		text += n;
	}
}

/* The head holds both headers where they are not null. */
static int64_t delay(const char *exact, const char *plain)
{
	char text[256];
	httpmsg m;
	int64_t ms;

	httpmsg_init(&m, mem_default());
	head(&m, "HTTP/1.1 429 Too Many Requests\r\n");
	if (plain) {
		(void)snprintf(text, sizeof(text), "Retry-After: %s\r\n", plain);
		head(&m, text);
	}
	if (exact) {
		(void)snprintf(text, sizeof(text), "retry-after-ms: %s\r\n", exact);
		head(&m, text);
	}
	ms = httpmsg_retry_after_ms(&m, NOW_US);
	httpmsg_done(&m);
	return ms;
}

Test(httpmsg_delay, R_RETRY_3_seconds)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{"0", 0},
		{"1", 1000},
		{"120", 120000},
		{"0.5", 500},
		{"1.25", 1250},
		{"0.001", 1},
		{"0.0001", 1},
		{"2.0000000", 2000},
		{"45.837906927", 45838},
		{"007", 7000},
		{"-1", -1},
		{"-0", -1},
		{"+1", -1},
		{"", -1},
		{" ", -1},
		{"NaN", -1},
		{"nan", -1},
		{"inf", -1},
		{"Infinity", -1},
		{"1e3", -1},
		{"0x10", -1},
		{"1,5", -1},
		{"1s", -1},
		{"1.", -1},
		{".5", -1},
		{"1.5.5", -1},
		{"1 2", -1},
		{"soon", -1},
		{"1, 2", -1},
		{"1000000000000", HTTPMSG_DELAY_MAX_MS},
		{"9223372036", INT64_C(9223372036000)},
		{"9223372037", HTTPMSG_DELAY_MAX_MS},
		{"2147483648", INT64_C(2147483648000)},
		{"9007199254740993", HTTPMSG_DELAY_MAX_MS},
		{"9223372036854775807", HTTPMSG_DELAY_MAX_MS},
		{"18446744073709551616", HTTPMSG_DELAY_MAX_MS},
		{"99999999999999999999999999999999999999999.999", HTTPMSG_DELAY_MAX_MS},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_assert_eq(delay(NULL, rows[i].text), rows[i].ms, "%s: %lld", rows[i].text,
			(long long)delay(NULL, rows[i].text));
}

Test(httpmsg_delay, R_RETRY_3_milliseconds_win_when_they_parse)
{
	cr_assert_eq(delay("250", "9"), 250);
	cr_assert_eq(delay("0", "9"), 0);
	cr_assert_eq(delay("0.2", "9"), 1);
	cr_assert_eq(delay("1.0", "9"), 1);
	cr_assert_eq(delay("-1", "9"), 9000);
	cr_assert_eq(delay("", "9"), 9000);
	cr_assert_eq(delay("soon", "9"), 9000);
	cr_assert_eq(delay("nan", NULL), -1);
	cr_assert_eq(delay("12", "garbage"), 12);
	cr_assert_eq(delay("99999999999999999999", NULL), HTTPMSG_DELAY_MAX_MS);
	cr_assert_eq(delay("Sun, 06 Nov 1994 08:49:38 GMT", NULL), -1);
	cr_assert_eq(delay(NULL, NULL), -1);
}

static const struct {
	const char *text;
	int64_t ms;
} dates[] = {
	{"Sun, 06 Nov 1994 08:49:37 GMT", 0},
	{"Sun, 06 Nov 1994 08:50:37 GMT", 60000},
	{"Sunday, 06-Nov-94 08:50:37 GMT", 60000},
	{"Sun Nov  6 08:50:37 1994", 60000},
	{"Mon Nov 07 08:49:37 1994", 86400000},
	{"Mon, 07 Nov 1994 08:49:37 GMT", 86400000},
	{"Thu, 01 Dec 1994 08:49:37 GMT", INT64_C(25) * 86400000},
	{"Thursday, 01-Dec-94 08:49:37 GMT", INT64_C(25) * 86400000},
	{"Wed, 06 Nov 1996 08:49:37 GMT", INT64_C(731) * 86400000},
	{"Thu, 29 Feb 1996 08:49:37 GMT", INT64_C(480) * 86400000},
	{"Tue, 29 Feb 2000 08:49:37 GMT", INT64_C(1941) * 86400000},
	{"Wed, 01 Mar 2000 08:49:37 GMT", INT64_C(1942) * 86400000},
	{"Monday, 06-Nov-00 08:49:37 GMT", INT64_C(2192) * 86400000},
	{"Sunday, 06-Nov-44 08:49:37 GMT", INT64_C(18263) * 86400000},
	{"Sunday, 06-Nov-45 08:49:37 GMT", -1},
	{"Sunday, 06-Nov-93 08:49:37 GMT", -1},
	{"Fri, 31 Dec 9999 23:59:60 GMT", HTTPMSG_DELAY_MAX_MS},
	/* over */
	{"Sun, 06 Nov 1994 08:49:36 GMT", -1},
	{"Thu, 01 Jan 1970 00:00:00 GMT", -1},
	{"Mon, 01 Jan 0001 00:00:00 GMT", -1},
	{"Sat, 01 Jan 0000 00:00:00 GMT", -1},
	/* none */
	{"Mon, 30 Feb 1995 08:49:37 GMT", -1},
	{"Mon, 29 Feb 1995 08:49:37 GMT", -1},
	{"Mon, 29 Feb 2100 08:49:37 GMT", -1},
	{"Mon, 31 Apr 1995 08:49:37 GMT", -1},
	{"Mon, 00 Apr 1995 08:49:37 GMT", -1},
	{"Mon, 01 Apr 1995 24:00:00 GMT", -1},
	{"Mon, 01 Apr 1995 08:60:00 GMT", -1},
	{"Mon, 01 Apr 1995 08:00:61 GMT", -1},
	{"Mon, 01 Apx 1995 08:00:00 GMT", -1},
	{"Mxn, 01 Apr 1995 08:00:00 GMT", -1},
	{"Mon, 01 Apr 1995 08:00:00 CET", -1},
	{"Mon, 01 Apr 1995 08:00:00 +0100", -1},
	{"Mon, 01 Apr 1995 08:00:00 GMT x", -1},
	{"Mon, 01 Apr 1995 08:00:00", -1},
	{"Mon, 1 Apr 1995 08:00:00 GMT", -1},
	{"Mon, 01 Apr 95 08:00:00 GMT", -1},
	{"Mon, 01-Apr-95 08:00:00 GMT", -1},
	{"Mon Apr 1 08:00:00 1995", -1},
	{"1995-04-01T08:00:00Z", -1},
	{"Mon", -1},
};

Test(httpmsg_delay, R_RETRY_3_dates_of_three_forms)
{
	for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++)
		cr_assert_eq(delay(NULL, dates[i].text), dates[i].ms, "%s: %lld", dates[i].text,
			(long long)delay(NULL, dates[i].text));
}

Test(httpmsg_delay, R_RETRY_3_two_digits_of_a_year_are_at_most_50_ahead)
{
	const int64_t now_us = INT64_C(1798761600000000); /* 2027-01-01 00:00:00 */
	const int64_t day_ms = 86400000;
	httpmsg m;

	httpmsg_init(&m, mem_default());
	head(&m, "HTTP/1.1 503\r\nretry-after: Saturday, 02-Jan-27 00:00:00 GMT\r\n");
	cr_assert_eq(httpmsg_retry_after_ms(&m, now_us), day_ms);
	head(&m, "HTTP/1.1 503\r\nretry-after: Friday, 01-Jan-77 00:00:00 GMT\r\n");
	cr_assert_eq(httpmsg_retry_after_ms(&m, now_us), 18263 * day_ms);
	head(&m, "HTTP/1.1 503\r\nretry-after: Sunday, 01-Jan-78 00:00:00 GMT\r\n");
	cr_assert_eq(httpmsg_retry_after_ms(&m, now_us), -1);
	httpmsg_done(&m);
}

Test(httpmsg_delay, R_RETRY_3_a_date_is_rounded_up)
{
	httpmsg m;

	httpmsg_init(&m, mem_default());
	head(&m, "HTTP/1.1 503\r\nretry-after: Sun, 06 Nov 1994 08:49:38 GMT\r\n");
	cr_assert_eq(httpmsg_retry_after_ms(&m, NOW_US + 1), 1000);
	cr_assert_eq(httpmsg_retry_after_ms(&m, NOW_US + 999999), 1);
	cr_assert_eq(httpmsg_retry_after_ms(&m, NOW_US + 1000000), 0);
	cr_assert_eq(httpmsg_retry_after_ms(&m, NOW_US + 1000001), -1);
	httpmsg_done(&m);
}
