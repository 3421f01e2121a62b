/*
 * canonical_fields.c - each public field of a request and of a call on its side: it changes
 * the key, or it does not. The fields are read out of the headers, so that one more without
 * a row here fails.
 */
#include <stdio.h>
#include <stdlib.h>

#include "request_try.h"

#include "llm/call.h"
#include "base/alloc.h"
#include "run/canon.h"
#include "store/canonical.h"
#include "support/failalloc.h"

#define N LLM_NUL_TERMINATED
#define HEADER_MAX ((size_t)1 << 17)

/* What a row changes: the key of the cache, the fingerprint of an idempotency key. */
#define NEITHER 0u
#define CACHE 1u
#define PRINT 2u
#define BOTH (CACHE | PRINT)

typedef struct row {
	const char *name;
	uint32_t changes;
	int32_t (*flip)(llm_request *rq, llm_message *m);
} row;

/* What a flip is made to: a request that says little. */
static llm_message *base_of(llm_request *rq)
{
	llm_message *m = NULL;

	cr_assert_eq(llm_request_text(rq, LLM_ROLE_SYSTEM, "be brief", N), 0);
	cr_assert_eq(llm_request_message(rq, LLM_ROLE_USER, &m), 0);
	cr_assert_eq(llm_message_text(m, "hi", N), 0);
	cr_assert_eq(
		llm_message_data(m, LLM_PART_FILE, "application/pdf", "%PDF", sizeof("%PDF")), 0);
	cr_assert_eq(llm_request_tool(rq, "add", "adds", "{\"type\":\"object\"}", N), 0);
	return m;
}

#define FLIP(name, call) \
	static int32_t flip_##name(llm_request *rq, llm_message *m) \
	{ \
		(void)rq; \
		(void)m; \
		return call; \
	}

FLIP(profile, llm_request_profile(rq, "daily"))
FLIP(model, llm_request_model(rq, "a/b"))
FLIP(text, llm_request_text(rq, LLM_ROLE_USER, "and?", N))
FLIP(message, llm_request_message(rq, LLM_ROLE_ASSISTANT, &m))
FLIP(m_text, llm_message_text(m, " ", 1))
FLIP(reasoning_part, llm_message_reasoning(m, "hm", N))
FLIP(data, llm_message_data(m, LLM_PART_IMAGE, "image/png", "x", 1))
FLIP(url, llm_message_url(m, LLM_PART_IMAGE, "image/png", "https://x.test/a.png"))
FLIP(name, llm_message_name(m, "a.pdf"))
FLIP(tool_call, llm_message_tool_call(m, "1", "add", "{}", N))
FLIP(tool_result, llm_message_tool_result(m, "1", "add", "3", N, 0))
FLIP(opaque, llm_message_opaque(m, "org.x", "sig", "s", 1))
FLIP(cache_hint, llm_message_cache_hint(m))
FLIP(candidate, llm_request_candidate(rq, "a/b"))
FLIP(local_only, llm_request_local_only(rq, 1))
FLIP(tool, llm_request_tool(rq, "sub", NULL, NULL, 0))
FLIP(tool_strict, llm_request_tool_strict(rq, 1))
FLIP(tool_choice, llm_request_tool_choice(rq, LLM_TOOLS_REQUIRED, NULL))
FLIP(parallel_tools, llm_request_parallel_tools(rq, 0))
FLIP(format_json, llm_request_format_json(rq))
FLIP(format_schema, llm_request_format_schema(rq, "s", "{\"type\":\"string\"}", N))
FLIP(number, llm_request_number(rq, LLM_NUM_TEMPERATURE, 0))
FLIP(integer, llm_request_integer(rq, LLM_NUM_SEED, 0))
FLIP(stop, llm_request_stop(rq, "END"))
FLIP(reasoning, llm_request_reasoning(rq, LLM_REASONING_LOW))
FLIP(logprobs, llm_request_logprobs(rq, 1))
FLIP(allow_truncation, llm_request_allow_truncation(rq, 1))
FLIP(safety, llm_request_safety(rq, "[]", N))
FLIP(end_user, llm_request_end_user(rq, "u7"))
FLIP(option, llm_request_option(rq, "num_ctx", "64"))
FLIP(extra, llm_request_extra(rq, "{\"a\":1}", N))
FLIP(header, llm_request_header(rq, "x-beta", "on"))
FLIP(workspace, llm_request_workspace(rq, "w"))
FLIP(metadata, llm_request_metadata(rq, "{\"a\":1}", N))

static int32_t flip_continue_last(llm_request *rq, llm_message *m)
{
	(void)m;
	cr_assert_eq(llm_request_text(rq, LLM_ROLE_ASSISTANT, "well", N), 0);
	return llm_request_continue_last(rq, 1);
}

