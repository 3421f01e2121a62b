/*
 * url.c - base URLs in many spellings, joined paths, origins.
 */
#include "wire/url.h"

#include "base/alloc.h"
#include "support/failalloc.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text;
	const char *scheme;
	const char *host;
	unsigned port;
	int local;
	const char *path;
} taken[] = {
	{"http://localhost", "http", "localhost", 80, 1, ""},
	{"http://localhost:11434", "http", "localhost", 11434, 1, ""},
	{"http://localhost:11434/", "http", "localhost", 11434, 1, ""},
	{"HTTP://LOCALHOST:11434/", "http", "localhost", 11434, 1, ""},
	{"http://localhost.:80", "http", "localhost.", 80, 1, ""},
	{"http://127.0.0.1:11434/v1", "http", "127.0.0.1", 11434, 1, "/v1"},
	{"http://127.255.0.9", "http", "127.255.0.9", 80, 1, ""},
	{"http://128.0.0.1", "http", "128.0.0.1", 80, 0, ""},
	{"http://0.0.0.0:1", "http", "0.0.0.0", 1, 0, ""},
	{"http://10.0.0.7:65535", "http", "10.0.0.7", 65535, 0, ""},
	{"http://[::1]", "http", "[::1]", 80, 1, ""},
	{"http://[::1]:8080/x", "http", "[::1]", 8080, 1, "/x"},
	{"http://[0:0:0:0:0:0:0:1]:1/", "http", "[::1]", 1, 1, ""},
	{"https://[2001:DB8::A]/v1/", "https", "[2001:db8::a]", 443, 0, "/v1"},
	{"http://[0:0:1::1]", "http", "[0:0:1::1]", 80, 0, ""},
	{"http://[0:1::1]", "http", "[0:1::1]", 80, 0, ""},
	{"http://[::1:0:0:1]", "http", "[::1:0:0:1]", 80, 0, ""},
	{"http://[::2]", "http", "[::2]", 80, 0, ""},
	{"http://[::ffff:127.0.0.1]", "http", "[::ffff:127.0.0.1]", 80, 0, ""},
	{"https://api.openai.com/v1", "https", "api.openai.com", 443, 0, "/v1"},
	{"https://api.openai.com/v1/", "https", "api.openai.com", 443, 0, "/v1"},
	{"https://api.openai.com/v1///", "https", "api.openai.com", 443, 0, "/v1"},
	{"https://api.openai.com:443/v1", "https", "api.openai.com", 443, 0, "/v1"},
	{"HttpS://API.OpenAI.com/V1", "https", "api.openai.com", 443, 0, "/V1"},
	{"https://host/a/b/c", "https", "host", 443, 0, "/a/b/c"},
	{"https://host//a", "https", "host", 443, 0, "//a"},
	{"https://host/a%20b%2Fc", "https", "host", 443, 0, "/a%20b%2Fc"},
	{"https://host/a@b:c;d=e,f!", "https", "host", 443, 0, "/a@b:c;d=e,f!"},
	{"https://my_service.docker-net", "https", "my_service.docker-net", 443, 0, ""},
	{"https://xn--bcher-kva.example", "https", "xn--bcher-kva.example", 443, 0, ""},
	{"http://host:00080", "http", "host", 80, 0, ""},
	{"http://localhost.example.com", "http", "localhost.example.com", 80, 0, ""},
	{"http://127.0.0.1.example.com", "http", "127.0.0.1.example.com", 80, 0, ""},
	{"http://a1.b2.c3", "http", "a1.b2.c3", 80, 0, ""},
};

Test(url, base_urls_that_are_taken)
{
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		llm_err err = LLM_ERR_INIT;
		url u;

		memset(&u, 0xA5, sizeof(u));
		cr_assert_eq(url_parse(taken[i].text, "x", &u, &err), 0, "%s: %s", taken[i].text,
			err.message);
		cr_assert_str_eq(u.scheme, taken[i].scheme);
		cr_assert_str_eq(u.host, taken[i].host);
		cr_assert_eq(u.port, taken[i].port, "%s", taken[i].text);
		cr_assert_eq(u.local != 0, taken[i].local, "%s", taken[i].text);
		cr_assert_str_eq(u.path, taken[i].path);
	}
}

