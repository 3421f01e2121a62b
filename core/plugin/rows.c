/*
 * rows.c - what a plugin's tables lead to: words, lists, and our own copies of them.
 */
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "plugin/check.h"
#include "plugin/image.h"

#define ROWS_MAX 1024
#define ROWS_TEXT_MAX 4096

int check_word(const char *text, size_t max)
{
	size_t i;

	if (!image_text(text, max) || !*text)
		return 0;
	for (i = 0; text[i]; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return 0;
	return 1;
}

int check_name(const char *s, int dash)
{
	size_t i;

	if (!check_word(s, 63) || s[0] < 'a' || s[0] > 'z')
		return 0;
	for (i = 1; s[i]; i++)
		if (!(s[i] >= 'a' && s[i] <= 'z') && !ascii_is_digit(s[i]) && s[i] != '_' &&
			!(dash && s[i] == '-'))
			return 0;
	return 1;
}

int check_line(const char *s, int optional)
{
	size_t i;

	if (!s)
		return optional;
	if (!image_text(s, ROWS_TEXT_MAX) || !utf8_valid(s, strlen(s)))
		return 0;
	for (i = 0; s[i]; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return 0;
	return 1;
}

static int rows_key_valid(const void *row)
{
	const llm_key_info *k = row;

	return k->type && check_name(k->name, 0) && check_line(k->unit, 1) &&
		check_line(k->default_text, 1) && check_line(k->help, 1);
}

const check_list check_keys = {
	{CHECK_THROUGH(llm_key_info, help)}, sizeof(llm_key_info), rows_key_valid, NULL};

/* Pointer number `i` of a list of any type of pointer; 0 when it cannot be read. */
static int rows_at(const void *list, size_t i, const void **ret)
{
	const char *at = (const char *)list + i * sizeof(*ret);

	if (image_room(at) < sizeof(*ret))
		return 0;
	memcpy(ret, at, sizeof(*ret));
	return 1;
}

int32_t check_refuse_list(const plugin *p, const char *name, size_t row, llm_err *err)
{
	return err_set(err, LLM_E_PLUGIN,
		"plugin file %s: describe returned a damaged list %s (row %zu)", p->path, name,
		row + 1);
}

int32_t check_count(
	const void *list, const char *name, const plugin *p, size_t *ret_n, llm_err *err)
{
	const void *row;
	size_t n;

	for (n = 0; n < ROWS_MAX; n++) {
		if (!rows_at(list, n, &row))
			break;
		if (!row) {
			*ret_n = n;
			return 0;
		}
	}
	return check_refuse_list(p, name, n, err);
}

/* Our copy of one row in *ret. */
static int32_t rows_one(const check_list *kind, const void *list, size_t i, arena *ar, void **ret)
{
	const void *theirs;
	uint32_t size;
	void *copy;
	int bad;

	if (!rows_at(list, i, &theirs))
		return LLM_E_PLUGIN;
	size = check_size(theirs, kind->sizes, 1, &bad);
	if (!size || bad)
		return LLM_E_PLUGIN;
	copy = check_adopt(ar, theirs, size, kind->ours);
	if (!copy)
		return LLM_E_NOMEM;
	if (!kind->valid(copy))
		return LLM_E_PLUGIN;
	*ret = copy;
	return 0;
}

int32_t check_rows(const check_list *kind, const char *name, const void *theirs, arena *ar,
	const plugin *p, void **ret, llm_err *err)
{
	size_t n = 0, i, used = 0;
	char *rows;
	void *row;
	int32_t rc;

	rc = theirs ? check_count(theirs, name, p, &n, err) : 0;
	if (rc)
		return rc;
	rows = arena_array(ar, n + 1, sizeof(void *));
	if (!rows)
		return LLM_E_NOMEM;
	for (i = 0; i < n; i++) {
		rc = rows_one(kind, theirs, i, ar, &row);
		if (rc == LLM_E_PLUGIN)
			return check_refuse_list(p, name, i, err);
		if (rc)
			return rc;
		if (!kind->used || kind->used(row))
			memcpy(rows + used++ * sizeof(row), &row, sizeof(row));
	}
	*ret = rows;
	return 0;
}
