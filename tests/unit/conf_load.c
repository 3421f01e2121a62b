/* Files: keys, types, places, what is kept of them. */
#include <stdlib.h>

#include "conf_try.h"

static const char whole[] =
	"plugins = { path = \"/usr/lib/llm/plugins/1\"; implicit = true; };\n"
	"default_profile = \"local-fast\";\n"
	"aliases = { fast = \"ollama/gemma3:270m\"; quick = \"fast\"; };\n"
	"workspace = \"default\";\n"
	"idle = \"30s\"; connect = 1500; shutdown_grace = 0;\n"
	"response_headers = [ \"x-request-id\", \"retry-after\" ];\n"
	"providers = {\n"
	"  ollama = { plugin = \"ollama\"; base_url = \"http://127.0.0.1:11434\";\n"
	"    max_concurrency = 4; locality = \"local\"; keep_alive = \"5m\"; num_ctx = 8192;\n"
	"    flag = true; first_token = \"330s\"; };\n"
	"  work = { plugin = \"openai\"; endpoints = ( { id = \"eu\"; weight = 2;\n"
	"    base_url = \"https://eu.example/v1\"; api_key = \"env:EU_KEY\"; } );\n"
	"    headers = { X-Team = \"search\"; X-Gate-Key = \"env:GATE\"; };\n"
	"    query = { api-version = \"2025-01\"; }; extra = \"{\\\"a\\\": 1}\";\n"
	"    ca_file = \"/etc/ca.pem\"; proxy = \"http://127.0.0.1:3128\"; };\n"
	"};\n"
	"models = ( { id = \"ollama/gemma3:270m\"; max_input_tokens = 32768;\n"
	"  capabilities = { vision = \"no\"; json_schema = \"enforced\"; tools = \"yes\"; };\n"
	"  price = { input = \"0\"; output = \"0.0375\"; }; } );\n"
	"profiles = {\n"
	"  local-fast = { policy = \"ordered\"; first_token = \"20s\"; deadline = \"2m\";\n"
	"    candidates = [ \"ollama/gemma3:270m\", \"work#eu/gpt\", \"absent/m\" ]; };\n"
	"};\n";

static const char *const keys_set[] = {"EU_KEY=canary-eu-1", "GATE=canary-gate", NULL};

Test(conf_load, a_whole_file)
{
	conf *c = accepted(try_all(whole, keys_set, NULL));
	const conf_provider *p = conf_provider_named(c, "work");

	cr_assert_str_eq(c->plugin_path, "/usr/lib/llm/plugins/1");
	cr_assert_str_eq(c->default_profile, "local-fast");
	cr_assert_eq(c->times.idle, 30000);
	cr_assert_eq(c->times.connect, 1500);
	cr_assert_eq(c->times.deadline, CONF_UNSET);
	cr_assert_eq(c->shutdown_grace, 0);
	cr_assert_eq(c->n_response_headers, 2);
	cr_assert_str_eq(c->response_headers[1], "retry-after");
	cr_assert_not_null(p);
	cr_assert_str_eq(p->plugin, "openai");
	cr_assert_str_eq(p->endpoints[0].id, "eu");
	cr_assert_eq(p->endpoints[0].weight, 2);
	cr_assert_str_eq(p->endpoints[0].base_url, "https://eu.example/v1");
	cr_assert_str_eq(p->endpoints[0].key.value, "canary-eu-1");
	cr_assert_eq(p->n_headers, 2);
	cr_assert_str_eq(p->headers[0].name, "X-Team");
	cr_assert_str_eq(p->headers[1].value, "canary-gate");
	cr_assert_str_eq(p->query[0].value, "2025-01");
	cr_assert_str_eq(p->extra, "{\"a\": 1}");
	cr_assert_eq(p->times.idle, CONF_UNSET);
	cr_assert_eq(c->n_warnings, 0);
	conf_free(c);
}

