/*
 * Every member of every answer in tests/fixtures/gemini is accounted for: taken away, it
 * changes what comes out; or it is read, and another test says what for; or it is ignored,
 * and docs/providers/gemini.md lists it with the reason. Requests are accounted for by
 * provider_requests.c, which builds each of them whole.
 */
#include "gemini_help.h"

#include "run/classify.h"
#include "support/exchange.h"

TestSuite(gemini_members, .init = set_up, .fini = tear_down);

enum { CHANGES = 1, READ, IGNORED };

/* Elements of arrays have their array's path; ".*" stands for all below. */
static const struct {
	const char *path;
	int what;
} members[] = {
	{"candidates", CHANGES},
	{"candidates.content", READ},
	{"candidates.content.role", IGNORED},
	{"candidates.content.parts", CHANGES},
	{"candidates.content.parts.text", CHANGES},
	{"candidates.content.parts.thought", CHANGES},
	{"candidates.content.parts.thoughtSignature", CHANGES},
	{"candidates.content.parts.functionCall", CHANGES},
	{"candidates.content.parts.functionCall.name", CHANGES},
	{"candidates.content.parts.functionCall.id", CHANGES},
	{"candidates.content.parts.functionCall.args", CHANGES},
	{"candidates.content.parts.functionCall.args.*", CHANGES},
	{"candidates.finishReason", CHANGES},
	{"candidates.finishMessage", CHANGES},
	{"candidates.index", READ},
	{"candidates.continuationToken", CHANGES},
	{"candidates.safetyRatings", IGNORED},
	{"candidates.safetyRatings.*", IGNORED},
	{"candidates.citationMetadata", IGNORED},
	{"candidates.citationMetadata.*", IGNORED},
	{"promptFeedback", CHANGES},
	{"promptFeedback.blockReason", CHANGES},
	{"promptFeedback.safetyRatings", IGNORED},
	{"promptFeedback.safetyRatings.*", IGNORED},
	{"usageMetadata", CHANGES},
	{"usageMetadata.promptTokenCount", CHANGES},
	{"usageMetadata.candidatesTokenCount", READ},
	{"usageMetadata.thoughtsTokenCount", CHANGES},
	{"usageMetadata.cachedContentTokenCount", CHANGES},
	{"usageMetadata.totalTokenCount", READ},
	{"usageMetadata.promptTokensDetails", IGNORED},
	{"usageMetadata.promptTokensDetails.*", IGNORED},
	{"modelVersion", CHANGES},
	{"responseId", CHANGES},
	{"error", CHANGES},
	{"error.code", READ},
	{"error.message", CHANGES},
	{"error.status", READ},
	{"error.details", READ},
	{"error.details.@type", IGNORED},
	{"error.details.reason", CHANGES},
	{"error.details.domain", IGNORED},
	{"error.details.metadata", READ},
	{"error.details.metadata.service", IGNORED},
	{"error.details.metadata.method", IGNORED},
	{"error.details.locale", IGNORED},
	{"error.details.message", IGNORED},
	{"error.details.links", IGNORED},
	{"error.details.links.*", IGNORED},
	{"error.details.fieldViolations", IGNORED},
	{"error.details.fieldViolations.*", IGNORED},
	{"error.details.violations", CHANGES},
	{"error.details.violations.quotaId", CHANGES},
	{"error.details.violations.quotaValue", READ},
	{"error.details.violations.quotaMetric", IGNORED},
	{"error.details.violations.quotaDimensions", IGNORED},
	{"error.details.violations.quotaDimensions.*", IGNORED},
	{"error.details.retryDelay", READ},
	{"models", CHANGES},
	{"models.name", CHANGES},
	{"models.displayName", CHANGES},
	{"models.inputTokenLimit", CHANGES},
	{"models.outputTokenLimit", CHANGES},
	{"models.supportedGenerationMethods", READ},
	{"models.thinking", READ},
	{"models.version", IGNORED},
	{"models.description", IGNORED},
	{"models.temperature", IGNORED},
	{"models.maxTemperature", IGNORED},
	{"models.topP", IGNORED},
	{"models.topK", IGNORED},
	{"nextPageToken", CHANGES},
};

#define N_MEMBERS (sizeof(members) / sizeof(members[0]))

static int seen[N_MEMBERS];
static char *page; /* docs/providers/gemini.md */

/* The row of a path, its own or that of all below; N_MEMBERS: there is none. */
static size_t row_of(const char *path)
{
	size_t i;

	for (i = 0; i < N_MEMBERS; i++) {
		size_t n = strlen(members[i].path);

		if (strcmp(members[i].path, path) == 0)
			break;
		if (members[i].path[n - 1] == '*' && strncmp(members[i].path, path, n - 1) == 0)
			break;
	}
	return i;
}

/* ---- what comes out ---- */

static char *text_of(json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);

	cr_assert(text);
	return text;
}

static char *print_chat(exchange *x, const char *text)
{
	llm_reply_view reply = exchange_reply(x);
	plug_answer a;
	plug_text out = {NULL, 0};
	char line[32];
	char *printed;

	reply.body = (llm_bytes){text, strlen(text)};
	plug_answer_init(&a);
	plug_begin(&p);
	snprintf(line, sizeof(line), "%d\n", p.v->parse_response(p.instance, &reply, &a.sink));
	plug_clear(&a.meta[LLM_META_USAGE_RAW]);
	printed = plug_answer_print(&a);
	plug_add(&out, line, strlen(line));
	plug_add(&out, printed, strlen(printed));
	free(printed);
	plug_answer_done(&a);
	return out.ptr;
}

