/*
 * schema.c - which schema is there, and does it fit?
 */
#include "migrations.h"
#include "unit.h"

/* What is asked of llm_schema_meta, in the members of a record that has the room. */
#define META_FOUND runs
#define META_LEAST cost_nanousd
#define META_DONE uncosted

static const statement schema_sql_tables = {
	"SELECT CAST(CASE WHEN to_regclass('llm_schema_meta') IS NULL THEN 0 ELSE 1 END AS BIGINT) "
	"AS runs, CAST(CASE WHEN to_regclass('llm_runs') IS NULL THEN 0 ELSE 1 END AS BIGINT) AS "
	"cost_nanousd",
	NULL, NULL, &columns_spend};
static const statement schema_sql_meta = {
	"SELECT CAST(coalesce(max(version), 0) AS BIGINT) AS runs, CAST(coalesce(max(least), 0) AS "
	"BIGINT) AS cost_nanousd, CAST(coalesce(min(done), 0) AS BIGINT) AS uncosted FROM "
	"llm_schema_meta",
	NULL, NULL, &columns_spend};
static const statement schema_sql_owners = {
	"SELECT id, started_us, lease_until_us, key_print FROM llm_owners WHERE id IS NULL", NULL,
	NULL, NULL};
static const statement schema_sql_hold = {
	"SELECT version FROM llm_schema_meta FOR UPDATE", NULL, NULL, NULL};

static int32_t schema_row(void *ctx, const void *row)
{
	*(llm_spend_row *)ctx = *(const llm_spend_row *)row;
	return 0;
}

static int32_t schema_ask(unit *u, const statement *s, llm_spend_row *ret)
{
	const llm_row_sink sink = {sizeof(sink), 0, ret, schema_row};
	step t = {.s = s, .out = &sink};

	return work_read(u, &t, 1);
}

int32_t schema_hold(unit *u)
{
	llm_spend_row there = {0};
	step t = {.s = &schema_sql_hold};
	int32_t rc = schema_ask(u, &schema_sql_tables, &there);

	return rc || !there.META_FOUND ? rc : work_read(u, &t, 1);
}

/* ---- does it fit? ---- */

static uint32_t schema_judge(int64_t found, int64_t least, int64_t done)
{
	const int64_t expected = sql_migration_count;

	if (!done)
		return LLM_SCHEMA_HALF;
	if (found < expected)
		return LLM_SCHEMA_OLDER;
	return least > expected ? LLM_SCHEMA_NEWER : LLM_SCHEMA_OK;
}

/* Every question can be asked, so every table and column is there; without values none finds rows. */
int32_t schema_lacks(unit *u)
{
	step steps[ST_BUDGETS - ST_RUN + 2] = {{.s = &schema_sql_owners}};
	size_t n = 1, i;

	for (i = ST_RUN; i <= ST_BUDGETS; i++)
		steps[n++].s = &statements[i];
	return work_read(u, steps, n);
}

static int32_t schema_fits(unit *u, int *ret_fits)
{
	int32_t rc = schema_lacks(u);

	*ret_fits = rc != LLM_E_SCHEMA;
	return rc == LLM_E_SCHEMA ? 0 : rc;
}

int32_t schema_state(void *handle, llm_schema_state *ret)
{
	llm_schema_state s = {.struct_size = sizeof(s), .expected = sql_migration_count};
	llm_spend_row there = {0}, meta = {0};
	unit *u = handle;
	int fits = 1;
	int32_t rc = schema_ask(u, &schema_sql_tables, &there);

	if (rc)
		return rc;
	s.state = there.META_LEAST ? LLM_SCHEMA_HALF : LLM_SCHEMA_NONE;
	if (there.META_FOUND) {
		rc = schema_ask(u, &schema_sql_meta, &meta);
		s.found = (uint32_t)meta.META_FOUND;
		s.state = schema_judge(meta.META_FOUND, meta.META_LEAST, meta.META_DONE);
	}
	if (!rc && s.state == LLM_SCHEMA_OK)
		rc = schema_fits(u, &fits);
	if (!fits)
		s.state = LLM_SCHEMA_DAMAGED;
	if (!rc)
		*ret = s;
	return rc;
}
