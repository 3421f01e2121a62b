/* cache_run.c - answers told again: when, how, to whom, and when not. */
#include "cache_try.h"
#include "run/layers.h"

#define ON "mode = \"on\";"
#define TOOLS \
	"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},\"required\":[\"a\"]}"

static uint64_t stored(const cache_try *t)
{
	return atomic_load(&t->svc->caching.stored);
}

/* ---- a hit ---- */

Test(cache_run, R_CACHE_1_off_by_default)
{
	cache_try t;

	cache_open(&t, "", "");
	(void)cache_ask(&t, "hi");
	(void)cache_ask(&t, "hi");
	cr_assert_eq(cache_asked(&t), 2);
	cr_assert_eq(llm_result_cache(t.r, NULL), LLM_CACHE_UNUSED);
	cr_assert_eq(llm_result_source(t.r), LLM_SOURCE_PROVIDER);
	cache_close(&t);
}

Test(cache_run, R_CACHE_11_a_hit_is_told_as_such)
{
	char first[600], id[64];
	llm_usage u = LLM_USAGE_INIT;
	cache_try t;

	cache_open(&t, ON, "");
	(void)cache_ask(&t, "hi");
	cr_assert_eq(llm_result_cache(t.r, NULL), LLM_CACHE_MISS);
	snprintf(first, sizeof(first), "%s", llm_result_text(t.r, NULL));
	snprintf(id, sizeof(id), "%s", llm_result_run_id(t.r));
	atomic_fetch_add(&cache_utc, INT64_C(2500000));
	(void)cache_ask(&t, "hi");
	cr_assert(cache_hit(&t));
	cr_assert_eq(cache_asked(&t), 1);
	cr_assert_str_eq(llm_result_text(t.r, NULL), first);
	cr_assert_eq(llm_result_source(t.r), LLM_SOURCE_CACHE);
	cr_assert_str_eq(llm_result_original_run_id(t.r), id);
	cr_assert_str_neq(llm_result_run_id(t.r), id);
	cr_assert_eq(llm_result_age_ms(t.r), 2500);
	cr_assert_eq(llm_result_attempt_count(t.r), 0);
	llm_result_usage(t.r, &u);
	cr_assert_eq(u.input_tokens + u.output_tokens, 0);
	llm_result_original_usage(t.r, &u);
	cr_assert_gt(u.output_tokens, 0);
	cache_close(&t);
}

typedef struct seen {
	char text[600];
	size_t deltas, ends;
} seen;

static void on_event(uintptr_t token, llm_call *call, const llm_event *e)
{
	seen *s = (seen *)token;

	(void)call;
	if (e->kind == LLM_EVENT_TEXT) {
		strncat(s->text, e->text, sizeof(s->text) - strlen(s->text) - 1);
		s->deltas++;
	}
	s->ends += e->kind == LLM_EVENT_END;
}

Test(cache_run, R_CACHE_12_a_stream_gets_it_as_a_stream)
{
	llm_call_opts o = LLM_CALL_OPTS_INIT;
	seen s = {.deltas = 0};
	cache_try t;

	cache_open(&t, ON, "");
	(void)cache_ask(&t, "hi");
	o.flags = LLM_CALL_STREAM;
	o.on_event = on_event;
	o.token = (uintptr_t)&s;
	(void)cache_run(&t, cache_request(NULL, "hi"), &o);
	cr_assert_eq(t.rc, 0);
	cr_assert(cache_hit(&t));
	cr_assert_str_eq(s.text, llm_result_text(t.r, NULL));
	cr_assert_eq(s.deltas, 1);
	cr_assert_eq(s.ends, 1);
	cache_close(&t);
}