Test(conf_load, providers_models_and_profiles_in_order)
{
	conf *c = accepted(try_all(whole, keys_set, NULL));
	const conf_provider *p = &c->providers[0];
	const conf_model *m = conf_model_named(c, "ollama/gemma3:270m");
	const conf_profile *f = conf_profile_named(c, "local-fast");

	cr_assert_eq(c->n_providers, 2);
	cr_assert_str_eq(p->name, "ollama");
	cr_assert_str_eq(p->origin, "config_text:8");
	cr_assert_eq(p->max_concurrency, 4);
	cr_assert_eq(p->locality, LLM_LOCALITY_LOCAL);
	cr_assert_eq(p->times.first_token, 330000);
	cr_assert_eq(p->n_settings, 3);
	cr_assert_str_eq(p->settings[1].name, "num_ctx");
	cr_assert_str_eq(p->settings[1].value, "8192");
	cr_assert_str_eq(p->settings[2].value, "true");
	cr_assert_not_null(m);
	cr_assert_eq(m->caps.vision, LLM_CAP_NO);
	cr_assert_eq(m->caps.json_schema, LLM_CAP_YES);
	cr_assert_eq(m->caps.tools, LLM_CAP_YES);
	cr_assert_eq(m->caps.audio, LLM_CAP_UNKNOWN);
	cr_assert_eq(m->caps.max_input_tokens, 32768);
	cr_assert_not_null(f);
	cr_assert_eq(f->n_candidates, 3);
	cr_assert_str_eq(f->candidates[1], "work#eu/gpt");
	cr_assert_eq(f->times.deadline, 120000);
	cr_assert_str_eq(conf_alias(c, "quick"), "ollama/gemma3:270m");
	cr_assert_null(conf_alias(c, "local-fast"));
	conf_free(c);
}

Test(conf_load, nothing_at_all)
{
	conf *c = NULL;
	conf_env env = {NULL};

	cr_assert_eq(conf_load(NULL, &env, mem_default(), NULL, &c, NULL), 0);
	cr_assert_eq(c->plugins_implicit, 1);
	cr_assert_eq(c->shutdown_grace, 5000);
	cr_assert_eq(c->n_items, 0);
	cr_assert_null(conf_provider_named(c, "ollama"));
	cr_assert_null(conf_nearest_target(c, "fast"));
	conf_free(c);
	conf_free(NULL);
	c = accepted(try_text("idle = 5; # a last line without its end"));
	cr_assert_eq(c->times.idle, 5);
	conf_free(c);
	c = accepted(try_text("\xef\xbb\xbfproviders = { ollama = {}; };"));
	cr_assert_str_eq(c->providers[0].plugin, "ollama");
	cr_assert_str_eq(item_of(c, "providers.ollama")->value, "{ }");
	conf_free(c);
}

Test(conf_load, unknown_keys_name_the_nearest)
{
	REFUSED(try_text("\nprofils = {};"), "config_text:2", "'profils'",
		"did you mean 'profiles'?");
	REFUSED(try_text("profiles = { a = { candidate = [\"o/m\"]; }; };"),
		"'profiles.a.candidate'", "'candidates'");
	REFUSED(try_text("models = ( { id = \"o/m\"; capabilities = { visoin = \"no\"; }; } );"),
		"'models.0.capabilities.visoin'", "'vision'");
	REFUSED(try_text("zzzzzzzz = 1;"), "'zzzzzzzz'", "docs/configuration.md");
	REFUSED(try_text("base-url = 1;"), "unknown key 'base-url'");
}

Test(conf_load, wrong_types)
{
	REFUSED(try_text("deadline = true;"), "'deadline'", "wrong type", "20s");
	REFUSED(try_text("providers = 5;"), "'providers'", "a group");
	REFUSED(try_text("providers = { a = \"x\"; };"), "'providers.a'", "a group");
	REFUSED(try_text("models = { };"), "'models'", "a list of groups");
	REFUSED(try_text("models = [ 1, 2 ];"), "'models.0'", "a group");
	REFUSED(try_text("workspace = 5;"), "'workspace'", "wrong type");
	REFUSED(try_text("allow_unbounded = \"true\";"), "'allow_unbounded'", "true or false");
	REFUSED(try_text("allow_unbounded = 1;"), "'allow_unbounded'", "true or false");
	REFUSED(try_text("providers = { a = { max_concurrency = \"4\"; }; };"), "whole number");
	REFUSED(try_text("providers = { a = { max_concurrency = 0; }; };"), "from 1 to 65535");
	REFUSED(try_text("providers = { a = { x = { y = 1; }; }; };"), "'providers.a.x'");
	REFUSED(try_text("providers = { a = { x = [ 1 ]; }; };"), "'providers.a.x'");
	REFUSED(try_text("profiles = { a = { candidates = \"o/m\"; }; };"), "list of strings");
	REFUSED(try_text("profiles = { a = { candidates = ( \"o/m\", 1 ); }; };"), "list of");
	REFUSED(try_text("providers = { a = { locality = \"moon\"; }; };"), "\"cloud\"");
	REFUSED(try_text("models = ( { id = \"o/m\"; price = { input = 1; }; } );"), "price");
}

