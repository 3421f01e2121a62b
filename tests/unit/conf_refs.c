/* Names that refer to others, and the checks of a plugin's own keys. */
#include "conf_try.h"

static char text_of[2048];

/* Aliases a0 -> a1 -> ... -> a(n-1) -> end. */
static const char *chain(int n, const char *end)
{
	size_t len = 0;
	int i;

	len += (size_t)snprintf(text_of, sizeof(text_of), "aliases = {");
	for (i = 0; i < n; i++) {
		if (i + 1 < n)
			len += (size_t)snprintf(text_of + len, sizeof(text_of) - len,
				"\n a%d = \"a%d\";", i, i + 1);
		else
			len += (size_t)snprintf(text_of + len, sizeof(text_of) - len,
				"\n a%d = \"%s\"; };", i, end);
	}
	return text_of;
}

Test(conf_refs, R_ROUTE_2_aliases_follow_up_to_8)
{
	conf *c = accepted(try_text(chain(8, "ollama/m")));

	cr_assert_str_eq(conf_alias(c, "a0"), "ollama/m");
	cr_assert_str_eq(conf_alias(c, "a7"), "ollama/m");
	cr_assert_null(conf_alias(c, "a8"));
	conf_free(c);
	REFUSED(try_text(chain(9, "ollama/m")), "config_text:2", "'a0'", "more than 8");
}

Test(conf_refs, R_ROUTE_2_circles)
{
	REFUSED(try_text(chain(1, "a0")), "config_text:2", "'a0'", "circle");
	REFUSED(try_text(chain(3, "a0")), "circle");
	REFUSED(try_text(chain(12, "a3")), "circle");
	REFUSED(try_text("aliases = { x = \"b\"; b = \"c\"; c = \"b\"; };"), "'x'", "circle");
}

Test(conf_refs, R_ROUTE_2_what_an_alias_may_stand_for)
{
	conf *c = accepted(
		try_text("aliases = { f = \"fast\"; m = \"o/a/b:c@d\"; };"
			 "profiles = { fast = { candidates = [ \"m\", \"p/x\" ]; }; };"));

	cr_assert_str_eq(conf_alias(c, "f"), "fast");
	cr_assert_str_eq(c->profiles[0].candidates[0], "m");
	cr_assert_str_eq(conf_nearest_target(c, "fats"), "fast");
	conf_free(c);
	REFUSED(try_text("aliases = { f = \"fast\"; };\nprofiles = { fest = {"
			 "candidates = [ \"o/m\" ]; }; };"),
		"config_text:1", "'fast'", "'fest'");
	REFUSED(try_text("aliases = { f = \"o/\"; };"), "PROVIDER/MODEL");
	REFUSED(try_text("aliases = { f = \"O/m\"; };"), "PROVIDER/MODEL");
	REFUSED(try_text("aliases = { f = \"\"; };"), "no profile");
	REFUSED(try_text("aliases = { f = \"o/m\"; };\nprofiles = { f = {"
			 "candidates = [ \"o/m\" ]; }; };"),
		"has the name of a profile");
}

Test(conf_refs, R_ROUTE_1_candidates)
{
	REFUSED(try_text("profiles = { a = { }; };"), "no candidates");
	REFUSED(try_text("profiles = { a = { candidates = [ ]; }; };"), "is empty");
	REFUSED(try_text("profiles = { a = {\ncandidates = [ \"gemma\" ]; }; };"), "config_text:2",
		"'gemma'", "PROVIDER/MODEL");
	REFUSED(try_text("profiles = { a = { candidates = [ \"o/m\", \"o/m\" ]; }; };"), "twice");
	REFUSED(try_text("aliases = { x = \"o/m\"; }; profiles = { a = {"
			 "candidates = [ \"o/m\", \"x\" ]; }; };"),
		"'o/m' and 'x', which are one candidate");
	REFUSED(try_text("profiles = { a = { candidates = [ \"b\" ]; };"
			 "b = { candidates = [ \"o/m\" ]; }; };"),
		"profile 'b' as a candidate");
	REFUSED(try_text("aliases = { x = \"b\"; }; profiles = { a = { candidates = [ \"x\" ]; };"
			 "b = { candidates = [ \"o/m\" ]; }; };"),
		"profile 'b' as a candidate");
	REFUSED(try_text("profiles = { a = { candidates = [ \"o#eu/m\" ]; }; };"), "endpoint");
	REFUSED(try_text("providers = { o = { endpoints = ( { id = \"us\"; } ); }; };"
			 "profiles = { a = { candidates = [ \"o#eu/m\" ]; }; };"),
		"it has: us");
	REFUSED(try_text("profiles = { a = { candidates = [ \"o#/m\" ]; }; };"), "PROVIDER#");
}

