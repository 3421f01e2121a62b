/* The record of a decision (R-ROUTE-14): the plan when it is made, the rest at the end. */
#include <string.h>

#include "planning.h"
#include "route/explain.h"
#include "routing.h"

#define PLAN_ROOM 960 /* a plan of one candidate */
#define FRAME_ROOM 256 /* what stands around the plan, when nothing was moved */

static int32_t put(void *ctx, const char *bytes, size_t len)
{
	return buf_add(ctx, bytes, len);
}

static void text(jsonw *w, const char *key, const char *value)
{
	jsonw_key(w, key);
	jsonw_cstring(w, value);
}

void decision_plan(llm_call *c)
{
	const routing *r = c->set->routing;
	buf *to = &c->res.decision;
	jsonw w;
	int32_t rc;

	buf_clear(to);
	jsonw_init(&w, put, to);
	rc = buf_reserve(to, PLAN_ROOM);
	if (!rc)
		rc = explain_write(&r->snap, &r->made, c->by ? c->by->info : NULL, &w);
	if (!rc)
		rc = jsonw_finish(&w);
	if (rc)
		buf_clear(to);
}

/* Each change of candidate, with what the one before had failed with. */
static void write_moves(const llm_result *r, jsonw *w)
{
	size_t i;

	jsonw_key(w, "moves");
	jsonw_array(w);
	for (i = 1; i < r->attempts.n; i++) {
		const llm_attempt *a = r->attempts.items[i - 1], *b = r->attempts.items[i];

		if (strcmp(a->candidate, b->candidate) == 0)
			continue;
		jsonw_object(w);
		jsonw_key(w, "attempt");
		jsonw_int(w, b->seq);
		text(w, "candidate", b->candidate);
		text(w, "cause", a->error_code ? llm_error_name(a->error_code) : "slow_start");
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
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

static int32_t write(llm_call *c, const buf *made, buf *out)
{
	const llm_result *r = &c->res;
	jsonw w;

	jsonw_init(&w, put, out);
	jsonw_object(&w);
	text(&w, "schema", "llm.decision/1");
	text(&w, "run_id", r->run_id);
	text(&w, "requested", r->requested);
	text(&w, "profile", r->profile);
	jsonw_key(&w, "plan");
	jsonw_raw(&w, buf_text(made), made->len);
	text(&w, "chosen", chosen(r));
	write_moves(r, &w);
	jsonw_object_end(&w);
	return jsonw_finish(&w);
}

void decision_end(llm_call *c)
{
	buf *kept = &c->res.decision;
	buf whole;

	if (!kept->len)
		return;
	buf_init(&whole, &c->mem, 0);
	if (buf_reserve(&whole, kept->len + FRAME_ROOM) || write(c, kept, &whole))
		buf_clear(&whole);
	buf_done(kept);
	*kept = whole;
	if (kept->len)
		log_line(&c->svc->log, LLM_LOG_DEBUG, "decision %s", buf_text(kept));
}
