/* Variables and overrides as sources; the copy of the environment. */
#include <stdlib.h>

#include "conf/keys.h"
#include "conf_try.h"

#define ENV(...) ((const char *const[]){__VA_ARGS__, NULL})

static const char profile[] = "profiles = { local-fast = { candidates = [ \"ollama/m\" ]; }; };";

Test(conf_env, R_CFG_1_names_and_nesting)
{
	conf *c = accepted(try_all(profile,
		ENV("LLM_DEFAULT_PROFILE=local-fast", "LLM_PROVIDERS__GEMINI__API_KEY=canary-1",
			"LLM_PLUGINS__IMPLICIT=on", "LLM_PROVIDERS__MY_AI__PLUGIN=openai",
			"HOME=/root"),
		NULL));

	cr_assert_str_eq(c->default_profile, "local-fast");
	cr_assert_eq(c->n_providers, 2);
	cr_assert_str_eq(c->providers[0].name, "gemini");
	cr_assert_str_eq(c->providers[0].plugin, "gemini");
	cr_assert_str_eq(c->providers[0].endpoints[0].key.value, "canary-1");
	cr_assert_str_eq(c->providers[0].endpoints[0].key.origin,
		"environment LLM_PROVIDERS__GEMINI__API_KEY");
	cr_assert_str_eq(c->providers[1].name, "my_ai");
	cr_assert_str_eq(item_of(c, "default_profile")->origin, "environment LLM_DEFAULT_PROFILE");
	cr_assert_eq(c->n_warnings, 0);
	conf_free(c);
}

Test(conf_env, R_CFG_1_dash_and_case_are_folded)
{
	conf *c = accepted(try_all(profile,
		ENV("LLM_PROFILES__LOCAL_FAST__DEADLINE=7s",
			"LLM_profiles__other_one__candidates=a/b"),
		NULL));

	cr_assert_eq(c->n_profiles, 2);
	cr_assert_eq(conf_profile_named(c, "local-fast")->times.deadline, 7000);
	cr_assert_not_null(conf_profile_named(c, "other_one"));
	conf_free(c);
	REFUSED(try_all("", ENV("LLM_WORKSPACE=a", "LLM_workspace=b"), NULL), "LLM_workspace",
		"LLM_WORKSPACE");
	REFUSED(try_all("", ENV("LLM_SHUTDOWN_GRACE=1", "LLM_SHUTDOWN_GRACE_MS=2"), NULL),
		"LLM_SHUTDOWN_GRACE_MS");
}

Test(conf_env, R_CFG_1_precedence)
{
	static const char text[] = "workspace = \"file\"; idle = 1; queue = 1;";
	conf *c = accepted(try_all(text, ENV("LLM_WORKSPACE=env", "LLM_IDLE=2"),
		ENV("workspace=call", "workspace=last")));

	cr_assert_str_eq(c->workspace, "last");
	cr_assert_eq(c->times.idle, 2);
	cr_assert_eq(c->times.queue, 1);
	cr_assert_str_eq(item_of(c, "workspace")->origin, "call");
	cr_assert_str_eq(item_of(c, "idle")->origin, "environment LLM_IDLE");
	cr_assert_str_eq(item_of(c, "queue")->origin, "config_text:1");
	conf_free(c);
}

