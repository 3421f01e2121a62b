/* One value against its row of key_table. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "conf/table.h"
#include "wire/num.h"

#define LIST_MAX 256

#define BIT(form) (1u << (form))

static const uint32_t forms[KEY_TYPES] = {
	[KEY_GROUP] = BIT(FORM_GROUP),
	[KEY_LIST] = BIT(FORM_LIST),
	[KEY_STRING] = BIT(FORM_TEXT) | BIT(FORM_STRING),
	[KEY_BOOL] = BIT(FORM_TEXT) | BIT(FORM_BOOL),
	[KEY_INT] = BIT(FORM_TEXT) | BIT(FORM_INT),
	[KEY_COUNT] = BIT(FORM_TEXT) | BIT(FORM_INT),
	[KEY_DURATION] = BIT(FORM_TEXT) | BIT(FORM_INT) | BIT(FORM_STRING),
	[KEY_STRINGS] = BIT(FORM_TEXT) | BIT(FORM_STRINGS),
	[KEY_CHOICE] = BIT(FORM_TEXT) | BIT(FORM_STRING),
	[KEY_SECRET] = BIT(FORM_TEXT) | BIT(FORM_STRING),
	[KEY_PAIR] = BIT(FORM_TEXT) | BIT(FORM_STRING),
	[KEY_SETTING] = BIT(FORM_TEXT) | BIT(FORM_STRING) | BIT(FORM_INT) | BIT(FORM_BOOL),
};

/* What has bounds says them. */
static const char *expected(const key_def *def, char *to, size_t cap)
{
	const unsigned least = def->min || (def->flags & KEY_ZERO) ? def->min : 1;

	if (def->expected || !def->max)
		return key_expected(def);
	if (def->type == KEY_INT)
		snprintf(to, cap, "a whole number from %u to %u", (unsigned)def->min,
			(unsigned)def->max);
	else
		snprintf(to, cap, "a time from \"%ums\" to \"%us\"", least,
			(unsigned)def->max / 1000);
	return to;
}

static int32_t refuse(const table *t, const entry *e, const written *w, const char *what)
{
	char range[80];

	return err_set(t->err, LLM_E_CONFIG, "%s: '%s' %s\nexpected: %s", w->origin, e->path, what,
		expected(e->def, range, sizeof(range)));
}

/* Text that a person may read: UTF-8 without control characters. */
static int is_clean(const char *text, size_t len, int plain)
{
	size_t i;

	if (!utf8_valid(text, len))
		return 0;
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == 0x7f || (c < 0x20 && !(plain && (c == '\n' || c == '\r' || c == '\t'))))
			return 0;
	}
	return 1;
}

static int text_ok(const key_def *def, const char *text)
{
	size_t len = strlen(text);

	if (!len || !is_clean(text, len, (def->flags & KEY_PLAIN) != 0))
		return 0;
	return !def->ok || def->ok(text, len);
}

static int number_ok(const key_def *def, const char *text, uint64_t *ret)
{
	int64_t v;
	int64_t min = def->type == KEY_COUNT ? 1 : def->min;
	int64_t max = def->type == KEY_COUNT ? INT64_MAX : def->max;

	if (!num_read_i64(text, strlen(text), &v) || v < min || v > max)
		return 0;
	*ret = (uint64_t)v;
	return 1;
}

static int duration_ok(const key_def *def, const char *text, uint64_t *ret)
{
	uint64_t v;

	if (!num_read_duration_ms(text, strlen(text), &v) || v > KEY_MAX_MS)
		return 0;
	if (!v && !(def->flags & KEY_ZERO))
		return 0;
	if (def->max && (v < def->min || v > def->max))
		return 0;
	*ret = v;
	return 1;
}

static int choice_ok(const key_def *def, const char *text, uint64_t *ret)
{
	const key_choice *c;

	for (c = def->choices; c->name; c++)
		if (strcmp(c->name, text) == 0) {
			*ret = c->value;
			return 1;
		}
	return 0;
}

static int bool_ok(const char *text, uint64_t *ret)
{
	int v;

	if (!num_read_bool(text, strlen(text), &v))
		return 0;
	*ret = (uint64_t)v;
	return 1;
}

static int scalar_ok(const key_def *def, const char *text, uint64_t *ret)
{
	switch (def->type) {
	case KEY_STRING:
		return text_ok(def, text);
	case KEY_BOOL:
		return bool_ok(text, ret);
	case KEY_INT:
	case KEY_COUNT:
		return number_ok(def, text, ret);
	case KEY_DURATION:
		return duration_ok(def, text, ret);
	case KEY_CHOICE:
		return choice_ok(def, text, ret);
	case KEY_PAIR:
	case KEY_SETTING:
		return is_clean(text, strlen(text), 0);
	default:
		return 1;
	}
}

