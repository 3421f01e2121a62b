/* llmctl runs show: a run that met everything, told whole, and its bill added up again. */

#include "account_try.h"

#define GOLDEN TEST_SOURCE_DIR "/tests/golden/runs_show.txt"

/* Asked too often, then nothing in time; the other one answers. */
static const char script[] =
	"accept\nread request\n"
	"reply 429 \"Connection: close\" \"Retry-After: 0\" \"{\\\"error\\\":\\\"busy\\\"}\"\nclose\n"
	"accept\nread request\nstall\n"
	"accept\nread request\nhead 200 \"Content-Type: application/x-ndjson\" \"Connection: close\"\n"
	"send \"{\\\"model\\\":\\\"m\\\",\\\"message\\\":{\\\"role\\\":\\\"assistant\\\",\\\"content\\\":"
	"\\\"All is well.\\\"},\\\"done\\\":false}\\n\"\n"
	"send \"{\\\"model\\\":\\\"m\\\",\\\"message\\\":{\\\"role\\\":\\\"assistant\\\",\\\"content\\\":"
	"\\\"\\\"},\\\"done\\\":true,\\\"done_reason\\\":\\\"stop\\\",\\\"prompt_eval_count\\\":1000,"
	"\\\"eval_count\\\":201}\\n\"\nclose\n";

static const char conf[] =
	"providers = { near = { plugin = \"ollama\"; base_url = \"URL\"; };\n"
	"  far = { plugin = \"ollama\"; base_url = \"URL\"; }; };\n"
	"profiles = { both = { candidates = [ \"near/a\", \"far/b\" ]; first_token = \"120ms\"; }; };\n"
	"default_profile = \"both\";\n"
	"models = ( { id = \"far/b\"; price = { input = \"0.15\"; output = \"0.60\"; }; } );\n";

/* ---- what differs from run to run ---- */

static bool is_span(const char *at)
{
	return strncmp(at, " ms", 3) == 0 || strncmp(at, " s", 2) == 0;
}

static const char *number_end(const char *at)
{
	while ((*at >= '0' && *at <= '9') || *at == '.')
		at++;
	return at;
}

/* Is it a member whose value is made of the clock, chance or the order of bytes? */
static bool is_made(const char *line)
{
	return strstr(line, "\"frozen\":") || strstr(line, "\"snapshot\":");
}

/* One blank for many, SPAN for "12 ms"; lines of what is made anew each time are left out. */
static void still(const char *text, char *ret)
{
	while (*text) {
		const char *end = strchr(text, '\n');
		char line[2000];
		size_t n = 0;

		cr_assert(end && (size_t)(end - text) < sizeof(line));
		memcpy(line, text, (size_t)(end - text));
		line[end - text] = '\0';
		text = end + 1;
		for (const char *at = line; *at && !is_made(line); at++) {
			const char *after = number_end(at);

			if (after > at && is_span(after) && (at == line || at[-1] == ' ')) {
				n = (size_t)(stpcpy(ret, "SPAN") - ret);
				at = after + (after[1] == 'm' ? 2 : 1);
			} else {
				*ret = *at;
				n = *at != ' ' || at == line || at[-1] != ' ';
			}
			ret += n;
		}
		if (!is_made(line))
			*ret++ = '\n';
	}
	*ret = '\0';
}

/* Each instant as TIME. */
static void hide_times(char *text)
{
	for (char *at = strstr(text, "T"); at; at = strchr(at + 1, 'T'))
		if (at - text > 10 && at[-3] == '-' && at[3] == ':' && at[6] == ':') {
			memcpy(at - 10, "TIME", 4);
			memmove(at - 6, at + 14, strlen(at + 14) + 1);
			at -= 6;
		}
}

/* ---- facts ---- */

typedef struct fact {
	const char *name;
	const char *line;
} fact;

static const fact facts[] = {
	{"the run's id", "run ID\n"},
	{"whose run it is", "workspace default\n"},
	{"how it ended", "status succeeded\n"},
	{"the profile that chose", "profile both\n"},
	{"who answered", "answered by far/b\n"},
	{"why the answer ended", "finish stop\n"},
	{"how long it took", "took SPAN\n"},
	{"the tokens", "tokens 1000 input, 201 output\n"},
	{"the cost", "cost 0.0002706 USD\n"},
	{"the arithmetic of the cost",
		" 1000 input x 0.15 + 201 output x 0.6 USD a million = 0.0002706 USD "
		"(attempt 3, HOME/llm.conf:5)\n"},
	{"the 429", "1 near/a failed RATE_LIMITED first_token 429 SPAN SPAN\n"},
	{"the wait, and the time-out behind it",
		"2 near/a failed TIMEOUT first_token - SPAN SPAN\n"},
	{"the fallback, which answered", "3 far/b succeeded - - 200 SPAN SPAN\n"},
	{"why the candidate was changed", "\"cause\": \"TIMEOUT\"\n"},
};

_Static_assert(sizeof(facts) / sizeof(facts[0]) == 14, "fourteen facts");

