/*
 * plugin_search.c - where plugins are looked for, and what `explain` shows of it.
 */
#include "plugin_help.h"

#include "plugin/search.h"

static void name_refused(const char *name)
{
	plugins *ps = help_modules();

	help_refused(ps, name,
		"'%s' is no name of a plugin: give [a-z][a-z0-9_-]{0,62}, "
		"or an absolute path to its file",
		name);
	plugins_free(ps);
}

Test(plugin_search, X_08_names)
{
	name_refused("");
	name_refused("../modules/good");
	name_refused("./good");
	name_refused("sub/good");
	name_refused("Good");
	name_refused("9good");
	name_refused("good.so");
	name_refused("good\n");
	name_refused("a234567890123456789012345678901234567890123456789012345678901234");
}

Test(plugin_search, X_08_paths)
{
	plugins *ps = help_modules();

	help_refused(ps, "/nowhere/at/all.so", "there is no plugin file /nowhere/at/all.so");
	help_refused(ps, MODULES "/../modules/good.so",
		"plugin file " MODULES "/../modules/good.so: a path with /../ is refused");
	help_refused(ps, MODULES "/good",
		"plugin file " MODULES
		"/good is not named NAME.so with NAME [a-z][a-z0-9_-]{0,62}");
	help_refused(ps, "/", "plugin file / is not named NAME.so with NAME [a-z][a-z0-9_-]{0,62}");
	plugins_free(ps);
}

Test(plugin_search, D_2_6_missing_says_where_it_looked)
{
	plugins *ps = help_registry("/nowhere/a:relative::/nowhere/b/", "/nowhere/a:/nowhere/c");

	help_refused(ps, "nobody",
		"there is no plugin nobody: looked for nobody.so in "
		"/nowhere/a, /nowhere/b, /nowhere/c\n"
		"Install it there, or name its folder in plugins.path or LLM_PLUGIN_PATH "
		"(one of theirs was skipped: folders are absolute paths).");
	plugins_free(ps);
	ps = help_registry(NULL, NULL);
	help_refused(ps, "nobody",
		"there is no plugin nobody: looked for nobody.so in "
		"no folder at all\n"
		"Install it there, or name its folder in plugins.path or LLM_PLUGIN_PATH.");
	plugins_free(ps);
}

/* A missing plugin can be installed while the service runs. */
Test(plugin_search, D_2_6_missing_is_not_remembered)
{
	help_path folder, path;
	plugins *ps;
	const plugin *p = NULL;

	help_folder(folder);
	ps = help_registry(folder, NULL);
	cr_expect_eq(plugins_get(ps, "x", NULL, &p, NULL), LLM_E_PLUGIN);
	help_install("good", folder, "x.so", path);
	cr_expect_str_eq(help_get(ps, "x")->name, "x");
	plugins_free(ps);
	unlink(path);
	rmdir(folder);
}

Test(plugin_search, D_2_6_order)
{
	plugin_search from = {"/e1:/e2/", "/c1:/e1", "/user", "/tool", "/lib"};
	static const char *const paths[] = {"/e1", "/e2", "/c1", "/user", "/tool", "/lib"};
	static const char *const sources[] = {"LLM_PLUGIN_PATH", "LLM_PLUGIN_PATH", "plugins.path",
		"the user's folder", "the tool's folder", "the library's folder"};
	search_list sl;
	size_t i;

	cr_assert_eq(search_init(&sl, &from, 0, mem_default()), 0);
	cr_assert_eq(sl.n, 6, "a folder that comes twice counts once");
	for (i = 0; i < sl.n; i++) {
		cr_expect_str_eq(sl.places[i].path, paths[i]);
		cr_expect_str_eq(sl.places[i].source, sources[i]);
		cr_expect_null(sl.places[i].skip);
	}
	search_done(&sl);
}

Test(plugin_search, X_08_elements_that_are_skipped)
{
	plugin_search from = {":relative:../up:/ok", NULL, NULL, NULL, "also/relative"};
	search_list sl;

	cr_assert_eq(search_init(&sl, &from, 0, mem_default()), 0);
	cr_assert_eq(sl.n, 5);
	cr_expect_str_eq(sl.places[0].skip, "skipped: an empty element stands for no folder");
	cr_expect_str_eq(sl.places[1].skip, "skipped: not an absolute path");
	cr_expect_str_eq(sl.places[2].skip, "skipped: not an absolute path");
	cr_expect_null(sl.places[3].skip);
	cr_expect_str_eq(sl.places[4].skip, "skipped: not an absolute path");
	search_done(&sl);
}

