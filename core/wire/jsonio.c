/*
 * jsonio.c - Jansson behind a check of depth (its own limit is 2048) and of syntax
 * (it calls some lack of memory a syntax error).
 */
#include "wire/jsonio.h"

#include "base/err.h"
#include "wire/jsonr.h"

#include <string.h>

/* Line and column of byte `at`, both from 1, the column in characters. */
static void jsonio_place(const char *text, size_t at, size_t *ret_line, size_t *ret_column)
{
	size_t line = 1;
	size_t column = 1;

	for (size_t i = 0; i < at; i++) {
		if (text[i] == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)text[i] & 0xC0) != 0x80) {
			column++;
		}
	}
	*ret_line = line;
	*ret_column = column;
}

static int32_t jsonio_refuse(
	llm_err *err, const char *what, size_t line, size_t column, const char *problem)
{
	return err_set(err, LLM_E_INVALID_REQUEST,
		"%s is not usable JSON, line %zu column %zu: %s.", what, line, column, problem);
}

/* Where nesting gets too deep; `len` when it does not. Brackets in strings do not count. */
static size_t jsonio_too_deep(const char *text, size_t len)
{
	size_t depth = 0;
	int in_string = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"')
			in_string = !in_string;
		else if (in_string)
			i += text[i] == '\\';
		else if ((text[i] == '[' || text[i] == '{') && ++depth > JSONIO_DEPTH)
			return i;
		else if ((text[i] == ']' || text[i] == '}') && depth)
			depth--;
	}
	return len;
}

static int32_t jsonio_check_depth(const char *text, size_t len, const char *what, llm_err *err)
{
	size_t at = jsonio_too_deep(text, len);
	size_t line;
	size_t column;

	if (at == len)
		return 0;
	jsonio_place(text, at, &line, &column);
	return jsonio_refuse(err, what, line, column, "it is nested deeper than 64 levels");
}

static int32_t jsonio_check_syntax(
	const char *text, size_t len, int want_object, const char *what, llm_err *err)
{
	jsonr r;
	int kind;
	size_t line;
	size_t column;

	jsonr_init(&r, text, len);
	kind = jsonr_peek(&r);
	(void)jsonr_skip(&r);
	if (jsonr_finish(&r)) {
		jsonio_place(text, jsonr_offset(&r), &line, &column);
		return jsonio_refuse(err, what, line, column, r.problem);
	}
	if (want_object && kind != JSONR_OBJECT)
		return jsonio_refuse(err, what, 1, 1, "it must be an object");
	return 0;
}

int32_t jsonio_check(const char *text, size_t len, int want_object, const char *what, llm_err *err)
{
	const char *given = len ? text : "";
	int32_t rc = jsonio_check_depth(given, len, what, err);

	return rc ? rc : jsonio_check_syntax(given, len, want_object, what, err);
}

/* Jansson's own words are not used: they quote the text, which may hold a secret. */
static int32_t jsonio_explain(const json_error_t *e, const char *what, llm_err *err)
{
	size_t line = e->line > 0 ? (size_t)e->line : 1;
	size_t column = e->column > 0 ? (size_t)e->column : 1;

	switch (e->text[0] ? json_error_code(e) : json_error_unknown) {
	case json_error_duplicate_key:
		return jsonio_refuse(err, what, line, column, "a key appears twice in one object");
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return jsonio_refuse(err, what, line, column, "a string holds a NUL");
	case json_error_numeric_overflow:
		return jsonio_refuse(err, what, line, column, "a number is too large");
	default:
		/* The syntax was found right, so what Jansson calls wrong is a lack of memory. */
		return err_set(err, LLM_E_NOMEM, "There is no memory to read %s.", what);
	}
}

int32_t jsonio_load(const char *text, size_t len, const char *what, json_t **ret, llm_err *err)
{
	int32_t rc = jsonio_check(text, len, 0, what, err);
	json_error_t e = {.text = ""};
	json_t *tree;

	if (rc)
		return rc;
	tree = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
	if (!tree)
		return jsonio_explain(&e, what, err);
	*ret = tree;
	return 0;
}

int32_t jsonio_check_library(llm_err *err)
{
	if (jansson_version_cmp(2, 14, 0) >= 0)
		return 0;
	return err_set(err, LLM_E_CONFIG, "Jansson %s is too old: 2.14 or later is needed",
		jansson_version_str());
}