Test(conf_load, values_of_a_wrong_form)
{
	REFUSED(try_text("providers = { a = { plugin = \"../x\"; }; };"), "absolute path");
	REFUSED(try_text("providers = { a = { sha256 = \"abc\"; }; };"), "64");
	REFUSED(try_text("providers = { a = { base_url = \"ftp://h\"; }; };"), "https://");
	REFUSED(try_text("providers = { a = { base_url = \"http://u:pw@h\"; }; };"), "no user");
	REFUSED(try_text("providers = { a = { base_url = \"u:pw@h\"; }; };"), "no user");
	REFUSED(try_text("providers = { a = { proxy = \"127.0.0.1:1\"; }; };"), "proxy");
	REFUSED(try_text("proxy = \"http://u:pw@h:1\";"), "no user");
	REFUSED(try_text("proxy = \"environment\";"), "\"env\"");
	REFUSED(try_text("no_proxy = [ \"a,b\" ];"), "hosts");
	REFUSED(try_text("no_proxy = \"a.b\";"), "a list of hosts");
	REFUSED(try_text("providers = { a = { http_version = \"3\"; }; };"), "\"1.1\" or");
	REFUSED(try_text("providers = { a = { http_version = 2; }; };"), "in quotes");
	REFUSED(try_text("providers = { a = { extra = \"[1]\"; }; };"), "JSON object");
	REFUSED(try_text("providers = { a = { extra = \"{} x\"; }; };"), "JSON object");
	REFUSED(try_text("providers = { a = { ca_file = \"\"; }; };"), "not empty");
	REFUSED(try_text("providers = { a = { ca_file = \"a\\nb\"; }; };"), "control");
	REFUSED(try_text("providers = { a = { ca_file = \"a\\xffz\"; }; };"), "'providers.a.ca_f");
	REFUSED(try_text("providers = { a = { headers = { X-A = \"a\\r\\nb: c\"; }; }; };"), "X-A",
		"control");
	REFUSED(try_text("providers = { a = { headers = { Host = \"x\"; }; }; };"), "'Host'");
	REFUSED(try_text("response_headers = [ \"set-cookie\" ];"), "no secret");
	REFUSED(try_text("models = ( { id = \"nomodel\"; } );"), "PROVIDER/MODEL");
	REFUSED(try_text("models = ( { max_input_tokens = 1; } );"), "no id");
	REFUSED(try_text("models = ( { id = \"o/m\"; }, { id = \"o/m\"; } );"), "twice");
	REFUSED(try_text("models = ( { id = \"o/m\"; max_output_tokens = -1; } );"), "least 1");
	REFUSED(try_text("models = ( { id = \"o/m\"; price = { output = \"1.0000001\"; }; } );"),
		"six decimals");
	conf_free(accepted(try_text("providers = { a = { base_url = \"127.0.0.1:11434\"; }; };")));
}

Test(conf_load, keys_of_later_versions)
{
	REFUSED(try_text("telemetry = { };"), "not in this version");
	REFUSED(try_text("telemetry = { x = 1; };"), "'telemetry'", "not in this version");
}

Test(conf_load, R_CACHE_1_settings_of_the_cache)
{
	conf_try a = try_text("cache = { mode = \"refresh\"; store = \"sql\"; ttl = \"1h\"; "
			      "max_age = \"5m\"; namespace = \"n\"; size = \"8M\"; entry_max = "
			      "\"64k\"; coalesce = true; };");
	const conf_cache *k;

	cr_assert_eq(a.rc, 0, "%s", a.err.message);
	k = &a.c->cache;
	cr_assert_eq(k->mode, CACHE_SAID | CACHE_WRITE | CACHE_FRESH);
	cr_assert_eq(k->store, CACHE_SQL);
	cr_assert_eq(k->ttl, 3600000);
	cr_assert_eq(k->max_age, 300000);
	cr_assert_str_eq(k->space, "n");
	cr_assert(k->coalesce && !k->nondeterministic && !k->any_candidate);
	conf_free(a.c);
	REFUSED(try_text("cache = { mode = \"yes\"; };"), "refresh");
	REFUSED(try_text("cache = { size = \"1\"; };"), "64M");
	REFUSED(try_text("cache = { entry_max = \"2G\"; };"), "1G");
	REFUSED(try_text("cache = { ttl = \"0\"; };"), "cache.ttl");
	REFUSED(try_text("cache = { tll = \"1s\"; };"), "'ttl'");
}

