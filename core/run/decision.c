/* The record of a decision (R-ROUTE-14): the plan when it is made, the rest at the end. */
#include <string.h>

#include "planning.h"
#include "route/explain.h"
#include "routing.h"

#define ROOM 1200 /* of the record with one candidate, when nothing was moved */

static int32_t put(void *ctx, const char *bytes, size_t len)
{
	return buf_add(ctx, bytes, len);
}

static void text(jsonw *w, const char *key, const char *value)
{
	jsonw_name(w, key);
	jsonw_cstring(w, value);
}

/* The record as far as it is known before the plan: an object that is open still. */
static int32_t begin(const llm_result *r, buf *to)
{
	int32_t rc = buf_reserve(to, ROOM);
	jsonw w;

	if (rc)
		return rc;
	jsonw_init(&w, put, to);
	jsonw_object(&w);
	text(&w, "schema", "llm.decision/1");
	text(&w, "run_id", r->run_id);
	text(&w, "requested", r->requested);
	text(&w, "profile", r->profile);
	jsonw_object_end(&w);
	rc = jsonw_finish(&w);
	if (!rc)
		to->ptr[to->len - 1] = ',';
	return rc ? rc : buf_add_str(to, "\"plan\":");
}

void decision_plan(llm_call *c)
{
	const llm_policy_info *info = c->by ? c->by->info : NULL;
	routing *r = c->set->routing;
	buf *to = &c->res.decision;
	int32_t rc;
	jsonw w;

	buf_clear(to);
	rc = begin(&c->res, to);
	jsonw_init(&w, put, to);
	if (!rc)
		rc = explain_write(&r->snap, &r->made, info, &w);
	if (!rc)
		rc = jsonw_finish(&w);
	if (rc)
		buf_clear(to);
}

/* Each change of candidate, with what the one before had failed with. */
static void write_moves(const llm_result *r, jsonw *w)
{
	size_t i;

	jsonw_name(w, "moves");
	jsonw_array(w);
	for (i = 1; i < r->attempts.n; i++) {
		const llm_attempt *a = r->attempts.items[i - 1], *b = r->attempts.items[i];

		if (strcmp(a->candidate, b->candidate) == 0)
			continue;
		jsonw_object(w);
		jsonw_name(w, "attempt");
		jsonw_int(w, b->seq);
		text(w, "candidate", b->candidate);
		text(w, "cause", a->error_code ? llm_error_name(a->error_code) : "slow_start");
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void write_cache(const llm_result *r, jsonw *w)
{
	static const char *const events[] = {"", "hit", "miss", "bypass"};

	if (!r->cache_event)
		return;
	jsonw_key(w, "cache");
	jsonw_object(w);
	text(w, "event", events[r->cache_event]);
	if (r->cache_why)
		text(w, "why", r->cache_why);
	jsonw_object_end(w);
}

static void write_missing(const llm_result *r, jsonw *w)
{
	if (!r->missing)
		return;
	jsonw_key(w, "remembered");
	jsonw_object(w);
	text(w, "candidate", r->missing);
	text(w, "error", llm_error_name(LLM_E_NOT_FOUND));
	jsonw_key(w, "age_ms");
	jsonw_int(w, r->missing_ms);
	jsonw_object_end(w);
}

static const char *chosen(const llm_result *r)
{
	size_t i;

	for (i = r->attempts.n; i-- > 0;) {
		const llm_attempt *a = r->attempts.items[i];

		if (a->status == LLM_STATUS_SUCCEEDED)
			return a->candidate;
	}
	return NULL;
}

/* The rest of the object, in the place of its end. */
static int32_t finish(const llm_result *r, buf *to)
{
	const size_t at = to->len;
	int32_t rc;
	jsonw w;

	jsonw_init(&w, put, to);
	jsonw_object(&w);
	text(&w, "chosen", chosen(r));
	write_cache(r, &w);
	write_missing(r, &w);
	write_moves(r, &w);
	jsonw_object_end(&w);
	rc = jsonw_finish(&w);
	if (!rc)
		to->ptr[at] = ',';
	return rc;
}

void decision_end(llm_call *c)
{
	buf *kept = &c->res.decision;

	if (!kept->len)
		return;
	if (finish(&c->res, kept))
		buf_clear(kept);
	if (kept->len)
		log_line(&c->svc->log, LLM_LOG_DEBUG, "decision %s", buf_text(kept));
}
