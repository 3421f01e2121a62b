/*
 * ledger_storage.c - where every member of the storage ABI lies; see ledger.c.
 */
#include "llm/abi/ext/postgres.h"
#include "llm/abi/ext/sqlite.h"
#include "llm/abi/storage.h"

#if UINTPTR_MAX == UINT64_MAX

#define AT(type, member, offset) \
	_Static_assert(offsetof(type, member) == (offset), #type "." #member " has moved")
#define END(type, size) _Static_assert(sizeof(type) == (size), #type " has another size")

/* ---- llm/abi/storage.h ---- */

AT(llm_run_row, struct_size, 0);
AT(llm_run_row, stream, 4);
AT(llm_run_row, workspace_id, 8);
AT(llm_run_row, id, 16);
AT(llm_run_row, owner_id, 24);
AT(llm_run_row, parent_run_id, 32);
AT(llm_run_row, pipeline, 40);
AT(llm_run_row, profile, 48);
AT(llm_run_row, operation, 56);
AT(llm_run_row, status, 64);
AT(llm_run_row, source, 72);
AT(llm_run_row, requested_model, 80);
AT(llm_run_row, provider, 88);
AT(llm_run_row, resolved_model, 96);
AT(llm_run_row, response_model, 104);
AT(llm_run_row, provider_request_id, 112);
AT(llm_run_row, finish_reason, 120);
AT(llm_run_row, error_code, 128);
AT(llm_run_row, error_message, 136);
AT(llm_run_row, attempts, 144);
AT(llm_run_row, fallbacks, 152);
AT(llm_run_row, recovered, 160);
AT(llm_run_row, reasks, 168);
AT(llm_run_row, input_tokens, 176);
AT(llm_run_row, output_tokens, 184);
AT(llm_run_row, cache_read_tokens, 192);
AT(llm_run_row, cache_write_tokens, 200);
AT(llm_run_row, reasoning_tokens, 208);
AT(llm_run_row, usage_source, 216);
AT(llm_run_row, cost_nanousd, 224);
AT(llm_run_row, price_version, 232);
AT(llm_run_row, queue_ms, 240);
AT(llm_run_row, ttft_ms, 248);
AT(llm_run_row, duration_ms, 256);
AT(llm_run_row, settle_us, 264);
AT(llm_run_row, request_hash, 272);
AT(llm_run_row, cache_key, 280);
AT(llm_run_row, idempotency_key_hash, 288);
AT(llm_run_row, prompt_ref, 296);
AT(llm_run_row, response_ref, 304);
AT(llm_run_row, params_json, 312);
AT(llm_run_row, decision_json, 320);
AT(llm_run_row, metadata_json, 328);
AT(llm_run_row, trace_id, 336);
AT(llm_run_row, span_id, 344);
AT(llm_run_row, created_us, 352);
AT(llm_run_row, started_us, 360);
AT(llm_run_row, finished_us, 368);
AT(llm_run_row, version, 376);
AT(llm_run_row, delivered, 384);
END(llm_run_row, 392);

AT(llm_attempt_row, struct_size, 0);
AT(llm_attempt_row, reserved, 4);
AT(llm_attempt_row, workspace_id, 8);
AT(llm_attempt_row, id, 16);
AT(llm_attempt_row, run_id, 24);
AT(llm_attempt_row, seq, 32);
AT(llm_attempt_row, candidate_id, 40);
AT(llm_attempt_row, provider, 48);
AT(llm_attempt_row, model, 56);
AT(llm_attempt_row, status, 64);
AT(llm_attempt_row, error_code, 72);
AT(llm_attempt_row, error_class, 80);
AT(llm_attempt_row, phase, 88);
AT(llm_attempt_row, http_status, 96);
AT(llm_attempt_row, retry_after_ms, 104);
AT(llm_attempt_row, waited_ms, 112);
AT(llm_attempt_row, generation, 120);
AT(llm_attempt_row, input_tokens, 128);
AT(llm_attempt_row, output_tokens, 136);
AT(llm_attempt_row, cache_read_tokens, 144);
AT(llm_attempt_row, cache_write_tokens, 152);
AT(llm_attempt_row, reasoning_tokens, 160);
AT(llm_attempt_row, ttft_ms, 168);
AT(llm_attempt_row, duration_ms, 176);
AT(llm_attempt_row, load_ms, 184);
AT(llm_attempt_row, started_us, 192);
AT(llm_attempt_row, finished_us, 200);
AT(llm_attempt_row, cost_json, 208);
END(llm_attempt_row, 216);

AT(llm_stage_row, struct_size, 0);
AT(llm_stage_row, reserved, 4);
AT(llm_stage_row, workspace_id, 8);
AT(llm_stage_row, id, 16);
AT(llm_stage_row, run_id, 24);
AT(llm_stage_row, name, 32);
AT(llm_stage_row, seq, 40);
AT(llm_stage_row, attempt, 48);
AT(llm_stage_row, status, 56);
AT(llm_stage_row, input_hash, 64);
AT(llm_stage_row, output_ref, 72);
AT(llm_stage_row, error_code, 80);
AT(llm_stage_row, started_us, 88);
AT(llm_stage_row, finished_us, 96);
END(llm_stage_row, 104);

AT(llm_content_row, struct_size, 0);
AT(llm_content_row, has_bytes, 4);
AT(llm_content_row, workspace_id, 8);
AT(llm_content_row, hash, 16);
AT(llm_content_row, kind, 24);
AT(llm_content_row, bytes, 32);
AT(llm_content_row, size, 48);
AT(llm_content_row, created_us, 56);
END(llm_content_row, 64);

AT(llm_owner_row, struct_size, 0);
AT(llm_owner_row, reserved, 4);
AT(llm_owner_row, id, 8);
AT(llm_owner_row, started_us, 16);
AT(llm_owner_row, lease_us, 24);
AT(llm_owner_row, key_print, 32);
END(llm_owner_row, 40);

AT(llm_health_row, struct_size, 0);
AT(llm_health_row, reserved, 4);
AT(llm_health_row, candidate, 8);
AT(llm_health_row, state, 16);
AT(llm_health_row, until_us, 24);
AT(llm_health_row, counters_json, 32);
AT(llm_health_row, updated_us, 40);
END(llm_health_row, 48);

AT(llm_idem_row, struct_size, 0);
AT(llm_idem_row, reserved, 4);
AT(llm_idem_row, workspace_id, 8);
AT(llm_idem_row, operation, 16);
AT(llm_idem_row, key_hash, 24);
AT(llm_idem_row, fingerprint, 32);
AT(llm_idem_row, state, 40);
AT(llm_idem_row, owner_id, 48);
AT(llm_idem_row, generation, 56);
AT(llm_idem_row, run_id, 64);
AT(llm_idem_row, error_code, 72);
AT(llm_idem_row, response, 80);
AT(llm_idem_row, lease_left_us, 96);
AT(llm_idem_row, created_us, 104);
AT(llm_idem_row, settled_us, 112);
AT(llm_idem_row, ttl_us, 120);
AT(llm_idem_row, expires_us, 128);
END(llm_idem_row, 136);

AT(llm_cache_row, struct_size, 0);
AT(llm_cache_row, reserved, 4);
AT(llm_cache_row, workspace_id, 8);
AT(llm_cache_row, key, 16);
AT(llm_cache_row, run_id, 24);
AT(llm_cache_row, candidate_id, 32);
AT(llm_cache_row, format_version, 40);
AT(llm_cache_row, value_sha256, 48);
AT(llm_cache_row, value, 56);
AT(llm_cache_row, created_us, 72);
AT(llm_cache_row, expires_us, 80);
AT(llm_cache_row, used_us, 88);
END(llm_cache_row, 96);

AT(llm_cache_trim, struct_size, 0);
AT(llm_cache_trim, reserved, 4);
AT(llm_cache_trim, bytes, 8);
AT(llm_cache_trim, limit, 16);
END(llm_cache_trim, 24);

AT(llm_stat_row, struct_size, 0);
AT(llm_stat_row, reserved, 4);
AT(llm_stat_row, key, 8);
AT(llm_stat_row, bucket_ms, 16);
AT(llm_stat_row, width_ms, 24);
AT(llm_stat_row, runs, 32);
AT(llm_stat_row, errors, 40);
AT(llm_stat_row, input_tokens, 48);
AT(llm_stat_row, output_tokens, 56);
AT(llm_stat_row, cost_nanousd, 64);
AT(llm_stat_row, uncosted, 72);
END(llm_stat_row, 80);

AT(llm_spend_row, struct_size, 0);
AT(llm_spend_row, reserved, 4);
AT(llm_spend_row, runs, 8);
AT(llm_spend_row, cost_nanousd, 16);
AT(llm_spend_row, uncosted, 24);
END(llm_spend_row, 32);

AT(llm_budget_row, struct_size, 0);
AT(llm_budget_row, fixed, 4);
AT(llm_budget_row, workspace_id, 8);
AT(llm_budget_row, profile, 16);
AT(llm_budget_row, run_id, 24);
AT(llm_budget_row, period, 32);
AT(llm_budget_row, span_us, 40);
AT(llm_budget_row, limit_nanousd, 48);
AT(llm_budget_row, usual_nanousd, 56);
AT(llm_budget_row, nanousd, 64);
AT(llm_budget_row, spent_nanousd, 72);
AT(llm_budget_row, held_nanousd, 80);
AT(llm_budget_row, window_us, 88);
AT(llm_budget_row, left_us, 96);
AT(llm_budget_row, updated_us, 104);
END(llm_budget_row, 112);

AT(llm_op, struct_size, 0);
AT(llm_op, kind, 4);
AT(llm_op, record, 8);
END(llm_op, 16);

AT(llm_op_result, struct_size, 0);
AT(llm_op_result, code, 4);
AT(llm_op_result, changed, 8);
AT(llm_op_result, generation, 16);
AT(llm_op_result, limit_nanousd, 24);
AT(llm_op_result, left_us, 32);
END(llm_op_result, 40);

AT(llm_filter, struct_size, 0);
AT(llm_filter, group, 4);
AT(llm_filter, workspace_id, 8);
AT(llm_filter, id, 16);
AT(llm_filter, operation, 24);
AT(llm_filter, cursor, 32);
AT(llm_filter, status, 40);
AT(llm_filter, profile, 48);
AT(llm_filter, provider, 56);
AT(llm_filter, model, 64);
AT(llm_filter, error_code, 72);
AT(llm_filter, parent_run_id, 80);
AT(llm_filter, text, 88);
AT(llm_filter, from_us, 96);
AT(llm_filter, to_us, 104);
AT(llm_filter, min_cost_nanousd, 112);
AT(llm_filter, min_duration_ms, 120);
AT(llm_filter, limit, 128);
AT(llm_filter, from_id, 136);
END(llm_filter, 144);

AT(llm_row_sink, struct_size, 0);
AT(llm_row_sink, reserved, 4);
AT(llm_row_sink, ctx, 8);
AT(llm_row_sink, row, 16);
END(llm_row_sink, 24);

AT(llm_purge, struct_size, 0);
AT(llm_purge, all_of_workspace, 4);
AT(llm_purge, workspace_id, 8);
AT(llm_purge, contents_before_us, 16);
AT(llm_purge, runs_before_us, 24);
AT(llm_purge, limit, 32);
AT(llm_purge, expired, 40);
AT(llm_purge, reserved, 44);
END(llm_purge, 48);

AT(llm_schema_state, struct_size, 0);
AT(llm_schema_state, state, 4);
AT(llm_schema_state, found, 8);
AT(llm_schema_state, expected, 12);
END(llm_schema_state, 16);

AT(llm_native, struct_size, 0);
AT(llm_native, reserved, 4);
AT(llm_native, kind, 8);
AT(llm_native, handle, 16);
AT(llm_native, calls, 24);
END(llm_native, 32);

AT(llm_storage_info, struct_size, 0);
AT(llm_storage_info, flags, 4);
AT(llm_storage_info, name, 8);
AT(llm_storage_info, label, 16);
AT(llm_storage_info, ops, 24);
AT(llm_storage_info, queries, 32);
AT(llm_storage_info, config_keys, 40);
AT(llm_storage_info, native_kind, 48);
END(llm_storage_info, 56);

AT(llm_storage_vtable, struct_size, 0);
AT(llm_storage_vtable, reserved, 4);
AT(llm_storage_vtable, describe, 8);
AT(llm_storage_vtable, open, 16);
AT(llm_storage_vtable, close, 24);
AT(llm_storage_vtable, begin, 32);
AT(llm_storage_vtable, commit, 40);
AT(llm_storage_vtable, rollback, 48);
AT(llm_storage_vtable, interrupt, 56);
AT(llm_storage_vtable, apply, 64);
AT(llm_storage_vtable, query, 72);
AT(llm_storage_vtable, bind, 80);
AT(llm_storage_vtable, release, 88);
AT(llm_storage_vtable, schema, 96);
AT(llm_storage_vtable, migrate, 104);
AT(llm_storage_vtable, reap, 112);
AT(llm_storage_vtable, purge, 120);
AT(llm_storage_vtable, maintain, 128);
AT(llm_storage_vtable, get_extension, 136);
END(llm_storage_vtable, 144);

/* ---- llm/abi/ext/sqlite.h ---- */

AT(llm_sqlite_calls, struct_size, 0);
AT(llm_sqlite_calls, reserved, 4);
AT(llm_sqlite_calls, libversion, 8);
AT(llm_sqlite_calls, libversion_number, 16);
AT(llm_sqlite_calls, errmsg, 24);
AT(llm_sqlite_calls, extended_errcode, 32);
AT(llm_sqlite_calls, get_autocommit, 40);
AT(llm_sqlite_calls, db_filename, 48);
AT(llm_sqlite_calls, changes, 56);
AT(llm_sqlite_calls, prepare, 64);
AT(llm_sqlite_calls, step, 72);
AT(llm_sqlite_calls, reset, 80);
AT(llm_sqlite_calls, finalize, 88);
AT(llm_sqlite_calls, bind_parameter_count, 96);
AT(llm_sqlite_calls, bind_parameter_name, 104);
AT(llm_sqlite_calls, bind_null, 112);
AT(llm_sqlite_calls, bind_int64, 120);
AT(llm_sqlite_calls, bind_text, 128);
AT(llm_sqlite_calls, bind_blob, 136);
AT(llm_sqlite_calls, column_count, 144);
AT(llm_sqlite_calls, column_name, 152);
AT(llm_sqlite_calls, column_type, 160);
AT(llm_sqlite_calls, column_int64, 168);
AT(llm_sqlite_calls, column_text, 176);
AT(llm_sqlite_calls, column_blob, 184);
AT(llm_sqlite_calls, column_bytes, 192);
END(llm_sqlite_calls, 200);

/* ---- llm/abi/ext/postgres.h ---- */

AT(llm_postgres_calls, struct_size, 0);
AT(llm_postgres_calls, reserved, 4);
AT(llm_postgres_calls, status, 8);
AT(llm_postgres_calls, transaction_status, 16);
AT(llm_postgres_calls, pipeline_status, 24);
AT(llm_postgres_calls, server_version, 32);
AT(llm_postgres_calls, parameter_status, 40);
AT(llm_postgres_calls, error_message, 48);
AT(llm_postgres_calls, exec_params, 56);
AT(llm_postgres_calls, result_status, 64);
AT(llm_postgres_calls, result_error_field, 72);
AT(llm_postgres_calls, cmd_tuples, 80);
AT(llm_postgres_calls, ntuples, 88);
AT(llm_postgres_calls, nfields, 96);
AT(llm_postgres_calls, fname, 104);
AT(llm_postgres_calls, getvalue, 112);
AT(llm_postgres_calls, getlength, 120);
AT(llm_postgres_calls, getisnull, 128);
AT(llm_postgres_calls, clear, 136);
END(llm_postgres_calls, 144);

#endif