Test(conf_load, R_CFG_6_names)
{
	REFUSED(try_text("providers = { Gemini = { }; };"), "'Gemini'", "a-z");
	REFUSED(try_text("profiles = { aB = { }; };"), "'aB'", "a-z");
	REFUSED(try_text("aliases = { * = \"o/m\"; };"), "'*'", "a-z");
	REFUSED(try_text("providers = { a = { endpoints = ( { id = \"EU\"; } ); }; };"),
		"endpoints.0.id", "a-z");
	REFUSED(try_text("providers = { a123456789a123456789a123456789a123456789a123456789"
			 "a123456789a123456789 = { }; };"),
		"63 bytes");
}

Test(conf_load, R_CFG_1_keys_that_fold_alike)
{
	REFUSED(try_text("profiles = { a-b = { candidates = [\"o/m\"]; };\n"
			 "a_b = { candidates = [\"o/m\"]; }; };"),
		"config_text:2", "'profiles.a-b'", "'profiles.a_b'");
	REFUSED(try_text("providers = { a = { headers = { X-A = \"1\"; x-a = \"2\"; }; }; };"),
		"x-a", "X-A");
	REFUSED(try_text("a = 1; a = 2;"), "config_text:1");
}

Test(conf_load, R_CFG_3_durations)
{
	conf *c = accepted(try_text("queue = 250; connect = \"250ms\"; first_token = \"2m\";"
				    "deadline = \"1h\"; idle = 0; attempt = \"0\";"));

	cr_assert_eq(c->times.queue, 250);
	cr_assert_eq(c->times.connect, 250);
	cr_assert_eq(c->times.first_token, 120000);
	cr_assert_eq(c->times.deadline, 3600000);
	cr_assert_eq(c->times.idle, 0);
	cr_assert_eq(c->times.attempt, 0);
	conf_free(c);
	REFUSED(try_text("queue = -1;"), "'queue'");
	REFUSED(try_text("queue = \"-1s\";"), "'queue'");
	REFUSED(try_text("queue = \"1.5s\";"), "'queue'");
	REFUSED(try_text("queue = \"5 s\";"), "'queue'");
	REFUSED(try_text("queue = \"5d\";"), "'queue'", "1h");
	REFUSED(try_text("queue = \"99999999999999999999h\";"), "'queue'");
	REFUSED(try_text("queue = \"8761h\";"), "at most a year");
	REFUSED(try_text("queue = \"\";"), "'queue'");
}

Test(conf_load, R_TIME_9_zero)
{
	REFUSED(try_text("queue = 0;"), "'queue'", "no limit");
	REFUSED(try_text("providers = { a = { connect = 0; }; };"), "'providers.a.connect'");
	REFUSED(try_text("silence = \"0s\";"), "'silence'");
	REFUSED(try_text("deadline = 0;"), "'deadline'", "allow_unbounded");
	REFUSED(try_text("profiles = { a = { candidates = [\"o/m\"];\ndeadline = \"0s\"; }; };"),
		"config_text:2", "'profiles.a.deadline'", "allow_unbounded");
	conf_free(accepted(try_text("deadline = 0; allow_unbounded = true; idle = 0;"
				    "first_token = 0; attempt = 0;")));
}

Test(conf_load, R_WS_3_workspace)
{
	char long_name[129 + 16];

	conf_free(accepted(try_text("workspace = \"Team.a:b_c-9\";")));
	REFUSED(try_text("workspace = \"a b\";"), "'workspace'", "128");
	REFUSED(try_text("workspace = \"\";"), "'workspace'");
	REFUSED(try_text("workspace = \"a/b\";"), "'workspace'");
	REFUSED(try_text("workspace = \"\xc3\xa4\";"), "'workspace'");
	memset(long_name, 'a', sizeof(long_name));
	memcpy(long_name, "workspace = \"", 13);
	long_name[13 + 129] = '"';
	long_name[13 + 130] = '\0';
	REFUSED(try_text(long_name), "'workspace'");
	long_name[13 + 128] = '"';
	long_name[13 + 129] = '\0';
	conf_free(accepted(try_text(long_name)));
}

static conf_try try_files(const char *first, const char *const *more)
{
	conf_try t = {.err = LLM_ERR_INIT};
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	conf_env env = {NULL};

	opts.config_path = first;
	opts.config_paths = more;
	t.rc = conf_load(&opts, &env, mem_default(), NULL, &t.c, &t.err);
	return t;
}