static char *print_error(exchange *x, const char *text)
{
	llm_reply_view reply = exchange_reply(x);
	plug_text out = {NULL, 0};
	llm_error_facts f;
	char line[64];

	reply.body = (llm_bytes){text, strlen(text)};
	plug_begin(&p);
	cr_assert_eq(p.v->classify_error(p.instance, &reply, &f), 0);
	snprintf(line, sizeof(line), "%d %lld\n",
		classify_reply(x->status, &f, p.info->error_rules).code,
		(long long)f.retry_after_ms);
	plug_add(&out, line, strlen(line));
	plug_add(&out, f.message.ptr, f.message.len);
	plug_add(&out, f.code.ptr, f.code.len);
	return out.ptr;
}

static char *print_models(exchange *x, const char *text)
{
	const llm_models_ext *e = p.v->get_extension(p.instance, LLM_EXT_MODELS);
	llm_reply_view reply = exchange_reply(x);
	plug_text out = {NULL, 0};
	plug_models m;
	char line[400];
	size_t i;

	reply.body = (llm_bytes){text, strlen(text)};
	plug_models_init(&m);
	plug_begin(&p);
	cr_expect_eq(e->parse(p.instance, &reply, &m.sink), 0);
	plug_add(&out, m.cursor.ptr, m.cursor.len);
	for (i = 0; i < m.n; i++) {
		snprintf(line, sizeof(line), "\n%s %s %lld %lld %u %u", m.rows[i].name.ptr,
			m.rows[i].detail.ptr ? m.rows[i].detail.ptr : "",
			(long long)m.rows[i].context_tokens,
			(long long)m.rows[i].caps.max_output_tokens, m.rows[i].caps.chat,
			m.rows[i].caps.reasoning);
		plug_add(&out, line, strlen(line));
	}
	plug_models_done(&m);
	return out.ptr;
}

static char *print(exchange *x, json_t *root)
{
	char *text = text_of(root);
	char *out;

	if (json_object_get(root, "models") || strcmp(x->name, "models_list") == 0)
		out = print_models(x, text);
	else
		out = x->status / 100 == 2 ? print_chat(x, text) : print_error(x, text);
	free(text);
	return out ? out : strdup("");
}

/* ---- taking away ---- */

typedef struct walk {
	exchange *x;
	json_t *root;
	char *whole; /* what comes out of all of it; null: only names are looked at */
} walk;

static void look_up_page(const char *path)
{
	const char *dot = strrchr(path, '.');
	char name[80];

	snprintf(name, sizeof(name), "`%s`", dot ? dot + 1 : path);
	cr_expect(strstr(page, name), "docs/providers/gemini.md does not list %s", name);
}

static void try_without(walk *w, json_t *object, const char *key, const char *path)
{
	size_t row = row_of(path);
	json_t *value = json_incref(json_object_get(object, key));
	char *out;

	cr_expect_lt(row, N_MEMBERS, "%s: %s is not accounted for", w->x->name, path);
	if (row == N_MEMBERS)
		goto out;
	seen[row] = 1;
	if (members[row].what == IGNORED && !strchr(members[row].path, '*'))
		look_up_page(path);
	if (!w->whole || members[row].what == READ)
		goto out;
	json_object_del(object, key);
	out = print(w->x, w->root);
	cr_expect_eq(strcmp(out, w->whole) != 0, members[row].what == CHANGES, "%s without %s: %s",
		w->x->name, path, out);
	free(out);
	json_object_set(object, key, value);
out:
	json_decref(value);
}

static void walk_value(walk *w, json_t *value, const char *path);

static void walk_object(walk *w, json_t *object, const char *path)
{
	json_t *copy = json_copy(object); /* the original changes under way */
	const char *key;
	json_t *value;
	char inner[300];

	json_object_foreach(copy, key, value)
	{
		snprintf(inner, sizeof(inner), "%s%s%s", path, path[0] ? "." : "", key);
		try_without(w, object, key, inner);
		walk_value(w, value, inner);
	}
	json_decref(copy);
}

static void walk_value(walk *w, json_t *value, const char *path)
{
	json_t *element;
	size_t i;

	if (json_is_object(value))
		walk_object(w, value, path);
	json_array_foreach(value, i, element) walk_value(w, element, path);
}

/* ---- each fixture ---- */

/* Of an event a member may say what the next one says again: only the names count. */
static void check_events(exchange *x)
{
	const char *line = x->body;

	while ((line = strstr(line, "data: "))) {
		size_t n = strcspn(line, "\r\n");
		json_t *event = json_loadb(line + 6, n - 6, 0, NULL);
		walk w = {x, event, NULL};

		cr_assert(event, "%s", x->name);
		walk_value(&w, event, "");
		json_decref(event);
		line += n;
	}
}

static void check_exchange(exchange *x)
{
	const char *operation = json_string_value(json_object_get(x->expectation, "operation"));
	json_t *root = json_loadb(x->body, x->body_len, 0, NULL);
	walk w = {x, root, NULL};

	if (x->is_stream)
		check_events(x);
	else if (root && strcmp(operation, "none") != 0) {
		w.whole = print(x, root);
		walk_value(&w, root, "");
		free(w.whole);
	}
	json_decref(root);
}

Test(gemini_members, every_member_is_accounted_for)
{
	size_t len;
	size_t i;

	page = plug_read_file(TEST_SOURCE_DIR "/docs/providers/gemini.md", &len);
	cr_assert(page);
	cr_expect_eq(exchange_all(&p, "gemini", check_exchange), 51);
	for (i = 0; i < N_MEMBERS; i++)
		cr_expect(seen[i], "no fixture has %s", members[i].path);
	free(page);
}
