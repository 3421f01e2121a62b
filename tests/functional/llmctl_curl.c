/* llmctl runs show --curl: what it prints, run by a shell, is the request that was sent. */
#include "account_try.h"

#define KEY "sk-xyzzy-plugh"

static const char conf[] =
	"providers = { work = { plugin = \"openai\"; base_url = \"URL/v1\";\n"
	"    api_key = \"env:WORK_KEY\"; };\n"
	"  goo = { plugin = \"gemini\"; base_url = \"URL\"; api_key = \"file:KEYFILE\";\n"
	"    query = { a = \"b c\"; }; headers = { x-team = \"it's\"; }; };\n"
	"  near = { plugin = \"ollama\"; base_url = \"URL\"; }; };\n";

static void begin(account *a)
{
	char text[2000], path[300];

	account_new(a, RUN_LIST("--key", KEY));
	run_folder_put(a->home, "key", KEY "\n");
	snprintf(path, sizeof(path), "%s/key", a->home);
	run_replace(conf, "KEYFILE", path, text, sizeof(text));
	account_conf(a, text);
}

/* As account_run, with the variable that the configuration names. */
static void llmctl(const account *a, const char *const *args, run_result *ret)
{
	const char *env[] = {a->host, "WORK_KEY=" KEY, NULL}, *argv[32] = {LLMCTL};
	const run_opts o = {.env = env, .home = a->home, .records = true};
	size_t n = 1;

	for (size_t i = 0; args[i]; i++)
		argv[n++] = args[i];
	argv[n++] = "-c";
	argv[n] = a->conf;
	run_program(argv, &o, ret);
}

/* The request that came as number `i` of all, as the upstream saw it. */
static json_t *request_at(const account *a, size_t i)
{
	const char *at = sim_log_text(a->s);
	size_t n = 0;

	for (; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
		json_t *o = json_loads(at, JSON_DISABLE_EOF_CHECK, NULL);
		const char *event = json_string_value(json_object_get(o, "event"));

		if (event && strcmp(event, "request") == 0 && n++ == i)
			return o;
		json_decref(o);
	}
	cr_assert_fail("there is no request %zu:\n%s", i, sim_log_text(a->s));
	return NULL;
}

static void expect_same(const account *a, size_t i, const char *who)
{
	static const char *const members[] = {"method", "path", "body"};
	json_t *first = request_at(a, i), *second = request_at(a, i + 1);

	for (size_t k = 0; k < sizeof(members) / sizeof(members[0]); k++) {
		const char *was = json_string_value(json_object_get(first, members[k])),
			   *is = json_string_value(json_object_get(second, members[k]));

		cr_assert(was && is, "%s: no %s", who, members[k]);
		cr_expect_str_eq(is, was, "%s: %s", who, members[k]);
	}
	json_decref(first);
	json_decref(second);
}

/* The command, given to a shell. */
static void shell(const account *a, const char *command)
{
	const char *argv[] = {"/bin/sh", "-c", command, NULL}, *env[] = {"WORK_KEY=" KEY, NULL};
	const run_opts o = {.env = env, .home = a->home};
	run_result r;

	run_program(argv, &o, &r);
	cr_assert_eq(r.status, 0, "%s%s", command, r.err);
	cr_expect_str_eq(r.err, "");
	cr_expect(r.out_len > 0);
	run_done(&r);
}

static void newest(const account *a, char id[64])
{
	run_result r;

	llmctl(a, RUN_LIST("runs", "list", "--limit", "1"), &r);
	cr_assert_eq(r.status, 0, "%s", r.err);
	snprintf(id, 64, "%.36s", r.out);
	run_done(&r);
}