Test(conf_env, R_CFG_1_overrides)
{
	conf *c = accepted(try_all(profile, NULL,
		ENV("profiles.local_fast.deadline=3s",
			"providers.x-y.base_url=http://127.0.0.1:1/a=b", "aliases.fast=local-fast",
			"providers.x-y.headers.X-Title=a b")));

	cr_assert_eq(c->profiles[0].times.deadline, 3000);
	cr_assert_str_eq(c->providers[0].name, "x-y");
	cr_assert_str_eq(c->providers[0].endpoints[0].base_url, "http://127.0.0.1:1/a=b");
	cr_assert_str_eq(c->providers[0].headers[0].value, "a b");
	cr_assert_str_eq(conf_alias(c, "fast"), "local-fast");
	conf_free(c);
	REFUSED(try_all("", NULL, ENV("workspace")), "call", "KEY.PATH=VALUE");
	REFUSED(try_all("", NULL, ENV("=x")), "KEY.PATH=VALUE");
	REFUSED(try_all("", NULL, ENV("work\nspace=x")), "KEY.PATH=VALUE");
	REFUSED(try_all("", NULL, ENV("a..b=x")), "KEY.PATH=VALUE");
	REFUSED(try_all("", NULL, ENV("a.b.c.d.e.f.g.h.i=x")), "KEY.PATH=VALUE");
	REFUSED(try_all("", NULL, ENV("profiels.a.deadline=1s")), "'profiles'");
	REFUSED(try_all("", NULL, ENV("models.0.id=o/m")), "only a file");
	REFUSED(try_all("", NULL, ENV("models=o/m")), "'models'", "wrong type");
	REFUSED(try_all("", NULL, ENV("telemetry.x=x")), "not in this version");
	REFUSED(try_all("", NULL, ENV("providers.a.headers.A B=x")), "'A B'");
	REFUSED(try_all("", NULL, ENV("providers.a.api_key=canary")), "env:NAME");
}

Test(conf_env, R_CFG_2_unknown_variables_are_warnings)
{
	conf *c = accepted(try_all("",
		ENV("LLM_WORKSPCE=x", "LLM_API_KEY=canary-2",
			"LLM_PROVIDERS__OLLAMA__HEADERS__A__B=canary", "LLM_MODELS=gpt",
			"LLM_STORAGE=x", "LLM_PROFILES__A__DEADLIN=1", "LLM_MODELS__0__ID=x",
			"LLM_=1", "LLM_A____B=1", "LLM_PROVIDERS__9__PLUGIN=x"),
		NULL));
	size_t i;

	cr_assert_eq(c->n_warnings, 9);
	cr_assert(strstr(c->warnings[0], "LLM_WORKSPCE"));
	cr_assert(strstr(c->warnings[0], "did you mean LLM_WORKSPACE?"));
	cr_assert(strstr(c->warnings[5], "did you mean LLM_PROFILES__A__DEADLINE?"), "%s",
		c->warnings[5]);
	for (i = 0; i < c->n_warnings; i++)
		cr_assert_null(strstr(c->warnings[i], "canary"));
	cr_assert_eq(c->n_items, 0);
	cr_assert_eq(c->n_providers, 0);
	conf_free(c);
}

Test(conf_env, R_CFG_2_names_that_are_no_keys)
{
	conf *c = accepted(try_all("",
		ENV("LLM_PLUGIN_PATH=/a:/b", "LLM_TEST_X=1", "LLM_DBG_IO=1", "LLM_LOG=debug",
			"LLM_LOG_CONTENT=1", "LLM_a\nb=1", "LLM=1", "XLLM_WORKSPACE=1"),
		NULL));

	cr_assert_eq(c->n_warnings, 0);
	cr_assert_str_eq(c->env_plugin_path, "/a:/b");
	conf_free(c);
}

Test(conf_env, R_CFG_2_bad_values_are_not_repeated)
{
	conf_try t = try_all("", ENV("LLM_DEADLINE=canary"), NULL);

	cr_assert_null(strstr(t.err.message, "canary"));
	REFUSED(t, "environment LLM_DEADLINE", "'deadline'", "20s");
	t = try_all("", ENV("LLM_PROVIDERS__A__BASE_URL=http://u:canary@h"), NULL);
	cr_assert_null(strstr(t.err.message, "canary"));
	REFUSED(t, "environment LLM_PROVIDERS__A__BASE_URL", "https://");
	t = try_all("", ENV("LLM_PROVIDERS__A__API_TOKEN=canary"), NULL);
	cr_assert_null(strstr(t.err.message, "canary"));
	REFUSED(t, "environment LLM_PROVIDERS__A__API_TOKEN", "never gets a secret");
	REFUSED(try_all("", ENV("LLM_TELEMETRY__X=x"), NULL), "'telemetry'", "not in this version");
}

