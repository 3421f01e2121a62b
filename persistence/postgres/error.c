/*
 * error.c - what SQLSTATEs mean here, in one sentence.
 */
#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>

#include "unit.h"

int32_t unit_say(const unit *u, int32_t code, const char *what, const char *why)
{
	char text[1000];
	int n = snprintf(
		text, sizeof(text), "postgres: %s%s%s", what, why ? ": " : "", why ? why : "");

	if (n > 0)
		u->host->set_error(u->host->ctx, code, text,
			(size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
	return code;
}

/* What a person can do, by the beginning of the SQLSTATE; the first that fits counts. */
static const struct advice {
	const char *begins;
	int32_t code;
	const char *text;
} advices[] = {
	{"08", LLM_E_DB_BUSY, "the connection is gone; try the unit again, it connects anew"},
	{"22021", LLM_E_INVALID_REQUEST, "text must be UTF-8 without NUL"},
	{"22P05", LLM_E_INVALID_REQUEST, "text must be UTF-8 without NUL"},
	{"25006", LLM_E_PERSISTENCE,
		"the server only reads: name the primary, or several hosts and "
		"target_session_attrs=read-write"},
	{"25P02", LLM_E_STATE, "the transaction has failed before; roll it back"},
	{"25P03", LLM_E_DB_BUSY, "the transaction was idle for too long; try the unit again"},
	{"26000", LLM_E_DB_BUSY,
		"a pooler in between does not keep prepared statements: prepared = \"auto\" or "
		"\"off\""},
	{"42P05", LLM_E_DB_BUSY,
		"a pooler in between does not keep prepared statements: prepared = \"auto\" or "
		"\"off\""},
	{"28", LLM_E_PERSISTENCE, "look at user, password (also PGPASSFILE) and pg_hba.conf"},
	{"3D000", LLM_E_PERSISTENCE, "make the database with: createdb --encoding=UTF8"},
	{"3F000", LLM_E_SCHEMA, "make the schema with CREATE SCHEMA, then: llmctl db migrate"},
	{"40", LLM_E_DB_BUSY, "another transaction was first; try the unit again"},
	{"42P01", LLM_E_SCHEMA, "the tables are not those of this version; see: llmctl db status"},
	{"42703", LLM_E_SCHEMA, "the tables are not those of this version; see: llmctl db status"},
	{"42501", LLM_E_PERSISTENCE, "the role of the connection lacks a right: see GRANT"},
	{"42883", LLM_E_UNSUPPORTED, "the server lacks a function of PostgreSQL 11"},
	{"53100", LLM_E_PERSISTENCE, "make room on the disk of the server"},
	{"53300", LLM_E_DB_BUSY, "the server has no connection left; try again later"},
	{"55P03", LLM_E_DB_BUSY, "another transaction holds the row; try the unit again"},
	{"57014", LLM_E_DB_BUSY, "it took longer than statement_timeout; try the unit again"},
	{"57P", LLM_E_DB_BUSY, "the server is going down or coming up; try the unit again"},
	{"XX001", LLM_E_PERSISTENCE, "the database is damaged; restore a backup"},
	{"XX002", LLM_E_PERSISTENCE, "an index is damaged; see REINDEX"},
};

/* What libpq says by itself has no SQLSTATE. */
static const struct advice no_password = {"", LLM_E_PERSISTENCE,
	"give one in a password file (~/.pgpass or PGPASSFILE, mode 0600), or in PGPASSWORD"};
static const struct advice no_certificate = {"", LLM_E_PERSISTENCE,
	"name in sslrootcert= (or PGSSLROOTCERT) the file of who signed the server's certificate"};
static const struct advice no_service = {"", LLM_E_PERSISTENCE,
	"look at ~/.pg_service.conf, or at the file that PGSERVICEFILE names"};

static const struct advice *advice_of_words(const char *text)
{
	if (strstr(text, "no password supplied"))
		return &no_password;
	if (strstr(text, "root certificate file") || strstr(text, "certificate verify failed"))
		return &no_certificate;
	return strstr(text, "definition of service") ? &no_service : NULL;
}

static const struct advice *advice_of(const char *state)
{
	size_t i;

	for (i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		if (strncmp(advices[i].begins, state, strlen(advices[i].begins)) == 0)
			return &advices[i];
	return NULL;
}

int32_t unit_failed_as(unit *u, const char *state, const char *text, const char *doing)
{
	const struct advice *a = *state ? advice_of(state) : advice_of_words(text);
	int32_t code = a ? a->code : LLM_E_PERSISTENCE;
	char all[800];
	int n;

	snprintf(u->state, sizeof(u->state), "%s", state);
	if (strcmp(state, "25006") == 0)
		u->stale = 1; /* what is at this address is not what is wanted */
	if (u->cancelling && strcmp(state, "57014") == 0)
		return unit_say(u, LLM_E_CANCELLED, doing, "it was interrupted");
	unit_plain(u, text, u->said, sizeof(u->said));
	n = snprintf(all, sizeof(all), "%s: %s%s%s%s%s%s", doing, u->said,
		*state ? " (SQLSTATE " : "", state, *state ? ")" : "", a ? "\n" : "",
		a ? a->text : "");
	return unit_say(u, code, n > 0 ? all : doing, NULL);
}

int32_t unit_failed(unit *u, const void *result, const char *doing)
{
	const char *state = result ? u->q->result_error_field(result, PG_DIAG_SQLSTATE) : NULL;
	const char *text = result ? u->q->result_error_field(result, PG_DIAG_MESSAGE_PRIMARY) :
				    NULL;

	if (!text)
		text = u->q->error_message(u->db);
	return unit_failed_as(u, state ? state : "", text, doing);
}

/* ---- secrets ---- */

/* The length of the secret that `text` begins with, or 0. */
static size_t plain_secret(const unit *u, const char *text)
{
	const char *pass = !u->bound && u->db ? PQpass(u->db) : NULL;
	size_t i;

	for (i = 0; u->secrets[i]; i++)
		if (strncmp(text, u->secrets[i], strlen(u->secrets[i])) == 0)
			return strlen(u->secrets[i]);
	return pass && *pass && strncmp(text, pass, strlen(pass)) == 0 ? strlen(pass) : 0;
}

void unit_plain(const unit *u, const char *text, char *ret, size_t cap)
{
	size_t at = 0, hidden;

	while (*text && *text != '\n' && at + 4 < cap) {
		hidden = plain_secret(u, text);
		if (hidden) {
			memcpy(ret + at, "***", 3);
			at += 3;
			text += hidden;
		} else {
			ret[at++] = *text++;
		}
	}
	ret[at] = '\0';
}
