/*
 * llm/abi/ext/sqlite.h - SQLite as a table of functions: llm_native.calls of "sqlite3/1".
 *
 * A process may hold more than one copy of SQLite. What a unit does on a host's
 * handle it does with the host's copy, through this table; llm/native/sqlite.h
 * fills it in the host's translation unit. Each member is the function of that
 * name behind "sqlite3_", its handles as untyped pointers. Texts and bytes given to
 * `bind_*` stay where they are until the statement was reset.
 */
#ifndef LLM_ABI_EXT_SQLITE_H
#define LLM_ABI_EXT_SQLITE_H

#include "../abi.h"

LLM_EXTERN_C_BEGIN

typedef struct llm_sqlite_calls {
	uint32_t struct_size;
	uint32_t reserved;
	const char *(*libversion)(void); /* its address tells one copy from another */
	int32_t (*libversion_number)(void);
	const char *(*errmsg)(void *db);
	int32_t (*extended_errcode)(void *db);
	int32_t (*get_autocommit)(void *db);
	const char *(*db_filename)(void *db, const char *name);
	int64_t (*changes)(void *db);
	int32_t (*prepare)(void *db, const char *sql, void **ret_stmt); /* prepare_v2, whole text */
	int32_t (*step)(void *stmt);
	int32_t (*reset)(void *stmt); /* and its bindings are cleared */
	int32_t (*finalize)(void *stmt);
	int32_t (*bind_parameter_count)(void *stmt);
	const char *(*bind_parameter_name)(void *stmt, int32_t i);
	int32_t (*bind_null)(void *stmt, int32_t i);
	int32_t (*bind_int64)(void *stmt, int32_t i, int64_t value);
	int32_t (*bind_text)(void *stmt, int32_t i, const char *text, uint64_t len);
	int32_t (*bind_blob)(void *stmt, int32_t i, const void *bytes, uint64_t len);
	int32_t (*column_count)(void *stmt);
	const char *(*column_name)(void *stmt, int32_t i);
	int32_t (*column_type)(void *stmt, int32_t i);
	int64_t (*column_int64)(void *stmt, int32_t i);
	const char *(*column_text)(void *stmt, int32_t i);
	const void *(*column_blob)(void *stmt, int32_t i);
	int32_t (*column_bytes)(void *stmt, int32_t i);
} llm_sqlite_calls;

LLM_EXTERN_C_END
#endif
