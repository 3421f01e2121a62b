/*
 * trip.c - statements sent together and answered together: one round trip for all of them.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>

#include "unit.h"

#define TRIP_GRACE_MS 1000 /* for an answer beyond what the server was told */

/* ---- to and fro ---- */

static int32_t trip_lost(unit *u)
{
	u->lost = 1;
	return unit_failed_as(u, "08006", PQerrorMessage(u->db), "the connection is lost");
}

static int32_t trip_silent(unit *u)
{
	u->lost = 1;
	if (u->cancelling)
		return unit_say(u, LLM_E_CANCELLED, "it was interrupted", NULL);
	return unit_failed_as(
		u, "08006", "the server does not answer", "the connection is given up");
}

/* Asks the server to stop; what it then says is waited for, though not for long. */
static void trip_cancel(unit *u)
{
	PGcancel *cancel = PQgetCancel(u->db);
	char why[256];

	u->cancelling = 1;
	if (cancel)
		PQcancel(cancel, why, sizeof(why));
	PQfreeCancel(cancel);
}

static int64_t trip_until(const unit *u)
{
	if (u->cancelling)
		return wait_now_ms() + TRIP_GRACE_MS;
	return u->limit_ms ? wait_now_ms() + u->limit_ms + TRIP_GRACE_MS : 0;
}

/* Until something came in; what still waits to go out goes out meanwhile. */
static int32_t trip_wait(unit *u)
{
	const int left = PQflush(u->db);
	int32_t rc;

	if (left < 0)
		return trip_lost(u);
	rc = wait_socket(u, (short)(POLLIN | (left ? POLLOUT : 0)), trip_until(u));
	if (rc == LLM_E_CANCELLED) {
		trip_cancel(u);
		return 0;
	}
	if (rc)
		return trip_silent(u);
	/* What a server says before it hangs up is still to be read. */
	return PQconsumeInput(u->db) || !PQisBusy(u->db) ? 0 : trip_lost(u);
}

/* The next result; null between two statements. */
static int32_t trip_get(unit *u, PGresult **ret)
{
	int32_t rc = 0;

	if (PQflush(u->db) < 0)
		return trip_lost(u);
	while (!rc && PQisBusy(u->db))
		rc = trip_wait(u);
	if (!rc)
		*ret = PQgetResult(u->db);
	return rc;
}

/* ---- sending ---- */

static int32_t trip_plan(unit *u, step *steps, size_t n)
{
	uint8_t seen[ST_COUNT];
	int32_t rc = 0;
	size_t i, which;
	map *m;

	memcpy(seen, u->is_prepared, sizeof(seen));
	for (i = 0; i < n && !rc; i++) {
		steps[i].prepares = 0;
		u->failed_at = i;
		rc = stmt_map(u, steps[i].s, &m);
		if (!rc)
			rc = stmt_check(u, steps[i].s, m, steps[i].record);
		if (m == &u->other || u->prepared == PREPARED_OFF)
			continue;
		which = (size_t)(steps[i].s - statements);
		steps[i].prepares = !seen[which];
		seen[which] = 1;
	}
	return rc;
}

static int32_t trip_send_one(unit *u, const step *t)
{
	values v;
	map *m;
	int ok;

	stmt_map(u, t->s, &m);
	stmt_values(m, t->record, &v);
	if (m == &u->other || u->prepared == PREPARED_OFF)
		ok = PQsendQueryParams(
			u->db, t->s->sql, (int)m->n_in, v.types, v.list, v.lengths, v.formats, 1);
	else
		ok = (!t->prepares ||
			     PQsendPrepare(u->db, m->name, t->s->sql, (int)m->n_in, v.types)) &&
			PQsendQueryPrepared(
				u->db, m->name, (int)m->n_in, v.list, v.lengths, v.formats, 1);
	return ok ? 0 : trip_lost(u);
}

static int32_t trip_send(unit *u, const step *steps, size_t n)
{
	int32_t rc = 0;
	size_t i;

	if (!PQenterPipelineMode(u->db))
		return unit_say(u, LLM_E_INTERNAL, "the connection is not at rest", NULL);
	for (i = 0; i < n && !rc; i++)
		rc = trip_send_one(u, &steps[i]);
	if (!rc && !PQpipelineSync(u->db))
		rc = trip_lost(u);
	return rc;
}

/* ---- reading ---- */

/* What a trip has come to so far: the first failure counts, the rest is read and dropped. */
typedef struct outcome {
	int32_t rc; /* of the database */
	int32_t stopped; /* of a sink */
} outcome;