Test(cache_run, R_CACHE_12_pieces_of_at_most_4_KiB_at_characters)
{
	static char text[10001] = "x"; /* characters of three bytes, so that 4096 is within one */
	const char *const args[] = {"--say", text, NULL};
	llm_call_opts o = LLM_CALL_OPTS_INIT;
	llm_event e;
	size_t n = 0, all = 0;
	cache_try t;

	for (size_t at = 1; at + 3 < sizeof(text); at += 3)
		memcpy(text + at, "\xE2\x82\xAC", 3);
	cache_open_with(&t, args, ON, "");
	(void)cache_ask(&t, "hi");
	llm_call_free(t.call);
	o.flags = LLM_CALL_STREAM;
	llm_request *rq = cache_request(NULL, "hi");
	cr_assert_eq(llm_submit(t.svc, rq, &o, &t.call, &t.err), 0);
	llm_request_free(rq);
	while (!llm_call_next(t.call, UINT32_MAX, &e) && e.kind != LLM_EVENT_END) {
		if (e.kind != LLM_EVENT_TEXT)
			continue;
		cr_assert_leq(e.len, 4096);
		cr_assert_neq(
			(unsigned char)e.text[0] & 0xC0, 0x80, "it begins within a character");
		cr_assert_eq(memcmp(e.text, text + all, e.len), 0);
		all += e.len;
		n++;
	}
	cr_assert_eq(all, strlen(text));
	cr_assert_eq(n, 3);
	cr_assert_eq(cache_asked(&t), 1);
	cache_close(&t);
}

/* ---- modes ---- */

Test(cache_run, R_CACHE_1_a_call_narrows_what_the_service_allows)
{
	cache_try t;

	cache_open(&t, ON, "");
	(void)cache_ask_as(&t, "a", LLM_CACHE_OFF);
	cr_assert_eq(llm_result_cache(t.r, NULL), LLM_CACHE_BYPASS);
	(void)cache_ask_as(&t, "a", LLM_CACHE_READ_ONLY);
	cr_assert_eq(stored(&t), 0);
	(void)cache_ask_as(&t, "a", LLM_CACHE_WRITE_ONLY);
	cr_assert_eq(stored(&t), 1);
	(void)cache_ask_as(&t, "a", LLM_CACHE_WRITE_ONLY);
	cr_assert_eq(cache_asked(&t), 4, "write_only has read");
	(void)cache_ask_as(&t, "a", LLM_CACHE_READ_ONLY);
	cr_assert(cache_hit(&t));
	(void)cache_ask_as(&t, "a", LLM_CACHE_REFRESH);
	cr_assert_eq(cache_asked(&t), 5);
	cr_assert_eq(llm_result_source(t.r), LLM_SOURCE_REFRESH);
	cr_assert_eq(stored(&t), 3);
	(void)cache_ask_as(&t, "a", LLM_CACHE_ON);
	cr_assert(cache_hit(&t));
	cache_close(&t);
}

Test(cache_run, R_CACHE_1_a_call_cannot_widen_it)
{
	static const char *const modes[] = {"read_only", "write_only", "refresh"};
	char section[64];
	cache_try t;
	size_t i;

	for (i = 0; i < 3; i++) {
		snprintf(section, sizeof(section), "mode = \"%s\";", modes[i]);
		cache_open(&t, section, "");
		(void)cache_ask_as(&t, "a", LLM_CACHE_ON);
		(void)cache_ask_as(&t, "a", LLM_CACHE_ON);
		cr_assert_eq(cache_asked(&t), 2, "%s", modes[i]);
		cr_assert_eq(stored(&t), i ? 2 : 0, "%s", modes[i]);
		cache_close(&t);
	}
	cache_open(&t, "mode = \"off\"; coalesce = true;", "");
	(void)cache_ask_as(&t, "a", LLM_CACHE_ON);
	(void)cache_ask_as(&t, "a", LLM_CACHE_ON);
	cr_assert_eq(cache_asked(&t), 2);
	cache_close(&t);
}

Test(cache_run, R_CACHE_1_a_profile_narrows_it_too)
{
	cache_try t;

	cache_open(&t, ON,
		"profiles = { quiet = { candidates = [ \"ollama/sim-small\" ]; cache = \"off\"; }; "
		"};\n");
	(void)cache_run(&t, cache_request("quiet", "a"), NULL);
	(void)cache_run(&t, cache_request("quiet", "a"), NULL);
	cr_assert_eq(cache_asked(&t), 2);
	cr_assert_eq(stored(&t), 0);
	cache_close(&t);
}

Test(cache_run, R_CACHE_1_no_store_and_what_does_not_exist)
{
	llm_call_opts o = LLM_CALL_OPTS_INIT;
	cache_try t;

	cache_open(&t, ON, "");
	o.flags = LLM_CALL_NO_STORE;
	(void)cache_run(&t, cache_request(NULL, "a"), &o);
	cr_assert_eq(stored(&t), 0);
	(void)cache_ask(&t, "a");
	(void)cache_run(&t, cache_request(NULL, "a"), &o);
	cr_assert(cache_hit(&t));
	o.cache_mode = LLM_CACHE_REFRESH + 1;
	(void)cache_run(&t, cache_request(NULL, "a"), &o);
	cr_assert_eq(t.rc, LLM_E_INVALID_REQUEST);
	cache_close(&t);
}

