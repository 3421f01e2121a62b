/*
 * schema.c - which schema is there, and does it fit?
 */
#include "migrations.h"
#include "unit.h"

/* A column of llm_schema_meta as one number; 0 when there is no row. */
static int32_t schema_number(unit *u, const char *sql, int64_t *ret)
{
	int32_t rc = stmt_number(u, sql, ret);

	if (rc != LLM_E_NOT_FOUND)
		return rc;
	*ret = 0;
	return 0;
}

/* Every statement can be prepared, so every table and column is there. */
static int schema_fits(unit *u)
{
	unsigned i;

	for (i = ST_NONE + 1; i < ST_COUNT; i++)
		if (stmt_ready(u, i))
			return 0;
	return 1;
}

static uint32_t schema_judge(unit *u, int64_t found, int64_t least, int64_t done)
{
	const int64_t expected = sql_migration_count;

	if (!done)
		return LLM_SCHEMA_HALF;
	if (found < expected)
		return LLM_SCHEMA_OLDER;
	if (least > expected)
		return LLM_SCHEMA_NEWER;
	return schema_fits(u) ? LLM_SCHEMA_OK : LLM_SCHEMA_DAMAGED;
}

/* Without the table of versions: tables of ours are the rest of a broken migration. */
static int32_t schema_bare(unit *u, llm_schema_state *ret)
{
	int64_t ours = 0;
	int32_t rc = schema_number(u,
		"SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'llm_runs'",
		&ours);

	ret->state = ours ? LLM_SCHEMA_HALF : LLM_SCHEMA_NONE;
	return rc;
}

int32_t schema_state(void *handle, llm_schema_state *ret)
{
	llm_schema_state s = {.struct_size = sizeof(s), .expected = sql_migration_count};
	int64_t there = 0, found = 0, least = 0, done = 0;
	unit *u = handle;
	int32_t rc = own_clear(u);

	if (!rc)
		rc = schema_number(u,
			"SELECT count(*) FROM sqlite_master "
			"WHERE type = 'table' AND name = 'llm_schema_meta'",
			&there);
	if (!rc && !there)
		rc = schema_bare(u, &s);
	if (!rc && there) {
		rc = schema_number(u, "SELECT max(version) FROM llm_schema_meta", &found);
		if (!rc)
			rc = schema_number(u, "SELECT max(least) FROM llm_schema_meta", &least);
		if (!rc)
			rc = schema_number(u, "SELECT min(done) FROM llm_schema_meta", &done);
		if (!rc)
			s.state = schema_judge(u, found, least, done);
	}
	s.found = (uint32_t)found;
	if (!rc)
		*ret = s;
	return rc;
}
