/* What models can do, what requests need, how long they take, how long they are. */
#include <criterion/criterion.h>
#include <string.h>

#include "route/affinity.h"
#include "route/caps.h"
#include "route/stats.h"
#include "route/tokens.h"

/* ---- the matrix ---- */

Test(route_caps, R_ROUTE_3_the_first_source_that_knows_wins)
{
	llm_caps user = {.tools = LLM_CAP_NO},
		 answer = {.tools = LLM_CAP_YES, .vision = LLM_CAP_YES, .max_input_tokens = 4096};
	caps_matrix m = {0};

	caps_take(&m, &user, CAPS_FROM_CONFIG);
	caps_take(&m, &answer, CAPS_FROM_ANSWER);
	cr_expect_eq(m.value[CAPS_TOOLS], LLM_CAP_NO);
	cr_expect_str_eq(caps_source_name(m.source[CAPS_TOOLS]), "configuration");
	cr_expect_eq(m.value[CAPS_VISION], LLM_CAP_YES);
	cr_expect_str_eq(caps_source_name(m.source[CAPS_VISION]), "provider");
	cr_expect_eq(m.max_input_tokens, 4096);
	cr_expect_eq(m.max_input_source, CAPS_FROM_ANSWER);
	cr_expect_eq(m.value[CAPS_AUDIO], LLM_CAP_UNKNOWN);
	cr_expect_eq(m.source[CAPS_AUDIO], CAPS_FROM_NOBODY);
}

Test(route_caps, R_ROUTE_3_every_cell_has_its_member_and_its_name)
{
	llm_caps all = {.chat = 1,
		.stream = 1,
		.tools = 1,
		.parallel_tools = 1,
		.tool_choice = 1,
		.json_object = 1,
		.json_schema = 1,
		.tools_with_schema = 1,
		.vision = 1,
		.audio = 1,
		.system_role = 1,
		.prefill = 1,
		.seed = 1,
		.logprobs = 1,
		.reasoning = 1};
	caps_matrix m = {0};
	uint32_t i, k;

	caps_take(&m, &all, CAPS_FROM_PLUGIN);
	for (i = 0; i < CAPS_CELLS; i++) {
		cr_expect_eq(m.value[i], LLM_CAP_YES, "%s", caps_name(i));
		for (k = 0; k < i; k++)
			cr_expect_str_neq(caps_name(i), caps_name(k));
	}
	cr_expect_str_eq(caps_value_name(CAPS_JSON_SCHEMA, LLM_CAP_YES), "enforced");
	cr_expect_str_eq(caps_value_name(CAPS_JSON_SCHEMA, LLM_CAP_NO), "none");
	cr_expect_str_eq(caps_value_name(CAPS_TOOLS, LLM_CAP_NO), "no");
	cr_expect_str_eq(caps_value_name(CAPS_SEED, LLM_CAP_ACCEPTED), "accepted");
	cr_expect_str_eq(caps_value_name(CAPS_SEED, 77), "unknown");
}

Test(route_caps, R_ROUTE_3_the_shipped_table_fills_what_is_left)
{
	llm_caps user = {.max_input_tokens = 1000};
	caps_matrix m = {0};

	caps_take(&m, &user, CAPS_FROM_CONFIG);
	caps_take_table(&m, "gemini", "gemini-3.8-flash");
	cr_expect_eq(m.max_input_tokens, 1000);
	cr_expect_eq(m.max_output_tokens, 65536);
	cr_expect_str_eq(caps_source_name(m.max_output_source), "table");
	m = (caps_matrix){0};
	caps_take_table(&m, "gemini", "gemini-4-argon");
	cr_expect_eq(m.max_input_tokens, 1048576);
	cr_expect_eq(m.max_output_tokens, 0);
	m = (caps_matrix){0};
	caps_take_table(&m, "openai", "gemini-4-argon");
	cr_expect_eq(m.max_input_tokens, 0);
}

/* ---- what a request needs ---- */

static uint32_t bit(uint32_t cell)
{
	return 1u << cell;
}