/* "a, b,c" of the environment as a list. */
static int32_t split(table *t, entry *e)
{
	const char **list = NULL;
	const char *p = e->set.text;
	size_t n = 0;

	for (;;) {
		const char *end = p + strcspn(p, ",");
		const char *last = end;

		while (p < last && (*p == ' ' || *p == '\t'))
			p++;
		while (last > p && (last[-1] == ' ' || last[-1] == '\t'))
			last--;
		list = table_grow(t->mem, list, n, sizeof(*list));
		if (!list)
			return LLM_E_NOMEM;
		list[n] = arena_dup(t->mem, p, (size_t)(last - p));
		if (!list[n++])
			return LLM_E_NOMEM;
		if (!*end)
			break;
		p = end + 1;
	}
	e->set.list = list;
	e->set.n_list = n;
	return 0;
}

static int32_t set_list(table *t, entry *e, const written *w)
{
	size_t i;

	if (w->form == FORM_TEXT && split(t, e))
		return LLM_E_NOMEM;
	if (!e->set.n_list && (e->def->flags & KEY_NEEDED))
		return refuse(t, e, w, "is empty");
	if (e->set.n_list > LIST_MAX)
		return refuse(t, e, w, "has more than 256 elements");
	for (i = 0; i < e->set.n_list; i++)
		if (!text_ok(e->def, e->set.list[i]))
			return refuse(t, e, w, "has an element of the wrong form");
	return 0;
}

int value_is_secret(const entry *e)
{
	if (e->def->type == KEY_SECRET)
		return 1;
	if (e->def->type == KEY_PAIR && e->def->scope == SCOPE_PROVIDER)
		return key_is_secret(e->name) ||
			((e->def->flags & KEY_HEADER) && redact_is_secret_header(e->name));
	return e->def->type == KEY_SETTING && key_is_secret(e->name);
}

static int is_reference(const char *text)
{
	size_t i;

	if (strncmp(text, "file:/", 6) == 0)
		return text[6] != '\0' && is_clean(text, strlen(text), 0);
	if (strncmp(text, "env:", 4) != 0 || ascii_is_digit(text[4]))
		return 0;
	for (i = 4; text[i]; i++)
		if (!ascii_is_alnum(text[i]) && text[i] != '_')
			return 0;
	return i > 4;
}

static int names_reference(const char *text)
{
	return strncmp(text, "env:", 4) == 0 || strncmp(text, "file:", 5) == 0;
}

static int32_t check_secret(const table *t, const entry *e, const written *w)
{
	const char *near = key_nearest(e->parent->def, e->name);

	if (e->def->type == KEY_SETTING)
		return err_set(t->err, LLM_E_CONFIG,
			"%s: unknown key '%s', and a plugin never gets a secret%s%s%s", w->origin,
			e->path, near ? " - did you mean '" : "", near ? near : "",
			near ? "'?" : "\nremove it");
	if (names_reference(w->text) && !is_reference(w->text))
		return err_set(t->err, LLM_E_CONFIG,
			"%s: '%s' refers to nothing\n"
			"expected: \"env:NAME\" or \"file:/absolute/path\"",
			w->origin, e->path);
	if (names_reference(w->text) || w->from == FROM_ENV)
		return 0;
	return err_set(t->err, LLM_E_CONFIG,
		"%s: '%s' holds a secret as it is\n"
		"write \"env:NAME\" (a variable) or \"file:/absolute/path\" (a file, mode 600)",
		w->origin, e->path);
}

int32_t value_set(table *t, entry *e, const written *w)
{
	if (!(forms[e->def->type] & BIT(w->form)))
		return refuse(t, e, w, "has the wrong type");
	if (value_is_secret(e) && check_secret(t, e, w))
		return LLM_E_CONFIG;
	if (e->def->type == KEY_PAIR && e->def->scope == SCOPE_PROVIDER &&
		names_reference(w->text) && !is_reference(w->text))
		return refuse(t, e, w, "refers to nothing (env:NAME, file:/absolute/path)");
	e->set = *w;
	if (e->def->type == KEY_STRINGS)
		return set_list(t, e, w);
	if (w->text && !scalar_ok(e->def, w->text, &e->number))
		return refuse(t, e, w, "has a value that cannot be taken");
	return 0;
}
