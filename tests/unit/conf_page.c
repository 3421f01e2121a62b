/* docs/configuration.md and the example files say what the table says. */
#include <stdlib.h>

#include "conf_try.h"

static char *page(const char *name)
{
	char path[512];
	char *text = malloc(1 << 20);
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", TEST_SOURCE_DIR, name);
	f = fopen(path, "r");
	cr_assert_not_null(f, "%s", path);
	len = fread(text, 1, (1 << 20) - 1, f);
	fclose(f);
	text[len] = '\0';
	return text;
}

/* One row of the page's table of keys. */
static void row_of(const key_def *def, char *ret, size_t cap)
{
	char path[128];
	char env[128];

	key_page_path(def, path, sizeof(path));
	key_page_env(def, env, sizeof(env));
	snprintf(ret, cap, "| `%s` | %s | %s | %s | %s%s%s | %s |", path, key_type_name(def),
		def->type == KEY_DURATION ? "ms" : "", def->preset ? def->preset : "",
		env[0] ? "`" : "", env, env[0] ? "`" : "", def->help ? def->help : "");
}

Test(conf_page, R_CFG_1_the_page_has_every_key_and_its_variable)
{
	char *text = page("docs/configuration.md");
	const key_def *def;
	char row[512];
	size_t missing = 0;

	for (def = key_table + 1; def->pattern; def++) {
		if (!(def->flags & KEY_LATER) && (def->type == KEY_GROUP || def->type == KEY_LIST))
			continue;
		row_of(def, row, sizeof(row));
		if (!strstr(text, row)) {
			fprintf(stderr, "%s\n", row);
			missing++;
		}
	}
	free(text);
	cr_assert_eq(missing, 0, "%zu rows are missing in docs/configuration.md", missing);
}

Test(conf_page, every_variable_of_the_table_is_a_key)
{
	const key_def *def;
	char env[128];

	for (def = key_table + 1; def->pattern; def++) {
		char folded[128];
		key_path path;

		key_page_env(def, env, sizeof(env));
		if (!env[0])
			continue;
		key_fold(env + 4, strlen(env + 4), folded);
		path_split(folded, "__", &path);
		cr_assert_eq(path_def(&path), def, "%s", env);
	}
}

Test(conf_page, the_example_files_are_accepted)
{
	static const char *const vars[] = {"OPENAI_API_KEY=x", "GEMINI_API_KEY=x", NULL};
	static const char *const files[] = {"conf/llm.conf.example", "conf/quickstart.conf"};
	size_t i;

	for (i = 0; i < 2; i++) {
		char *text = page(files[i]);
		conf *c = accepted(try_all(text, vars, NULL));

		cr_assert_not_null(c->default_profile);
		cr_assert_eq(c->n_warnings, 0, "%s", c->n_warnings ? c->warnings[0] : "");
		conf_free(c);
		free(text);
	}
}
