#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bytes.h"

static _Noreturn void mem_out(void)
{
	fputs("llmsim: out of memory\n", stderr);
	exit(1);
}

void *mem_new(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p)
		mem_out();
	return p;
}

void *mem_grow(void *old, size_t size)
{
	void *p = realloc(old, size ? size : 1);

	if (!p)
		mem_out();
	return p;
}

char *mem_copy(const char *text, size_t len)
{
	char *p = mem_new(len + 1);

	if (len)
		memcpy(p, text, len);
	return p;
}

void bytes_reserve(struct bytes *b, size_t more)
{
	size_t cap = b->cap ? b->cap : 64;

	if (more >= SIZE_MAX / 4 || b->len >= SIZE_MAX / 4)
		mem_out();
	while (cap < b->len + more + 1)
		cap *= 2;
	if (cap == b->cap)
		return;
	b->data = mem_grow(b->data, cap);
	b->cap = cap;
}

void bytes_add(struct bytes *b, const char *data, size_t len)
{
	bytes_reserve(b, len);
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = 0;
}

void bytes_text(struct bytes *b, const char *text)
{
	bytes_add(b, text, strlen(text));
}

void bytes_number(struct bytes *b, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	bytes_add(b, digits + at, sizeof(digits) - at);
}

void bytes_format(struct bytes *b, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		return;
	bytes_reserve(b, (size_t)len + 1);
	va_start(args, format);
	vsnprintf(b->data + b->len, (size_t)len + 1, format, args);
	va_end(args);
	b->len += (size_t)len;
}

void bytes_drop(struct bytes *b, size_t n)
{
	if (n >= b->len) {
		b->len = 0;
		return;
	}
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

void bytes_done(struct bytes *b)
{
	free(b->data);
	*b = (struct bytes){0};
}

size_t utf8_len(const char *s, size_t left)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t need = 1;

	if (!left)
		return 0;
	if (u[0] < 0x80)
		return 1;
	if (u[0] >= 0xc2 && u[0] < 0xe0)
		need = 2;
	else if (u[0] >= 0xe0 && u[0] < 0xf0)
		need = 3;
	else if (u[0] >= 0xf0 && u[0] < 0xf5)
		need = 4;
	if (need == 1 || left < need)
		return 0;
	for (size_t i = 1; i < need; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, and what lies above U+10FFFF. */
	if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
		(u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f))
		return 0;
	return need;
}

static void bytes_json_ascii(struct bytes *b, unsigned char c)
{
	switch (c) {
	case '"':
		bytes_text(b, "\\\"");
		break;
	case '\\':
		bytes_text(b, "\\\\");
		break;
	case '\n':
		bytes_text(b, "\\n");
		break;
	case '\r':
		bytes_text(b, "\\r");
		break;
	default:
		if (c < 0x20)
			bytes_format(b, "\\u%04x", c);
		else
			bytes_add(b, (const char *)&c, 1);
	}
}

/* So many bytes stay as they are, and are ASCII. */
static size_t json_plain(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && text[n] >= 0x20 && text[n] < 0x7F && text[n] != '"' && text[n] != '\\')
		n++;
	return n;
}

void bytes_json(struct bytes *b, const char *text, size_t len)
{
	bytes_text(b, "\"");
	for (size_t i = 0; i < len;) {
		size_t plain = json_plain(text + i, len - i);
		size_t n = plain ? plain : utf8_len(text + i, len - i);

		if (n == 0)
			bytes_text(b, "\\ufffd");
		else if (n == 1)
			bytes_json_ascii(b, (unsigned char)text[i]);
		else
			bytes_add(b, text + i, n);
		i += n ? n : 1;
	}
	bytes_text(b, "\"");
}

void pieces_add(struct pieces *p, const char *data, size_t len)
{
	bytes_add(&p->b, data, len);
}

void pieces_mark(struct pieces *p)
{
	if (p->count == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 16;
		p->ends = mem_grow(p->ends, p->cap * sizeof(*p->ends));
	}
	p->ends[p->count++] = p->b.len;
}

struct span pieces_at(const struct pieces *p, size_t i)
{
	size_t start = i ? p->ends[i - 1] : 0;

	return (struct span){p->b.data + start, p->ends[i] - start};
}

void pieces_cut(struct pieces *p, size_t len)
{
	if (len >= p->b.len)
		return;
	p->b.len = len;
	p->b.data[len] = 0;
	while (p->count && p->ends[p->count - 1] > len)
		p->count--;
	if (len > (p->count ? p->ends[p->count - 1] : 0))
		pieces_mark(p);
}

void pieces_done(struct pieces *p)
{
	bytes_done(&p->b);
	free(p->ends);
	*p = (struct pieces){0};
}

bool span_is(struct span s, const char *text)
{
	return strlen(text) == s.len && (!s.len || !memcmp(s.ptr, text, s.len));
}

bool span_is_nocase(struct span s, const char *text)
{
	return strlen(text) == s.len && !strncasecmp(s.ptr, text, s.len);
}

bool span_has_nocase(struct span s, const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; len && i + len <= s.len; i++)
		if (!strncasecmp(s.ptr + i, word, len))
			return true;
	return false;
}

struct span span_of(const char *text)
{
	return (struct span){text, strlen(text)};
}

/* FNV-1a: enough to make texts differ, and the same on every machine. */
uint64_t hash_bytes(uint64_t h, const char *data, size_t len)
{
	h ^= 0xcbf29ce484222325u;
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)data[i]) * 0x100000001b3u;
	return h;
}

/* splitmix64 */
uint64_t rng_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

size_t rng_below(uint64_t *state, size_t n)
{
	return n ? (size_t)(rng_next(state) % n) : 0;
}
