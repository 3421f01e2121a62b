/*
 * httpmsg.c - header lines, their limits, and the small helpers.
 */
#include "wire/httpmsg.h"

#include "base/alloc.h"
#include "support/failalloc.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int32_t line(httpmsg *m, const char *text)
{
	return httpmsg_line(m, text, strlen(text));
}

/* Lines are separated by LF. The first code that is not 0. */
static int32_t lines(httpmsg *m, const char *text)
{
	int32_t rc = 0;

	while (*text && !rc) {
		size_t n = strcspn(text, "\n");

		n += text[n] == '\n';
		rc = httpmsg_line(m, text, n);
		text += n;
	}
	return rc;
}

static httpmsg started(void)
{
	httpmsg m;

	httpmsg_init(&m, mem_default());
	return m;
}

Test(httpmsg, a_head_as_it_comes)
{
	httpmsg m = started();

	cr_assert_eq(m.status, 0);
	cr_assert_eq(lines(&m,
			     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-A:\t b  c \t\r\n"
			     "x-empty:\r\nx-a: second\r\n\r\n"),
		0);
	cr_assert_eq(m.status, 200);
	cr_assert_eq(m.heads, 1);
	cr_assert_eq(m.n, 4);
	cr_assert_str_eq(m.list[0]->name, "Content-Type");
	cr_assert_str_eq(m.list[0]->value, "text/plain");
	cr_assert_str_eq(httpmsg_get(&m, "CONTENT-TYPE"), "text/plain");
	cr_assert_str_eq(httpmsg_get(&m, "x-a"), "b  c");
	cr_assert_str_eq(httpmsg_get(&m, "x-empty"), "");
	cr_assert_str_eq(m.list[3]->value, "second");
	cr_assert_null(httpmsg_get(&m, "x"));
	cr_assert_null(httpmsg_get(&m, "content-type "));
	httpmsg_done(&m);
	cr_assert_null(httpmsg_get(&m, "x-a"));
}

Test(httpmsg, lines_with_lf_or_nothing_at_their_end)
{
	httpmsg m = started();

	cr_assert_eq(line(&m, "HTTP/1.1 200"), 0);
	cr_assert_eq(line(&m, "a: 1\n"), 0);
	cr_assert_eq(line(&m, "b: 2"), 0);
	cr_assert_eq(line(&m, ""), 0);
	cr_assert_eq(m.n, 2);
	cr_assert_str_eq(httpmsg_get(&m, "b"), "2");
	httpmsg_done(&m);
}

