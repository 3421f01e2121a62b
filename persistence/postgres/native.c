/*
 * native.c - the copy of libpq that the plugin is linked with, as a table.
 */
#include <libpq-fe.h>

#include "llm/native/postgres.h"
#include "unit.h"

const llm_postgres_calls *native_calls(void)
{
	static const llm_postgres_calls calls = LLM_POSTGRES_CALLS_INIT;

	return &calls;
}
