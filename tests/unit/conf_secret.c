/* R-CFG-4: where secrets come from and where they never show. */
#include "conf_try.h"

#define ENV(...) ((const char *const[]){__VA_ARGS__, NULL})

static char text_of[512];

static const char *keyed(const char *value)
{
	snprintf(text_of, sizeof(text_of), "providers = {\n a = { api_key = \"%s\"; };\n};", value);
	return text_of;
}

static conf_try try_key_file(const char *path)
{
	char ref[80];

	snprintf(ref, sizeof(ref), "file:%s", path);
	return try_text(keyed(ref));
}

Test(conf_secret, R_CFG_4_a_literal_in_a_file_is_refused)
{
	static const char *const texts[] = {
		"providers = {\n a = { api_key = \"canary\"; }; };",
		"providers = {\n a = { client_key = \"canary\"; }; };",
		"providers = {\n a = { headers = { X-Access-Token = \"canary\"; }; }; };",
		"providers = {\n a = { headers = { authorization = \"canary\"; }; }; };",
		"providers = {\n a = { query = { PassWord = \"canary\"; }; }; };",
		"providers = {\n a = { endpoints = ( { api_key = \"canary\"; } ); }; };",
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		conf_try t = try_text(texts[i]);

		cr_assert_null(strstr(t.err.message, "canary"), "%s", t.err.message);
		REFUSED(t, "config_text:2", "env:NAME", "file:/");
	}
	REFUSED(try_text(keyed("env:")), "config_text:2", "'providers.a.api_key'", "env:NAME");
	REFUSED(try_text(keyed("env:A-B")), "refers to nothing");
	REFUSED(try_text(keyed("env:1A")), "refers to nothing");
	REFUSED(try_text(keyed("file:relative")), "absolute");
	REFUSED(try_text(keyed("file:/")), "refers to nothing");
	REFUSED(try_text("providers = { a = { headers = { x-team = \"env:\"; }; }; };"), "x-team");
}

/* What a storage connects to may hold passwords, and shows the rest. */
Test(conf_secret, R_CFG_4_passwords_in_a_dsn_show_as_stars)
{
	static const char *const dsns[][2] = {
		{"postgresql://me:canary@db:5432/runs", "postgresql://me:***@db:5432/runs"},
		{"postgresql://me:ca:n@ry@db/runs", "postgresql://me:***@db/runs"},
		{"postgresql://me@db/runs?password=canary&sslmode=require",
			"postgresql://me@db/runs?password=***&sslmode=require"},
		{"postgresql://me:canary@db/runs?sslpassword=canary",
			"postgresql://me:***@db/runs?sslpassword=***"},
		{"host=db password=canary user=me", "host=db password=*** user=me"},
		{"password = 'canary and \\\\'more' host=db", "password = *** host=db"},
		{"host=db password='canary", "host=db password=***"},
		{"host=db passwords none password=", "host=db passwords none password=***"},
		{"postgresql://db/runs", "postgresql://db/runs"},
		{"file:/var/runs.db", "file:/var/runs.db"},
	};
	char text[300], quoted[200];
	size_t i;

	for (i = 0; i < sizeof(dsns) / sizeof(dsns[0]); i++) {
		conf *c;

		snprintf(text, sizeof(text), "storage = { dsn = \"%s\"; };", dsns[i][0]);
		snprintf(quoted, sizeof(quoted), "\"%s\"", dsns[i][1]);
		c = accepted(try_text(text));
		cr_expect_str_eq(item_of(c, "storage.dsn")->value, quoted);
		conf_free(c);
	}
}

Test(conf_secret, R_CFG_4_a_plugin_gets_no_secret)
{
	conf_try t = try_text("providers = {\n a = { apikey = \"canary\"; }; };");

	cr_assert_null(strstr(t.err.message, "canary"));
	REFUSED(t, "config_text:2", "'providers.a.apikey'", "did you mean 'api_key'?");
}

Test(conf_secret, R_CFG_4_dumps_show_stars)
{
	conf *c = accepted(try_all("providers = { a = { api_key = \"env:K\";"
				   "headers = { X-Key = \"env:K\"; X-Plain = \"env:K\"; };"
				   "extra = \"{\\\"my_token\\\": \\\"canary-x\\\"}\"; }; };",
		ENV("K=canary-k", "LLM_PROVIDERS__B__API_KEY=canary-b"), NULL));
	size_t i;

	for (i = 0; i < c->n_items; i++)
		cr_assert_null(strstr(c->items[i].value, "canary"), "%s", c->items[i].key);
	cr_assert_str_eq(item_of(c, "providers.a.api_key")->value, "***");
	cr_assert_str_eq(item_of(c, "providers.a.headers.X-Key")->value, "***");
	cr_assert_str_eq(item_of(c, "providers.a.headers.X-Plain")->value, "\"env:K\"");
	cr_assert_str_eq(item_of(c, "providers.a.extra")->value, "***");
	cr_assert_str_eq(item_of(c, "providers.b.api_key")->value, "***");
	conf_free(c);
}