Test(httpmsg, status_lines)
{
	static const struct {
		const char *text;
		int32_t status; /* 0: refused */
	} rows[] = {
		{"HTTP/1.1 200 OK", 200},
		{"HTTP/1.0 404 Not Found", 404},
		{"HTTP/2 200", 200},
		{"HTTP/2 200 ", 200},
		{"HTTP/3 503", 503},
		{"HTTP/2.0 429", 429},
		{"HTTP/1.1 999 odd", 999},
		{"HTTP/1.1 100", 100},
		{"HTTP/1.1 200 \xc3\xa4", 200},
		{"HTTP/1.1 099 x", 0},
		{"HTTP/1.1 20 x", 0},
		{"HTTP/1.1 2000 x", 0},
		{"HTTP/1.1 2x0", 0},
		{"HTTP/1.1  200", 0},
		{"HTTP/1.1", 0},
		{"HTTP/1. 200", 0},
		{"HTTP/ 200", 0},
		{"HTTP/x.1 200", 0},
		{"HTTP/1.1\t200", 0},
		{"HTTP/1.1 -20", 0},
		{"HTTP/11 200", 0},
		{"http/1.1 200", 0},
		{"HTTP 200", 0},
		{"200 OK", 0},
		{"HTTP/", 0},
		{"HTTP/1", 0},
		{"HTTP/1.1 ", 0},
		{"HTTP/1.", 0},
		{"HTTP/1.1 200 a\rb", 0},
		{"ICY 200 OK", 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		httpmsg m = started();
		int32_t rc = line(&m, rows[i].text);

		cr_assert_eq(rc, rows[i].status ? 0 : LLM_E_PROTOCOL, "%s", rows[i].text);
		cr_assert_eq(m.status, rows[i].status, "%s", rows[i].text);
		httpmsg_done(&m);
	}
}

Test(httpmsg, malformed_headers_are_refused)
{
	static const char *const rows[] = {
		"no colon",
		": no name",
		" folded",
		"\tfolded: yes",
		"a b: c",
		"a : b",
		"a\x01: b",
		"a\xc3\xa4: b",
		"\"a\": b",
		"a: b\rc",
		"a: \rb",
		"(a): b",
		"a/b: c",
		"@a: b",
		"a",
		":",
		"a: b\r\r",
		"a: b\nc",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		httpmsg m = started();

		cr_assert_eq(line(&m, "HTTP/1.1 200 OK\r\n"), 0);
		cr_assert_eq(line(&m, rows[i]), LLM_E_PROTOCOL, "%s", rows[i]);
		cr_assert_eq(m.n, 0);
		httpmsg_done(&m);
	}
}

Test(httpmsg, a_nul_is_refused)
{
	httpmsg m = started();

	cr_assert_eq(httpmsg_line(&m, "HTTP/1.1 200 \0", 14), LLM_E_PROTOCOL);
	cr_assert_eq(line(&m, "HTTP/1.1 200"), 0);
	cr_assert_eq(httpmsg_line(&m, "a: b\0c", 6), LLM_E_PROTOCOL);
	cr_assert_eq(httpmsg_line(&m, "a\0b: c", 6), LLM_E_PROTOCOL);
	httpmsg_done(&m);
}

Test(httpmsg, nothing_may_come_before_a_status_line)
{
	httpmsg m = started();

	cr_assert_eq(line(&m, "a: b\r\n"), LLM_E_PROTOCOL);
	cr_assert_eq(line(&m, "\r\n"), LLM_E_PROTOCOL);
	httpmsg_done(&m);
}

Test(httpmsg, an_interim_head_is_forgotten_but_counted)
{
	httpmsg m = started();

	cr_assert_eq(lines(&m, "HTTP/1.1 103 Early Hints\r\nlink: x\r\nretry-after: 9\r\n\r\n"), 0);
	cr_assert_eq(m.status, 103);
	cr_assert_eq(m.n, 0);
	cr_assert_eq(lines(&m, "HTTP/1.1 200 OK\r\na: b\r\n\r\n"), 0);
	cr_assert_eq(m.status, 200);
	cr_assert_eq(m.heads, 2);
	cr_assert_eq(m.n, 1);
	cr_assert_eq(m.lines, 5);
	cr_assert_eq(m.bytes, 26 + 9 + 16 + 2 + 17 + 6 + 2);
	cr_assert_null(httpmsg_get(&m, "link"));
	httpmsg_done(&m);
}

Test(httpmsg, a_new_head_replaces_the_old_one)
{
	httpmsg m = started();

	cr_assert_eq(lines(&m, "HTTP/1.1 200 Connection established\r\na: b\r\n\r\n"), 0);
	cr_assert_eq(lines(&m, "HTTP/2 404 \r\nc: d\r\n\r\n"), 0);
	cr_assert_eq(m.status, 404);
	cr_assert_eq(m.n, 1);
	cr_assert_str_eq(m.list[0]->name, "c");
	httpmsg_done(&m);
}

Test(httpmsg, trailers_are_checked_and_not_kept)
{
	httpmsg m = started();

	cr_assert_eq(lines(&m, "HTTP/1.1 200 OK\r\na: b\r\n\r\n"), 0);
	cr_assert_eq(line(&m, "retry-after: 5\r\n"), 0);
	cr_assert_eq(m.n, 1);
	cr_assert_eq(m.lines, 3);
	cr_assert_eq(line(&m, "no colon\r\n"), LLM_E_PROTOCOL);
	httpmsg_done(&m);
}

Test(httpmsg, U_08_more_than_64_kib_in_one_line_or_in_many)
{
	char *text = malloc(HTTPMSG_BYTES + 1);
	httpmsg m = started();

	cr_assert(text);
	memset(text, 'x', HTTPMSG_BYTES + 1);
	memcpy(text, "a: ", 3);
	cr_assert_eq(line(&m, "HTTP/1.1 200\r\n"), 0);
	cr_assert_eq(httpmsg_line(&m, text, HTTPMSG_BYTES - 13), LLM_E_PROTOCOL);
	cr_assert_eq(httpmsg_line(&m, text, HTTPMSG_BYTES - 14), 0);
	cr_assert_eq(m.n, 1);
	cr_assert_eq(line(&m, "\n"), LLM_E_PROTOCOL);
	httpmsg_done(&m);
	m = started();
	cr_assert_eq(line(&m, "HTTP/1.1 200\r\n"), 0);
	for (size_t i = 0; i < 64; i++)
		cr_assert_eq(httpmsg_line(&m, text, 1024), i < 63 ? 0 : LLM_E_PROTOCOL);
	httpmsg_done(&m);
	free(text);
}

Test(httpmsg, U_08_more_than_256_lines)
{
	httpmsg m = started();
	size_t taken = 0;

	cr_assert_eq(line(&m, "HTTP/1.1 200\r\n"), 0);
	while (taken < 10000 && !line(&m, "a: b\r\n"))
		taken++;
	cr_assert_eq(taken, HTTPMSG_LINES - 1);
	cr_assert_eq(m.n, HTTPMSG_LINES - 1);
	cr_assert_eq(line(&m, "HTTP/1.1 200\r\n"), LLM_E_PROTOCOL);
	httpmsg_done(&m);
}

Test(httpmsg, U_15_a_flood_of_interim_heads)
{
	static const char *const floods[] = {
		"HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"};

	for (size_t i = 0; i < 2; i++) {
		httpmsg m = started();
		int32_t rc = 0;
		size_t heads = 0;

		while (heads < 1000 && !rc) {
			rc = lines(&m, floods[i]);
			heads++;
		}
		cr_assert_eq(rc, LLM_E_PROTOCOL);
		cr_assert_leq(heads, HTTPMSG_LINES + 1);
		cr_assert_eq(m.n, 0);
		httpmsg_done(&m);
	}
}

Test(httpmsg, U_08_empty_lines_without_end)
{
	httpmsg m = started();
	size_t n = 0;

	cr_assert_eq(line(&m, "HTTP/1.1 200\r\n"), 0);
	while (n < 100000 && !line(&m, "\r\n"))
		n++;
	cr_assert_eq(n, (HTTPMSG_BYTES - 14) / 2);
	httpmsg_done(&m);
}

/* ---- the small ones ---- */

Test(httpmsg, media_types)
{
	static const struct {
		const char *value;
		const char *want;
	} rows[] = {
		{"application/json", "application/json"},
		{"Application/JSON; charset=utf-8", "application/json"},
		{" text/event-stream;charset=utf-8", "text/event-stream"},
		{"text/html , x", "text/html"},
		{"", ""},
		{";", ""},
		{NULL, ""},
		{"application/x-ndjson\t;a", "application/x-ndjson"},
		{"a/thirty-one-characters-long-xx", "a/thirty-one-characters-long-xx"},
		{"a/thirty-two-characters-long-xxx", ""},
	};
	char dst[32];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(dst, 'Z', sizeof(dst));
		httpmsg_media_type(rows[i].value, dst, sizeof(dst));
		cr_assert_str_eq(dst, rows[i].want);
	}
	dst[0] = 'Z';
	httpmsg_media_type("a/b", dst, 0);
	cr_assert_eq(dst[0], 'Z');
}

