/*
 * httpmsg.c - status and header lines, then the delay that a server asks for. Dates
 * are read by hand: strptime would read the host's language.
 */
#include "wire/httpmsg.h"

#include "base/text.h"

#include <string.h>

#define HTTPMSG_CHUNK 1024

void httpmsg_init(httpmsg *m, const llm_allocator *mem)
{
	memset(m, 0, sizeof(*m));
	arena_init(&m->mem, mem, HTTPMSG_CHUNK);
}

void httpmsg_done(httpmsg *m)
{
	arena_reset(&m->mem);
	m->n = m->cap = 0;
}

static int httpmsg_is_token(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!s[i] ||
			(!ascii_is_alnum((unsigned char)s[i]) && !strchr("!#$%&'*+-.^_`|~", s[i])))
			return 0;
	return len > 0;
}

static int httpmsg_is_value(const char *s, size_t len)
{
	return !memchr(s, '\r', len) && !memchr(s, '\n', len) && !memchr(s, '\0', len);
}

/* What is sent is held to more than what is received: no control bytes but TAB. */
static int httpmsg_is_clean(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
			return 0;
	return 1;
}

int httpmsg_valid(const char *name, const char *value)
{
	return name && value && httpmsg_is_token(name, strlen(name)) && httpmsg_is_clean(value);
}

static int httpmsg_digit(const char *s, size_t len, size_t i)
{
	return i < len && ascii_is_digit((unsigned char)s[i]);
}

/* "HTTP/1.1 200 OK", "HTTP/2 200". The status, or 0. */
static int32_t httpmsg_status(const char *s, size_t len)
{
	size_t at = 6;
	int32_t status = 0;

	if (!httpmsg_digit(s, len, 5))
		return 0;
	if (at < len && s[at] == '.') {
		if (!httpmsg_digit(s, len, 7))
			return 0;
		at = 8;
	}
	if (at >= len || s[at++] != ' ')
		return 0;
	for (size_t i = 0; i < 3; i++, at++) {
		if (!httpmsg_digit(s, len, at))
			return 0;
		status = status * 10 + (s[at] - '0');
	}
	if ((at < len && s[at] != ' ') || !httpmsg_is_value(s, len))
		return 0;
	return status >= 100 ? status : 0;
}

static int32_t httpmsg_begin(httpmsg *m, const char *line, size_t len)
{
	int32_t status = httpmsg_status(line, len);

	if (!status)
		return LLM_E_PROTOCOL;
	arena_reset(&m->mem);
	m->n = m->cap = 0;
	m->heads++;
	m->status = status;
	m->keep = status >= 200;
	return 0;
}

static int httpmsg_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Few replies have more than a dozen headers, and a call has one of these each. */
static int32_t httpmsg_room(httpmsg *m)
{
	const size_t cap = m->cap ? m->cap * 2 : 16;
	const llm_header_view **more;

	if (m->n < m->cap)
		return 0;
	more = arena_array(&m->mem, cap, sizeof(void *));
	if (!more)
		return LLM_E_NOMEM;
	if (m->n)
		memcpy(more, m->list, m->n * sizeof(void *));
	m->list = more;
	m->cap = cap;
	return 0;
}

/* The row and its two texts in one piece. */
static int32_t httpmsg_store(httpmsg *m, llm_bytes name, llm_bytes value)
{
	llm_header_view *row;
	char *text;

	if (httpmsg_room(m))
		return LLM_E_NOMEM;
	row = arena_new(&m->mem, sizeof(*row) + name.len + value.len + 2);
	if (!row)
		return LLM_E_NOMEM;
	text = (char *)(row + 1);
	memcpy(text, name.ptr, name.len);
	row->name = text;
	text += name.len + 1;
	if (value.len)
		memcpy(text, value.ptr, value.len);
	row->value = text;
	m->list[m->n++] = row;
	return 0;
}

