/*
 * Which key wins: docs/configuration.md, row by row and every combination of what can be
 * set at the same time, seen from the service and from `llmctl config show` and `check`.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "llm/config.h"
#include "run/upstream.h"
#include "support/plug.h"

#define PLUGINS TEST_BINARY_DIR "/plugins"
#define SOURCES 5

/* What a key may come from, best first; the value says which one it is. */
typedef struct source {
	const char *variable; /* null: the call or the file */
	const char *value;
	const char *origin; /* as it is shown */
} source;

typedef struct setting {
	const char *provider;
	const char *group; /* members of its group in the file */
	const char *model;
	source sources[SOURCES]; /* [0] is the call, [2] is the file */
} setting;

#define CALLED "canary-call"
#define FILED "canary-file"

static const setting gemini = {"gemini", "", "m",
	{{NULL, CALLED, "call, env:K_CALL"},
		{"LLM_PROVIDERS__GEMINI__API_KEY", "canary-own",
			"environment LLM_PROVIDERS__GEMINI__API_KEY"},
		{NULL, FILED, "config_text:2, env:K_FILE"},
		{"GEMINI_API_KEY", "canary-first", "environment GEMINI_API_KEY"},
		{"GOOGLE_API_KEY", "canary-second", "environment GOOGLE_API_KEY"}}};

static const setting openai = {"openai", "", "m",
	{{NULL, CALLED, "call, env:K_CALL"},
		{"LLM_PROVIDERS__OPENAI__API_KEY", "canary-own",
			"environment LLM_PROVIDERS__OPENAI__API_KEY"},
		{NULL, FILED, "config_text:2, env:K_FILE"},
		{"OPENAI_API_KEY", "canary-first", "environment OPENAI_API_KEY"}, {0}}};

static const setting ollama = {"ollama", "", "m",
	{{NULL, CALLED, "call, env:K_CALL"},
		{"LLM_PROVIDERS__OLLAMA__API_KEY", "canary-own",
			"environment LLM_PROVIDERS__OLLAMA__API_KEY"},
		{NULL, FILED, "config_text:2, env:K_FILE"},
		{"OLLAMA_API_KEY", "canary-first", "environment OLLAMA_API_KEY"}, {0}}};

/* As the recipes say; the variable of the plugin's own address is not for this one. */
static const setting groq = {"groq",
	"plugin = \"openai\"; base_url = \"https://api.groq.com/openai/v1\"; ", "m",
	{{NULL, CALLED, "call, env:K_CALL"},
		{"LLM_PROVIDERS__GROQ__API_KEY", "canary-own",
			"environment LLM_PROVIDERS__GROQ__API_KEY"},
		{NULL, FILED, "config_text:2, env:K_FILE"}, {0}, {0}}};

/* ---- a configuration with some of them set ---- */

typedef struct world {
	char text[400];
	char called[100];
	const char *overrides[2];
	llm_service_opts opts;
	size_t warned; /* lines of the log that say something of keys */
} world;

static void on_log(uintptr_t token, uint32_t level, const char *line, size_t len)
{
	world *w = (world *)token;

	(void)len;
	cr_expect_null(strstr(line, "canary"), "%s", line);
	w->warned += level == LLM_LOG_WARN && strstr(line, "_API_KEY") != NULL;
}

static void set_up(world *w, const setting *s, unsigned set)
{
	size_t i;

	memset(w, 0, sizeof(*w));
	w->opts = (llm_service_opts)LLM_SERVICE_OPTS_INIT;
	setenv("K_CALL", CALLED, 1);
	setenv("K_FILE", FILED, 1);
	for (i = 0; i < SOURCES; i++) {
		if (s->sources[i].variable && (set >> i & 1))
			setenv(s->sources[i].variable, s->sources[i].value, 1);
		else if (s->sources[i].variable)
			unsetenv(s->sources[i].variable);
	}
	snprintf(w->text, sizeof(w->text), "providers = {\n %s = { %s%s }; };", s->provider,
		s->group, set & 4 ? "api_key = \"env:K_FILE\";" : "");
	snprintf(w->called, sizeof(w->called), "providers.%s.api_key=env:K_CALL", s->provider);
	w->overrides[0] = w->called;
	w->opts.config_text = w->text;
	w->opts.overrides = set & 1 ? w->overrides : NULL;
	w->opts.plugin_dir = PLUGINS;
	w->opts.log = on_log;
	w->opts.log_token = (uintptr_t)w;
}