Test(route_caps, R_ROUTE_4_requirements_come_from_the_request)
{
	const llm_part_view image = {.kind = LLM_PART_IMAGE}, sound = {.kind = LLM_PART_AUDIO};
	const llm_part_view *parts[] = {&image, &sound};
	const llm_message_view user = {.role = LLM_ROLE_USER, .parts = parts, .n_parts = 2},
			       system = {.role = LLM_ROLE_SYSTEM};
	const llm_message_view *messages[] = {&system, &user};
	const llm_tool_view tool = {.name = "t"};
	const llm_tool_view *tools[] = {&tool};
	llm_request_view rq = {.model = "m"};

	cr_expect_eq(caps_required(&rq), bit(CAPS_CHAT));
	rq = (llm_request_view){.stream = 1, .messages = messages, .n_messages = 2};
	cr_expect_eq(caps_required(&rq),
		bit(CAPS_CHAT) | bit(CAPS_STREAM) | bit(CAPS_VISION) | bit(CAPS_AUDIO) |
			bit(CAPS_SYSTEM_ROLE));
	rq = (llm_request_view){.tools = tools,
		.n_tools = 1,
		.tool_choice = LLM_TOOLS_NAMED,
		.format = LLM_FORMAT_SCHEMA,
		.has = LLM_HAS_PARALLEL_TOOLS,
		.parallel_tools = 1};
	cr_expect_eq(caps_required(&rq),
		bit(CAPS_CHAT) | bit(CAPS_TOOLS) | bit(CAPS_TOOL_CHOICE) |
			bit(CAPS_PARALLEL_TOOLS) | bit(CAPS_JSON_SCHEMA) |
			bit(CAPS_TOOLS_WITH_SCHEMA));
	rq = (llm_request_view){.continue_last_turn = 1,
		.has = LLM_HAS_SEED,
		.logprobs = 1,
		.reasoning = LLM_REASONING_LOW,
		.format = LLM_FORMAT_JSON};
	cr_expect_eq(caps_required(&rq),
		bit(CAPS_CHAT) | bit(CAPS_PREFILL) | bit(CAPS_SEED) | bit(CAPS_LOGPROBS) |
			bit(CAPS_REASONING) | bit(CAPS_JSON_OBJECT));
	rq = (llm_request_view){.reasoning = LLM_REASONING_OFF};
	cr_expect_eq(caps_required(&rq), bit(CAPS_CHAT));
}

Test(route_caps, R_ROUTE_5_a_schema_that_is_only_taken_comes_after_one_that_is_kept)
{
	uint8_t value[CAPS_CELLS] = {0};
	uint32_t missing = 99;

	value[CAPS_JSON_SCHEMA] = LLM_CAP_ACCEPTED;
	cr_expect_eq(caps_fit(value, bit(CAPS_JSON_SCHEMA), &missing), LLM_FIT_UNKNOWN);
	value[CAPS_JSON_SCHEMA] = LLM_CAP_YES;
	cr_expect_eq(caps_fit(value, bit(CAPS_JSON_SCHEMA), &missing), LLM_FIT_YES);
	value[CAPS_SEED] = LLM_CAP_ACCEPTED;
	cr_expect_eq(caps_fit(value, bit(CAPS_SEED), &missing), LLM_FIT_YES);
	cr_expect_eq(missing, 99);
	value[CAPS_SEED] = LLM_CAP_NO;
	cr_expect_eq(caps_fit(value, bit(CAPS_SEED), &missing), CAPS_LACKS);
	cr_expect_eq(missing, CAPS_SEED);
}

/* ---- latency ---- */

Test(route_caps, R_ROUTE_8_the_mean_forgets_in_ten_seconds)
{
	stats s = {0};

	cr_expect_eq(stats_latency_us(&s, 0), -1);
	stats_add(&s, 2000000, -1, 1000);
	cr_expect_eq(stats_latency_us(&s, 1000), 2000000);
	cr_expect_eq(stats_latency_us(&s, 11000), 735758, "2 s / e");
	stats_add(&s, 100000, -1, 11000);
	/* 2 s / e + 0.1 s (1 - 1 / e) */
	cr_expect_eq(stats_latency_us(&s, 11000), 735758 + 100000 - 36787);
	cr_expect_eq(stats_decay(INT64_MAX, 0), INT64_MAX);
	cr_expect_eq(stats_decay(1000, UINT64_MAX), 0);
}

Test(route_caps, R_ROUTE_8_loading_is_taken_off_and_failures_are_no_samples)
{
	stats s = {0};

	stats_add(&s, -1, -1, 5);
	cr_expect_eq(s.samples, 0, "what has no first token says nothing");
	stats_add(&s, 9000000, 8500000, 5);
	cr_expect_eq(stats_latency_us(&s, 5), 500000);
	s = (stats){0};
	stats_add(&s, 100, 200, 5);
	cr_expect_eq(stats_latency_us(&s, 5), 0);
}

