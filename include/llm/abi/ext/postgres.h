/*
 * llm/abi/ext/postgres.h - libpq as a table of functions: llm_native.calls of "postgres/1".
 *
 * A process may hold more than one copy of libpq. What a unit does on a host's
 * connection it does with the host's copy, through this table; llm/native/postgres.h
 * fills it in the host's translation unit. Each member is the function whose name it
 * has in small letters, behind "PQ"; connections and results are untyped pointers, and
 * libpq's enumerations are numbers.
 */
#ifndef LLM_ABI_EXT_POSTGRES_H
#define LLM_ABI_EXT_POSTGRES_H

#include "../abi.h"

LLM_EXTERN_C_BEGIN

typedef struct llm_postgres_calls {
	uint32_t struct_size;
	uint32_t reserved;
	int32_t (*status)(const void *conn);
	int32_t (*transaction_status)(const void *conn);
	int32_t (*pipeline_status)(const void *conn);
	int32_t (*server_version)(const void *conn);
	const char *(*parameter_status)(const void *conn, const char *name);
	const char *(*error_message)(const void *conn);
	/* exec_params; the result, or null when there is no memory for one. */
	void *(*exec_params)(void *conn, const char *sql, int32_t n, const uint32_t *types,
		const char *const *values, const int32_t *lengths, const int32_t *formats,
		int32_t result_format);
	int32_t (*result_status)(const void *result);
	const char *(*result_error_field)(const void *result, int32_t code);
	const char *(*cmd_tuples)(void *result);
	int32_t (*ntuples)(const void *result);
	int32_t (*nfields)(const void *result);
	const char *(*fname)(const void *result, int32_t column);
	const char *(*getvalue)(const void *result, int32_t row, int32_t column);
	int32_t (*getlength)(const void *result, int32_t row, int32_t column);
	int32_t (*getisnull)(const void *result, int32_t row, int32_t column);
	void (*clear)(void *result);
} llm_postgres_calls;

LLM_EXTERN_C_END
#endif
