/*
 * text.c - names, headers, plain text, and saying why.
 */
#include <string.h>

#include "kit/kit.h"

#define ERROR_MAX 1000
#define PLAIN_MAX 2000

/* How many bytes fit when no character may be cut in two. */
static size_t text_cut(const char *text, size_t len, size_t room)
{
	if (len <= room)
		return len;
	while (room > 0 && ((unsigned char)text[room] & 0xC0) == 0x80)
		room--;
	return room;
}

static size_t text_append(char *dst, size_t used, const char *text)
{
	size_t n;

	if (!text)
		return used;
	n = text_cut(text, strlen(text), ERROR_MAX - used);
	memcpy(dst + used, text, n);
	return used + n;
}

int32_t kit_error(
	const llm_host *host, int32_t code, const char *before, const char *what, const char *after)
{
	char text[ERROR_MAX];
	size_t n;

	n = text_append(text, 0, before);
	n = text_append(text, n, what);
	n = text_append(text, n, after);
	host->set_error(host->ctx, code, text, n);
	return code;
}

llm_bytes kit_text(const char *text)
{
	llm_bytes b = {text, text ? strlen(text) : 0};

	return b;
}

int kit_is(const llm_bytes *text, const char *plain)
{
	size_t n = strlen(plain);

	return text->len == n && (n == 0 || memcmp(text->ptr, plain, n) == 0);
}

static int text_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

int kit_same_name(const char *a, const char *b)
{
	while (*a && text_lower(*a) == text_lower(*b)) {
		a++;
		b++;
	}
	return *a == '\0' && *b == '\0';
}

int kit_ends_with(const char *text, const char *suffix)
{
	size_t n = strlen(text);
	size_t m = strlen(suffix);

	return n >= m && memcmp(text + n - m, suffix, m) == 0;
}

const char *kit_header(const llm_reply_view *reply, const char *name)
{
	size_t i;

	for (i = 0; i < reply->n_headers; i++)
		if (kit_same_name(reply->headers[i]->name, name))
			return reply->headers[i]->value;
	return NULL;
}

llm_bytes kit_url_host(const char *url)
{
	llm_bytes none = {NULL, 0};
	const char *p = strstr(url, "://");
	llm_bytes host;

	if (!p)
		return none;
	host.ptr = p + 3;
	if (*host.ptr == '[') {
		host.ptr++;
		host.len = strcspn(host.ptr, "]/?#");
	} else {
		host.len = strcspn(host.ptr, ":/?#");
	}
	return host;
}

static int text_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

llm_bytes kit_trim(const llm_bytes *text)
{
	llm_bytes b = *text;

	while (b.len > 0 && text_is_space(b.ptr[0])) {
		b.ptr++;
		b.len--;
	}
	while (b.len > 0 && text_is_space(b.ptr[b.len - 1]))
		b.len--;
	return b;
}

llm_bytes kit_plain_body(const llm_bytes *body)
{
	llm_bytes b = kit_trim(body);

	b.len = text_cut(b.ptr, b.len, PLAIN_MAX);
	return b;
}

static int text_is_unreserved(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c && strchr("-._~", c));
}

static char *text_put(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	return to;
}

static char *text_escape(char *to, const char *text, const char *keep)
{
	static const char hex[] = "0123456789ABCDEF";

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (text_is_unreserved(*text) || strchr(keep, *text)) {
			*to++ = *text;
			continue;
		}
		*to++ = '%';
		*to++ = hex[c >> 4];
		*to++ = hex[c & 15];
	}
	return to;
}

char *kit_path(const llm_host *host, const char *before, const char *name, const char *keep,
	const char *after)
{
	size_t most = strlen(before) + 3 * strlen(name) + strlen(after) + 1;
	char *path = host->alloc(host->ctx, LLM_SCOPE_SCRATCH, most);
	char *end;

	if (!path)
		return NULL;
	end = text_put(path, before);
	end = text_escape(end, name, keep);
	*text_put(end, after) = '\0';
	return path;
}
