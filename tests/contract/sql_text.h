/*
 * sql_text.h - what the text of a migration may have, and how records differ from tables; the
 * same for every dialect.
 */
#ifndef TESTS_CONTRACT_SQL_TEXT_H
#define TESTS_CONTRACT_SQL_TEXT_H

#include <string.h>

#include <criterion/criterion.h>

static inline void sql_check_text(const char *name, const char *sql)
{
	static const char *const banned[] = {"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "TRIGGER",
		"FUNCTION", "PROCEDURE", "SEQUENCE", "SERIAL", "IDENTITY", "AUTOINCREMENT",
		"NEXTVAL", "DO $", "$$", "::", "%", "PRAGMA", "\\", "\"\"\""};
	const char *at;
	size_t i, quotes = 0;

	for (i = 0; i < sizeof(banned) / sizeof(banned[0]); i++)
		cr_expect_null(strcasestr(sql, banned[i]), "%s has %s", name, banned[i]);
	for (at = sql; (at = strstr(at, "--")); at++)
		cr_expect_gt(strcspn(at, ";"), strcspn(at, "\n"), "%s: a ; in a comment", name);
	for (at = sql; *at; at++) {
		quotes += *at == '\'';
		if (*at == ';')
			cr_expect(at[1] == '\n' && quotes % 2 == 0,
				"%s: a statement ends with ; at the end of its line", name);
		if (*at == ':')
			cr_expect_fail("%s: a colon may be read as a parameter", name);
	}
	cr_expect(at - sql > 2 && strcmp(at - 2, ";\n") == 0, "%s ends with a statement", name);
}

/* What a migration after the first may do: nothing that a library before it would miss. */
static inline int sql_only_adds(const char *sql)
{
	static const char *const allowed[] = {"CREATE TABLE ", "CREATE INDEX ", "CREATE VIEW ",
		"INSERT INTO llm_schema_meta ", "UPDATE llm_schema_meta "};
	const size_t end = strcspn(sql, ";");
	const char *adds = memmem(sql, end, " ADD COLUMN ", 12);
	const char *strict = memmem(sql, end, " NOT NULL", 9);
	size_t i;

	for (i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (strncmp(sql, allowed[i], strlen(allowed[i])) == 0)
			return 1;
	return strncmp(sql, "ALTER TABLE ", 12) == 0 && adds &&
		(!strict || memmem(strict, end - (size_t)(strict - sql), " DEFAULT ", 9));
}

/* Members that are not columns: leases and terms are relative, the tables' are instants. */
static inline int sql_is_relative(const char *name)
{
	return strcmp(name, "lease_us") == 0 || strcmp(name, "lease_left_us") == 0 ||
		strcmp(name, "ttl_us") == 0 || strcmp(name, "left_us") == 0 ||
		strcmp(name, "nanousd") == 0;
}

#endif