/* ---- age ---- */

Test(cache_run, R_CACHE_10_expiry_with_jitter)
{
	const int64_t spread = (int64_t)(UINT64_MAX % (uint64_t)(DAY_US / 10 + 1));
	cache_try t;

	cache_open(&t, ON, "");
	(void)cache_ask(&t, "a"); /* chance 0: none of it is taken off */
	atomic_store(&cache_utc, CACHE_UTC + DAY_US - 1);
	(void)cache_ask(&t, "a");
	cr_assert(cache_hit(&t));
	atomic_store(&cache_utc, CACHE_UTC + DAY_US);
	(void)cache_ask(&t, "a");
	cr_assert_not(cache_hit(&t));
	atomic_store(&cache_utc, CACHE_UTC);
	atomic_store(&cache_chance, 255);
	(void)cache_ask(&t, "b");
	atomic_store(&cache_utc, CACHE_UTC + DAY_US - spread - 1);
	(void)cache_ask(&t, "b");
	cr_assert(cache_hit(&t));
	atomic_store(&cache_utc, CACHE_UTC + DAY_US - spread);
	(void)cache_ask(&t, "b");
	cr_assert_not(cache_hit(&t));
	cache_close(&t);
}

Test(cache_run, R_CACHE_10_max_age_ttl_and_a_clock_that_is_set_back)
{
	llm_call_opts o = LLM_CALL_OPTS_INIT;
	cache_try t;

	cache_open(&t, ON " max_age = \"10s\";", "");
	(void)cache_ask(&t, "a");
	atomic_store(&cache_utc, CACHE_UTC + 10000000);
	(void)cache_ask(&t, "a");
	cr_assert(cache_hit(&t));
	atomic_store(&cache_utc, CACHE_UTC + 10001000);
	(void)cache_ask_as(&t, "a", LLM_CACHE_READ_ONLY);
	cr_assert_not(cache_hit(&t));
	atomic_store(&cache_utc, CACHE_UTC - DAY_US);
	(void)cache_ask(&t, "a");
	cr_assert(cache_hit(&t));
	cr_assert_eq(llm_result_age_ms(t.r), 0);
	atomic_store(&cache_utc, CACHE_UTC + 2000000);
	o.cache_max_age_ms = 1000;
	(void)cache_run(&t, cache_request(NULL, "a"), &o);
	cr_assert_not(cache_hit(&t));
	o = (llm_call_opts)LLM_CALL_OPTS_INIT;
	o.cache_ttl_ms = 500;
	(void)cache_run(&t, cache_request(NULL, "b"), &o);
	atomic_fetch_add(&cache_utc, 500000);
	(void)cache_ask(&t, "b");
	cr_assert_not(cache_hit(&t));
	cache_close(&t);
}

/* ---- what is stored, and under which key ---- */

Test(cache_run, R_CACHE_6_only_what_is_repeatable)
{
	llm_request *rq = NULL;
	const char *why = NULL;
	cache_try t;

	cache_open(&t, ON, "");
	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, "ollama/sim-small"), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", N), 0);
	(void)cache_run(&t, rq, NULL);
	cr_assert_eq(t.rc, 0);
	cr_assert_eq(llm_result_cache(t.r, &why), LLM_CACHE_BYPASS);
	cr_assert_str_eq(why, "neither temperature 0 nor a seed");
	cr_assert_eq(stored(&t), 0);
	rq = cache_request(NULL, "hi");
	cr_assert_eq(llm_request_number(rq, LLM_NUM_TEMPERATURE, 0.5), 0);
	cr_assert_eq(llm_request_integer(rq, LLM_NUM_SEED, 7), 0);
	(void)cache_run(&t, rq, NULL);
	cr_assert_eq(stored(&t), 1);
	cache_close(&t);
	cache_open(&t, ON " cache_nondeterministic = true;", "");
	cr_assert_eq(llm_request_new(NULL, &rq), 0);
	cr_assert_eq(llm_request_model(rq, "ollama/sim-small"), 0);
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_USER, "hi", N), 0);
	(void)cache_run(&t, rq, NULL);
	cr_assert_eq(stored(&t), 1);
	cache_close(&t);
}

