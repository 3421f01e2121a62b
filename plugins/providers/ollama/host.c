/*
 * host.c - OLLAMA_HOST, in all the forms that Ollama's own programs take, as a base URL.
 *
 * "", "myhost", "myhost:9000", ":9000", "http://myhost" (port 80!), "https://myhost",
 * "ollama.com" (https), "[::1]:9000", "http://h:1/prefix". An address that is for
 * listening becomes the loopback one. A port that is none falls back to the default.
 * What has no place in a base URL (user, query, fragment, another scheme) is handed on
 * as it is: the core refuses it and says why.
 */
#include <string.h>

#include "ollama.h"

#define DEFAULT_PORT 11434

typedef struct place {
	const char *scheme;
	llm_bytes host; /* without brackets */
	llm_bytes path; /* with its first slash, without the last */
	int64_t port;
} place;

static int is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '"' || c == '\'';
}

static llm_bytes strip(const char *text)
{
	llm_bytes b = kit_text(text);

	while (b.len > 0 && is_blank(b.ptr[0])) {
		b.ptr++;
		b.len--;
	}
	while (b.len > 0 && is_blank(b.ptr[b.len - 1]))
		b.len--;
	return b;
}

static int begins(const llm_bytes *b, const char *prefix)
{
	size_t n = strlen(prefix);
	char head[16];

	if (b->len < n || n >= sizeof(head))
		return 0;
	memcpy(head, b->ptr, n);
	head[n] = '\0';
	return kit_same_name(head, prefix);
}

static void drop(llm_bytes *b, size_t n)
{
	b->ptr += n;
	b->len -= n;
}

static size_t find(const llm_bytes *b, char c)
{
	const char *p = b->len > 0 ? memchr(b->ptr, c, b->len) : NULL;

	return p ? (size_t)(p - b->ptr) : b->len;
}

/* Scheme and default port; what follows them stays in `rest`. */
static void take_scheme(place *p, llm_bytes *rest)
{
	p->scheme = "http";
	p->port = DEFAULT_PORT;
	if (begins(rest, "http://")) {
		drop(rest, 7);
		p->port = 80;
	} else if (begins(rest, "https://")) {
		drop(rest, 8);
		p->scheme = "https";
		p->port = 443;
	} else if (kit_is(rest, "ollama.com")) {
		p->scheme = "https";
		p->port = 443;
	}
}

static void take_path(place *p, llm_bytes *rest)
{
	size_t at = find(rest, '/');

	p->path = (llm_bytes){rest->ptr + at, rest->len - at};
	rest->len = at;
	while (p->path.len > 0 && p->path.ptr[p->path.len - 1] == '/')
		p->path.len--;
}

static void take_port(place *p, const llm_bytes *text)
{
	int64_t port;

	if (num_read_i64(text->ptr, text->len, &port) && port >= 0 && port <= 65535)
		p->port = port;
}

/* "host", "host:port", "[v6]", "[v6]:port" or a bare v6 address. */
static void take_host(place *p, llm_bytes *rest)
{
	int bracket = rest->len > 0 && rest->ptr[0] == '[';
	llm_bytes port = {"", 0};
	size_t at;

	drop(rest, (size_t)bracket);
	at = find(rest, bracket ? ']' : ':');
	p->host = (llm_bytes){rest->ptr, at};
	drop(rest, at);
	if (bracket && rest->len > 0)
		drop(rest, 1);
	if (rest->len > 0 && rest->ptr[0] == ':')
		port = (llm_bytes){rest->ptr + 1, rest->len - 1};
	if (!bracket && find(&port, ':') < port.len)
		p->host.len += rest->len; /* a second colon: v6 without brackets */
	else
		take_port(p, &port);
}

static void to_loopback(place *p)
{
	if (p->host.len == 0 || kit_is(&p->host, "0.0.0.0"))
		p->host = kit_text("127.0.0.1");
	else if (kit_is(&p->host, "::"))
		p->host = kit_text("::1");
}

/* Appends; 1 while everything fits with a NUL behind it. */
static int add(char *buf, size_t cap, size_t *used, const char *text, size_t len)
{
	if (len >= cap - *used)
		return 0;
	memcpy(buf + *used, text, len);
	*used += len;
	buf[*used] = '\0';
	return 1;
}

static int add_text(char *buf, size_t cap, size_t *used, const char *text)
{
	return add(buf, cap, used, text, strlen(text));
}

static int default_port(const place *p)
{
	return p->port == (p->scheme[4] == 's' ? 443 : 80);
}

static int32_t write_place(const place *p, char *buf, size_t cap)
{
	int v6 = find(&p->host, ':') < p->host.len;
	char port[NUM_TEXT];
	size_t used = 0;
	int fits;

	num_write_i64(p->port, port);
	fits = add_text(buf, cap, &used, p->scheme) && add_text(buf, cap, &used, "://") &&
		add_text(buf, cap, &used, v6 ? "[" : "") &&
		add(buf, cap, &used, p->host.ptr, p->host.len) &&
		add_text(buf, cap, &used, v6 ? "]" : "");
	if (fits && !default_port(p))
		fits = add_text(buf, cap, &used, ":") && add_text(buf, cap, &used, port);
	if (fits && p->path.len > 0)
		fits = add(buf, cap, &used, p->path.ptr, p->path.len);
	return fits ? 0 : LLM_E_TOO_LARGE;
}

/* Is there something that this reading would hide? */
static int is_odd(const llm_bytes *b)
{
	size_t i;

	for (i = 0; i < b->len; i++)
		if (strchr("@?#\\ ", b->ptr[i]) || (unsigned char)b->ptr[i] < 0x20)
			return 1;
	for (i = 0; i + 2 < b->len; i++)
		if (memcmp(b->ptr + i, "://", 3) == 0)
			return !begins(b, "http://") && !begins(b, "https://");
	return 0;
}

int32_t ollama_base_url(const char *text, char *buf, size_t cap)
{
	llm_bytes rest = strip(text);
	size_t used = 0;
	place p;

	if (cap == 0)
		return LLM_E_TOO_LARGE;
	if (is_odd(&rest))
		return add(buf, cap, &used, rest.ptr, rest.len) ? 0 : LLM_E_TOO_LARGE;
	take_scheme(&p, &rest);
	take_path(&p, &rest);
	take_host(&p, &rest);
	to_loopback(&p);
	return write_place(&p, buf, cap);
}
