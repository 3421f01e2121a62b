/*
 * llm/native/postgres.h - hands a PGconn of the host's to llm_unit_bind.
 *
 * Include it in one source file of the host, behind <libpq-fe.h> of the copy that the
 * connection belongs to (14 or later). Everything here is static: the table holds the
 * functions that this source file would call itself.
 *
 *	llm_postgres_calls calls = {0};
 *	llm_native native = {0};
 *	llm_native_postgres(conn, &calls, &native);
 *
 * Both structs stay where they are as long as the unit.
 */
#ifndef LLM_NATIVE_POSTGRES_H
#define LLM_NATIVE_POSTGRES_H

#include "../abi/ext/postgres.h"
#include "../abi/storage.h"

static inline int32_t llm_postgres_status(const void *conn)
{
	return (int32_t)PQstatus((const PGconn *)conn);
}

static inline int32_t llm_postgres_transaction_status(const void *conn)
{
	return (int32_t)PQtransactionStatus((const PGconn *)conn);
}

static inline int32_t llm_postgres_pipeline_status(const void *conn)
{
	return (int32_t)PQpipelineStatus((const PGconn *)conn);
}

static inline int32_t llm_postgres_server_version(const void *conn)
{
	return PQserverVersion((const PGconn *)conn);
}

static inline const char *llm_postgres_parameter_status(const void *conn, const char *name)
{
	return PQparameterStatus((const PGconn *)conn, name);
}

static inline const char *llm_postgres_error_message(const void *conn)
{
	return PQerrorMessage((const PGconn *)conn);
}

static inline void *llm_postgres_exec_params(void *conn, const char *sql, int32_t n,
	const uint32_t *types, const char *const *values, const int32_t *lengths,
	const int32_t *formats, int32_t result_format)
{
	return PQexecParams((PGconn *)conn, sql, n, types, values, lengths, formats, result_format);
}

static inline int32_t llm_postgres_result_status(const void *result)
{
	return (int32_t)PQresultStatus((const PGresult *)result);
}

static inline const char *llm_postgres_result_error_field(const void *result, int32_t code)
{
	return PQresultErrorField((const PGresult *)result, code);
}

static inline const char *llm_postgres_cmd_tuples(void *result)
{
	return PQcmdTuples((PGresult *)result);
}

static inline int32_t llm_postgres_ntuples(const void *result)
{
	return PQntuples((const PGresult *)result);
}

static inline int32_t llm_postgres_nfields(const void *result)
{
	return PQnfields((const PGresult *)result);
}

static inline const char *llm_postgres_fname(const void *result, int32_t column)
{
	return PQfname((const PGresult *)result, column);
}

static inline const char *llm_postgres_getvalue(const void *result, int32_t row, int32_t column)
{
	return PQgetvalue((const PGresult *)result, row, column);
}

static inline int32_t llm_postgres_getlength(const void *result, int32_t row, int32_t column)
{
	return PQgetlength((const PGresult *)result, row, column);
}

static inline int32_t llm_postgres_getisnull(const void *result, int32_t row, int32_t column)
{
	return PQgetisnull((const PGresult *)result, row, column);
}

static inline void llm_postgres_clear(void *result)
{
	PQclear((PGresult *)result);
}

/* The functions of this source file's copy. */
#define LLM_POSTGRES_CALLS_INIT \
	{ \
		(uint32_t)sizeof(llm_postgres_calls), 0, llm_postgres_status, \
			llm_postgres_transaction_status, llm_postgres_pipeline_status, \
			llm_postgres_server_version, llm_postgres_parameter_status, \
			llm_postgres_error_message, llm_postgres_exec_params, \
			llm_postgres_result_status, llm_postgres_result_error_field, \
			llm_postgres_cmd_tuples, llm_postgres_ntuples, llm_postgres_nfields, \
			llm_postgres_fname, llm_postgres_getvalue, llm_postgres_getlength, \
			llm_postgres_getisnull, llm_postgres_clear \
	}

/* Fills `ret` with the connection and `calls` with this copy's functions. */
static inline void llm_native_postgres(PGconn *conn, llm_postgres_calls *calls, llm_native *ret)
{
	static const llm_postgres_calls mine = LLM_POSTGRES_CALLS_INIT;

	*calls = mine;
	ret->struct_size = (uint32_t)sizeof(*ret);
	ret->reserved = 0;
	ret->kind = LLM_NATIVE_POSTGRES;
	ret->handle = conn;
	ret->calls = calls;
}

#endif
