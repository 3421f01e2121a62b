/*
 * redact.c - two passes over the text, both in place.
 *
 * Most of a text is nobody's secret, so both pass over what cannot matter: by the two
 * bytes with which a secret or a rule can begin, and by what is printable ASCII.
 *
 * The first puts one marker byte where something was removed, so it never grows
 * the text; it looks only ahead, because what lies behind is already rewritten.
 * The second turns markers into words and escapes what must be escaped, from the
 * end to the beginning, because now the text grows.
 */
#include "wire/redact.h"

#include "base/alloc.h"
#include "base/text.h"
#include "wire/redact_secret.h"

#include <string.h>

#define REDACT_WORD "[redacted]"
#define REDACT_WORD_LEN (sizeof(REDACT_WORD) - 1)
#define REDACT_MARK ((char)0xFF) /* never part of UTF-8 */
#define REDACT_NO_MARK ((char)0xFE) /* a 0xFF of the text itself; just as invalid */

struct redact {
	const llm_allocator *mem;
	redact_secret *first;
	redact_starts starts;
};

/* What is to go: from..to of the text. */
typedef struct redact_span {
	size_t from;
	size_t to;
} redact_span;

/* ---- the secrets ---- */

redact *redact_new(const llm_allocator *mem)
{
	redact *r = mem_new(mem, sizeof(*r));

	if (r)
		*r = (redact){.mem = mem, .starts = redact_starts_of_rules};
	return r;
}

void redact_free(redact *r)
{
	if (!r)
		return;
	while (r->first) {
		redact_secret *s = r->first;

		r->first = s->next;
		redact_secret_free(r->mem, s);
	}
	mem_wipe(r->mem, (char *)r, sizeof(*r));
}

int32_t redact_add(redact *r, const char *secret, size_t len)
{
	redact_secret *s;

	if (len < REDACT_MIN)
		return 0;
	if (len > SIZE_MAX / 32)
		return LLM_E_TOO_LARGE;
	for (s = r->first; s; s = s->next)
		if (s->len == len && !memcmp(s->text, secret, len))
			return 0;
	s = redact_secret_new(r->mem, secret, len);
	if (!s)
		return LLM_E_NOMEM;
	redact_secret_starts(s, &r->starts);
	s->next = r->first;
	r->first = s;
	return 0;
}

/* The longest form of any secret at `t`. */
static size_t redact_secrets_at(const redact *r, const char *t, size_t len)
{
	size_t longest = 0;

	for (const redact_secret *s = r ? r->first : NULL; s; s = s->next) {
		size_t n = redact_secret_at(s, t, len);

		longest = n > longest ? n : longest;
	}
	return longest;
}

/* ---- the fixed rules: 1 and the span, counted from `t`, when one begins at `t` ---- */

typedef int (*redact_rule)(const char *t, size_t len, redact_span *ret);

/* Length of the first of `names` that stands at `t` in any case, or 0. */
static size_t redact_name(const char *const *names, const char *t, size_t len)
{
	for (; *names; names++) {
		size_t n = strlen(*names);

		if (n <= len && !ascii_ncasecmp(t, *names, n))
			return n;
	}
	return 0;
}

static size_t redact_run(const char *t, size_t len, size_t at, const char *set)
{
	while (at < len && t[at] && strchr(set, t[at]))
		at++;
	return at;
}

/* End of a header's value: its line, with the folded lines that belong to it. */
static size_t redact_line_end(const char *t, size_t len, size_t at)
{
	for (; at < len; at++)
		if (t[at] == '\n' && (at + 1 == len || (t[at + 1] != ' ' && t[at + 1] != '\t')))
			break;
	return at < len && t[at - 1] == '\r' ? at - 1 : at;
}

/* End of a quoted value: its quote, behind at most as many backslashes as the first one. */
static size_t redact_quote_end(const char *t, size_t len, size_t at, char quote, size_t slashes)
{
	size_t run = 0;

	for (; at < len; at++) {
		if (t[at] == quote && run <= slashes)
			return at - run;
		run = t[at] == '\\' ? run + 1 : 0;
	}
	return at;
}

/* "Authorization: Bearer x", also as a member of JSON. What ends like a name is one. */
static int redact_header(const char *t, size_t len, redact_span *ret)
{
	static const char *const names[] = {"authorization", "api-key", "cookie", NULL};
	size_t at = redact_name(names, t, len);
	size_t name_end;
	size_t quote;

	if (!at)
		return 0;
	name_end = redact_run(t, len, at, "\\\"'");
	at = redact_run(t, len, name_end, " \t");
	if (at == len || t[at] != ':')
		return 0;
	at = redact_run(t, len, at + 1, " \t\r\n");
	quote = redact_run(t, len, at, "\\");
	ret->from = at;
	if (strchr("\"'", t[name_end - 1]) && quote < len && t[quote] == t[name_end - 1]) {
		ret->from = quote + 1;
		ret->to = redact_quote_end(t, len, quote + 1, t[quote], quote - at);
	} else {
		ret->to = redact_line_end(t, len, at);
	}
	return ret->to > ret->from;
}

