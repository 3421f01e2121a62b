/*
 * connect.c - connections made, looked at and made again.
 *
 * Each is made from the dsn anew, never by PQreset: so password file, service file and
 * environment are read again, and a password that was changed takes no restart.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>

#include "unit.h"

#define CONNECT_PAUSE_MS 50 /* after the first failure, then twice as long each time */
#define CONNECT_MOST_MS 1000

/* ---- the dsn ---- */

/* Behind an '@' that is not escaped, libpq would take a piece of the password for the host. */
static int connect_is_plain_uri(const char *dsn)
{
	const char *at = strstr(dsn, "://"), *rest;

	if (!at || strncmp(dsn, "postgres", 8) != 0)
		return 1;
	at += 3;
	rest = at + strcspn(at, "@/");
	rest = *rest == '@' ? rest + 1 : at;
	return !memchr(rest, '@', strcspn(rest, "?"));
}

static int32_t connect_keep_secret(unit *u, size_t i, const char *text)
{
	const size_t n = strlen(text) + 1;
	char *own = u->host->alloc(u->host->ctx, LLM_SCOPE_INSTANCE, n);

	if (!own)
		return LLM_E_NOMEM;
	memcpy(own, text, n);
	u->secrets[i] = own;
	return 0;
}

/* "port= password=x" gives the port the value "password=x", which libpq would then show. */
static int connect_is_mixed_up(const PQconninfoOption *list)
{
	for (; list->keyword; list++)
		if (list->val && strstr(list->val, "password="))
			return 1;
	return 0;
}

static int32_t connect_keep_secrets(unit *u, const PQconninfoOption *list)
{
	const size_t most = sizeof(u->secrets) / sizeof(u->secrets[0]) - 1;
	size_t n = 0;
	int32_t rc = 0;

	for (; list->keyword && !rc; list++)
		if (strstr(list->keyword, "password") && list->val && *list->val && n < most)
			rc = connect_keep_secret(u, n++, list->val);
	return rc;
}

int32_t connect_check(unit *u)
{
	PQconninfoOption *list;
	int32_t rc;

	if (!connect_is_plain_uri(u->dsn))
		return unit_say(u, LLM_E_CONFIG,
			"the dsn has an '@' too many\nin a user or password of a URI write @ as %40, "
			"/ as %2F",
			NULL);
	if (!strchr(u->dsn, '=') && !strstr(u->dsn, "://"))
		return 0; /* the name of a database */
	list = PQconninfoParse(u->dsn, NULL);
	if (!list || connect_is_mixed_up(list)) { /* libpq's words would show pieces of it */
		PQconninfoFree(list);
		return unit_say(u, LLM_E_CONFIG,
			"the dsn cannot be read\nwrite \"host=... dbname=... user=...\", with values "
			"that have spaces in '...', or postgresql://USER@HOST/DATABASE",
			NULL);
	}
	rc = connect_keep_secrets(u, list);
	PQconninfoFree(list);
	return rc;
}

/* ---- connecting ---- */

static void connect_quiet(void *ctx, const char *message)
{
	(void)ctx;
	(void)message;
}

/* libpq gives the SQLSTATE of a refusal only inside its words: "FATAL:  53300: sorry, ..." */
static void connect_state(const char *text, char ret[UNIT_STATE])
{
	const char *at;

	ret[0] = '\0';
	for (at = strstr(text, ":  "); at; at = strstr(at + 1, ":  "))
		if (strspn(at + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && at[8] == ':') {
			memcpy(ret, at + 3, 5);
			ret[5] = '\0';
			return;
		}
}

static int32_t connect_failed(unit *u)
{
	const char *text = PQerrorMessage(u->db);
	char state[UNIT_STATE];

	connect_state(text, state);
	return unit_failed_as(u, state, text, "cannot connect");
}

/* How long all of it may take: libpq goes from host to host. */
static int64_t connect_until(const unit *u)
{
	const char *at;
	int64_t hosts = 1;

	for (at = strchr(u->dsn, ','); at; at = strchr(at + 1, ','))
		hosts++;
	return wait_now_ms() + hosts * u->connect_ms;
}

static int32_t connect_wait(unit *u)
{
	const int64_t until = connect_until(u);
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;
	int32_t rc;

	while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
		rc = wait_socket(u, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, until);
		if (rc == LLM_E_CANCELLED)
			return unit_say(u, rc, "cannot connect", "it was interrupted");
		if (rc)
			return unit_say(u, LLM_E_PERSISTENCE,
				"cannot connect: the server did not answer within connect_timeout\n"
				"look whether it runs, and at host and port of the dsn",
				NULL);
		state = PQconnectPoll(u->db);
	}
	return state == PGRES_POLLING_OK ? 0 : connect_failed(u);
}

