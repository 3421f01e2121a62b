/*
 * profiles.c - "llmctl profiles": which candidates a name stands for.
 */
#include <stdio.h>
#include <string.h>

#include "io/json.h"
#include "io/table.h"
#include "setup/ctl.h"

static bool is_default(const llm_service *svc, const char *profile)
{
	const char *name = llm_service_default_profile(svc);

	return name && strcmp(name, profile) == 0;
}

static void print_profile(table *t, const llm_service *svc, const char *profile)
{
	const char *candidate;

	for (uint32_t i = 0; (candidate = llm_service_candidate_at(svc, profile, i)); i++) {
		char number[16];

		snprintf(number, sizeof(number), "%u", (unsigned)i + 1);
		table_cell(t, profile);
		table_cell(t, number);
		table_cell(t, candidate);
		table_cell(t, is_default(svc, profile) ? "default" : "");
		table_row_end(t);
	}
}

static void print_rows(const ctl *c)
{
	const char *name, *target = NULL;
	table t;

	table_open(&t);
	for (uint32_t i = 0; (name = llm_service_profile_at(c->svc, i)); i++)
		print_profile(&t, c->svc, name);
	for (uint32_t i = 0; (name = llm_service_alias_at(c->svc, i, &target)); i++) {
		table_cell(&t, name);
		table_cell(&t, "alias");
		table_cell(&t, target);
		table_cell(&t, "");
		table_row_end(&t);
	}
	table_close(&t, c->term.out);
}

static json_t *profile_json(const llm_service *svc, const char *profile)
{
	json_t *o = json_object(), *list = json_array();
	const char *candidate;

	for (uint32_t i = 0; (candidate = llm_service_candidate_at(svc, profile, i)); i++)
		json_array_append_new(list, json_text(candidate));
	json_object_set_new(o, "name", json_text(profile));
	json_object_set_new(o, "default", json_boolean(is_default(svc, profile)));
	json_object_set_new(o, "candidates", list);
	return o;
}

static json_t *alias_json(const char *name, const char *target)
{
	json_t *o = json_object();

	json_object_set_new(o, "name", json_text(name));
	json_object_set_new(o, "target", json_text(target));
	return o;
}

static void print_json(const ctl *c)
{
	json_t *o = json_object(), *profiles = json_array(), *aliases = json_array();
	const char *name, *target = NULL;

	for (uint32_t i = 0; (name = llm_service_profile_at(c->svc, i)); i++)
		json_array_append_new(profiles, profile_json(c->svc, name));
	for (uint32_t i = 0; (name = llm_service_alias_at(c->svc, i, &target)); i++)
		json_array_append_new(aliases, alias_json(name, target));
	json_object_set_new(o, "schema", json_text("llm.profiles/1"));
	json_object_set_new(o, "default_profile", json_text(llm_service_default_profile(c->svc)));
	json_object_set_new(o, "profiles", profiles);
	json_object_set_new(o, "aliases", aliases);
	json_print(o);
}

int profiles_run(ctl *c)
{
	llm_err err = LLM_ERR_INIT;

	if (ctl_service(c, &err))
		return ctl_fail(c, &err);
	if (c->opt.json) {
		print_json(c);
		return 0;
	}
	if (!llm_service_profile_at(c->svc, 0) && !llm_service_alias_at(c->svc, 0, NULL))
		complain_note(&c->term, "note",
			"no profiles are configured; "
			"llmctl config path shows where a configuration is looked for");
	print_rows(c);
	return 0;
}
