/* What a service, a configuration, a search for plugins and the library say of themselves. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llm/llm.h>

#include "support/failalloc.h"

static const char config[] =
	"default_profile = \"daily\";\n"
	"aliases = { quick = \"daily\"; big = \"work/large\"; };\n"
	"providers = {\n"
	"  work = { plugin = \"hostile\"; base_url = \"http://127.0.0.1:9/v1\";\n"
	"    locality = \"cloud\"; api_key = \"env:TRY_INTROSPECT_KEY\"; };\n"
	"  ollama = { connect = \"2s\"; };\n"
	"  gone = { plugin = \"no-such-plugin\"; }; };\n"
	"profiles = { daily = { candidates = [ \"work/small\", \"ollama/gemma\" ]; };\n"
	"  empty = { candidates = [ \"big\" ]; }; };\n";

static llm_service_opts options(const llm_allocator *mem)
{
	llm_service_opts so = LLM_SERVICE_OPTS_INIT;

	setenv("TRY_INTROSPECT_KEY", "canary-introspect", 1);
	so.config_text = config;
	so.plugin_dir = TEST_BINARY_DIR "/tests/modules";
	so.user_plugin_dir = TEST_BINARY_DIR "/plugins";
	so.allocator = mem;
	return so;
}

static llm_service *open_service(void)
{
	const llm_service_opts so = options(NULL);
	llm_service *svc = NULL;
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(llm_service_new(&so, &svc, &err), 0, "%s", err.message);
	return svc;
}

/* ---- a service ---- */

Test(introspect, a_service_lists_its_names_in_the_order_of_the_file)
{
	llm_service *svc = open_service();
	const char *target = NULL;

	cr_assert_str_eq(llm_service_profile_at(svc, 0), "daily");
	cr_assert_str_eq(llm_service_profile_at(svc, 1), "empty");
	cr_assert_null(llm_service_profile_at(svc, 2));
	cr_assert_str_eq(llm_service_default_profile(svc), "daily");
	cr_assert_str_eq(llm_service_candidate_at(svc, "daily", 0), "work/small");
	cr_assert_str_eq(llm_service_candidate_at(svc, "daily", 1), "ollama/gemma");
	cr_assert_null(llm_service_candidate_at(svc, "daily", 2));
	cr_assert_null(llm_service_candidate_at(svc, "nightly", 0));
	cr_assert_null(llm_service_candidate_at(svc, NULL, 0));
	cr_assert_str_eq(llm_service_alias_at(svc, 0, &target), "quick");
	cr_assert_str_eq(target, "daily");
	cr_assert_str_eq(llm_service_alias_at(svc, 1, NULL), "big");
	cr_assert_null(llm_service_alias_at(svc, 2, &target));
	cr_assert_str_eq(llm_service_provider_at(svc, 0), "work");
	cr_assert_str_eq(llm_service_provider_at(svc, 2), "gone");
	cr_assert_null(llm_service_provider_at(svc, 3));
	llm_service_free(svc);
}

Test(introspect, a_service_describes_its_providers)
{
	llm_service *svc = open_service();
	llm_provider_desc d = {.struct_size = 0};
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(llm_service_provider(svc, "work", &d, &err), 0, "%s", err.message);
	cr_assert_eq(d.struct_size, sizeof(d));
	cr_assert_str_eq(d.name, "work");
	cr_assert_str_eq(d.plugin, "hostile");
	cr_assert_str_eq(d.label, "Hostile");
	cr_assert_str_eq(d.base_url, "http://127.0.0.1:9/v1");
	cr_assert_eq(d.locality, LLM_LOCALITY_CLOUD);
	cr_assert_eq(d.has_key, 1);
	cr_assert_eq(d.needs_key, 0);
	cr_assert_eq(llm_service_provider(svc, "echo", &d, &err), 0, "implicit: %s", err.message);
	cr_assert_str_eq(d.plugin, "echo");
	cr_assert_eq(llm_service_provider(svc, "gone", &d, &err), LLM_E_PLUGIN);
	cr_assert_not_null(strstr(err.message, "no-such-plugin"), "%s", err.message);
	cr_assert_eq(llm_service_provider(svc, NULL, &d, &err), LLM_E_INVALID_REQUEST);
	cr_assert_str_eq(err.message, "the provider's name is missing (null)");
	llm_service_free(svc);
}