static const struct {
	const char *text;
	const char *why;
} refused[] = {
	{NULL, "empty"},
	{"", "empty"},
	{"localhost:11434", "begin with"},
	{"127.0.0.1", "begin with"},
	{"http:/x", "begin with"},
	{"http:x", "begin with"},
	{"http//x", "begin with"},
	{"://x", "begin with"},
	{"//host", "begin with"},
	{"/v1", "begin with"},
	{"http", "begin with"},
	{"ftp://host", "begin with"},
	{"file:///etc/passwd", "begin with"},
	{"httpx://host", "begin with"},
	{"https:\\\\host", "begin with"},
	{" http://host", "begin with"},
	{"ws://host", "begin with"},
	{"\nhttp://host", "begin with"},
	{"unix:///run/x.sock", "begin with"},
	{"http://", "no host"},
	{"http:///v1", "no host"},
	{"http://:80", "no host"},
	{"http://[]", "no host"},
	{"http://host:0", "port"},
	{"http://host:65536", "port"},
	{"http://host:99999999999", "port"},
	{"http://host:", "port"},
	{"http://host:/v1", "port"},
	{"http://host:80x", "port"},
	{"http://host:-1", "port"},
	{"http://host:+80", "port"},
	{"http://host:80:80", "port"},
	{"http://::1", "no host"},
	{"http://fe80::1", "port"},
	{"http://[::1", "never closed"},
	{"http://[::1/x]", "percent-encoded"},
	{"http://[::1/x", "never closed"},
	{"http://[::1]80", "between"},
	{"http://[::1]x:80", "between"},
	{"http://[::g]", "percent-encoded|IPv6"},
	{"http://[127.0.0.1]", "IPv6"},
	{"http://[1:2:3:4:5:6:7:8:9]", "IPv6"},
	{"http://[fe80::1%25eth0]", "IPv6"},
	{"http://[00000000000000000000000000000000000000000000000000000001]", "IPv6"},
	{"http://host?x=1", "query"},
	{"http://host/?", "query"},
	{"http://host/v1?key=sk-canary", "query"},
	{"http://host#x", "fragment"},
	{"http://host/#", "fragment"},
	{"http://ho st", "percent-encoded"},
	{"http://host/a b", "percent-encoded"},
	{"http://host ", "percent-encoded"},
	{"http://host/\t", "percent-encoded"},
	{"http://host/a\r\nx: y", "percent-encoded"},
	{"http://host\n", "percent-encoded"},
	{"http://ho\x01st", "percent-encoded"},
	{"http://host/\x7f", "percent-encoded"},
	{"http://host\\@evil", "user name"},
	{"http://host\\x", "percent-encoded"},
	{"http://host/\xc3\xa4", "percent-encoded"},
	{"http://b\xc3\xbc"
	 "cher.example",
		"percent-encoded"},
	{"http://host/%", "percent-encoded"},
	{"http://host/%2", "percent-encoded"},
	{"http://host/%zz", "percent-encoded"},
	{"http://host/\"x\"", "percent-encoded"},
	{"http://host/<x>", "percent-encoded"},
	{"http://host/[x]", "percent-encoded"},
	{"http://host/{x}", "percent-encoded"},
	{"http://%31%32%37.0.0.1", "not a name"},
	{"http://.host", "not a name"},
	{"http://a..b", "not a name"},
	{"http://.", "not a name"},
	{"http://a,b", "not a name"},
	{"http://*.x", "not a name"},
	{"http://a]b", "not a name"},
	{"http://127.1", "127.0.0.1"},
	{"http://2130706433", "127.0.0.1"},
	{"http://0x7f000001", "127.0.0.1"},
	{"http://0x7f.0.0.0x1", "127.0.0.1"},
	{"http://127.0.0.01", "127.0.0.1"},
	{"http://0177.0.0.1", "127.0.0.1"},
	{"http://1.2.3.256", "127.0.0.1"},
	{"http://1.2.3.4.5", "127.0.0.1"},
	{"http://1", "127.0.0.1"},
	{"http://user@host", "user name"},
	{"http://user:canary@host/v1", "user name"},
	{"http://:canary@host", "user name"},
	{"https://canary@host:80/", "user name"},
	{"http://a:canary@[::1]:80", "user name"},
	{"http://host:80@evil", "user name"},
	{"http://canary:@host", "user name"},
	{"http://canary:x y@host", "user name"},
};

