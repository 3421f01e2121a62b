/* What a provider may put into a request, and what only the core may (X-06, K-04). */
#include "hostile_try.h"

static hostile_try t;

Test(hostile_requests, X_06_targets_and_headers_that_are_none_end_the_run)
{
	static const char target[] = "a target needs a method and a path";
	static const char reserved[] = "a header is one that only the core may write";
	static const char line[] = "a header is not one line";
	static const struct {
		const char *model, *words;
	} rows[] = {
		{"target-none", "built a request without a target"},
		{"target-no-slash", target},
		{"target-empty", target},
		{"target-space", target},
		{"target-line", target},
		{"target-percent", "the target's path is not percent-encoded"},
		{"method-null", target},
		{"method-space", target},
		{"header-auth", reserved},
		{"header-cookie", reserved},
		{"header-host", reserved},
		{"header-length", reserved},
		{"header-coding", reserved},
		{"header-line", line},
		{"header-name", line},
		{"header-nul", "a header needs a name and a value"},
		{"header-null", "a header needs a name and a value"},
		{"header-no-value", "a header needs a name and a value"},
		{"body-null", "the body has a length and no bytes"},
	};
	size_t i;

	hostile_open(&t, HOSTILE_WHOLE, "", "");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		hostile_fails(&t, rows[i].model, 0, LLM_E_PLUGIN, rows[i].words);
		cr_assert_eq(sim_log_count(t.up, "\"event\":\"request\""), i + 1,
			"%s reached the upstream", rows[i].model);
	}
	hostile_fails(&t, "target-long", 0, LLM_E_TOO_LARGE, "the URL is longer than 16 KiB");
	hostile_close(&t);
}

Test(hostile_requests, methods_paths_and_headers_arrive_as_they_were_given)
{
	hostile_open(&t, HOSTILE_WHOLE, "query = { api-version = \"2025 & more\"; };", "");
	hostile_still_works(&t, 0, "nothing");
	cr_assert_eq(sim_log_count(t.up, "\"query\":\"api-version=2025%20%26%20more\""), 1);
	cr_assert_not_null(hostile_ask(&t, "target-query", 0));
	cr_assert_eq(t.rc, 0, "%s", t.err.message);
	cr_assert_eq(sim_log_count(t.up, "\"query\":\"a=1&api-version=2025%20%26%20more\""), 1);
	(void)hostile_ask(&t, "method-put", 0);
	cr_assert_eq(sim_log_count(t.up, "\"method\":\"PUT\""), 1);
	(void)hostile_ask(&t, "method-get", 0);
	cr_assert_eq(sim_log_count(t.up, "\"method\":\"GET\""), 1);
	(void)hostile_ask(&t, "header-good", 0);
	cr_assert_eq(sim_log_count(t.up, "\"x-hostile\":\"two words\""), 1);
	(void)hostile_ask(&t, "header-empty", 0);
	cr_assert_eq(sim_log_count(t.up, "\"x-hostile\":\"\""), 1);
	(void)hostile_ask(&t, "body-none", 0);
	cr_assert_eq(t.rc, 0, "%s", t.err.message);
	cr_assert_eq(sim_log_count(t.up, "\"body_bytes\":0"), 2, "that one and the GET");
	hostile_close(&t);
}

Test(hostile_requests, K_04_the_key_travels_in_the_shape_that_the_provider_asked_for)
{
	static const char reason[] =
		"Hostile wants an authentication that this version does not have";

	hostile_open(&t, HOSTILE_WHOLE, "api_key = \"env:TRY_HOSTILE_KEY\";", "");
	hostile_still_works(&t, 0, "nothing");
	cr_assert_eq(sim_log_count(t.up, "\"authorization\":\"Bearer " HOSTILE_KEY "\""), 1);
	(void)hostile_ask(&t, "auth-header", 0);
	cr_assert_eq(t.rc, 0, "%s", t.err.message);
	cr_assert_eq(sim_log_count(t.up, "\"x-hostile-key\":\"" HOSTILE_KEY "\""), 1);
	(void)hostile_ask(&t, "auth-none", 0);
	cr_assert_eq(t.rc, 0, "%s", t.err.message);
	cr_assert_eq(sim_log_count(t.up, HOSTILE_KEY), 2);
	cr_assert_eq(sim_log_count(t.up, "\"event\":\"request\""), 3);
	hostile_fails(&t, "auth-sign", 0, LLM_E_UNSUPPORTED, reason);
	hostile_fails(&t, "auth-header-empty", 0, LLM_E_UNSUPPORTED, reason);
	hostile_fails(&t, "auth-header-null", 0, LLM_E_UNSUPPORTED, reason);
	hostile_close(&t);
}