Test(introspect, without_implicit_plugins_a_provider_must_be_configured)
{
	llm_service_opts so = options(NULL);
	llm_service *svc = NULL;
	llm_provider_desc d;
	llm_err err = LLM_ERR_INIT;

	so.config_text = "plugins = { implicit = false; };";
	cr_assert_eq(llm_service_new(&so, &svc, &err), 0, "%s", err.message);
	cr_assert_eq(llm_service_provider(svc, "echo", &d, &err), LLM_E_INVALID_REQUEST);
	cr_assert_str_eq(
		err.message, "provider \"echo\" is not configured, and plugins.implicit is off");
	llm_service_free(svc);
}

Test(introspect, a_plugin_without_a_provider_is_no_provider)
{
	llm_service *svc = open_service();
	llm_provider_desc d;
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(llm_service_provider(svc, "unknown_part", &d, &err), LLM_E_PLUGIN);
	cr_assert_not_null(strstr(err.message, "holds no provider"), "%s", err.message);
	llm_service_free(svc);
}

Test(introspect, a_service_lists_the_options_of_a_provider)
{
	llm_service *svc = open_service();
	llm_option_desc d = {.struct_size = 0};
	llm_err err = LLM_ERR_INIT;
	uint32_t i;

	for (i = 0; llm_service_option_at(svc, "work", i, &d, &err) == 0; i++)
		cr_assert_eq(d.type, i < 8 ? i + 1 : 99, "%s", d.name);
	cr_assert_eq(i, 9);
	cr_assert_eq(llm_service_option_at(svc, "work", 2, &d, &err), 0);
	cr_assert_eq(d.struct_size, sizeof(d));
	cr_assert_str_eq(d.name, "opt_int");
	cr_assert_str_eq(d.unit, "tokens");
	cr_assert_str_eq(d.help, "a whole number");
	cr_assert_eq(llm_service_option_at(svc, "work", 99, &d, &err), LLM_E_NOT_FOUND);
	cr_assert_eq(llm_service_option_at(svc, "echo", 0, &d, &err), LLM_E_NOT_FOUND);
	cr_assert_eq(llm_service_option_at(svc, "gone", 0, &d, &err), LLM_E_PLUGIN);
	llm_service_free(svc);
}

Test(introspect, options_of_a_service_must_be_initialised_and_not_contradict)
{
	llm_service_opts so = options(NULL);
	llm_service *svc = NULL;
	llm_err err = LLM_ERR_INIT;

	so.config_path = "/dev/null";
	cr_assert_eq(llm_service_new(&so, &svc, &err), LLM_E_CONFIG);
	cr_assert_str_eq(err.message, "config_path and config_text exclude each other: give one");
	so.struct_size = 8;
	cr_assert_eq(llm_service_new(&so, &svc, &err), LLM_E_INVALID_REQUEST);
	cr_assert_eq(llm_service_new(&so, NULL, &err), LLM_E_INVALID_REQUEST);
	cr_assert_null(svc);
	cr_assert_eq(llm_service_new(NULL, &svc, &err), 0, "%s", err.message);
	cr_assert_eq(llm_service_start(svc, &err), 0, "%s", err.message);
	cr_assert_eq(llm_service_start(svc, &err), LLM_E_STATE);
	cr_assert_str_eq(err.message, "the service is driven already");
	llm_service_free(svc);
}

/* ---- the library ---- */