Test(httpmsg, valid_names_and_values)
{
	cr_assert(httpmsg_valid("x-a", "b"));
	cr_assert(httpmsg_valid("!#$%&'*+-.^_`|~09azAZ", ""));
	cr_assert(httpmsg_valid("a", "b\tc\xc3\xa4"));
	cr_assert(!httpmsg_valid("", "b"));
	cr_assert(!httpmsg_valid("a b", "c"));
	cr_assert(!httpmsg_valid("a:", "c"));
	cr_assert(!httpmsg_valid("a", "b\r\nc: d"));
	cr_assert(!httpmsg_valid("a", "b\n"));
	cr_assert(!httpmsg_valid("a\n", "b"));
	cr_assert(!httpmsg_valid("\xc3\xa4", "b"));
	cr_assert(!httpmsg_valid(NULL, "b"));
	cr_assert(!httpmsg_valid("a", NULL));
}

static int play(failalloc *fa, void *arg)
{
	httpmsg m;
	int32_t rc;

	(void)arg;
	httpmsg_init(&m, &fa->hook);
	rc = lines(&m, "HTTP/1.1 103\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\na: b\r\nc: d\r\n\r\n");
	if (rc != LLM_E_NOMEM && (rc || m.n != 2))
		rc = LLM_E_INTERNAL;
	for (size_t i = 0; i < m.n; i++)
		if (!m.list[i]->name || !m.list[i]->value)
			rc = LLM_E_INTERNAL;
	httpmsg_done(&m);
	return rc && !(rc == LLM_E_NOMEM && fa->failed);
}

Test(httpmsg, P_01_every_allocation_fails)
{
	cr_assert_eq(failalloc_sweep(play, NULL), 0);
}
