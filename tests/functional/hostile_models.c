/* Lists of models: pages, and a provider that lists what is none. */
#include "hostile_try.h"
#include "llm/capabilities.h"

#define PAGE(n) HOSTILE_REPLY("200", "application/json", "[" n "]")
#define PAGES PAGE("1") PAGE("2") PAGE("3")

static hostile_try t;

static void with(const char *script, const char *list)
{
	char group[64];

	snprintf(group, sizeof(group), "list = \"%s\";", list);
	hostile_open(&t, script, group, "");
}

static int32_t list(uint32_t which, llm_models **ret)
{
	t.err = (llm_err)LLM_ERR_INIT;
	return llm_service_models(t.svc, "hostile", which, 3000, ret, &t.err);
}

Test(hostile_models, pages_are_asked_for_until_there_is_no_other)
{
	llm_models *m = NULL;
	llm_model_desc row;

	with(PAGES, "pages");
	cr_assert_eq(list(LLM_MODELS_ALL, &m), 0, "%s", t.err.message);
	cr_assert_eq(llm_models_count(m), 3);
	cr_assert_eq(llm_models_at(m, 0, &row), 0);
	cr_assert_str_eq(row.name, "m1");
	cr_assert_str_eq(row.detail, "small");
	cr_assert_eq(row.loaded, 1);
	cr_assert_eq(row.size_bytes, 0, "a negative size is none");
	cr_assert_eq(row.context_tokens, 4096);
	cr_assert_eq(llm_models_at(m, 2, &row), 0);
	cr_assert_str_eq(row.name, "m3");
	cr_assert_eq(llm_models_at(m, 3, &row), LLM_E_NOT_FOUND);
	llm_models_free(m);
	llm_models_free(NULL);
	cr_assert_eq(sim_log_count(t.up, "\"path\":\"/models\""), 3);
	cr_assert_eq(sim_log_count(t.up, "\"query\":"), 2);
	cr_assert_eq(sim_log_count(t.up, "\"query\":\"from=2\""), 1);
	cr_assert_eq(sim_log_count(t.up, "\"query\":\"from=3\""), 1);
	hostile_close(&t);
}

Test(hostile_models, what_is_loaded_is_another_question)
{
	llm_models *m = NULL;
	llm_model_desc row;

	with(HOSTILE_WHOLE, "pages");
	cr_assert_eq(list(LLM_MODELS_LOADED, &m), 0, "%s", t.err.message);
	cr_assert_eq(llm_models_count(m), 1);
	cr_assert_eq(llm_models_at(m, 0, &row), 0);
	cr_assert_str_eq(row.name, "loaded");
	llm_models_free(m);
	cr_assert_eq(sim_log_count(t.up, "\"path\":\"/loaded\""), 1);
	hostile_close(&t);
}

Test(hostile_models, X_06_lists_that_are_none_are_refused)
{
	static const char model[] = "Hostile: the plugin handed over a damaged model";
	static const struct {
		const char *list;
		int32_t code;
		const char *words;
	} rows[] = {
		{"none", LLM_E_UNSUPPORTED, "Hostile cannot list models"},
		{"half", LLM_E_UNSUPPORTED, "Hostile cannot list models"},
		{"small", LLM_E_UNSUPPORTED, "Hostile cannot list models"},
		{"build-code", LLM_E_PLUGIN, "models.build returned 4711, which is no code"},
		{"build-none", LLM_E_PLUGIN, "built a request without a target"},
		{"build-unsupported", LLM_E_UNSUPPORTED, "not today"},
		{"null", LLM_E_PLUGIN, model},
		{"short", LLM_E_PLUGIN, model},
		{"no-name", LLM_E_PLUGIN, model},
		{"name-bad-utf8", LLM_E_PLUGIN, model},
		{"flood", LLM_E_PROTOCOL, "Hostile: the list has more than 10000 models"},
		{"cursor-null", LLM_E_PLUGIN, "Hostile: the plugin handed over a damaged cursor"},
		{"parse-code", LLM_E_PLUGIN, "models.parse returned 4711, which is no code"},
		{"endless", LLM_E_PROTOCOL, "the list of models has more than 100 pages"},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		llm_models *m = NULL;

		with(HOSTILE_WHOLE, rows[i].list);
		cr_assert_eq(list(LLM_MODELS_ALL, &m), rows[i].code, "%s: %s", rows[i].list,
			t.err.message);
		cr_assert(strstr(t.err.message, rows[i].words), "%s: %s", rows[i].list,
			t.err.message);
		cr_assert_null(m);
		hostile_still_works(&t, 0, rows[i].list);
		hostile_close(&t);
	}
}

