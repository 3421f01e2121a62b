/*
 * The pages of docs/providers: the configuration that each shows is read as any other, and
 * is the one that the exchanges of its server are tried with; the whole URL that comes of it
 * is theirs.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "conf/conf.h"
#include "support/exchange.h"
#include "support/neutral.h"

#define PLUGIN TEST_BINARY_DIR "/plugins/openai.so"
#define SETTINGS 20

/* The recipe of one page. */
static const char *name;
static conf *c;
static const conf_provider *provider;
static const char *pairs[2 * SETTINGS + 3]; /* what the plugin sees */
static arena mem;
static plug describing;
static int n_built;
static int n_whole; /* of these, with the whole URL */
static int n_exchanges;

/* The text between the first pair of fences behind the heading. */
static char *recipe_of(const char *page)
{
	char path[200];
	char *text;
	char *begin;
	char *end;
	size_t len;

	snprintf(path, sizeof(path), "docs/providers/%s.md", page);
	text = plug_read_file(path, &len);
	cr_assert(text, "%s is not there", path);
	begin = strstr(text, "## Configuration\n\n```\n");
	cr_assert(begin, "%s shows no configuration", path);
	begin += strlen("## Configuration\n\n```\n");
	end = strstr(begin, "```");
	*end = '\0';
	begin = strdup(begin);
	free(text);
	return begin;
}

static void load_recipe(const char *page)
{
	static const char *const nothing[] = {NULL};
	const conf_env env = {nothing};
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	llm_err err = LLM_ERR_INIT;
	conf_pair *settings;
	char *text = recipe_of(page);
	size_t n, i, k = 0;

	name = page;
	opts.config_text = text;
	cr_assert_eq(conf_load(&opts, &env, mem_default(), NULL, &c, &err), 0, "%s: %s", page,
		err.message);
	provider = conf_provider_named(c, page);
	cr_assert(provider, "%s is not the provider's name", page);
	arena_init(&mem, mem_default(), 0);
	cr_assert_eq(conf_check_settings(
			     provider, describing.info->config_keys, &mem, &settings, &n, &err),
		0, "%s: %s", page, err.message);
	cr_assert_leq(n, (size_t)SETTINGS);
	pairs[k++] = "base_url";
	pairs[k++] = provider->endpoints[0].base_url ? provider->endpoints[0].base_url :
						       describing.info->default_base_url;
	for (i = 0; i < n; i++) {
		pairs[k++] = settings[i].name;
		pairs[k++] = settings[i].value;
	}
	pairs[k] = NULL;
	free(text);
}

static void drop_recipe(void)
{
	arena_reset(&mem);
	conf_free(c);
}

/* ---- the exchanges of its server ---- */

/* OpenAI's have no name of a server in front. */
static int is_mine(const exchange *x)
{
	size_t n = strlen(name);

	if (strcmp(name, "openai") == 0)
		return json_object_get(x->expectation, "config") == NULL;
	return strncmp(x->name, name, n) == 0 && x->name[n] == '_';
}

/* The exchange is tried with what the recipe says, no more and no less. */
static void same_config(const exchange *x)
{
	const json_t *config = json_object_get(x->expectation, "config");
	size_t i;

	if (!config) {
		cr_expect_str_eq(name, "openai", "%s has no configuration", x->name);
		return;
	}
	for (i = 0; pairs[i]; i += 2) {
		const char *said = json_string_value(json_object_get(config, pairs[i]));

		cr_expect(said && strcmp(said, pairs[i + 1]) == 0, "%s: %s is %s, the page says %s",
			x->name, pairs[i], said, pairs[i + 1]);
	}
	cr_expect_eq(json_object_size(config), i / 2, "%s", x->name);
}

/* As the core puts it together. An exchange may be written without the base URL's first folders. */
static void same_url(const exchange *x, const plug_http *h)
{
	const char *base = strchr(strstr(pairs[1], "://") + 3, '/');
	size_t m = strlen(x->path);
	char whole[600];
	size_t n, i;

	n = (size_t)snprintf(whole, sizeof(whole), "%s%s", base ? base : "", h->path.ptr);
	for (i = 0; i < provider->n_query; i++)
		n += (size_t)snprintf(whole + n, sizeof(whole) - n, "%c%s=%s", i ? '&' : '?',
			provider->query[i].name, provider->query[i].value);
	cr_expect(n >= m && strcmp(whole + n - m, x->path) == 0, "%s: %s", x->name, whole);
	n_whole += n == m;
}

static void check_exchange(exchange *x)
{
	const json_t *asked = json_object_get(x->expectation, "request");
	int stream = json_is_true(json_object_get(x->expectation, "stream"));
	llm_request_view rq;
	plug_http h;

	if (!is_mine(x))
		return;
	n_exchanges++;
	same_config(x);
	if (!json_is_object(asked) || !json_object_get(asked, "messages"))
		return;
	cr_assert_eq(neutral_view(x->p, asked, stream, &rq), 0);
	plug_http_init(&h);
	plug_begin(x->p);
	cr_expect_eq(x->p->v->build_request(x->p->instance, &rq, &h.sink), 0, "%s", x->name);
	same_url(x, &h);
	plug_http_done(&h);
	n_built++;
}

/* ---- each page ---- */

static const struct {
	const char *name;
	int exchanges; /* at least */
	int needs_key;
} pages[] = {
	{"openai", 30, 1},
	{"azure", 4, 1},
	{"deepseek", 5, 1},
	{"groq", 3, 1},
	{"llamacpp", 3, 0},
	{"lmstudio", 3, 0},
	{"mistral", 3, 1},
	{"openrouter", 6, 1},
	{"together", 1, 1},
	{"vllm", 4, 0},
};

static void check_page(size_t i)
{
	plug p;

	n_built = n_whole = n_exchanges = 0;
	load_recipe(pages[i].name);
	cr_expect_eq(provider->endpoints[0].key.origin != NULL, pages[i].needs_key, "%s", name);
	cr_assert_eq(plug_open(&p, PLUGIN, pairs), 0, "%s: %s", name, p.error.ptr);
	cr_expect_gt(exchange_all(&p, "openai", check_exchange), 70);
	cr_expect_geq(n_exchanges, pages[i].exchanges, "%s: %d", name, n_exchanges);
	cr_expect_gt(n_built, 0, "%s", name);
	cr_expect_gt(n_whole, 0, "%s", name);
	plug_close(&p);
	drop_recipe();
}

Test(openai_recipes, every_page)
{
	size_t i;

	cr_assert_eq(plug_open(&describing, PLUGIN, NULL), 0);
	for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		check_page(i);
	plug_close(&describing);
}

/* No dialect and no setting is missing from the main page, and none is invented. */
Test(openai_recipes, the_main_page_names_all)
{
	const llm_key_info *const *k;
	char word[100];
	char *text;
	size_t len;

	cr_assert_eq(plug_open(&describing, PLUGIN, NULL), 0);
	text = plug_read_file("docs/providers/openai.md", &len);
	for (k = describing.info->config_keys; *k; k++) {
		snprintf(word, sizeof(word), "`%s`", (*k)->name);
		cr_expect(strstr(text, word), "%s is not on the page", word);
	}
	for (k = describing.info->request_options; *k; k++) {
		snprintf(word, sizeof(word), "| `%s` |", (*k)->name);
		cr_expect(strstr(text, word), "%s is not on the page", word);
	}
	free(text);
	plug_close(&describing);
}