Test(conf_refs, implicit_providers)
{
	static const char on[] = "profiles = { a = { candidates = [ \"o/m\" ]; }; };";
	static const char off[] = "plugins = { implicit = false; };\n"
				  "profiles = { a = { candidates = [ \"o/m\" ]; }; };";
	static const char named[] = "plugins = { implicit = false; }; providers = { o = { }; };\n"
				    "profiles = { a = { candidates = [ \"o/m\" ]; }; };";

	conf_free(accepted(try_text(on)));
	REFUSED(try_text(off), "config_text:2", "'o'", "plugins.implicit");
	conf_free(accepted(try_text(named)));
}

Test(conf_refs, default_profile)
{
	REFUSED(try_text("\ndefault_profile = \"fats\";\nprofiles = { fast = {"
			 "candidates = [ \"o/m\" ]; }; };"),
		"config_text:2", "'fats'", "'fast'");
	conf_free(accepted(try_text("default_profile = \"f\"; aliases = { f = \"o/m\"; };")));
}

static const llm_key_info keep_alive = {
	sizeof(llm_key_info), LLM_TYPE_DURATION, "keep_alive", "ms", NULL, ""};
static const llm_key_info num_ctx = {sizeof(llm_key_info), LLM_TYPE_INT, "num_ctx", NULL, NULL, ""};
static const llm_key_info cap = {sizeof(llm_key_info), LLM_TYPE_SIZE, "cap", NULL, NULL, ""};
static const llm_key_info flag = {sizeof(llm_key_info), LLM_TYPE_BOOL, "flag", NULL, NULL, ""};
static const llm_key_info top = {sizeof(llm_key_info), LLM_TYPE_REAL, "top", NULL, NULL, ""};
static const llm_key_info word = {sizeof(llm_key_info), LLM_TYPE_STRING, "word", NULL, NULL, ""};
static const llm_key_info *const plugin_keys[] = {
	&cap, &flag, &keep_alive, &num_ctx, &top, &word, NULL};

typedef struct settings {
	conf *c;
	arena mem;
	conf_pair *list;
	size_t n;
	conf_try t;
} settings;

static settings check(const char *text)
{
	settings s = {.t.err = LLM_ERR_INIT};

	arena_init(&s.mem, mem_default(), 0);
	s.c = accepted(try_text(text));
	s.t.rc = conf_check_settings(
		&s.c->providers[0], plugin_keys, &s.mem, &s.list, &s.n, &s.t.err);
	return s;
}

static void done(settings *s)
{
	arena_reset(&s->mem);
	conf_free(s->c);
}

Test(conf_refs, settings_in_the_plugins_form_and_order)
{
	settings s = check("providers = { a = { word = \"x y\"; num_ctx = 8192;"
			   "keep_alive = \"5m\"; cap = \"64k\"; flag = true; top = \"0.5\"; }; };");
	static const char *const want[] = {"65536", "true", "300000", "8192", "0.5", "x y"};
	size_t i;

	cr_assert_eq(s.t.rc, 0, "%s", s.t.err.message);
	cr_assert_eq(s.n, 6);
	for (i = 0; i < 6; i++) {
		cr_assert_str_eq(s.list[i].name, plugin_keys[i]->name);
		cr_assert_str_eq(s.list[i].value, want[i]);
		cr_assert_str_eq(s.list[i].origin, "config_text:1");
	}
	done(&s);
	s = check("providers = { a = { }; };");
	cr_assert_eq(s.t.rc, 0);
	cr_assert_eq(s.n, 0);
	done(&s);
}

Test(conf_refs, settings_that_are_refused)
{
	static const struct {
		const char *text;
		const char *word;
	} bad[] = {
		{"keep_alife = \"5m\";", "did you mean 'keep_alive'?"},
		{"base_ulr = \"x\";", "did you mean 'base_url'?"},
		{"keep-alive = \"5m\";", "did you mean 'keep_alive'?"},
		{"zzzzzzzzzzz = 1;", "neither the library nor the plugin"},
		{"keep_alive = \"5d\";", "\"500ms\""},
		{"keep_alive = \"9999999h\";", "\"500ms\""},
		{"num_ctx = \"many\";", "whole number"},
		{"cap = \"-1\";", "\"64k\""},
		{"flag = \"maybe\";", "true or false"},
		{"top = \"0,5\";", "\"0.5\""},
	};
	char text[128];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		settings s;

		snprintf(text, sizeof(text), "providers = {\n a = { %s };\n};", bad[i].text);
		s = check(text);
		REFUSED(s.t, "config_text:2", "'providers.a.", bad[i].word);
		done(&s);
	}
}