static void trip_failed(unit *u, const step *t, const PGresult *result, outcome *o)
{
	const columns *cs = t->s->out ? t->s->out : t->s->in;
	char doing[80];

	if (o->rc)
		return;
	snprintf(doing, sizeof(doing), "cannot %s%s%s", t->s->out && t->out ? "read" : "write",
		cs && cs->table ? " " : "", cs && cs->table ? cs->table : "");
	o->rc = unit_failed(u, result, cs ? doing : "the server refuses");
}

static void trip_result(unit *u, step *t, PGresult *result, outcome *o)
{
	map *m;

	switch (PQresultStatus(result)) {
	case PGRES_SINGLE_TUPLE:
	case PGRES_TUPLES_OK:
		if (!t->out || o->stopped || stmt_map(u, t->s, &m))
			break;
		u->delivered |= PQntuples(result) > 0;
		o->stopped = stmt_rows(u, t->s, m, result, t->out);
		break;
	case PGRES_COMMAND_OK:
		t->changed = stmt_changed(u, result);
		break;
	case PGRES_PIPELINE_ABORTED:
		break;
	default:
		trip_failed(u, t, result, o);
	}
}

static int32_t trip_read_prepare(unit *u, const step *t, outcome *o)
{
	PGresult *result = NULL;
	int32_t rc = trip_get(u, &result);

	if (rc)
		return rc;
	if (PQresultStatus(result) == PGRES_COMMAND_OK)
		u->is_prepared[t->s - statements] = 1;
	else if (PQresultStatus(result) != PGRES_PIPELINE_ABORTED)
		trip_failed(u, t, result, o);
	PQclear(result);
	return trip_get(u, &result); /* the end of it */
}

static int32_t trip_read_one(unit *u, step *t, outcome *o)
{
	PGresult *result = NULL;
	int32_t rc = t->prepares ? trip_read_prepare(u, t, o) : 0;

	if (t->out)
		PQsetSingleRowMode(u->db);
	while (!rc) {
		rc = trip_get(u, &result);
		if (rc || !result)
			break;
		trip_result(u, t, result, o);
		PQclear(result);
	}
	return rc;
}

static int32_t trip_read(unit *u, step *steps, size_t n, outcome *o)
{
	PGresult *result = NULL;
	int32_t rc = 0;
	size_t i;

	for (i = 0; i < n && !rc; i++) {
		if (!o->rc)
			u->failed_at = i;
		rc = trip_read_one(u, &steps[i], o);
	}
	if (!rc)
		rc = trip_get(u, &result); /* the point that all were sent up to */
	PQclear(result);
	return rc;
}

static int32_t trip_own(unit *u, step *steps, size_t n)
{
	outcome o = {0};
	int32_t rc = trip_plan(u, steps, n);

	if (rc)
		return rc;
	rc = trip_send(u, steps, n);
	if (!rc)
		rc = trip_read(u, steps, n, &o);
	if (!rc && !PQexitPipelineMode(u->db))
		rc = o.rc ? o.rc : trip_lost(u);
	if (PQstatus(u->db) != CONNECTION_OK)
		u->lost = 1;
	return o.rc ? o.rc : rc ? rc : o.stopped;
}

int32_t trip_run(unit *u, step *steps, size_t n)
{
	int32_t rc;

	u->state[0] = '\0';
	u->delivered = 0;
	if (u->bound)
		return bound_run(u, steps, n);
	if (!u->db || u->lost)
		return unit_failed_as(u, "08003", "it is closed", "the connection is lost");
	rc = trip_own(u, steps, n);
	if (u->cancelling)
		wait_reset(u);
	u->cancelling = 0;
	return rc;
}

int trip_unprepared(unit *u)
{
	if (strcmp(u->state, "26000") != 0 && strcmp(u->state, "42P05") != 0)
		return 0;
	memset(u->is_prepared, 0, sizeof(u->is_prepared));
	if (u->prepared != PREPARED_AUTO)
		return 0;
	u->prepared = PREPARED_OFF;
	return 1;
}

int32_t trip_script(unit *u, const char *sql, const char *doing)
{
	PGresult *result = NULL;
	int32_t rc = 0, failed = 0;

	u->state[0] = '\0';
	if (!PQsendQuery(u->db, sql))
		return trip_lost(u);
	while (!rc) {
		rc = trip_get(u, &result);
		if (rc || !result)
			break;
		if (PQresultStatus(result) != PGRES_COMMAND_OK &&
			PQresultStatus(result) != PGRES_TUPLES_OK && !failed)
			failed = unit_failed(u, result, doing);
		PQclear(result);
	}
	u->cancelling = 0;
	return rc ? rc : failed;
}