/* The workspace is in front of the canonical form, where hashes are made. */
static const row setters[] = {
	{"llm_request_profile", PRINT, flip_profile},
	{"llm_request_model", PRINT, flip_model},
	{"llm_request_text", BOTH, flip_text},
	{"llm_request_message", BOTH, flip_message},
	{"llm_message_text", BOTH, flip_m_text},
	{"llm_message_reasoning", BOTH, flip_reasoning_part},
	{"llm_message_data", BOTH, flip_data},
	{"llm_message_url", BOTH, flip_url},
	{"llm_message_name", BOTH, flip_name},
	{"llm_message_tool_call", BOTH, flip_tool_call},
	{"llm_message_tool_result", BOTH, flip_tool_result},
	{"llm_message_opaque", BOTH, flip_opaque},
	{"llm_message_cache_hint", NEITHER, flip_cache_hint},
	{"llm_request_candidate", PRINT, flip_candidate},
	{"llm_request_local_only", PRINT, flip_local_only},
	{"llm_request_tool", BOTH, flip_tool},
	{"llm_request_tool_strict", BOTH, flip_tool_strict},
	{"llm_request_tool_choice", BOTH, flip_tool_choice},
	{"llm_request_parallel_tools", BOTH, flip_parallel_tools},
	{"llm_request_format_json", BOTH, flip_format_json},
	{"llm_request_format_schema", BOTH, flip_format_schema},
	{"llm_request_number", BOTH, flip_number},
	{"llm_request_integer", BOTH, flip_integer},
	{"llm_request_stop", BOTH, flip_stop},
	{"llm_request_reasoning", BOTH, flip_reasoning},
	{"llm_request_logprobs", BOTH, flip_logprobs},
	{"llm_request_allow_truncation", BOTH, flip_allow_truncation},
	{"llm_request_continue_last", BOTH, flip_continue_last},
	{"llm_request_safety", BOTH, flip_safety},
	{"llm_request_end_user", NEITHER, flip_end_user},
	{"llm_request_option", BOTH, flip_option},
	{"llm_request_extra", BOTH, flip_extra},
	{"llm_request_header", BOTH, flip_header},
	{"llm_request_workspace", NEITHER, flip_workspace},
	{"llm_request_metadata", NEITHER, flip_metadata},
};

/* Of a call's options none decides the answer: they never reach the canonical form. */
static const char *const opts[] = {"struct_size", "flags", "total_ms", "connect_ms",
	"first_token_ms", "idle_ms", "silence_ms", "attempt_ms", "on_event", "token",
	"max_attempts", "max_attempts_total", "retry_after_max_ms", "stream_recovery", "priority",
	"reserved", "unit", "idempotency_key", "on_duplicate", "cache_mode", "cache_ttl_ms",
	"cache_max_age_ms"};

/* ---- flips ---- */

/* Options and extra come by the target, where the provider has given them their types. */
static void aim(target *t, llm_request *rq, llm_option_view *one, const llm_option_view **all)
{
	*all = one;
	t->extra = rq->view.extra;
	if (rq->options.n) {
		const request_option *o = rq->options.items[0];

		one->name = o->name;
		one->json = (llm_bytes){o->value, strlen(o->value)};
		t->options = all;
		t->n_options = 1;
	}
}

static void form_of(llm_request *rq, int requested, buf *out)
{
	target t = {.cand = {.provider = "p", .model = "m"}};
	llm_option_view one = {.struct_size = sizeof(one)};
	const llm_option_view *all;
	llm_err err = LLM_ERR_INIT;
	int32_t rc;

	try_seal(rq);
	aim(&t, rq, &one, &all);
	buf_init(out, &rq->mem, 0);
	rc = requested ? canon_requested(rq, out, &err) : canon_resolved(rq, &t, out, &err);
	cr_assert_eq(rc, 0, "%s", err.message);
}

static int differs(const row *r, int requested)
{
	llm_request *plain = try_request(), *flipped = try_request();
	llm_message *m = base_of(flipped);
	buf a, b;
	int differ;

	base_of(plain);
	cr_assert_eq(r->flip(flipped, m), 0, "%s: %s", r->name, llm_request_problem(flipped));
	form_of(plain, requested, &a);
	form_of(flipped, requested, &b);
	differ = strcmp(buf_text(&a), buf_text(&b)) != 0;
	buf_done(&a);
	buf_done(&b);
	llm_request_free(plain);
	llm_request_free(flipped);
	return differ;
}

Test(canonical, R_CACHE_4_each_field_on_its_side)
{
	size_t i;

	for (i = 0; i < sizeof(setters) / sizeof(setters[0]); i++) {
		const row *r = &setters[i];

		cr_expect_eq(differs(r, 0), (r->changes & CACHE) != 0, "%s: cache", r->name);
		cr_expect_eq(differs(r, 1), (r->changes & PRINT) != 0, "%s: print", r->name);
	}
}