static void expect_facts(const char *text)
{
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		cr_expect(strstr(text, facts[i].line), "%s: \"%s\" is not in:\n%s", facts[i].name,
			facts[i].line, text);
}

/* ---- the bill, added up by the test ---- */

static int64_t number(const json_t *o, const char *name)
{
	const json_t *n = json_object_get(o, name);

	cr_assert(json_is_integer(n), "%s is no number", name);
	return json_integer_value(n);
}

static void expect_bill(const json_t *row, const json_t *attempt)
{
	const json_t *bill = json_object_get(attempt, "cost_json"),
		     *terms = json_object_get(bill, "terms");
	int64_t sum = 0, input = 0;

	cr_assert_eq(json_array_size(terms), 2);
	for (size_t i = 0; i < json_array_size(terms); i++) {
		const json_t *t = json_array_get(terms, i);

		sum += number(t, "tokens") * number(t, "picousd");
		input += strcmp(json_string_value(json_object_get(t, "kind")), "input") == 0 ?
			number(t, "tokens") :
			0;
	}
	cr_expect_eq(input, number(attempt, "input_tokens"));
	cr_expect_eq(sum, 1000 * 150000 + 201 * 600000);
	cr_expect_eq(sum, number(bill, "picousd"));
	cr_expect_eq(sum / 1000, number(row, "cost_nanousd"));
}

static void begin(account *a, char **ret_script, char id[64])
{
	run_result r;

	*ret_script = sim_file(script);
	account_new(a, RUN_LIST("--script", *ret_script));
	account_conf(a, conf);
	ACCOUNT_RUN(a, &r, "ask", "--explain", "hi");
	cr_assert_eq(r.status, 0, "%s", r.err);
	cr_assert_str_eq(r.out, "All is well.\n");
	run_done(&r);
	account_newest(a, id);
}

Test(llmctl_show, R_RUN_3_a_run_that_met_everything_is_told_whole)
{
	static char text[20000], without[20000], shown[20000];
	char id[64], *file;
	run_result r;
	account a;

	begin(&a, &file, id);
	ACCOUNT_RUN(&a, &r, "runs", "show", id);
	cr_assert_eq(r.status, 0, "%s", r.err);
	run_replace(r.out, id, "ID", without, sizeof(without));
	run_replace(without, a.home, "HOME", text, sizeof(text));
	hide_times(text);
	still(text, shown);
	expect_facts(shown);
	cr_expect(run_golden(GOLDEN, shown));
	run_done(&r);
	account_end(&a);
	sim_file_free(file);
}

Test(llmctl_show, R_COST_6_tokens_times_price_is_the_cost_in_the_row)
{
	const json_t *attempts, *row;
	char id[64], *file;
	json_t *shown;
	account a;

	begin(&a, &file, id);
	shown = ACCOUNT_JSON(&a, "runs", "show", "--json", id);
	attempts = json_object_get(shown, "attempts");
	row = json_object_get(shown, "run");
	cr_assert_eq(json_array_size(attempts), 3);
	cr_expect_eq(number(json_array_get(attempts, 0), "http_status"), 429);
	cr_expect_gt(number(json_array_get(attempts, 1), "waited_ms"), 0);
	cr_expect_eq(number(row, "fallbacks"), 1);
	for (size_t i = 0; i < 2; i++)
		cr_expect(json_is_null(json_object_get(json_array_get(attempts, i), "cost_json")));
	expect_bill(row, json_array_get(attempts, 2));
	json_decref(shown);
	account_end(&a);
	sim_file_free(file);
}

/* A first piece, and nothing more. */
static const char cut[] =
	"accept\nread request\n"
	"head 200 \"Content-Type: application/x-ndjson\" \"Transfer-Encoding: chunked\"\n"
	"chunk \"{\\\"model\\\":\\\"m\\\",\\\"message\\\":{\\\"role\\\":\\\"assistant\\\",\\\"content\\\":"
	"\\\"All is\\\"},\\\"done\\\":false}\\n\"\nclose\n";

static const char one[] = "providers = { near = { plugin = \"ollama\"; base_url = \"URL\"; }; };\n"
			  "max_attempts = 1;\n";

Test(llmctl_show, R_RUN_4_what_had_been_told_of_a_cut_answer)
{
	char id[64], *file = sim_file(cut);
	json_t *shown;
	run_result r;
	account a;

	account_new(&a, RUN_LIST("--script", file));
	account_conf(&a, one);
	ACCOUNT_RUN(&a, &r, "ask", "--stream", "-m", "near/a", "hi");
	cr_assert_neq(r.status, 0, "%s", r.out);
	run_done(&r);
	account_newest(&a, id);
	ACCOUNT_RUN(&a, &r, "runs", "show", id);
	cr_expect_not_null(
		strstr(r.out, "\ndelivered   a part of the answer before its end\n"), "%s", r.out);
	run_done(&r);
	shown = ACCOUNT_JSON(&a, "runs", "show", "--json", id);
	cr_expect(json_is_true(json_object_get(json_object_get(shown, "run"), "delivered")));
	json_decref(shown);
	account_end(&a);
	sim_file_free(file);
}
