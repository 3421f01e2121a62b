/*
 * own.c - connections of our own: opened, begun, committed, looked after.
 *
 * Whatever is set is set for one transaction (SET LOCAL, as a function so that its values
 * are parameters): behind a pooler the next one may be somebody else's.
 */
#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>

#include "migrations.h"
#include "unit.h"

#define OWN_MS_MAX 100000000

/* ---- settings ---- */

static const column own_columns[] = {
	{"search_path", COLUMN_TEXT, offsetof(local, search_path)},
	{"schema", COLUMN_TEXT, offsetof(local, schema)},
	{"lock_timeout", COLUMN_TEXT, offsetof(local, lock_timeout)},
	{"statement_timeout", COLUMN_TEXT, offsetof(local, statement_timeout)},
	{"synchronous_commit", COLUMN_TEXT, offsetof(local, synchronous_commit)},
};
static const columns own_local = {
	NULL, own_columns, sizeof(own_columns) / sizeof(own_columns[0]), sizeof(local)};

static const statement own_sql_begin = {"BEGIN", NULL, NULL, NULL};
static const statement own_sql_begin_reading = {"BEGIN READ ONLY", NULL, NULL, NULL};
static const statement own_sql_commit = {"COMMIT", NULL, NULL, NULL};
static const statement own_sql_rollback = {"ROLLBACK", NULL, NULL, NULL};
/* The last one: a service that is gone without a word holds its locks no longer than this. */
static const statement own_sql_set = {
	"SELECT set_config('search_path', coalesce($1, current_setting('search_path')), true), "
	"set_config('lock_timeout', $2, true), set_config('statement_timeout', $3, true), "
	"set_config('synchronous_commit', coalesce($4, current_setting('synchronous_commit')), "
	"true), set_config('idle_in_transaction_session_timeout', '3000', true)",
	"search_path lock_timeout statement_timeout synchronous_commit", &own_local, NULL};
static const statement own_sql_schemas = {
	"SELECT count(*) AS runs FROM pg_catalog.pg_namespace WHERE nspname = $1", "schema",
	&own_local, &columns_spend};

static const char *own_setting(const llm_host *host, const char *key, const char *none)
{
	const char *text;

	return host->config(host->ctx, key, &text, NULL) ? none : text;
}

static int32_t own_ms(
	unit *u, const char *key, const char *none, const char **ret_text, uint32_t *ret_ms)
{
	const char *text = own_setting(u->host, key, none), *at = text;
	uint32_t ms = 0;

	for (; *at >= '0' && *at <= '9' && ms < OWN_MS_MAX; at++)
		ms = ms * 10 + (uint32_t)(*at - '0');
	if (*at || at == text)
		return unit_say(u, LLM_E_CONFIG, key, "it is a number of milliseconds");
	*ret_text = text;
	*ret_ms = ms;
	return 0;
}

/* One of the words, by its place. */
static int32_t own_word(
	unit *u, const char *key, const char *none, const char *const *words, int *ret)
{
	const char *text = own_setting(u->host, key, none);
	char why[80] = "it is";
	size_t at = 5, n;
	int i;

	for (i = 0; words[i]; i++)
		if (strcmp(words[i], text) == 0) {
			*ret = i;
			return 0;
		}
	for (i = 0; words[i]; i++, at += n) {
		n = strlen(words[i]) + 1;
		why[at] = ' ';
		memcpy(why + at + 1, words[i], n);
	}
	return unit_say(u, LLM_E_CONFIG, key, why);
}

static int32_t own_set_words(unit *u)
{
	static const char *const prepared[] = {"off", "on", "auto", NULL};
	static const char *const sync[] = {"off", "normal", "full", NULL};
	static const char *const access[] = {"write", "read", NULL};
	static const char *const create[] = {"false", "true", NULL};
	static const char *const commits[] = {"off", NULL, "on"};
	int which = 0;
	int32_t rc = own_word(u, "prepared", "auto", prepared, &u->prepared);

	if (!rc)
		rc = own_word(u, "access", "write", access, &u->reader);
	if (!rc)
		rc = own_word(u, "create", "false", create, &u->create);
	if (!rc)
		rc = own_word(u, "sync", "normal", sync, &which);
	u->set.synchronous_commit = commits[which];
	return rc;
}

