/*
 * bound.c - units on a connection of the host's, by the host's own copy of libpq.
 *
 * The host's transaction stays usable whatever fails: all that runs here runs behind a
 * savepoint of ours, which is gone again when the call returns.
 */
#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>

#include "unit.h"

static int32_t bound_is_utf8(const unit *u, const void *conn, const char *which)
{
	const char *is = u->q->parameter_status(conn, which);
	char why[120];

	if (is && strcmp(is, "UTF8") == 0)
		return 0;
	snprintf(why, sizeof(why), "%s of the connection is %.40s, it must be UTF8", which,
		is ? is : "not known");
	return unit_say(u, LLM_E_UNSUPPORTED, why, NULL);
}

static int32_t bound_check_session(const unit *u, const void *conn)
{
	int32_t rc;

	if (u->q->status(conn) != CONNECTION_OK)
		return unit_say(u, LLM_E_STATE, "the connection is lost: make a new one", NULL);
	if (u->q->pipeline_status(conn) != PQ_PIPELINE_OFF)
		return unit_say(u, LLM_E_STATE,
			"the connection is in pipeline mode: leave it, then bind", NULL);
	if (u->q->server_version(conn) < UNIT_LEAST)
		return unit_say(u, LLM_E_UNSUPPORTED,
			"the server speaks the dialect of PostgreSQL 10 or earlier, 11 is needed",
			NULL);
	rc = bound_is_utf8(u, conn, "server_encoding");
	return rc ? rc : bound_is_utf8(u, conn, "client_encoding");
}

/* Also before each call: a host may have ended its transaction meanwhile. */
static int32_t bound_check_open(const unit *u, const void *conn)
{
	switch (u->q->transaction_status(conn)) {
	case PQTRANS_INTRANS:
		return 0;
	case PQTRANS_INERROR:
		return unit_say(u, LLM_E_STATE,
			"the transaction of the connection has failed: roll it back", NULL);
	case PQTRANS_ACTIVE:
		return unit_say(u, LLM_E_STATE,
			"the connection is still busy with a command of the host's", NULL);
	default:
		return unit_say(u, LLM_E_STATE,
			"the connection has no open transaction: begin one, then bind", NULL);
	}
}

static int32_t bound_check(unit *u, const llm_native *native)
{
	const llm_postgres_calls *q = native->calls;
	int32_t rc;

	if (native->struct_size < sizeof(*native) || !native->kind ||
		strcmp(native->kind, LLM_NATIVE_POSTGRES) != 0)
		return unit_say(u, LLM_E_INVALID_REQUEST,
			"the handle is of another kind than " LLM_NATIVE_POSTGRES, native->kind);
	if (!native->handle || !q || q->struct_size < sizeof(*q))
		return unit_say(u, LLM_E_INVALID_REQUEST,
			"the handle or its functions are missing; fill them with "
			"llm_native_postgres",
			NULL);
	u->q = q;
	rc = bound_check_session(u, native->handle);
	return rc ? rc : bound_check_open(u, native->handle);
}

int32_t bound_bind(const llm_host *host, const llm_native *native, void **ret_unit)
{
	unit *u = host->alloc(host->ctx, LLM_SCOPE_INSTANCE, sizeof(*u));
	int32_t rc;

	if (!u)
		return LLM_E_NOMEM;
	u->host = host;
	u->bound = 1;
	u->wake = -1;
	rc = bound_check(u, native);
	if (!rc)
		rc = own_set_schema(u);
	if (rc)
		return rc;
	u->db = native->handle;
	*ret_unit = u;
	return 0;
}

/* Nothing was prepared, and no savepoint is left. */
void bound_release(void *handle)
{
	((unit *)handle)->db = NULL;
}

/* ---- running ---- */

static int32_t bound_result(unit *u, step *t, map *m, void *result)
{
	switch (result ? u->q->result_status(result) : PGRES_FATAL_ERROR) {
	case PGRES_TUPLES_OK:
		return t->out ? stmt_rows(u, t->s, m, result, t->out) : 0;
	case PGRES_COMMAND_OK:
		t->changed = stmt_changed(u, result);
		return 0;
	default:
		return unit_failed(u, result, t->out ? "cannot read" : "cannot write");
	}
}

static int32_t bound_step(unit *u, step *t)
{
	values v;
	map *m;
	void *result;
	int32_t rc = stmt_map(u, t->s, &m);

	if (!rc)
		rc = stmt_check(u, t->s, m, t->record);
	if (rc)
		return rc;
	stmt_values(m, t->record, &v);
	result = u->q->exec_params(
		u->db, t->s->sql, (int32_t)m->n_in, v.types, v.list, v.lengths, v.formats, 1);
	rc = bound_result(u, t, m, result);
	u->q->clear(result);
	return rc;
}

/* ---- the search path, while it is ours ---- */

typedef struct path {
	uint32_t struct_size;
	const char *search_path;
} path;

static const column bound_columns[] = {{"search_path", COLUMN_TEXT, offsetof(path, search_path)}};
static const columns bound_path = {NULL, bound_columns, 1, sizeof(path)};
static const statement bound_sql_take = {
	"SELECT current_setting('search_path') AS search_path, set_config('search_path', $1, true)",
	"search_path", &bound_path, &bound_path};
static const statement bound_sql_give = {
	"SELECT set_config('search_path', $1, true)", "search_path", &bound_path, NULL};

typedef struct taken {
	unit *u;
	path before;
} taken;

static int32_t bound_before(void *ctx, const void *row)
{
	const char *text = ((const path *)row)->search_path;
	const size_t n = strlen(text) + 1;
	taken *t = ctx;
	char *own = t->u->host->alloc(t->u->host->ctx, LLM_SCOPE_SCRATCH, n);

	if (!own)
		return LLM_E_NOMEM;
	t->before.search_path = memcpy(own, text, n);
	return 0;
}

static int32_t bound_inside(unit *u, step *steps, size_t n)
{
	const path mine = {sizeof(mine), u->set.search_path};
	taken t = {u, {sizeof(t.before), NULL}};
	const llm_row_sink sink = {sizeof(sink), 0, &t, bound_before};
	step take = {.s = &bound_sql_take, .record = &mine, .out = &sink};
	step give = {.s = &bound_sql_give, .record = &t.before};
	int32_t rc = mine.search_path ? bound_step(u, &take) : 0;
	size_t i;

	for (i = 0; i < n && !rc; i++) {
		u->failed_at = i;
		rc = bound_step(u, &steps[i]);
	}
	return rc || !mine.search_path ? rc : bound_step(u, &give);
}

/* ---- behind a savepoint ---- */

static int32_t bound_do(unit *u, unsigned which)
{
	step t = {.s = &statements[which]};

	return bound_step(u, &t);
}

int32_t bound_run(unit *u, step *steps, size_t n)
{
	int32_t rc = bound_check_open(u, u->db);
	char state[UNIT_STATE];

	if (!rc)
		rc = bound_do(u, ST_SAVEPOINT);
	if (rc)
		return rc;
	rc = bound_inside(u, steps, n);
	if (!rc)
		return bound_do(u, ST_RELEASE);
	memcpy(state, u->state, sizeof(state));
	if (!bound_do(u, ST_ROLLBACK_TO))
		bound_do(u, ST_RELEASE);
	memcpy(u->state, state, sizeof(state));
	return rc;
}