Test(conf_secret, R_CFG_4_an_unset_variable_is_a_warning)
{
	conf *c = accepted(try_all("providers = {\n a = { api_key = \"env:K\"; };\n"
				   "b = { headers = { X-Key = \"env:H\"; }; }; };",
		ENV("H="), NULL));
	const conf_secret *k = &c->providers[0].endpoints[0].key;

	cr_assert_null(k->value);
	cr_assert_str_eq(k->origin, "env:K");
	cr_assert(strstr(k->problem, "K is not set"));
	cr_assert_eq(c->n_warnings, 2);
	cr_assert(strstr(c->warnings[0], "config_text:2: providers.a.api_key"));
	cr_assert_str_eq(c->providers[1].headers[0].value, "");
	cr_assert(strstr(c->providers[1].headers[0].problem, "is empty"));
	conf_free(c);
}

Test(conf_secret, R_CFG_4_line_ends)
{
	static const struct {
		const char *text;
		const char *key;
	} good[] = {{"canary", "canary"}, {"canary\n", "canary"}, {"canary\r\n", "canary"}};
	static const char *const bad[] = {
		"a\nb\n", "canary\n\n", "a\tb", "a\x7f", "\na", "a\r\r\n"};
	char path[64];
	size_t i;

	for (i = 0; i < 3; i++) {
		conf *c = accepted(
			try_key_file(file_with(path, good[i].text, strlen(good[i].text), 0600)));

		cr_assert_str_eq(c->providers[0].endpoints[0].key.value, good[i].key);
		conf_free(c);
		file_gone(path);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		REFUSED(try_key_file(file_with(path, bad[i], strlen(bad[i]), 0600)), path,
			"control byte");
		file_gone(path);
	}
	REFUSED(try_key_file(file_with(path, "a\0b", 3, 0600)), "control byte");
	file_gone(path);
	REFUSED(try_all(keyed("env:K"), ENV("K=a\nb"), NULL), "env:K", "control byte");
	REFUSED(try_all("", ENV("LLM_PROVIDERS__A__API_KEY=a\nb"), NULL), "control byte");
}

Test(conf_secret, R_CFG_4_modes_of_secret_files)
{
	static const mode_t good[] = {0400, 0600, 0640, 0440, 0700, 0750};
	static const mode_t bad[] = {0644, 0604, 0602, 0601, 0620, 0660, 0666, 0777};
	char path[64];
	char fix[80];
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		conf_free(accepted(try_key_file(file_with(path, "canary", 6, good[i]))));
		file_gone(path);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		file_with(path, "canary", 6, bad[i]);
		snprintf(fix, sizeof(fix), "chmod 600 %s", path);
		REFUSED(try_key_file(path), "config_text:2", "'providers.a.api_key'", fix);
		file_gone(path);
	}
}

Test(conf_secret, files_that_give_none)
{
	static char big[65 * 1024];
	char path[64];
	conf *c = accepted(try_key_file("/nonexistent/key"));

	cr_assert_null(c->providers[0].endpoints[0].key.value);
	cr_assert(strstr(c->providers[0].endpoints[0].key.problem, "No such file"));
	cr_assert_eq(c->n_warnings, 1);
	conf_free(c);
	REFUSED(try_key_file("/dev/zero"), "no regular file");
	REFUSED(try_key_file("/tmp"), "no regular file");
	memset(big, 'a', sizeof(big));
	REFUSED(try_key_file(file_with(path, big, 65537, 0600)), "64 KiB");
	file_gone(path);
	c = accepted(try_key_file(file_with(path, big, 65536, 0600)));
	cr_assert_eq(c->providers[0].endpoints[0].key.len, 65536);
	conf_free(c);
	file_gone(path);
	c = accepted(try_key_file(file_with(path, "\n", 1, 0600)));
	cr_assert(strstr(c->providers[0].endpoints[0].key.problem, "is empty"));
	conf_free(c);
	file_gone(path);
}

Test(conf_secret, a_client_key_has_lines)
{
	static const char pem[] = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
	char path[64];
	char text[160];
	conf *c;

	file_with(path, pem, sizeof(pem) - 1, 0600);
	snprintf(text, sizeof(text), "providers = { a = { client_key = \"file:%s\"; }; };", path);
	c = accepted(try_text(text));
	cr_assert(strstr(c->providers[0].client_key.value, "\nAAAA\n"));
	conf_free(c);
	file_gone(path);
}

Test(conf_secret, R_CFG_4_secrets_reach_the_redactor)
{
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	const char *const vars[] = {"K=canary-env", "LLM_PROVIDERS__B__API_KEY=canary-lit", NULL};
	static const char seen[] = "canary-env canary-lit canary-file";
	conf_env env = {vars};
	redact *r = redact_new(mem_default());
	char path[64];
	char text[256];
	conf *c = NULL;
	buf out;

	file_with(path, "canary-file\n", 12, 0600);
	snprintf(text, sizeof(text),
		"providers = { a = { api_key = \"env:K\";"
		"headers = { X-Key = \"file:%s\"; }; }; };",
		path);
	opts.config_text = text;
	cr_assert_eq(conf_load(&opts, &env, mem_default(), r, &c, NULL), 0);
	buf_init(&out, mem_default(), 0);
	cr_assert_eq(redact_text(r, seen, sizeof(seen) - 1, &out), 0);
	cr_assert_null(strstr(buf_text(&out), "canary"), "%s", buf_text(&out));
	buf_done(&out);
	conf_free(c);
	redact_free(r);
	file_gone(path);
}