Test(cache_run, R_CACHE_7_only_whole_answers)
{
	llm_request *rq;
	cache_try t;

	cache_open(&t, ON, "");
	rq = cache_request(NULL, "hi");
	cr_assert_eq(llm_request_integer(rq, LLM_NUM_MAX_OUTPUT_TOKENS, 2), 0);
	(void)cache_run(&t, rq, NULL);
	cr_assert_eq(t.rc, 0);
	cr_assert_eq(llm_result_finish(t.r, NULL), LLM_FINISH_LENGTH);
	cr_assert_eq(stored(&t), 0);
	(void)cache_run(&t, cache_request("ollama/none", "hi"), NULL);
	cr_assert_neq(t.rc, 0);
	cr_assert_eq(stored(&t), 0);
	cache_close(&t);
}

#define REPLIES(json) \
	"accept\nread request\nreply 200 \"Content-Type: application/json\" \"" json "\"\nclose\n"
#define NO_DOCUMENT \
	REPLIES("{\\\"model\\\":\\\"m\\\",\\\"message\\\":{\\\"role\\\":\\\"assistant\\\",\\\"content\\\":" \
		"\\\"no document\\\"},\\\"done\\\":true,\\\"done_reason\\\":\\\"stop\\\"}")
#define CALLS(arguments) \
	REPLIES("{\\\"choices\\\":[{\\\"message\\\":{\\\"role\\\":\\\"assistant\\\",\\\"tool_calls\\\":[{" \
		"\\\"id\\\":\\\"1\\\",\\\"type\\\":\\\"function\\\",\\\"function\\\":{\\\"name\\\":\\\"add\\\"," \
		"\\\"arguments\\\":\\\"" arguments \
		"\\\"}}]},\\\"finish_reason\\\":\\\"tool_calls\\\"}]}")

static void play(cache_try *t, const char *script, const char *model, int json, uint64_t kept)
{
	char *file = sim_file(script);
	const char *const args[] = {"--script", file, NULL};
	llm_request *rq = cache_request(model, "hi");

	cache_open_with(t, args, ON, "");
	if (json)
		cr_assert_eq(llm_request_format_json(rq), 0);
	else
		cr_assert_eq(llm_request_tool(rq, "add", "adds", TOOLS, N), 0);
	(void)cache_run(t, rq, NULL);
	cr_assert_eq(t->rc, 0, "%s", t->err.message);
	cr_assert_eq(llm_result_tool_call_count(t->r), !json);
	cr_assert_eq(stored(t), kept);
	cache_close(t);
	sim_file_free(file);
}

#define FILTERED \
	REPLIES("{\\\"choices\\\":[{\\\"message\\\":{\\\"role\\\":\\\"assistant\\\",\\\"content\\\":" \
		"\\\"{}\\\"},\\\"finish_reason\\\":\\\"content_filter\\\"}]}")

Test(cache_run, R_CACHE_7_what_a_filter_has_cut_is_not_kept)
{
	cache_try t;

	play(&t, FILTERED, "oai/m", 1, 0);
}

Test(cache_run, R_CACHE_7_arguments_and_documents_have_to_be_json)
{
	cache_try t;

	play(&t, NO_DOCUMENT, NULL, 1, 0);
	play(&t, CALLS("{"), "oai/m", 0, 0);
	play(&t, CALLS("{}"), "oai/m", 0, 1);
}

#define BACKED \
	"profiles = { two = { candidates = [ \"dead/sim-small\", \"other/sim-small\" ]; }; };\n"

Test(cache_run, R_CACHE_8_a_fallback_answers_under_its_own_key)
{
	cache_try t;

	cache_open(&t, ON, BACKED);
	(void)cache_run(&t, cache_request("two", "hi"), NULL);
	cr_assert_eq(t.rc, 0, "%s", t.err.message);
	cr_assert_str_eq(llm_result_provider(t.r), "other");
	cr_assert_eq(stored(&t), 1);
	(void)cache_run(&t, cache_request("other/sim-small", "hi"), NULL);
	cr_assert(cache_hit(&t));
	(void)cache_run(&t, cache_request("dead/sim-small", "hi"), NULL);
	cr_assert_neq(t.rc, 0, "the dead one has an answer");
	cache_close(&t);
}

