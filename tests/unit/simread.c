/* Each kind of line that a simulation is refused for (core/route/simread.c). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "route/simulate.h"
#include "support/failalloc.h"

#define ONE "{\"candidates\":[{\"id\":\"a/x\"}]}\n"
#define WITH(member) "{\"candidates\":[{\"id\":\"a/x\"," member "}]}"
#define NO_VALUE " has a value that cannot be taken\nexpected: "

static arena ar;
static sim_world world;

static void begin(void)
{
	arena_init(&ar, mem_default(), 0);
}

static void end(void)
{
	arena_reset(&ar);
}

TestSuite(simread, .init = begin, .fini = end);

static void taken(const char *text)
{
	llm_err err = LLM_ERR_INIT;

	cr_assert_eq(simulate_read(text, strlen(text), "s", &ar, &world, &err), 0, "%s\n%s", text,
		err.message);
}

static void refused(const char *text, const char *why)
{
	llm_err err = LLM_ERR_INIT;

	memset(&world, 0, sizeof(world));
	cr_expect_eq(simulate_read(text, strlen(text), "s", &ar, &world, &err),
		LLM_E_INVALID_REQUEST, "%s", text);
	cr_expect(strstr(err.message, why), "of %s\n  %s", text, err.message);
	cr_expect_null(world.candidates, "written in spite of an error");
}

Test(simread, a_value_of_another_kind_is_refused)
{
	refused(WITH("\"level\":\"1\""), "s:1: level" NO_VALUE "a whole number from 0 to 1000");
	refused(WITH("\"level\":1001"), "s:1: level" NO_VALUE);
	refused(WITH("\"max_input_tokens\":0"), "max_input_tokens" NO_VALUE);
	refused(WITH("\"local\":1"), "s:1: local" NO_VALUE "true or false");
	refused(WITH("\"loaded\":\"yes\""), "s:1: loaded" NO_VALUE "true or false");
	refused("{\"local_only\":0}", "s:1: local_only" NO_VALUE "true or false");
	refused("{\"policy\":7}", "s:1: policy" NO_VALUE "text of 1 to 256 bytes");
	refused("{\"policy\":\"\"}", "s:1: policy" NO_VALUE);
	refused("{\"policy\":\"a\\u0000b\"}", "s:1: policy" NO_VALUE);
	refused(WITH("\"input_price\":1"), "s:1: input_price" NO_VALUE "US dollars");
	refused(WITH("\"output_price\":\"-1\""), "s:1: output_price" NO_VALUE "US dollars");
	refused(WITH("\"ends\":{\"error\":3}"), "s:1: error" NO_VALUE "the name of an error");
	refused(WITH("\"ends\":{\"error\":\"OK\"}"), "s:1: error" NO_VALUE);
	refused(WITH("\"ends\":[]"), "s:1: ends" NO_VALUE "an object");
	refused("{\"candidates\":{}}", "s:1: candidates" NO_VALUE "a list of candidates");
	refused("{\"candidates\":[\"a/x\"]}", "s:1: candidates" NO_VALUE "an object");
	refused(ONE "{\"at_ms\":0,\"ends\":[]}", "s:2: ends" NO_VALUE "an object");
	refused(ONE "{\"at_ms\":-1}", "s:2: at_ms" NO_VALUE);
	refused(ONE "{\"at_ms\":0,\"runs\":100001}", "s:2: runs" NO_VALUE);
}

Test(simread, an_option_is_one_plain_value)
{
	refused("{\"options\":[]}", "s:1: options" NO_VALUE "an object");
	refused("{\"options\":{\"a\":{}}}", "options" NO_VALUE "text, a number, true or false");
	refused("{\"options\":{\"a\":[1]}}", "options" NO_VALUE "text, a number, true or false");
	refused("{\"options\":{\"a\":\"\"}}", "options" NO_VALUE "text of 1 to 256 bytes");
	refused("{\"options\":{\"a\":tru}}", "options" NO_VALUE);
	taken("{\"options\":{\"a\":\"5s\",\"b\":7,\"c\":true},\"candidates\":[{\"id\":\"a/x\"}]}");
	cr_assert_eq(world.n_options, 3);
	cr_expect_str_eq(world.options[0].text, "5s");
	cr_expect_str_eq(world.options[1].key, "b");
	cr_expect_str_eq(world.options[1].text, "7");
	cr_expect_str_eq(world.options[2].text, "true");
}

static void add(buf *to, const char *text)
{
	cr_assert_eq(buf_add(to, text, strlen(text)), 0);
}

static const char *options(buf *to, unsigned n)
{
	char one[32];
	unsigned i;

	buf_clear(to);
	add(to, "{\"options\":{");
	for (i = 0; i < n; i++) {
		(void)snprintf(one, sizeof(one), "%s\"o%u\":%u", i ? "," : "", i, i);
		add(to, one);
	}
	add(to, "},\"candidates\":[{\"id\":\"a/x\"}]}");
	return buf_text(to);
}

Test(simread, no_more_than_sixteen_options)
{
	buf text;

	buf_init(&text, mem_default(), 0);
	taken(options(&text, 16));
	cr_expect_eq(world.n_options, 16);
	cr_expect_str_eq(world.options[15].key, "o15");
	refused(options(&text, 17), "s:1: options" NO_VALUE "at most 16 options");
	buf_done(&text);
}

static const char *candidates(buf *to, unsigned n)
{
	char one[32];
	unsigned i;

	buf_clear(to);
	add(to, "{\"candidates\":[");
	for (i = 0; i < n; i++) {
		(void)snprintf(one, sizeof(one), "%s{\"id\":\"a/%u\"}", i ? "," : "", i);
		add(to, one);
	}
	add(to, "]}");
	return buf_text(to);
}

Test(simread, no_more_than_sixty_four_candidates)
{
	buf text;

	buf_init(&text, mem_default(), 0);
	taken(candidates(&text, SIM_CANDIDATES));
	cr_expect_eq(world.n, SIM_CANDIDATES);
	cr_expect_str_eq(world.candidates[1].id, "a/1");
	cr_expect_str_eq(world.candidates[2].id, "a/10", "in byte order");
	refused(candidates(&text, SIM_CANDIDATES + 1), "has too many\nexpected: at most 64");
	buf_done(&text);
}

Test(simread, a_candidate_ends_differently_at_most_64_times_a_line)
{
	unsigned i;
	buf text;

	buf_init(&text, mem_default(), 0);
	add(&text, ONE "{\"at_ms\":0,\"ends\":{\"a/x\":{}");
	for (i = 1; i < SIM_CANDIDATES; i++)
		add(&text, ",\"a/x\":{\"total_ms\":9}");
	add(&text, "}}");
	taken(buf_text(&text));
	cr_expect_eq(world.moments[0].n_changes, SIM_CANDIDATES);
	cr_expect_eq(world.moments[0].changes[63].end.total_ms, 9);
	text.len -= 2;
	add(&text, ",\"a/x\":{}}}");
	refused(buf_text(&text), "s:2: ends is of a candidate that there is not");
	buf_done(&text);
}

Test(simread, names_and_keys_have_an_end)
{
	static const char tail[] = "\":1},\"candidates\":[{\"id\":\"a/x\"}]}";
	char name[302] = "";
	buf text;

	memset(name, 'n', 257);
	buf_init(&text, mem_default(), 0);
	add(&text, "{\"policy\":\"");
	add(&text, name);
	add(&text, "\"}");
	refused(buf_text(&text), "s:1: policy" NO_VALUE "text of 1 to 256 bytes");
	buf_clear(&text);
	add(&text, "{\"options\":{\"");
	add(&text, name);
	add(&text, tail);
	refused(buf_text(&text), "s:1: options" NO_VALUE);
	buf_clear(&text);
	add(&text, "{\"");
	add(&text, name);
	add(&text, "\":1}");
	refused(buf_text(&text), "s:1: unknown key ''\n");
	refused("{\"zzzzzzzzzz\":1}", "s:1: unknown key 'zzzzzzzzzz'\nexpected: the keys");
	buf_done(&text);
}

Test(simread, runs_lie_within_thirty_days_and_a_hundred_thousand)
{
	refused(ONE "{\"at_ms\":2592000000,\"runs\":2,\"every_ms\":1}", "s:2: runs are too many");
	refused(ONE "{\"at_ms\":0,\"runs\":60000}\n{\"at_ms\":0,\"runs\":40001}",
		"s:3: runs are too many");
	taken(ONE "{\"at_ms\":2592000000}");
	cr_expect_eq(world.n_runs, 1);
}

Test(simread, ends_of_lines_of_any_system_and_empty_ones)
{
	taken("\r\n \t\n# a word\r\n{\"candidates\":[{\"id\":\"a/x\"}]} \t\r\n{\"at_ms\":3}\t\r\n  ");
	cr_assert_eq(world.n_moments, 1);
	cr_expect_eq(world.moments[0].at_ms, 3);
	cr_expect_eq(world.moments[0].runs, 1);
	refused("# only\n \r\n", "s:2: there is no line");
}

/* ---- memory ---- */