Test(introspect, versions_of_the_library_and_of_what_it_runs_with)
{
	char text[32];

	snprintf(text, sizeof(text), "%d.%d.%d", LLM_VERSION_MAJOR, LLM_VERSION_MINOR,
		LLM_VERSION_PATCH);
	cr_assert_str_eq(llm_version_string(), text);
	cr_assert_eq(llm_version_number(),
		LLM_VERSION_MAJOR * 10000 + LLM_VERSION_MINOR * 100 + LLM_VERSION_PATCH);
	cr_assert_eq(llm_version_plugin_abi(), UINT32_C(1) << 16);
	cr_assert_eq(strncmp(llm_version_of("libcurl"), "libcurl/", 8), 0);
	cr_assert_eq(strncmp(llm_version_of("jansson"), "2.", 2), 0);
	cr_assert_eq(strncmp(llm_version_of("libconfig"), "1.", 2), 0);
	cr_assert_eq(strncmp(llm_version_of("openssl"), "OpenSSL ", 8), 0);
	cr_assert_null(llm_version_of("zlib"));
	cr_assert_null(llm_version_of(NULL));
}

Test(introspect, names_of_a_status)
{
	cr_assert_str_eq(llm_status_name(LLM_STATUS_SUCCEEDED), "succeeded");
	cr_assert_str_eq(llm_status_name(LLM_STATUS_FAILED), "failed");
	cr_assert_str_eq(llm_status_name(LLM_STATUS_CANCELLED), "cancelled");
	cr_assert_str_eq(llm_status_name(0), "none");
}

/* ---- a configuration ---- */

static const llm_config_item *item_of(const llm_config *c, const char *key)
{
	static llm_config_item item;
	uint32_t i;

	for (i = 0; llm_config_at(c, i, &item) == 0; i++)
		if (strcmp(item.key, key) == 0)
			return &item;
	return NULL;
}

Test(introspect, a_configuration_shows_values_with_their_origin)
{
	const llm_service_opts so = options(NULL);
	const llm_config_item *item;
	llm_config *c = NULL;
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(llm_config_load(&so, &c, &err), 0, "%s", err.message);
	item = item_of(c, "providers.work.base_url");
	cr_assert_not_null(item);
	cr_assert_eq(item->struct_size, sizeof(*item));
	cr_assert_str_eq(item->value, "\"http://127.0.0.1:9/v1\"");
	cr_assert_str_eq(item->origin, "config_text:4");
	cr_assert_str_eq(item_of(c, "providers.work.api_key")->value, "***");
	cr_assert_null(item_of(c, "providers.nobody"));
	cr_assert_not_null(strstr(llm_config_warning_at(c, 0), "no-such-plugin"));
	cr_assert_null(llm_config_warning_at(c, 1));
	llm_config_free(c);
	llm_config_free(NULL);
}

Test(introspect, a_configuration_that_is_wrong_is_refused)
{
	llm_service_opts so = options(NULL);
	llm_config *c = NULL;
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(llm_config_load(&so, NULL, &err), LLM_E_INVALID_REQUEST);
	so.config_text = "providers = { hostile = { lsit = \"none\"; }; };";
	cr_assert_eq(llm_config_load(&so, &c, &err), LLM_E_CONFIG);
	cr_assert_not_null(strstr(err.message, "lsit"), "%s", err.message);
	so.config_text = "idle = ;";
	cr_assert_eq(llm_config_load(&so, &c, &err), LLM_E_CONFIG);
	cr_assert_null(c);
	cr_assert_eq(llm_config_load(NULL, &c, &err), 0, "%s", err.message);
	llm_config_free(c);
}

Test(introspect, R_CFG_2_warnings_of_the_environment_come_first)
{
	const llm_service_opts so = options(NULL);
	llm_config *c = NULL;
	llm_err err = LLM_ERR_INIT;

	setenv("LLM_IDEL", "1s", 1);
	cr_assert_eq(llm_config_load(&so, &c, &err), 0, "%s", err.message);
	cr_assert_not_null(strstr(llm_config_warning_at(c, 0), "LLM_IDEL"));
	cr_assert_not_null(strstr(llm_config_warning_at(c, 1), "no-such-plugin"));
	cr_assert_null(llm_config_warning_at(c, 2));
	llm_config_free(c);
}

/* ---- plugins ---- */

