/*
 * llmctl_mistakes.c - keys that are none, models that do not exist, numbers that no model
 * takes: in every wire, as a person meets them. What llmctl says is kept in
 * tests/golden/errors/mistake_NAME.txt.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/run.h"
#include "support/sim.h"

#define FIXTURES TEST_SOURCE_DIR "/tests/fixtures/"

/* A wire, the variables that its provider reads, and what it answers. */
typedef struct wire {
	const char *model;
	const char *key_env;
	const char *base_env;
	const char *base; /* behind the upstream's address */
	const char *refused; /* a key that it does not take: status and body */
	const char *absent; /* a model that it does not have */
	const char *list;
} wire;

#define FIXTURE(status, file) \
	"head " status " " JSON "\nsend-file " FIXTURES file ".response.json\nclose\n"
#define JSON "\"Content-Type: application/json\" \"Connection: close\""

static const wire wires[] = {
	{"ollama/nosuch", "OLLAMA_API_KEY", "OLLAMA_HOST", "",
		FIXTURE("401", "ollama/err_401_cloud"), FIXTURE("404", "ollama/err_404_model"),
		FIXTURE("200", "ollama/tags")},
	{"openai/gpt-5.4-nini", "OPENAI_API_KEY", "OPENAI_BASE_URL", "/v1",
		FIXTURE("401", "openai/err_invalid_api_key"),
		FIXTURE("404", "openai/err_model_not_found"),
		"reply 200 " JSON
		" \"{\\\"object\\\":\\\"list\\\",\\\"data\\\":[{\\\"id\\\":\\\"tts-1\\\"},"
		"{\\\"id\\\":\\\"gpt-5.4-nano\\\"},{\\\"id\\\":\\\"gpt-4o\\\"},"
		"{\\\"id\\\":\\\"gpt-5.4-mini\\\"},{\\\"id\\\":\\\"whisper-1\\\"}]}\"\n"},
	{"gemini/gemini-3.5-flash", "GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", "",
		"reply 400 " JSON " \"{\\\"error\\\":{\\\"code\\\":400,\\\"message\\\":"
		"\\\"API key expired. Please renew the API key.\\\",\\\"status\\\":"
		"\\\"INVALID_ARGUMENT\\\",\\\"details\\\":[{\\\"@type\\\":"
		"\\\"type.googleapis.com/google.rpc.ErrorInfo\\\",\\\"reason\\\":"
		"\\\"API_KEY_INVALID\\\"}]}}\"\n",
		FIXTURE("404", "gemini/err_404_model"),
		"reply 200 " JSON
		" \"{\\\"models\\\":[{\\\"name\\\":\\\"models/gemini-3.8-flash\\\","
		"\\\"supportedGenerationMethods\\\":[\\\"generateContent\\\"]},"
		"{\\\"name\\\":\\\"models/gemini-3.5-flash-lite\\\","
		"\\\"supportedGenerationMethods\\\":[\\\"generateContent\\\"]}]}\"\n"},
};

#define WIRES (sizeof(wires) / sizeof(wires[0]))

typedef struct mistake {
	const char *name;
	const char *key; /* null: none */
	const char *option; /* null: none */
	const char *script;
	int status;
	size_t requests; /* that the provider sees */
	size_t first; /* of the wires that know of it */
} mistake;

/* Appends what llmctl said to `*golden`. */
static void keep(char **golden, const wire *w, const char *said)
{
	char *more = NULL;

	cr_assert_geq(asprintf(&more, "%s[%s]\n%s", *golden ? *golden : "", w->model, said), 0);
	free(*golden);
	*golden = more;
}

static void ask(const wire *w, const mistake *m, const sim *up, run_result *ret)
{
	char key[128], base[128];
	const char *env[] = {base, "LLM_PROVIDERS__OPENAI__DIALECT=openai", key, NULL};
	const run_opts opts = {.env = env};

	snprintf(base, sizeof(base), "%s=%s%s", w->base_env, sim_url(up), w->base);
	snprintf(key, sizeof(key), "%s=%s", w->key_env, m->key ? m->key : "");
	if (!m->key)
		env[2] = NULL;
	run_program(RUN_LIST(LLMCTL, "ask", "-m", w->model, "--timeout", "10s", "-o",
			    m->option ? m->option : "seed=1", "hi"),
		&opts, ret);
}

