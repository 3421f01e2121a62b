/* The commands of llmctl besides ask: help, lists, configuration. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "llm/error.h"
#include "llm/version.h"
#include "support/run.h"
#include "support/sim.h"

static void expect(const char *const *args, int status, const char *out, const char *err)
{
	run_result r;

	run_llmctl(NULL, NULL, args, &r);
	cr_expect_eq(r.status, status, "status %d: %s", r.status, r.err);
	cr_expect(strstr(r.out, out), "\"%s\" is not in: %s", out, r.out);
	cr_expect(strstr(r.err, err), "\"%s\" is not in: %s", err, r.err);
	run_done(&r);
}

static json_t *json_of(const char *ollama, const char *const *args, const char *schema)
{
	json_error_t e;
	run_result r;
	json_t *o;

	run_llmctl(ollama, NULL, args, &r);
	o = json_loads(r.out, JSON_REJECT_DUPLICATES, &e);
	cr_assert_not_null(o, "%s in: %s (%s)", e.text, r.out, r.err);
	cr_assert_str_eq(json_string_value(json_object_get(o, "schema")), schema);
	run_done(&r);
	return o;
}

static void expect_once(const char *text, const char *what)
{
	const char *at = strstr(text, what);

	cr_expect(at && !strstr(at + 1, what), "\"%s\" is not once in: %s", what, text);
}

/* ---- help and typos ---- */

Test(llmctl_commands, help_begins_with_examples)
{
	static const char *const names[] = {
		"ask", "models", "profiles", "plugins", "config", "errors", "version"};
	run_result r;

	run_llmctl(NULL, NULL, RUN_LIST("--help"), &r);
	cr_expect_eq(r.status, 0);
	cr_expect_str_empty(r.err);
	cr_expect_eq(strncmp(r.out, "Examples:", 9), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cr_expect(strstr(r.out, names[i]), "%s is missing", names[i]);
	run_done(&r);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		run_llmctl(NULL, NULL, RUN_LIST("help", names[i]), &r);
		cr_expect_eq(r.status, 0);
		cr_expect_eq(strncmp(r.out, "Examples:", 9), 0, "%s", names[i]);
		cr_expect(strstr(r.out, "--config"), "%s takes no -c", names[i]);
		run_done(&r);
	}
}

Test(llmctl_commands, every_command_has_help_of_its_own)
{
	expect(RUN_LIST("ask", "--help"), 0, "--image", "");
	expect(RUN_LIST("ask", "-h"), 0, "Usage: llmctl ask", "");
	expect(RUN_LIST("config", "show", "--help"), 0, "--origin", "");
	expect(RUN_LIST("help", "plugins", "explain"), 0, "Usage: llmctl plugins explain", "");
}

Test(llmctl_commands, no_command_shows_help_and_is_2)
{
	run_result r;

	run_llmctl(NULL, NULL, (const char *const[]){NULL}, &r);
	cr_expect_eq(r.status, 2);
	cr_expect_str_empty(r.out);
	cr_expect(strstr(r.err, "Examples:"));
	run_done(&r);
}

Test(llmctl_commands, typos_get_a_suggestion)
{
	expect(RUN_LIST("aks", "x"), 2, "", "did you mean ask?");
	expect(RUN_LIST("model"), 2, "", "did you mean models?");
	expect(RUN_LIST("config", "chekc"), 2, "", "did you mean config check?");
	expect(RUN_LIST("config"), 2, "", "check, show, diff, path");
	expect(RUN_LIST("ask", "--modle", "x"), 2, "", "did you mean --model?");
	expect(RUN_LIST("ask", "--time", "3s"), 2, "", "did you mean --timeout?");
	expect(RUN_LIST("Why is the sky blue?"), 2, "", "llmctl ask");
	expect(RUN_LIST("help", "erors"), 2, "", "did you mean errors?");
	expect(RUN_LIST("errors", "rate_limitd"), 3, "", "did you mean RATE_LIMITED?");
	expect(RUN_LIST("ask", "--qqqqqqq"), 2, "", "unknown option --qqqqqqq");
}

