#include "conf/keys.h"

#include <string.h>

#include "base/text.h"

#define NEAREST_MAX 96 /* rows that one group can have at most */

static const char *const type_names[KEY_TYPES] = {
	[KEY_GROUP] = "group",
	[KEY_LIST] = "list of groups",
	[KEY_STRING] = "string",
	[KEY_BOOL] = "boolean",
	[KEY_INT] = "integer",
	[KEY_COUNT] = "integer",
	[KEY_DURATION] = "duration",
	[KEY_STRINGS] = "list of strings",
	[KEY_CHOICE] = "choice",
	[KEY_SECRET] = "secret",
	[KEY_PAIR] = "string",
	[KEY_SETTING] = "by the plugin",
};

static const char duration_expected[] =
	"milliseconds, or text such as \"500ms\", \"20s\", \"5m\", \"1h\"; "
	"at most a year, 0 only where it means no limit";

static const char *const type_expected[KEY_TYPES] = {
	[KEY_GROUP] = "a group: { ... }",
	[KEY_LIST] = "a list of groups: ( { ... } )",
	[KEY_STRING] = "text in quotes, not empty, without control characters",
	[KEY_BOOL] = "true or false (in the environment also 1, 0, on, off, yes, no)",
	[KEY_INT] = "a whole number",
	[KEY_COUNT] = "a whole number, at least 1",
	[KEY_DURATION] = duration_expected,
	[KEY_STRINGS] = "a list of strings: [ \"...\", \"...\" ]",
	[KEY_CHOICE] = "\"yes\", \"no\" or \"unknown\"",
	[KEY_SECRET] = "\"env:NAME\" or \"file:/absolute/path\"",
	[KEY_PAIR] = "text in quotes without control characters",
	[KEY_SETTING] = "text, a whole number, true or false",
};

/* Where the last part of a pattern begins. */
static size_t last_at(const char *pattern)
{
	const char *dot = strrchr(pattern, '.');

	return dot ? (size_t)(dot - pattern) + 1 : 0;
}

static int is_member(const key_def *def, const key_def *parent)
{
	size_t at = last_at(def->pattern);
	size_t len = strlen(parent->pattern);

	if (def == parent || !def->pattern[0])
		return 0;
	if (!len)
		return at == 0;
	return at == len + 1 && memcmp(def->pattern, parent->pattern, len) == 0;
}

const char *key_last(const key_def *def)
{
	return def->pattern + last_at(def->pattern);
}

const key_def *key_child(const key_def *parent, const char *name)
{
	const key_def *any = NULL;
	const key_def *def;

	for (def = key_table; def->pattern; def++) {
		if (!is_member(def, parent))
			continue;
		if (strcmp(key_last(def), name) == 0)
			return def;
		if (key_last(def)[0] == '*' || key_last(def)[0] == '#')
			any = def;
	}
	return any;
}

const char *key_nearest(const key_def *parent, const char *name)
{
	const char *known[NEAREST_MAX];
	const key_def *def;
	size_t n = 0;

	/* Longer words are no slips of the finger, and comparing them takes long. */
	if (strlen(name) > KEY_NAME_MAX)
		return NULL;
	for (def = key_table; def->pattern && n < NEAREST_MAX; def++)
		if (is_member(def, parent) && key_last(def)[0] != '*' && key_last(def)[0] != '#')
			known[n++] = key_last(def);
	return text_nearest(name, known, n);
}

const char *key_expected(const key_def *def)
{
	return def->expected ? def->expected : type_expected[def->type];
}

const char *key_type_name(const key_def *def)
{
	return type_names[def->type];
}

int key_is_secret(const char *name)
{
	static const char *const ends[] = {"key", "token", "secret", "password"};
	size_t len = strlen(name);
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t n = strlen(ends[i]);

		if (len >= n && ascii_casecmp(name + len - n, ends[i]) == 0)
			return 1;
	}
	return 0;
}

int key_name_ok(const char *name, size_t len)
{
	size_t i;

	if (!len || len > KEY_NAME_MAX || name[0] < 'a' || name[0] > 'z')
		return 0;
	for (i = 1; i < len; i++) {
		char c = name[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '-')
			return 0;
	}
	return 1;
}

void key_fold(const char *name, size_t len, char *dst)
{
	size_t i;

	for (i = 0; i < len; i++)
		dst[i] = (char)(name[i] == '-' ? '_' : ascii_lower(name[i]));
	dst[len] = '\0';
}

/* Appends as far as there is room. */
static size_t add(char *ret, size_t cap, size_t at, const char *text, size_t len)
{
	if (len >= cap - at)
		len = cap - at - 1;
	memcpy(ret + at, text, len);
	ret[at + len] = '\0';
	return at + len;
}

void key_page_path(const key_def *def, char *ret, size_t cap)
{
	const char *p;
	size_t at = 0;

	ret[0] = '\0';
	for (p = def->pattern; *p; p++)
		if (*p == '*')
			at = add(ret, cap, at, "NAME", 4);
		else
			at = add(ret, cap, at, *p == '#' ? "N" : p, 1);
}

void key_page_env(const key_def *def, char *ret, size_t cap)
{
	const char *p;
	size_t at;

	ret[0] = '\0';
	if (def->type == KEY_GROUP || def->type == KEY_LIST || strchr(def->pattern, '#'))
		return;
	at = add(ret, cap, 0, "LLM_", 4);
	for (p = def->pattern; *p; p++) {
		char c = *p;

		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (c == '.')
			at = add(ret, cap, at, "__", 2);
		else if (c == '*')
			at = add(ret, cap, at, "NAME", 4);
		else
			at = add(ret, cap, at, &c, 1);
	}
}
