/*
 * simwrite.c - the report of a simulation.
 */
#include <stdlib.h>
#include <string.h>

#include "route/simulate.h"

static void simwrite_number(jsonw *out, const char *key, int64_t value)
{
	jsonw_key(out, key);
	jsonw_int(out, value);
}

static void simwrite_text(jsonw *out, const char *key, const char *text)
{
	jsonw_key(out, key);
	jsonw_cstring(out, text);
}

/* A negative one is null. */
static void simwrite_known(jsonw *out, const char *key, int64_t value)
{
	jsonw_key(out, key);
	if (value < 0)
		jsonw_null(out);
	else
		jsonw_int(out, value);
}

static void simwrite_ids(
	jsonw *out, const char *key, const sim_world *w, const uint8_t *numbers, uint32_t n)
{
	uint32_t i;

	jsonw_key(out, key);
	jsonw_array(out);
	for (i = 0; i < n; i++)
		jsonw_cstring(out, w->candidates[numbers[i]].id);
	jsonw_array_end(out);
}

static void simwrite_run(jsonw *out, const sim_world *w, uint32_t i)
{
	const sim_run *r = &w->runs[i];

	jsonw_object(out);
	simwrite_number(out, "run", (int64_t)i + 1);
	simwrite_number(out, "at_ms", (int64_t)r->at_ms);
	simwrite_ids(out, "plan", w, r->order, r->n_order);
	simwrite_text(out, "reason", r->why);
	simwrite_text(out, "refused", r->refused);
	simwrite_ids(out, "asked", w, r->asked, r->n_asked);
	simwrite_text(
		out, "answered", r->answered == UINT32_MAX ? NULL : w->candidates[r->answered].id);
	simwrite_text(out, "error", r->code ? llm_error_name(r->code) : NULL);
	simwrite_known(out, "wait_ms", r->wait_ms);
	jsonw_object_end(out);
}

static void simwrite_candidate(jsonw *out, const sim_candidate *c)
{
	jsonw_object(out);
	simwrite_text(out, "id", c->id);
	simwrite_number(out, "first", c->first);
	simwrite_number(out, "asked", c->asked);
	simwrite_number(out, "answered", c->answered);
	jsonw_object_end(out);
}

static int simwrite_by_size(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Of `n` sorted ones that which `percent` of them do not exceed; -1: there is none. */
static int64_t simwrite_share(const int64_t *sorted, uint32_t n, uint32_t percent)
{
	return n ? sorted[((uint64_t)n * percent + 99) / 100 - 1] : -1;
}

static int32_t simwrite_waits(jsonw *out, const sim_world *w)
{
	int64_t *waits = arena_array(w->mem, (size_t)w->n_runs + 1, sizeof(*waits));
	uint32_t i, n = 0;

	if (!waits)
		return LLM_E_NOMEM;
	for (i = 0; i < w->n_runs; i++)
		if (w->runs[i].wait_ms >= 0)
			waits[n++] = w->runs[i].wait_ms;
	qsort(waits, n, sizeof(*waits), simwrite_by_size);
	simwrite_number(out, "runs", w->n_runs);
	simwrite_number(out, "answered", n);
	simwrite_number(out, "failed", (int64_t)w->n_runs - n);
	simwrite_known(out, "wait_p50_ms", simwrite_share(waits, n, 50));
	simwrite_known(out, "wait_p99_ms", simwrite_share(waits, n, 99));
	return 0;
}

int32_t simulate_write(const sim_world *w, jsonw *out)
{
	uint32_t i;
	int32_t rc;

	jsonw_object(out);
	simwrite_text(out, "schema", "llm.simulation/1");
	simwrite_text(out, "policy", w->policy);
	rc = simwrite_waits(out, w);
	if (rc)
		return rc;
	jsonw_key(out, "candidates");
	jsonw_array(out);
	for (i = 0; i < w->n; i++)
		simwrite_candidate(out, &w->candidates[i]);
	jsonw_array_end(out);
	jsonw_key(out, "plans");
	jsonw_array(out);
	for (i = 0; i < w->n_runs; i++)
		simwrite_run(out, w, i);
	jsonw_array_end(out);
	jsonw_object_end(out);
	return out->status;
}