Test(conf_env, R_CFG_3_booleans)
{
	static const char *const yes[] = {"1", "true", "on", "yes"};
	static const char *const no[] = {"0", "false", "off", "no"};
	static const char *const bad[] = {"", "TRUE", "True", "y", "2", " 1", "on "};
	char var[64];
	size_t i;

	for (i = 0; i < 4; i++) {
		conf *c;

		snprintf(var, sizeof(var), "LLM_PLUGINS__IMPLICIT=%s", yes[i]);
		c = accepted(try_all("", ENV(var), NULL));
		cr_assert_eq(c->plugins_implicit, 1);
		conf_free(c);
		snprintf(var, sizeof(var), "LLM_PLUGINS__IMPLICIT=%s", no[i]);
		c = accepted(try_all("", ENV(var), NULL));
		cr_assert_eq(c->plugins_implicit, 0);
		cr_assert_str_eq(item_of(c, "plugins.implicit")->value, "false");
		conf_free(c);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(var, sizeof(var), "LLM_PLUGINS__IMPLICIT=%s", bad[i]);
		REFUSED(try_all("", ENV(var), NULL), "LLM_PLUGINS__IMPLICIT", "true or false");
	}
}

Test(conf_env, R_CFG_3_lists_by_commas)
{
	conf *c = accepted(try_all("",
		ENV("LLM_PROFILES__A__CANDIDATES=o/1, p/2 ,q#e/3", "LLM_RESPONSE_HEADERS=x-a",
			"LLM_PROVIDERS__Q__MAX_CONCURRENCY=7"),
		ENV("profiles.a.candidates=o/1,p/2")));

	cr_assert_eq(c->profiles[0].n_candidates, 2);
	cr_assert_str_eq(c->profiles[0].candidates[1], "p/2");
	cr_assert_str_eq(c->response_headers[0], "x-a");
	cr_assert_eq(c->providers[0].max_concurrency, 7);
	cr_assert_str_eq(item_of(c, "providers.q.max_concurrency")->value, "7");
	conf_free(c);
	REFUSED(try_all("", ENV("LLM_PROFILES__A__CANDIDATES=o/1,,p/2"), NULL), "element");
	REFUSED(try_all("", ENV("LLM_PROFILES__A__CANDIDATES="), NULL), "element");
	REFUSED(try_all("", ENV("LLM_PROVIDERS__Q__MAX_CONCURRENCY=7x"), NULL), "whole number");
	REFUSED(try_all("", ENV("LLM_CONNECT=-5"), NULL), "LLM_CONNECT");
}

Test(conf_env, the_second_name_and_headers)
{
	conf *c = accepted(try_all("providers = { a = { headers = { X_Odd = \"1\"; }; }; };",
		ENV("LLM_SHUTDOWN_GRACE_MS=1500", "LLM_PROVIDERS__A__HEADERS__X_ODD=2",
			"LLM_PROVIDERS__A__HEADERS__X_TITLE=t", "LLM_PROVIDERS__A__QUERY__V=3"),
		NULL));

	cr_assert_eq(c->shutdown_grace, 1500);
	cr_assert_str_eq(c->providers[0].headers[0].name, "X_Odd");
	cr_assert_str_eq(c->providers[0].headers[0].value, "2");
	cr_assert_str_eq(c->providers[0].headers[1].name, "x-title");
	cr_assert_str_eq(c->providers[0].query[0].value, "3");
	conf_free(c);
}