/* ---- errors and version ---- */

Test(llmctl_commands, errors_lists_every_code_and_explains_one)
{
	const llm_error_info *info;
	run_result r;

	run_llmctl(NULL, NULL, RUN_LIST("errors"), &r);
	for (uint32_t i = 0; (info = llm_error_info_at(i)); i++)
		cr_expect(strstr(r.out, info->name), "%s is missing", info->name);
	run_done(&r);
	expect(RUN_LIST("errors", "rate_limited"), 0, "Exit status: 5", "");
	expect(RUN_LIST("errors", "CANCELLED"), 0, "130 after Ctrl-C", "");
}

Test(llmctl_commands, errors_in_json)
{
	json_t *o = json_of(NULL, RUN_LIST("errors", "--json"), "llm.errors/1");
	const json_t *list = json_object_get(o, "errors");

	cr_expect_eq(json_array_size(list), (size_t)-LLM_E_LAST);
	json_decref(o);
	o = json_of(NULL, RUN_LIST("errors", "--json", "NOT_FOUND"), "llm.errors/1");
	list = json_array_get(json_object_get(o, "errors"), 0);
	cr_expect_eq(json_integer_value(json_object_get(list, "exit")), 3);
	json_decref(o);
	o = json_of(NULL, RUN_LIST("errors", "--json", "NOT_FOUNT"), "llm.error/1");
	json_decref(o);
}

Test(llmctl_commands, version_tells_what_is_loaded)
{
	json_t *o = json_of(NULL, RUN_LIST("version", "--json"), "llm.version/1");

	cr_expect_str_eq(json_string_value(json_object_get(o, "llmctl")), LLM_VERSION_STRING);
	cr_expect_str_eq(json_string_value(json_object_get(o, "libllm")), LLM_VERSION_STRING);
	cr_expect_not_null(
		json_string_value(json_object_get(json_object_get(o, "libraries"), "libcurl")));
	json_decref(o);
	expect(RUN_LIST("--version"), 0, "llmctl " LLM_VERSION_STRING, "");
}

/* ---- models, profiles, plugins ---- */

Test(llmctl_commands, models_are_listed_by_provider)
{
	sim *s = sim_start(RUN_LIST("--models", "first,second"));
	run_result r;
	json_t *o;

	run_llmctl(sim_url(s), NULL, RUN_LIST("models"), &r);
	cr_expect_eq(r.status, 0, "%s", r.err);
	cr_expect(strstr(r.out, "ollama/first"), "%s", r.out);
	cr_expect(strstr(r.out, "ollama/second"), "%s", r.out);
	run_done(&r);
	o = json_of(sim_url(s), RUN_LIST("models", "ollama", "--json"), "llm.models/1");
	cr_expect_eq(json_array_size(json_object_get(o, "models")), 2);
	cr_expect_eq(json_array_size(json_object_get(o, "errors")), 0);
	json_decref(o);
	sim_stop(s);
}