Test(plugin_search, X_08_set_uid_ignores_the_environment)
{
	plugin_search from = {"/e1:/both", "/both:/c1", NULL, NULL, NULL};
	search_list sl;

	cr_assert_eq(search_init(&sl, &from, 1, mem_default()), 0);
	cr_assert_eq(sl.n, 4);
	cr_expect_str_eq(sl.places[0].skip, "ignored: the process runs with raised rights");
	cr_expect_str_eq(sl.places[1].skip, "ignored: the process runs with raised rights");
	cr_expect_null(sl.places[2].skip, "the configuration still counts");
	cr_expect_null(sl.places[3].skip);
	search_done(&sl);
}

/* ---- scan ---- */

static void expect_row(
	const plugin_seen *row, const char *path, const char *name, int taken, const char *reason)
{
	cr_expect_str_eq(row->path, path);
	cr_expect_str_eq(row->name, name);
	cr_expect_eq(row->taken, taken, "%s", path);
	cr_expect_str_eq(row->reason, reason);
	cr_expect_eq(row->loaded != NULL, taken, "%s", path);
}

Test(plugin_search, X_09_scan_shows_what_hides_what)
{
	help_path one, two, good1, good2, future, bad;
	char path[2000], reason[2000];
	plugin_seen *rows = NULL;
	plugins *ps;
	size_t n = 0;
	arena ar;

	help_folder(one);
	help_folder(two);
	help_install("good", one, "good.so", good1);
	help_install("good", two, "good.so", good2);
	help_install("future", two, "future.so", future);
	help_install("no_entry", one, "bad.so", bad);
	snprintf(path, sizeof(path), "%s:relative:/nowhere", one);
	ps = help_registry(path, two);
	arena_init(&ar, mem_default(), 0);
	cr_assert_eq(plugins_scan(ps, NULL, &ar, &rows, &n), 0);
	cr_assert_eq(n, 6);
	snprintf(reason, sizeof(reason),
		"plugin file %s has no llm_plugin_v1: it is no plugin of libllm", bad);
	expect_row(&rows[0], bad, "bad", 0, reason);
	expect_row(&rows[1], good1, "good", 1, "taken: the first of its name");
	cr_expect_str_eq(rows[1].source, "LLM_PLUGIN_PATH");
	cr_expect_str_eq(rows[1].loaded->id, "org.test.good");
	expect_row(&rows[2], "relative", "", 0, "skipped: not an absolute path");
	expect_row(&rows[3], "/nowhere", "", 0, "there is no such folder");
	expect_row(&rows[4], future, "future", 1,
		"taken: the first of its name; skipped a part of "
		"kind llm.engine/1, which this libllm does not use");
	snprintf(reason, sizeof(reason), "hidden by %s", good1);
	expect_row(&rows[5], good2, "good", 0, reason);
	cr_expect_str_eq(rows[5].source, "plugins.path");
	arena_reset(&ar);
	plugins_free(ps);
	unlink(good1), unlink(good2), unlink(future), unlink(bad);
	rmdir(one), rmdir(two);
}

/* The first decides also when it is refused, in `get` as in `scan`. */
Test(plugin_search, X_09_refused_first_hides_the_second)
{
	help_path one, two, first, second;
	char path[2000], reason[2000];
	plugin_seen *rows = NULL;
	plugins *ps;
	size_t n = 0;
	arena ar;

	help_folder(one);
	help_folder(two);
	help_install("wrong_magic", one, "x.so", first);
	help_install("good", two, "x.so", second);
	snprintf(path, sizeof(path), "%s:%s:/nowhere", one, two);
	ps = help_registry(path, NULL);
	arena_init(&ar, mem_default(), 0);
	cr_assert_eq(plugins_scan(ps, "x", &ar, &rows, &n), 0);
	cr_assert_eq(n, 3);
	snprintf(reason, sizeof(reason),
		"plugin file %s has the wrong magic 1122334455667788 "
		"instead of 00316962616d6c6c",
		first);
	expect_row(&rows[0], first, "x", 0, reason);
	help_refused(ps, "x", "%s", reason);
	snprintf(reason, sizeof(reason), "hidden by %s", first);
	expect_row(&rows[1], second, "x", 0, reason);
	expect_row(&rows[2], "/nowhere", "", 0, "there is no such folder");
	arena_reset(&ar);
	plugins_free(ps);
	unlink(first), unlink(second);
	rmdir(one), rmdir(two);
}

