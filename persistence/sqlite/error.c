/*
 * error.c - what SQLite's codes mean here, in one sentence.
 */
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "unit.h"

int32_t unit_say(const unit *u, int32_t code, const char *what, const char *why)
{
	char text[1000];
	int n = snprintf(
		text, sizeof(text), "sqlite: %s%s%s", what, why ? ": " : "", why ? why : "");

	if (n > 0)
		u->host->set_error(u->host->ctx, code, text,
			(size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
	return code;
}

/* What a person can do, by SQLite's primary code. */
static const struct advice {
	int32_t primary;
	int32_t code;
	const char *text;
} advices[] = {
	{SQLITE_BUSY, LLM_E_DB_BUSY, "another connection is writing; try the unit again"},
	{SQLITE_LOCKED, LLM_E_DB_BUSY, "another connection is writing; try the unit again"},
	{SQLITE_INTERRUPT, LLM_E_CANCELLED, "it was interrupted"},
	{SQLITE_NOMEM, LLM_E_NOMEM, "memory is short"},
	{SQLITE_ERROR, LLM_E_SCHEMA,
		"the tables are not those of this version; see: llmctl db status"},
	{SQLITE_FULL, LLM_E_PERSISTENCE, "make room on the disk of the database"},
	{SQLITE_READONLY, LLM_E_PERSISTENCE,
		"the file, its folder or its file system is read-only"},
	{SQLITE_CANTOPEN, LLM_E_PERSISTENCE,
		"there is no such database that can be opened; make one with: llmctl db migrate"},
	{SQLITE_CORRUPT, LLM_E_PERSISTENCE,
		"the file is damaged; restore a backup of it, or put it aside and begin with a new one: "
		"llmctl db migrate --fresh"},
	{SQLITE_NOTADB, LLM_E_PERSISTENCE,
		"the file is no SQLite database; name another one, or put it aside with: llmctl db "
		"migrate --fresh"},
	{SQLITE_IOERR, LLM_E_PERSISTENCE, "the disk or file system failed"},
};

int32_t unit_failed(const unit *u, int32_t rc, const char *doing)
{
	const struct advice *a = NULL;
	char text[800];
	size_t i;
	int n;

	for (i = 0; i < sizeof(advices) / sizeof(advices[0]) && !a; i++)
		if (advices[i].primary == (rc & 0xff))
			a = &advices[i];
	n = snprintf(text, sizeof(text), "%s%s%s (%s, code %d)%s%s", doing,
		u->path && *u->path ? " in " : "", u->path ? u->path : "",
		u->db ? u->q->errmsg(u->db) : "no connection", (int)rc, a ? "\n" : "",
		a ? a->text : "");
	return unit_say(u, a ? a->code : LLM_E_PERSISTENCE, n > 0 ? text : doing, NULL);
}
