#include "strip.h"

enum {
	PLAIN = 0,
	ESCAPE, /* after ESC */
	INTERMEDIATE, /* after ESC and a byte of 0x20 to 0x2f */
	CONTROL, /* in a control sequence, ESC [ */
	STRING, /* in a string such as a window's title */
	STRING_ESCAPE /* in a string, after ESC */
};

/* A C1 control by its second byte: 0x9b opens a control sequence, some a string. */
static unsigned after_c1(unsigned char c)
{
	if (c == 0x9b)
		return CONTROL;
	return c == 0x90 || c == 0x98 || (c >= 0x9d && c <= 0x9f) ? STRING : PLAIN;
}

static unsigned after_escape(unsigned char c)
{
	if (c == '[')
		return CONTROL;
	if (c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_')
		return STRING;
	return c >= 0x20 && c <= 0x2f ? INTERMEDIATE : PLAIN;
}

/* May the byte be shown when no sequence is open? */
static int is_shown(unsigned char c)
{
	return c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f);
}

static size_t plain(strip *s, unsigned char c, char *ret)
{
	size_t n = 0;

	if (s->lead) {
		s->lead = 0;
		if (c >= 0x80 && c <= 0x9f) {
			s->state = after_c1(c);
			return 0;
		}
		ret[n++] = (char)0xc2;
	}
	if (c == 0xc2)
		s->lead = 1;
	else if (c == 0x1b)
		s->state = ESCAPE;
	else if (is_shown(c))
		ret[n++] = (char)c;
	return n;
}

/* A string ends with BEL or ESC \, and at the line's end, lest it swallow the answer. */
static size_t in_string(strip *s, unsigned char c, char *ret)
{
	unsigned had_lead = s->lead;

	s->lead = c == 0xc2;
	if (c == 0x1b)
		s->state = STRING_ESCAPE;
	else if (c == 0x07 || c == '\n' || (had_lead && c == 0x9c))
		s->state = PLAIN;
	if (c != '\n')
		return 0;
	ret[0] = '\n';
	return 1;
}

static size_t take(strip *s, unsigned char c, char *ret)
{
	unsigned state = s->state;

	if (state == STRING)
		return in_string(s, c, ret);
	if (state == STRING_ESCAPE && c == '\\') {
		s->state = PLAIN;
		return 0;
	}
	if (state == PLAIN || c < 0x20 || c >= 0x7f) {
		/* A control or a letter of another script breaks a sequence off. */
		s->state = PLAIN;
		return plain(s, c, ret);
	}
	if (state == ESCAPE || state == STRING_ESCAPE)
		s->state = after_escape(c);
	else if (state == CONTROL)
		s->state = c >= 0x40 ? PLAIN : CONTROL;
	else
		s->state = c >= 0x30 ? PLAIN : INTERMEDIATE;
	return 0;
}

size_t strip_text(strip *s, const char *text, size_t len, char *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += take(s, (unsigned char)text[i], ret + n);
	return n;
}