/* "?key=x", "&token=x". */
static int redact_query(const char *t, size_t len, redact_span *ret)
{
	static const char *const starts[] = {
		"?", "&", ";", "#", "%3f", "%26", "\\u003f", "\\u0026", NULL};
	static const char *const names[] = {"key", "api_key", "token", "access_token", NULL};
	static const char *const equals[] = {"=", "%3d", "\\u003d", NULL};
	size_t at = redact_name(starts, t, len);
	size_t n = at ? redact_name(names, t + at, len - at) : 0;

	at += n;
	n = n ? redact_name(equals, t + at, len - at) : 0;
	if (!n)
		return 0;
	at += n;
	ret->from = at;
	while (at < len && (unsigned char)t[at] > ' ' && !strchr("&#\"'<>`\\", t[at]))
		at++;
	ret->to = at;
	return ret->to > ret->from;
}

/* "://user:password@". */
static int redact_userinfo(const char *t, size_t len, redact_span *ret)
{
	static const char *const starts[] = {"://", ":\\/\\/", NULL};
	size_t at = redact_name(starts, t, len);

	if (!at)
		return 0;
	ret->from = at;
	ret->to = 0;
	for (; at < len && (unsigned char)t[at] > ' ' && !strchr("/?#\"<>\\", t[at]); at++)
		if (t[at] == '@')
			ret->to = at;
	return ret->to > ret->from;
}

/* ---- first pass ---- */

enum { REDACT_NO_RULE, REDACT_HEADER, REDACT_QUERY, REDACT_USERINFO, REDACT_RULES };
#define REDACT_MARKED REDACT_RULES /* no rule, but never passed over */

typedef struct redact_scan {
	redact_span cut; /* what goes, here or just ahead */
	size_t past[REDACT_RULES]; /* a rule is not asked again inside of what it found */
} redact_scan;

/* The rule that can begin with a byte; no two begin alike. */
static const uint8_t redact_rule_of[256] = {
	['a'] = REDACT_HEADER,
	['A'] = REDACT_HEADER,
	['c'] = REDACT_HEADER,
	['C'] = REDACT_HEADER,
	['?'] = REDACT_QUERY,
	['&'] = REDACT_QUERY,
	[';'] = REDACT_QUERY,
	['#'] = REDACT_QUERY,
	['%'] = REDACT_QUERY,
	['\\'] = REDACT_QUERY,
	[':'] = REDACT_USERINFO,
	[(unsigned char) REDACT_MARK] = REDACT_MARKED,
};

static void redact_cut(redact_scan *scan, size_t at, size_t from, size_t to)
{
	if (scan->cut.to <= at) {
		scan->cut = (redact_span){from, to};
		return;
	}
	if (from < scan->cut.from)
		scan->cut.from = from;
	if (to > scan->cut.to)
		scan->cut.to = to;
}

static void redact_look(const redact *r, redact_scan *scan, const char *text, size_t len, size_t at)
{
	static const redact_rule rules[] = {NULL, redact_header, redact_query, redact_userinfo};
	size_t n = redact_secrets_at(r, text + at, len - at);
	uint8_t rule = redact_rule_of[(unsigned char)text[at]];
	redact_span span;

	if (n)
		redact_cut(scan, at, at, at + n);
	if (!rule || rule == REDACT_MARKED || at < scan->past[rule])
		return;
	if (rules[rule](text + at, len - at, &span)) {
		scan->past[rule] = at + span.to;
		redact_cut(scan, at, at + span.from, at + span.to);
	}
}

/* Those of the fixed rules, and of the secrets when there are any. */
static const redact_starts *redact_starts_of(const redact *r)
{
	return r ? &r->starts : &redact_starts_of_rules;
}

static size_t redact_mark(const redact *r, char *text, size_t len)
{
	const redact_starts *st = redact_starts_of(r);
	redact_scan scan = {.cut = {0, 0}};
	size_t out = 0;
	size_t end;
	int inside = 0;

	for (size_t at = 0; at < len; at++) {
		if (at >= scan.cut.to) {
			end = redact_quiet_end(st, text, len, at);
			if (out != at)
				memmove(text + out, text + at, end - at);
			out += end - at;
			inside = inside && end == at;
			at = end;
		}
		redact_look(r, &scan, text, len, at);
		if (at >= scan.cut.from && at < scan.cut.to) {
			if (!inside)
				text[out++] = REDACT_MARK;
			inside = 1;
			continue;
		}
		inside = 0;
		text[out] = text[at];
		if (text[out] == REDACT_MARK)
			text[out] = REDACT_NO_MARK;
		out++;
	}
	return out;
}

/* ---- second pass ---- */

/* One character of the marked text and what it becomes. */
typedef struct redact_piece {
	size_t taken;
	size_t n;
	char bytes[REDACT_WORD_LEN];
} redact_piece;