static int says(const char *message, const char *why)
{
	const char *bar = strchr(why, '|');

	return strstr(message, bar ? bar + 1 : why) != NULL;
}

Test(url, base_urls_that_are_refused)
{
	const size_t all = sizeof(taken) / sizeof(taken[0]) + sizeof(refused) / sizeof(refused[0]);

	cr_assert_geq(all, 50);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		llm_err err = LLM_ERR_INIT;
		url u = {.port = 7};
		const char *text = refused[i].text ? refused[i].text : "(null)";

		cr_assert_eq(url_parse(refused[i].text, "providers.x.base_url", &u, &err),
			LLM_E_CONFIG, "%s", text);
		cr_assert_eq(err.code, LLM_E_CONFIG);
		cr_assert_eq(u.port, 7, "the output was touched");
		cr_assert(!strncmp(err.message, "providers.x.base_url ", 21));
		cr_assert(says(err.message, refused[i].why), "%s: %s", text, err.message);
		cr_assert_null(strstr(err.message, "canary"), "%s", err.message);
	}
}

Test(url, what_is_too_long_is_refused)
{
	static const char head[] = "http://";
	char text[2048];
	url u;

	(void)snprintf(text, sizeof(text), "%s%0*d", head, 254, 0);
	memset(text + 7, 'a', 254);
	cr_assert_eq(url_parse(text, "x", &u, NULL), LLM_E_CONFIG, "a host of 254 bytes");
	memset(text + 7 + 63, '.', 1);
	memset(text + 7 + 127, '.', 1);
	memset(text + 7 + 191, '.', 1);
	text[7 + 253] = '\0';
	cr_assert_eq(url_parse(text, "x", &u, NULL), 0, "a host of 253 bytes");
	cr_assert_eq(strlen(u.host), 253);
	text[7 + 127] = 'a';
	cr_assert_eq(url_parse(text, "x", &u, NULL), LLM_E_CONFIG, "a label of 127 bytes");
	(void)snprintf(text, sizeof(text), "http://h/%0*d", 1023, 0);
	cr_assert_eq(url_parse(text, "x", &u, NULL), LLM_E_CONFIG, "a path of 1024 bytes");
	text[8 + 1023] = '\0';
	cr_assert_eq(url_parse(text, "x", &u, NULL), 0, "a path of 1023 bytes");
	cr_assert_eq(strlen(u.path), 1023);
}

static const struct {
	const char *base;
	const char *path;
	const char *want; /* null: refused */
} joins[] = {
	{"http://localhost:11434", "/api/chat", "http://localhost:11434/api/chat"},
	{"http://localhost:11434/", "/api/chat", "http://localhost:11434/api/chat"},
	{"https://api.openai.com/v1", "/chat/completions",
		"https://api.openai.com/v1/chat/completions"},
	{"https://host:443/a//", "/b", "https://host/a/b"},
	{"http://host:443", "/b", "http://host:443/b"},
	{"https://host:80", "/b", "https://host:80/b"},
	{"http://host:80", "/", "http://host/"},
	{"http://[::1]:8080/x", "/y?alt=sse&a=%2F", "http://[::1]:8080/x/y?alt=sse&a=%2F"},
	{"https://host", "/v1beta/models/gemini:generate?alt=sse",
		"https://host/v1beta/models/gemini:generate?alt=sse"},
	{"http://host", "", NULL},
	{"http://host", "x", NULL},
	{"http://host", "@evil/", NULL},
	{"http://host", ".evil.com/", NULL},
	{"http://host", "/a b", NULL},
	{"http://host", "/a\r\nhost: evil", NULL},
	{"http://host", "/a#b", NULL},
	{"http://host", "/\xc3\xa4", NULL},
	{"http://host", "/%", NULL},
	{"http://host", "/\\x", NULL},
};