static int32_t connect_look(unit *u)
{
	const char *encoding = PQparameterStatus(u->db, "server_encoding");
	char text[160];

	if (PQserverVersion(u->db) < UNIT_LEAST)
		return unit_say(u, LLM_E_UNSUPPORTED,
			"the server speaks the dialect of PostgreSQL 10 or earlier, 11 is needed",
			NULL);
	if (encoding && strcmp(encoding, "UTF8") == 0)
		return 0;
	snprintf(text, sizeof(text),
		"the database has the encoding %.40s\nmake one with: createdb --encoding=UTF8 "
		"--template=template0",
		encoding ? encoding : "of nobody knows which kind");
	return unit_say(u, LLM_E_CONFIG, text, NULL);
}

/* A time-out of TCP beside ours, so that a host that is silent gives way to the next one. */
static PGconn *connect_start(const unit *u)
{
	char ms[16];
	const char *const keys[] = {
		"fallback_application_name", "tcp_user_timeout", "dbname", "client_encoding", NULL};
	const char *const said[] = {"libllm", ms, u->dsn, "UTF8", NULL};

	snprintf(ms, sizeof(ms), "%u", (unsigned)u->connect_ms);
	return PQconnectStartParams(keys, said, 1);
}

static int32_t connect_try(unit *u)
{
	int32_t rc;

	u->db = connect_start(u);
	if (!u->db)
		return unit_say(u, LLM_E_NOMEM, "memory is short", NULL);
	PQsetNoticeProcessor(u->db, connect_quiet, NULL);
	PQsetErrorVerbosity(u->db, PQERRORS_VERBOSE);
	rc = PQstatus(u->db) == CONNECTION_BAD ? connect_failed(u) : connect_wait(u);
	if (!rc)
		rc = connect_look(u);
	if (!rc && PQsetnonblocking(u->db, 1))
		rc = connect_failed(u);
	PQsetErrorVerbosity(u->db, PQERRORS_DEFAULT);
	return rc;
}

void connect_drop(unit *u)
{
	PQfinish(u->db);
	u->db = NULL;
	u->lost = 0;
	u->stale = 0;
	memset(u->is_prepared, 0, sizeof(u->is_prepared));
}

int32_t connect_new(unit *u)
{
	int32_t rc;

	connect_drop(u);
	rc = connect_try(u);
	if (rc)
		connect_drop(u);
	return rc;
}

/* ---- again ---- */

/* Services that all wait for one server do not come back to it at one moment. */
static void connect_pause(unit *u, int32_t code)
{
	const int64_t now = wait_now_ms();
	const uint32_t next = u->retry_ms ? u->retry_ms * 2 : CONNECT_PAUSE_MS;
	const uint32_t spread = (uint32_t)((uintptr_t)u / sizeof(*u) + (uint64_t)now);

	u->retry_ms = next < CONNECT_MOST_MS ? next : CONNECT_MOST_MS;
	u->retry_at_ms = now + u->retry_ms / 2 + spread % (u->retry_ms / 2);
	u->retry_code = code;
}

/* Has the server said goodbye meanwhile? */
static int connect_is_sound(unit *u)
{
	if (!u->db || u->lost || u->stale)
		return 0;
	return PQconsumeInput(u->db) && PQstatus(u->db) == CONNECTION_OK;
}

int32_t connect_ready(unit *u, int *ret_new)
{
	int32_t rc;

	if (connect_is_sound(u)) {
		*ret_new = 0;
		return 0;
	}
	if (u->retry_ms && wait_now_ms() < u->retry_at_ms)
		return unit_say(u, u->retry_code,
			"the server could not be reached a moment ago; trying again soon", NULL);
	rc = connect_new(u);
	if (rc) {
		if (rc != LLM_E_CANCELLED)
			connect_pause(u, rc);
		return rc;
	}
	u->retry_ms = 0;
	*ret_new = 1;
	return 0;
}