/* Whatever row has one: with its usual value it comes to that row. */
Test(conf_env, R_IDEM_8_each_second_name_is_that_of_its_key)
{
	char var[200];
	size_t i, n = 0;

	for (i = 0; key_table[i].pattern; i++) {
		const conf_item *item;
		conf *c;

		if (!key_table[i].env)
			continue;
		cr_assert_not_null(key_table[i].preset, "%s", key_table[i].pattern);
		snprintf(var, sizeof(var), "LLM_%s=%s", key_table[i].env, key_table[i].preset);
		c = accepted(try_all("", ENV(var), NULL));
		item = item_of(c, key_table[i].pattern);
		cr_assert_not_null(item, "%s", var);
		cr_expect_eq(strncmp(item->origin, "environment LLM_", 16), 0, "%s", item->origin);
		conf_free(c);
		n++;
	}
	cr_expect_geq(n, 6);
	REFUSED(try_all("", ENV("LLM_IDEMPOTENCY_REPLAY_ERRORS=some"), NULL), "\"terminal\"");
	REFUSED(try_all("", ENV("LLM_IDEMPOTENCY_LEASE=1ms"), NULL), "from \"3s\"");
}

Test(conf_env, R_CFG_5_read_once)
{
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	conf *c = NULL;

	setenv("LLM_WORKSPACE", "before", 1);
	setenv("LLM_TEST_CONF_KEY", "canary-before", 1);
	cr_assert_eq(conf_load(&opts, NULL, mem_default(), NULL, &c, NULL), 0);
	setenv("LLM_WORKSPACE", "after", 1);
	setenv("LLM_TEST_CONF_KEY", "after", 1);
	cr_assert_str_eq(c->workspace, "before");
	cr_assert_str_eq(conf_env_get(c, "LLM_TEST_CONF_KEY"), "canary-before");
	cr_assert_str_eq(conf_secret_from_env(c, "LLM_TEST_CONF_KEY", NULL).value, "canary-before");
	cr_assert_null(conf_env_get(c, "LLM_TEST_CONF_KE"));
	cr_assert_null(conf_env_get(c, "LLM_TEST_CONF_KEY2"));
	conf_free(c);
}

Test(conf_env, no_env_and_set_uid_hide_it)
{
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	const char *const vars[] = {
		"LLM_WORKSPACE=x", "LLM_PLUGIN_PATH=/evil", "OLLAMA_HOST=h", "K=canary-3", NULL};
	conf_env env = {vars};
	int secure;

	opts.config_text = "providers = { a = { api_key = \"env:K\"; }; };";
	for (secure = 0; secure < 2; secure++) {
		conf *c = NULL;

		opts.flags = secure ? 0 : LLM_SERVICE_NO_ENV;
		cr_assert_eq(conf_load_as(&opts, &env, mem_default(), NULL, secure, &c, NULL), 0);
		cr_assert_null(c->workspace);
		cr_assert_null(c->env_plugin_path);
		cr_assert_null(conf_env_get(c, "OLLAMA_HOST"));
		cr_assert_null(conf_secret_from_env(c, "K", NULL).value);
		/* What the file itself names is still looked up. */
		cr_assert_str_eq(c->providers[0].endpoints[0].key.value, "canary-3");
		conf_free(c);
	}
}

Test(conf_env, secrets_by_the_providers_usual_variables)
{
	redact *r = redact_new(mem_default());
	buf out;
	conf *c = accepted(try_all("", ENV("GOOD=canary-good", "EMPTY=", "LINE=a\nb"), NULL));
	conf_secret s = conf_secret_from_env(c, "GOOD", r);

	cr_assert_str_eq(s.value, "canary-good");
	cr_assert_eq(s.len, 11);
	cr_assert_str_eq(s.origin, "env:GOOD");
	buf_init(&out, mem_default(), 0);
	cr_assert_eq(redact_text(r, "x canary-good y", 15, &out), 0);
	cr_assert_null(strstr(buf_text(&out), "canary"));
	cr_assert_null(conf_secret_from_env(c, "EMPTY", r).value);
	cr_assert_null(conf_secret_from_env(c, "ABSENT", r).origin);
	s = conf_secret_from_env(c, "LINE", r);
	cr_assert_null(s.value);
	cr_assert(strstr(s.problem, "line end"));
	buf_done(&out);
	redact_free(r);
	conf_free(c);
}
