/* account_try.h - an account with a home of its own, a scripted upstream and a configuration. */
#ifndef ACCOUNT_TRY_H
#define ACCOUNT_TRY_H

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "support/run.h"
#include "support/sim.h"

typedef struct account {
	sim *s;
	char *home;
	char conf[300]; /* a file in it, or "" */
	char host[100]; /* "OLLAMA_HOST=...", of the upstream */
	const char *input; /* of what is run; null: none */
} account;

static inline void account_new(account *a, const char *const *sim_args)
{
	*a = (account){.s = sim_start(sim_args), .home = run_folder()};
	snprintf(a->host, sizeof(a->host), "OLLAMA_HOST=%s", sim_url(a->s));
}

/* The configuration; "URL" in it stands for the upstream. */
static inline void account_conf(account *a, const char *text)
{
	char whole[4000];

	run_replace(text, "URL", sim_url(a->s), whole, sizeof(whole));
	run_folder_put(a->home, "llm.conf", whole);
	snprintf(a->conf, sizeof(a->conf), "%s/llm.conf", a->home);
}

static inline void account_end(account *a)
{
	run_folder_free(a->home);
	sim_stop(a->s);
}

static inline void account_run(const account *a, const char *const *args, run_result *ret)
{
	const char *env[] = {a->host, NULL}, *argv[32] = {LLMCTL};
	const run_opts o = {.env = env, .home = a->home, .records = true, .input = a->input};
	size_t n = 1;

	for (size_t i = 0; args[i] && n < 28; i++)
		argv[n++] = args[i];
	if (a->conf[0]) {
		argv[n++] = "-c";
		argv[n++] = a->conf;
	}
	run_program(argv, &o, ret);
}

#define ACCOUNT_RUN(a, r, ...) account_run(a, RUN_LIST(__VA_ARGS__), r)

static inline json_t *account_json(const account *a, const char *const *args)
{
	run_result r;
	json_t *o;

	account_run(a, args, &r);
	cr_assert_eq(r.status, 0, "%s", r.err);
	o = json_loads(r.out, 0, NULL);
	cr_assert_not_null(o, "%s", r.out);
	run_done(&r);
	return o;
}

#define ACCOUNT_JSON(a, ...) account_json(a, RUN_LIST(__VA_ARGS__))

/* The id of the newest run. */
static inline void account_newest(const account *a, char ret[64])
{
	json_t *list = ACCOUNT_JSON(a, "runs", "list", "--json", "--limit", "1");
	const json_t *first = json_array_get(json_object_get(list, "runs"), 0);

	cr_assert_not_null(first, "there is no run");
	snprintf(ret, 64, "%s", json_string_value(json_object_get(first, "id")));
	json_decref(list);
}

#endif