/* Without a configuration: Ollama, and each that has a key in its usual variable. */
Test(llmctl_commands, models_of_every_provider_with_a_key)
{
	sim *s = sim_start(RUN_LIST("--key", "sim-key", "--models", "first,second"));
	char host[80], gemini[120], openai[120];
	const run_opts opts = {.env = RUN_LIST(host, gemini, openai, "GEMINI_API_KEY=sim-key",
				       "OPENAI_API_KEY=sim-key", "OLLAMA_API_KEY=sim-key")};
	run_result r;

	snprintf(host, sizeof(host), "OLLAMA_HOST=%s", sim_url(s));
	snprintf(gemini, sizeof(gemini), "GOOGLE_GEMINI_BASE_URL=%s", sim_url(s));
	snprintf(openai, sizeof(openai), "OPENAI_BASE_URL=%s/v1", sim_url(s));
	run_program(RUN_LIST(LLMCTL, "models"), &opts, &r);
	cr_expect_eq(r.status, 0, "%s", r.err);
	cr_expect_str_empty(r.err);
	expect_once(r.out, "ollama/first:latest\t");
	expect_once(r.out, "ollama/second:latest\t");
	expect_once(r.out, "gemini/first\t");
	expect_once(r.out, "openai/second:latest\t");
	run_done(&r);
	run_program(RUN_LIST(LLMCTL, "models", "--loaded"), &opts, &r);
	cr_expect_eq(r.status, 0, "those that cannot tell are left out: %s", r.err);
	run_done(&r);
	run_program(RUN_LIST(LLMCTL, "models", "--loaded", "gemini"), &opts, &r);
	cr_expect_eq(r.status, 2, "unless they are named: %s", r.err);
	run_done(&r);
	sim_stop(s);
}

/* One without a key, one that refuses it, one whose address is wrong: the rest is listed. */
Test(llmctl_commands, models_of_the_others_when_one_fails)
{
	sim *s = sim_start(RUN_LIST("--key", "sim-key", "--models", "first"));
	char gemini[120];
	const run_opts opts = {
		.env = RUN_LIST("OLLAMA_HOST=http://127.0.0.1:9", gemini, "OPENAI_BASE_URL=nowhere",
			"GEMINI_API_KEY=sim-key", "OPENAI_API_KEY=sim-key")};
	run_result r;
	json_t *o;

	snprintf(gemini, sizeof(gemini), "GOOGLE_GEMINI_BASE_URL=%s", sim_url(s));
	run_program(RUN_LIST(LLMCTL, "models"), &opts, &r);
	cr_expect_eq(r.status, 6, "%s", r.err);
	expect_once(r.out, "gemini/first\t");
	expect_once(r.err, "llmctl: CONNECTION: ");
	expect_once(r.err, "llmctl: CONFIG: OPENAI_BASE_URL");
	run_done(&r);
	run_program(RUN_LIST(LLMCTL, "models", "--json"), &opts, &r);
	o = json_loads(r.out, 0, NULL);
	cr_expect_eq(json_array_size(json_object_get(o, "models")), 1, "%s", r.out);
	cr_expect_eq(json_array_size(json_object_get(o, "errors")), 2, "%s", r.out);
	json_decref(o);
	run_done(&r);
	sim_stop(s);
}

/* A configuration adds to what the environment gives; switching it off leaves nothing else. */
Test(llmctl_commands, models_of_a_configuration_and_of_keys)
{
	sim *s = sim_start(RUN_LIST("--models", "first"));
	char text[300], openai[120], *home = run_folder();
	const run_opts opts = {.home = home, .env = RUN_LIST(openai, "OPENAI_API_KEY=sim-key")};
	run_result r;

	snprintf(openai, sizeof(openai), "OPENAI_BASE_URL=%s/v1", sim_url(s));
	snprintf(text, sizeof(text),
		"providers = { mine = { plugin = \"ollama\"; base_url = \"%s\"; }; };\n",
		sim_url(s));
	run_folder_put(home, ".config/llm/llm.conf", text);
	run_program(RUN_LIST(LLMCTL, "models"), &opts, &r);
	cr_expect_eq(r.status, 0, "%s", r.err);
	expect_once(r.out, "mine/first:latest\t");
	expect_once(r.out, "openai/first:latest\t");
	cr_expect_null(strstr(r.out, "ollama/"), "%s", r.out);
	run_done(&r);
	snprintf(text, sizeof(text),
		"plugins = { implicit = false; };\n"
		"providers = { mine = { plugin = \"ollama\"; base_url = \"%s\"; }; };\n",
		sim_url(s));
	run_folder_put(home, ".config/llm/llm.conf", text);
	run_program(RUN_LIST(LLMCTL, "models"), &opts, &r);
	cr_expect_eq(r.status, 0, "%s", r.err);
	expect_once(r.out, "mine/first:latest\t");
	cr_expect_null(strstr(r.out, "openai/"), "%s", r.out);
	run_done(&r);
	run_folder_free(home);
	sim_stop(s);
}