static void redact_escape(unsigned char c, redact_piece *p)
{
	static const char hex[] = "0123456789abcdef";

	p->n = 4;
	p->bytes[0] = '\\';
	p->bytes[1] = 'x';
	p->bytes[2] = hex[c >> 4];
	p->bytes[3] = hex[c & 15];
}

/* Control characters are those below space, DEL, and U+0080 to U+009F. */
static int redact_is_control(const char *t, size_t n)
{
	unsigned char c = (unsigned char)t[n - 1];

	if (n == 1)
		return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F;
	return n == 2 && (unsigned char)t[0] == 0xC2 && c < 0xA0;
}

static void redact_piece_at(const char *t, size_t len, redact_piece *p)
{
	size_t n = utf8_len(t, len);

	p->taken = n ? n : 1;
	if (*t == REDACT_MARK) {
		p->n = REDACT_WORD_LEN;
		memcpy(p->bytes, REDACT_WORD, REDACT_WORD_LEN);
	} else if (!n) {
		p->n = 3;
		memcpy(p->bytes, "\xEF\xBF\xBD", 3);
	} else if (redact_is_control(t, n)) {
		redact_escape((unsigned char)t[n - 1], p);
	} else {
		p->n = n;
		memcpy(p->bytes, t, n);
	}
}

/* Where the last character of text[0..end) begins: UTF-8 can be read backwards. */
static size_t redact_last(const char *text, size_t end)
{
	for (size_t n = 1; n <= 4 && n <= end; n++)
		if (utf8_len(text + end - n, n) == n)
			return end - n;
	return end - 1;
}

/* So many bytes, or more, are printable ASCII and stay as they are. */
static size_t redact_printable(const char *t, size_t len)
{
	const uint64_t ones = UINT64_MAX / 255;
	size_t n = 0;
	uint64_t x;

	for (; len - n >= sizeof(x); n += sizeof(x)) {
		memcpy(&x, t + n, sizeof(x));
		if (((x - ones * 0x20) | (x + ones) | x) & (ones * 0x80))
			break;
	}
	return n;
}

/* How much of the marked text fits into `cap` when grown, and how long it is then. */
static size_t redact_grown(const char *text, size_t len, size_t cap, size_t *ret_len)
{
	size_t grown = 0;
	size_t at = 0;
	redact_piece p;

	while (at < len) {
		size_t room = len - at < cap - grown ? len - at : cap - grown;
		size_t same = redact_printable(text + at, room);

		at += same;
		grown += same;
		if (at == len)
			break;
		redact_piece_at(text + at, len - at, &p);
		if (p.n > cap - grown)
			break;
		grown += p.n;
		at += p.taken;
	}
	*ret_len = grown;
	return at;
}

/* Whatever does not stay as it is becomes longer. */
static void redact_grow(char *text, size_t len, size_t grown)
{
	redact_piece p;

	if (grown == len)
		return;
	while (len) {
		size_t at = redact_last(text, len);

		redact_piece_at(text + at, len - at, &p);
		grown -= p.n;
		memcpy(text + grown, p.bytes, p.n);
		len = at;
	}
}

int redact_is_clean(const redact *r, const char *text, size_t len)
{
	const redact_starts *st = redact_starts_of(r);
	redact_scan scan = {.cut = {0, 0}};
	size_t grown, at;

	for (at = redact_quiet_end(st, text, len, 0); at < len;
		at = redact_quiet_end(st, text, len, at + 1)) {
		redact_look(r, &scan, text, len, at);
		if (scan.cut.to || text[at] == REDACT_MARK)
			return 0;
	}
	(void)redact_grown(text, len, SIZE_MAX, &grown);
	return grown == len;
}

size_t redact_inplace(const redact *r, char *text, size_t len, size_t cap)
{
	size_t marked = redact_mark(r, text, len);
	size_t grown;
	size_t used = redact_grown(text, marked, cap, &grown);

	redact_grow(text, used, grown);
	if (grown < cap)
		text[grown] = '\0';
	return grown;
}

int32_t redact_text(const redact *r, const char *text, size_t len, buf *out)
{
	size_t start = out->len;
	int32_t rc = buf_add(out, text, len);
	size_t marked;
	size_t grown;

	if (rc || !len)
		return rc;
	marked = redact_mark(r, out->ptr + start, len);
	out->len = start + marked;
	(void)redact_grown(out->ptr + start, marked, SIZE_MAX, &grown);
	if (grown > marked)
		rc = buf_reserve(out, grown - marked);
	if (rc) {
		memset(out->ptr + start, 0, len);
		out->len = start;
		return rc;
	}
	redact_grow(out->ptr + start, marked, grown);
	out->len = start + grown;
	out->ptr[out->len] = '\0';
	return 0;
}

int redact_is_secret_header(const char *name)
{
	static const char *const names[] = {"authorization", "proxy-authorization", "x-api-key",
		"x-goog-api-key", "api-key", "cookie", "set-cookie"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!ascii_casecmp(name, names[i]))
			return 1;
	return 0;
}