Test(introspect, a_search_for_plugins_says_what_was_found_and_why)
{
	const llm_service_opts so = options(NULL);
	llm_plugins *p = NULL;
	llm_plugin_row row;
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(llm_plugins_scan(&so, "hostile", &p, &err), 0, "%s", err.message);
	cr_assert_geq(llm_plugins_count(p), 1);
	for (uint32_t i = 0; llm_plugins_at(p, i, &row) == 0 && !row.taken; i++)
		;
	cr_assert_eq(row.taken, 1);
	cr_assert_eq(row.struct_size, sizeof(row));
	cr_assert_str_eq(row.name, "hostile");
	cr_assert_str_eq(row.path, TEST_BINARY_DIR "/tests/modules/hostile.so");
	cr_assert_str_eq(row.id, "org.test.hostile");
	cr_assert_str_eq(row.version, "1.0.0");
	cr_assert_str_eq(row.licence, "MIT");
	cr_assert_str_eq(row.kinds, "llm.provider/1");
	cr_assert_str_eq(row.label, "Hostile");
	cr_assert_eq(row.abi_minor, 0);
	cr_assert_eq(llm_plugins_at(p, 99, &row), LLM_E_NOT_FOUND);
	llm_plugins_free(p);
	llm_plugins_free(NULL);
}

Test(introspect, X_09_a_search_lists_what_is_refused_as_well)
{
	const llm_service_opts so = options(NULL);
	llm_plugins *p = NULL;
	llm_plugin_row row;
	llm_err err = LLM_ERR_INIT;
	uint32_t refused = 0, parts = 0, i;

	cr_assert_eq(llm_plugins_scan(&so, NULL, &p, &err), 0, "%s", err.message);
	for (i = 0; llm_plugins_at(p, i, &row) == 0; i++) {
		refused += !row.taken && strstr(row.reason, "wrong magic");
		parts += strcmp(row.name, "unknown_part") == 0 && row.id && !row.label;
		cr_assert(row.reason && row.reason[0], "%s", row.path);
	}
	cr_assert_eq(i, llm_plugins_count(p));
	cr_assert_eq(refused, 1);
	cr_assert_eq(parts, 1);
	llm_plugins_free(p);
	cr_assert_eq(llm_plugins_scan(&so, NULL, NULL, &err), LLM_E_INVALID_REQUEST);
	cr_assert_eq(llm_plugins_scan(NULL, "ollama", &p, &err), 0, "%s", err.message);
	llm_plugins_free(p);
}

/* ---- short of memory ---- */

static int load_config(failalloc *fa, void *arg)
{
	const llm_service_opts so = options(&fa->hook);
	llm_config *c = NULL;
	llm_err err = LLM_ERR_INIT;
	int32_t rc = llm_config_load(&so, &c, &err);

	(void)arg;
	llm_config_free(c);
	return rc && rc != LLM_E_NOMEM;
}

static int scan_plugins(failalloc *fa, void *arg)
{
	const llm_service_opts so = options(&fa->hook);
	llm_plugins *p = NULL;
	llm_err err = LLM_ERR_INIT;
	int32_t rc = llm_plugins_scan(&so, "hostile", &p, &err);

	(void)arg;
	llm_plugins_free(p);
	return rc && rc != LLM_E_NOMEM;
}

static int describe_provider(failalloc *fa, void *arg)
{
	const llm_service_opts so = options(&fa->hook);
	llm_service *svc = NULL;
	llm_provider_desc d;
	llm_err err = LLM_ERR_INIT;
	int32_t rc = llm_service_new(&so, &svc, &err);

	(void)arg;
	if (!rc)
		rc = llm_service_provider(svc, "work", &d, &err);
	if (!rc)
		rc = llm_service_provider(svc, "echo", &d, &err);
	failalloc_never(fa);
	if (svc && llm_service_provider(svc, "work", &d, &err))
		rc = LLM_E_INTERNAL;
	llm_service_free(svc);
	return rc && rc != LLM_E_NOMEM;
}

Test(introspect, P_01_looking_at_a_configuration_survives_every_failure)
{
	cr_assert_eq(failalloc_sweep(load_config, NULL), 0);
}

Test(introspect, P_01_looking_for_plugins_survives_every_failure)
{
	cr_assert_eq(failalloc_sweep(scan_plugins, NULL), 0);
}

Test(introspect, P_01_describing_a_provider_survives_every_failure)
{
	cr_assert_eq(failalloc_sweep(describe_provider, NULL), 0);
}
