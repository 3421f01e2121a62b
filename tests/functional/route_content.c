/* Where a run goes on when an answer is withheld: the chain `content` of a profile. */
#include "guard_try.h"
#include "llm/explain.h"

#define CHAINS(list) \
	"profiles = { p = { candidates = [ \"openai/a\", \"ollama/next\" ]; fallbacks = { " list \
	" }; }; };\ndefault_profile = \"p\";\nmax_attempts = 1;\n"
#define CONTENT "content = [ \"ollama/mild\", \"ok/last\" ]; general = [ \"ollama/any\" ];"
#define REFUSED \
	"accept\nread request\nreply 400 \"Connection: close\" " \
	"\"Content-Type: application/json\" " \
	"\"{\\\"error\\\":{\\\"code\\\":\\\"content_filter\\\",\\\"message\\\":\\\"flagged\\\"}}\"" \
	"\nclose\n"
#define EVENTS "head 200 \"Content-Type: text/event-stream\" \"Connection: close\"\n"
#define CHUNK(delta, finish) \
	"data: {\\\"object\\\":\\\"chat.completion.chunk\\\",\\\"model\\\":\\\"a\\\"," \
	"\\\"choices\\\":[{\\\"index\\\":0,\\\"delta\\\":{" delta \
	"},\\\"finish_reason\\\":" finish "}]}\\n\\n"
#define FILTERED "\\\"content_filter\\\""
#define STREAM(chunks) \
	"accept\nread request\n" EVENTS "send \"" chunks "data: [DONE]\\n\\n\"\nclose\n"
#define WITHHELD STREAM(CHUNK("", FILTERED))
#define PARTLY STREAM(CHUNK("\\\"content\\\":\\\"some\\\"", "null") CHUNK("", FILTERED))
#define TOO_LONG \
	"accept\nread request\nreply 400 \"Connection: close\" " \
	"\"{\\\"error\\\":\\\"exceeds the available context size\\\"}\"\nclose\n"
#define WELL SAYS(LINE("x") LAST)

static oracle *content_open(const char *script, const char *config)
{
	static oracle_opts opts;

	opts = (oracle_opts){.mode = ORACLE_LOOP,
		.text = script,
		.config = config,
		.attempts = 1,
		.time = &guard_time,
		.no_healthy = 1};
	return oracle_open(&opts);
}

static const char *candidate(const llm_result *r, uint32_t i)
{
	llm_attempt a = {.struct_size = sizeof(a)};

	return llm_result_attempt(r, i, &a) ? "" : a.candidate;
}

static const llm_result *content_ask(oracle *o, const char *model, uint32_t flags)
{
	const oracle_ask ask = {
		.model = model, .stream = 1, .limits = {.flags = flags | LLM_CALL_EXPLAIN}};

	return llm_call_result(oracle_do(o, &ask)->call);
}

/* One run of a profile: who was asked, and how it ended. */
static void expect(const char *script, const char *config, const char *model, uint32_t flags,
	const char *const *asked, int32_t code)
{
	oracle *o = content_open(script, config);
	const llm_result *r = content_ask(o, model, flags);
	uint32_t n = 0;

	for (; asked[n]; n++)
		cr_expect_str_eq(candidate(r, n), asked[n], "attempt %u: %s", n, candidate(r, n));
	cr_expect_eq(llm_result_attempt_count(r), n, "%u", llm_result_attempt_count(r));
	cr_expect_eq(llm_result_error(r) ? llm_result_error(r)->code : 0, code, "%s",
		llm_result_error(r) ? llm_result_error(r)->message : "it succeeded");
	cr_assert_eq(oracle_close(o), 0);
}

#define ASKED(...) \
	(const char *const[]) \
	{ \
		__VA_ARGS__, NULL \
	}

