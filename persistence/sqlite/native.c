/*
 * native.c - the copy of SQLite that the plugin is linked with, as a table.
 */
#include <sqlite3.h>

#include "llm/native/sqlite.h"
#include "unit.h"

const llm_sqlite_calls *native_calls(void)
{
	static const llm_sqlite_calls calls = LLM_SQLITE_CALLS_INIT;

	return &calls;
}