Test(conf_load, R_CFG_1_later_files_win)
{
	static const char a[] =
		"workspace = \"one\"; idle = 1000; models = ( { id = \"a/1\"; },"
		"{ id = \"a/2\"; max_input_tokens = 5; } ); providers = { p = { x = \"1\"; }; };";
	static const char b[] = "\nworkspace = \"two\"; models = ( { id = \"b/1\"; } );"
				"providers = { p = { y = \"2\"; }; q = { }; };";
	char one[64];
	char two[64];
	const char *more[] = {file_with(two, b, sizeof(b) - 1, 0644), NULL};
	conf *c = accepted(try_files(file_with(one, a, sizeof(a) - 1, 0600), more));

	cr_assert_str_eq(c->workspace, "two");
	cr_assert_eq(c->times.idle, 1000);
	cr_assert_eq(c->n_models, 1);
	cr_assert_str_eq(c->models[0].id, "b/1");
	cr_assert_eq(c->models[0].caps.max_input_tokens, 0);
	cr_assert_eq(c->n_providers, 2);
	cr_assert_eq(c->providers[0].n_settings, 2);
	cr_assert(strstr(item_of(c, "workspace")->origin, two));
	cr_assert(strstr(item_of(c, "workspace")->origin, ":2"));
	conf_free(c);
	file_gone(one);
	file_gone(two);
}

Test(conf_load, files_that_cannot_be_read)
{
	static char big[(1 << 20) + 2];
	char path[64];

	REFUSED(try_files("/nonexistent/llm.conf", NULL), "/nonexistent/llm.conf", "No such file");
	REFUSED(try_files("/tmp", NULL), "/tmp", "no regular file");
	REFUSED(try_files("/dev/zero", NULL), "/dev/zero", "no regular file");
	memset(big, ' ', sizeof(big));
	REFUSED(try_files(file_with(path, big, sizeof(big) - 1, 0600), NULL), path, "1 MiB");
	file_gone(path);
	conf_free(accepted(try_files(file_with(path, big, 1 << 20, 0600), NULL)));
	file_gone(path);
	file_with(path, "a", 1, 0000);
	if (geteuid() == 0)
		cr_log_info("root reads every file: mode 0000 proves nothing here");
	else
		REFUSED(try_files(path, NULL), path, "Permission denied");
	file_gone(path);
	mkfifo(P_tmpdir "/llm-conf-fifo", 0600);
	REFUSED(try_files(P_tmpdir "/llm-conf-fifo", NULL), "no regular file");
	unlink(P_tmpdir "/llm-conf-fifo");
}

Test(conf_load, R_CFG_6_text_over_1_MiB)
{
	char *big = malloc((1 << 20) + 2);

	memset(big, '\n', (1 << 20) + 1);
	big[(1 << 20) + 1] = '\0';
	REFUSED(try_text(big), "1 MiB");
	big[1 << 20] = '\0';
	conf_free(accepted(try_text(big)));
	free(big);
}

Test(conf_load, path_and_text_together)
{
	conf_try t = {.err = LLM_ERR_INIT};
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	conf_env env = {NULL};

	opts.config_path = "/nonexistent";
	opts.config_text = "";
	t.rc = conf_load(&opts, &env, mem_default(), NULL, &t.c, &t.err);
	REFUSED(t, "config_path", "config_text");
}

Test(conf_load, items_are_sorted_and_can_be_written_into_a_file)
{
	conf *c = accepted(try_all(whole, keys_set, NULL));
	size_t i;

	for (i = 1; i < c->n_items; i++)
		cr_assert_lt(strcmp(c->items[i - 1].key, c->items[i].key), 0);
	cr_assert_str_eq(item_of(c, "workspace")->value, "\"default\"");
	cr_assert_str_eq(item_of(c, "connect")->value, "1500");
	cr_assert_str_eq(item_of(c, "plugins.implicit")->value, "true");
	cr_assert_str_eq(item_of(c, "profiles.local-fast.candidates")->value,
		"[ \"ollama/gemma3:270m\", \"work#eu/gpt\", \"absent/m\" ]");
	cr_assert_str_eq(item_of(c, "providers.work.extra")->value, "\"{\\\"a\\\": 1}\"");
	cr_assert_str_eq(item_of(c, "models.0.price.output")->origin, "config_text:19");
	conf_free(c);
}

Test(conf_load, syntax_errors_of_every_prefix_are_told)
{
	char text[sizeof(whole)];
	size_t n;

	for (n = 0; n < sizeof(whole); n++) {
		conf_try t;

		memcpy(text, whole, n);
		text[n] = '\0';
		t = try_all(text, keys_set, NULL);
		cr_assert(t.rc == 0 || t.rc == LLM_E_CONFIG);
		if (t.rc)
			cr_assert(strncmp(t.err.message, "config_text:", 12) == 0, "%s",
				t.err.message);
		conf_free(t.c);
	}
}
