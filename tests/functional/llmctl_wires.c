/* One question through three providers: the same object, but for what must differ. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/run.h"
#include "support/sim.h"

/* Everything else is the same, member by member. */
static const char *const differing[] = {
	".run_id",
	".requested_model",
	".provider",
	".attempts[0].candidate",
	".attempts[0].provider",
	/* The name that the server gave: OpenAI's resolves it, Ollama's echoes it. */
	".response_model",
	/* OpenAI's says 0, the others nothing. */
	".usage.cache_read_tokens",
	".usage.reasoning_tokens",
};

static bool may_differ(const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < sizeof(differing) / sizeof(differing[0]); i++)
		if (!strcmp(path, differing[i]))
			return true;
	return n > 3 &&
		(!strcmp(path + n - 3, "_ms") || !strcmp(path + n - 3, "_ns") ||
			!strcmp(path + n - 3, "_at"));
}

static void same(const char *path, const json_t *a, const json_t *b)
{
	char below[300];
	const char *key;
	json_t *one;
	size_t i;

	if (may_differ(path))
		return;
	if (!json_is_object(a) && !json_is_array(a)) {
		cr_expect(json_equal(a, b), "%s differs", path);
		return;
	}
	cr_expect_eq(json_object_size(a), json_object_size(b), "%s", path);
	cr_expect_eq(json_array_size(a), json_array_size(b), "%s", path);
	json_object_foreach((json_t *)a, key, one)
	{
		snprintf(below, sizeof(below), "%s.%s", path, key);
		cr_expect_not_null(json_object_get(b, key), "%s", below);
		same(below, one, json_object_get(b, key));
	}
	json_array_foreach(a, i, one)
	{
		snprintf(below, sizeof(below), "%s[%zu]", path, i);
		same(below, one, json_array_get(b, i));
	}
}

static json_t *ask(const char *config, const char *model, const char *stream)
{
	run_result r;
	const char *last;
	json_t *o;

	run_llmctl(NULL, NULL,
		RUN_LIST("ask", "--json", "-c", config, "-m", model, stream, "Where", "to?"), &r);
	cr_assert_eq(r.status, 0, "%s: %d: %s", model, r.status, r.err);
	while (r.out_len && r.out[r.out_len - 1] == '\n')
		r.out[--r.out_len] = 0;
	last = strrchr(r.out, '\n'); /* events come before the object */
	o = json_loads(last ? last : r.out, 0, NULL);
	cr_assert_not_null(o, "%s", r.out);
	run_done(&r);
	return o;
}

static char *configured(const char *folder, const char *url)
{
	char text[1200];
	size_t cap = strlen(folder) + 20;
	char *path = malloc(cap);

	snprintf(text, sizeof(text),
		"providers = {\n"
		"  ollama = { base_url = \"%s\"; };\n"
		"  openai = { base_url = \"%s/v1\"; api_key = \"file:%s/key\"; };\n"
		"  gemini = { base_url = \"%s\"; api_key = \"file:%s/key\"; };\n"
		"};\n",
		url, url, folder, url, folder);
	run_folder_put(folder, "key", "sim-key\n");
	run_folder_put(folder, "llm.conf", text);
	snprintf(path, cap, "%s/llm.conf", folder);
	return path;
}

static void compare(const char *stream)
{
	sim *s = sim_start(RUN_LIST("--key", "sim-key", "--models", "x"));
	char *folder = run_folder();
	char *config = configured(folder, sim_url(s));
	json_t *first = ask(config, "ollama/x", stream);
	json_t *second = ask(config, "gemini/x", stream);
	json_t *third = ask(config, "openai/x", stream);
	const char *text = json_string_value(json_object_get(first, "text"));

	cr_assert(text && strlen(text) > 20);
	same("", first, second);
	same("", first, third);
	json_decref(first);
	json_decref(second);
	json_decref(third);
	free(config);
	run_folder_free(folder);
	cr_assert_eq(sim_stop(s), 0);
}

Test(llmctl_wires, one_question_through_three_providers)
{
	compare("--no-stream");
}

Test(llmctl_wires, and_as_a_stream)
{
	compare("--stream");
}