Test(route_caps, R_ROUTE_8_a_clock_that_stands_still_is_no_harm)
{
	stats s = {0};
	int i;

	stats_add(&s, 1000000, -1, 7);
	for (i = 0; i < 100000; i++)
		stats_add(&s, 2000, -1, 7);
	cr_expect_lt(stats_latency_us(&s, 7), 20000);
	cr_expect_eq(s.at_ms, 7);
}

/* ---- the head of a prompt ---- */

static affinity_head head_of(const char *workspace, const char *text)
{
	const llm_part_view part = {.kind = LLM_PART_TEXT, .text = {text, strlen(text)}};
	const llm_part_view *parts[] = {&part};
	const llm_message_view m = {.role = LLM_ROLE_USER, .parts = parts, .n_parts = 1};
	const llm_message_view *messages[] = {&m};
	const llm_request_view rq = {.messages = messages, .n_messages = 1};
	affinity_head head;

	cr_assert_eq(affinity_of(&rq, workspace, &head), 0);
	return head;
}

Test(route_caps, R_ROUTE_9_the_head_is_workspace_tools_and_first_messages)
{
	static char longer[20001], other[20001];
	const affinity_head a = head_of("w", "hello"), b = head_of("w", "hello"),
			    c = head_of("v", "hello"), d = head_of("w", "hellp");

	cr_expect_eq(a.key, b.key);
	cr_expect_neq(a.key, c.key);
	cr_expect_neq(a.key, d.key);
	cr_expect_lt(a.bytes, 200);
	memset(longer, 'x', 20000);
	memset(other, 'x', 20000);
	memset(other + 9000, 'y', 9000);
	cr_expect_eq(head_of("w", longer).key, head_of("w", other).key, "behind 8 KiB");
	cr_expect_eq(head_of("w", longer).bytes, AFFINITY_HEAD);
	other[5000] = 'z';
	cr_expect_neq(head_of("w", longer).key, head_of("w", other).key);
}

Test(route_caps, R_ROUTE_9_the_score_is_a_hash_of_head_and_id)
{
	const affinity_head head = {.digest = "0123456789abcdef0123456789abcde"};
	sha256 *h = sha256_new();
	uint64_t first, again, other;

	cr_assert_not_null(h);
	cr_assert_eq(affinity_score(h, &head, "a/m", &first), 0);
	cr_assert_eq(affinity_score(h, &head, "a/n", &other), 0);
	cr_assert_eq(affinity_score(h, &head, "a/m", &again), 0);
	cr_expect_eq(first, again);
	cr_expect_neq(first, other);
	/* printf '0123456789abcdef0123456789abcde\0\0a/m' | sha256sum */
	cr_expect_eq(first, UINT64_C(0x953a42d13e71c0eb), "%016lx", (unsigned long)first);
	sha256_free(h);
}

/* ---- tokens ---- */

static int64_t tokens(const char *text)
{
	return tokens_of_text(text, strlen(text));
}

Test(route_caps, R_ROUTE_13_the_estimate_is_near)
{
	cr_expect_eq(tokens(""), 0);
	cr_expect_eq(tokens("cat"), 1);
	cr_expect_gt(tokens("The quick brown fox jumps over the lazy dog."), 8);
	cr_expect_lt(tokens("The quick brown fox jumps over the lazy dog."), 13);
	cr_expect_gt(tokens("中文中文中文中文"), 6);
	cr_expect_gt(tokens("{\"a\":1,\"b\":[2,3]}"), 8);
	cr_expect_gt(tokens("\xff\xfe broken"), 0);
}

Test(route_caps, R_ROUTE_13_all_of_the_request_counts)
{
	const llm_part_view text = {.kind = LLM_PART_TEXT, .text = {"hello there", 11}},
			    image = {.kind = LLM_PART_IMAGE};
	const llm_part_view *parts[] = {&text, &image};
	const llm_message_view m = {.role = LLM_ROLE_USER, .parts = parts, .n_parts = 1};
	const llm_message_view *messages[] = {&m};
	const llm_tool_view tool = {.name = "weather", .schema = {"{\"type\":\"object\"}", 17}};
	const llm_tool_view *tools[] = {&tool};
	llm_request_view rq = {.messages = messages, .n_messages = 1};
	const int64_t plain = tokens_of_request(&rq);
	llm_message_view both = m;
	int64_t with_tool;

	rq.tools = tools;
	rq.n_tools = 1;
	with_tool = tokens_of_request(&rq);
	cr_expect_gt(with_tool, plain + 10);
	both.n_parts = 2;
	messages[0] = &both;
	cr_expect_gt(tokens_of_request(&rq), with_tool + 500);
}