Test(llmctl_commands, models_of_nobody)
{
	run_result r;

	run_llmctl("http://127.0.0.1:9", NULL, RUN_LIST("models"), &r);
	cr_expect_eq(r.status, 6, "%s", r.err);
	cr_expect_str_empty(r.out);
	run_done(&r);
	run_llmctl(NULL, NULL, RUN_LIST("models", "nosuch"), &r);
	cr_expect_neq(r.status, 0);
	cr_expect(strstr(r.err, "nosuch"), "%s", r.err);
	run_done(&r);
}

static const char conf[] =
	"default_profile = \"fast\";\n"
	"aliases = { quick = \"ollama/small\"; };\n"
	"providers = { ollama = { base_url = \"http://127.0.0.1:1\"; };\n"
	"  cloud = { plugin = \"openai\"; api_key = \"env:CLOUD_KEY\"; }; };\n"
	"profiles = { fast = { candidates = [ \"ollama/small\", \"cloud/big\" ]; }; };\n";

static void with_conf(const char *text, const char *const *argv, run_result *ret)
{
	char *home = run_folder();
	const run_opts opts = {.home = home, .env = RUN_LIST("CLOUD_KEY=canary-9000")};

	run_folder_put(home, ".config/llm/llm.conf", text);
	run_program(argv, &opts, ret);
	run_folder_free(home);
}

Test(llmctl_commands, profiles_show_candidates_in_order)
{
	run_result r;
	json_t *o;
	const json_t *p;

	with_conf(conf, RUN_LIST(LLMCTL, "profiles"), &r);
	cr_expect_str_eq(r.out,
		"fast\t1\tollama/small\tdefault\nfast\t2\tcloud/big\tdefault\n"
		"quick\talias\tollama/small\t-\n");
	run_done(&r);
	with_conf(conf, RUN_LIST(LLMCTL, "profiles", "--json"), &r);
	o = json_loads(r.out, 0, NULL);
	p = json_array_get(json_object_get(o, "profiles"), 0);
	cr_expect_str_eq(json_string_value(json_object_get(o, "default_profile")), "fast");
	cr_expect_str_eq(json_string_value(json_array_get(json_object_get(p, "candidates"), 1)),
		"cloud/big");
	json_decref(o);
	run_done(&r);
}

Test(llmctl_commands, plugins_of_the_build_tree_are_found)
{
	json_t *o = json_of(NULL, RUN_LIST("plugins", "list", "--json"), "llm.plugins/1");

	cr_expect_geq(json_array_size(json_object_get(o, "plugins")), 2);
	json_decref(o);
	expect(RUN_LIST("plugins", "list"), 0, "ollama\t", "");
	expect(RUN_LIST("plugins", "explain"), 0, "taken    " TEST_BINARY_DIR "/plugins/ollama.so",
		"");
}

Test(llmctl_commands, plugins_explain_says_why)
{
	char *home = run_folder(), file[512];
	const run_opts opts = {.home = home};
	run_result r;

	run_folder_put(home, ".local/share/llm/plugins/1/ollama.so", "no object at all");
	snprintf(file, sizeof(file), "%s/.local/share/llm/plugins/1/ollama.so", home);
	run_program(RUN_LIST(LLMCTL, "plugins", "explain", "ollama"), &opts, &r);
	cr_expect_eq(r.status, 0, "%s", r.err);
	cr_expect(strstr(r.out, "refused"), "%s", r.out);
	cr_expect(strstr(r.out, file), "%s", r.out);
	cr_expect(strstr(r.out, "ELF"), "%s", r.out);
	cr_expect(strstr(r.out, TEST_BINARY_DIR "/plugins/ollama.so"), "%s", r.out);
	cr_expect(strstr(r.out, "hidden by"), "%s", r.out);
	run_done(&r);
	run_folder_free(home);
	expect(RUN_LIST("plugins", "explain", "nosuch"), 3, "no file of that name", "nosuch.so");
}