Test(plugin_search, X_09_scan_of_one_name)
{
	plugin_seen *rows = NULL;
	plugins *ps = help_registry(NULL, MODULES);
	size_t n = 0;
	arena ar;

	arena_init(&ar, mem_default(), 0);
	cr_assert_eq(plugins_scan(ps, "nobody", &ar, &rows, &n), 0);
	cr_assert_eq(n, 1);
	expect_row(&rows[0], MODULES, "", 0, "no file of that name");
	cr_assert_eq(plugins_scan(ps, MODULES "/good.so", &ar, &rows, &n), 0);
	cr_assert_eq(n, 1);
	expect_row(&rows[0], MODULES "/good.so", "good", 1, "taken: the first of its name");
	cr_expect_str_eq(rows[0].source, "absolute path");
	arena_reset(&ar);
	plugins_free(ps);
}

Test(plugin_search, X_09_scan_of_one_id_in_two_files)
{
	plugin_seen *rows = NULL;
	plugins *ps = help_modules();
	size_t n = 0, i, taken = 0, refused = 0;
	arena ar;

	arena_init(&ar, mem_default(), 0);
	cr_assert_eq(plugins_scan(ps, NULL, &ar, &rows, &n), 0);
	for (i = 0; i < n; i++) {
		if (strcmp(rows[i].name, "duplicate_a") == 0)
			taken += (size_t)rows[i].taken;
		if (strcmp(rows[i].name, "duplicate_b") == 0 &&
			strcmp(rows[i].reason,
				"plugin file " MODULES
				"/duplicate_b.so: its id org.test.duplicate is "
				"already active from " MODULES "/duplicate_a.so") == 0)
			refused++;
	}
	cr_expect_eq(taken, 1);
	cr_expect_eq(refused, 1);
	arena_reset(&ar);
	plugins_free(ps);
}

/* Names of files, each once, in order; nothing is opened for them. */
Test(plugin_search, names_of_what_could_be_loaded)
{
	static const char *const wanted[] = {"alpha", "beta", "damaged"};
	const char *const *names = NULL;
	help_path first, second, file;
	char places[600];
	plugins *ps;
	size_t n = 0;
	arena ar;

	help_folder(first);
	help_folder(second);
	help_install("good", first, "beta.so", file);
	help_install("damaged", first, "damaged.so", file);
	help_install("good", first, "Capital.so", file);
	help_install("good", first, "beta.txt", file);
	help_install("good", second, "beta.so", file);
	help_install("good", second, "alpha.so", file);
	snprintf(places, sizeof(places), "%s:/nowhere/at/all:relative", first);
	ps = help_registry(places, second);
	arena_init(&ar, mem_default(), 0);
	cr_assert_eq(plugins_names(ps, NULL, &ar, &names, &n), 0);
	cr_assert_eq(n, 3);
	for (size_t i = 0; i < n; i++)
		cr_expect_str_eq(names[i], wanted[i]);
	arena_reset(&ar);
	plugins_free(ps);
}

Test(plugin_search, names_of_one_kind)
{
	const char *const *names = NULL;
	help_path folder, file;
	plugins *ps;
	size_t n = 0;
	arena ar;

	help_folder(folder);
	help_install("good", folder, "answers.so", file);
	help_install("policy_good", folder, "orders.so", file);
	help_install("memstore", folder, "keeps.so", file);
	ps = help_registry(folder, NULL);
	arena_init(&ar, mem_default(), 0);
	cr_assert_eq(plugins_names(ps, LLM_KIND_PROVIDER, &ar, &names, &n), 0);
	cr_assert_eq(n, 1);
	cr_expect_str_eq(names[0], "answers");
	cr_assert_eq(plugins_names(ps, LLM_KIND_POLICY, &ar, &names, &n), 0);
	cr_assert_eq(n, 1);
	cr_expect_str_eq(names[0], "orders");
	cr_assert_eq(plugins_names(ps, LLM_KIND_STORAGE, &ar, &names, &n), 0);
	cr_assert_eq(n, 1);
	cr_expect_str_eq(names[0], "keeps");
	cr_assert_eq(plugins_names(ps, "llm.later/1", &ar, &names, &n), 0);
	cr_expect_eq(n, 0);
	arena_reset(&ar);
	plugins_free(ps);
}