static void make(const wire *w, const mistake *m, char **golden)
{
	char *script = sim_file(m->script), said[4096];
	sim *up = sim_start(RUN_LIST("--script", script));
	run_result r;

	ask(w, m, up, &r);
	cr_expect_eq(r.status, m->status, "%s, %s: %d: %s", m->name, w->model, r.status, r.err);
	cr_expect_eq(sim_log_count(up, "\"event\":\"request\""), m->requests, "%s, %s: %s", m->name,
		w->model, r.err);
	if (m->key && strlen(m->key) > 3)
		cr_expect_null(strstr(r.err, m->key), "%s", r.err);
	run_replace(r.err, sim_url(up), "@URL@", said, sizeof(said));
	keep(golden, w, said);
	run_done(&r);
	sim_stop(up);
	sim_file_free(script);
}

/* In every wire; `part` says which of its answers comes first, `then` which behind it. */
static void make_all(mistake m, size_t part, size_t then)
{
	char script[2048], path[512], *golden = NULL;
	size_t i;

	for (i = m.first; i < WIRES; i++) {
		const char *const answers[] = {wires[i].list, wires[i].refused, wires[i].absent};

		snprintf(script, sizeof(script), "accept\nread request\n%saccept\nread request\n%s",
			answers[part], answers[then]);
		m.script = script;
		make(&wires[i], &m, &golden);
	}
	snprintf(path, sizeof(path), TEST_SOURCE_DIR "/tests/golden/errors/mistake_%s.txt", m.name);
	cr_expect(run_golden(path, golden), "%s", m.name);
	free(golden);
}

enum { LIST, REFUSED, ABSENT };

Test(llmctl_mistakes, a_key_that_the_provider_does_not_take)
{
	make_all(
		(mistake){
			.name = "key_refused", .key = "sk-canary-27f1", .status = 4, .requests = 1},
		REFUSED, LIST);
}

Test(llmctl_mistakes, no_key_where_one_is_wanted)
{
	make_all((mistake){.name = "key_none", .status = 4, .requests = 1}, REFUSED, LIST);
	make_all((mistake){.name = "key_empty", .key = "", .status = 4, .requests = 1}, REFUSED,
		LIST);
}

/* What no key can be is not sent. */
Test(llmctl_mistakes, K_07_keys_with_blanks_are_not_sent)
{
	static const char *const keys[] = {" sk-canary-27f1", "sk-canary-27f1 ", "sk-canary 27f1",
		"\"sk-canary\" ", "sk-canary\xc2\xa0", " ", "sk-\xe2\x80\xa6"};
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		make_all((mistake){.name = "key_blank", .key = keys[i], .status = 4}, LIST, LIST);
}

Test(llmctl_mistakes, a_model_that_does_not_exist)
{
	make_all((mistake){.name = "model", .key = "sk-canary-27f1", .status = 3, .requests = 2},
		ABSENT, LIST);
}

/* When there is no list either, the error stands alone. */
Test(llmctl_mistakes, a_model_that_does_not_exist_and_no_list)
{
	make_all((mistake){.name = "model_no_list",
			 .key = "sk-canary-27f1",
			 .status = 3,
			 .requests = 2},
		ABSENT, REFUSED);
}

/* Nothing is sent; the message names the option, its range and, where it is the model's, the model. */
Test(llmctl_mistakes, numbers_that_no_model_takes)
{
	make_all((mistake){.name = "option_negative",
			 .key = "sk-canary-27f1",
			 .option = "temperature=-1",
			 .status = 2},
		LIST, LIST);
	make_all((mistake){.name = "option_above_one",
			 .key = "sk-canary-27f1",
			 .option = "top_p=1.5",
			 .status = 2},
		LIST, LIST);
	make_all((mistake){.name = "option_zero",
			 .key = "sk-canary-27f1",
			 .option = "max_tokens=0",
			 .status = 2},
		LIST, LIST);
	make_all((mistake){.name = "option_of_model",
			 .key = "sk-canary-27f1",
			 .option = "temperature=2.5",
			 .status = 2,
			 .first = 1},
		LIST, LIST);
}
