/*
 * ledger.c - where every member of every table of the plugin ABI lies, for 64 bits.
 *
 * A member that moved does not compile here. Rows are appended, never edited, once
 * the ABI is frozen; tests/abi/ledger.sh fails when a member of the headers has no
 * row. Only compiled, never run.
 */
#include "llm/abi/policy.h"
#include "llm/abi/provider.h"

#if UINTPTR_MAX == UINT64_MAX

#define AT(type, member, offset) \
	_Static_assert(offsetof(type, member) == (offset), #type "." #member " has moved")
#define END(type, size) _Static_assert(sizeof(type) == (size), #type " has another size")

/* ---- llm/base.h ---- */

AT(llm_bytes, ptr, 0);
AT(llm_bytes, len, 8);
END(llm_bytes, 16);

AT(llm_usage, struct_size, 0);
AT(llm_usage, flags, 4);
AT(llm_usage, input_tokens, 8);
AT(llm_usage, output_tokens, 16);
AT(llm_usage, cache_read_tokens, 24);
AT(llm_usage, cache_write_tokens, 32);
AT(llm_usage, reasoning_tokens, 40);
END(llm_usage, 48);

AT(llm_allocator, ctx, 0);
AT(llm_allocator, alloc, 8);
AT(llm_allocator, resize, 16);
AT(llm_allocator, release, 24);
END(llm_allocator, 32);

/* ---- llm/abi/abi.h ---- */

AT(llm_plugin_part, kind, 0);
AT(llm_plugin_part, vtable, 8);
END(llm_plugin_part, 16);

AT(llm_plugin_desc, magic, 0);
AT(llm_plugin_desc, struct_size, 8);
AT(llm_plugin_desc, abi_minor, 12);
AT(llm_plugin_desc, abi_minor_min, 14);
AT(llm_plugin_desc, flags, 16);
AT(llm_plugin_desc, reserved, 20);
AT(llm_plugin_desc, id, 24);
AT(llm_plugin_desc, version, 32);
AT(llm_plugin_desc, licence, 40);
AT(llm_plugin_desc, parts, 48);
AT(llm_plugin_desc, get_extension, 56);
END(llm_plugin_desc, 64);

/* ---- llm/abi/host.h ---- */

AT(llm_host, struct_size, 0);
AT(llm_host, abi_minor, 4);
AT(llm_host, reserved, 6);
AT(llm_host, ctx, 8);
AT(llm_host, log, 16);
AT(llm_host, config, 24);
AT(llm_host, set_error, 32);
AT(llm_host, alloc, 40);
AT(llm_host, get_extension, 48);
END(llm_host, 56);

AT(llm_key_info, struct_size, 0);
AT(llm_key_info, type, 4);
AT(llm_key_info, name, 8);
AT(llm_key_info, unit, 16);
AT(llm_key_info, default_text, 24);
AT(llm_key_info, help, 32);
END(llm_key_info, 40);

/* ---- llm/abi/wire.h ---- */

AT(llm_opaque_view, struct_size, 0);
AT(llm_opaque_view, reserved, 4);
AT(llm_opaque_view, provider, 8);
AT(llm_opaque_view, kind, 16);
AT(llm_opaque_view, data, 24);
AT(llm_opaque_view, part, 40);
AT(llm_opaque_view, part_index, 44);
END(llm_opaque_view, 48);

AT(llm_part_view, struct_size, 0);
AT(llm_part_view, kind, 4);
AT(llm_part_view, text, 8);
AT(llm_part_view, data, 24);
AT(llm_part_view, url, 40);
AT(llm_part_view, media_type, 48);
AT(llm_part_view, name, 56);
AT(llm_part_view, id, 64);
AT(llm_part_view, is_error, 72);
AT(llm_part_view, cache_hint, 76);
AT(llm_part_view, opaque, 80);
AT(llm_part_view, n_opaque, 88);
END(llm_part_view, 96);

AT(llm_message_view, struct_size, 0);
AT(llm_message_view, role, 4);
AT(llm_message_view, parts, 8);
AT(llm_message_view, n_parts, 16);
END(llm_message_view, 24);

AT(llm_tool_view, struct_size, 0);
AT(llm_tool_view, strict, 4);
AT(llm_tool_view, name, 8);
AT(llm_tool_view, description, 16);
AT(llm_tool_view, schema, 24);
END(llm_tool_view, 40);

AT(llm_option_view, struct_size, 0);
AT(llm_option_view, reserved, 4);
AT(llm_option_view, name, 8);
AT(llm_option_view, json, 16);
END(llm_option_view, 32);

AT(llm_header_view, name, 0);
AT(llm_header_view, value, 8);
END(llm_header_view, 16);

AT(llm_request_view, struct_size, 0);
AT(llm_request_view, stream, 4);
AT(llm_request_view, model, 8);
AT(llm_request_view, endpoint, 16);
AT(llm_request_view, messages, 24);
AT(llm_request_view, n_messages, 32);
AT(llm_request_view, tools, 40);
AT(llm_request_view, n_tools, 48);
AT(llm_request_view, tool_choice, 56);
AT(llm_request_view, parallel_tools, 60);
AT(llm_request_view, tool_name, 64);
AT(llm_request_view, format, 72);
AT(llm_request_view, reasoning, 76);
AT(llm_request_view, schema, 80);
AT(llm_request_view, schema_name, 96);
AT(llm_request_view, has, 104);
AT(llm_request_view, temperature, 112);
AT(llm_request_view, top_p, 120);
AT(llm_request_view, min_p, 128);
AT(llm_request_view, presence_penalty, 136);
AT(llm_request_view, frequency_penalty, 144);
AT(llm_request_view, repeat_penalty, 152);
AT(llm_request_view, top_k, 160);
AT(llm_request_view, seed, 168);
AT(llm_request_view, max_output_tokens, 176);
AT(llm_request_view, top_logprobs, 184);
AT(llm_request_view, choices, 192);
AT(llm_request_view, stop, 200);
AT(llm_request_view, n_stop, 208);
AT(llm_request_view, options, 216);
AT(llm_request_view, n_options, 224);
AT(llm_request_view, extra, 232);
AT(llm_request_view, headers, 248);
AT(llm_request_view, n_headers, 256);
AT(llm_request_view, continue_last_turn, 264);
AT(llm_request_view, logprobs, 268);
AT(llm_request_view, allow_truncation, 272);
AT(llm_request_view, reserved, 276);
AT(llm_request_view, safety, 280);
AT(llm_request_view, end_user, 296);
END(llm_request_view, 304);

AT(llm_http_sink, struct_size, 0);
AT(llm_http_sink, reserved, 4);
AT(llm_http_sink, ctx, 8);
AT(llm_http_sink, target, 16);
AT(llm_http_sink, header, 24);
AT(llm_http_sink, body, 32);
AT(llm_http_sink, warning, 40);
END(llm_http_sink, 48);

AT(llm_reply_view, struct_size, 0);
AT(llm_reply_view, status, 4);
AT(llm_reply_view, headers, 8);
AT(llm_reply_view, n_headers, 16);
AT(llm_reply_view, body, 24);
AT(llm_reply_view, request, 40);
END(llm_reply_view, 48);

AT(llm_frame_view, struct_size, 0);
AT(llm_frame_view, reserved, 4);
AT(llm_frame_view, event, 8);
AT(llm_frame_view, data, 24);
AT(llm_frame_view, id, 40);
END(llm_frame_view, 56);

AT(llm_tool_delta, struct_size, 0);
AT(llm_tool_delta, index, 4);
AT(llm_tool_delta, id, 8);
AT(llm_tool_delta, name, 24);
AT(llm_tool_delta, arguments, 40);
AT(llm_tool_delta, complete, 56);
AT(llm_tool_delta, reserved, 60);
END(llm_tool_delta, 64);

AT(llm_data_part, struct_size, 0);
AT(llm_data_part, kind, 4);
AT(llm_data_part, media_type, 8);
AT(llm_data_part, data, 16);
END(llm_data_part, 32);

AT(llm_error_facts, struct_size, 0);
AT(llm_error_facts, status, 4);
AT(llm_error_facts, code, 8);
AT(llm_error_facts, type, 24);
AT(llm_error_facts, message, 40);
AT(llm_error_facts, request_id, 56);
AT(llm_error_facts, retry_after_ms, 72);
END(llm_error_facts, 80);

AT(llm_result_sink, struct_size, 0);
AT(llm_result_sink, reserved, 4);
AT(llm_result_sink, ctx, 8);
AT(llm_result_sink, text, 16);
AT(llm_result_sink, reasoning, 24);
AT(llm_result_sink, tool_call, 32);
AT(llm_result_sink, data, 40);
AT(llm_result_sink, opaque, 48);
AT(llm_result_sink, usage, 56);
AT(llm_result_sink, finish, 64);
AT(llm_result_sink, meta, 72);
AT(llm_result_sink, metric, 80);
AT(llm_result_sink, warning, 88);
AT(llm_result_sink, error, 96);
END(llm_result_sink, 104);

AT(llm_error_rule, struct_size, 0);
AT(llm_error_rule, match, 4);
AT(llm_error_rule, status, 8);
AT(llm_error_rule, code, 12);
AT(llm_error_rule, flags, 16);
AT(llm_error_rule, reserved, 20);
AT(llm_error_rule, text, 24);
END(llm_error_rule, 32);

/* ---- llm/abi/provider.h ---- */

AT(llm_caps, struct_size, 0);
AT(llm_caps, framing, 4);
AT(llm_caps, auth, 8);
AT(llm_caps, locality, 12);
AT(llm_caps, auth_header, 16);
AT(llm_caps, chat, 24);
AT(llm_caps, stream, 28);
AT(llm_caps, tools, 32);
AT(llm_caps, parallel_tools, 36);
AT(llm_caps, tool_choice, 40);
AT(llm_caps, json_object, 44);
AT(llm_caps, json_schema, 48);
AT(llm_caps, tools_with_schema, 52);
AT(llm_caps, vision, 56);
AT(llm_caps, audio, 60);
AT(llm_caps, system_role, 64);
AT(llm_caps, prefill, 68);
AT(llm_caps, seed, 72);
AT(llm_caps, logprobs, 76);
AT(llm_caps, reasoning, 80);
AT(llm_caps, reserved, 84);
AT(llm_caps, max_input_tokens, 88);
AT(llm_caps, max_output_tokens, 96);
END(llm_caps, 104);

AT(llm_provider_info, struct_size, 0);
AT(llm_provider_info, flags, 4);
AT(llm_provider_info, name, 8);
AT(llm_provider_info, label, 16);
AT(llm_provider_info, default_base_url, 24);
AT(llm_provider_info, base_url_env, 32);
AT(llm_provider_info, key_env, 40);
AT(llm_provider_info, config_keys, 48);
AT(llm_provider_info, request_options, 56);
AT(llm_provider_info, error_rules, 64);
AT(llm_provider_info, connect_ms, 72);
AT(llm_provider_info, first_token_ms, 76);
AT(llm_provider_info, first_token_warm_ms, 80);
AT(llm_provider_info, idle_ms, 84);
AT(llm_provider_info, attempt_ms, 88);
AT(llm_provider_info, max_concurrency, 92);
AT(llm_provider_info, locality, 96);
AT(llm_provider_info, reserved, 100);
AT(llm_provider_info, licence_note, 104);
AT(llm_provider_info, idempotency_header, 112);
END(llm_provider_info, 120);

AT(llm_provider_vtable, struct_size, 0);
AT(llm_provider_vtable, reserved, 4);
AT(llm_provider_vtable, describe, 8);
AT(llm_provider_vtable, create, 16);
AT(llm_provider_vtable, destroy, 24);
AT(llm_provider_vtable, capabilities, 32);
AT(llm_provider_vtable, build_request, 40);
AT(llm_provider_vtable, parse_response, 48);
AT(llm_provider_vtable, stream_open, 56);
AT(llm_provider_vtable, stream_frame, 64);
AT(llm_provider_vtable, stream_close, 72);
AT(llm_provider_vtable, classify_error, 80);
AT(llm_provider_vtable, base_url, 88);
AT(llm_provider_vtable, get_extension, 96);
END(llm_provider_vtable, 104);

AT(llm_model_info, struct_size, 0);
AT(llm_model_info, loaded, 4);
AT(llm_model_info, name, 8);
AT(llm_model_info, detail, 16);
AT(llm_model_info, size_bytes, 24);
AT(llm_model_info, context_tokens, 32);
AT(llm_model_info, caps, 40);
END(llm_model_info, 48);

AT(llm_models_sink, struct_size, 0);
AT(llm_models_sink, reserved, 4);
AT(llm_models_sink, ctx, 8);
AT(llm_models_sink, model, 16);
AT(llm_models_sink, next, 24);
END(llm_models_sink, 32);

AT(llm_models_ext, struct_size, 0);
AT(llm_models_ext, reserved, 4);
AT(llm_models_ext, build, 8);
AT(llm_models_ext, parse, 16);
END(llm_models_ext, 24);

AT(llm_model_ext, struct_size, 0);
AT(llm_model_ext, reserved, 4);
AT(llm_model_ext, build, 8);
AT(llm_model_ext, parse, 16);
END(llm_model_ext, 24);

AT(llm_state_ext, struct_size, 0);
AT(llm_state_ext, reserved, 4);
AT(llm_state_ext, build, 8);
AT(llm_state_ext, parse, 16);
END(llm_state_ext, 24);

/* ---- llm/abi/policy.h ---- */

AT(llm_candidate_view, struct_size, 0);
AT(llm_candidate_view, position, 4);
AT(llm_candidate_view, id, 8);
AT(llm_candidate_view, level, 16);
AT(llm_candidate_view, fit, 20);
AT(llm_candidate_view, health, 24);
AT(llm_candidate_view, locality, 28);
AT(llm_candidate_view, loaded, 32);
AT(llm_candidate_view, weight, 36);
AT(llm_candidate_view, in_flight, 40);
AT(llm_candidate_view, limit, 44);
AT(llm_candidate_view, waiting, 48);
AT(llm_candidate_view, reserved, 52);
AT(llm_candidate_view, affinity_u64, 56);
AT(llm_candidate_view, latency_us, 64);
AT(llm_candidate_view, ready_ms, 72);
AT(llm_candidate_view, input_picousd, 80);
AT(llm_candidate_view, output_picousd, 88);
AT(llm_candidate_view, max_input_tokens, 96);
AT(llm_candidate_view, max_output_tokens, 104);
END(llm_candidate_view, 112);

AT(llm_snapshot, struct_size, 0);
AT(llm_snapshot, n_candidates, 4);
AT(llm_snapshot, candidates, 8);
AT(llm_snapshot, seed, 16);
AT(llm_snapshot, now_ms, 24);
AT(llm_snapshot, affinity_key, 32);
AT(llm_snapshot, affinity_bytes, 40);
AT(llm_snapshot, stream, 44);
AT(llm_snapshot, input_tokens, 48);
AT(llm_snapshot, output_tokens, 56);
AT(llm_snapshot, state, 64);
END(llm_snapshot, 80);

AT(llm_rank_sink, struct_size, 0);
AT(llm_rank_sink, reserved, 4);
AT(llm_rank_sink, ctx, 8);
AT(llm_rank_sink, score, 16);
END(llm_rank_sink, 24);

AT(llm_reason_info, struct_size, 0);
AT(llm_reason_info, reason, 4);
AT(llm_reason_info, name, 8);
AT(llm_reason_info, text, 16);
END(llm_reason_info, 24);

AT(llm_outcome, struct_size, 0);
AT(llm_outcome, code, 4);
AT(llm_outcome, id, 8);
AT(llm_outcome, now_ms, 16);
AT(llm_outcome, affinity_key, 24);
AT(llm_outcome, first_token_us, 32);
AT(llm_outcome, place, 40);
AT(llm_outcome, moved, 44);
END(llm_outcome, 48);

AT(llm_state_sink, struct_size, 0);
AT(llm_state_sink, reserved, 4);
AT(llm_state_sink, ctx, 8);
AT(llm_state_sink, state, 16);
END(llm_state_sink, 24);

AT(llm_policy_info, struct_size, 0);
AT(llm_policy_info, flags, 4);
AT(llm_policy_info, name, 8);
AT(llm_policy_info, label, 16);
AT(llm_policy_info, options, 24);
AT(llm_policy_info, reasons, 32);
END(llm_policy_info, 40);

AT(llm_policy_vtable, struct_size, 0);
AT(llm_policy_vtable, reserved, 4);
AT(llm_policy_vtable, describe, 8);
AT(llm_policy_vtable, create, 16);
AT(llm_policy_vtable, destroy, 24);
AT(llm_policy_vtable, rank, 32);
AT(llm_policy_vtable, on_outcome, 40);
END(llm_policy_vtable, 48);

#endif

/* The object is not empty, so a strict compiler has something to compile. */
extern const uint32_t ledger_minor;
const uint32_t ledger_minor = LLM_ABI_MINOR;