Test(cache_run, R_CACHE_9_the_first_that_is_available_or_all)
{
	cache_try t;

	cache_open(&t, ON, BACKED);
	(void)cache_run(&t, cache_request("other/sim-small", "hi"), NULL);
	(void)cache_run(&t, cache_request("two", "hi"), NULL);
	cr_assert_not(cache_hit(&t));
	cr_assert_eq(cache_asked(&t), 2);
	cache_close(&t);
	cache_open(&t, ON " cache_any_candidate = true;", BACKED);
	(void)cache_run(&t, cache_request("other/sim-small", "hi"), NULL);
	(void)cache_run(&t, cache_request("two", "hi"), NULL);
	cr_assert(cache_hit(&t));
	cr_assert_eq(cache_asked(&t), 1);
	cr_assert_str_eq(llm_result_provider(t.r), "other");
	cache_close(&t);
}

Test(cache_run, R_CACHE_16_errors_are_asked_again)
{
	static const char *const args[] = {"--fault", "503", NULL};
	cache_try t;

	cache_open_with(&t, args, ON, "");
	(void)cache_run(&t, cache_request(NULL, "hi"), NULL);
	cr_assert_neq(t.rc, 0);
	(void)cache_run(&t, cache_request(NULL, "hi"), NULL);
	cr_assert_neq(t.rc, 0);
	cr_assert_eq(cache_asked(&t), 2);
	cr_assert_eq(stored(&t), 0);
	cache_close(&t);
}

/* ---- whose it is ---- */

static void ask_in(cache_try *t, const char *ws)
{
	llm_request *rq = cache_request(NULL, "hi");

	cr_assert_eq(llm_request_workspace(rq, ws), 0);
	(void)cache_run(t, rq, NULL);
	cr_assert_eq(t->rc, 0);
}

Test(cache_run, R_WS_4_another_workspace_finds_nothing)
{
	cache_try t;

	cache_open(&t, ON, "");
	ask_in(&t, "a");
	ask_in(&t, "b");
	cr_assert_eq(cache_asked(&t), 2);
	ask_in(&t, "a");
	cr_assert(cache_hit(&t));
	cache_close(&t);
}

Test(cache_run, R_WS_1_with_a_cache_a_run_needs_a_workspace)
{
	cache_try t;

	cache_open(&t, ON, "# workspace\n");
	(void)cache_run(&t, cache_request(NULL, "hi"), NULL);
	cr_assert_eq(t.rc, LLM_E_WORKSPACE_REQUIRED);
	cr_assert_eq(cache_asked(&t), 0);
	cache_close(&t);
}

Test(cache_run, R_CACHE_5_what_has_no_canonical_form_is_refused)
{
	llm_request *rq = cache_request(NULL, "hi");
	cache_try t;

	cache_open(&t, ON, "");
	cr_assert_eq(
		llm_request_tool(rq, "add", "adds", "{\"type\":\"object\",\"x\":1,\"x\":2}", N), 0);
	(void)cache_run(&t, rq, NULL);
	cr_assert_eq(t.rc, LLM_E_INVALID_REQUEST);
	cr_assert(strstr(t.err.message, "twice"), "%s", t.err.message);
	cr_assert_eq(cache_asked(&t), 0);
	cache_close(&t);
}

/* ---- its place among the layers ---- */

static char layers[32];

static void note_layer(void *ctx, uint32_t layer)
{
	static const char letters[] = "?VKPLHATFSC"; /* by LAYER_* */
	const size_t n = strlen(layers);

	(void)ctx;
	if (n + 1 < sizeof(layers) && layer < sizeof(letters))
		layers[n] = letters[layer];
}

Test(cache_run, R_CORE_1_lookup_flight_attempt_store)
{
	cache_try t;

	cache_open(&t, ON, "");
	t.svc->layer_fn = note_layer;
	(void)cache_ask(&t, "hi");
	cr_assert_str_eq(layers, "VPLHATFC");
	memset(layers, 0, sizeof(layers));
	(void)cache_ask(&t, "hi");
	cr_assert_str_eq(layers, "VPLFC");
	memset(layers, 0, sizeof(layers));
	(void)cache_ask_as(&t, "hi", LLM_CACHE_OFF);
	cr_assert_str_eq(layers, "VPAFC");
	cache_close(&t);
}
