/*
 * ask_json.c - the object "llm.ask/1" of docs/llm.ask.schema.json, and the events
 * of --stream --json. The same object on success, on failure, and when no run began.
 */
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "io/json.h"
#include "llm/explain.h"

static void set(json_t *o, const char *key, json_t *value)
{
	json_object_set_new(o, key, value);
}

static void print(ask *a, json_t *value)
{
	char *line = json_dumps(value, JSON_COMPACT);

	json_decref(value);
	if (!line)
		return;
	out_text(&a->out, line, strlen(line));
	out_text(&a->out, "\n", 1);
	free(line);
}

/* ---- events ---- */

void ask_json_event(ask *a, const llm_event *e)
{
	json_t *o;

	if (e->kind < LLM_EVENT_TEXT || e->kind >= LLM_EVENT_END)
		return;
	o = json_object();
	if (e->kind == LLM_EVENT_TOOL_CALL) {
		set(o, "event", json_text("tool_call"));
		set(o, "index", json_integer(e->index));
		set(o, "id", json_word(e->id));
		set(o, "name", json_word(e->name));
		set(o, "arguments", json_text_len(e->text, e->len));
	} else {
		set(o, "event",
			json_text(e->kind == LLM_EVENT_TEXT	       ? "delta" :
					e->kind == LLM_EVENT_REASONING ? "reasoning" :
									 "warning"));
		set(o, "text", json_text_len(e->text, e->len));
	}
	print(a, o);
}

/* ---- the object ---- */