Test(url, joined_paths)
{
	for (size_t i = 0; i < sizeof(joins) / sizeof(joins[0]); i++) {
		url u;
		buf out;
		int32_t rc;

		buf_init(&out, mem_default(), 0);
		cr_assert_eq(buf_add_str(&out, ">"), 0);
		cr_assert_eq(url_parse(joins[i].base, "x", &u, NULL), 0);
		rc = url_join(&u, joins[i].path, strlen(joins[i].path), &out);
		cr_assert_eq(rc, joins[i].want ? 0 : LLM_E_INVALID_REQUEST, "%s", joins[i].path);
		cr_assert_str_eq(buf_text(&out) + 1, joins[i].want ? joins[i].want : "");
		buf_done(&out);
	}
}

Test(url, a_nul_in_a_path_is_refused)
{
	url u;
	buf out;

	buf_init(&out, mem_default(), 0);
	cr_assert_eq(url_parse("http://host", "x", &u, NULL), 0);
	cr_assert_eq(url_join(&u, "/a\0b", 4, &out), LLM_E_INVALID_REQUEST);
	cr_assert_eq(url_join(&u, "/%\0b", 4, &out), LLM_E_INVALID_REQUEST);
	cr_assert_eq(url_join(&u, "/%1\0", 4, &out), LLM_E_INVALID_REQUEST);
	cr_assert_eq(url_join(&u, "/%fF", 4, &out), 0);
	cr_assert_str_eq(buf_text(&out), "http://host/%fF");
	buf_done(&out);
}

Test(url, a_join_that_does_not_fit_adds_nothing)
{
	for (size_t max = 1; max < 30; max++) {
		url u;
		buf out;

		buf_init(&out, mem_default(), max);
		cr_assert_eq(url_parse("http://host:8080/base", "x", &u, NULL), 0);
		cr_assert_eq(
			url_join(&u, "/path", 5, &out), max < 26 ? LLM_E_TOO_LARGE : 0, "%zu", max);
		cr_assert_eq(out.len, max < 26 ? 0 : 26);
		cr_assert_eq(strlen(buf_text(&out)), out.len);
		buf_done(&out);
	}
}

Test(url, origins)
{
	static const struct {
		const char *a;
		const char *b;
		int same;
	} rows[] = {
		{"https://host/a", "https://HOST:443/b", 1},
		{"http://host", "http://host:80", 1},
		{"http://[::1]", "http://[0::1]", 1},
		{"http://host", "https://host", 0},
		{"http://host:443", "https://host", 0},
		{"https://host", "https://host:8443", 0},
		{"https://host", "https://host.evil", 0},
		{"https://host", "https://hos", 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		url a;
		url b;

		cr_assert_eq(url_parse(rows[i].a, "x", &a, NULL), 0);
		cr_assert_eq(url_parse(rows[i].b, "x", &b, NULL), 0);
		cr_assert_eq(url_same_origin(&a, &b), rows[i].same, "%s %s", rows[i].a, rows[i].b);
	}
}

static int play(failalloc *fa, void *arg)
{
	url u;
	buf out;
	int32_t rc;

	(void)arg;
	buf_init(&out, &fa->hook, 0);
	rc = url_parse("https://a-host-that-is-long-enough-to-grow-the-buffer.example/with/a/path",
		"x", &u, NULL);
	if (!rc)
		rc = url_join(&u, "/and/a/long/path/behind/it/so/that/it/grows/again/and/again", 58,
			&out);
	if (rc && out.len)
		rc = LLM_E_INTERNAL;
	buf_done(&out);
	return rc && !(rc == LLM_E_NOMEM && fa->failed);
}

Test(url, P_01_every_allocation_fails)
{
	cr_assert_eq(failalloc_sweep(play, NULL), 0);
}
