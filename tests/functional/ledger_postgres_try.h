/*
 * ledger_postgres_try.h - a service that records on a PostgreSQL: a server of the test's own, or
 * the one of its program.
 */
#ifndef TESTS_LEDGER_POSTGRES_TRY_H
#define TESTS_LEDGER_POSTGRES_TRY_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "llm/runner.h"
#include "support/pg.h"
#include "support/sim.h"
#include "support/talk.h"

#define PLUGINS TEST_BINARY_DIR "/plugins"
#define MODEL "ollama/sim-small"

/* A server, a database there, an upstream, a service. */
typedef struct place {
	pg *p;
	const char *database;
	sim *up;
	talk t;
	size_t unkept; /* answers that said that their end is not on record */
} place;

static inline void place_make_tables(const char *dsn)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;
	llm_storage_opts o = LLM_STORAGE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	llm_storage *st = NULL;
	llm_unit *unit = NULL;
	char setting[300];
	const char *settings[] = {setting, NULL};

	snprintf(setting, sizeof(setting), "dsn=%s", dsn);
	so.plugin_dir = PLUGINS;
	o.plugin = "postgres";
	o.settings = settings;
	o.service = &so;
	cr_assert_eq(llm_storage_new(&o, &st, &err), 0, "%s", err.message);
	cr_assert_eq(llm_unit_open(st, &unit, &err), 0, "%s", err.message);
	cr_assert_eq(llm_unit_migrate(unit, LLM_SCHEMA_LATEST, &err), 0, "%s", err.message);
	llm_unit_close(unit);
	llm_storage_free(st);
}

/* The configuration of a service that records at `dsn`. */
static inline void place_config(
	const place *l, const char *dsn, const char *ledger, char *ret, size_t cap)
{
	snprintf(ret, cap,
		"providers = { ollama = { base_url = \"%s\"; }; };\nworkspace = \"w\";\n"
		"privacy = { content = \"none\"; store = \"idempotency_only\"; };\n"
		"storage = { plugin = \"postgres\"; dsn = \"%s\"; ledger = \"%s\"; "
		"connect_timeout = \"500ms\"; };\n",
		sim_url(l->up), dsn, ledger);
}

static inline void place_open_at(place *l, const char *dsn, const char *ledger)
{
	char text[900];

	place_config(l, dsn, ledger, text, sizeof(text));
	talk_open(&l->t, PLUGINS, text, 0);
}

/* Without a service; `own`: what breaks the server. False: there is none to be had. */
static inline bool place_found(place *l, bool own, const char *const *sim_args)
{
	const char *why = pg_missing();

	if (why) {
		fprintf(stderr, "SKIP postgres: %s\n", why);
		return false;
	}
	l->unkept = 0;
	l->p = own ? pg_start(NULL) : pg_shared(getppid());
	l->database = pg_database(l->p);
	place_make_tables(pg_dsn(l->p, l->database, PG_DIRECT));
	l->up = sim_start(sim_args);
	return true;
}

static inline bool place_new(place *l, enum pg_way way, const char *ledger)
{
	if (!place_found(l, true, NULL))
		return false;
	place_open_at(l, pg_dsn(l->p, l->database, way), ledger);
	return true;
}

static inline void place_end(place *l)
{
	talk_close(&l->t);
	sim_stop(l->up);
	pg_stop(l->p);
}

#endif
