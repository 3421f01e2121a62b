/*
 * llm/native/sqlite.h - hands a SQLite handle of the host's to llm_unit_bind.
 *
 * Include it in one source file of the host, behind <sqlite3.h> of the copy that the
 * handle belongs to (3.35 or later), or behind <sqlite3ext.h> in a loadable
 * extension. Everything here is static: the table holds the functions that this
 * source file would call itself, so a host with a bundled SQLite works.
 *
 *	llm_sqlite_calls calls = {0};
 *	llm_native native = {0};
 *	llm_native_sqlite(db, &calls, &native);
 *
 * Both structs stay where they are as long as the unit.
 */
#ifndef LLM_NATIVE_SQLITE_H
#define LLM_NATIVE_SQLITE_H

#include "../abi/ext/sqlite.h"
#include "../abi/storage.h"

static inline const char *llm_sqlite_libversion(void)
{
	return sqlite3_libversion();
}

static inline int32_t llm_sqlite_libversion_number(void)
{
	return sqlite3_libversion_number();
}

static inline const char *llm_sqlite_errmsg(void *db)
{
	return sqlite3_errmsg((sqlite3 *)db);
}

static inline int32_t llm_sqlite_extended_errcode(void *db)
{
	return sqlite3_extended_errcode((sqlite3 *)db);
}

static inline int32_t llm_sqlite_get_autocommit(void *db)
{
	return sqlite3_get_autocommit((sqlite3 *)db);
}

static inline const char *llm_sqlite_db_filename(void *db, const char *name)
{
	return sqlite3_db_filename((sqlite3 *)db, name);
}

static inline int64_t llm_sqlite_changes(void *db)
{
	return sqlite3_changes((sqlite3 *)db);
}

static inline int32_t llm_sqlite_prepare(void *db, const char *sql, void **ret_stmt)
{
	sqlite3_stmt *stmt = 0;
	int rc = sqlite3_prepare_v2((sqlite3 *)db, sql, -1, &stmt, 0);

	if (rc == SQLITE_OK)
		*ret_stmt = stmt;
	return rc;
}

static inline int32_t llm_sqlite_step(void *stmt)
{
	return sqlite3_step((sqlite3_stmt *)stmt);
}

static inline int32_t llm_sqlite_reset(void *stmt)
{
	int rc = sqlite3_reset((sqlite3_stmt *)stmt);

	sqlite3_clear_bindings((sqlite3_stmt *)stmt);
	return rc;
}

static inline int32_t llm_sqlite_finalize(void *stmt)
{
	return sqlite3_finalize((sqlite3_stmt *)stmt);
}

static inline int32_t llm_sqlite_bind_parameter_count(void *stmt)
{
	return sqlite3_bind_parameter_count((sqlite3_stmt *)stmt);
}

static inline const char *llm_sqlite_bind_parameter_name(void *stmt, int32_t i)
{
	return sqlite3_bind_parameter_name((sqlite3_stmt *)stmt, i);
}

static inline int32_t llm_sqlite_bind_null(void *stmt, int32_t i)
{
	return sqlite3_bind_null((sqlite3_stmt *)stmt, i);
}

static inline int32_t llm_sqlite_bind_int64(void *stmt, int32_t i, int64_t value)
{
	return sqlite3_bind_int64((sqlite3_stmt *)stmt, i, value);
}

static inline int32_t llm_sqlite_bind_text(void *stmt, int32_t i, const char *text, uint64_t len)
{
	return sqlite3_bind_text64((sqlite3_stmt *)stmt, i, text, len, SQLITE_STATIC, SQLITE_UTF8);
}

static inline int32_t llm_sqlite_bind_blob(void *stmt, int32_t i, const void *bytes, uint64_t len)
{
	return sqlite3_bind_blob64((sqlite3_stmt *)stmt, i, bytes, len, SQLITE_STATIC);
}

static inline int32_t llm_sqlite_column_count(void *stmt)
{
	return sqlite3_column_count((sqlite3_stmt *)stmt);
}

static inline const char *llm_sqlite_column_name(void *stmt, int32_t i)
{
	return sqlite3_column_name((sqlite3_stmt *)stmt, i);
}

static inline int32_t llm_sqlite_column_type(void *stmt, int32_t i)
{
	return sqlite3_column_type((sqlite3_stmt *)stmt, i);
}

static inline int64_t llm_sqlite_column_int64(void *stmt, int32_t i)
{
	return sqlite3_column_int64((sqlite3_stmt *)stmt, i);
}

static inline const char *llm_sqlite_column_text(void *stmt, int32_t i)
{
	return (const char *)sqlite3_column_text((sqlite3_stmt *)stmt, i);
}

static inline const void *llm_sqlite_column_blob(void *stmt, int32_t i)
{
	return sqlite3_column_blob((sqlite3_stmt *)stmt, i);
}

static inline int32_t llm_sqlite_column_bytes(void *stmt, int32_t i)
{
	return sqlite3_column_bytes((sqlite3_stmt *)stmt, i);
}

/* The functions of this source file's copy. */
#define LLM_SQLITE_CALLS_INIT \
	{ \
		(uint32_t)sizeof(llm_sqlite_calls), 0, llm_sqlite_libversion, \
			llm_sqlite_libversion_number, llm_sqlite_errmsg, \
			llm_sqlite_extended_errcode, llm_sqlite_get_autocommit, \
			llm_sqlite_db_filename, llm_sqlite_changes, llm_sqlite_prepare, \
			llm_sqlite_step, llm_sqlite_reset, llm_sqlite_finalize, \
			llm_sqlite_bind_parameter_count, llm_sqlite_bind_parameter_name, \
			llm_sqlite_bind_null, llm_sqlite_bind_int64, llm_sqlite_bind_text, \
			llm_sqlite_bind_blob, llm_sqlite_column_count, llm_sqlite_column_name, \
			llm_sqlite_column_type, llm_sqlite_column_int64, llm_sqlite_column_text, \
			llm_sqlite_column_blob, llm_sqlite_column_bytes \
	}

/* Fills `ret` with the handle and `calls` with this copy's functions. */
static inline void llm_native_sqlite(sqlite3 *db, llm_sqlite_calls *calls, llm_native *ret)
{
	static const llm_sqlite_calls mine = LLM_SQLITE_CALLS_INIT;

	*calls = mine;
	ret->struct_size = (uint32_t)sizeof(*ret);
	ret->reserved = 0;
	ret->kind = LLM_NATIVE_SQLITE;
	ret->handle = db;
	ret->calls = calls;
}

#endif
