/* Our own allocations fail one after the other; libconfig's are its own. */
#include "conf_try.h"
#include "support/failalloc.h"

static const char text[] =
	"default_profile = \"f\"; aliases = { x = \"ollama/m\"; y = \"x\"; };\n"
	"providers = { ollama = { keep_alive = \"5m\";\n"
	" headers = { X-A = \"b\"; X-Key = \"env:K\"; };\n"
	" api_key = \"file:/nonexistent/key\"; }; };\n"
	"models = ( { id = \"ollama/m\"; capabilities = { vision = \"no\"; }; } );\n"
	"profiles = { f = { candidates = [ \"y\", \"openai/n\" ]; }; };\n";

static const char *const vars[] = {"K=canary-key", "LLM_WORKSPACE=w", "LLM_IDEL=3",
	"LLM_RESPONSE_HEADERS=a,b", "LLM_PROVIDERS__OPENAI__API_KEY=env:K", NULL};
static const char *const overrides[] = {"profiles.f.deadline=5s", NULL};
static const llm_key_info keep_alive = {
	sizeof(llm_key_info), LLM_TYPE_DURATION, "keep_alive", NULL, NULL, ""};
static const llm_key_info *const keys[] = {&keep_alive, NULL};

static int use(conf *c, const llm_allocator *mem)
{
	conf_pair *list = NULL;
	size_t n = 0;
	arena ar;
	int32_t rc;

	arena_init(&ar, mem, 0);
	rc = conf_check_settings(&c->providers[0], keys, &ar, &list, &n, NULL);
	arena_reset(&ar);
	conf_nearest_target(c, "ollma/m");
	conf_secret_from_env(c, "K", NULL);
	return rc == LLM_E_NOMEM || (rc == 0 && n == 1) ? 0 : 1;
}

static int play(failalloc *fa, void *arg)
{
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	conf_env env = {vars};
	llm_err err = LLM_ERR_INIT;
	redact *r = redact_new(&fa->hook);
	conf *c = NULL;
	int32_t rc;
	int bad = 0;

	(void)arg;
	opts.config_text = text;
	opts.overrides = overrides;
	rc = conf_load_as(&opts, &env, &fa->hook, r, 0, &c, &err);
	if (rc == 0)
		bad = use(c, &fa->hook);
	else
		bad = rc != LLM_E_NOMEM || c || err.code != LLM_E_NOMEM;
	conf_free(c);
	redact_free(r);
	return bad;
}

Test(conf_nomem, every_allocation_of_ours_may_fail)
{
	cr_assert_eq(failalloc_sweep(play, NULL), 0);
}

static int play_file(failalloc *fa, void *arg)
{
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	conf_env env = {NULL};
	conf *c = NULL;
	int32_t rc;

	opts.config_path = arg;
	rc = conf_load_as(&opts, &env, &fa->hook, NULL, 0, &c, NULL);
	conf_free(c);
	return rc != 0 && rc != LLM_E_NOMEM;
}

Test(conf_nomem, reading_files)
{
	char path[64];
	char key[64];
	char conf_text[128];

	file_with(key, "canary\n", 7, 0600);
	snprintf(conf_text, sizeof(conf_text), "providers = { a = { api_key = \"file:%s\"; }; };",
		key);
	file_with(path, conf_text, strlen(conf_text), 0600);
	cr_assert_eq(failalloc_sweep(play_file, path), 0);
	file_gone(path);
	file_gone(key);
}