Test(hostile_models, X_06_rare_rows_are_mended)
{
	llm_models *m = NULL;
	llm_model_desc row;

	with(HOSTILE_WHOLE, "detail-bad-utf8");
	cr_assert_eq(list(LLM_MODELS_ALL, &m), 0, "%s", t.err.message);
	cr_assert_eq(llm_models_at(m, 0, &row), 0);
	cr_assert_null(row.detail);
	llm_models_free(m);
	hostile_close(&t);
	with(HOSTILE_WHOLE, "no-state");
	m = NULL;
	cr_assert_eq(list(LLM_MODELS_LOADED, &m), LLM_E_UNSUPPORTED);
	cr_assert_str_eq(t.err.message, "Hostile cannot say which models are loaded");
	cr_assert_null(m);
	hostile_close(&t);
}

/* The cell, and why the provider's own answer is no part of the table. */
static uint32_t vision_of(llm_capabilities *all)
{
	llm_capability cell = {.struct_size = (uint32_t)sizeof(cell)};
	uint32_t i;

	for (i = 0; !llm_capabilities_at(all, i, &cell); i++)
		if (strcmp(cell.name, "vision") == 0)
			return cell.source;
	return UINT32_MAX;
}

Test(hostile_models, X_06_what_is_said_of_one_model_is_checked)
{
	static const struct {
		const char *list;
		int32_t code;
		const char *words;
	} rows[] = {
		{"one", 0, ""},
		{"one-no-caps", 0, ""},
		{"one-tiny-caps", 0, ""},
		{"one-half", LLM_E_UNSUPPORTED, "Hostile says nothing of single models"},
		{"none", LLM_E_UNSUPPORTED, "Hostile says nothing of single models"},
		{"one-null", LLM_E_PLUGIN, "Hostile: the plugin handed over a damaged model"},
		{"one-short", LLM_E_PLUGIN, "Hostile: the plugin handed over a damaged model"},
		{"one-next", LLM_E_PLUGIN, "one model has no further pages"},
		{"one-code", LLM_E_PLUGIN, "returned 4711, which is no code"},
	};
	const llm_err *why;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		llm_capabilities *all = NULL;

		with(HOSTILE_WHOLE, rows[i].list);
		cr_assert_eq(llm_service_capabilities(t.svc, "hostile/m", 0, 3000, &all, &t.err), 0,
			"%s: %s", rows[i].list, t.err.message);
		why = llm_capabilities_problem(all);
		cr_expect_eq(why ? why->code : 0, rows[i].code, "%s: %s", rows[i].list,
			why ? why->message : "");
		cr_expect(!why || strstr(why->message, rows[i].words), "%s: %s", rows[i].list,
			why ? why->message : "");
		cr_expect_eq(vision_of(all) == LLM_SAID_BY_PROVIDER, i == 0, "%s", rows[i].list);
		llm_capabilities_free(all);
		hostile_close(&t);
	}
}

Test(hostile_models, asking_needs_a_service_a_provider_and_a_place)
{
	llm_models *m = NULL;

	with(HOSTILE_WHOLE, "pages");
	cr_assert_eq(llm_service_models(t.svc, NULL, 0, 0, &m, &t.err), LLM_E_INVALID_REQUEST);
	cr_assert_eq(llm_service_models(NULL, "hostile", 0, 0, &m, &t.err), LLM_E_INVALID_REQUEST);
	cr_assert_eq(
		llm_service_models(t.svc, "hostile", 0, 0, NULL, &t.err), LLM_E_INVALID_REQUEST);
	cr_assert_eq(llm_service_models(t.svc, "nobody", 0, 0, &m, &t.err), LLM_E_PLUGIN);
	cr_assert_null(m);
	hostile_close(&t);
}