static int32_t set_number(llm_request *rq, uint32_t which)
{
	return which == LLM_NUM_MAX_OUTPUT_TOKENS || which == LLM_NUM_CHOICES ?
		llm_request_integer(rq, which, 2) :
		llm_request_number(rq, which, 1);
}

Test(canonical, R_CACHE_4_each_number_counts)
{
	uint32_t which;

	for (which = LLM_NUM_TEMPERATURE; which <= LLM_NUM_CHOICES; which++) {
		llm_request *plain = try_request(), *set = try_request();
		buf a, b;

		base_of(plain);
		base_of(set);
		cr_assert_eq(set_number(set, which), 0, "%u: %s", which, llm_request_problem(set));
		form_of(plain, 0, &a);
		form_of(set, 0, &b);
		cr_expect_str_neq(buf_text(&a), buf_text(&b), "LLM_NUM %u", which);
		buf_done(&a);
		buf_done(&b);
		llm_request_free(plain);
		llm_request_free(set);
	}
}

/* ---- the list is whole ---- */

static char *read_header(const char *name)
{
	static char text[HEADER_MAX];
	char path[512];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), TEST_SOURCE_DIR "/include/llm/%s", name);
	f = fopen(path, "r");
	cr_assert(f, "%s", path);
	n = fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	text[n] = '\0';
	return text;
}

static int is_setter(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(setters) / sizeof(setters[0]); i++)
		if (strlen(setters[i].name) == len && strncmp(setters[i].name, name, len) == 0)
			return 1;
	/* These set nothing. */
	return strncmp(name, "llm_request_new", len) == 0 ||
		strncmp(name, "llm_request_free", len) == 0 ||
		strncmp(name, "llm_request_problem", len) == 0;
}

Test(canonical, R_CACHE_4_no_setter_is_missing)
{
	const char *p = read_header("request.h");
	size_t n = 0;

	while ((p = strstr(p, "LLM_API ")) != NULL) {
		const size_t len = strcspn(p, "(");
		size_t at = len;

		while (at && p[at - 1] != ' ' && p[at - 1] != '*')
			at--;
		cr_expect(is_setter(p + at, len - at), "%.*s has no row", (int)(len - at), p + at);
		n++;
		p += len;
	}
	cr_assert_eq(n, sizeof(setters) / sizeof(setters[0]) + 3);
	/* One more LLM_NUM_* would be one more row in the test of numbers. */
	cr_assert_eq(LLM_NUM_CHOICES, 11);
	cr_assert_null(strstr(read_header("request.h"), "= 12"));
}

/* Takes the member's name out of "uint32_t total_ms;", the last word before ';'. */
static void check_member(const char *line, size_t len, size_t *n)
{
	size_t at = len, i;

	while (at && line[at - 1] != ' ' && line[at - 1] != '*' && line[at - 1] != '\t')
		at--;
	for (i = 0; i < sizeof(opts) / sizeof(opts[0]); i++)
		if (strlen(opts[i]) == len - at && !strncmp(opts[i], line + at, len - at))
			break;
	cr_expect_lt(i, sizeof(opts) / sizeof(opts[0]), "llm_call_opts.%.*s has no row",
		(int)(len - at), line + at);
	++*n;
}

Test(canonical, R_CACHE_4_no_option_of_a_call_is_missing)
{
	const char *p = strstr(read_header("call.h"), "typedef struct llm_call_opts {\n"), *end;
	size_t n = 0;

	cr_assert(p);
	p = strchr(p, '\n') + 1;
	for (end = strstr(p, "} llm_call_opts;"); p < end; p = strchr(p, '\n') + 1) {
		const size_t len = strcspn(p, ";\n");

		if (p[len] == ';' && p[strspn(p, "\t ")] != '*' && !strncmp(p, "\t", 1))
			check_member(p, len, &n);
	}
	cr_assert_eq(n, sizeof(opts) / sizeof(opts[0]));
}

/* ---- what else is, and is not, in it ---- */

Test(canonical, R_CACHE_3_bytes_stand_as_their_digest)
{
	llm_request *rq = try_request();
	buf a;

	base_of(rq);
	form_of(rq, 0, &a);
	cr_assert(strstr(buf_text(&a), "\"bytes\":5"));
	cr_assert(strstr(buf_text(&a), "\"media_type\":\"application/pdf\""));
	cr_assert(strstr(buf_text(&a), "\"sha256\":\""));
	cr_assert_null(strstr(buf_text(&a), "%PDF"));
	cr_assert_eq(strncmp(buf_text(&a), "{\"endpoint\":\"\",\"format\":0,", 26), 0, "%s",
		buf_text(&a));
	buf_done(&a);
	llm_request_free(rq);
}