Test(route_content, R_ROUTE_10_what_is_withheld_goes_on_in_content_and_nowhere_else)
{
	oracle *o = content_open(REFUSED WELL, CHAINS(CONTENT));
	const llm_result *r = content_ask(o, "p", 0);
	const char *json = llm_result_decision(r, NULL);

	cr_assert_eq(llm_result_status(r), LLM_STATUS_SUCCEEDED);
	cr_assert_str_eq(llm_result_text(r, NULL), "x");
	cr_assert_str_eq(candidate(r, 0), "openai/a");
	cr_assert_str_eq(candidate(r, 1), "ollama/mild");
	cr_assert_eq(llm_result_attempt_count(r), 2);
	cr_assert_not_null(strstr(json,
				   "\"moves\":[{\"attempt\":2,\"candidate\":\"ollama/mild\","
				   "\"cause\":\"CONTENT_FILTERED\"}]"),
		"%s", json);
	cr_assert_eq(oracle_close(o), 0);
}

Test(route_content, R_ROUTE_10_an_answer_that_is_withheld_whole_is_such_an_error_too)
{
	expect(WITHHELD WELL, CHAINS(CONTENT), "p", 0, ASKED("openai/a", "ollama/mild"), 0);
	/* Of which a part was told it is an answer, and nobody else is asked. */
	expect(PARTLY WELL, CHAINS(CONTENT), "p", 0, ASKED("openai/a"), 0);
}

Test(route_content, R_ROUTE_10_without_the_chain_it_is_the_end)
{
	expect(REFUSED WELL, CHAINS("general = [ \"ollama/any\" ];"), "p", 0, ASKED("openai/a"),
		LLM_E_CONTENT_FILTERED);
	expect(REFUSED WELL, CHAINS("context = [ \"ollama/large\" ];"), "p", 0, ASKED("openai/a"),
		LLM_E_CONTENT_FILTERED);
}

Test(route_content, R_ROUTE_10_its_members_follow_each_other_and_chains_do_not_nest)
{
	static const char both[] = CHAINS(
		"content = [ \"openai/b\", \"ollama/mild\" ]; context = [ \"ollama/large\" ];");

	/* Another one that withholds, one that is busy: the next of the chain. */
	expect(REFUSED STATUS("503", "") WELL, both, "p", 0,
		ASKED("openai/a", "openai/b", "ollama/mild"), 0);
	/* Who has none left in it ends, whatever other chains there are. */
	expect(REFUSED STATUS("503", "") TOO_LONG WELL, both, "p", 0,
		ASKED("openai/a", "openai/b", "ollama/mild"), LLM_E_CONTEXT_LENGTH_EXCEEDED);
}

/* One that is in the chain too was asked already. */
Test(route_content, R_ROUTE_10_a_candidate_is_asked_once)
{
	expect(REFUSED WELL, CHAINS("content = [ \"openai/a\", \"ollama/next\" ];"), "p", 0,
		ASKED("openai/a", "ollama/next"), 0);
	expect(REFUSED WELL, CHAINS("content = [ \"openai/a\" ];"), "p", 0, ASKED("openai/a"),
		LLM_E_CONTENT_FILTERED);
}

Test(route_content, R_ROUTE_11_without_fallbacks_or_for_a_named_model_it_is_the_end)
{
	expect(REFUSED WELL, CHAINS(CONTENT), "p", LLM_CALL_NO_FALLBACKS, ASKED("openai/a"),
		LLM_E_CONTENT_FILTERED);
	expect(REFUSED WELL, CHAINS(CONTENT), "openai/pinned", 0, ASKED("openai/pinned"),
		LLM_E_CONTENT_FILTERED);
	expect(REFUSED WELL, CHAINS(CONTENT), "openai/pinned", LLM_CALL_FALLBACKS,
		ASKED("openai/pinned", "ollama/mild"), 0);
}

/* The prompt of an oracle has some ten tokens: too many for who reads two. */
Test(route_content, R_ROUTE_13_a_member_that_cannot_read_it_is_passed_over)
{
	expect(REFUSED WELL,
		CHAINS("content = [ \"ollama/tiny\", \"ollama/mild\" ];") "models = ( { id = \"ollama/tiny\"; max_input_tokens = 2; } );\n",
		"p", 0, ASKED("openai/a", "ollama/mild"), 0);
}