/* The best of those that are set; SOURCES: none is. */
static size_t winner(const setting *s, unsigned set)
{
	size_t i;

	for (i = 0; i < SOURCES; i++)
		if (s->sources[i].value && (set >> i & 1))
			return i;
	return SOURCES;
}

static void check_service(const world *w, const setting *s, unsigned set)
{
	size_t best = winner(s, set);
	llm_err err = LLM_ERR_INIT;
	llm_service *svc = NULL;
	upstream *up = NULL;

	cr_assert_eq(service_new(&w->opts, &svc, &err), 0, "%s", err.message);
	cr_assert_eq(upstream_get(svc->set, s->provider, &up, &err), 0, "%s", err.message);
	if (best == SOURCES)
		cr_expect_null(up->key, "%s %u", s->provider, set);
	else
		cr_expect_str_eq(up->key->value, s->sources[best].value, "%s %u", s->provider, set);
	service_free(svc);
}

static int32_t key_item(const llm_config *c, const char *provider, llm_config_item *ret)
{
	char key[100];
	uint32_t i;

	snprintf(key, sizeof(key), "providers.%s.api_key", provider);
	for (i = 0; llm_config_at(c, i, ret) == 0; i++)
		if (strcmp(ret->key, key) == 0)
			return 0;
	return LLM_E_NOT_FOUND;
}

static void check_shown(const world *w, const setting *s, unsigned set)
{
	size_t best = winner(s, set);
	llm_config_item item = {.struct_size = (uint32_t)sizeof(item)};
	llm_err err = LLM_ERR_INIT;
	llm_config *c = NULL;
	int two = best == 3 && (set >> 4 & 1) && s->sources[4].value;
	const char *said;

	cr_assert_eq(llm_config_load(&w->opts, &c, &err), 0, "%s", err.message);
	cr_expect_eq(key_item(c, s->provider, &item), best == SOURCES ? LLM_E_NOT_FOUND : 0);
	if (best < SOURCES) {
		cr_expect_str_eq(item.value, "***");
		cr_expect_str_eq(item.origin, s->sources[best].origin);
	}
	said = llm_config_warning_at(c, 0);
	cr_expect_eq(said != NULL, two, "%s %u: %s", s->provider, set, said ? said : "");
	if (two) {
		cr_expect_str_eq(said,
			"provider gemini: GEMINI_API_KEY and GOOGLE_API_KEY are both set; "
			"GEMINI_API_KEY is used");
		cr_expect_eq(w->warned, (size_t)1);
	} else {
		cr_expect_eq(w->warned, (size_t)0);
	}
	llm_config_free(c);
}

/* Each alone, each pair, and all the others. */
static void check_all(const setting *s)
{
	unsigned set;
	world w;

	for (set = 0; set < 1u << SOURCES; set++) {
		set_up(&w, s, set);
		check_service(&w, s, set);
		check_shown(&w, s, set);
	}
}

Test(provider_keys, R_CFG_1_gemini)
{
	check_all(&gemini);
}

Test(provider_keys, R_CFG_1_openai)
{
	check_all(&openai);
}

Test(provider_keys, R_CFG_1_ollama)
{
	check_all(&ollama);
}

Test(provider_keys, R_CFG_1_a_dialect)
{
	unsetenv("OPENAI_API_KEY");
	check_all(&groq);
}

/* ---- usual variables and addresses ---- */

