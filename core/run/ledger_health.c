/*
 * ledger_health.c - breakers and cooling that outlive a service.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "ledger.h"
#include "service.h"
#include "wire/jsonr.h"

#define COUNTERS_TEXT 160

/* ---- from the storage ---- */

static void read_counters(const char *json, breaker_saved *ret)
{
	jsonr_text key;
	int64_t n;
	jsonr r;

	jsonr_init(&r, json, strlen(json));
	if (!jsonr_enter_object(&r))
		return;
	while (jsonr_member(&r, &key)) {
		if (!jsonr_int(&r, &n) || n < 0)
			continue;
		if (jsonr_is(&key, "openings"))
			ret->openings = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
		else if (jsonr_is(&key, "cooling_us"))
			ret->cooling_us = n;
		else if (jsonr_is(&key, "closed_us"))
			ret->closed_us = n;
	}
}

int32_t ledger_health_keep(llm_service *svc, const llm_health_row *row)
{
	ledger *l = &svc->ledger;
	breaker_saved *s;

	if (!row->candidate || !row->state || l->health.n >= BREAKERS_MAX ||
		idmap_has(&l->health, row->candidate))
		return 0;
	s = mem_new(&svc->mem, sizeof(*s));
	if (!s)
		return LLM_E_NOMEM;
	s->state = strcmp(row->state, "open") == 0 ? BREAKER_OPEN : BREAKER_CLOSED;
	s->until_us = row->until_us > 0 ? row->until_us : 0;
	if (row->counters_json)
		read_counters(row->counters_json, s);
	if (!idmap_put(&l->health, row->candidate, s))
		return 0;
	mem_free(&svc->mem, s);
	return LLM_E_NOMEM;
}

int ledger_health_load(const ledger *l, const char *id, breaker_saved *ret)
{
	const breaker_saved *s = l->health.n ? idmap_get(&l->health, id) : NULL;

	if (s)
		*ret = *s;
	return s != NULL;
}

void ledger_health_done(llm_service *svc)
{
	ledger *l = &svc->ledger;
	size_t i;

	for (i = 0; i < l->health.n; i++)
		mem_free(&svc->mem, l->health.slots[i].value);
	idmap_done(&l->health);
}

/* ---- to it ---- */

static int32_t fill(llm_service *svc, llm_job *j, const char *id, const breaker_saved *s)
{
	const int64_t now = clock_utc_us(&svc->time);
	llm_health_row *row = arena_new(job_arena(j), sizeof(*row));
	char text[COUNTERS_TEXT];

	if (!row)
		return LLM_E_NOMEM;
	snprintf(text, sizeof(text),
		"{\"openings\":%" PRIu32 ",\"cooling_us\":%" PRId64 ",\"closed_us\":%" PRId64 "}",
		s->openings, s->cooling_us, s->closed_us);
	*row = (llm_health_row){.struct_size = sizeof(*row),
		.candidate = arena_str(job_arena(j), id),
		.state = s->state == BREAKER_OPEN ? "open" :
			s->cooling_us > now	  ? "cooling" :
						    "closed",
		.until_us = s->until_us,
		.counters_json = arena_str(job_arena(j), text),
		.updated_us = now};
	if (!row->candidate || !row->counters_json)
		return LLM_E_NOMEM;
	return job_add(j, LLM_OP_HEALTH_PUT, row);
}

void ledger_health_put(llm_service *svc, const char *id, const breaker_saved *saved)
{
	llm_job *j;

	if (!service_on_loop(svc))
		return;
	/* Telemetry: where there is no room it is dropped and counted. */
	j = job_new(&svc->mem, 1, 1, NULL, NULL);
	if (j && !fill(svc, j, id, saved))
		outbox_put(&svc->ledger.out, j, UINT64_MAX);
	else
		job_free(j);
}