static json_t *tool_calls(const llm_result *r)
{
	llm_tool_call call = {.struct_size = (uint32_t)sizeof(call)};
	json_t *list;

	if (!r)
		return json_null();
	list = json_array();
	for (uint32_t i = 0; llm_result_tool_call(r, i, &call) == 0; i++) {
		json_t *o = json_object();

		set(o, "id", json_word(call.id));
		set(o, "name", json_word(call.name));
		set(o, "arguments", json_text_len(call.arguments, call.arguments_len));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *usage(const llm_result *r)
{
	llm_usage u = LLM_USAGE_INIT;
	json_t *o = json_object();
	bool known;

	if (r)
		llm_result_usage(r, &u);
	known = (u.input_tokens >= 0 || u.output_tokens >= 0) && !llm_result_original_run_id(r);
	set(o, "input_tokens", json_count(u.input_tokens));
	set(o, "output_tokens", json_count(u.output_tokens));
	set(o, "cache_read_tokens", json_count(u.cache_read_tokens));
	set(o, "cache_write_tokens", json_count(u.cache_write_tokens));
	set(o, "reasoning_tokens", json_count(u.reasoning_tokens));
	set(o, "source", known ? json_text("provider") : json_null());
	return o;
}

/* Unknown is null, never 0. */
static const char *persisted(const llm_result *r)
{
	switch (r ? llm_result_persisted(r, NULL) : LLM_PERSISTED_OFF) {
	case LLM_PERSISTED_YES:
		return "yes";
	case LLM_PERSISTED_QUEUED:
		return "queued";
	default:
		return "no";
	}
}

static json_t *cost(const llm_result *r)
{
	llm_cost c = {.nanousd = -1};

	if (r)
		llm_result_cost(r, &c);
	return c.nanousd < 0 ? json_null() : json_integer(c.nanousd);
}

static json_t *warnings(const llm_result *r)
{
	json_t *list = json_array();

	for (uint32_t i = 0; r && i < llm_result_warning_count(r); i++)
		json_array_append_new(list, json_text(llm_result_warning(r, i)));
	return list;
}

static json_t *attempt(const llm_attempt *at)
{
	json_t *o = json_object();

	set(o, "seq", json_integer(at->seq));
	set(o, "candidate", json_word(at->candidate));
	set(o, "provider", json_word(at->provider));
	set(o, "model", json_word(at->model));
	set(o, "status", json_text(llm_status_name(at->status)));
	set(o, "error_code",
		at->error_code ? json_text(llm_error_name(at->error_code)) : json_null());
	set(o, "phase", json_phase(at->phase));
	set(o, "http_status", json_positive(at->http_status));
	set(o, "retry_after_ms", json_count(at->retry_after_ms));
	set(o, "waited_ms", json_count(at->waited_ms));
	set(o, "ttft_ms", json_count(at->ttft_ms));
	set(o, "duration_ms", json_count(at->duration_ms));
	return o;
}

static json_t *attempts(const llm_result *r)
{
	llm_attempt at = {.struct_size = (uint32_t)sizeof(at)};
	json_t *list = json_array();

	for (uint32_t i = 0; r && llm_result_attempt(r, i, &at) == 0; i++)
		json_array_append_new(list, attempt(&at));
	return list;
}

static json_t *timing(const llm_result *r)
{
	llm_timing t = {.struct_size = (uint32_t)sizeof(t),
		.queue_ms = -1,
		.ttft_ms = -1,
		.duration_ms = -1,
		.first_content_ms = -1};
	json_t *o = json_object();

	if (r)
		llm_result_timing(r, &t);
	set(o, "queue_ms", json_count(t.queue_ms));
	set(o, "ttft_ms", json_count(t.ttft_ms));
	set(o, "first_content_ms", json_count(t.first_content_ms));
	set(o, "duration_ms", json_count(t.duration_ms));
	return o;
}

static json_t *finish_reason(const llm_result *r)
{
	uint32_t finish = r ? llm_result_finish(r, NULL) : LLM_FINISH_NONE;

	return finish == LLM_FINISH_NONE ? json_null() : json_text(llm_finish_name(finish));
}

/* What the run was asked, or would have been. */
static void add_names(json_t *o, const ask *a)
{
	const llm_result *r = a->result;
	const char *asked = a->c->opt.model ? a->c->opt.model : a->model;

	set(o, "requested_model", json_word(r ? llm_result_requested_model(r) : asked));
	set(o, "profile", json_word(r ? llm_result_profile(r) : a->c->opt.profile));
	set(o, "provider", r ? json_word(llm_result_provider(r)) : json_null());
	set(o, "model", r ? json_word(llm_result_model(r)) : json_null());
	set(o, "response_model", r ? json_word(llm_result_response_model(r)) : json_null());
}

static void add_answer(json_t *o, const llm_result *r)
{
	size_t text = 0, thoughts = 0;
	const char *reasoning = r ? llm_result_reasoning(r, &thoughts) : NULL;
	const char *answer = r ? llm_result_text(r, &text) : NULL;

	set(o, "run_id", r ? json_word(llm_result_run_id(r)) : json_null());
	set(o, "status", json_text(llm_status_name(r ? llm_result_status(r) : LLM_STATUS_FAILED)));
	set(o, "text", json_text_len(answer, text));
	set(o, "reasoning", thoughts ? json_text_len(reasoning, thoughts) : json_null());
	set(o, "tool_calls", tool_calls(r));
	set(o, "value", json_null());
	set(o, "finish_reason", finish_reason(r));
}

static bool was_answered(const llm_result *r)
{
	size_t len = 0;

	if (!r)
		return false;
	llm_result_text(r, &len);
	return len || llm_result_status(r) == LLM_STATUS_SUCCEEDED;
}

/* Where the run might have used stored answers: what came of it. */
static void add_cache(json_t *o, const llm_result *r)
{
	static const char *const events[] = {NULL, "hit", "miss", "bypass"};
	const char *why = NULL;
	const uint32_t event = r ? llm_result_cache(r, &why) : LLM_CACHE_UNUSED;
	json_t *cache;

	if (event == LLM_CACHE_UNUSED)
		return;
	cache = json_object();
	set(cache, "event", json_text(events[event]));
	set(cache, "why", json_word(why));
	set(o, "cache", cache);
}

/* What was asked for besides: why it went there, what would have been sent. */
static void add_asides(json_t *o, const ask *a)
{
	const char *decision = a->result ? llm_result_decision(a->result, NULL) : NULL;
	json_t *parsed = decision ? json_loads(decision, 0, NULL) : NULL;

	if (a->c->opt.explain)
		set(o, "decision", parsed ? parsed : json_null());
	else
		json_decref(parsed);
	if (a->c->opt.dry_run)
		set(o, "request", json_text(a->result ? llm_result_exchange(a->result) : NULL));
}

void ask_json_end(ask *a, bool as_event)
{
	const llm_result *r = a->result;
	json_t *o = json_object();

	if (as_event)
		set(o, "event", json_text("end"));
	set(o, "schema", json_text("llm.ask/1"));
	add_answer(o, r);
	add_names(o, a);
	set(o, "usage", usage(r));
	set(o, "cost_nanousd", cost(r));
	set(o, "source",
		r && (was_answered(r) || llm_result_source(r) != LLM_SOURCE_PROVIDER) &&
				!a->c->opt.dry_run ?
			json_text(llm_source_name(llm_result_source(r))) :
			json_null());
	if (r && llm_result_original_run_id(r))
		set(o, "original_run_id", json_text(llm_result_original_run_id(r)));
	add_cache(o, r);
	set(o, "persisted", json_text(persisted(r)));
	set(o, "recovered", json_integer(r ? llm_result_recovered(r) : 0));
	set(o, "warnings", warnings(r));
	set(o, "attempts", attempts(r));
	set(o, "error", json_error(r ? llm_result_error(r) : &a->err));
	set(o, "timing", timing(r));
	add_asides(o, a);
	print(a, o);
}