/* The key that a provider gets, copied into `ret`; "" when it gets none. */
static void key_of(const world *w, const char *provider, char ret[64])
{
	llm_err err = LLM_ERR_INIT;
	llm_service *svc = NULL;
	upstream *up = NULL;

	cr_assert_eq(service_new(&w->opts, &svc, &err), 0, "%s", err.message);
	cr_assert_eq(upstream_get(svc->set, provider, &up, &err), 0, "%s", err.message);
	snprintf(ret, 64, "%s", up->key && up->key->value ? up->key->value : "");
	service_free(svc);
}

Test(provider_keys, K_04_a_usual_key_goes_to_its_usual_address)
{
	static const struct {
		const char *provider, *config, *variable, *url, *key;
	} rows[] = {
		{"openai", "", NULL, NULL, "canary-o"},
		{"openai",
			"providers = { openai = { base_url = \"https://api.openai.com/v9\"; }; };",
			NULL, NULL, "canary-o"},
		{"openai", "providers = { openai = { base_url = \"http://127.0.0.1:1/v1\"; }; };",
			NULL, NULL, ""},
		{"openai", "", "OPENAI_BASE_URL", "http://127.0.0.1:1/v1", "canary-o"},
		{"gemini", "", NULL, NULL, "canary-g"},
		{"gemini", "providers = { gemini = { base_url = \"https://example.com\"; }; };",
			NULL, NULL, ""},
		{"gemini", "", "GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:1", "canary-g"},
		{"ollama", "", NULL, NULL, "canary-l"},
		{"ollama", "", "OLLAMA_HOST", "ollama.com", "canary-l"},
		{"ollama", "providers = { ollama = { base_url = \"https://ollama.com\"; }; };",
			NULL, NULL, ""},
		{"ollama",
			"providers = { ollama = { base_url = \"https://ollama.com\"; "
			"api_key = \"env:OLLAMA_API_KEY\"; }; };",
			NULL, NULL, "canary-l"},
		/* What the configuration says of the address wins over the variable. */
		{"openai", "providers = { openai = { base_url = \"https://example.com/v1\"; }; };",
			"OPENAI_BASE_URL", "http://127.0.0.1:1/v1", ""},
	};
	world w;
	char key[64];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_up(&w, &gemini, 0);
		setenv("OPENAI_API_KEY", "canary-o", 1);
		setenv("GEMINI_API_KEY", "canary-g", 1);
		setenv("OLLAMA_API_KEY", "canary-l", 1);
		if (rows[i].variable)
			setenv(rows[i].variable, rows[i].url, 1);
		w.opts.config_text = rows[i].config;
		key_of(&w, rows[i].provider, key);
		cr_expect_str_eq(key, rows[i].key, "row %zu", i);
		if (rows[i].variable)
			unsetenv(rows[i].variable);
	}
}

/* A server elsewhere that gets no key although one is there: check says so. */
Test(provider_keys, K_04_a_key_that_is_kept_back_is_told)
{
	llm_config *c = NULL;
	llm_err err = LLM_ERR_INIT;
	world w;

	set_up(&w, &groq, 0);
	setenv("OPENAI_API_KEY", "canary-o", 1);
	cr_assert_eq(llm_config_load(&w.opts, &c, &err), 0, "%s", err.message);
	cr_assert_str_eq(llm_config_warning_at(c, 0),
		"provider groq: OPENAI_API_KEY is set and not sent to https://api.groq.com, which is "
		"not its usual address; say providers.groq.api_key = \"env:NAME\"");
	llm_config_free(c);
	w.opts.config_text = "providers = { lab = { plugin = \"openai\"; "
			     "base_url = \"http://127.0.0.1:8080/v1\"; }; };";
	cr_assert_eq(llm_config_load(&w.opts, &c, &err), 0, "%s", err.message);
	cr_assert_null(llm_config_warning_at(c, 0), "%s", llm_config_warning_at(c, 0));
	llm_config_free(c);
}