/* ---- configuration ---- */

Test(llmctl_commands, config_show_tells_the_origin_and_hides_secrets)
{
	run_result r;

	with_conf(conf, RUN_LIST(LLMCTL, "config", "show", "--origin"), &r);
	cr_expect_eq(r.status, 0, "%s", r.err);
	cr_expect(strstr(r.out, "llm.conf:1\tdefault_profile = "), "%s", r.out);
	cr_expect_null(strstr(r.out, "canary"), "%s", r.out);
	run_done(&r);
	with_conf(conf, RUN_LIST(LLMCTL, "config", "show"), &r);
	cr_expect_null(strstr(r.out, "llm.conf:1"), "%s", r.out);
	cr_expect(strstr(r.out, "providers.ollama.base_url = "), "%s", r.out);
	run_done(&r);
}

Test(llmctl_commands, config_check_says_ok_or_what_is_wrong)
{
	run_result r;
	json_t *o;

	with_conf(conf, RUN_LIST(LLMCTL, "config", "check"), &r);
	cr_expect_eq(r.status, 0, "%s", r.err);
	cr_expect(strstr(r.out, "ok\n"), "%s", r.out);
	run_done(&r);
	with_conf("defualt_profile = \"x\";\n", RUN_LIST(LLMCTL, "config", "check"), &r);
	cr_expect_eq(r.status, 2);
	cr_expect(strstr(r.err, "default_profile"), "%s", r.err);
	cr_expect(strstr(r.err, "llm.conf:1"), "%s", r.err);
	run_done(&r);
	with_conf("defualt_profile = \"x\";\n", RUN_LIST(LLMCTL, "config", "check", "--json"), &r);
	o = json_loads(r.out, 0, NULL);
	cr_expect(json_is_false(json_object_get(o, "ok")));
	cr_expect_str_eq(
		json_string_value(json_object_get(json_object_get(o, "error"), "code")), "CONFIG");
	json_decref(o);
	run_done(&r);
}

Test(llmctl_commands, config_path_lists_the_files_looked_at)
{
	run_result r;

	with_conf(conf, RUN_LIST(LLMCTL, "config", "path"), &r);
	cr_expect_eq(r.status, 0);
	cr_expect(strstr(r.out, "\t/etc/llm/llm.conf\n"), "%s", r.out);
	cr_expect(strstr(r.out, "read\t/"), "%s", r.out);
	cr_expect(strstr(r.out, "/.config/llm/llm.conf\n"), "%s", r.out);
	run_done(&r);
	with_conf(conf, RUN_LIST(LLMCTL, "config", "path", "-c", "/nowhere/a.conf"), &r);
	cr_expect_str_eq(r.out, "absent\t/nowhere/a.conf\n");
	run_done(&r);
}

Test(llmctl_commands, xdg_folders_win_over_home)
{
	char *home = run_folder(), xdg[512];
	const run_opts opts = {.home = home, .env = RUN_LIST(xdg)};
	run_result r;

	snprintf(xdg, sizeof(xdg), "XDG_CONFIG_HOME=%s/elsewhere", home);
	run_folder_put(home, "elsewhere/llm/llm.conf", conf);
	run_folder_put(home, ".config/llm/llm.conf", "nonsense");
	run_program(RUN_LIST(LLMCTL, "config", "check"), &opts, &r);
	cr_expect_eq(r.status, 0, "%s", r.err);
	run_done(&r);
	run_folder_free(home);
}