static int32_t httpmsg_header(httpmsg *m, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	llm_bytes name;
	llm_bytes value;

	if (!m->heads || !colon || !httpmsg_is_token(line, (size_t)(colon - line)))
		return LLM_E_PROTOCOL;
	name = (llm_bytes){line, (size_t)(colon - line)};
	value = (llm_bytes){colon + 1, len - name.len - 1};
	while (value.len && httpmsg_is_blank(value.ptr[0])) {
		value.ptr++;
		value.len--;
	}
	while (value.len && httpmsg_is_blank(value.ptr[value.len - 1]))
		value.len--;
	if (!httpmsg_is_value(value.ptr, value.len))
		return LLM_E_PROTOCOL;
	return m->keep ? httpmsg_store(m, name, value) : 0;
}

int32_t httpmsg_line(httpmsg *m, const char *line, size_t len)
{
	if (len > HTTPMSG_BYTES - m->bytes)
		return LLM_E_PROTOCOL;
	m->bytes += len;
	if (len && line[len - 1] == '\n')
		len--;
	if (len && line[len - 1] == '\r')
		len--;
	if (!len) {
		m->keep = 0;
		return m->heads ? 0 : LLM_E_PROTOCOL;
	}
	if (++m->lines > HTTPMSG_LINES)
		return LLM_E_PROTOCOL;
	/* No header name holds a slash, so this cannot be one. */
	if (len >= 5 && !memcmp(line, "HTTP/", 5))
		return httpmsg_begin(m, line, len);
	return httpmsg_header(m, line, len);
}

const char *httpmsg_get(const httpmsg *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (!ascii_casecmp(m->list[i]->name, name))
			return m->list[i]->value;
	return NULL;
}

void httpmsg_media_type(const char *value, char *dst, size_t cap)
{
	size_t n = 0;

	if (!cap)
		return;
	while (value && httpmsg_is_blank(*value))
		value++;
	if (value)
		n = strcspn(value, "; \t,");
	if (n >= cap)
		n = 0;
	for (size_t i = 0; i < n; i++)
		dst[i] = (char)ascii_lower((unsigned char)value[i]);
	dst[n] = '\0';
}

/* ---- the delay ---- */

static int64_t httpmsg_clamp(int64_t ms)
{
	return ms < HTTPMSG_DELAY_MAX_MS ? ms : HTTPMSG_DELAY_MAX_MS;
}

/* "2", "0.25" in units of `unit_ms` (1 or 1000): ms, rounded up; -1 when it is no such number. */
static int64_t httpmsg_decimal_ms(const char *s, int64_t unit_ms)
{
	int64_t whole = 0;
	int64_t part = 0;
	int64_t up = 0;

	if (!ascii_is_digit((unsigned char)*s))
		return -1;
	for (; ascii_is_digit((unsigned char)*s); s++)
		whole = httpmsg_clamp(whole * 10 + (*s - '0'));
	if (*s == '.' && !ascii_is_digit((unsigned char)*++s))
		return -1;
	for (int64_t unit = unit_ms / 10; ascii_is_digit((unsigned char)*s); s++, unit /= 10) {
		part += unit * (*s - '0');
		if (!unit && *s != '0')
			up = 1;
	}
	return *s ? -1 : httpmsg_clamp(whole * unit_ms + part + up);
}

/* A moment as its fields; `year2` when the year was written with two digits. */
typedef struct httpmsg_date {
	int64_t year, month, day, hour, minute, second;
	int year2;
} httpmsg_date;