/* Empty counts as not set where others read the variable too; where only we do, it is told. */
Test(provider_keys, R_CFG_1_empty_variables)
{
	llm_config *c = NULL;
	llm_err err = LLM_ERR_INIT;
	world w;
	char key[64];

	set_up(&w, &gemini, 1 << 4);
	setenv("GEMINI_API_KEY", "", 1);
	key_of(&w, "gemini", key);
	cr_assert_str_eq(key, "canary-second");
	setenv("LLM_PROVIDERS__GEMINI__API_KEY", "", 1);
	key_of(&w, "gemini", key);
	cr_assert_str_eq(key, "");
	cr_assert_eq(llm_config_load(&w.opts, &c, &err), 0, "%s", err.message);
	cr_assert(strstr(llm_config_warning_at(c, 0), "LLM_PROVIDERS__GEMINI__API_KEY is empty"));
	llm_config_free(c);
}

/* Nothing is configured: what the environment alone gives is shown all the same. */
Test(provider_keys, keys_of_providers_without_an_entry_are_shown)
{
	llm_config_item item = {.struct_size = (uint32_t)sizeof(item)};
	llm_config *c = NULL;
	llm_err err = LLM_ERR_INIT;
	world w;

	set_up(&w, &gemini, 3 << 3);
	setenv("OPENAI_API_KEY", "two\nlines", 1);
	w.opts.config_text = "";
	cr_assert_eq(llm_config_load(&w.opts, &c, &err), 0, "%s", err.message);
	cr_assert_eq(key_item(c, "gemini", &item), 0);
	cr_assert_str_eq(item.origin, "environment GEMINI_API_KEY");
	cr_assert(strstr(llm_config_warning_at(c, 0), "are both set; GEMINI_API_KEY is used"));
	cr_assert(strstr(llm_config_warning_at(c, 1), "OPENAI_API_KEY holds a line end"));
	cr_assert_null(llm_config_warning_at(c, 2));
	llm_config_free(c);
	w.opts.flags = LLM_SERVICE_NO_ENV;
	cr_assert_eq(llm_config_load(&w.opts, &c, &err), 0, "%s", err.message);
	cr_assert_eq(key_item(c, "gemini", &item), LLM_E_NOT_FOUND);
	cr_assert_null(llm_config_warning_at(c, 0));
	llm_config_free(c);
	w.opts.flags = 0;
	w.opts.config_text = "plugins = { implicit = false; };";
	cr_assert_eq(llm_config_load(&w.opts, &c, &err), 0, "%s", err.message);
	cr_assert_eq(key_item(c, "gemini", &item), LLM_E_NOT_FOUND);
	llm_config_free(c);
}

/* An address that cannot be used fails the runs, so check tells it. */
Test(provider_keys, addresses_that_cannot_be_used_are_told)
{
	llm_config *c = NULL;
	llm_err err = LLM_ERR_INIT;
	world w;

	set_up(&w, &gemini, 0);
	setenv("GOOGLE_GEMINI_BASE_URL", "ftp://127.0.0.1", 1);
	w.opts.config_text = "";
	cr_assert_eq(llm_config_load(&w.opts, &c, &err), 0, "%s", err.message);
	cr_assert(strstr(llm_config_warning_at(c, 0), "GOOGLE_GEMINI_BASE_URL"));
	cr_assert_null(strchr(llm_config_warning_at(c, 0), '\n'));
	cr_assert_null(llm_config_warning_at(c, 1));
	llm_config_free(c);
	w.opts.config_text = "providers = { lab = { plugin = \"gemini\"; }; };";
	cr_assert_eq(llm_config_load(&w.opts, &c, &err), 0, "%s", err.message);
	cr_assert_not_null(llm_config_warning_at(c, 1));
	llm_config_free(c);
}

/* The environment does not add a second key to one that an endpoint has: that is refused. */
Test(provider_keys, R_CFG_1_a_key_stands_in_one_place)
{
	llm_config *c = NULL;
	llm_err err = LLM_ERR_INIT;
	world w;

	set_up(&w, &gemini, 2);
	w.opts.config_text = "providers = { gemini = { endpoints = "
			     "( { api_key = \"env:K_FILE\"; } ); }; };";
	cr_assert_eq(llm_config_load(&w.opts, &c, &err), LLM_E_CONFIG);
	cr_assert(
		strstr(err.message, "stands in the provider and its endpoint"), "%s", err.message);
	cr_assert_null(strstr(err.message, "canary"));
}