Test(canonical, R_CACHE_4_headers_of_a_trace_do_not_count)
{
	llm_request *plain = try_request(), *traced = try_request();
	buf a, b;

	base_of(plain);
	base_of(traced);
	cr_assert_eq(llm_request_header(traced, "Traceparent", "00-1-2-03"), 0);
	form_of(plain, 0, &a);
	form_of(traced, 0, &b);
	cr_assert_str_eq(buf_text(&a), buf_text(&b));
	buf_done(&a);
	buf_done(&b);
	llm_request_free(plain);
	llm_request_free(traced);
}

Test(canonical, R_CACHE_5_what_has_no_canonical_form)
{
	static const char twice[] = "{\"a\":1,\"a\":2}";
	llm_request *rq = try_request();
	canonical_request from = {.provider = "p", .model = "m"};
	canonical_option o = {.name = "x", .value = {"[1e999]", 7}, .json = 1};
	llm_err err = LLM_ERR_INIT;
	buf out;

	base_of(rq);
	from.view = try_seal(rq);
	from.extra = (llm_bytes){twice, sizeof(twice) - 1};
	buf_init(&out, &rq->mem, 0);
	cr_assert_eq(canonical_write(&from, &rq->mem, &out, &err), LLM_E_INVALID_REQUEST);
	cr_assert(strstr(err.message, "twice"));
	from.extra.len = 0;
	from.options = &o;
	from.n_options = 1;
	cr_assert_eq(canonical_write(&from, &rq->mem, &out, &err), LLM_E_INVALID_REQUEST);
	o.value = (llm_bytes){BAD_UTF8, strlen(BAD_UTF8)};
	o.json = 0;
	cr_assert_eq(canonical_write(&from, &rq->mem, &out, &err), LLM_E_INVALID_REQUEST);
	from.n_options = 0;
	rq->view.has |= LLM_HAS_TOP_P;
	rq->view.top_p = 1e308 * 10;
	cr_assert_eq(canonical_write(&from, &rq->mem, &out, &err), LLM_E_INVALID_REQUEST);
	buf_done(&out);
	llm_request_free(rq);
}

Test(canonical, R_CACHE_2_hashes_are_keyed_and_of_their_workspace)
{
	const privacy bare = {.mode = PRIVACY_HASH};
	const privacy keyed = {.mode = PRIVACY_HASH, .key = "0123456789abcdef", .key_len = 16};
	static const char all[] = "libllm-cache\0"
				  "1\0"
				  "w\0"
				  "n\0"
				  "{}";
	const llm_bytes form = {"{}", 2};
	char hex[SHA256_HEX], want[SHA256_HEX], other[SHA256_HEX];

	cr_assert_eq(canonical_cache_key(&bare, "w", "n", &form, mem_default(), hex), 0);
	cr_assert_eq(hash_keyed_hex(NULL, 0, all, sizeof(all) - 1, want), 0);
	cr_assert_str_eq(hex, want);
	cr_assert_eq(canonical_cache_key(&keyed, "w", "n", &form, mem_default(), hex), 0);
	cr_assert_eq(hash_keyed_hex(keyed.key, 16, all, sizeof(all) - 1, want), 0);
	cr_assert_str_eq(hex, want);
	cr_assert_eq(canonical_cache_key(&keyed, "v", "n", &form, mem_default(), other), 0);
	cr_assert_str_neq(hex, other);
	cr_assert_eq(canonical_cache_key(&keyed, "w", "", &form, mem_default(), other), 0);
	cr_assert_str_neq(hex, other);
	cr_assert_eq(canonical_fingerprint(&keyed, &form, mem_default(), other), 0);
	cr_assert_str_neq(hex, other);
}

/* ---- memory ---- */

static int play(failalloc *fa, void *arg)
{
	const uint64_t failed = fa->failed;
	const llm_bytes form = {"{}", 2};
	const privacy rules = {.mode = PRIVACY_HASH};
	char hex[SHA256_HEX];
	llm_err err = LLM_ERR_INIT;
	llm_request *rq = arg;
	llm_allocator before = rq->mem;
	int32_t rc;
	buf out;

	rq->mem = fa->hook;
	buf_init(&out, &fa->hook, 0);
	rc = canon_requested(rq, &out, &err);
	if (!rc)
		rc = canonical_cache_key(&rules, "w", "", &form, &fa->hook, hex);
	if (!rc)
		rc = canonical_fingerprint(&rules, &form, &fa->hook, hex);
	buf_done(&out);
	rq->mem = before;
	return rc != (fa->failed > failed ? LLM_E_NOMEM : 0);
}

Test(canonical, survives_each_failed_allocation)
{
	llm_request *rq = try_request();

	base_of(rq);
	cr_assert_eq(llm_request_option(rq, "num_ctx", "64"), 0);
	try_seal(rq);
	cr_assert_eq(failalloc_sweep(play, rq), 0);
	llm_request_free(rq);
}