Test(hostile_requests, X_06_a_provider_that_says_why_is_quoted_in_clean_words)
{
	const llm_result *r;

	hostile_open(&t, HOSTILE_WHOLE, "", "");
	hostile_fails(&t, "error-says", 0, LLM_E_UNSUPPORTED, "a?caf?\nline");
	r = hostile_ask(&t, "warns", 0);
	cr_assert_eq(t.rc, 0, "%s", t.err.message);
	cr_assert_eq(llm_result_warning_count(r), 1);
	cr_assert_str_eq(llm_result_warning(r, 0), "seed means nothing here");
	hostile_close(&t);
}

/* ---- making an instance ---- */

static int32_t describe(const char *config, llm_provider_desc *desc, llm_err *err)
{
	llm_service *svc = NULL;
	failalloc fa;
	llm_service_opts so;
	int32_t rc;

	failalloc_init(&fa);
	so = hostile_opts(&fa, config);
	cr_assert_eq(llm_service_new(&so, &svc, err), 0, "%s", err->message);
	rc = llm_service_provider(svc, "hostile", desc, err);
	llm_service_free(svc);
	cr_assert_eq(failalloc_leaks(&fa), 0);
	return rc;
}

Test(hostile_requests, X_04_X_06_an_instance_that_is_none_is_refused)
{
	static const struct {
		const char *config;
		int32_t code;
		const char *words;
	} rows[] = {
		{"base_url = \"http://h\"; create = \"code\";", LLM_E_PLUGIN, "no code"},
		{"base_url = \"http://h\"; create = \"null\";", LLM_E_PLUGIN,
			"create returned no instance"},
		{"base_url = \"http://refuse\";", LLM_E_CONFIG,
			"providers.hostile.base_url is no address that Hostile understands"},
		{"base_url = \"nowhere\";", LLM_E_CONFIG, "providers.hostile.base_url"},
		{"", LLM_E_CONFIG, "providers.hostile.base_url is missing"},
		{"base_url = \"http://h\"; lsit = \"a\";", LLM_E_CONFIG, "list"},
	};
	llm_provider_desc desc;
	char config[256];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		llm_err err = LLM_ERR_INIT;

		snprintf(config, sizeof(config),
			"max_attempts = 1; providers = { hostile = { %s }; };", rows[i].config);
		cr_assert_eq(describe(config, &desc, &err), rows[i].code, "%s", err.message);
		cr_assert(strstr(err.message, rows[i].words), "%s", err.message);
	}
}

Test(hostile_requests, a_base_url_of_over_2047_bytes_is_refused)
{
	static char far[3000] = "http://h/";
	llm_provider_desc desc;
	llm_err err = LLM_ERR_INIT;

	memset(far + strlen(far), 'a', 2500);
	setenv("HOSTILE_HOST", far, 1);
	cr_assert_eq(describe("", &desc, &err), LLM_E_CONFIG);
	cr_assert_str_eq(err.message, "HOSTILE_HOST is longer than 2047 bytes");
}

/* The provider's own variables go together: a key for the address that its variable names. */
Test(hostile_requests, K_04_a_usual_key_goes_to_the_usual_address_only)
{
	llm_provider_desc desc = {.struct_size = 0};
	llm_err err = LLM_ERR_INIT;

	setenv("HOSTILE_KEY", HOSTILE_KEY, 1);
	cr_assert_eq(
		describe(
			"max_attempts = 1; providers = { hostile = { base_url = \"http://127.0.0.1:9/x/\"; }; };",
			&desc, &err),
		0, "%s", err.message);
	cr_assert_eq(desc.has_key, 0);
	cr_assert_eq(desc.locality, LLM_LOCALITY_LOCAL);
	setenv("HOSTILE_HOST", "https://models.example:444", 1);
	cr_assert_eq(describe("", &desc, &err), 0, "%s", err.message);
	cr_assert_eq(desc.has_key, 1);
	cr_assert_eq(desc.locality, LLM_LOCALITY_CLOUD);
	setenv("HOSTILE_HOST", "refuse", 1);
	cr_assert_eq(describe("", &desc, &err), LLM_E_CONFIG);
	cr_assert_str_eq(err.message, "HOSTILE_HOST is no address that Hostile understands");
}
