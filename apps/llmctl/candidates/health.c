/*
 * health.c - "llmctl health": which candidates would be asked now.
 *
 * What is known is what recorded runs have met; of whom nothing is known, that one is well.
 */
#include <stdio.h>
#include <string.h>

#include "io/json.h"
#include "io/table.h"
#include "llm/explain.h"
#include "setup/ctl.h"

static const char *state_name(const llm_health *h)
{
	if (h->switched)
		return h->switched == LLM_CANDIDATE_DRAIN ? "draining" : "off";
	if (h->state == LLM_HEALTH_IS_OPEN)
		return "open";
	if (h->cooling_ms)
		return "cooling";
	return h->state == LLM_HEALTH_HALF_OPEN ? "half open" : "closed";
}

static int64_t left_ms(const llm_health *h)
{
	return h->open_ms > h->cooling_ms ? h->open_ms : h->cooling_ms;
}

/* "p#endpoint/model" is one of "p/model". */
static bool is_of(const char *id, const char *candidate)
{
	const size_t n = strcspn(id, "#"), model = strcspn(id, "/");

	if (strcmp(id, candidate) == 0)
		return true;
	return n < model && strncmp(id, candidate, n) == 0 &&
		strcmp(id + model, candidate + n) == 0;
}

static void print_row(table *t, const llm_health *h)
{
	char until[40] = "";

	if (left_ms(h))
		snprintf(until, sizeof(until), "for %lld s", (long long)(left_ms(h) + 999) / 1000);
	table_cell(t, h->candidate);
	table_cell(t, state_name(h));
	table_cell(t, until);
	table_row_end(t);
}

static json_t *row_json(const llm_health *h)
{
	json_t *o = json_object();

	json_object_set_new(o, "candidate", json_text(h->candidate));
	json_object_set_new(o, "state", json_text(state_name(h)));
	json_object_set_new(o, "left_ms", json_integer(left_ms(h)));
	json_object_set_new(o, "failures_in_a_row", json_integer(h->failures_in_a_row));
	json_object_set_new(o, "openings", json_integer(h->openings));
	json_object_set_new(o, "good", json_integer(h->good));
	json_object_set_new(o, "bad", json_integer(h->bad));
	return o;
}

/* Has an earlier profile named it? */
static bool is_repeated(const llm_service *svc, uint32_t profile, uint32_t candidate)
{
	const char *me = llm_service_candidate_at(
		svc, llm_service_profile_at(svc, profile), candidate);
	const char *name;

	for (uint32_t p = 0; p <= profile; p++)
		for (uint32_t i = 0;
			(name = llm_service_candidate_at(svc, llm_service_profile_at(svc, p), i));
			i++) {
			if (p == profile && i == candidate)
				return false;
			if (strcmp(name, me) == 0)
				return true;
		}
	return false;
}

static void show(table *t, json_t *list, const llm_health *h)
{
	if (list)
		json_array_append_new(list, row_json(h));
	else
		print_row(t, h);
}

/* What runs have found out of it, or of each of its endpoints; else it is well, as far as is known. */
static void show_candidate(llm_service *svc, const char *candidate, table *t, json_t *list)
{
	llm_health h = {.struct_size = (uint32_t)sizeof(h)};
	bool found = false;

	for (uint32_t i = 0; !llm_service_health(svc, i, &h); i++)
		if (is_of(h.candidate, candidate)) {
			show(t, list, &h);
			found = true;
		}
	if (found)
		return;
	h = (llm_health){.struct_size = (uint32_t)sizeof(h)};
	snprintf(h.candidate, sizeof(h.candidate), "%s", candidate);
	show(t, list, &h);
}

/* A plan brings what is on record of its candidates to mind, and asks nobody. */
static void look_at(llm_service *svc, const char *profile)
{
	llm_request *rq = NULL;
	llm_call *call = NULL;

	if (!llm_request_new(NULL, &rq) && !llm_request_profile(rq, profile) &&
		!llm_request_text(rq, LLM_ROLE_USER, "?", 1))
		(void)llm_plan(svc, rq, NULL, &call, NULL);
	llm_call_free(call);
	llm_request_free(rq);
}

static void each(llm_service *svc, table *t, json_t *list)
{
	const char *profile, *candidate;

	for (uint32_t p = 0; (profile = llm_service_profile_at(svc, p)); p++)
		look_at(svc, profile);
	for (uint32_t p = 0; (profile = llm_service_profile_at(svc, p)); p++)
		for (uint32_t i = 0; (candidate = llm_service_candidate_at(svc, profile, i)); i++)
			if (!is_repeated(svc, p, i))
				show_candidate(svc, candidate, t, list);
}

int health_run(ctl *c)
{
	llm_err err = LLM_ERR_INIT;
	table t;

	if (ctl_looking_service(c, &err))
		return ctl_fail(c, &err);
	if (c->opt.json) {
		json_t *o = json_object(), *list = json_array();

		each(c->svc, NULL, list);
		json_object_set_new(o, "schema", json_text("llm.health/1"));
		json_object_set_new(o, "candidates", list);
		json_print(o);
		return 0;
	}
	if (!llm_service_profile_at(c->svc, 0))
		complain_note(
			&c->term, "note", "no profiles are configured, so there is nobody to show");
	table_open(&t);
	each(c->svc, &t, NULL);
	table_close(&t, c->term.out);
	return 0;
}
