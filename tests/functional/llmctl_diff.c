/* llmctl config diff: what another file would change. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "support/run.h"

typedef struct pair {
	char *folder;
	char old[300];
	char new[300];
	run_result r;
} pair;

static void diff(pair *p, const char *old, const char *new, const char *more)
{
	p->folder = run_folder();
	run_folder_put(p->folder, "old.conf", old);
	run_folder_put(p->folder, "new.conf", new);
	snprintf(p->old, sizeof(p->old), "%s/old.conf", p->folder);
	snprintf(p->new, sizeof(p->new), "%s/new.conf", p->folder);
	run_llmctl(NULL, NULL, RUN_LIST("config", "diff", p->old, p->new, more), &p->r);
}

static void done(pair *p)
{
	run_done(&p->r);
	run_folder_free(p->folder);
}

static const char before[] =
	"connect = \"3s\";\n"
	"providers = { a = { plugin = \"ollama\"; base_url = \"http://127.0.0.1:1\"; };\n"
	"  g = { plugin = \"gemini\"; api_key = \"env:KEY_A\"; }; };\n";
static const char after[] =
	"\n\nqueue = \"9s\";\n"
	"providers = { a = { plugin = \"ollama\"; base_url = \"http://127.0.0.1:2\"; };\n"
	"  g = { plugin = \"gemini\"; api_key = \"env:KEY_B\"; }; };\n";

Test(llmctl_diff, P_08_what_is_added_removed_and_changed)
{
	pair p;

	diff(&p, before, after, NULL);
	cr_assert_eq(p.r.status, 0, "%s", p.r.err);
	cr_assert_str_eq(p.r.out,
		"- connect = \"3s\"\n"
		"- providers.a.base_url = \"http://127.0.0.1:1\"\n"
		"+ providers.a.base_url = \"http://127.0.0.1:2\"\n"
		"- providers.g.api_key = env:KEY_A\n"
		"+ providers.g.api_key = env:KEY_B\n"
		"+ queue = \"9s\"\n");
	done(&p);
	diff(&p, before, before, NULL);
	cr_assert_eq(p.r.status, 0);
	cr_assert_str_eq(p.r.out, "");
	done(&p);
}

Test(llmctl_diff, P_08_as_json)
{
	pair p;

	diff(&p, before, after, "--json");
	cr_assert_eq(p.r.status, 0, "%s", p.r.err);
	cr_assert_not_null(strstr(p.r.out, "llm.config-diff/1"), "%s", p.r.out);
	cr_assert_not_null(strstr(p.r.out, "env:KEY_B"), "%s", p.r.out);
	cr_assert_not_null(strstr(p.r.out, "null"), "%s", p.r.out);
	done(&p);
}

Test(llmctl_diff, P_08_a_file_that_is_wrong_is_named)
{
	run_result r;
	pair p;

	diff(&p, before, "no_such_key = 1;", NULL);
	cr_assert_eq(p.r.status, 2, "%d", p.r.status);
	cr_assert_not_null(strstr(p.r.err, "new.conf"), "%s", p.r.err);
	done(&p);
	run_llmctl(NULL, NULL, RUN_LIST("config", "diff", "one.conf"), &r);
	cr_assert_eq(r.status, 2);
	cr_assert_not_null(strstr(r.err, "OLD NEW"), "%s", r.err);
	run_done(&r);
}