static const char *const httpmsg_days[] = {
	"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
static const char *const httpmsg_months[] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* Length of the day's name at `s`, whole or its first three letters; 0: none. */
static size_t httpmsg_day_name(const char *s, int whole)
{
	for (size_t i = 0; i < 7; i++) {
		size_t n = whole ? strlen(httpmsg_days[i]) : 3;

		if (!strncmp(s, httpmsg_days[i], n))
			return n;
	}
	return 0;
}

static size_t httpmsg_month_name(const char *s, int64_t *ret_month)
{
	for (size_t i = 0; i < 12; i++)
		if (!strncmp(s, httpmsg_months[i], 3)) {
			*ret_month = (int64_t)i + 1;
			return 3;
		}
	return 0;
}

/* Exactly `n` digits; a space may stand for the first one when `padded`. */
static size_t httpmsg_digits(const char *s, size_t n, int padded, int64_t *ret_value)
{
	size_t at = padded && *s == ' ' ? 1 : 0;
	int64_t value = 0;

	for (; at < n; at++) {
		if (!ascii_is_digit((unsigned char)s[at]))
			return 0;
		value = value * 10 + (s[at] - '0');
	}
	*ret_value = value;
	return n;
}

/* What one letter of a form stands for; the length taken, 0 when it does not fit. */
static size_t httpmsg_field(char letter, const char *s, httpmsg_date *d)
{
	switch (letter) {
	case 'w':
		return httpmsg_day_name(s, 0);
	case 'W':
		return httpmsg_day_name(s, 1);
	case 'o':
		return httpmsg_month_name(s, &d->month);
	case 'd':
		return httpmsg_digits(s, 2, 0, &d->day);
	case 'p':
		return httpmsg_digits(s, 2, 1, &d->day);
	case 'h':
		return httpmsg_digits(s, 2, 0, &d->hour);
	case 'm':
		return httpmsg_digits(s, 2, 0, &d->minute);
	case 's':
		return httpmsg_digits(s, 2, 0, &d->second);
	case 'y':
		return httpmsg_digits(s, 4, 0, &d->year);
	case 'Y':
		d->year2 = 1;
		return httpmsg_digits(s, 2, 0, &d->year);
	default:
		return *s == letter;
	}
}

static int httpmsg_fits(const char *s, const char *form, httpmsg_date *d)
{
	memset(d, 0, sizeof(*d));
	for (; *form; form++) {
		size_t n = httpmsg_field(*form, s, d);

		if (!n)
			return 0;
		s += n;
	}
	return !*s;
}

/* Days since 1970-01-01 in the Gregorian calendar. A year is counted from March on. */
static int64_t httpmsg_day_number(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t m = month > 2 ? month - 3 : month + 9;

	return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static int httpmsg_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int httpmsg_date_exists(const httpmsg_date *d)
{
	static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t last = days[d->month - 1] + (d->month == 2 && httpmsg_leap(d->year));

	return d->day >= 1 && d->day <= last && d->hour < 24 && d->minute < 60 && d->second <= 60;
}

/* Two digits mean the year that is at most 50 years ahead (RFC 9110, 5.6.7). */
static int64_t httpmsg_full_year(int64_t two, int64_t now_s)
{
	int64_t now_year = 1970 + now_s / 31556952;
	int64_t year = now_year - now_year % 100 + two;

	if (year > now_year + 50)
		return year - 100;
	return year + 100 <= now_year + 50 ? year + 100 : year;
}

/* Milliseconds from now to an HTTP date; -1 when it is none or is over. */
static int64_t httpmsg_date_ms(const char *s, int64_t now_utc_us)
{
	static const char *const forms[] = {
		"w, d o y h:m:s GMT", /* IMF-fixdate */
		"W, d-o-Y h:m:s GMT", /* RFC 850 */
		"w o p h:m:s y", /* asctime */
	};
	httpmsg_date d;
	size_t i = 0;
	int64_t at_us;

	while (i < 3 && !httpmsg_fits(s, forms[i], &d))
		i++;
	if (i == 3)
		return -1;
	if (d.year2)
		d.year = httpmsg_full_year(d.year, now_utc_us / 1000000);
	if (!httpmsg_date_exists(&d))
		return -1;
	at_us = httpmsg_day_number(d.year, d.month, d.day) * 86400 + d.hour * 3600;
	at_us = (at_us + d.minute * 60 + d.second) * 1000000;
	if (at_us < now_utc_us)
		return -1;
	return httpmsg_clamp((at_us - now_utc_us + 999) / 1000);
}

int64_t httpmsg_retry_after_ms(const httpmsg *m, int64_t now_utc_us)
{
	const char *exact = httpmsg_get(m, "retry-after-ms");
	const char *value = httpmsg_get(m, "retry-after");
	int64_t ms = exact ? httpmsg_decimal_ms(exact, 1) : -1;

	if (ms < 0 && value)
		ms = httpmsg_decimal_ms(value, 1000);
	if (ms < 0 && value)
		ms = httpmsg_date_ms(value, now_utc_us);
	return ms;
}
