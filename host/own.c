/*
 * own.c - connections of our own, without a thread.
 */
#include "host.h"

#include <stdio.h>
#include <string.h>

int32_t host_say(llm_err *err, int32_t code, const char *text)
{
	const llm_error_info *info = llm_error_info_of(code);
	llm_err e = LLM_ERR_INIT;

	if (!err)
		return code;
	e.code = code;
	e.err_class = info ? info->err_class : LLM_CLASS_LOCAL;
	snprintf(e.message, sizeof(e.message), "%s", text);
	e.struct_size = err->struct_size < sizeof(e) ? err->struct_size : (uint32_t)sizeof(e);
	memcpy(err, &e, e.struct_size);
	return code;
}

int32_t llm_unit_open(llm_storage *storage, llm_unit **ret, llm_err *err)
{
	llm_unit *u = NULL;
	void *connection = NULL;
	int32_t rc = llm_unit_new(storage, &u, err);

	if (rc)
		return rc;
	llm_unit_enter(u, "open");
	rc = llm_unit_table(u)->open(llm_unit_host(u), &connection);
	rc = llm_unit_called(u, "open", rc, err);
	if (rc) {
		llm_unit_release(u);
		return rc;
	}
	llm_unit_attach(u, connection);
	*ret = u;
	return 0;
}

void llm_unit_close(llm_unit *unit)
{
	if (!unit)
		return;
	if (!llm_unit_is_bound(unit) && llm_unit_connection(unit)) {
		llm_unit_enter(unit, "close");
		llm_unit_table(unit)->close(llm_unit_connection(unit));
		(void)llm_unit_called(unit, "close", 0, NULL);
	}
	llm_unit_release(unit);
}

/* On a host's handle the transaction is the host's: the plugin is not even asked. */
static int32_t own_step(
	llm_unit *u, const char *slot, int32_t (*step)(void *connection), llm_err *err)
{
	char text[160];

	if (!u || llm_unit_is_bound(u) || !llm_unit_connection(u)) {
		snprintf(text, sizeof(text),
			"%s is for connections of our own: on a handle of the host's the host does it",
			slot);
		return host_say(err, LLM_E_STATE, text);
	}
	llm_unit_enter(u, slot);
	return llm_unit_called(u, slot, step(llm_unit_connection(u)), err);
}

int32_t llm_unit_begin(llm_unit *unit, llm_err *err)
{
	return own_step(unit, "begin", unit ? llm_unit_table(unit)->begin : NULL, err);
}

int32_t llm_unit_commit(llm_unit *unit, llm_err *err)
{
	return own_step(unit, "commit", unit ? llm_unit_table(unit)->commit : NULL, err);
}

int32_t llm_unit_rollback(llm_unit *unit, llm_err *err)
{
	return own_step(unit, "rollback", unit ? llm_unit_table(unit)->rollback : NULL, err);
}

void llm_unit_interrupt(llm_unit *unit)
{
	if (unit && !llm_unit_is_bound(unit) && llm_unit_connection(unit))
		llm_unit_table(unit)->interrupt(llm_unit_connection(unit));
}

/* ---- the schema ---- */

int32_t llm_unit_migrate(llm_unit *unit, uint32_t version, llm_err *err)
{
	const llm_storage_vtable *table;

	if (!unit || llm_unit_is_bound(unit) || !llm_unit_connection(unit))
		return host_say(err, LLM_E_STATE, "migrate is for connections of our own");
	table = llm_unit_table(unit);
	if (!table->migrate)
		return 0; /* it has no schema */
	llm_unit_enter(unit, "migrate");
	return llm_unit_called(
		unit, "migrate", table->migrate(llm_unit_connection(unit), version), err);
}

static const char *schema_words(uint32_t state)
{
	switch (state) {
	case LLM_SCHEMA_NONE:
		return "there are no tables of libllm yet\nmake them with: llmctl db migrate";
	case LLM_SCHEMA_OLDER:
		return "the tables are older than this libllm\nmigrate them with: llmctl db migrate";
	case LLM_SCHEMA_NEWER:
		return "the tables are newer than this libllm\nuse the libllm that they were made for";
	case LLM_SCHEMA_HALF:
		return "a migration was begun and not finished\nrestore a backup, or finish it with "
		       "the tool that began it";
	default:
		return "a table or column is missing\nfind out which with: llmctl db status";
	}
}

int32_t llm_unit_check_schema(llm_unit *unit, llm_err *err)
{
	llm_schema_state s = {.struct_size = sizeof(s)};
	const llm_storage_vtable *table;
	char text[400];
	int32_t rc;

	if (!unit || !llm_unit_connection(unit))
		return host_say(err, LLM_E_STATE, "the unit has no connection");
	table = llm_unit_table(unit);
	if (!table->schema)
		return 0;
	llm_unit_enter(unit, "schema");
	rc = llm_unit_called(unit, "schema", table->schema(llm_unit_connection(unit), &s), err);
	if (rc || s.state == LLM_SCHEMA_OK)
		return rc;
	snprintf(text, sizeof(text), "schema %u was found, %u is expected: %s", (unsigned)s.found,
		(unsigned)s.expected, schema_words(s.state));
	return host_say(err, LLM_E_SCHEMA, text);
}
