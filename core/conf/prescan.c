#include "conf/prescan.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "wire/num.h"

typedef struct prescan {
	const char *p;
	const char *end;
	const char *file;
	unsigned line;
	char last; /* the token before: one of = : , ; ( [ { or n(ame), s(tring), v(alue) */
	const char *word; /* the last word that stood where a key stands */
	size_t word_len;
	const char *name; /* the last one that an = or : made a key */
	size_t name_len;
	char open[PRESCAN_DEPTH];
	unsigned open_line[PRESCAN_DEPTH];
	size_t depth;
	llm_err *err;
} prescan;

static int32_t say(const prescan *s, unsigned line, const char *what, const char *fix)
{
	int name_len = s->name_len < 64 ? (int)s->name_len : 64;

	return err_set(s->err, LLM_E_CONFIG, "%s:%u: %s%s%.*s%s\n%s", s->file, line, what,
		s->name ? " (after '" : "", name_len, s->name ? s->name : "", s->name ? "')" : "",
		fix);
}

static int is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int is_word_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*';
}

static int is_word(char c)
{
	return is_word_start(c) || ascii_is_digit(c) || c == '-' || c == '_';
}

static int is_number_start(const prescan *s)
{
	const char *p = s->p;

	if (*p == '+' || *p == '-')
		p++;
	if (p < s->end && *p == '.')
		p++;
	return p < s->end && ascii_is_digit(*p);
}

/* The bracket that the scan is in; the file as a whole is a group. */
static int inside(const prescan *s)
{
	return s->depth ? s->open[s->depth - 1] : '{';
}

static int after_value(const prescan *s)
{
	return s->last == 'v' || s->last == 's';
}

static int wants_value(const prescan *s)
{
	if (s->last == '=' || s->last == ':')
		return 1;
	return inside(s) != '{' && (s->last == inside(s) || s->last == ',');
}

static int wants_name(const prescan *s)
{
	return inside(s) == '{' && s->last != '=' && s->last != ':' && s->last != 'n';
}

static int32_t misplaced(const prescan *s)
{
	return say(s, s->line, "syntax error",
		"a ';', a quote or a bracket may be missing on this line or before it");
}

static void line_comment(prescan *s)
{
	while (s->p < s->end && *s->p != '\n')
		s->p++;
}

static int32_t block_comment(prescan *s)
{
	unsigned line = s->line;

	for (s->p += 2; s->p + 1 < s->end; s->p++) {
		if (s->p[0] == '*' && s->p[1] == '/') {
			s->p += 2;
			return 0;
		}
		s->line += *s->p == '\n';
	}
	return say(s, line, "a comment is never closed", "close it with */");
}

static int32_t check_escape(const prescan *s)
{
	const char *p = s->p + 1;

	if (p < s->end && (*p == 'u' || *p == 'U'))
		return say(s, s->line, "\\u stands in a text and would be taken as it is",
			"write the character itself, in UTF-8");
	if (s->end - p >= 3 && memcmp(p, "x00", 3) == 0)
		return say(s, s->line, "\\x00 stands in a text", "leave it out");
	return 0;
}

static int32_t string(prescan *s)
{
	unsigned line = s->line;

	/* Strings that follow each other are one. */
	if (!wants_value(s) && s->last != 's')
		return misplaced(s);
	for (s->p++; s->p < s->end; s->p++) {
		if (*s->p == '"') {
			s->p++;
			s->last = 's';
			return 0;
		}
		if (*s->p == '\\') {
			if (check_escape(s))
				return LLM_E_CONFIG;
			if (++s->p == s->end)
				break;
		}
		s->line += *s->p == '\n';
	}
	return say(s, line, "a text is never closed", "close it with a double quote");
}

/* Digits that end in L or LL are a long; 0x makes them hexadecimal. */
static int32_t check_integer(const prescan *s, const char *t, size_t len)
{
	int is_long = t[len - 1] == 'L';
	int64_t v = 0;
	int ok = 1;
	size_t i;

	len -= (size_t)is_long;
	len -= is_long && t[len - 1] == 'L';
	if (len > 2 && t[0] == '0' && (t[1] == 'x' || t[1] == 'X')) {
		for (i = 2; i < len && t[i] == '0'; i++)
			;
		ok = len - i < 16 || (len - i == 16 && t[i] < '8');
		v = len - i > 8 || (len - i == 8 && t[i] >= '8') ? INT64_MAX : 0;
	} else {
		size_t plus = t[0] == '+';

		ok = num_read_i64(t + plus, len - plus, &v);
	}
	if (!ok)
		return say(s, s->line, "the integer does not fit 64 bits", "write a smaller one");
	if (!is_long && (v < INT32_MIN || v > INT32_MAX))
		return say(s, s->line, "the integer does not fit 32 bits and would be cut",
			"write an L behind its last digit");
	return 0;
}

static int is_integer(const char *t, size_t len)
{
	int hex = len > 2 && t[0] == '0' && (t[1] == 'x' || t[1] == 'X');
	size_t i = hex ? 2 : t[0] == '+' || t[0] == '-';
	size_t first = i;

	while (i < len &&
		(ascii_is_digit(t[i]) ||
			(hex && ascii_lower(t[i]) >= 'a' && ascii_lower(t[i]) <= 'f')))
		i++;
	if (i == first)
		return 0;
	if (i < len && t[i] == 'L')
		i++;
	if (i < len && t[i] == 'L')
		i++;
	return i == len;
}