int32_t own_set_schema(unit *u)
{
	const char *name = own_setting(u->host, "schema", NULL);
	char *quoted, *to;

	if (!name || !*name)
		return 0;
	quoted = u->host->alloc(u->host->ctx, LLM_SCOPE_INSTANCE, 2 * strlen(name) + 3);
	if (!quoted)
		return LLM_E_NOMEM;
	to = quoted;
	*to++ = '"';
	for (; *name; name++) {
		if (*name == '"')
			*to++ = '"';
		*to++ = *name;
	}
	*to = '"';
	u->set.schema = own_setting(u->host, "schema", NULL);
	u->set.search_path = quoted;
	return 0;
}

static int32_t own_settings(unit *u)
{
	const char *text;
	uint32_t ms;
	int32_t rc = own_set_words(u);

	u->set.struct_size = sizeof(u->set);
	u->dsn = own_setting(u->host, "dsn", "");
	if (!rc)
		rc = own_ms(u, "connect_timeout", "2000", &text, &u->connect_ms);
	if (!rc)
		rc = own_ms(u, "lock_timeout", "2000", &u->set.lock_timeout, &ms);
	if (!rc)
		rc = own_ms(u, "statement_timeout", "5000", &u->set.statement_timeout,
			&u->statement_ms);
	if (!rc)
		rc = own_set_schema(u);
	return rc ? rc : connect_check(u);
}

int32_t own_open(const llm_host *host, void **ret_unit)
{
	unit *u = host->alloc(host->ctx, LLM_SCOPE_INSTANCE, sizeof(*u));
	int32_t rc;

	if (!u)
		return LLM_E_NOMEM;
	u->host = host;
	u->q = native_calls();
	u->wake = -1;
	atomic_init(&u->interrupted, 0);
	rc = own_settings(u);
	if (!rc)
		rc = wait_open(u);
	if (!rc)
		rc = connect_new(u);
	if (rc)
		own_close(u);
	else
		*ret_unit = u;
	return rc;
}

void own_close(void *handle)
{
	unit *u = handle;

	if (u->db)
		own_rollback(u);
	connect_drop(u);
	wait_close(u);
}

/* ---- transactions ---- */