/* ---- the page ---- */

static char *page;

static void on_page(const char *row)
{
	cr_expect(strstr(page, row), "docs/configuration.md lacks:\n%s", row);
}

static void key_row(const llm_provider_info *info)
{
	char row[600], upper[64];
	size_t i, n;

	for (i = 0; info->name[i]; i++)
		upper[i] = (char)(info->name[i] - 'a' + 'A');
	upper[i] = '\0';
	n = (size_t)snprintf(row, sizeof(row),
		"| `%s` | `LLM_PROVIDERS__%s__API_KEY` | `providers.%s.api_key` | ", info->name,
		upper, info->name);
	for (i = 0; i < 2; i++) {
		if (i == 0 || info->key_env[1])
			n += (size_t)snprintf(
				row + n, sizeof(row) - n, "`%s` | ", info->key_env[i]);
		else
			n += (size_t)snprintf(row + n, sizeof(row) - n, "| ");
	}
	snprintf(row + n, sizeof(row) - n, "`%s`, or what `%s` says |\n", info->default_base_url,
		info->base_url_env);
	on_page(row);
}

static void ms(char *row, size_t cap, uint32_t value)
{
	size_t n = strlen(row);

	if (value)
		snprintf(row + n, cap - n, "%u s | ", value / 1000);
	else
		snprintf(row + n, cap - n, "| ");
}

static void times_row(const llm_provider_info *info)
{
	char row[600];
	size_t n;

	snprintf(row, sizeof(row), "| `%s` | ", info->name);
	ms(row, sizeof(row), info->connect_ms);
	ms(row, sizeof(row), info->first_token_ms);
	ms(row, sizeof(row), info->first_token_warm_ms);
	ms(row, sizeof(row), info->idle_ms);
	ms(row, sizeof(row), info->attempt_ms);
	n = strlen(row);
	if (info->max_concurrency)
		n += (size_t)snprintf(row + n, sizeof(row) - n, "%u | ", info->max_concurrency);
	else
		n += (size_t)snprintf(row + n, sizeof(row) - n, "| ");
	snprintf(row + n, sizeof(row) - n, "[%s](providers/%s.md) |\n", info->name, info->name);
	on_page(row);
}

/* A recipe's key is the variable that the row of its provider names. */
static void recipe_row(const char *name)
{
	char path[200], row[400], upper[64];
	size_t len, i;
	char *text, *at;

	snprintf(path, sizeof(path), TEST_SOURCE_DIR "/docs/providers/%s.md", name);
	text = plug_read_file(path, &len);
	cr_assert_not_null(text, "%s", path);
	at = strstr(text, "api_key = \"env:");
	cr_assert_not_null(at, "%s has no key", path);
	at += strlen("api_key = \"");
	for (i = 0; name[i]; i++)
		upper[i] = (char)(name[i] - 'a' + 'A');
	upper[i] = '\0';
	snprintf(row, sizeof(row),
		"| `%s` | `LLM_PROVIDERS__%s__API_KEY` | `providers.%s.api_key`, by the recipe "
		"`%.*s` |",
		name, upper, name, (int)strcspn(at, "\""), at);
	on_page(row);
	free(text);
}

Test(provider_keys, the_page_has_every_row)
{
	static const char *const files[] = {
		PLUGINS "/gemini.so", PLUGINS "/openai.so", PLUGINS "/ollama.so"};
	static const char *const recipes[] = {
		"azure", "deepseek", "groq", "mistral", "openrouter", "together"};
	size_t len, i;
	plug p;

	page = plug_read_file(TEST_SOURCE_DIR "/docs/configuration.md", &len);
	cr_assert_not_null(page);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		cr_assert_eq(plug_open(&p, files[i], NULL), 0);
		key_row(p.info);
		times_row(p.info);
		plug_close(&p);
	}
	for (i = 0; i < sizeof(recipes) / sizeof(recipes[0]); i++)
		recipe_row(recipes[i]);
	free(page);
}