/* The first block is filled a little more each time, so that each item once needs a new one. */
static size_t sweep_filled(failalloc_play play)
{
	size_t wrong = 0, fill;

	for (fill = 16; fill <= 64; fill += 16)
		wrong += failalloc_sweep(play, &fill);
	return wrong;
}

static int filled(arena *mem, failalloc *fa, const void *fill)
{
	arena_init(mem, &fa->hook, 1);
	return arena_new(mem, *(const size_t *)fill) != NULL;
}

static const char line[] =
	"{\"policy\":\"p\",\"options\":{\"a\":\"5s\",\"b\":7},\"candidates\":["
	"{\"id\":\"b/y\",\"input_price\":\"1\",\"ends\":{\"error\":\"TIMEOUT\"}},"
	"{\"id\":\"a/x\",\"local\":true}]}\n"
	"{\"at_ms\":1,\"head\":\"h\",\"ends\":{\"b/y\":{\"error\":\"CONNECTION\"}}}";

/* Small blocks, so that each text asks for memory of its own. */
static int play(failalloc *fa, void *arg)
{
	llm_err err = LLM_ERR_INIT;
	sim_world w;
	arena mem;
	int32_t rc;

	if (!filled(&mem, fa, arg)) {
		arena_reset(&mem);
		return 0;
	}
	rc = simulate_read(line, sizeof(line) - 1, "s", &mem, &w, &err);
	if (!rc &&
		(w.n != 2 || strcmp(w.candidates[0].id, "a/x") != 0 || w.n_options != 2 ||
			w.moments[0].changes[0].end.code != LLM_E_CONNECTION))
		rc = LLM_E_INTERNAL;
	if (rc == LLM_E_NOMEM && !strstr(err.message, "no memory to read s"))
		rc = LLM_E_INTERNAL;
	arena_reset(&mem);
	return rc == LLM_E_NOMEM ? 0 : rc;
}