static void expect_wire(const account *a, size_t i, const char *model, const char *variable)
{
	char id[64];
	run_result r;

	llmctl(a,
		RUN_LIST("ask", "-m", model, "--store-content", "-s", "Be brief: $HOME `id`", "-o",
			"temperature=0.5", "-o", "max_tokens=40", "-o", "stop=\\",
			"it's \"\xc3\xa4\"\n"),
		&r);
	cr_assert_eq(r.status, 0, "%s", r.err);
	run_done(&r);
	newest(a, id);
	llmctl(a, RUN_LIST("runs", "show", id, "--curl"), &r);
	cr_assert_eq(r.status, 0, "%s", r.err);
	cr_expect_null(strstr(r.out, KEY), "%s", r.out);
	cr_expect(!variable || strstr(r.out, variable), "%s: %s", variable, r.out);
	shell(a, r.out);
	expect_same(a, i, model);
	run_done(&r);
}

Test(llmctl_curl, each_wire_is_asked_again_as_it_was)
{
	account a;

	begin(&a);
	expect_wire(&a, 0, "work/sim-small", "-H \"Authorization: Bearer $WORK_KEY\"");
	expect_wire(&a, 2, "goo/sim-small", "-H 'x-goog-api-key: '\"$GOO_API_KEY\"");
	expect_wire(&a, 4, "near/sim-small", NULL);
	account_end(&a);
}

/* One argument of a command cannot hold it; nor is any of it left out. */
Test(llmctl_curl, a_long_prompt_goes_through_a_pipe)
{
	static char prompt[200001];
	char id[64];
	run_result r;
	account a;

	begin(&a);
	memset(prompt, 'x', sizeof(prompt) - 1);
	a.input = prompt;
	ACCOUNT_RUN(&a, &r, "ask", "-m", "near/sim-small", "--store-content");
	cr_assert_eq(r.status, 0, "%s", r.err);
	run_done(&r);
	newest(&a, id);
	llmctl(&a, RUN_LIST("runs", "show", id, "--curl"), &r);
	cr_assert_eq(r.status, 0, "%s", r.err);
	cr_assert_eq(strncmp(r.out, "printf %s '{", 12), 0, "%.80s", r.out);
	run_folder_put(a.home, "again.sh", r.out);
	run_done(&r);
	snprintf(prompt, sizeof(prompt), ". '%s/again.sh'", a.home);
	shell(&a, prompt);
	expect_same(&a, 0, "near");
	account_end(&a);
}

Test(llmctl_curl, R_PRIV_1_without_stored_content_it_says_how_to_store_it)
{
	char id[64];
	run_result r;
	account a;

	begin(&a);
	llmctl(&a, RUN_LIST("ask", "-m", "near/sim-small", "hi"), &r);
	cr_assert_eq(r.status, 0, "%s", r.err);
	run_done(&r);
	newest(&a, id);
	llmctl(&a, RUN_LIST("runs", "show", id, "--curl"), &r);
	cr_expect_eq(r.status, 3, "%s", r.err);
	cr_expect_str_eq(r.out, "");
	cr_expect_not_null(strstr(r.err, "is not stored"), "%s", r.err);
	cr_expect_not_null(strstr(r.err, "--store-content"), "%s", r.err);
	run_done(&r);
	account_end(&a);
}

Test(llmctl_curl, as_json_and_with_its_image)
{
	static const unsigned char png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0};
	char id[64], path[300];
	json_t *o;
	account a;
	run_result r;
	FILE *f;

	begin(&a);
	snprintf(path, sizeof(path), "%s/a.png", a.home);
	f = fopen(path, "wb");
	cr_assert(f && fwrite(png, 1, sizeof(png), f) == sizeof(png) && fclose(f) == 0);
	llmctl(&a, RUN_LIST("ask", "-m", "near/sim-small", "--store-content", "-i", path, "hi"),
		&r);
	cr_assert_eq(r.status, 0, "%s", r.err);
	run_done(&r);
	newest(&a, id);
	llmctl(&a, RUN_LIST("runs", "show", id, "--curl", "--json"), &r);
	cr_assert_eq(r.status, 0, "%s", r.err);
	o = json_loads(r.out, 0, NULL);
	cr_expect_str_eq(json_string_value(json_object_get(o, "schema")), "llm.curl/1");
	shell(&a, json_string_value(json_object_get(o, "command")));
	expect_same(&a, 0, "near");
	json_decref(o);
	run_done(&r);
	account_end(&a);
}