static int is_fraction(const char *t, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!ascii_is_digit(t[i]) && (!t[i] || !strchr("+-.eE", t[i])))
			return 0;
	return 1;
}

static int32_t number(prescan *s)
{
	const char *t = s->p;
	size_t len;

	if (!wants_value(s))
		return misplaced(s);
	for (s->p++; s->p < s->end &&
		(ascii_is_alnum(*s->p) || *s->p == '.' || *s->p == '_' ||
			((*s->p == '-' || *s->p == '+') && ascii_lower(s->p[-1]) == 'e'));
		s->p++)
		;
	len = (size_t)(s->p - t);
	s->last = 'v';
	if (is_integer(t, len))
		return check_integer(s, t, len);
	if (is_fraction(t, len))
		return say(s, s->line, "a number with a fraction or an exponent",
			"write it as text, in double quotes");
	return say(s, s->line, "a number is followed by letters",
		"put double quotes around a value with a unit: \"5s\", \"64k\"");
}

static int is_any_of(const char *t, size_t len, const char *const *words)
{
	for (; *words; words++)
		if (strlen(*words) == len && ascii_ncasecmp(t, *words, len) == 0)
			return 1;
	return 0;
}

static int32_t word(prescan *s)
{
	static const char *const good[] = {"true", "false", NULL};
	static const char *const nearly[] = {"on", "off", "yes", "no", NULL};
	const char *t = s->p;
	size_t len;

	while (s->p < s->end && is_word(*s->p))
		s->p++;
	len = (size_t)(s->p - t);
	if (wants_name(s)) {
		s->last = 'n';
		s->word = t;
		s->word_len = len;
		return 0;
	}
	if (!wants_value(s))
		return misplaced(s);
	s->last = 'v';
	if (is_any_of(t, len, good))
		return 0;
	if (is_any_of(t, len, nearly))
		return say(s, s->line, "on, off, yes and no are no values in a file",
			"write true or false, or put double quotes around text");
	return say(s, s->line, "a text stands without quotes", "put double quotes around it");
}

static int32_t open_bracket(prescan *s, char c)
{
	if (!wants_value(s) || inside(s) == '[')
		return misplaced(s);
	if (s->depth == PRESCAN_DEPTH)
		return say(s, s->line, "brackets stand too deep", "32 levels are the limit");
	s->open_line[s->depth] = s->line;
	s->open[s->depth++] = c;
	s->last = c;
	return 0;
}

static int32_t close_bracket(prescan *s, char c)
{
	int in = s->depth ? s->open[s->depth - 1] : 0;

	if (s->last == ',' && in != '{')
		return say(s, s->line, "a comma stands before the closing bracket",
			"remove the comma behind the last element");
	if ((c == '}' && in != '{') || (c == ')' && in != '(') || (c == ']' && in != '['))
		return say(s, s->line, "a closing bracket has no opening one of its kind",
			"check the brackets before this line");
	if (s->last == 'n' || s->last == '=' || s->last == ':')
		return misplaced(s);
	s->depth--;
	s->last = 'v';
	return 0;
}

static int32_t punct(prescan *s)
{
	char c = *s->p++;
	int ok;

	if (c == '@')
		return say(s, s->line, "@include is not followed, and nothing else begins with @",
			"name several files instead; later ones win");
	if (c == '\'')
		return say(s, s->line, "a single quote begins no text", "write double quotes");
	if (c == '{' || c == '(' || c == '[')
		return open_bracket(s, c);
	if (c == '}' || c == ')' || c == ']')
		return close_bracket(s, c);
	if (c == '=' || c == ':')
		ok = s->last == 'n';
	else
		ok = after_value(s) && (c == ',' || (c == ';' && inside(s) == '{'));
	if (!ok)
		return misplaced(s);
	if (s->last == 'n') {
		s->name = s->word;
		s->name_len = s->word_len;
	}
	s->last = c;
	return 0;
}

static int32_t token(prescan *s)
{
	int next = s->p + 1 < s->end ? s->p[1] : 0;

	if (is_space(*s->p)) {
		s->line += *s->p++ == '\n';
		return 0;
	}
	if (*s->p == '#' || (*s->p == '/' && next == '/')) {
		line_comment(s);
		return 0;
	}
	if (*s->p == '/' && next == '*')
		return block_comment(s);
	if (*s->p == '"')
		return string(s);
	if (is_number_start(s))
		return number(s);
	if (is_word_start(*s->p))
		return word(s);
	return punct(s);
}

int32_t prescan_text(const char *text, size_t len, const char *file, llm_err *err)
{
	prescan s = {
		.p = text, .end = text + len, .file = file, .line = 1, .last = '{', .err = err};
	int32_t rc = 0;

	if (len > PRESCAN_FILE_MAX)
		return err_set(err, LLM_E_CONFIG,
			"%s: longer than 1 MiB\n"
			"a configuration is at most 1048576 bytes",
			file);
	while (!rc && s.p < s.end && *s.p)
		rc = token(&s);
	if (!rc && s.p < s.end)
		rc = say(&s, s.line, "a byte 0 stands in the file", "is it a text file?");
	if (!rc && s.depth)
		rc = say(&s, s.open_line[s.depth - 1], "a bracket that opens here is never closed",
			"close it");
	if (!rc && (s.last == 'n' || s.last == '=' || s.last == ':'))
		rc = misplaced(&s);
	return rc;
}
