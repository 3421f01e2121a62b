/* Everything that was set, as a file could say it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "conf/inner.h"
#include "wire/jsonr.h"

static int32_t add_escaped(buf *b, const char *text)
{
	int32_t rc = 0;

	for (; !rc && *text; text++) {
		char hex[8];
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			rc = buf_add_char(b, '\\');
		if (c >= 0x20 && c != 0x7f) {
			if (!rc)
				rc = buf_add_char(b, *text);
			continue;
		}
		snprintf(hex, sizeof(hex), "\\x%02x", c);
		rc = buf_add_str(b, hex);
	}
	return rc;
}

static int32_t add_quoted(buf *b, const char *text)
{
	int32_t rc = buf_add_char(b, '"');

	if (!rc)
		rc = add_escaped(b, text);
	return rc ? rc : buf_add_char(b, '"');
}

static int32_t add_list(buf *b, const written *w)
{
	int32_t rc = buf_add_str(b, "[ ");
	size_t i;

	for (i = 0; !rc && i < w->n_list; i++) {
		if (i)
			rc = buf_add_str(b, ", ");
		if (!rc)
			rc = add_quoted(b, w->list[i]);
	}
	return rc ? rc : buf_add_str(b, " ]");
}

/* Members of `extra` may be secrets as well: then none of it is shown. */
static int hides_secret(const entry *e)
{
	jsonr_text key;
	jsonr r;
	int found = 0;

	if (!(e->def->flags & KEY_PLAIN))
		return 0;
	jsonr_init(&r, e->set.text, strlen(e->set.text));
	if (jsonr_enter_object(&r))
		while (jsonr_member(&r, &key)) {
			char name[64];
			size_t len = key.len < sizeof(name) ? key.len : sizeof(name) - 1;

			memcpy(name, key.raw + key.len - len, len);
			name[len] = '\0';
			found = found || key_is_secret(name);
			jsonr_skip(&r);
		}
	return found;
}

/* ---- passwords in what a plugin is to connect to ---- */

/* Where userinfo's password begins in "://USER:PASSWORD@", or null. */
static const char *in_uri(const char *text, size_t *ret_len)
{
	const char *from = strstr(text, "://"), *to, *colon;

	if (!from)
		return NULL;
	to = from + 3 + strcspn(from + 3, "/?");
	while (to > from + 3 && *to != '@')
		to--;
	colon = memchr(from + 3, ':', (size_t)(to - from - 3));
	if (!colon)
		return NULL;
	*ret_len = (size_t)(to - colon - 1);
	return colon + 1;
}

/* The value behind the first "password=", in quotes or not. */
static const char *behind_key(const char *text, size_t *ret_len)
{
	const char *at = strstr(text, "password");
	size_t n = 0;

	if (!at)
		return NULL;
	at += strlen("password");
	at += strspn(at, " ");
	if (*at != '=')
		return behind_key(at, ret_len);
	at += 1 + strspn(at + 1, " ");
	if (*at == '\'')
		for (n = 1; at[n] && at[n] != '\''; n++)
			n += at[n] == '\\' && at[n + 1];
	else
		n = strcspn(at, " &");
	*ret_len = n + (*at == '\'' && at[n]);
	return at;
}

/* The next password of a text, or null. */
static const char *next_password(const char *text, size_t *ret_len)
{
	const char *at = in_uri(text, ret_len);

	return at ? at : behind_key(text, ret_len);
}

/* The text with each password as three stars. */
static int32_t add_hidden(loader *l, buf *b, const char *text)
{
	int32_t rc = buf_add_char(b, '"');
	const char *secret, *shown;
	size_t len = 0;

	while (!rc && (secret = next_password(text, &len))) {
		shown = arena_dup(l->mem, text, (size_t)(secret - text));
		rc = shown ? add_escaped(b, shown) : LLM_E_NOMEM;
		if (!rc)
			rc = buf_add_str(b, "***");
		text = secret + len;
	}
	if (!rc)
		rc = add_escaped(b, text);
	return rc ? rc : buf_add_char(b, '"');
}

static int is_bare(const entry *e)
{
	return e->set.form == FORM_INT || e->set.form == FORM_BOOL;
}

static int32_t add_value(loader *l, buf *b, const entry *e)
{
	int truth = e->number != 0;

	if (e->def->type == KEY_GROUP)
		return buf_add_str(b, "{ }");
	if (e->def->type == KEY_LIST)
		return buf_add_str(b, "( )");
	if (value_is_secret(e) || hides_secret(e))
		return buf_add_str(b, "***");
	if (e->def->type == KEY_STRINGS)
		return add_list(b, &e->set);
	if (e->def->type == KEY_BOOL)
		return buf_add_str(b, truth ? "true" : "false");
	if (is_bare(e) || e->def->type == KEY_INT)
		return buf_add_str(b, e->set.text);
	return e->def->type == KEY_SETTING ? add_hidden(l, b, e->set.text) :
					     add_quoted(b, e->set.text);
}

/* Groups and lists show by their members; empty ones would not show at all. */
static int is_shown(const entry *e)
{
	if (e->dead)
		return 0;
	return (e->def->type != KEY_GROUP && e->def->type != KEY_LIST) || !e->members;
}

static int by_key(const void *a, const void *b)
{
	const conf_item *x = a;
	const conf_item *y = b;

	return strcmp(x->key, y->key);
}

/* Where the value was said, and what it refers to instead of being the secret itself. */
static const char *origin_of(loader *l, const entry *e)
{
	const char *text = e->set.text;

	if (!value_is_secret(e) ||
		(strncmp(text, "env:", 4) != 0 && strncmp(text, "file:", 5) != 0))
		return e->set.origin;
	return table_text(l->mem, "%s, %s", e->set.origin, text);
}

static int32_t add_item(loader *l, buf *b, const entry *e)
{
	conf_item *item = &l->c->items[l->c->n_items];
	int32_t rc;

	buf_clear(b);
	rc = add_value(l, b, e);
	if (rc)
		return LLM_E_NOMEM;
	item->key = e->path;
	item->origin = origin_of(l, e);
	item->value = arena_dup(l->mem, buf_text(b), b->len);
	if (!item->origin || !item->value)
		return LLM_E_NOMEM;
	l->c->n_items++;
	return 0;
}

int32_t dump_items(loader *l)
{
	int32_t rc = 0;
	buf b;
	size_t i;

	l->c->items = arena_array(l->mem, l->t.n, sizeof(*l->c->items));
	if (!l->c->items)
		return LLM_E_NOMEM;
	buf_init(&b, l->mem->mem, 0);
	for (i = 1; !rc && i < l->t.n; i++)
		if (is_shown(l->t.items[i]))
			rc = add_item(l, &b, l->t.items[i]);
	buf_done(&b);
	qsort(l->c->items, l->c->n_items, sizeof(*l->c->items), by_key);
	return rc;
}