int own_is_open(const unit *u)
{
	const PGTransactionStatusType status = u->db && !u->lost ? PQtransactionStatus(u->db) :
								   PQTRANS_IDLE;

	return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

static int32_t own_is_free(unit *u, const char *taken)
{
	return own_is_open(u) ? unit_say(u, LLM_E_STATE, taken, NULL) : 0;
}

/* What failed before stays the last SQLSTATE. */
static void own_undo(unit *u)
{
	step undo = {.s = &own_sql_rollback};
	char state[UNIT_STATE];

	memcpy(state, u->state, sizeof(state));
	u->limit_ms = u->connect_ms;
	wait_reset(u);
	if (own_is_open(u) && trip_run(u, &undo, 1))
		u->lost = 1; /* the server rolls back what it hears no more of */
	u->limit_ms = u->statement_ms;
	memcpy(u->state, state, sizeof(state));
}

int32_t own_rollback(void *handle)
{
	own_undo(handle);
	return 0;
}

/* The opening steps and the reads; without reads the transaction stays open. */
static int32_t own_start(unit *u, const step *reads, size_t n)
{
	step steps[OWN_READS + 3] = {{.s = n ? &own_sql_begin_reading : &own_sql_begin},
		{.s = &own_sql_set, .record = &u->set}};
	int32_t rc;

	if (n > OWN_READS)
		return unit_say(u, LLM_E_INTERNAL, "too many questions at once", NULL);
	if (n) {
		memcpy(steps + 2, reads, n * sizeof(*reads));
		steps[2 + n].s = &own_sql_commit;
	}
	rc = trip_run(u, steps, n ? n + 3 : 2);
	if (rc && own_is_open(u))
		own_undo(u);
	return rc;
}

/* On a connection that was at rest the first word may show that it is none any more. */
static int32_t own_start_anywhere(unit *u, const step *reads, size_t n)
{
	int is_new = 0;
	int32_t rc = connect_ready(u, &is_new);

	if (rc)
		return rc;
	rc = own_start(u, reads, n);
	if (!rc || !u->lost || is_new || u->delivered || rc == LLM_E_CANCELLED)
		return rc;
	rc = connect_ready(u, &is_new);
	return rc ? rc : own_start(u, reads, n);
}

int32_t own_begin(void *handle)
{
	unit *u = handle;
	int32_t rc = own_is_free(u, "a transaction is open already");

	wait_reset(u);
	if (!rc && u->reader)
		rc = unit_say(u, LLM_E_STATE, "the connection was opened for reading", NULL);
	if (rc)
		return rc;
	u->limit_ms = u->connect_ms;
	u->worked = 0;
	u->wrote.kind = 0;
	rc = own_start_anywhere(u, NULL, 0);
	u->limit_ms = u->statement_ms;
	return rc;
}

int32_t own_read(unit *u, const step *steps, size_t n)
{
	int32_t rc;

	wait_reset(u);
	u->limit_ms = u->statement_ms;
	rc = own_start_anywhere(u, steps, n);
	if (rc && trip_unprepared(u))
		rc = own_start_anywhere(u, steps, n);
	return rc;
}

int32_t own_again(unit *u, step *steps, size_t n)
{
	int32_t rc;

	if (u->worked)
		return unit_say(u, LLM_E_DB_BUSY,
			"statements do not stay prepared behind a pooler, from now on they are not; "
			"try the unit again",
			NULL);
	own_rollback(u);
	rc = own_begin(u);
	return rc ? rc : trip_run(u, steps, n);
}

/* An answer that says no, or none (some engines say so themselves)? */
static int own_is_unknown(const unit *u)
{
	return u->lost || strncmp(u->state, "08", 2) == 0 || strcmp(u->state, "40003") == 0;
}

static int32_t own_commit_failed(unit *u, int32_t rc)
{
	const int unknown = own_is_unknown(u);
	int made = 0;

	own_undo(u);
	if (!unknown)
		return rc;
	if (!u->wrote.kind)
		return unit_say(u, LLM_E_DB_BUSY,
			"the connection was lost at the commit; try it again, what is there stays",
			NULL);
	if (witness_ask(u, &made))
		return unit_say(u, LLM_E_PERSISTENCE,
			"the connection was lost at the commit, and the server was not back in "
			"time: whether it was made is not known",
			NULL);
	return made ?
		0 :
		unit_say(u, LLM_E_DB_BUSY,
			"the connection was lost before the commit; try the unit again", NULL);
}

int32_t own_commit(void *handle)
{
	unit *u = handle;
	step commit = {.s = &own_sql_commit};
	int32_t rc;

	if (!own_is_open(u))
		return unit_say(u, LLM_E_STATE, "no transaction is open", NULL);
	if (PQtransactionStatus(u->db) == PQTRANS_INERROR) {
		own_rollback(u);
		return unit_say(u, LLM_E_STATE,
			"the transaction had failed before and was rolled back", NULL);
	}
	rc = trip_run(u, &commit, 1);
	return rc ? own_commit_failed(u, rc) : 0;
}

/* ---- the schema and the database as a whole ---- */

static int32_t own_steps(unit *u, uint32_t found, uint32_t version)
{
	int32_t rc = 0;

	for (; found < version && !rc; found++)
		rc = trip_script(u, sql_migrations[found].up, sql_migrations[found].name);
	for (; found > version && !rc; found--)
		rc = trip_script(u, sql_migrations[found - 1].down, sql_migrations[found - 1].name);
	return rc;
}

/* Why a schema is not migrated from here; null: it is. */
static const char *own_refusal(const llm_schema_state *s)
{
	if (s->state == LLM_SCHEMA_HALF)
		return "a migration was begun and not finished\nrestore a backup, or finish it "
		       "with the tool that began it";
	if (s->state == LLM_SCHEMA_DAMAGED)
		return "a table or column is missing\nfind out which with: llmctl db status";
	if (s->found > s->expected)
		return "the schema is newer than this plugin\nuse the libllm that it was made "
		       "for, to migrate it down as well";
	return NULL;
}

static int32_t own_is_there(void *ctx, const void *row)
{
	*(int64_t *)ctx = ((const llm_spend_row *)row)->runs;
	return 0;
}

/* A name is no parameter where a schema is made: it is in quotes, see own_set_schema. */
static int32_t own_make_schema(unit *u)
{
	static const char make[] = "CREATE SCHEMA ";
	int64_t there = 0;
	const llm_row_sink sink = {sizeof(sink), 0, &there, own_is_there};
	step look = {.s = &own_sql_schemas, .record = &u->set, .out = &sink};
	const size_t n = sizeof(make) - 1, m = strlen(u->set.search_path) + 1;
	char *text = u->host->alloc(u->host->ctx, LLM_SCOPE_SCRATCH, n + m);
	int32_t rc = text ? work_read(u, &look, 1) : LLM_E_NOMEM;

	if (rc || there)
		return rc;
	memcpy(text, make, n);
	memcpy(text + n, u->set.search_path, m);
	return trip_script(u, text, "cannot make the schema");
}

static int32_t own_migrate_inside(unit *u, uint32_t version)
{
	llm_schema_state s = {0};
	int32_t rc = u->create && u->set.schema ? own_make_schema(u) : 0;

	if (!rc)
		rc = schema_hold(u);
	if (!rc)
		rc = schema_state(u, &s);
	if (rc)
		return rc;
	if (own_refusal(&s))
		return unit_say(u, LLM_E_SCHEMA, own_refusal(&s), NULL);
	u->limit_ms = 0;
	rc = own_steps(u, s.found, version);
	if (strcmp(u->state, "23505") == 0 || strcmp(u->state, "42P07") == 0)
		return unit_say(u, LLM_E_DB_BUSY,
			"another process migrates at this moment\nlook again with: llmctl db status",
			NULL);
	return rc;
}

int32_t own_migrate(void *handle, uint32_t version)
{
	unit *u = handle;
	const char *limit = u->set.statement_timeout;
	const int prepared = u->prepared;
	int32_t rc;

	if (version == UINT32_MAX)
		version = sql_migration_count;
	if (version > sql_migration_count)
		return unit_say(u, LLM_E_UNSUPPORTED,
			"there is no schema of that number\nsee which is expected with: llmctl db status",
			NULL);
	u->set.statement_timeout = "0"; /* a change of a large table takes what it takes */
	rc = own_begin(u);
	u->set.statement_timeout = limit;
	if (rc)
		return rc;
	/* Behind a pooler names may be taken, and in the middle nothing can be said again. */
	u->prepared = PREPARED_OFF;
	rc = own_migrate_inside(u, version);
	u->prepared = prepared;
	if (!rc)
		return own_commit(u);
	own_rollback(u);
	return rc;
}

/* Names the table or column that a schema lacks which by its number has it. */
static int32_t own_check(unit *u)
{
	llm_schema_state s = {0};
	char text[500];
	int32_t rc = schema_state(u, &s);

	if (rc || s.state != LLM_SCHEMA_DAMAGED)
		return rc;
	snprintf(text, sizeof(text),
		"a table or column is missing: %.300s\nadd it again, or restore a backup", u->said);
	return unit_say(u, LLM_E_SCHEMA, text, NULL);
}

int32_t own_maintain(void *handle, uint32_t what, const char *path)
{
	unit *u = handle;
	int32_t rc = own_is_free(u, "a transaction is open");

	(void)path;
	if (rc)
		return rc;
	switch (what) {
	case LLM_MAINTAIN_CHECK:
		return own_check(u);
	case LLM_MAINTAIN_BACKUP:
		return unit_say(u, LLM_E_UNSUPPORTED,
			"a server's databases are not copied from here\nuse pg_dump", NULL);
	case LLM_MAINTAIN_VACUUM:
		return unit_say(u, LLM_E_UNSUPPORTED,
			"the server does that by itself (autovacuum)\nby hand it is VACUUM, in psql",
			NULL);
	default:
		return unit_say(u, LLM_E_UNSUPPORTED, "the server does that by itself", NULL);
	}
}