Test(simread, every_allocation_fails_once_and_for_ever)
{
	cr_expect_eq(sweep_filled(play), 0);
}

/* All runs of a course in which candidates fill up, cool down and fail for good. */
static int play_runs(failalloc *fa, void *arg)
{
	static const char text[] =
		"{\"candidates\":[{\"id\":\"a/x\",\"limit\":1,\"local\":false,\"loaded\":true,"
		"\"ends\":{\"error\":\"RATE_LIMITED\",\"total_ms\":20,\"retry_after_ms\":50}},"
		"{\"id\":\"b/y\",\"limit\":1,\"loaded\":false,\"ends\":{\"total_ms\":90}}]}\n"
		"{\"at_ms\":0,\"runs\":6,\"every_ms\":10,\"head\":\"h\"}";
	const sim_policy in_order = {.info = NULL};
	sim_world w;
	arena mem;
	int32_t rc;

	if (!filled(&mem, fa, arg)) {
		arena_reset(&mem);
		return 0;
	}
	rc = simulate_read(text, sizeof(text) - 1, "s", &mem, &w, NULL);
	if (!rc)
		rc = simulate_run(&w, &in_order, NULL);
	if (!rc &&
		(w.n_runs != 6 || !w.candidates[0].asked || !w.candidates[1].answered ||
			w.candidates[0].answered))
		rc = LLM_E_INTERNAL;
	arena_reset(&mem);
	return rc == LLM_E_NOMEM ? 0 : rc;
}

Test(simread, runs_survive_a_lack_of_memory)
{
	cr_expect_eq(sweep_filled(play_runs), 0);
}
